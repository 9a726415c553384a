#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: gcc -fanalyzer finds nothing in src/.  Not part of make check: it takes
# minutes.  make analyze; "N passed, N failed, N skipped" counts files.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires gcc
cd "$top" || exit 99

one() {
	# shellcheck disable=SC2086 # lists of words that configure made
	out=$(gcc -std=gnu11 -O1 -fanalyzer $LINT_CPPFLAGS -I"$build" -Isrc \
		-I"$build/src" -c -o /dev/null "$1" 2>&1 | grep -A3 -- -Wanalyzer)
	[ -z "$out" ] && return 0
	printf '%s\n' "$out"
	return 1
}

export -f one
export build LINT_CPPFLAGS
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
mapfile -t sources < <(files '*.c' src)
# shellcheck disable=SC2016 # the inner bash expands it
printf '%s\n' "${sources[@]}" |
	FAILED=$failed xargs -P 2 -I{} \
		bash -c 'one "$1" || echo "$1" >>"$FAILED"' - {}
bad=$(wc -l <"$failed")
figure 'analyzer: files with findings' "$bad" files
echo "$((${#sources[@]} - bad)) passed, $bad failed, 0 skipped"
[ "$bad" = 0 ]
