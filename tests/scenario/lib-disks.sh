# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib-disks.sh: the file systems of a dead compute host, as another host sees
# them.  Sourced after lib.sh, the scenarios' or the real cloud's.
# shellcheck disable=SC2034,SC2154,SC2317 # set by lib.sh, read by the tests

nova=/var/lib/nova/instances
root=/run/dead

# mounted DEAD WHERE: read-only
mounted() {
	local d
	for d in nova:var/lib/nova libvirt:var/lib/libvirt \
		etc/libvirt/qemu:etc/libvirt/qemu; do
		on "$2" mkdir -p "$root/${d#*:}" &&
			on "$2" mount --bind "$S/hosts/$1/${d%%:*}" \
				"$root/${d#*:}" &&
			on "$2" mount -o remount,bind,ro "$root/${d#*:}" ||
			return 1
	done
}
# taken_off WHERE: they are seen there no longer
taken_off() {
	on "$1" umount -l $root/var/lib/nova $root/var/lib/libvirt \
		$root/etc/libvirt/qemu 2> /dev/null
}

# frozen DEAD NAME: every file of it, with its times and content
frozen() {
	local d=$S/hosts/$1
	find "$d/nova" "$d/libvirt/qemu/nvram" "$d/etc/libvirt/qemu" -xdev \
		-printf '%p %i %m %u %g %s %T@ %C@\n' 2> /dev/null |
		LC_ALL=C sort > "$work/$2"
	find "$d/nova/instances" -xdev -type f -exec sha256sum {} + |
		LC_ALL=C sort >> "$work/$2"
}

proven() {
	nh fence "$1" --statement "$1 is off" --by "the test" \
		--reason 'its power was cut' --yes
}
