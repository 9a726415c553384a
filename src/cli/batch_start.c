/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from its plan or from the journal, and its end. */
#include <string.h>

#include "cli/app_batch_priv.h"
#include "cli/app_priv.h"
#include "cli/app_rescue.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/stop.h"
#include "core/str.h"

static void journal_closep(struct journal **j)
{
	journal_close(*j);
}

/* --- another target */

/* The packing's own reason, where it has told one. */
static void fits_nowhere(const json_t *anew, struct err *e)
{
	const json_t *o = json_array_get(json_object_get(anew, "nowhere"), 0);
	const char *why = json_string_value(json_object_get(o, "why"));

	if (!why)
		return;
	err_clear(e);
	err_set(e, ERR_REFUSED, "it fits on no other host: %s", why);
}

static char *first_target(const struct run *r, const json_t *anew,
			  struct err *e)
{
	const json_t *o = json_array_get(json_object_get(anew, "members"), 0);
	const char *to = json_string_value(json_object_get(o, "target"));

	if (to && !strv_has(&r->lost, to))
		return mem_strdup(to);
	err_set(e, ERR_REFUSED, "it fits on no other host");
	return NULL;
}

char *batch_new_target(struct run *r, size_t i, struct err *e)
{
	const struct batch_member *m = &r->b->members[i];
	const json_t *plan = r->b->plan, *v;
	struct app_evacuate q = {
		.host = m->source, .limits = r->limits, .no_checks = true};
	json_t *anew = NULL;
	char *to = NULL;
	size_t k;

	q.policy = json_string_value(json_object_get(plan, "policy"));
	json_array_foreach (json_object_get(plan, "targets"), k, v)
		if (!strv_has(&r->lost, json_string_value(v)))
			strv_add(&q.targets, json_string_value(v));
	strv_add(&q.servers, m->instance);
	if (!str_is(r->b->kind, "evacuate"))
		err_set(e, ERR_REFUSED, "%s does not answer", m->target);
	else if (!q.targets.n &&
		 json_array_size(json_object_get(plan, "targets"))) {
		err_set(e, ERR_REFUSED,
			"none of the targets of the plan answers");
	} else if (!app_batch_options(plan, i, &q.move, e)) {
		if (app_evacuate_plan(r->a, &q, &anew, e))
			fits_nowhere(anew, e);
		else
			to = first_target(r, anew, e);
	}
	json_decref(anew);
	strv_clear(&q.targets);
	strv_clear(&q.servers);
	return to;
}

/* --- ends */

struct counts {
	size_t done, failed, open, pending, kept;
	size_t unproven; /* of open and pending */
};

/* Of a rescue: as if it had been typed alone. */
static int member_code(const struct batch_member *m)
{
	switch (m->state) {
	case MEMBER_PENDING:
	case MEMBER_RUNNING:
	case MEMBER_OPEN:
		return m->why.kind == ERR_FENCE ? CLI_UNFENCED : CLI_OPEN;
	case MEMBER_FAILED:
		return *m->job ? CLI_FAILED : (int)cli_exit_code(&m->why);
	case MEMBER_DONE:
	case MEMBER_ROLLED_BACK:
	case MEMBER_SKIPPED:
		break;
	}
	return CLI_DONE;
}

/* That of all members that are not done, where it is the same; else OTHERS. */
static int same_code(const struct batch *b, int others)
{
	int code = CLI_DONE;

	if (!app_is_rescue(b))
		return others;
	for (size_t i = 0; i < b->nmembers; i++) {
		int one = member_code(&b->members[i]);

		if (one != CLI_DONE && code != CLI_DONE && one != code)
			return others;
		code = one != CLI_DONE ? one : code;
	}
	return code == CLI_DONE ? others : code;
}

static struct counts count(const struct batch *b)
{
	struct counts c = {0};

