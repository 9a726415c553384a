/* SPDX-License-Identifier: Apache-2.0 */
/* The document of one job. */
#include "report/report_priv.h"

#include <string.h>

#include "core/clock.h"
#include "core/str.h"
#include "report/downtime.h"

void report_put_time(json_t *o, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_MAX];

	if (!us)
		return;
	clock_iso(us, iso);
	json_object_set_new(o, key, json_string(iso));
}

json_t *report_s(int64_t us)
{
	return json_real((double)((us + 500) / 1000) / 1e3);
}

void report_put_at(json_t *o, int64_t us, int64_t begin_us)
{
	json_object_set_new(o, "at_s",
			    report_s(us > begin_us ? us - begin_us : 0));
}

void report_put_error(json_t *o, const struct err *why)
{
	json_t *v;

	if (why->kind == ERR_NONE)
		return;
	v = json_pack("{s:s}", "kind", err_kind_name(why->kind));
	report_put(v, "message", err_msg(why));
	report_put(v, "hint", why->hint);
	json_object_set_new(o, "error", v);
}

/* What the plan says that step I does; "" if nothing. */
static const char *summary_of(const struct journal_job *job, size_t i)
{
	return report_str(
		json_array_get(json_object_get(job->plan, "steps"), i),
		"summary");
}

static json_t *step_json(const struct journal_job *job, size_t i,
			 int64_t begin_us)
{
	const struct journal_step *s = &job->steps[i];
	json_t *o = json_pack(
		"{s:I s:s s:i s:I s:I s:[]}", "nr", (json_int_t)s->idx + 1,
		"state", journal_mark_name(s->mark), "attempts",
		(int)s->attempt, "bytes_sent", (json_int_t)s->sent,
		"bytes_read", (json_int_t)s->read, "spans");

	report_put(o, "step", s->name);
	report_put(o, "summary", summary_of(job, i));
	report_put_time(o, "started", s->started_us);
	report_put_time(o, "ended", s->ended_us);
	if (s->started_us)
		report_put_at(o, s->started_us, begin_us);
	if (s->started_us && s->ended_us >= s->started_us)
		json_object_set_new(o, "seconds",
				    report_s(s->ended_us - s->started_us));
	return o;
}

static const struct journal_step *find(const struct journal_job *job,
				       const char *name)
{
	for (size_t i = 0; i < job->nsteps; i++)
		if (str_is(job->steps[i].name, name))
			return &job->steps[i];
	return NULL;
}

/* Where on the axis the guest was down; or since when it has been. */
static void place_downtime(const struct journal_job *job, int64_t begin_us,
			   json_t *o)
{
	json_t *down = json_object_get(o, "downtime");
	const struct journal_step *stop = find(job, "stop");

	if (!stop || !stop->started_us || stop->mark == MARK_UNDONE)
		stop = down ? stop : NULL;
	if (down && stop) {
		report_put_at(down, stop->started_us, begin_us);
	} else if (stop && job->state == JOURNAL_OPEN &&
		   json_is_true(report_get(job->plan, "move.was_running"))) {
		int64_t us = stop->started_us - begin_us;

		json_object_set_new(o, "down_at_s", report_s(us > 0 ? us : 0));
	}
}

/* A failure that was undone by itself is not what somebody asked for. */
static const char *outcome(const struct journal_job *job)
{
	if (job->state == JOURNAL_ROLLED_BACK && !job->demanded &&
	    job->error.kind != ERR_NONE)
		return "failed";
	return journal_state_name(job->state);
}

static void put_who(json_t *o, const struct journal_job *job)
{
	json_t *server = json_object();

	report_put(o, "job", job->id);
	report_put(o, "kind", job->kind);
	report_put(server, "uuid", job->instance);
	report_put(server, "name", job->name);
	json_object_set_new(o, "server", server);
	report_put(o, "from", job->source);
	report_put(o, "to", job->target);
	report_put(o, "state", journal_state_name(job->state));
	report_put(o, "outcome", outcome(job));
	report_put(o, "direction", journal_dir_name(job->dir));
	json_object_set_new(o, "demanded", json_boolean(job->demanded));
	json_object_set_new(o, "epoch", json_integer((json_int_t)job->epoch));
	report_put(o, "owner", job->owner);
	report_put(o, "build", job->build);
}

static void put_times(json_t *o, const struct journal_job *job,
		      int64_t begin_us)
{
	int64_t end = job->ended_us ? job->ended_us : job->updated_us;

	report_put_time(o, "created", job->created_us);
	report_put_time(o, "updated", job->updated_us);
	report_put_time(o, "ended", job->ended_us);
	report_put_time(o, "purged", job->purged_us);
	report_put_at(o, job->created_us, begin_us);
	json_object_set_new(
		o, "seconds",
		report_s(end > job->created_us ? end - job->created_us : 0));
}

json_t *report_instance(struct journal *j, const struct journal_job *job,
			int64_t begin_us, struct err *e)
{
	json_t *o = json_object(), *steps = json_array();
	uint64_t kept = 0;

	put_who(o, job);
	put_times(o, job, begin_us);
	report_put_error(o, &job->error);
	for (size_t i = 0; i < job->nsteps; i++)
		json_array_append_new(steps, step_json(job, i, begin_us));
	json_object_set_new(o, "steps", steps);
	downtime_put(j, job, o);
	place_downtime(job, begin_us, o);
	if (journal_kept(j, job->id, &kept, e) ||
	    report_history(j, job, begin_us, o, e)) {
		json_decref(o);
		return NULL;
	}
	json_object_set_new(o, "kept_bytes", json_integer((json_int_t)kept));
	return o;
}

json_t *report_job(struct journal *j, const char *id, int64_t now_us,
		   struct err *e)
{
	static const char *const same[] = {"kind",    "state",	 "outcome",
					   "created", "updated", "ended",
					   "seconds", "error"};
	struct journal_job job = {0};
	json_t *doc = NULL, *one = NULL, *v;

	if (!journal_load(j, id, &job, e))
		one = report_instance(j, &job, job.created_us, e);
	if (one) {
		doc = json_pack("{s:i s:s s:s}", "schema_version",
				REPORT_SCHEMA_VERSION, "report", "job", "id",
				job.id);
		report_put_time(doc, "generated", now_us);
		for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
			v = json_object_get(one, same[i]);
			if (v)
				json_object_set(doc, same[i], v);
		}
		json_object_set_new(doc, "instances", json_pack("[o]", one));
		report_sum(doc);
	}
	journal_job_clear(&job);
	return doc;
}
