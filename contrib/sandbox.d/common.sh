# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# common.sh: what every part of the sandbox needs to know.  Sourced.
#
# State lives in $S and nowhere else:
#   hosts/HOST/     a host's private directories (etc, var, root, nova, libvirt)
#   run/HOST.init   "PID START": the process that holds HOST's namespaces, and
#                   its start time, by which a reused pid is told from ours;
#                   run/HOST.parent: the unshare above it
#   run/HOST-NAME   the pid, within HOST, of a daemon started there
#   log/            one file a daemon
#   mysql/ ssh/     the databases; the operator's key and known_hosts
#   cache/ guest.img  the downloaded kernel package and the image made from it
#   novahaul.conf   the configuration for novahaul
# Nothing outside the namespaces listens anywhere or gets an address.
# shellcheck disable=SC2034 # much of it is for those who source this

# The caller's may be closed to those whom the daemons run as.
unset TMPDIR

S=${NOVAHAUL_SANDBOX:-/var/tmp/novahaul-sandbox}
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
top=$(cd "$here/../.." && pwd)

# Add a number to have a third host: NOVAHAUL_SANDBOX_COMPUTES="30 34 36";
# once up, the sandbox remembers.
numbers=(30 34)
[ ! -r "$S/computes" ] || read -r -a numbers < "$S/computes"
[ -z "${NOVAHAUL_SANDBOX_COMPUTES:-}" ] ||
	read -r -a numbers <<< "$NOVAHAUL_SANDBOX_COMPUTES"
computes=("${numbers[@]/#/compute-}")
hosts=(controller "${computes[@]}")

# Two networks: the operator's, and the one the guests are on.  tests/cloud has
# the same hosts with other names.
net=${NOVAHAUL_SANDBOX_NET:-78}
mgmt=10.$net.0
data=192.168.$net
domain=${NOVAHAUL_SANDBOX_DOMAIN:-sandbox.example}
starter=${NOVAHAUL_SANDBOX_STARTER:-contrib/sandbox up}

# Fixed names of things that OpenStack would have made up.
net_id=5b3e8a52-6d7c-4c3f-9d0e-0f3f1c1d7a10
bridge=brq${net_id:0:11}
image_id=0a1f6f4e-6a0b-4a4c-8c9b-64e5c2b0d901
project_id=3f2c1b0a99884c7dbe5566aa77cc88dd
user_id=90ab12cd34ef56ab78cd90ef12ab34cd
cell1_id=7d1c3a58-1f0a-4b43-9f7d-2a3b4c5d6e7f
nova_release=26.2.2

say() { echo "sandbox: $*" >&2; }
die() {
	say "$*"
	exit 1
}

address() {
	[ "$1" = controller ] && echo "$mgmt.1" || echo "$mgmt.${1#compute-}"
}

# start_time PID: its start in clock ticks since boot; fails if it is gone
start_time() {
	local stat
	{ read -r stat < "/proc/$1/stat"; } 2> /dev/null || return 1
	stat=${stat##*) }
	read -r -a stat <<< "$stat"
	[ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

# record PID FILE, recorded FILE: a process of ours, and whether it still lives
record() { echo "$1 $(start_time "$1")" > "$S/run/$2"; }
recorded() {
	local pid start
	{ read -r pid start < "$S/run/$1"; } 2> /dev/null || return 1
	[ "$(start_time "$pid")" = "$start" ] || return 1
	echo "$pid"
}

# holder HOST: the pid that holds its namespaces; fails if HOST is down
holder() { recorded "$1.init"; }

host_up() { holder "$1" > /dev/null; }

# in_host HOST CMD...: runs CMD there, in the present directory if it exists
in_host() {
	local h=$1 pid dir=$PWD
	shift
	pid=$(holder "$h") || die "$h is down: run '$starter'"
	[ -d "/proc/$pid/root$dir" ] || dir=/
	nsenter -t "$pid" -n -u -i -m -p --wdns="$dir" -- "$@"
}

# daemon HOST NAME CMD...: starts CMD there unless it runs already
daemon() {
	local h=$1 n=$2
	shift 2
	daemon_alive "$h" "$n" && return 0
	# What outlives its starter must not hold the starter's locks (flock).
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_host "$h" setsid bash -c '
		log=$1 pid=$2
		shift 2
		cd /
		"$@" >> "$log" 2>&1 < /dev/null &
		echo $! > "$pid"' _ "$S/log/$h-$n" "$S/run/$h-$n" "$@" \
		3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

daemon_alive() {
	local pid
	{ read -r pid < "$S/run/$1-$2"; } 2> /dev/null || return 1
	host_up "$1" && in_host "$1" kill -0 "$pid" 2> /dev/null
}

daemon_stop() {
	local pid i
	{ read -r pid < "$S/run/$1-$2"; } 2> /dev/null || return 0
	in_host "$1" kill "-${3:-TERM}" "$pid" 2> /dev/null || :
	for ((i = 0; i < 100; i++)); do
		in_host "$1" kill -0 "$pid" 2> /dev/null || break
		sleep 0.1
	done
	rm -f "$S/run/$1-$2"
}

# wait_for SECONDS WHAT CMD...: until CMD succeeds
wait_for() {
	local seconds=$1 what=$2 i
	shift 2
	for ((i = 0; i < seconds * 10; i++)); do
		"$@" 2> /dev/null && return 0
		sleep 0.1
	done
	die "gave up after $seconds s: $what"
}

# shellcheck disable=SC2016
tcp_open() { in_host "$1" bash -c 'exec 3<> "/dev/tcp/$0/$1"' "$2" "$3"; }

# sql [OPTION...]: the MariaDB client as root, on the controller
sql() { in_host controller mariadb -S "$S/mysql/sock" -uroot "$@"; }
