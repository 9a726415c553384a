/* SPDX-License-Identifier: Apache-2.0 */
/* The controller of a batch: orders out, ends in, all of it in the journal. */
#include <poll.h>
#include <string.h>

#include "cli/app_batch_priv.h"
#include "cli/app_priv.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/stop.h"

enum {
	PARALLEL = 4, /* when nobody said */
	LOOK_EVERY_US = 1000000,
	POLL_MS = 500,
	LOCK_TIMEOUT_US = 600 * 1000000,
	STRAYS_MOST_US = 900 * 1000000,
};

/* --- what is written down */

bool batch_again(struct run *r, int *tries, struct err *e)
{
	if (e->kind == ERR_STALE)
		r->stale = true;
	if (e->kind != ERR_RETRY || ++*tries > 10)
		return false;
	err_clear(e);
	return true;
}

int batch_keep(struct run *r, size_t i, struct err *e)
{
	int tries = 0;

	while (batch_member_set(r->j, &r->k, &r->b->members[i], e))
		if (!batch_again(r, &tries, e))
			return -1;
	return 0;
}

/* --- orders */

static int begin(struct run *r, size_t i, enum sched_what what, struct err *e)
{
	bool resume = what != SCHED_START;
	struct batch_member *m = &r->b->members[i];
	struct err why = ERR_INIT;

	m->state = MEMBER_RUNNING;
	m->attempts++;
	m->ended_us = 0;
	err_clear(&m->why);
	if (!resume)
		m->started_us = clock_now_us();
	if (batch_keep(r, i, e))
		return -1;
	if (!kid_start(r, i, what, &why)) {
		show_member(r, i);
		return 0;
	}
	m->state = resume ? MEMBER_OPEN : MEMBER_FAILED;
	err_move(&m->why, &why);
	sched_ended(r->s, i, resume ? SCHED_END_OPEN : SCHED_END_FAILED,
		    clock_mono_us());
	show_member(r, i);
	return batch_keep(r, i, e);
}

/* As much as can begin.  UNTIL: when to ask again, 0: after an event. */
static int orders(struct run *r, bool *over, int64_t *until, struct err *e)
{
	*over = false;
	for (;;) {
		struct sched_order o = sched_next(r->s, clock_mono_us());

		*until = o.until;
		switch (o.what) {
		case SCHED_WAIT:
			return 0;
		case SCHED_OVER:
			*over = true;
			return 0;
		case SCHED_START:
		case SCHED_RESUME:
		case SCHED_RETREAT:
			if (begin(r, o.member, o.what, e))
				return -1;
			break;
		case SCHED_REPLAN:
			if (lost_replan(r, o.member, e))
				return -1;
			break;
		}
	}
}

/* --- the loop */

static void wait_for_kids(struct run *r, int64_t until)
{
	struct pollfd *f = MEM_NEW_N(struct pollfd, 2 * r->b->nmembers + 1);
	int64_t left = until ? (until - clock_mono_us()) / 1000 + 1 : POLL_MS;
	nfds_t n = 0;

	for (size_t i = 0; i < r->b->nmembers; i++) {
		const struct kid *k = &r->kids[i];

		if (k->alive && k->c.err >= 0)
			f[n++] = (struct pollfd){k->c.err, POLLIN, 0};
		if (k->alive && k->c.out >= 0)
			f[n++] = (struct pollfd){k->c.out, POLLIN, 0};
	}
	if (left > POLL_MS)
		left = POLL_MS;
	/* A signal ends it early, which is as it should be. */
	if (poll(f, n, left > 0 ? (int)left : 0) < 0)
		log_debug("poll was interrupted");
	mem_free(f);
}

static int hear_kids(struct run *r, struct err *e)
{
	for (size_t i = 0; i < r->b->nmembers; i++)
		if (r->kids[i].alive && kid_hear(r, &r->kids[i]) &&
		    end_member(r, &r->kids[i], e))
			return -1;
	return 0;
}

