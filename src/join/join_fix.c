/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a fix work on: opened when a step first needs it. */
#include <errno.h>
#include <string.h>

#include "api/placement.h"
#include "core/uuid.h"
#include "join/join.h"
#include "steps/fix.h"

struct opened {
	struct fix_world w;
	struct db db;
	const struct config *config;
	struct api_session *session;
	char owner[128];
};

static struct api_session *session(struct opened *o, struct err *e)
{
	if (!o->session)
		o->session = join_cloud_open(e);
	return o->session;
}

/* ---- Placement */

static json_t *share_json(const struct placement_share *s)
{
	json_t *j = json_object();

	for (size_t i = 0; i < s->n; i++)
		json_object_set_new(j, s->v[i].resource,
				    json_integer(s->v[i].amount));
	return j;
}

static int shares(void *self, const char *server, json_t **out, struct err *e)
{
	AUTO(placement_allocations_clear)
	struct placement_allocations a = PLACEMENT_ALLOCATIONS_INIT;
	struct api_session *s = session(self, e);
	json_t *all;

	if (!s || placement_allocations_get(s, server, &a, e))
		return -1;
	all = json_object();
	for (size_t i = 0; i < a.n; i++)
		json_object_set_new(all, a.v[i].provider, share_json(&a.v[i]));
	*out = json_pack("{s:I, s:s?, s:s?, s:o}", "generation",
			 (json_int_t)a.generation, "project", a.project_id,
			 "user", a.user_id, "shares", all);
	return 0;
}

static void share_take(struct placement_share *s, const char *provider,
		       json_t *doc)
{
	const char *key;
	json_t *n;

	s->provider = mem_strdup(provider);
	s->v = MEM_NEW_N(struct placement_amount, json_object_size(doc) + 1);
	json_object_foreach (doc, key, n)
		s->v[s->n++] = (struct placement_amount){mem_strdup(key),
							 json_integer_value(n)};
}

static char *text_of(const json_t *doc, const char *key)
{
	return mem_strdup0(json_string_value(json_object_get(doc, key)));
}

static int put_shares(void *self, const char *server, const json_t *doc,
		      struct err *e)
{
	AUTO(placement_allocations_clear)
	struct placement_allocations a = PLACEMENT_ALLOCATIONS_INIT;
	json_t *all = json_object_get(doc, "shares"), *v;
	struct api_session *s = session(self, e);
	const char *key;

	if (!s)
		return -1;
	a.generation = json_integer_value(json_object_get(doc, "generation"));
	a.project_id = text_of(doc, "project");
	a.user_id = text_of(doc, "user");
	a.v = MEM_NEW_N(struct placement_share, json_object_size(all) + 1);
	json_object_foreach (all, key, v)
		share_take(&a.v[a.n++], key, v);
	return placement_allocations_put(s, server, &a, e);
}

/* ---- Neutron */

static int bound(void *self, const char *port, struct cloud_bind *out,
		 struct err *e)
{
	struct api_session *s = session(self, e);

	return s ? join_bound(s, port, out, e) : -1;
}

static int bind_port(void *self, const char *port, const char *host,
		     const struct cloud_bind *seen, struct err *e)
{
	struct api_session *s = session(self, e);

	return s ? join_bind(s, port, host, seen, e) : -1;
}

/* ---- hosts */

static int reach(void *arg, const char *name, struct purge_host *out,
		 struct err *e)
{
	struct opened *o = arg;

	*out = (struct purge_host){.host = join_host_open(o->config, name, e)};
	if (!out->host)
		return -1;
	out->virt = join_virt_open(out->host);
	out->instances_path = join_instances_path(o->config, out->host, e);
	return out->instances_path ? 0 : -1;
}

static void unreach(struct purge_host *h)
{
	mem_free(h->instances_path);
	virt_free(h->virt);
	host_close(h->host);
}

/* ---- the world */

void *join_fix_open(struct app *a, const json_t *plan, struct err *e)
{
	struct opened *o = MEM_NEW(struct opened);
	unsigned char nonce[16];
	char who[96];

	(void)plan;
	/* As audit did: a server that is deleted is in no cell. */
	if (join_db_open(a->config, NULL, &o->db, e)) {
		mem_free(o);
		return NULL;
	}
	o->config = a->config;
	random_bytes(nonce, sizeof(nonce));
	hex_encode(nonce, sizeof(nonce), o->w.session);
	journal_owner(who, sizeof(who));
	memcpy(o->owner, who, sizeof(who));
	o->w.owner = o->owner;
	o->w.db = &o->db;
	o->w.status = db_settle_status;
	o->w.settle = db_settle;
	o->w.service = db_service_get;
	o->w.serve = db_service_set;
	o->w.cloud =
		(struct fix_cloud){shares, put_shares, bound, bind_port, o};
	o->w.reach = (struct purge_reach){reach, unreach, o};
	return o;
}

void join_fix_close(void *world)
{
	struct opened *o = world;

	if (!o)
		return;
	api_close(o->session);
	db_close(&o->db);
	mem_free(o);
}
