#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: each header compiles alone, twice, and is guarded by a name of ours.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires "${CC%% *}"
cd "$top" || exit 99

one() {
	local h=$1
	grep -q "^#ifndef NH_" "$h" || {
		echo "$h: no include guard NH_..."
		return 1
	}
	# Unquoted on purpose: lists of words that configure made.
	# shellcheck disable=SC2086
	printf '#include "%s"\n#include "%s"\n' "${h#src/}" "${h#src/}" |
		$CC -std=gnu11 -Wall -Werror $LINT_CPPFLAGS -I"$build" -Isrc \
			-I"$build/src" -fsyntax-only -x c - 2>&1 |
		sed "s|^|$h: |" | grep . && return 1
	return 0
}

export -f one
export build CC LINT_CPPFLAGS
# shellcheck disable=SC2016 # the inner bash expands it
files '*.h' src | xargs -P 2 -I{} bash -c 'one "$1"' - {} || exit 1
