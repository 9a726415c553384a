-- SPDX-License-Identifier: Apache-2.0
-- Everything that changes a row, all of it in the cell database.  Any other
-- row count than the one named rolls the transaction back.
--
-- updated_at always changes, even within one second: under Galera only a row
-- that really changes takes part in certification.

-- Lock the instance as an administrator does.                         1 row
-- name: w.claim.lock
UPDATE instances SET locked = 1, locked_by = 'admin', updated_at = :now
WHERE uuid = :u AND deleted = 0 AND host = :sh AND node = :sn
AND task_state IS NULL AND vm_state = :vs AND (locked IS NULL OR locked = 0)

-- Leave our token: what Stein and later show as the lock's reason.     1 row
-- name: w.claim.token
INSERT INTO instance_system_metadata
(created_at, updated_at, instance_uuid, `key`, value, deleted)
SELECT :now, NULL, uuid, 'locked_reason', :token, 0
FROM instances WHERE uuid = :u AND deleted = 0

-- The same where a reason was left by an earlier lock.                 1 row
-- name: w.claim.token_over
UPDATE instance_system_metadata SET value = :token, updated_at = :now
WHERE instance_uuid = :u AND `key` = 'locked_reason' AND deleted = 0
AND CAST(value AS BINARY) = CAST(:reason AS BINARY)

-- A later epoch takes over.                                            1 row
-- name: w.takeover
UPDATE instance_system_metadata SET value = :token,
 updated_at = IF(updated_at >= CAST(:now AS DATETIME),
  updated_at + INTERVAL 1 SECOND, CAST(:now AS DATETIME))
WHERE instance_uuid = :u AND `key` = 'locked_reason' AND deleted = 0
AND CAST(value AS BINARY) = CAST(:old AS BINARY)

-- First statement of every later transaction: ours, and locked by us.  1 row
-- name: w.token
UPDATE instance_system_metadata SET
 updated_at = IF(updated_at >= CAST(:now AS DATETIME),
  updated_at + INTERVAL 1 SECOND, CAST(:now AS DATETIME))
WHERE instance_uuid = :u AND `key` = 'locked_reason' AND deleted = 0
AND CAST(value AS BINARY) = CAST(:token AS BINARY)

-- Waits for, or conflicts with, a transaction whose end is unknown.    1 row
-- name: w.touch
UPDATE instances SET
 updated_at = IF(updated_at >= CAST(:now AS DATETIME),
  updated_at + INTERVAL 1 SECOND, CAST(:now AS DATETIME))
WHERE uuid = :u

-- The same for the token, whoever holds it.                            1 row
-- name: w.touch_token
UPDATE instance_system_metadata SET
 updated_at = IF(updated_at >= CAST(:now AS DATETIME),
  updated_at + INTERVAL 1 SECOND, CAST(:now AS DATETIME))
WHERE instance_uuid = :u AND `key` = 'locked_reason' AND deleted = 0

-- Direct control: the state that libvirt will have.                    1 row
-- name: w.power
UPDATE instances SET vm_state = :vt, power_state = :pt, updated_at = :now
WHERE uuid = :u AND deleted = 0 AND host = :sh AND node = :sn
AND task_state IS NULL AND vm_state = :vs AND locked = 1

-- The commit point.                                                    1 row
-- name: w.rewrite.instance
UPDATE instances SET host = :dh, node = :dn
[F_compute_id:, compute_id = :dcn]
[F_attachment_id:, availability_zone = COALESCE(:daz, availability_zone)],
 vm_state = 'stopped', power_state = 4, updated_at = :now
WHERE uuid = :u AND deleted = 0 AND host = :sh AND node = :sn
AND task_state IS NULL AND vm_state = 'stopped' AND locked = 1
[F_hidden:AND (hidden IS NULL OR hidden = 0)]

-- As a confirmed cold migration leaves it.  deleted must be 0, not NULL. 1 row
-- name: w.rewrite.migration
INSERT INTO migrations
(created_at, updated_at, deleted, source_compute, source_node, dest_compute,
 dest_node, dest_host, old_instance_type_id, new_instance_type_id,
 instance_uuid, status
[F_migration_type:, migration_type, hidden]
[F_mig_uuid:, uuid]
[F_mig_user:, cross_cell_move, user_id, project_id]
[F_dest_compute_id:, dest_compute_id])
SELECT :stamp, :stamp, 0, :sh, :sn, :dh, :dn, :dip, instance_type_id,
 instance_type_id, uuid, :st
[F_migration_type:, :mt, 0]
[F_mig_uuid:, :muuid]
[F_mig_user:, 0, user_id, project_id]
[F_dest_compute_id:, :dcn]
FROM instances WHERE uuid = :u AND deleted = 0

-- What `openstack server event list` shows.  Nobody's request: it was made past
-- the API.  nova/db/main/models.py InstanceAction, the same from 2014.1.  1 row
-- name: w.rewrite.action
INSERT INTO instance_actions
(created_at, updated_at, deleted, action, instance_uuid, request_id,
 start_time, finish_time)
SELECT :stamp, :now, 0, 'migrate', uuid, :req, :stamp, :now
FROM instances WHERE uuid = :u AND deleted = 0

