/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crash tier: a controller killed, failed, frozen or stopped at any event,
 * then recovered, killed again while it recovers, and recovered again.
 *
 *	first    controller  --- events --- X           fault at event N
 *	second   controller  (resume or rollback) --- X fault at event M
 *	third... controller  (resume) until the job is closed
 *
 * The world under test lies in memory that all controllers share, so it lives
 * on when one is killed with SIGKILL.  An event is a point before, in the
 * middle of or after a durable write to the journal or a call of an adapter;
 * the world's adapters call crash_event() there.  After every event the promise
 * is looked at, by whoever is running.  Other actors (a tenant, an operator, a
 * restarted daemon, the frozen controller that wakes up) act between events.
 *
 * Everything is deterministic: a failure is repeated with the words that are
 * printed with it.
 */
#ifndef NH_TESTS_CRASH_H
#define NH_TESTS_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "engine/journal.h"
#include "engine/txn.h"

enum crash_when { CRASH_BEFORE = 0, CRASH_MID, CRASH_AFTER };

enum crash_fault {
	CRASH_NONE = 0,
	CRASH_KILL,
	CRASH_STOP,   /* SIGTERM */
	CRASH_FREEZE, /* SIGSTOP; goes on after the job was recovered */
	CRASH_FAILED, /* the call does nothing and fails */
	CRASH_RETRY,
	CRASH_CONFLICT,
	CRASH_LOST, /* before: not done; mid: done later, or never; after:
		       done.  Always: no answer */
	CRASH_FAULTS,
};

enum crash_role {
	CRASH_START = 0,
	CRASH_RESUME,
	CRASH_ROLLBACK,
	/* What control() may make of these two. */
	CRASH_FORWARD,	  /* txn_forward() */
	CRASH_BACK_ALONE, /* txn_back_alone() */
	CRASH_NOTHING,
};

/* How a job stands in the journal. */
enum crash_job { CRASH_NO_JOB = 0, CRASH_OPEN, CRASH_DONE, CRASH_BACK };

struct crash_case {
	const char *name;
	size_t size; /* of the shared world */
	const void *arg;
	void (*reset)(void *world, const void *arg);
	/* Called at each event; may be NULL. */
	void (*tick)(void *world);
	/* One controller: opens its adapters and calls crash_control(), whose
	 * result is the process' exit code. */
	int (*control)(void *world, const char *journal, enum crash_role role);
	/* Is the promise kept now?  Otherwise says in OUT what is broken. */
	bool (*promise)(const void *world, struct buf *out);
	/* All are gone: what was still under way comes to its end, or not.  May
	 * be NULL. */
	void (*late)(void *world);
	/* The job has come to this; CODE is the last controller's.  BEFORE is
	 * the world as it was before the job. */
	bool (*end)(const void *world, const void *before, enum crash_job job,
		    int code, struct buf *out);
	/* Other actors, by number; may be NULL.  Returns false when it found
	 * nothing to do. */
	bool (*act)(void *world, size_t actor);
	const char *const *actors; /* names, NULL-terminated */
};

/* --- for the adapters of a world */

/* An event.  WHAT names it ("compute-30 rename"); CAN_FAIL: the adapter can
 * act on a fault.  The fault that it returns is to be acted out. */
enum crash_fault crash_event(enum crash_when when, const char *what,
			     bool can_fail);
/* The error of a fault, for adapters: -1. */
int crash_fail(enum crash_fault f, const char *what, struct err *e);
/* For journal_set_hook(). */
int crash_journal_hook(void *arg, enum journal_when when, const char *what);
/* A number that depends on the run's seed and how often it was asked. */
uint32_t crash_random(uint32_t below);
/* Is the process with this token (crash_self()) alive and not frozen? */
bool crash_alive(unsigned token);
unsigned crash_self(void);
/* Runs FN in a process of its own, without faults or other actors, to its
 * end: a second operator. */
int crash_other(int (*fn)(void *world), void *world);

/* What a controller does: ENV.journal is opened here at PATH, and the job is
 * the only one in it.  Exit code as of txn_exit_code(). */
int crash_control(struct txn_env *env, const char *path, enum crash_role role,
		  json_t *(*plan)(void *world));

/* --- running */

struct crash_opts {
	uint64_t seed;
	unsigned long points; /* how many drawn points; 0: none */
	bool full;	      /* every single and every double point as well */
	bool others;	      /* every actor at every event */
	bool actors;	      /* other actors in the drawn points */
	const char *only;     /* the words of one point, to repeat it */
	const char *actor;    /* takes part in every drawn point */
};
int crash_options(int argc, char **argv, struct crash_opts *o);

struct crash_totals {
	unsigned long singles, doubles, actor_points, zombies, events, failed;
};
/* Runs CASE and adds up; prints one line a failure. */
void crash_run(const struct crash_case *c, const struct crash_opts *o,
	       struct crash_totals *t);
/* Figures to figures.tsv, the closing line to stdout; the exit code. */
int crash_report(const char *tier, const struct crash_opts *o,
		 const struct crash_totals *t);

#endif
