#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: what cannot be moved safely is refused with exit 5 and a reason, and
# nothing is changed.  Each case makes the world unfit in one way, is refused,
# and is taken back; at the end every row, file, domain and process of both
# hosts is as it was.  Half of the cases ask `check`, half `move --yes`; SAMPLE
# takes some of the many.
# shellcheck disable=SC2016,SC2317 # sed's $, and functions called by name
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

u=$(guest refuse-a compute-30 --no-start --eph 1) || give_up "a guest is made"
v=$(guest refuse-b compute-34 --no-start) || give_up "a neighbour is made"
d=$(domain_of "$u")
nova=/var/lib/nova/instances
spare=/var/lib/nova/spare
on compute-30 mkdir -p $spare
on compute-34 mkdir -p $spare
nh check "$u" --to compute-34 > "$work/fit" 2>&1 ||
	give_up "the guest can be moved before it is made unfit" "$(cat "$work/fit")"
nh jobs -f value > "$work/jobs.before"
world before

# --- one case

n_cases=0
n_left=0
# ask WHAT EXIT REGEX SERVER TARGET: the next of `check` and `move --yes`; fails
# without asking where this is not in the sample, which takes every other case
ask() {
	local what=$1 want=$2 re=$3 got=0 cmd
	shift 3
	if [ -n "$SAMPLE" ] && [ $((RANDOM % 2)) = 0 ]; then
		n_left=$((n_left + 1))
		return 1
	fi
	n_cases=$((n_cases + 1))
	if [ $((n_cases % 2)) = 0 ]; then
		cmd=(check "$1" --to "$2")
	else
		cmd=(move "$1" --to "$2" --yes)
	fi
	nh "${config[@]}" "${cmd[@]}" > "$work/out" 2>&1 < /dev/null || got=$?
	if [ "$got" != "$want" ]; then
		not_ok "$what" "exit $got, expected $want: ${cmd[*]}
$(cat "$work/out")"
	elif ! grep -Eiq -- "$re" "$work/out"; then
		not_ok "$what" "does not say /$re/: ${cmd[*]}
$(grep -Ev '^pass ' "$work/out")"
	else
		ok "$what ($want by ${cmd[0]})"
	fi
	return 0
}
config=()
refused() { ask "$1" 5 "$2" "${3:-$u}" "${4:-compute-34}"; }

# pick N: of the arguments on stdin, one a line, as many as the sample asks
pick() {
	if [ -z "$SAMPLE" ]; then
		cat
	else
		LC_ALL=C sort -R --random-source=<(yes "$SEED $1") | head -n "$SAMPLE"
	fi
}

# with_row WHAT REGEX TABLE COLUMN VALUE WHERE: while the cell has this value
with_row() {
	local old
	old=$(db "SELECT QUOTE($4) FROM $3 WHERE $6")
	db "UPDATE $3 SET $4 = $5 WHERE $6" || give_up "$1: the row is changed"
	refused "$1" "$2"
	db "UPDATE $3 SET $4 = $old WHERE $6"
}
# with_instance WHAT REGEX COLUMN VALUE
with_instance() { with_row "$1" "$2" instances "$3" "$4" "uuid = '$u'"; }
with_extra() {
	with_row "$1" "$2" instance_extra "$3" "$4" "instance_uuid = '$u'"
}
mine="instance_uuid = '$u'"
# with_new WHAT REGEX TABLE COLUMNS VALUES [WHERE]: while there is a row more
with_new() {
	db "INSERT INTO $3 ($4) VALUES ($5)" || give_up "$1: a row is added"
	refused "$1" "$2"
	db "DELETE FROM $3 WHERE ${6:-$mine}"
}

# --- who and where

refused "an unknown name" 'no server is named nobody' nobody
refused "an unknown uuid" 'no server with uuid' \
	12345678-1234-4234-8234-123456789abc
refused "an unknown target" "compute-99" "$u" compute-99
ask "the source as target" 4 'already' "$u" compute-30
db "UPDATE instances SET display_name = 'refuse-a' WHERE uuid = '$v'"
refused "an ambiguous name" "2 servers are named refuse-a" refuse-a &&
	like "it names both uuids" "$(cat "$work/out")" "$u.*$v|$v.*$u"
