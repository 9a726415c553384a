/* SPDX-License-Identifier: Apache-2.0 */
/* The commit point, and its inverse. */
#include "db/db_priv.h"

#include <stdio.h>
#include <string.h>

/* What Nova itself leaves: nova/compute/manager.py:_confirm_resize and
 * :rebuild_instance; what the inverse makes of it. */
static const struct history {
	const char *type, *status, *undone;
} histories[] = {
	[DB_HISTORY_MIGRATION] = {"migration", "confirmed", "reverted"},
	[DB_HISTORY_EVACUATION] = {"evacuation", "done", "failed"},
};

/* Every name that a statement of the rewrite may ask for. */
struct rewrite_args {
	char now[CLOCK_ISO_MAX];
	char request[sizeof("req-") + UUID_LEN]; /* of the action */
	struct sql_arg v[24];
	struct sql_args list;
};

static void fill(struct rewrite_args *a, const struct db_rewrite *r)
{
	static const struct db_rewrite_before none = {.compute_id = -1,
						      .power_state = -1};
	const struct db_rewrite_before *b = r->before ? r->before : &none;
	const struct history *h = &histories[r->history];
	const struct sql_arg v[] = {
		ARG_TEXT("u", r->by.uuid),
		ARG_TEXT("now", a->now),
		ARG_TEXT("sh", r->from.host),
		ARG_TEXT("sn", r->from.node),
		ARG_TEXT("dh", r->to.host),
		ARG_TEXT("dn", r->to.node),
		ARG_ID("dcn", r->to.compute_id > 0 ? r->to.compute_id : -1),
		ARG_TEXT("daz", r->az),
		ARG_TEXT("dip", r->dest_ip),
		ARG_TEXT("stamp", r->stamp),
		ARG_TEXT("muuid", r->migration_uuid),
		ARG_TEXT("req", a->request),
		ARG_TEXT("mt", h->type),
		ARG_TEXT("st", h->status),
		ARG_TEXT("x", h->undone),
		ARG_ID("scn", b->compute_id),
		ARG_TEXT("saz", b->availability_zone),
		ARG_TEXT("vs", b->vm_state),
		ARG_ID("ps", b->power_state),
	};

	_Static_assert(sizeof(v) <= sizeof(a->v), "rewrite_args too small");
	txn_now(a->now);
	snprintf(a->request, sizeof(a->request), "req-%s",
		 r->migration_uuid ? r->migration_uuid : "");
	memcpy(a->v, v, sizeof(v));
	a->list = (struct sql_args){.v = a->v, .n = ARRAY_SIZE(v)};
}

static int count(struct my_conn *c, const char *name,
		 const struct sql_args *args, int *out, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	*out = 0;
	if (my_select(c, name, args, &r, e))
		return -1;
	if (r.n)
		*out = (int)my_num(&r, 0, "n", 0);
	return 0;
}

int db_op_rewrite_read(struct db *db, const struct db_rewrite *r,
		       struct db_rewrite_before *out, struct err *e)
{
	struct my_conn *c = &MY(db)->cell;
	AUTO(db_instance_clear) struct db_instance i = {0};
	struct rewrite_args a;

	*out = (struct db_rewrite_before){0};
	fill(&a, r);
	if (my_ready(c, e) || instance_read(c, r->by.uuid, &i, e) ||
	    count(c, "cell.floating", &a.list, &out->floating_ips, e) ||
	    count(c, "cell.console_tokens", &a.list, &out->console_tokens, e))
		return -1;
	out->compute_id = i.compute_id;
	out->power_state = i.power_state;
	out->type_id = i.type_id;
	out->user_id = mem_strdup0(i.user_id);
	out->project_id = mem_strdup0(i.project_id);
	out->vm_state = mem_strdup0(i.vm_state);
	out->availability_zone = mem_strdup0(i.availability_zone);
	return 0;
}

/* BACK: new and old change places. */
static int volumes(struct my_conn *c, const struct db_rewrite *r,
		   const char *now, bool back, struct err *e)
{
	for (size_t i = 0; i < r->n_volumes; i++) {
		const struct db_volume_change *v = &r->volumes[i];
		const struct sql_arg args[] = {
			ARG_TEXT("u", r->by.uuid),
			ARG_INT("b", v->bdm_id),
			ARG_TEXT("now", now),
			ARG_TEXT("old", back ? v->new_info : v->old_info),
			ARG_TEXT("new", back ? v->old_info : v->new_info),
			ARG_TEXT("oa",
				 back ? v->new_attachment : v->old_attachment),
			ARG_TEXT("na",
				 back ? v->old_attachment : v->new_attachment),
		};
		bool matched = false;

		if (txn_one(c, "w.rewrite.volume", SQL_ARGS(args), &matched, e))
			return -1;
		if (!matched)
			return err_set(e, ERR_CONFLICT,
				       "instance %s: the connection of block "
				       "device %lld has changed",
				       r->by.uuid, (long long)v->bdm_id);
	}
	return 0;
}

/* nova-network's addresses, to HOST; as many as were read before. */
static int floating(struct my_conn *c, const struct db_rewrite *r,
		    const char *now, bool back, struct err *e)
{
	const struct sql_arg args[] = {
		ARG_TEXT("u", r->by.uuid), ARG_TEXT("now", now),
		ARG_TEXT("sh", back ? r->to.host : r->from.host),
		ARG_TEXT("dh", back ? r->from.host : r->to.host)};
	uint64_t n;

	if (!r->before->floating_ips)
		return 0;
	if (my_exec(c, "w.rewrite.floating", SQL_ARGS(args), &n, e))
		return -1;
	if (n == (uint64_t)r->before->floating_ips)
		return 0;
	return err_set(e, ERR_CONFLICT,
		       "instance %s: %llu floating addresses follow it, not %d",
		       r->by.uuid, (unsigned long long)n,
		       r->before->floating_ips);
}

