/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a table of steps: its rules, and what of a job it says. */
#include <string.h>

#include "engine/txn_priv.h"

#define SUMMARY_MAX 59

struct rules {
	struct buf *out;
	size_t breaches;
};

static void rule(struct rules *r, const struct step *s, bool kept,
		 const char *text)
{
	if (kept)
		return;
	buf_printf(r->out, "step %s %s\n", s->name ? s->name : "(no name)",
		   text);
	r->breaches++;
}

static bool unique(const struct step *const *steps, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (steps[k]->name && !strcmp(steps[k]->name, steps[i]->name))
			return false;
	return true;
}

size_t txn_check_table(const struct step *const *steps, struct buf *out)
{
	struct rules r = {out, 0};

	for (size_t i = 0; steps[i]; i++) {
		const struct step *s = steps[i];

		rule(&r, s, s->name && *s->name, "has no name");
		if (!s->name)
			continue;
		rule(&r, s, unique(steps, i), "is there twice");
		rule(&r, s, s->summary && *s->summary, "has no summary");
		rule(&r, s, !s->summary || strlen(s->summary) <= SUMMARY_MAX,
		     "has a summary of 60 characters or more");
		rule(&r, s, s->run, "cannot be run");
		rule(&r, s, s->probe || !s->mutates,
		     "mutates and cannot be probed");
		rule(&r, s, s->undo || s->no_undo || !s->mutates,
		     "mutates, and has no undo and no reason why not");
		rule(&r, s, !s->undo || s->mutates,
		     "has an undo though it changes nothing");
		rule(&r, s, !s->undo || !s->no_undo,
		     "has an undo, and a reason why it has none");
		rule(&r, s, s->undo || !s->commit_point,
		     "is a commit point without an undo");
	}
	return r.breaches;
}

static const struct step *find(const struct step *const *steps,
			       const char *name)
{
	for (size_t i = 0; steps[i]; i++)
		if (!strcmp(steps[i]->name, name))
			return steps[i];
	return NULL;
}

bool txn_may_retreat(const struct step *const *steps,
		     const struct journal_job *job)
{
	if (job->state != JOURNAL_OPEN)
		return false;
	if (job->dir == JOURNAL_BACKWARD)
		return true;
	for (size_t i = 0; i < job->nsteps; i++) {
		const struct step *s = find(steps, job->steps[i].name);
		enum journal_mark m = job->steps[i].mark;

		if ((!s || s->commit_point) && m != MARK_PENDING &&
		    m != MARK_UNDONE && m != MARK_SKIPPED)
			return false;
	}
	return true;
}

static bool begun(enum journal_mark m)
{
	return m == MARK_RUNNING || m == MARK_DONE || m == MARK_UNDOING;
}

/* Once steps behind a commit point were undone, whether they can be done again
 * is not known. */
static const char *came_back(const struct step *const *steps,
			     const struct journal_job *job)
{
	const char *commit = NULL;

	for (size_t i = 0; i < job->nsteps; i++) {
		const struct step *s = find(steps, job->steps[i].name);
		enum journal_mark m = job->steps[i].mark;

		if (commit && job->steps[i].attempt)
			return commit;
		if (s && s->commit_point &&
		    (m == MARK_UNDOING || m == MARK_UNDONE))
			commit = job->steps[i].name;
	}
	return NULL;
}

enum txn_alone txn_alone(const struct step *const *steps,
			 const struct journal_job *job, bool disks,
			 const char **step)
{
	const char *need = NULL, *commit = came_back(steps, job);
	bool whole = false;

	for (size_t i = 0; i < job->nsteps; i++) {
		const struct step *s = find(steps, job->steps[i].name);
		enum journal_mark m = job->steps[i].mark;

		if (!s || ((s->alone & STEP_NEEDS_SOURCE) && begun(m)))
			need = job->steps[i].name;
		whole |= s && (s->alone & STEP_WHOLE) && m == MARK_DONE;
		whole |= s && (s->alone & STEP_AT_REST) && disks && begun(m);
	}
	if (step)
		*step = whole && commit ? commit : need;
	if (job->state != JOURNAL_OPEN)
		return TXN_ALONE_NOT;
	if (whole)
		return commit ? TXN_ALONE_NOT : TXN_ALONE_FORWARD;
	return need ? TXN_ALONE_NOT : TXN_ALONE_BACK;
}

bool txn_ever_started(const struct txn *t)
{
	for (size_t i = 0; i < t->job.nsteps; i++)
		if (t->job.steps[i].attempt)
			return true;
	return false;
}

bool txn_work_left(const struct txn *t)
{
	bool back = t->job.dir == JOURNAL_BACKWARD;

	for (size_t i = 0; i < t->job.nsteps; i++)
		switch (t->job.steps[i].mark) {
		case MARK_PENDING:
		case MARK_UNDONE:
			if (!back)
				return true;
			break;
		case MARK_DONE:
			if (back)
				return true;
			break;
		case MARK_RUNNING:
		case MARK_UNDOING:
			return true;
		case MARK_SKIPPED:
			break;
		}
	return false;
}
