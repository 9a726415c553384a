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

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
#define BEAT (5 * SECOND)
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
		if (taken > (lost ? PATIENCE_LOST : PATIENCE) ||
		    (stop_requested() && !lost && tries))
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

/* --- who is there */

void journal_writer_init(struct journal *j)
{
	uuid_random(j->writer);
}

/* A statement about our row; nothing depends on it. */
static void about_writer(struct journal *j, const char *name)
{
	struct err e = ERR_INIT;
	struct store_stmt *st = journal_stmt(j, name);

	journal_bind(st, ":writer", j->writer);
	if (journal_exec(j, st, &e))
		log_debug("journal: %s: %s", name, err_msg(&e));
	err_clear(&e);
}

void journal_writer_end(struct journal *j)
{
	if (!*j->writer || !j->writes)
		return;
	about_writer(j, "shared-end");
	about_writer(j, "shared-sweep");
}

void journal_beat(struct journal *j)
{
	int64_t now = clock_mono_us();

	if (!j->writes || !*j->writer || now - j->beat_us < BEAT)
		return;
	about_writer(j, "shared-beat");
	/* A server that does not answer is not asked all the time. */
	j->beat_us = clock_mono_us();
}

bool journal_owner_gone(const char *owner)
{
	const char *pid = owner ? strstr(owner, " pid ") : NULL;
	char host[65] = "";
	long n;

	if (!pid || gethostname(host, sizeof(host) - 1) ||
	    strlen(host) != (size_t)(pid - owner) ||
	    strncmp(host, owner, strlen(host)) != 0)
		return false;
	n = strtol(pid + 5, NULL, 10);
	/* Signal 0 only asks. */
	return n > 0 && kill((pid_t)n, 0) && errno == ESRCH;
}

int journal_hold(struct journal *j, const char *id, struct err *e)
{
	struct store_stmt *st;

	if (!j->s->shared)
		return 0;
	st = journal_stmt(j, "shared-hold");
	journal_bind(st, ":writer", j->writer);
	journal_bind(st, ":id", id);
	return journal_exec(j, st, e);
}

int journal_in_batch(struct journal *j, const char *id, struct err *e)
{
	struct store_stmt *st;

	if (!j->s->shared)
		return 0;
	st = journal_stmt(j, "shared-batch");
	journal_bind(st, ":id", id);
	return journal_exec(j, st, e);
}

int journal_holder(struct journal *j, const char *id, enum journal_pulse *out,
		   char **owner, struct err *e)
{
	struct store_stmt *st;
	int64_t silent;
	int rc;

	*out = PULSE_UNKNOWN;
	*owner = NULL;
	if (!j->s->shared)
		return 0;
	st = journal_stmt(j, "shared-holder");
	journal_bind(st, ":id", id);
	rc = journal_step_row(j, st, e);
	*out = PULSE_NONE;
	if (rc > 0 && journal_text0(st, 0)) {
		silent = journal_int(st, 2);
		*owner = mem_strdup(journal_text(st, 1));
		/* A clock of the cluster may be behind another's. */
		if (silent < JOURNAL_LEASE_US && silent > -JOURNAL_LEASE_US &&
		    strcmp(journal_text(st, 0), j->writer) != 0 &&
		    !journal_owner_gone(*owner))
			*out = PULSE_BEATS;
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

int journal_only_one(struct journal *j, const struct journal_job *job,
		     struct err *e)
{
	struct store_stmt *st;
	char other[JOURNAL_ID_MAX] = "";
	int rc;

	if (!j->s->shared || !job->instance)
		return 0;
	st = journal_stmt(j, "open-jobs");
	journal_bind(st, ":instance", job->instance);
	while ((rc = journal_step_row(j, st, e)) > 0)
		if (!*other && strcmp(journal_text(st, 0), job->id) != 0)
			memcpy(other, journal_text(st, 0),
			       strnlen(journal_text(st, 0), sizeof(other) - 1));
	if (rc < 0)
		return -1;
	if (!*other)
		return 0;
	err_set(e, ERR_LOCKED, "instance %s: job %s is open", job->instance,
		other);
	return err_hint(e, "novahaul resume %s, or novahaul rollback %s", other,
			other);
}