-- Its one event.                                                       1 row
-- name: w.rewrite.event
INSERT INTO instance_actions_events
(created_at, updated_at, deleted, event, action_id, start_time, finish_time,
 result, host)
SELECT :stamp, :now, 0, 'novahaul_move', id, :stamp, :now, 'Success', :dh
FROM instance_actions
WHERE instance_uuid = :u AND request_id = :req AND deleted = 0

-- A volume whose connection differs on the other host.            1 row each
-- name: w.rewrite.volume
UPDATE block_device_mapping SET connection_info = :new
[F_attachment_id:, attachment_id = :na], updated_at = :now
WHERE id = :b AND instance_uuid = :u AND deleted = 0
AND CAST(connection_info AS BINARY) = CAST(:old AS BINARY)
[F_attachment_id:AND (attachment_id = :oa
 OR (attachment_id IS NULL AND :oa IS NULL))]

-- Console addresses that name the source.                           any count
-- name: w.rewrite.console
[F_console_tokens:DELETE FROM console_auth_tokens WHERE instance_uuid = :u]

-- nova-network with multi_host: addresses that follow the host. count as read
-- name: w.rewrite.floating
[F_novanet:UPDATE floating_ips SET host = :dh, updated_at = :now
WHERE deleted = 0 AND host = :sh AND fixed_ip_id IN
(SELECT f.id FROM fixed_ips f JOIN networks n ON n.id = f.network_id
 WHERE f.instance_uuid = :u AND f.deleted = 0 AND n.multi_host = 1)]

-- First disarm, then move back.  No row: the source's nova-compute has acted
-- on the record and may have destroyed its copy.  Setting deleted instead
-- would not disarm: Pike and later read deleted rows here.             1 row
-- name: w.undo.migration
UPDATE migrations SET status = :x, updated_at = :now
WHERE instance_uuid = :u AND source_compute = :sh AND dest_compute = :dh
AND status = :st
[F_mig_uuid:AND uuid = :muuid][!F_mig_uuid:AND created_at = :stamp]

-- The action stays, as one that came to nothing (Nova's own word for that).  It
-- may have been archived.                                           any count
-- name: w.undo.action
UPDATE instance_actions SET message = 'Error', updated_at = :now
WHERE instance_uuid = :u AND request_id = :req

-- Likewise.                                                         any count
-- name: w.undo.event
UPDATE instance_actions_events SET result = 'Error', updated_at = :now
WHERE action_id IN (SELECT id FROM instance_actions
 WHERE instance_uuid = :u AND request_id = :req)

-- The before image of rewrite, in place again.                         1 row
-- name: w.undo.instance
UPDATE instances SET host = :sh, node = :sn
[F_compute_id:, compute_id = :scn]
[F_attachment_id:, availability_zone = :saz],
 vm_state = :vs, power_state = :ps, updated_at = :now
WHERE uuid = :u AND deleted = 0 AND host = :dh AND node = :dn
AND task_state IS NULL AND vm_state = 'stopped' AND locked = 1

-- Take our token away again.                                           1 row
-- name: w.release.token
DELETE FROM instance_system_metadata
WHERE instance_uuid = :u AND `key` = 'locked_reason' AND deleted = 0
AND CAST(value AS BINARY) = CAST(:token AS BINARY)

-- The very last statement of a job.                                    1 row
-- name: w.release.unlock
UPDATE instances SET locked = :l, locked_by = :lb, updated_at = :now
WHERE uuid = :u AND deleted = 0 AND locked = 1 AND locked_by = 'admin'

-- A stale record of an evacuation, settled as the source's nova-compute does at
-- its start; or back.  Not while something is at work on the server.    1 row
-- name: w.settle
UPDATE migrations SET status = :to, updated_at =
 IF(updated_at >= CAST(:now AS DATETIME),
  updated_at + INTERVAL 1 SECOND, CAST(:now AS DATETIME))
WHERE id = :id AND instance_uuid = :u AND source_compute = :sh
AND status = :from
[F_migration_type:AND migration_type = 'evacuation'][!F_migration_type:AND 1 = 0]
AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.uuid = :u AND i.deleted = 0
 AND (i.task_state IS NOT NULL OR i.vm_state IN ('building', 'resized')))

-- Nova may use a host again; or not.  Not among the "w." ones: a move does not
-- need the right to do this.                                           1 row
-- name: sw.service
UPDATE services SET disabled = :d, disabled_reason = :r
[F_service_seen:, forced_down = :f]
WHERE host = :h AND `binary` = 'nova-compute' AND deleted = 0
AND COALESCE(disabled, 0) = :was_d
[F_service_seen:AND COALESCE(forced_down, 0) = :was_f]

-- Disabling a nova-compute and back, where Nova's API does not answer.
-- updated_at stays as it is: before Liberty it is the heartbeat.
-- name: sw.disable
UPDATE services SET disabled = 1, disabled_reason = :mark
WHERE host = :h AND `binary` = 'nova-compute' AND deleted = 0
AND (disabled = 0 OR disabled IS NULL)

-- name: sw.enable
UPDATE services SET disabled = 0, disabled_reason = NULL
WHERE host = :h AND `binary` = 'nova-compute' AND deleted = 0 AND disabled = 1
AND CAST(disabled_reason AS BINARY) = CAST(:mark AS BINARY)
