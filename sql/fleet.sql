-- SPDX-License-Identifier: Apache-2.0
-- All instances of one host, and all hosts of the cell, for the plan of an
-- evacuation.

-- The columns of cell.instance, the reason of its lock, and what its owner
-- wrote about its turn.
-- name: fleet.instances
SELECT i.id, i.uuid, i.display_name AS name, i.hostname, i.host, i.node,
 [F_compute_id:i.compute_id][!F_compute_id:NULL] AS compute_id,
 i.availability_zone, i.vm_state, i.task_state, i.power_state,
 i.locked, i.locked_by, i.deleted,
 [F_hidden:i.hidden][!F_hidden:0] AS hidden,
 i.cell_name, i.user_id, i.project_id, i.image_ref, i.kernel_id, i.ramdisk_id,
 i.os_type, i.config_drive, i.root_device_name, i.launched_on,
 i.ephemeral_key_uuid, i.instance_type_id AS type_id, i.memory_mb, i.vcpus,
 i.root_gb, i.ephemeral_gb, i.created_at, i.updated_at,
 (SELECT m.value FROM instance_system_metadata m
  WHERE m.instance_uuid = i.uuid AND m.`key` = 'locked_reason'
  AND m.deleted = 0 ORDER BY m.id LIMIT 1) AS reason,
 (SELECT m.value FROM instance_metadata m
  WHERE m.instance_uuid = i.uuid AND m.`key` = 'novahaul:priority'
  AND m.deleted = 0 ORDER BY m.id LIMIT 1) AS priority,
 (SELECT t.swap FROM instance_types t WHERE t.id = i.instance_type_id) AS swap
FROM instances i WHERE i.deleted = 0 AND i.host = :h ORDER BY i.id

-- The columns of cell.extra.
-- name: fleet.extra
[F_extra:SELECT x.instance_uuid, x.pci_requests, x.numa_topology,
 [F_extra_flavor:x.flavor][!F_extra_flavor:NULL] AS flavor,
 [F_extra_context:x.migration_context][!F_extra_context:NULL] AS context,
 [F_extra_resources:x.vpmems][!F_extra_resources:NULL] AS vpmems,
 [F_extra_resources:x.resources][!F_extra_resources:NULL] AS resources
FROM instances i JOIN instance_extra x ON x.instance_uuid = i.uuid
WHERE i.deleted = 0 AND i.host = :h AND x.deleted = 0]

-- Where instance_extra holds no flavor.
-- name: fleet.extra_specs
SELECT s.instance_type_id AS type_id, s.`key`, s.value
FROM instance_type_extra_specs s
WHERE s.deleted = 0 AND s.instance_type_id IN
 (SELECT i.instance_type_id FROM instances i
  WHERE i.deleted = 0 AND i.host = :h) ORDER BY s.id

-- The columns of cell.bdms.
-- name: fleet.bdms
SELECT b.instance_uuid, b.id, [F_bdm_uuid:b.uuid][!F_bdm_uuid:NULL] AS uuid,
 b.device_name, b.source_type, b.destination_type, b.device_type, b.disk_bus,
 b.guest_format, b.volume_id, b.image_id,
 [F_attachment_id:b.attachment_id][!F_attachment_id:NULL] AS attachment_id,
 [F_bdm_tag:b.tag][!F_bdm_tag:NULL] AS tag, b.boot_index, b.volume_size,
 b.delete_on_termination,
 [F_bdm_encrypted:b.encrypted][!F_bdm_encrypted:0] AS encrypted,
 b.connection_info
FROM instances i JOIN block_device_mapping b ON b.instance_uuid = i.uuid
WHERE i.deleted = 0 AND i.host = :h AND b.deleted = 0
AND COALESCE(b.no_device, 0) = 0
ORDER BY b.instance_uuid, COALESCE(b.boot_index, -1) < 0, b.boot_index, b.id

-- name: fleet.pci_devices
SELECT p.instance_uuid, COUNT(*) AS n
FROM instances i JOIN pci_devices p ON p.instance_uuid = i.uuid
WHERE i.deleted = 0 AND i.host = :h AND p.deleted = 0 GROUP BY p.instance_uuid

-- Those under way anywhere, and all that may still act on an instance of the
-- host, deleted rows too (cell.migrations).
-- name: fleet.migrations
SELECT m.instance_uuid, m.id, [F_mig_uuid:m.uuid][!F_mig_uuid:NULL] AS uuid,
 [F_migration_type:m.migration_type][!F_migration_type:NULL] AS type, m.status,
 m.source_compute, m.dest_compute, m.source_node, m.dest_node, m.created_at,
 m.updated_at, m.deleted
FROM migrations m JOIN instances i ON i.uuid = m.instance_uuid
WHERE i.deleted = 0 AND ((m.deleted = 0 AND m.status NOT IN
 ('confirmed', 'reverted', 'error', 'failed', 'completed', 'cancelled', 'done'))
[F_migration_type:OR (i.host = :h AND m.migration_type = 'evacuation'
 AND m.status IN ('accepted', 'pre-migrating', 'done'))])
