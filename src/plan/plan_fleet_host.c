/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts that may take something: what they have room for, and why not. */
#include <string.h>

#include "core/str.h"
#include "plan/plan_fleet_priv.h"

#define KEEP ((uint64_t)64 << 20) /* as the check "space" has it */
#define DOWN_AFTER_S 60		  /* nova.conf service_down_time */
#define GiB_MB 1024

/* ---- checks, on borrowed facts */

struct facts plan_fleet_view(const struct plan_fleet *p,
			     const struct fleet_server *s,
			     const struct fleet_host *t)
{
	const struct db_fleet_host *d = db_fleet_host(&p->f->db, p->f->source);
	struct facts v = s ? s->f : (struct facts){0};
	struct fact_host own = v.host[SRC_HOST];

	v.schema = p->f->schema;
	v.host[SRC_HOST] = p->f->src;
	v.host[SRC_HOST].name = p->f->source;
	if (d)
		v.host[SRC_HOST].db = d->h;
	if (s) {
		v.host[SRC_HOST].state = own.state;
		v.host[SRC_HOST].flags = own.flags;
		v.host[SRC_HOST].dir = own.dir;
		v.host[SRC_HOST].dir_resize = own.dir_resize;
		v.host[SRC_HOST].dir_del = own.dir_del;
		v.host[SRC_HOST].lease = own.lease;
		if (own.virt_err.kind != ERR_NONE)
			v.host[SRC_HOST].virt_err = own.virt_err;
	}
	if (!t)
		return v;
	v.to = t->name;
	v.host[DST_HOST] = t->h;
	v.host[DST_HOST].name = t->name;
	v.host[DST_HOST].tpm_secret = v.dom && v.dom->tpm.secret &&
				      strv_has(&t->secrets, v.dom->tpm.secret);
	d = db_fleet_host(&p->f->db, t->name);
	if (d)
		v.host[DST_HOST].db = d->h;
	return v;
}

static const struct check *check_by_name(const char *name)
{
	for (size_t i = 0; checks_table[i]; i++)
		if (!strcmp(checks_table[i]->name, name))
			return checks_table[i];
	return NULL;
}

char *plan_fleet_refusal(const struct plan_fleet *p, const struct facts *f,
			 const char *const *checks, char **hint)
{
	AUTO(check_report_clear) struct check_report r = {0};

	*hint = NULL;
	for (; *checks; checks++) {
		const struct check *c = check_by_name(*checks);

		if (!c)
			continue;
		r.current = c->name;
		c->run(f, &p->o.checks, &r);
	}
	for (size_t i = 0; i < r.n; i++)
		if (r.v[i].result < CHECK_WARN) {
			*hint = mem_strdup0(r.v[i].hint);
			return mem_strdup(r.v[i].message);
		}
	return NULL;
}

/* ---- room */

