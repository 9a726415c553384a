/* SPDX-License-Identifier: Apache-2.0 */
/* Lock, take over, power state, unlock. */
#include "db/db_priv.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

int db_op_claim_read(struct db *db, const char *uuid,
		     struct db_claim_before *out, struct err *e)
{
	struct my_conn *c = &MY(db)->cell;
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*out = (struct db_claim_before){0};
	if (my_ready(c, e) ||
	    my_select(c, "cell.instance", SQL_ARGS(args), &r, e))
		return -1;
	if (!r.n)
		return err_set(e, ERR_CONFLICT, "instance %s is gone", uuid);
	if (txn_reason(c, uuid, &out->reason, e))
		return -1;
	out->locked = (int)my_num(&r, 0, "locked", -1);
	out->locked_by = my_dup(&r, 0, "locked_by");
	return 0;
}

/* The lock did not match: it may be ours already. */
static int claim_refused(struct my_conn *c, const struct db_claim *k,
			 const char *token, bool *commit, struct err *e)
{
	const struct txn_guard g = {.uuid = k->by.uuid,
				    .host = k->at.host,
				    .node = k->at.node,
				    .vm_state = k->vm_state,
				    .unlocked = true};
	AUTO(mem_freep) char *value = NULL;

	if (txn_reason(c, k->by.uuid, &value, e))
		return -1;
	if (same(value, token)) {
		*commit = false;
		return 0;
	}
	return txn_explain(c, &g, e);
}

static int claim_body(struct my_conn *c, const void *arg, bool *commit,
		      struct err *e)
{
	const struct db_claim *k = arg;
	char now[CLOCK_ISO_MAX], token[DB_TOKEN_MAX];
	AUTO(mem_freep) char *reason = NULL;
	const struct sql_arg args[] = {ARG_TEXT("u", k->by.uuid),
				       ARG_TEXT("sh", k->at.host),
				       ARG_TEXT("sn", k->at.node),
				       ARG_TEXT("vs", k->vm_state),
				       ARG_TEXT("token", token),
				       ARG_TEXT("now", now),
				       ARG_TEXT("reason", k->before->reason)};
	bool matched = false;

	txn_now(now);
	db_token(&k->by, token);
	if (txn_one(c, "w.claim.lock", SQL_ARGS(args), &matched, e))
		return -1;
	if (!matched)
		return claim_refused(c, k, token, commit, e);
	if (txn_reason(c, k->by.uuid, &reason, e))
		return -1;
	if (same(reason, k->before->reason) &&
	    txn_one(c, reason ? "w.claim.token_over" : "w.claim.token",
		    SQL_ARGS(args), &matched, e))
		return -1;
	if (same(reason, k->before->reason) && matched)
		return 0;
	return err_set(e, ERR_CONFLICT,
		       "instance %s: its locked_reason has changed since it "
		       "was read",
		       k->by.uuid);
}

int db_op_claim(struct db *db, const struct db_claim *k, struct err *e)
{
	if (lease_check(&k->by, e) || tx_run(MY(db), claim_body, k, e))
		return err_wrap(e, "locking it for job %s", k->by.job);
	return 0;
}

/* What the token row must hold now, for a job whose old epoch is not known. */
static int takeover_from(struct my_conn *c, const struct db_takeover *t,
			 unsigned *from, struct err *e)
{
	AUTO(mem_freep) char *value = NULL;
	char job[DB_TOKEN_MAX];

	if (txn_reason(c, t->by.uuid, &value, e))
		return -1;
	if (db_token_parse(value, job, from) && !strcmp(job, t->by.job) &&
	    *from < t->by.epoch)
		return 0;
	return txn_token_lost(&t->by, value, e);
}

static int takeover_body(struct my_conn *c, const void *arg, bool *commit,
			 struct err *e)
{
	const struct db_takeover *t = arg;
	struct db_lease before = t->by;
	char now[CLOCK_ISO_MAX], token[DB_TOKEN_MAX], old[DB_TOKEN_MAX] = "";
	AUTO(mem_freep) char *value = NULL;
	const struct sql_arg args[] = {
		ARG_TEXT("u", t->by.uuid), ARG_TEXT("token", token),
		ARG_TEXT("old", old), ARG_TEXT("now", now)};
	bool matched = false;

