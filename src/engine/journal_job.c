/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs, their steps, records and events: one function a write or a read. */
#include "config.h"

#include "engine/journal_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "core/uuid.h"

static const char *const state_names[] = {
	[JOURNAL_OPEN] = "open",
	[JOURNAL_DONE] = "done",
	[JOURNAL_ROLLED_BACK] = "rolled-back",
};
static const char *const dir_names[] = {
	[JOURNAL_FORWARD] = "forward",
	[JOURNAL_BACKWARD] = "backward",
};
static const char *const mark_names[] = {
	[MARK_PENDING] = "pending", [MARK_RUNNING] = "running",
	[MARK_DONE] = "done",	    [MARK_UNDOING] = "undoing",
	[MARK_UNDONE] = "undone",   [MARK_SKIPPED] = "skipped",
};

static int by_name(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; s && i < n; i++)
		if (!strcmp(names[i], s))
			return (int)i;
	return -1;
}

const char *journal_state_name(enum journal_state s)
{
	return state_names[s];
}

const char *journal_dir_name(enum journal_dir d)
{
	return dir_names[d];
}

const char *journal_mark_name(enum journal_mark m)
{
	return mark_names[m];
}

int journal_state_by_name(const char *s)
{
	return by_name(state_names, ARRAY_SIZE(state_names), s);
}

int journal_dir_by_name(const char *s)
{
	return by_name(dir_names, ARRAY_SIZE(dir_names), s);
}

int journal_mark_by_name(const char *s)
{
	return by_name(mark_names, ARRAY_SIZE(mark_names), s);
}

struct journal_key journal_key(const struct journal_job *job)
{
	struct journal_key k = {.epoch = job->epoch};

	memcpy(k.id, job->id, sizeof(k.id));
	return k;
}

void journal_job_clear(struct journal_job *job)
{
	mem_free(job->instance);
	mem_free(job->name);
	mem_free(job->source);
	mem_free(job->target);
	mem_free(job->kind);
	mem_free(job->owner);
	mem_free(job->build);
	json_decref(job->plan);
	err_clear(&job->error);
	for (size_t i = 0; i < job->nsteps; i++)
		mem_free(job->steps[i].name);
	mem_free(job->steps);
	*job = (struct journal_job){0};
}

json_t *journal_err_json(const struct err *why)
{
	AUTO(mem_freep) char *message = NULL, *hint = NULL;

	if (!why || why->kind == ERR_NONE)
		return NULL;
	/* What a command on a host has said may be no JSON. */
	message = utf8_escape(err_msg(why));
	hint = utf8_escape(why->hint);
	return json_pack("{s:s, s:s, s:s*}", "kind", err_kind_name(why->kind),
			 "message", message, "hint", hint);
}

void journal_err_parse(const json_t *v, struct err *out)
{
	const char *kind = json_string_value(json_object_get(v, "kind"));
	const char *msg = json_string_value(json_object_get(v, "message"));
	const char *hint = json_string_value(json_object_get(v, "hint"));

	err_clear(out);
	if (!kind || !msg)
		return;
	err_set(out, err_kind_by_name(kind), "%s", msg);
	if (hint)
		err_hint(out, "%s", hint);
}

/* --- creating */

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

bool journal_id_ok(char kind, const char *text)
{
	return text && text[0] == kind && text[1] == '-' &&
	       strlen(text) == 10 && strspn(text + 2, digits) == 8;
}

void journal_random_id(char kind, char id[JOURNAL_ID_MAX])
{
	unsigned char r[8];

	random_bytes(r, sizeof(r));
	id[0] = kind;
	id[1] = '-';
	for (size_t i = 0; i < sizeof(r); i++)
		id[2 + i] = digits[r[i] % 32];
	id[2 + sizeof(r)] = '\0';
}

static char *member(const json_t *o, const char *key)
{
	return mem_strdup0(json_string_value(json_object_get(o, key)));
}

static int read_batch(const json_t *plan, struct journal_job *job,
		      struct err *e)
{
	const json_t *b = json_object_get(plan, "batch");
	const json_t *m = json_object_get(b, "member");
	const char *id = json_string_value(json_object_get(b, "id"));

	job->member = -1;
	if (!b)
		return 0;
	if (!journal_id_ok('b', id) || !json_is_integer(m) ||
	    json_integer_value(m) < 0)
		return err_set(e, ERR_USAGE,
			       "the plan's batch has no id or no member");
	memcpy(job->batch, id, strlen(id) + 1);
	job->member = (long)json_integer_value(m);
	return 0;
}

int journal_read_plan(const json_t *plan, struct journal_job *job,
		      struct err *e)
{
	const json_t *inst = json_object_get(plan, "instance");
	const json_t *steps = json_object_get(plan, "steps");
	size_t n = json_array_size(steps);