/* What was asked meanwhile, and whether this is still the controller. */
static int look_around(struct run *r, struct err *e)
{
	int64_t now = clock_mono_us();
	json_t *v = NULL;
	bool paused;

	if (stop_requested() && !r->stopping) {
		r->stopping = true;
		progress_note(r->a->progress,
			      "stopping: members end at a checkpoint");
		sched_stop(r->s);
		kid_tell_all(r);
	}
	if (now - r->looked_us < LOOK_EVERY_US)
		return 0;
	r->looked_us = now;
	if (batch_still(r->j, &r->k, e) ||
	    batch_asked(r->j, r->b->id, "paused", &v, e))
		return -1;
	paused = json_is_true(v);
	json_decref(v);
	if (paused != r->paused)
		progress_note(r->a->progress, "batch %s: %s", r->b->id,
			      paused ? "paused; what has begun goes on"
				     : "goes on");
	r->paused = paused;
	sched_pause(r->s, paused);
	if (batch_asked(r->j, r->b->id, "bwlimit", &v, e))
		return -1;
	if (v)
		r->bwlimit = (uint64_t)json_integer_value(v);
	json_decref(v);
	share_out(r);
	return 0;
}

static int turn(struct run *r, struct err *e)
{
	bool over;
	int64_t until;

	for (;;) {
		if (orders(r, &over, &until, e))
			return -1;
		if (over)
			return 0;
		show_progress(r, false);
		journal_beat(r->j);
		wait_for_kids(r, until);
		if (hear_kids(r, e))
			return -1;
		if (look_around(r, e)) {
			if (e->kind != ERR_RETRY)
				return -1;
			err_clear(e); /* busy; another look later */
		}
	}
}

/* After an error: nobody is left behind without a parent. */
static void end_kids(struct run *r)
{
	bool some = true;

	kid_tell_all(r);
	while (some) {
		some = false;
		for (size_t i = 0; i < r->b->nmembers; i++)
			if (r->kids[i].alive && !kid_hear(r, &r->kids[i]))
				some = true;
		journal_beat(r->j);
		if (some)
			wait_for_kids(r, 0);
	}
}

int batch_loop(struct run *r, struct err *e)
{
	int rc = turn(r, e);

	if (rc) {
		r->stale = r->stale || e->kind == ERR_STALE;
		end_kids(r);
	}
	show_progress(r, true);
	show_wipe(r);
	return rc;
}

/* --- from the plan and the journal to a scheduler */

size_t batch_host(struct run *r, const char *name)
{
	if (!name)
		return SCHED_NO_HOST;
	for (size_t i = 0; i < r->hosts.n; i++)
		if (!strcmp(r->hosts.v[i], name))
			return i;
	strv_add(&r->hosts, name);
	return r->hosts.n - 1;
}

static void add_member(struct run *r, size_t i, struct strv *names)
{
	const json_t *o =
		json_array_get(json_object_get(r->b->plan, "members"), i);
	const json_t *list = json_object_get(o, "bases"), *base;
	struct batch_member *m = &r->b->members[i];
	size_t n = json_array_size(list), k;
	AUTO(mem_freep) size_t *bases = MEM_NEW_N(size_t, n + 1);
	struct sched_member s = {
		.name = m->name,
		.source = batch_host(r, m->source),
		.target = batch_host(r, m->target),
		.priority =
			(int)json_integer_value(json_object_get(o, "priority")),
		.expected_s =
			json_integer_value(json_object_get(o, "expected_s")),
		.bases = bases,
	};

	json_array_foreach (list, k, base) {
		const char *name =
			json_string_value(json_object_get(base, "name"));
		size_t at = 0;

		if (!name)
			continue;
		while (at < names->n && strcmp(names->v[at], name))
			at++;
		if (at == names->n)
			strv_add(names, name);
		bases[s.n_bases++] = at;
	}
	/* The way back: the newest first. */
	if (r->b->dir == JOURNAL_BACKWARD) {
		s.priority = 0;
		s.expected_s = m->ended_us ? m->ended_us : INT64_MAX;
		s.n_bases = 0;
	}
	r->bytes[i] = (uint64_t)json_integer_value(json_object_get(o, "bytes"));
	sched_add(r->s, &s);
}

static enum sched_state found(const struct run *r, struct batch_member *m)
{
	bool back = r->b->dir == JOURNAL_BACKWARD;

