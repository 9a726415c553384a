/* SPDX-License-Identifier: Apache-2.0 */
#include "report/downtime.h"

#include <string.h>

#include "core/buf.h"
#include "core/err.h"

/* The parts of a downtime, each up to the beginning of the next. */
enum { STOP = 0, COPY, INSTALL, REWRITE, START, PARTS };

static const struct part {
	const char *member, *word;
	const char *from[4]; /* any of these steps begins it */
} parts[PARTS] = {
	[STOP] = {"stop_s", "stop", {"stop"}},
	[COPY] = {"copy_s", "copy", {"final-copy"}},
	[INSTALL] = {"install_s", "install", {"install"}},
	[REWRITE] = {"rewrite_s",
		     "rewrite",
		     {"volumes", "allocations", "rewrite"}},
	[START] = {"start_s", "start", {"define", "start"}},
};

static bool begins(int part, const char *step)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts[part].from); i++)
		if (parts[part].from[i] && !strcmp(parts[part].from[i], step))
			return true;
	return false;
}

static const struct journal_step *find(const struct journal_job *job,
				       const char *name)
{
	for (size_t i = 0; i < job->nsteps; i++)
		if (!strcmp(job->steps[i].name, name))
			return &job->steps[i];
	return NULL;
}

/* Milliseconds are enough. */
static json_t *seconds(int64_t us)
{
	return json_real((double)((us + 500) / 1000) / 1e3);
}

static void put_parts(const struct journal_job *job,
		      const struct journal_step *start, json_t *o)
{
	int64_t at[PARTS + 1] = {0};
	int part = STOP;

	for (size_t i = 0; i <= start->idx; i++) {
		const struct journal_step *s = &job->steps[i];

		if (begins(STOP, s->name))
			at[STOP] = s->started_us;
		for (int k = part + 1; at[STOP] && k < PARTS; k++)
			if (begins(k, s->name)) {
				at[k] = s->started_us;
				part = k;
			}
	}
	at[PARTS] = start->ended_us;
	for (int k = 0; k < PARTS; k++) {
		int next = k + 1;

		while (next < PARTS && !at[next])
			next++;
		if (at[k])
			json_object_set_new(o, parts[k].member,
					    seconds(at[next] - at[k]));
	}
}

struct found {
	size_t idx;
	const char *key;
	json_t *value;
};

static bool see(void *arg, const struct journal_record *r)
{
	struct found *f = arg;

	if (r->idx == f->idx && !strcmp(r->key, f->key))
		json_object_update(f->value, (json_t *)r->value);
	return true;
}

/* The latest record KEY of STEP, a new reference; NULL: it made none. */
static json_t *record_of(struct journal *j, const struct journal_job *job,
			 const char *step, const char *key)
{
	const struct journal_step *s = find(job, step);
	struct found f = {0, key, NULL};
	struct err e = ERR_INIT;

	if (!s || !s->started_us)
		return NULL;
	f.idx = s->idx;
	f.value = json_object();
	if (journal_records(j, job->id, true, see, &f, &e) ||
	    !json_object_size(f.value)) {
		json_decref(f.value);
		f.value = NULL;
	}
	err_clear(&e);
	return f.value;
}

/* A new reference, or NULL: nothing was. */
static json_t *copied_of(struct journal *j, const struct journal_job *job)
{
	static const char *const steps[] = {"precopy", "final-copy"};
	json_int_t sent = 0, wire;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct journal_step *s = find(job, steps[i]);

		sent += s ? (json_int_t)s->sent : 0;
	}
	wire = sent;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		json_t *saved = record_of(j, job, steps[i], "saved");

		wire -= json_integer_value(json_object_get(saved, "bytes"));
		json_decref(saved);
	}
	return sent ? json_pack("{s:I, s:I}", "bytes_sent", sent, "bytes_wire",
				wire)
		    : NULL;
}