	if (!n)
		return err_set(e, ERR_USAGE, "the plan has no steps");
	if (read_batch(plan, job, e))
		return -1;
	job->kind = member(plan, "kind");
	job->instance = member(inst, "uuid");
	job->name = member(inst, "name");
	job->source = member(plan, "source");
	job->target = member(plan, "target");
	job->steps = MEM_NEW_N(struct journal_step, n);
	job->nsteps = n;
	for (size_t i = 0; i < n; i++) {
		const json_t *s = json_array_get(steps, i);
		const json_t *params = json_object_get(s, "params");

		job->steps[i].idx = i;
		job->steps[i].name = member(s, "step");
		if (!job->steps[i].name || (params && !json_is_object(params)))
			return err_set(e, ERR_USAGE,
				       "step %zu of the plan has no name, or "
				       "params that are no object",
				       i + 1);
	}
	return 0;
}

static int add_step(struct journal *j, const char *id,
		    const struct journal_step *s, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "add-step");

	journal_bind(st, ":id", id);
	journal_bind_int(st, ":idx", (int64_t)s->idx);
	journal_bind(st, ":name", s->name);
	journal_bind(st, ":mark", journal_mark_name(s->mark));
	journal_bind_int(st, ":attempt", s->attempt);
	journal_bind_time(st, ":started", s->started_us);
	journal_bind_time(st, ":ended", s->ended_us);
	journal_bind_int(st, ":sent", (int64_t)s->sent);
	journal_bind_int(st, ":read", (int64_t)s->read);
	return journal_exec(j, st, e);
}

void journal_bind_json(struct store_stmt *st, const char *name, const json_t *v)
{
	char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	journal_bind(st, name, text);
	free(text); /* allowed: jansson's allocator */
}

void journal_bind_error(struct store_stmt *st, const char *name,
			const struct err *why)
{
	json_t *v = journal_err_json(why);

	journal_bind_json(st, name, v);
	json_decref(v);
}

int journal_add_job(struct journal *j, const struct journal_job *job,
		    struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "add-job");

	journal_bind(st, ":id", job->id);
	journal_bind(st, ":state", journal_state_name(job->state));
	journal_bind(st, ":dir", journal_dir_name(job->dir));
	journal_bind_int(st, ":demanded", job->demanded);
	journal_bind_int(st, ":epoch", (int64_t)job->epoch);
	journal_bind_int(st, ":seq", (int64_t)job->seq);
	journal_bind_int(st, ":created", job->created_us);
	journal_bind_int(st, ":updated", job->updated_us);
	journal_bind_time(st, ":ended", job->ended_us);
	journal_bind_time(st, ":purged", job->purged_us);
	journal_bind(st, ":kind", job->kind);
	journal_bind(st, ":instance", job->instance);
	journal_bind(st, ":name", job->name);
	journal_bind(st, ":source", job->source);
	journal_bind(st, ":target", job->target);
	journal_bind(st, ":owner", job->owner);
	journal_bind(st, ":build", job->build);
	journal_bind_error(st, ":error", &job->error);
	journal_bind_json(st, ":plan", job->plan);
	journal_bind(st, ":batch", *job->batch ? job->batch : NULL);
	if (*job->batch)
		journal_bind_int(st, ":member", job->member);
	if (journal_exec(j, st, e))
		return -1;
	for (size_t i = 0; i < job->nsteps; i++)
		if (add_step(j, job->id, &job->steps[i], e))
			return -1;
	return 0;
}

int journal_add_event(struct journal *j, const char *id, long idx,
		      const char *kind, const char *text, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "add-event");

	journal_bind(st, ":id", id);
	journal_bind_int(st, ":now", clock_now_us());
	if (idx >= 0)
		journal_bind_int(st, ":idx", idx);
	journal_bind(st, ":kind", kind);
	journal_bind(st, ":text", text);
	return journal_exec(j, st, e);
}

static int create(struct journal *j, void *arg, struct err *e)
{
	struct journal_job *job = arg;

	if ((*job->batch &&
	     (journal_in_batch(j, job->batch, e) || batch_admits(j, job, e))) ||
	    journal_only_one(j, job, e) || journal_add_job(j, job, e) ||
	    journal_hold(j, job->id, e))
		return -1;
	return journal_add_event(j, job->id, -1, "job", "created", e);
}

int journal_create(struct journal *j, const json_t *plan, const char *owner,
		   struct journal_job *out, struct err *e)
{
	struct journal_write w = {"a new job", NULL, create, out};

	*out = (struct journal_job){.epoch = 1};
	journal_random_id('j', out->id);
	out->created_us = out->updated_us = clock_now_us();
	out->owner = mem_strdup0(owner);
	out->build = mem_strdup(PACKAGE_VERSION);
	out->plan = json_deep_copy(plan);
	if (journal_read_plan(plan, out, e) || journal_write(j, &w, e)) {
		journal_job_clear(out);
		return -1;
	}
	return 0;
}

/* --- loading */

int journal_bad_row(struct journal *j, const char *what, const char *id,
		    struct err *e)
{
	return err_set(e, ERR_FAILED,
		       "journal %s: %s %s: the entry cannot be understood",
		       journal_path(j), what, id);
}

void journal_read_error(struct store_stmt *st, int i, struct err *out)
{
	const char *text = journal_text0(st, i);
	json_t *v = text ? json_loads(text, 0, NULL) : NULL;

	journal_err_parse(v, out);
	json_decref(v);
}

