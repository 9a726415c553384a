/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which member of a batch begins next: a state machine without clock or I/O.
 *
 *	struct sched *s = sched_new(&limits);
 *
 *	sched_base_there(s, base, host);	as the facts have it
 *	sched_add(s, &(struct sched_member){...});	member 0, 1, ...
 *	sched_found(s, i, SCHED_DONE);		what an earlier run left
 *	for (;;) {
 *		struct sched_order o = sched_next(s, now);
 *
 *		SCHED_START	start member o.member (it counts as running now)
 *		SCHED_RESUME	the same, with its open job
 *		SCHED_RETREAT	the same: its open job is to be rolled back
 *		SCHED_REPLAN	its target is lost: sched_place() or
 *				sched_leave() o.member
 *		SCHED_WAIT	for an event, or until o.until
 *		SCHED_OVER	nothing runs and nothing will
 *	}
 *	sched_staged(), sched_ended(), sched_lost(): what has happened
 *
 * Nothing is waited for while something is held: a member that finds its
 * instance locked ends, and begins again later (SCHED_LOCKED), so two
 * controllers that cross each other cannot stand still.  A base image that a
 * target lacks is brought there by one member; those that need the same one on
 * the same target begin after that one has staged it.
 *
 * A member whose target is lost is no failure while there is another for it.
 * One whose job stays open there and may go back without it ends as
 * SCHED_END_STRANDED, is ordered back at its turn (SCHED_RETREAT), and once
 *that has ended as FAILED needs another target, as those do that have not
 *begun.
 *
 * The order: open jobs first, then by priority, the longest first, by name.
 * The same events at the same times give the same orders.  Times are
 * microseconds of any clock that does not jump.
 */
#ifndef NH_FLEET_SCHED_H
#define NH_FLEET_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/mem.h"

/* 0: no limit. */
struct sched_limits {
	unsigned parallel;
	unsigned per_source, per_target;
	unsigned max_failures; /* after so many nothing more begins */
	/* A member that is locked that long, by others, has failed. */
	int64_t lock_timeout_us;
};

#define SCHED_NO_HOST SIZE_MAX

/* Hosts and base images are numbers of the caller's choice.  Strings and arrays
 * are copied. */
struct sched_member {
	const char *name;
	size_t source, target; /* SCHED_NO_HOST: none */
	int priority;	       /* the greater first */
	int64_t expected_s;
	const size_t *bases; /* that its disks rest on */
	size_t n_bases;
};

enum sched_state {
	SCHED_PENDING = 0,
	SCHED_RUNNING,
	SCHED_DONE,
	SCHED_FAILED, /* and rolled back */
	SCHED_OPEN,   /* was tried; needs a person */
	SCHED_LEFT,   /* nothing is done about it */
};

enum sched_end {
	SCHED_END_OPEN = 0,
	SCHED_END_DONE,
	SCHED_END_FAILED,   /* back where it was */
	SCHED_END_LOCKED,   /* by somebody else, and it has no open job: it
			       begins again later */
	SCHED_END_BUSY,	    /* somebody else is at its open job: it is resumed
			       again later */
	SCHED_END_STRANDED, /* its open job goes back, and it begins anew */
	SCHED_END_WAITS,    /* it has not begun, and waits for a person: not
			       tried again in this run, and no failure */
};

enum sched_what {
	SCHED_WAIT = 0,
	SCHED_START,
	SCHED_RESUME,
	SCHED_RETREAT,
	SCHED_REPLAN,
	SCHED_OVER,
};

struct sched_order {
	enum sched_what what;
	size_t member;
	int64_t until; /* of SCHED_WAIT: ask again then; 0: after an event */
};

struct sched_count {
	size_t n[SCHED_LEFT + 1]; /* by state */
};

struct sched;

void sched_free(struct sched *s);
struct sched *sched_new(const struct sched_limits *l) NH_DEALLOC(sched_free);

/* Returns the member's number. */
size_t sched_add(struct sched *s, const struct sched_member *m);
/* What an earlier run has left of a member: any state but RUNNING.  OPEN: it
 * has an open job, which is resumed. */
void sched_found(struct sched *s, size_t i, enum sched_state state);
/* After sched_found(): OPEN, and its job was to go back; or it has, and the
 * member was to begin anew. */
void sched_found_stranded(struct sched *s, size_t i);
/* The target has this base image. */
void sched_base_there(struct sched *s, size_t base, size_t host);

struct sched_order sched_next(struct sched *s, int64_t now);

/* The running member has what it needs of bases on its target. */
void sched_staged(struct sched *s, size_t i);
void sched_ended(struct sched *s, size_t i, enum sched_end end, int64_t now);
/* A host does not answer any more: what is to go there, or failed on the way
 * there and was rolled back, needs another target. */
void sched_lost(struct sched *s, size_t host);
/* Another target for a member that needs one (a host that was lost counts as
 * found again), or none: FAILED, since it was meant to move. */
void sched_place(struct sched *s, size_t i, size_t target);
void sched_leave(struct sched *s, size_t i);

/* Paused: what runs goes on, nothing begins, and it is not over. */
void sched_pause(struct sched *s, bool on);
/* Stopping: what runs goes on, nothing begins any more. */
void sched_stop(struct sched *s);

enum sched_state sched_state(const struct sched *s, size_t i);
size_t sched_target(const struct sched *s, size_t i);
struct sched_count sched_count(const struct sched *s);
/* Did max_failures end it? */
bool sched_too_many(const struct sched *s);

#endif
