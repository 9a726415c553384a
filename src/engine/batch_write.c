/* SPDX-License-Identifier: Apache-2.0 */
/* Writes under a batch's epoch, what is asked of it, and its history. */
#include "engine/batch_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

int batch_add_event(struct journal *j, const char *id, long idx,
		    const char *kind, const char *text, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-add-event");

	journal_bind(st, ":id", id);
	journal_bind_int(st, ":now", clock_now_us());
	if (idx >= 0)
		journal_bind_int(st, ":idx", idx);
	journal_bind(st, ":kind", kind);
	journal_bind(st, ":text", text);
	return journal_exec(j, st, e);
}

struct take {
	struct batch *b;
	const struct journal_takeover *t;
};

static int take(struct journal *j, void *arg, struct err *e)
{
	struct take *a = arg;
	struct store_stmt *st = journal_stmt(j, "batch-take");
	AUTO(mem_freep) char *text = NULL;

	journal_bind_int(st, ":now", clock_now_us());
	journal_bind(st, ":dir", journal_dir_name(a->t->dir));
	journal_bind(st, ":owner", a->t->owner);
	journal_bind(st, ":id", a->b->id);
	journal_bind_int(st, ":epoch", (int64_t)a->b->epoch);
	/* Whoever had it may have finished it, or turned it round, since it
	 * was loaded. */
	journal_bind(st, ":was", batch_state_name(a->b->state));
	journal_bind(st, ":was_dir", journal_dir_name(a->b->dir));
	if (journal_exec(j, st, e))
		return -1;
	if (journal_changed(j) != 1)
		return err_set(e, ERR_STALE,
			       "another process took the batch over first, or "
			       "went on with it");
	if (journal_not_attended(j, a->b->id, e) ||
	    journal_hold(j, a->b->id, e))
		return -1;
	text = mem_printf("epoch %" PRIu64 ", %s, by %s", a->b->epoch + 1,
			  journal_dir_name(a->t->dir),
			  a->t->owner ? a->t->owner : "nobody");
	return batch_add_event(j, a->b->id, -1, "batch", text, e);
}

int batch_take(struct journal *j, struct batch *b,
	       const struct journal_takeover *t, struct err *e)
{
	struct take a = {b, t};
	struct journal_write w = {"taking the batch over", NULL, take, &a};
	struct batch now;

	if (journal_write(j, &w, e))
		return -1;
	/* Whoever had it may have written more of its members since B was read:
	 * a frozen controller that woke just then.  Under our epoch nobody else
	 * writes any more. */
	if (batch_load(j, b->id, &now, e)) {
		err_wrap(e, "batch %s: reading it once it was taken over",
			 b->id);
		return err_hint(e, "novahaul resume %s", b->id);
	}
	batch_clear(b);
	*b = now;
	return 0;
}

struct member {
	const char *id;
	const struct batch_member *m;
};

static int member(struct journal *j, void *arg, struct err *e)
{
	const struct member *a = arg;
	const struct batch_member *m = a->m;
	struct store_stmt *st = journal_stmt(j, "batch-member");
	bool why = m->why.kind != ERR_NONE;
	AUTO(mem_freep) char *text = NULL;

	journal_bind(st, ":target", m->target);
	journal_bind(st, ":state", batch_member_state_name(m->state));
	journal_bind_int(st, ":attempts", m->attempts);
	journal_bind_time(st, ":started", m->started_us);
	journal_bind_time(st, ":ended", m->ended_us);
	journal_bind_error(st, ":why", &m->why);
	journal_bind(st, ":id", a->id);
	journal_bind_int(st, ":idx", (int64_t)m->idx);
	if (journal_exec(j, st, e))
		return -1;
	if (journal_changed(j) != 1)
		return err_set(e, ERR_BUG, "batch %s has no member %zu", a->id,
			       m->idx);
	text = mem_printf("%s%s%s%s%s", batch_member_state_name(m->state),
			  m->target ? ", to " : "", m->target ? m->target : "",
			  why ? ": " : "", why ? err_msg(&m->why) : "");
	return batch_add_event(j, a->id, (long)m->idx, "member", text, e);
}

int batch_member_set(struct journal *j, const struct journal_key *k,
		     const struct batch_member *m, struct err *e)
{
	struct member a = {k->id, m};
	struct journal_write w = {"the state of a member", k, member, &a};

	return journal_write(j, &w, e);
}

struct turn {
	const char *id;
	const struct batch_turn *t;
};

static int turn(struct journal *j, void *arg, struct err *e)
{
	const struct turn *a = arg;
	struct store_stmt *st = journal_stmt(j, "batch-turn");
	bool ended = a->t->state != BATCH_OPEN;
	AUTO(mem_freep) char *text = NULL;

	journal_bind(st, ":state", batch_state_name(a->t->state));
	journal_bind(st, ":dir", journal_dir_name(a->t->dir));
	journal_bind_error(st, ":error", a->t->why);
	journal_bind_time(st, ":ended", ended ? clock_now_us() : 0);
	journal_bind(st, ":id", a->id);
	if (journal_exec(j, st, e))
		return -1;
	text = mem_printf("%s, %s%s%s", batch_state_name(a->t->state),
			  journal_dir_name(a->t->dir), a->t->why ? ": " : "",
			  a->t->why ? err_msg(a->t->why) : "");
	return batch_add_event(j, a->id, -1, "batch", text, e);
}

