#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: no secret is in the arguments or the environment of any process that a
# move starts on any host, in what it prints at its most talkative, in the
# journal, in plans, in the hosts' manifests or logs; a wrong database password
# is an error that does not show it, and changes nothing.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2154 # passwords come from the settings
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul
command -v strace > /dev/null || skip_all "strace is not installed"

# shellcheck source=/dev/null
. "$S/settings"
{
	echo "$novahaul_password"
	echo "$nova_password"
	grep -v '^-' "$S/ssh/id_ed25519"
	# any OpenSSH or PEM key, so the one-job keys as well
	echo 'PRIVATE KEY-----'
	echo 'b3BlbnNzaC1rZXktdjE'
} > "$work/secrets"

# clean WHAT FILE...: none of the secrets is in any of the files
clean() {
	local what=$1 found
	shift
	found=$(grep -aFof "$work/secrets" "$@" 2> /dev/null | cut -c1-60)
	if [ "$#" = 0 ]; then
		not_ok "$what: there is something to look at"
	elif [ -z "$found" ]; then
		ok "no secret in $what"
	else
		not_ok "no secret in $what" "$found"
	fi
}
is "secrets are found where they are" "$(grep -aFof "$work/secrets" \
	"$S/novahaul.conf" "$S/ssh/id_ed25519" | wc -l)" \
	$((2 + 2 + $(grep -vc '^-' "$S/ssh/id_ed25519")))

u=$(guest secretive compute-30) || give_up "a guest boots"
rm -f "$S"/journal/secret.db*

# trace HOST: every program that sshd starts there from now on
# shellcheck disable=SC2016 # expanded there
trace() {
	on "$1" bash -c 'echo $$ > "$0" && exec strace -f -v -s 65535 \
		-e trace=execve -qq -o "$1" -p "$2"' "$work/pid.$1" \
		"$work/trace.$1" "$(< "$S/run/$1-sshd")" > /dev/null 2>&1 &
}
# a tracer has its host's pid, and outlives whoever started it
untrace() {
	local h
	for h in compute-30 compute-34; do
		[ ! -s "$work/pid.$h" ] ||
			on "$h" kill "$(< "$work/pid.$h")" 2> /dev/null
		rm -f "$work/pid.$h"
	done
}
trap 'untrace; cleanup' EXIT
trace compute-30
trace compute-34
sleep 1
on controller strace -f -v -s 65535 -e trace=execve -qq -o "$work/trace.nh" \
	novahaul -v -v --journal "$S/journal/secret.db" move "$u" \
	--to compute-34 --yes > "$work/out.move" 2> "$work/err.move" < /dev/null
is "a traced move ends well" "$?" 0
untrace
wait
like "the agents were seen to start" \
	"$(cat "$work/trace.compute-30" "$work/trace.compute-34")" \
	'execve\("/[^"]*/agent-[0-9a-f]{64}"'
like "... with their environment" "$(cat "$work/trace.compute-30")" '"PATH='
clean "arguments and environments on the controller" "$work/trace.nh"
clean "arguments and environments on the hosts" "$work"/trace.compute-*
clean "what it prints" "$work/out.move" "$work/err.move"
like "-v -v tells of programs and statements" "$(cat "$work/err.move")" \
	'compute-30: .*virsh .* undefine .*'
like "... of both" "$(cat "$work/err.move")" 'database: w\.'
clean "the journal" "$S"/journal/secret.db*
clean "the hosts' manifests" \
	"$S"/hosts/compute-*/nova/instances/.novahaul/*/manifest.json
clean "the hosts' logs" "$S"/hosts/compute-*/log/* "$S"/log/*-sshd
like "the manifest is root's own" "$(stat -c '%a %U' \
	"$S"/hosts/compute-*/nova/instances/.novahaul/*/manifest.json | sort -u)" \
	'^600 root$'
is "the journal is its owner's own" "$(stat -c %a "$S/journal/secret.db")" 600
for c in 'show last -f json' 'jobs -f json' "-v -v plan $u --to compute-30 -f json" \
	"-v -v check $u --to compute-30"; do
	# shellcheck disable=SC2086 # words
	nh --journal "$S/journal/secret.db" $c > "$work/out.c" 2>&1 < /dev/null
	clean "${c% "$u"*}" "$work/out.c"
done

# --- wrong credentials

world before
# wrong WHAT SED [REGEX]: with the configuration changed so
wrong() {
	local c rc
	sed "$2" "$S/novahaul.conf" > "$work/conf"
	chmod 600 "$work/conf"
	for c in check 'move --yes'; do
		# shellcheck disable=SC2086 # words
		nh -v -v --config "$work/conf" $c "$u" --to compute-30 \
			> "$work/out" 2>&1 < /dev/null
		rc=$?
		like "$1: $c fails ($rc)" "$rc" '^(1|2|5)$'
		like "... and says why" "$(cat "$work/out")" "$3"
		clean "... that" "$work/out"
		is "... nor a wrong one" "$(grep -c 'wr0ngpass' "$work/out")" 0
	done
}
wrong "a wrong password" "s/:$novahaul_password@/:wr0ngpass@/" \
	'error: .*([Aa]ccess denied|password)'
wrong "an unknown user" "s/novahaul:$novahaul_password@/nobody:wr0ngpass@/" \
	'error: .*[Aa]ccess denied'
wrong "no such database" "s,/nova_cell1,/nova_cell9," \
	'error: .*(nova_cell9|[Aa]ccess denied)'
wrong "a URL that is none" "s,@10[^/]*/,@:no:port/," 'error: '
wrong "a port where nothing listens" "s,@\([0-9.]*\)/,@\1:3399/," \
	'error: .*(3399|connect)'
echo x > "$work/key"
chmod 600 "$work/key"
wrong "a key that is none" "s,^identity.*,identity = $work/key," '(error: |refuse ).*(key|auth)'
ssh-keygen -q -t ed25519 -N '' -f "$work/key2"
wrong "a key that nobody knows" "s,^identity.*,identity = $work/key2," \
	'(error: |refuse ).*(key|auth)'
cp "$S/novahaul.conf" "$work/conf"
chmod 644 "$work/conf"
expect "a configuration that others can read" 0 \
	nh --config "$work/conf" check "$u" --to compute-30
like "... is warned about" "$(cat "$work/err")" 'chmod 600'
clean "... the warning" "$work/err"
expect "a journal's URL" 2 nh --journal "mysql://u:wr0ngpass@h/j" jobs
is "... is not repeated" "$(grep -c 'wr0ngpass' "$work/err")" 0
world after
mine="^[<>] compute-[0-9]*: /var/lib/nova/instances/$u/"
same "the world after wrong credentials" before after "$mine"
rm -f "$S"/journal/secret.db*
finish
