/* SPDX-License-Identifier: Apache-2.0 */
/* Batches and their members: creating, loading, settling from the jobs. */
#include "config.h"

#include "engine/batch.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "engine/batch_priv.h"

static const char *const state_names[] = {
	[BATCH_OPEN] = "open",
	[BATCH_DONE] = "done",
	[BATCH_ROLLED_BACK] = "rolled-back",
	[BATCH_FAILED] = "failed",
};
static const char *const member_names[] = {
	[MEMBER_PENDING] = "pending",
	[MEMBER_RUNNING] = "running",
	[MEMBER_DONE] = "done",
	[MEMBER_FAILED] = "failed",
	[MEMBER_ROLLED_BACK] = "rolled-back",
	[MEMBER_OPEN] = "open",
	[MEMBER_SKIPPED] = "skipped",
};

const char *batch_state_name(enum batch_state s)
{
	return state_names[s];
}

const char *batch_member_state_name(enum batch_member_state s)
{
	return member_names[s];
}

static int by_name(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; s && i < n; i++)
		if (!strcmp(names[i], s))
			return (int)i;
	return -1;
}

bool batch_is_id(const char *id)
{
	return journal_id_ok('b', id);
}

struct journal_key batch_key(const struct batch *b)
{
	struct journal_key k = {.epoch = b->epoch};

	memcpy(k.id, b->id, sizeof(k.id));
	return k;
}

void batch_clear(struct batch *b)
{
	for (size_t i = 0; i < b->nmembers; i++) {
		struct batch_member *m = &b->members[i];

		mem_free(m->instance);
		mem_free(m->name);
		mem_free(m->source);
		mem_free(m->target);
		err_clear(&m->why);
	}
	mem_free(b->members);
	mem_free(b->kind);
	mem_free(b->host);
	mem_free(b->owner);
	mem_free(b->build);
	json_decref(b->plan);
	err_clear(&b->error);
	*b = (struct batch){0};
}

/* --- creating */

static char *word(const json_t *o, const char *key)
{
	return mem_strdup0(json_string_value(json_object_get(o, key)));
}

static int read_member(const json_t *o, struct batch_member *m, struct err *e)
{
	const json_t *inst = json_object_get(o, "instance");
	const char *why = json_string_value(json_object_get(o, "why"));

	m->instance = word(inst, "uuid");
	m->name = inst ? word(inst, "name") : word(o, "name");
	m->source = word(o, "source");
	m->target = word(o, "target");
	if (!m->instance && !m->name)
		return err_set(e, ERR_USAGE,
			       "member %zu of the plan has neither an instance "
			       "nor a name",
			       m->idx + 1);
	if (!why)
		return 0;
	m->state = MEMBER_SKIPPED;
	err_set(&m->why, ERR_REFUSED, "%s", why);
	return 0;
}

static int read_plan(const json_t *plan, struct batch *b, struct err *e)
{
	const json_t *members = json_object_get(plan, "members");
	size_t n = json_array_size(members);

	b->kind = word(plan, "kind");
	b->host = word(plan, "host");
	if (!b->kind || !json_is_array(members))
		return err_set(e, ERR_USAGE,
			       "the plan has no kind, or no list of members");
	b->members = n ? MEM_NEW_N(struct batch_member, n) : NULL;
	b->nmembers = n;
	for (size_t i = 0; i < n; i++) {
		b->members[i].idx = i;
		if (read_member(json_array_get(members, i), &b->members[i], e))
			return -1;
	}
	return 0;
}

static int add_member(struct journal *j, const struct batch *b,
		      const struct batch_member *m, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-add-member");

	journal_bind(st, ":id", b->id);
	journal_bind_int(st, ":idx", (int64_t)m->idx);
	journal_bind(st, ":instance", m->instance);
	journal_bind(st, ":name", m->name);
	journal_bind(st, ":source", m->source);
	journal_bind(st, ":target", m->target);
	journal_bind(st, ":state", batch_member_state_name(m->state));
	journal_bind_error(st, ":why", &m->why);
	return journal_exec(j, st, e);
}

static int create(struct journal *j, void *arg, struct err *e)
{
	const struct batch *b = arg;
	struct store_stmt *st = journal_stmt(j, "batch-add");

	journal_bind(st, ":id", b->id);
	journal_bind(st, ":kind", b->kind);
	journal_bind(st, ":host", b->host);
	journal_bind_int(st, ":epoch", (int64_t)b->epoch);
	journal_bind_int(st, ":now", b->created_us);
	journal_bind(st, ":owner", b->owner);
	journal_bind(st, ":build", b->build);
	journal_bind_json(st, ":plan", b->plan);
	if (journal_exec(j, st, e) || journal_hold(j, b->id, e))
		return -1;
	for (size_t i = 0; i < b->nmembers; i++)
		if (add_member(j, b, &b->members[i], e))
			return -1;
	return batch_add_event(j, b->id, -1, "batch", "created", e);
}

