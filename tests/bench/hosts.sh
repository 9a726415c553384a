# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# hosts.sh: two hosts made of namespaces, "src" and "dst", for the benchmark.
# Sourced by run, which sets $dir and $build.
#
# Each has its own network, processes, /root, /etc and /run, an sshd, and its
# own $I, of the same name on both.  They are joined by a veth pair (dst's name
# there: "dst") and, after link_slow, by a cable with a delay ("far").  Nothing
# is bound or addressed outside them, and nobody's ~/.ssh is read or written.
# shellcheck disable=SC2154

S='' # the state, gone at the end
I=''
declare -A holder=() cgroup=() parent=()
link_pid=''
cpu_from=''

say() { echo "bench: $*" >&2; }
die() {
	say "$*"
	exit 1
}

# A hierarchy in which groups count CPU: version 2, else cpuacct.
cgroup_find() {
	local root
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$root" ] || root=$(awk '$3 == "cgroup" && $4 ~ /(^|,)cpuacct(,|$)/ {
		print $2; exit }' /proc/mounts)
	[ -n "$root" ] || return 1
	cgroup_top=$root/novahaul-bench.$$
	mkdir "$cgroup_top" 2> /dev/null || return 1
	mkdir "$cgroup_top"/{src,dst,ctl}
	cgroup_has_cpu "$cgroup_top/src"
}
cgroup_has_cpu() {
	grep -qs usage_usec "$1/cpu.stat" || [ -r "$1/cpuacct.usage" ]
}
cgroup_drop() {
	[ -n "${cgroup_top:-}" ] && [ -d "$cgroup_top" ] || return 0
	local i
	for ((i = 0; i < 50; i++)); do
		rmdir "$cgroup_top"/{src,dst,ctl} "$cgroup_top" 2> /dev/null
		[ -d "$cgroup_top" ] || return 0
		sleep 0.1
	done
	say "$cgroup_top stays: something still runs in it"
}

cgroups() {
	local h
	if cgroup_find; then
		cpu_from=$cgroup_top
	else
		cgroup_drop
		cgroup_top=
		# shellcheck disable=SC2034 # run prints it
		cpu_from='/proc (no control group with CPU accounting can be made)'
	fi
	for h in src dst ctl; do
		cgroup[$h]=${cgroup_top:+$cgroup_top/$h}
	done
}

# in_cgroup HOST CMD...: replaces this (sub)shell
in_cgroup() {
	local g=${cgroup[$1]}
	shift
	[ -z "$g" ] || echo "$BASHPID" > "$g/cgroup.procs"
	exec "$@"
}

host_start() {
	local h=$1 i
	mkdir -p "$S/hosts/$h"/{etc,.etc,root,inst}
	chmod 700 "$S/hosts/$h/root"
	(in_cgroup "$h" setsid unshare --net --uts --ipc --mount --pid --fork \
		--mount-proc --kill-child "$S/bin/host-init" "$h" "$S") \
		> "$S/log/$h" 2>&1 < /dev/null &
	parent[$h]=$!
	for ((i = 0; i < 200; i++)); do
		[ -e "$S/$h.ready" ] && break
		kill -0 "${parent[$h]}" 2> /dev/null || break
		sleep 0.05
	done
	[ -e "$S/$h.ready" ] || die "$h did not start: $(tail -n 3 "$S/log/$h")"
	# setsid may have forked; unshare's only child is the first process there
	read -r i _ < <(cat "/proc/${parent[$h]}/task/${parent[$h]}/children")
	holder[$h]=$i
}

# on HOST CMD...: outside what is measured
on() {
	local h=$1
	shift
	nsenter -t "${holder[$h]}" -a --wd=/ -- "$@"
}

