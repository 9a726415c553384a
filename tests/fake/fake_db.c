/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_ops over one row.  The guards are those of src/db (write.c, rewrite.c,
 * outcome.c).
 *
 * A write is sent before its middle event.  Cut there, it is under way: the
 * next transaction that changes the row waits for it or makes it fail, a plain
 * read sees the old row, and it may land by itself at any later moment.  One
 * that finds nothing to change takes part in no certification (Galera) and
 * knows nothing of it.
 */
#include "fake/fake.h"

#include <stdio.h>
#include <string.h>

static struct fake_world *W(struct db *db)
{
	return db->self;
}

static void copy(char *to, size_t n, const char *from)
{
	snprintf(to, n, "%s", from ? from : "");
}
#define COPY(to, from) copy(to, sizeof(to), from)

static bool has_token(const struct fake_row *r, const struct fake_tx *t)
{
	char token[DB_TOKEN_MAX];
	const struct db_lease by = {FAKE_UUID, t->job, t->epoch};

	db_token(&by, token);
	return !strcmp(r->reason, token);
}

static int token_lost(const struct fake_row *r, const struct fake_tx *t,
		      struct err *e)
{
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	if (db_token_parse(r->reason, job, &epoch)) {
		if (!strcmp(job, t->job))
			return err_set(e, ERR_STALE,
				       "our token of epoch %u was replaced by "
				       "one of epoch %u",
				       t->epoch, epoch);
		return err_set(e, ERR_LOCKED, "job %s has it", job);
	}
	return err_set(e, ERR_CONFLICT, "our token is gone: \"%s\"", r->reason);
}

static enum db_moved moved(const struct fake_row *r, const char *migration,
			   const char *from, const char *to)
{
	bool ours = *migration && !strcmp(r->migration, migration);
	const char *status = ours ? r->status : NULL;

	if (!status && !strcmp(r->host, from))
		return DB_MOVED_NO;
	if (status && !strcmp(status, "confirmed") && !strcmp(r->host, to))
		return DB_MOVED_YES;
	if (status && !strcmp(status, "reverted") && !strcmp(r->host, from))
		return DB_MOVED_UNDONE;
	return DB_MOVED_UNKNOWN;
}

/* --- the transactions: guards, then changes */

static int guard(const struct fake_row *r, const char *host, const char *vm,
		 struct err *e)
{
	const char *what = r->deleted		     ? "deleted"
			   : !r->locked		     ? "locked"
			   : strcmp(r->host, host)   ? "host"
			   : *r->task_state	     ? "task_state"
			   : strcmp(r->vm_state, vm) ? "vm_state"
						     : NULL;

	if (!what)
		return 0;
	return err_set(e, ERR_CONFLICT,
		       "guard on %s: host %s, vm_state %s, task_state %s", what,
		       r->host, r->vm_state, r->task_state);
}

static int tx_claim(struct fake_row *r, const struct fake_tx *t, struct err *e)
{
	struct db_lease by = {FAKE_UUID, t->job, t->epoch};

	if (has_token(r, t) && r->locked)
		return 0;
	if (r->locked &&
	    db_token_parse(r->reason, (char[DB_TOKEN_MAX]){0}, &(unsigned){0}))
		return err_set(e, ERR_LOCKED, "locked by %s", r->reason);
	if (r->locked)
		return err_set(e, ERR_CONFLICT, "locked by %s", r->locked_by);
	if (strcmp(r->reason, t->reason) != 0)
		return err_set(e, ERR_CONFLICT, "locked_reason has changed");
	r->locked = true; /* the statement that guards is the one that locks */
	if (guard(r, t->host, t->vm_from, e)) {
		r->locked = false;
		return -1;
	}
	COPY(r->locked_by, "admin");
	db_token(&by, r->reason);
	return 0;
}

static int tx_takeover(struct fake_row *r, const struct fake_tx *t,
		       struct err *e)
{
	struct db_lease by = {FAKE_UUID, t->job, t->epoch};
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	if (!db_token_parse(r->reason, job, &epoch) ||
	    strcmp(job, t->job) != 0 || epoch >= t->epoch)
		return token_lost(r, t, e);
	db_token(&by, r->reason);
	return 0;
}

