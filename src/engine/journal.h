/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: what every job is going to do, has done, and how to undo it.
 *
 * In a file, for one machine: SQLite, /var/lib/novahaul/journal.db by default
 * (0600, its directory 0700), synchronous=EXTRA and journal_mode=DELETE: what a
 * function below calls durable has reached the disk, with its directory entry,
 * before it returns 0.  After a crash at any moment a write is there whole or
 * not at all.  Or in a database, for several operators: see further down.
 *
 *	struct journal *j = journal_open(path, &e);
 *	struct journal_job job = {0};
 *
 *	journal_create(j, plan, owner, &job, &e);
 *	struct journal_key k = journal_key(&job);
 *	journal_mark(j, &k, &(struct journal_step){...}, &e);
 *	journal_record(j, &k, &(struct journal_record){...}, &e);
 *	journal_job_clear(&job);
 *	journal_close(j);
 *
 * One writer a job: every write carries the epoch under which its writer works
 * and is ERR_STALE, changing nothing, once another controller has raised it
 * with journal_take().  A controller that was frozen and woken writes nothing
 * here.  Only journal_ask() is for others, and touches nothing that the writer
 * knows.
 *
 * Space is reserved ahead in a second file, NAME.reserve.  When the disk is
 * full, plain writes fail with ERR_FAILED before the mutation that they
 * announce; urgent ones (journal_urgent(): taking over, undoing) give the
 * reserve up and go through.  It is laid down again by a later journal_open().
 *
 * A plan is a JSON object; the journal keeps all of it and reads these members:
 *	kind		string: "move", ...
 *	instance	object: uuid, name (strings)
 *	source, target	strings, may be absent
 *	steps		array of objects: step (a name), params (an object,
 *			may be absent)
 *	batch		object: id, member, epoch: the job is one of a batch's
 *			(engine/batch.h); may be absent
 *
 * No secret is ever passed to any function of this file.
 *
 * SEVERAL OPERATORS share a database of MariaDB or Galera, opened by somebody
 * else as a store (core/store.h; db/store.h) and handed to
 * journal_open_shared().  All of the above holds there, and:
 *	- a write that met another (deadlock, certification conflict) or whose
 *	  connection broke is made again, whole, once in any case and for up
 *	  to 20 s: ERR_RETRY then;
 *	- a COMMIT that was not answered is looked up on a new connection and
 *	  made again if it is not there, for up to a minute; ERR_LOST when even
 *	  then nobody knows: the write is there whole or not at all;
 *	- an instance has at most one open job: of two that create one at once,
 *	  or that reopen one, the second is ERR_LOCKED;
 *	- journal_beat() says every few seconds that this process is there;
 *	  journal_take() and batch_take() are ERR_LOCKED while whoever has the
 *	  job or batch was heard of in the last JOURNAL_LEASE_US (unless it ran
 *	  on this machine and its pid is gone) and has not closed its journal.
 *	  This is a courtesy: what keeps two controllers apart is the epoch,
 *	  and the leases on the hosts;
 *	- a read sees all that anybody has written before it, on any node;
 *	- durable is what the server makes of it: innodb_flush_log_at_trx_commit
 *	  other than 1 is warned about.  There is no reserve.
 *
 * Errors: ERR_RETRY when another process holds the file locked for longer than
 * the busy timeout, or the database does not answer; ERR_LOST as said;
 * ERR_REFUSED for a file or database that is not ours or was written by a newer
 * schema, or that this user may not write; ERR_NOTHING for a job that is not
 * there; ERR_LOCKED as said; ERR_FAILED otherwise.
 */
#ifndef NH_ENGINE_JOURNAL_H
#define NH_ENGINE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

#define JOURNAL_PATH "/var/lib/novahaul/journal.db"
#define JOURNAL_ID_MAX 16 /* "j-" and 8 of a-z2-7, and room for a NUL */

/* A controller that was not heard of for so long is gone: longer than any step
 * is silent (a command on a host ends after 60 s). */
#define JOURNAL_LEASE_US (INT64_C(90) * 1000000)

struct journal;
struct store;
struct store_sql;

/* Is a controller at work on a job?  A file does not know. */
enum journal_pulse {
	PULSE_UNKNOWN = 0,
	PULSE_NONE, /* nobody: it ended, or was not heard of for a while */
	PULSE_BEATS,
};

enum journal_state {
	JOURNAL_OPEN = 0, /* not finished: running, interrupted or stuck */
	JOURNAL_DONE,
	JOURNAL_ROLLED_BACK,
};

