-- SPDX-License-Identifier: Apache-2.0
-- The journal's own file (SQLite).  sql/embed.awk compiles this in: one named
-- statement after each "-- name:" line.  "schema-N" brings a file from schema
-- N-1 to N and may hold several statements; they are never changed once
-- released.

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

-- What was seen of hosts that must be off (engine/fence.h).
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

-- Every write to a job is in one transaction with this statement; no row
-- changed means that another controller has raised the epoch.
-- name: guard
UPDATE jobs SET seq = seq + 1, updated_us = :now
WHERE id = :id AND epoch = :epoch

-- name: take
UPDATE jobs SET epoch = epoch + 1, seq = seq + 1, updated_us = :now,
	state = 'open', dir = :dir, demanded = :demanded, owner = :owner,
	ended_us = NULL
WHERE id = :id AND epoch = :epoch AND state = :was

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
	build, error, plan)
VALUES (:id, :state, :dir, :demanded, :epoch, :seq, :created, :updated,
	:ended, :purged, :kind, :instance, :name, :source, :target, :owner,
	:build, :error, :plan)

-- name: delete-job
DELETE FROM jobs WHERE id = :id

-- name: get-job
SELECT id, state, dir, demanded, epoch, seq, created_us, updated_us,
	ifnull(ended_us, 0), ifnull(purged_us, 0), kind, instance, name,
	source, target, owner, build, error, plan
FROM jobs WHERE id = :id

-- name: list-jobs
SELECT id, state, dir, demanded, epoch, seq, created_us, updated_us,
	ifnull(ended_us, 0), ifnull(purged_us, 0), kind, instance, name,
	source, target, owner, build, error, NULL
FROM jobs ORDER BY created_us DESC, id

-- name: open-jobs
SELECT id FROM jobs WHERE instance = :instance AND state = 'open'
ORDER BY created_us DESC, id

-- name: add-step
INSERT INTO steps (job, idx, name, mark, attempt, started_us, ended_us, sent,
	read)
VALUES (:id, :idx, :name, :mark, :attempt, :started, :ended, :sent, :read)

-- name: get-steps
SELECT idx, name, mark, attempt, ifnull(started_us, 0), ifnull(ended_us, 0),
	sent, read
FROM steps WHERE job = :id ORDER BY idx

-- name: mark
UPDATE steps SET mark = :mark, attempt = :attempt,
	started_us = ifnull(started_us, :started), ended_us = :ended,
	sent = :sent, read = :read
WHERE job = :id AND idx = :idx

-- name: add-record
INSERT INTO records (job, seq, idx, ts_us, key, value)
SELECT :id, seq, :idx, :now, :key, :value FROM jobs WHERE id = :id

-- name: import-record
INSERT INTO records (job, seq, idx, ts_us, key, value)
VALUES (:id, :seq, :idx, :now, :key, :value)

-- name: get-records
SELECT seq, idx, ts_us, key, value FROM records WHERE job = :id ORDER BY seq

-- name: get-latest
SELECT seq, idx, ts_us, key, value FROM records AS r
WHERE job = :id AND NOT EXISTS (
	SELECT 1 FROM records AS n WHERE n.job = r.job AND n.idx = r.idx
	AND n.key = r.key AND n.seq > r.seq)
ORDER BY seq

-- What an operator asked stands with the first step.
-- name: get-asked
SELECT value FROM records WHERE job = :id AND idx = 0 AND key = :key
ORDER BY seq DESC LIMIT 1

-- A transition writes its event in the transaction of the guard, so jobs.seq
-- is its number.
-- name: add-event
INSERT INTO events (job, seq, ts_us, epoch, idx, kind, text)
SELECT :id, seq, :now, epoch, :idx, :kind, :text FROM jobs WHERE id = :id

-- name: get-events
SELECT seq, ts_us, epoch, ifnull(idx, -1), kind, text FROM events
WHERE job = :id AND seq > :after ORDER BY seq

-- name: add-fence
INSERT INTO fence (host, provider, verdict, taken_us, written_us, evidence,
	said_by)
VALUES (:host, :provider, :verdict, :taken, :written, :evidence, :by)

-- name: get-fence
SELECT id, host, provider, verdict, taken_us, evidence, said_by FROM fence
WHERE :host IS NULL OR host = :host ORDER BY taken_us DESC, id DESC

-- name: forget-fence
DELETE FROM fence WHERE host = :host