static int tx_power(struct fake_row *r, const struct fake_tx *t, struct err *e)
{
	struct err no = ERR_INIT;
	bool there;

	if (!has_token(r, t))
		return token_lost(r, t, e);
	there = !guard(r, t->host, t->vm_to, &no);
	err_clear(&no);
	if (there)
		return 0;
	if (guard(r, t->host, t->vm_from, e))
		return -1;
	COPY(r->vm_state, t->vm_to);
	r->power_state = t->power;
	return 0;
}

static void volumes_of(struct fake_tx *t, const struct db_rewrite *w)
{
	for (size_t i = 0; i < w->n_volumes; i++) {
		const struct db_volume_change *v = &w->volumes[i];
		unsigned k = (unsigned)v->bdm_id - 1;

		COPY(t->old[k].attachment, v->old_attachment);
		COPY(t->old[k].info, v->old_info);
		COPY(t->new[k].attachment, v->new_attachment);
		COPY(t->new[k].info, v->new_info);
		t->volumes++;
	}
}

static bool is_bdm(const struct fake_bdm *a, const struct fake_bdm *b)
{
	return !strcmp(a->attachment, b->attachment) &&
	       !strcmp(a->info, b->info);
}

static int change_volumes(struct fake_row *r, const struct fake_bdm *from,
			  const struct fake_bdm *to, unsigned n, struct err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (!is_bdm(&r->bdm[i], &from[i]))
			return err_set(e, ERR_CONFLICT,
				       "the connection of block device %u has "
				       "changed",
				       i + 1);
	memcpy(r->bdm, to, n * sizeof(*to));
	return 0;
}

static int tx_rewrite(struct fake_row *r, const struct fake_tx *t,
		      struct err *e)
{
	if (!has_token(r, t))
		return token_lost(r, t, e);
	if (moved(r, t->migration, t->host, t->to_host) == DB_MOVED_YES)
		return 0;
	/* migrations.uuid is unique. */
	if (*r->migration && !strcmp(r->migration, t->migration))
		return err_set(e, ERR_FAILED, "1062: duplicate entry");
	if (guard(r, t->host, "stopped", e) ||
	    change_volumes(r, t->old, t->new, t->volumes, e))
		return -1;
	COPY(r->host, t->to_host);
	COPY(r->node, t->to_node);
	r->compute_id = t->to_id;
	if (t->set_az)
		COPY(r->az, t->az);
	r->power_state = 4;
	COPY(r->migration, t->migration);
	COPY(r->status, "confirmed");
	return 0;
}

/* Here .host is where it goes back to. */
static int tx_undo(struct fake_row *r, const struct fake_tx *t, struct err *e)
{
	enum db_moved m = moved(r, t->migration, t->host, t->to_host);

	if (!has_token(r, t))
		return token_lost(r, t, e);
	if (m == DB_MOVED_NO || m == DB_MOVED_UNDONE)
		return 0;
	if (m != DB_MOVED_YES)
		return err_set(e, ERR_CONFLICT, "the record is not as left");
	if (guard(r, t->to_host, "stopped", e) ||
	    change_volumes(r, t->new, t->old, t->volumes, e))
		return -1;
	COPY(r->host, t->host);
	COPY(r->node, t->node);
	r->compute_id = t->to_id;
	COPY(r->az, t->az);
	COPY(r->vm_state, t->vm_to);
	r->power_state = t->power;
	COPY(r->status, "reverted");
	return 0;
}

static int tx_release(struct fake_row *r, const struct fake_tx *t,
		      struct err *e)
{
	if (!has_token(r, t)) {
		if (!strcmp(r->reason, t->reason) &&
		    r->locked == (t->locked == 1))
			return 0;
		return token_lost(r, t, e);
	}
	COPY(r->reason, t->reason);
	r->locked = t->locked == 1;
	COPY(r->locked_by, t->locked_by);
	return 0;
}

