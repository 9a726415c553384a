/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between the engine and the steps of a job.
 *
 * A plan is an array of step calls (a name and parameters); the engine runs
 * them in order, journals every transition, and knows no step, host or table by
 * name.  A step knows the world (through adapters) and nothing of the engine
 * but this header.
 *
 *	            .-- NOT_DONE, PARTIAL --> run --.
 *	PENDING -> probe                            +-> verify -> DONE
 *	            '-- DONE -----------------------'
 *	            '-- UNKNOWN --> the job is left open for a person
 *
 * Calling sequence of one step, forward:
 *   1. the engine journals RUNNING, durable, and mirrors the job to the hosts;
 *   2. after a crash, a takeover or an ERR_LOST it calls probe(); a first run
 *      goes straight to 3;
 *   3. run(); the step calls step_record() BEFORE each mutation whose undo
 *needs to know what was there;
 *   4. verify(), when there is one; the engine journals DONE.
 * Backward: the engine journals UNDOING, calls undo(), journals UNDONE.
 *
 * What survives a crash: everything that step_record() returned 0 for, and the
 * journalled state.  Nothing else: a step keeps no state of its own.  After a
 * crash between the mutation and DONE the step is RUNNING and probe() must find
 * out by looking at the world, never at the journal's state.
 *
 * run() and undo() are idempotent: each may be called again after having been
 * cut at any point, and undo() after a run() that did nothing, half or all.
 * Each opens with the list of the states that it can find.
 *
 * Errors steer the engine (core/err.h).  ERR_LOST and ERR_RETRY are probed and
 * tried again; ERR_STALE stops at once, changing nothing more; ERR_INTERRUPTED
 * leaves the job open; any other error rolls back, or, past a commit point,
 * leaves the job open.
 */
#ifndef NH_ENGINE_STEP_H
#define NH_ENGINE_STEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

/* One step of one job, while the engine is in it. */
struct step_ctx;

enum step_state {
	STEP_UNKNOWN = 0, /* the world did not answer, or contradicts itself */
	STEP_NOT_DONE,
	STEP_PARTIAL, /* run() will finish it, undo() will clear it */
	STEP_DONE,
};

/* Of a job whose source is dead (engine/txn.h, txn_alone()). */
enum step_alone {
	/* Once this step is DONE the target has all that the way forward
	 * needs. */
	STEP_WHOLE = 1,
	/* There is no undo() without the source. */
	STEP_NEEDS_SOURCE = 2,
	/* From when it is begun the way forward needs no more of the source
	 * than to read its disks; its probe looks there whether it was done. */
	STEP_AT_REST = 4,
};

struct step {
	const char *name;    /* stable: it stands in journals and plans */
	const char *summary; /* for people, under 60 characters */
	bool mutates;
	/* Not NULL: once this step is DONE the engine goes forward by itself
	 * and back only on demand.  The text says why, and is shown before
	 * the start. */
	const char *commit_point;
	/* Not NULL: why there is no undo() though the step mutates. */
	const char *no_undo;
	int (*probe)(struct step_ctx *c, enum step_state *state, struct err *e);
	int (*run)(struct step_ctx *c, struct err *e);
	int (*undo)(struct step_ctx *c, struct err *e); /* NULL: none needed */
	int (*verify)(struct step_ctx *c, struct err *e); /* may be NULL */
	unsigned alone; /* of enum step_alone, or 0 */
};

/* What the steps work on: the adapters, as src/steps/world.h defines them.
 * Borrowed. */
void *step_world(const struct step_ctx *c);
/* The parameters of this call in the plan; an object, borrowed. */
const json_t *step_params(const struct step_ctx *c);
const char *step_job(const struct step_ctx *c);
uint64_t step_epoch(const struct step_ctx *c);

/* Journals VALUE under KEY for this step, durable when it returns 0; takes the
 * reference.  Must come before the mutation that it describes.  A second record
 * of the same key replaces the first for step_recall(), and both stay in the
 * journal's history.  Never pass a secret. */
int step_record(struct step_ctx *c, const char *key, json_t *value,
		struct err *e);
/* Keeps the first value: records only if KEY has none yet.  For before images,
 * which a second run() must not overwrite with what the first one left. */
int step_record_once(struct step_ctx *c, const char *key, json_t *value,
		     struct err *e);
/* The latest record of KEY, borrowed until the next step_record(), or NULL. */
const json_t *step_recall(const struct step_ctx *c, const char *key);
/* The same of another step of this job, by its name. */
const json_t *step_recall_of(const struct step_ctx *c, const char *step,
			     const char *key);
/* What an operator has asked of this job meanwhile, the latest (journal_ask()),
 * or NULL; borrowed until the next call.  Looks once a second at most. */
const json_t *step_asked(struct step_ctx *c, const char *key);
/* Was the step of this name ever started in this job (RUNNING or later)? */
bool step_was_started(const struct step_ctx *c, const char *step);

/* Is it journalled as done, and not undone? */
bool step_is_done(const struct step_ctx *c, const char *step);

/* Progress of a long step: units are the step's own (bytes, seconds). */
void step_progress(struct step_ctx *c, uint64_t done, uint64_t total,
		   const char *what);
/* Bytes that the report adds up. */
void step_add_bytes(struct step_ctx *c, uint64_t sent, uint64_t read);
/* A line for people, kept in the journal as well. */
void step_say(struct step_ctx *c, const char *fmt, ...) NH_PRINTF(2, 3);

/* To be called in long waits and between mutations: -1 with ERR_INTERRUPTED
 * when SIGINT or SIGTERM came. */
int step_checkpoint(struct step_ctx *c, struct err *e);

#endif
