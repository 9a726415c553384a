#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a novahaul that is frozen with SIGSTOP in the middle of a move, and
# overtaken by resume from the same journal or by audit --fix with another one,
# changes nothing when it wakes up, and ends with exit 7.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"

overtaken() { # STEP DELAY BY
	local id
	case="frozen at $1+$2, overtaken by $3"
	begin
	tidy "$away"
	freeze -d "$2" "$1" || return
	id=$(sed -n 's/^job \(j-[a-z0-9]*\):.*/\1/p' "$work/cut")
	expect "$case: while its lease is fresh" 7 nh resume "$id" --yes
	sleep 12
	promise "$case: frozen"
	if grep -q 'database is locked' "$work/err" && [ "$3" = resume ]; then
		# frozen in a write: nobody else can use that journal
		thaw
		is "$case: it goes on" "$rc" 0
		runs "$away" 1
		return
	fi
	if [ "$3" = resume ]; then
		expect "$case: resume" 0 nh resume "$id" --yes
	else
		rm -f "$S/journal/other.db"*
		expect "$case: audit --fix" 0 nh --journal "$S/journal/other.db" \
			audit --fix --yes
	fi
	promise "$case: overtaken"
	home=$(db_host) # resume went on, audit may have gone back
	wait_console "$home" "$u" '^@guest ready'
	sleep 2
	world before
	thaw
	is "$case: the woken one's exit code" "$rc" 7
	[ "$rc" = 7 ] || tail -n 3 "$work/err" | sed 's/^/#   /'
	told "$case: it says who has the job" 'taken|another|stale|epoch'
	world after
	same "$case: the world" before after "${restored[@]}"
	promise "$case: awake"
	# its own journal may call the job open still: it is finished, or goes back
	nh resume "$id" --yes > "$work/out" 2> "$work/err" < /dev/null
	promise "$case: after a last resume"
	# what another journal has ended, this one hears of
	expect "$case: audit --fix" 0 nh audit --fix --yes
	like "$case: its own journal has no open job" "$(job_state)" \
		'^(done|rolled-back)$'
	promise "$case: after audit --fix"
	is "$case: it runs on one host" "$(runs_on "$u" | grep -c .)" 1
}

subject zombie --meta fill-mib=16
cases=('final-copy 0.05 resume' 'final-copy 0 audit' 'rewrite 0 audit'
	'disarm 0.3 resume' 'define 0 audit' 'start 0.2 resume' 'install 0 audit'
	'stop 0.1 resume' 'precopy 0.1 audit' 'stage-base 0.2 resume'
	'release 0 audit')
while read -r s delay by; do
	overtaken "$s" "$delay" "$by"
done < <(pick "${cases[@]}")
report
finish
