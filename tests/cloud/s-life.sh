#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a server with a config drive, a port and a volume lives its whole life
# by Nova's commands alone, and leaves nothing: no row, file, domain or mount.
# This is the measure for servers that have been moved.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud

# so that the image and its rows are there before
server life-first compute-30 > "$work/first" || give_up "a first server boots"
server_delete life-first
world before
u=$(server life compute-30 --volume 1 --user-data 'a life') ||
	give_up "a server boots"
v=$(volumes_of "$u")
birth=$(birth_on compute-30 "$u")
is "its config drive has the user data" \
	"$(guest_says compute-30 "$u" '^\| a life$')" '| a life'
like "it has the volume" "$(guest_says compute-30 "$u" '^@guest disk ')" \
	'dev=vdb size=2097152 '
is "its port is bound and up" "$(port_says "$u")" "compute-30 ACTIVE"
is "its allocations are on its host" "$(allocated "$u")" "compute-30.$domain"
is "Cinder says where the volume is" "$(attached_host "$v")" compute-30
is "host and node have different names" \
	"$(db "SELECT host, node FROM instances WHERE uuid = '$u'")" \
	"compute-30	compute-30.$domain"
holds "it answers to a ping" until_true 30 answers "$u"
world alive
rows alive.rows
like "the comparison of worlds sees it" "$(leftovers alive.rows "$u")" \
	'^placement.consumers'

act "$u" '{"reboot": {"type": "HARD"}}'
holds "a hard reboot" server_wait "$u" ACTIVE
holds "... gives boot 2" wait_console compute-30 "$u" '^@guest up count=2' 60
is "... of the same disk" "$(birth_on compute-30 "$u")" "$birth"
wait_console compute-30 "$u" '^@guest ready' 60
act "$u" '{"os-stop": null}'
holds "it stops" server_wait "$u" SHUTOFF
act "$u" '{"os-start": null}'
holds "it starts" server_wait "$u" ACTIVE
wait_console compute-30 "$u" '^@guest ready' 60
is "... with boot 3" "$(count_on compute-30 "$u")" 3
like "... and finds what it wrote on the volume" \
	"$(guest_says compute-30 "$u" '^@guest disk ')" \
	"dev=vdb .*label='label life[.a-z]* count=2'"

server_delete life
world after
rows after.rows
for id in "$u" "$v"; do
	is "no row is left of it" "$(leftovers after.rows "$id")" ''
done
is "no file, domain or mount is left of it" \
	"$(grep -E '^(compute-[0-9]+|volumes): ' "$work/after" | grep -E "$u|$v")" ''
grep -E '^(compute-[0-9]+|volumes): ' "$work/before" > "$work/hosts.before"
grep -E '^(compute-[0-9]+|volumes): ' "$work/after" > "$work/hosts.after"
same "both hosts" hosts.before hosts.after
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