keys() {
	local h
	for h in id src dst; do
		ssh-keygen -q -t ed25519 -N '' -C bench -f "$S/ssh/$h"
	done
	{
		echo "10.79.0.1,src $(cut -d' ' -f1,2 "$S/ssh/src.pub")"
		echo "10.79.0.2,dst,10.79.1.2,far $(cut -d' ' -f1,2 "$S/ssh/dst.pub")"
	} > "$S/ssh/known_hosts"
	cat > "$S/ssh/config" <<-X
	Host dst
	  HostName 10.79.0.2
	Host far
	  HostName 10.79.1.2
	Host *
	  User root
	  IdentityFile $S/ssh/id
	  IdentitiesOnly yes
	  UserKnownHostsFile $S/ssh/known_hosts
	  GlobalKnownHostsFile /dev/null
	  StrictHostKeyChecking yes
	  BatchMode yes
	X
}

# sshd as Debian sets it up, but for passwords
sshd_start() {
	local h=$1 sftp=/usr/lib/openssh/sftp-server
	[ -x $sftp ] || sftp=internal-sftp
	cat > "$S/hosts/$h/sshd_config" <<-X
	HostKey $S/ssh/$h
	PidFile /run/sshd.pid
	UsePAM no
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	MaxStartups 100
	Subsystem sftp $sftp
	X
	# sshd refuses accounts whose password field says "locked"
	on "$h" usermod -p '*' root
	(in_cgroup "$h" nsenter -t "${holder[$h]}" -a --wd=/ -- /usr/sbin/sshd \
		-D -e -f "$S/hosts/$h/sshd_config") > "$S/log/$h-sshd" 2>&1 \
		< /dev/null &
	disown # it ends with its host
}

hosts_up() {
	local h i
	chmod 711 "$S"
	mkdir -p "$S"/{bin,ssh,log,hosts,data} "$I"
	cp "$dir/host-init" "$build"/tests/bench/{nh-copy,measure,bench-file,slow-link} \
		"$build"/tests/bench/nosync.so "$S/bin/"
	cp "$build/novahaul" "$S/bin/"
	cp "$build/novahaul-agent" "$S/bin/agent"
	cp "$build/tests/bench/agent-nosync" "$S/bin/agent-nosync"
	keys
	cgroups
	for h in src dst; do
		host_start $h
	done
	ip link add eth0 netns "${holder[src]}" type veth peer name eth0 \
		netns "${holder[dst]}"
	on src ip addr add 10.79.0.1/24 dev eth0
	on dst ip addr add 10.79.0.2/24 dev eth0
	for h in src dst; do
		on $h ip link set eth0 up
		sshd_start $h
	done
	for ((i = 0; i < 100; i++)); do
		on src ssh dst true 2> /dev/null && on src ssh -o \
			HostName=10.79.0.1 src true 2> /dev/null && return 0
		sleep 0.1
	done
	die "sshd does not answer: $(tail -n 3 "$S/log/dst-sshd")"
}

# link_slow ROUND-TRIP-MS
link_slow() {
	local i
	"$S/bin/slow-link" $(($1 * 500)) "${holder[src]}" far0 \
		"${holder[dst]}" far0 > "$S/log/link" 2>&1 < /dev/null &
	link_pid=$!
	for ((i = 0; i < 100; i++)); do
		grep -q ready "$S/log/link" && break
		kill -0 $link_pid 2> /dev/null || return 1
		sleep 0.05
	done
	on src ip addr add 10.79.1.1 peer 10.79.1.2 dev far0
	on dst ip addr add 10.79.1.2 peer 10.79.1.1 dev far0
	on src ip link set far0 up
	on dst ip link set far0 up
	on src ssh far true 2> "$S/log/far"
}

hosts_down() {
	local h
	[ -z "$link_pid" ] || kill "$link_pid" 2> /dev/null
	for h in "${!holder[@]}"; do
		# the first process of a namespace: all others end with it
		kill -KILL "${holder[$h]}" 2> /dev/null
		wait "${parent[$h]}" 2> /dev/null
	done
	holder=()
	cgroup_drop
}
