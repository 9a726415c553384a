#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a host whose network is cut, and not its power, is never taken for dead:
# its guests run on, every provider that one may configure comes to "alive" or
# "unknown", rescue exits 6 and nothing has changed; a person's word does not
# outweigh what is seen.  Where the host is really off and the proof ages out in
# the middle, rescue exits 6, and goes on after a new one.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2317 # functions that `expect` and `holds` call
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

nova=/var/lib/nova/instances
root=/run/dead
disks=compute-34:$root$nova
toys=$S/cutoff
conf=$toys/conf

# nc ARG...: novahaul with what is configured in this test
nc() { on controller novahaul --config "$conf" "$@"; }
# configured LINE...: [fence:compute-30]
configured() {
	(
		umask 077
		cat "$S/novahaul.conf"
		printf '[fence:compute-30]\ntimeout = 4\n'
		printf '%s\n' "$@"
	) > "$conf"
}
# toy NAME: a program of the operator's, from stdin
toy() { { echo '#!/bin/bash' && cat; } > "$toys/$1" && chmod +x "$toys/$1"; }
# links up|down: all of compute-30's network
links() {
	local i
	for i in eth0 eth1 eth2; do
		on compute-30 ip link set "$i" "$1" || return 1
	done
}
mounted() {
	on compute-34 mkdir -p "$root$nova" &&
		on compute-34 mount --bind "$S/hosts/compute-30/nova/instances" \
			"$root$nova" &&
		on compute-34 mount -o remount,bind,ro "$root$nova" || return 1
	# its libvirt's definitions
	on compute-34 mkdir -p "$root/etc/libvirt/qemu" &&
		on compute-34 mount --bind \
			"$S/hosts/compute-30/etc/libvirt/qemu" \
			"$root/etc/libvirt/qemu" &&
		on compute-34 mount -o remount,bind,ro "$root/etc/libvirt/qemu"
}
undone() {
	on compute-34 umount -l "$root$nova" "$root/etc/libvirt/qemu" 2> /dev/null
	links up 2> /dev/null
	nh fence compute-30 --forget --yes > /dev/null 2>&1
	rm -rf "$toys"
	cleanup
}
trap undone EXIT

rescue() { nc rescue compute-30 --disks "$disks" --to compute-34 "$@"; }
forgotten() { nc fence compute-30 --forget --yes > /dev/null 2>&1; }
words() { cat "$work/out" "$work/err"; } # of the last command
# refused WHAT: rescue does nothing, and nothing has changed
refused() {
	expect "... $1: rescue" 6 rescue --yes
	like "... and says what to type" "$(cat "$work/err")" \
		'^hint: .*novahaul fence compute-30'
	rows after
	same "... the database" before after
	is "... nothing is on compute-34" \
		"$(on compute-34 ls -d "$nova/$u" 2> /dev/null)" ''
	is "... the guest runs on" "$(runs_on "$u")" compute-30
}

mkdir -p "$toys"
configured
u=$(guest cut compute-30 --meta fill-mib=64) || give_up "a guest boots"
birth=$(birth_on compute-30 "$u")
forgotten
holds "compute-30's disks are seen on compute-34" mounted
holds "compute-30's network is cut" links down
is "its guest runs on" "$(runs_on "$u")" compute-30
rows before

# --- nothing is configured but a look

expect "nobody answers" 6 nc fence compute-30 --status
like "... which is told to prove nothing" "$(words)" 'proves nothing'
refused "no proof"

# --- every provider that can prove it

toy power-off <<< 'exit 0'
# over the network that is cut, as a host without a BMC would be asked
toy readback <<< 'timeout 2 bash -c ": < /dev/tcp/10.78.0.30/22" && echo on'
configured "command = $toys/power-off" "readback = $toys/readback"
expect "a command that succeeds, and no read-back" 6 nc fence compute-30 --yes
like "... is unknown" "$(words)" 'command .*unknown'
refused "a read-back that fails"

# A BMC of its own answers: the machine has power.
toy readback <<< 'echo Chassis Power is on'
forgotten
expect "a read-back that says on" 6 nc fence compute-30 --yes
like "... is alive" "$(words)" 'command .*alive'
refused "a read-back that says on"

toy fence_toy <<- 'END'
	grep -q action=status && exit 1
	exit 0
END
(umask 077 && echo 'ip=10.78.0.130' > "$toys/options")
configured "agent = $toys/fence_toy" "options = $toys/options"
forgotten
expect "a fence agent that reaches no BMC" 6 nc fence compute-30 --yes
like "... is unknown" "$(words)" 'agent .*unknown'
refused "a fence agent that reaches no BMC"

# --- those that watch, and a person who says otherwise

toy rbd <<< 'echo "{\"watchers\":[{\"address\":\"10.78.0.30:0/1\"}]}"'
for way in "storage = $S/hosts/compute-30/nova/instances" \
	"rbd = vms/${u}_disk
rbd_command = $toys/rbd"; do
	name=${way%% *}
	configured "$way"
	forgotten
	expect "$name sees it at work" 6 nc fence compute-30 --status
	like "... which is alive" "$(words)" "$name .*alive"
	refused "$name"
	expect "a statement against $name" 6 nc fence compute-30 --yes \
		--statement 'compute-30 is off' --by 'the test' \
		--reason 'it does not answer'
	like "... is told that it does not count, and why" \
		"$(cat "$work/err")" "whatever was stated: .*\($name: "
	refused "a statement against $name"
done

# --- a person's word alone, while the host is on

configured
holds "the network is back" links up
wait_seen() {
	local i
	for ((i = 0; i < 30; i++)); do
		[ "$(db "SELECT COUNT(*) FROM services WHERE host = 'compute-30'
			AND last_seen_up > UTC_TIMESTAMP() - INTERVAL 6 SECOND")" != 0 ] &&
			return 0
		sleep 1
	done
	return 1
}
holds "nova-compute reports again" wait_seen
rows before
forgotten
expect "a statement about a host that answers" 6 nc fence compute-30 --yes \
	--statement 'compute-30 is off' --by 'the test' --reason 'a mistake'
refused "a host that answers"

# --- it is really off, and the proof ages in the middle

sb crash compute-30
forgotten
proven() {
	nc fence compute-30 --statement 'compute-30 is off' --by 'the test' \
		--reason 'its power was cut' --yes
}
expect "the proof" 0 proven
expect "it is too old when all is copied" 6 rescue "$u" --yes \
	--fence-max-age 20 --bwlimit 2M
job=$(nh jobs --open -f value | awk 'NR == 1 { print $1 }')
like "... the job is open" "$job" '^[0-9a-z]'
like "... the hint has both commands" "$(cat "$work/err")" \
	"^hint: .*novahaul fence compute-30.*novahaul resume $job"
is "... the instance is where it was" \
	"$(db "SELECT host FROM instances WHERE uuid = '$u'")" compute-30
is "... and runs nowhere" "$(runs_on "$u")" ''
expect "without a new one it goes no further" 6 nh resume "$job" --yes
expect "a new proof" 0 proven
expect "... and it goes on" 0 nh resume "$job" --yes
wait_console compute-34 "$u" '^@guest ready' 120 ||
	not_ok "it is ready" "$(console_on compute-34 "$u" | tail -n 5)"
is "it is the same guest" "$(birth_on compute-34 "$u")" "$birth"
is "it runs on one host" "$(runs_on "$u")" compute-34
on compute-34 umount -l "$root$nova" "$root/etc/libvirt/qemu"
sb up > "$work/out" 2>&1 || not_ok "compute-30 is up again"
finish
