/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evacuate and return: batches of their own.
 *
 * The plan of such a batch has {"run": {id, step}}: it is of that step from the
 * moment in which it is in the journal, and a resume finds it however the
 * controller ended.
 */
#include <string.h>

#include "cli/app_batch.h"
#include "cli/app_return.h"
#include "cli/book_priv.h"

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- which batches */

struct find {
	struct book *b;
	size_t step;
	struct strv ids;
	struct err why;
};

static bool is_mine(void *arg, const struct batch *each)
{
	struct find *f = arg;
	struct batch whole = {0};
	const json_t *run, *step;

	if (!strcmp(each->kind, f->b->b.kind))
		return true;
	if (batch_load(f->b->j, each->id, &whole, &f->why))
		return false;
	run = json_object_get(whole.plan, "run");
	step = json_object_get(run, "step");
	if (!strcmp(word(run, "id"), f->b->b.id) && json_is_integer(step) &&
	    json_integer_value(step) == (json_int_t)f->step)
		strv_add(&f->ids, whole.id);
	batch_clear(&whole);
	return true;
}

/* Those that step I has begun, newest first. */
static int mine(struct book *b, size_t i, struct strv *ids, struct err *e)
{
	struct find f = {.b = b, .step = i};

	if (batch_each(b->j, is_mine, &f, e) || f.why.kind != ERR_NONE) {
		if (f.why.kind != ERR_NONE)
			err_move(e, &f.why);
		strv_clear(&f.ids);
		return -1;
	}
	*ids = f.ids;
	return 0;
}

char *book_batch(struct book *b, size_t i)
{
	AUTO(strv_clear) struct strv ids = STRV_INIT;
	struct err ignored = ERR_INIT;
	enum runbook_type t = b->rb.steps[i].type;

	if (t != RUNBOOK_EVACUATE && t != RUNBOOK_RETURN)
		return NULL;
	if (mine(b, i, &ids, &ignored))
		err_clear(&ignored);
	return ids.n ? mem_strdup(ids.v[0]) : NULL;
}

int book_open_batch(struct book *b, size_t i, char **id, struct err *e)
{
	AUTO(strv_clear) struct strv ids = STRV_INIT;

	*id = NULL;
	if (mine(b, i, &ids, e))
		return -1;
	for (size_t k = 0; k < ids.n && !*id; k++) {
		struct batch was = {0};

		if (batch_load(b->j, ids.v[k], &was, e))
			return -1;
		if (was.state == BATCH_OPEN)
			*id = mem_strdup(was.id);
		batch_clear(&was);
	}
	return 0;
}

/* ---- running one */

static int outcome(struct app_batch_outcome *out, struct err *e)
{
	json_decref(out->report);
	if (e->kind == ERR_NONE && out->code)
		err_set(e, ERR_FAILED, "batch %s ended with %d", out->id,
			out->code);
	return e->kind == ERR_NONE ? 0 : -1;
}

/* Those that fit nowhere stay where they are. */
static int nobody_stays(const json_t *plan, struct err *e)
{
	const json_t *list = json_object_get(plan, "nowhere");
	const json_t *first = json_array_get(list, 0);

	if (!first)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "%zu instances fit nowhere and stay, first %s: %s",
		       json_array_size(list),
		       word(json_object_get(first, "instance"), "name"),
		       word(first, "why"));
}

static int run_plan(struct book *b, size_t i, json_t *plan, struct err *e)
{
	struct app_batch_outcome out = {0};

	/* Refused once another controller has the run. */
	if (book_note(b, i, e, "%zu instances",
		      json_array_size(json_object_get(plan, "members"))))
		return -1;
	json_object_set_new(
		plan, "run",
		json_pack("{s:s, s:I}", "id", b->b.id, "step", (json_int_t)i));
	app_batch_run(b->a, plan, &out, e);
	return outcome(&out, e) ? -1 : nobody_stays(plan, e);
}

/* Goes on with what an earlier try has left open. */
static int go_on(struct book *b, size_t i, struct err *e)
{
	AUTO(strv_clear) struct strv ids = STRV_INIT;

	if (mine(b, i, &ids, e))
		return -1;
	for (size_t k = 0; k < ids.n; k++) {
		struct app_batch_outcome out = {0};
		struct batch was = {0};
		bool open;

		if (batch_load(b->j, ids.v[k], &was, e))
			return -1;
		open = was.state == BATCH_OPEN;
		batch_clear(&was);
		if (!open)
			continue;
		app_batch_resume(b->a, ids.v[k], &out, e);
		if (outcome(&out, e))
			return -1;
	}
	return 0;
}

/* ---- evacuate */

static void request(const struct runbook_step *s, struct app_evacuate *r)
{
	*r = (struct app_evacuate){
		.host = book_text(s, "host"),
		.policy = book_text(s, "pack"),
		.move = book_move_request(s),
		.limits = {.parallel = (unsigned)book_number(s, "parallel"),
			   .per_source = (unsigned)book_number(s, "per-source"),
			   .per_target = (unsigned)book_number(s, "per-target"),
			   .most_per_target =
				   (unsigned)book_number(s, "most-per-target"),
			   .max_failures =
				   (unsigned)book_number(s, "max-failures"),
			   .bwlimit = (uint64_t)book_number(s, "bwlimit")},
	};
	r->move.server = r->move.to = NULL;
	r->move.bwlimit = 0;
}