static int apply(struct fake_row *r, const struct fake_tx *t, struct err *e)
{
	switch (t->kind) {
	case TX_NONE:
		break;
	case TX_CLAIM:
		return tx_claim(r, t, e);
	case TX_TAKEOVER:
		return tx_takeover(r, t, e);
	case TX_POWER:
		return tx_power(r, t, e);
	case TX_REWRITE:
		return tx_rewrite(r, t, e);
	case TX_UNDO:
		return tx_undo(r, t, e);
	case TX_RELEASE:
		return tx_release(r, t, e);
	}
	return 0;
}

/* Neither way may the row move while the host that it leaves has the files, but
 * for one that is off. */
static void note_move(struct fake_world *fw, const struct fake_row *was)
{
	for (int s = fw->o.dead ? DST : SRC; s <= DST; s++)
		if (!fw->acted && !strcmp(was->host, fw->h[s].name) &&
		    strcmp(fw->row.host, was->host) != 0 &&
		    fake_in_place(fw, &fw->h[s]))
			fw->early = true;
}

static int perform(struct fake_world *fw, const struct fake_tx *t,
		   struct err *e)
{
	struct fake_row was = fw->row;
	int rc = apply(&fw->row, t, e);

	note_move(fw, &was);
	return rc;
}

void fake_db_land(struct fake_world *fw)
{
	struct err e = ERR_INIT;

	if (fw->pending.kind == TX_NONE)
		return;
	perform(fw, &fw->pending, &e);
	err_clear(&e);
	fw->landed = fw->pending.id;
	fw->pending.kind = TX_NONE;
}

void fake_db_resolve(struct fake_world *fw)
{
	if (fw->pending.kind == TX_NONE)
		return;
	if (crash_random(2)) {
		fake_db_land(fw);
		return;
	}
	fw->discarded = fw->pending.id;
	fw->pending.kind = TX_NONE;
}

/* The answer is lost.  Whether the transaction is decides the seed. */
static int lost(struct fake_world *fw, const char *what, struct err *e)
{
	switch (crash_random(3)) {
	case 0:
		fake_db_land(fw);
		break;
	case 1:
		fw->pending.kind = TX_NONE;
		break;
	default:
		break; /* still under way */
	}
	return crash_fail(CRASH_LOST, what, e);
}

static const char *const tx_names[] = {
	[TX_NONE] = "nothing",	       [TX_CLAIM] = "db claim",
	[TX_TAKEOVER] = "db takeover", [TX_POWER] = "db power",
	[TX_REWRITE] = "db rewrite",   [TX_UNDO] = "db rewrite-undo",
	[TX_RELEASE] = "db release",
};

static bool changes(const struct fake_world *fw, const struct fake_tx *t)
{
	struct fake_row r = fw->row;
	struct err e = ERR_INIT;

	apply(&r, t, &e);
	err_clear(&e);
	return memcmp(&r, &fw->row, sizeof(r)) != 0;
}

static int write_tx(struct fake_world *fw, struct fake_tx *t, struct err *e)
{
	const char *what = tx_names[t->kind];
	enum crash_fault f = crash_event(CRASH_BEFORE, what, true);
	uint64_t id;
	int rc;

	if (f == CRASH_LOST)
		f = CRASH_RETRY; /* not sent: nothing can land */
	if (f != CRASH_NONE)
		return crash_fail(f, what, e);
	if (!changes(fw, t))
		return apply(&fw->row, t, e);
	fake_db_resolve(fw);
	t->id = id = ++fw->tx_ids;
	t->sender = crash_self();
	fw->pending = *t;
	if (crash_event(CRASH_MID, what, true) != CRASH_NONE)
		return lost(fw, what, e);
	/* Frozen in between, others may have settled it: the server ended the
	 * silent session. */
	if (fw->pending.kind == TX_NONE || fw->pending.id != id)
		return err_set(e, ERR_LOST, "%s: the session was ended", what);
	fw->pending.kind = TX_NONE;
	rc = perform(fw, t, e);
	fw->landed = id;
	if (rc)
		return -1;
	f = crash_event(CRASH_AFTER, what, true);
	return f == CRASH_NONE ? 0 : crash_fail(CRASH_LOST, what, e);
}

