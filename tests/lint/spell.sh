#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: codespell finds no common misspelling.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires codespell
cd "$top" || exit 99
# shellcheck disable=SC2046 # our file names have no spaces
codespell --ignore-words=tests/lint/spell.ignore \
	$(c_files) $(files '*.sql' sql tests) $(files '*.pod' doc) \
	$(files '*.md' doc) $(scripts) README.md configure.ac Makefile.am
