/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/cloud.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"

#define GB 1024
#define GIB (UINT64_C(1) << 30)

struct dice {
	uint64_t x;
};

static uint64_t roll(struct dice *d, uint64_t n)
{
	uint64_t z = d->x += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % n;
}

static const uint64_t flavors[][N_PACK_RES] = {
	{1, 1 * GB, 10 * GB},	 {1, 2 * GB, 20 * GB},	  {2, 4 * GB, 40 * GB},
	{2, 2 * GB, 20 * GB},	 {4, 8 * GB, 80 * GB},	  {4, 4 * GB, 40 * GB},
	{8, 16 * GB, 160 * GB},	 {8, 32 * GB, 80 * GB},	  {2, 16 * GB, 40 * GB},
	{16, 32 * GB, 200 * GB}, {16, 64 * GB, 100 * GB}, {1, 4 * GB, 10 * GB},
};

static void own(struct sim_cloud *c, void *p)
{
	if (c->n_owned == c->cap_owned) {
		c->cap_owned = c->cap_owned ? c->cap_owned * 2 : 64;
		c->owned =
			mem_realloc(c->owned, c->cap_owned, sizeof(*c->owned));
	}
	c->owned[c->n_owned++] = p;
}

static char *named(struct sim_cloud *c, const char *fmt, uint64_t n)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	buf_puts(&b, fmt);
	buf_printf(&b, "%06llu", (unsigned long long)n);
	strv_add(&c->names, buf_str(&b));
	return c->names.v[c->names.n - 1];
}

static struct strv list_of(struct sim_cloud *c, size_t n)
{
	struct strv v = {MEM_NEW_N(char *, n + 1), n};

	own(c, v.v);
	return v;
}

static const char *words[] = {"Haswell",       "Skylake-Server", "pc-q35-7.2",
			      "pc-i440fx-7.2", "pc-q35-8.2",	 "COMPUTE_TPM"};
static const char *const zones[] = {"az1", "az2", "az3", "nova"};
static const struct pack_meta ssd[] = {{"ssd", "true"}};

static void make_host(struct sim_cloud *c, struct dice *d, size_t i)
{
	struct pack_host *h = &c->hosts[i];
	bool new = i % 3 == 0;

	*h = (struct pack_host){
		.name = named(c, "compute-", i),
		.up = roll(d, 500) != 0,
		.enabled = roll(d, 200) != 0,
		.zone = zones[i % 4],
		.meta = ssd,
		.n_meta = i % 5 == 0,
		.inv = {{.total = new ? 128 : 64,
			 .ratio = 4000000,
			 .max_unit = new ? 128 : 64},
			{.total = (new ? 1024 : 512) * GB,
			 .reserved = 4 * GB,
			 .max_unit = 1024 * GB},
			{.total = (new ? 8000 : 4000) * GB}},
		.max_instances = 300,
		.free_bytes = (new ? 7000 : 3500) * GIB,
		.keep_bytes = 100 * GIB,
		.arch = "x86_64",
		.cpus = {(char **)words, new ? 2 : 1},
		.machines = {(char **)words + 2, new ? 3 : 2},
		.traits = {(char **)words + 5, i % 2},
		.config_drive = "iso9660",
		.images_type = "qcow2",
		.hypervisor = 7002000,
	};
}

/* A few images are everywhere, most are rare. */
static size_t image(struct dice *d, size_t n)
{
	return roll(d, 3) ? roll(d, 1 + n / 50) : roll(d, n);
}

static void make_server(struct sim_cloud *c, struct dice *d, size_t i,
			size_t n_bases)
{
	struct pack_server *s = &c->servers[i];
	const uint64_t *f = flavors[roll(d, ARRAY_SIZE(flavors))];

	*s = (struct pack_server){
		.uuid = named(c, "5eba4a52-0000-4000-8000-000000", i),
		.source = "old",
		.priority = roll(d, 20) ? 0 : 1,
		.need = {f[0], f[1], f[2]},
		.bytes = (1 + roll(d, f[2] / GB)) * GIB / 2,
		.zone = roll(d, 5) ? NULL : zones[roll(d, 3)],
		.wants = ssd,
		.n_wants = roll(d, 20) == 0,
		.arch = "x86_64",
		.cpu = roll(d, 10) ? "Haswell" : "Skylake-Server",
		.machine = words[2 + roll(d, 2)],
		.traits = {(char **)words + 5, roll(d, 30) == 0},
		.config_drive = roll(d, 3) ? "iso9660" : NULL,
		.images_type = "qcow2",
		.bases = list_of(c, 1),
	};
	s->bases.v[0] = (char *)c->bases[image(d, n_bases)].name;
}

/* Servers that stand side by side are in one group. */
static size_t make_groups(struct sim_cloud *c, struct dice *d, size_t n)
{
	size_t g = 0;

	for (size_t i = 0; i + 8 < n; i += 8) {
		size_t members = 2 + roll(d, 4);
		struct pack_group *t = &c->groups[g++];

		*t = (struct pack_group){.id = named(c, "group-", g)};
		t->rule = roll(d, 10) ? PACK_ANTI_AFFINITY : PACK_AFFINITY;
		if (!roll(d, 4))
			t->rule = PACK_SOFT_ANTI_AFFINITY;
		for (size_t k = 0; k < members; k++) {
			c->servers[i + k].group = t->id;
			/* Else they would ask for different places. */
			c->servers[i + k].zone = c->servers[i].zone;
		}
	}
	return g;
}

