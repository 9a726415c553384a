/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/session.h"
#include "db/netdb.h"
#include "db/placedb.h"
#include "db/voldb.h"
#include "facts/facts.h"
#include "join/join.h"

struct sides {
	struct host *host[2];
	struct virt *virt[2];
	struct err down[2];
	struct host *xml; /* of a rescue, where it is a third one */
};

/* The source of a rescue: who sees its disks. */
static void open_dead(struct sides *s, const struct config *c, struct facts *f,
		      const struct app_dead *d)
{
	struct facts_dead_in in = {.down = &s->down[SRC_HOST],
				   .path = d->path,
				   .xml_dir = d->xml_dir};
	bool same = !d->xml_host || !strcmp(d->xml_host, d->host);
	struct err why = ERR_INIT;

	s->host[SRC_HOST] = join_host_open(c, d->host, in.down);
	if (!same)
		s->xml = join_host_open(c, d->xml_host, &why);
	in.host = s->host[SRC_HOST];
	in.xml_host = same ? in.host : s->xml;
	if (!same && !s->xml && in.host) {
		/* Named for a reason: not a case of there being none. */
		host_close(s->host[SRC_HOST]);
		s->host[SRC_HOST] = in.host = NULL;
		err_move(in.down, &why);
	}
	facts_dead(f, &in);
	err_clear(&why);
}

static void open_one(struct sides *s, const struct config *c, struct facts *f,
		     enum fact_side k, bool survey)
{
	const char *name = f->host[k].name;
	const struct config_host *h = name ? config_host(c, name) : NULL;
	struct facts_host_in in = {.down = &s->down[k]};

	if (!name) {
		err_set(&s->down[k], ERR_REFUSED, "it has no host");
	} else if (k == DST_HOST && f->host[k].db_err.kind != ERR_NONE) {
		/* Not a compute host of this cloud: nothing to talk to. */
		err_set(&s->down[k], ERR_REFUSED, "it is not a known host");
	} else if (k == DST_HOST && s->host[SRC_HOST] &&
		   f->host[SRC_HOST].name &&
		   !strcmp(name, f->host[SRC_HOST].name)) {
		err_set(&s->down[k], ERR_NOTHING, "it is the source");
	} else {
		s->host[k] = join_host_take(c, name, &s->down[k]);
	}
	if (s->host[k])
		s->virt[k] = survey ? join_virt_survey(s->host[k])
				    : join_virt_open(s->host[k]);
	in.host = s->host[k];
	in.virt = s->virt[k];
	if (h) {
		in.instances_path = h->instances_path;
		in.nova_user = h->nova_user;
		in.nova_group = h->nova_group;
		in.qemu_user = h->qemu_user;
		in.qemu_group = h->qemu_group;
	}
	facts_host(f, k, &in);
}

static void ask_sql(const struct config *c, struct facts *f, const char *why)
{
	const char *const uuid[2] = {f->host[SRC_HOST].db.compute_uuid,
				     f->host[DST_HOST].db.compute_uuid};
	struct facts_sql in = {.why = why};

	if (facts_in_placement(f) &&
	    join_placedb_open(c, uuid, &in.placement, &in.placement_down))
		err_wrap(&in.placement_down, "%s; by SQL", why);
	if (facts_in_neutron(f) &&
	    join_netdb_open(c, &in.network, &in.network_down))
		err_wrap(&in.network_down, "%s; by SQL", why);
	if (facts_in_cinder(f) &&
	    join_voldb_open(c, &in.volume, &in.volume_down))
		err_wrap(&in.volume_down, "%s; by SQL", why);
	facts_cloud_sql(f, &in);
	placedb_close(in.placement);
	netdb_close(in.network);
	voldb_close(in.volume);
	err_clear(&in.placement_down);
	err_clear(&in.network_down);
	err_clear(&in.volume_down);
}

/* Where nothing but Nova's databases binds it, nobody is asked.  The API
 * wherever it answers; a login that is refused or not configured is for the
 * operator to put right, and no reason to go around it. */
static void ask_cloud(const struct config *c, struct facts *f,
		      enum app_control control)
{
	struct err down = ERR_INIT;
	AUTO(mem_freep) char *why = NULL;
	struct api_session *s;

	if (!facts_in_cloud(f))
		return;
	if (control == APP_CONTROL_DIRECT) {
		ask_sql(c, f, "direct control was asked for");
		return;
	}
	s = join_cloud_open(&down);
	facts_cloud(f, s, &down);
	api_close(s);
	err_clear(&down);
	if (control != APP_CONTROL_AUTO || !facts_cloud_silent(f))
		return;
	why = mem_strdup(err_msg(facts_cloud_silent(f)));
	facts_cloud_forget(f);
	ask_sql(c, f, why);
}

static int on_dead(const struct facts *f, const struct app_dead *d,
		   struct err *e)
{
	const char *host = f->srv.inst.host;

	if (host && !strcmp(host, d->from))
		return 0;
	err_set(e, host && !strcmp(host, f->to) ? ERR_NOTHING : ERR_REFUSED,
		"instance %s: the database says that it is on %s, not on %s",
		f->srv.inst.uuid, host ? host : "no host", d->from);
	return -1;
}

static int read_all(struct app *a, const struct app_request *r, struct facts *f,
		    struct sides *s, struct err *e)
{
	struct db db = {0};
	int rc;

	if (join_db_open(a->config, r->server, &db, e))
		return -1;
	rc = facts_database(f, &db, r->server, e);
	db_close(&db);
	if (rc)
		return -1;
	if (r->dead && on_dead(f, r->dead, e))
		return -1;
	if (r->dead)
		open_dead(s, a->config, f, r->dead);
	else
		open_one(s, a->config, f, SRC_HOST, r->survey);
	open_one(s, a->config, f, DST_HOST, r->survey);
	ask_cloud(a->config, f, r->control);
	f->way.tls = a->config->copy.tls_port_min != 0;
	if (r->transport != APP_TRANSPORT_RELAY)
		facts_way(f, s->host[SRC_HOST], s->host[DST_HOST]);
	return facts_files(f, s->host[SRC_HOST], s->host[DST_HOST], e);
}

struct facts *join_facts_read(struct app *a, const struct app_request *r,
			      struct err *e)
{
	struct facts *f = MEM_NEW(struct facts);
	struct sides s = {0};
	int rc;

	facts_init(f, r->to);
	rc = read_all(a, r, f, &s, e);
	host_close(s.xml);
	for (int k = SRC_HOST; k <= DST_HOST; k++) {
		virt_free(s.virt[k]);
		join_host_leave(a->config, s.host[k]);
		err_clear(&s.down[k]);
	}
	if (!rc)
		return f;
	facts_clear(f);
	mem_free(f);
	return NULL;
}
