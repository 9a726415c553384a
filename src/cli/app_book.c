/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: one step after the other, each announced in the journal. */
#include "cli/app_book.h"

#include <string.h>

#include "cli/app_batch.h"
#include "cli/book_priv.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/stop.h"

#define KIND "run"

static book_step *const steps[RUNBOOK_TYPES] = {
	[RUNBOOK_CHECK] = book_check,	[RUNBOOK_DISABLE] = book_disable,
	[RUNBOOK_ENABLE] = book_enable, [RUNBOOK_EVACUATE] = book_evacuate,
	[RUNBOOK_MOVE] = book_move,	[RUNBOOK_WAIT] = book_wait,
	[RUNBOOK_HOOK] = book_hook,	[RUNBOOK_APPROVE] = book_approve,
	[RUNBOOK_RETURN] = book_return, [RUNBOOK_AUDIT] = book_audit,
	[RUNBOOK_REPORT] = book_report,
};

/* ---- opening and closing */

struct opened {
	struct book b;
	struct app app;
	struct config config; /* with the profiles, if there are any */
};

static void opened_close(struct opened *o)
{
	journal_close(o->b.j);
	batch_clear(&o->b.b);
	runbook_clear(&o->b.rb);
	json_decref(o->b.stays);
	book_unprofile(&o->config);
}

/* Before anything is written: B's runbook is there. */
static int prepare(struct opened *o, struct app *a, struct err *e)
{
	o->app = *a;
	o->b.a = &o->app;
	o->b.stays = json_array();
	return book_profile(&o->b.rb, &o->app, &o->config, e);
}

/* The host that most of it is about, for lists. */
static const char *main_host(const struct runbook *rb)
{
	for (size_t i = 0; i < rb->n; i++) {
		const char *host = book_text(&rb->steps[i], "host");

		if (host)
			return host;
	}
	return NULL;
}

static json_t *plan_of(const struct runbook *rb)
{
	json_t *members = json_array();

	for (size_t i = 0; i < rb->n; i++)
		json_array_append_new(
			members, json_pack("{s:s}", "name", rb->steps[i].name));
	return json_pack("{s:s, s:s*, s:o, s:o}", "kind", KIND, "host",
			 main_host(rb), "members", members, "runbook",
			 runbook_json(rb));
}

static int not_confirmed(const struct app *a, struct err *e)
{
	return a->confirmed
		       ? 0
		       : err_set(e, ERR_BUG, "a mutation was not confirmed");
}

static int begin(struct opened *o, struct app *a, const struct runbook *rb,
		 struct err *e)
{
	json_t *plan, *j;
	char owner[128];
	int rc;

	j = runbook_json(rb);
	rc = runbook_from_json(j, &o->b.rb, e);
	json_decref(j);
	o->b.j = rc || prepare(o, a, e) ? NULL : app_journal(a, e);
	if (!o->b.j)
		return -1;
	plan = plan_of(rb);
	journal_owner(owner, sizeof(owner));
	rc = batch_create(o->b.j, plan, owner, &o->b.b, e);
	json_decref(plan);
	o->b.k = batch_key(&o->b.b);
	o->app.run = o->b.j;
	return rc;
}

/* Its controller lives, and is not this process. */
static int not_led(const struct batch *b, const char *me, struct err *e)
{
	if (b->state != BATCH_OPEN || !strcmp(b->owner, me) ||
	    app_batch_alive(b) != APP_ALIVE_YES)
		return 0;
	err_set(e, ERR_LOCKED, "run %s: %s is at work on it", b->id, b->owner);
	return err_hint(e, "novahaul watch %s", b->id);
}

/* Run ID as the journal has it; nothing is written. */
static int load(struct opened *o, struct app *a, const char *id, struct err *e)
{
	o->b.j = app_journal(a, e);
	if (!o->b.j || batch_load(o->b.j, id, &o->b.b, e))
		return -1;
	if (strcmp(o->b.b.kind, KIND) != 0)
		return err_set(e, ERR_USAGE, "%s is no run of a runbook", id);
	if (runbook_from_json(json_object_get(o->b.b.plan, "runbook"), &o->b.rb,
			      e))
		return err_wrap(e, "run %s", id);
	if (o->b.rb.n != o->b.b.nmembers)
		return err_set(e, ERR_REFUSED,
			       "run %s: it has %zu steps, and %zu in the "
			       "journal",
			       id, o->b.rb.n, o->b.b.nmembers);
	o->b.k = batch_key(&o->b.b);
	return 0;
}

