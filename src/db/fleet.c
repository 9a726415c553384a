/* SPDX-License-Identifier: Apache-2.0 */
#include "db/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "core/str.h"
#include "db/db_priv.h"

#define AT_ONCE 16 /* parameters of api.fleet_specs */

struct read {
	struct my_db *d;
	struct my_conn *cell, *api; /* api NULL without one */
	const char *host;
	struct db_fleet *f;
};

/* ---- by name */

static int by_uuid(const void *key, const void *home)
{
	return strcmp(key, ((const struct db_fleet_home *)home)->uuid);
}

const struct db_fleet_home *db_fleet_home(const struct db_fleet *f,
					  const char *uuid)
{
	return f->n_homes ? bsearch(uuid, f->homes, f->n_homes,
				    sizeof(*f->homes), by_uuid)
			  : NULL;
}

static struct db_fleet_host *find_host(const struct db_fleet *f,
				       const char *host)
{
	for (size_t i = 0; i < f->n_hosts; i++)
		if (str_is(f->hosts[i].h.host, host))
			return &f->hosts[i];
	return NULL;
}

const struct db_fleet_host *db_fleet_host(const struct db_fleet *f,
					  const char *host)
{
	return find_host(f, host);
}

static struct db_server *find_server(const struct db_fleet *f, const char *uuid)
{
	for (size_t i = 0; uuid && i < f->n_servers; i++)
		if (str_is(f->servers[i].srv.inst.uuid, uuid))
			return &f->servers[i].srv;
	return NULL;
}

static int select_h(const struct read *g, const char *name, struct my_rows *r,
		    struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("h", g->host)};

	return my_select(g->cell, name, SQL_ARGS(args), r, e);
}

static int select_all(struct my_conn *c, const char *name, struct my_rows *r,
		      struct err *e)
{
	const struct sql_args none = {0};

	return my_select(c, name, &none, r, e);
}

/* ---- the instances */

static int get_servers(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	struct db_fleet *f = g->f;

	if (select_h(g, "fleet.instances", &r, e))
		return -1;
	f->servers = MEM_NEW_N(struct db_fleet_server, r.n + 1);
	f->n_servers = r.n;
	for (size_t i = 0; i < r.n; i++) {
		struct db_server *s = &f->servers[i].srv;

		s->cell_id = -1;
		s->flavor_swap_mb = my_num(&r, i, "swap", -1);
		instance_row(&r, i, &s->inst);
		s->inst.reason = my_dup(&r, i, "reason");
		f->servers[i].priority = my_dup(&r, i, "priority");
	}
	return 0;
}

static int get_extra(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_h(g, "fleet.extra", &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		struct db_server *s =
			find_server(g->f, my_cell(&r, i, "instance_uuid"));
		int64_t swap = s ? s->flavor_swap_mb : -1;

		if (s && parse_extra(s, &r, i, e))
			return err_wrap(e, "instance %s", s->inst.uuid);
		if (s && s->flavor_swap_mb < 0)
			s->flavor_swap_mb = swap;
	}
	return 0;
}

static int get_specs_of_types(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_h(g, "fleet.extra_specs", &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < g->f->n_servers; k++) {
			struct db_server *s = &g->f->servers[k].srv;

			if (!s->flavor_name &&
			    s->inst.type_id == my_num(&r, i, "type_id", -2))
				pairs_add(&s->extra_specs,
					  my_cell(&r, i, "key"),
					  my_cell(&r, i, "value"));
		}
	return 0;
}

static int get_bdms(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_h(g, "fleet.bdms", &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		struct db_server *s =
			find_server(g->f, my_cell(&r, i, "instance_uuid"));

		if (!s)
			continue;
		s->bdms = mem_realloc(s->bdms, s->n_bdms + 1, sizeof(*s->bdms));
		s->bdms[s->n_bdms] = (struct db_bdm){0};
		if (bdm_row(&r, i, &s->bdms[s->n_bdms++], e))
			return err_wrap(e, "instance %s", s->inst.uuid);
	}
	return 0;
}

static int get_pci(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_h(g, "fleet.pci_devices", &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		struct db_server *s =
			find_server(g->f, my_cell(&r, i, "instance_uuid"));

		if (s)
			s->pci_devices = (int)my_num(&r, i, "n", 0);
	}
	return 0;
}

