/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "audit/audit_priv.h"
#include "db/audit.h"

static void take_server(struct audit_server *s, const struct db_cell_server *d)
{
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	*s = (struct audit_server){
		.uuid = mem_strdup(d->uuid),
		.name = mem_strdup0(d->name),
		.host = mem_strdup0(d->host),
		.node = mem_strdup0(d->node),
		.vm_state = mem_strdup0(d->vm_state),
		.task_state = mem_strdup0(d->task_state),
		.stamp = mem_strdup0(d->updated_at),
		.job = db_token_parse(d->reason, job, &epoch) ? mem_strdup(job)
							      : NULL,
		.hidden = d->hidden,
	};
}

static void take_migration(struct audit_migration *m,
			   const struct db_cell_migration *d)
{
	*m = (struct audit_migration){
		.id = d->m.id,
		.uuid = mem_strdup0(d->m.uuid),
		.instance = mem_strdup0(d->instance),
		.status = mem_strdup0(d->m.status),
		.source = mem_strdup0(d->m.source_compute),
		.dest = mem_strdup0(d->m.dest_compute),
		.armed = d->m.source_compute &&
			 db_migration_arms(&d->m, d->m.source_compute),
		.in_flight = db_migration_in_flight(&d->m),
	};
}

static void take_host(struct audit_facts *f, struct db *db, const char *name)
{
	struct audit_host *h = GROW(f->hosts, f->n_hosts);
	AUTO(db_host_clear) struct db_host d = {0};
	struct err why = ERR_INIT;

	h->name = mem_strdup(name);
	if (db->ops->host(db, name, &d, &why)) {
		audit_unasked(f, name, true, &why);
		return;
	}
	h->node = mem_strdup0(d.node);
	h->provider = mem_strdup0(d.compute_uuid);
}

int audit_read_db(struct audit_facts *f, struct db *db, struct err *e)
{
	AUTO(db_cell_clear) struct db_cell c = {0};

	if (db_cell_read(db, &c, e))
		return -1;
	for (size_t i = 0; i < c.n_servers; i++)
		take_server(GROW(f->servers, f->n_servers), &c.servers[i]);
	for (size_t i = 0; i < c.n_migrations; i++)
		take_migration(GROW(f->migrations, f->n_migrations),
			       &c.migrations[i]);
	for (size_t i = 0; i < c.n_volumes; i++)
		*GROW(f->volumes, f->n_volumes) = (struct audit_volume){
			.id = mem_strdup(c.volumes[i].volume),
			.server = mem_strdup(c.volumes[i].instance),
			.attachment = mem_strdup0(c.volumes[i].attachment),
		};
	for (size_t i = 0; i < c.hosts.n; i++)
		take_host(f, db, c.hosts.v[i]);
	return 0;
}

/* ---- again */

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* updated_at alone is changed by periodic tasks: it says nothing. */
static bool same_row(const struct audit_server *s,
		     const struct db_cell_server *d)
{
	return same(s->host, d->host) && same(s->vm_state, d->vm_state) &&
	       same(s->task_state, d->task_state);
}

static void compare(struct audit_facts *f, const struct db_cell *c)
{
	size_t had = f->n_servers;

	for (size_t i = 0; i < had; i++)
		f->servers[i].changed = true;
	for (size_t i = 0; i < c->n_servers; i++) {
		struct audit_server *s = audit_server(f, c->servers[i].uuid);

		if (!s) {
			s = GROW(f->servers, f->n_servers);
			take_server(s, &c->servers[i]);
			s->changed = true;
		} else if (s < f->servers + had) {
			s->changed = !same_row(s, &c->servers[i]);
		}
	}
}

static int note_deleted(struct audit_facts *f, struct db *db, const char *uuid,
			struct err *e)
{
	bool yes;

	if (audit_server(f, uuid) || strv_has(&f->deleted, uuid))
		return 0;
	if (db_cell_deleted(db, uuid, &yes, e))
		return -1;
	if (yes)
		strv_add(&f->deleted, uuid);
	return 0;
}

static int find_deleted(struct audit_facts *f, struct db *db, struct err *e)
{
	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct audit_host *h = &f->hosts[i];

		for (size_t k = 0; k < h->n_domains; k++)
			if (note_deleted(f, db, h->domains[k].uuid, e))
				return -1;
		for (size_t k = 0; k < h->n_dirs; k++)
			if (note_deleted(f, db, h->dirs[k].uuid, e))
				return -1;
	}
	return 0;
}

int audit_read_again(struct audit_facts *f, struct db *db, struct err *e)
{
	AUTO(db_cell_clear) struct db_cell c = {0};

	if (db_cell_servers(db, &c, e))
		return -1;
	compare(f, &c);
	return find_deleted(f, db, e);
}
