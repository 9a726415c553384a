#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: `make dist` forgets no file: headers stand in _SOURCES, the rest in
# EXTRA_DIST.  Looks at what git knows, if this is a clone; else there is
# nothing that could be missing.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
[ -e "$top/.git" ] || { echo "not a clone: nothing to compare"; exit 0; }
requires git
[ -n "${LINT_DISTFILES:-}" ] || { echo "no LINT_DISTFILES"; exit 1; }
cd "$top" || exit 99

declare -A dist
for f in $LINT_DISTFILES; do
	dist[${f#"$srcdir"/}]=1
done
covered() { # by itself, or by a folder that is in EXTRA_DIST
	local f=$1
	while :; do
		[ -n "${dist[$f]:-}" ] && return 0
		case $f in */*) f=${f%/*} ;; *) return 1 ;; esac
	done
}
while read -r f; do
	[ -e "$f" ] || continue
	case $f in .gitignore | */.gitignore) continue ;; esac
	covered "$f" || finding "$f: make dist forgets it"
done < <(git ls-files)
exit $bad
