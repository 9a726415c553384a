/* SPDX-License-Identifier: Apache-2.0 */
/* The whole cloud, as audit reads it. */
#include <string.h>

#include "api/session.h"
#include "audit/audit.h"
#include "core/novaconf.h"
#include "join/join.h"

/* Hosts stay open until all have been read. */
struct opened {
	struct audit_host_in *in;
	char **paths;
	struct err *down;
	size_t n;
	bool cloud; /* one of them is configured for the services */
};

static void close_all(struct opened *o)
{
	for (size_t i = 0; i < o->n; i++) {
		virt_free(o->in[i].virt);
		host_close(o->in[i].host);
		mem_free(o->paths[i]);
		err_clear(&o->down[i]);
	}
	mem_free(o->in);
	mem_free(o->paths);
	mem_free(o->down);
}

static void open_one(struct app *a, struct opened *o, const char *name)
{
	struct audit_host_in *in = &o->in[o->n];
	struct err *down = &o->down[o->n];
	struct novaconf nc = NOVACONF_INIT;
	struct err none = ERR_INIT;

	*in = (struct audit_host_in){.name = name, .down = down};
	in->host = join_host_open(a->config, name, down);
	if (in->host) {
		in->virt = join_virt_open(in->host);
		o->paths[o->n] = join_instances_path(a->config, in->host, down);
		in->instances_path = o->paths[o->n];
		if (!join_novaconf(in->host, &nc, &none))
			o->cloud |= nc.has_placement || nc.has_neutron;
		novaconf_clear(&nc);
		err_clear(&none);
	}
	o->n++;
}

static void read_hosts(struct app *a, const struct app_audit_scope *scope,
		       struct audit_facts *f, struct opened *o)
{
	o->in = MEM_NEW_N(struct audit_host_in, scope->hosts->n + 1);
	o->paths = MEM_NEW_N(char *, scope->hosts->n + 1);
	o->down = MEM_NEW_N(struct err, scope->hosts->n + 1);
	for (size_t i = 0; i < scope->hosts->n; i++) {
		open_one(a, o, scope->hosts->v[i]);
		audit_read_host(f, &o->in[i]);
	}
	audit_read_states(f, o->in, o->n);
}

/* A host of the cell that the operator has not told us of. */
static void unknown_hosts(const struct app_audit_scope *scope,
			  struct audit_facts *f)
{
	for (size_t i = 0; scope->all && i < f->n_hosts; i++) {
		const char *name = f->hosts[i].name;
		struct err why = ERR_INIT;

		if (strv_has(scope->hosts, name) ||
		    strv_has(scope->silent, name))
			continue;
		err_set(&why, ERR_REFUSED,
			"it is a compute host of the cell, "
			"and not in the configuration");
		err_hint(&why, "add a section [host:%s] to it", name);
		audit_unasked(f, name, true, &why);
	}
}

static int read_all(struct app *a, const struct app_audit_scope *scope,
		    struct audit_facts *f, struct db *db, struct opened *o,
		    struct err *e)
{
	struct api_session *s = NULL;
	struct err down = ERR_INIT;

	if (audit_read_db(f, db, e))
		return -1;
	unknown_hosts(scope, f);
	read_hosts(a, scope, f, o);
	if (o->cloud) {
		s = join_cloud_open(&down);
		audit_read_cloud(f, s, &down);
		api_close(s);
	}
	return audit_read_again(f, db, e);
}

void join_audit_read(struct app *a, const struct app_audit_scope *scope,
		     struct audit_facts *f)
{
	struct opened o = {0};
	struct err why = ERR_INIT;
	struct db db = {0};
	bool failed = join_db_open(a->config, NULL, &db, &why) ||
		      read_all(a, scope, f, &db, &o, &why);

	close_all(&o);
	db_close(&db);
	if (!failed)
		return;
	/* Without the cell nothing can be said of anything. */
	audit_facts_clear(f);
	audit_unasked(f, "the cell's database", false, &why);
}
