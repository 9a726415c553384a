/* SPDX-License-Identifier: Apache-2.0 */
/* Placement, Neutron and Nova behind the ports of the steps. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/neutron.h"
#include "api/nova.h"
#include "api/placement.h"
#include "join/join.h"

extern const struct cloud_ops cloud_join_ops;

struct cloud_join {
	struct api_session *session;
};

struct api_session *join_cloud_open(struct err *e)
{
	struct cloud_options o = {.env = (const char *const *)environ,
				  .cwd = "."};
	struct api_session *s = NULL;
	struct cloud c = {0};

	if (cloud_load(&o, &c, e))
		return NULL;
	s = api_open(&c, NULL, e);
	cloud_clear(&c);
	return s;
}

struct cloud_join *cloud_join_new(struct err *e)
{
	struct cloud_join *j = MEM_NEW(struct cloud_join);

	j->session = join_cloud_open(e);
	if (j->session)
		return j;
	cloud_join_free(j);
	return NULL;
}

void cloud_join_free(struct cloud_join *j)
{
	if (!j)
		return;
	api_close(j->session);
	mem_free(j);
}

struct api_session *cloud_join_session(struct cloud_join *j)
{
	return j->session;
}

/* ---- Placement */

static int provider(struct cloud_join *j, const struct move_side *s,
		    char **uuid, struct err *e)
{
	struct placement_provider p = {0};
	int rc = placement_provider_find(j->session, s->node, &p, e);

	if (!rc)
		*uuid = mem_strdup(p.uuid);
	placement_provider_clear(&p);
	return rc;
}

static int providers(struct cloud_join *j, const struct move *m, char *uuid[2],
		     struct err *e)
{
	return provider(j, &m->src, &uuid[SRC], e) ||
			       provider(j, &m->dst, &uuid[DST], e)
		       ? -1
		       : 0;
}

static int allocated(void *self, const struct move *m, struct cloud_share *out,
		     struct err *e)
{
	struct cloud_join *j = self;
	AUTO(placement_allocations_clear)
	struct placement_allocations a = PLACEMENT_ALLOCATIONS_INIT;
	char *uuid[2] = {NULL, NULL};
	int rc = providers(j, m, uuid, e) || placement_allocations_get(
						     j->session, m->uuid, &a, e)
			 ? -1
			 : 0;

	out->version = a.generation;
	for (size_t i = 0; !rc && i < a.n; i++) {
		bool src = !strcmp(a.v[i].provider, uuid[SRC]);
		bool dst = !strcmp(a.v[i].provider, uuid[DST]);

		out->on[SRC] |= src;
		out->on[DST] |= dst;
		out->others |= !src && !dst;
	}
	mem_free(uuid[SRC]);
	mem_free(uuid[DST]);
	return rc;
}

static int put(struct cloud_join *j, const struct move *m,
	       const struct placement_move *pm, int64_t seen, struct err *e)
{
	AUTO(placement_allocations_clear)
	struct placement_allocations a = PLACEMENT_ALLOCATIONS_INIT;
	bool changed;

	if (placement_allocations_get(j->session, m->uuid, &a, e))
		return -1;
	if (a.generation != seen)
		return err_set(e, ERR_CONFLICT,
			       "its allocations have changed just now");
	if (placement_move_plan(&a, pm, &changed, e))
		return -1;
	return placement_allocations_put(j->session, m->uuid, &a, e);
}

static int allocate(void *self, const struct move *m, enum side to,
		    const struct cloud_share *seen, struct err *e)
{
	struct cloud_join *j = self;
	char *uuid[2] = {NULL, NULL};
	struct placement_move pm = {.consumer = m->uuid};
	int rc = providers(j, m, uuid, e);

	pm.to = uuid[to];
	pm.from = uuid[to == DST ? SRC : DST];
	if (!rc)
		rc = put(j, m, &pm, seen->version, e);
	mem_free(uuid[SRC]);
	mem_free(uuid[DST]);
	return rc;
}

/* ---- Neutron */

int join_bound(struct api_session *s, const char *port, struct cloud_bind *out,
	       struct err *e)
{
	AUTO(neutron_port_clear) struct neutron_port p = {0};

	if (neutron_port_get(s, port, &p, e)) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (!p.sees_binding)
		return err_set(e, ERR_REFUSED,
			       "this user may not see where port %s is bound",
			       port);
	out->host = mem_strdup(p.host ? p.host : "");
	out->failed = p.vif_type && !strcmp(p.vif_type, "binding_failed");
	out->waits = p.host && p.vif_type && !strcmp(p.vif_type, "unbound");
	out->version = p.revision;
	return 0;
}

int join_bind(struct api_session *s, const char *port, const char *host,
	      const struct cloud_bind *seen, struct err *e)
{
	struct neutron_bind b = {
		.port = port, .host = host, .revision = seen->version};
	AUTO(neutron_port_clear) struct neutron_port p = {0};

	return neutron_port_bind(s, &b, &p, e);
}

static int bound(void *self, const char *port, struct cloud_bind *out,
		 struct err *e)
{
	struct cloud_join *j = self;

	return join_bound(j->session, port, out, e);
}

static int bind_port(void *self, const char *port, const char *host,
		     const struct cloud_bind *seen, struct err *e)
{
	struct cloud_join *j = self;

	return join_bind(j->session, port, host, seen, e);
}

/* ---- Nova */

static int start(void *self, const char *uuid, struct err *e)
{
	struct cloud_join *j = self;

	return nova_server_start(j->session, uuid, e);
}

static int is_down(void *self, const char *host, bool *yes, struct err *e)
{
	struct cloud_join *j = self;
	AUTO(nova_services_clear) struct nova_services v = {0};

	if (nova_services_list(j->session, host, "nova-compute", &v, e))
		return -1;
	if (v.n != 1)
		return err_set(e, ERR_REFUSED,
			       "Nova knows %zu services nova-compute on %s",
			       v.n, host);
	*yes = v.v[0].forced_down == NOVA_YES;
	return 0;
}

static int force_down(void *self, const char *host, struct err *e)
{
	struct cloud_join *j = self;

	return nova_service_force_down(j->session, host, true, e);
}

static int evacuate(void *self, const struct move *m, struct err *e)
{
	struct cloud_join *j = self;

	return nova_server_evacuate(j->session, m->uuid, m->dst.host, e);
}

const struct cloud_ops cloud_join_ops = {
	.allocated = allocated,
	.allocate = allocate,
	.bound = bound,
	.bind = bind_port,
	.start = start,
	.is_down = is_down,
	.force_down = force_down,
	.evacuate = evacuate,
};
