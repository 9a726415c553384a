-- SPDX-License-Identifier: Apache-2.0
-- The journal of several operators (MariaDB, Galera): what MariaDB must be told
-- otherwise than sql/journal.sql says it, under the same names and with the same
-- parameters, and the statements ("shared-...") that one file does not need.
-- "setup", "begin" and "schema-N" may hold several statements.  A CREATE commits
-- by itself: schema-N can be run again from its beginning by anybody.

-- name: setup
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ

-- What a write has read, nobody changes before it is made.
-- name: begin
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
START TRANSACTION

-- name: begin-read
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY

-- name: get-application
SELECT CASE WHEN EXISTS (
	SELECT 1 FROM information_schema.tables
	WHERE table_schema = DATABASE() AND table_name = 'schema'
	AND table_comment = 'novahaul journal')
	THEN 1852336689 ELSE 0 END

-- name: count-tables
SELECT count(*) FROM information_schema.tables
WHERE table_schema = DATABASE()

-- No row: whoever made the table has not come to the end yet.
-- name: get-schema
SELECT ifnull(max(version), 0), max(build) FROM `schema`

-- name: set-schema
INSERT INTO `schema` (one, version, build) VALUES (1, :version, :build)
ON DUPLICATE KEY UPDATE build = if(version < VALUES(version), VALUES(build),
	build), version = greatest(version, VALUES(version))

