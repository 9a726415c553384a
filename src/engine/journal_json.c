/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job as one JSON document: what the hosts keep, so that the operator's
 * machine may be lost.
 *
 *	{"format": 1, "build": ..., "id": ..., "epoch": n, "seq": n,
 *	 "state": ..., "dir": ..., "demanded": b, "created_us": n, ...,
 *	 "error": {...}, "plan": {...},
 *	 "steps": [{"name", "mark", "attempt", "started_us", ...}],
 *	 "records": [{"seq", "idx", "ts_us", "key", "value"}]}
 */
#include "config.h"

#include "engine/journal_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#define FORMAT 1

/* --- out */

static json_t *steps_json(const struct journal_job *job)
{
	json_t *a = json_array();

	for (size_t i = 0; i < job->nsteps; i++) {
		const struct journal_step *s = &job->steps[i];

		json_array_append_new(
			a,
			json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "name",
				  s->name, "mark", journal_mark_name(s->mark),
				  "attempt", (json_int_t)s->attempt,
				  "started_us", (json_int_t)s->started_us,
				  "ended_us", (json_int_t)s->ended_us, "sent",
				  (json_int_t)s->sent, "read",
				  (json_int_t)s->read));
	}
	return a;
}

static bool add_record(void *arg, const struct journal_record *r)
{
	json_t *o = json_pack("{s:I, s:I, s:I, s:s}", "seq", (json_int_t)r->seq,
			      "idx", (json_int_t)r->idx, "ts_us",
			      (json_int_t)r->ts_us, "key", r->key);

	json_object_set(o, "value", (json_t *)r->value);
	json_array_append_new(arg, o);
	return true;
}

static json_t *job_json(const struct journal_job *job)
{
	json_t *o = json_pack(
		"{s:i, s:s*, s:s, s:I, s:I, s:s, s:s, s:b, s:I, s:I, s:I, s:I, "
		"s:s*}",
		"format", FORMAT, "build", job->build, "id", job->id, "epoch",
		(json_int_t)job->epoch, "seq", (json_int_t)job->seq, "state",
		journal_state_name(job->state), "dir",
		journal_dir_name(job->dir), "demanded", job->demanded,
		"created_us", (json_int_t)job->created_us, "updated_us",
		(json_int_t)job->updated_us, "ended_us",
		(json_int_t)job->ended_us, "purged_us",
		(json_int_t)job->purged_us, "owner", job->owner);
	json_t *why = journal_err_json(&job->error);

	if (why)
		json_object_set_new(o, "error", why);
	json_object_set(o, "plan", job->plan);
	json_object_set_new(o, "steps", steps_json(job));
	return o;
}

static char *export_once(struct journal *j, const char *id, struct err *e)
{
	struct journal_job job;
	json_t *o, *records = json_array();
	char *text = NULL, *own = NULL;
	int rc = journal_read_begin(j, e);

	if (!rc) {
		rc = journal_load_in(j, id, &job, e);
		if (!rc) {
			rc = journal_records(j, id, true, add_record, records,
					     e);
			o = job_json(&job);
			json_object_set(o, "records", records);
			text = rc ? NULL : json_dumps(o, JSON_COMPACT);
			json_decref(o);
			journal_job_clear(&job);
		}
		journal_read_end(j);
	}
	json_decref(records);
	if (text)
		own = mem_strdup(text);
	free(text); /* allowed: jansson's allocator */
	return own;
}

char *journal_export(struct journal *j, const char *id, struct err *e)
{
	unsigned tries = 0;
	char *text;

	while (!(text = export_once(j, id, e)))
		if (!journal_read_again(j, &tries, e))
			return NULL;
	return text;
}

/* --- in */

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_REFUSED, "the manifest cannot be understood: %s",
		       what);
}

