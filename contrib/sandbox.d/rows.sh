# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# rows.sh: the rows that Nova 26 (Zed) would have written.  Sourced after
# common.sh; each function prints SQL.  JSON is in the form of Nova's versioned
# objects (nova/objects/*.py at 26.2.2).  The variables come from common.sh,
# $S/settings and guest_boot.
# shellcheck disable=SC2154

uuid_new() { cat /proc/sys/kernel/random/uuid; }

# object NAME VERSION DATA: a versioned object
object() {
	printf '{"nova_object.name": "%s", "nova_object.namespace": "nova", ' "$1"
	printf '"nova_object.version": "%s", "nova_object.data": %s}' "$2" "$3"
}

# flavor_json RAM DISK EPH SWAP
flavor_json() {
	object Flavor 1.2 "{\"id\": 1, \"name\": \"sandbox.tiny\", \
\"memory_mb\": $1, \"vcpus\": 1, \"root_gb\": $2, \"ephemeral_gb\": $3, \
\"flavorid\": \"11\", \"swap\": $4, \"rxtx_factor\": 1.0, \"vcpu_weight\": 0, \
\"disabled\": false, \"is_public\": true, \"extra_specs\": {}, \
\"description\": null, \"created_at\": \"2026-01-05T08:00:00Z\", \
\"updated_at\": null, \"deleted_at\": null, \"deleted\": false}"
}

# rows_users: the database's users and what they may do; safe to repeat.
# $novahaul_password, $nova_password
rows_users() {
	local d
	cat <<-X
	CREATE USER IF NOT EXISTS nova@'%', novahaul@'%';
	ALTER USER nova@'%' IDENTIFIED BY '$nova_password',
		novahaul@'%' IDENTIFIED BY '$novahaul_password';
	X
	for d in nova_api nova_cell0 nova_cell1; do
		echo "GRANT ALL ON $d.* TO nova@'%';"
		echo "GRANT SELECT ON $d.* TO novahaul@'%';"
	done
	# what a move writes, and the services for runbooks, and nothing more
	cat <<-X
	GRANT UPDATE ON nova_cell1.instances TO novahaul@'%';
	GRANT INSERT, UPDATE, DELETE ON nova_cell1.instance_system_metadata
		TO novahaul@'%';
	GRANT INSERT, UPDATE ON nova_cell1.migrations TO novahaul@'%';
	GRANT INSERT, UPDATE ON nova_cell1.instance_actions TO novahaul@'%';
	GRANT INSERT, UPDATE ON nova_cell1.instance_actions_events
		TO novahaul@'%';
	GRANT UPDATE ON nova_cell1.block_device_mapping TO novahaul@'%';
	GRANT DELETE ON nova_cell1.console_auth_tokens TO novahaul@'%';
	GRANT UPDATE ON nova_cell1.floating_ips TO novahaul@'%';
	GRANT UPDATE ON nova_cell1.services TO novahaul@'%';
	GRANT UPDATE (disabled, disabled_reason, forced_down)
		ON nova_cell1.services TO novahaul@'%';
	X
}