/* Each goes to its instance, if that is one of ours; what is under way counts
 * for the host it goes to as well. */
static int get_migrations(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	struct db_fleet *f = g->f;

	if (select_h(g, "fleet.migrations", &r, e))
		return -1;
	f->migrations = MEM_NEW_N(struct db_fleet_migration, r.n + 1);
	for (size_t i = 0; i < r.n; i++) {
		const char *uuid = my_cell(&r, i, "instance_uuid");
		struct db_server *s = find_server(f, uuid);
		struct db_migration m = migration_row(&r, i);

		if (s) {
			s->migrations =
				mem_realloc(s->migrations, s->n_migrations + 1,
					    sizeof(*s->migrations));
			s->migrations[s->n_migrations++] = migration_row(&r, i);
		}
		if (db_migration_in_flight(&m))
			f->migrations[f->n_migrations++] =
				(struct db_fleet_migration){m,
							    mem_strdup(uuid)};
		else
			migration_clear(&m);
	}
	return 0;
}

static int get_asked(struct read *g, size_t from, struct err *e)
{
	static const char *const names[AT_ONCE] = {
		"u0", "u1", "u2",  "u3",  "u4",	 "u5",	"u6",  "u7",
		"u8", "u9", "u10", "u11", "u12", "u13", "u14", "u15"};
	struct sql_arg args[AT_ONCE];
	AUTO(my_rows_clear) struct my_rows r = {0};

	for (size_t i = 0; i < AT_ONCE; i++)
		args[i] = (struct sql_arg)ARG_TEXT(
			names[i],
			from + i < g->f->n_servers
				? g->f->servers[from + i].srv.inst.uuid
				: NULL);
	if (my_select(g->api, "api.fleet_specs", SQL_ARGS(args), &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		struct db_server *s =
			find_server(g->f, my_cell(&r, i, "instance_uuid"));

		if (!s)
			continue;
		s->has_request_spec = true;
		if (parse_spec(s, my_cell(&r, i, "spec"), e))
			return err_wrap(e, "instance %s", s->inst.uuid);
	}
	return 0;
}

/* ---- the hosts */

static double ratio(const struct my_rows *r, size_t i, const char *col)
{
	const char *text = my_cell(r, i, col);
	double v = text ? strtod(text, NULL) : 0;

	return v > 0 ? v : 0;
}

static int get_hosts(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	struct db_fleet *f = g->f;

	if (select_all(g->cell, "fleet.hosts", &r, e))
		return -1;
	f->hosts = MEM_NEW_N(struct db_fleet_host, r.n + 1);
	for (size_t i = 0; i < r.n; i++) {
		const char *name = my_cell(&r, i, "host");
		struct db_fleet_host *h;

		if (f->n_hosts &&
		    str_is(f->hosts[f->n_hosts - 1].h.host, name)) {
			f->hosts[f->n_hosts - 1].nodes++;
			continue;
		}
		h = &f->hosts[f->n_hosts++];
		h->nodes = 1;
		h->h = (struct db_host){.cell_id = -1, .seen_age_s = -1};
		h->h.host = my_dup(&r, i, "host");
		host_node_row(&r, i, &h->h);
		host_service_row(&r, i, &h->h);
		h->cpu_ratio = ratio(&r, i, "cpu_ratio");
		h->ram_ratio = ratio(&r, i, "ram_ratio");
		h->disk_ratio = ratio(&r, i, "disk_ratio");
	}
	return 0;
}

static int home_order(const void *a, const void *b)
{
	return strcmp(((const struct db_fleet_home *)a)->uuid,
		      ((const struct db_fleet_home *)b)->uuid);
}

static int get_homes(struct read *g, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	struct db_fleet_host *h = NULL;
	struct db_fleet *f = g->f;

	if (select_all(g->cell, "fleet.homes", &r, e))
		return -1;
	f->homes = MEM_NEW_N(struct db_fleet_home, r.n + 1);
	f->n_homes = r.n;
	for (size_t i = 0; i < r.n; i++) {
		struct db_fleet_home *one = &f->homes[i];

		*one = (struct db_fleet_home){
			.uuid = my_dup(&r, i, "uuid"),
			.host = my_dup(&r, i, "host"),
			.vcpus = my_num(&r, i, "vcpus", 0),
			.memory_mb = my_num(&r, i, "memory_mb", 0),
			.gb = my_num(&r, i, "gb", 0),
		};
		if (!h || !str_is(h->h.host, one->host))
			h = find_host(f, one->host);
		if (!h)
			continue;
		h->instances++;
		h->vcpus += one->vcpus;
		h->memory_mb += one->memory_mb;
		h->gb += one->gb;
	}
	/* whatever the database's collation is */
	qsort(f->homes, f->n_homes, sizeof(*f->homes), home_order);
	return 0;
}

/* ---- aggregates and groups */

static struct db_fleet_aggregate *aggregate(struct db_fleet *f, int64_t id)
{
	for (size_t i = 0; i < f->n_aggregates; i++)
		if (f->aggregates[i].id == id)
			return &f->aggregates[i];
	f->aggregates = mem_realloc(f->aggregates, f->n_aggregates + 1,
				    sizeof(*f->aggregates));
	f->aggregates[f->n_aggregates] = (struct db_fleet_aggregate){.id = id};
	return &f->aggregates[f->n_aggregates++];
}

static int aggregates_in(struct read *g, struct my_conn *c,
			 const char *const names[2], struct err *e)
{
	AUTO(my_rows_clear) struct my_rows hosts = {0};
	AUTO(my_rows_clear) struct my_rows meta = {0};

	if (select_all(c, names[0], &hosts, e) ||
	    select_all(c, names[1], &meta, e))
		return -1;
	for (size_t i = 0; i < hosts.n; i++)
		strv_add(&aggregate(g->f, my_num(&hosts, i, "id", -1))->hosts,
			 my_cell(&hosts, i, "host"));
	for (size_t i = 0; i < meta.n; i++)
		pairs_add(&aggregate(g->f, my_num(&meta, i, "id", -1))->meta,
			  my_cell(&meta, i, "key"), my_cell(&meta, i, "value"));
	return 0;
}

/* Of several zones the first, as host.c has it; Nova allows only one. */
static void zones(struct db_fleet *f)
{
	for (size_t i = 0; i < f->n_aggregates; i++) {
		const struct db_fleet_aggregate *a = &f->aggregates[i];
		const char *az = db_pairs_get(&a->meta, "availability_zone");

		for (size_t k = 0; az && k < a->hosts.n; k++) {
			struct db_fleet_host *h = find_host(f, a->hosts.v[k]);

			if (h && !h->h.az)
				h->h.az = mem_strdup(az);
		}
	}
}

/* Up to Ocata they may still be in the cell database. */
static int get_aggregates(struct read *g, struct err *e)
{
	static const char *const api[] = {"api.fleet_aggregate_hosts",
					  "api.fleet_aggregate_metadata"};
	static const char *const cell[] = {"fleet.aggregate_hosts",
					   "fleet.aggregate_metadata"};

	if (g->api && aggregates_in(g, g->api, api, e))
		return -1;
	if (!g->f->n_aggregates && g->d->release <= release_index("ocata") &&
	    aggregates_in(g, g->cell, cell, e))
		return -1;
	zones(g->f);
	return 0;
}

static void add_member(struct db_fleet *f, struct db_group *to,
		       const char *uuid)
{
	const struct db_fleet_home *home = db_fleet_home(f, uuid);

	/* members of the past stay in the table */
	if (!home)
		return;
	to->members = mem_realloc(to->members, to->n_members + 1,
				  sizeof(*to->members));
	to->members[to->n_members++] = (struct db_member){
		mem_strdup(home->uuid), mem_strdup(home->host)};
}

struct group_rows {
	struct my_rows groups, members;
	bool *ours; /* of groups: has one of the host's instances */
};

static void group_rows_clear(struct group_rows *r)
{
	my_rows_clear(&r->groups);
	my_rows_clear(&r->members);
	mem_free(r->ours);
}

/* They come by id. */
static size_t group_at(const struct group_rows *r, size_t member)
{
	int64_t id = my_num(&r->members, member, "group_id", -1);
	size_t lo = 0, hi = r->groups.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (my_num(&r->groups, mid, "id", -1) < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->groups.n && my_num(&r->groups, lo, "id", -1) == id
		       ? lo
		       : r->groups.n;
}

static void fill_groups(struct db_fleet *f, struct group_rows *r)
{
	size_t *slot = MEM_NEW_N(size_t, r->groups.n + 1);

	r->ours = MEM_NEW_N(bool, r->groups.n + 1);
	for (size_t i = 0; i < r->members.n; i++)
		if (find_server(f, my_cell(&r->members, i, "uuid")))
			r->ours[group_at(r, i)] = true;
	f->groups = MEM_NEW_N(struct db_group, r->groups.n + 1);
	for (size_t i = 0; i < r->groups.n; i++) {
		if (!r->ours[i])
			continue;
		slot[i] = f->n_groups;
		f->groups[f->n_groups++] = (struct db_group){
			.uuid = my_dup(&r->groups, i, "uuid"),
			.name = my_dup(&r->groups, i, "name"),
			.policy = my_dup(&r->groups, i, "policy"),
			.rules = my_dup(&r->groups, i, "rules")};
	}
	for (size_t i = 0; i < r->members.n; i++) {
		size_t k = group_at(r, i);

		if (k < r->groups.n && r->ours[k])
			add_member(f, &f->groups[slot[k]],
				   my_cell(&r->members, i, "uuid"));
	}
	mem_free(slot);
}

static int get_groups(struct read *g, struct err *e)
{
	bool api = g->d->schema.f.api_groups;
	struct my_conn *c = api ? g->api : g->cell;
	AUTO(group_rows_clear) struct group_rows r = {0};

	if (select_all(c, api ? "api.fleet_groups" : "fleet.groups", &r.groups,
		       e) ||
	    select_all(c,
		       api ? "api.fleet_group_members" : "fleet.group_members",
		       &r.members, e))
		return -1;
	fill_groups(g->f, &r);
	return 0;
}

/* ---- all of it */

static int get_all(struct read *g, struct err *e)
{
	if (get_servers(g, e) || get_extra(g, e) || get_specs_of_types(g, e) ||
	    get_bdms(g, e) || get_pci(g, e) || get_migrations(g, e) ||
	    get_hosts(g, e) || get_homes(g, e) || get_groups(g, e) ||
	    get_aggregates(g, e))
		return -1;
	for (size_t i = 0; g->api && i < g->f->n_servers; i += AT_ONCE)
		if (get_asked(g, i, e))
			return -1;
	return 0;
}

static void leave(struct my_conn *c)
{
	struct err ignored = ERR_INIT;

	if (c && c->handle && my_plain(c, "session.rollback", false, &ignored))
		my_close(c);
	err_clear(&ignored);
}

int db_fleet_read(struct db *db, const char *host, struct db_fleet *f,
		  struct err *e)
{
	struct my_db *d = MY(db);
	struct read g = {.d = d,
			 .cell = &d->cell,
			 .api = d->has_api ? &d->api : NULL,
			 .host = host,
			 .f = f};
	int rc;

	*f = (struct db_fleet){0};
	if (my_ready(g.cell, e) || (g.api && my_ready(g.api, e)) ||
	    my_plain(g.cell, "session.snapshot", false, e) ||
	    (g.api && my_plain(g.api, "session.snapshot", false, e)))
		return err_wrap(e, "reading what host %s has", host);
	rc = get_all(&g, e);
	leave(g.cell);
	leave(g.api);
	if (!rc)
		return 0;
	db_fleet_clear(f);
	return err_wrap(e, "reading what host %s has", host);
}

void db_fleet_clear(struct db_fleet *f)
{
	for (size_t i = 0; i < f->n_servers; i++) {
		db_server_clear(&f->servers[i].srv);
		mem_free(f->servers[i].priority);
	}
	mem_free(f->servers);
	for (size_t i = 0; i < f->n_hosts; i++)
		db_host_clear(&f->hosts[i].h);
	mem_free(f->hosts);
	for (size_t i = 0; i < f->n_groups; i++)
		group_clear(&f->groups[i]);
	mem_free(f->groups);
	for (size_t i = 0; i < f->n_aggregates; i++) {
		strv_clear(&f->aggregates[i].hosts);
		pairs_clear(&f->aggregates[i].meta);
	}
	mem_free(f->aggregates);
	for (size_t i = 0; i < f->n_migrations; i++) {
		migration_clear(&f->migrations[i].m);
		mem_free(f->migrations[i].instance);
	}
	mem_free(f->migrations);
	for (size_t i = 0; i < f->n_homes; i++) {
		mem_free(f->homes[i].uuid);
		mem_free(f->homes[i].host);
	}
	mem_free(f->homes);
	*f = (struct db_fleet){0};
}
