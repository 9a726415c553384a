#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the lints of our own making find what they are there for: each gets a
# tree with one fault, must fail on it, and must pass once the fault is gone.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
here=$top
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# tree: a small clean source tree in $work/t
tree() {
	rm -rf "$work/t"
	mkdir -p "$work"/t/{src/{core,db,cli,image},tests,doc,contrib,sql}
	cp -r "$here/tests/lint" "$work/t/tests/"
	cp "$here/doc/ARCHITECTURE.md" "$work/t/doc/"
	local s='SPDX-License-Identifier: Apache-2.0'
	printf '/* %s */\nint a_b(void);\nint a_b(void)\n{\n\treturn 0;\n}\n' \
		"$s" >"$work/t/src/core/a.c"
	printf '/* %s */\n#ifndef NH_X\n#define NH_X\n#endif\n' "$s" |
		tee "$work/t/src/core/x.h" >"$work/t/src/db/x.h"
	for f in README.md configure.ac Makefile.am; do
		echo "# $s" >"$work/t/$f"
	done
}

lint() { # NAME
	(cd "$work" && srcdir=$work/t bash "$work/t/tests/lint/$1.sh") \
		>"$work/out" 2>&1
}

tried=0
# fault LINT FILE TEXT: TEXT appended to FILE is found, and is named in FILE
fault() {
	tree
	lint "$1" || { echo "$1 fails on a clean tree:"; cat "$work/out"; bad=1; }
	printf '%b\n' "$3" >>"$work/t/$2"
	if lint "$1"; then
		finding "$1 does not find in $2: $3"
	elif ! grep -q "$2" "$work/out"; then
		finding "$1 does not name $2: $(cat "$work/out")"
	fi
	tried=$((tried + 1))
}
# fine LINT FILE TEXT: TEXT is no fault
fine() {
	tree
	printf '%b\n' "$3" >>"$work/t/$2"
	lint "$1" || { finding "$1 finds in $2: $3"; cat "$work/out"; }
	tried=$((tried + 1))
}

fault rules src/core/a.c 'int f(void) { strcpy(a, b); }'
fault rules src/core/a.c 'int f(void) { return fork(); }'
fault rules src/db/x.c 'int f(void) { return system ("x"); }'
fault rules src/core/a.c 'int f(void) { return renameat(a, b, c, d); }'
fault rules src/core/a.c 'int f(void) { syscall(SYS_renameat2, a); }'
fault rules src/core/a.c 'int f(void) { free(p); }'
fault rules src/cli/x.c 'int f(void) { mysql_query(p); }'
fault rules src/db/x.c 'char *s = "SELECT a "\n\t"FROM b";'
fault rules src/db/x.c 'char *s = "DELETE FROM b";'
fault rules src/db/x.c 'char *s = "UPDATE instances SET a";'
fault rules src/db/x.c 'int f(int x) { switch (x) { default: return 1; } }'
fault rules src/db/x.c 'char *s[] = {"/bin/sh", "x"};'
fault rules src/db/x.c '/* allowed: */ int f(void) { free(p); }'
fine rules src/db/x.c '/* free(p), or fork() */ int f(void) { mem_free(p); }'
fine rules src/db/x.c 'char *s = "free(p)"; /* x */ int y = a->free(p);'
fine rules src/db/x.c 'int f(void) { free(p); /* allowed: not our memory */ }'
fine rules src/db/x.c 'char *s = "select the host, then update it";'
fine rules src/core/proc.c 'int f(void) { return fork(); }'
fault layers src/core/a.c '#include "db/x.h"'
fault layers src/db/x.c '#include "image/x.h"'
fault layers src/db/x.c '#include "nowhere/x.h"'
fault layers src/cli/x.c '#include "engine/y_priv.h"'
fine layers src/db/x.c '#include "core/x.h"\n#include "db/y_priv.h"'
fine layers src/main.c '#include "core/x.h"\n#include "db/x.h"'
fault spdx src/core/b.c 'int x;'
fault spdx contrib/b 'x'
fault words src/core/a.c '/* see /wor''k/x */'
fault words contrib/b '# TO''DO later'
fine words src/core/a.c '/* the work/x folder, home work */'
if command -v pmccabe >/dev/null; then
	fault size src/core/b.c "int f(void)\n{\n$(printf 'g();\\n%.0s' {1..101})}"
	fault size src/core/c.c "$(printf 'int a;\\n%.0s' {1..601})"
fi
echo "selftest: $tried trees"
figure 'lint self-tests' "$tried" trees
exit $bad
