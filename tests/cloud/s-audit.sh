#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: audit says nothing of a cloud that is well; it tells exactly what a move by
# hand (copy the files, UPDATE instances) leaves wrong; --fix settles it, and
# rollback puts every bit of that back.  A stale record of an evacuation that
# names the target: move refuses, audit --fix settles it, the move works, and a
# start of nova-compute there destroys nothing.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul
I=/var/lib/nova/instances

# audited WHAT EXIT FINDINGS [OPTION...]: audit finds so about the server:
# "KIND HOST FIXED" a line, sorted
audited() {
	expect "$1" "$2" nh audit --server "$u" -f json "${@:4}"
	is "... and what" "$(jq -r --arg u "$u" '.findings[] |
		select(.server == $u) | "\(.kind) \(.host) \(.fixed)"' \
		"$work/out" | sort)" "$3"
}
fixed_by() {
	jq -r --arg u "$u" '[.findings[] | select(.server == $u)][0].job' \
		"$work/out"
}

u=$(server audit compute-30) || give_up "a server boots"
nh audit -f json > "$work/out" 2> "$work/err"
is "audit finds nothing in a cloud that is well, but for jobs" "$(jq -c \
	'.findings[] | select(.severity != "info" and .job == null)' \
	"$work/out")" ''

# --- a move by hand
act "$u" '{"os-stop": null}'
server_wait "$u" SHUTOFF 60 || give_up "the server stops"
# with its base, which a target that has run nothing yet lacks
on compute-30 tar -C "$I" -cf - "$u" _base |
	on compute-34 tar -C "$I" --skip-old-files -xf -
db "UPDATE instances SET host = 'compute-34', node = 'compute-34.$domain'
	WHERE uuid = '$u'"
wrong='allocation-wrong-host compute-30 X
directory-left compute-30 X
domain-wrong-host compute-30 X
port-wrong-host compute-30 X'
audited "audit finds a move by hand" 5 "${wrong//X/false}"
world wrong
expect "without a yes nothing is fixed" 2 nh audit --fix
audited "audit --fix settles it" 0 "${wrong//X/true}" --fix --yes
job=$(fixed_by)
audited "... and finds nothing then" 0 ''
is "its allocations are on the target" "$(allocated "$u")" "compute-34.$domain"
like "its port is bound to the target" "$(port_says "$u")" '^compute-34 '
is "the source has no domain and no directory of it" \
	"$(state_on compute-30 "$u") $(on compute-30 ls "$I" | grep -c "$u")" \
	'absent 0'
holds "... which was put away" on compute-30 test -e \
	"$I/.novahaul/$job/left/disk"
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0

expect "rollback of the fix" 0 nh rollback "$job" --yes
like "... has the port as it was" "$(port_says "$u")" '^compute-30 '
world again
# what Placement, Neutron and the trackers number and reckon, times, and what
# a power sync writes of a stopped server
same "... to the last row and file" wrong again \
	'\.(updated_at|generation|revision_number|id|power_state)=' \
	'^[<>] placement\.(allocations|consumers)\[' \
	'^[<>] neutron\.(ml2_port_binding|provisioningblocks|standardattributes|ports\[[^]]*\]\.status=)' \
	'^[<>] compute-..: .*/\.novahaul( |/leases( |$))' \
	"^[<>] compute-30: $I "
audited "audit --fix finds and settles it again" 0 "${wrong//X/true}" \
	--fix --yes
job=$(fixed_by)

act "$u" '{"os-start": null}'
server_wait "$u" ACTIVE 90
wait_console compute-34 "$u" '^@guest ready' 90
holds "the server runs on the target" until_true 30 answers "$u"

# --- a stale record, which names the host that it is to go to
db "INSERT INTO migrations (created_at, deleted, source_compute, source_node,
	dest_compute, dest_node, status, instance_uuid, old_instance_type_id,
	new_instance_type_id, migration_type, uuid, hidden, cross_cell_move)
	SELECT '2026-01-01', 0, 'compute-30', 'compute-30.$domain', 'compute-34',
	'compute-34.$domain', 'done', uuid, instance_type_id, instance_type_id,
	'evacuation', UUID(), 0, 0 FROM instances WHERE uuid = '$u'"
expect "the move is refused" 5 nh move "$u" --to compute-30 --yes
like "... because of the record" "$(cat "$work/out" "$work/err")" evacuat
audited "audit --fix settles it" 0 'evacuation-armed compute-30 true' \
	--fix --yes
holds "... as Nova does" migration_is "$u" evacuation completed
expect "the move works" 0 nh move "$u" --to compute-30 --yes
holds "the server runs" until_true 60 answers "$u"
boots=$(count_on compute-30 "$u")
service restart compute-30 nova-compute
until_true 60 compute_up compute-30
holds "nova-compute has started, and left the guest alone" answers "$u"
is "... it is the same one" "$(runs_on "$u") $(count_on compute-30 "$u")" \
	"compute-30 $boots"
audited "audit has nothing to say of it" 0 ''

# --- the same, when it is back already: only audit stands between
db "UPDATE migrations SET status = 'done' WHERE instance_uuid = '$u'
	AND migration_type = 'evacuation'"
audited "a guest in danger is found" 5 'evacuation-armed compute-30 false'
is "... and called so" "$(jq -r '.findings[].severity' "$work/out" |
	grep -c critical)" 1
audited "audit --fix settles it" 0 'evacuation-armed compute-30 true' \
	--fix --yes
service restart compute-30 nova-compute
until_true 60 compute_up compute-30
is "the guest outlives another start" \
	"$(runs_on "$u") $(count_on compute-30 "$u")" "compute-30 $boots"
# what a fix has put away is for a person to remove
on compute-30 rm -r "$I/.novahaul/$job"
finish