	(void)commit;
	txn_now(now);
	db_token(&t->by, token);
	before.epoch = t->old_epoch;
	if (!t->old_epoch && takeover_from(c, t, &before.epoch, e))
		return -1;
	db_token(&before, old);
	if (txn_one(c, "w.takeover", SQL_ARGS(args), &matched, e))
		return -1;
	if (matched)
		return 0;
	if (txn_reason(c, t->by.uuid, &value, e))
		return -1;
	return txn_token_lost(&t->by, value, e);
}

int db_op_takeover(struct db *db, const struct db_takeover *t, struct err *e)
{
	if (lease_check(&t->by, e))
		return -1;
	if (t->old_epoch >= t->by.epoch)
		return err_set(e, ERR_BUG, "the epoch must rise");
	if (tx_run(MY(db), takeover_body, t, e))
		return err_wrap(e, "taking over job %s", t->by.job);
	return 0;
}

/* Not in vm_from: it may be in vm_to already, all else as it must be. */
static int power_refused(struct my_conn *c, const struct db_power *p,
			 bool *commit, struct err *e)
{
	struct txn_guard g = {.uuid = p->by.uuid,
			      .host = p->at.host,
			      .node = p->at.node,
			      .vm_state = p->vm_to};
	AUTO(db_instance_clear) struct db_instance i = {0};
	struct err no = ERR_INIT;

	if (instance_read(c, p->by.uuid, &i, e))
		return -1;
	*commit = false;
	if (!txn_guard_holds(&i, &g, &no))
		return 0;
	err_clear(&no);
	g.vm_state = p->vm_from;
	return txn_explain(c, &g, e);
}

static int power_body(struct my_conn *c, const void *arg, bool *commit,
		      struct err *e)
{
	const struct db_power *p = arg;
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {
		ARG_TEXT("u", p->by.uuid),  ARG_TEXT("sh", p->at.host),
		ARG_TEXT("sn", p->at.node), ARG_TEXT("vs", p->vm_from),
		ARG_TEXT("vt", p->vm_to),   ARG_INT("pt", p->power_to),
		ARG_TEXT("now", now)};
	bool matched = false;

	txn_now(now);
	if (txn_token(c, &p->by, e) ||
	    txn_one(c, "w.power", SQL_ARGS(args), &matched, e))
		return -1;
	return matched ? 0 : power_refused(c, p, commit, e);
}

int db_op_power(struct db *db, const struct db_power *p, struct err *e)
{
	if (lease_check(&p->by, e))
		return -1;
	if (same(p->vm_from, p->vm_to))
		return err_set(e, ERR_BUG, "set_power: nothing to set");
	if (tx_run(MY(db), power_body, p, e))
		return err_wrap(e, "writing vm_state %s", p->vm_to);
	return 0;
}

/* Our token is not there: released already, or taken over. */
static int release_refused(struct my_conn *c, const struct db_release *k,
			   bool *commit, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance i = {0};

	if (instance_read(c, k->by.uuid, &i, e))
		return -1;
	*commit = false;
	if (same(i.reason, k->before->reason) &&
	    i.locked == (k->before->locked == 1))
		return 0;
	return txn_token_lost(&k->by, i.reason, e);
}

static int release_body(struct my_conn *c, const void *arg, bool *commit,
			struct err *e)
{
	const struct db_release *k = arg;
	const struct db_claim_before *b = k->before;
	char now[CLOCK_ISO_MAX], token[DB_TOKEN_MAX];
	/* token_over swaps :reason for :token: here the other way round. */
	const struct sql_arg args[] = {
		ARG_TEXT("u", k->by.uuid),
		ARG_TEXT("token", b->reason ? b->reason : token),
		ARG_TEXT("reason", token),
		ARG_ID("l", b->locked),
		ARG_TEXT("lb", b->locked_by),
		ARG_TEXT("now", now)};
	bool matched = false;

	txn_now(now);
	db_token(&k->by, token);
	if (txn_one(c, b->reason ? "w.claim.token_over" : "w.release.token",
		    SQL_ARGS(args), &matched, e))
		return -1;
	if (!matched)
		return release_refused(c, k, commit, e);
	/* No row here: someone has unlocked it, or locked it on his own
	 * account, since.  Then the lock is his; the token goes all the same.
	 */
	return txn_one(c, "w.release.unlock", SQL_ARGS(args), &matched, e);
}

int db_op_release(struct db *db, const struct db_release *k, struct err *e)
{
	if (lease_check(&k->by, e))
		return -1;
	if (tx_run(MY(db), release_body, k, e))
		return err_wrap(e, "unlocking it");
	return 0;
}