static void request_clear(struct app_evacuate *r)
{
	strv_clear(&r->targets);
	strv_clear(&r->servers);
}

int book_evacuate(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	AUTO(request_clear) struct app_evacuate r;
	json_t *plan = NULL;
	int rc;

	/* What did not go the first time, or came since, is planned anew. */
	if (go_on(b, i, e))
		return -1;
	request(s, &r);
	book_texts(s, "to", &r.targets);
	book_texts(s, "servers", &r.servers);
	if (!app_evacuate_plan(b->a, &r, &plan, e)) {
		rc = run_plan(b, i, plan, e);
	} else if (e->kind == ERR_NOTHING) {
		err_clear(e);
		rc = book_note(b, i, e, "%s has no instance left", r.host);
	} else {
		rc = -1;
	}
	json_decref(plan);
	return rc;
}

int book_dry_evacuate(struct app *a, const struct runbook_step *s,
		      struct buf *does, struct buf *now)
{
	AUTO(request_clear) struct app_evacuate r;
	struct err e = ERR_INIT;
	json_t *plan = NULL;
	const json_t *m;
	int rc = 0;
	size_t i;

	request(s, &r);
	book_texts(s, "to", &r.targets);
	book_texts(s, "servers", &r.servers);
	buf_printf(does, "moves the instances of %s away", r.host);
	if (!app_evacuate_plan(a, &r, &plan, &e)) {
		json_array_foreach (json_object_get(plan, "members"), i, m)
			buf_printf(now, "%s%s to %s", i ? ", " : "",
				   word(json_object_get(m, "instance"), "name"),
				   word(m, "target"));
		rc = nobody_stays(plan, &e);
	} else {
		rc = e.kind == ERR_NOTHING ? 0 : -1;
	}
	if (e.kind != ERR_NONE)
		buf_printf(now, "%s%s", now->len ? "; " : "", err_msg(&e));
	err_clear(&e);
	json_decref(plan);
	return rc;
}

/* ---- return */

static size_t index_of(const struct book *b, const char *name)
{
	size_t i = 0;

	while (i + 1 < b->rb.n && strcmp(b->rb.steps[i].name, name) != 0)
		i++;
	return i;
}

/* Brings home what batch ID has moved. */
static int bring_home(struct book *b, size_t i, const char *id, struct err *e)
{
	AUTO(request_clear) struct app_evacuate as;
	struct app_return r = {.batch = id};
	json_t *plan = NULL;
	int rc;

	request(&b->rb.steps[i], &as);
	r.move = as.move;
	r.limits = as.limits;
	rc = app_return_plan(b->a, &r, &plan, e);
	if (!rc) {
		rc = run_plan(b, i, plan, e);
	} else if (e->kind == ERR_NOTHING) {
		err_clear(e);
		rc = 0;
	}
	json_decref(plan);
	return rc;
}

int book_return(struct book *b, size_t i, struct err *e)
{
	size_t of = index_of(b, book_text(&b->rb.steps[i], "of"));
	AUTO(strv_clear) struct strv ids = STRV_INIT;

	if (go_on(b, i, e) || mine(b, of, &ids, e))
		return -1;
	/* A second try of the evacuation has moved what the first left. */
	for (size_t k = 0; k < ids.n; k++)
		if (bring_home(b, i, ids.v[k], e))
			return -1;
	return book_note(b, i, e,
			 ids.n ? "all that were moved are home"
			       : "none was moved");
}

/* ---- the way back */

static int undo_one(struct book *b, size_t i, const char *id, struct err *e)
{
	struct app_batch_outcome out = {0};
	struct batch was = {0};
	size_t moved = 0;
	bool open;

	if (batch_load(b->j, id, &was, e))
		return -1;
	open = was.state == BATCH_OPEN;
	for (size_t k = 0; k < was.nmembers; k++)
		moved += was.members[k].state == MEMBER_DONE;
	batch_clear(&was);
	if (open) {
		app_batch_rollback(b->a, id, &out, e);
		json_decref(out.report);
		if (e->kind == ERR_NONE && out.code)
			err_set(e, ERR_FAILED,
				"batch %s: its rollback ended "
				"with %d",
				id, out.code);
		return e->kind == ERR_NONE ? 0 : -1;
	}
	if (moved)
		book_stays(b, i,
			   "%zu instances where batch %s has moved them; "
			   "novahaul rollback %s takes back what can be",
			   moved, id, id);
	return 0;
}

int book_undo_fleet(struct book *b, size_t i, struct err *e)
{
	AUTO(strv_clear) struct strv ids = STRV_INIT;

	if (mine(b, i, &ids, e))
		return -1;
	for (size_t k = 0; k < ids.n; k++)
		if (undo_one(b, i, ids.v[k], e))
			return -1;
	return 0;
}
