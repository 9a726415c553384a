#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: two operators on machines of their own share a journal in MariaDB.  They
# move one guest at the same time: it is moved once, and who comes second is told
# who has it and what to type.  The password stands in no command line, log,
# journal or manifest.
# Full run only: two moves of a guest that boots.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_novahaul
need_sandbox

secret=t0pS3cr3t-$RANDOM$RANDOM
at=$(sed -n 's/^connection = .*@\([0-9.]*\)\/nova_cell1$/\1/p' "$S/novahaul.conf")
url=mysql://operator@$at/operators
root_sql() { on controller mariadb -N -S "$S/mysql/sock" -uroot; }
root_sql << X || give_up "the journal's database is made"
DROP DATABASE IF EXISTS operators;
CREATE DATABASE operators;
CREATE OR REPLACE USER operator@'%' IDENTIFIED BY '$secret';
GRANT ALL ON operators.* TO operator@'%';
X
# shellcheck disable=SC2317 # by the trap
end_operators() {
	rm -f "$work/secret"
	echo "DROP DATABASE operators; DROP USER operator@'%'" | root_sql
	cleanup
} 2> /dev/null
trap end_operators EXIT
# What a stranger on the controller sees of what runs there.
echo "$secret" > "$work/secret"
# shellcheck disable=SC2016 # expanded there
on controller bash -c 'while sleep 0.3 && [ -e "$0" ]; do
	cat /proc/[0-9]*/cmdline 2> /dev/null | tr "\0" "\n" |
	grep -F -f "$0"; done' "$work/secret" > "$work/seen" 2> /dev/null &
watcher=$!

# op A|B ARG...: novahaul of one operator, whose output is in $work/A.out and
# .err, its pid on his machine in $work/A.pid.  B has a name and a numbering of
# processes of his own.
cat > "$work/op" << 'X'
#!/bin/bash
[ "$1" = A ] || hostname operator-b
echo $$ > "$2.pid"
dir=$3
shift 3
cd "$dir" && exec novahaul "$@"
X
chmod +x "$work/op"
op() {
	local who=$1 ns=()
	shift
	[ "$who" = A ] || ns=(unshare --uts --pid --fork --mount-proc --kill-child)
	mkdir -p "$work/home-$who"
	NOVAHAUL_JOURNAL_PASSWORD=$secret on controller "${ns[@]}" "$work/op" \
		"$who" "$work/$who" "$work/home-$who" --journal "$url" "$@" \
		> "$work/$who.out" 2> "$work/$who.err" < /dev/null
}
both() { # ARG...: at the same time; the exit codes are in $a and $b
	local pa pb
	a=0 b=0
	op A "$@" &
	pa=$!
	op B "$@" &
	pb=$!
	wait "$pa" || a=$?
	wait "$pb" || b=$?
}
where() { db "SELECT host FROM instances WHERE uuid = '$1'"; }
moves_of() { # UUID: jobs that are done
	echo "SELECT count(*) FROM operators.jobs WHERE instance = '$1'
		AND state = 'done'" | root_sql
}
# Guests that run, each of which counts its boots; in a sample they are off, and
# have as much to copy.
off=()
[ -z "$SAMPLE" ] || off=(--no-start)
alone() { # WHAT UUID HOST: it is there, and runs nowhere else
	is "$1: it is on $3" "$(where "$2")" "$3"
	is "$1: it runs there alone, if it runs" "$(runs_on "$2")" "$([ -n "$SAMPLE" ] || echo "$3")"
}
booted() { # WHAT HOST UUID COUNT
	if [ -n "$SAMPLE" ]; then
		is "$1: it is there, and off" "$(state_on "$2" "$3")" "shut off"
	else
		holds "$1: it booted there" wait_console "$2" "$3" \
			"@guest up count=$4 " 300
	fi
}
# shellcheck disable=SC2317 # by holds
fill() { # UUID
	[ -n "$SAMPLE" ] || return 0
	head -c 64M /dev/urandom > "$work/random"
	on compute-30 qemu-io -c "write -s $work/random 256M 64M" \
		"$(instance_dir compute-30 "$1")/disk" > /dev/null
}
u=$(guest op-one compute-30 --meta fill-mib=150 "${off[@]}") ||
	give_up "a guest boots"
holds "there is something to copy" fill "$u"
nu=$(count_on compute-30 "$u")

# --- one guest
for round in 1 2; do
	from=compute-$((round == 1 ? 30 : 34)) to=compute-$((round == 1 ? 34 : 30))
	both move "$u" --to "$to" --yes
	winner=A loser=B code=$b
	[ "$a" = 0 ] || winner=B loser=A code=$a
	is "move $round: one has moved it" "$(((a == 0) + (b == 0)))" 1
	# Who asks when it is over finds it there already.
	like "move $round: exit code of the other" "$code" '^[47]$'
	[ "$code" != 7 ] || {
		like "move $round: the other is told of the job" \
			"$(cat "$work/$loser.err")" 'j-[a-z2-7]{8}'
		like "move $round: and what to type" "$(cat "$work/$loser.err")" \
			'^hint: .*novahaul (watch|resume|show|jobs)'
	}
	is "move $round: the journal has it once" "$(moves_of "$u")" "$round"
	booted "move $round" "$to" "$u" "$((nu + round))"
	alone "move $round ($winner)" "$u" "$to"
	is "move $round: $from has no domain of it" "$(state_on "$from" "$u")" absent
done

# --- the password
op A jobs -f value
id=$(awk '$1 ~ /^j-/ { print $1; exit }' "$work/A.out")
for words in jobs "show $id" "watch $id" "report $id" "audit" "fence compute-34 --show" \
	"purge --older-than 1s --yes" "check $u --to compute-34"; do
	# shellcheck disable=SC2086 # words
	op A $words
	code=$?
	if [ "$code" = 2 ] || grep -q 'Access denied' "$work/A.err"; then
		not_ok "${words%% *} takes the password of the environment" \
			"exit $code: $(cat "$work/A.err")"
	else
		ok "${words%% *} takes the password of the environment"
	fi
done
(
	umask 077
	echo "$secret" > "$work/pw"
	sed "s|^journal = .*|journal = $url\njournal_password_file = $work/pw|" \
		"$S/novahaul.conf" > "$work/file.conf"
	sed "s|^journal = .*|journal = mysql://operator:$secret@$at/operators|" \
		"$S/novahaul.conf" > "$work/url.conf"
)
for how in file url; do
	expect "the password is in a $how" 0 nh --config "$work/$how.conf" jobs
	like "its jobs are shown" "$(cat "$work/out")" "$id"
	cat "$work/out" "$work/err" >> "$work/all"
done
rm "$work/secret" # which ends it
wait "$watcher"
expect "a password that is typed is refused" 2 \
	nh --journal "mysql://operator:$secret@$at/operators" jobs
cat "$work"/*.out "$work"/*.err "$work/out" "$work/err" >> "$work/all"
on controller mariadb-dump -S "$S/mysql/sock" -uroot operators >> "$work/all"
holds "what was said and written down is there" test -s "$work/all"
is "the password is in none of it" "$(grep -cF "$secret" "$work/all")" 0
is "nor in a command line" "$(cat "$work/seen")" ''
is "nor on the hosts" "$(grep -rlF "$secret" "$S"/hosts/*/nova/instances \
	"$S"/hosts/*/root "$S/log" 2> /dev/null)" ''
finish
