# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# hosts.sh: starting and ending the sandbox's hosts.  Sourced after common.sh
# and rows.sh, which set what is read here.
# shellcheck disable=SC2154

# KVM is used only where it can run an ordinary guest.  /dev/kvm opening is not
# enough: the kvm_pvm module offers it too, and a guest hangs there for ever.
kvm_works() {
	[ -w /dev/kvm ] && [ ! -d /sys/module/kvm_pvm ] &&
		grep -qwE 'vmx|svm' /proc/cpuinfo
}

secret() { head -c 18 /dev/urandom | base64 | tr -d '+/='; }

# The state directory is ours or is refused: it may be below a world-writable
# one, and it holds keys.
make_state() {
	case $S in
	/etc/* | /run/* | /root/* | /var/lib/* | /var/log/* | /var/cache/*)
		die "the state cannot be in $S: the hosts have their own there" ;;
	/*) ;;
	*) die "NOVAHAUL_SANDBOX must be an absolute path" ;;
	esac
	[ -d "$S" ] || mkdir -m 711 "$S"
	if [ ! -O "$S" ] || [ -L "$S" ]; then
		die "$S belongs to someone else"
	fi
	mkdir -p "$S"/{hosts,run,log,ssh,guests,lib}
	locked
	# inside the hosts the checkout may be hidden (by /root, say)
	cp -a "$here"/. "$S/lib/"
	[ -e "$S/settings" ] || (
		umask 077
		virt=qemu
		! kvm_works || virt=kvm
		cat > "$S/settings.new" <<-X
		virt_type=$virt
		novahaul_password=$(secret)
		nova_password=$(secret)
		X
		mv "$S/settings.new" "$S/settings"
	)
	echo "${numbers[*]}" > "$S/computes"
	# shellcheck source=/dev/null
	. "$S/settings"
}

make_keys() {
	local h
	for h in id_ed25519 "${computes[@]/#/host-}"; do
		[ -e "$S/ssh/$h" ] ||
			ssh-keygen -q -t ed25519 -N '' -C "sandbox-$h" -f "$S/ssh/$h"
	done
	for h in "${computes[@]}"; do
		echo "$(address "$h"),$h,$h.$domain $(cut -d' ' -f1,2 "$S/ssh/host-$h.pub")"
	done > "$S/ssh/known_hosts"
}

write_config() {
	local h at="$mgmt.1"
	mkdir -p "$S/journal"
	(
		umask 077
		cat > "$S/nova.cnf" <<-X
		[client]
		host=$at
		user=nova
		password=$nova_password
		X
		{
			cat <<-X
			[DEFAULT]
			journal = $S/journal/journal.db
			[ssh]
			user = root
			port = 22
			identity = $S/ssh/id_ed25519
			known_hosts = $S/ssh/known_hosts
			[database]
			connection = mysql+pymysql://novahaul:$novahaul_password@$at/nova_cell1
			api_connection = mysql+pymysql://novahaul:$novahaul_password@$at/nova_api
			X
			for h in "${computes[@]}"; do
				printf '[host:%s]\naddress = %s\n' "$h" "$(address "$h")"
			done
		} > "$S/novahaul.conf"
	)
}

host_start() {
	local h=$1 parent pid i
	host_up "$h" && return 0
	rm -f "$S/run/$h".* "$S/run/$h"-*
	setsid unshare --net --uts --ipc --mount --pid --fork --mount-proc \
		--kill-child "$S/lib/host-init" "$h" "$S" \
		> "$S/log/$h-init" 2>&1 < /dev/null 9>&- &
	parent=$!
	record "$parent" "$h.parent"
	for ((i = 0; i < 200; i++)); do
		[ -e "$S/run/$h.ready" ] && break
		[ -d "/proc/$parent" ] || break
		sleep 0.05
	done
	[ -e "$S/run/$h.ready" ] || {
		cat "$S/log/$h-init" >&2
		die "$h did not start"
	}
	# the only child of unshare
	read -r pid _ < "/proc/$parent/task/$parent/children" || :
	record "$pid" "$h.init"
}

# link HOST IF BRIDGE: a cable from IF on HOST to BRIDGE on the controller
link() {
	local h=$1 if=$2 br=$3 n=${1#compute-}
	in_host "$h" ip link show "$if" > /dev/null 2>&1 && return 0
	# in the controller's network but not its pids: the peer's is one of ours
	nsenter -t "$(holder controller)" -n ip link add "p$n-$if" type veth \
		peer name "$if" netns "$(holder "$h")"
	in_host controller ip link set "p$n-$if" master "$br" up
	in_host "$h" ip link set "$if" up
}

add_bridge() {
	in_host "$1" ip link show "$2" > /dev/null 2>&1 && return 0
	in_host "$1" ip link add "$2" type bridge forward_delay 0
	in_host "$1" ip link set "$2" up
	[ -z "${3:-}" ] || in_host "$1" ip addr add "$3" dev "$2"
}

network() {
	local h
	add_bridge controller br-mgmt "$mgmt.1/24"
	add_bridge controller br-data "$data.1/24"
	for h in "${computes[@]}"; do
		link "$h" eth0 br-mgmt
		link "$h" eth1 br-data
		link "$h" eth2 br-data
		in_host "$h" ip addr replace "$(address "$h")/24" dev eth0
		# what the linuxbridge agent makes when a network first appears
		add_bridge "$h" "$bridge"
		in_host "$h" ip link set eth1 master "$bridge"
	done
}

# Open vSwitch with its datapath in user space, as there is no kernel module: a
# second way to plug guests, "boot --ovs".  br-int reaches the guests' network
# through eth2.  Where it does not work only that option is missing.  Guests on
# it answer to ping but not to TCP: the user-space datapath drops the checksums
# that network cards are left to compute.
open_vswitch() {
	local h=$1 vsctl=(ovs-vsctl -t 10) db=/etc/openvswitch/conf.db
	in_host "$h" mkdir -p /run/openvswitch /etc/openvswitch
	in_host "$h" test -e $db || in_host "$h" ovsdb-tool create $db \
		/usr/share/openvswitch/vswitch.ovsschema
	daemon "$h" ovsdb-server ovsdb-server $db \
		--remote=punix:/run/openvswitch/db.sock
	wait_for 10 "ovsdb-server on $h" \
		in_host "$h" test -S /run/openvswitch/db.sock
	in_host "$h" "${vsctl[@]}" --no-wait init
	daemon "$h" ovs-vswitchd ovs-vswitchd --disable-system \
		unix:/run/openvswitch/db.sock
	in_host "$h" "${vsctl[@]}" --may-exist add-br br-int \
		-- set bridge br-int datapath_type=netdev \
		-- --may-exist add-port br-int eth2 || return 1
	wait_for 10 "br-int on $h" in_host "$h" ip link set br-int up
}

# mariadb_start [OPTION...]: the server on the controller, with root by socket
mariadb_start() {
	if [ ! -d "$S/mysql/data/mysql" ]; then
		rm -rf "$S/mysql"
		install -d -o mysql -g mysql -m 700 "$S/mysql"
		mariadb-install-db --no-defaults --user=mysql \
			--datadir="$S/mysql/data" --skip-test-db --skip-name-resolve \
			--auth-root-authentication-method=socket \
			> "$S/log/mysql-install" 2>&1 || {
			tail -5 "$S/log/mysql-install" >&2
			die "MariaDB could not make its system tables"
		}
	fi
	daemon controller mariadb mariadbd --no-defaults --user=mysql \
		--datadir="$S/mysql/data" --socket="$S/mysql/sock" \
		--pid-file="$S/mysql/pid" --bind-address="$mgmt.1" --port=3306 \
		--skip-name-resolve --innodb-flush-log-at-trx-commit=2 \
		--performance-schema=off --character-set-server=utf8mb3 "$@"
	wait_for 60 "MariaDB on the controller (see $S/log/controller-mariadb)" \
		sql -e 'SELECT 1' > /dev/null
}

database() {
	local d fresh=
	mariadb_start --innodb-buffer-pool-size=64M
	[ -e "$S/mysql/.seeded" ] || fresh=yes
	if [ -n "$fresh" ]; then
		for d in nova_api nova_cell0 nova_cell1; do
			sql -e "DROP DATABASE IF EXISTS $d; CREATE DATABASE $d"
			# the tables are in no order that suits their references
			{
				echo 'SET foreign_key_checks = 0;'
				if [ $d = nova_api ]; then
					cat "$here/schema/zed.nova_api.sql"
				else
					cat "$here/schema/zed.nova.sql"
				fi
			} | sql "$d"
		done
		rows_cloud | sql
	fi
	rows_users | sql
	for d in "${computes[@]}"; do
		rows_compute "$d"
	done | sql
	: > "$S/mysql/.seeded"
}

compute_services() {
	local h
	for h in "${computes[@]}"; do
		daemon "$h" sshd /usr/sbin/sshd -D -e
		daemon "$h" virtlogd virtlogd
		daemon "$h" libvirtd libvirtd
		daemon "$h" heartbeat "$S/lib/heartbeat" "$h"
		(open_vswitch "$h") 2>> "$S/log/$h-ovs" ||
			say "no Open vSwitch on $h (see $S/log/$h-ovs)"
	done
	daemon controller heartbeat "$S/lib/heartbeat" controller
	for h in "${computes[@]}"; do
		wait_for 30 "sshd on $h (see $S/log/$h-sshd)" \
			tcp_open "$h" "$(address "$h")" 22
		wait_for 60 "libvirtd on $h (see $S/log/$h-libvirtd)" \
			in_host "$h" virsh -q list > /dev/null
	done
}

hosts_up() {
	local h image='' started=$SECONDS
	"$here/../install-packages" --quiet sandbox
	make_state
	if [ ! -e "$S/guest.img" ]; then
		"$here/guest-image" "$S/guest.img" "$S/cache" \
			> "$S/log/guest-image" 2>&1 9>&- &
		image=$!
	fi
	make_keys
	write_config
	for h in "${hosts[@]}"; do
		host_start "$h"
		in_host "$h" "$S/lib/host-setup" "$h" 2>> "$S/log/$h-setup" ||
			die "setting up $h failed (see $S/log/$h-setup)"
	done
	network
	database
	compute_services
	[ -z "$image" ] || wait "$image" || {
		tail -5 "$S/log/guest-image" >&2
		die "the guest image could not be made"
	}
	say "up in $((SECONDS - started)) s: ${hosts[*]}, guests run under $virt_type"
}

# host_end HOST: kills the holder, and unshare above it, if they still are the
# processes that were recorded
host_end() {
	local pid i f
	for f in init parent; do
		pid=$(recorded "$1.$f") || continue
		kill -KILL "$pid" 2> /dev/null || :
		for ((i = 0; i < 100; i++)); do
			start_time "$pid" > /dev/null || break
			sleep 0.05
		done
	done
	rm -f "$S/run/$1".* "$S/run/$1"-*
}

hosts_down() {
	local f
	[ -d "$S" ] || return 0
	locked
	daemon_stop controller mariadb
	for f in "$S"/run/*.parent; do
		[ -e "$f" ] || continue
		f=${f##*/}
		host_end "${f%.parent}"
	done
	[ "$1" != --purge ] || rm -rf --one-file-system "$S"
	say "down"
}

host_crash() {
	case " ${hosts[*]} " in
	*" $1 "*) host_end "$1" ;;
	*) die "no such host: $1" ;;
	esac
}

host_service() {
	local h=$1 n=$2
	case $3:$n in
	stop:*) daemon_stop "$h" "$n" ;;
	start:sshd) daemon "$h" sshd /usr/sbin/sshd -D -e ;;
	start:libvirtd | start:virtlogd) daemon "$h" "$n" "$n" ;;
	start:mariadb)
		# shellcheck source=/dev/null
		. "$S/settings" # its users' passwords
		database
		;;
	*) die "service HOST NAME stop|start" ;;
	esac
}

hosts_status() {
	local h f n
	for h in "${hosts[@]}"; do
		if ! host_up "$h"; then
			echo "$h down"
			continue
		fi
		printf '%s up %s:' "$h" "$(address "$h")"
		for f in "$S/run/$h"-*; do
			[ -e "$f" ] || continue
			n=${f##*/"$h"-}
			daemon_alive "$h" "$n" && printf ' %s' "$n" ||
				printf ' %s(ended)' "$n"
		done
		echo
	done
}
