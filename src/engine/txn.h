/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: runs a plan as one transaction over things that have none.
 *
 *	struct txn_env env = {.journal = j, .steps = table, .world = w, ...};
 *	char id[JOURNAL_ID_MAX];
 *
 *	txn_start(&env, plan, id, &e)	journalled, nothing done yet
 *	end = txn_run(&env, id, &e)	forward, from the process that started
 *	end = txn_resume(&env, id, &e)	any process, after a crash or a stop
 *	end = txn_rollback(&env, id, &e) back, from wherever the job is
 *	end = txn_retreat(&env, id, &e)	back, but only from before a commit
 *					point: what nobody has decided about
 *	end = txn_forward(&env, id, &e)	forward, also from the way back: the
 *					source is dead (txn_alone())
 *
 * Forward, one step: journal RUNNING, mirror, run, verify, journal DONE.
 *	A step that may have run before (crash, takeover, ERR_LOST, ERR_RETRY)
 *	is probed first: DONE goes to verify, NOT_DONE and PARTIAL run again,
 *	UNKNOWN is asked again with back-off and then leaves the job open.
 *	ERR_LOST is run at most 3 times, ERR_RETRY at most 5.  No wait, here or
 *	backward, ends more than 20 s after the first of a row of such
 *	failures: a host that is gone is waited for once, not by each step and
 *	undo that needs it.  Progress or a step done (undone) ends the row.
 * A failure before any commit point is DONE turns the job round by itself: this
 *	step and every one that was started are undone, in reverse.  A failed
 *	commit point is probed: NOT_DONE turns round, DONE goes on, anything
 *	else leaves the job open.  After it, a failing step is tried 3 times and
 *	then leaves the job open: it never goes back by itself.
 * Backward, one step: journal UNDOING, mirror, probe it if its outcome is not
 *	known (UNKNOWN leaves the job open), undo, journal UNDONE.  An undo that
 *	fails stops the way back there and leaves the job open, backward.
 *	An undo that is ERR_REFUSED has changed nothing: the job is turned
 *	forward again, and resume will do again what had been undone; a job
 *	that was DONE is brought forward to DONE at once.
 * ERR_STALE, from the journal or from a host: another controller has taken the
 *	job.  Nothing more is done or written, here or there.
 * A job that is taken over and has nothing left to be about (regain(), below)
 *	goes back in any case: TXN_ROLLED_BACK with the error, exit code 1.
 * SIGINT and SIGTERM are looked at between records: the job is left open.
 *
 * What survives a crash is in the journal; nothing here is kept in memory only.
 * Several processes may resume one job: the journal's epoch and the leases on
 * the hosts let the last one win, whatever the others are in the middle of.
 */
#ifndef NH_ENGINE_TXN_H
#define NH_ENGINE_TXN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "engine/journal.h"

struct step;
struct step_ctx;

/* Which way JOB can go that is open, and whose source is proven to be dead.  It
 * is forward from where the target has a whole copy (STEP_WHOLE)
 * until a commit point is being undone; back from where nothing was done that
 * only the source can undo.  In between the source is needed: *STEP, if not
 * NULL, is the step for which; or its DISKS, where somebody else sees them,
 * from where they are at rest (STEP_AT_REST). */
enum txn_alone {
	TXN_ALONE_NOT = 0,
	TXN_ALONE_BACK,
	TXN_ALONE_FORWARD,
};
enum txn_alone txn_alone(const struct step *const *steps,
			 const struct journal_job *job, bool disks,
			 const char **step);

/* How it ended, with the exit code that goes with it (design, Command line). */
enum txn_end {
	TXN_OPEN = 0,	 /* act, with resume or rollback: 3, or 6 when it
			    waits for a new proof (ERR_FENCE) */
	TXN_DONE,	 /* 0 */
	TXN_ROLLED_BACK, /* on demand (no error): 0; after a failure: 1, or 7
			    when the failure was ERR_LOCKED, 6 when ERR_FENCE */
	TXN_REFUSED,	 /* a rollback on demand was refused: 5.  The job is
			    done as before, or open, forward */
	TXN_LOCKED,	 /* another controller has the job: 7 */
	TXN_NOTHING,	 /* finished before: 4 */
	TXN_ERROR,	 /* not even begun (no such job, a build that lacks its
			    steps, the journal): by the error's kind */
};
const char *txn_end_name(enum txn_end end);
/* The exit code of the table above. */
int txn_exit_code(enum txn_end end, const struct err *e);