enum journal_dir { JOURNAL_FORWARD = 0, JOURNAL_BACKWARD };

enum journal_mark {
	MARK_PENDING = 0,
	MARK_RUNNING, /* started; how far it came, only the world can tell */
	MARK_DONE,
	MARK_UNDOING,
	MARK_UNDONE,
	MARK_SKIPPED,
};

/* "open", "forward", "running", ...: what stands in the file and in JSON. */
const char *journal_state_name(enum journal_state s);
const char *journal_dir_name(enum journal_dir d);
const char *journal_mark_name(enum journal_mark m);

struct journal_step {
	size_t idx;
	char *name; /* NULL when passed to journal_mark() */
	enum journal_mark mark;
	unsigned attempt;	      /* how often run() was called */
	int64_t started_us, ended_us; /* first start, last end; 0: not yet */
	uint64_t sent, read;	      /* bytes, as the step counts them */
};

struct journal_job {
	char id[JOURNAL_ID_MAX];
	enum journal_state state;
	enum journal_dir dir;
	bool demanded; /* backward because a person asked for it */
	uint64_t epoch;
	uint64_t seq; /* rises with every write: newer of two manifests */
	int64_t created_us, updated_us, ended_us, purged_us; /* 0: not yet */
	char *instance, *name, *source, *target, *kind;
	char *owner;		    /* "host pid 123" of the last controller */
	char *build;		    /* version that created the job */
	char batch[JOURNAL_ID_MAX]; /* that it is of, or "" */
	long member;		    /* of that batch, or -1 */
	json_t *plan;
	/* The failure that stopped it or turned it round; kind ERR_NONE when
	 * there is none. */
	struct err error;
	struct journal_step *steps;
	size_t nsteps;
	enum journal_pulse pulse; /* not from journal_jobs() */
};

/* Who writes: a job, and the epoch under which this process works on it. */
struct journal_key {
	char id[JOURNAL_ID_MAX];
	uint64_t epoch;
};

/* Opens PATH, creating it and its last directory; upgrades an older schema. */
struct journal *journal_open(const char *path, struct err *e);
/* The same in a database.  Takes S over, even on failure. */
struct journal *journal_open_shared(struct store *s, struct err *e);
/* The statements of that store: tables, NULL at the end; what stands in an
 * earlier one counts. */
const struct store_sql *const *journal_shared_sql(void);
void journal_close(struct journal *j);
/* Its file, or where it is: for messages. */
const char *journal_path(const struct journal *j);
/* From now on, may writes use the reserve? */
void journal_urgent(struct journal *j, bool on);
/* "host pid 123": this process, for the owner columns. */
void journal_owner(char *out, size_t n);
/* Is it a process of this machine, by its name, that is there?  One that has
 * ended and was not yet waited for is not. */
enum journal_pulse journal_owner_pulse(const char *owner);
/* Often, while a job or a batch is run: where the journal is shared, others see
 * that its controller is there.  Cheap; nothing depends on it. */
void journal_beat(struct journal *j);
/* Whoever beats for J beats for OUTER as well, which is borrowed until J is
 * closed: what is run under J is a part of what is run under OUTER. */
void journal_beat_too(struct journal *j, struct journal *outer);

/* --- jobs */

/* Journals a new job, every step PENDING, epoch 1.  OUT is filled.  One of a
 * batch is ERR_STALE when the batch is not open, is on its way back or is no
 * longer under the epoch of the plan, ERR_LOCKED when the member has an open
 * job; nothing is written then. */
int journal_create(struct journal *j, const json_t *plan, const char *owner,
		   struct journal_job *out, struct err *e);
/* ERR_NOTHING when there is no such job. */
int journal_load(struct journal *j, const char *id, struct journal_job *out,
		 struct err *e);
void journal_job_clear(struct journal_job *job);
struct journal_key journal_key(const struct journal_job *job);

/* What one controller takes over, in one transaction. */
struct journal_takeover {
	enum journal_dir dir;
	bool demanded;
	const char *owner;
};
/* Raises JOB's epoch by one and makes the job OPEN in the direction given.
 * ERR_STALE when its epoch is no longer the one in JOB: another process was
 * faster; ERR_LOCKED, in a shared journal, when another process attends it, or
 * its instance has another open job.  On success JOB is updated. */
int journal_take(struct journal *j, struct journal_job *job,
		 const struct journal_takeover *t, struct err *e);

/* All jobs, newest first, without plans (->plan is NULL) and steps.  The
 * callback returns false to stop. */
