#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the house rules of tests/lint/rules.pl hold in all of src/.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires perl
cd "$top" || exit 99
files '*.[ch]' src | xargs perl tests/lint/rules.pl
