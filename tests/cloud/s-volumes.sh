#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a running server with two volumes is moved, and at no moment are they
# 'available' to anybody else; then they are attached to the target alone, with
# their data at the same places.  A move that is killed and rolled back leaves
# them as they were, or, once the source's attachments may be gone, with new ones
# that Nova's rows name.  Then a hard reboot, a detachment, a cold migration back
# and a deletion by Nova's own commands work and leave nothing.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

home=compute-30 away=compute-34
# shellcheck disable=SC2206 # words
steps=(${STEPS:-volumes rewrite volumes-in start})
[ -z "${SAMPLE:-}" ] || steps=("${steps[$((${SEED:-0} % 4))]}")

# nova-compute remembers who uses a mount, also what was moved away since: now it
# knows of what is there alone
for h in $home $away; do
	service restart "$h" nova-compute
	until_true 60 compute_up "$h"
done
mounted() { on "$1" findmnt -rn -o TARGET | grep -c '^/var/lib/nova/mnt/.'; }
declare -A before=()
for h in $home $away; do before[$h]=$(mounted "$h"); done

u=$(server volumes $home --volume 1 --volume 2) || give_up "a server boots"
birth=$(birth_on $home "$u")
mapfile -t vols < <(volumes_of "$u")
is "it has two volumes" "${#vols[@]}" 2
until_true 30 answers "$u"
# the first contact with a host leaves an agent there
nh check "$u" --to $away > /dev/null 2>&1

# attached: "STATUS DEVICE HOST STATE" of each attachment that Cinder has, as
# Nova's row names it
attached() {
	db "SELECT v.status, a.mountpoint, a.attached_host, a.attach_status
		FROM cinder.volumes v
		JOIN cinder.volume_attachment a ON a.volume_id = v.id AND a.deleted = 0
		LEFT JOIN block_device_mapping b ON b.attachment_id = a.id
			AND b.deleted = 0 AND b.instance_uuid = a.instance_uuid
		WHERE a.instance_uuid = '$u' ORDER BY b.id IS NULL, a.mountpoint" |
		tr '\t\n' ' ,'
}
both_on() { echo "in-use /dev/vdb $1 attached,in-use /dev/vdc $1 attached,"; }
# records: what Nova has of them
records() {
	db "SELECT id, attachment_id, connection_info FROM block_device_mapping
		WHERE instance_uuid = '$u' AND deleted = 0"
}
# disks HOST: "DEVICE SIZE COUNT-AT-WRITING" as the guest saw them last
disks() {
	console_on "$1" "$u" | grep -Ea '^@guest (up|disk) ' |
		awk '/^@guest up/ { d = "" } /^@guest disk/ { d = d $3 " " $4 " " $NF "," }
			END { print d }' | tr -d "'"
}
is "before, they are attached there" "$(attached)" "$(both_on $home)"

# --- killed at a step and rolled back

# what a rollback may leave (novahaul-rollback(1)), and what runs meanwhile
allowed=(
	'^[<>] nova_cell1\.(migrations|instance_actions(_events)?)\['
	'\]\.(updated_at|generation|revision_number|port_binding_updated_at)='
	'^[<>] neutron\.(provisioningblocks|ml2_port_binding_levels)\['
	"^[<>] $home: /var/lib/nova/instances/$u/(disk|console\.log) "
	'/var/lib/libvirt/qemu/((channel/target/)?domain-[0-9]+-|qmp-)'
	'^[<>] compute-[0-9]+: /var/lib/nova/instances/\.novahaul type=dir'
	# the target's attachments, which are deleted; what the guest writes
	'^[<>] cinder\.(volume_attachment|attachment_specs)\['
	'^[<>] volumes: '
)
plain() {
	sed -E -e 's/^(placement\.allocations\[)[0-9]+/\1/' \
		-e '/^placement\.allocations\[\]\.(id|created_at)=/d' "$work/$1" |
		LC_ALL=C sort > "$work/$1.plain"
}