/* SKIP: the step that is to be given up, or NULL. */
static int take(struct opened *o, struct app *a, enum journal_dir dir,
		const struct app_book_skip *skip, struct err *e)
{
	const char *id = o->b.b.id;
	char owner[128];
	struct journal_takeover t = {.dir = dir, .owner = owner};
	size_t step = 0;

	journal_owner(owner, sizeof(owner));
	if (not_led(&o->b.b, owner, e))
		return -1;
	if (dir == JOURNAL_BACKWARD && o->b.b.state == BATCH_ROLLED_BACK)
		return err_set(e, ERR_NOTHING, "run %s is rolled back already",
			       id);
	if (dir == JOURNAL_FORWARD && o->b.b.state != BATCH_OPEN)
		return err_set(e, ERR_NOTHING, "run %s is over: %s", id,
			       batch_state_name(o->b.b.state));
	if (dir == JOURNAL_FORWARD && o->b.b.dir == JOURNAL_BACKWARD)
		t.dir = JOURNAL_BACKWARD;
	if (prepare(o, a, e) || (skip && book_may_skip(&o->b, skip, &step, e)))
		return -1;
	if (batch_take(o->b.j, &o->b.b, &t, e))
		return err_wrap(e, "run %s", id);
	o->b.k = batch_key(&o->b.b);
	o->app.run = o->b.j;
	if (!skip)
		return 0;
	/* It may have gone on since that look. */
	return book_may_skip(&o->b, skip, &step, e) ||
			       book_skip(&o->b, step, skip->reason, e)
		       ? -1
		       : 0;
}

/* ---- steps */

int book_set(struct book *b, size_t i, enum batch_member_state state,
	     const struct err *why, struct err *e)
{
	struct batch_member *m = &b->b.members[i];

	m->state = state;
	if (state == MEMBER_RUNNING) {
		m->attempts++;
		m->ended_us = 0;
		if (!m->started_us)
			m->started_us = clock_now_us();
	} else {
		m->ended_us = clock_now_us();
	}
	err_clear(&m->why);
	if (why)
		err_copy(&m->why, why);
	return batch_member_set(b->j, &b->k, m, e);
}

bool book_over(const struct book *b, size_t i)
{
	switch (b->b.members[i].state) {
	case MEMBER_DONE:
	case MEMBER_SKIPPED:
	case MEMBER_ROLLED_BACK:
		return true;
	case MEMBER_FAILED:
		return b->rb.steps[i].on_failure == RUNBOOK_CONTINUE;
	case MEMBER_PENDING:
	case MEMBER_RUNNING:
	case MEMBER_OPEN:
		break;
	}
	return false;
}

/* What becomes of the run when step I has failed with WHY. */
enum verdict { GO_ON = 0, STAY_OPEN, TURN_BACK };

static enum verdict failed(struct book *b, size_t i, struct err *why,
			   struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	struct err lost = ERR_INIT;

	err_wrap(why, "step %s", s->name);
	/* Another controller has the run: nothing more is written. */
	if (why->kind == ERR_STALE || why->kind == ERR_INTERRUPTED) {
		err_move(e, why);
		return STAY_OPEN;
	}
	progress_note(b->a->progress, "%s failed: %s", s->name, err_msg(why));
	if (book_set(b, i,
		     s->on_failure == RUNBOOK_STOP ? MEMBER_OPEN
						   : MEMBER_FAILED,
		     why, &lost)) {
		err_move(e, why);
		err_also(e, &lost);
		return STAY_OPEN;
	}
	if (s->on_failure == RUNBOOK_CONTINUE) {
		err_clear(why); /* said again at the end */
		return GO_ON;
	}
	err_move(e, why);
	return s->on_failure == RUNBOOK_ROLLBACK ? TURN_BACK : STAY_OPEN;
}

