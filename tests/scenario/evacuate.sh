#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a host is evacuated to two others, several guests of mixed kinds at a
# time under one bandwidth limit, and the controller is killed with SIGKILL again
# and again at random moments; each time it is resumed from another directory
# with the journal alone.  Then they return: every guest is home and has booted
# once for each move, and nothing is left behind.
# Drawn in a sample: it needs minutes and a sandbox of its own.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# A sandbox of its own, with a third host.
export NOVAHAUL_SANDBOX=$NOVAHAUL_SANDBOX-evacuate
export NOVAHAUL_SANDBOX_COMPUTES="30 34 36"
S=$NOVAHAUL_SANDBOX
home=compute-30
# shellcheck disable=SC2317 # by the trap
end_sandbox() {
	[ -n "${KEEP:-}" ] || sb down --purge > /dev/null 2>&1
	cleanup
}
trap end_sandbox EXIT
need_novahaul
need_sandbox

names=() uuids=() counts=() births=()
add() { # NAME OPTION...
	local u
	u=$(guest "$1" "$home" "${@:2}") || give_up "guest $1 boots"
	names+=("$1")
	uuids+=("$u")
	counts+=("$(count_on "$home" "$u")")
	births+=("$(birth_on "$home" "$u")")
}
kills=20
if [ -n "$SAMPLE" ]; then
	kills=$((SAMPLE < 3 ? 2 : 3))
fi
add ev-plain --meta fill-mib=64
add ev-eph --eph 1 --meta scribble-kib=256
add ev-off --no-start
if [ -z "$SAMPLE" ]; then
	add ev-scribble --meta scribble-kib=512
	add ev-swap --swap 64
	add ev-uefi --uefi
	add ev-bare --no-drive
	add ev-acpi --meta ignore-acpi=1
	add ev-ovs --ovs
	add ev-fill --meta fill-mib=200
	add ev-two
	add ev-off2 --no-start --eph 1
fi
on controller mkdir -p "$work/elsewhere"

newest() { nh jobs -f value 2> /dev/null | awk '$1 ~ /^b-/ { print $1; exit }'; }
batch_state() {
	nh jobs -f value 2> /dev/null | awk -v b="$1" '$1 == b { print $2 }'
}
# begin DIR ARG...: novahaul in the background; its pid there is in $work/pid
begin() {
	rm -f "$work/pid"
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'cd "$1" && echo $$ > "$2" && shift 2 &&
		exec novahaul "$@"' begin "$1" "$work/pid" "${@:2}" \
		> "$work/out" 2> "$work/err" < /dev/null &
	runner=$!
}
killed() {
	on controller kill -9 "$(cat "$work/pid")" 2> /dev/null
	{ wait "$runner"; } 2> /dev/null
}
# One host at most can run a guest, whatever happened.
promise() {
	local i n bad=
	for i in "${!uuids[@]}"; do
		n=$(runs_on "${uuids[i]}" | grep -c .)
		[ "$n" -le 1 ] || bad="$bad ${names[i]}:$n"
	done
	is "$1: every guest runs once at most" "${bad:-none}" none
}
# torn KILLS ARG...: runs it, killed so often; the last one goes to its end
torn() {
	local left=$1 before i rc
	shift
	before=$(newest)
	begin / "$@"
	for ((i = 0; i < 600; i++)); do
		b=$(newest)
		[ -z "$b" ] || [ "$b" = "$before" ] || break
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.3
	done
	if [ -z "$b" ] || [ "$b" = "$before" ]; then
		give_up "$1 has a batch" "$(tail -n 20 "$work/err")"
	fi
	while [ "$left" -gt 0 ]; do
		sleep "$((RANDOM % 6)).$((RANDOM % 10))"
		killed
		promise "$1, killed"
		left=$((left - 1))
		[ "$(batch_state "$b")" = interrupted ] || break
		begin "$work/elsewhere" resume "$b" --yes
	done
	if [ "$(batch_state "$b")" = interrupted ] || kill -0 "$runner" 2> /dev/null; then
		rc=0
		wait "$runner" || rc=$?
		is "$1: the last one ends well" "$rc" 0
		[ "$rc" = 0 ] || tail -n 20 "$work/out" "$work/err"
	fi
	is "$1: the batch is" "$(batch_state "$b")" "done"
	is "$1: no job is open" "$(nh jobs --open -f value)" ''
}
where() { db "SELECT host FROM instances WHERE uuid = '$1'"; }

torn $((kills - 1)) evacuate "$home" --yes --parallel 6 --bwlimit 40M
for i in "${!uuids[@]}"; do
	u=${uuids[i]}
	h=$(where "$u")
	like "${names[i]} is away" "$h" '^compute-3[46]$'
	[ -z "${counts[i]}" ] || {
		holds "${names[i]} booted there" wait_console "$h" "$u" '@guest up'
		is "${names[i]} runs there alone" "$(runs_on "$u")" "$h"
	}
done
is "$home is empty" "$(db "SELECT COUNT(*) FROM instances
	WHERE host = '$home' AND deleted = 0")" 0
expect "evacuating an empty host" 4 nh evacuate "$home" --yes

torn 1 return "$home" --yes --parallel 6
for i in "${!uuids[@]}"; do
	u=${uuids[i]}
	is "${names[i]} is home" "$(where "$u")" "$home"
	if [ -z "${counts[i]}" ]; then
		is "${names[i]} stayed off" "$(state_on "$home" "$u")" "shut off"
		continue
	fi
	want=$((counts[i] + 2))
	holds "${names[i]} has booted once for each move" \
		wait_console "$home" "$u" "@guest up count=$want "
	is "${names[i]} is the same one" "$(birth_on "$home" "$u")" "${births[i]}"
	is "${names[i]} runs at home alone" "$(runs_on "$u")" "$home"
done
expect "nobody is away" 4 nh return "$home" --yes
holds "the kept copies are purged" nh purge --older-than 1s --yes
for h in compute-30 compute-34 compute-36; do
	is "$h: no work directory is left" \
		"$(find "$S/hosts/$h/nova/instances/.novahaul" -maxdepth 1 \
			-name 'j-*' 2> /dev/null | grep -c .)" 0
done
for h in compute-34 compute-36; do
	is "$h: no domain is left" "$(on "$h" virsh -q list --all --name | grep -c .)" 0
done
finish
