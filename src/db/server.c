/* SPDX-License-Identifier: Apache-2.0 */
/* All that the databases know of one instance. */
#include "db/db_priv.h"

#include <string.h>

/* What a reader works on. */
struct get {
	struct my_db *d;
	struct my_conn *c;
	const char *uuid;
	struct db_server *s;
};

static int select_u(const struct get *g, struct my_conn *c, const char *name,
		    struct my_rows *r, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", g->uuid)};

	return my_select(c, name, SQL_ARGS(args), r, e);
}

static int count_u(const struct get *g, struct my_conn *c, const char *name,
		   int *out, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_u(g, c, name, &r, e))
		return -1;
	*out = r.n ? (int)my_num(&r, 0, "n", 0) : 0;
	return 0;
}

static void pairs_from(struct db_pairs *p, const struct my_rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		pairs_add(p, my_cell(r, i, "key"), my_cell(r, i, "value"));
}

static int get_extra(struct get *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	AUTO(my_rows_clear) struct my_rows specs = {0};
	const struct sql_arg args[] = {ARG_INT("t", g->s->inst.type_id)};

	if (select_u(g, g->c, "cell.extra", &r, e))
		return -1;
	if (r.n && parse_extra(g->s, &r, 0, e))
		return -1;
	if (r.n && my_cell(&r, 0, "flavor"))
		return 0;
	if (my_select(g->c, "cell.extra_specs", SQL_ARGS(args), &specs, e))
		return -1;
	pairs_from(&g->s->extra_specs, &specs);
	return 0;
}

static int get_sysmeta(struct get *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_u(g, g->c, "cell.sysmeta", &r, e))
		return -1;
	pairs_from(&g->s->sysmeta, &r);
	return 0;
}

int bdm_row(const struct my_rows *r, size_t i, struct db_bdm *b, struct err *e)
{
	const struct {
		char **slot;
		const char *col;
	} texts[] = {
		{&b->uuid, "uuid"},
		{&b->device_name, "device_name"},
		{&b->source_type, "source_type"},
		{&b->destination_type, "destination_type"},
		{&b->device_type, "device_type"},
		{&b->disk_bus, "disk_bus"},
		{&b->guest_format, "guest_format"},
		{&b->volume_id, "volume_id"},
		{&b->image_id, "image_id"},
		{&b->attachment_id, "attachment_id"},
		{&b->tag, "tag"},
	};

	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		*texts[k].slot = my_dup(r, i, texts[k].col);
	b->id = my_num(r, i, "id", -1);
	b->boot_index = (int)my_num(r, i, "boot_index", -1);
	b->size_gb = my_num(r, i, "volume_size", -1);
	b->delete_on_termination = my_true(r, i, "delete_on_termination");
	b->encrypted = my_true(r, i, "encrypted");
	return parse_connection(b, my_cell(r, i, "connection_info"), e);
}

static int get_bdms(struct get *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	struct db_server *s = g->s;

	if (select_u(g, g->c, "cell.bdms", &r, e))
		return -1;
	s->bdms = MEM_NEW_N(struct db_bdm, r.n);
	s->n_bdms = r.n;
	for (size_t i = 0; i < r.n; i++)
		if (bdm_row(&r, i, &s->bdms[i], e))
			return -1;
	return 0;
}

static int get_network(struct get *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_u(g, g->c, "cell.network_info", &r, e))
		return -1;
	return r.n ? parse_network(g->s, my_cell(&r, 0, "network_info"), e) : 0;
}

struct db_migration migration_row(const struct my_rows *r, size_t i)
{
	return (struct db_migration){
		.id = my_num(r, i, "id", -1),
		.uuid = my_dup(r, i, "uuid"),
		.type = my_dup(r, i, "type"),
		.status = my_dup(r, i, "status"),
		.source_compute = my_dup(r, i, "source_compute"),
		.dest_compute = my_dup(r, i, "dest_compute"),
		.source_node = my_dup(r, i, "source_node"),
		.dest_node = my_dup(r, i, "dest_node"),
		.created_at = my_dup(r, i, "created_at"),
		.updated_at = my_dup(r, i, "updated_at"),
		.deleted = my_true(r, i, "deleted"),
	};
}

static int get_migrations(struct get *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	struct db_server *s = g->s;

	if (select_u(g, g->c, "cell.migrations", &r, e))
		return -1;
	s->migrations = MEM_NEW_N(struct db_migration, r.n);
	s->n_migrations = r.n;
	for (size_t i = 0; i < r.n; i++)
		s->migrations[i] = migration_row(&r, i);
	return 0;
}

static int member_host(struct get *g, struct db_member *m, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", m->uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_select(g->c, "cell.member_host", SQL_ARGS(args), &r, e))
		return -1;
	m->host = r.n ? my_dup(&r, 0, "host") : NULL;
	return 0;
}