/* --- arguments to plain data */

static struct fake_tx begin(enum fake_tx_kind kind, const struct db_lease *by)
{
	struct fake_tx t = {.kind = kind, .epoch = by->epoch};

	COPY(t.job, by->job);
	return t;
}

static struct fake_tx of_claim(const struct db_claim *c)
{
	struct fake_tx t = begin(TX_CLAIM, &c->by);

	COPY(t.host, c->at.host);
	COPY(t.vm_from, c->vm_state);
	COPY(t.reason, c->before->reason);
	return t;
}

static struct fake_tx of_power(const struct db_power *p)
{
	struct fake_tx t = begin(TX_POWER, &p->by);

	COPY(t.host, p->at.host);
	COPY(t.vm_from, p->vm_from);
	COPY(t.vm_to, p->vm_to);
	t.power = p->power_to;
	return t;
}

static struct fake_tx of_rewrite(const struct db_rewrite *r)
{
	struct fake_tx t = begin(TX_REWRITE, &r->by);

	COPY(t.host, r->from.host);
	COPY(t.to_host, r->to.host);
	COPY(t.to_node, r->to.node);
	t.to_id = r->to.compute_id;
	COPY(t.migration, r->migration_uuid);
	t.set_az = r->az != NULL;
	COPY(t.az, r->az);
	volumes_of(&t, r);
	return t;
}

static struct fake_tx of_undo(const struct db_rewrite *r)
{
	struct fake_tx t = begin(TX_UNDO, &r->by);

	COPY(t.host, r->from.host);
	COPY(t.node, r->from.node);
	COPY(t.to_host, r->to.host);
	COPY(t.migration, r->migration_uuid);
	if (r->before) {
		t.to_id = r->before->compute_id;
		COPY(t.az, r->before->availability_zone);
		COPY(t.vm_to, r->before->vm_state);
		t.power = r->before->power_state;
	}
	volumes_of(&t, r);
	return t;
}

static struct fake_tx of_release(const struct db_release *r)
{
	struct fake_tx t = begin(TX_RELEASE, &r->by);

	t.locked = r->before->locked;
	COPY(t.locked_by, r->before->locked_by);
	COPY(t.reason, r->before->reason);
	return t;
}

/* --- the operations */

static char *dup(const char *s)
{
	return *s ? mem_strdup(s) : NULL;
}

static int op_fault(struct db *db, const char *uuid, const char *host,
		    char **out, struct err *e)
{
	enum crash_fault f = crash_event(CRASH_BEFORE, "db fault", true);

	(void)db;
	(void)uuid;
	(void)host;
	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db fault", e);
	*out = mem_strdup("libvirt says no");
	return 0;
}

static int op_evacuation(struct db *db, const char *uuid, const char *host,
			 struct db_evacuation *out, struct err *e)
{
	const struct fake_row *r = &W(db)->row;
	enum crash_fault f = crash_event(CRASH_BEFORE, "db evacuation", true);

	(void)uuid;
	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db evacuation", e);
	*out = (struct db_evacuation){0};
	if (!r->evac_id || strcmp(r->evac_from, host) != 0)
		return 0;
	out->id = r->evac_id;
	out->status = dup(r->evac_status);
	return 0;
}

static int op_archived(struct db *db, const char *uuid, bool *yes,
		       struct err *e)
{
	enum crash_fault f = crash_event(CRASH_BEFORE, "db archived", true);

	(void)uuid;
	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db archived", e);
	*yes = W(db)->row.archived;
	return 0;
}

