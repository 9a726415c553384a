#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: two evacuations at the same time never take the same room twice and never
# wait for each other for ever: they cross (each empties the other's target), or
# both go to one host that has room for one of them only.  With one journal, and
# with two that know nothing of each other.  Every guest ends up on one host,
# booted once for each move.
# Full run only: it needs minutes and a sandbox of its own.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
export NOVAHAUL_SANDBOX=$NOVAHAUL_SANDBOX-cross
export NOVAHAUL_SANDBOX_COMPUTES="30 34 36"
S=$NOVAHAUL_SANDBOX
a=compute-30 b=compute-34 third=compute-36
# shellcheck disable=SC2317 # by the trap
end_sandbox() {
	[ -z "${watcher:-}" ] || kill "$watcher" 2> /dev/null
	[ -n "${KEEP:-}" ] || sb down --purge > /dev/null 2>&1
	cleanup
}
trap end_sandbox EXIT
need_novahaul
need_sandbox

uuids=() births=()
declare -A boots name
add() { # NAME HOST
	local u
	u=$(guest "$1" "$2") || give_up "guest $1 boots"
	uuids+=("$u")
	name[$u]=$1
	births+=("$(birth_on "$2" "$u")")
	boots[$u]=$(count_on "$2" "$u")
}
add x1 "$a"
add y1 "$b"
add x2 "$a"
add y2 "$b"

# room N: for so many guests on each host, of one processor each
room() {
	db "UPDATE compute_nodes SET vcpus = $1, cpu_allocation_ratio = 1"
	echo "$1" > "$work/room"
}
# more on a host than there is room for, at any moment: a line in $work/over
watch_room() {
	local most
	while sleep 0.5; do
		read -r most < "$work/room" || continue
		db "SELECT host, SUM(vcpus) FROM instances WHERE deleted = 0
			GROUP BY host HAVING SUM(vcpus) > $most" \
			>> "$work/over" 2> /dev/null
	done
}
: > "$work/over"
room 8
watch_room &
watcher=$!

where() { db "SELECT host FROM instances WHERE uuid = '$1'"; }
# go TAG ARG...: novahaul in the background; $work/TAG.err is what it says
go() {
	nh "${@:2}" > "$work/$1.out" 2> "$work/$1.err" < /dev/null &
	pids[$1]=$!
}
declare -A pids
ends() { # TAG EXIT
	local rc=0
	wait "${pids[$1]}" || rc=$?
	is "$case: $1 ends" "$rc" "$2"
	[ "$rc" = "$2" ] || tail -n 20 "$work/$1.err" | sed 's/^/#   /'
}
settled() { # all moved once more, run alone, and are the same
	local i u h
	for i in "${!uuids[@]}"; do
		u=${uuids[i]}
		h=$(where "$u")
		boots[$u]=$((boots[$u] + 1))
		holds "$case: ${name[$u]} has booted once more" wait_console "$h" \
			"$u" "^@guest up count=${boots[$u]} "
		is "$case: ${name[$u]} runs on its host alone" "$(runs_on "$u")" "$h"
		is "$case: ${name[$u]} is the same one" \
			"$(birth_on "$h" "$u")" "${births[i]}"
		wait_console "$h" "$u" '^@guest ready'
	done
	is "$case: no host ever had more than it has room for" \
		"$(cat "$work/over")" ''
	is "$case: none is locked" \
		"$(db "SELECT COUNT(*) FROM instances WHERE locked = 1")" 0
}
on_host() { db "SELECT COUNT(*) FROM instances WHERE deleted = 0 AND host = '$1'"; }
# purge J...: the kept copies of each journal
purge() {
	local j
	for j in "$@"; do
		nh --journal "$j" purge --older-than 1s --yes > /dev/null 2>&1
	done
}

# crossing WHAT JOURNAL JOURNAL
crossing() {
	case="crossing, $1"
	room 4
	local x
	x=$(where "${uuids[0]}")
	go one --journal "$2" evacuate "$a" --to "$b" --yes
	go two --journal "$3" evacuate "$b" --to "$a" --yes
	ends one 0
	ends two 0
	is "$case: they have changed places" "$(where "${uuids[0]}")" \
		"$([ "$x" = "$a" ] && echo "$b" || echo "$a")"
	settled
	purge "$2" "$3"
}

# Both plans are made before either runs; only one of them has room.
crowding() {
	local i
	case="both to one host, two journals"
	room 2
	go one --journal "$work/one.db" evacuate "$a" --to "$third" -o "$work/one"
	go two --journal "$work/two.db" evacuate "$b" --to "$third" -o "$work/two"
	ends one 0
	ends two 0
	go one --journal "$work/one.db" apply "$work/one" --yes
	go two --journal "$work/two.db" apply "$work/two" --yes
	for ((i = 0; i < 240; i++)); do
		[ "$(on_host "$third")" != 2 ] || break
		sleep 0.5
	done
	sleep 5
	is "$case: as many as there is room for" "$(on_host "$third")" 2
	like "$case: the others are told why" "$(cat "$work/one.err" "$work/two.err")" \
		"$third has no room for it now: .* processors would be taken of 2"
	room 4
	ends one 0
	ends two 0
	is "$case: with more room all go" "$(on_host "$third")" 4
	settled
	purge "$work/one.db" "$work/two.db"
}

# What one batch has yet to begin is room that the other's plan does not have.
planned() {
	local i rc=0
	case="both to one host, one journal"
	room 4
	# home again, two by two
	go one --journal "$work/one.db" return "$a" --yes
	go two --journal "$work/two.db" return "$b" --yes
	ends one 0
	ends two 0
	settled
	purge "$work/one.db" "$work/two.db"
	room 2
	expect "$case: the plan" 0 nh evacuate "$b" --to "$third" -o "$work/late"
	go one evacuate "$a" --to "$third" --parallel 1 --yes
	for ((i = 0; i < 200; i++)); do
		[ -z "$(nh jobs --open -f value)" ] || break
		sleep 0.2
	done
	nh apply "$work/late" --yes > "$work/out" 2> "$work/err" < /dev/null || rc=$?
	is "$case: the second is refused" "$rc" 5
	like "$case: it says why" "$(cat "$work/err")" "$third"
	ends one 0
	is "$case: as many as there is room for" "$(on_host "$third")" 2
	is "$case: no host ever had more than it has room for" \
		"$(cat "$work/over")" ''
}

crossing "two journals" "$work/one.db" "$work/two.db"
crossing "one journal" "$S/journal/cross.db" "$S/journal/cross.db"
crowding
[ -n "$SAMPLE" ] || planned
finish
