/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums over all that stands in a journal, made where it lies: for figures that
 * are asked for often, of journals with many jobs.
 *
 *	journal_sum_jobs(j, fn, arg, &e)	one call a kind and state
 *	journal_sum_steps(j, fn, arg, &e)	one call a step
 *
 * Each is of one moment of its own; nothing is written.  The callbacks must not
 * ask the journal anything.  Errors: as engine/journal.h.
 */
#ifndef NH_ENGINE_SUMS_H
#define NH_ENGINE_SUMS_H

#include "engine/journal.h"

struct journal_job_sum {
	const char *kind, *state; /* never NULL */
	uint64_t jobs, ended;
	int64_t us;	   /* from creation to end, of those that ended */
	int64_t oldest_us; /* when the oldest of them was created */
};
typedef void journal_each_job_sum(void *arg, const struct journal_job_sum *s);
int journal_sum_jobs(struct journal *j, journal_each_job_sum *fn, void *arg,
		     struct err *e);
/* The same of batches; .ended and .us are 0. */
int journal_sum_batches(struct journal *j, journal_each_job_sum *fn, void *arg,
			struct err *e);

struct journal_step_sum {
	const char *step;
	uint64_t done;	     /* how often it is done, and not undone */
	int64_t us;	     /* of these, from first start to end */
	uint64_t sent, read; /* of all, done or not */
};
typedef void journal_each_step_sum(void *arg, const struct journal_step_sum *s);
int journal_sum_steps(struct journal *j, journal_each_step_sum *fn, void *arg,
		      struct err *e);

/* journal_kept() of all jobs together. */
int journal_sum_kept(struct journal *j, uint64_t *bytes, struct err *e);

/* The job of kind "move" that ended last; ID is "" when there is none. */
int journal_last_move(struct journal *j, char id[JOURNAL_ID_MAX],
		      struct err *e);

#endif
