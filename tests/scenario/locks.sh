#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: while one novahaul moves an instance nobody else can: another move of it
# ends with exit 7 and says who has it, with the same journal or another; so do
# resume, rollback and audit --fix; purge is refused.  The first ends as if it had
# been alone.  Moves of other instances run beside it.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

u=$(guest held compute-30 --meta fill-mib=48) || give_up "a guest boots"
w=$(guest beside compute-34 --no-start) || give_up "another guest is made"
birth=$(birth_on compute-30 "$u")
other=$S/journal/other.db
rm -f "$other"*

nh move "$u" --to compute-34 --yes --bwlimit 2M > "$work/first.out" \
	2> "$work/first.err" < /dev/null &
first=$!
for ((i = 0; i < 300; i++)); do
	! grep -q '] precopy: ' "$work/first.err" || break
	kill -0 $first 2> /dev/null || break
	sleep 0.1
done
job=$(sed -n 's/^job \(j-[a-z0-9]*\):.*/\1/p' "$work/first.err")
like "a slow move has begun" "$job" '^j-[a-z0-9]{8}$'

# second WHAT EXIT REGEX WORD...
second() {
	local what=$1 want=$2 re=$3
	shift 3
	expect "$what" "$want" nh "$@"
	like "... and says who has it" "$(cat "$work/out" "$work/err")" "$re"
	kill -0 $first 2> /dev/null ||
		not_ok "$what: the first still runs" "$(tail -n 3 "$work/first.err")"
}
second "a second move" 7 "job $job" move "$u" --to compute-34 --yes
like "... and what to type" "$(cat "$work/err")" "^hint: novahaul .*$job"
second "a second move with another journal" 7 "job $job" \
	--journal "$other" move "$u" --to compute-34 --yes
like "... and on which machine it runs" "$(cat "$work/out" "$work/err")" \
	'controller'
second "check" 7 "job $job" check "$u" --to compute-34
second "resume" 7 "$job" resume "$job" --yes
second "rollback" 7 "$job" rollback "$job" --yes
second "purge" 5 "$job is open" purge "$job" --yes
second "another journal knows no such job" 2 "$job: no such job" \
	--journal "$other" resume "$job" --yes
# it leaves jobs alone that are attended
nh --journal "$other" audit --fix --yes > "$work/out" 2>&1 < /dev/null
like "audit --fix leaves it alone" "$(cat "$work/out")" "$job"
is "... and did not fix it" "$(grep -Ec "fixed.*$job.*(finished|yes)" "$work/out")" 0
nh jobs > "$work/out" 2>&1
like "jobs says that it is running" "$(cat "$work/out")" "^$job +running"
expect "a move of another instance runs beside it" 0 \
	nh move "$w" --to compute-30 --yes
wait $first
is "the first move ends well" "$?" 0
like "... after all this" "$(tail -n 5 "$work/first.out")" '^End +done'
wait_console compute-34 "$u" '^@guest ready' 120
is "the guest runs there, once, the same" \
	"$(runs_on "$u") $(birth_on compute-34 "$u") $(count_on compute-34 "$u")" \
	"compute-34 $birth 2"
is "nobody holds it any more" "$(db "SELECT locked, COUNT(*) FROM instances
	LEFT JOIN instance_system_metadata m ON m.instance_uuid = uuid
	AND m.\`key\` LIKE 'novahaul%' WHERE uuid = '$u' AND m.id IS NULL")" $'0\t1'
expect "a finished job is nothing to resume" 4 nh resume "$job" --yes
expect "and it can go back" 0 nh check "$u" --to compute-30
rm -f "$other"*
finish
