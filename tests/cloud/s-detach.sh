#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: with --detach-volumes Nova takes a running server's volumes off for the
# move and puts them on again: they have their places, tags and data, nobody
# else could have them in between, and a way back in the middle puts them back.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

# volumes_say: of each, by Cinder's rows, whose it is and where
volumes_say() {
	local v
	for v in $vols; do
		db "SELECT v.status, COUNT(*), MIN(a.instance_uuid),
			MIN(a.attached_host), MIN(a.attach_status)
			FROM cinder.volumes v JOIN cinder.volume_attachment a
			ON a.volume_id = v.id AND a.deleted = 0 WHERE v.id = '$v'"
	done
}
in_use_at() {
	local v
	for v in $vols; do printf 'in-use\t1\t%s\t%s\tattached\n' "$u" "$1"; done
}
# rows_say: what Nova has of them, without what is new at each attachment
rows_say() {
	db "SELECT volume_id, device_name, tag, delete_on_termination, boot_index
		FROM block_device_mapping WHERE instance_uuid = '$u'
		AND deleted = 0 AND volume_id IS NOT NULL ORDER BY volume_id"
}
labels_on() { # of the last boot, in the order of their names
	console_on "$1" "$u" | tac | sed '/@guest up/q' | tac |
		sed -n 's/^@guest disk dev=\(vd[b-z]\) .*label=.\(.*\).$/\1 \2/p' |
		sort -u | cut -d' ' -f1,2,3
}
# a_tenant_tries: another server's and a deletion, while it is held
cannot_take() {
	local v=${vols%% *}
	api POST compute "/servers/$other/os-volume_attachments" \
		"{\"volumeAttachment\": {\"volumeId\": \"$v\"}}" 2>&1 | grep -o 'error: 4..'
	api DELETE volume "/volumes/$v" 2>&1 | grep -o 'error: 4..'
}

u=$(server off compute-30 --volume 1) || give_up "a server boots"
vols=$(volumes_of "$u" | xargs)
v=$(volume off 1)
api POST compute "/servers/$u/os-volume_attachments" "{\"volumeAttachment\":
	{\"volumeId\": \"$v\", \"tag\": \"data\",
	\"delete_on_termination\": true}}" > /dev/null
until_true 60 volume_is "$v" in-use
vols+=" $v"
birth=$(birth_on compute-30 "$u")
rows_say > "$work/rows.before"
other=$(server bystander compute-34) || give_up "another boots"

# --- cut when they are off, and back

on controller "$S/lib/kill-at" prove-stopped novahaul move "$u" --to compute-34 \
	--detach-volumes --yes > "$work/cut" 2>&1 < /dev/null
is "killed when they are off" $? 137
is "... Nova has none of them" "$(rows_say)" ''
is "... each is reserved for it" "$(volumes_say)" "$(for v in $vols; do
	printf 'reserved\t1\t%s\tNULL\treserved\n' "$u"; done)"
is "... and for nobody else" "$(cannot_take)" $'error: 400\nerror: 400'
expect "it is rolled back" 0 nh rollback last --yes
is "... and they are as they were" "$(volumes_say)" "$(in_use_at compute-30)"
rows_say > "$work/rows.back"
same "... with their places and tags" rows.before rows.back
wait_console compute-30 "$u" '^@guest up count=2' 60
wait_console compute-30 "$u" '^@guest ready' 60
is "... and the guest runs where it was" \
	"$(birth_on compute-30 "$u") $(runs_on "$u")" "$birth compute-30"

# --- the whole way

expect "it moves" 0 nh move "$u" --to compute-34 --detach-volumes --yes
job=$(sed -n 's/^Job *//p' "$work/out")
is "... its volumes are in use there" "$(volumes_say)" "$(in_use_at compute-34)"
rows_say > "$work/rows.after"
same "... with their places and tags" rows.before rows.after
is "... it runs there alone" "$(runs_on "$u")" compute-34
wait_console compute-34 "$u" '^@guest up count=3' 60
wait_console compute-34 "$u" '^@guest ready' 60
for d in b c; do
	holds "... it sees vd$d" wait_console compute-34 "$u" \
		"^@guest disk dev=vd$d" 30
done
act "$u" '{"reboot": {"type": "HARD"}}'
holds "Nova's hard reboot" server_wait "$u" ACTIVE
wait_console compute-34 "$u" '^@guest up count=4' 60
wait_console compute-34 "$u" '^@guest ready' 60
is "... its data is on each" "$(labels_on compute-34 | grep -c "label off")" 2
expect "what the move kept is purged" 0 nh purge "$job" --yes
server_delete off
server_delete bystander
rows gone
is "deleted, no row is left of it" "$(leftovers gone "$u")" ''
finish