enum txn_event_kind {
	TXN_EV_START = 0, /* a step begins (backward: its undo) */
	TXN_EV_END,	  /* it is done (undone) */
	TXN_EV_FAIL,	  /* this try failed; text is the error */
	TXN_EV_WAIT,	  /* back-off before another try; text says why */
	TXN_EV_PROGRESS,  /* done of total; text says of what */
	TXN_EV_SAY,	  /* text is for people */
	TXN_EV_TURN,	  /* the job turns round; text says why */
};

struct txn_event {
	enum txn_event_kind kind;
	const char *job;
	enum journal_dir dir;
	size_t idx, nsteps;
	const char *step, *summary; /* NULL for TXN_EV_TURN */
	uint64_t done, total;
	const char *text; /* may be NULL */
};

struct txn_env {
	struct journal *journal;
	const struct step *const *steps; /* NULL-terminated */
	void *world;			 /* for step_world() */
	const char *owner;		 /* NULL: host and pid */
	/* Any of these may be NULL. */

	/* Before resume and rollback raise or change anything: ERR_LOCKED when
	 * a living controller is at work on the job, which must not lose it to
	 * somebody who only tried.  What else goes wrong is enter()'s to find.
	 */
	int (*look)(void *world, const char *job, struct err *e);
	/* First thing in resume and rollback, after the epoch was raised in the
	 * journal: raises the leases on the hosts and in the database, ends old
	 * agents.  STARTED: some step was ever started, so the hosts may know
	 * the job.  Not called when every step is done (undone) already.
	 * ERR_STALE or ERR_LOCKED: TXN_LOCKED; others: TXN_OPEN. */
	int (*enter)(void *world, const char *job, uint64_t epoch, bool started,
		     struct err *e);
	/* After enter() has claimed the job anew, with its records at hand (C
	 * is the first step's): wins back what others took from it meanwhile.
	 * ERR_CONFLICT: what the job is about is no more; it goes back from
	 * wherever it is, whatever was asked for, and ends with this error.
	 * Other errors are treated as enter()'s. */
	int (*regain)(struct step_ctx *c, struct err *e);
	/* Last thing when another controller turned out to have the job: lets
	 * go of what enter() or a step has claimed on the hosts since, as far
	 * as it is still this controller's.  A frozen one may have woken after
	 * the job was over, and would hold the instance for ever. */
	void (*leave)(void *world);
	/* After each durable record or transition that comes before a mutation:
	 * writes the job's manifest on the hosts.  An error stops the step
	 * before its mutation, as if the step had returned it. */
	int (*mirror)(void *world, const char *json, struct err *e);
	/* Often: keeps sessions and leases alive. */
	void (*tick)(void *world);
	void (*event)(void *arg, const struct txn_event *ev);
	void *event_arg;
	bool disks; /* of a dead source: the world sees them */
};

/* Checks that every step of PLAN is in the table, and journals the job. */
int txn_start(const struct txn_env *env, const json_t *plan,
	      char id[JOURNAL_ID_MAX], struct err *e);

/* All three fill E unless they return TXN_DONE, or TXN_ROLLED_BACK on demand.
 * txn_run() is for the process that called txn_start(); it is TXN_LOCKED when
 * another has resumed the job since. */
enum txn_end txn_run(const struct txn_env *env, const char *id, struct err *e);
enum txn_end txn_resume(const struct txn_env *env, const char *id,
			struct err *e);
enum txn_end txn_rollback(const struct txn_env *env, const char *id,
			  struct err *e);
/* For a program that gives the job up: as if the failure that left it open had
 * turned it round.  TXN_ROLLED_BACK comes with that failure.  TXN_REFUSED,
 * nothing changed: see txn_may_retreat(); TXN_NOTHING: it is not open. */
enum txn_end txn_retreat(const struct txn_env *env, const char *id,
			 struct err *e);

/* For a job whose source is dead, and whose target has a whole copy: no failure
 * turns it round, because it would take that copy away.  TXN_REFUSED, nothing
 * changed, when txn_alone() says another way. */
enum txn_end txn_forward(const struct txn_env *env, const char *id,
			 struct err *e);
/* Back, by a journal in which txn_alone() says so; else as txn_forward(). */
enum txn_end txn_back_alone(const struct txn_env *env, const char *id,
			    struct err *e);

/* Is JOB, which is open, on its way back by itself, or has it begun none of its
 * commit points?  One that may have been passed is not looked at here: that is
 * rollback's to find out, on demand. */
bool txn_may_retreat(const struct step *const *steps,
		     const struct journal_job *job);

/* The rules for a table of steps: unique names, a summary under 60 characters,
 * run and probe where it mutates, an undo or the reason why not, an undo for
 * every commit point, none for what does not mutate.  Each breach is a line of
 * OUT; their number is returned. */
size_t txn_check_table(const struct step *const *steps, struct buf *out);

#endif
