/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan_fleet.h"

#include <stdlib.h>
#include <string.h>

#include "core/str.h"
#include "plan/plan_fleet_priv.h"

/* ---- who was asked for */

static bool is_it(const struct db_instance *i, const char *name)
{
	return str_is(i->uuid, name) || str_is(i->name, name);
}

static int all_there(const struct fleet_facts *f, const struct strv *names,
		     struct err *e)
{
	for (size_t k = 0; names && k < names->n; k++) {
		size_t found = 0;

		for (size_t i = 0; i < f->n_servers; i++)
			found += is_it(&f->servers[i].f.srv.inst, names->v[k]);
		if (found == 1)
			continue;
		err_set(e, ERR_REFUSED, "%zu instances on %s are called %s",
			found, f->source, names->v[k]);
		return err_hint(e,
				"openstack server list --all-projects "
				"--host %s; a uuid is never ambiguous",
				f->source);
	}
	if (!f->n_servers)
		return err_set(e, ERR_NOTHING, "there is no instance on %s",
			       f->source);
	return 0;
}

static bool wanted(const struct plan_fleet_opts *o, const struct db_instance *i)
{
	for (size_t k = 0; o->servers && k < o->servers->n; k++)
		if (is_it(i, o->servers->v[k]))
			return true;
	return !o->servers || !o->servers->n;
}

static void find_ones(struct plan_fleet *p)
{
	p->ones = MEM_NEW_N(struct plan_one, p->f->n_servers + 1);
	for (size_t i = 0; i < p->f->n_servers; i++) {
		struct plan_one *o = &p->ones[p->n_ones];

		if (!wanted(&p->o, &p->f->servers[i].f.srv.inst))
			continue;
		o->s = &p->f->servers[i];
		plan_fleet_one(p, o);
		p->n_ones++;
	}
}

static void warn(struct plan_fleet *p)
{
	const struct fleet_facts *f = p->f;

	if (f->placement_err.kind != ERR_NONE)
		strv_addf(&p->warnings,
			  "Placement was not asked (%s): the hosts' own "
			  "reports in Nova's database count, which are up to "
			  "a minute old",
			  err_msg(&f->placement_err));
	plan_fleet_warn_traits(p);
}

struct plan_fleet *plan_fleet_new(const struct fleet_facts *f,
				  const struct plan_fleet_opts *o,
				  struct err *e)
{
	struct plan_fleet *p;

	if (f->src.down.kind != ERR_NONE) {
		err_set(e, ERR_REFUSED, "%s does not answer: %s", f->source,
			err_msg(&f->src.down));
		err_hint(e,
			 "that proves nothing; if it is off: novahaul fence "
			 "%s, then novahaul rescue %s --disks HOST:PATH",
			 f->source, f->source);
		return NULL;
	}
	if (all_there(f, o->servers, e))
		return NULL;
	p = MEM_NEW(struct plan_fleet);
	p->f = f;
	p->o = *o;
	find_ones(p);
	plan_fleet_hosts(p);
	warn(p);
	return p;
}

static void hosts_free(struct plan_fleet *p)
{
	for (size_t i = 0; i < p->in.n_hosts; i++) {
		strv_clear(&p->hosts[i].tenants);
		strv_clear(&p->hosts[i].bases);
		strv_clear(&p->hosts[i].cpus);
		strv_clear(&p->hosts[i].machines);
		strv_clear(&p->hosts[i].traits);
		mem_free(p->why_not[i]);
		mem_free(p->metas[i]);
	}
	mem_free(p->hosts);
	mem_free(p->why_not);
	mem_free(p->metas);
}

/* What plan_fleet_pack() has made. */
static void packed_free(struct plan_fleet *p)
{
	for (size_t i = 0; i < p->in.n_groups; i++)
		mem_free(p->there[i]);
	mem_free(p->there);
	mem_free(p->groups);
	mem_free(p->bases);
	mem_free(p->servers);
	mem_free(p->one_of);
	mem_free(p->order);
	pack_free(p->out);
	p->there = NULL;
	p->groups = NULL;
	p->bases = NULL;
	p->servers = NULL;
	p->one_of = NULL;
	p->order = NULL;
	p->out = NULL;
	p->n_order = p->in.n_servers = p->in.n_groups = p->in.n_bases = 0;
}

