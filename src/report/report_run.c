/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document of a run: its steps, as the journal has them, and under each of
 * them the instances that it moved: by a job of its own, or by batches whose
 * plan has {"run": {id, step}}.
 */
#include "report/report_priv.h"

#include <string.h>

#include "core/str.h"

struct run {
	struct journal *j;
	struct batch *b;
	json_t *doc, *steps, *instances;
	json_t **open; /* of each step: its span that has no end; borrowed */
	int64_t *since, last_us;
	struct strv ids; /* of batches since it began, newest first */
};

/* --- when its steps ran */

static void close_span(struct run *r, size_t i, int64_t us, const char *how)
{
	if (!r->open[i])
		return;
	json_object_set_new(r->open[i], "seconds",
			    report_s(us > r->since[i] ? us - r->since[i] : 0));
	json_object_set_new(r->open[i], "end", json_string(how));
	r->open[i] = NULL;
}

static void close_all(struct run *r, int64_t us, const char *how)
{
	for (size_t i = 0; i < r->b->nmembers; i++)
		close_span(r, i, us, how);
}

static void open_span(struct run *r, size_t i, const char *what, int64_t us)
{
	json_t *o = json_pack("{s:s}", "what", what);

	report_put_at(o, us, r->b->created_us);
	json_array_append_new(
		json_object_get(json_array_get(r->steps, i), "spans"), o);
	r->open[i] = o;
	r->since[i] = us;
}

static bool is(const char *text, enum batch_member_state s)
{
	const char *name = batch_member_state_name(s);
	size_t n = strlen(name);

	return !strncmp(text, name, n) &&
	       (!text[n] || text[n] == ',' || text[n] == ':');
}

static void see_step(struct run *r, size_t i, const struct journal_event *ev)
{
	if (is(ev->text, MEMBER_RUNNING)) {
		close_span(r, i, ev->ts_us, "again");
		open_span(r, i, "run", ev->ts_us);
	} else if (is(ev->text, MEMBER_ROLLED_BACK)) {
		open_span(r, i, "undo", ev->ts_us);
		close_span(r, i, ev->ts_us, "done");
	} else {
		close_span(r, i, ev->ts_us,
			   is(ev->text, MEMBER_DONE) ? "done" : "failed");
	}
}

static bool see(void *arg, const struct journal_event *ev)
{
	struct run *r = arg;

	if (str_is(ev->kind, "member") && ev->idx >= 0 &&
	    (size_t)ev->idx < r->b->nmembers)
		see_step(r, (size_t)ev->idx, ev);
	else if (str_is(ev->kind, "batch") && !strncmp(ev->text, "epoch ", 6))
		close_all(r, r->last_us, "cut");
	else if (str_is(ev->kind, "batch"))
		close_all(r, ev->ts_us, "failed");
	r->last_us = ev->ts_us;
	return true;
}

/* --- its steps */

static json_t *step_json(const struct run *r, size_t i)
{
	const struct batch_member *m = &r->b->members[i];
	const json_t *s =
		json_array_get(report_get(r->b->plan, "runbook.steps"), i);
	json_t *o = json_pack("{s:i s:s s:i s:[]}", "nr", (int)i + 1, "state",
			      batch_member_state_name(m->state), "attempts",
			      (int)m->attempts, "spans");

	report_put(o, "step", m->name);
	report_put(o, "type", json_string_value(json_object_get(s, "type")));
	report_put(o, "summary",
		   json_string_value(json_object_get(s, "description")));
	report_put_time(o, "started", m->started_us);
	report_put_time(o, "ended", m->ended_us);
	if (m->started_us)
		report_put_at(o, m->started_us, r->b->created_us);
	if (m->started_us && m->ended_us >= m->started_us)
		json_object_set_new(o, "seconds",
				    report_s(m->ended_us - m->started_us));
	report_put_error(o, &m->why);
	return o;
}

static bool add_note(void *arg, const struct journal_record *rec)
{
	struct run *r = arg;

	if (str_is(rec->key, "note") && rec->idx < r->b->nmembers)
		report_put(json_array_get(r->steps, rec->idx), "note",
			   json_string_value(rec->value));
	return true;
}

/* --- what they have moved */

