/* SPDX-License-Identifier: Apache-2.0 */
#include "db/audit.h"

#include <string.h>

#include "db/db_priv.h"

static void server_clear(struct db_cell_server *s)
{
	char *const all[] = {s->uuid,	    s->name,	 s->host,
			     s->node,	    s->vm_state, s->task_state,
			     s->updated_at, s->reason};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mem_free(all[i]);
}

void db_cell_clear(struct db_cell *c)
{
	strv_clear(&c->hosts);
	for (size_t i = 0; i < c->n_servers; i++)
		server_clear(&c->servers[i]);
	mem_free(c->servers);
	for (size_t i = 0; i < c->n_migrations; i++) {
		migration_clear(&c->migrations[i].m);
		mem_free(c->migrations[i].instance);
	}
	mem_free(c->migrations);
	for (size_t i = 0; i < c->n_volumes; i++) {
		mem_free(c->volumes[i].instance);
		mem_free(c->volumes[i].volume);
		mem_free(c->volumes[i].attachment);
	}
	mem_free(c->volumes);
	*c = (struct db_cell){0};
}

static int select_all(struct my_conn *c, const char *name, struct my_rows *r,
		      struct err *e)
{
	const struct sql_args none = {0};

	return my_select(c, name, &none, r, e);
}

static int get_hosts(struct my_conn *c, struct db_cell *out, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_all(c, "audit.hosts", &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++)
		strv_add(&out->hosts, my_cell(&r, i, "host"));
	return 0;
}

static int get_servers(struct my_conn *c, struct db_cell *out, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_all(c, "audit.servers", &r, e))
		return -1;
	out->servers = MEM_NEW_N(struct db_cell_server, r.n + 1);
	out->n_servers = r.n;
	for (size_t i = 0; i < r.n; i++)
		out->servers[i] = (struct db_cell_server){
			.uuid = my_dup(&r, i, "uuid"),
			.name = my_dup(&r, i, "name"),
			.host = my_dup(&r, i, "host"),
			.node = my_dup(&r, i, "node"),
			.vm_state = my_dup(&r, i, "vm_state"),
			.task_state = my_dup(&r, i, "task_state"),
			.updated_at = my_dup(&r, i, "updated_at"),
			.reason = my_dup(&r, i, "reason"),
			.hidden = my_true(&r, i, "hidden"),
		};
	return 0;
}

static int get_migrations(struct my_conn *c, struct db_cell *out, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_all(c, "audit.migrations", &r, e))
		return -1;
	out->migrations = MEM_NEW_N(struct db_cell_migration, r.n + 1);
	out->n_migrations = r.n;
	for (size_t i = 0; i < r.n; i++)
		out->migrations[i] = (struct db_cell_migration){
			.m = migration_row(&r, i),
			.instance = my_dup(&r, i, "instance_uuid"),
		};
	return 0;
}

static int get_volumes(struct my_conn *c, struct db_cell *out, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_all(c, "audit.volumes", &r, e))
		return -1;
	out->volumes = MEM_NEW_N(struct db_cell_volume, r.n + 1);
	out->n_volumes = r.n;
	for (size_t i = 0; i < r.n; i++)
		out->volumes[i] = (struct db_cell_volume){
			.instance = my_dup(&r, i, "instance_uuid"),
			.volume = my_dup(&r, i, "volume_id"),
			.attachment = my_dup(&r, i, "attachment_id"),
		};
	return 0;
}

static int get_all(struct my_conn *c, struct db_cell *out, struct err *e)
{
	return get_hosts(c, out, e) || get_servers(c, out, e) ||
			       get_migrations(c, out, e) ||
			       get_volumes(c, out, e)
		       ? -1
		       : 0;
}

int db_cell_read(struct db *db, struct db_cell *c, struct err *e)
{
	struct my_conn *m = &MY(db)->cell;
	struct err ignored = ERR_INIT;
	int rc;

	*c = (struct db_cell){0};
	if (my_ready(m, e) || my_plain(m, "session.snapshot", false, e))
		return err_wrap(e, "reading the cell");
	rc = get_all(m, c, e);
	if (m->handle && my_plain(m, "session.rollback", false, &ignored))
		my_close(m);
	err_clear(&ignored);
	if (!rc)
		return 0;
	db_cell_clear(c);
	return err_wrap(e, "reading the cell");
}

int db_cell_servers(struct db *db, struct db_cell *c, struct err *e)
{
	struct my_conn *m = &MY(db)->cell;

	*c = (struct db_cell){0};
	if (my_ready(m, e) || get_servers(m, c, e))
		return err_wrap(e, "reading the cell's instances");
	return 0;
}

int db_cell_deleted(struct db *db, const char *uuid, bool *yes, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	struct my_conn *m = &MY(db)->cell;
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_ready(m, e) ||
	    my_select(m, "audit.deleted", SQL_ARGS(args), &r, e))
		return err_wrap(e, "reading instance %s", uuid);
	*yes = r.n && my_num(&r, 0, "n", 0) > 0;
	return 0;
}

/* ---- the record of an evacuation */

static int status_in(struct my_conn *c, const struct db_settle *s,
		     char **status, struct err *e)
{
	const struct sql_arg args[] = {ARG_INT("id", s->id),
				       ARG_TEXT("u", s->uuid),
				       ARG_TEXT("sh", s->source)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*status = NULL;
	if (my_select(c, "audit.evacuation", SQL_ARGS(args), &r, e))
		return -1;
	if (r.n)
		*status = my_dup(&r, 0, "status");
	return 0;
}

int db_settle_status(struct db *db, const struct db_settle *s, char **status,
		     struct err *e)
{
	struct my_conn *m = &MY(db)->cell;

	*status = NULL;
	if (my_ready(m, e) || status_in(m, s, status, e))
		return err_wrap(e, "reading migration %lld", (long long)s->id);
	return 0;
}

/* No row: it is so already, or something else has written it, or the instance
 * is at work. */
static int not_settled(struct my_conn *c, const struct db_settle *s,
		       bool *commit, struct err *e)
{
	AUTO(mem_freep) char *now = NULL;

	*commit = false;
	if (status_in(c, s, &now, e))
		return -1;
	if (now && !strcmp(now, s->to))
		return 0;
	if (now && !strcmp(now, s->from))
		return err_set(e, ERR_CONFLICT,
			       "instance %s: something is at work on it, or "
			       "that is no evacuation",
			       s->uuid);
	return err_set(e, ERR_CONFLICT,
		       "the record of its evacuation is %s now, not %s",
		       now ? now : "gone", s->from);
}

static int settle_body(struct my_conn *c, const void *arg, bool *commit,
		       struct err *e)
{
	const struct db_settle *s = arg;
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {
		ARG_INT("id", s->id),	   ARG_TEXT("u", s->uuid),
		ARG_TEXT("sh", s->source), ARG_TEXT("from", s->from),
		ARG_TEXT("to", s->to),	   ARG_TEXT("now", now)};
	bool matched = false;

	txn_now(now);
	if (txn_one(c, "w.settle", SQL_ARGS(args), &matched, e))
		return -1;
	return matched ? 0 : not_settled(c, s, commit, e);
}

int db_settle(struct db *db, const struct db_settle *s, struct err *e)
{
	if (!uuid_valid(s->uuid))
		return err_set(e, ERR_BUG, "database: bad instance uuid");
	if (tx_run(MY(db), settle_body, s, e))
		return err_wrap(e, "settling migration %lld", (long long)s->id);
	return 0;
}
