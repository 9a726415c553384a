#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the sandbox is real enough to judge a move by.  A guest is moved by hand,
# in the order that is known to be right, and boots on the other host from its
# own disk, with its config drive, answering on the network; moved back the same
# way it counts one more boot.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox

u=$(guest hand compute-30 --eph 1 --swap 64 --user-data 'hand made') ||
	give_up "a guest boots"
d=$(domain_of "$u")
birth=$(birth_on compute-30 "$u")
like "it has a birth mark" "$birth" '^[0-9a-f]{32}$'
is "its first boot" "$(count_on compute-30 "$u")" 1
like "user data is on its console" "$(console_on compute-30 "$u")" \
	'^\| hand made$'
like "it sees its ephemeral disk" "$(console_on compute-30 "$u")" \
	'^@guest disk dev=vdb size=2097152 '
is "it runs on one host" "$(runs_on "$u")" compute-30

mgmt=10.78.0
stop() {
	local i
	on "$1" virsh -q shutdown "$d" > /dev/null
	for ((i = 0; i < 100; i++)); do
		[ "$(state_on "$1" "$d")" != "shut off" ] || return 0
		sleep 0.2
	done
	return 1
}

# carry FROM TO: bases that TO lacks, then the instance directory
carry() {
	local path=var/lib/nova/instances base
	for base in $(on "$1" ls "/$path/_base"); do
		on "$2" test -e "/$path/_base/$base" && continue
		on "$1" tar -C / -Sc "$path/_base/$base" | on "$2" tar -C / -xS
		on "$2" touch "/$path/_base/$base"
	done
	on "$1" tar -C / -Sc --exclude console.log "$path/$u" |
		on "$2" tar -C / -xSp
}

# move FROM TO
move() {
	stop "$1" || not_ok "it stops on $1"
	db "UPDATE instances SET vm_state = 'stopped', power_state = 4
		WHERE uuid = '$u'"
	on "$1" virsh -q dumpxml --inactive "$d" |
		sed "s/$mgmt.${1#compute-}'/$mgmt.${2#compute-}'/g" > "$work/xml"
	on "$1" virsh -q undefine "$d" > /dev/null
	carry "$1" "$2"
	on "$1" rm -r "/var/lib/nova/instances/$u"
	db "UPDATE instances SET host = '$2', node = '$2.sandbox.example'
		WHERE uuid = '$u' AND host = '$1'"
	on "$2" virsh -q define "$work/xml" > /dev/null
	on "$2" virsh -q start "$d" > /dev/null
	db "UPDATE instances SET vm_state = 'active', power_state = 1
		WHERE uuid = '$u'"
	wait_console "$2" "$u" '^@guest ready' || not_ok "it is ready on $2"
}
move compute-30 compute-34
is "the same birth mark on compute-34" "$(birth_on compute-34 "$u")" "$birth"
is "its second boot" "$(count_on compute-34 "$u")" 2
is "it runs on one host" "$(runs_on "$u")" compute-34
like "its ephemeral disk came along" "$(console_on compute-34 "$u")" \
	"^@guest disk dev=vdb .*label='label hand count=1'"
like "its config drive came along" "$(console_on compute-34 "$u")" \
	'^\| hand made$'
ip=$(console_on compute-34 "$u" | sed -n 's/^@guest nic dev=eth0 .*ip=//p')
like "it answers on the network" \
	"$(on controller timeout 5 bash -c "head -n 1 < /dev/tcp/$ip/7777")" \
	"^@guest here hand count=2 birth=$birth"
is "its disk belongs to nova when it is stopped" "$(stop compute-34 &&
	on compute-34 stat -c %U:%G "/var/lib/nova/instances/$u/disk")" nova:nova
on compute-34 virsh -q start "$d" > /dev/null
wait_console compute-34 "$u" '^@guest ready'

move compute-34 compute-30
is "the same birth mark back on compute-30" "$(birth_on compute-30 "$u")" "$birth"
is "its fourth boot" "$(count_on compute-30 "$u")" 4
finish
