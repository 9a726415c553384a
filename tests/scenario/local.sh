#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: what a host is by itself is seen: libvirt's settings, its bridges, what
# starts guests at boot; and check's man page names every check.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

u=$(guest settled compute-30 --no-start) || give_up "a guest is made"

# said WHAT EXIT REGEX: what `check` says of the target as it is now
said() {
	expect "$1" "$2" nh check "$u" --to compute-34
	like "... and it says so" "$(cat "$work/out")" "$3"
}
conf=/etc/libvirt/qemu.conf
# now TEXT: in compute-34's qemu.conf, instead of what is there
now() {
	on compute-34 sed -i "s/^\(${1%% *} *=\).*/\1 ${1#*= }/" "$conf"
}

# shellcheck disable=SC2317 # at the end, whichever
as_it_was() {
	now 'dynamic_ownership = 1'
	[ -z "${br:-}" ] || on compute-34 ip link set "$br" mtu 1500
	on compute-34 umount -l /etc/default 2> /dev/null
}
trap 'as_it_was; cleanup' EXIT

said "two hosts that are alike" 0 '^pass +security'
now 'dynamic_ownership = 0'
said "owners that libvirt does not set, and none to learn from" 5 \
	'^refuse +security .*dynamic_ownership'
expect "... nor is it moved" 5 nh move "$u" --to compute-34 --yes
n=$(guest neighbour compute-34 --no-start) || give_up "a neighbour is made"
said "... with a neighbour" 0 '^pass +security'
expect "... it is moved" 0 nh move "$u" --to compute-34 --yes
files=/var/lib/nova/instances
is "... and its disk is owned as the neighbour's" \
	"$(on compute-34 stat -c '%U:%G' "$files/$u/disk")" \
	"$(on compute-34 stat -c '%U:%G' "$files/$n/disk")"
now 'dynamic_ownership = 1'
expect "it is moved back" 0 nh move "$u" --to compute-30 --yes

br=$(on compute-30 virsh -q domiflist "$u" | awk '{ print $3 }')
on compute-34 ip link set "$br" mtu 1400
said "a bridge that is too small" 0 '^warn +network .*1500.*1400'
on compute-34 ip link set "$br" mtu 1500

on compute-34 mount -t tmpfs none /etc/default
on compute-34 sh -c 'echo ON_BOOT=start > /etc/default/libvirt-guests'
if [ -e /etc/systemd/system/multi-user.target.wants/libvirt-guests.service ]; then
	said "guests that start at boot" 0 '^warn +boot .*compute-34'
else
	skip "guests that start at boot" "libvirt-guests is not enabled here"
fi
# Lazily, here and elsewhere: an agent that is ending may still look in.
on compute-34 umount -l /etc/default
said "all as it was" 0 '^pass +boot'

page=$srcdir/doc/man/novahaul-check.pod
while read -r name; do
	grep -qF "C<$name>" "$page" || not_ok "the man page names $name"
done < <(sed -n 's/^\(pass\|warn\|refuse\) *\([a-z]*\) .*/\2/p' "$work/out")
holds "there are checks to name" test "$(grep -c '^pass' "$work/out")" -gt 30
finish