static enum verdict one_step(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	struct err why = ERR_INIT;

	if (stop_requested()) {
		err_set(e, ERR_INTERRUPTED, "interrupted before step %s",
			s->name);
		return STAY_OPEN;
	}
	if (s->skip)
		return book_set(b, i, MEMBER_SKIPPED, NULL, e) ? STAY_OPEN
							       : GO_ON;
	if (book_set(b, i, MEMBER_RUNNING, NULL, e))
		return STAY_OPEN;
	progress_note(
		b->a->progress, "[%zu/%zu] %s: %s", i + 1, b->rb.n, s->name,
		s->description ? s->description : runbook_type_name(s->type));
	if (steps[s->type](b, i, &why))
		return failed(b, i, &why, e);
	return book_set(b, i, MEMBER_DONE, NULL, e) ? STAY_OPEN : GO_ON;
}

/* ---- the whole */

/* The first step that failed and was gone past, as the error of the run. */
static size_t count_failed(const struct book *b, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < b->b.nmembers; i++) {
		if (b->b.members[i].state != MEMBER_FAILED)
			continue;
		if (!n++)
			err_copy(e, &b->b.members[i].why);
	}
	return n;
}

static enum txn_end backward(struct book *b, const struct err *why,
			     struct err *e)
{
	for (size_t i = b->rb.n; i-- > 0;) {
		if (stop_requested()) {
			err_set(e, ERR_INTERRUPTED,
				"interrupted on the way back");
			return TXN_OPEN;
		}
		if (book_undo(b, i, e)) {
			err_wrap(e, "undoing step %s", b->rb.steps[i].name);
			return TXN_OPEN;
		}
	}
	if (batch_turn(b->j, &b->k,
		       &(struct batch_turn){.state = BATCH_ROLLED_BACK,
					    .dir = JOURNAL_BACKWARD,
					    .why = why},
		       e))
		return TXN_OPEN;
	b->b.state = BATCH_ROLLED_BACK;
	return TXN_ROLLED_BACK;
}

/* E has why it turned; it is what the run ends with. */
static enum txn_end turn_back(struct book *b, struct err *e)
{
	struct err undo = ERR_INIT;
	struct batch_turn t = {
		.state = BATCH_OPEN, .dir = JOURNAL_BACKWARD, .why = e};
	enum txn_end end = TXN_OPEN;

	if (!batch_turn(b->j, &b->k, &t, &undo))
		end = backward(b, e, &undo);
	if (undo.kind != ERR_NONE)
		err_also(e, &undo);
	err_clear(&undo);
	return end;
}

static enum txn_end ended(struct book *b, struct err *e)
{
	size_t n = count_failed(b, e);
	struct batch_turn t = {.state = n ? BATCH_FAILED : BATCH_DONE,
			       .dir = JOURNAL_FORWARD,
			       .why = n ? e : NULL};
	struct err lost = ERR_INIT;

	if (batch_turn(b->j, &b->k, &t, &lost)) {
		err_clear(e);
		err_move(e, &lost);
		return TXN_OPEN;
	}
	b->b.state = t.state;
	if (n > 1)
		err_wrap(e, "%zu steps failed, first", n);
	/* Over, though not as it should: by the error's kind, which is not
	 * that nothing was changed. */
	if (n)
		e->kind = ERR_FAILED;
	return n ? TXN_ERROR : TXN_DONE;
}

static enum txn_end forward(struct book *b, struct err *e)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < b->rb.n; i++) {
		enum verdict v = GO_ON;

		if (!book_over(b, i))
			v = one_step(b, i, e);
		if (v == TURN_BACK)
			return turn_back(b, e);
		if (v != STAY_OPEN)
			continue;
		if (e->kind != ERR_STALE)
			batch_turn(b->j, &b->k,
				   &(struct batch_turn){.state = BATCH_OPEN,
							.dir = JOURNAL_FORWARD,
							.why = e},
				   &ignored);
		err_clear(&ignored);
		return e->kind == ERR_STALE ? TXN_LOCKED : TXN_OPEN;
	}
	return ended(b, e);
}