/* So many servers, so much of them: each host gets larger or smaller. */
static void scale(struct sim_cloud *c, const struct sim_opts *o)
{
	uint64_t need = 0, have = 0;

	for (size_t i = 0; i < o->servers; i++)
		need += c->servers[i].need[PACK_RAM_MB];
	for (size_t i = 0; i < o->hosts; i++)
		have += pack_capacity(&c->hosts[i].inv[PACK_RAM_MB]);
	for (size_t i = 0; i < o->hosts; i++) {
		struct pack_inv *v = &c->hosts[i].inv[PACK_RAM_MB];

		v->ratio = need * 100 / o->fill * PACK_RATIO_ONE / have;
	}
}

void sim_cloud_make(struct sim_cloud *c, const struct sim_opts *o)
{
	struct dice d = {o->seed};
	size_t n_bases = o->servers / 20 + 1;

	*c = (struct sim_cloud){0};
	c->hosts = MEM_NEW_N(struct pack_host, o->hosts + 1);
	c->servers = MEM_NEW_N(struct pack_server, o->servers + 1);
	c->groups = MEM_NEW_N(struct pack_group, o->servers / 8 + 1);
	c->bases = MEM_NEW_N(struct pack_base, n_bases);
	for (size_t i = 0; i < n_bases; i++)
		c->bases[i] = (struct pack_base){named(c, "base-", i),
						 (1 + roll(&d, 12)) * GIB / 2};
	for (size_t i = 0; i < o->hosts; i++)
		make_host(c, &d, i);
	for (size_t i = 0; i < o->servers; i++)
		make_server(c, &d, i, n_bases);
	c->in = (struct pack_in){
		.hosts = c->hosts,
		.servers = c->servers,
		.groups = c->groups,
		.bases = c->bases,
		.n_hosts = o->hosts,
		.n_servers = o->servers,
		.n_groups = make_groups(c, &d, o->servers),
		.n_bases = n_bases,
	};
	scale(c, o);
}

void sim_cloud_clear(struct sim_cloud *c)
{
	for (size_t i = 0; i < c->n_owned; i++)
		mem_free(c->owned[i]);
	mem_free(c->owned);
	strv_clear(&c->names);
	mem_free(c->hosts);
	mem_free(c->servers);
	mem_free(c->groups);
	mem_free(c->bases);
	*c = (struct sim_cloud){0};
}

/* ---- a part of it must leave */

static size_t group_index(const struct pack_in *in, const char *id)
{
	size_t low = 0, high = in->n_groups;

	/* Their names are in order. */
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(in->groups[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void stays(struct sim_cloud *c, struct sim_cloud *into,
		  const struct pack_server *s, const struct pack_host *h)
{
	struct pack_group *g;
	struct pack_there *t;

	if (!s->group)
		return;
	g = &into->groups[group_index(&c->in, s->group)];
	t = MEM_NEW_N(struct pack_there, g->n_there + 1);
	if (g->n_there)
		memcpy(t, g->there, g->n_there * sizeof(*t));
	t[g->n_there++] = (struct pack_there){h->name, 1};
	g->there = t;
	own(into, t);
}

/* What the copies of all base images left on each host. */
static void with_bases(struct sim_cloud *c, const struct pack_out *all,
		       struct sim_cloud *into)
{
	for (size_t i = 0, from; i < all->n_copies; i = from) {
		int32_t h = all->copies[i].host;
		struct strv v;

		for (from = i;
		     from < all->n_copies && all->copies[from].host == h;)
			from++;
		v = list_of(into, from - i);
		for (size_t k = 0; k < v.n; k++)
			v.v[k] = (char *)c->bases[all->copies[i + k].base].name;
		into->hosts[h].bases = v;
	}
}

void sim_drain(struct sim_cloud *c, const struct pack_out *all, size_t n,
	       struct sim_cloud *into)
{
	size_t k = 0;

	*into = (struct sim_cloud){.in = c->in};
	into->hosts =
		mem_dup(c->hosts, (c->in.n_hosts + 1) * sizeof(*c->hosts));
	into->groups =
		mem_dup(c->groups, (c->in.n_groups + 1) * sizeof(*c->groups));
	into->servers = MEM_NEW_N(struct pack_server, c->in.n_servers + 1);
	for (size_t i = 0; i < c->in.n_hosts; i++) {
		struct pack_host *h = &into->hosts[i];

		for (size_t r = 0; r < N_PACK_RES; r++)
			h->inv[r].used = all->load[i].used[r];
		h->instances = all->load[i].servers;
		h->free_bytes -= all->load[i].bytes;
	}
	with_bases(c, all, into);
	for (size_t i = 0; i < c->in.n_servers; i++) {
		int32_t h = all->host[i];

		if (h < 0)
			continue;
		if ((size_t)h >= n) {
			stays(c, into, &c->servers[i], &c->hosts[h]);
			continue;
		}
		into->servers[k] = c->servers[i];
		into->servers[k++].source = c->hosts[h].name;
	}
	/* What is being emptied takes nothing. */
	for (size_t i = 0; i < n; i++)
		into->hosts[i].enabled = false;
	into->in.hosts = into->hosts;
	into->in.servers = into->servers;
	into->in.groups = into->groups;
	into->in.n_servers = k;
}