ORDER BY m.id

-- Every instance that takes room somewhere; a root disk that is a volume takes
-- none.
-- name: fleet.homes
SELECT i.uuid, i.host, i.vcpus, i.memory_mb,
 i.ephemeral_gb + (CASE WHEN EXISTS (SELECT 1 FROM block_device_mapping b
  WHERE b.instance_uuid = i.uuid AND b.deleted = 0 AND b.boot_index = 0
  AND b.destination_type = 'volume') THEN 0 ELSE i.root_gb END) AS gb
FROM instances i WHERE i.deleted = 0 AND i.host IS NOT NULL ORDER BY i.host

-- Every compute node with its service (ratios as text: they are floats); the columns of cell.compute_nodes and
-- cell.service.
-- name: fleet.hosts
SELECT s.host, COALESCE(s.disabled, 0) AS disabled, s.disabled_reason,
 [F_service_seen:COALESCE(s.forced_down, 0)][!F_service_seen:0] AS forced_down,
 TIMESTAMPDIFF(SECOND, COALESCE([F_service_seen:s.last_seen_up,] s.updated_at,
  s.created_at), UTC_TIMESTAMP()) AS age,
 [F_service_seen:s.version][!F_service_seen:NULL] AS version,
 cn.id, cn.hypervisor_hostname AS node,
 [F_cn_uuid:cn.uuid][!F_cn_uuid:NULL] AS uuid, cn.host_ip, cn.hypervisor_type,
 cn.hypervisor_version, cn.cpu_info, cn.vcpus, cn.memory_mb, cn.local_gb,
 cn.vcpus_used, cn.memory_mb_used, cn.local_gb_used,
 [F_cn_ratio:CAST(cn.cpu_allocation_ratio AS CHAR)][!F_cn_ratio:NULL]
 AS cpu_ratio,
 [F_cn_ratio:CAST(cn.ram_allocation_ratio AS CHAR)][!F_cn_ratio:NULL]
 AS ram_ratio,
 [F_cn_disk_ratio:CAST(cn.disk_allocation_ratio AS CHAR)][!F_cn_disk_ratio:NULL]
 AS disk_ratio
FROM services s JOIN compute_nodes cn ON cn.deleted = 0 AND
 [F_cn_host:(cn.host = s.host OR (cn.host IS NULL AND cn.service_id = s.id))]
 [!F_cn_host:cn.service_id = s.id]
WHERE s.`binary` = 'nova-compute' AND s.deleted = 0 ORDER BY s.host, cn.id

-- Server groups and aggregates, where they lived up to Mitaka and Ocata.
-- name: fleet.groups
SELECT g.id, g.uuid, g.name,
 (SELECT p.policy FROM instance_group_policy p
  WHERE p.group_id = g.id AND p.deleted = 0 ORDER BY p.id LIMIT 1) AS policy,
 NULL AS rules
FROM instance_groups g WHERE g.deleted = 0 ORDER BY g.id

-- name: fleet.group_members
SELECT m.group_id, m.instance_id AS uuid FROM instance_group_member m
WHERE m.deleted = 0 ORDER BY m.id

-- name: fleet.aggregate_hosts
SELECT h.aggregate_id AS id, h.host FROM aggregate_hosts h
WHERE h.deleted = 0 ORDER BY h.id

-- name: fleet.aggregate_metadata
SELECT m.aggregate_id AS id, m.`key`, m.value FROM aggregate_metadata m
WHERE m.deleted = 0 ORDER BY m.id

-- The same in nova_api.
-- name: api.fleet_groups
[F_api_groups:SELECT g.id, g.uuid, g.name,
 (SELECT p.policy FROM instance_group_policy p
  WHERE p.group_id = g.id ORDER BY p.id LIMIT 1) AS policy,
 [F_api_rules:(SELECT p.rules FROM instance_group_policy p
  WHERE p.group_id = g.id ORDER BY p.id LIMIT 1)][!F_api_rules:NULL] AS rules
FROM instance_groups g ORDER BY g.id]

-- name: api.fleet_group_members
[F_api_groups:SELECT m.group_id, m.instance_uuid AS uuid
FROM instance_group_member m ORDER BY m.id]

-- name: api.fleet_aggregate_hosts
[F_api_aggregates:SELECT h.aggregate_id AS id, h.host FROM aggregate_hosts h
ORDER BY h.id]

-- name: api.fleet_aggregate_metadata
[F_api_aggregates:SELECT m.aggregate_id AS id, m.`key`, m.value
FROM aggregate_metadata m ORDER BY m.id]

-- What users asked for; sixteen at a time, for the texts are long.
-- name: api.fleet_specs
[F_api_specs:SELECT instance_uuid, spec FROM request_specs
WHERE instance_uuid IN (:u0, :u1, :u2, :u3, :u4, :u5, :u6, :u7, :u8, :u9,
 :u10, :u11, :u12, :u13, :u14, :u15)]
