# SPDX-License-Identifier: Apache-2.0
# Turns named SQL statements into a C table.
#	awk -v header=x.h -v type='struct x' -v table=x_text -f embed.awk x.sql
# A statement begins after its "-- name: NAME" line and ends before the next
# one; other comment lines are dropped.  The table ends with a NULL name.
BEGIN {
	print "/* Generated from SQL by sql/embed.awk: do not edit. */"
	print "#include \"" header "\"\n"
	print "const " type " " table "[] = {"
}
function finish() {
	if (name != "")
		print "},"
	name = ""
}
/^-- name:/ {
	finish()
	name = $3
	if (name in seen) {
		print "embed.awk: " name " is there twice" > "/dev/stderr"
		bad = 1
	}
	seen[name] = 1
	printf "{\"%s\", \"\"\n", name
	next
}
/^--/ || /^[ \t]*$/ { next }
name == "" {
	print "embed.awk: line " NR ": text before any name" > "/dev/stderr"
	bad = 1
}
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	gsub(/\t/, " ")
	printf "\"%s\\n\"\n", $0
}
END {
	finish()
	print "{0, 0}};"
	exit bad
}