-- name: schema-1
CREATE TABLE IF NOT EXISTS `schema` (
	one TINYINT NOT NULL PRIMARY KEY,
	version INT NOT NULL,
	build VARCHAR(64) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
	COMMENT='novahaul journal';
CREATE TABLE IF NOT EXISTS writers (
	id VARCHAR(36) NOT NULL PRIMARY KEY,
	n BIGINT NOT NULL,
	beat_us BIGINT NOT NULL,
	owner VARCHAR(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS jobs (
	id VARCHAR(16) NOT NULL PRIMARY KEY,
	state VARCHAR(16) NOT NULL,
	dir VARCHAR(16) NOT NULL,
	demanded TINYINT NOT NULL DEFAULT 0,
	epoch BIGINT NOT NULL,
	seq BIGINT NOT NULL DEFAULT 0,
	created_us BIGINT NOT NULL,
	updated_us BIGINT NOT NULL,
	ended_us BIGINT,
	purged_us BIGINT,
	kind VARCHAR(64),
	instance VARCHAR(64),
	name VARCHAR(255),
	source VARCHAR(255),
	target VARCHAR(255),
	owner VARCHAR(255),
	build VARCHAR(64) NOT NULL,
	error MEDIUMTEXT,
	plan LONGTEXT NOT NULL,
	open_instance VARCHAR(64),
	writer VARCHAR(36),
	UNIQUE KEY jobs_open (open_instance),
	KEY jobs_instance (instance, state)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS steps (
	job VARCHAR(16) NOT NULL,
	idx BIGINT NOT NULL,
	name VARCHAR(64) NOT NULL,
	mark VARCHAR(16) NOT NULL,
	attempt BIGINT NOT NULL DEFAULT 0,
	started_us BIGINT,
	ended_us BIGINT,
	sent BIGINT NOT NULL DEFAULT 0,
	`read` BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (job, idx),
	FOREIGN KEY (job) REFERENCES jobs (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS records (
	job VARCHAR(16) NOT NULL,
	seq BIGINT NOT NULL,
	idx BIGINT NOT NULL,
	ts_us BIGINT NOT NULL,
	`key` VARCHAR(255) NOT NULL,
	value LONGTEXT NOT NULL,
	PRIMARY KEY (job, seq),
	KEY records_key (job, idx, `key`, seq),
	FOREIGN KEY (job, idx) REFERENCES steps (job, idx) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS events (
	job VARCHAR(16) NOT NULL,
	seq BIGINT NOT NULL,
	ts_us BIGINT NOT NULL,
	epoch BIGINT NOT NULL,
	idx BIGINT,
	kind VARCHAR(16) NOT NULL,
	text MEDIUMTEXT NOT NULL,
	PRIMARY KEY (job, seq),
	FOREIGN KEY (job) REFERENCES jobs (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin

-- name: schema-2
CREATE TABLE IF NOT EXISTS batches (
	id VARCHAR(16) NOT NULL PRIMARY KEY,
	kind VARCHAR(64) NOT NULL,
	host VARCHAR(255),
	state VARCHAR(16) NOT NULL,
	dir VARCHAR(16) NOT NULL,
	epoch BIGINT NOT NULL,
	seq BIGINT NOT NULL DEFAULT 0,
	created_us BIGINT NOT NULL,
	updated_us BIGINT NOT NULL,
	ended_us BIGINT,
	owner VARCHAR(255),
	build VARCHAR(64) NOT NULL,
	error MEDIUMTEXT,
	plan LONGTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS members (
	batch VARCHAR(16) NOT NULL,
	idx BIGINT NOT NULL,
	instance VARCHAR(64),
	name VARCHAR(255),
	source VARCHAR(255),
	target VARCHAR(255),
	state VARCHAR(16) NOT NULL,
	attempts BIGINT NOT NULL DEFAULT 0,
	started_us BIGINT,
	ended_us BIGINT,
	why MEDIUMTEXT,
	PRIMARY KEY (batch, idx),
	FOREIGN KEY (batch) REFERENCES batches (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS batch_records (
	batch VARCHAR(16) NOT NULL,
	seq BIGINT NOT NULL,
	idx BIGINT NOT NULL,
	ts_us BIGINT NOT NULL,
	name VARCHAR(255) NOT NULL,
	value LONGTEXT NOT NULL,
	PRIMARY KEY (batch, seq),
	KEY batch_records_name (batch, idx, name, seq),
	FOREIGN KEY (batch) REFERENCES batches (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS batch_events (
	batch VARCHAR(16) NOT NULL,
	seq BIGINT NOT NULL,
	ts_us BIGINT NOT NULL,
	epoch BIGINT NOT NULL,
	idx BIGINT,
	kind VARCHAR(16) NOT NULL,
	text MEDIUMTEXT NOT NULL,
	PRIMARY KEY (batch, seq),
	FOREIGN KEY (batch) REFERENCES batches (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS fence (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	host VARCHAR(255) NOT NULL,
	provider VARCHAR(255) NOT NULL,
	verdict VARCHAR(16) NOT NULL,
	taken_us BIGINT NOT NULL,
	written_us BIGINT NOT NULL,
	evidence LONGTEXT NOT NULL,
	said_by VARCHAR(255) NOT NULL,
	KEY fence_host (host, taken_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS batch VARCHAR(16),
	ADD COLUMN IF NOT EXISTS member BIGINT,
	ADD KEY IF NOT EXISTS jobs_batch (batch, member);
ALTER TABLE batches ADD COLUMN IF NOT EXISTS writer VARCHAR(36);
ALTER TABLE writers
	ADD COLUMN IF NOT EXISTS place VARCHAR(128) NOT NULL DEFAULT ''

-- open_instance is unique, and NULL unless the job is open: of two operators
-- who open a job for one instance the database lets one through.
-- name: add-job
INSERT INTO jobs (id, state, dir, demanded, epoch, seq, created_us, updated_us,
	ended_us, purged_us, kind, instance, name, source, target, owner,
	build, error, plan, batch, member, open_instance)
VALUES (:id, :state, :dir, :demanded, :epoch, :seq, :created, :updated,
	:ended, :purged, :kind, :instance, :name, :source, :target, :owner,
	:build, :error, :plan, :batch, :member,
	if(:state = 'open', :instance, NULL))

-- name: take
UPDATE jobs SET epoch = epoch + 1, seq = seq + 1, updated_us = :now,
	state = 'open', dir = :dir, demanded = :demanded, owner = :owner,
	ended_us = NULL, open_instance = instance
WHERE id = :id AND epoch = :epoch AND state = :was AND dir = :was_dir

-- name: turn
UPDATE jobs SET state = :state, dir = :dir, demanded = :demanded,
	error = :error, ended_us = :ended,
	open_instance = if(:state = 'open', instance, NULL)
WHERE id = :id

-- Every write is in one transaction with this statement: what N is afterwards
-- tells whether a COMMIT that was not answered was made.
-- name: shared-write
INSERT INTO writers (id, n, beat_us, owner, place)
VALUES (:writer, :n, CAST(unix_timestamp(now(6)) * 1000000 AS SIGNED), :owner,
	:place)
ON DUPLICATE KEY UPDATE n = VALUES(n), beat_us = VALUES(beat_us)

-- name: shared-written
SELECT n FROM writers WHERE id = :writer FOR UPDATE

-- name: shared-beat
UPDATE writers SET beat_us = CAST(unix_timestamp(now(6)) * 1000000 AS SIGNED)
WHERE id = :writer

-- name: shared-end
DELETE FROM writers WHERE id = :writer

-- What processes left that were killed; a day is far beyond any lease.
-- name: shared-sweep
DELETE FROM writers WHERE id <> :writer
AND beat_us < (unix_timestamp() - 86400) * 1000000

-- name: shared-hold
UPDATE jobs SET writer = :writer WHERE id = :id

-- name: shared-hold-batch
UPDATE batches SET writer = :writer WHERE id = :id

-- The process that has the job, how long it has been silent, and the boot and
-- process numbers in which its pid means something.
-- name: shared-holder
SELECT w.id, w.owner,
	CAST(unix_timestamp(now(6)) * 1000000 AS SIGNED) - w.beat_us, w.place
FROM jobs AS j LEFT JOIN writers AS w ON w.id = j.writer
WHERE j.id = :id

-- name: shared-holder-batch
SELECT w.id, w.owner,
	CAST(unix_timestamp(now(6)) * 1000000 AS SIGNED) - w.beat_us, w.place
FROM batches AS b LEFT JOIN writers AS w ON w.id = b.writer
WHERE b.id = :id

-- A member's job is made in one transaction with this statement: Galera sees
-- only rows that both have written, not what one of them has merely read.
-- name: shared-batch
UPDATE batches SET seq = seq + 1 WHERE id = :id

-- name: shared-durable
SELECT @@GLOBAL.innodb_flush_log_at_trx_commit
