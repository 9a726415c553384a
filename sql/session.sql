-- SPDX-License-Identifier: Apache-2.0
-- How a connection is prepared, and how a transaction starts and ends.
-- Isolation and sql_mode stay as the server has them.

-- name: session.autocommit
SET SESSION autocommit = 1

-- name: session.utc
SET SESSION time_zone = '+00:00'

-- A controller that is frozen inside a transaction must not hold its rows for
-- hours: after this many silent seconds the server ends the session.
-- name: session.silence
SET SESSION wait_timeout = :seconds

-- name: session.lock_wait
SET SESSION innodb_lock_wait_timeout = :seconds

-- Galera: reads and writes see everything that was applied before them.
-- name: session.has_wsrep
SHOW VARIABLES LIKE 'wsrep_sync_wait'

-- name: session.wsrep
SET SESSION wsrep_sync_wait = 7

-- name: session.begin
START TRANSACTION

-- name: session.snapshot
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY

-- name: session.commit
COMMIT

-- name: session.rollback
ROLLBACK
