# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# services.sh: what runs on which host, and how it is started and stopped.
# Sourced after common.sh and data.sh.
# shellcheck disable=SC2034,SC2154 # for those who source this

controller_services=(placement glance-api neutron-server nova-conductor
	nova-api nova-scheduler cinder-api cinder-scheduler cinder-volume)
compute_services=(sshd virtlogd libvirtd linuxbridge-agent nova-compute)

# neutron HOST NAME PROGRAM FILE
neutron() {
	daemon "$1" "$2" "$3" --config-file /etc/neutron/neutron.conf \
		--config-file "/etc/neutron/plugins/ml2/$4"
}


# wsgi NAME PORT PROGRAM PROCESSES
wsgi() {
	daemon controller "$1" uwsgi --plugin python3 --master --lazy-apps \
		--enable-threads --die-on-term --buffer-size 65535 \
		--add-header Connection:close --disable-logging \
		--http-socket "$ctl:$2" --wsgi-file "$3" --processes "$4" \
		--uid "$1" --gid "$1"
}

# service_start HOST NAME: unless it runs
service_start() {
	local h=$1
	case $2 in
	rabbitmq) data_rabbitmq ;;
	mariadb) data_mariadb ;;
	keystone) wsgi keystone 5000 /usr/bin/keystone-wsgi-public 2 ;;
	placement) wsgi placement 8778 /usr/bin/placement-api 2 ;;
	neutron-server) neutron "$h" "$2" "$2" ml2_conf.ini ;;
	linuxbridge-agent)
		neutron "$h" "$2" "neutron-$2" linuxbridge_agent.ini
		;;
	nova-compute)
		daemon "$h" "$2" setpriv --reuid=nova --regid=nova --init-groups \
			env HOME=/var/lib/nova nova-compute
		;;
	sshd) daemon "$h" sshd /usr/sbin/sshd -D -e ;;
	*) daemon "$h" "$2" "$2" ;;
	esac
}

# service_stop HOST NAME: with its workers, which are in its process group
service_stop() {
	local pid group i
	{ read -r pid < "$S/run/$1-$2"; } 2> /dev/null || return 0
	group=$(in_host "$1" ps -o pgid= -p "$pid" | tr -d ' ')
	if [ -n "$group" ]; then
		in_host "$1" kill -TERM -- "-$group"
		for ((i = 0; i < 150; i++)); do
			in_host "$1" kill -0 -- "-$group" 2> /dev/null || break
			sleep 0.1
		done
		in_host "$1" kill -KILL -- "-$group" 2> /dev/null || :
	fi
	rm -f "$S/run/$1-$2"
}

# service_ready HOST NAME: waits until it does its work
service_ready() {
	local port
	case $2 in
	rabbitmq) port=5672 ;;
	keystone) port=5000 ;;
	placement) port=8778 ;;
	glance-api) port=9292 ;;
	neutron-server) port=9696 ;;
	nova-api) port=8774 ;;
	cinder-api) port=8776 ;;
	sshd) port=22 ;;
	libvirtd)
		wait_for 60 "libvirtd on $1 (see $S/log/$1-libvirtd)" \
			in_host "$1" virsh -q list > /dev/null
		return
		;;
	*) return 0 ;;
	esac
	wait_for 120 "$2 on $1 (see $S/log/$1-$2)" \
		tcp_open "$1" "$(address "$1")" "$port"
	# Zed's Neutron answers 500 to a question for ports until it was asked
	# something else: only that makes its models whole
	[ "$2" != neutron-server ] ||
		wait_for 60 "$2 to answer" api GET network /networks > /dev/null
}

# nova_services_up N: so many computes are known and have reported of late
nova_services_up() {
	local want=$1
	[ "$(sql -N -e "SELECT COUNT(*) FROM nova_cell1.services s
		LEFT JOIN nova_cell1.compute_nodes c ON c.host = s.host
			AND c.deleted = 0
		WHERE s.deleted = 0 AND s.binary = 'nova-compute'
		AND c.id IS NOT NULL
		AND s.last_seen_up > UTC_TIMESTAMP() - INTERVAL 30 SECOND")" \
		-ge "$want" ]
}
