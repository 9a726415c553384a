/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/uuid.h"
#include "engine/fence.h"
#include "join/join.h"
#include "plan/plan.h"
#include "steps/purge.h"

extern const struct carrier carry_join_ops;
extern const struct cloud_ops cloud_join_ops;
extern const struct volume_ops cinder_join_ops;

/* What join_world_open() made; the world is its first member, so that the
 * engine's void pointer is both. */
struct opened {
	struct world w;
	struct db db;
	const struct config *config;
	const struct app *app; /* for the proofs of a rescue */
	struct carry_join *carry;
	struct cloud_join *cloud;
	struct twin_join *twin;
	struct room_join room;
	char owner[128];
};

static void open_side(struct opened *o, const struct config *c, enum side s)
{
	const struct move *m = o->w.move;
	bool dead = s == SRC && m->dead;
	const char *name = dead	      ? m->disks
			   : s == SRC ? m->src.host
				      : m->dst.host;

	o->w.host[s] = join_host_take(c, name, &o->w.down[s]);
	if (o->w.host[s]) {
		if (!dead)
			o->w.virt[s] = join_virt_open(o->w.host[s]);
		/* While one host works, the other's lease must not go stale. */
		host_on_wait(o->w.host[s], world_tick, &o->w);
	} else {
		log_info("%s: %s", name, err_msg(&o->w.down[s]));
	}
}

/* A dead source's disks, for a job that goes on without it. */
static int open_disks(struct opened *o, const struct app *a, struct err *e)
{
	if (!o->w.off || !a->disks_path)
		return 0;
	o->w.disks = join_host_open(a->config, a->disks_host, e);
	o->w.disks_path = a->disks_path;
	if (!o->w.disks)
		return err_wrap(e, "the disks of %s", o->w.move->src.host);
	host_on_wait(o->w.disks, world_tick, &o->w);
	return 0;
}

static int need_sides(struct opened *o, struct err *e)
{
	for (int s = SRC; s <= DST; s++) {
		if (o->w.host[s] || (o->w.backward && s == DST) ||
		    (o->w.onward && s == SRC) || (o->w.off && s == SRC) ||
		    /* nothing is to be put back there */
		    (o->w.backward && o->w.move->dead))
			continue;
		/* A refused host key stays a refusal. */
		err_set(e,
			o->w.down[s].kind == ERR_REFUSED ? ERR_REFUSED
							 : ERR_RETRY,
			"%s", err_msg(&o->w.down[s]));
		if (o->w.down[s].hint)
			err_hint(e, "%s", o->w.down[s].hint);
		return -1;
	}
	return 0;
}

/* Back, Nova is not asked: the row tells what it does. */
static bool needs_cloud(const struct world *w)
{
	return w->move->placement || w->move->neutron || w->move->nvolumes ||
	       w->move->ndetached || (w->move->nova_start && !w->backward);
}

static int open_cloud(struct opened *o, struct err *e)
{
	if (!needs_cloud(&o->w))
		return 0;
	if (o->w.move->sql) {
		o->twin = twin_join_new(o->config, &o->db, o->w.move, e);
		if (o->twin)
			twin_join_ops(o->twin, &o->w.cloud, &o->w.volumes);
		return o->twin ? 0 : -1;
	}
	o->cloud = cloud_join_new(e);
	if (!o->cloud)
		return -1;
	o->w.cloud = cloud_join_ops;
	o->w.cloud.self = o->cloud;
	o->w.volumes = cinder_join_ops;
	o->w.volumes.self = cloud_join_session(o->cloud);
	return 0;
}

/* Each time anew, from the journal: evidence ages, and others add to it. */
static int fence_proven(void *self, const char *host, uint32_t max_age_s,
			struct err *e)
{
	struct opened *o = self;
	struct fence_proof proof = {0};
	AUTO(db_host_clear) struct db_host seen = {0};

	if (!max_age_s && o->w.off)
		max_age_s = app_alone_age(o->app);
	if (app_proven(o->app, host, max_age_s, &proof, e) ||
	    o->db.ops->host(&o->db, host, &seen, e))
		return -1;
	return fence_seen(&proof, host, seen.seen_age_s, e);
}

