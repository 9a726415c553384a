-- SPDX-License-Identifier: Apache-2.0
-- Reading the whole cell, for audit.

-- name: audit.hosts
SELECT host FROM services
WHERE `binary` = 'nova-compute' AND deleted = 0 ORDER BY host

-- The token of a job of ours, as the lock's reason.
-- name: audit.servers
SELECT i.uuid, i.display_name AS name, i.host, i.node, i.vm_state, i.task_state,
 [F_hidden:i.hidden][!F_hidden:0] AS hidden, i.updated_at,
 (SELECT m.value FROM instance_system_metadata m
  WHERE m.instance_uuid = i.uuid AND m.`key` = 'locked_reason'
  AND m.deleted = 0 ORDER BY m.id LIMIT 1) AS reason
FROM instances i WHERE i.deleted = 0 ORDER BY i.id

-- Those that may be under way, and those that a nova-compute will act on when it
-- starts, deleted rows too.  What they mean is told by db_migration_*().
-- name: audit.migrations
SELECT id, [F_mig_uuid:uuid][!F_mig_uuid:NULL] AS uuid, instance_uuid,
 [F_migration_type:migration_type][!F_migration_type:NULL] AS type, status,
 source_compute, dest_compute, source_node, dest_node, created_at, updated_at,
 deleted
FROM migrations
WHERE (deleted = 0 AND status NOT IN
 ('confirmed', 'reverted', 'error', 'failed', 'completed', 'cancelled', 'done'))
[F_migration_type:OR (migration_type = 'evacuation'
 AND status IN ('accepted', 'pre-migrating', 'done'))]
ORDER BY id

-- name: audit.volumes
SELECT instance_uuid, volume_id,
 [F_attachment_id:attachment_id][!F_attachment_id:NULL] AS attachment_id
FROM block_device_mapping
WHERE deleted = 0 AND destination_type = 'volume' AND volume_id IS NOT NULL
ORDER BY id

-- name: audit.deleted
SELECT COUNT(*) AS n FROM instances WHERE uuid = :u AND deleted <> 0

-- name: audit.evacuation
SELECT status, deleted FROM migrations
WHERE id = :id AND instance_uuid = :u AND source_compute = :sh
