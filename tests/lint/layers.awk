# SPDX-License-Identifier: Apache-2.0
# Who may include whom.  First file: doc/ARCHITECTURE.md, whose table is the
# rule; then the sources, named relative to the top.
#
# A cell lists folders, or single headers ("engine/step.h"); "everything" allows
# all.  A folder always includes itself; *_priv.h only from its own folder.

function folder(path) {
	sub(/^src\//, "", path)
	return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : path
}

FNR == 1 { doc = FILENAME ~ /ARCHITECTURE\.md$/; from = folder(FILENAME) }

doc && /^\| folder +\| may include/ { table = 1; next }
doc && table && /^\|[- |]+$/ { next }
doc && table && /^\|/ {
	n = split($0, cell, /[ \t]*\|[ \t]*/)
	gsub(/`/, "", cell[2])
	gsub(/`/, "", cell[3])
	names = split(cell[2], name, /, */)
	for (k = 1; k <= names; k++) {
		known[name[k]] = 1
		m = split(cell[3], target, /, */)
		for (i = 1; i <= m; i++)
			may[name[k], target[i]] = 1
	}
	next
}
doc { table = 0; next }

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	header = part[2]
	if (header !~ /\//)
		next # config.h and the like: not a layer
	to = folder(header)
	where = FILENAME ":" FNR ": "
	if (!(from in known) || (!(to in known) && to != from)) {
		print where "folder " (from in known ? to : from) \
			" is not in the table of doc/ARCHITECTURE.md"
		bad = 1
	} else if (header ~ /_priv\.h$/ && to != from) {
		print where header " is private to " to
		bad = 1
	} else if (to != from && !((from, "everything") in may) &&
		   !((from, to) in may) && !((from, header) in may)) {
		print where from " may not include " header \
			": see the table in doc/ARCHITECTURE.md"
		bad = 1
	}
}

END {
	if (!length(known)) {
		print "doc/ARCHITECTURE.md: its table of layers is missing"
		bad = 1
	}
	exit bad
}