void *join_world_open(struct app *a, const json_t *plan, enum app_reach reach,
		      struct err *e)
{
	struct opened *o = MEM_NEW(struct opened);
	unsigned char nonce[16];
	char who[96];

	o->config = a->config;
	o->w.move = move_from_json(json_object_get(plan, "move"), e);
	if (!o->w.move || join_db_open(a->config, o->w.move->uuid, &o->db, e)) {
		join_world_close(o);
		return NULL;
	}
	o->w.db = &o->db;
	o->w.off = reach == APP_REACH_BACK_ALONE ||
		   reach == APP_REACH_TARGET_ALONE;
	o->w.backward =
		reach == APP_REACH_SOURCE || reach == APP_REACH_BACK_ALONE;
	o->w.onward =
		reach == APP_REACH_TARGET || reach == APP_REACH_TARGET_ALONE;
	random_bytes(nonce, sizeof(nonce));
	hex_encode(nonce, sizeof(nonce), o->w.session);
	journal_owner(who, sizeof(who));
	strncpy(o->owner, who, sizeof(o->owner) - 1);
	o->w.owner = o->owner;
	o->app = a;
	o->w.fence = (struct fence_ops){fence_proven, o};
	o->room = (struct room_join){&o->w, &o->db};
	if (json_is_true(
		    json_object_get(json_object_get(plan, "batch"), "room")) &&
	    !o->w.move->placement)
		o->w.room = (struct room_ops){room_join_holds, &o->room};
	if (o->w.off)
		err_set(&o->w.down[SRC], ERR_RETRY, "it is proven to be off");
	else
		open_side(o, a->config, SRC);
	open_side(o, a->config, DST);
	if (need_sides(o, e) || open_disks(o, a, e)) {
		join_world_close(o);
		return NULL;
	}
	if (open_cloud(o, e)) {
		join_world_close(o);
		return NULL;
	}
	o->carry = carry_join_new(a->config, &o->w);
	o->w.carrier = carry_join_ops;
	o->w.carrier.self = o->carry;
	return o;
}

void join_world_close(void *world)
{
	struct opened *o = world;

	if (!o)
		return;
	carry_join_free(o->carry);
	cloud_join_free(o->cloud);
	twin_join_free(o->twin);
	for (int s = SRC; s <= DST; s++) {
		virt_free(o->w.virt[s]);
		host_close(o->w.host[s]);
		err_clear(&o->w.down[s]);
	}
	host_close(o->w.disks);
	db_close(&o->db);
	move_free(o->w.move);
	mem_free(o);
}

int join_traces(void *world, const char *job, struct app_traces *out,
		struct err *e)
{
	struct traces t;

	if (world_traces(world, job, &t, e))
		return -1;
	*out = (struct app_traces){t.held, t.kept, t.moved};
	return 0;
}

static int reach(void *arg, const char *name, struct purge_host *out,
		 struct err *e)
{
	const struct config *c = arg;

	out->host = join_host_open(c, name, e);
	if (!out->host)
		return -1;
	out->virt = join_virt_open(out->host);
	out->instances_path = join_instances_path(c, out->host, e);
	return out->instances_path ? 0 : -1;
}

static void unreach(struct purge_host *h)
{
	mem_free(h->instances_path);
	virt_free(h->virt);
	host_close(h->host);
}

int join_purge_look(void *world, const char *job, json_t **out, struct err *e)
{
	AUTO(purge_clear) struct purge p = {0};

	struct opened *o = world;
	struct purge_reach r = {reach, unreach, (void *)o->config};

	if (purge_look(&o->w, job, &r, &p, e))
		return -1;
	*out = json_pack("{s:b, s:s, s:I, s:s?}", "allowed", p.allowed,
			 "reason", p.reason, "bytes", (json_int_t)p.bytes,
			 "path", p.path);
	return 0;
}

int join_purge_remove(void *world, const char *job, struct err *e)
{
	return purge_remove(world, job, e);
}
