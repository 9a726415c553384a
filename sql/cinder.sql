-- SPDX-License-Identifier: Apache-2.0
-- Cinder's database (Queens and later), where its API does not answer: what a
-- volume that needs nothing of its host is attached by.  Statements whose name
-- starts with "vw." write; any other row count than the one named rolls the
-- transaction back.

-- name: cinder.volume
[F_cinder:SELECT status, multiattach FROM volumes
WHERE id = :v AND deleted = 0]

-- name: cinder.attachments
[F_cinder:SELECT id, instance_uuid AS instance, attached_host AS host,
 attach_status AS status, attach_mode AS mode, connection_info AS info
FROM volume_attachment WHERE volume_id = :v AND deleted = 0
ORDER BY created_at, id]

-- name: cinder.volume_of
[F_cinder:SELECT volume_id AS volume FROM volume_attachment
WHERE id = :id AND deleted = 0]

-- First of all: the volume is attached, and nobody else changes that while we
-- do.  It always changes, so that a lost one is waited for.            1 row
-- name: vw.volume
[F_cinder:UPDATE volumes SET
 updated_at = IF(updated_at >= CAST(:now AS DATETIME),
  updated_at + INTERVAL 1 SECOND, CAST(:now AS DATETIME))
WHERE id = :v AND deleted = 0 AND status = 'in-use'
AND attach_status = 'attached']

-- One more, beside the one that the instance has.                      1 row
-- name: vw.make
[F_cinder:INSERT INTO volume_attachment
(created_at, updated_at, deleted, id, volume_id, attached_host, instance_uuid,
 mountpoint, attach_time, attach_mode, attach_status, connection_info,
 connector)
SELECT :now, :now, 0, :id, volume_id, :h, instance_uuid, mountpoint, :now,
 :mode, 'attaching', :ci, :cj
FROM volume_attachment WHERE id = :old AND volume_id = :v
AND instance_uuid = :u AND attach_status = 'attached' AND deleted = 0]

-- The new one, once the database names it.                              1 row
-- name: vw.complete
[F_cinder:UPDATE volume_attachment
SET attach_status = 'attached', updated_at = :now
WHERE id = :id AND volume_id = :v AND instance_uuid = :u AND deleted = 0
AND attach_status IN ('attaching', 'attached')]

-- As Cinder itself leaves one that was removed.                        1 row
-- name: vw.drop
[F_cinder:UPDATE volume_attachment
SET deleted = 1, deleted_at = :now, detach_time = :now, updated_at = :now,
 attach_status = 'detached'
WHERE id = :id AND volume_id = :v AND instance_uuid = :u AND deleted = 0]
