#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: nothing in the tree speaks of one machine or of how it was made: no
# paths that exist on one machine only, no notes to oneself.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
cd "$top" || exit 99
# Written so that this file does not find itself.
words='(^|[^[:alnum:]_/.-])/(wor[k]|hom[e]/[a-z]|mn[t]/data)(/|[^[:alnum:]_]|$)'
words+='|\b(FIXM[E]|XX[X]|HAC[K]|TOD[O])\b'
words+='|\b(chatg[p]t|copil[o]t|langua[g]e model)\b'
while read -r f; do
	grep -HnIiE -- "$words" "$f" && bad=1
done < <(
	files '*' src tests contrib sql doc .ci
	ls README.md configure.ac Makefile.am
)
exit $bad
