#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the sandbox's guests behave as the other tests assume: one that ignores
# the power button, one that was never started, one with a raw disk, one on
# Open vSwitch, one that loses its host to a power cut; and a deleted one leaves
# nothing behind.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
dirs=/var/lib/nova/instances

world empty
u=$(guest deaf compute-30 --meta ignore-acpi=1) || give_up "a guest boots"
on compute-30 virsh -q shutdown "$u" > /dev/null
sleep 3
is "a guest that ignores the power button runs on" "$(state_on compute-30 "$u")" \
	running
is "its metadata has the word" "$(db "SELECT value FROM instance_metadata
	WHERE instance_uuid = '$u' AND \`key\` = 'ignore-acpi'")" 1
like "it answers on the network" "$(answers "$u" && echo yes)" yes

v=$(guest quiet compute-34 --no-start --raw --no-drive)
is "a guest that was not started is shut off" "$(state_on compute-34 "$v")" \
	"shut off"
is "and stopped in the database" "$(db "SELECT vm_state, power_state, config_drive
	FROM instances WHERE uuid = '$v'")" $'stopped\t4\t'
is "its disk is raw" "$(on compute-34 qemu-img info --output=json \
	"$dirs/$v/disk" | sed -n 's/.*"format": "\([a-z0-9]*\)".*/\1/p')" raw

if on compute-34 ovs-vsctl br-exists br-int 2> /dev/null; then
	w=$(guest switched compute-34 --ovs)
	is "a guest is plugged into Open vSwitch" \
		"$(on compute-34 ovs-vsctl iface-to-br "tap$(db "SELECT LEFT(uuid, 11)
		FROM virtual_interfaces WHERE instance_uuid = '$w'")")" br-int
	like "and answers there" "$(answers "$w" && echo yes)" yes
else
	skip "a guest on Open vSwitch" "its user-space datapath does not work here"
fi

sb crash compute-30
is "a power cut ends the host" "$(sb status | grep -c '^compute-30 down')" 1
sb up 2> /dev/null
is "its guest is shut off when it is back" "$(state_on compute-30 "$u")" \
	"shut off"
is "it counts its second boot" "$(sb boot deaf > /dev/null &&
	count_on compute-30 "$u")" 2

for g in deaf quiet switched; do
	sb delete $g > /dev/null 2>&1
done
world after
same "a sandbox whose guests are deleted" empty after '_base' \
	'/qemu/(channel/target/)?domain-'
finish