int batch_create(struct journal *j, const json_t *plan, const char *owner,
		 struct batch *out, struct err *e)
{
	struct journal_write w = {"a new batch", NULL, create, out};

	*out = (struct batch){.epoch = 1};
	journal_random_id('b', out->id);
	out->created_us = out->updated_us = clock_now_us();
	out->owner = mem_strdup0(owner);
	out->build = mem_strdup(PACKAGE_VERSION);
	out->plan = json_deep_copy(plan);
	if (read_plan(plan, out, e) || journal_write(j, &w, e)) {
		batch_clear(out);
		return -1;
	}
	return 0;
}

/* --- loading */

static int read_batch(struct journal *j, struct store_stmt *st, struct batch *b,
		      struct err *e)
{
	int state = by_name(state_names, ARRAY_SIZE(state_names),
			    journal_text(st, 3));
	int dir = journal_dir_by_name(journal_text(st, 4));
	const char *plan = journal_text0(st, 13);

	*b = (struct batch){0};
	snprintf(b->id, sizeof(b->id), "%s", journal_text(st, 0));
	if (state < 0 || dir < 0)
		return journal_bad_row(j, "batch", b->id, e);
	b->kind = mem_strdup(journal_text(st, 1));
	b->host = mem_strdup0(journal_text0(st, 2));
	b->state = (enum batch_state)state;
	b->dir = (enum journal_dir)dir;
	b->epoch = (uint64_t)journal_int(st, 5);
	b->seq = (uint64_t)journal_int(st, 6);
	b->created_us = journal_int(st, 7);
	b->updated_us = journal_int(st, 8);
	b->ended_us = journal_int(st, 9);
	b->owner = mem_strdup0(journal_text0(st, 10));
	b->build = mem_strdup0(journal_text0(st, 11));
	journal_read_error(st, 12, &b->error);
	if (!plan)
		return 0;
	b->plan = json_loads(plan, 0, NULL);
	return b->plan ? 0 : journal_bad_row(j, "batch", b->id, e);
}

static int read_members(struct journal *j, struct batch *b, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-members");
	int rc;

	journal_bind(st, ":id", b->id);
	while ((rc = journal_step_row(j, st, e)) > 0) {
		int state = by_name(member_names, ARRAY_SIZE(member_names),
				    journal_text(st, 5));
		struct batch_member *m;

		b->members = mem_realloc(b->members, b->nmembers + 1,
					 sizeof(*b->members));
		m = &b->members[b->nmembers];
		*m = (struct batch_member){
			.idx = (size_t)journal_int(st, 0),
			.instance = mem_strdup0(journal_text0(st, 1)),
			.name = mem_strdup0(journal_text0(st, 2)),
			.source = mem_strdup0(journal_text0(st, 3)),
			.target = mem_strdup0(journal_text0(st, 4)),
			.state = state < 0 ? MEMBER_PENDING
					   : (enum batch_member_state)state,
			.attempts = (unsigned)journal_int(st, 6),
			.started_us = journal_int(st, 7),
			.ended_us = journal_int(st, 8),
		};
		journal_read_error(st, 9, &m->why);
		if (state < 0 || m->idx != b->nmembers++) {
			journal_reset(st);
			return journal_bad_row(j, "batch", b->id, e);
		}
	}
	return rc;
}

static bool note_job(void *arg, const struct journal_job *job)
{
	struct batch *b = arg;

	/* Oldest first: the newest of a member stays. */
	if ((size_t)job->member < b->nmembers)
		memcpy(b->members[job->member].job, job->id, JOURNAL_ID_MAX);
	return true;
}

static int load(struct journal *j, const char *id, struct batch *out,
		struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-get");
	int rc;

	*out = (struct batch){0};
	journal_bind(st, ":id", id);
	rc = journal_step_row(j, st, e);
	if (!rc) {
		err_set(e, ERR_NOTHING, "there is no batch %s in journal %s",
			id, journal_path(j));
		return err_hint(e, "novahaul jobs");
	}
	if (rc > 0)
		rc = read_batch(j, st, out, e);
	journal_reset(st);
	if (rc || read_members(j, out, e) ||
	    batch_jobs(j, id, -1, note_job, out, e)) {
		batch_clear(out);
		return -1;
	}
	return 0;
}

static int load_once(struct journal *j, const char *id, struct batch *out,
		     struct err *e)
{
	AUTO(mem_freep) char *owner = NULL;
	int rc;

	if (journal_read_begin(j, e))
		return -1;
	rc = load(j, id, out, e);
	if (!rc && journal_holder(j, id, &out->pulse, &owner, e)) {
		batch_clear(out);
		rc = -1;
	}
	journal_read_end(j);
	return rc;
}

int batch_load(struct journal *j, const char *id, struct batch *out,
	       struct err *e)
{
	unsigned tries = 0;

	while (load_once(j, id, out, e))
		if (!journal_read_again(j, &tries, e))
			return -1;
	return 0;
}

