# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.sh: what scenario tests share.  A test is tests/scenario/NAME.sh; it opens
# with a comment "Goal:", sources this file, and ends with `finish`:
#
#	. "$(dirname "$0")/lib.sh"
#	need_sandbox
#	u=$(guest web compute-30)
#	world before
#	expect "check changes nothing" 0 nh check "$u" --to compute-34
#	world after
#	same "the world" before after
#	is "boot counter" "$(count_on compute-30 "$u")" 1
#	finish
#
# Every assertion prints "ok - ..." or "not ok - ..." and is counted; finish
# prints "N passed, N failed, N skipped" and exits 0 only if nothing failed and
# something passed.  Guests that `guest` made are deleted at the end, unless
# KEEP is set.  SEED, printed by tests/scenario/run, seeds $RANDOM.

set -u -o pipefail
scenario=$(basename "$0" .sh)
lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
srcdir=$(cd "$lib_dir/../.." && pwd)
export NOVAHAUL_BUILD=${NOVAHAUL_BUILD:-$srcdir/build}
export NOVAHAUL_SANDBOX=${NOVAHAUL_SANDBOX:-/var/tmp/novahaul-sandbox}
S=$NOVAHAUL_SANDBOX
work=$(mktemp -d "${TMPDIR:-/tmp}/novahaul-$scenario.XXXXXX")
RANDOM=${SEED:-1}
SAMPLE=${SAMPLE:-}

n_passed=0 n_failed=0 n_skipped=0

# `guest` runs in a subshell: the names it made are kept in a file
cleanup() {
	local name
	if [ -n "${KEEP:-}" ]; then
		echo "# kept: $work"
		return
	fi
	[ ! -e "$work/guests" ] ||
		while read -r name; do
			sb delete "$name" > /dev/null 2>&1 < /dev/null
		done < "$work/guests"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- results

ok() {
	n_passed=$((n_passed + 1))
	echo "ok - $scenario: $1"
}
# not_ok WHAT [WHY]
not_ok() {
	n_failed=$((n_failed + 1))
	echo "not ok - $scenario: $1"
	[ -z "${2:-}" ] || echo "#   ${2//$'\n'/$'\n'#   }"
}
skip() {
	n_skipped=$((n_skipped + 1))
	echo "skip - $scenario: $1: $2"
}
finish() {
	echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
	[ $n_failed = 0 ] && [ $n_passed -gt 0 ]
	exit
}
# Ends the test as skipped: a tool or a right is missing.
skip_all() {
	skip "all" "$1"
	echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
	exit 77
}
# Ends the test as failed: going on would prove nothing.
give_up() {
	not_ok "$@"
	finish
}

# is WHAT ACTUAL EXPECTED
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "is '$2', expected '$3'"
	fi
}
# like WHAT TEXT REGEX
like() {
	if grep -Eq -- "$3" <<< "$2"; then
		ok "$1"
	else
		not_ok "$1" "does not match /$3/: $2"
	fi
}
# holds WHAT CMD...: CMD succeeds
holds() {
	if "${@:2}" > "$work/out" 2>&1; then
		ok "$1"
	else
		not_ok "$1" "${*:2}
$(tail -n 5 "$work/out")"
	fi
}
# expect WHAT EXIT CMD...: its output goes to $work/out and $work/err
expect() {
	local what=$1 want=$2 got=0
	shift 2
	"$@" > "$work/out" 2> "$work/err" < /dev/null || got=$?
	if [ "$got" = "$want" ]; then
		ok "$what (exit $got)"
	else
		not_ok "$what" "exit $got, expected $want: $*
$(tail -n 20 "$work/out" "$work/err")"
	fi
}

# --- the sandbox

sb() { "$srcdir/contrib/sandbox" "$@"; }
on() { sb enter "$@"; }
nh() { on controller novahaul "$@"; }
# db SQL: rows without a header, in nova_cell1
db() { on controller mariadb -N -S "$S/mysql/sock" -uroot nova_cell1 -e "$*"; }
# root's ssh between the sandbox's hosts, from the controller
rsh() {
	on controller ssh -n -i "$S/ssh/id_ed25519" -o IdentitiesOnly=yes \
		-o UserKnownHostsFile="$S/ssh/known_hosts" \
		-o StrictHostKeyChecking=yes -o BatchMode=yes "root@$1" "${@:2}"
}

need_sandbox() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	if ! sb up > "$work/up" 2>&1; then
		give_up "the sandbox starts" "$(tail -n 20 "$work/up")"
	fi
}
need_novahaul() {
	[ -x "$NOVAHAUL_BUILD/novahaul" ] || skip_all "no $NOVAHAUL_BUILD/novahaul"
}

