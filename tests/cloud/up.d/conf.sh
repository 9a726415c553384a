# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# conf.sh: the configuration files of the services, each printed by a function.
# Sourced by host-setup, inside a host.  $h, $ip, $S/settings
# shellcheck disable=SC2154

db_url() { echo "mysql+pymysql://openstack:$service_password@$ctl:3306/$1?charset=utf8"; }
rabbit_url() { echo "rabbit://openstack:$service_password@$ctl:5672/"; }

# credentials SECTION USER: how a service logs in to another
credentials() {
	cat <<-X
	[$1]
	auth_url = http://$ctl:5000
	auth_type = password
	project_domain_name = Default
	user_domain_name = Default
	project_name = service
	username = $2
	password = $service_password
	region_name = RegionOne
	X
}

# accepts USER: whom a service believes.  Detaching a volume is refused (409) by
# Cinder unless Nova calls it with a service token, so those are asked for.
accepts() {
	credentials keystone_authtoken "$1"
	cat <<-X
	www_authenticate_uri = http://$ctl:5000
	service_token_roles = service
	service_token_roles_required = true
	X
}

conf_keystone() {
	cat <<-X
	[database]
	connection = $(db_url keystone)
	max_pool_size = 5
	[token]
	provider = fernet
	expiration = 86400
	[fernet_tokens]
	key_repository = $S/keystone/fernet
	[credential]
	key_repository = $S/keystone/credential
	X
}

conf_placement() {
	cat <<-X
	[api]
	auth_strategy = keystone
	[placement_database]
	connection = $(db_url placement)
	X
	accepts placement
}

conf_glance() {
	cat <<-X
	[DEFAULT]
	bind_host = $ctl
	workers = 0
	[database]
	connection = $(db_url glance)
	[glance_store]
	stores = file
	default_store = file
	filesystem_store_datadir = $S/images
	[paste_deploy]
	flavor = keystone
	[oslo_concurrency]
	lock_path = /run/lock/glance
	X
	accepts glance
}

# Neutron's server and agents.  Linux bridges, because they need no kernel
# module; since Zed they have to be asked for as "experimental".
conf_neutron() {
	cat <<-X
	[DEFAULT]
	host = $h
	bind_host = $ctl
	core_plugin = ml2
	service_plugins =
	auth_strategy = keystone
	transport_url = $(rabbit_url)
	api_workers = 1
	rpc_workers = 1
	rpc_state_report_workers = 0
	notify_nova_on_port_status_changes = true
	notify_nova_on_port_data_changes = true
	agent_down_time = 45
	state_path = /var/lib/neutron
	[agent]
	root_helper = sudo neutron-rootwrap /etc/neutron/rootwrap.conf
	report_interval = 15
	[experimental]
	linuxbridge = true
	[oslo_concurrency]
	lock_path = /run/lock/neutron
	X
	[ "$h" = controller ] || return 0
	printf '[database]\nconnection = %s\n' "$(db_url neutron)"
	accepts neutron
	credentials nova nova
	credentials placement placement
}

conf_ml2() {
	cat <<-X
	[ml2]
	type_drivers = flat,local
	tenant_network_types =
	mechanism_drivers = linuxbridge
	extension_drivers = port_security
	[ml2_type_flat]
	flat_networks = physnet1
	[securitygroup]
	enable_security_group = false
	X
}

conf_linuxbridge() {
	cat <<-X
	[linux_bridge]
	physical_interface_mappings = physnet1:eth1
	[vxlan]
	enable_vxlan = false
	[securitygroup]
	enable_security_group = false
	firewall_driver = noop
	[agent]
	polling_interval = 2
	X
}

# Volumes are files of the NFS driver: the kernel may have no iSCSI, no device
# mapper and no network block device.  An empty default_volume_type would be an
# error.
conf_cinder() {
	cat <<-X
	[DEFAULT]
	transport_url = $(rabbit_url)
	auth_strategy = keystone
	my_ip = $ctl
	osapi_volume_listen = $ctl
	osapi_volume_workers = 1
	glance_api_servers = http://$ctl:9292
	enabled_backends = nfs
	rootwrap_config = /etc/cinder/rootwrap.conf
	api_paste_config = /etc/cinder/api-paste.ini
	state_path = /var/lib/cinder
	[database]
	connection = $(db_url cinder)
	[nfs]
	volume_driver = cinder.volume.drivers.nfs.NfsDriver
	volume_backend_name = nfs
	nfs_shares_config = /etc/cinder/nfs_shares
	nfs_mount_point_base = /var/lib/cinder/mnt
	nas_secure_file_operations = false
	nas_secure_file_permissions = false
	[oslo_concurrency]
	lock_path = /run/lock/cinder
	X
	accepts cinder
	credentials nova nova
	credentials service_user cinder
	echo 'send_service_user_token = true'
}

# Nova repairs some of what a bad move leaves wrong.  Here it does not: port
# bindings are never healed, and power states are looked at often.
conf_nova() {
	cat <<-X
	[DEFAULT]
	host = $h
	my_ip = $ip
	debug = true
	transport_url = $(rabbit_url)
	state_path = /var/lib/nova
	instances_path = /var/lib/nova/instances
	enabled_apis = osapi_compute
	osapi_compute_listen = $ctl
	osapi_compute_workers = 1
	compute_driver = libvirt.LibvirtDriver
	vif_plugging_timeout = 60
	report_interval = 5
	service_down_time = 30
	heal_instance_info_cache_interval = -1
	sync_power_state_interval = 45
	running_deleted_instance_poll_interval = 60
	shutdown_timeout = 20
	[api]
	auth_strategy = keystone
	[conductor]
	workers = 1
	[scheduler]
	workers = 1
	[glance]
	api_servers = http://$ctl:9292
	[oslo_concurrency]
	lock_path = /run/lock/nova
	[image_cache]
	manager_interval = 120
	[libvirt]
	virt_type = $virt_type
	cpu_mode = none
	nfs_mount_point_base = /var/lib/nova/mnt
	[vnc]
	enabled = true
	server_listen = $ip
	server_proxyclient_address = $ip
	[service_user]
	send_service_user_token = true
	X
	credentials service_user nova | tail -n +2
	accepts nova
	credentials placement placement
	credentials neutron neutron
	credentials cinder cinder | sed 's/^region_name/os_region_name/'
	[ "$h" = controller ] || return 0
	printf '[api_database]\nconnection = %s\n' "$(db_url nova_api)"
	printf '[database]\nconnection = %s\n' "$(db_url nova_cell1)"
}

conf_rabbitmq() {
	cat <<-X
	listeners.tcp.1 = $ctl:5672
	default_user = openstack
	default_pass = $service_password
	loopback_users = none
	X
}