db "UPDATE instances SET display_name = 'refuse-b' WHERE uuid = '$v'"

svc="host = 'compute-34' AND \`binary\` = 'nova-compute'"
with_row "a disabled target" 'disabled' services disabled 1 "$svc"
with_row "a target forced down" 'forced down' services forced_down 1 "$svc"

# --- the row, ledger-db 5.4

for s in building paused suspended rescued resized soft-delete deleted error \
	shelved shelved_offloaded; do
	echo $s
done | pick 1 > "$work/states"
while read -r s; do
	with_instance "vm_state $s" "vm_state is '$s'" vm_state "'$s'"
done < "$work/states"
for s in scheduling networking spawning image_snapshot image_pending_upload \
	resize_prep resize_migrating resize_finish rebooting reboot_started_hard \
	pausing suspending resuming powering-off powering-on rescuing unrescuing \
	rebuilding migrating deleting soft-deleting restoring shelving \
	unshelving; do
	echo $s
done | pick 2 > "$work/tasks"
while read -r s; do
	with_instance "task_state $s" "task_state is '$s'" task_state "'$s'"
done < "$work/tasks"
with_instance "a deleted row" 'deleted' deleted id
with_instance "half of a cross-cell resize" 'cross-cell' hidden 1
with_instance "cells v1" 'cells v1' cell_name "'api!child'"
with_instance "no host" 'no host|not mapped' host NULL
for s in owner admin; do
	db "UPDATE instances SET locked_by = '$s' WHERE uuid = '$u'"
	with_instance "locked by its $s" "locked by $s" locked 1
	db "UPDATE instances SET locked_by = NULL WHERE uuid = '$u'"
done
with_instance "an ephemeral key" 'encrypted' ephemeral_key_uuid "'$v'"

# --- migrations

for s in accepted pre-migrating migrating post-migrating finished reverting \
	confirming queued preparing running 'running (post-copy)'; do
	echo "$s"
done | pick 3 > "$work/statuses"
while read -r s; do
	with_new "a migration that is $s" 'under way' migrations \
		'instance_uuid, status, migration_type, source_compute, dest_compute, deleted' \
		"'$u', '$s', 'migration', 'compute-30', 'compute-34', 0"
done < "$work/statuses"
for s in 'done' accepted pre-migrating; do
	with_new "an evacuation from the target, $s" \
		'old evacuation from compute-34|under way' migrations \
		'instance_uuid, status, migration_type, source_compute, dest_compute, deleted' \
		"'$u', '$s', 'evacuation', 'compute-34', 'compute-30', 0"
done
with_extra "a migration context" 'migration context' migration_context \
	"'{\"nova_object.name\": \"MigrationContext\", \"nova_object.data\": {}}'"

# --- what is bound to the host

with_new "a PCI device" 'PCI' pci_devices \
	"compute_node_id, address, product_id, vendor_id, dev_type, dev_id, label, status, instance_uuid, deleted" \
	"1, '0000:81:00.1', '1520', '8086', 'type-VF', 'x', 'x', 'allocated', '$u', 0"
with_extra "a PCI request" 'PCI' pci_requests \
	"'[{\"count\": 1, \"spec\": [{\"vendor_id\": \"8086\"}]}]'"
with_extra "pinned CPUs" 'pinned' numa_topology \
	"'{\"nova_object.data\": {\"cells\": [{\"nova_object.data\": {\"cpu_pinning_raw\": {\"0\": 3}}}]}}'"
with_extra "huge pages" 'huge pages' numa_topology \
	"'{\"nova_object.data\": {\"cells\": [{\"nova_object.data\": {\"pagesize\": 2048}}]}}'"
with_extra "persistent memory" 'persistent memory' resources \
	"'{\"nova_object.data\": {\"resources\": [{\"nova_object.data\": {}}]}}'"
with_extra "an unreadable column" 'not JSON' numa_topology "'{]'"
while read -r s; do
	with_extra "a flavor that asks for $s" "$s" flavor \
		"REPLACE(flavor, '\"extra_specs\": {}', '\"extra_specs\": {\"$s\": \"1\"}')"
