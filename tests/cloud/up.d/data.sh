# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# data.sh: the databases, their schemas and the message broker.  Sourced after
# common.sh, the sandbox's hosts.sh and rows.sh.
# shellcheck disable=SC2154

data_rabbitmq() {
	daemon controller rabbitmq setpriv --reuid=rabbitmq --regid=rabbitmq \
		--init-groups env HOME=/var/lib/rabbitmq \
		/usr/lib/rabbitmq/bin/rabbitmq-server
}

data_mariadb() {
	local d
	mariadb_start --max-connections=1000 \
		--innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=256M \
		--collation-server=utf8mb3_general_ci
	{
		for d in "${databases[@]}"; do
			echo "CREATE DATABASE IF NOT EXISTS $d;"
		done
		cat <<-X
		CREATE USER IF NOT EXISTS openstack@'%';
		ALTER USER openstack@'%' IDENTIFIED BY '$service_password';
		GRANT ALL ON *.* TO openstack@'%';
		X
	} | sql
}

# sync NAME CMD...: one step of making the schemas
sync() {
	local log=$S/log/sync-$1
	shift
	in_host controller "$@" > "$log" 2>&1 || {
		tail -n 5 "$log" >&2
		die "failed: $* (see $log)"
	}
}

sync_nova() {
	sync nova-api nova-manage api_db sync
	# filled in from [database] connection: no secret in argv
	sync nova-cell0 nova-manage cell_v2 map_cell0 --database_connection \
		'{scheme}://{username}:{password}@{hostname}:{port}/nova_cell0?{query}'
	in_host controller nova-manage cell_v2 list_cells 2> /dev/null |
		grep -q ' cell1 ' ||
		sync nova-cell1 nova-manage cell_v2 create_cell --name=cell1
	sync nova nova-manage db sync
}

sync_others() {
	sync keystone keystone-manage db_sync
	sync placement placement-manage db sync
	sync glance glance-manage db_sync
	sync cinder cinder-manage db sync
}

# Three at a time: each spends most of its time starting Python.
data_schemas() {
	local p pids=()
	[ ! -e "$S/mysql/.synced" ] || return 0
	sync_nova &
	pids+=($!)
	sync_others &
	pids+=($!)
	sync neutron neutron-db-manage --config-file /etc/neutron/neutron.conf \
		--config-file /etc/neutron/plugins/ml2/ml2_conf.ini upgrade heads &
	pids+=($!)
	for p in "${pids[@]}"; do
		wait "$p" || die "the schemas could not be made"
	done
	# novahaul's user has no right that the sandbox's has not, but may read
	# what Placement, Neutron and Cinder have
	{
		rows_users
		for d in placement neutron cinder; do
			echo "GRANT SELECT ON $d.* TO novahaul@'%';"
		done
	} | sql
	: > "$S/mysql/.synced"
}
