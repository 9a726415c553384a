#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a host with 12 guests of mixed kinds is evacuated to two others, several
# at a time under one bandwidth limit, while novahaul is killed with SIGKILL at 20
# random moments: the controller alone, or all of its processes, and then the
# journal goes to another place as well.  Each time it is resumed from another
# directory with the journal alone.  Then they return: every guest is home, has
# booted once for each move, and is the same byte by byte where it was off; the
# database says what it said before, and nothing is left behind.
# Full run only: it needs minutes and a sandbox of its own.  SAMPLE=N in the
# environment makes it 3 guests and few kills.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# A sandbox of its own, with a third host.
export NOVAHAUL_SANDBOX=$NOVAHAUL_SANDBOX-evacuate
export NOVAHAUL_SANDBOX_COMPUTES="30 34 36"
S=$NOVAHAUL_SANDBOX
home=compute-30 others=(compute-34 compute-36)
# shellcheck disable=SC2317 # by the trap
end_sandbox() {
	[ -n "${KEEP:-}" ] || sb down --purge > /dev/null 2>&1
	cleanup
}
trap end_sandbox EXIT
need_novahaul
need_sandbox
nova=/var/lib/nova/instances
# Raw disks may go only where Nova makes such.
for h in $home "${others[@]}"; do
	on "$h" sed -i 's/^use_cow_images = .*/use_cow_images = False/' \
		/etc/nova/nova.conf
done
# where the journal is at present
journal=$S/journal/journal.db places=0
nh() { on controller novahaul --journal "$journal" "$@"; }

# --- guests

# counts: of the boots so far; off: it is not to be started by a move
names=() uuids=() counts=() births=() off=()
add() { # NAME OPTION...
	local u
	u=$(guest "$1" "$home" "${@:2}") || give_up "guest $1 boots"
	names+=("$1")
	uuids+=("$u")
	counts+=("$(count_on "$home" "$u")")
	births+=("$(birth_on "$home" "$u")")
	off+=("$([ "$(state_on "$home" "$u")" = running ] || echo off)")
}
# Has run, and was stopped by its owner.
add_stopped() { # NAME OPTION...
	local i u
	add "$@"
	u=${uuids[-1]}
	on "$home" virsh -q shutdown "$u" > /dev/null
	for ((i = 0; i < 300; i++)); do
		[ "$(state_on "$home" "$u")" = running ] || break
		sleep 0.2
	done
	is "$1 is shut off" "$(state_on "$home" "$u")" "shut off"
	db "UPDATE instances SET vm_state = 'stopped', power_state = 4
		WHERE uuid = '$u'"
	off[-1]=off
}

kills=20 limit=24M
if [ -n "$SAMPLE" ]; then
	kills=$((SAMPLE < 3 ? 2 : 3)) limit=40M
fi
ovs=()
! on "$home" ovs-vsctl br-exists br-int 2> /dev/null || ovs=(--ovs)
add ev-plain --meta fill-mib=64
add ev-disks --eph 1 --swap 64 --meta scribble-kib=256 --meta fill-mib=32
add ev-raw-off --no-start --raw
if [ -z "$SAMPLE" ]; then
	add ev-flat --flat
	add ev-raw --raw --no-drive
	add ev-swap --swap 64 --no-drive
	add ev-tpm --uefi --vtpm
	add ev-bare --no-drive
	add ev-acpi --meta ignore-acpi=1
	add ev-ovs "${ovs[@]}"
	add ev-fill --meta fill-mib=200 --meta scribble-kib=512
	add_stopped ev-off2 --eph 1 --meta fill-mib=24
	for h in "${others[@]}"; do
		sb secret ev-tpm "$h"
	done
fi
tpm_mark() {
	console_on "$1" "${uuids[$2]}" | sed -n 's/^@guest nvram mark=//p' |
		tail -n 1
}

# --- killing