# rows_cloud: the cells, the flavor and the controller's services, once
rows_cloud() {
	cat <<-X
	USE nova_api;
	INSERT INTO cell_mappings (created_at, uuid, name, transport_url,
		database_connection, disabled) VALUES
	(UTC_TIMESTAMP(), '00000000-0000-0000-0000-000000000000', 'cell0', 'none:///',
	 'mysql+pymysql://nova:$nova_password@$mgmt.1/nova_cell0?charset=utf8', 0),
	(UTC_TIMESTAMP(), '$cell1_id', 'cell1', 'rabbit://nova@$mgmt.1:5672/',
	 'mysql+pymysql://nova:$nova_password@$mgmt.1/nova_cell1?charset=utf8', 0);
	INSERT INTO flavors (created_at, name, memory_mb, vcpus, swap, vcpu_weight,
		flavorid, rxtx_factor, root_gb, ephemeral_gb, disabled, is_public)
	VALUES ('2026-01-05 08:00:00', 'sandbox.tiny', 192, 1, 0, 0, '11', 1.0,
		1, 0, 0, 1);

	USE nova_cell1;
	INSERT INTO services (created_at, host, \`binary\`, topic, report_count,
		disabled, deleted, last_seen_up, forced_down, version, uuid) VALUES
	(UTC_TIMESTAMP(), 'controller', 'nova-conductor', 'conductor', 0, 0, 0,
	 UTC_TIMESTAMP(), 0, 64, '$(uuid_new)'),
	(UTC_TIMESTAMP(), 'controller', 'nova-scheduler', 'scheduler', 0, 0, 0,
	 UTC_TIMESTAMP(), 0, 64, '$(uuid_new)');
	X
}

# rows_compute HOST: its service, node and mapping, unless they are there
rows_compute() {
	local h=$1 cpu numa
	cpu='{"arch": "x86_64", "model": "qemu64", "vendor": "AMD", "topology": '
	cpu+='{"cells": 1, "sockets": 1, "cores": 2, "threads": 1}, "features": []}'
	numa=$(object NUMATopology 1.2 '{"cells": []}')
	cat <<-X
	INSERT IGNORE INTO nova_api.host_mappings (created_at, cell_id, host)
		SELECT UTC_TIMESTAMP(), id, '$h' FROM nova_api.cell_mappings
		WHERE name = 'cell1';
	USE nova_cell1;
	INSERT IGNORE INTO services (created_at, host, \`binary\`, topic,
		report_count, disabled, deleted, last_seen_up, forced_down, version,
		uuid) VALUES
	(UTC_TIMESTAMP(), '$h', 'nova-compute', 'compute', 0, 0, 0,
	 UTC_TIMESTAMP(), 0, 64, '$(uuid_new)');
	INSERT IGNORE INTO compute_nodes (created_at, updated_at, service_id, vcpus,
		memory_mb, local_gb, vcpus_used, memory_mb_used, local_gb_used,
		hypervisor_type, hypervisor_version, cpu_info, disk_available_least,
		free_ram_mb, free_disk_gb, current_workload, running_vms,
		hypervisor_hostname, deleted, host_ip, supported_instances, pci_stats,
		metrics, extra_resources, stats, numa_topology, host,
		ram_allocation_ratio, cpu_allocation_ratio, uuid,
		disk_allocation_ratio, mapped) VALUES
	(UTC_TIMESTAMP(), UTC_TIMESTAMP(), NULL, 2, 8192, 80, 0, 512, 0, 'QEMU',
	 7002000, '$cpu', 60, 7680, 80, 0, 0, '$h.$domain', 0, '$(address "$h")',
	 '[["x86_64", "qemu", "hvm"]]', '$(object PciDevicePoolList 1.1 \
		'{"objects": []}')',
	 '[]', NULL, '{"failed_builds": "0"}', '$numa', '$h', 1.5, 16, '$(uuid_new)',
	 1, 1);
	X
}

# network_info: what Nova keeps in instance_info_caches for a port of the
# linuxbridge or openvswitch mechanism driver
network_info() {
	local vif="\"type\": \"bridge\", \"details\": {\"connectivity\": \"l2\", \
\"bound_drivers\": {\"0\": \"linuxbridge\"}}, \"ovs_interfaceid\": null" br=$bridge
	if [ "$vif_type" = ovs ]; then
		br='br-int'
		vif="\"type\": \"ovs\", \"details\": {\"connectivity\": \"l2\", \
\"port_filter\": false, \"ovs_hybrid_plug\": false, \"datapath_type\": \"netdev\", \
\"bridge_name\": \"br-int\", \"bound_drivers\": {\"0\": \"openvswitch\"}}, \
\"ovs_interfaceid\": \"$port_id\""
	fi
	cat <<-X | tr -d '\n'
	[{"id": "$port_id", "address": "$mac", "network": {"id": "$net_id",
	 "bridge": "$br", "label": "sandbox-net", "subnets": [{"cidr":
	 "$data.0/24", "dns": [], "gateway": {"address": "$data.1", "type":
	 "gateway", "version": 4, "meta": {}}, "ips": [{"address": "$ip",
	 "type": "fixed", "version": 4, "meta": {}, "floating_ips": []}],
	 "routes": [], "version": 4, "meta": {}}], "meta": {"injected": false,
	 "tenant_id": "$project_id", "mtu": 1500, "physical_network": "physnet1",
	 "tunneled": false}}, $vif, "devname": "$tap",
	 "qbh_params": null, "qbg_params": null, "active": true, "vnic_type":
	 "normal", "profile": {}, "preserve_on_delete": false, "delegate_create":
	 true, "meta": {}}]
	X
}

request_spec() {
	local image topo
	image=$(object ImageMeta 1.8 "{\"id\": \"$image_id\", \"name\": \
\"sandbox-guest\", \"status\": \"active\", \"visibility\": \"public\", \
\"protected\": false, \"size\": 17000000, \"owner\": \"$project_id\", \
\"container_format\": \"bare\", \"disk_format\": \"qcow2\", \"min_ram\": 0, \
\"min_disk\": 1, \"properties\": $(object ImageMetaProps 1.31 '{}')}")
	topo=$(object InstancePCIRequests 1.1 "{\"requests\": []}")
	object RequestSpec 1.14 "{\"image\": $image, \"numa_topology\": null, \
\"pci_requests\": $topo, \"project_id\": \"$project_id\", \"user_id\": \
\"$user_id\", \"availability_zone\": null, \"flavor\": $flavor, \
\"num_instances\": 1, \"ignore_hosts\": null, \"force_hosts\": null, \
\"force_nodes\": null, \"requested_destination\": null, \"retry\": null, \
\"limits\": $(object SchedulerLimits 1.0 '{"numa_topology": null, "vcpu": null,
"disk_gb": null, "memory_mb": null}'), \"instance_group\": null, \
\"scheduler_hints\": {}, \"instance_uuid\": \"$uuid\", \"security_groups\": \
$(object SecurityGroupList 1.1 '{"objects": []}'), \"is_bfv\": false, \
\"requested_resources\": [], \"request_level_params\": null}"
}

bdm_row() {
	cat <<-X
	INSERT INTO block_device_mapping (created_at, updated_at, device_name,
		delete_on_termination, volume_size, no_device, connection_info,
		instance_uuid, deleted, source_type, destination_type, guest_format,
		device_type, disk_bus, boot_index, image_id, uuid, encrypted) VALUES
	(UTC_TIMESTAMP(), UTC_TIMESTAMP(), '$1', 1, $2, 0, NULL, '$uuid', 0,
	 '$3', 'local', $4, 'disk', 'virtio', $5, $6, '$(uuid_new)', 0);
	X
}

# rows_instance: a new instance in vm_state "building"; prints its id when run.
# Takes the variables that guest_new sets.
rows_instance() {
	local k keypairs action flavor properties
	flavor=$(flavor_json "$ram" "$root_gb" "$eph" "$swap")
	keypairs=$(object KeyPairList 1.3 '{"objects": []}')
	cat <<-X
	USE nova_cell1;
	START TRANSACTION;
	INSERT INTO instances (created_at, updated_at, user_id, project_id,
		image_ref, kernel_id, ramdisk_id, launch_index, power_state, vm_state,
		memory_mb, vcpus, hostname, host, user_data, reservation_id,
		display_name, display_description, availability_zone, locked, os_type,
		launched_on, instance_type_id, vm_mode, uuid, architecture,
		root_device_name, config_drive, task_state, default_ephemeral_device,
		default_swap_device, progress, auto_disk_config, shutdown_terminate,
		disable_terminate, root_gb, ephemeral_gb, cell_name, node, deleted,
		cleaned, hidden) VALUES
	(UTC_TIMESTAMP(), UTC_TIMESTAMP(), '$user_id', '$project_id', '$image_id',
	 '', '', 0, 0, 'building', $ram, 1, '$name', '$host', '$user_data',
	 'r-${uuid:0:8}', '$name', '$name', 'nova', 0, NULL, '$host', 1, NULL,
	 '$uuid', NULL, '/dev/vda', '$([ "$drive" = no ] || echo True)', NULL,
	 $([ "$eph" = 0 ] && echo NULL || echo "'/dev/vdb'"),
	 $([ "$swap" = 0 ] && echo NULL || echo "'$swap_dev'"), 0, 0, 0, 0,
	 $root_gb, $eph, NULL, '$host.$domain', 0, 0, 0);
	SET @id = LAST_INSERT_ID();
	INSERT INTO instance_extra (created_at, updated_at, deleted, instance_uuid,
		numa_topology, pci_requests, flavor, vcpu_model, migration_context,
		keypairs, device_metadata, trusted_certs, vpmems, resources) VALUES
	(UTC_TIMESTAMP(), UTC_TIMESTAMP(), 0, '$uuid', NULL, '[]',
	 '{"cur": $flavor, "old": null, "new": null}', NULL, NULL, '$keypairs',
	 NULL, NULL, NULL, NULL);
	INSERT INTO instance_info_caches (created_at, updated_at, network_info,
		instance_uuid, deleted) VALUES
	(UTC_TIMESTAMP(), UTC_TIMESTAMP(), '$(network_info)', '$uuid', 0);
	INSERT INTO virtual_interfaces (created_at, address, uuid, instance_uuid,
		deleted) VALUES
	(UTC_TIMESTAMP(), '$mac/$port_id', '$port_id', '$uuid', 0);
	X
	bdm_row /dev/vda NULL image NULL 0 "'$image_id'"
	[ "$eph" = 0 ] || bdm_row /dev/vdb "$eph" blank "'ext4'" -1 NULL
	[ "$swap" = 0 ] || bdm_row "$swap_dev" "$swap" blank "'swap'" -1 NULL
	properties=()
	if [ "$uefi" = yes ]; then
		properties+=(image_hw_firmware_type=uefi
			image_hw_machine_type=q35 image_hw_cdrom_bus=scsi
			image_hw_scsi_model=virtio-scsi)
	else
		properties+=(image_hw_machine_type=pc image_hw_cdrom_bus=ide)
	fi
	[ "$vtpm" = no ] || properties+=(image_hw_tpm_version=2.0
		image_hw_tpm_model=tpm-crb "vtpm_secret_uuid=$vtpm")
	for k in "${properties[@]}" image_base_image_ref="$image_id" image_container_format=bare \
		image_disk_format=qcow2 image_min_disk=1 image_min_ram=0 \
		image_hw_disk_bus=virtio image_hw_input_bus=usb \
		image_hw_pointer_model=usbtablet image_hw_video_model=virtio \
		image_hw_vif_model=virtio boot_roles=reader,member,admin \
		owner_user_name=admin owner_project_name=admin; do
		cat <<-X
		INSERT INTO instance_system_metadata (created_at, instance_uuid,
			\`key\`, value, deleted) VALUES
		(UTC_TIMESTAMP(), '$uuid', '${k%%=*}', '${k#*=}', 0);
		X
	done
	for k in "${meta[@]}"; do
		cat <<-X
		INSERT INTO instance_metadata (created_at, instance_uuid, \`key\`,
			value, deleted) VALUES
		(UTC_TIMESTAMP(), '$uuid', '${k%%=*}', '${k#*=}', 0);
		X
	done
	action="req-$(uuid_new)"
	cat <<-X
	INSERT INTO instance_actions (created_at, updated_at, action,
		instance_uuid, request_id, user_id, project_id, start_time, deleted)
	VALUES (UTC_TIMESTAMP(), UTC_TIMESTAMP(), 'create', '$uuid', '$action',
		'$user_id', '$project_id', UTC_TIMESTAMP(), 0);
	INSERT INTO instance_actions_events (created_at, updated_at, event,
		action_id, start_time, finish_time, result, deleted, host) VALUES
	(UTC_TIMESTAMP(), UTC_TIMESTAMP(), 'compute__do_build_and_run_instance',
	 LAST_INSERT_ID(), UTC_TIMESTAMP(), UTC_TIMESTAMP(), 'Success', 0, '$host');
	INSERT INTO nova_api.instance_mappings (created_at, updated_at,
		instance_uuid, cell_id, project_id, queued_for_delete, user_id)
		SELECT UTC_TIMESTAMP(), UTC_TIMESTAMP(), '$uuid', id, '$project_id', 0,
			'$user_id' FROM nova_api.cell_mappings WHERE name = 'cell1';
	INSERT INTO nova_api.request_specs (created_at, updated_at, instance_uuid,
		spec) VALUES
	(UTC_TIMESTAMP(), UTC_TIMESTAMP(), '$uuid', '$(request_spec)');
	COMMIT;
	SELECT @id;
	X
}

# rows_state UUID VM_STATE POWER_STATE
rows_state() {
	cat <<-X
	UPDATE nova_cell1.instances SET vm_state = '$2', power_state = $3,
		launched_at = COALESCE(launched_at, UTC_TIMESTAMP()),
		updated_at = UTC_TIMESTAMP() WHERE uuid = '$1';
	X
}

# rows_forget UUID: every row that names the instance
rows_forget() {
	local t
	echo "USE nova_cell1;"
	cat <<-X
	DELETE FROM e USING nova_cell1.instance_actions_events AS e JOIN
		nova_cell1.instance_actions AS a ON a.id = e.action_id
		WHERE a.instance_uuid = '$1';
	X
	for t in instance_actions instance_metadata instance_system_metadata \
		block_device_mapping virtual_interfaces instance_info_caches \
		instance_extra migrations console_auth_tokens instance_faults \
		pci_devices; do
		echo "DELETE FROM nova_cell1.$t WHERE instance_uuid = '$1';"
	done
	echo "USE nova_cell1;"
	cat <<-X
	DELETE FROM nova_cell1.instances WHERE uuid = '$1';
	DELETE FROM nova_api.request_specs WHERE instance_uuid = '$1';
	DELETE FROM nova_api.instance_mappings WHERE instance_uuid = '$1';
	DELETE FROM nova_api.instance_group_member WHERE instance_uuid = '$1';
	X
}
