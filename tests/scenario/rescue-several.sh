#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: compute-30 is cut off from power; its guests come up on compute-34
# several at once, as one batch under one bandwidth limit.  All of novahaul is
# killed with SIGKILL in the middle: the batch is rolled back as a whole to what
# was, or resumed from another directory with the journal alone.  Where the
# proof does not stand any more it is left as it is (exit 6), and goes on with
# the next one.  Nothing on the dead host's disks changes, and one that is
# refused stops no other.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2317 # functions that `expect` and `holds` call
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

# shellcheck source=tests/scenario/lib-disks.sh
. "$(dirname "$0")/lib-disks.sh"

unmounted() {
	taken_off compute-34
	sb up > /dev/null 2>&1
}
places=0
trap 'kill_all; unmounted; on controller rm -rf "$S"/rescuer-*; cleanup' EXIT

# a journal of its own, which goes from one directory to the next
journal=$S/rescuer-0/journal.db
on controller mkdir -m 700 "$S/rescuer-0" || give_up "a place for the journal"
nhj() { nh --journal "$journal" "$@"; }
rescue() {
	nhj rescue compute-30 --disks "compute-34:$root$nova" --to compute-34 "$@"
}
prove() {
	nhj fence compute-30 --statement "compute-30 is off" --by "the test" \
		--reason 'its power was cut' --yes
}
host_of() { db "SELECT host FROM instances WHERE uuid = '$1'"; }

# The controller has only what the test started.
kill_all() {
	local i pids
	for ((i = 0; i < 50; i++)); do
		pids=$(on controller pgrep -x novahaul) || return 0
		# shellcheck disable=SC2086 # pids
		on controller kill -9 $pids 2> /dev/null
	done
	return 1
}
# begin ARG...: novahaul in the background, in a directory of its own
begin() {
	places=$((places + 1))
	on controller mkdir -p "$work/place-$places"
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'cd "$1" && shift && exec novahaul "$@"' begin \
		"$work/place-$places" --journal "$journal" "$@" \
		> "$work/run.out" 2> "$work/run.err" < /dev/null &
	runner=$!
}
open_jobs() { nhj jobs --open -f value 2> /dev/null | grep -c '^j-'; }
# torn WHAT: a rescue of all, killed when several are at work; $b is its batch
torn() {
	local i rc=0
	begin rescue compute-30 --disks "compute-34:$root$nova" --to compute-34 \
		--parallel 3 --bwlimit 2M --yes
	for ((i = 0; i < 1000; i++)); do
		[ "$(open_jobs)" -lt 2 ] || break
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.3
	done
	[ "$(open_jobs)" -ge 2 ] ||
		give_up "$1: several are at work" "$(tail -n 20 "$work/run.err")"
	ok "$1: several are at work at once"
	b=$(nhj jobs -f value | awk '$1 ~ /^b-/ { print $1; exit }')
	holds "$1: all of novahaul is killed" kill_all
	{ wait "$runner"; } 2> /dev/null || rc=$?
	is "... by that" "$rc" 137
	# the journal, and nothing else, goes elsewhere
	on controller mkdir -m 700 "$S/rescuer-$places"
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'mv "$1"* "$2"' mv "$journal" "$S/rescuer-$places/"
	journal=$S/rescuer-$places/journal.db
	is "... the batch is" \
		"$(nhj show "$b" -f json | json state)" interrupted
}
# json KEY: of the object that is read
json() {
	perl -MJSON::PP -0777 -e 'print decode_json(<STDIN>)->{$ARGV[0]}' "$1"
}
# states: how many members are in which, of the newest batch
states() {
	nhj show "$b" -f json | perl -MJSON::PP -0777 -e '
		my %n; $n{$_->{state}}++ for @{decode_json(<STDIN>)->{members}};
		print join ", ", map { "$_ $n{$_}" } sort keys %n'
}

# --- five guests, and their host dies

web=$(guest several-web compute-30 --eph 1) || give_up "a guest boots"
all=("$web")
for i in 1 2 3; do
	u=$(guest "several-$i" compute-30 --flat --no-start) ||
		give_up "guest $i is made"
	all+=("$u")
done
hurt=$(guest several-hurt compute-30 --no-start) || give_up "a fifth is made"
birth=$(birth_on compute-30 "$web")
declare -A sum
for u in "${all[@]:1}"; do
	sum[$u]=$(sum_on compute-30 "$nova/$u/disk")
