#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: hooks are told of a job on their stdin, and without secrets; one that
# fails or hangs holds up no job beyond its timeout, and only before_start says
# no; the file for Prometheus is whole at every moment; journald gets its fields.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2154,SC2016,SC2015 # passwords come from the settings; perl
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"

subject told
# shellcheck source=/dev/null
. "$S/settings"
{
	echo "$novahaul_password"
	echo "$nova_password"
	grep -v '^-' "$S/ssh/id_ed25519"
} > "$work/secrets"
mkdir "$work/told" "$work/prom"
export prom=$work/prom/novahaul.prom

# The hook: keeps what it is told, and what else it can see.  Then it does what
# its second word says.
cat > "$work/hook" << 'HOOK'
#!/bin/bash
d=$(dirname "$0")/told/$1.$(date +%s%N).$$
cat > "$d.json"
tr '\0' '\n' < /proc/$$/environ > "$d.env"
tr '\0' '\n' < /proc/$$/cmdline > "$d.args"
case ${2:-} in
fail) echo "not today" >&2; exit 3 ;;
hang) sleep 613 ;;
esac
HOOK
chmod +x "$work/hook"

# configured LINE...: [hooks]
configured() {
	{
		cat "$S/novahaul.conf"
		printf '%s\n' '[metrics]' "textfile = $prom" '[hooks]' "$@"
	} > "$work/conf"
	chmod 600 "$work/conf"
	rm -f "$work/told"/*
}
nc() { on controller novahaul --config "$work/conf" "$@"; }
# json EXPRESSION: of the JSON on stdin, $d
json() {
	perl -MJSON::PP -0777 -e '
		my $d = decode_json(<STDIN>);
		my $v = eval $ARGV[0];
		die $@ if $@;
		print $v // "none"' "$1"
}
# told_of EVENT: how often
told_of() { find "$work/told" -name "$1.*.json" | wc -l; }

# The format: comments, and NAME{LABELS} VALUE.
malformed() {
	grep -Ev '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+)$' "$1"
}

# --- all goes well

configured "before_start = $work/hook before_start" "start = $work/hook start" \
	"step = $work/hook step" "fail = $work/hook fail" "end = $work/hook end"
# a journald that only listens
on controller perl -MIO::Socket::UNIX -MSocket -e '
	use strict;
	my ($path, $file) = @ARGV;
	mkdir "/run/systemd";
	mkdir "/run/systemd/journal";
	unlink $path;
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path)
		or die "$path: $!";
	open my $f, ">", $file or die "$file: $!";
	$f->autoflush(1);
	print $f "listening $$\n";
	alarm 900;
	while (defined recv $s, my $m, 65536, 0) { print $f $m, "--\n" }
' /run/systemd/journal/socket "$work/journald" > "$work/listener" 2>&1 < /dev/null &
# By its number on the controller; what is started here only waits for it.
deaf() {
	on controller kill "$(sed -n 's/^listening //p' "$work/journald")"
} 2> /dev/null
trap 'deaf; end_frozen; cleanup' EXIT
for ((i = 0; i < 100; i++)); do
	[ ! -s "$work/journald" ] || break
	sleep 0.1
done
holds "somebody listens in journald's place" grep -q listening "$work/journald"

# looks at the file all the time
(
	while [ ! -e "$work/enough" ]; do
		if [ -e "$prom" ]; then
			cp "$prom" "$work/seen"
			echo looked >> "$work/looks"
			tail -c 1 "$work/seen" | od -An -c | grep -q '\\n' ||
				echo "torn" >> "$work/torn"
			malformed "$work/seen" >> "$work/torn"
		fi
		sleep 0.02
	done
) &
reader=$!
case=well
begin
start=$SECONDS
expect "a move with hooks" 0 nc move "$u" --to "$away" --yes
plain=$((SECONDS - start))
: > "$work/enough"
wait "$reader"
runs "$away" 1

for ev in before_start start end; do
	is "$ev was told once" "$(told_of "$ev")" 1
	f=$(find "$work/told" -name "$ev.*.json")
	is "$ev: one line" "$(wc -l < "$f")" 1
	is "$ev: of what" "$(json '"$d->{event} $d->{server}{uuid} $d->{from} $d->{to}"' \
		< "$f")" "$ev $u $home $away"
done
is "end: how" "$(json '"$d->{end} $d->{exit_code} $d->{state}"' \
	< "$(find "$work/told" -name 'end.*.json')")" "done 0 done"
is "no failure was told" "$(told_of fail)" 0
n_steps=$(cat "$work"/told/step.*.json | grep -o '"result": *"done"' | wc -l)
[ "$n_steps" -ge 5 ] && ok "$n_steps steps were told" ||
	not_ok "steps were told" "$n_steps"
is "their environment" "$(cut -d= -f1 "$work"/told/*.env | sort -u | tr '\n' ' ')" \
	"HOME LC_ALL PATH "
is "no secret among what hooks see" \
	"$(grep -aFlf "$work/secrets" "$work"/told/* | wc -l)" 0

is "the file for Prometheus was never torn" "$(cat "$work/torn" 2> /dev/null)" ""
holds "and was looked at" test -s "$work/looks"
holds "it knows of the move" grep -Eq \
	'^novahaul_jobs\{kind="move",state="done"\} [1-9]' "$prom"
holds "and of its end" grep -Eq '^novahaul_last_move_success 1' "$prom"
is "nothing else is in its folder" "$(ls "$work/prom")" novahaul.prom

job=$(nc jobs -f json | grep -o 'j-[a-z2-7]\{8\}' | head -n 1)
holds "journald heard of the job" grep -aq "^NOVAHAUL_JOB=$job" "$work/journald"
holds "and of the instance" grep -aq "^NOVAHAUL_INSTANCE=$u" "$work/journald"
holds "and of its steps" grep -aq '^NOVAHAUL_STEP=final-copy' "$work/journald"
is "each message has an id" \
	"$(grep -ac '^MESSAGE_ID=[0-9a-f]\{32\}$' "$work/journald")" \
	"$(grep -ac '^--$' "$work/journald")"
is "no secret in journald" "$(grep -acFf "$work/secrets" "$work/journald")" 0

# --- hooks that fail and hang

configured "start = $work/hook start hang" "step = $work/hook step fail" \
	"end = $work/hook end hang" 'timeout = 2'
case="bad hooks"
begin
start=$SECONDS
expect "a move whose hooks hang and fail" 0 nc move "$u" --to "$away" --yes
took=$((SECONDS - start))
[ "$took" -le $((plain + 90)) ] &&
	ok "it took $took s, and $plain s with good ones" ||
	not_ok "it is not held up" "$took s, and $plain s with good ones"
runs "$away" 1
is "the hung ones are gone" "$(pgrep -xf 'sleep 613' | wc -l)" 0
holds "it said so" grep -q 'hook' "$work/err"
like "and so does the journal" "$(nc show last --events 2>&1)" 'hook.*start'

configured "before_start = $work/hook before_start fail"
case="no"
begin
rows rows1
expect "before_start says no" 5 nc move "$u" --to "$away" --yes
holds "with its reason" grep -q 'says no.*not today' "$work/err"
rows rows2
same "the database" rows1 rows2
is "no job was made of it" "$(nc jobs -f json | grep -c "\"open\"")" 0

deaf
finish
