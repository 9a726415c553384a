#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: podchecker accepts every manual page, and they are plain ASCII.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires podchecker
cd "$top" || exit 99
while read -r f; do
	out=$(podchecker -warnings "$f" 2>&1) || finding "$out"
	grep -q WARNING <<<"$out" && finding "$out"
	LC_ALL=C grep -Pn '[^\x00-\x7f]' "$f" && finding "$f: not plain ASCII"
done < <(files '*.pod' doc)
exit $bad
