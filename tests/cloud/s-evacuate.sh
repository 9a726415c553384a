#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: Nova's own evacuation of a server whose host is dead, and the return of
# that host: what each writes.  The rows are kept as the flows "evacuate" and
# "return".
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud

back() {
	service start compute-30 nova-compute
	until_true 60 compute_up compute-30
	api PUT compute "/os-services/$(compute_service compute-30 id)" \
		'{"forced_down": false}' > /dev/null
}

u=$(server evacuate compute-30 --volume 1) || give_up "a server boots"
v=$(volumes_of "$u")
birth=$(birth_on compute-30 "$u")
rows before
# as if the power had gone: no service, no guest
service stop compute-30 nova-compute
on compute-30 virsh -q destroy "$u" > /dev/null
api PUT compute "/os-services/$(compute_service compute-30 id)" \
	'{"forced_down": true}' > /dev/null || give_up "the host is forced down"
holds "Nova says that the host is down" until_true 60 compute_down compute-30
act "$u" '{"evacuate": {"host": "compute-34"}}'
holds "Nova evacuates the server" until_true 180 evacuated "$u"
server_wait "$u" ACTIVE 60
rows evacuated
flow evacuate "$u" before evacuated
is "it is on the target" \
	"$(db "SELECT host, node FROM instances WHERE uuid = '$u'")" \
	"compute-34	compute-34.$domain"
wait_console compute-34 "$u" '^@guest ready' 90
holds "... rebuilt: its root disk was lost" \
	test "$(birth_on compute-34 "$u")" != "$birth"
like "... but its volume is the same" \
	"$(guest_says compute-34 "$u" '^@guest disk ')" \
	"dev=vdb .*label='label evacuate[.a-z]* count=1'"
is "its allocations are on both hosts" "$(allocated "$u")" \
	"compute-30.$domain compute-34.$domain"
is "its volume is attached to the target" "$(attached_host "$v")" compute-34
is "the record is armed" "$(db "SELECT status, migration_type, source_compute
	FROM migrations WHERE instance_uuid = '$u'")" "done	evacuation	compute-30"

back
holds "the host returns and settles the record" until_true 90 settled "$u"
until_true 60 compute_up compute-30
rows returned
flow return "$u" evacuated returned
is "... its allocations are on the target alone" "$(allocated "$u")" \
	"compute-34.$domain"
is "... nothing of it is on the source" "$(state_on compute-30 "$u") $(
	on compute-30 ls /var/lib/nova/instances | grep -c "$u")" 'absent 0'
is "... and it runs" "$(runs_on "$u")" compute-34
is "the host is up again" "$(compute_service compute-30 forced_down)" false
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
