#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a service of the cloud that does not answer, one at a time, when a move
# is planned and in the middle of one.  At planning a move by the API is refused
# (exit 5), names the service and has changed nothing; else it is told that SQL
# takes its place (s-dark.sh goes on from there).  In the middle the move goes back
# by itself (exit 1), or is left open (exit 3) and, when the service is back, is
# finished by resume or undone by rollback; never half.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2034,SC2317 # for lib-faults.sh; the cases are called by name
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/../scenario/lib-faults.sh"
need_cloud
need_novahaul

down=
stop() {
	down=$1
	service stop controller "$1"
}
start() {
	holds "$case: $1 is back" service start controller "$1"
	down=
}
# what was stopped runs again, whatever happens
trap 'end_frozen; [ -z "$down" ] || service start controller "$down"; cleanup' EXIT

# is_at HOST MORE: all of it is there, nothing elsewhere, MORE boots later
is_at() {
	local h=$1
	if [ "$2" != 0 ]; then
		wait_console "$h" "$u" "^@guest up count=$((count + $2)) " 90
	fi
	wait_console "$h" "$u" '^@guest ready' 60
	is "$case: the guest, once" "$(runs_on "$u") $(count_on "$h" "$u") $(
		birth_on "$h" "$u")" "$h $((count + $2)) $birth"
	is "$case: the database" "$(db "SELECT host, node, vm_state, task_state,
		power_state, locked FROM instances WHERE uuid = '$u'")" \
		"$h	$h.$domain	active	NULL	1	0"
	is "$case: its allocations" "$(allocated "$u")" "$h.$domain"
	holds "$case: its port" until_true 60 port_is "$u" "$h ACTIVE"
}
restored() { # restored MARK-OF-STOP
	local boots=0
	case $1 in done | undone) boots=1 ;; esac
	is_at "$home" "$boots"
	is "$case: the job is" "$(job_state)" rolled-back
	world after
	same_but_rollback "$case: the world" before after "$home" "$u"
}
moved() {
	is_at "$away" 1
	is "$case: the job is" "$(job_state)" "done"
	expect "$case: what it kept is purged" 0 nh purge last --yes
}

planning() { # SERVICE
	local c
	case="$1 is down at planning"
	begin
	until_true 60 port_is "$u" "$home ACTIVE"
	world before
	stop "$1"
	for c in check 'move --yes'; do
		# shellcheck disable=SC2086 # words
		expect "$case: $c by the API is refused" 5 \
			nh $c "$u" --to "$away" --control api
		like "$case: ... names what does not answer" \
			"$(cat "$work/out" "$work/err")" "${says[$1]}"
		like "$case: ... and says what to do" \
			"$(cat "$work/out" "$work/err")" 'when it answers'
	done
	expect "$case: else SQL takes its place" 0 nh check "$u" --to "$away"
	like "$case: ... which it says" "$(cat "$work/out" "$work/err")" \
		'written by SQL'
	world after
	same_but_rollback "$case: the world" before after "$home" "$u"
	start "$1"
}
# a service goes when STEP begins, of which it is not the user
middle() { # SERVICE STEP EXITS RECOVERY
	local rc took word stopped
	case="$1 goes at $2"
	begin
	until_true 60 port_is "$u" "$home ACTIVE"
	world before
	freeze "$2" || return
	stop "$1"
	thaw
	like "$case: exit code" "$rc" "^($3)\$"
	[ "$rc" = 0 ] || like "$case: it names what does not answer" \
		"$(< "$work/err")" "${says[$1]}"
	promise "$case"
	stopped=$(mark stop)
	start "$1"
	case $rc in
	0) moved ;;
	1) restored "$stopped" ;;
	3)
		is "$case: the job is" "$(job_state)" open
		case+=", then $4"
		expect "$case" 0 nh "$4" last --yes
		if [ "$4" = resume ]; then moved; else restored "$stopped"; fi
		;;
	esac
}
# a job that was killed when STEP began is rolled back without the service; its
# guest was not to be started, so it may go back from far
back() { # SERVICE STEP
	local stopped
	case="$1 is down on the way back from $2"
	begin
	until_true 60 port_is "$u" "$home ACTIVE"
	world before
	cut_at "$2" --no-start
	is "$case: killed" $? 137
	stop "$1"
	expect "$case: it stays open" 3 nh rollback last --yes
	like "$case: it names what does not answer" "$(< "$work/err")" "${says[$1]}"
	is "$case: the job is" "$(job_state)" open
	promise "$case"
	stopped=$(mark stop)
	start "$1"
	expect "$case: rollback when it answers" 0 nh rollback last --yes
	restored "$stopped"
}

declare -A says=([keystone]='Keystone|identity|:5000' [placement]='[Pp]lacement'
	[neutron-server]='Neutron|network' [nova-api]='Nova|compute'
	[rabbitmq]='.')
u=$(server down compute-30) || give_up "a server boots"
birth=$(birth_on compute-30 "$u")
nh check "$u" --to compute-34 > /dev/null 2>&1
cases=('planning keystone' 'planning placement' 'planning neutron-server'
	'middle placement install 1 -' 'middle keystone install [013] resume'
	'middle neutron-server allocations 3 resume'
	'middle neutron-server allocations 3 rollback'
	'middle nova-api install [03] resume'
	'back placement rewrite' 'back neutron-server verify')
# minutes: what Nova has accepted is waited for
[ -n "${SAMPLE:-}" ] || cases+=('middle rabbitmq install [03] resume')
# CASES: those that match this
mapfile -t cases < <(printf '%s\n' "${cases[@]}" | grep -E -- "${CASES:-.}")
share=1
while read -r -a c; do
	begun=$SECONDS
	"${c[@]}"
	echo "# $case: $((SECONDS - begun)) s"
done < <(SAMPLE=${SAMPLE:+2} pick "${cases[@]}")
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
