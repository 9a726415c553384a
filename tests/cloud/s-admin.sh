#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: what an administrator, whom Nova's lock does not stop, does to a server in
# the middle of its move.  A start and a hard reboot find nothing to start on the
# source, and nothing of them is left there.  After the start the move goes on.
# The reboot makes Nova call the server an error, which is not painted over: the
# move goes back (exit 1), the guest runs, and the administrator resets the state.
# A deletion ends the job (exit 1): nothing of the server runs or is left, but the
# disks that purge then drops.
# shellcheck disable=SC2034,SC2317 # for lib-faults.sh; called by name
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/../scenario/lib-faults.sh"
need_cloud
need_novahaul

# nova_rests: it works on nothing, by its database
nova_rests() {
	[ "$(db "SELECT task_state FROM instances WHERE uuid = '$u'")" = NULL ]
}
# frozen_at STEP
frozen_at() {
	begin
	until_true 60 port_is "$u" "$home ACTIVE"
	freeze "$1" || give_up "$case: a move is half-way"
}
# sound: wherever it is now, all of it is there, once
sound() {
	local h
	h=$(db_host)
	wait_console "$h" "$u" "^@guest up count=$((count + 1)) " 90
	wait_console "$h" "$u" '^@guest ready' 60
	is "$case: it runs where the database says, the same, once" \
		"$(runs_on "$u") $(birth_on "$h" "$u")" "$h $birth"
	is "$case: the database" "$(db "SELECT host, node, vm_state, task_state,
		power_state, locked FROM instances WHERE uuid = '$u'")" \
		"$h	$h.$domain	active	NULL	1	0"
	is "$case: its allocations" "$(allocated "$u")" "$h.$domain"
	holds "$case: its port" until_true 60 port_is "$u" "$h ACTIVE"
	is "$case: nothing of it is elsewhere" "$(state_on "$(other "$h")" "$u") $(
		on "$(other "$h")" ls /var/lib/nova/instances | grep -c "$u")" \
		'absent 0'
}
# does WHAT JSON END: the administrator does, in mid-move
does() {
	case="an administrator's $1"
	frozen_at final-copy
	act "$u" "$2"
	until_true 60 nova_rests
	is "$case: nothing runs" "$(runs_on "$u")" ''
	promise "$case"
	thaw
	is "$case: the move's end" "$rc $(job_state)" "$3"
}

u=$(server admin compute-30) || give_up "a server boots"
birth=$(birth_on compute-30 "$u")
does start '{"os-start": null}' '0 done'
sound
expect "$case: what it kept is purged" 0 nh purge last --yes

does reboot '{"reboot": {"type": "HARD"}}' '1 rolled-back'
told "$case: it says what is in the way" "vm_state is error"
is "$case: Nova's verdict stays" "$(db "SELECT host, vm_state, task_state,
	power_state, locked FROM instances WHERE uuid = '$u'")" \
	"$home	error	NULL	1	0"
act "$u" '{"os-resetState": {"state": "active"}}'
sound

case="an administrator's deletion"
frozen_at final-copy
api DELETE compute "/servers/$u"
holds "$case: Nova does it" until_true 90 gone compute "/servers/$u"
thaw
is "$case: the move ends" "$rc" 1
like "$case: it says why" "$(< "$work/err")" 'deleted'
is "$case: nothing runs" "$(runs_on "$u")" ''
is "$case: the job is" "$(job_state)" rolled-back
for h in compute-30 compute-34; do
	is "$case: no directory or domain on $h" "$(state_on "$h" "$u") $(
		on "$h" ls /var/lib/nova/instances | grep -c "$u")" 'absent 0'
done
job=$(nh show last | sed -n 's/^Job *//p')
is "$case: its disks are kept, on the source" "$(for h in compute-30 compute-34; do
	on "$h" test ! -e "/var/lib/nova/instances/.novahaul/$job/source/instance/disk" ||
		echo "$h"; done)" "$home"
expect "$case: purge drops them" 0 nh purge last --yes
for h in compute-30 compute-34; do
	is "$case: nothing of it is left on $h" "$(
		on "$h" find /var/lib/nova /etc/libvirt /var/lib/libvirt |
			grep -E "$u|$job")" ''
done
rows gone
is "$case: no row is left of it" "$(leftovers gone "$u")" ''
is "$case: nor a port" "$(api GET network "/ports?device_id=$u" |
	jq '.ports | length')" 0
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