done
# which nobody can bring up: Nova is at work on it
db "UPDATE instances SET task_state = 'rebooting' WHERE uuid = '$hurt'"

sb crash compute-30
holds "compute-30's file systems are mounted read-only" mounted compute-30 compute-34
frozen compute-30 dead
rows before
expect "without proof that it is off" 6 rescue --yes
is "... there is no batch" "$(nhj jobs -f value | grep -c '^b-')" 0
expect "the proof" 0 prove
expect "a dry run shows the plans, and who is refused" 5 rescue --dry-run \
	-f json
is "... of all others" "$(grep -c '"facts_digest"' "$work/out")" 4
is "... there is no batch" "$(nhj jobs -f value | grep -c '^b-')" 0
rows after
same "the database" before after

# --- killed, and rolled back as a whole

torn "killed"
echo "# $(states)"
expect "... it is rolled back as a whole" 0 nhj rollback "$b" --yes
is "... no job is open" "$(open_jobs)" 0
rows after
same "... the database" before after '\.updated_at=' \
	'^> nova_cell1\.(migrations|instance_actions(_events)?)\['
for u in "${all[@]}"; do
	is "... nothing of $u is on compute-34" \
		"$(on compute-34 ls -d "$nova/$u" 2> /dev/null)" ''
done
expect "... it does not go on" 4 nhj resume "$b" --yes

# --- killed, resumed without a proof, and with one

torn "killed again"
expect "the proof is withdrawn" 0 nhj fence compute-30 --forget --yes
expect "... nothing goes on" 6 nhj resume "$b" --yes
like "... it says what to do" "$(cat "$work/err")" \
	"^hint: novahaul fence compute-30, then novahaul resume $b"
like "... what had not begun is left so" "$(states)" 'pending'
for u in "${all[@]}"; do
	is "... $u is where it was" "$(host_of "$u")" compute-30
done
expect "it is proven anew" 0 prove
start=$SECONDS
expect "... and all go on" 0 nhj resume "$b" --yes
figure "rescue: 4 guests resumed" $((SECONDS - start)) s
is "... the batch is" "$(nhj show "$b" -f json | json state)" "done"
is "... of kind" "$(nhj show "$b" -f json | json kind)" rescue
is "... no job is open" "$(open_jobs)" 0
for u in "${all[@]}"; do
	is "... $u is on compute-34" "$(host_of "$u")" compute-34
done
for u in "${all[@]:1}"; do
	is "... $u has its own disk" "$(sum_on compute-34 "$nova/$u/disk")" \
		"${sum[$u]}"
done
wait_console compute-34 "$web" '^@guest ready' 120 ||
	not_ok "it is ready" "$(console_on compute-34 "$web" | tail -n 5)"
is "the one that ran is the same guest" "$(birth_on compute-34 "$web")" "$birth"
is "... and boots once" "$(count_on compute-34 "$web")" 2
is "the one that was refused is where it was" "$(host_of "$hurt")" compute-30
frozen compute-30 now
same "the dead host's disks" dead now

# --- what others make of such a batch

expect "nobody returns from it" 5 nhj return "$b" --yes
like "... it is none" "$(cat "$work/err")" 'no evacuation, but a rescue'
expect "what is complete does not go back" 5 nhj rollback "$b" --yes
is "... nothing of it does" "$(states)" 'done 4'
is "... the one that runs goes on" "$(runs_on "$web")" compute-34
expect "what is left is refused still" 5 rescue --yes
frozen compute-30 now
same "the dead host's disks" dead now
db "UPDATE instances SET task_state = NULL WHERE uuid = '$hurt'"
expect "one alone is a plain job" 0 rescue --yes
is "... it is there" "$(host_of "$hurt")" compute-34
is "... and was no batch" \
	"$(nhj jobs -f value | awk '$1 ~ /^b-/ { print $1; exit }')" "$b"
is "no lease, no work is left" \
	"$(on compute-34 ls -A "$nova/.novahaul" 2> /dev/null | grep -v '^leases$')" ''

# --- it comes back

unmounted
for u in "${all[@]}"; do
	is "$u runs on no other host" "$(runs_on "$u" | grep -v compute-34)" ''
done
finish
