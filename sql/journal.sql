-- SPDX-License-Identifier: Apache-2.0
-- The journal's own file (SQLite).  sql/embed.awk compiles this in: one named
-- statement after each "-- name:" line.  "schema-N" brings a file from schema
-- N-1 to N and may hold several statements; they are never changed once
-- released.
-- MariaDB runs the same statements, but for those of the same name in
-- journal_mysql.sql; names that it reserves stand in backquotes.

-- name: setup
PRAGMA journal_mode = DELETE;
PRAGMA synchronous = EXTRA;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA secure_delete = OFF;

-- name: get-synchronous
PRAGMA synchronous

-- name: begin
BEGIN IMMEDIATE

-- name: begin-read
BEGIN

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: get-application
PRAGMA application_id

-- name: count-tables
SELECT count(*) FROM sqlite_schema

-- name: get-schema
SELECT version, build FROM schema

-- name: set-schema
INSERT INTO schema (one, version, build) VALUES (1, :version, :build)
ON CONFLICT (one) DO UPDATE SET version = excluded.version,
	build = excluded.build

-- name: schema-1
PRAGMA application_id = 0x6e686a31;
CREATE TABLE schema (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	version INTEGER NOT NULL,
	build TEXT NOT NULL
);
CREATE TABLE jobs (
	id TEXT PRIMARY KEY NOT NULL,
	state TEXT NOT NULL,
	dir TEXT NOT NULL,
	demanded INTEGER NOT NULL DEFAULT 0,
	epoch INTEGER NOT NULL,
	seq INTEGER NOT NULL DEFAULT 0,
	created_us INTEGER NOT NULL,
	updated_us INTEGER NOT NULL,
	ended_us INTEGER,
	purged_us INTEGER,
	kind TEXT,
	instance TEXT,
	name TEXT,
	source TEXT,
	target TEXT,
	owner TEXT,
	build TEXT NOT NULL,
	error TEXT,
	plan TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_instance ON jobs (instance, state);
CREATE TABLE steps (
	job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	name TEXT NOT NULL,
	mark TEXT NOT NULL,
	attempt INTEGER NOT NULL DEFAULT 0,
	started_us INTEGER,
	ended_us INTEGER,
	sent INTEGER NOT NULL DEFAULT 0,
	read INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (job, idx)
) WITHOUT ROWID;
CREATE TABLE records (
	job TEXT NOT NULL,
	seq INTEGER NOT NULL,
	idx INTEGER NOT NULL,
	ts_us INTEGER NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (job, seq),
	FOREIGN KEY (job, idx) REFERENCES steps (job, idx) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX records_key ON records (job, idx, key, seq);
CREATE TABLE events (
	job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	ts_us INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	idx INTEGER,
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (job, seq)
) WITHOUT ROWID;

-- What was seen of hosts that must be off (engine/fence.h).  Batches: sets of
-- jobs under one plan (engine/batch.h); what stands in jobs decides, members are
-- a cache of it.
-- name: schema-2
CREATE TABLE fence (
	id INTEGER PRIMARY KEY,
	host TEXT NOT NULL,
	provider TEXT NOT NULL,
	verdict TEXT NOT NULL,
	taken_us INTEGER NOT NULL,
	written_us INTEGER NOT NULL,
	evidence TEXT NOT NULL,
	said_by TEXT NOT NULL
);
CREATE INDEX fence_host ON fence (host, taken_us);
CREATE TABLE batches (
	id TEXT PRIMARY KEY NOT NULL,
	kind TEXT NOT NULL,
	host TEXT,
	state TEXT NOT NULL,
	dir TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	seq INTEGER NOT NULL DEFAULT 0,
	created_us INTEGER NOT NULL,
	updated_us INTEGER NOT NULL,
	ended_us INTEGER,
	owner TEXT,
	build TEXT NOT NULL,
	error TEXT,
	plan TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE members (
	batch TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	instance TEXT,
	name TEXT,
	source TEXT,
	target TEXT,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	started_us INTEGER,
	ended_us INTEGER,
	why TEXT,
	PRIMARY KEY (batch, idx)
) WITHOUT ROWID;
CREATE TABLE batch_records (
	batch TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	idx INTEGER NOT NULL,
	ts_us INTEGER NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (batch, seq)
) WITHOUT ROWID;
CREATE INDEX batch_records_name ON batch_records (batch, idx, name, seq);
CREATE TABLE batch_events (
	batch TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	ts_us INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	idx INTEGER,
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (batch, seq)
) WITHOUT ROWID;
ALTER TABLE jobs ADD COLUMN batch TEXT;
ALTER TABLE jobs ADD COLUMN member INTEGER;
CREATE INDEX jobs_batch ON jobs (batch, member);

-- Every write to a job is in one transaction with this statement; no row
-- changed means that another controller has raised the epoch.
-- name: guard
UPDATE jobs SET seq = seq + 1, updated_us = :now
WHERE id = :id AND epoch = :epoch

-- name: take
UPDATE jobs SET epoch = epoch + 1, seq = seq + 1, updated_us = :now,
	state = 'open', dir = :dir, demanded = :demanded, owner = :owner,
	ended_us = NULL
WHERE id = :id AND epoch = :epoch AND state = :was AND dir = :was_dir

-- name: turn
UPDATE jobs SET state = :state, dir = :dir, demanded = :demanded,
	error = :error, ended_us = :ended
WHERE id = :id

-- name: purged
UPDATE jobs SET purged_us = :now, seq = seq + 1, updated_us = :now
WHERE id = :id AND state <> 'open'

-- name: add-job
INSERT INTO jobs (id, state, dir, demanded, epoch, seq, created_us, updated_us,
	ended_us, purged_us, kind, instance, name, source, target, owner,
	build, error, plan, batch, member)
VALUES (:id, :state, :dir, :demanded, :epoch, :seq, :created, :updated,
	:ended, :purged, :kind, :instance, :name, :source, :target, :owner,
	:build, :error, :plan, :batch, :member)

-- name: delete-job
DELETE FROM jobs WHERE id = :id

-- name: get-job
SELECT id, state, dir, demanded, epoch, seq, created_us, updated_us,
	ifnull(ended_us, 0), ifnull(purged_us, 0), kind, instance, name,
	source, target, owner, build, error, plan, batch, member
FROM jobs WHERE id = :id

-- name: list-jobs
SELECT id, state, dir, demanded, epoch, seq, created_us, updated_us,
	ifnull(ended_us, 0), ifnull(purged_us, 0), kind, instance, name,
	source, target, owner, build, error, NULL, batch, member
FROM jobs ORDER BY created_us DESC, id

-- name: batch-jobs
SELECT id, state, dir, demanded, epoch, seq, created_us, updated_us,
	ifnull(ended_us, 0), ifnull(purged_us, 0), kind, instance, name,
	source, target, owner, build, error, NULL, batch, member
FROM jobs WHERE batch = :batch AND (:member < 0 OR member = :member)
ORDER BY created_us, id

-- name: batch-open-jobs
SELECT id FROM jobs
WHERE batch = :batch AND member = :member AND state = 'open'

-- name: open-jobs
SELECT id FROM jobs WHERE instance = :instance AND state = 'open'
ORDER BY created_us DESC, id

-- name: add-step
INSERT INTO steps (job, idx, name, mark, attempt, started_us, ended_us, sent,
	`read`)
VALUES (:id, :idx, :name, :mark, :attempt, :started, :ended, :sent, :read)

-- name: get-steps
SELECT idx, name, mark, attempt, ifnull(started_us, 0), ifnull(ended_us, 0),
	sent, `read`
FROM steps WHERE job = :id ORDER BY idx

-- name: mark
UPDATE steps SET mark = :mark, attempt = :attempt,
	started_us = ifnull(started_us, :started), ended_us = :ended,
	sent = :sent, `read` = :read
WHERE job = :id AND idx = :idx

-- name: add-record
INSERT INTO records (job, seq, idx, ts_us, `key`, value)
SELECT :id, seq, :idx, :now, :key, :value FROM jobs WHERE id = :id

-- name: import-record
INSERT INTO records (job, seq, idx, ts_us, `key`, value)
VALUES (:id, :seq, :idx, :now, :key, :value)

-- name: get-records
SELECT seq, idx, ts_us, `key`, value FROM records WHERE job = :id ORDER BY seq

-- name: get-latest
SELECT seq, idx, ts_us, `key`, value FROM records AS r
WHERE job = :id AND NOT EXISTS (
	SELECT 1 FROM records AS n WHERE n.job = r.job AND n.idx = r.idx
	AND n.`key` = r.`key` AND n.seq > r.seq)
ORDER BY seq

-- What an operator asked stands with the first step.
-- name: get-asked
SELECT value FROM records WHERE job = :id AND idx = 0 AND `key` = :key
ORDER BY seq DESC LIMIT 1

-- A transition writes its event in the transaction of the guard, so jobs.seq
-- is its number.
-- name: add-event
INSERT INTO events (job, seq, ts_us, epoch, idx, kind, text)
SELECT :id, seq, :now, epoch, :idx, :kind, :text FROM jobs WHERE id = :id

-- name: get-events
SELECT seq, ts_us, epoch, ifnull(idx, -1), kind, text FROM events
WHERE job = :id AND seq > :after ORDER BY seq

-- Sums over all jobs (engine/sums.h).
-- name: sum-jobs
SELECT ifnull(kind, ''), state, count(*), count(ended_us),
	ifnull(sum(CASE WHEN ended_us > created_us THEN ended_us - created_us
		ELSE 0 END), 0), min(created_us)
FROM jobs GROUP BY kind, state ORDER BY kind, state

-- name: sum-batches
SELECT ifnull(kind, ''), state, count(*), 0, 0, min(created_us)
FROM batches GROUP BY kind, state ORDER BY kind, state

-- name: sum-steps
SELECT name, sum(CASE WHEN mark = 'done' THEN 1 ELSE 0 END),
	sum(CASE WHEN mark = 'done' AND ended_us > started_us
		THEN ended_us - started_us ELSE 0 END),
	sum(sent), sum(`read`)
FROM steps WHERE started_us IS NOT NULL GROUP BY name ORDER BY name

-- name: kept-values
SELECT r.value FROM records AS r
JOIN jobs AS j ON j.id = r.job
JOIN steps AS s ON s.job = r.job AND s.idx = r.idx
WHERE j.purged_us IS NULL
AND (r.`key` = 'left_bytes' OR (r.`key` = 'kept_bytes' AND s.mark <> 'undone'))
AND NOT EXISTS (
	SELECT 1 FROM records AS n WHERE n.job = r.job AND n.idx = r.idx
	AND n.`key` = r.`key` AND n.seq > r.seq)

-- name: last-move
SELECT id FROM jobs WHERE kind = 'move' AND ended_us IS NOT NULL
ORDER BY ended_us DESC, id LIMIT 1

-- name: add-fence
INSERT INTO fence (host, provider, verdict, taken_us, written_us, evidence,
	said_by)
VALUES (:host, :provider, :verdict, :taken, :written, :evidence, :by)

-- name: get-fence
SELECT id, host, provider, verdict, taken_us, evidence, said_by FROM fence
WHERE :host IS NULL OR host = :host ORDER BY taken_us DESC, id DESC

-- name: forget-fence
DELETE FROM fence WHERE host = :host

-- As guard, for a batch.
-- name: guard-batch
UPDATE batches SET seq = seq + 1, updated_us = :now
WHERE id = :id AND epoch = :epoch

-- A job of a batch is created under the epoch and in the direction that the
-- batch has, or not at all.
-- name: batch-epoch
SELECT epoch, state, dir FROM batches WHERE id = :id

-- name: batch-add
INSERT INTO batches (id, kind, host, state, dir, epoch, seq, created_us,
	updated_us, owner, build, plan)
VALUES (:id, :kind, :host, 'open', 'forward', :epoch, 0, :now, :now, :owner,
	:build, :plan)

-- name: batch-add-member
INSERT INTO members (batch, idx, instance, name, source, target, state, why)
VALUES (:id, :idx, :instance, :name, :source, :target, :state, :why)

-- name: batch-get
SELECT id, kind, host, state, dir, epoch, seq, created_us, updated_us,
	ifnull(ended_us, 0), owner, build, error, plan
FROM batches WHERE id = :id

-- name: batch-list
SELECT id, kind, host, state, dir, epoch, seq, created_us, updated_us,
	ifnull(ended_us, 0), owner, build, error, NULL
FROM batches ORDER BY created_us DESC, id

-- name: batch-members
SELECT idx, instance, name, source, target, state, attempts,
	ifnull(started_us, 0), ifnull(ended_us, 0), why
FROM members WHERE batch = :id ORDER BY idx

-- name: batch-take
UPDATE batches SET epoch = epoch + 1, seq = seq + 1, updated_us = :now,
	state = 'open', dir = :dir, owner = :owner, ended_us = NULL
WHERE id = :id AND epoch = :epoch AND state = :was AND dir = :was_dir

-- name: batch-turn
UPDATE batches SET state = :state, dir = :dir, error = :error,
	ended_us = :ended
WHERE id = :id

-- name: batch-member
UPDATE members SET target = :target, state = :state, attempts = :attempts,
	started_us = :started, ended_us = :ended, why = :why
WHERE batch = :id AND idx = :idx

-- name: batch-add-event
INSERT INTO batch_events (batch, seq, ts_us, epoch, idx, kind, text)
SELECT :id, seq, :now, epoch, :idx, :kind, :text FROM batches WHERE id = :id

-- name: batch-get-events
SELECT seq, ts_us, epoch, ifnull(idx, -1), kind, text FROM batch_events
WHERE batch = :id AND seq > :after ORDER BY seq

-- name: batch-add-record
INSERT INTO batch_records (batch, seq, idx, ts_us, name, value)
SELECT :id, seq, :idx, :now, :key, :value FROM batches WHERE id = :id

-- name: batch-get-records
SELECT seq, idx, ts_us, name, value FROM batch_records
WHERE batch = :id ORDER BY seq

-- name: batch-get-latest
SELECT seq, idx, ts_us, name, value FROM batch_records AS r
WHERE batch = :id AND NOT EXISTS (
	SELECT 1 FROM batch_records AS n WHERE n.batch = r.batch
	AND n.idx = r.idx AND n.name = r.name AND n.seq > r.seq)
ORDER BY seq

-- name: batch-get-asked
SELECT value FROM batch_records
WHERE batch = :id AND idx = -1 AND name = :key
ORDER BY seq DESC LIMIT 1