static json_t *downtime_of(const struct journal_job *job, const json_t *rounds)
{
	const json_t *move = json_object_get(job->plan, "move");
	const struct journal_step *stop = find(job, "stop");
	const struct journal_step *start = find(job, "start");
	bool forth = start && start->mark == MARK_DONE;
	const json_t *predicted =
		json_object_get(rounds ? rounds : job->plan, "downtime_s");
	int64_t end = forth				  ? start->ended_us
		      : stop && stop->mark == MARK_UNDONE ? stop->ended_us
							  : 0;
	json_t *o;

	if (!json_is_true(json_object_get(move, "was_running")) || !stop ||
	    !stop->started_us || end < stop->started_us)
		return NULL;
	o = json_object();
	json_object_set_new(o, "seconds", seconds(end - stop->started_us));
	if (json_is_number(predicted))
		json_object_set(o, "predicted_s", (json_t *)predicted);
	if (forth)
		put_parts(job, start, o);
	return o;
}

void downtime_put(struct journal *j, const struct journal_job *job, json_t *doc)
{
	json_t *rounds = record_of(j, job, "precopy", "rounds");
	json_t *copied = copied_of(j, job);
	json_t *down = downtime_of(job, rounds);
	json_t *way = record_of(j, job, "final-copy", "way");

	/* The final pass says so only where it went otherwise. */
	if (!way)
		way = record_of(j, job, "precopy", "way");
	if (copied)
		json_object_set_new(doc, "copied", copied);
	if (rounds)
		json_object_set_new(doc, "precopy", rounds);
	if (down)
		json_object_set_new(doc, "downtime", down);
	if (way)
		json_object_set_new(doc, "transfer", way);
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void rounds_text(const json_t *pre, json_t *out)
{
	const json_t *all = json_object_get(pre, "rounds"), *r;
	AUTO(buf_clear) struct buf b = BUF_INIT;
	size_t i;

	if (!json_array_size(all))
		return;
	buf_printf(&b, "%zu round%s:", json_array_size(all),
		   json_array_size(all) == 1 ? "" : "s");
	json_array_foreach (all, i, r)
		buf_printf(&b, "%s %.1f MiB in %.1f s", i ? "," : "",
			   num(r, "bytes_sent") / (1 << 20), num(r, "seconds"));
	json_object_set_new(out, "precopy_text", json_string(buf_str(&b)));
}

static void way_text(const json_t *way, json_t *out)
{
	const char *how = json_string_value(json_object_get(way, "transport"));
	const char *why = json_string_value(json_object_get(way, "why"));
	int n = (int)num(way, "streams");
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (!how)
		return;
	buf_puts(&b, how);
	if (n)
		buf_printf(&b, ", over %d connection%s", n, n == 1 ? "" : "s");
	if (why && *why)
		buf_printf(&b, "; not otherwise: %s", why);
	json_object_set_new(out, "transfer_text", json_string(buf_str(&b)));
}

static void copied_text(const json_t *copied, json_t *out)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (!copied)
		return;
	buf_printf(&b, "%.1f MiB", num(copied, "bytes_sent") / (1 << 20));
	if (num(copied, "bytes_wire") < num(copied, "bytes_sent"))
		buf_printf(&b, ", as %.1f MiB",
			   num(copied, "bytes_wire") / (1 << 20));
	json_object_set_new(out, "copied_text", json_string(buf_str(&b)));
}

void downtime_text(const json_t *doc, json_t *out)
{
	const json_t *down = json_object_get(doc, "downtime");
	AUTO(buf_clear) struct buf b = BUF_INIT;
	const char *sep = ": ";

	copied_text(json_object_get(doc, "copied"), out);
	rounds_text(json_object_get(doc, "precopy"), out);
	way_text(json_object_get(doc, "transfer"), out);
	if (!down)
		return;
	buf_printf(&b, "%.1f s", num(down, "seconds"));
	for (int k = 0; k < PARTS; k++) {
		if (!json_object_get(down, parts[k].member))
			continue;
		buf_printf(&b, "%s%s %.1f", sep, parts[k].word,
			   num(down, parts[k].member));
		sep = ", ";
	}
	if (json_object_get(down, "predicted_s"))
		buf_printf(&b, "; predicted %.1f s, without the power-off",
			   num(down, "predicted_s"));
	json_object_set_new(out, "downtime_text", json_string(buf_str(&b)));
}