int batch_turn(struct journal *j, const struct journal_key *k,
	       const struct batch_turn *t, struct err *e)
{
	struct turn a = {k->id, t};
	struct journal_write w = {"the state of the batch", k, turn, &a};

	return journal_write(j, &w, e);
}

struct say {
	const char *id, *text;
	long idx;
};

static int say(struct journal *j, void *arg, struct err *e)
{
	const struct say *a = arg;

	return batch_add_event(j, a->id, a->idx, "say", a->text, e);
}

int batch_say(struct journal *j, const struct journal_key *k, long idx,
	      const char *text, struct err *e)
{
	struct say a = {k->id, text, idx};
	struct journal_write w = {"a line", k, say, &a};

	return journal_write(j, &w, e);
}

struct record {
	const char *id, *key;
	const json_t *value;
	long idx;
};

static int record(struct journal *j, void *arg, struct err *e)
{
	const struct record *a = arg;
	struct store_stmt *st = journal_stmt(j, "batch-add-record");

	if (!a->value)
		return err_set(e, ERR_BUG, "record %s is no JSON", a->key);
	journal_bind(st, ":id", a->id);
	journal_bind_int(st, ":idx", a->idx);
	journal_bind_int(st, ":now", clock_now_us());
	journal_bind(st, ":key", a->key);
	journal_bind_json(st, ":value", a->value);
	return journal_exec(j, st, e);
}

int batch_record(struct journal *j, const struct journal_key *k,
		 const struct journal_record *r, struct err *e)
{
	struct record a = {k->id, r->key, r->value, (long)r->idx};
	struct journal_write w = {"a record", k, record, &a};

	return journal_write(j, &w, e);
}

int batch_still(struct journal *j, const struct journal_key *k, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-epoch");
	int rc;

	journal_bind(st, ":id", k->id);
	rc = journal_step_row(j, st, e);
	if (rc >= 0 && (!rc || (uint64_t)journal_int(st, 0) != k->epoch)) {
		err_set(e, ERR_STALE,
			"another controller has taken the batch over");
		rc = -1;
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

/* --- what an operator asks */

struct ask {
	const char *id;
	const struct journal_asked *a;
};

static int ask(struct journal *j, void *arg, struct err *e)
{
	const struct ask *a = arg;
	struct record r = {a->id, a->a->key, a->a->value, -1};
	struct store_stmt *st = journal_stmt(j, "batch-epoch");
	bool open;
	int rc;

	journal_bind(st, ":id", a->id);
	rc = journal_step_row(j, st, e);
	open = rc > 0 &&
	       !strcmp(journal_text(st, 1), batch_state_name(BATCH_OPEN));
	journal_reset(st);
	if (rc < 0)
		return -1;
	if (!open)
		return err_set(e, ERR_REFUSED, "batch %s is finished", a->id);
	return record(j, &r, e) ||
	       batch_add_event(j, a->id, -1, "say", a->a->text, e);
}

int batch_ask(struct journal *j, const char *id, const struct journal_asked *a,
	      struct err *e)
{
	struct ask arg = {id, a};

	/* Taken over between the look and the write: another look. */
	for (int tries = 0;; tries++) {
		struct batch b;
		struct journal_key k;
		struct journal_write w = {"what was asked", &k, ask, &arg};

		if (batch_load(j, id, &b, e))
			return -1;
		k = batch_key(&b);
		batch_clear(&b);
		if (!journal_write(j, &w, e))
			return 0;
		if (e->kind != ERR_STALE || tries == 5)
			return -1;
		err_clear(e);
	}
}

static int damaged(struct journal *j, const char *id, const char *key,
		   struct err *e)
{
	return err_set(e, ERR_FAILED,
		       "journal %s: batch %s: record %s is damaged",
		       journal_path(j), id, key);
}

int batch_asked(struct journal *j, const char *id, const char *key,
		json_t **value, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "batch-get-asked");
	int rc;

	*value = NULL;
	journal_bind(st, ":id", id);
	journal_bind(st, ":key", key);
	rc = journal_step_row(j, st, e);
	if (rc > 0)
		*value = json_loads(journal_text(st, 0), JSON_DECODE_ANY, NULL);
	if (rc > 0 && !*value)
		rc = damaged(j, id, key, e);
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

/* --- reading */

int batch_records(struct journal *j, const char *id, bool latest,
		  journal_each_record *fn, void *arg, struct err *e)
{
	return journal_read_records(
		j,
		journal_stmt(j,
			     latest ? "batch-get-latest" : "batch-get-records"),
		&(struct journal_reader){
			.what = "batch", .id = id, .record = fn, .arg = arg},
		e);
}

int batch_events(struct journal *j, const char *id, uint64_t after,
		 journal_each_event *fn, void *arg, struct err *e)
{
	return journal_read_events(
		j, journal_stmt(j, "batch-get-events"),
		&(struct journal_reader){
			.id = id, .after = after, .event = fn, .arg = arg},
		e);
}
