#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: move --verify-deep opens the source's chain and the copy's with
# libguestfs before the database is rewritten: equal ones pass, a copy that was
# damaged after its digest had been taken ends the move with exit 1 and the world
# restored, and hosts without novahaul-inspect have the check skipped, and say so.
# Full run only: an appliance takes minutes where QEMU must emulate.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"
inspect=$NOVAHAUL_BUILD/novahaul-inspect
[ -x "$inspect" ] || skip_all "built without libguestfs: no $inspect"
ls /boot/vmlinuz-* > /dev/null 2>&1 || skip_all "no kernel for the appliance"

subject deep --eph 1

case="without novahaul-inspect"
begin
tidy "$away"
expect "$case: move" 0 nh move "$u" --to "$away" --verify-deep --yes
like "$case: it says so" "$(cat "$work/out" "$work/err")" \
	"skipped: $home has no novahaul-inspect"
runs "$away" 1

for h in compute-30 compute-34; do
	on "$h" mount -t tmpfs -o mode=755 tmpfs /usr/local/sbin
	on "$h" cp "$inspect" /usr/local/sbin/
done

case="a whole copy"
begin
tidy "$away"
start=$SECONDS
expect "$case: move" 0 nh move "$u" --to "$away" --verify-deep --yes
figure deep_verify_move $((SECONDS - start)) s
like "$case: it was looked at" "$(cat "$work/out" "$work/err")" \
	'verify-deep: done'
is "$case: nothing was skipped" "$(grep -c skipped "$work/out" "$work/err" |
	grep -cv ':0$')" 0
runs "$away" 1

case="a damaged copy"
begin
tidy "$away"
world before
if freeze verify-deep --verify-deep; then
	# shellcheck disable=SC2016 # expanded there
	on "$away" bash -c 'cd /var/lib/nova/instances/$0 || exit
		at=$(grep -abo -m 1 guestroot disk | head -n 1 | cut -d: -f1)
		printf damaged- | dd of=disk bs=1 seek="$at" conv=notrunc status=none' "$u"
	rc=0
	thaw
	is "$case: exit code" "$rc" 1
	told "$case: the error is clear" 'file systems on .* are not those of' "$away"
	rolled_back "done"
fi

for h in compute-30 compute-34; do
	on "$h" umount -l /usr/local/sbin
done
finish