static uint64_t positive(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

static uint64_t larger(int64_t a, int64_t b)
{
	return positive(a > b ? a : b);
}

static uint64_t ratio_or(double said, double usual)
{
	return pack_ratio(said > 0 ? said : usual);
}

void plan_fleet_by_nodes(const struct db_fleet_host *d, struct pack_inv inv[])
{
	inv[PACK_VCPU] =
		(struct pack_inv){.total = positive(d->h.vcpus),
				  .used = larger(d->h.vcpus_used, d->vcpus),
				  .ratio = ratio_or(d->cpu_ratio, 16)};
	inv[PACK_RAM_MB] = (struct pack_inv){
		.total = positive(d->h.memory_mb),
		.used = larger(d->h.memory_mb_used, d->memory_mb),
		.ratio = ratio_or(d->ram_ratio, 1.5)};
	inv[PACK_DISK_MB] = (struct pack_inv){
		.total = positive(d->h.local_gb) * GiB_MB,
		.used = larger(d->h.local_gb_used, d->gb) * GiB_MB,
		.ratio = ratio_or(d->disk_ratio, 1)};
}

static void by_placement(const struct fleet_host *t, struct pack_inv inv[])
{
	static const enum pack_res to[FLEET_CLASSES] = {
		[FLEET_VCPU] = PACK_VCPU,
		[FLEET_RAM_MB] = PACK_RAM_MB,
		[FLEET_DISK_GB] = PACK_DISK_MB};

	for (int k = 0; t->placement && k < FLEET_CLASSES; k++) {
		const struct fleet_inventory *v = &t->inv[k];
		uint64_t unit = k == FLEET_DISK_GB ? GiB_MB : 1;

		if (v->there)
			inv[to[k]] = (struct pack_inv){
				.total = positive(v->total) * unit,
				.reserved = positive(v->reserved) * unit,
				.used = positive(v->used) * unit,
				.ratio = pack_ratio(v->ratio),
				.max_unit = positive(v->max_unit) * unit};
	}
}

/* It will be there, and nobody has counted it yet. */
static void add_coming(const struct plan_fleet *p, const char *uuid,
		       struct pack_host *h)
{
	const struct db_fleet_home *i = db_fleet_home(&p->f->db, uuid);

	if (!i || str_is(i->host, h->name))
		return;
	h->inv[PACK_VCPU].used += positive(i->vcpus);
	h->inv[PACK_RAM_MB].used += positive(i->memory_mb);
	h->inv[PACK_DISK_MB].used += positive(i->gb) * GiB_MB;
	h->instances++;
}

static bool has_job(const struct fleet_facts *f, const char *uuid)
{
	for (size_t i = 0; i < f->n_jobs; i++)
		if (str_is(f->jobs[i].instance, uuid))
			return true;
	return false;
}

/* What a batch has yet to begin is no room taken from what is placed here: it
 * is the same instance, or it was given up. */
static bool asked(const struct plan_fleet *p, const struct fleet_job *j)
{
	for (size_t i = 0; j->planned && i < p->n_ones; i++)
		if (str_is(p->ones[i].s->f.srv.inst.uuid, j->instance))
			return true;
	return false;
}

static void coming(const struct plan_fleet *p, const struct fleet_host *t,
		   struct pack_host *h)
{
	const struct fleet_facts *f = p->f;

	for (size_t i = 0; i < f->n_jobs; i++)
		if (str_is(f->jobs[i].target, t->name) &&
		    !asked(p, &f->jobs[i]))
			add_coming(p, f->jobs[i].instance, h);
	/* Placement has counted those of Nova's own. */
	for (size_t i = 0; !t->placement && i < f->db.n_migrations; i++)
		if (str_is(f->db.migrations[i].m.dest_compute, t->name) &&
		    !has_job(f, f->db.migrations[i].instance))
			add_coming(p, f->db.migrations[i].instance, h);
}

static uint64_t free_bytes(const struct fleet_host *t)
{
	const struct fact_host *h = &t->h;

	if (h->down.kind != ERR_NONE || h->path_err.kind != ERR_NONE)
		return 0;
	return h->trial.quota && h->trial.quota_left < h->fs.avail
		       ? h->trial.quota_left
		       : h->fs.avail;
}

/* ---- what it is */

/* With the control plane down no heartbeat is young, and none says anything. */
static bool heartbeats(const struct fleet_facts *f)
{
	for (size_t i = 0; i < f->db.n_hosts; i++)
		if (f->db.hosts[i].h.seen_age_s >= 0 &&
		    f->db.hosts[i].h.seen_age_s <= DOWN_AFTER_S)
			return true;
	return false;
}

static bool is_up(const struct fleet_facts *f, const struct db_fleet_host *d)
{
	if (d->h.forced_down)
		return false;
	return !heartbeats(f) ||
	       (d->h.seen_age_s >= 0 && d->h.seen_age_s <= DOWN_AFTER_S);
}

static char *why_not(const struct plan_fleet *p, const struct fleet_host *t,
		     const struct db_fleet_host *d)
{
	static const char *const checks[] = {"hosts",	"config",  "users",
					     "storage", "libvirt", NULL};
	struct facts v = plan_fleet_view(p, NULL, t);
	char *hint, *why;

	if (!d)
		return mem_strdup("it is not a compute host of this cell");
	if (d->nodes != 1)
		return mem_printf("it has %zu compute nodes", d->nodes);
	if (t->h.down.kind != ERR_NONE)
		return mem_printf("it does not answer: %s",
				  err_msg(&t->h.down));
	why = plan_fleet_refusal(p, &v, checks, &hint);
	mem_free(hint);
	return why;
}

static void add_meta(const struct fleet_facts *f, const char *host,
		     struct pack_host *h, struct pack_meta **out)
{
	for (size_t i = 0; i < f->db.n_aggregates; i++) {
		const struct db_fleet_aggregate *a = &f->db.aggregates[i];

		if (!strv_has(&a->hosts, host))
			continue;
		for (size_t k = 0; k < a->meta.n; k++) {
			const char *key = a->meta.v[k].key;
			const char *value = a->meta.v[k].value;

			if (!strncmp(key, "filter_tenant_id", 16)) {
				strv_split(&h->tenants, value ? value : "",
					   ", ");
				continue;
			}
			*out = mem_realloc(*out, h->n_meta + 1, sizeof(**out));
			(*out)[h->n_meta++] =
				(struct pack_meta){key, value ? value : ""};
		}
	}
	h->meta = *out;
}

static void add_caps(const struct fact_host *t, struct pack_host *h)
{
	const struct caps_guest *g =
		t->caps ? caps_host_guest(t->caps,
					  h->arch ? h->arch : t->caps->arch)
			: NULL;

	for (size_t i = 0; g && i < g->machines.n; i++)
		strv_add(&h->machines, g->machines.v[i]);
	for (size_t i = 0; t->domcaps && i < t->domcaps->cpu_usable.n; i++)
		strv_add(&h->cpus, t->domcaps->cpu_usable.v[i]);
}

/* It did not tell, and why_not says so: nothing else is held against it. */
static void not_told(const struct fleet_facts *f, struct pack_host *h)
{
	h->free_bytes = PACK_BYTES_UNKNOWN;
	h->keep_bytes = 0;
	for (size_t i = 0; i < f->n_servers; i++) {
		const struct domain *d = f->servers[i].f.dom;

		if (d && d->machine)
			strv_add(&h->machines, d->machine);
		if (d && d->cpu_model)
			strv_add(&h->cpus, d->cpu_model);
	}
}

static void one_host(struct plan_fleet *p, size_t i)
{
	const struct fleet_host *t = &p->f->hosts[i];
	const struct db_fleet_host *d = db_fleet_host(&p->f->db, t->name);
	struct pack_host *h = &p->hosts[i];

	p->why_not[i] = why_not(p, t, d);
	*h = (struct pack_host){.name = t->name,
				.up = d && is_up(p->f, d),
				.enabled = d && !d->h.disabled,
				.why_not = p->why_not[i],
				.max_new = p->o.most_per_target,
				.free_bytes = free_bytes(t),
				.keep_bytes = KEEP};
	if (!d)
		return;
	h->zone = d->h.az ? d->h.az : "nova";
	h->arch = d->h.cpu_arch;
	h->hypervisor = positive(d->h.hypervisor_version);
	h->instances = positive(d->instances);
	plan_fleet_by_nodes(d, h->inv);
	by_placement(t, h->inv);
	coming(p, t, h);
	add_meta(p->f, t->name, h, &p->metas[i]);
	if (t->h.down.kind == ERR_NONE)
		add_caps(&t->h, h);
	else
		not_told(p->f, h);
	plan_fleet_host_traits(p->f, t, &h->traits);
	for (size_t k = 0; k < t->bases.n; k++)
		strv_add(&h->bases, t->bases.v[k]);
}

void plan_fleet_hosts(struct plan_fleet *p)
{
	size_t n = p->f->n_hosts;

	p->hosts = MEM_NEW_N(struct pack_host, n + 1);
	p->why_not = MEM_NEW_N(char *, n + 1);
	p->metas = MEM_NEW_N(struct pack_meta *, n + 1);
	for (size_t i = 0; i < n; i++)
		one_host(p, i);
	p->in.hosts = p->hosts;
	p->in.n_hosts = n;
}
