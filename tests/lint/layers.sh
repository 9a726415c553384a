#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: no folder includes what the table of doc/ARCHITECTURE.md does not allow.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
cd "$top" || exit 99
mapfile -t sources < <(files '*.[ch]' src)
awk -f tests/lint/layers.awk doc/ARCHITECTURE.md "${sources[@]}"
