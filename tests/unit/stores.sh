#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: what holds of batches, fence evidence, reports, runs of runbooks and of
# the engine in a journal file holds in MariaDB as well: the same test programs
# (tests/unit/store-lab.c), on a server of this test's own.
set -u -o pipefail
PATH=$PATH:/usr/sbin
programs=("$@")
[ $# != 0 ] || programs=(t-batch t-fence-proof t-report t-report-metrics
	t-report-downtime t-book t-engine t-readmit t-audit-fix)

for tool in mariadbd mariadb-install-db mariadb-admin; do
	command -v "$tool" > /dev/null || {
		echo "stores.sh: skipped: no $tool (install mariadb-server)" >&2
		exit 77
	}
done

base=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || base=/dev/shm
dir=$(mktemp -d "$base/nh-stores-XXXXXX") || exit 1
pid=
# shellcheck disable=SC2317 # by the trap
finish() {
	[ -z "$pid" ] || {
		kill "$pid"
		wait "$pid"
	}
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM
as=()
if [ "$(id -u)" = 0 ]; then
	as=(--user=mysql)
	chown mysql "$dir"
fi
mariadb-install-db --no-defaults "${as[@]}" --datadir="$dir/data" \
	--auth-root-authentication-method=normal --skip-test-db \
	--skip-name-resolve --innodb-flush-method=nosync \
	> "$dir/log" 2>&1 || {
	cat "$dir/log" >&2
	exit 1
}
mariadbd --no-defaults "${as[@]}" --datadir="$dir/data" \
	--socket="$dir/sock" --skip-networking --skip-name-resolve \
	--skip-log-bin --innodb-flush-method=nosync --performance-schema=OFF \
	--innodb-buffer-pool-size=32M > "$dir/log" 2>&1 &
pid=$!
for _ in $(seq 600); do
	mariadb-admin --no-defaults -uroot -S "$dir/sock" ping \
		> /dev/null 2>&1 && break
	kill -0 "$pid" 2> /dev/null || break
	sleep 0.1
done
export NH_TEST_STORE=$dir/sock
rc=0
for t in "${programs[@]}"; do
	echo "== $t"
	"tests/unit/$t" || rc=1
done
exit $rc
