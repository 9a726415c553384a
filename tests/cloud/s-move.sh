#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a running server with a config drive and a port is moved, and afterwards
# is to Nova as if Nova had done it: state, port, allocations, records and both
# hosts are right, also after a restart of both nova-compute; then a hard reboot,
# a cold migration back, a resize and a deletion by Nova's own commands work and
# leave nothing.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

nova=/var/lib/nova/instances
now() { date +%s%3N; }

# is_at HOST OTHER COUNT: all that makes a server a sound one of that host
is_at() {
	local h=$1 other=$2 count=$3
	wait_console "$h" "$u" "^@guest ready" 90 ||
		not_ok "its guest is ready" "$(console_on "$h" "$u" | tail -n 5)"
	is "... boot $count of the same disk" \
		"$(count_on "$h" "$u") $(birth_on "$h" "$u")" "$count $birth"
	is "... with the same config drive" \
		"$(sum_on "$h" "$nova/$u/disk.config")" "$drive"
	like "... of which it reads the user data" "$(console_on "$h" "$u")" \
		'^\| moved in a cloud$'
	is "... ACTIVE there, by Nova" "$(api GET compute "/servers/$u" | jq -r '.server |
		"\(.status) \(.["OS-EXT-SRV-ATTR:host"])"')" "ACTIVE $h"
	is "... by its database" "$(db "SELECT host, node, vm_state, task_state,
		power_state, locked FROM instances WHERE uuid = '$u'")" \
		"$h	$h.$domain	active	NULL	1	0"
	holds "... its port is bound there and up" until_true 30 port_is "$u" \
		"$h ACTIVE"
	holds "... it answers to a ping" until_true 30 answers "$u"
	is "... its allocations are there alone" "$(allocated "$u")" "$h.$domain"
	placement_audit > "$work/audit" 2>&1
	is "... nova-manage placement audit finds nothing" $? 0
	is "... it runs there alone" "$(runs_on "$u")" "$h"
	is "... and nothing of it is on $other" "$(state_on "$other" "$u") $(
		on "$other" ls "$nova" | grep -c "$u")" 'absent 0'
}

u=$(server move compute-30 --user-data 'moved in a cloud') ||
	give_up "a server boots"
holds "before, its port is up" until_true 30 port_is "$u" "compute-30 ACTIVE"
birth=$(birth_on compute-30 "$u")
drive=$(sum_on compute-30 "$nova/$u/disk.config")
address=$(api GET network "/ports?device_id=$u" |
	jq -c '.ports[0] | [.id, .mac_address, .fixed_ips]')

# --- the move

rows before
begun=$(now)
expect "it moves" 0 nh move "$u" --to compute-34 --yes
[ "$(db "SELECT host FROM instances WHERE uuid = '$u'")" = compute-34 ] ||
	give_up "the database says compute-34" "$(cat "$work/out" "$work/err")"
took=$(($(now) - begun))
job=$(sed -n 's/^Job *//p' "$work/out")
is_at compute-34 compute-30 2
rows after
flow move "$u" before after
is "it has the same port" "$(api GET network "/ports?device_id=$u" |
	jq -c '.ports[0] | [.id, .mac_address, .fixed_ips]')" "$address"
is "its migration is recorded" "$(db "SELECT source_compute, source_node,
	dest_compute, dest_node, status, migration_type FROM migrations
	WHERE instance_uuid = '$u'")" "compute-30	compute-30.$domain	compute-34	$(
	)compute-34.$domain	confirmed	migration"
is "the source keeps one copy" \
	"$(on compute-30 ls -A "$nova/.novahaul" | grep -vx leases)" "$job"
is "the target keeps nothing" \
	"$(on compute-34 find "$nova/.novahaul" -type f 2> /dev/null)" ''

# --- both nova-compute look at what they have

for h in compute-30 compute-34; do
	log_mark "$h" nova-compute
	service restart "$h" nova-compute
done
for h in compute-30 compute-34; do
	holds "nova-compute of $h comes back" until_true 60 compute_up "$h"
	# its first look at its instances and resources is behind it
	until_true 60 grep -q "Final resource view" <(log_of "$h" nova-compute)
	is "... and warns of nothing" "$(log_of "$h" nova-compute |
		grep -E '(WARNING|ERROR) nova' | grep -F "$u" | tail -n 3)" ''
done
is "the server runs on" "$(runs_on "$u") $(count_on compute-34 "$u")" \
	'compute-34 2'
is "... with its allocations" "$(allocated "$u")" "compute-34.$domain"

# --- the rest of its life, by Nova alone

act "$u" '{"reboot": {"type": "HARD"}}'
holds "Nova's hard reboot" server_wait "$u" ACTIVE
wait_console compute-34 "$u" '^@guest up count=3' 60
is_at compute-34 compute-30 3

begun=$(now)
act "$u" '{"migrate": {"host": "compute-30"}}'
holds "Nova's cold migration back" server_wait "$u" VERIFY_RESIZE 180
act "$u" '{"confirmResize": null}'
holds "... and its confirmation" server_wait "$u" ACTIVE
novas=$(($(now) - begun))
is_at compute-30 compute-34 4
figure "a small running server's move in a cloud" "$took" ms
figure "... Nova's own migration and confirmation of it" "$novas" ms
echo "# the move took $took ms, Nova's own migration $novas ms"

act "$u" '{"resize": {"flavorRef": "small"}}'
holds "Nova's resize" server_wait "$u" VERIFY_RESIZE 180
act "$u" '{"confirmResize": null}'
holds "... and its confirmation" server_wait "$u" ACTIVE
# a new flavor's config drive is made anew
drive=$(sum_on compute-34 "$nova/$u/disk.config")
is_at compute-34 compute-30 5

expect "what the move kept is purged" 0 nh purge "$job" --yes
server_delete move
rows gone
is "deleted, no row is left of it" "$(leftovers gone "$u")" ''
for h in compute-30 compute-34; do
	is "... and no file or domain on $h" "$(state_on "$h" "$u")$(
		on "$h" find /var/lib/nova /etc/libvirt /var/lib/libvirt \
			-name "*$u*" -o -path "*$job*")" absent
done
is "... and no port" "$(api GET network "/ports?device_id=$u" |
	jq '.ports | length')" 0
placement_audit > "$work/audit" 2>&1
is "... and nova-manage placement audit finds nothing" $? 0
finish