	for (size_t i = 0; i < b->nmembers; i++)
		switch (b->members[i].state) {
		case MEMBER_PENDING:
		case MEMBER_RUNNING:
			c.pending++;
			c.unproven += b->members[i].why.kind == ERR_FENCE;
			break;
		case MEMBER_OPEN:
			c.open++;
			c.unproven += b->members[i].why.kind == ERR_FENCE;
			break;
		case MEMBER_FAILED:
			c.failed++;
			break;
		case MEMBER_DONE:
			c.done++;
			break;
		case MEMBER_ROLLED_BACK:
			c.kept++;
			break;
		case MEMBER_SKIPPED:
			break;
		}
	return c;
}

/* Those that are past the point of no return wait for their target. */
static int end_lost(const struct run *r, const struct counts *c, struct err *e)
{
	AUTO(mem_freep) char *hosts = strv_join(&r->lost, ", ");

	err_set(e, ERR_FAILED,
		"batch %s: %zu members are open, %zu have not begun, and %s "
		"does not answer",
		r->b->id, c->open, c->pending, hosts);
	err_hint(e,
		 "novahaul resume %s once it answers again; until then "
		 "novahaul show %s tells which are open, and why",
		 r->b->id, r->b->id);
	return CLI_OPEN;
}

/* Each has its own reason, and what to type. */
static int end_alone(const struct run *r, const struct counts *c, struct err *e)
{
	err_set(e, ERR_FAILED,
		"batch %s: %zu members are open, %zu have not begun", r->b->id,
		c->open, c->pending);
	err_hint(e,
		 "novahaul show %s tells which are open, and what to type for "
		 "each; novahaul resume %s when the source is back",
		 r->b->id, r->b->id);
	return CLI_OPEN;
}

/* The proof has aged, or what its disks say is against it. */
static int end_unproven(const struct run *r, const struct counts *c,
			struct err *e)
{
	err_set(e, ERR_FENCE,
		"batch %s: %zu members have not begun, %zu are open: it is not "
		"proven that %s is off",
		r->b->id, c->pending, c->open, r->b->host);
	err_hint(e,
		 "novahaul fence %s, then novahaul resume %s; novahaul show %s "
		 "tells what was in the way of each",
		 r->b->host, r->b->id, r->b->id);
	return same_code(r->b, CLI_OPEN);
}

static int end_open(const struct run *r, const struct counts *c, struct err *e)
{
	if (r->a->alone && !r->stopping)
		return end_alone(r, c, e);
	if (app_is_rescue(r->b) && c->unproven &&
	    c->unproven == c->open + c->pending && !r->stopping)
		return end_unproven(r, c, e);
	if (r->lost.n && c->open && !r->stopping)
		return end_lost(r, c, e);
	if (r->stopping)
		err_set(e, ERR_INTERRUPTED,
			"batch %s: stopped; %zu members are open, %zu have not "
			"begun",
			r->b->id, c->open, c->pending);
	else
		err_set(e, ERR_FAILED,
			"batch %s: %zu members are open, %zu have not begun%s",
			r->b->id, c->open, c->pending,
			sched_too_many(r->s) ? ": too many have failed" : "");
	err_hint(e, "novahaul resume %s, or novahaul rollback %s", r->b->id,
		 r->b->id);
	return CLI_OPEN;
}

static int end_back(const struct run *r, const struct counts *c, struct err *e)
{
	if (!c->done)
		return CLI_DONE;
	err_set(e, ERR_REFUSED,
		"batch %s: %zu members could not be rolled back: their moves "
		"are complete, or they may have run on their targets",
		r->b->id, c->done);
	if (app_is_rescue(r->b))
		err_hint(e, "novahaul show %s tells why, of each", r->b->id);
	else
		err_hint(e, "novahaul return %s moves them back", r->b->id);
	return c->kept ? CLI_FAILED : CLI_REFUSED;
}

static int end_forward(const struct run *r, const struct counts *c,
		       struct err *e)
{
	if (!c->failed)
		return CLI_DONE;
	err_set(e, ERR_FAILED,
		"batch %s: %zu of %zu members failed, and are where they were",
		r->b->id, c->failed, r->b->nmembers);
	err_hint(e, "novahaul show %s tells why", r->b->id);
	return same_code(r->b, CLI_FAILED);
}

