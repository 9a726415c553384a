/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a transaction whose COMMIT got no answer.
 *
 * It may still be on its way: a plain read can be too early.  So first write
 * the very row that it wrote, in a new transaction on a new connection.  On one
 * server that waits until the lost one has ended; in a Galera cluster one of
 * the two fails certification, which is why the row must really change.  Then
 * look; and if the lost one did not happen, commit, so that it never can.
 */
#include "db/db_priv.h"

#include <string.h>
#include <strings.h>

struct ask {
	const struct db_question *q;
	const struct db_lease *by;
	enum db_outcome *out;
};

static const struct db_lease *asker(const struct db_question *q)
{
	return q->claim	     ? &q->claim->by
	       : q->takeover ? &q->takeover->by
	       : q->power    ? &q->power->by
	       : q->rewrite  ? &q->rewrite->by
	       : q->undo     ? &q->undo->by
	       : q->release  ? &q->release->by
			     : NULL;
}

/* Is our token there?  One of a later epoch is ERR_STALE. */
static int holding(struct my_conn *c, const struct db_lease *by, bool *us,
		   struct err *e)
{
	AUTO(mem_freep) char *value = NULL;
	char job[DB_TOKEN_MAX], token[DB_TOKEN_MAX];
	unsigned epoch;

	if (txn_reason(c, by->uuid, &value, e))
		return -1;
	db_token(by, token);
	*us = value && !strcmp(value, token);
	if (!*us && db_token_parse(value, job, &epoch) &&
	    !strcmp(job, by->job) && epoch > by->epoch)
		return txn_token_lost(by, value, e);
	return 0;
}

/* claim, takeover, release: the token itself tells.  A takeover has written
 * the token's row alone, the others the instance's too. */
static int ask_token(struct my_conn *c, const struct ask *a, struct err *e)
{
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {ARG_TEXT("u", a->by->uuid),
				       ARG_TEXT("now", now)};
	bool matched = false, us = false;

	txn_now(now);
	if (txn_one(c, a->q->takeover ? "w.touch_token" : "w.touch",
		    SQL_ARGS(args), &matched, e) ||
	    holding(c, a->by, &us, e))
		return -1;
	*a->out = us == !a->q->release ? DB_APPLIED : DB_NOT_APPLIED;
	return 0;
}

static int ask_power(struct my_conn *c, const struct ask *a, struct err *e)
{
	const struct db_power *p = a->q->power;
	AUTO(db_instance_clear) struct db_instance i = {0};

	if (txn_token(c, a->by, e) || instance_read(c, a->by->uuid, &i, e))
		return -1;
	if (i.vm_state && !strcasecmp(i.vm_state, p->vm_to))
		*a->out = DB_APPLIED;
	else if (i.vm_state && !strcasecmp(i.vm_state, p->vm_from))
		*a->out = DB_NOT_APPLIED;
	else
		return err_set(e, ERR_CONFLICT,
			       "instance %s: vm_state is %s, neither %s nor %s",
			       a->by->uuid, i.vm_state ? i.vm_state : "unset",
			       p->vm_from, p->vm_to);
	return 0;
}

static int ask_rewrite(struct my_conn *c, const struct ask *a, struct err *e)
{
	bool undo = a->q->undo != NULL;
	enum db_moved m;

	if (txn_token(c, a->by, e) ||
	    rewrite_moved(c, undo ? a->q->undo : a->q->rewrite, &m, e))
		return -1;
	switch (m) {
	case DB_MOVED_NO:
		*a->out = undo ? DB_OUTCOME_UNKNOWN : DB_NOT_APPLIED;
		break;
	case DB_MOVED_YES:
	case DB_MOVED_SETTLED:
		*a->out = undo ? DB_NOT_APPLIED : DB_APPLIED;
		break;
	case DB_MOVED_UNDONE:
		*a->out = undo ? DB_APPLIED : DB_OUTCOME_UNKNOWN;
		break;
	case DB_MOVED_UNKNOWN:
		break;
	}
	if (*a->out != DB_OUTCOME_UNKNOWN)
		return 0;
	return err_set(e, ERR_CONFLICT,
		       "instance %s: someone else has written its host or the "
		       "record of this move",
		       a->by->uuid);
}

static int ask_body(struct my_conn *c, const void *arg, bool *commit,
		    struct err *e)
{
	const struct ask *a = arg;
	int r;

	*a->out = DB_OUTCOME_UNKNOWN;
	if (a->q->power)
		r = ask_power(c, a, e);
	else if (a->q->rewrite || a->q->undo)
		r = ask_rewrite(c, a, e);
	else
		r = ask_token(c, a, e);
	if (r)
		return -1;
	/* Applied: nothing left to forestall, so change nothing. */
	*commit = *a->out == DB_NOT_APPLIED;
	return 0;
}

int db_op_outcome(struct db *db, const struct db_question *q,
		  enum db_outcome *out, struct err *e)
{
	struct my_db *d = MY(db);
	struct ask a = {.q = q, .by = asker(q), .out = out};

	*out = DB_OUTCOME_UNKNOWN;
	if (!a.by)
		return err_set(e, ERR_BUG, "outcome of what?");
	if (lease_check(a.by, e))
		return -1;
	my_close(&d->cell);
	if (!tx_run(d, ask_body, &a, e))
		return 0;
	*out = DB_OUTCOME_UNKNOWN;
	if (e->kind == ERR_RETRY || e->kind == ERR_FAILED)
		e->kind = ERR_LOST;
	return err_wrap(e, "finding out what became of a lost COMMIT");
}
