# SPDX-License-Identifier: Apache-2.0
# sql/*.sql -> sql_text.c: an array of {name, text}, in the order of the files.
BEGIN {
	print "/* Made by sql_text.awk from sql/; do not edit. */"
	print "#include \"db/db_priv.h\""
	print ""
	print "const struct sql_text sql_texts[] = {"
}
/^-- name: / {
	end()
	if ($3 in seen || NF != 3) {
		print FILENAME ": bad name: " $0 > "/dev/stderr"
		exit bad = 1
	}
	seen[$3] = 1
	printf "\t{\"%s\",", $3
	open = 1
	next
}
/^--/ || /^[ \t]*$/ { next }
{
	if (!open) {
		print FILENAME ": text before a name: " $0 > "/dev/stderr"
		exit bad = 1
	}
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	printf "\n\t \"%s\\n\"", $0
}
END {
	if (bad)
		exit 1
	end()
	print "\t{0},"
	print "};"
}
function end()
{
	if (open)
		print "},"
	open = 0
}