/* Writes how it ended; the exit code, or -1. */
static int end(struct run *r, struct err *e)
{
	struct counts c = count(r->b);
	bool open = c.open || c.pending;
	bool back = r->b->dir == JOURNAL_BACKWARD;
	struct batch_turn t = {.dir = r->b->dir};
	struct err also = ERR_INIT;
	int tries = 0;
	int code = open	  ? end_open(r, &c, e)
		   : back ? end_back(r, &c, e)
			  : end_forward(r, &c, e);

	if (!open)
		t.state = code != CLI_DONE ? BATCH_FAILED
			  : back	   ? BATCH_ROLLED_BACK
					   : BATCH_DONE;
	t.why = e->kind == ERR_NONE ? NULL : e;
	while (batch_turn(r->j, &r->k, &t, &also))
		if (!batch_again(r, &tries, &also)) {
			err_move(e, &also);
			return r->stale ? CLI_LOCKED : CLI_OPEN;
		}
	return code;
}

static void report(struct journal *j, struct app_batch_outcome *out)
{
	struct batch b;
	struct err e = ERR_INIT;

	if (batch_load(j, out->id, &b, &e)) {
		err_clear(&e);
		return;
	}
	out->report = app_batch_json(j, &b);
	batch_clear(&b);
}

/* B is this process's, under the epoch that it has. */
static int run(struct app *a, struct journal *j, struct batch *b,
	       struct app_batch_outcome *out, struct err *e)
{
	struct run r = {0};
	int rc;

	memcpy(out->id, b->id, sizeof(out->id));
	out->code = CLI_OPEN;
	rc = batch_run_begin(&r, a, j, b, e);
	if (!rc)
		rc = batch_loop(&r, e);
	if (!rc) {
		out->code = end(&r, e);
	} else if (r.stale) {
		out->code = CLI_LOCKED;
		err_wrap(e, "batch %s", b->id);
	} else {
		err_wrap(e, "batch %s", b->id);
		err_hint(e, "novahaul resume %s", b->id);
	}
	if (r.b)
		batch_run_end(&r);
	report(j, out);
	return e->kind == ERR_NONE ? 0 : -1;
}

static int not_confirmed(const struct app *a, struct err *e)
{
	return a->confirmed
		       ? 0
		       : err_set(e, ERR_BUG, "a mutation was not confirmed");
}

int app_batch_run(struct app *a, const json_t *plan,
		  struct app_batch_outcome *out, struct err *e)
{
	AUTO(journal_closep) struct journal *j = NULL;
	struct batch b = {0};
	char owner[128];
	int rc;

	out->code = -1;
	if (not_confirmed(a, e))
		return -1;
	j = app_journal(a, e);
	journal_owner(owner, sizeof(owner));
	if (!j || batch_create(j, plan, owner, &b, e))
		return -1;
	progress_note(a->progress, "batch %s: %zu instances", b.id, b.nmembers);
	rc = run(a, j, &b, out, e);
	batch_clear(&b);
	return rc;
}

/* --- taking one over */

static int not_led(const struct batch *b, struct err *e)
{
	char me[128];

	/* A run of a runbook turns back what it has begun itself. */
	journal_owner(me, sizeof(me));
	if (b->state != BATCH_OPEN || !strcmp(b->owner, me) ||
	    app_batch_alive(b) != APP_ALIVE_YES)
		return 0;
	err_set(e, ERR_LOCKED, "batch %s: %s is at work on it", b->id,
		b->owner);
	return err_hint(e, "novahaul watch %s", b->id);
}

static int may_go_on(const struct batch *b, enum journal_dir dir, struct err *e)
{
	if (dir == JOURNAL_FORWARD && b->state != BATCH_OPEN) {
		err_set(e, ERR_NOTHING, "batch %s is over: %s", b->id,
			batch_state_name(b->state));
		return err_hint(e, "novahaul show %s", b->id);
	}
	if (dir == JOURNAL_BACKWARD && b->state == BATCH_ROLLED_BACK)
		return err_set(e, ERR_NOTHING,
			       "batch %s is rolled back already", b->id);
	return not_led(b, e);
}

