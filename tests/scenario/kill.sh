#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: novahaul is killed with SIGKILL at the start of every step of a real
# move, and at random moments within; the guest can be started by one host at
# most and a whole copy of it exists.  Then resume finishes the move, or rollback
# restores the world, or is refused because the guest may have run, and resume
# finishes it after all.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"

back() {
	local rc=0 stopped started
	stopped=$(mark stop)
	started=$(mark start)
	nh rollback last --yes > "$work/out" 2> "$work/err" < /dev/null || rc=$?
	if [ "$rc" = 5 ] && [ "$started" != pending ]; then
		n_refused=$((n_refused + 1))
		ok "$case: rollback is refused (exit 5)"
		told "$case: it says why and what next" \
			'runs|has run|complete' 'novahaul (resume|move)'
		promise "$case: after the refusal"
		[ "$(job_state)" != open ] || resume
		runs "$away" 1
		return
	fi
	is "$case: rollback (exit $rc)" "$rc" 0
	[ "$rc" = 0 ] || tail -n 3 "$work/err" | sed 's/^/#   /'
	rolled_back "$stopped"
}

one() { # STEP DELAY RECOVERY
	local rc=0
	case="$1+$2 $3"
	begin
	tidy "$away"
	[ "$3" = resume ] || world before
	cut_at -d "$2" "$1" || rc=$?
	if [ "$rc" = 0 ]; then
		skip "$case" "the move was faster"
		promise "$case"
		runs "$away" 1
		return
	fi
	is "$case: killed" "$rc" 137
	[ "$rc" = 137 ] || give_up "$case" "$(tail -n 5 "$work/cut")"
	promise "$case: after the kill"
	if [ "$3" = rollback ]; then
		back
	else
		resume
		runs "$away" 1
		is "$case: the job is" "$(job_state)" "done"
	fi
}

share=1
subject kill --meta fill-mib=24
cases=()
for s in "${steps[@]}"; do
	cases+=("$s 0 resume" "$s 0 rollback")
done
for ((i = 0; i < 8; i++)); do
	s=${steps[RANDOM % ${#steps[@]}]}
	r=resume
	[ $((i % 2)) = 0 ] || r=rollback
	cases+=("$s 0.$((RANDOM % 10))$((RANDOM % 10)) $r")
done
while read -r s delay recovery; do
	one "$s" "$delay" "$recovery"
done < <(pick "${cases[@]}")
report
finish
