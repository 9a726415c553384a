/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sums.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/journal_priv.h"

/* A sum may come as a decimal number: its text is the same everywhere. */
static int64_t sum(struct store_stmt *st, int i)
{
	return strtoll(journal_text(st, i), NULL, 10);
}

static int each(struct journal *j, const char *name, journal_each_job_sum *fn,
		void *arg, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, name);
	int rc;

	while ((rc = journal_step_row(j, st, e)) > 0)
		fn(arg, &(struct journal_job_sum){
				.kind = journal_text(st, 0),
				.state = journal_text(st, 1),
				.jobs = (uint64_t)sum(st, 2),
				.ended = (uint64_t)sum(st, 3),
				.us = sum(st, 4),
				.oldest_us = sum(st, 5),
			});
	journal_reset(st);
	return rc;
}

int journal_sum_jobs(struct journal *j, journal_each_job_sum *fn, void *arg,
		     struct err *e)
{
	return each(j, "sum-jobs", fn, arg, e);
}

int journal_sum_batches(struct journal *j, journal_each_job_sum *fn, void *arg,
			struct err *e)
{
	return each(j, "sum-batches", fn, arg, e);
}

int journal_sum_steps(struct journal *j, journal_each_step_sum *fn, void *arg,
		      struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "sum-steps");
	int rc;

	while ((rc = journal_step_row(j, st, e)) > 0)
		fn(arg, &(struct journal_step_sum){
				.step = journal_text(st, 0),
				.done = (uint64_t)sum(st, 1),
				.us = sum(st, 2),
				.sent = (uint64_t)sum(st, 3),
				.read = (uint64_t)sum(st, 4),
			});
	journal_reset(st);
	return rc;
}

int journal_sum_kept(struct journal *j, uint64_t *bytes, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "kept-values");
	int rc;

	*bytes = 0;
	/* a JSON integer each */
	while ((rc = journal_step_row(j, st, e)) > 0)
		*bytes += (uint64_t)sum(st, 0);
	journal_reset(st);
	return rc;
}

int journal_last_move(struct journal *j, char id[JOURNAL_ID_MAX], struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "last-move");
	int rc = journal_step_row(j, st, e);

	snprintf(id, JOURNAL_ID_MAX, "%s", rc > 0 ? journal_text(st, 0) : "");
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}