newest() { nh jobs -f value 2> /dev/null | awk '$1 ~ /^b-/ { print $1; exit }'; }
batch_state() {
	nh jobs -f value 2> /dev/null | awk -v b="$1" '$1 == b { print $2 }'
}
# how far it is: "done 3, open 2, pending 7"
progress() {
	nh show "$1" -f json 2> /dev/null | perl -MJSON::PP -0777 -ne '
		my %n; $n{$_->{state}}++ for @{decode_json($_)->{members}};
		print join ", ", map { "$_ $n{$_}" } sort keys %n' 2> /dev/null
}
# begin ARG...: novahaul in the background, in a directory of its own; its pid
# there is in $work/pid
begin() {
	places=$((places + 1))
	on controller mkdir -p "$work/place-$places"
	rm -f "$work/pid"
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'cd "$1" && echo $$ > "$2" && shift 2 &&
		exec novahaul "$@"' begin "$work/place-$places" "$work/pid" \
		--journal "$journal" "$@" \
		> "$work/out" 2> "$work/err" < /dev/null &
	runner=$!
}
# The host has only what the test started: all of its own pids.
all_novahauls() { on controller pgrep -x novahaul; }
kill_all() {
	local i
	for ((i = 0; i < 50; i++)); do
		# shellcheck disable=SC2046 # pids
		on controller kill -9 $(all_novahauls) 2> /dev/null
		[ -n "$(all_novahauls)" ] || return 0
	done
	give_up "all of novahaul is dead"
}
# The journal, and nothing else, goes elsewhere.
move_journal() {
	local to=$S/operator-$places
	on controller mkdir -m 700 "$to"
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'mv "$1"* "$2"' mv "$journal" "$to/"
	journal=$to/$(basename "$journal")
}
# fails when there was nothing to be killed
killed() {
	[ -n "$(batch_state "$b")" ] && kill -0 "$runner" 2> /dev/null || return 1
	if [ $((RANDOM % 2)) = 0 ]; then
		how="alone"
		on controller kill -9 "$(cat "$work/pid")" 2> /dev/null || return 1
	else
		how="with all its processes"
		kill_all
		move_journal
	fi
	local rc=0
	{ wait "$runner"; } 2> /dev/null || rc=$?
	[ "$rc" = 137 ]
}
# One host at most can run a guest, whatever happened: no QEMU twice.
promise() {
	local h twice
	twice=$(for h in "$home" "${others[@]}"; do
		on "$h" bash -c 'cat /proc/[0-9]*/cmdline 2> /dev/null' |
			tr '\0' '\n' | awk 'last == "-uuid"; { last = $0 }'
	done | sort | uniq -d)
	is "$1: every guest runs once at most" "${twice:-none}" none
}

done_kills=0 resume_s=0
# torn KILLS ARG...: runs it, killed so often; the last one goes to its end
torn() {
	local left=$1 before i rc=0 after from
	shift
	before=$(newest)
	begin "$@" --yes
	for ((i = 0; i < 2000; i++)); do
		b=$(newest)
		[ -z "$b" ] || [ "$b" = "$before" ] || break
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.3
	done
	if [ -z "$b" ] || [ "$b" = "$before" ]; then
		give_up "$1 has a batch" "$(tail -n 20 "$work/err")"
	fi
	while [ "$left" -gt 0 ]; do
		after=$((RANDOM % pace)).$((RANDOM % 10))
		sleep "$after"
		killed || break
		done_kills=$((done_kills + 1)) left=$((left - 1))
		echo "# $1, kill $done_kills: $how after $after s: $(progress "$b")"
		promise "$1, kill $done_kills"
		[ "$(batch_state "$b")" = interrupted ] || break
		begin resume "$b" --yes
	done
	from=$SECONDS
	wait "$runner" || rc=$?
	resume_s=$((SECONDS - from))
	is "$1: the last one ends well" "$rc" 0
	[ "$rc" = 0 ] || tail -n 20 "$work/out" "$work/err"
	is "$1: the batch is" "$(batch_state "$b")" "done"
	is "$1: no job is open" "$(nh jobs --open -f value)" ''
}

# --- what must hold

where() { db "SELECT host FROM instances WHERE uuid = '$1'"; }
# is_there I HOST: guest I is there, whole, and nowhere else
is_there() {
	local n=${names[$1]} u=${uuids[$1]} host=$2 other
	is "$n: host and node" "$(db "SELECT host, node FROM instances
		WHERE uuid = '$u'")" "$host"$'\t'"$host.sandbox.example"
	for other in "$home" "${others[@]}"; do
		[ "$other" = "$host" ] ||
			is "$n is not defined on $other" \
				"$(state_on "$other" "$u")" absent
	done
	if [ -n "${off[$1]}" ]; then
		is "$n stayed off" "$(state_on "$host" "$u")" "shut off"
		return
	fi
	counts[$1]=$((counts[$1] + 1))
	holds "$n has booted once more" wait_console "$host" "$u" \
		"@guest up count=${counts[$1]} " 300
	holds "$n is ready" wait_console "$host" "$u" '^@guest ready' 300
	is "$n is the same one" "$(birth_on "$host" "$u")" "${births[$1]}"
	is "$n: no boot more" "$(count_on "$host" "$u")" "${counts[$1]}"
	is "$n runs there alone" "$(runs_on "$u")" "$host"
	[ "$n" != ev-tpm ] ||
		is "$n: its NVRAM" "$(tpm_mark "$host" "$1")" "$mark"
}

