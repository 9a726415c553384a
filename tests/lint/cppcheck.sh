#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: cppcheck has nothing to say (warnings and portability, not style).
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires cppcheck
cd "$top" || exit 99
mkdir -p "$build/cppcheck.cache"
# The cache makes a second run quick; the time limit keeps a parser that has
# lost its way from holding up everything.
timeout 300 cppcheck --quiet -j 2 --std=c11 --language=c \
	--cppcheck-build-dir="$build/cppcheck.cache" \
	--enable=warning,portability --inline-suppr --error-exitcode=2 \
	--suppressions-list=tests/lint/cppcheck.suppress \
	--template='{file}:{line}: {id}: {message}' \
	--library=tests/lint/cppcheck.cfg -D_GNU_SOURCE -Isrc src