int journal_read_job(struct journal *j, struct store_stmt *st,
		     struct journal_job *out, struct err *e)
{
	int state = journal_state_by_name(journal_text(st, 1));
	int dir = journal_dir_by_name(journal_text(st, 2));
	const char *plan = journal_text0(st, 18);

	*out = (struct journal_job){0};
	snprintf(out->id, sizeof(out->id), "%s", journal_text(st, 0));
	if (state < 0 || dir < 0)
		return journal_bad_row(j, "job", out->id, e);
	out->state = (enum journal_state)state;
	out->dir = (enum journal_dir)dir;
	out->demanded = journal_int(st, 3);
	out->epoch = (uint64_t)journal_int(st, 4);
	out->seq = (uint64_t)journal_int(st, 5);
	out->created_us = journal_int(st, 6);
	out->updated_us = journal_int(st, 7);
	out->ended_us = journal_int(st, 8);
	out->purged_us = journal_int(st, 9);
	out->kind = mem_strdup0(journal_text0(st, 10));
	out->instance = mem_strdup0(journal_text0(st, 11));
	out->name = mem_strdup0(journal_text0(st, 12));
	out->source = mem_strdup0(journal_text0(st, 13));
	out->target = mem_strdup0(journal_text0(st, 14));
	out->owner = mem_strdup0(journal_text0(st, 15));
	out->build = mem_strdup0(journal_text0(st, 16));
	journal_read_error(st, 17, &out->error);
	snprintf(out->batch, sizeof(out->batch), "%s", journal_text(st, 19));
	out->member = *out->batch ? (long)journal_int(st, 20) : -1;
	if (!plan)
		return 0;
	out->plan = json_loads(plan, 0, NULL);
	return out->plan ? 0 : journal_bad_row(j, "job", out->id, e);
}

static int read_steps(struct journal *j, struct journal_job *out, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "get-steps");
	int rc;

	journal_bind(st, ":id", out->id);
	while ((rc = journal_step_row(j, st, e)) > 0) {
		int mark = journal_mark_by_name(journal_text(st, 2));
		struct journal_step *s;

		out->steps = mem_realloc(out->steps, out->nsteps + 1,
					 sizeof(*out->steps));
		s = &out->steps[out->nsteps++];
		*s = (struct journal_step){
			.idx = (size_t)journal_int(st, 0),
			.name = mem_strdup(journal_text(st, 1)),
			.mark = mark < 0 ? MARK_PENDING
					 : (enum journal_mark)mark,
			.attempt = (unsigned)journal_int(st, 3),
			.started_us = journal_int(st, 4),
			.ended_us = journal_int(st, 5),
			.sent = (uint64_t)journal_int(st, 6),
			.read = (uint64_t)journal_int(st, 7),
		};
		if (mark < 0 || s->idx != out->nsteps - 1) {
			journal_reset(st);
			return journal_bad_row(j, "job", out->id, e);
		}
	}
	return rc;
}

int journal_load_in(struct journal *j, const char *id, struct journal_job *out,
		    struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "get-job");
	int rc;

	*out = (struct journal_job){0};
	journal_bind(st, ":id", id);
	rc = journal_step_row(j, st, e);
	if (!rc) {
		err_set(e, ERR_NOTHING, "there is no job %s in journal %s", id,
			journal_path(j));
		return err_hint(e, "novahaul jobs");
	}
	if (rc > 0)
		rc = journal_read_job(j, st, out, e);
	journal_reset(st);
	if (rc || read_steps(j, out, e)) {
		journal_job_clear(out);
		return -1;
	}
	return 0;
}

static int load_once(struct journal *j, const char *id, struct journal_job *out,
		     struct err *e)
{
	AUTO(mem_freep) char *owner = NULL;
	int rc;

	if (journal_read_begin(j, e))
		return -1;
	rc = journal_load_in(j, id, out, e);
	if (!rc && journal_holder(j, id, &out->pulse, &owner, e)) {
		journal_job_clear(out);
		rc = -1;
	}
	journal_read_end(j);
	return rc;
}

int journal_load(struct journal *j, const char *id, struct journal_job *out,
		 struct err *e)
{
	unsigned tries = 0;

	while (load_once(j, id, out, e))
		if (!journal_read_again(j, &tries, e))
			return -1;
	return 0;
}

int journal_jobs(struct journal *j, journal_each_job *fn, void *arg,
		 struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "list-jobs");
	bool more = true;
	int rc = 1;

	while (more && (rc = journal_step_row(j, st, e)) > 0) {
		struct journal_job job;

		rc = journal_read_job(j, st, &job, e);
		if (!rc)
			more = fn(arg, &job);
		journal_job_clear(&job);
		if (rc)
			break;
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

int journal_open_jobs(struct journal *j, const char *instance, size_t *n,
		      char id[JOURNAL_ID_MAX], struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "open-jobs");
	int rc;

	*n = 0;
	id[0] = '\0';
	journal_bind(st, ":instance", instance);
	while ((rc = journal_step_row(j, st, e)) > 0)
		if (!(*n)++)
			snprintf(id, JOURNAL_ID_MAX, "%s", journal_text(st, 0));
	return rc;
}