done < <(printf '%s\n' resources:VGPU accel:device_profile hw:pmem \
	hw:mem_encryption | pick 4)
nic() {
	with_row "$1" "$2" instance_info_caches network_info \
		"REPLACE(network_info, '$3', '$4')" "instance_uuid = '$u'"
}
nic "an SR-IOV port" "vnic_type 'direct'" \
	'"vnic_type": "normal"' '"vnic_type": "direct"'
nic "a port of an unknown kind" "type 'vhostuser'" \
	'"type": "bridge"' '"type": "vhostuser"'
nic "a port with a PCI slot" 'pci_slot' \
	'"profile": {}' '"profile": {"pci_slot": "0000:81:00.1"}'
nic "a port with an allocation" 'allocation' \
	'"profile": {}' "\"profile\": {\"allocation\": \"$v\"}"
# volume WHAT REGEX INFO [BOOT_INDEX]
volume() {
	with_new "$1" "$2" block_device_mapping \
		'instance_uuid, volume_id, source_type, destination_type, device_name, boot_index, connection_info, deleted, uuid' \
		"'$u', '$v', 'volume', 'volume', '/dev/vdx', ${4:-NULL}, '$3', 0, UUID()" \
		"volume_id = '$v'"
}
volume "an iSCSI volume" 'iscsi' \
	'{"driver_volume_type": "iscsi", "data": {"target_lun": 1}}'
volume "a volume with other writers" 'other writers' \
	'{"driver_volume_type": "rbd", "multiattach": true, "data": {}}'
volume "a boot volume beside a root disk" 'boots from volume' \
	'{"driver_volume_type": "nfs", "data": {}}' 0
with_row "an encrypted disk" 'encrypted' block_device_mapping encrypted 1 \
	"instance_uuid = '$u' AND boot_index = 0"

# group POLICY [RULES]: with the neighbour, which is on the target
group() {
	db "INSERT INTO nova_api.instance_groups (created_at, user_id, project_id,
			uuid, name) VALUES (UTC_TIMESTAMP(), 'u', 'p', UUID(), 'the-group');
		SET @g = LAST_INSERT_ID();
		INSERT INTO nova_api.instance_group_member (created_at, instance_uuid,
			group_id) VALUES (UTC_TIMESTAMP(), '$u', @g),
			(UTC_TIMESTAMP(), '$v', @g);
		INSERT INTO nova_api.instance_group_policy (created_at, policy,
			group_id, rules) VALUES (UTC_TIMESTAMP(), '$1', @g, '${2:-}')" ||
		give_up "a server group is made"
}
no_group() {
	db "DELETE FROM nova_api.instance_group_member;
		DELETE FROM nova_api.instance_group_policy;
		DELETE FROM nova_api.instance_groups"
}
group anti-affinity
refused "a group that forbids the target" 'server group the-group'
no_group
group anti-affinity '{"max_server_per_host": 2}'
expect "a group with room for two allows it" 0 nh check "$u" --to compute-34
no_group
group affinity
db "UPDATE instances SET host = 'compute-30' WHERE uuid = '$v'"
refused "a group that wants all members on the source" 'server group the-group'
db "UPDATE instances SET host = 'compute-34' WHERE uuid = '$v'"
no_group
group soft-anti-affinity
expect "a soft group only warns" 0 nh check "$u" --to compute-34
like "... in words" "$(cat "$work/out")" '^warn  *group .*the-group'
no_group

# --- cells and schema

db "UPDATE nova_api.host_mappings SET host = 'compute-34x'
	WHERE host = 'compute-34'"
refused "a target that is in no cell" 'not mapped'
db "UPDATE nova_api.host_mappings SET host = 'compute-34'
	WHERE host = 'compute-34x'"
db "UPDATE nova_api.host_mappings SET cell_id = (SELECT id FROM
	nova_api.cell_mappings WHERE name = 'cell0') WHERE host = 'compute-34'"
refused "a target in another cell" 'cell'
db "UPDATE nova_api.host_mappings SET cell_id = (SELECT id FROM
	nova_api.cell_mappings WHERE name = 'cell1') WHERE host = 'compute-34'"
