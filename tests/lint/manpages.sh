#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: each command has a page, whose =item lines name exactly the options that
# the program knows, with their values and short forms; novahaul(1) has those of
# every command and lists all commands; no page is left of a command that is
# gone.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
novahaul=$build/novahaul
[ -x "$novahaul" ] || { echo "$novahaul is not built"; exit 1; }
man=$top/doc/man

# The options of a help text on stdin: those under the title $1.
of_help() {
	awk -v title="$1:" '$0 == title { on = 1; next } /^$/ { on = 0 }
		on && /^ +-/ { print }' |
		sed -E 's/^ +//; s/  .*//'
}

# The same of a page: "=item B<-o>, B<--output> I<FILE>".
of_pod() {
	sed -nE '/^=item B<--?/{s/^=item //;s/[BI]<([^>]*)>/\1/g;p}' "$1"
}

compare() { # PAGE TITLE NAME...
	local page=$1 title=$2
	shift 2
	diff -u --label "$page" --label "novahaul help $*" \
		<(of_pod "$page" | sort) \
		<("$novahaul" help "$@" | of_help "$title" | sort) || bad=1
}

compare "$man/novahaul.pod" 'Options of every command'
while read -r name _; do
	page=$man/novahaul-$name.pod
	if [ ! -e "$page" ]; then
		finding "$page is missing"
		continue
	fi
	compare "$page" Options "$name"
	grep -q "^=item L<B<$name>|novahaul-$name(1)>" "$man/novahaul.pod" ||
		finding "doc/man/novahaul.pod: does not list $name"
	operands=$("$novahaul" help "$name" |
		sed -nE '1s/.*\[OPTION\]\.\.\. ?//p')
	sed 's/[BIL]<\([^<>]*\)>/\1/g' "$page" |
		grep -qF -- "${operands:-novahaul $name}" ||
		finding "$page: its synopsis lacks $operands"
done < <("$novahaul" help | sed -n '/^Commands:/,/^$/s/^  //p')

for page in "$man"/novahaul-*.pod; do
	name=$(basename "$page" .pod)
	name=${name#novahaul-}
	case $name in journal | agent | inspect | runbook) continue ;; esac
	"$novahaul" help "$name" >/dev/null 2>&1 ||
		finding "$page: there is no such command"
done
exit $bad