static int op_instance(struct db *db, const char *uuid, struct db_instance *out,
		       struct err *e)
{
	const struct fake_row *r = &W(db)->row;
	enum crash_fault f = crash_event(CRASH_BEFORE, "db instance", true);

	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db instance", e);
	if (r->gone)
		return err_set(e, ERR_CONFLICT, "instance %s is gone", uuid);
	*out = (struct db_instance){
		.id = 42,
		.uuid = mem_strdup(uuid),
		.name = mem_strdup("web-1"),
		.host = dup(r->host),
		.node = dup(r->node),
		.compute_id = r->compute_id,
		.availability_zone = dup(r->az),
		.vm_state = dup(r->vm_state),
		.task_state = dup(r->task_state),
		.power_state = r->power_state,
		.locked = r->locked,
		.locked_by = dup(r->locked_by),
		.reason = dup(r->reason),
		.deleted = r->deleted,
	};
	return 0;
}

static int op_moved(struct db *db, const struct db_rewrite *r,
		    enum db_moved *out, struct err *e)
{
	enum crash_fault f = crash_event(CRASH_BEFORE, "db moved", true);

	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db moved", e);
	*out = moved(&W(db)->row, r->migration_uuid, r->from.host, r->to.host);
	return 0;
}

static int op_connection(struct db *db, const char *uuid, int64_t bdm_id,
			 struct db_connection *out, struct err *e)
{
	const struct fake_row *r = &W(db)->row;
	enum crash_fault f = crash_event(CRASH_BEFORE, "db connection", true);

	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db connection", e);
	if (r->gone || r->deleted)
		return err_set(e, ERR_CONFLICT, "instance %s: it is gone",
			       uuid);
	out->attachment_id = mem_strdup(r->bdm[bdm_id - 1].attachment);
	out->info = mem_strdup(r->bdm[bdm_id - 1].info);
	return 0;
}

static int op_share_users(struct db *db, const struct db_share *s, int *n,
			  struct err *e)
{
	(void)db;
	(void)s;
	(void)e;
	*n = 0;
	return 0;
}

static int op_claim_read(struct db *db, const char *uuid,
			 struct db_claim_before *out, struct err *e)
{
	const struct fake_row *r = &W(db)->row;
	enum crash_fault f = crash_event(CRASH_BEFORE, "db claim-read", true);

	(void)uuid;
	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db claim-read", e);
	*out = (struct db_claim_before){.locked = r->locked,
					.locked_by = dup(r->locked_by),
					.reason = dup(r->reason)};
	return 0;
}

static int op_claim(struct db *db, const struct db_claim *c, struct err *e)
{
	struct fake_tx t = of_claim(c);

	return write_tx(W(db), &t, e);
}

static int op_takeover(struct db *db, const struct db_takeover *k,
		       struct err *e)
{
	struct fake_tx t = begin(TX_TAKEOVER, &k->by);

	return write_tx(W(db), &t, e);
}

static int op_power(struct db *db, const struct db_power *p, struct err *e)
{
	struct fake_tx t = of_power(p);

	return write_tx(W(db), &t, e);
}

static int op_rewrite_read(struct db *db, const struct db_rewrite *r,
			   struct db_rewrite_before *out, struct err *e)
{
	const struct fake_row *row = &W(db)->row;
	enum crash_fault f = crash_event(CRASH_BEFORE, "db rewrite-read", true);

	(void)r;
	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, "db rewrite-read", e);
	*out = (struct db_rewrite_before){
		.compute_id = row->compute_id,
		.availability_zone = dup(row->az),
		.vm_state = dup(row->vm_state),
		.power_state = row->power_state,
		.type_id = 1,
	};
	return 0;
}

static int op_rewrite(struct db *db, const struct db_rewrite *r, struct err *e)
{
	struct fake_tx t = of_rewrite(r);

	return write_tx(W(db), &t, e);
}

static int op_undo(struct db *db, const struct db_rewrite *r, struct err *e)
{
	struct fake_tx t = of_undo(r);

	return write_tx(W(db), &t, e);
}

static int op_release(struct db *db, const struct db_release *r, struct err *e)
{
	struct fake_tx t = of_release(r);

	return write_tx(W(db), &t, e);
}

/* --- what became of it */

