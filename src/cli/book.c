/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments, records and the report of a run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/book_priv.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "core/clock.h"

const char *book_text(const struct runbook_step *s, const char *key)
{
	return json_string_value(json_object_get(s->args, key));
}

int64_t book_number(const struct runbook_step *s, const char *key)
{
	return json_integer_value(json_object_get(s->args, key));
}

enum app_tristate book_flag(const struct runbook_step *s, const char *key)
{
	const json_t *v = json_object_get(s->args, key);

	return json_is_true(v)	  ? APP_YES
	       : json_is_false(v) ? APP_NO
				  : APP_UNSET;
}

void book_texts(const struct runbook_step *s, const char *key, struct strv *out)
{
	const json_t *list = json_object_get(s->args, key), *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (json_is_string(v))
			strv_add(out, json_string_value(v));
}

enum app_control book_control(const struct runbook_step *s)
{
	const char *word = book_text(s, "control");

	for (int i = 0; word && request_controls[i]; i++)
		if (!strcmp(request_controls[i], word))
			return (enum app_control)i;
	return APP_CONTROL_AUTO;
}

void app_server_clear(struct app_server *s)
{
	mem_free(s->vm_state);
	mem_free(s->task);
	*s = (struct app_server){0};
}

/* ---- profiles */

enum { PROFILES_MAX = 100000 }; /* of one string of an environment: 128 KiB */

int book_profile(const struct runbook *rb, struct app *a, struct config *c,
		 struct err *e)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (!json_array_size(rb->profiles))
		return 0;
	out_json(&text, rb->profiles, JSON_COMPACT);
	if (text.len > PROFILES_MAX)
		return err_set(e, ERR_REFUSED,
			       "the runbook's profiles are too long: put them "
			       "into novahaul.conf");
	if (setenv(CONFIG_PROFILES, buf_str(&text), 1))
		return err_sys(e, ERR_FAILED, errno, "setting the profiles");
	if (config_load(a->config->file, c, e)) {
		unsetenv(CONFIG_PROFILES);
		return -1;
	}
	a->config = c;
	return 0;
}

void book_unprofile(struct config *c)
{
	unsetenv(CONFIG_PROFILES);
	config_clear(c);
}

/* ---- records */

int book_record(struct book *b, size_t i, const char *key, json_t *v,
		struct err *e)
{
	struct journal_record r = {.idx = i, .key = key, .value = v};
	int rc = batch_record(b->j, &b->k, &r, e);

	json_decref(v);
	return rc;
}

struct search {
	size_t idx;
	const char *key;
	json_t *found;
};

static bool look(void *arg, const struct journal_record *r)
{
	struct search *s = arg;

	if (r->idx != s->idx || strcmp(r->key, s->key) != 0)
		return true;
	json_decref(s->found);
	s->found = json_deep_copy(r->value);
	return true;
}

int book_recorded(struct book *b, size_t i, const char *key, json_t **out,
		  struct err *e)
{
	struct search s = {.idx = i, .key = key};
	int rc = batch_records(b->j, b->b.id, true, look, &s, e);

	*out = s.found;
	return rc;
}

int book_note(struct book *b, size_t i, struct err *e, const char *fmt, ...)
{
	AUTO(mem_freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	progress_note(b->a->progress, "%s: %s", b->rb.steps[i].name, text);
	return book_record(b, i, "note", json_string(text), e);
}

/* ---- the report */

static void put_time(json_t *o, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_MAX];

	if (!us)
		return;
	clock_iso(us, iso);
	json_object_set_new(o, key, json_string(iso));
}

/* What the step ran as: a batch, or the newest job. */
static void put_job(struct book *b, size_t i, json_t *o)
{
	struct journal_job job = {0};
	struct err ignored = ERR_INIT;
	AUTO(mem_freep) char *id = book_batch(b, i);

	if (id)
		json_object_set_new(o, "job", json_string(id));
	if (!book_job(b, i, &job, &ignored) && *job.id)
		json_object_set_new(o, "job", json_string(job.id));
	journal_job_clear(&job);
	err_clear(&ignored);
}

static json_t *step_json(struct book *b, size_t i)
{
	const struct runbook_step *s = &b->rb.steps[i];
	const struct batch_member *m = &b->b.members[i];
	struct err ignored = ERR_INIT;
	json_t *note = NULL;
	json_t *o =
		json_pack("{s:s, s:s, s:s, s:s, s:i}", "step", s->name, "name",
			  s->name, "type", runbook_type_name(s->type), "state",
			  batch_member_state_name(m->state), "attempts",
			  (int)m->attempts);

	put_time(o, "started", m->started_us);
	put_time(o, "ended", m->ended_us);
	put_job(b, i, o);
	if (!book_recorded(b, i, "note", &note, &ignored) && note)
		json_object_set(o, "note", note);
	json_decref(note);
	err_clear(&ignored);
	if (m->why.kind != ERR_NONE)
		json_object_set_new(o, "why", json_string(err_msg(&m->why)));
	return o;
}

json_t *book_report_json(struct book *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->rb.n; i++)
		json_array_append_new(list, step_json(b, i));
	return json_pack("{s:i, s:s, s:s, s:s, s:o, s:O}", "schema_version", 1,
			 "run", b->b.id, "name", b->rb.name, "state",
			 batch_state_name(b->b.state), "steps", list, "stays",
			 b->stays);
}
