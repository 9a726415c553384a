#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the benchmark's own parts say what is so: medians, paired ratios and
# verdicts of figures that are known, a plot that is whole, files that are told
# apart, a command that is measured.  Nothing is timed against anything.
set -u -o pipefail
dir=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bin=$PWD/tests/bench
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
bad=0
# is WHAT ACTUAL EXPECTED
is() {
	[ "$2" = "$3" ] && return
	echo "$1: is '$2', expected '$3'"
	bad=1
}

# --- bench-file

"$bin/bench-file" noise "$t/a" 6553600 1
"$bin/bench-file" noise "$t/b" 6553600 1
is "noise is repeatable" "$(cmp "$t/a" "$t/b" 2>&1)" ''
is "1 % of the 64 KiB blocks" "$("$bin/bench-file" dirty "$t/b" 65536 1 2)" 65536
is "1 % of the 4 KiB blocks" "$("$bin/bench-file" dirty "$t/a" 4096 1 2)" 65536
"$bin/bench-file" same "$t/a" "$t/b" 2> /dev/null
is "a change is seen" $? 1
cp "$t/a" "$t/b"
"$bin/bench-file" dirty "$t/a" 4096 1 3 > /dev/null
is "another version has other bytes, in the same blocks" \
	"$(cmp -l "$t/a" "$t/b" | awk '{ b[int(($1 - 1) / 4096)] }
		END { print length(b) }')" 16
truncate -s 40M "$t/h1"
"$bin/bench-file" scatter "$t/h1" 8388608 1
cp --sparse=always "$t/h1" "$t/h2"
"$bin/bench-file" same "$t/h1" "$t/h2"
is "holes compare as zeros" $? 0
cp --sparse=never "$t/h1" "$t/h2"
"$bin/bench-file" same "$t/h1" "$t/h2"
is "... also with zeros that are written" $? 0
printf x | dd of="$t/h2" bs=1 seek=30000000 conv=notrunc 2> /dev/null
"$bin/bench-file" same "$t/h1" "$t/h2" 2> /dev/null
is "a byte in a hole is seen" $? 1

# --- run refuses, before it makes anything

