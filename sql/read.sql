-- SPDX-License-Identifier: Apache-2.0
-- Reading the cell database.

-- name: cell.by_name
SELECT uuid, display_name AS name, host FROM instances
WHERE deleted = 0 AND display_name = :name ORDER BY id LIMIT 50

-- name: cell.by_uuid
SELECT uuid, deleted FROM instances WHERE uuid = :u

-- name: cell.instance
SELECT i.id, i.uuid, i.display_name AS name, i.hostname, i.host, i.node,
 [F_compute_id:i.compute_id][!F_compute_id:NULL] AS compute_id,
 i.availability_zone, i.vm_state, i.task_state, i.power_state,
 i.locked, i.locked_by, i.deleted,
 [F_hidden:i.hidden][!F_hidden:0] AS hidden,
 i.cell_name, i.user_id, i.project_id, i.image_ref, i.kernel_id, i.ramdisk_id,
 i.os_type, i.config_drive, i.root_device_name, i.launched_on,
 i.ephemeral_key_uuid, i.instance_type_id AS type_id, i.memory_mb, i.vcpus,
 i.root_gb, i.ephemeral_gb, i.created_at, i.updated_at
FROM instances i WHERE i.uuid = :u

-- Where Nova puts deleted rows.  The live row may be there as well: of an
-- archiving that was cut.
-- name: cell.archived
SELECT deleted FROM shadow_instances WHERE uuid = :u

-- Nova's reason why something failed there: a word, or a traceback.
-- name: cell.fault
SELECT message, details FROM instance_faults
WHERE instance_uuid = :u AND host = :host AND deleted = 0
ORDER BY id DESC LIMIT 1

-- name: cell.reason
SELECT id, value FROM instance_system_metadata
WHERE instance_uuid = :u AND `key` = 'locked_reason' AND deleted = 0

-- name: cell.extra
[F_extra:SELECT pci_requests, numa_topology,
 [F_extra_flavor:flavor][!F_extra_flavor:NULL] AS flavor,
 [F_extra_context:migration_context][!F_extra_context:NULL] AS context,
 [F_extra_resources:vpmems][!F_extra_resources:NULL] AS vpmems,
 [F_extra_resources:resources][!F_extra_resources:NULL] AS resources
FROM instance_extra WHERE instance_uuid = :u AND deleted = 0]

-- Where instance_extra holds no flavor (Icehouse, Juno, unmigrated Kilo).
-- name: cell.extra_specs
SELECT `key`, value FROM instance_type_extra_specs
WHERE instance_type_id = :t AND deleted = 0 ORDER BY `key`

-- name: cell.sysmeta
SELECT `key`, value FROM instance_system_metadata
WHERE instance_uuid = :u AND deleted = 0 ORDER BY `key`, id

-- name: cell.bdms
SELECT id, [F_bdm_uuid:uuid][!F_bdm_uuid:NULL] AS uuid, device_name,
 source_type, destination_type, device_type, disk_bus, guest_format, volume_id,
 image_id, [F_attachment_id:attachment_id][!F_attachment_id:NULL]
 AS attachment_id, [F_bdm_tag:tag][!F_bdm_tag:NULL] AS tag, boot_index,
 volume_size, delete_on_termination,
 [F_bdm_encrypted:encrypted][!F_bdm_encrypted:0] AS encrypted, connection_info
FROM block_device_mapping
WHERE instance_uuid = :u AND deleted = 0 AND COALESCE(no_device, 0) = 0
ORDER BY COALESCE(boot_index, -1) < 0, boot_index, id

-- What the rewrite of a volume's record is guarded by, and goes back to.
-- name: cell.connection
SELECT [F_attachment_id:attachment_id][!F_attachment_id:NULL] AS attachment_id,
 connection_info
FROM block_device_mapping
WHERE id = :b AND instance_uuid = :u AND deleted = 0

-- Other volumes on the host that may need the share, those included that are
-- being attached and have no record of it yet.
-- name: cell.share_users
SELECT COUNT(*) AS n FROM block_device_mapping b
JOIN instances i ON i.uuid = b.instance_uuid
WHERE i.host = :sh AND i.deleted = 0 AND b.deleted = 0
AND b.volume_id IS NOT NULL AND b.instance_uuid <> :u
AND (b.connection_info IS NULL OR b.connection_info IN ('', '{}', 'null')
 OR LOCATE(:export, b.connection_info) > 0)

-- name: cell.network_info
SELECT network_info FROM instance_info_caches
WHERE instance_uuid = :u AND COALESCE(deleted, 0) = 0

-- Deleted rows too: a nova-compute of Pike or later acts on those.
-- name: cell.migrations
SELECT id, [F_mig_uuid:uuid][!F_mig_uuid:NULL] AS uuid,
 [F_migration_type:migration_type][!F_migration_type:NULL] AS type, status,
 source_compute, dest_compute, source_node, dest_node, created_at, updated_at,
 deleted
