#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: SIGINT and SIGTERM finish the current record and leave a job that can be
# resumed, twice in a row; so does a kill during the resume; and a job is resumed
# from another directory with nothing but the journal.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2317 # the cases are called by name
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"

# again SIGNAL STEP: the resume, cut as well
again() {
	local rc=0
	on controller "$S/lib/kill-at" -s "$1" "$2" novahaul resume last --yes \
		> "$work/err" 2>&1 < /dev/null || rc=$?
	n_cut=$((n_cut + 1))
	return "$rc"
}

interrupted() { # SIGNAL STEP LATER
	local rc=0
	case="SIG$1 at $2, then $3"
	begin
	tidy "$away"
	cut_at -s "$1" "$2" || rc=$?
	cp "$work/cut" "$work/err"
	is "$case: exit code" "$rc" 3
	told "$case: it says what next" 'interrupted' 'novahaul resume'
	is "$case: the job is" "$(job_state)" open
	promise "$case"
	rc=0
	again "$1" "$3" || rc=$?
	if [ "$rc" = 0 ] && [ "$3" = release ]; then
		# the last record was the one under way
		is "$case: the job is" "$(job_state)" "done"
		runs "$away" 1
		return
	fi
	is "$case: exit code of the resume" "$rc" 3
	told "$case: the resume says what next" 'novahaul resume'
	promise "$case: after the second"
	resume
	runs "$away" 1
}

killed_again() { # STEP LATER
	local rc=0
	case="killed at $1, resume killed at $2"
	begin
	tidy "$away"
	cut_at "$1" || rc=$?
	is "$case: killed" "$rc" 137
	rc=0
	again KILL "$2" || rc=$?
	is "$case: killed again" "$rc" 137
	promise "$case"
	mkdir -p "$S/journal/elsewhere"
	rm -f "$S/journal/elsewhere/"*
	cp "$S"/journal/journal.db* "$S/journal/elsewhere/"
	# from /, with that journal only
	expect "$case: resume with the journal alone" 0 \
		on controller env -C / -u NOVAHAUL_CONFIG novahaul \
		--config "$S/novahaul.conf" \
		--journal "$S/journal/elsewhere/journal.db" resume last --yes
	promise "$case: after resume"
	runs "$away" 1
	# The first journal does not know yet: resume finds it done, or that the
	# job was ended from elsewhere, and audit takes in what the hosts say.
	rc=0
	nh resume last --yes > "$work/out" 2> "$work/err" < /dev/null || rc=$?
	case $rc in
	0) ok "$case: the first journal finds it done" ;;
	7)
		told "$case: the first journal is told" 'another journal' \
			'novahaul audit'
		expect "$case: audit closes it there" 0 nh audit --fix --yes
		;;
	*) not_ok "$case: the first journal finds it done" \
		"exit $rc: $(tail -n 5 "$work/err")" ;;
	esac
	is "$case: the job is" "$(job_state)" "done"
	runs "$away" 1
}

subject signal --meta fill-mib=16
cases=('interrupted TERM final-copy define' 'interrupted INT claim disarm'
	'killed_again install define' 'interrupted INT stop rewrite'
	'killed_again disarm final-copy' 'killed_again stage-base precopy'
	'killed_again rewrite start' 'interrupted TERM start release'
	'killed_again define verify')
while read -r -a c; do
	"${c[@]}"
done < <(pick "${cases[@]}")
report
finish
