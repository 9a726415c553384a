/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions, records and events of one job: writes under an epoch, reads. */
#include "engine/journal_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

struct mark {
	const char *id;
	const struct journal_step *s;
};

static int mark(struct journal *j, void *arg, struct err *e)
{
	struct mark *a = arg;
	struct store_stmt *st = journal_stmt(j, "mark");
	char text[64];

	journal_bind(st, ":mark", journal_mark_name(a->s->mark));
	journal_bind_int(st, ":attempt", a->s->attempt);
	journal_bind_time(st, ":started", a->s->started_us);
	journal_bind_time(st, ":ended", a->s->ended_us);
	journal_bind_int(st, ":sent", (int64_t)a->s->sent);
	journal_bind_int(st, ":read", (int64_t)a->s->read);
	journal_bind(st, ":id", a->id);
	journal_bind_int(st, ":idx", (int64_t)a->s->idx);
	if (journal_exec(j, st, e))
		return -1;
	if (journal_changed(j) != 1)
		return err_set(e, ERR_BUG, "job %s has no step %zu", a->id,
			       a->s->idx);
	if (a->s->attempt > 1)
		snprintf(text, sizeof(text), "%s, attempt %u",
			 journal_mark_name(a->s->mark), a->s->attempt);
	else
		snprintf(text, sizeof(text), "%s",
			 journal_mark_name(a->s->mark));
	return journal_add_event(j, a->id, (long)a->s->idx, "mark", text, e);
}

int journal_mark(struct journal *j, const struct journal_key *k,
		 const struct journal_step *s, struct err *e)
{
	struct mark a = {k->id, s};
	struct journal_write w = {"the state of a step", k, mark, &a};

	return journal_write(j, &w, e);
}

struct record {
	const char *id;
	const struct journal_record *r;
};

static int record(struct journal *j, void *arg, struct err *e)
{
	struct record *a = arg;
	struct store_stmt *st = journal_stmt(j, "add-record");
	char *text = json_dumps(a->r->value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		return err_set(e, ERR_BUG, "record %s is no JSON", a->r->key);
	journal_bind(st, ":id", a->id);
	journal_bind_int(st, ":idx", (int64_t)a->r->idx);
	journal_bind_int(st, ":now", clock_now_us());
	journal_bind(st, ":key", a->r->key);
	journal_bind(st, ":value", text);
	free(text); /* allowed: jansson's allocator */
	return journal_exec(j, st, e);
}

int journal_record(struct journal *j, const struct journal_key *k,
		   const struct journal_record *r, struct err *e)
{
	struct record a = {k->id, r};
	struct journal_write w = {"a record", k, record, &a};

	return journal_write(j, &w, e);
}

struct say {
	const char *id, *text;
	size_t idx;
};

static int say(struct journal *j, void *arg, struct err *e)
{
	struct say *a = arg;

	return journal_add_event(j, a->id, (long)a->idx, "say", a->text, e);
}

int journal_say(struct journal *j, const struct journal_key *k, size_t idx,
		const char *text, struct err *e)
{
	struct say a = {k->id, text, idx};
	struct journal_write w = {"a line", k, say, &a};

	return journal_write(j, &w, e);
}

/* --- what an operator asks */

struct ask {
	const char *id;
	const struct journal_asked *a;
};

static int is_open(struct journal *j, const char *id, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "get-job");
	int rc;

	journal_bind(st, ":id", id);
	rc = journal_step_row(j, st, e);
	if (rc > 0 &&
	    journal_state_by_name(journal_text(st, 1)) != JOURNAL_OPEN)
		rc = err_set(e, ERR_REFUSED, "job %s is finished", id);
	journal_reset(st);
	return rc > 0 ? 0 : -1;
}

static int ask(struct journal *j, void *arg, struct err *e)
{
	struct ask *a = arg;
	struct journal_record r = {.key = a->a->key, .value = a->a->value};

	if (is_open(j, a->id, e) || record(j, &(struct record){a->id, &r}, e))
		return -1;
	return journal_add_event(j, a->id, 0, "say", a->a->text, e);
}

