#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: files of at most 600 lines, functions of at most 100; the medians are
# printed and go to figures.tsv.  tests/lint/size.allow lists exceptions, each
# with its reason.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires pmccabe
cd "$top" || exit 99

allowed() {
	grep -qE "^$1[[:space:]]+[^[:space:]]" tests/lint/size.allow
}

median() { # of the numbers on stdin, and the 90th percentile and the largest
	sort -n | awk '{ v[NR] = $1 }
		END { if (NR) print v[int((NR + 1) / 2)], v[int(NR * 0.9 + 0.5)],
			v[NR] }'
}

mapfile -t sources < <(files '*.c' src)
while read -r lines f; do
	[ "$f" = total ] && continue
	if [ "$lines" -gt 600 ] && ! allowed "$f"; then
		finding "$f: $lines lines; 600 is the limit: split it"
	fi
done < <(wc -l "${sources[@]}")

# Columns of pmccabe: two complexities, statements, first line, lines, place.
functions=$(pmccabe "${sources[@]}" 2>/dev/null | awk '{ print $5, $6, $7 }')
while read -r lines where name; do
	if [ "$lines" -gt 100 ] && ! allowed "$name"; then
		finding "$where $name: $lines lines; 100 is the limit: split it"
	fi
done <<<"$functions"

read -r med p90 max < <(wc -l "${sources[@]}" | grep -v ' total$' |
	awk '{ print $1 }' | median)
echo "files: ${#sources[@]}, median $med lines, 90 % under $p90, largest $max"
figure 'file lines median' "$med" lines
figure 'file lines largest' "$max" lines
read -r med p90 max < <(awk '{ print $1 }' <<<"$functions" | median)
echo "functions: $(wc -l <<<"$functions"), median $med lines," \
	"90 % under $p90, largest $max"
figure 'function lines median' "$med" lines
figure 'function lines p90' "$p90" lines
figure 'function lines largest' "$max" lines
exit $bad