int batch_each(struct journal *j, batch_each_fn *fn, void *arg, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-list");
	bool more = true;
	int rc = 0;

	while (more && (rc = journal_step_row(j, st, e)) > 0) {
		AUTO(mem_freep) char *owner = NULL;
		struct batch b;

		rc = read_batch(j, st, &b, e);
		if (!rc)
			rc = journal_holder(j, b.id, &b.pulse, &owner, e);
		if (!rc)
			more = fn(arg, &b);
		batch_clear(&b);
		if (rc)
			break;
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

int batch_jobs(struct journal *j, const char *batch, long member,
	       journal_each_job *fn, void *arg, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-jobs");
	bool more = true;
	int rc = 0;

	journal_bind(st, ":batch", batch);
	journal_bind_int(st, ":member", member);
	while (more && (rc = journal_step_row(j, st, e)) > 0) {
		AUTO(mem_freep) char *owner = NULL;
		struct journal_job job;

		rc = journal_read_job(j, st, &job, e);
		if (!rc)
			rc = journal_holder(j, job.id, &job.pulse, &owner, e);
		if (!rc)
			more = fn(arg, &job);
		journal_job_clear(&job);
		if (rc)
			break;
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

/* --- what the jobs say */

struct settle {
	struct batch *b;
	enum batch_member_state *was; /* what the rows said */
};

/* Was JOB, which was rolled back, not the last word about M?  RUNNING, with its
 * time, is written before a process is started for a member; one that was
 * locked is tried again, and so is one that lacked a proof that its host is
 * off. */
static bool is_past(const struct settle *s, const struct batch_member *m,
		    const struct journal_job *job)
{
	return s->was[m->idx] == MEMBER_PENDING ||
	       job->error.kind == ERR_LOCKED || job->error.kind == ERR_FENCE ||
	       job->created_us < m->started_us;
}

static bool settle(void *arg, const struct journal_job *job)
{
	const struct settle *s = arg;
	struct batch_member *m;

	if ((size_t)job->member >= s->b->nmembers)
		return true;
	m = &s->b->members[job->member];
	memcpy(m->job, job->id, JOURNAL_ID_MAX);
	m->ended_us = job->ended_us;
	err_copy(&m->why, &job->error);
	switch (job->state) {
	case JOURNAL_OPEN:
		m->state = MEMBER_OPEN;
		break;
	case JOURNAL_DONE:
		m->state = MEMBER_DONE;
		break;
	case JOURNAL_ROLLED_BACK:
		m->state = is_past(s, m, job) ? MEMBER_PENDING
			   : job->demanded    ? MEMBER_ROLLED_BACK
					      : MEMBER_FAILED;
		break;
	}
	return true;
}

int batch_settle(struct journal *j, struct batch *b, struct err *e)
{
	AUTO(mem_freep)
	enum batch_member_state *was =
		MEM_NEW_N(enum batch_member_state, b->nmembers + 1);
	struct settle s = {b, was};

	for (size_t i = 0; i < b->nmembers; i++) {
		was[i] = b->members[i].state;
		switch (was[i]) {
		case MEMBER_RUNNING:
		case MEMBER_OPEN:
		case MEMBER_DONE:
		case MEMBER_ROLLED_BACK:
			b->members[i].state = MEMBER_PENDING;
			break;
		case MEMBER_FAILED: /* perhaps before it had a job */
		case MEMBER_PENDING:
		case MEMBER_SKIPPED:
			break;
		}
	}
	return batch_jobs(j, b->id, -1, settle, &s, e);
}

/* --- a member's new job */

int batch_admits(struct journal *j, const struct journal_job *job,
		 struct err *e)
{
	const json_t *o = json_object_get(job->plan, "batch");
	json_int_t epoch = json_integer_value(json_object_get(o, "epoch"));
	struct store_stmt *st = journal_stmt(j, "batch-epoch");
	bool ok;
	int rc;

	journal_bind(st, ":id", job->batch);
	rc = journal_step_row(j, st, e);
	ok = rc > 0 && journal_int(st, 0) == epoch &&
	     !strcmp(journal_text(st, 1), batch_state_name(BATCH_OPEN)) &&
	     !strcmp(journal_text(st, 2), journal_dir_name(JOURNAL_FORWARD));
	journal_reset(st);
	if (rc < 0)
		return -1;
	if (!ok) {
		err_set(e, ERR_STALE,
			"batch %s is not open, is on its way back, or has been "
			"taken over by another controller",
			job->batch);
		return err_hint(e, "novahaul show %s", job->batch);
	}
	st = journal_stmt(j, "batch-open-jobs");
	journal_bind(st, ":batch", job->batch);
	journal_bind_int(st, ":member", job->member);
	rc = journal_step_row(j, st, e);
	if (rc > 0)
		err_set(e, ERR_LOCKED, "member %ld of batch %s: job %s is open",
			job->member, job->batch, journal_text(st, 0));
	journal_reset(st);
	return rc ? -1 : 0;
}