/* One row or an explanation of the instance's row. */
static int must(struct my_conn *c, const char *name, const struct db_rewrite *r,
		bool back, struct err *e)
{
	const struct db_home *at = back ? &r->to : &r->from;
	const struct txn_guard g = {.uuid = r->by.uuid,
				    .host = at->host,
				    .node = at->node,
				    .vm_state = "stopped"};
	struct rewrite_args a;
	bool matched = false;

	fill(&a, r);
	if (txn_one(c, name, &a.list, &matched, e))
		return -1;
	return matched ? 0 : txn_explain(c, &g, e);
}

static int rewrite_body(struct my_conn *c, const void *arg, bool *commit,
			struct err *e)
{
	const struct db_rewrite *r = arg;
	enum db_moved moved;
	struct rewrite_args a;

	fill(&a, r);
	if (txn_token(c, &r->by, e) || rewrite_moved(c, r, &moved, e))
		return -1;
	if (moved == DB_MOVED_YES) {
		*commit = false;
		return 0;
	}
	if (must(c, "w.rewrite.instance", r, false, e) ||
	    must(c, "w.rewrite.migration", r, false, e) ||
	    must(c, "w.rewrite.action", r, false, e) ||
	    must(c, "w.rewrite.event", r, false, e) ||
	    volumes(c, r, a.now, false, e) ||
	    my_exec(c, "w.rewrite.console", &a.list, NULL, e))
		return -1;
	return floating(c, r, a.now, false, e);
}

static int check(const struct db_rewrite *r, struct err *e)
{
	if (lease_check(&r->by, e))
		return -1;
	if (!r->before || !uuid_valid(r->migration_uuid) || !r->stamp)
		return err_set(e, ERR_BUG, "rewrite: incomplete");
	return 0;
}

int db_op_rewrite(struct db *db, const struct db_rewrite *r, struct err *e)
{
	if (check(r, e) || tx_run(MY(db), rewrite_body, r, e))
		return err_wrap(e, "moving its rows from %s to %s",
				r->from.host, r->to.host);
	return 0;
}

/* The record check: nothing but our own status may be there. */
static int undo_refused(struct my_conn *c, const struct db_rewrite *r,
			bool *commit, struct err *e)
{
	enum db_moved moved;

	if (rewrite_moved(c, r, &moved, e))
		return -1;
	if (moved == DB_MOVED_UNDONE || moved == DB_MOVED_NO) {
		*commit = false;
		return 0;
	}
	if (moved != DB_MOVED_SETTLED)
		return err_set(e, ERR_CONFLICT,
			       "instance %s: the record of this move is not "
			       "as it was left",
			       r->by.uuid);
	err_set(e, ERR_REFUSED,
		"instance %s: nova-compute on %s has settled the record of "
		"this move and may have destroyed the copy there",
		r->by.uuid, r->from.host);
	return err_hint(e, "keep it on %s: novahaul resume %s", r->to.host,
			r->by.job);
}

static int undo_body(struct my_conn *c, const void *arg, bool *commit,
		     struct err *e)
{
	const struct db_rewrite *r = arg;
	struct rewrite_args a;
	bool matched = false;

	fill(&a, r);
	if (txn_token(c, &r->by, e) ||
	    txn_one(c, "w.undo.migration", &a.list, &matched, e))
		return -1;
	if (!matched)
		return undo_refused(c, r, commit, e);
	if (must(c, "w.undo.instance", r, true, e) ||
	    my_exec(c, "w.undo.action", &a.list, NULL, e) ||
	    my_exec(c, "w.undo.event", &a.list, NULL, e) ||
	    volumes(c, r, a.now, true, e))
		return -1;
	return floating(c, r, a.now, true, e);
}

int db_op_undo(struct db *db, const struct db_rewrite *r, struct err *e)
{
	if (check(r, e) || tx_run(MY(db), undo_body, r, e))
		return err_wrap(e, "moving its rows back from %s to %s",
				r->to.host, r->from.host);
	return 0;
}

static bool at(const struct db_instance *i, const struct db_home *h)
{
	return i->host && i->node && !strcasecmp(i->host, h->host) &&
	       !strcasecmp(i->node, h->node);
}

int rewrite_moved(struct my_conn *c, const struct db_rewrite *r,
		  enum db_moved *out, struct err *e)
{
	const struct history *h = &histories[r->history];
	AUTO(db_instance_clear) struct db_instance i = {0};
	AUTO(my_rows_clear) struct my_rows m = {0};
	struct rewrite_args a;
	const char *status;

	*out = DB_MOVED_UNKNOWN;
	fill(&a, r);
	if (instance_read(c, r->by.uuid, &i, e) ||
	    my_select(c, "cell.migration", &a.list, &m, e))
		return -1;
	status = m.n ? my_cell(&m, m.n - 1, "status") : NULL;
	if (!m.n && at(&i, &r->from))
		*out = DB_MOVED_NO;
	else if (status && !strcmp(status, h->status) && at(&i, &r->to))
		*out = DB_MOVED_YES;
	else if (status && !strcmp(status, h->undone) && at(&i, &r->from))
		*out = DB_MOVED_UNDONE;
	else if (status && !strcmp(status, "completed"))
		*out = DB_MOVED_SETTLED;
	return 0;
}

int db_op_moved(struct db *db, const struct db_rewrite *r, enum db_moved *out,
		struct err *e)
{
	struct my_conn *c = &MY(db)->cell;

	*out = DB_MOVED_UNKNOWN;
	if (my_ready(c, e))
		return -1;
	return rewrite_moved(c, r, out, e);
}
