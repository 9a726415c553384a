# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# cases.sh: the cases and one run of each.  Sourced by run.
#
# A case says which data set it needs, which tools run, and how source and
# target are made ready for a run.  Ready means: the same start for all of them.
# shellcheck disable=SC2034,SC2154

# the order of the table
all_cases='a b c64 c4 cc64 cc4 d e e2 f ga gc64 gf v m down drain'

declare -A title=(
	[a]='first copy of a sparse base image'
	[b]='first copy of a dense qcow2'
	[c64]='re-sync, 1 % of 64 KiB blocks changed'
	[c4]='re-sync, 1 % of 4 KiB blocks changed'
	[cc64]='final pass, 1 % of 64 KiB blocks changed since the pre-copy'
	[cc4]='final pass, 1 % of 4 KiB blocks changed since the pre-copy'
	[d]='resume at 60 %'
	[e]='identical file, other mtime'
	[e2]='nothing changed, digest known'
	[f]='many small files'
	[ga]='RTT 40 ms: first copy of a sparse base image'
	[gc64]='RTT 40 ms: re-sync, 1 % of 64 KiB blocks changed'
	[gf]='RTT 40 ms: many small files'
	[v]='rebuilt image variant, its forerunner is there'
	[m]='memory, a huge sparse disk: first copy'
	[down]='downtime of a whole move, 1 % changed since the pre-copy'
	[drain]='a host is emptied of its guests'
)
nh='novahaul novahaul-synced novahaul-relay'
declare -A tools=(
	[a]="$nh tar-S tar-S-gcm nbdcopy rsync-aS rsync-aS-gcm ssh-cat-gcm scp rsync-r"
	[b]="$nh novahaul-tls ssh-cat-gcm nbdcopy rsync-aS rsync-aS-gcm scp tar-S rsync-r"
	[c64]="$nh rsync-aS rsync-aS-gcm rsync-tuned scp rdiff rsync-r"
	[c4]="$nh rsync-aS rsync-aS-gcm rsync-tuned rdiff rsync-r"
	[cc64]="$nh rsync-aS rsync-aS-gcm rsync-tuned hash+send"
	[cc4]="$nh rsync-aS rsync-aS-gcm rsync-tuned hash+send"
	[d]="$nh rsync-append sftp-reput rsync-aS rsync-r"
	[e]="$nh rsync-aS rsync-tuned rdiff rsync-r"
	[e2]="novahaul novahaul-relay"
	[f]="$nh rsync-r tar-S scp"
	[ga]="novahaul novahaul-relay tar-S tar-S-gcm"
	[gc64]="novahaul novahaul-relay rsync-aS rsync-aS-gcm rsync-tuned"
	[gf]="novahaul novahaul-relay rsync-r tar-S"
	[v]="novahaul novahaul-relay rdiff-4k"
	[m]="novahaul novahaul-relay"
)

version=1
# What lies on the target is the source's last version: nothing else to undo.
at_target=

# case_file CASE: sets F, the source's name beneath $I, and N, its last part
case_file() {
	case $1 in
	a | ga) F=base.raw ;;
	b | c64 | c4 | cc64 | cc4 | d | e | e2 | gc64) F=dense.qcow2 ;;
	f | gf) F=tree ;;
	v) F=new.qcow2 ;;
	m) F=huge.raw ;;
	esac
	N=$F
	H=dst
	case $1 in g*) H=far ;; esac
}
case_data() {
	case $1 in
	a | ga) data_base ;;
	b | c64 | c4 | cc64 | cc4 | d | e | e2 | gc64) data_dense ;;
	f | gf) data_tree ;;
	v) data_variant ;;
	m) data_huge ;;
	esac
}

# nothing there, and nothing that the source knows of it from an earlier run
dst_empty() {
	rm -rf "$dst/.novahaul" "$data/.novahaul"
	mkdir -p "$dst/$D"
	chmod -R 700 "$dst/.novahaul"
	at_target=
}
# the target holds the source as it is now, and no tool's notes about it
dst_same() {
	local keep=$S/hosts/dst/inst/keep
	if [ "$at_target" = "$F" ] && [ -e "$dst/$D/$N" ]; then
		mv "$dst/$D/$N" "$keep"
	else
		cp --sparse=always "$data/$F" "$keep"
	fi
	dst_empty
	mv "$keep" "$dst/$D/$N"
}
# block PERCENT: the source goes on to its next version
src_dirty() {
	version=$((version + 1))
	change=$("$S/bin/bench-file" dirty "$data/$F" "$1" 1 $version)
	src_touch
}
# rsync looks at whole seconds: no two versions share one
src_touch() {
	touch -d "@$((1700000000 + version))" "$data/$F"
	at_target=
}

