#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: Nova's own cold migration of a stopped server with a volume, confirmed:
# what it leaves, and which rows it writes.  The rows are kept as the flow
# "migrate": what a move has to look like in the databases.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud

u=$(server migrate compute-30 --volume 1) || give_up "a server boots"
v=$(volumes_of "$u")
birth=$(birth_on compute-30 "$u")
drive=$(sum_on compute-30 "/var/lib/nova/instances/$u/disk.config")
act "$u" '{"os-stop": null}'
server_wait "$u" SHUTOFF || give_up "it stops"
rows before
begun=$SECONDS
act "$u" '{"migrate": {"host": "compute-34"}}'
holds "Nova migrates it" server_wait "$u" VERIFY_RESIZE 180
act "$u" '{"confirmResize": null}'
holds "... and confirms" server_wait "$u" SHUTOFF 120
figure "Nova's migration and confirm of a stopped guest" $((SECONDS - begun)) s
rows after
flow migrate "$u" before after

is "it is on the target" \
	"$(db "SELECT host, node FROM instances WHERE uuid = '$u'")" \
	"compute-34	compute-34.$domain"
is "its allocations are there alone" "$(allocated "$u")" "compute-34.$domain"
like "its port is bound there" "$(port_says "$u")" '^compute-34 '
is "its volume is attached there" "$(attached_host "$v")" compute-34
is "its migration is recorded" "$(db "SELECT source_compute, source_node,
	dest_compute, dest_node, dest_host, status, migration_type FROM migrations
	WHERE instance_uuid = '$u'")" "compute-30	compute-30.$domain	compute-34	$(
	)compute-34.$domain	$(address compute-34)	confirmed	migration"
like "its rows were kept" "$(< "$S/flows/migrate")" \
	'^> nova_cell1.instances\[\].host=compute-34$'
is "nothing of it is on the source" "$(state_on compute-30 "$u") $(
	on compute-30 ls /var/lib/nova/instances | grep -c "$u")" 'absent 0'

act "$u" '{"os-start": null}'
holds "it starts" server_wait "$u" ACTIVE
holds "... with boot 2" wait_console compute-34 "$u" '^@guest up count=2' 60
wait_console compute-34 "$u" '^@guest ready' 60
is "... of the same disk" "$(birth_on compute-34 "$u")" "$birth"
is "... with the same config drive" \
	"$(sum_on compute-34 "/var/lib/nova/instances/$u/disk.config")" "$drive"
like "... and its volume" "$(guest_says compute-34 "$u" '^@guest disk ')" \
	"dev=vdb .*label='label migrate[.a-z]* count=1'"
holds "its port is up" until_true 30 port_is "$u" "compute-34 ACTIVE"
holds "it answers to a ping" until_true 30 answers "$u"
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
