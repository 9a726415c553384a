#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a server with a root disk, an ephemeral disk, swap, two volumes and a
# config drive is moved while it runs, and back while it is stopped: each disk has
# what the guest wrote on it, disk.info names the disks that are there, the backing
# files came along; the stopped one stays stopped, starts by Nova's command, and
# Nova's deletion leaves nothing.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

nova=/var/lib/nova/instances
disks=(disk disk.config disk.eph0 disk.swap)

# files_on HOST: name, owner, mode and content of each file that Nova looks at
files_on() {
	local f
	for f in "${disks[@]}"; do
		echo "$f $(on "$1" stat -c '%U:%G %a' "$nova/$u/$f") $(
			sum_on "$1" "$nova/$u/$f")"
	done
	echo "disk.info $(on "$1" stat -c '%U:%G %a' "$nova/$u/disk.info")"
	info_on "$1"
}
# info_on HOST: what disk.info says of the formats
info_on() {
	on "$1" cat "$nova/$u/disk.info" |
		jq -r 'to_entries[] | "\(.key) \(.value)"' | sort
}
# chain_on HOST FILE: its formats and backing files, as QEMU finds them
chain_on() {
	on "$1" qemu-img info -U --backing-chain --output=json "$nova/$u/$2" |
		jq -c '[.[] | {filename, format, "virtual-size"}]'
}
chains_on() {
	local f
	for f in disk disk.eph0 disk.swap; do chain_on "$1" $f; done
}
labels_on() { # labels_on HOST: of the last boot's disks
	console_on "$1" "$u" | tac | sed '/@guest up/q' | tac |
		sed -n 's/^@guest disk \(dev=vd. size=[0-9]* .*\)$/\1/p'
}
# is_at HOST COUNT: it is ready there, as the same guest with the same disks
is_at() {
	wait_console "$1" "$u" '^@guest ready' 90 ||
		not_ok "its guest is ready" "$(console_on "$1" "$u" | tail -n 5)"
	is "... boot $2 of the same disk, there alone" \
		"$(count_on "$1" "$u") $(birth_on "$1" "$u") $(runs_on "$u")" \
		"$2 $birth $1"
	is "... all its disks are what boot $(($2 - 1)) wrote" \
		"$(labels_on "$1")" "$(sizes_labelled $(($2 - 1)))"
	is "... the config drive is the same" \
		"$(sum_on "$1" "$nova/$u/disk.config")" "$drive"
	like "... and readable" "$(console_on "$1" "$u")" '^\| more disks$'
}
sizes_labelled() {
	printf "dev=%s size=%s label='label disks.novalocal count=$1'\n" \
		vdb 2097152 vdc 131072 vdd 2097152 vde 2097152
}
# nothing_on HOST: neither domain nor directory, nor a mark of this job
nothing_on() {
	is "... and nothing of it is on $1" "$(state_on "$1" "$u") $(
		on "$1" ls "$nova" | grep -c "$u")" 'absent 0'
}

u=$(server disks compute-30 --flavor tiny.more --user-data 'more disks') ||
	give_up "a server boots"
birth=$(birth_on compute-30 "$u")
drive=$(sum_on compute-30 "$nova/$u/disk.config")
for d in vdd vde; do
	volume_attach "$u" "$(volume disks 1)" || give_up "a volume is attached"
	wait_console compute-30 "$u" "^@guest disk dev=$d" 60
done
vols=$(volumes_of "$u" | sort | xargs)
is "it has an ephemeral disk, swap and two volumes" "$(labels_on compute-30 |
	sed 's/ label.*//')" "$(sizes_labelled 0 | sed 's/ label.*//')"
is "its host is not called as its node" \
	"$(db "SELECT host, node FROM instances WHERE uuid = '$u'")" \
	"compute-30	compute-30.$domain"
chains_on compute-30 > "$work/chains.30"
info=$(info_on compute-30)
is "its disks have backing files" \
	"$(jq -r '.[1].filename // empty' "$work/chains.30" | wc -l)" 3

# --- there, running

expect "it moves" 0 nh move "$u" --to compute-34 --yes
jobs=$(sed -n 's/^Job *//p' "$work/out")
is_at compute-34 2
nothing_on compute-30
chains_on compute-34 > "$work/chains.34"
same "the chain of each disk" chains.30 chains.34
# Nova adds the config drive when it starts it there
is "disk.info says what it said" \
	"$(info_on compute-34 | grep -v 'disk\.config raw$')" "$info"
is "... of disks that are there" "$(info_on compute-34 |
	while read -r f _; do on compute-34 test -e "$f" || echo "no $f"; done)" ''
server_wait "$u" ACTIVE

# --- back, stopped

act "$u" '{"os-stop": null}'
holds "it stops" server_wait "$u" SHUTOFF
files_on compute-34 > "$work/files.34"
expect "it moves back, stopped" 0 nh move "$u" --to compute-30 --yes
jobs+=" $(sed -n 's/^Job *//p' "$work/out")"
files_on compute-30 > "$work/files.30"
same "each file's owner, mode and content" files.34 files.30
for f in disk disk.eph0 disk.swap; do
	holds "$f is sound" on compute-30 qemu-img check -q "$nova/$u/$f"
done
for v in $vols; do
	is "volume $v is attached there" \
		"$(attached_host "$v") $(volume_is "$v" in-use && echo in-use)" \
		'compute-30 in-use'
done
# nova-compute may have looked between the rewrite and the definition of the
# domain; its next look puts that right
# shellcheck disable=SC2317 # called by until_true
rests() {
	[ "$(db "SELECT power_state FROM instances WHERE uuid = '$u'")" = 4 ]
}
until_true 60 rests
is "... by its database it is stopped" "$(db "SELECT host, node, vm_state,
	task_state, power_state, locked FROM instances WHERE uuid = '$u'")" \
	"compute-30	compute-30.$domain	stopped	NULL	4	0"
is "... SHUTOFF there, by Nova" "$(api GET compute "/servers/$u" | jq -r '.server |
	"\(.status) \(.["OS-EXT-SRV-ATTR:host"])"')" "SHUTOFF compute-30"
is "... and it runs nowhere" "$(runs_on "$u")" ''
nothing_on compute-34
is "... its allocations are there alone" "$(allocated "$u")" "compute-30.$domain"
is "... its port is bound there" "$(port_says "$u" | cut -d' ' -f1)" compute-30
holds "openstack server start works" \
	on controller openstack server start "$u"
holds "... it is ACTIVE" server_wait "$u" ACTIVE
is_at compute-30 3
holds "... its port is up" until_true 30 port_is "$u" "compute-30 ACTIVE"
holds "... and it answers to a ping" until_true 30 answers "$u"

# --- deleted

for j in $jobs; do
	expect "what the move kept is purged" 0 nh purge "$j" --yes
done
server_delete disks
rows gone
for id in "$u" $vols; do
	is "deleted, no row is left of $id" "$(leftovers gone "$id")" ''
done
for h in compute-30 compute-34; do
	is "... and no file or domain on $h" "$(state_on "$h" "$u")$(
		on "$h" find /var/lib/nova /etc/libvirt /var/lib/libvirt |
			grep -E "$u|${jobs// /|}")" absent
done
placement_audit > "$work/audit" 2>&1
is "... and nova-manage placement audit finds nothing" $? 0
finish