	/* What has not begun waits for its source; what is done stays. */
	if (r->a->alone && m->state != MEMBER_OPEN &&
	    (!back || m->state == MEMBER_DONE))
		return SCHED_LEFT;

	switch (m->state) {
	case MEMBER_RUNNING:
	case MEMBER_PENDING:
		if (!back)
			return SCHED_PENDING;
		m->state = MEMBER_SKIPPED;
		err_clear(&m->why);
		err_set(&m->why, ERR_NOTHING, "it had not begun");
		return SCHED_LEFT;
	case MEMBER_DONE:
		return back ? SCHED_OPEN : SCHED_DONE;
	case MEMBER_OPEN:
		return SCHED_OPEN;
	case MEMBER_FAILED:
		return SCHED_FAILED;
	case MEMBER_ROLLED_BACK:
	case MEMBER_SKIPPED:
		break;
	}
	return SCHED_LEFT;
}

int batch_run_begin(struct run *r, struct app *a, struct journal *j,
		    struct batch *b, struct err *e)
{
	AUTO(strv_clear) struct strv bases = STRV_INIT;
	struct sched_limits l = {.lock_timeout_us = LOCK_TIMEOUT_US};
	bool back = b->dir == JOURNAL_BACKWARD;

	*r = (struct run){.a = a, .j = j, .b = b, .k = batch_key(b)};
	if (app_batch_limits(b->plan, &r->limits, e))
		return -1;
	if (!r->limits.parallel)
		r->limits.parallel = PARALLEL;
	r->bwlimit = r->limits.bwlimit;
	l.parallel = r->limits.parallel;
	l.per_source = back ? 0 : r->limits.per_source;
	l.per_target = r->limits.per_target;
	l.max_failures = back || a->alone ? 0 : r->limits.max_failures;
	r->s = sched_new(&l);
	r->kids = MEM_NEW_N(struct kid, b->nmembers + 1);
	r->bytes = MEM_NEW_N(uint64_t, b->nmembers + 1);
	r->begun_us = clock_mono_us();
	for (size_t i = 0; i < b->nmembers; i++) {
		add_member(r, i, &bases);
		sched_found(r->s, i, found(r, &b->members[i]));
	}
	return lost_load(r, e);
}

void batch_run_end(struct run *r)
{
	for (size_t i = 0; r->kids && i < r->b->nmembers; i++)
		kid_clear(&r->kids[i]);
	mem_free(r->kids);
	mem_free(r->bytes);
	strv_clear(&r->hosts);
	strv_clear(&r->lost);
	sched_free(r->s);
}

/* --- strays: processes of a controller that is gone */

struct strays {
	struct strv owners;
};

static bool lives(const struct journal_job *job)
{
	switch (job->pulse) {
	case PULSE_BEATS:
		return true;
	case PULSE_NONE:
		return false;
	case PULSE_UNKNOWN:
		break;
	}
	return app_owner_alive(job->owner) == APP_ALIVE_YES;
}

static bool note_stray(void *arg, const struct journal_job *job)
{
	struct strays *s = arg;

	if (job->state == JOURNAL_OPEN && job->owner && lives(job))
		strv_add(&s->owners, job->owner);
	return true;
}

/* They were told to stop when their parent ended, and can begin no job under
 * the epoch that is over: those that have one are waited for. */
int batch_wait_strays(struct app *a, struct journal *j, const char *id,
		      struct err *e)
{
	int64_t end = clock_mono_us() + STRAYS_MOST_US;
	bool told = false;

	for (;;) {
		struct strays s = {STRV_INIT};
		int rc = batch_jobs(j, id, -1, note_stray, &s, e);
		size_t n = s.owners.n;

		strv_clear(&s.owners);
		if (rc && e->kind != ERR_RETRY)
			return -1;
		err_clear(e);
		if (!rc && (!n || clock_mono_us() > end))
			return 0;
		if (stop_requested())
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		if (!rc && !told)
			progress_note(a->progress,
				      "batch %s: waiting for %zu process%s of "
				      "its last controller",
				      id, n, n == 1 ? "" : "es");
		told = told || !rc;
		journal_beat(j);
		clock_sleep_us(POLL_MS * 1000);
	}
}
