/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the events of a job tell: when each step ran and was undone, who had the
 * job when, what failed.
 *
 * A span of a step is opened by "running" or "undoing" and closed by what comes
 * next of it:
 *	done	"done", "undone"
 *	again	another "running" or "undoing": that try had failed
 *	failed	the job turned round, or was left open
 *	cut	another controller took the job: it was killed, or the machine
 *		was; it ends with the last that its controller wrote
 *	open	nothing came after it
 */
#include "report/report_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/str.h"

struct history {
	const struct journal_job *job;
	int64_t begin_us, last_us; /* of the last event */
	json_t *steps, *controllers, *failures, *events;
	json_t **open; /* of each step: its span that has no end; borrowed */
	int64_t *since;
};

static bool begins(const char *text, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(text, word, n) && (!text[n] || text[n] == ',');
}

static void close_span(struct history *h, size_t i, int64_t us, const char *how)
{
	if (!h->open[i])
		return;
	json_object_set_new(h->open[i], "seconds",
			    report_s(us > h->since[i] ? us - h->since[i] : 0));
	json_object_set_new(h->open[i], "end", json_string(how));
	h->open[i] = NULL;
}

static void close_all(struct history *h, int64_t us, const char *how)
{
	for (size_t i = 0; i < h->job->nsteps; i++)
		close_span(h, i, us, how);
}

static void open_span(struct history *h, size_t i, const char *what,
		      const struct journal_event *ev)
{
	json_t *spans = json_object_get(json_array_get(h->steps, i), "spans");
	json_t *o = json_pack("{s:s s:I}", "what", what, "epoch",
			      (json_int_t)ev->epoch);

	report_put_at(o, ev->ts_us, h->begin_us);
	json_array_append_new(spans, o);
	h->open[i] = o;
	h->since[i] = ev->ts_us;
}

static void see_mark(struct history *h, size_t i,
		     const struct journal_event *ev)
{
	bool run = begins(ev->text, journal_mark_name(MARK_RUNNING));
	bool undo = begins(ev->text, journal_mark_name(MARK_UNDOING));
	bool done = begins(ev->text, journal_mark_name(MARK_DONE));
	bool undone = begins(ev->text, journal_mark_name(MARK_UNDONE));
	const char *what = run || done ? "run" : "undo";

	if (run || undo) {
		close_span(h, i, ev->ts_us, "again");
		open_span(h, i, what, ev);
	} else if (done || undone) {
		/* found done, or nothing to undo */
		if (!h->open[i])
			open_span(h, i, what, ev);
		close_span(h, i, ev->ts_us, "done");
	}
}

static void add_controller(struct history *h, int64_t us, uint64_t epoch,
			   const char *owner)
{
	json_t *o = json_pack("{s:I}", "epoch", (json_int_t)epoch);

	report_put(o, "owner", owner);
	report_put_time(o, "time", us);
	report_put_at(o, us, h->begin_us);
	json_array_append_new(h->controllers, o);
}

/* "epoch 2, forward, by host pid 12" */
static void see_takeover(struct history *h, const struct journal_event *ev)
{
	const char *by = strstr(ev->text, ", by ");

	close_all(h, h->last_us, "cut");
	add_controller(h, ev->ts_us, strtoull(ev->text + 6, NULL, 10),
		       by ? by + 5 : NULL);
}

/* "rolled-back, backward: CAUSE" */
static void see_turn(struct history *h, const struct journal_event *ev)
{
	const char *why = strstr(ev->text, ": ");
	json_t *o;

	close_all(h, ev->ts_us, "failed");
	if (!why || begins(ev->text, journal_state_name(JOURNAL_DONE)))
		return;
	/* A rollback ends with the failure that it began with. */
	o = json_array_get(h->failures, json_array_size(h->failures) - 1);
	if (o && !strcmp(report_str(o, "text"), why + 2))
		return;
	o = json_object();
	report_put_time(o, "time", ev->ts_us);
	report_put_at(o, ev->ts_us, h->begin_us);
	report_put(o, "text", why + 2);
	json_array_append_new(h->failures, o);
}

static void see_job(struct history *h, const struct journal_event *ev)
{
	if (!strncmp(ev->text, "epoch ", 6))
		see_takeover(h, ev);
	else if (begins(ev->text, journal_state_name(JOURNAL_OPEN)) ||
		 begins(ev->text, journal_state_name(JOURNAL_DONE)) ||
		 begins(ev->text, journal_state_name(JOURNAL_ROLLED_BACK)))
		see_turn(h, ev);
}

static bool see(void *arg, const struct journal_event *ev)
{
	struct history *h = arg;
	bool of_step = ev->idx >= 0 && (size_t)ev->idx < h->job->nsteps;
	json_t *o = json_pack("{s:I}", "epoch", (json_int_t)ev->epoch);

	if (str_is(ev->kind, "mark") && of_step)
		see_mark(h, (size_t)ev->idx, ev);
	else if (str_is(ev->kind, "job"))
		see_job(h, ev);
	report_put_time(o, "time", ev->ts_us);
	report_put_at(o, ev->ts_us, h->begin_us);
	report_put(o, "kind", ev->kind);
	report_put(o, "step", of_step ? h->job->steps[ev->idx].name : NULL);
	report_put(o, "text", ev->text);
	json_array_append_new(h->events, o);
	h->last_us = ev->ts_us;
	return true;
}

int report_history(struct journal *j, const struct journal_job *job,
		   int64_t begin_us, json_t *instance, struct err *e)
{
	struct history h = {
		.job = job,
		.begin_us = begin_us,
		.steps = json_object_get(instance, "steps"),
		.controllers = json_array(),
		.failures = json_array(),
		.events = json_array(),
		.open = MEM_NEW_N(json_t *, job->nsteps),
		.since = MEM_NEW_N(int64_t, job->nsteps),
	};
	int rc;

	json_object_set_new(instance, "controllers", h.controllers);
	json_object_set_new(instance, "failures", h.failures);
	json_object_set_new(instance, "events", h.events);
	/* The journal knows the last owner, and those that took it over. */
	add_controller(&h, job->created_us, 1,
		       job->epoch == 1 ? job->owner : NULL);
	rc = journal_events(j, job->id, 0, see, &h, e);
	/* What it records since is a sign of life as well. */
	close_all(&h, job->updated_us > h.last_us ? job->updated_us : h.last_us,
		  "open");
	mem_free(h.open);
	mem_free(h.since);
	return rc;
}