# guest NAME [HOST] [OPTION...]: prints its uuid; boots it (contrib/sandbox boot).
guest() {
	sb delete "$1" > /dev/null 2>&1
	echo "$1" >> "$work/guests"
	sb boot "$@"
}
instance_dir() { echo "$S/hosts/$1/nova/instances/$2"; }
domain_of() {
	db "SELECT CONCAT('instance-', LPAD(LOWER(HEX(id)), 8, '0'))
		FROM instances WHERE uuid = '$1'"
}
# console_on HOST UUID: all that the guest printed on this host
console_on() {
	{ tr -d "\r" < "$(instance_dir "$1" "$2")/console.log"; } 2> /dev/null
}
# count_on, birth_on HOST UUID: of the last boot there, empty when there is none
count_on() {
	console_on "$1" "$2" | sed -n 's/^@guest up count=\([0-9]*\) .*/\1/p' |
		tail -n 1
}
birth_on() {
	console_on "$1" "$2" | sed -n 's/^@guest up .*birth=\([0-9a-f]*\) .*/\1/p' |
		tail -n 1
}
# wait_console HOST UUID REGEX [SECONDS]
wait_console() {
	local i
	for ((i = 0; i < ${4:-60} * 5; i++)); do
		# read to its end: a writer that is cut off would be a failure
		console_on "$1" "$2" | grep -Ea -- "$3" > /dev/null && return 0
		sleep 0.2
	done
	return 1
}
# state_on HOST UUID: libvirt's word, "absent" when it knows no such domain
state_on() {
	on "$1" virsh -q domstate "$2" 2> /dev/null | grep . || echo absent
}
# answers UUID: the guest's address replies to a ping
answers() {
	local ip
	ip=$(db "SELECT network_info FROM instance_info_caches
		WHERE instance_uuid = '$1'" |
		sed -n 's/.*"ips": \[{"address": "\([0-9.]*\)".*/\1/p')
	on controller busybox ping -c 1 -W 5 "$ip" > /dev/null 2>&1
}
# runs_on UUID: the hosts on which a QEMU process of it is alive
runs_on() {
	local h
	for h in "$S"/run/compute-*.init; do
		h=$(basename "$h" .init)
		# shellcheck disable=SC2016 # expanded there
		on "$h" bash -c 'grep -lswF "$0" /proc/[0-9]*/cmdline |
			sed "s/cmdline/comm/" | xargs -r cat 2> /dev/null || :' "$1" |
			grep -q qemu && echo "$h"
	done
	:
}

# sum_on HOST FILE
sum_on() { on "$1" sha256sum "$2" | cut -d' ' -f1; }

# --- before and after

# world NAME: every row, file, domain, link and process, one fact a line, in
# $work/NAME.  Rows: "db.table[key].column=value".
world() {
	local h
	{
		rows_text
		for h in "$S"/run/compute-*.init; do
			h=$(basename "$h" .init)
			on "$h" "$S/lib/host-domains" | sed "s/^/$h: /"
			on "$h" "$S/lib/host-files" /var/lib/nova /var/lib/libvirt \
				/etc/libvirt /root | sed "s/^/$h: /"
		done
	} | LC_ALL=C sort > "$work/$1"
}

# rows NAME: as `world`, but the databases only
rows() { rows_text | LC_ALL=C sort > "$work/$1"; }

# All tables of these databases; the services' heartbeat is left out.
rows_schemas="LIKE 'nova%'"
rows_noise='^nova_cell[01]\.services\[[0-9]*\]\.(updated_at|report_count|last_seen_up)='
rows_read() { sb db; }
rows_text() {
	# key_column_usage would open every table for every table
	db "SET SESSION group_concat_max_len = 65536;
		SELECT CONCAT('SELECT \"', table_schema, '.', table_name, ' ',
		COALESCE(GROUP_CONCAT(IF(column_key = 'PRI', column_name, NULL)
			ORDER BY ordinal_position), ''),
		'\" AS \"#\"; SELECT * FROM ', table_schema, '.', table_name, ';')
		FROM information_schema.columns
		WHERE table_schema $rows_schemas
		GROUP BY table_schema, table_name" \
		> "$work/selects" || give_up "the tables can be listed"
	rows_read < "$work/selects" | awk -F '\t' '
		$0 == "#" { marker = 1; next }
		marker { split($0, m, " "); table = m[1]; n = split(m[2], pk, ",")
			marker = 0; header = 1; next }
		header { for (i = 1; i <= NF; i++) { name[i] = $i; at[$i] = i }
			header = 0; next }
		{ key = ""
		  for (i = 1; i <= n; i++) key = key (i > 1 ? "," : "") $(at[pk[i]])
		  for (i = 1; i <= NF; i++) print table "[" key "]." name[i] "=" $i }' |
		grep -Ev "$rows_noise"
}

# same WHAT BEFORE AFTER [REGEX...]: nothing differs but lines that match one
same() {
	local what=$1 a=$work/$2 b=$work/$3 left
	shift 3
	left=$(LC_ALL=C diff "$a" "$b" | grep '^[<>]')
	while [ $# -gt 0 ] && [ -n "$left" ]; do
		left=$(grep -Ev -- "$1" <<< "$left")
		shift
	done
	if [ -z "$left" ]; then
		ok "$what is as before"
	else
		not_ok "$what is as before" "$(head -n 40 <<< "$left")"
	fi
}

# figure NAME VALUE UNIT
figure() {
	printf 'figure\t%s\t%s\t%s\n' "$1" "$2" "$3" >> "$NOVAHAUL_BUILD/figures.tsv"
}