static int get_members(struct get *g, struct my_conn *c, const char *name,
		       const char *group, struct db_group *out, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", g->uuid),
				       ARG_TEXT("g", group)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_select(c, name, SQL_ARGS(args), &r, e))
		return -1;
	out->members = MEM_NEW_N(struct db_member, r.n);
	out->n_members = r.n;
	for (size_t i = 0; i < r.n; i++) {
		out->members[i].uuid = my_dup(&r, i, "uuid");
		if (member_host(g, &out->members[i], e))
			return -1;
	}
	return 0;
}

static int get_groups(struct get *g, struct err *e)
{
	bool api = g->d->schema.f.api_groups;
	struct my_conn *c = api ? &g->d->api : g->c;
	const char *members = api ? "api.group_members" : "cell.group_members";
	AUTO(my_rows_clear) struct my_rows r = {0};
	struct db_server *s = g->s;

	if (select_u(g, c, api ? "api.groups" : "cell.groups", &r, e))
		return -1;
	s->groups = MEM_NEW_N(struct db_group, r.n);
	s->n_groups = r.n;
	for (size_t i = 0; i < r.n; i++) {
		s->groups[i].uuid = my_dup(&r, i, "uuid");
		s->groups[i].name = my_dup(&r, i, "name");
		s->groups[i].policy = my_dup(&r, i, "policy");
		s->groups[i].rules = my_dup(&r, i, "rules");
		if (get_members(g, c, members, my_cell(&r, i, "id"),
				&s->groups[i], e))
			return -1;
	}
	return 0;
}

/* Only providers that are compute nodes of this cell make the rows alive. */
static int get_allocations(struct get *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_u(g, &g->d->api, "api.allocations", &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		const struct sql_arg args[] = {
			ARG_TEXT("p", my_cell(&r, i, "uuid"))};
		AUTO(my_rows_clear) struct my_rows p = {0};

		if (my_select(g->c, "cell.provider", SQL_ARGS(args), &p, e))
			return -1;
		if (p.n && my_num(&p, 0, "n", 0))
			g->s->allocations += (int)my_num(&r, i, "n", 0);
	}
	return 0;
}

static int get_api(struct get *g, struct err *e)
{
	struct my_conn *c = &g->d->api;
	AUTO(my_rows_clear) struct my_rows cell = {0};
	AUTO(my_rows_clear) struct my_rows spec = {0};
	int builds;

	if (select_u(g, c, "api.cell_of", &cell, e) ||
	    select_u(g, c, "api.request_spec", &spec, e) ||
	    count_u(g, c, "api.build_request", &builds, e))
		return -1;
	g->s->cell_id = cell.n ? my_num(&cell, 0, "cell_id", -1) : -1;
	g->s->build_request = builds > 0;
	g->s->has_request_spec = spec.n > 0;
	if (spec.n && parse_spec(g->s, my_cell(&spec, 0, "spec"), e))
		return -1;
	return get_allocations(g, e);
}

static int get_all(struct get *g, struct err *e)
{
	struct db_server *s = g->s;

	if (instance_read(g->c, g->uuid, &s->inst, e) || get_extra(g, e) ||
	    get_sysmeta(g, e) || get_bdms(g, e) || get_network(g, e) ||
	    get_migrations(g, e) ||
	    count_u(g, g->c, "cell.pci_devices", &s->pci_devices, e) ||
	    count_u(g, g->c, "cell.shares", &s->shares, e) ||
	    count_u(g, g->c, "cell.nova_net_ips", &s->nova_net_ips, e) ||
	    get_groups(g, e))
		return -1;
	return g->d->has_api ? get_api(g, e) : 0;
}

int db_op_server(struct db *db, const char *uuid, struct db_server *out,
		 struct err *e)
{
	struct my_db *d = MY(db);
	struct get g = {.d = d, .c = &d->cell, .uuid = uuid, .s = out};
	struct err ignored = ERR_INIT;
	int r;

	*out = (struct db_server){.cell_id = -1, .flavor_swap_mb = -1};
	if (my_ready(g.c, e) || (d->has_api && my_ready(&d->api, e)) ||
	    my_plain(g.c, "session.snapshot", false, e))
		return -1;
	if (d->has_api && my_plain(&d->api, "session.snapshot", false, e))
		return -1;
	r = get_all(&g, e);
	if (g.c->handle && my_plain(g.c, "session.rollback", false, &ignored))
		my_close(g.c);
	if (d->api.handle &&
	    my_plain(&d->api, "session.rollback", false, &ignored))
		my_close(&d->api);
	err_clear(&ignored);
	if (!r)
		return 0;
	db_server_clear(out);
	return err_wrap(e, "reading instance %s", uuid);
}