for v in SCALE=none ROUNDS=0 ROUNDS=x STREAMS=9 COMPRESS=no DRAIN_BOOT=dos CASES=zz TOOLS=none; do
	env "$v" BENCH_DIR="$t/none" "$dir/run" > "$t/o" 2>&1 < /dev/null
	is "$v is refused" "$? $(grep -c "^bench: .*${v#*=}" "$t/o")" '2 1'
done

# --- measure

"$bin/measure" -o "$t/m" --wire "$$,lo" -- sleep 0.3
is "measure: exit code" $? 0
is "measure: wall" "$(sed -nE 's/.*"wall":(0\.[345]|[0-9]).*/seen/p' "$t/m")" seen
"$bin/measure" -o "$t/m" -- bash -c 'exit 5'
is "measure: another exit code" $? 5
"$bin/measure" -o "$t/m" --timeout 1 -- sleep 60
is "measure: too slow" $? 124

# --- report

run() { # CASE TOOL ROUND SECONDS CPU WIRE NH
	local m='{"wall":%s,"wire":%s,"exit":0,"src":{"cpu":%s,"peak_kib":2048,'
	m+='"peak_one_kib":1024,"programs":{"x":1}},"dst":{"cpu":0.5,'
	m+='"peak_kib":1024,"peak_one_kib":1024,"programs":{}}}'
	# shellcheck disable=SC2059 # it is ours
	printf '{"case":"%s","tool":"%s","round":%s,"ok":true,"why":"","size":100,
		"change":100,"src_allocated":100,"dst_allocated":100,"m":'"$m"',"nh":%s}' \
		"$1" "$2" "$3" "$4" "$6" "$5" "$7" | tr -d '\n\t'
	echo
}
drain() { # TOOL ROUND SECONDS WIRE JOB
	printf '{"case":"drain","tool":"%s","round":%s,"ok":true,"why":"","size":9,
		"change":0,"src_allocated":0,"dst_allocated":0,
		"m":{"wall":%s,"wire":%s},"job":%s,"nh":null}' "$@" | tr -d '\n\t'
	echo
}
nh() { echo "{\"seconds\":$1,\"dial\":0.1,\"read\":1,\"sent\":1,\"method\":\"blocks\"}"; }
{
	# slow rounds are slow for both: paired it is 4, 4, 5
	run c64 novahaul 1 9 1 105 "$(nh 1)"
	run c64 novahaul 2 9 1 105 "$(nh 10)"
	run c64 novahaul 3 9 1 105 "$(nh 2)"
	run c64 rsync-aS 1 4 0.2 900 null
	run c64 rsync-aS 2 40 0.2 900 null
	run c64 rsync-aS 3 10 0.2 900 null
	# one round: compared with ours of that round
	run c64 rsync-tuned 1 2 1 900 null
	echo '{"case":"c64","tool":"scp","round":1,"ok":false,"why":"lost","m":{}}'
	# whole moves: no CPU, but seconds, bytes and steps
	drain novahaul 1 40 7000000 null
	drain novahaul 2 30 7000000 '{"steps":{"precopy":30,"stop":9}}'
	drain shell-loop 1 50 8000000 null
	drain shell-loop 2 50 8000000 null
} > "$t/results.jsonl"
printf 'c64\tre-sync\ndrain\ta host\n' > "$t/cases"
printf 'scale\ttest\n' > "$t/machine"
printf 'c64\trdiff\tskipped\tnot installed\n' > "$t/notes"
perl "$dir/report" "$t" "$t" > "$t/out" 2> "$t/err" || {
	echo "the report failed: $(cat "$t/err")"
	bad=1
}
is "no complaint" "$(cat "$t/err")" ''
is "a median with its range" "$(grep -c '2\.00 (1\.00-10\.00)' "$t/out")" 1
is "a target met" "$(grep -E 'as fast as rsync-aS ' "$t/out" |
	awk '{ print $(NF - 2), $NF }')" '4.00 met'
is "a target missed" "$(grep -E 'as fast as rsync-tuned' "$t/out" |
	awk '{ print $(NF - 2), $NF }')" '2.00 MISSED'
is "a target without figures" "$(grep -E 'as fast as rsync-aS-gcm' "$t/out" |
	grep -c 'not measured')" 1
is "bytes over the change" "$(grep 'of the change' "$t/out" |
	awk '{ print $(NF - 2), $NF }')" '1.05 met'
is "CPU" "$(grep 'CPU of both ends at most 1.3 of rsync-aS ' "$t/out" |
	awk '{ print $(NF - 2), $NF }')" '2.14 MISSED'
is "a time within another's" "$(grep -E '0.5 of the time of shell-loop' \
	"$t/out" | awk '{ print $(NF - 2), $NF }')" '0.70 MISSED'
is "its bytes, without CPU" "$(awk '$1 == "shell-loop" { print $5, $6 }' \
	"$t/out")" '- 8.0'
is "where it goes, by steps" "$(grep -c 'precopy 30 s, stop 9 s' "$t/out")" 1
is "a failure is named" "$(grep -c 'scp *FAILED: lost' "$t/out")" 1
is "what was skipped is named" "$(grep -c 'rdiff *not installed' "$t/out")" 1
is "the cases that missed" "$(cat "$t/missed")" c64
is "JSON" "$(perl -MJSON::PP -0777 -ne 'my $j = decode_json($_);
	print $j->{ratios}{c64}{"rsync-aS"}{median}, " ", scalar @{$j->{runs}}' \
	"$t/bench.json")" '4 12'
is "a plot: bars" "$(grep -c '<rect x=' "$t/bench.svg")" 5
is "... that is closed" "$(tail -n 1 "$t/bench.svg")" '</svg>'
exit $bad