static const char *get_s(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_int_t get_i(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static int parse_steps(const json_t *a, struct journal_job *job, struct err *e)
{
	if (json_array_size(a) != job->nsteps)
		return bad(e, "its steps are not those of its plan");
	for (size_t i = 0; i < job->nsteps; i++) {
		const json_t *o = json_array_get(a, i);
		struct journal_step *s = &job->steps[i];
		int mark = journal_mark_by_name(get_s(o, "mark"));
		const char *name = get_s(o, "name");

		if (mark < 0 || !name || strcmp(name, s->name) != 0)
			return bad(e, "a step");
		s->mark = (enum journal_mark)mark;
		s->attempt = (unsigned)get_i(o, "attempt");
		s->started_us = get_i(o, "started_us");
		s->ended_us = get_i(o, "ended_us");
		s->sent = (uint64_t)get_i(o, "sent");
		s->read = (uint64_t)get_i(o, "read");
	}
	return 0;
}

static int check_format(const json_t *o, struct err *e)
{
	const char *build = get_s(o, "build");

	if (get_i(o, "format") == FORMAT)
		return 0;
	err_set(e, ERR_REFUSED,
		"the manifest has format %d, this build (novahaul %s) knows %d",
		(int)get_i(o, "format"), PACKAGE_VERSION, FORMAT);
	return err_hint(e, "use novahaul %s or later", build ? build : "newer");
}

static int parse_job(const json_t *o, struct journal_job *job, struct err *e)
{
	int state = journal_state_by_name(get_s(o, "state"));
	int dir = journal_dir_by_name(get_s(o, "dir"));

	if (check_format(o, e))
		return -1;
	if (!journal_id_ok('j', get_s(o, "id")) || state < 0 || dir < 0 ||
	    get_i(o, "epoch") < 1 || get_i(o, "seq") < 0)
		return bad(e, "id, state, direction or epoch");
	snprintf(job->id, sizeof(job->id), "%s", get_s(o, "id"));
	job->state = (enum journal_state)state;
	job->dir = (enum journal_dir)dir;
	job->demanded = json_is_true(json_object_get(o, "demanded"));
	job->epoch = (uint64_t)get_i(o, "epoch");
	job->seq = (uint64_t)get_i(o, "seq");
	job->created_us = get_i(o, "created_us");
	job->updated_us = get_i(o, "updated_us");
	job->ended_us = get_i(o, "ended_us");
	job->purged_us = get_i(o, "purged_us");
	job->owner = mem_strdup0(get_s(o, "owner"));
	job->build = mem_strdup(get_s(o, "build") ? get_s(o, "build") : "?");
	journal_err_parse(json_object_get(o, "error"), &job->error);
	job->plan = json_incref(json_object_get(o, "plan"));
	if (journal_read_plan(job->plan, job, e))
		return err_wrap(e, "the manifest");
	return parse_steps(json_object_get(o, "steps"), job, e);
}

struct import {
	struct journal_job job;
	const json_t *records;
};

static int import_record(struct journal *j, const struct import *a,
			 const json_t *o, struct err *e)
{
	const json_t *value = json_object_get(o, "value");
	json_int_t idx = get_i(o, "idx"), seq = get_i(o, "seq");
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	struct store_stmt *st = journal_stmt(j, "import-record");

	if (!text || !get_s(o, "key") || idx < 0 || seq < 0 ||
	    (uint64_t)idx >= a->job.nsteps || (uint64_t)seq > a->job.seq) {
		free(text); /* allowed: jansson's allocator */
		return bad(e, "a record");
	}
	journal_bind(st, ":id", a->job.id);
	journal_bind_int(st, ":seq", seq);
	journal_bind_int(st, ":idx", idx);
	journal_bind_int(st, ":now", get_i(o, "ts_us"));
	journal_bind(st, ":key", get_s(o, "key"));
	journal_bind(st, ":value", text);
	free(text); /* allowed: jansson's allocator */
	return journal_exec(j, st, e);
}

/* Makes room: an entry of a lower epoch goes. */
static int replace(struct journal *j, const struct journal_job *job,
		   struct err *e)
{
	struct journal_job old;
	struct store_stmt *st;
	uint64_t epoch;

	if (journal_load_in(j, job->id, &old, e)) {
		if (e->kind != ERR_NOTHING)
			return -1;
		err_clear(e);
		return 0;
	}
	epoch = old.epoch;
	journal_job_clear(&old);
	if (epoch >= job->epoch) {
		err_set(e, epoch > job->epoch ? ERR_REFUSED : ERR_NOTHING,
			"job %s is in journal %s already, under epoch %llu",
			job->id, journal_path(j), (unsigned long long)epoch);
		return err_hint(e, "novahaul resume %s", job->id);
	}
	st = journal_stmt(j, "delete-job");
	journal_bind(st, ":id", job->id);
	return journal_exec(j, st, e);
}

static int import(struct journal *j, void *arg, struct err *e)
{
	struct import *a = arg;
	size_t n = json_array_size(a->records);

	if (replace(j, &a->job, e) ||
	    (a->job.state == JOURNAL_OPEN && journal_only_one(j, &a->job, e)) ||
	    journal_add_job(j, &a->job, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (import_record(j, a, json_array_get(a->records, i), e))
			return -1;
	return journal_add_event(j, a->job.id, -1, "job",
				 "rebuilt from a manifest", e);
}

int journal_import(struct journal *j, const char *json, char id[JOURNAL_ID_MAX],
		   struct err *e)
{
	struct import a = {0};
	struct journal_write w = {"a job from a manifest", NULL, import, &a};
	json_error_t why;
	json_t *o = json_loads(json, 0, &why);
	int rc;

	if (!o)
		return bad(e, why.text);
	rc = parse_job(o, &a.job, e);
	a.records = json_object_get(o, "records");
	if (!rc)
		rc = journal_write(j, &w, e);
	if (!rc)
		memcpy(id, a.job.id, JOURNAL_ID_MAX);
	journal_job_clear(&a.job);
	json_decref(o);
	return rc;
}
