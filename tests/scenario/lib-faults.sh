# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2034 # $work, $scenario are lib.sh's; $case is the test's;
# and some here is for the test only
# lib-faults.sh: what the tests share that kill, freeze and break things in the
# middle of a move.  Sourced after lib.sh.  Each works with one guest that goes
# to and fro between two hosts:
#
#	subject NAME [OPTION...]	boots it: sets $u, $birth
#	pick CASE...			$SAMPLE of the cases, in random order
#	begin				where it is now: sets $home, $away, $count
#	cut_at final-copy		a move, killed there: its exit code
#	promise "after the kill"	asserts the promise of README
#	runs "$away" 1			it runs there after one more boot
#	report				figures

steps=(claim stage-base precopy stop prove-stopped disarm final-copy install
	rewrite define start verify release)
violations=0
slowest=0 # the longest wait for the end of a move that has met a failure
n_cut=0 n_resumed=0 n_rolled=0 n_refused=0

subject() {
	local name=$1
	shift
	need_sandbox
	need_novahaul
	u=$(guest "$name" compute-30 "$@") || give_up "a guest boots"
	birth=$(birth_on compute-30 "$u")
	like "it has a birth mark" "$birth" '^[0-9a-f]{32}$'
}

other() { [ "$1" = compute-30 ] && echo compute-34 || echo compute-30; }
db_host() { db "SELECT host FROM instances WHERE uuid = '$u'"; }
# an open job whose process has ended is shown as interrupted
job_state() {
	nh show last -f json | sed -n 's/^  *"state": "\(.*\)",*/\1/p;' |
		sed 's/interrupted/open/; q'
}
# mark STEP: what the journal says of it: pending, running, done, undone
mark() {
	nh show "${job:-last}" -f json | perl -MJSON::PP -0777 -e '
		for (@{decode_json(<STDIN>)->{steps}}) {
			print $_->{state} if $_->{step} eq $ARGV[0];
		}' "$1"
}
# pick CASE...: prints a sample of $SAMPLE/$share of them, or all
share=2
pick() {
	local -a v=("$@")
	local i j t n=${#v[@]}
	[ -z "${SAMPLE:-}" ] || n=$(((SAMPLE + share - 1) / share))
	for ((i = ${#v[@]} - 1; i > 0; i--)); do
		j=$((RANDOM % (i + 1)))
		t=${v[i]} v[i]=${v[j]} v[j]=$t
	done
	printf '%s\n' "${v[@]:0:n}"
}

begin() {
	# what is left open or down fails all that follows, a minute each
	if [ -n "${home:-}" ] && [ "$(job_state)" = open ]; then
		give_up "$case: no job is open before it" "$(nh show last 2>&1)"
	fi
	rm -f "$work/before"
	home=$(db_host)
	away=$(other "$home")
	wait_console "$home" "$u" '^@guest ready' ||
		give_up "${case:-all}: $u is ready on $home"
	count=$(count_on "$home" "$u")
}

# A finished move keeps the source's copy; and a base that the target lacks is
# brought, and taken away again, each time.
tidy() {
	nh purge last --yes > /dev/null 2>&1 < /dev/null || :
	on "$1" bash -c 'rm -f /var/lib/nova/instances/_base/*'
}

# cut_at [OPTION...] STEP [MORE...]: a move of the guest to $away, under kill-at.  Output is in $work/cut.
cut_at() {
	local rc=0 more=()
	while [[ $1 = -* ]]; do
		more+=("$1" "$2")
		shift 2
	done
	on controller "$S/lib/kill-at" "${more[@]}" "$1" novahaul move "$u" \
		--to "$away" --yes "${@:2}" \
		> "$work/cut" 2>&1 < /dev/null || rc=$?
	n_cut=$((n_cut + 1))
	return "$rc"
}

# freeze [-d SECONDS] STEP [MORE...]: a move that is stopped there with SIGSTOP,
# so that the world can be changed; thaw lets it go on, and sets $rc, $took, and
# $word, the seconds until it said that something failed
freeze() {
	local i
	: > "$work/cut"
	n_cut=$((n_cut + 1))
	cut_at -s STOP -p "$S/frozen" "$@" &
	frozen=$!
	for ((i = 0; i < 600; i++)); do
		! grep -q '^kill-at: SIGSTOP' "$work/cut" || return 0
		kill -0 "$frozen" 2> /dev/null || break
		sleep 0.1
	done
	not_ok "$case: frozen in time" "$(tail -n 5 "$work/cut")"
	wait "$frozen" || :
	return 1
}
# an aborted test leaves none behind that would wake up, or never end
end_frozen() {
	# shellcheck disable=SC2016 # expanded there
	[ -z "${frozen:-}" ] || ! kill -0 "$frozen" 2> /dev/null ||
		on controller bash -c 'kill -KILL "$(cat "$0")"' "$S/frozen"
}
trap 'end_frozen; cleanup' EXIT

thaw() {
	local start=$SECONDS
	rc=0 word=
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'kill -CONT "$(cat "$0")"' "$S/frozen"
	while kill -0 "$frozen" 2> /dev/null; do
		[ -n "$word" ] || ! grep -Eq 'failed:|^error:' "$work/cut" ||
			word=$((SECONDS - start))
		sleep 0.5
	done
	wait "$frozen" || rc=$?
	took=$((SECONDS - start))
	word=${word:-$took}
	cp "$work/cut" "$work/err"
}

# look HOST: "defined=N running=N whole=N" for the guest
look() {
	# shellcheck disable=SC2016 # expanded there
	on "$1" bash -c '
		defined=0 running=0 whole=0
		cd /var/lib/nova/instances
		virsh -q domstate "$0" > /dev/null 2>&1 && defined=1
		for c in /proc/[0-9]*/cmdline; do
			{ tr "\0" " " < "$c"; } 2> /dev/null | grep -q "qemu-system.*$0" &&
				running=1
		done
		for f in "$0/disk" .novahaul/*/source/instance/disk \
			.novahaul/*/stage/instance/disk; do
			[ -e "$f" ] || continue
			# A running guest writes while it is read: look again.
			for try in 1 2 3 4 5 6; do
				qemu-img check -U "$f" > /dev/null 2>&1
				case $? in 0 | 3) whole=$((whole + 1)) && break ;; esac
				sleep 0.5
			done
		done
		echo "defined=$defined running=$running whole=$whole"' "$u"
}

# promise WHAT: at most one host can start it, at least one whole copy exists
promise() {
	local h l armed=0 whole=0 seen=''
	for h in compute-30 compute-34; do
		[ -e "$S/run/$h.init" ] || continue
		l=$(look "$h")
		seen+="$h: $l; "
		case $l in *defined=1* | *running=1*) armed=$((armed + 1)) ;; esac
		whole=$((whole + ${l##*whole=}))
	done
	if [ $armed -le 1 ] && [ $whole -ge 1 ]; then
		ok "$1: one host at most, one copy at least"
	else
		violations=$((violations + 1))
		not_ok "$1: one host at most, one copy at least" "$seen"
	fi
}

# runs HOST MORE: it runs there and nowhere else, born where it was, MORE boots
# after `begin`; the database agrees and nothing is locked
runs() {
	! wait_console "$1" "$u" "^@guest up count=$((count + $2)) " 60 ||
		wait_console "$1" "$u" '^@guest ready' 60 || :
	is "$case: it runs on" "$(runs_on "$u" | tr '\n' ' ')" "$1 "
	is "$case: its boots and birth mark" \
		"$(count_on "$1" "$u") $(birth_on "$1" "$u")" "$((count + $2)) $birth"
	is "$case: the database says" "$(db "SELECT host, node, vm_state, power_state,
		task_state, locked, locked_by FROM instances WHERE uuid = '$u'")" \
		"$1	$1.sandbox.example	active	1	NULL	0	NULL"
}

# told WHAT [REGEX...]: the error text names the instance, and each REGEX
told() {
	local what=$1 r
	shift
	for r in "$u" "$@"; do
		grep -Eq -- "$r" "$work/err" || {
			not_ok "$what" "no /$r/ in: $(tail -n 5 "$work/err")"
			return
		}
	done
	ok "$what"
}

resume() {
	expect "$case: resume" 0 nh resume last --yes
	n_resumed=$((n_resumed + 1))
	promise "$case: after resume"
}

# What a rollback may leave different; the guest's own writes are its own.
restored=('instances\[[0-9]*\]\.updated_at=' 'instances/[0-9a-f-]*/(disk|console\.log) '
	'/var/lib/libvirt/qemu/(channel/target/)?domain-' 
	# the record of the move, marked as reverted, and its action, as failed
	'^> nova_cell1\.(migrations|instance_actions(_events)?)\['
	# the last lease takes its empty folders along
	'/\.novahaul(/leases)? type=dir')

# The job was rolled back.  STOPPED: the mark of its stop before that, which
# tells whether the guest had to start again.
rolled_back() {
	local again=0
	n_rolled=$((n_rolled + 1))
	promise "$case: after rollback"
	case $1 in
	done | undone) again=1 ;;
	running) wait_console "$home" "$u" "^@guest up count=$((count + 1)) " 20 &&
		again=1 ;;
	esac
	runs "$home" $again
	is "$case: the job is" "$(job_state)" rolled-back
	is "$case: no migration is left open" "$(db "SELECT COUNT(*) FROM migrations
		WHERE instance_uuid = '$u' AND status NOT IN
		('confirmed', 'done', 'completed', 'reverted')")" 0
	[ ! -e "$work/before" ] || {
		world after
		same "$case: the world" before after "${restored[@]}"
	}
}

# It ended with exit 1 and the world restored, or with exit 3 and a job that
# resume finishes in one of both ways; it took no longer than it may.
# settled [REGEX...]: $rc of thaw; what the error must name
settled() {
	[ "$took" -le "$slowest" ] || slowest=$took
	case $rc in
	1 | 3) ok "$case: it says so (exit $rc, $word s, end after $took s)" ;;
	*) not_ok "$case: it says so" "exit $rc: $(tail -n 3 "$work/err")" ;;
	esac
	if [ "$word" -gt 60 ] || [ "$took" -gt 100 ]; then
		not_ok "$case: the answer comes soon" "$word s, end after $took s"
	fi
	told "$case: the error is clear" "$@"
	promise "$case: after the failure"
	[ "$rc" != 3 ] || like "$case: the job is" "$(job_state)" '^open$'
}
# The cause is gone: what is open is resumed, wherever it goes.
finished() { # MARK of stop
	local got=0
	if [ "$rc" != 3 ]; then
		rolled_back "$1"
		return
	fi
	nh resume last --yes > "$work/out" 2> "$work/err" < /dev/null || got=$?
	case $got in
	0)
		n_resumed=$((n_resumed + 1))
		ok "$case: resume finishes it"
		promise "$case: after resume"
		runs "$away" 1
		;;
	1)
		ok "$case: resume finishes the way back"
		rolled_back "$1"
		;;
	*) not_ok "$case: resume finishes it" "exit $got: $(tail -n 5 "$work/err")" ;;
	esac
}

report() {
	figure "${scenario}_points" "$n_cut" points
	figure "${scenario}_resumed" "$n_resumed" jobs
	figure "${scenario}_rolled_back" "$n_rolled" jobs
	figure "${scenario}_refused" "$n_refused" rollbacks
	figure "${scenario}_violations" "$violations" violations
	[ "$slowest" = 0 ] || figure "${scenario}_slowest_answer" "$slowest" s
}
