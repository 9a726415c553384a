/* SPDX-License-Identifier: Apache-2.0 */
/* A whole host: it, and each host that may take what it has, is opened once. */
#include <string.h>

#include "api/session.h"
#include "cli/app_fleet.h"
#include "core/str.h"
#include "facts/fleet.h"
#include "join/join.h"

static struct facts_host_in in_of(const struct config *c, const char *name,
				  struct err *down)
{
	const struct config_host *h = config_host(c, name);
	struct facts_host_in in = {.down = down};

	in.host = join_host_take(c, name, down);
	if (in.host)
		in.virt = join_virt_survey(in.host);
	if (h) {
		in.instances_path = h->instances_path;
		in.nova_user = h->nova_user;
		in.nova_group = h->nova_group;
		in.qemu_user = h->qemu_user;
		in.qemu_group = h->qemu_group;
	}
	return in;
}

static void close_in(const struct config *c, struct facts_host_in *in)
{
	virt_free(in->virt);
	join_host_leave(c, in->host);
	err_clear(in->down);
}

static bool asked(const struct strv *names, const struct db_instance *i)
{
	return !names->n || (i->uuid && strv_has(names, i->uuid)) ||
	       (i->name && strv_has(names, i->name));
}

static void read_source(struct app *a, const struct app_fleet_read *r,
			struct fleet_facts *f)
{
	struct err down = ERR_INIT;
	struct facts_host_in in = in_of(a->config, f->source, &down);

	fleet_source(f, &in);
	for (size_t i = 0; in.host && i < f->n_servers; i++)
		if (asked(r->servers, &f->servers[i].f.srv.inst))
			fleet_server(f, i, in.host, in.virt);
	close_in(a->config, &in);
}

/* Where nobody is named: those that Nova itself would use.  Its heartbeat is
 * not asked: with the message queue down none has one. */
static bool candidate(const struct fleet_facts *f,
		      const struct app_fleet_read *r,
		      const struct db_fleet_host *h)
{
	if (str_is(h->h.host, f->source))
		return false;
	if (r->targets->n)
		return strv_has(r->targets, h->h.host);
	return !h->h.disabled && !h->h.forced_down && h->nodes == 1;
}

static void read_targets(struct app *a, const struct app_fleet_read *r,
			 struct fleet_facts *f)
{
	for (size_t i = 0; i < f->db.n_hosts; i++) {
		struct err down = ERR_INIT;
		struct facts_host_in in;

		if (!candidate(f, r, &f->db.hosts[i]))
			continue;
		in = in_of(a->config, f->db.hosts[i].h.host, &down);
		fleet_target(f, f->db.hosts[i].h.host, &in);
		close_in(a->config, &in);
	}
}

static void ask_placement(const struct app_fleet_read *r, struct fleet_facts *f)
{
	struct api_session *s;

	if (!fleet_in_placement(f))
		return;
	if (r->control == APP_CONTROL_DIRECT) {
		err_set(&f->placement_err, ERR_REFUSED,
			"direct control was asked for");
		return;
	}
	s = join_cloud_open(&f->placement_err);
	if (s)
		fleet_placement(f, s);
	api_close(s);
}

static int known(const struct fleet_facts *f, const struct app_fleet_read *r,
		 struct err *e)
{
	for (size_t i = 0; i < r->targets->n; i++) {
		const char *name = r->targets->v[i];

		if (!strcmp(name, f->source))
			return err_set(e, ERR_USAGE,
				       "%s is what is to be emptied: it cannot "
				       "be a target",
				       name);
		if (!db_fleet_host(&f->db, name)) {
			err_set(e, ERR_REFUSED,
				"no compute host %s in this cell", name);
			return err_hint(e, "openstack compute service list "
					   "shows the names");
		}
	}
	return 0;
}

struct fleet_facts *join_fleet_read(struct app *a,
				    const struct app_fleet_read *r,
				    struct err *e)
{
	struct fleet_facts *f = MEM_NEW(struct fleet_facts);
	struct db db = {0};
	int rc;

	/* What other processes of ours have moved since then is elsewhere. */
	host_said_drop();
	fleet_init(f, r->host);
	rc = join_db_open(a->config, NULL, &db, e);
	if (!rc)
		rc = fleet_database(f, &db, e);
	db_close(&db);
	if (!rc)
		rc = known(f, r, e);
	if (rc) {
		fleet_clear(f);
		mem_free(f);
		return NULL;
	}
	read_source(a, r, f);
	if (f->src.down.kind == ERR_NONE)
		read_targets(a, r, f);
	ask_placement(r, f);
	return f;
}
