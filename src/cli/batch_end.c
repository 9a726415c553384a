/* SPDX-License-Identifier: Apache-2.0 */
/* How a member's process ended: what the journal has of it, and what it said.
 */
#include <string.h>

#include "cli/app_batch_priv.h"
#include "cli/cli.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/str.h"

enum {
	CRASHES_MOST = 3,	  /* of a member's processes, in a row */
	CLOCKS_US = 60 * 1000000, /* by so much two machines may differ */
};

struct newest {
	char id[JOURNAL_ID_MAX];
	enum journal_state state;
	bool demanded;
	struct err why;
	int64_t ended_us;
};

static bool note_newest(void *arg, const struct journal_job *job)
{
	struct newest *n = arg;

	memcpy(n->id, job->id, sizeof(n->id));
	n->state = job->state;
	n->demanded = job->demanded;
	n->ended_us = job->ended_us;
	err_copy(&n->why, &job->error);
	return true;
}

struct others {
	const struct batch *b;
	const struct batch_member *m;
	char id[JOURNAL_ID_MAX];
};

/* After the member's process had begun?  The clock is that of whoever wrote it.
 */
static bool ended_since(const struct batch_member *m,
			const struct journal_job *job)
{
	bool here = app_owner_alive(job->owner) != APP_ALIVE_UNKNOWN;

	return job->ended_us >= m->started_us - (here ? 0 : CLOCKS_US);
}

/* One that is open, or that was until just now. */
static bool note_other(void *arg, const struct journal_job *job)
{
	struct others *o = arg;

	if (!str_is(job->instance, o->m->instance) ||
	    !strcmp(job->batch, o->b->id) ||
	    (job->state != JOURNAL_OPEN && !ended_since(o->m, job)))
		return true;
	memcpy(o->id, job->id, sizeof(o->id));
	return false;
}

/* What a process finds half way in another operator's move looks like a
 * failure, and is none: that move has the instance, or had it just now. */
static int is_locked(struct run *r, const struct kid *k, bool *yes,
		     struct err *e)
{
	struct batch_member *m = &r->b->members[k->member];
	struct others o = {.b = r->b, .m = m};

	*yes = k->c.exit_code == CLI_LOCKED || k->told;
	if (*yes || k->c.exit_code == CLI_NOTHING || !m->instance)
		return 0;
	if (journal_jobs(r->j, note_other, &o, e))
		return -1;
	*yes = *o.id;
	if (*yes)
		log_info("%s: job %s, which is not of batch %s, has it or had "
			 "it",
			 m->name, o.id, r->b->id);
	return 0;
}

/* It was not proven that the dead host is off, when it was to begin: it has
 * not begun, and nothing was changed. */
static enum sched_end unproven(const struct run *r, struct batch_member *m)
{
	AUTO(mem_freep)
	char *first = m->why.hint ? mem_strdup(m->why.hint)
				  : mem_printf("novahaul fence %s", m->source);

	m->state = MEMBER_PENDING;
	err_hint(&m->why, "%s; then novahaul resume %s", first, r->b->id);
	return SCHED_END_WAITS;
}

/* The process ended without a job of its own. */
static int no_job(struct run *r, struct kid *k, enum sched_end *end,
		  struct err *e)
{
	struct batch_member *m = &r->b->members[k->member];
	const char *words = k->error;
	bool locked;

	if (k->c.exit_code == CLI_UNFENCED && !k->told) {
		err_clear(&m->why);
		m->ended_us = clock_now_us();
		err_set(&m->why, ERR_FENCE, "%s",
			words ? words : "its host is not proven to be off");
		if (k->hint)
			err_hint(&m->why, "%s", k->hint);
		*end = unproven(r, m);
		return 0;
	}
	if (is_locked(r, k, &locked, e))
		return -1;
	err_clear(&m->why);
	m->ended_us = clock_now_us();
	if (locked) {
		*end = SCHED_END_LOCKED;
		m->state = MEMBER_PENDING;
		if (words)
			err_set(&m->why, ERR_LOCKED, "%s", words);
	} else if (k->c.exit_code == CLI_NOTHING) {
		*end = SCHED_END_DONE;
		m->state = MEMBER_SKIPPED;
		err_set(&m->why, ERR_NOTHING, "%s",
			words ? words : "it is there already");
		return 0;
	} else {
		*end = SCHED_END_FAILED;
		m->state = MEMBER_FAILED;
		err_set(&m->why,
			k->c.exit_code == CLI_REFUSED ? ERR_REFUSED
						      : ERR_FAILED,
			"%s",
			words ? words : "its process ended without a word");
	}
	if (words && k->hint)
		err_hint(&m->why, "%s", k->hint);
	return 0;
}

