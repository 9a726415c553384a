/* SPDX-License-Identifier: Apache-2.0 */
/* What a step may ask of the engine (step.h). */
#include "engine/step.h"

#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/stop.h"
#include "engine/txn_priv.h"

enum { ASKED_US = 1000000 };

void *step_world(const struct step_ctx *c)
{
	return c->t->env->world;
}

const json_t *step_params(const struct step_ctx *c)
{
	const json_t *steps = json_object_get(c->t->job.plan, "steps");

	return json_object_get(json_array_get(steps, c->idx), "params");
}

const char *step_job(const struct step_ctx *c)
{
	return c->t->job.id;
}

uint64_t step_epoch(const struct step_ctx *c)
{
	return c->t->job.epoch;
}

int step_record(struct step_ctx *c, const char *key, json_t *value,
		struct err *e)
{
	struct txn *t = c->t;
	struct journal_record r = {.idx = c->idx, .key = key, .value = value};

	if (!value)
		return err_set(e, ERR_BUG, "record %s of step %s is no JSON",
			       key, t->steps[c->idx]->name);
	if (journal_record(t->env->journal, &t->key, &r, e)) {
		json_decref(value);
		return -1;
	}
	json_object_set_new(t->records[c->idx], key, value);
	return txn_mirror(t, e);
}

int step_record_once(struct step_ctx *c, const char *key, json_t *value,
		     struct err *e)
{
	if (step_recall(c, key)) {
		json_decref(value);
		return 0;
	}
	return step_record(c, key, value, e);
}

const json_t *step_recall(const struct step_ctx *c, const char *key)
{
	return json_object_get(c->t->records[c->idx], key);
}

const json_t *step_recall_of(const struct step_ctx *c, const char *step,
			     const char *key)
{
	const struct txn *t = c->t;

	for (size_t i = 0; i < t->job.nsteps; i++) {
		const json_t *v = json_object_get(t->records[i], key);

		if (v && !strcmp(t->job.steps[i].name, step))
			return v;
	}
	return NULL;
}

/* A journal that cannot be read now leaves what was known. */
const json_t *step_asked(struct step_ctx *c, const char *key)
{
	struct txn *t = c->t;
	int64_t now = clock_mono_us();
	struct err e = ERR_INIT;
	json_t *v;

	if (!json_object_get(t->asked, key) || now - t->asked_us >= ASKED_US) {
		t->asked_us = now;
		if (journal_asked(t->env->journal, t->job.id, key, &v, &e)) {
			log_debug("%s", err_msg(&e));
			err_clear(&e);
		} else {
			json_object_set_new(t->asked, key, v ? v : json_null());
		}
	}
	v = json_object_get(t->asked, key);
	return json_is_null(v) ? NULL : v;
}

bool step_was_started(const struct step_ctx *c, const char *step)
{
	const struct txn *t = c->t;

	for (size_t i = 0; i < t->job.nsteps; i++)
		if (t->job.steps[i].attempt &&
		    !strcmp(t->job.steps[i].name, step))
			return true;
	return false;
}

bool step_is_done(const struct step_ctx *c, const char *step)
{
	const struct txn *t = c->t;

	for (size_t i = 0; i < t->job.nsteps; i++)
		if (t->job.steps[i].mark == MARK_DONE &&
		    !strcmp(t->job.steps[i].name, step))
			return true;
	return false;
}

void step_progress(struct step_ctx *c, uint64_t done, uint64_t total,
		   const char *what)
{
	struct txn *t = c->t;
	struct txn_event ev = {
		.kind = TXN_EV_PROGRESS,
		.job = t->job.id,
		.dir = t->job.dir,
		.idx = c->idx,
		.nsteps = t->job.nsteps,
		.step = t->steps[c->idx]->name,
		.summary = t->steps[c->idx]->summary,
		.done = done,
		.total = total,
		.text = what,
	};

	if (done)
		t->trouble_us = 0; /* the world answers */
	if (t->env->event)
		t->env->event(t->env->event_arg, &ev);
	txn_tick(t);
}

void step_add_bytes(struct step_ctx *c, uint64_t sent, uint64_t read)
{
	struct journal_step *s = &c->t->job.steps[c->idx];

	/* Written down with the next transition. */
	s->sent += sent;
	s->read += read;
}

void step_say(struct step_ctx *c, const char *fmt, ...)
{
	struct err e = ERR_INIT;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	txn_emit(c->t, c->idx, TXN_EV_SAY, text);
	/* Nothing depends on it: a stale or full journal shows at the next
	 * record. */
	if (journal_say(c->t->env->journal, &c->t->key, c->idx, text, &e)) {
		log_warn("%s", err_msg(&e));
		err_clear(&e);
	}
	mem_free(text);
}

int step_checkpoint(struct step_ctx *c, struct err *e)
{
	txn_tick(c->t);
	if (!stop_requested())
		return 0;
	return err_set(e, ERR_INTERRUPTED, "interrupted");
}