FROM migrations WHERE instance_uuid = :u ORDER BY id

-- name: cell.migration
SELECT id, status FROM migrations
WHERE instance_uuid = :u AND source_compute = :sh AND dest_compute = :dh
[F_mig_uuid:AND uuid = :muuid][!F_mig_uuid:AND created_at = :stamp]

-- name: cell.pci_devices
SELECT COUNT(*) AS n FROM pci_devices WHERE instance_uuid = :u AND deleted = 0

-- name: cell.shares
[F_shares:SELECT COUNT(*) AS n FROM share_mapping WHERE instance_uuid = :u]

-- name: cell.nova_net_ips
[F_novanet:SELECT COUNT(*) AS n FROM fixed_ips
WHERE instance_uuid = :u AND deleted = 0]

-- name: cell.floating
[F_novanet:SELECT COUNT(*) AS n FROM floating_ips
WHERE deleted = 0 AND host = :sh AND fixed_ip_id IN
(SELECT f.id FROM fixed_ips f JOIN networks n ON n.id = f.network_id
 WHERE f.instance_uuid = :u AND f.deleted = 0 AND n.multi_host = 1)]

-- name: cell.console_tokens
[F_console_tokens:SELECT COUNT(*) AS n FROM console_auth_tokens
WHERE instance_uuid = :u]

-- Groups lived here up to Mitaka.
-- name: cell.groups
SELECT g.id, g.uuid, g.name,
 (SELECT p.policy FROM instance_group_policy p
  WHERE p.group_id = g.id AND p.deleted = 0 ORDER BY p.id LIMIT 1) AS policy,
 NULL AS rules
FROM instance_groups g JOIN instance_group_member m ON m.group_id = g.id
WHERE m.instance_id = :u AND m.deleted = 0 AND g.deleted = 0 ORDER BY g.id

-- name: cell.group_members
SELECT m.instance_id AS uuid FROM instance_group_member m
WHERE m.group_id = :g AND m.deleted = 0 AND m.instance_id <> :u ORDER BY m.id

-- name: cell.member_host
SELECT host FROM instances WHERE uuid = :u AND deleted = 0

-- Compute nodes of a service host.  compute_nodes.host came with Kilo and may
-- still be NULL there: then the service row tells.
-- name: cell.compute_nodes
SELECT cn.id, cn.hypervisor_hostname AS node,
 [F_cn_uuid:cn.uuid][!F_cn_uuid:NULL] AS uuid, cn.host_ip, cn.hypervisor_type,
 cn.hypervisor_version, cn.cpu_info, cn.vcpus, cn.memory_mb, cn.local_gb,
 cn.vcpus_used, cn.memory_mb_used, cn.local_gb_used
FROM compute_nodes cn
[F_cn_host:WHERE cn.deleted = 0 AND (cn.host = :h OR (cn.host IS NULL
 AND cn.service_id IN (SELECT s.id FROM services s WHERE s.host = :h
  AND s.`binary` = 'nova-compute' AND s.deleted = 0)))]
[!F_cn_host:JOIN services s ON s.id = cn.service_id
WHERE s.host = :h AND s.`binary` = 'nova-compute' AND s.deleted = 0
AND cn.deleted = 0]
ORDER BY cn.id

-- name: cell.service
SELECT COALESCE(disabled, 0) AS disabled, disabled_reason,
 [F_service_seen:COALESCE(forced_down, 0)][!F_service_seen:0] AS forced_down,
 TIMESTAMPDIFF(SECOND, COALESCE([F_service_seen:last_seen_up,] updated_at,
  created_at), UTC_TIMESTAMP()) AS age,
 [F_service_seen:version][!F_service_seen:NULL] AS version
FROM services WHERE host = :h AND `binary` = 'nova-compute' AND deleted = 0

-- name: cell.service_hosts
SELECT host FROM services
WHERE `binary` = 'nova-compute' AND deleted = 0 ORDER BY host LIMIT 20

-- name: cell.host_servers
SELECT COUNT(*) AS n FROM instances WHERE host = :h AND deleted = 0

-- Aggregates lived here up to Ocata.
-- name: cell.az
SELECT m.value FROM aggregate_hosts h JOIN aggregate_metadata m
ON m.aggregate_id = h.aggregate_id AND m.`key` = 'availability_zone'
WHERE h.host = :h AND h.deleted = 0 AND m.deleted = 0 ORDER BY m.id LIMIT 1

-- Providers that are compute nodes of this cell, to find them in Placement.
-- name: cell.provider
[F_cn_uuid:SELECT COUNT(*) AS n FROM compute_nodes WHERE uuid = :p]
