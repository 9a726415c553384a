#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a guest that ignores the power button is stopped hard after the timeout;
# --no-start leaves it stopped; a guest that was stopped stays stopped, and
# defined, on the other host; a raw root disk is refused where the target would
# take its header for qcow2; a guest on Open vSwitch is plugged there.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

states() {
	echo "$(db "SELECT host, vm_state, power_state, task_state FROM instances
		WHERE uuid = '$1'" | tr '\t' ' '), $(state_on compute-30 "$1")," \
		"$(state_on compute-34 "$1")"
}

u=$(guest stubborn compute-30 --meta ignore-acpi=1) || give_up "a guest boots"
birth=$(birth_on compute-30 "$u")
t=$SECONDS
expect "a guest that ignores the power button is moved" 0 \
	nh -v move "$u" --to compute-34 --stop-timeout 3 --no-start --yes
like "... and it is said that it was stopped hard" "$(cat "$work/err")" \
	'hard|destroy'
holds "... in time" test $((SECONDS - t)) -lt 60
is "with --no-start it is stopped, and defined" "$(states "$u")" \
	'compute-34 stopped 4 NULL, absent, shut off'
on compute-34 virsh -q domiflist "$u" > "$work/out" 2>&1
expect "a stopped guest is moved" 0 nh move "$u" --to compute-30 --yes \
	--no-precopy
is "... and stays stopped, and defined" "$(states "$u")" \
	'compute-30 stopped 4 NULL, shut off, absent'
on compute-30 virsh -q start "$u" > /dev/null
wait_console compute-30 "$u" '^@guest ready' 120
is "it starts there, the same guest" \
	"$(birth_on compute-30 "$u") $(count_on compute-30 "$u")" "$birth 2"
is "the database says what libvirt is told by others, not by us" \
	"$(db "SELECT vm_state FROM instances WHERE uuid = '$u'")" stopped
expect "it runs though the database says stopped: refused" 5 \
	nh move "$u" --to compute-34 --yes
on compute-30 virsh -q suspend "$u" > /dev/null
db "UPDATE instances SET vm_state = 'active', power_state = 1 WHERE uuid = '$u'"
expect "a paused guest is refused" 5 nh move "$u" --to compute-34 --yes
like "... and what to do" "$(cat "$work/out" "$work/err")" 'resume'
on compute-30 virsh -q destroy "$u" > /dev/null
expect "a guest that was shut off unknown to Nova is moved" 0 \
	nh move "$u" --to compute-34 --yes
is "... and not started" "$(states "$u" | cut -d, -f2,3)" ' absent, shut off'

r=$(guest rawdisk compute-30 --raw --no-start) || give_up "a raw guest is made"
expect "a raw disk is refused where qcow2 is the backend" 5 \
	nh move "$r" --to compute-34 --yes
like "... and why" "$(cat "$work/out" "$work/err")" 'raw'

if ! on compute-34 ovs-vsctl -t 5 br-exists br-int 2> /dev/null; then
	skip "Open vSwitch" "it does not work in this sandbox"
	finish
fi
o=$(guest switched compute-30 --ovs) || give_up "a guest on Open vSwitch boots"
tap=$(db "SELECT network_info FROM instance_info_caches
	WHERE instance_uuid = '$o'" | grep -o '"devname": "[^"]*' | cut -d'"' -f4)
answers "$o" || not_ok "it answers before"
expect "a guest on Open vSwitch is moved" 0 nh move "$o" --to compute-34 --yes
wait_console compute-34 "$o" '^@guest ready' 120
is "its port is on br-int there" \
	"$(on compute-34 ovs-vsctl -t 5 port-to-br "$tap" 2>&1)" br-int
like "... with the ids that Neutron's agent looks for" \
	"$(on compute-34 ovs-vsctl -t 5 get Interface "$tap" external_ids)" \
	"attached-mac=.*iface-id=.*iface-status=active"
is "... and gone from the source" \
	"$(on compute-30 ovs-vsctl -t 5 --if-exists port-to-br "$tap" 2> /dev/null)" ''
holds "it answers to a ping" answers "$o"
finish