static int holding(const struct fake_row *r, const struct fake_tx *t, bool *us,
		   struct err *e)
{
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	*us = has_token(r, t);
	if (!*us && db_token_parse(r->reason, job, &epoch) &&
	    !strcmp(job, t->job) && epoch > t->epoch)
		return token_lost(r, t, e);
	return 0;
}

static int ask_token(const struct fake_row *r, const struct fake_tx *t,
		     enum db_outcome *out, struct err *e)
{
	bool us;

	if (holding(r, t, &us, e))
		return -1;
	*out = us == (t->kind != TX_RELEASE) ? DB_APPLIED : DB_NOT_APPLIED;
	return 0;
}

static int ask_power(const struct fake_row *r, const struct fake_tx *t,
		     enum db_outcome *out, struct err *e)
{
	if (!has_token(r, t))
		return token_lost(r, t, e);
	if (!strcmp(r->vm_state, t->vm_to))
		*out = DB_APPLIED;
	else if (!strcmp(r->vm_state, t->vm_from))
		*out = DB_NOT_APPLIED;
	else
		return err_set(e, ERR_CONFLICT, "vm_state is %s", r->vm_state);
	return 0;
}

static int ask_move(const struct fake_row *r, const struct fake_tx *t,
		    enum db_outcome *out, struct err *e)
{
	bool undo = t->kind == TX_UNDO;
	enum db_moved m = moved(r, t->migration, t->host, t->to_host);

	if (!has_token(r, t))
		return token_lost(r, t, e);
	switch (m) {
	case DB_MOVED_NO:
		*out = undo ? DB_OUTCOME_UNKNOWN : DB_NOT_APPLIED;
		break;
	case DB_MOVED_YES:
	case DB_MOVED_SETTLED:
		*out = undo ? DB_NOT_APPLIED : DB_APPLIED;
		break;
	case DB_MOVED_UNDONE:
		*out = undo ? DB_APPLIED : DB_OUTCOME_UNKNOWN;
		break;
	case DB_MOVED_UNKNOWN:
		break;
	}
	return *out == DB_OUTCOME_UNKNOWN
		       ? err_set(e, ERR_CONFLICT, "someone else has written")
		       : 0;
}

static struct fake_tx of_question(const struct db_question *q)
{
	if (q->claim)
		return of_claim(q->claim);
	if (q->takeover)
		return begin(TX_TAKEOVER, &q->takeover->by);
	if (q->power)
		return of_power(q->power);
	if (q->rewrite)
		return of_rewrite(q->rewrite);
	if (q->undo)
		return of_undo(q->undo);
	return of_release(q->release);
}

static int op_outcome(struct db *db, const struct db_question *q,
		      enum db_outcome *out, struct err *e)
{
	struct fake_world *fw = W(db);
	struct fake_tx t = of_question(q);
	enum crash_fault f = crash_event(CRASH_BEFORE, "db outcome", true);

	*out = DB_OUTCOME_UNKNOWN;
	if (f != CRASH_NONE)
		return crash_fail(CRASH_LOST, "db outcome", e);
	/* Its write waits for the lost one, or makes it fail. */
	fake_db_resolve(fw);
	if (t.kind == TX_POWER)
		return ask_power(&fw->row, &t, out, e);
	if (t.kind == TX_REWRITE || t.kind == TX_UNDO)
		return ask_move(&fw->row, &t, out, e);
	return ask_token(&fw->row, &t, out, e);
}

const struct db_ops fake_db_ops = {
	.instance = op_instance,
	.archived = op_archived,
	.fault = op_fault,
	.evacuation = op_evacuation,
	.moved = op_moved,
	.connection = op_connection,
	.share_users = op_share_users,
	.claim_read = op_claim_read,
	.claim = op_claim,
	.claim_takeover = op_takeover,
	.set_power = op_power,
	.rewrite_read = op_rewrite_read,
	.rewrite = op_rewrite,
	.rewrite_undo = op_undo,
	.release = op_release,
	.outcome = op_outcome,
};