count=1
for s in "${steps[@]}"; do
	until_true 60 port_is "$u" "$home ACTIVE"
	world before
	was=$(records)
	more=()
	# both of the source's are removed by then: new ones are made for it
	[ "$s" != start ] || more=('^[<>] nova_cell1\.block_device_mapping\[')
	on controller "$S/lib/kill-at" "$s" novahaul move "$u" --to $away --yes \
		> "$work/cut" 2>&1 < /dev/null
	is "$s: killed" $? 137
	expect "$s: rolled back" 0 nh rollback \
		"$(sed -n 's/^job \(j-[a-z0-9]*\):.*/\1/p' "$work/cut")" --yes
	count=$((count + 1))
	holds "$s: the guest boots where it was" \
		wait_console $home "$u" "^@guest up count=$count" 120
	wait_console $home "$u" '^@guest ready' 60
	is "$s: it is the same guest, once" "$(birth_on $home "$u") $(runs_on "$u")" \
		"$birth $home"
	is "$s: its volumes are attached there alone" "$(attached)" \
		"$(both_on $home)"
	[ "$s" = start ] ||
		is "$s: ... as Nova has them on record" "$(records)" "$was"
	is "$s: it finds on them what it wrote" "$(disks $home)" \
		"dev=vdb size=2097152 count=$((count - 1)),$(
		)dev=vdc size=4194304 count=$((count - 1)),"
	holds "$s: its port is up" until_true 60 port_is "$u" "$home ACTIVE"
	world after
	plain before
	plain after
	same "$s: the world" before.plain after.plain "${allowed[@]}" "${more[@]}"
done

# --- the move, watched

touch "$work/watching"
while [ -e "$work/watching" ]; do
	db "SELECT v.status, MIN(a.attach_status) FROM cinder.volumes v
		LEFT JOIN cinder.volume_attachment a ON a.volume_id = v.id
			AND a.deleted = 0 WHERE v.id IN ('${vols[0]}', '${vols[1]}')
		GROUP BY v.id"
	sleep 0.05
done > "$work/seen" 2>&1 &
watcher=$!
expect "it moves" 0 nh move "$u" --to $away --yes
rm -f "$work/watching"
wait $watcher
job=$(sed -n 's/^Job *//p' "$work/out")
count=$((count + 1))
holds "its guest boots on the target" \
	wait_console $away "$u" "^@guest up count=$count" 120
wait_console $away "$u" '^@guest ready' 60
is "... the same guest, once" "$(birth_on $away "$u") $(runs_on "$u")" \
	"$birth $away"
is "it finds its volumes at their places, with what it wrote" \
	"$(disks $away)" "dev=vdb size=2097152 count=$((count - 1)),$(
	)dev=vdc size=4194304 count=$((count - 1)),"
is "they are attached there alone, as Nova has it" "$(attached)" \
	"$(both_on $away)"
# 'attaching' from the making of an attachment until it is complete
is "... and were never anybody else's in $(wc -l < "$work/seen") looks" \
	"$(cut -f 1 "$work/seen" | sort -u | xargs)" 'attaching in-use'
holds "the source has let go of the share" \
	[ "$(mounted $home)" -le "${before[$home]}" ]

# --- the rest of its life, by Nova alone

act "$u" '{"reboot": {"type": "HARD"}}'
holds "Nova's hard reboot" server_wait "$u" ACTIVE
count=$((count + 1))
holds "... which its guest survives" \
	wait_console $away "$u" "^@guest up count=$count" 60
wait_console $away "$u" '^@guest ready' 60

api DELETE compute "/servers/$u/os-volume_attachments/${vols[1]}" > /dev/null
holds "Nova detaches a volume" until_true 60 volume_is "${vols[1]}" available
holds "... and attaches it again" volume_attach "$u" "${vols[1]}"
is "... both are attached there" "$(attached)" "$(both_on $away)"

act "$u" "{\"migrate\": {\"host\": \"$home\"}}"
holds "Nova's cold migration back" server_wait "$u" VERIFY_RESIZE 180
act "$u" '{"confirmResize": null}'
holds "... and its confirmation" server_wait "$u" ACTIVE
is "... its volumes are there" "$(attached)" "$(both_on $home)"
count=$((count + 1))
holds "... and its guest" wait_console $home "$u" "^@guest up count=$count" 120

expect "what the move kept is purged" 0 nh purge "$job" --yes
server_delete volumes
rows gone
is "deleted, no row is left of it" "$(leftovers gone "$u")" ''
for v in "${vols[@]}"; do
	is "... nor of its volume" "$(leftovers gone "$v" | grep -v '^cinder\.volumes\[')" ''
done
for h in $home $away; do
	is "... no file or domain on $h" "$(state_on "$h" "$u")$(
		on "$h" find /var/lib/nova /etc/libvirt /var/lib/libvirt \
			-name "*$u*" -o -path "*$job*")" absent
	holds "... and no share is mounted there for it" \
		[ "$(mounted "$h")" -le "${before[$h]}" ]
done
placement_audit > "$work/audit" 2>&1
is "... and nova-manage placement audit finds nothing" $? 0
finish