with_row "a schema amid its migration" 'db sync|interrupted|migrat' \
	alembic_version version_num "'1b91788ec3a6'" true
with_row "a schema of the future" 'ffffffffffff' alembic_version version_num \
	"'ffffffffffff'" true

# --- rights

while read -r s; do
	db "REVOKE ${s% on *} ON nova_cell1.${s#* on } FROM novahaul@'%'"
	refused "no right to $s" "${s% on *}.*${s#* on }"
	db "GRANT ${s% on *} ON nova_cell1.${s#* on } TO novahaul@'%'"
done < <(printf '%s\n' 'UPDATE on instances' 'INSERT on migrations' \
	'UPDATE on migrations' 'DELETE on console_auth_tokens' \
	'INSERT on instance_actions' 'UPDATE on instance_actions_events' \
	'INSERT on instance_system_metadata' | pick 7)

# --- both hosts' files

with_file() {
	on "$1" touch "$2"
	refused "$3" "$4"
	on "$1" rm "$2"
}
with_dir() {
	on "$1" mkdir "$2"
	refused "$3" "$4"
	on "$1" rmdir "$2"
}
with_dir compute-34 "$nova/$u" "a directory on the target" 'directory'
with_file compute-34 "$nova/$u" "a file in its place on the target" "$u"
with_dir compute-34 "$nova/$d" "a directory of the old kind on the target" "$d"
with_dir compute-30 "$nova/${u}_resize" "a half resize" '_resize'
with_dir compute-34 "$nova/${u}_resize" "a half resize on the target" '_resize'
with_dir compute-34 "$nova/${u}_del" "a half delete on the target" '_del'
with_file compute-30 "$nova/$u/whatever" "an unknown file" 'whatever'
with_file compute-30 "$nova/$u/disk.rescue" "a rescue disk" 'disk.rescue'
with_dir compute-30 "$nova/$u/swtpm" "a half moved TPM" 'swtpm'
on compute-30 ln -s /etc/passwd "$nova/$u/ramdisk"
refused "a link among the files" 'ramdisk'
on compute-30 rm "$nova/$u/ramdisk"
on compute-30 mkfifo "$nova/$u/kernel"
refused "a pipe among the files" 'kernel'
on compute-30 rm "$nova/$u/kernel"

on compute-34 mount -t tmpfs -o size=32m,mode=755 tmpfs $nova
refused "no room on the target" 'MiB free'
on compute-34 umount -l $nova
on compute-34 mount -t tmpfs -o nr_inodes=20,mode=755 tmpfs $nova
refused "no inodes on the target" 'inodes'
on compute-34 umount -l $nova
on compute-34 mount -o bind,ro /var/lib/nova/instances $nova
on compute-34 mount -o remount,bind,ro $nova
refused "a read-only target" 'read-only'
on compute-34 umount -l $nova

# in_conf HOST WHAT REGEX SED
in_conf() {
	on "$1" cp -p /etc/nova/nova.conf /etc/nova/nova.conf.kept
	on "$1" sed -i "$4" /etc/nova/nova.conf
	refused "$2" "$3"
	on "$1" mv /etc/nova/nova.conf.kept /etc/nova/nova.conf
}
in_conf compute-34 "another config_drive_format" 'config_drive_format' \
	's/^config_drive_format.*/config_drive_format = vfat/'
in_conf compute-34 "another images_type" 'images_type' \
	's/^images_type.*/images_type = flat/'
in_conf compute-34 "another use_cow_images" 'use_cow_images' \
	's/^use_cow_images.*/use_cow_images = False/'
in_conf compute-30 "a cloud with Placement" 'Placement' \
	'$a[placement]\nauth_url = http://keystone:5000\nusername = placement'
in_conf compute-34 "a cloud with Neutron" 'Neutron' \
	'$a[neutron]\nauth_url = http://keystone:5000\nusername = neutron'
in_conf compute-34 "instances elsewhere" 'nowhere' \
	's,^instances_path.*,instances_path = /nowhere,'

# --- libvirt

