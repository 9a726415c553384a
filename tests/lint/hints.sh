#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: every "novahaul WORD" that the program or a page tells somebody to type
# names a command, and every long option after it exists there.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
novahaul=$build/novahaul
[ -x "$novahaul" ] || { echo "$novahaul is not built"; exit 1; }
cd "$top" || exit 99

commands=$("$novahaul" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
globals=$("$novahaul" help | grep -oE -- '--[a-z-]+')
[ -n "$commands" ] || { echo "novahaul help lists no commands"; exit 1; }

# FILE:LINE:novahaul WORDS, from C strings and from the pages.  In a string only
# where a command may stand: at its start, or behind a stop or such a word; not
# "what novahaul does".
told() {
	files '*.c' src | xargs grep -HnoE '"[^"]*"' |
		grep -oE '^[^:]+:[0-9]+:|("|[;:,(] ?|(or|then|with|run|type|see) )novahaul [a-z][^"\\;,)`]*' |
		awk '/^[^ ]+:[0-9]+:$/ { at = $0; next }
			{ print at substr($0, index($0, "novahaul")) }'
	files '*.pod' doc | xargs grep -HnoE '^  *novahaul [a-z][^>;|]*' |
		sed 's/: *novahaul/:novahaul/'
	grep -HnoE '^ *novahaul [a-z][^>;|]*' README.md |
		sed 's/: *novahaul/:novahaul/'
}

while IFS=: read -r file line words; do
	# shellcheck disable=SC2086 # split into words
	set -- $words
	shift
	# Prose: "novahaul is ...", and the name of a format string.
	case $1 in
	is | has | does | was | needs | holds | tells) continue ;;
	novahaul) continue ;; # complete -F _novahaul novahaul
	esac
	if ! grep -qx -- "$1" <<<"$commands"; then
		finding "$file:$line: novahaul $1: no such command"
		continue
	fi
	options=$("$novahaul" help "$1" | grep -oE -- '--(\[no-\])?[a-z-]+' |
		sed 's/\[no-\]//')
	for word; do
		case $word in
		--[a-z]*)
			word=${word%%[!a-z-]*}
			word=${word/#--no-precopy/--precopy}
			grep -qx -- "$word" <<<"$options"$'\n'"$globals" ||
				finding "$file:$line: novahaul $1: no option $word"
			;;
		esac
	done
done < <(told)
exit $bad