# A first look leaves the agents on the hosts, and tells how fast they are: a
# kill comes at most that much later.
t=$SECONDS
expect "a plan" 0 nh evacuate "$home" --dry-run
pace=$((3 * (SECONDS - t)))
pace=$((pace < 10 ? 10 : pace > 40 ? 40 : pace))
world before
mark=
[ -n "$SAMPLE" ] || mark=$(tpm_mark "$home" 6)
trips=0 left=$kills
while [ $trips = 0 ] || [ $done_kills -lt "$kills" ]; do
	[ $trips -lt 3 ] || give_up "$kills kills in three trips"
	trips=$((trips + 1))
	left=$((kills - done_kills))
	t=$SECONDS
	torn $((left - 1)) evacuate "$home" --parallel 5 --bwlimit $limit
	echo "# evacuated in $((SECONDS - t)) s with $done_kills kills so far;" \
		"the last run took $resume_s s"
	used=
	for i in "${!uuids[@]}"; do
		h=$(where "${uuids[i]}")
		like "${names[i]} is away" "$h" '^compute-3[46]$'
		used="$used $h"
		is_there "$i" "$h"
	done
	like "they went to both" "$used" 'compute-34.*compute-36|compute-36.*compute-34'
	is "$home is empty" "$(db "SELECT COUNT(*) FROM instances
		WHERE host = '$home' AND deleted = 0")" 0
	is "... and runs nothing" \
		"$(on "$home" virsh -q list --all --name | grep -c .)" 0
	expect "evacuating an empty host" 4 nh evacuate "$home" --yes

	left=$((kills - done_kills))
	t=$SECONDS
	torn $((left > 1 ? left : 1)) return "$home" --parallel 5
	echo "# returned in $((SECONDS - t)) s with $done_kills kills so far;" \
		"the last run took $resume_s s"
	for i in "${!uuids[@]}"; do
		is_there "$i" "$home"
	done
	expect "nobody is away" 4 nh return "$home" --yes
done

is "each has two migrations a trip, confirmed" "$(db "SELECT
	COUNT(*), SUM(status = 'confirmed'), COUNT(DISTINCT instance_uuid)
	FROM migrations" | tr '\t' ' ')" \
	"$((2 * trips * ${#uuids[@]})) $((2 * trips * ${#uuids[@]})) ${#uuids[@]}"
is "... and two actions of the kind" "$(db "SELECT COUNT(*) FROM
	instance_actions WHERE action = 'migrate' AND message IS NULL")" \
	$((2 * trips * ${#uuids[@]}))
holds "the kept copies are purged" nh purge --older-than 1s --yes
world after
# What guests that run write; the rows that tell of the moves; the images that
# both targets have now.
changes=()
for i in "${!uuids[@]}"; do
	# stays behind, unless --console-log is given
	changes+=("^< $home: $nova/${uuids[i]}/console\.log type=file ")
	[ -n "${off[i]}" ] || changes+=(
		"^[<>] $home: $nova/${uuids[i]}/(disk[.a-z0-9]*|console\.log) type=file .* owner="
		"^[<>] $home: /var/lib/libvirt/(swtpm/${uuids[i]}/|qemu/nvram/)")
done
same "all of it, but for what the moves have told of themselves," before after \
	'^[<>] nova_cell1\.instances\[[0-9]*\]\.updated_at=' \
	'^> nova_cell1\.(migrations|instance_actions(_events)?)\[' \
	'^> compute-3[46]: /var/lib/nova/instances/_base/' \
	': /var/lib/libvirt/qemu/(channel/target/)?domain-[0-9]' \
	'^> compute-3[46]: /var/lib/libvirt/swtpm type=dir' \
	"${changes[@]}"

# Those that were off start at home.
for i in "${!uuids[@]}"; do
	[ -n "${off[i]}" ] || continue
	holds "${names[i]} starts" sb boot "${names[i]}"
	is "${names[i]}: its boots" "$(count_on "$home" "${uuids[i]}")" \
		"$((${counts[i]:-0} + 1))"
	[ -z "${births[i]}" ] ||
		is "${names[i]} is the same one" \
			"$(birth_on "$home" "${uuids[i]}")" "${births[i]}"
done
figure "evacuate: guests" "${#uuids[@]}" ''
figure "evacuate: kills of novahaul" "$done_kills" ''
finish
