#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the source of a move loses its power in the middle.  Without proof that it
# is off nothing goes on without it (exit 6).  From the pre-copy the move is undone
# without it, and a rescue brings the guest up from its disks; from the final pass
# it is finished from the disks; from a whole copy it is finished without them.
# When the source is back its leavings are settled, and nothing starts twice.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2317 # functions that `expect` and `holds` call
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"
# shellcheck source=tests/scenario/lib-disks.sh
. "$(dirname "$0")/lib-disks.sh"

back() {
	local h
	for h in compute-30 compute-34; do
		taken_off $h
		nh fence $h --forget --yes > /dev/null 2>&1
	done
	sb up > /dev/null 2>&1
}
trap 'end_frozen; back; cleanup' EXIT

alone() { nh "$1" last --source-dead --yes "${@:2}"; }
row() { db "SELECT host, vm_state, locked FROM instances WHERE uuid = '$u'"; }
# dies STEP: the move is cut there, and then its source
dies() {
	case=$1
	begin
	cut_at "$1"
	job=$(nh show last -f json | grep -o -m 1 'j-[a-z2-7]\{8\}')
	sb crash "$home"
	expect "$case: without a proof it does not go on" 6 alone resume
	expect "$case: ... nor back" 6 alone rollback
	expect "$case: the proof" 0 proven "$home"
}
# ends: the job ends when its source is back
ends() {
	back
	holds "$case: $home is back" rsh "$home" true
	expect "$case: the job ends" 0 nh resume last --yes
	promise "$case: at the end"
	is "$case: its source does not have it" "$(state_on "$home" "$u")" absent
	tidy "$home"
}

subject half

# --- in the pre-copy: back, then a rescue

dies precopy
expect "$case: forward is not the way" 5 alone resume
like "$case: ... it says which is" "$(cat "$work/err")" 'rollback j-.* --source-dead'
expect "$case: it is undone without its source" 0 alone rollback
like "$case: ... it says what comes next" "$(cat "$work/err")" \
	"novahaul rescue $home .* $u"
is "$case: ... the row is as it was" "$(row)" "$home	active	0"
is "$case: ... nothing is left on $away" \
	"$(on "$away" ls "$nova/.novahaul" 2> /dev/null | grep '^j-')" ''
holds "$case: its disks are mounted" mounted "$home" "$away"
expect "$case: it is rescued" 0 nh rescue "$home" "$u" \
	--disks "$away:$root$nova" --to "$away" --yes
runs "$away" 1
back
expect "$case: $home is back, and swept" 0 nh audit --fix --job "$job" \
	"$home" --yes
is "$case: ... its lease and directory are gone" \
	"$(on "$home" ls "$nova/.novahaul" 2> /dev/null | grep '^j-')" ''
expect "$case: ... and readmitted" 0 nh readmit "$home" --yes
is "$case: ... it does not have it" "$(state_on "$home" "$u")" absent

# --- in the final pass: from its disks

dies final-copy
expect "$case: back is not the way" 5 alone rollback
expect "$case: nor forward without its disks" 5 alone resume
like "$case: ... it says what is" "$(cat "$work/err")" 'resume j-.* --source-dead --disks'
holds "$case: its disks are mounted" mounted "$home" "$away"
frozen "$home" disks
expect "$case: it is finished from its disks" 3 alone resume \
	--disks "$away:$root$nova"
runs "$away" 1
frozen "$home" now
same "$case: the disks" disks now
ends

# --- with a whole copy

dies rewrite
expect "$case: back is not the way" 5 alone rollback
expect "$case: it is finished without its source" 3 alone resume
runs "$away" 1
ends

is "promises broken" $violations 0
finish
