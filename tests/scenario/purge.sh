#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: purge removes the kept copy on evidence only (the instance lives, with
# its disks, where the database says; or it is deleted, or archived), is refused
# on any doubt with exit 5 and nothing changed, and ends what a purge that was
# killed has left.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

ip=/var/lib/nova/instances
# moved NAME: a stopped guest goes to compute-34: sets $u and $job
moved() {
	u=$(guest "$1" compute-30 --no-start) || give_up "a guest is made"
	expect "$1 is moved" 0 nh move "$u" --to compute-34 --yes
	job=$(sed -n 's/^job \(j-[a-z0-9]*\):.*/\1/p' "$work/err")
	kept=$(instance_dir compute-30 .novahaul)/$job
	holds "... and its copy kept" test -e "$kept/source/instance/disk"
}
# refused WHAT REGEX
refused() {
	rows before
	expect "refused: $1" 5 nh purge "$job" --yes
	like "... for this reason" "$(cat "$work/out" "$work/err")" "$2"
	rows after
	same "the database" before after
	holds "... the copy is kept" test -e "$kept/source/instance/disk"
}
gone() {
	holds "$1: the copy is gone" test ! -e "$kept"
	holds "... the lease, too" test ! -e "$(instance_dir compute-30 \
		.novahaul)/leases/$u"
	expect "... nothing is left to purge" 4 nh purge "$job" --yes
}

# --- doubt

moved doubtful
on compute-34 mv "$ip/$u/disk" "$ip/$u/hidden"
refused "the target lacks the disk" "compute-34 lacks $ip/$u/disk"
on compute-34 mv "$ip/$u/hidden" "$ip/$u/disk"
on compute-34 cp -p "$ip/$u/disk" "$ip/kept"
on compute-34 dd if=/dev/zero of="$ip/$u/disk" bs=512 count=1 conv=notrunc \
	status=none
refused "the target's disk is no qcow2" 'qcow2'
on compute-34 mv "$ip/kept" "$ip/$u/disk"
db "UPDATE instances SET task_state = 'rebuilding' WHERE uuid = '$u'"
refused "a task is under way" 'task_state is rebuilding'
db "UPDATE instances SET task_state = NULL WHERE uuid = '$u'"
db "UPDATE instances SET host = 'compute-99' WHERE uuid = '$u'"
refused "a third host that does not answer" 'compute-99'
db "UPDATE instances SET host = 'compute-34' WHERE uuid = '$u'"
d=$(domain_of "$u")
on compute-34 virsh -q dumpxml --inactive "$d" > "$work/xml"
on compute-34 virsh -q undefine "$d" > /dev/null
refused "libvirt there does not know it" 'does not know it'
on compute-34 virsh -q define "$work/xml" > /dev/null

# --- a third host: the target, known by another name

cat "$S/novahaul.conf" - > "$work/conf" <<-X

	[host:compute-77]
	address = $(sed -n '/^\[host:compute-34\]/,/^\[/s/^address *= *//p' \
		"$S/novahaul.conf")
X
chmod 600 "$work/conf"
db "UPDATE instances SET host = 'compute-77' WHERE uuid = '$u'"
expect "a third host that has it" 0 \
	nh --config "$work/conf" purge "$job" --yes
like "... the reason" "$(cat "$work/out")" 'disks are on compute-77'
db "UPDATE instances SET host = 'compute-34' WHERE uuid = '$u'"
gone "on a third host"

# --- deleted

# row_is ASSIGNMENTS: also where other rows refer to it
row_is() {
	db "SET FOREIGN_KEY_CHECKS = 0; UPDATE instances SET $1
		WHERE uuid IN ('$u', '$nobody')"
}
nobody=00000000-0000-4000-8000-000000000001

moved removed
row_is "uuid = '$nobody'"
refused "there is no row of it at all" 'nothing says that it was deleted'
row_is "uuid = '$u', deleted = id, vm_state = 'deleted'"
db "INSERT INTO shadow_instances SELECT * FROM instances WHERE uuid = '$u'"
row_is "uuid = '$nobody'"
expect "an archived row" 0 nh purge "$job" --yes
like "... the reason" "$(cat "$work/out")" 'archived'
gone "an archived row"
row_is "uuid = '$u', deleted = 0, vm_state = 'stopped'"
db "DELETE FROM shadow_instances WHERE uuid = '$u'"
moved removed2
row_is "deleted = id, vm_state = 'deleted'"
expect "a deleted row" 0 nh purge "$job" --yes
row_is "deleted = 0, vm_state = 'stopped'"
gone "a deleted row"

# --- killed: at the n-th thing that it changes

cuts=0
for n in 1 2 3 4 5 6 7; do
	[ -z "$SAMPLE" ] || [ $((n % 2)) = $((SEED % 2)) ] || continue
	moved "killed$n"
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'novahaul -v -v purge "$0" --yes > "$1" 2>&1 &
		pid=$!
		for ((i = 0; i < 3000; i++)); do
			[ "$(grep -Ec "compute-30: (claim|remove|release)" \
				"$1")" -lt "$2" ] || break
			kill -0 $pid 2> /dev/null || break
			sleep 0.002
		done
		kill -9 $pid 2> /dev/null && echo killed >> "$1"
		wait $pid 2> /dev/null || :' "$job" "$work/cut" "$n"
	if [ "$(tail -n 1 "$work/cut")" = killed ]; then
		cuts=$((cuts + 1))
		if [ "$(sqlite3 "$S/journal/journal.db" "SELECT COUNT(*) FROM events
			JOIN jobs ON jobs.id = job WHERE job = '$job' AND
			text LIKE 'purge: removing%' AND purged_us IS NULL")" = 1 ]
		then
			expect "killed at $n: it cannot go back" 5 \
				nh rollback "$job" --yes
			like "... for this reason" "$(cat "$work/err")" 'purge'
		fi
		got=0
		nh purge "$job" --yes > "$work/out" 2> "$work/err" < /dev/null ||
			got=$?
		like "killed at $n: another ends it ($got)" "$got" '^(0|4)$'
	fi
	gone "killed at $n"
	expect "... and the instance can be moved" 0 nh check "$u" --to compute-30
done
figure "purges killed and ended" "$cuts" jobs
finish
