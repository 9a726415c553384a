#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a target dies, as by a power cut, in the middle of an evacuation.  What
# was half there goes back by itself and then to another host, also when the
# controller is killed with SIGKILL right after it has decided that; where no
# other host is left the guest runs on where it was; one whose database row names
# the dead host already waits for it, open.  When the host is back it starts
# nothing, and audit sweeps it.  None is lost, none runs twice.
# Full run only: it needs minutes and a sandbox of its own.
# shellcheck disable=SC2317 # the cases are called by name
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
export NOVAHAUL_SANDBOX=$NOVAHAUL_SANDBOX-retreat
export NOVAHAUL_SANDBOX_COMPUTES="30 34 36"
S=$NOVAHAUL_SANDBOX
home=compute-30 dying=compute-34 other=compute-36
end_sandbox() {
	[ -n "${KEEP:-}" ] || sb down --purge > /dev/null 2>&1
	cleanup
}
trap end_sandbox EXIT
need_novahaul
need_sandbox

names=() uuids=() births=()
declare -A boots
add() { # NAME OPTION...
	local u
	u=$(guest "$1" "$home" "${@:2}") || give_up "guest $1 boots"
	names+=("$1")
	uuids+=("$u")
	births+=("$(birth_on "$home" "$u")")
	boots[$u]=$(count_on "$home" "$u")
}
add rt-big --meta fill-mib=150
add rt-large --eph 1 --meta fill-mib=150
# nor are these there before the host dies
add rt-small --flat --meta fill-mib=60
add rt-off --no-start
head -c 60M /dev/urandom > "$S/noise"
echo "write -q -s $S/noise 512M 60M" | on "$home" qemu-io -f qcow2 \
	"/var/lib/nova/instances/${uuids[-1]}/disk" > /dev/null ||
	give_up "rt-off has something to bring"
rm -f "$S/noise"
on controller mkdir -p "$work/elsewhere"

