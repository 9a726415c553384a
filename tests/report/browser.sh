#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a browser shows the pages of reports whole: nothing on its console, no
# request, no script, nothing wider than a screen of 1280 or 800 pixels, or
# than A4; on paper no row of a timeline is torn between two sheets.
# The pages are t-report's: jobs, batches of 1, 12 and 60, a run, and names that
# are hostile or very long.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
src=$(cd "${srcdir:-.}" && pwd)
skip() { echo "skipped: $*"; exit 77; }
bad=0

browser=$(command -v chromium) || skip "no chromium"
command -v pdftotext > /dev/null || skip "no pdftotext"
perl -MJSON::PP -e 1 2> /dev/null || skip "no perl with JSON::PP"
mkdir "$dir/pages"
NH_REPORT_PAGES=$dir/pages tests/unit/t-report > "$dir/t-report.log" 2>&1 || {
	tail "$dir/t-report.log"
	exit 1
}
pages=("$dir"/pages/*.html)
[ ${#pages[@]} -ge 8 ] || { echo "only ${#pages[@]} pages"; exit 1; }

timeout -k 10 280 perl "$src/tests/report/browser.pl" "$browser" \
	"$dir/profile" "${pages[@]}" || case $? in
1) bad=1 ;;
*) tail -n 5 "$dir/profile.log"; skip "chromium does not answer" ;;
esac

# Each word of the PDF lies on its paper: pdftotext tells the boxes of both.
on_paper() {
	pdftotext -bbox "$1" - | awk -v pdf="${1##*/}" '
		/<page / { gsub(/[^0-9. ]/, " "); split($0, p, " "); nr++ }
		/<word / {
			w = $0; gsub(/>.*/, "", w); gsub(/[^0-9. -]/, " ", w)
			split(w, b, " "); n++
			if (b[1] < 0 || b[2] < 0 || b[3] > p[1] || b[4] > p[2])
				{ print pdf ", page " nr ": off the paper: " $0; e = 1 }
		}
		END { if (!n) { print pdf ": no text"; e = 1 }; exit e }'
}

# Of the timeline of 60 instances, each row has an arrow between two hosts, and
# a state: on every page as many of one as of the other, and 60 in all.
rows_whole() {
	pdftotext -raw "$1" - | awk -v pdf="${1##*/}" '
		function page() {
			nr++
			if (b != e) {
				print pdf ", page " nr ": " b " rows begin, " e " end"
				bad = 1
			}
			all += b; b = e = 0
		}
		/^Timeline$/ { on = 1 }
		/^Where the time went$/ && on { page(); exit }
		/\f/ { page() }
		on && /→/ { b++ }
		on && /^\f?(✓|✗|!|↶|pending|skipped)/ { e++ }
		END {
			if (all != 60) { print pdf ": " all " rows of 60"; bad = 1 }
			exit bad
		}'
}

for p in "${pages[@]}"; do
	on_paper "$p.pdf" || bad=1
done
rows_whole "$dir/pages/batch60.html.pdf" || bad=1
[ -z "${KEEP:-}" ] || cp -r "$dir/pages" "$KEEP"
exit $bad
