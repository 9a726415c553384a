# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every lint needs.  Sourced; the caller has set -u.
#
# A lint is a test: exit 0 clean, 1 with one line a finding, 77 when its tool is
# missing.  With CI=true or LINT_STRICT=1 a missing tool is a failure: there it
# must not be possible to pass by not looking.

build=$PWD
top=$(cd "${srcdir:-.}" && pwd)
if [ ! -d "$top/src" ]; then
	echo "lint: no src folder in $top: run me through make check" >&2
	exit 99
fi

# requires TOOL...
requires() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null && continue
		echo "lint: $tool is not installed: NOT CHECKED" >&2
		if [ "${CI:-}" = true ] || [ "${LINT_STRICT:-}" = 1 ]; then
			exit 1
		fi
		exit 77
	done
}

# Files of ours below the given folders, whose names match PATTERN, sorted.
# Links and what a build leaves in the source tree are not ours.
files() {
	local pattern=$1
	shift
	(cd "$top" && for d; do
		[ -e "$d" ] && find "$d" -type f -name "$pattern" \
			! -path '*/.deps/*' ! -name '.dirstamp' \
			! -name '*_sql.c' ! -name '*.[oa]' \
			! -name '*.log' ! -name '*.trs'
	done) | sort -u
}

c_files() {
	files '*.[ch]' src tests
}

# Files of the shell, by their first line, not by their name.
scripts() {
	(cd "$top" && {
		for d in contrib tests sql .ci; do
			[ -e "$d" ] && grep -rlIE '^#!/(usr/)?bin/(env )?(ba)?sh' \
				"$d"
		done
		files '*.sh' contrib tests .ci
	}) | sort -u
}

# figure NAME VALUE UNIT
figure() {
	printf 'lint\t%s\t%s\t%s\n' "$1" "$2" "$3" >>"$build/figures.tsv"
}

# shellcheck disable=SC2034 # its readers source this file
bad=0
# finding TEXT...
finding() {
	echo "$*"
	# shellcheck disable=SC2034
	bad=1
}
