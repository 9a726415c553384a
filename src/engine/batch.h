/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: sets of jobs that run under one plan, in the same journal.
 *
 *	struct batch b = {0};
 *
 *	batch_create(j, plan, owner, &b, &e);		all members PENDING
 *	struct journal_key k = batch_key(&b);
 *	batch_member_set(j, &k, &b.members[i], &e);	state, target, why
 *	batch_turn(j, &k, &(struct batch_turn){...}, &e);
 *	batch_clear(&b);
 *
 * A member is moved by an ordinary job, with its own epoch, leases and
 * manifests.  Its plan has {"batch": {"id", "member", "epoch"}}: that is how
 * journal_create() writes the job down as the member's, and how it refuses
 * (ERR_STALE, nothing written) once the batch has been taken over: a child of
 * an old controller creates nothing.  What stands in the jobs decides; the rows
 * of the members are a cache, which batch_settle() makes again from them.
 *
 * One writer a batch: writes carry the epoch, as those of a job do, and are
 * ERR_STALE once batch_take() has raised it.  batch_ask() is for others: pause,
 * a bandwidth limit.
 *
 * A plan is a JSON object; the journal keeps all of it and reads these members:
 *	kind		string: "evacuate", "return", "rescue", "run"
 *	host		string: what it is about, may be absent
 *	members		array of objects: instance {uuid, name} (may be absent),
 *			source, target (strings, may be absent or null),
 *			name (when there is no instance), why (a string: it
 *			cannot be moved, and is SKIPPED from the start)
 *
 * All writes are durable before they return.  No secret is ever passed to any
 * function of this file.  Errors: as engine/journal.h.
 */
#ifndef NH_ENGINE_BATCH_H
#define NH_ENGINE_BATCH_H

#include "engine/journal.h"

enum batch_state {
	BATCH_OPEN = 0, /* running, paused, or interrupted */
	BATCH_DONE,	/* every member is DONE or SKIPPED */
	BATCH_ROLLED_BACK,
	BATCH_FAILED, /* over, and some member FAILED or never ran */
};

enum batch_member_state {
	MEMBER_PENDING = 0,
	MEMBER_RUNNING, /* a controller has started a process for it */
	MEMBER_DONE,
	MEMBER_FAILED, /* and rolled back completely */
	MEMBER_ROLLED_BACK,
	MEMBER_OPEN,	/* its job is open and nobody is at it */
	MEMBER_SKIPPED, /* nothing is done about it; why says so */
};

/* "open", "pending", ...: what stands in the file and in JSON. */
const char *batch_state_name(enum batch_state s);
const char *batch_member_state_name(enum batch_member_state s);

struct batch_member {
	size_t idx;
	char *instance, *name, *source, *target; /* may be NULL */
	enum batch_member_state state;
	unsigned attempts;
	int64_t started_us, ended_us; /* 0: not yet */
	struct err why;		  /* ERR_NONE when there is nothing to say */
	char job[JOURNAL_ID_MAX]; /* its newest job, or ""; from the jobs */
};

struct batch {
	char id[JOURNAL_ID_MAX]; /* "b-" and 8 of a-z2-7 */
	enum batch_state state;
	enum journal_dir dir;
	uint64_t epoch, seq;
	int64_t created_us, updated_us, ended_us; /* 0: not yet */
	char *kind, *host, *owner, *build;
	json_t *plan; /* NULL from batch_each() */
	struct err error;
	struct batch_member *members; /* NULL from batch_each() */
	size_t nmembers;
	enum journal_pulse pulse; /* of its controller; as of a job */
};

/* Is it the id of a batch, by its form? */
bool batch_is_id(const char *id);

/* Journals a new batch, epoch 1.  OUT is filled. */
int batch_create(struct journal *j, const json_t *plan, const char *owner,
		 struct batch *out, struct err *e);
/* ERR_NOTHING when there is no such batch. */
int batch_load(struct journal *j, const char *id, struct batch *out,
	       struct err *e);
void batch_clear(struct batch *b);
struct journal_key batch_key(const struct batch *b);

/* Raises the epoch by one and makes the batch OPEN in the direction given
 * (.demanded is not looked at); B is then as the journal has it under the new
 * epoch, all of it read again.  ERR_STALE: another was faster, or went on with
 * it; ERR_LOCKED, in a shared journal, when another process attends it: whoever
 * runs a batch calls journal_beat(), whatever else it waits for. */
int batch_take(struct journal *j, struct batch *b,
	       const struct journal_takeover *t, struct err *e);

/* All batches, newest first. */
typedef bool batch_each_fn(void *arg, const struct batch *b);
int batch_each(struct journal *j, batch_each_fn *fn, void *arg, struct err *e);
/* The jobs of BATCH, oldest first, as journal_jobs() gives them; those of
 * member MEMBER only, unless that is < 0. */
int batch_jobs(struct journal *j, const char *batch, long member,
	       journal_each_job *fn, void *arg, struct err *e);

/* Brings the state of B's members, in memory, to what their newest jobs say:
 * DONE, FAILED or ROLLED_BACK, OPEN; PENDING where the last attempt has no
 * job, or what it had was rolled back for want of a proof that its host is off,
 * or the row says that it shall be tried again.  SKIPPED and FAILED stay where
 * there is no job.  What the caller wants kept it writes with
 * batch_member_set(). */
int batch_settle(struct journal *j, struct batch *b, struct err *e);

/* Is the batch still under this epoch?  ERR_STALE when it is not. */
int batch_still(struct journal *j, const struct journal_key *k, struct err *e);

/* --- writes under an epoch; all durable */

/* Everything of M but instance, name, source and job. */
int batch_member_set(struct journal *j, const struct journal_key *k,
		     const struct batch_member *m, struct err *e);
struct batch_turn {
	enum batch_state state;
	enum journal_dir dir;
	const struct err *why; /* may be NULL */
};
int batch_turn(struct journal *j, const struct journal_key *k,
	       const struct batch_turn *t, struct err *e);
/* A line for people, about member IDX or, -1, all of it. */
int batch_say(struct journal *j, const struct journal_key *k, long idx,
	      const char *text, struct err *e);
/* What a controller must remember (a runbook its steps and answers): VALUE
 * under KEY; .idx, .ts_us and .seq as those of journal_record(), .idx freely
 * chosen. */
int batch_record(struct journal *j, const struct journal_key *k,
		 const struct journal_record *r, struct err *e);

/* --- what an operator asks of a batch, whoever runs it */

/* As journal_ask(): "paused" (true, false), "bwlimit" (an integer). */
int batch_ask(struct journal *j, const char *id, const struct journal_asked *a,
	      struct err *e);
/* The latest VALUE of KEY, a new reference, or NULL. */
int batch_asked(struct journal *j, const char *id, const char *key,
		json_t **value, struct err *e);

/* --- reading the history */

/* As journal_records() and journal_events(); .idx of an event is a member's,
 * its kind "batch", "member" or "say". */
int batch_records(struct journal *j, const char *id, bool latest,
		  journal_each_record *fn, void *arg, struct err *e);
int batch_events(struct journal *j, const char *id, uint64_t after,
		 journal_each_event *fn, void *arg, struct err *e);

#endif
