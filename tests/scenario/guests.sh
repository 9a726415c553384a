#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the sandbox's guests behave as the other tests assume: one that ignores
# the power button, one that was never started, one with a raw disk, one on
# Open vSwitch, one that loses its host to a power cut; one with UEFI and a TPM
# moves with its NVRAM and its TPM's state, there, half there and back, and home;
# and a deleted one leaves nothing behind.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul
dirs=/var/lib/nova/instances

# outside HOST UUID: "path owner:group mode [SUM]" of what belongs to it outside
# of its directory; SUM only if a third argument asks for it
outside() {
	# shellcheck disable=SC2016 # expanded there
	on "$1" bash -c '
		cd /var/lib/libvirt
		find "qemu/nvram/$0" "swtpm/$1" -type f ! -name .lock 2> /dev/null |
			LC_ALL=C sort | while read -r f; do
				echo "$f $(stat -c "%U:%G %a" "$f")" \
					${2:+"$(sha256sum < "$f")"}
			done' "$(domain_of "$2")_VARS.fd" "$2" "${3:-}"
}

# boots HOST UUID N: it runs there and nowhere else, for the Nth time
boots() {
	wait_console "$1" "$2" "^@guest up count=$3 " 120 || :
	wait_console "$1" "$2" '^@guest ready' 60 || :
	like "its NVRAM is what it was" "$(console_on "$1" "$2")" \
		"^@guest nvram mark=$mark\$"
	is "it runs on" "$(runs_on "$2" | tr '\n' ' ')" "$1 "
	is "its boots and birth mark" "$(count_on "$1" "$2") $(birth_on "$1" "$2")" \
		"$3 $birth"
}

firmware() {
	local u birth mark before names home=compute-30 away=compute-34
	u=$(guest firm $home --uefi --vtpm) || {
		not_ok "a guest with UEFI and a TPM boots"
		return
	}
	birth=$(birth_on $home "$u")
	like "it has a birth mark" "$birth" '^[0-9a-f]{32}$'
	mark=$(console_on $home "$u" | sed -n 's/^@guest nvram mark=//p')
	like "it has a mark in its NVRAM" "$mark" '^[0-9a-f]{32}$'
	names=$(outside $home "$u")
	like "it has NVRAM" "$names" "^qemu/nvram/instance-.*_VARS.fd libvirt-qemu:"
	like "it has a TPM's state" "$names" '^swtpm/.*/tpm2/tpm2-00.permall '

	expect "without its secret there: refused" 5 nh move "$u" --to $away --yes
	like "the TPM is the reason" "$(cat "$work/err" "$work/out")" \
		'vTPM state is encrypted with libvirt secret'
	sb secret firm $away

	# shut off, so that nothing changes a byte
	on $home virsh -q destroy "$u" > /dev/null
	db "UPDATE instances SET vm_state = 'stopped', power_state = 4
		WHERE uuid = '$u'"
	before=$(outside $home "$u" sums)
	expect "it moves" 0 nh move "$u" --to $away --yes
	[ "$(db "SELECT host FROM instances WHERE uuid = '$u'")" = $away ] || return
	is "what it has outside is there, every byte" \
		"$(outside $away "$u" sums)" "$before"
	is "nothing of it is left" "$(outside $home "$u")" ''
	sb boot firm > /dev/null
	boots $away "$u" 2

	on controller "$S/lib/kill-at" define novahaul move "$u" --to $home --yes \
		> "$work/cut" 2>&1 < /dev/null
	is "killed half-way, it is here" "$(outside $home "$u")" "$names"
	expect "rolled back" 0 nh rollback last --yes
	is "it has what it had" "$(outside $away "$u")" "$names"
	is "nothing of it is left" "$(outside $home "$u")" ''
	boots $away "$u" 3

	expect "it moves home" 0 nh move "$u" --to $home --yes
	is "with all it has outside" "$(outside $home "$u")" "$names"
	is "nothing of it is left" "$(outside $away "$u")" ''
	boots $home "$u" 4
	expect "the kept copies can go" 0 nh purge last --yes
	sb delete firm > /dev/null
}

# ONLY=firmware: not the others
[ "${ONLY:-}" != firmware ] || {
	firmware
	finish
}
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

if [ -z "$SAMPLE" ] || [ $((${SEED:-0} % 2)) = 0 ]; then
	firmware
else
	skip "a guest with UEFI and a TPM" "not in this sample: two minutes"
fi

for g in deaf quiet switched; do
	sb delete $g > /dev/null 2>&1
done
world after
same "a sandbox whose guests are deleted" empty after '_base' \
	'/qemu/(channel/target/)?domain-' \
	'/var/lib/libvirt/swtpm type=dir' # libvirt's, from the first TPM on
finish