void plan_fleet_free(struct plan_fleet *p)
{
	if (!p)
		return;
	packed_free(p);
	hosts_free(p);
	for (size_t i = 0; i < p->n_ones; i++) {
		mem_free(p->ones[i].why);
		mem_free(p->ones[i].hint);
		mem_free(p->ones[i].wants);
		mem_free(p->ones[i].control);
		strv_clear(&p->ones[i].avoid);
		strv_clear(&p->ones[i].avoid_why);
		strv_clear(&p->ones[i].traits);
		strv_clear(&p->ones[i].traits_not);
	}
	mem_free(p->ones);
	strv_clear(&p->warnings);
	mem_free(p);
}

static struct plan_one *one_by_uuid(const struct plan_fleet *p,
				    const char *uuid)
{
	for (size_t i = 0; i < p->n_ones; i++)
		if (str_is(p->ones[i].s->f.srv.inst.uuid, uuid))
			return &p->ones[i];
	return NULL;
}

void plan_fleet_stay(struct plan_fleet *p, const char *uuid, const char *why,
		     const char *hint)
{
	struct plan_one *o = one_by_uuid(p, uuid);

	if (!o)
		return;
	mem_free(o->why);
	mem_free(o->hint);
	o->why = mem_strdup(why);
	o->hint = mem_strdup0(hint);
}

void plan_fleet_control(struct plan_fleet *p, const char *uuid,
			const char *word)
{
	struct plan_one *o = one_by_uuid(p, uuid);

	if (!o)
		return;
	mem_free(o->control);
	o->control = mem_strdup(word);
}

/* ---- what pack/ is given */

static void put_servers(struct plan_fleet *p)
{
	size_t n = 0;

	p->servers = MEM_NEW_N(struct pack_server, p->n_ones + 1);
	p->one_of = MEM_NEW_N(size_t, p->n_ones + 1);
	for (size_t i = 0; i < p->n_ones; i++) {
		const struct plan_one *o = &p->ones[i];
		const struct facts *f = &o->s->f;
		struct pack_server *s = &p->servers[n];

		if (o->why)
			continue;
		p->one_of[n++] = i;
		*s = (struct pack_server){.uuid = f->srv.inst.uuid,
					  .name = f->srv.inst.name,
					  .source = p->f->source,
					  .priority = o->s->priority,
					  .bytes = o->s->bytes,
					  .bases = o->s->bases,
					  .group = o->group,
					  .avoid = o->avoid,
					  .avoid_why = o->avoid_why,
					  .zone = o->zone,
					  .project = f->srv.inst.project_id,
					  .wants = o->wants,
					  .n_wants = o->n_wants,
					  .traits = o->traits,
					  .traits_not = o->traits_not};
		memcpy(s->need, o->need, sizeof(s->need));
		if (!f->dom)
			continue;
		s->arch = f->dom->arch;
		s->machine = f->dom->machine;
		if (str_is(f->dom->type, "kvm") &&
		    str_is(f->dom->cpu_mode, "custom"))
			s->cpu = f->dom->cpu_model;
	}
	p->in.servers = p->servers;
	p->in.n_servers = n;
}

static bool in_set(const struct plan_fleet *p, const char *uuid)
{
	for (size_t i = 0; i < p->in.n_servers; i++)
		if (str_is(p->servers[i].uuid, uuid))
			return true;
	return false;
}

