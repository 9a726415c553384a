#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: shellcheck finds nothing in any script.
set -u
. "${srcdir:-.}/tests/lint/lib.sh" || exit 99
requires shellcheck
cd "$top" || exit 99
scripts | xargs -P 2 -n 8 shellcheck -x -s bash -P SCRIPTDIR -e SC1091
