#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: novahaul-inspect tells what qemu-img takes a disk for, refuses what our
# own rules refuse, works with hardly any rights, and is never silent about a
# failure.  No appliance is launched here.
set -eu -o pipefail
inspect=$PWD/novahaul-inspect
skip() {
	echo "skipped: $*" >&2
	exit 77
}
[ -x "$inspect" ] || skip "novahaul-inspect is not built: no libguestfs"
command -v qemu-img > /dev/null || skip "there is no qemu-img"

dir=$(mktemp -d /tmp/nh-inspect-XXXXXX)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir"
sha=da39a3ee5e6b4b0d3255bfef95601890afd80709
mkdir base
mkdir -m 711 work
qemu-img create -q -f raw base/$sha 8M
qemu-img create -q -f qcow2 -F raw -b "$dir/base/$sha" disk 32M
chmod -R a+rX .

fail() {
	echo "FAIL: $*" >&2
	[ ! -s out ] || sed 's/^/  out: /' out >&2
	[ ! -s err ] || sed 's/^/  err: /' err >&2
	exit 1
}
# expect CODE TEXT ARG...: the exit code, and a text on stdout or stderr
expect() {
	local code=$1 text=$2 rc=0
	shift 2
	"$inspect" "$@" --work-dir "$dir/work" > out 2> err || rc=$?
	[ $rc = "$code" ] || fail "exit $rc, wanted $code: $*"
	grep -qF -- "$text" out err || fail "no \"$text\": $*"
	[ "$code" = 0 ] || [ "$code" = 77 ] || [ ! -s out ] ||
		fail "a failure with a result: $*"
}

expect 0 '"format": "qcow2"' info disk --format qcow2
expect 0 '"virtual_size": 33554432' info disk --format qcow2
expect 0 '"backing_file": true' info disk --format qcow2
expect 0 '"agrees": true' info --format raw base/$sha
expect 0 '"backing_file": false' info --format raw base/$sha

# a guest wrote a header into its raw disk: seen, and nothing more is asked
cp disk guest
expect 0 '"agrees": false' info guest --format raw
expect 0 '"virtual_size": null' info guest --format raw

# our own rules come first, for both commands
qemu-img create -q -f qcow2 -o data_file="$dir/data" outside 1M
expect 1 'external data file' info outside --format qcow2
expect 1 'external data file' deep --disk outside:qcow2
qemu-img create -q -f qcow2 -F qcow2 -b "$dir/disk" deeper
expect 1 'deeper than overlay and base' info deeper --format qcow2
qemu-img create -q -u -f qcow2 -F raw -b json:{} json 1M
expect 1 'json:' info json --format qcow2
expect 1 'not a qcow2' info base/$sha --format qcow2

# usage
expect 2 'info or deep'
expect 2 'info or deep' look disk
expect 2 'raw or qcow2' info disk --format vmdk
expect 2 'wants one FILE' info disk
expect 2 'FILE:FORMAT' deep --disk disk
expect 2 'raw or qcow2' deep --disk disk:auto
expect 2 'see novahaul-inspect --help' deep --bogus
expect 2 'exclude' deep --disk disk:qcow2 --tcg --kvm
expect 1 'No such file' info nothere --format raw
expect 1 'not a file' info . --format raw

# no kernel: nothing was looked at, and that is not a success
expect_skip() {
	local rc=0
	SUPERMIN_KERNEL=/nonexistent "$inspect" deep --disk disk:qcow2 \
		> out 2> err || rc=$?
	[ $rc = 77 ] || fail "exit $rc without a kernel"
	grep -q '^{"skipped": "no ' out || fail "no reason without a kernel"
}
expect_skip

# every work directory has been removed again
rmdir work || fail "something is left in the work directory"
[ "$(id -u)" = 0 ] || {
	echo "not root: the loss of rights was not tested" >&2
	exit 0
}
mkdir -m 711 work
expect 2 'is root' info disk --format qcow2 --user root
expect 2 'no user' info disk --format qcow2 --user no-such-user
# closed directory: shown to the worker; closed file: refused, with the way out
mkdir -m 700 closed
cp disk closed
expect 0 '"agrees": true' info closed/disk --format qcow2
chmod 600 closed/disk
expect 1 '--user NAME' info closed/disk --format qcow2
chmod 644 closed/disk

# what the worker's children may still do: a hypervisor that looks around
mkdir -m 1777 seen
mkdir appliance
touch appliance/{kernel,initrd,root,README.fixed}
cat > hv <<- EOF
	#!/bin/bash
	{
		grep -E '^(Uid|Gid|Groups|CapEff|CapPrm|NoNewPrivs):' \
			/proc/self/status | tr '\t' ' '
		grep -E 'Max (core|open|file size|address|cpu)' /proc/self/limits
		tail -n +3 /proc/net/dev
		echo "write: \$( (echo x > "\$TMPDIR/disk0") 2>&1)"
		env
	} > $dir/seen/\$\$ 2>&1
	exit 1
EOF
chmod 755 hv
chmod -R a+rX appliance
export SECRET=hunter2 LIBGUESTFS_HV=$dir/hv LIBGUESTFS_PATH=$dir/appliance
expect 1 'launching the appliance' deep --disk closed/disk:qcow2
cat seen/* > all
nobody=$(id -u nobody) nogroup=$(id -g nobody)
has() { grep -qE -- "$1" all || { cat all >&2; fail "the worker: no $1"; }; }
has "^Uid: $nobody $nobody $nobody $nobody$"
has "^Gid: $nogroup $nogroup $nogroup $nogroup$"
has '^Groups: *$'
has '^CapEff: 0000000000000000$'
has '^CapPrm: 0000000000000000$'
has '^NoNewPrivs: 1$'
has 'Max core file size +0 '
has 'Max open files +512 '
has 'Max cpu time +[1-9]'
has 'Max file size +[1-9]'
has 'write: .*(Permission denied|Read-only)'
! grep -E '^ *[a-z0-9]+:' all | grep -vE '^ *lo:' | grep -qE 'eth|en|br|veth' ||
	fail "the worker sees the network"
! grep -q hunter2 all || fail "the environment was passed on"
rmdir work || fail "something is left in the work directory"