typedef bool journal_each_job(void *arg, const struct journal_job *job);
int journal_jobs(struct journal *j, journal_each_job *fn, void *arg,
		 struct err *e);
/* The open jobs of an instance: how many, and the id of the newest. */
int journal_open_jobs(struct journal *j, const char *instance, size_t *n,
		      char id[JOURNAL_ID_MAX], struct err *e);
/* Forgets a finished job; ERR_REFUSED when it is open. */
int journal_delete(struct journal *j, const char *id, struct err *e);
/* Bytes that the job's steps recorded as kept (the latest "kept_bytes" of each
 * step that is not undone, integers), or as left by an undo ("left_bytes");
 * 0 after journal_purged(). */
int journal_kept(struct journal *j, const char *id, uint64_t *bytes,
		 struct err *e);
/* The kept copies of a finished job are gone. */
int journal_purged(struct journal *j, const char *id, struct err *e);

/* --- writes under an epoch; all durable */

/* The transition of one step.  started_us is kept once set; sent and read
 * replace what was there. */
int journal_mark(struct journal *j, const struct journal_key *k,
		 const struct journal_step *s, struct err *e);

struct journal_record {
	size_t idx; /* of the step */
	const char *key;
	const json_t *value; /* borrowed */
	int64_t ts_us;	     /* filled by reading; ignored by writing */
	uint64_t seq;	     /* the same */
};
int journal_record(struct journal *j, const struct journal_key *k,
		   const struct journal_record *r, struct err *e);

/* A line for people about step IDX. */
int journal_say(struct journal *j, const struct journal_key *k, size_t idx,
		const char *text, struct err *e);

/* State, direction and cause of the whole job; WHY may be NULL. */
struct journal_turn {
	enum journal_state state;
	enum journal_dir dir;
	bool demanded;
	const struct err *why;
};
int journal_turn(struct journal *j, const struct journal_key *k,
		 const struct journal_turn *t, struct err *e);

/* --- what an operator asks of a job, whoever runs it */

struct journal_asked {
	const char *key;
	const json_t *value; /* borrowed */
	const char *text;    /* the event that goes with it, for people */
};
/* Journals it as a record of the job's first step, so that manifests carry it,
 * under the epoch that the job has: the process that runs the job keeps it, and
 * looks now and then.  ERR_REFUSED when the job is not open. */
int journal_ask(struct journal *j, const char *id,
		const struct journal_asked *a, struct err *e);
/* The latest VALUE of KEY, a new reference, or NULL. */
int journal_asked(struct journal *j, const char *id, const char *key,
		  json_t **value, struct err *e);

/* --- reading the history */

/* Records in the order in which they were written; LATEST: only the last one
 * of each step and key.  The value is borrowed for the call. */
typedef bool journal_each_record(void *arg, const struct journal_record *r);
int journal_records(struct journal *j, const char *id, bool latest,
		    journal_each_record *fn, void *arg, struct err *e);

struct journal_event {
	uint64_t seq;
	int64_t ts_us;
	uint64_t epoch;
	long idx;	  /* of the step, or -1 */
	const char *kind; /* "mark", "say", "job" */
	const char *text;
};
typedef bool journal_each_event(void *arg, const struct journal_event *ev);
/* Events with a seq above AFTER: `watch` asks again with the last one seen. */
int journal_events(struct journal *j, const char *id, uint64_t after,
		   journal_each_event *fn, void *arg, struct err *e);

/* --- manifests */

/* The whole job as one JSON document: plan, marks, the latest record of each
 * key, epoch and seq.  What the hosts keep a copy of. */
char *journal_export(struct journal *j, const char *id, struct err *e)
	NH_DEALLOC(mem_free);
/* Makes the job of an exported document a job of this journal, under the epoch
 * that it had.  ERR_NOTHING when it is here with the same epoch (resume that
 * one), ERR_REFUSED when it is here with a higher one; a lower one is replaced.
 * ID receives its name. */
int journal_import(struct journal *j, const char *json, char id[JOURNAL_ID_MAX],
		   struct err *e);

/* --- for tests */

enum journal_when { JOURNAL_BEFORE, JOURNAL_AFTER };
/* Called before and after every durable write.  Non-zero from a BEFORE call
 * makes the write fail as on a full disk, with nothing written. */
typedef int journal_hook(void *arg, enum journal_when when, const char *what);
void journal_set_hook(struct journal *j, journal_hook *fn, void *arg);

#endif
