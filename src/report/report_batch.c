/* SPDX-License-Identifier: Apache-2.0 */
/* The document of a batch: every member, by its newest job. */
#include "report/report_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/str.h"
#include "engine/batch.h"

/* --- the batch's own history */

struct history {
	const struct batch *b;
	json_t *controllers, *events;
};

static void add_controller(struct history *h, int64_t us, uint64_t epoch,
			   const char *owner)
{
	json_t *o = json_pack("{s:I}", "epoch", (json_int_t)epoch);

	report_put(o, "owner", owner);
	report_put_time(o, "time", us);
	report_put_at(o, us, h->b->created_us);
	json_array_append_new(h->controllers, o);
}

static bool see(void *arg, const struct journal_event *ev)
{
	struct history *h = arg;
	bool member = ev->idx >= 0 && (size_t)ev->idx < h->b->nmembers;
	json_t *o = json_pack("{s:I}", "epoch", (json_int_t)ev->epoch);
	const char *by = strstr(ev->text, ", by ");

	if (str_is(ev->kind, "batch") && !strncmp(ev->text, "epoch ", 6))
		add_controller(h, ev->ts_us, strtoull(ev->text + 6, NULL, 10),
			       by ? by + 5 : NULL);
	report_put_time(o, "time", ev->ts_us);
	report_put_at(o, ev->ts_us, h->b->created_us);
	report_put(o, "kind", ev->kind);
	if (member)
		report_put(o, "member", h->b->members[ev->idx].name);
	report_put(o, "text", ev->text);
	json_array_append_new(h->events, o);
	return true;
}

static int put_history(struct journal *j, const struct batch *b, json_t *doc,
		       struct err *e)
{
	struct history h = {b, json_array(), json_array()};

	json_object_set_new(doc, "controllers", h.controllers);
	json_object_set_new(doc, "events", h.events);
	add_controller(&h, b->created_us, 1, b->epoch == 1 ? b->owner : NULL);
	return batch_events(j, b->id, 0, see, &h, e);
}

/* --- members */

static const char *outcome_of(enum batch_member_state s)
{
	switch (s) {
	case MEMBER_PENDING:
		return "pending";
	case MEMBER_RUNNING:
	case MEMBER_OPEN:
		return "open";
	case MEMBER_DONE:
		return "done";
	case MEMBER_FAILED:
		return "failed";
	case MEMBER_ROLLED_BACK:
		return "rolled-back";
	case MEMBER_SKIPPED:
		return "skipped";
	}
	return "open";
}

/* One that has no job, and perhaps never had. */
static json_t *without_job(const struct batch_member *m, int64_t begin_us)
{
	json_t *o = json_pack("{s:f s:[]}", "seconds", 0.0, "steps");
	json_t *server = json_object();

	report_put(server, "uuid", m->instance);
	report_put(server, "name", m->name);
	json_object_set_new(o, "server", server);
	report_put(o, "from", m->source);
	report_put(o, "to", m->target);
	report_put_at(o, m->started_us, begin_us);
	return o;
}

struct ids {
	json_t *list;
	const char *newest;
};

static bool add_earlier(void *arg, const struct journal_job *job)
{
	struct ids *i = arg;

	if (strcmp(job->id, i->newest))
		json_array_append_new(i->list, json_string(job->id));
	return true;
}

static json_t *with_job(struct journal *j, const struct report_member *r,
			struct err *e)
{
	struct ids earlier = {json_array(), r->m->job};
	struct journal_job job = {0};
	json_t *o = NULL;

	if (!journal_load(j, r->m->job, &job, e) &&
	    !batch_jobs(j, r->b->id, (long)r->m->idx, add_earlier, &earlier, e))
		o = report_instance(j, &job, r->begin_us, e);
	journal_job_clear(&job);
	if (o)
		json_object_set(o, "earlier_jobs", earlier.list);
	json_decref(earlier.list);
	return o;
}

json_t *report_member(struct journal *j, const struct report_member *r,
		      struct err *e)
{
	const struct batch_member *m = r->m;
	json_t *o = *m->job ? with_job(j, r, e) : without_job(m, r->begin_us);

	if (!o)
		return NULL;
	json_object_set_new(o, "member", json_integer((json_int_t)m->idx));
	json_object_set_new(o, "attempts", json_integer(m->attempts));
	report_put(o, "outcome", outcome_of(m->state));
	if (!json_object_get(o, "error"))
		report_put_error(o, &m->why);
	return o;
}

/* --- all of it */

static void put_head(const struct batch *b, int64_t now_us, json_t *doc)
{
	int64_t end = b->ended_us ? b->ended_us : b->updated_us;

	report_put(doc, "id", b->id);
	report_put(doc, "kind", b->kind);
	report_put(doc, "host", b->host);
	report_put(doc, "state", batch_state_name(b->state));
	report_put(doc, "outcome", batch_state_name(b->state));
	report_put(doc, "owner", b->owner);
	report_put(doc, "build", b->build);
	json_object_set_new(doc, "epoch", json_integer((json_int_t)b->epoch));
	report_put_time(doc, "generated", now_us);
	report_put_time(doc, "created", b->created_us);
	report_put_time(doc, "updated", b->updated_us);
	report_put_time(doc, "ended", b->ended_us);
	json_object_set_new(
		doc, "seconds",
		report_s(end > b->created_us ? end - b->created_us : 0));
	report_put_error(doc, &b->error);
}

double report_end(const json_t *list, double most)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		double end =
			report_num(one, "at_s") + report_num(one, "seconds");

		most = end > most ? end : most;
	}
	return most;
}

/* Its row may be older than what its members have done since. */
static void put_length(json_t *doc)
{
	double most = report_num(doc, "seconds");

	most = report_end(json_object_get(doc, "steps"), most);
	most = report_end(json_object_get(doc, "instances"), most);
	json_object_set_new(doc, "seconds", json_real(most));
}

static int put_members(struct journal *j, struct batch *b, json_t *doc,
		       struct err *e)
{
	json_t *all = json_array();

	json_object_set_new(doc, "instances", all);
	if (batch_settle(j, b, e))
		return -1;
	for (size_t i = 0; i < b->nmembers; i++) {
		struct report_member r = {b, &b->members[i], b->created_us};
		json_t *o = report_member(j, &r, e);

		if (!o)
			return -1;
		json_array_append_new(all, o);
	}
	return 0;
}

json_t *report_batch(struct journal *j, const char *id, int64_t now_us,
		     struct err *e)
{
	struct batch b = {0};
	json_t *doc = NULL;

	if (!batch_load(j, id, &b, e)) {
		bool run = str_is(b.kind, "run");

		doc = json_pack("{s:i s:s}", "schema_version",
				REPORT_SCHEMA_VERSION, "report",
				run ? "run" : "batch");
		put_head(&b, now_us, doc);
		if ((run ? report_run(j, &b, doc, e)
			 : put_members(j, &b, doc, e)) ||
		    put_history(j, &b, doc, e)) {
			json_decref(doc);
			doc = NULL;
		}
	}
	if (doc) {
		put_length(doc);
		report_sum(doc);
	}
	batch_clear(&b);
	return doc;
}
