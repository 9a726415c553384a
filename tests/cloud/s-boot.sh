#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a server that boots from a volume is moved while it runs, and back while
# it is stopped: there is no disk to copy, and the volume is its own at every
# moment; then Nova's hard reboot and deletion work and leave nothing.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

nova=/var/lib/nova/instances
# users VOLUME: whose it is, and where, by Cinder's own rows
users() {
	db "SELECT v.status, COUNT(*), MIN(a.instance_uuid), MIN(a.attached_host),
		MIN(a.attach_status) FROM cinder.volumes v JOIN
		cinder.volume_attachment a ON a.volume_id = v.id AND a.deleted = 0
		WHERE v.id = '$1'"
}
# is_at HOST OTHER COUNT
is_at() {
	wait_console "$1" "$u" "^@guest up count=$3" 90 ||
		not_ok "its guest is up" "$(console_on "$1" "$u" | tail -n 5)"
	wait_console "$1" "$u" '^@guest ready' 60
	is "... boot $3 of the same disk, there alone" \
		"$(count_on "$1" "$u") $(birth_on "$1" "$u") $(runs_on "$u")" \
		"$3 $birth $1"
	is "... ACTIVE there" "$(api GET compute "/servers/$u" | jq -r '.server |
		"\(.status) \(.["OS-EXT-SRV-ATTR:host"])"')" "ACTIVE $1"
	is "... its volume is in use there alone" "$(users "$v")" \
		"in-use	1	$u	$1	attached"
	is "... by the attachment that Nova names" "$(db "SELECT COUNT(*) FROM
		block_device_mapping b JOIN cinder.volume_attachment a
		ON a.id = b.attachment_id AND a.deleted = 0
		WHERE b.instance_uuid = '$u' AND b.deleted = 0")" 1
	holds "... its port is bound there and up" until_true 30 port_is "$u" \
		"$1 ACTIVE"
	is "... its allocations are there alone" "$(allocated "$u")" "$1.$domain"
	is "... nothing of it is on $2" "$(state_on "$2" "$u") $(
		on "$2" ls "$nova" | grep -c "$u")" 'absent 0'
}

u=$(server boot compute-30 --from-volume 1 --user-data 'from a volume') ||
	give_up "a server boots from a volume"
v=$(volumes_of "$u")
birth=$(birth_on compute-30 "$u")
until_true 30 port_is "$u" "compute-30 ACTIVE"

expect "it moves while it runs" 0 nh move "$u" --to compute-34 --yes
jobs=$(sed -n 's/^Job *//p' "$work/out")
is_at compute-34 compute-30 2
like "... its config drive came along" "$(console_on compute-34 "$u")" \
	'^\| from a volume$'

act "$u" '{"os-stop": null}'
holds "it is stopped" server_wait "$u" SHUTOFF
expect "it moves back, stopped" 0 nh move "$u" --to compute-30 --yes
jobs+=" $(sed -n 's/^Job *//p' "$work/out")"
is "... and stays so" "$(server_field "$u" status) $(runs_on "$u")" 'SHUTOFF '
is "... its volume is in use there alone" "$(users "$v")" \
	"in-use	1	$u	compute-30	attached"
act "$u" '{"os-start": null}'
holds "Nova starts it" server_wait "$u" ACTIVE
is_at compute-30 compute-34 3
act "$u" '{"reboot": {"type": "HARD"}}'
holds "Nova's hard reboot" server_wait "$u" ACTIVE
is_at compute-30 compute-34 4

for j in $jobs; do
	expect "what the move kept is purged" 0 nh purge "$j" --yes
done
server_delete boot
rows gone
is "deleted, no row is left of it" "$(leftovers gone "$u")" ''
is "... nor of its volume's attachments" "$(db "SELECT COUNT(*) FROM
	cinder.volume_attachment WHERE instance_uuid = '$u' AND deleted = 0")" 0
for h in compute-30 compute-34; do
	is "... and no file or domain on $h" "$(state_on "$h" "$u")$(
		on "$h" find /var/lib/nova/instances /etc/libvirt \
			-name "*$u*")" absent
done
finish