int journal_ask(struct journal *j, const char *id,
		const struct journal_asked *a, struct err *e)
{
	struct ask arg = {id, a};

	/* Taken over between the look and the write: another look. */
	for (int tries = 0;; tries++) {
		struct journal_job job;
		struct journal_key k;
		struct journal_write w = {"what was asked", &k, ask, &arg};

		if (journal_load(j, id, &job, e))
			return -1;
		k = journal_key(&job);
		journal_job_clear(&job);
		if (!journal_write(j, &w, e))
			return 0;
		if (e->kind != ERR_STALE || tries == 5)
			return -1;
		err_clear(e);
	}
}

int journal_asked(struct journal *j, const char *id, const char *key,
		  json_t **value, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "get-asked");
	int rc;

	*value = NULL;
	journal_bind(st, ":id", id);
	journal_bind(st, ":key", key);
	rc = journal_step_row(j, st, e);
	if (rc > 0)
		*value = json_loads(journal_text(st, 0), JSON_DECODE_ANY, NULL);
	if (rc > 0 && !*value)
		rc = err_set(e, ERR_FAILED,
			     "journal %s: job %s: record %s is damaged",
			     journal_path(j), id, key);
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

/* --- reading */

int journal_read_records(struct journal *j, struct store_stmt *st,
			 const struct journal_reader *r, struct err *e)
{
	bool more = true;
	int rc = 0;

	journal_bind(st, ":id", r->id);
	while (more && (rc = journal_step_row(j, st, e)) > 0) {
		const char *text = journal_text(st, 4);
		json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
		struct journal_record rec = {
			.seq = (uint64_t)journal_int(st, 0),
			.idx = (size_t)journal_int(st, 1),
			.ts_us = journal_int(st, 2),
			.key = journal_text(st, 3),
			.value = v,
		};

		if (!v) {
			rc = err_set(e, ERR_FAILED,
				     "journal %s: %s %s: record %s is damaged",
				     journal_path(j), r->what, r->id, rec.key);
			break;
		}
		more = r->record(r->arg, &rec);
		json_decref(v);
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

int journal_read_events(struct journal *j, struct store_stmt *st,
			const struct journal_reader *r, struct err *e)
{
	bool more = true;
	int rc = 0;

	journal_bind(st, ":id", r->id);
	journal_bind_int(st, ":after", (int64_t)r->after);
	while (more && (rc = journal_step_row(j, st, e)) > 0) {
		struct journal_event ev = {
			.seq = (uint64_t)journal_int(st, 0),
			.ts_us = journal_int(st, 1),
			.epoch = (uint64_t)journal_int(st, 2),
			.idx = (long)journal_int(st, 3),
			.kind = journal_text(st, 4),
			.text = journal_text(st, 5),
		};

		more = r->event(r->arg, &ev);
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

int journal_records(struct journal *j, const char *id, bool latest,
		    journal_each_record *fn, void *arg, struct err *e)
{
	return journal_read_records(
		j, journal_stmt(j, latest ? "get-latest" : "get-records"),
		&(struct journal_reader){
			.what = "job", .id = id, .record = fn, .arg = arg},
		e);
}

int journal_events(struct journal *j, const char *id, uint64_t after,
		   journal_each_event *fn, void *arg, struct err *e)
{
	return journal_read_events(
		j, journal_stmt(j, "get-events"),
		&(struct journal_reader){
			.id = id, .after = after, .event = fn, .arg = arg},
		e);
}

struct kept {
	const struct journal_job *job;
	uint64_t bytes;
};

static bool add_kept(void *arg, const struct journal_record *r)
{
	struct kept *k = arg;

	bool undone = r->idx < k->job->nsteps &&
		      k->job->steps[r->idx].mark == MARK_UNDONE;

	if ((!strcmp(r->key, "kept_bytes") && !undone) ||
	    !strcmp(r->key, "left_bytes"))
		k->bytes += (uint64_t)json_integer_value(r->value);
	return true;
}

int journal_kept(struct journal *j, const char *id, uint64_t *bytes,
		 struct err *e)
{
	struct journal_job job;
	struct kept k = {.job = &job};
	int rc;

	*bytes = 0;
	if (journal_load(j, id, &job, e))
		return -1;
	rc = job.purged_us ? 0 : journal_records(j, id, true, add_kept, &k, e);
	if (!rc)
		*bytes = k.bytes;
	journal_job_clear(&job);
	return rc;
}