static void add_there(struct pack_there **v, size_t *n, const char *host)
{
	for (size_t i = 0; i < *n; i++)
		if (str_is((*v)[i].host, host)) {
			(*v)[i].count++;
			return;
		}
	*v = mem_realloc(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = (struct pack_there){host, 1};
}

/* {"max_server_per_host": 2} */
static uint64_t max_per_host(const char *rules)
{
	json_t *j = rules ? json_loads(rules, 0, NULL) : NULL;
	json_t *v = json_object_get(j, "max_server_per_host");
	long long n = json_is_string(v)
			      ? strtoll(json_string_value(v), NULL, 10)
			      : json_integer_value(v);

	json_decref(j);
	return n > 0 ? (uint64_t)n : 0;
}

/* A member that is on its way counts where it goes to as well. */
static void members(struct plan_fleet *p, const struct db_group *g,
		    struct pack_there **there, size_t *n)
{
	for (size_t k = 0; k < g->n_members; k++) {
		const char *uuid = g->members[k].uuid;

		if (in_set(p, uuid))
			continue;
		if (g->members[k].host)
			add_there(there, n, g->members[k].host);
		for (size_t i = 0; i < p->f->n_jobs; i++)
			if (str_is(p->f->jobs[i].instance, uuid) &&
			    !str_is(p->f->jobs[i].target, g->members[k].host))
				add_there(there, n, p->f->jobs[i].target);
	}
}

static void put_groups(struct plan_fleet *p)
{
	const struct db_fleet *d = &p->f->db;
	size_t n = 0;

	p->groups = MEM_NEW_N(struct pack_group, d->n_groups + 1);
	p->there = MEM_NEW_N(struct pack_there *, d->n_groups + 1);
	for (size_t i = 0; i < d->n_groups; i++) {
		const struct db_group *g = &d->groups[i];
		enum pack_rule rule = pack_rule_by_name(g->policy);
		size_t there = 0;

		if (rule == PACK_RULE_UNKNOWN)
			continue;
		members(p, g, &p->there[n], &there);
		p->groups[n] = (struct pack_group){
			.id = g->uuid,
			.name = g->name,
			.rule = rule,
			.max_per_host = max_per_host(g->rules),
			.there = p->there[n],
			.n_there = there};
		n++;
	}
	p->in.groups = p->groups;
	p->in.n_groups = n;
}

static void put_all(struct plan_fleet *p)
{
	packed_free(p);
	put_servers(p);
	put_groups(p);
	p->bases = MEM_NEW_N(struct pack_base, p->f->n_bases + 1);
	for (size_t i = 0; i < p->f->n_bases; i++)
		p->bases[i] = (struct pack_base){p->f->bases[i].name,
						 p->f->bases[i].bytes};
	p->in.bases = p->bases;
	p->in.n_bases = p->f->n_bases;
	p->in.policy = p->o.policy;
}

/* ---- who goes where */

struct turn {
	size_t server;
	int64_t priority, seconds;
	const char *name, *uuid;
};

/* By priority; then the longest first, so that the last to end does not end
 * alone. */
static int turn_order(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;
	int by_name;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (x->seconds != y->seconds)
		return x->seconds > y->seconds ? -1 : 1;
	by_name = strcmp(x->name, y->name);
	return by_name ? by_name : strcmp(x->uuid, y->uuid);
}

static void put_order(struct plan_fleet *p)
{
	struct turn *t = MEM_NEW_N(struct turn, p->in.n_servers + 1);

	p->order = MEM_NEW_N(size_t, p->in.n_servers + 1);
	for (size_t i = 0; i < p->in.n_servers; i++) {
		const struct pack_server *s = &p->servers[i];

		if (p->out->host[i] == PACK_NOWHERE)
			continue;
		t[p->n_order++] =
			(struct turn){i, s->priority,
				      plan_fleet_seconds(p, i, p->out->host[i]),
				      s->name ? s->name : "", s->uuid};
	}
	qsort(t, p->n_order, sizeof(*t), turn_order);
	for (size_t i = 0; i < p->n_order; i++)
		p->order[i] = t[i].server;
	mem_free(t);
}

int plan_fleet_pack(struct plan_fleet *p, struct err *e)
{
	put_all(p);
	p->out = pack_run(&p->in, e);
	if (!p->out)
		return err_wrap(e, "host %s", p->f->source);
	put_order(p);
	return 0;
}

bool plan_fleet_member(const struct plan_fleet *p, size_t i, const char **uuid,
		       const char **target)
{
	if (i >= p->n_order)
		return false;
	*uuid = p->servers[p->order[i]].uuid;
	*target = p->hosts[p->out->host[p->order[i]]].name;
	return true;
}

size_t plan_fleet_nowhere(const struct plan_fleet *p)
{
	return p->n_ones - p->n_order;
}

/* ---- a document that was edited */

static int32_t host_at(const struct plan_fleet *p, const char *name)
{
	for (size_t i = 0; i < p->in.n_hosts; i++)
		if (str_is(p->hosts[i].name, name))
			return (int32_t)i;
	return PACK_NOWHERE;
}

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Is member M still what it was?  Puts its host. */
static int member_holds(const struct plan_fleet *p, const json_t *m,
			int32_t *host, struct err *e)
{
	const char *uuid = word(json_object_get(m, "instance"), "uuid");
	const struct plan_one *o = one_by_uuid(p, uuid);
	const char *vm = o ? o->s->f.srv.inst.vm_state : NULL;

	if (!o)
		return err_set(e, ERR_REFUSED, "it is not on %s any more",
			       p->f->source);
	if (o->why) {
		err_set(e, ERR_REFUSED, "%s", o->why);
		return o->hint ? err_hint(e, "%s", o->hint) : -1;
	}
	if (!str_is(vm, word(m, "was")))
		return err_set(
			e, ERR_REFUSED,
			"it is %s now, and was %s when the plan was made",
			vm ? vm : "?", word(m, "was"));
	*host = host_at(p, word(m, "target"));
	if (*host == PACK_NOWHERE)
		return err_set(e, ERR_REFUSED,
			       "its target %s is not among the hosts that can "
			       "be used",
			       word(m, "target"));
	return 0;
}

static int packs(struct plan_fleet *p, const int32_t *host, struct err *e)
{
	AUTO(buf_clear) struct buf why = BUF_INIT;
	AUTO(buf_clear) struct buf way = BUF_INIT;

	p->out = pack_check(&p->in, host, e);
	if (!p->out)
		return -1;
	if (!p->out->n_no)
		return 0;
	pack_say(&p->in, &p->out->no[0], &why);
	pack_say_way(&p->in, &p->out->no[0], &way);
	err_set(e, ERR_REFUSED, "%s", buf_str(&why));
	return way.len ? err_hint(e, "what would have to give: %s",
				  buf_str(&way))
		       : -1;
}

static int assign(struct plan_fleet *p, const json_t *doc, int32_t *host,
		  struct err *e)
{
	const json_t *m;
	size_t i;

	for (size_t k = 0; k < p->in.n_servers; k++)
		host[k] = PACK_NOWHERE;
	json_array_foreach (json_object_get(doc, "members"), i, m) {
		const json_t *inst = json_object_get(m, "instance");
		int32_t to = PACK_NOWHERE;

		if (member_holds(p, m, &to, e))
			return err_wrap(e, "members[%zu] (%s)", i,
					word(inst, "name"));
		for (size_t k = 0; k < p->in.n_servers; k++)
			if (str_is(p->servers[k].uuid, word(inst, "uuid")))
				host[k] = to;
	}
	return 0;
}

int plan_fleet_holds(struct plan_fleet *p, const json_t *doc, struct err *e)
{
	int32_t *host;
	int rc;

	if (strcmp(word(doc, "host"), p->f->source) != 0)
		return err_set(e, ERR_BUG, "facts of another host");
	put_all(p);
	host = MEM_NEW_N(int32_t, p->in.n_servers + 1);
	rc = assign(p, doc, host, e);
	if (!rc)
		rc = packs(p, host, e);
	mem_free(host);
	if (!rc)
		return 0;
	if (!e->hint)
		err_hint(e, "make a new plan of %s, or edit this one",
			 p->f->source);
	return -1;
}