# ready CASE TOOL
ready() {
	change=0
	case $1 in
	c64 | gc64) dst_same && src_dirty 65536 ;;
	c4) dst_same && src_dirty 4096 ;;
	cc64 | cc4)
		dst_same
		# novahaul's own first pass comes before the change
		case $2 in novahaul*) ;; *) src_dirty "$(block_of "$1")" ;; esac
		;;
	e) dst_same && version=$((version + 1)) && src_touch ;;
	e2) dst_same ;;
	d)
		dst_empty
		case $2 in
		novahaul*)
			nh_argv novahaul --stop-at 60 "$F"
			nsargv
			"${argv[@]}" > "$S/log/cut" || die "no copy that was cut"
			;;
		*) head -c $(($(bytes "$data/$F") * 6 / 10)) "$data/$F" > "$dst/$D/$N" ;;
		esac
		;;
	v)
		dst_empty
		mkdir -p "$dst/_base"
		[ -e "$dst/_base/old.qcow2" ] ||
			cp --sparse=always "$data/old.qcow2" "$dst/_base/"
		;;
	*) dst_empty ;;
	esac
	case $2 in
	nbdcopy) nbd_start ;;
	hash+send) master_start ;;
	esac
}
block_of() { case $1 in *64) echo 65536 ;; *) echo 4096 ;; esac; }

measure() {
	local wires=(--wire "${holder[src]},eth0")
	[ -z "$link_pid" ] || wires+=(--wire "${holder[src]},far0")
	"$S/bin/measure" -o "$S/measured" --timeout "$limit_s" \
		--side "src,${cgroup[src]:--},${holder[src]}" \
		--side "dst,${cgroup[dst]:--},${holder[dst]}" \
		${cgroup[ctl]:+--side "ctl,${cgroup[ctl]},${holder[src]}"} \
		"${wires[@]}" "$@"
}

# other TOOL: runs it
other() {
	argv=(env "S=$S" "F=$I/$F" "D=$I/$D" "N=$N" "H=$H"
		"B=$I/_base/old.qcow2" "C=$change"
		bash -c "set -o pipefail; ${script[$1]}")
	nsargv
	measure ${cgroup[src]:+--join "${cgroup[src]}"} -- "${argv[@]}" \
		> "$S/log/run" 2>&1 < /dev/null
}

# ours CASE TOOL
ours() {
	local words=("$F") rc
	case $1 in
	f | gf) words=(--tree --list "$I/tree.list") ;;
	v) words=(--basis _base/old.qcow2 "$F") ;;
	cc* | e2)
		ours_final "$1" "$2"
		return
		;;
	esac
	nh_argv "$2" "${words[@]}"
	nsargv
	measure ${cgroup[ctl]:+--join "${cgroup[ctl]}"} -- "${argv[@]}" \
		> "$S/nh.json" 2> "$S/log/run" < /dev/null
}
# The first pass is not measured; what changes then is; what is measured is the
# time from telling nh-copy to go on until it ends.
ours_final() {
	local rc=0 line job
	nh_argv "$2" --wait "$F"
	nsargv
	rm -f "$S/to" "$S/from"
	mkfifo "$S/to" "$S/from"
	(in_cgroup ctl "${argv[@]}") < "$S/to" > "$S/from" 2> "$S/log/run" &
	job=$!
	exec 7> "$S/to" 8< "$S/from"
	if ! read -r -t "$limit_s" -u 8 line || [ "$line" != ready ]; then
		exec 7>&- 8<&-
		wait "$job" 2> /dev/null
		return 1
	fi
	case $1 in cc*) src_dirty "$(block_of "$1")" ;; esac
	sync -f "$S"
	# shellcheck disable=SC2016 # expanded by the inner shell
	measure -- bash -c 'echo go >&7 && read -r line <&8 && echo "$line"' \
		> "$S/nh.json" || rc=1
	exec 7>&- 8<&-
	wait "$job" || rc=1
	return $rc
}

# plain: what it reads, as it may stand in a JSON string
plain() { tr '\n\t' '  ' | LC_ALL=C tr -cd '[:print:]' | tr -d '"\134'; }

same_there() {
	if [ -d "$data/$F" ]; then
		diff -r "$data/$F" "$dst/$D/$N"
	else
		"$S/bin/bench-file" same "$data/$F" "$dst/$D/$N"
	fi > "$S/log/same" 2>&1
}
allocated_of() {
	if [ -e "$1" ]; then
		du -s --block-size=1 "$1" | cut -f1
	else
		echo 0
	fi
}