static int finish(struct opened *o, enum txn_end end, struct app_outcome *out,
		  struct err *e)
{
	out->end = end;
	out->report = book_report_json(&o->b);
	if (e->kind == ERR_NONE)
		return 0;
	err_wrap(e, "run %s (%s)", out->job, o->b.rb.name);
	if (end != TXN_OPEN)
		return -1;
	if (o->b.b.dir == JOURNAL_BACKWARD)
		return e->hint ? -1
			       : err_hint(e,
					  "novahaul resume %s goes on with the "
					  "rollback",
					  out->job);
	if (!e->hint)
		return err_hint(e,
				"novahaul resume %s, or novahaul rollback %s; "
				"the run is open",
				out->job, out->job);
	return -1;
}

int app_book_run(struct app *a, const struct runbook *rb,
		 struct app_outcome *out, struct err *e)
{
	struct opened o = {0};
	int rc = -1;

	if (not_confirmed(a, e))
		return -1;
	if (!begin(&o, a, rb, e)) {
		memcpy(out->job, o.b.b.id, sizeof(out->job));
		progress_note(a->progress, "run %s: %s", out->job, rb->name);
		rc = finish(&o, forward(&o.b, e), out, e);
	}
	opened_close(&o);
	return rc;
}

/* Takes run ID over; SKIP may be NULL. */
static int again(struct app *a, const char *id, enum journal_dir dir,
		 const struct app_book_skip *skip, struct app_outcome *out,
		 struct err *e)
{
	struct opened o = {0};
	enum txn_end end;
	int rc = -1;

	if (not_confirmed(a, e))
		return -1;
	if (!load(&o, a, id, e) && !take(&o, a, dir, skip, e)) {
		memcpy(out->job, o.b.b.id, sizeof(out->job));
		end = o.b.b.dir == JOURNAL_BACKWARD ? backward(&o.b, NULL, e)
						    : forward(&o.b, e);
		rc = finish(&o, end, out, e);
	} else if (e->kind == ERR_NOTHING) {
		out->end = TXN_NOTHING;
	}
	opened_close(&o);
	return rc;
}

int app_book_resume(struct app *a, const char *id, struct app_outcome *out,
		    struct err *e)
{
	return again(a, id, JOURNAL_FORWARD, NULL, out, e);
}

int app_book_rollback(struct app *a, const char *id, struct app_outcome *out,
		      struct err *e)
{
	return again(a, id, JOURNAL_BACKWARD, NULL, out, e);
}

int app_book_skip(struct app *a, const char *id, const struct app_book_skip *s,
		  struct app_outcome *out, struct err *e)
{
	return again(a, id, JOURNAL_FORWARD, s, out, e);
}

static const char *next_of(const struct book *b, size_t i)
{
	for (i++; i < b->rb.n; i++)
		if (!book_over(b, i) && !b->rb.steps[i].skip)
			return b->rb.steps[i].name;
	return NULL;
}

int app_book_skip_dry(struct app *a, const char *id,
		      const struct app_book_skip *s, json_t **report,
		      struct err *e)
{
	struct opened o = {0};
	const struct batch_member *m;
	int rc = -1;
	size_t i;

	if (!load(&o, a, id, e) && !book_may_skip(&o.b, s, &i, e)) {
		m = &o.b.b.members[i];
		*report = json_pack(
			"{s:i, s:s, s:s, s:s, s:s, s:s, s:s*, s:s, s:s*}",
			"schema_version", 1, "run", o.b.b.id, "name",
			o.b.rb.name, "step", o.b.rb.steps[i].name, "type",
			runbook_type_name(o.b.rb.steps[i].type), "state",
			batch_member_state_name(m->state), "why",
			m->why.kind == ERR_NONE ? NULL : err_msg(&m->why),
			"does", "is given up; the run goes on behind it",
			"next", next_of(&o.b, i));
		rc = 0;
	}
	opened_close(&o);
	return rc;
}