newest() { nh jobs -f value 2> /dev/null | awk '$1 ~ /^b-/ { print $1; exit }'; }
batch_state() {
	nh jobs -f value 2> /dev/null | awk -v b="$1" '$1 == b { print $2 }'
}
where() { db "SELECT host FROM instances WHERE uuid = '$1'"; }
# begin DIR ARG...: novahaul in the background; its pid there is in $work/pid
begin() {
	local i before
	before=$(newest)
	rm -f "$work/pid"
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'cd "$1" && echo $$ > "$2" && shift 2 &&
		exec novahaul "$@"' begin "$1" "$work/pid" "${@:2}" \
		> "$work/out" 2> "$work/err" < /dev/null &
	runner=$!
	[ "$2" != resume ] || return
	for ((i = 0; i < 300; i++)); do
		b=$(newest)
		[ -z "$b" ] || [ "$b" = "$before" ] || return
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.3
	done
	give_up "$case: it has a batch" "$(tail -n 20 "$work/err")"
}
# steps_at STEP: "STATE" of it, of each open job that goes to the dying host
steps_at() {
	local j
	for j in $(nh jobs --open -f value | awk '$1 ~ /^j-/ { print $1 }'); do
		nh show "$j" -f json | perl -MJSON::PP -0777 -e '
			my $o = decode_json(<STDIN>);
			exit if ($o->{to} // $o->{target} // "") ne $ARGV[1];
			for (@{$o->{steps}}) {
				print "$_->{state}\n" if $_->{step} eq $ARGV[0];
			}' "$1" "$dying"
	done
}
# until_at N STEP STATE: N jobs on their way to the dying host are so far
until_at() {
	local i
	for ((i = 0; i < 200; i++)); do
		[ "$(steps_at "$2" | grep -cx "$3")" -lt "$1" ] || return 0
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.3
	done
	give_up "$case: $1 are at $2" "$(tail -n 20 "$work/err")"
}
# The database says of all that they are on the dying host: their jobs go on
# from there, however far each is.
until_all_rewritten() {
	local i u n
	for ((i = 0; i < 200; i++)); do
		n=0
		for u in "${uuids[@]}"; do
			[ "$(where "$u")" != "$dying" ] || n=$((n + 1))
		done
		[ "$n" -lt "${#uuids[@]}" ] || return 0
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.3
	done
	give_up "$case: all are rewritten" "$(tail -n 20 "$work/err")"
}
ends() { # EXIT
	local rc=0
	wait "$runner" || rc=$?
	is "$case: it ends" "$rc" "$1"
	[ "$rc" = "$1" ] || tail -n 30 "$work/out" "$work/err" | sed 's/^/#   /'
}
says() { # REGEX
	like "$case: it says" "$(cat "$work/err")" "$1"
}
# One place each, and so many boots since before as MORE lists: "12", 1 or 2.
all_on() { # HOST MORE
	local i u n
	for i in "${!uuids[@]}"; do
		u=${uuids[i]}
		is "$case: ${names[i]} is on" "$(where "$u")" "$1"
		if [ -z "${boots[$u]}" ]; then
			is "$case: ${names[i]} is off" "$(state_on "$1" "$u")" 'shut off'
			continue
		fi
		# one that had been stopped already has started at home again
		[ "$2" = 0 ] || holds "$case: ${names[i]} has booted" wait_console \
			"$1" "$u" "^@guest up count=($((boots[$u] + 1))|$((boots[$u] + 2))) "
		wait_console "$1" "$u" '^@guest ready'
		n=$(($(count_on "$1" "$u") - boots[$u]))
		like "$case: ${names[i]} has booted so often" "$n" "^[$2]$"
		boots[$u]=$((boots[$u] + n))
		is "$case: ${names[i]} is the same one" \
			"$(birth_on "$1" "$u")" "${births[i]}"
		is "$case: ${names[i]} runs there alone" "$(runs_on "$u")" "$1"
	done
	is "$case: none is locked" \
		"$(db "SELECT COUNT(*) FROM instances WHERE locked = 1")" 0
	is "$case: no job is open" "$(nh jobs --open -f value)" ''
}
# The dead host is switched on again.
revive() {
	sb up > /dev/null 2>&1
	local h
	for h in "${uuids[@]}"; do
		like "$case: at most one host runs it when $dying is back" \
			"$(runs_on "$h" | grep -c .)" '^[01]$'
	done
	nh audit --fix --yes > "$work/out" 2> "$work/err" < /dev/null
	expect "$case: nothing is left for audit" 0 nh audit
	is "$case: no domain is left on $dying" \
		"$(on "$dying" virsh -q list --all --name | grep -c .)" 0
}
go_home() {
	local u
	nh purge --older-than 1s --yes > /dev/null 2>&1
	expect "$case: they come home" 0 nh return "$home" --yes
	for u in "${uuids[@]}"; do
		[ -z "${boots[$u]}" ] || {
			boots[$u]=$((boots[$u] + 1))
			wait_console "$home" "$u" "^@guest up count=${boots[$u]} " &&
				wait_console "$home" "$u" '^@guest ready'
		}
	done
	nh purge --older-than 1s --yes > /dev/null 2>&1
}
# A plan that sends all to the dying host, though the other one may be used.
plan() { # OPTION...
	rm -f "$work/plan"
	expect "$case: the plan" 0 nh evacuate "$home" --to "$dying,$other" \
		--parallel 4 "$@" -o "$work/plan"
	perl -pi -e "s/(\"target\": )\"$other\"/\$1\"$dying\"/" "$work/plan"
}

half_there() {
	case="dies in pre-copy"
	plan --bwlimit 2M
	begin / apply "$work/plan" --yes
	until_at 2 precopy running
	sleep 2
	sb crash "$dying"
	nh limit "$b" off > /dev/null 2>&1
	ends 0
	says "$dying does not answer"
	says "goes back to $home, without $dying"
	says "goes to $other instead of $dying"
	is "$case: the batch is" "$(batch_state "$b")" "done"
	all_on "$other" 12
	revive
	go_home
}

controller_killed() {
	local i
	case="dies, and the controller too"
	plan --bwlimit 2M --no-precopy
	begin / apply "$work/plan" --yes
	until_at 2 final-copy running
	sleep 1
	sb crash "$dying"
	# nobody may have to connect anew until 30 s without a sign of life are over
	for ((i = 0; i < 1200; i++)); do
		! grep -q 'goes back to' "$work/err" || break
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.05
	done
	on controller kill -9 "$(cat "$work/pid")"
	{ wait "$runner"; } 2> /dev/null
	says 'goes back to'
	is "$case: the batch is" "$(batch_state "$b")" interrupted
	nh limit "$b" off > /dev/null 2>&1
	begin "$work/elsewhere" resume "$b" --yes
	ends 0
	says "goes to $other instead of $dying"
	all_on "$other" 12
	revive
	go_home
}

nowhere_else() {
	case="dies, and is the only target"
	begin / evacuate "$home" --to "$dying" --bwlimit 2M --no-precopy \
		--parallel 4 --yes
	until_at 2 final-copy running
	sleep 1
	sb crash "$dying"
	nh limit "$b" off > /dev/null 2>&1
	ends 1
	says "none of the targets of the plan answers; it stays on $home"
	is "$case: the batch is" "$(batch_state "$b")" failed
	all_on "$home" 01
	revive
}

past_return() {
	case="dies after the rewrite"
	# a start that takes for ever, and neither fails nor ends before the host dies
	printf '#!/bin/sh\nexec sleep 600\n' > "$S/slow"
	chmod 755 "$S/slow"
	begin / evacuate "$home" --to "$dying" --bwlimit 2M --no-precopy \
		--parallel 4 --yes
	# no plan sends anything to a host whose emulator does not answer
	until_at 4 final-copy running
	on "$dying" mount --bind "$S/slow" /usr/bin/qemu-system-x86_64
	nh limit "$b" off > /dev/null 2>&1
	until_all_rewritten
	sb crash "$dying"
	ends 3
	says "$dying does not answer"
	says "novahaul resume $b once it answers again"
	local u
	for u in "${uuids[@]}"; do
		is "$case: it runs nowhere meanwhile" "$(runs_on "$u")" ''
	done
	sb up > /dev/null 2>&1
	expect "$case: resume" 0 nh resume "$b" --yes
	says "$dying answers again"
	all_on "$dying" 1
	go_home
}

half_there
cases=(controller_killed nowhere_else past_return)
[ -z "$SAMPLE" ] || cases=("${cases[RANDOM % 3]}")
# ONLY='CASE CASE': these instead
for c in ${ONLY:-"${cases[@]}"}; do
	"$c"
done
finish
