/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to write, alone or among several operators.
 *
 * In a file a write is made once.  In a database that others share it meets
 * their writes, and the network: one that the server undid (a deadlock, or a
 * certification conflict in a Galera cluster) is made again from its BEGIN, and
 * so is one whose connection broke before its COMMIT.  A COMMIT without an
 * answer is the hard case.  Every write sets the number of its process's row in
 * `writers`, in the same transaction: the next try locks that row, and what
 * stands there is whether the write was made.  If the lost COMMIT still arrives
 * afterwards, it and the new try have written the same row, and the database
 * lets only one of them through; the other try sees that.
 */
#include "config.h"

#include "engine/journal_priv.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/stop.h"

#define SECOND 1000000
/* How long a write is tried again that certainly was not made; the engine, who
 * can keep the hosts company meanwhile, tries on. */
#define PATIENCE (20 * SECOND)
/* One that may have been made: longer than the server keeps the session of a
 * client that it does not hear (db/mysql.c), which holds the locks. */
#define PATIENCE_LOST (60 * SECOND)
#define PAUSE_MAX (2 * SECOND)

static int guard(struct journal *j, const struct journal_key *k, struct err *e)
{
	bool batch = journal_id_ok('b', k->id);
	struct store_stmt *st =
		journal_stmt(j, batch ? "guard-batch" : "guard");

	journal_bind_int(st, ":now", clock_now_us());
	journal_bind(st, ":id", k->id);
	journal_bind_int(st, ":epoch", (int64_t)k->epoch);
	if (journal_exec(j, st, e))
		return -1;
	if (journal_changed(j) != 1) {
		err_set(e, ERR_STALE,
			"another controller has taken the %s over (ours was "
			"epoch %llu)",
			batch ? "batch" : "job", (unsigned long long)k->epoch);
		return err_hint(e, "novahaul show %s", k->id);
	}
	return 0;
}

/* --- among several operators */

/* Did the write that our COMMIT was lost of come to be? */
static int was_made(struct journal *j, bool *made, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "shared-written");
	int rc;

	journal_bind(st, ":writer", j->writer);
	rc = journal_step_row(j, st, e);
	*made = rc > 0 && (uint64_t)journal_int(st, 0) == j->writes;
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

static int sign(struct journal *j, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "shared-write");
	char owner[96];

	journal_owner(owner, sizeof(owner));
	journal_bind(st, ":writer", j->writer);
	journal_bind_int(st, ":n", (int64_t)j->writes);
	journal_bind(st, ":owner", owner);
	journal_bind(st, ":place", j->place);
	return journal_exec(j, st, e);
}

/* One try.  LOST: an earlier one may have been made. */
static int write_once(struct journal *j, const struct journal_write *w,
		      bool lost, struct err *e)
{
	const struct store_ops *o = j->s->ops;
	bool made = false;

	if (o->begin(j->s, STORE_WRITE, e)) {
		o->rollback(j->s);
		return -1;
	}
	if (lost && was_made(j, &made, e)) {
		o->rollback(j->s);
		return -1;
	}
	if (made) {
		o->rollback(j->s);
		return 0;
	}
	if ((j->s->shared && *j->writer && sign(j, e)) ||
	    (w->key && guard(j, w->key, e)) || w->body(j, w->arg, e) ||
	    o->commit(j->s, e)) {
		o->rollback(j->s);
		return -1;
	}
	return 0;
}

static void pause_before(unsigned tries)
{
	int64_t us = (int64_t)10000 << (tries < 8 ? tries : 8);
	uint16_t r;

	/* Two that met must not meet again. */
	random_bytes(&r, sizeof(r));
	us = us < PAUSE_MAX ? us : PAUSE_MAX;
	clock_sleep_us(us / 2 + us / 2 * r / UINT16_MAX);
}

static int write_shared(struct journal *j, const struct journal_write *w,
			struct err *e)
{
	int64_t start = clock_mono_us();
	bool lost = false;

	j->writes++;
	for (unsigned tries = 0;; tries++) {
		int64_t taken;

		j->s->again = false;
		if (!write_once(j, w, lost, e)) {
			j->beat_us = clock_mono_us();
			return 0;
		}
		lost |= e->kind == ERR_LOST;
		if (e->kind != ERR_LOST && !j->s->again)
			return -1;
		taken = clock_mono_us() - start;
		/* The first may have spent all of it on one frozen server. */
		if (tries && (taken > (lost ? PATIENCE_LOST : PATIENCE) ||
			      (stop_requested() && !lost)))
			break;
		log_debug("journal: %s: again: %s", w->what, err_msg(e));
		err_clear(e);
		pause_before(tries);
	}
	e->kind = lost ? ERR_LOST : ERR_RETRY;
	return -1;
}

int journal_write(struct journal *j, const struct journal_write *w,
		  struct err *e)
{
	int rc;

	if (j->hook && j->hook(j->hook_arg, JOURNAL_BEFORE, w->what))
		return err_set(e, ERR_FAILED, "journal %s: %s: write failed",
			       journal_path(j), w->what);
	j->s->full = false;
	rc = j->s->shared ? write_shared(j, w, e) : write_once(j, w, false, e);
	if (rc && j->s->full && journal_give_up_reserve(j)) {
		err_clear(e);
		rc = write_once(j, w, false, e);
	}
	if (rc)
		return err_wrap(e, "writing down: %s", w->what);
	if (j->hook)
		j->hook(j->hook_arg, JOURNAL_AFTER, w->what);
	return 0;
}

void journal_set_hook(struct journal *j, journal_hook *fn, void *arg)
{
	j->hook = fn;
	j->hook_arg = arg;
}
