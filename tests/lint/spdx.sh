#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: every file says its licence within its first five lines.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
cd "$top" || exit 99
while read -r f; do
	case $f in
	# No place for a comment: data that a test reads byte by byte.
	tests/*.json | tests/*.bin | tests/*.img | tests/*.xml) continue ;;
	esac
	grep -Iq . "$f" || continue # binary, or empty
	head -n 5 "$f" | grep -q 'SPDX-License-Identifier: Apache-2\.0' ||
		finding "$f: no SPDX-License-Identifier: Apache-2.0"
done < <(
	files '*' src tests contrib sql doc .ci
	ls configure.ac Makefile.am
)
exit $bad
