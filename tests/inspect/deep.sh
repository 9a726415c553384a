#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: novahaul-inspect deep prints the same text for a copied chain, wherever
# it lies, but for the listing's digest once one file of the guest differs;
# and of a chain whose base lies elsewhere than its header says.
# Launches an appliance three times: 15 s each on an idle machine.
set -eu -o pipefail
inspect=$PWD/novahaul-inspect
skip() {
	echo "skipped: $*" >&2
	exit 77
}
[ -x "$inspect" ] || skip "novahaul-inspect is not built: no libguestfs"
export PATH=$PATH:/usr/sbin:/sbin
for tool in qemu-img mke2fs debugfs genisoimage; do
	command -v $tool > /dev/null || skip "there is no $tool"
done

dir=$(mktemp -d /tmp/nh-inspect-XXXXXX)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir"
fail() {
	echo "FAIL: $*" >&2
	exit 1
}
sha=da39a3ee5e6b4b0d3255bfef95601890afd80709
mkdir -p tree/etc tree/srv/deep/er cd/openstack/latest
echo birth > tree/etc/birth
head -c 100000 /dev/zero > tree/srv/deep/er/zeros
touch "tree/srv/$(printf 'new\nline')"
ln -s /etc/birth tree/srv/link
echo '{"uuid": "x"}' > cd/openstack/latest/meta_data.json

# base, overlay and config drive
mkdir -m 711 work
mkdir a
mkdir c
mkdir -m 700 closed # the copied chain lies elsewhere, as a job's does
mke2fs -q -t ext4 -L guest-root -d tree a/$sha 32M > /dev/null
genisoimage -quiet -J -R -V config-2 -o a/disk.config cd
qemu-img create -q -f qcow2 -F raw -b "$dir/a/$sha" a/disk 64M
cp a/disk.config closed
cp a/$sha c
debugfs -w -R 'set_inode_field /etc/birth mtime 12345' c/$sha 2> /dev/null
qemu-img create -q -f qcow2 -F raw -b "$dir/c/$sha" closed/disk 64M
chmod -R a+rX a c

# deep DIR
deep() {
	local rc=0
	"$inspect" deep --tcg --work-dir "$dir/work" --disk "$1/disk:qcow2" \
		${base_dir:+--base-dir "$base_dir"} \
		--config-drive "$1/disk.config" > "$1.out" 2> "$1.err" || rc=$?
	if [ $rc = 77 ]; then
		skip "$(cat "$1.out")"
	elif [ $rc != 0 ]; then
		cat "$1.err" >&2
		fail "deep ended with $rc"
	fi
}
base_dir=
start=$SECONDS
deep a
echo "one deep look: $((SECONDS - start)) s"
has() { grep -qF -- "$1" a.out || { cat a.out >&2; fail "no $1"; }; }
has '"label": "guest-root"'
has '"type": "ext4"'
has '"virtual_size": 67108864'
# etc, birth, srv, link, new\nline, deep, er, zeros, lost+found
has '"entries": 9'
has "\"/openstack/latest/meta_data.json\": \"$(
	sha256sum cd/openstack/latest/meta_data.json | cut -d' ' -f1)\""
has '"type": "iso9660"'
deep closed
! cmp -s a.out closed.out || fail "another mtime, the same text"
# the listing is the only thing that has "entries" before its digest
same() { sed -E 's/("entries": 9, "sha256": )"[0-9a-f]{64}"/\1"-"/' "$1"; }
cmp <(same a.out) <(same closed.out) ||
	fail "more than the listing's digest depends on the file"

# as the disks of a dead host, mounted elsewhere: where the header says that the
# base is there is another one
mkdir elsewhere
mv c/$sha elsewhere
head -c 1M /dev/zero > c/$sha
mv closed.out before
base_dir=$dir/elsewhere
deep closed
cmp before closed.out || fail "its base was not taken from --base-dir"
rmdir work || fail "something is left in the work directory"
