/* SPDX-License-Identifier: Apache-2.0 */
/* An instance that must leave: what it needs, and whether it can. */
#include <stdlib.h>
#include <string.h>

#include "core/str.h"
#include "plan/plan_fleet_priv.h"

#define GiB_MB 1024
#define SCOPE "aggregate_instance_extra_specs:"

static bool boots_from_volume(const struct db_server *s)
{
	for (size_t i = 0; i < s->n_bdms; i++)
		if (s->bdms[i].boot_index == 0 &&
		    str_is(s->bdms[i].destination_type, "volume"))
			return true;
	return false;
}

static uint64_t positive(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

/* "resources:DISK_GB=0" is for those that boot from volumes. */
static uint64_t asked(const struct db_server *s, const char *key,
		      uint64_t flavor)
{
	const char *v = db_pairs_get(&s->extra_specs, key);

	return v && *v >= '0' && *v <= '9' ? strtoull(v, NULL, 10) : flavor;
}

static void needs(const struct db_server *s, uint64_t need[])
{
	uint64_t gb = positive(s->inst.ephemeral_gb) +
		      (positive(s->flavor_swap_mb) + GiB_MB - 1) / GiB_MB;

	if (!boots_from_volume(s))
		gb += positive(s->inst.root_gb);
	need[PACK_VCPU] = asked(s, "resources:VCPU", positive(s->inst.vcpus));
	need[PACK_RAM_MB] =
		asked(s, "resources:MEMORY_MB", positive(s->inst.memory_mb));
	need[PACK_DISK_MB] = asked(s, "resources:DISK_GB", gb) * GiB_MB;
}

static bool some_aggregate_has(const struct db_fleet *f, const char *key)
{
	for (size_t i = 0; i < f->n_aggregates; i++)
		if (db_pairs_get(&f->aggregates[i].meta, key))
			return true;
	return false;
}

/* Keys without a scope speak of aggregates too, where there is one with such
 * metadata: else they are meant for another filter. */
static void wants(const struct plan_fleet *p, struct plan_one *o)
{
	const struct db_pairs *specs = &o->s->f.srv.extra_specs;

	o->wants = MEM_NEW_N(struct pack_meta, specs->n + 1);
	for (size_t i = 0; i < specs->n; i++) {
		const char *key = specs->v[i].key;

		if (!strncmp(key, SCOPE, sizeof(SCOPE) - 1))
			key += sizeof(SCOPE) - 1;
		else if (strchr(key, ':') ||
			 !some_aggregate_has(&p->f->db, key))
			continue;
		if (specs->v[i].value)
			o->wants[o->n_wants++] =
				(struct pack_meta){key, specs->v[i].value};
	}
}

static const char *group_of(const struct fleet_facts *f, const char *uuid)
{
	for (size_t i = 0; i < f->db.n_groups; i++) {
		const struct db_group *g = &f->db.groups[i];

		for (size_t k = 0; k < g->n_members; k++)
			if (str_is(g->members[k].uuid, uuid) &&
			    pack_rule_by_name(g->policy) != PACK_RULE_UNKNOWN)
				return g->uuid;
	}
	return NULL;
}

/* What speaks against any target.  Of the domain only its state: which devices
 * may travel depends on who starts it, which its own move finds out. */
static void stays(const struct plan_fleet *p, struct plan_one *o)
{
	static const char *const checks[] = {"server",	 "lease",  "locked",
					     "hardware", "domain", NULL};
	struct facts v = plan_fleet_view(p, o->s, NULL);

	if (o->s->err.kind != ERR_NONE) {
		o->why = mem_strdup(err_msg(&o->s->err));
		o->hint = mem_strdup0(o->s->err.hint);
		return;
	}
	v.reasons = (struct domain_reasons){0};
	o->why = plan_fleet_refusal(p, &v, checks, &o->hint);
	if (!o->why && v.host[SRC_HOST].dir != HOST_DIR)
		o->why = mem_printf("%s has no directory %s in %s",
				    p->f->source, o->s->f.srv.inst.uuid,
				    p->f->src.instances_path
					    ? p->f->src.instances_path
					    : "instances_path");
}

/* Hosts where something of it lies already, that an old record would make
 * destroy it, or whose QEMU cannot run it. */
static void avoids(const struct plan_fleet *p, struct plan_one *o)
{
	static const char *const checks[] = {"migrations", "machine", "tpm",
					     NULL};
	const char *u = o->s->f.srv.inst.uuid;
	AUTO(mem_freep) char *resize = mem_printf("%s_resize", u);
	AUTO(mem_freep) char *del = mem_printf("%s_del", u);

	for (size_t i = 0; i < p->f->n_hosts; i++) {
		const struct fleet_host *t = &p->f->hosts[i];
		struct facts v = plan_fleet_view(p, o->s, t);
		struct domain d = v.dom ? *v.dom : (struct domain){0};
		AUTO(mem_freep) char *hint = NULL;
		AUTO(mem_freep) char *why = NULL;

		/* the target was asked about its default machine, whose
		 * firmware is not every machine's */
		d.fw.loader = NULL;
		if (v.dom)
			v.dom = &d;
		why = plan_fleet_refusal(p, &v, checks, &hint);
		if (!why &&
		    (strv_has(&t->dirs, u) || strv_has(&t->dirs, resize) ||
		     strv_has(&t->dirs, del)))
			why = mem_printf("a directory of it is there already, "
					 "in %s",
					 t->h.instances_path
						 ? t->h.instances_path
						 : "instances_path");
		if (!why)
			continue;
		strv_add(&o->avoid, t->name);
		strv_add(&o->avoid_why, why);
	}
}

void plan_fleet_one(struct plan_fleet *p, struct plan_one *o)
{
	const struct db_server *s = &o->s->f.srv;

	needs(s, o->need);
	wants(p, o);
	plan_fleet_traits(p, o);
	o->group = group_of(p->f, s->inst.uuid);
	o->zone = s->has_request_spec ? s->asked_az : s->inst.availability_zone;
	if (o->zone && !*o->zone)
		o->zone = NULL;
	stays(p, o);
	if (!o->why)
		avoids(p, o);
}