on compute-30 virsh -q dumpxml --inactive "$d" > "$work/xml"
on compute-34 virsh -q define "$work/xml" > /dev/null
refused "its domain on the target" 'domain of this uuid'
on compute-34 virsh -q undefine "$d" > /dev/null
sed "s/$u/$(cat /proc/sys/kernel/random/uuid)/" "$work/xml" > "$work/xml2"
on compute-34 virsh -q define "$work/xml2" > /dev/null
refused "a domain of its name on the target" "another domain named $d"
on compute-34 virsh -q undefine "$d" > /dev/null

# redefined WHAT REGEX SED: while its domain is another
redefined() {
	sed "$3" "$work/xml" > "$work/xml2"
	if ! on compute-30 virsh -q define "$work/xml2" > "$work/out" 2>&1; then
		not_ok "$1: it can be defined" "$(cat "$work/out")"
		return
	fi
	refused "$1" "$2"
	on compute-30 virsh -q define "$work/xml" > /dev/null
}
redefined "a host device" 'PCI or USB' \
	's,</devices>,<hostdev mode="subsystem" type="pci" managed="yes"><source><address domain="0" bus="0x81" slot="0" function="1"/></source></hostdev></devices>,'
redefined "a disk elsewhere" '/etc/passwd' \
	"s,$nova/$u/disk.eph0,/etc/passwd,"
redefined "another's disk" "$v" "s,$nova/$u/disk.eph0,$nova/$v/disk,"
on compute-30 virsh -q undefine "$d" > /dev/null
refused "no domain on the source" 'no domain'
on compute-30 virsh -q define "$work/xml" > /dev/null
on compute-30 cp -a "$nova/$u" $spare/all
on compute-30 virsh -q snapshot-create-as "$d" one > "$work/out" 2>&1 ||
	not_ok "a snapshot can be made" "$(cat "$work/out")"
refused "a snapshot" 'snapshot'
on compute-30 virsh -q snapshot-delete "$d" one > /dev/null
on compute-30 rmdir "/var/lib/libvirt/qemu/snapshot/$d"
on compute-30 rm -r "${nova:?}/$u"
on compute-30 mv $spare/all "$nova/$u"

# --- hostile images

disk=$nova/$u/disk
eph=$nova/$u/disk.eph0
# image WHAT REGEX CMD...: while CMD has made another file of the disk
image() {
	local what=$1 re=$2
	shift 2
	on compute-30 mv "$disk" $spare/disk
	if "$@" > "$work/out" 2>&1; then
		refused "$what" "$re"
	else
		not_ok "$what: the image is made" "$(cat "$work/out")"
	fi
	on compute-30 rm -f "$disk"
	on compute-30 mv $spare/disk "$disk"
}
create() { on compute-30 qemu-img create -q -u -f qcow2 "$@"; }
image "an image backed by /etc/passwd" '/etc/passwd' \
	create -o backing_file=/etc/passwd,backing_fmt=raw "$disk" 1G
image "an image backed by another's disk" "$v" \
	create -o "backing_file=$nova/$v/disk,backing_fmt=qcow2" "$disk" 1G
image "an image backed out of _base" 'passwd' create -o \
	"backing_file=$nova/_base/../../../../etc/passwd,backing_fmt=raw" "$disk" 1G
image "an image with a JSON backing name" 'json' create -o \
	'backing_file=json:{"driver":"raw"},backing_fmt=raw' "$disk" 1G
image "an image with a data file" 'data file' \
	on compute-30 qemu-img create -q -f qcow2 \
	-o "data_file=$spare/data,data_file_raw=on" "$disk" 1G
on compute-30 rm -f $spare/data
with_snapshot() {
	on compute-30 cp "$spare/disk" "$disk" &&
		on compute-30 qemu-img snapshot -c one "$disk"
}
image "an image with a snapshot inside" 'snapshot' with_snapshot
image "raw where disk.info says qcow2" 'qcow2' \
	on compute-30 truncate -s 1G "$disk"
image "a VMDK" 'vmdk|qcow2' \
	on compute-30 qemu-img create -q -f vmdk "$disk" 1G
image "a truncated image" 'disk' \
	on compute-30 dd if=$spare/disk "of=$disk" bs=100 count=1 status=none