static void add_instance(struct run *r, size_t step, const char *batch,
			 json_t *o)
{
	json_object_set_new(o, "run_step", json_integer((json_int_t)step + 1));
	report_put(o, "batch", batch);
	json_array_append_new(r->instances, o);
}

static bool note_job(void *arg, const struct journal_job *job)
{
	struct batch *b = arg;

	/* Oldest first: the newest one stays. */
	if (job->member >= 0 && (size_t)job->member < b->nmembers)
		memcpy(b->members[job->member].job, job->id, JOURNAL_ID_MAX);
	return true;
}

static int add_job(struct run *r, size_t i, struct err *e)
{
	struct journal_job job = {0};
	json_t *o = NULL;

	if (!*r->b->members[i].job)
		return 0;
	if (!journal_load(r->j, r->b->members[i].job, &job, e))
		o = report_instance(r->j, &job, r->b->created_us, e);
	journal_job_clear(&job);
	if (!o)
		return -1;
	add_instance(r, i, NULL, o);
	return 0;
}

static bool note_batch(void *arg, const struct batch *each)
{
	struct run *r = arg;

	if (!str_is(each->kind, "run") && each->created_us >= r->b->created_us)
		strv_add(&r->ids, each->id);
	return true;
}

static int add_members(struct run *r, size_t step, struct batch *of,
		       struct err *e)
{
	if (batch_settle(r->j, of, e))
		return -1;
	for (size_t i = 0; i < of->nmembers; i++) {
		struct report_member m = {of, &of->members[i],
					  r->b->created_us};
		json_t *o = report_member(r->j, &m, e);

		if (!o)
			return -1;
		add_instance(r, step, of->id, o);
	}
	return 0;
}

/* The instances of batch ID, if step I has begun it. */
static int add_batch(struct run *r, size_t i, const char *id, struct err *e)
{
	struct batch of = {0};
	int rc = batch_load(r->j, id, &of, e);

	if (!rc && !strcmp(report_str(of.plan, "run.id"), r->b->id) &&
	    json_integer_value(report_get(of.plan, "run.step")) ==
		    (json_int_t)i)
		rc = add_members(r, i, &of, e);
	batch_clear(&of);
	return rc;
}

static int add_instances(struct run *r, struct err *e)
{
	if (batch_jobs(r->j, r->b->id, -1, note_job, r->b, e) ||
	    batch_each(r->j, note_batch, r, e))
		return -1;
	for (size_t i = 0; i < r->b->nmembers; i++) {
		const char *type =
			report_str(json_array_get(r->steps, i), "type");

		if (add_job(r, i, e))
			return -1;
		if (strcmp(type, "evacuate") && strcmp(type, "return"))
			continue;
		for (size_t k = r->ids.n; k-- > 0;)
			if (add_batch(r, i, r->ids.v[k], e))
				return -1;
	}
	return 0;
}

/* --- all of it */

/* One that runs has done so for as long as anything of it was heard of. */
static int64_t last_sign(const struct run *r)
{
	double end = report_end(r->instances, 0);
	int64_t us = r->b->created_us + (int64_t)(end * 1e6);

	us = r->last_us > us ? r->last_us : us;
	return r->b->updated_us > us ? r->b->updated_us : us;
}

static int fill(struct run *r, struct err *e)
{
	for (size_t i = 0; i < r->b->nmembers; i++)
		json_array_append_new(r->steps, step_json(r, i));
	if (batch_records(r->j, r->b->id, true, add_note, r, e) ||
	    add_instances(r, e) || batch_events(r->j, r->b->id, 0, see, r, e))
		return -1;
	close_all(r, last_sign(r), "open");
	return 0;
}

int report_run(struct journal *j, struct batch *b, json_t *doc, struct err *e)
{
	struct run r = {
		.j = j,
		.b = b,
		.steps = json_array(),
		.instances = json_array(),
		.open = MEM_NEW_N(json_t *, b->nmembers),
		.since = MEM_NEW_N(int64_t, b->nmembers),
		.last_us = b->created_us,
	};
	int rc;

	report_put(doc, "name",
		   json_string_value(report_get(b->plan, "runbook.name")));
	json_object_set_new(doc, "steps", r.steps);
	json_object_set_new(doc, "instances", r.instances);
	rc = fill(&r, e);
	strv_clear(&r.ids);
	mem_free(r.open);
	mem_free(r.since);
	return rc;
}