/* What ended while nobody ran the batch stands in its rows from now on. */
static int settle(struct journal *j, struct batch *b, struct err *e)
{
	const struct journal_key k = batch_key(b);
	AUTO(mem_freep)
	enum batch_member_state *was =
		MEM_NEW_N(enum batch_member_state, b->nmembers + 1);

	for (size_t i = 0; i < b->nmembers; i++)
		was[i] = b->members[i].state;
	if (batch_settle(j, b, e))
		return -1;
	for (size_t i = 0; i < b->nmembers; i++)
		if (b->members[i].state != was[i] &&
		    b->members[i].state != MEMBER_PENDING &&
		    batch_member_set(j, &k, &b->members[i], e))
			return -1;
	return 0;
}

/* --- without the sources */

struct open_jobs {
	struct strv sources;
	size_t n;
};

static bool note_open(void *arg, const struct journal_job *job)
{
	struct open_jobs *o = arg;

	if (job->state != JOURNAL_OPEN || !job->source)
		return true;
	o->n++;
	if (!strv_has(&o->sources, job->source))
		strv_add(&o->sources, job->source);
	return true;
}

/* Before anything is taken over: one of its sources is off.  Each job asks for
 * its own. */
static int sources_off(struct app *a, struct journal *j, const struct batch *b,
		       struct err *e)
{
	struct open_jobs o = {STRV_INIT, 0};
	struct err why = ERR_INIT;
	bool off = false;
	int rc;

	if (app_is_rescue(b)) {
		err_set(e, ERR_REFUSED,
			"batch %s: --source-dead is for moves; a rescue needs "
			"no source",
			b->id);
		return err_hint(e,
				"novahaul resume %s, or novahaul rollback %s",
				b->id, b->id);
	}
	rc = batch_jobs(j, b->id, -1, note_open, &o, e);

	for (size_t i = 0; !rc && !off && i < o.sources.n; i++) {
		err_clear(&why);
		off = !app_alone_off(a, "batch", b->id, o.sources.v[i], &why);
	}
	strv_clear(&o.sources);
	if (!rc && !o.n) {
		rc = err_set(e, ERR_NOTHING,
			     "batch %s has no open member, and --source-dead "
			     "is for those alone",
			     b->id);
		err_hint(e, "novahaul show %s", b->id);
	} else if (!rc && !off) {
		err_move(e, &why);
		rc = -1;
	}
	err_clear(&why);
	return rc;
}

static int take_over(struct app *a, struct journal *j, struct batch *b,
		     enum journal_dir dir, struct err *e)
{
	struct journal_takeover t = {.dir = dir};
	char owner[128];

	/* Backward stays backward, whoever goes on with it. */
	if (b->state == BATCH_OPEN && b->dir == JOURNAL_BACKWARD)
		t.dir = JOURNAL_BACKWARD;
	journal_owner(owner, sizeof(owner));
	t.owner = owner;
	if (batch_take(j, b, &t, e) || batch_wait_strays(a, j, b->id, e))
		return -1;
	return settle(j, b, e);
}

static int go_on(struct app *a, const char *id, enum journal_dir dir,
		 struct app_batch_outcome *out, struct err *e)
{
	AUTO(journal_closep) struct journal *j = NULL;
	struct batch b = {0};
	int rc = -1;

	out->code = -1;
	if (not_confirmed(a, e))
		return -1;
	j = app_journal(a, e);
	if (!j || batch_load(j, id, &b, e))
		return -1;
	if (!may_go_on(&b, dir, e) &&
	    (!a->alone || !sources_off(a, j, &b, e))) {
		if (!take_over(a, j, &b, dir, e)) {
			rc = run(a, j, &b, out, e);
		} else if (e->kind == ERR_INTERRUPTED) {
			out->code = CLI_OPEN;
			err_hint(e, "novahaul resume %s", id);
		}
	}
	batch_clear(&b);
	return rc;
}

int app_batch_resume(struct app *a, const char *id,
		     struct app_batch_outcome *out, struct err *e)
{
	return go_on(a, id, JOURNAL_FORWARD, out, e);
}

int app_batch_rollback(struct app *a, const char *id,
		       struct app_batch_outcome *out, struct err *e)
{
	return go_on(a, id, JOURNAL_BACKWARD, out, e);
}