encrypted() {
	on compute-30 qemu-img create -q -f qcow2 --object secret,id=s,data=x \
		-o encrypt.format=aes,encrypt.key-secret=s "$disk" 64M
}
image "an encrypted image" 'encrypt' encrypted
as_raw() {
	on compute-30 cp "$spare/disk" "$disk"
	on compute-30 cp -p "$nova/$u/disk.info" "$spare/info"
	on compute-30 sed -i 's,/disk": "qcow2",/disk": "raw",' "$nova/$u/disk.info"
}
image "qcow2 where disk.info says raw" 'raw' as_raw
on compute-30 mv $spare/info "$nova/$u/disk.info"
on compute-30 cp -p "$nova/$u/disk.info" "$spare/info"
on compute-30 dd if=/dev/null "of=$nova/$u/disk.info" status=none
expect "an empty disk.info is only a warning" 0 nh check "$u" --to compute-34
like "... in words" "$(cat "$work/out")" '^warn  *files .*disk\.info'
on compute-30 bash -c "echo '{\"x' > $nova/$u/disk.info"
refused "a broken disk.info" 'disk.info'
on compute-30 mv $spare/info "$nova/$u/disk.info"
on compute-30 mv "$eph" $spare/eph
refused "a missing disk" 'disk.eph0'
on compute-30 mv $spare/eph "$eph"

# --- backing images

base=$(on compute-30 qemu-img info --output json "$disk" |
	sed -n 's,.*"full-backing-filename": ".*/\([^/]*\)".*,\1,p' | head -n 1)
like "the disk has a backing image" "$base" '^[0-9a-f]{40}$'
on compute-34 mv "$nova/_base/$base" $spare/base
on compute-34 cp $spare/base "$nova/_base/$base"
on compute-34 bash -c "printf x | dd of=$nova/_base/$base bs=1 seek=700000 \
	conv=notrunc status=none"
refused "a backing image of other content" "$base"
on compute-34 dd if=/dev/null of="$nova/_base/$base" status=none
refused "an empty backing image" "$base"
on compute-34 mv $spare/base "$nova/_base/$base"
on compute-30 mv "$nova/_base/$base" $spare/base
refused "no backing image" "$base"
on compute-30 ln -s $spare/base "$nova/_base/$base"
refused "a backing image that is a link" "$base"
on compute-30 rm "$nova/_base/$base"
on compute-30 mv $spare/base "$nova/_base/$base"

# --- host keys, and a target that does not answer

config=(--config "$work/conf")
sed "s,^known_hosts.*,known_hosts = $work/known," "$S/novahaul.conf" > "$work/conf"
chmod 600 "$work/conf"
grep -v compute-34 "$S/ssh/known_hosts" > "$work/known"
refused "an unknown host key" "host's key SHA256:.* is not known"
ssh-keygen -q -t ed25519 -N '' -f "$work/other"
{
	grep -v compute-34 "$S/ssh/known_hosts"
	echo "$(grep -o '^[^ ]*compute-34[^ ]*' "$S/ssh/known_hosts") $(cut -d' ' \
		-f1,2 "$work/other.pub")"
} > "$work/known"
refused "a host key that changed" "host's key has changed"
sed "/host:compute-34/,\$s/^address.*/address = 10.78.0.35/
	/^\[ssh\]/aconnect_timeout = 2" "$S/novahaul.conf" > "$work/conf"
refused "a target that does not answer" 'compute-34 does not answer'
config=()

# --- and nothing was changed

[ "$n_left" = 0 ] || skip "$n_left refusals" "not in this sample"

on compute-30 rmdir $spare
on compute-34 rmdir $spare
nh jobs -f value > "$work/jobs.after"
is "no job was begun" "$(cat "$work/jobs.after")" "$(cat "$work/jobs.before")"
expect "the guest can still be moved" 0 nh check "$u" --to compute-34
world after
same "the world, after $n_cases refusals," before after \
	"^[<>] compute-3[04]: /var/lib/nova/spare" \
	'instance_uuid' 'AUTO_INCREMENT'
figure "refusals with nothing changed" "$n_cases" cases
finish
