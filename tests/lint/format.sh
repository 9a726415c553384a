#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: clang-format 14 would change nothing.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires clang-format
case $(clang-format --version) in
*' version 14.'*) ;;
*)
	echo "lint: $(clang-format --version): formats differ between versions," \
		"and ours is 14's: NOT CHECKED" >&2
	exit 77
	;;
esac
cd "$top" || exit 99
c_files | xargs -P 2 -n 20 clang-format --dry-run -Werror