# one CASE TOOL ROUND: a run, its result appended to results.jsonl
one() {
	local rc=0 same=true why=
	: > "$S/nh.json"
	rm -f "$S/measured"
	ready "$1" "$2" || die "$1: $2 cannot be made ready"
	sync -f "$S"
	case $2 in
	novahaul*) ours "$1" "$2" || rc=$? ;;
	*) other "$2" || rc=$? ;;
	esac
	case $2 in
	nbdcopy) nbd_stop ;;
	hash+send) master_stop ;;
	esac
	if [ $rc = 124 ]; then
		skipped "$1" "$2" "took more than $limit_s s"
		at_target=
		dst_empty
		return 1
	elif [ $rc != 0 ]; then
		why=$(tail -n 1 "$S/log/run")
		same=false
	elif [ "$2" != hash+send ] && ! same_there; then
		why="$(head -n 1 "$S/log/same")"
		same=false
	fi
	[ -s "$S/measured" ] || echo '{}' > "$S/measured"
	[ -s "$S/nh.json" ] || echo null > "$S/nh.json"
	printf '{"case":"%s","tool":"%s","round":%d,"ok":%s,"why":"%s",' \
		"$1" "$2" "$3" $same "$(plain <<< "$why")"
	printf '"size":%s,"change":%s,"src_allocated":%s,"dst_allocated":%s,' \
		"$(bytes "$data/$F")" "$change" \
		"$(allocated_of "$data/$F")" "$(allocated_of "$dst/$D/$N")"
	printf '"m":%s,"nh":%s}\n' "$(< "$S/measured")" "$(tail -n 1 "$S/nh.json")"
} >> "$S/results.jsonl"

wall_ms() {
	local n
	n=$(sed -nE 's/.*"wall":([0-9]+)\.([0-9]{3}).*/\1\2/p' "$S/measured")
	echo $((10#${n:-0}))
}

declare -A slow=() gone=()
# run_case CASE: all tools in turn, the first of a round another each time
run_case() {
	local c=$1 r i n t list=() ms
	case_file "$c"
	case_data "$c"
	for t in ${tools[$c]}; do
		i=$(lacks "$t")
		if [ -n "$i" ]; then
			skipped "$c" "$t" "$i"
		elif [ -z "$only_tools" ] || [[ " $only_tools " = *" $t "* ]]; then
			list+=("$t")
		fi
	done
	n=${#list[@]}
	for ((r = 1; r <= rounds; r++)); do
		for ((i = 0; i < n; i++)); do
			t=${list[(i + r - 1) % n]}
			[ -z "${slow[$c,$t]:-}${gone[$c,$t]:-}" ] || continue
			one "$c" "$t" "$r" || {
				gone[$c,$t]=yes
				continue
			}
			if grep -q '"ok":true' <(tail -n 1 "$S/results.jsonl"); then
				case $c,$t in
				*,hash+send) dst_empty ;;
				c64,* | c4,* | cc* | gc64,* | e,* | e2,*) at_target=$F ;;
				*) dst_empty ;;
				esac
			else
				say "$c: $t FAILED: $(tail -n 1 "$S/log/run")"
				dst_empty
			fi
			ms=$(wall_ms)
			progress "$c" "$t" "$r" "${ms:-0}"
			if [ "$rounds" -gt 1 ] && [ "${ms:-0}" -gt $((slow_s * 1000)) ]; then
				slow[$c,$t]=yes
				noted "$c" "$t" "one round only: it takes more than $slow_s s"
			fi
		done
	done
}

# The agents are on both hosts before anything is measured.
warm_up() {
	local t
	F=warm N=warm H=dst
	head -c 100000 /dev/urandom > "$data/$F"
	for t in novahaul novahaul-synced; do
		dst_empty
		nh_argv $t "$F"
		nsargv
		"${argv[@]}" > "$S/log/warm" 2>&1 < /dev/null ||
			die "nh-copy does not work: $(tail -n 1 "$S/log/warm")"
	done
	rm -f "$data/$F"
	dst_empty
}

perf_pid=
# profile CASE: one more run of novahaul's, and what the processors did meanwhile
profile() {
	local agent comms=ssh,sshd,nh-copy
	case_file "$1"
	perf record -q -a -F 499 -o "$S/perf" > "$S/log/perf" 2>&1 &
	perf_pid=$!
	one "$1" novahaul 0
	kill -INT $perf_pid
	wait $perf_pid
	perf_pid=
	# the agents are called by their digests
	for agent in "$S"/agents/agent-*; do
		agent=${agent##*/}
		comms+=",${agent:0:15}"
	done
	printf '\n%s: hottest in its processes, of one run\n' "$1"
	perf report -i "$S/perf" --stdio --percentage relative --comms "$comms" \
		--sort comm,symbol 2> /dev/null | grep -E '^ +[0-9.]+%' |
		head -n 10 | sed 's/ *- *- *$//'
	at_target=
	dst_empty
}
