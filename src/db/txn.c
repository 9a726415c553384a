/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: replay, the token that opens each, and what went wrong. */
#include "db/db_priv.h"

#include <string.h>
#include <strings.h>

enum { REPLAYS = 5, BACKOFF_US = 20000 };

void txn_now(char out[CLOCK_ISO_MAX])
{
	clock_sql(clock_now_us(), out);
}

int lease_check(const struct db_lease *by, struct err *e)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!uuid_valid(by->uuid))
		return err_set(e, ERR_BUG, "database: bad instance uuid");
	if (!*by->job || strlen(by->job) > 64 || !by->epoch ||
	    by->job[strspn(by->job, ok)])
		return err_set(e, ERR_BUG, "database: bad job or epoch");
	return 0;
}

static int once(struct my_conn *c, txn_body *body, const void *arg,
		struct err *e)
{
	struct err ignored = ERR_INIT;
	bool commit = true;
	int r;

	if (my_ready(c, e) || my_plain(c, "session.begin", false, e))
		return -1;
	r = body(c, arg, &commit, e);
	if (!r && commit)
		return my_plain(c, "session.commit", true, e);
	/* Without a connection the server has rolled back, or will. */
	if (c->handle && my_plain(c, "session.rollback", false, &ignored))
		my_close(c);
	err_clear(&ignored);
	return r;
}

static void back_off(int attempt)
{
	uint16_t jitter;

	random_bytes(&jitter, sizeof(jitter));
	clock_sleep_us(((int64_t)BACKOFF_US << attempt) + jitter % BACKOFF_US);
}

int tx_run_on(struct my_conn *c, txn_body *body, const void *arg, struct err *e)
{
	for (int i = 0;; i++) {
		struct err now = ERR_INIT;

		c->replay = false;
		if (!once(c, body, arg, &now))
			return 0;
		if (!c->replay || i == REPLAYS) {
			err_move(e, &now);
			return -1;
		}
		err_clear(&now);
		back_off(i);
	}
}

int tx_run(struct my_db *d, txn_body *body, const void *arg, struct err *e)
{
	return tx_run_on(&d->cell, body, arg, e);
}

int txn_one(struct my_conn *c, const char *name, const struct sql_args *args,
	    bool *matched, struct err *e)
{
	uint64_t n = 0;

	*matched = false;
	if (my_exec(c, name, args, &n, e))
		return -1;
	if (n > 1)
		return err_set(e, ERR_CONFLICT,
			       "database: %s matches %llu rows, not one", name,
			       (unsigned long long)n);
	*matched = n == 1;
	return 0;
}

int txn_reason(struct my_conn *c, const char *uuid, char **value, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	struct my_rows r;

	*value = NULL;
	if (my_select(c, "cell.reason", SQL_ARGS(args), &r, e))
		return -1;
	if (r.n > 1) {
		my_rows_clear(&r);
		return err_set(e, ERR_CONFLICT,
			       "instance %s has several locked_reason rows",
			       uuid);
	}
	/* A row with NULL is a row: an empty reason. */
	if (r.n)
		*value = mem_strdup(
			my_cell(&r, 0, "value") ? my_cell(&r, 0, "value") : "");
	my_rows_clear(&r);
	return 0;
}

int txn_token_lost(const struct db_lease *by, const char *value, struct err *e)
{
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	if (!db_token_parse(value, job, &epoch)) {
		err_set(e, ERR_CONFLICT,
			"instance %s: the lock of job %s is gone; someone has "
			"unlocked it%s%s",
			by->uuid, by->job, value ? ", the reason is now " : "",
			value ? value : "");
		return err_hint(e, "find out who did, then novahaul resume %s",
				by->job);
	}
	if (!strcmp(job, by->job) && epoch < by->epoch)
		return err_set(e, ERR_CONFLICT,
			       "instance %s: job %s has epoch %u in the "
			       "database, not %u",
			       by->uuid, job, epoch, by->epoch);
	return err_set(e, ERR_STALE,
		       "instance %s: job %s has taken over (epoch %u)",
		       by->uuid, job, epoch);
}

int txn_token(struct my_conn *c, const struct db_lease *by, struct err *e)
{
	char now[CLOCK_ISO_MAX], token[DB_TOKEN_MAX];
	AUTO(mem_freep) char *value = NULL;
	const struct sql_arg args[] = {ARG_TEXT("u", by->uuid),
				       ARG_TEXT("token", token),
				       ARG_TEXT("now", now)};
	bool matched = false;

	txn_now(now);
	db_token(by, token);
	if (txn_one(c, "w.token", SQL_ARGS(args), &matched, e))
		return -1;
	if (matched)
		return 0;
	if (txn_reason(c, by->uuid, &value, e))
		return -1;
	return txn_token_lost(by, value, e);
}

/* FIELD as it is against what it must be; both may be NULL. */
static bool differs(const char *uuid, const char *field, const char *is,
		    const char *must, struct err *e)
{
	if (is == must || (is && must && !strcasecmp(is, must)))
		return false;
	err_set(e, ERR_CONFLICT, "instance %s: %s is %s now, not %s", uuid,
		field, is ? is : "unset", must ? must : "unset");
	return true;
}

static int locked_by_someone(const struct db_instance *i, struct err *e)
{
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	if (db_token_parse(i->reason, job, &epoch)) {
		err_set(e, ERR_LOCKED,
			"instance %s is held by job %s (epoch %u)", i->uuid,
			job, epoch);
		return err_hint(e, "novahaul show %s", job);
	}
	err_set(e, ERR_CONFLICT, "instance %s is locked by its %s%s%s", i->uuid,
		i->locked_by ? i->locked_by : "owner or an admin",
		i->reason ? ": " : "", i->reason ? i->reason : "");
	return err_hint(e, "openstack server unlock %s", i->uuid);
}

int txn_guard_holds(const struct db_instance *i, const struct txn_guard *g,
		    struct err *e)
{
	if (i->deleted)
		return err_set(e, ERR_CONFLICT, "instance %s is deleted",
			       g->uuid);
	if (g->unlocked && i->locked)
		return locked_by_someone(i, e);
	if (differs(g->uuid, "host", i->host, g->host, e) ||
	    differs(g->uuid, "node", i->node, g->node, e) ||
	    differs(g->uuid, "task_state", i->task_state, NULL, e) ||
	    differs(g->uuid, "vm_state", i->vm_state, g->vm_state, e))
		return -1;
	if (!g->unlocked && !i->locked)
		return err_set(e, ERR_CONFLICT,
			       "instance %s: someone has unlocked it", g->uuid);
	if (i->hidden)
		return err_set(e, ERR_CONFLICT,
			       "instance %s is hidden: Nova is moving it to "
			       "another cell",
			       g->uuid);
	return 0;
}

int txn_explain(struct my_conn *c, const struct txn_guard *g, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance i = {0};

	if (instance_read(c, g->uuid, &i, e) || txn_guard_holds(&i, g, e))
		return -1;
	return err_set(e, ERR_CONFLICT,
		       "instance %s: the row was not as expected a moment ago",
		       g->uuid);
}