/* The job was left as it was, or waits for its dead source: the journal does
 * not know what its process has said to that, and what to type next. */
static void its_words(const struct run *r, const struct kid *k,
		      struct batch_member *m)
{
	int code = k->c.exit_code;
	enum err_kind kind = code == CLI_REFUSED    ? ERR_REFUSED
			     : code == CLI_UNFENCED ? ERR_FENCE
						    : ERR_FAILED;

	if (!k->error || (kind == ERR_FAILED && !r->a->alone))
		return;
	err_clear(&m->why);
	err_set(&m->why, kind, "%s", k->error);
	if (k->hint)
		err_hint(&m->why, "%s", k->hint);
}

static enum sched_end open_job(const struct run *r, const struct kid *k,
			       struct batch_member *m)
{
	m->state = MEMBER_OPEN;
	its_words(r, k, m);
	if (k->c.exit_code == CLI_LOCKED)
		return SCHED_END_BUSY;
	/* Killed: nothing says that it would not go on. */
	if (k->c.exit_code >= 128 && m->attempts < CRASHES_MOST)
		return SCHED_END_BUSY;
	return SCHED_END_OPEN;
}

static enum sched_end by_job(struct run *r, struct kid *k,
			     const struct newest *n)
{
	struct batch_member *m = &r->b->members[k->member];

	memcpy(m->job, n->id, sizeof(m->job));
	m->ended_us = n->ended_us;
	err_copy(&m->why, &n->why);
	switch (n->state) {
	case JOURNAL_OPEN:
		return open_job(r, k, m);
	case JOURNAL_DONE:
		m->state = MEMBER_DONE;
		if (r->b->dir == JOURNAL_FORWARD)
			return SCHED_END_DONE;
		/* The rollback was refused. */
		err_clear(&m->why);
		err_set(&m->why, ERR_REFUSED, "%s",
			k->error ? k->error : "it cannot be rolled back");
		return SCHED_END_FAILED;
	case JOURNAL_ROLLED_BACK:
		break;
	}
	if (n->demanded) {
		m->state = MEMBER_ROLLED_BACK;
		return r->b->dir == JOURNAL_FORWARD ? SCHED_END_FAILED
						    : SCHED_END_DONE;
	}
	if (n->why.kind == ERR_LOCKED && r->b->dir == JOURNAL_FORWARD) {
		m->state = MEMBER_PENDING;
		return SCHED_END_LOCKED;
	}
	if (n->why.kind == ERR_FENCE && r->b->dir == JOURNAL_FORWARD)
		return unproven(r, m);
	m->state = r->b->dir == JOURNAL_FORWARD ? MEMBER_FAILED
						: MEMBER_ROLLED_BACK;
	return r->b->dir == JOURNAL_FORWARD ? SCHED_END_FAILED : SCHED_END_DONE;
}

int end_member(struct run *r, struct kid *k, struct err *e)
{
	struct batch_member *m = &r->b->members[k->member];
	AUTO(mem_freep) char *before = mem_strdup(m->job);
	struct newest n = {.why = ERR_INIT};
	enum sched_end end;

	if (batch_jobs(r->j, r->b->id, (long)m->idx, note_newest, &n, e))
		return -1;
	if (*n.id && (k->resumes || strcmp(n.id, before))) {
		end = by_job(r, k, &n);
	} else if (no_job(r, k, &end, e)) {
		err_clear(&n.why);
		return -1;
	}
	err_clear(&n.why);
	if (lost_judge(r, k, &end, e))
		return -1;
	sched_ended(r->s, m->idx, end, clock_mono_us());
	/* It waited too long for whoever has it. */
	if (m->state == MEMBER_PENDING &&
	    sched_state(r->s, m->idx) == SCHED_FAILED)
		m->state = MEMBER_FAILED;
	if (sched_state(r->s, m->idx) == SCHED_PENDING &&
	    m->state == MEMBER_FAILED)
		m->state = MEMBER_PENDING;
	show_member(r, m->idx);
	return batch_keep(r, m->idx, e);
}
