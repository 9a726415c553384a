#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the operator's machine is lost, journal and all, at the start of any step
# of a move or within it.  audit finds the job by the hosts' manifests, and
# audit --fix with a new journal finishes it or rolls it back.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"

lost() { # STEP DELAY
	local rc=0 stopped rewritten id new=$S/journal/new.db
	case="journal lost at $1+$2"
	begin
	tidy "$away"
	cut_at -d "$2" "$1" || rc=$?
	if [ "$rc" = 0 ]; then
		skip "$case" "the move was faster"
		runs "$away" 1
		return
	fi
	id=$(sed -n 's/^job \(j-[a-z0-9]*\):.*/\1/p' "$work/cut")
	stopped=$(mark stop)
	rewritten=$(mark rewrite)
	rm -f "$S"/journal/*.db*
	nh --journal "$new" audit > "$work/out" 2>&1 < /dev/null
	if [ "$1" = claim ] && ! grep -q "$id" "$work/out"; then
		is "$case: nothing was done yet" \
			"$(grep -Ec 'open-job|lease' "$work/out")" 0
		# what earlier jobs keep is unknown to a new journal
		expect "$case: kept copies" 0 nh --journal "$new" audit --fix --yes
	else
		expect "$case: audit reports it" 5 nh --journal "$new" audit
		like "$case: the job and what to do" "$(cat "$work/out")" \
			"$id.*audit --fix"
		expect "$case: audit --fix" 0 nh --journal "$new" audit --fix --yes
	fi
	promise "$case: after audit"
	if [ "$rewritten" = "done" ]; then
		n_resumed=$((n_resumed + 1))
		runs "$away" 1
	elif [ "$rewritten" = running ] && [ "$(db_host)" = "$away" ]; then
		n_resumed=$((n_resumed + 1))
		runs "$away" 1
	else
		n_rolled=$((n_rolled + 1))
		is "$case: it is where it was" "$(db_host)" "$home"
		case $stopped in
		done | undone) runs "$home" 1 ;;
		pending) runs "$home" 0 ;;
		*) is "$case: it runs on" "$(runs_on "$u")" "$home" ;;
		esac
	fi
	expect "$case: nothing is left to do" 0 nh --journal "$new" audit
}

subject audit --meta fill-mib=16
cases=()
for s in "${steps[@]}"; do
	cases+=("$s 0" "$s 0.$((RANDOM % 4))$((RANDOM % 10))")
done
while read -r s delay; do
	lost "$s" "$delay"
done < <(pick "${cases[@]}")

# --- a host that does not answer: of no job, then the target of one

silent() {
	local new=$S/journal/new.db id
	case="a host does not answer"
	begin
	tidy "$away"
	cut_at final-copy
	id=$(sed -n 's/^job \(j-[a-z0-9]*\):.*/\1/p' "$work/cut")
	rm -f "$S"/journal/*.db*
	sed '/^\[ssh\]/aconnect_timeout = 3' "$S/novahaul.conf" > "$work/conf"
	chmod 600 "$work/conf"
	sb crash "$away" > /dev/null 2>&1
	expect "$case: it is the target" 5 nh --config "$work/conf" \
		--journal "$new" audit --fix --yes
	like "$case: and is named" "$(cat "$work/out")" \
		"^unreachable +$away .*could not be looked at"
	like "$case: the job is not touched" "$(cat "$work/out")" \
		"^unknown .*$id .*$away could not be looked at"
	is "$case: nothing is started" "$(state_on "$home" "$u") $(runs_on "$u")" \
		'absent '
	holds "$case: the only copy stays" on "$home" test -e \
		"/var/lib/nova/instances/.novahaul/$id/source/instance/disk"
	sb up > /dev/null 2>&1 || give_up "$case: the target comes back"
	printf '[host:compute-99]\naddress = 10.78.0.99\n' >> "$work/conf"
	expect "$case: it is no job's" 5 nh --config "$work/conf" \
		--journal "$new" audit --fix --yes
	like "$case: it is named" "$(cat "$work/out")" \
		'^unreachable +compute-99 .*could not be looked at'
	like "$case: and the job is finished" "$(cat "$work/out")" \
		"^open-job .*$id +true"
	promise "$case: after audit"
	runs "$home" 1
	expect "$case: nothing is left to do" 0 nh --journal "$new" audit
}
silent

# --- disks: a disk.info that speaks of another place, a base that is gone

disks() {
	local dir=/var/lib/nova/instances new=$S/journal/new.db
	case="disks"
	begin
	on "$home" cp -p "$dir/$u/disk.info" "$dir/$u/disk.info.away"
	on "$home" sed -i "s,$dir/,/elsewhere/," "$dir/$u/disk.info"
	on "$home" mv "$dir/_base" "$dir/_base.away"
	# what the lost jobs left there, only the journal made since knows
	expect "$case: audit finds them" 5 nh --journal "$new" audit
	like "$case: the base is missed" "$(cat "$work/out")" \
		"^base-missing +$home .*critical +$u "
	like "$case: the record is wrong" "$(cat "$work/out")" \
		"^disk-info-wrong +$home .*warning +$u "
	on "$home" mv "$dir/_base.away" "$dir/_base"
	on "$home" mv "$dir/$u/disk.info.away" "$dir/$u/disk.info"
	expect "$case: nothing is left to say" 0 nh --journal "$new" audit
}
disks
report
finish
