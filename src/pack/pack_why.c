/* SPDX-License-Identifier: Apache-2.0 */
/* Why a host cannot take a unit, and all hosts' reasons grouped. */
#include <stdlib.h>
#include <string.h>

#include "pack/pack_priv.h"

/* What it takes to give: an operator's own limits least, room next, then what
 * tenants were promised, then hardware. */
static const uint16_t weights[N_PACK_WHY] = {
	[PACK_MAX_NEW] = 1,	   [PACK_NO_BYTES] = 2,
	[PACK_NO_VCPU] = 2,	   [PACK_NO_RAM] = 2,
	[PACK_NO_DISK] = 2,	   [PACK_MAX_INSTANCES] = 2,
	[PACK_NOT_ASKED] = 4,	   [PACK_AVOIDED] = 4,
	[PACK_DISABLED] = 5,	   [PACK_GROUP_APART] = 6,
	[PACK_GROUP_TOGETHER] = 6, [PACK_ZONE] = 8,
	[PACK_TENANTS] = 12,	   [PACK_AGGREGATE] = 12,
	[PACK_REFUSED] = 16,	   [PACK_DOWN] = 20,
	[PACK_MAX_UNIT] = 40,	   [PACK_CONFIG_DRIVE] = 40,
	[PACK_IMAGES_TYPE] = 60,   [PACK_TRAITS] = 60,
	[PACK_HYPERVISOR] = 80,	   [PACK_MACHINE] = 80,
	[PACK_FLAGS] = 100,	   [PACK_CPU] = 100,
	[PACK_ARCH] = 200,	   [PACK_SOURCE] = 2000,
	[PACK_NO_HOST] = 2000,
};

unsigned pack_why_weight(uint32_t why)
{
	unsigned sum = 0;

	for (uint32_t m = why; m; m &= m - 1)
		sum += weights[__builtin_ctz(m)];
	return sum;
}

/* ---- one host */

static uint32_t of_host(const struct pack_host *h)
{
	uint32_t why = 0;

	if (!h->up)
		why |= PACK_BIT(PACK_DOWN);
	if (!h->enabled)
		why |= PACK_BIT(PACK_DISABLED);
	if (h->why_not)
		why |= PACK_BIT(PACK_REFUSED);
	return why;
}

static uint32_t of_server(const struct pack_world *w, uint32_t i, uint32_t rank)
{
	const struct pack_server *s = &w->in->servers[i];
	uint32_t g = pack_map_get(&w->groups, s->group), why = 0;

	for (uint32_t a = w->own_at[i]; a < w->own_at[i + 1]; a++)
		if (!bits_has(pack_row(w, w->atom_rows, w->own[a]), rank))
			why |= PACK_BIT(w->atoms[w->own[a]]);
	if (pack_map_get(&w->hosts, s->source) == rank)
		why |= PACK_BIT(PACK_SOURCE);
	if (g != PACK_NONE && w->sets[g].rule == PACK_AFFINITY &&
	    w->sets[g].bound && !bits_has(w->sets[g].there, rank))
		why |= PACK_BIT(PACK_GROUP_TOGETHER);
	for (size_t d = 0; d < N_PACK_RES; d++)
		if (s->need[d] && pack_clamp(s->need[d]) > w->unit_max[d][rank])
			why |= PACK_BIT(PACK_MAX_UNIT);
	return why;
}

static const enum pack_why of_dim[N_DIMS] = {
	[PACK_VCPU] = PACK_NO_VCPU,	      [PACK_RAM_MB] = PACK_NO_RAM,
	[PACK_DISK_MB] = PACK_NO_DISK,	      [DIM_BYTES] = PACK_NO_BYTES,
	[DIM_INSTANCES] = PACK_MAX_INSTANCES, [DIM_NEW] = PACK_MAX_NEW,
};

static uint32_t of_room(const struct pack_state *s, uint32_t u, uint32_t rank,
			struct pack_obstacle *o)
{
	uint32_t why = 0;

	for (size_t d = 0; d < N_DIMS; d++) {
		int64_t lack = pack_state_lack(s, u, rank, (enum pack_dim)d);

		if (lack <= 0)
			continue;
		why |= PACK_BIT(of_dim[d]);
		if (d < N_PACK_RES)
			o->lack[d] = (uint64_t)lack;
		else if (d == DIM_BYTES)
			o->lack_bytes = (uint64_t)lack;
		else if ((uint64_t)lack > o->lack_slots)
			o->lack_slots = (uint64_t)lack;
	}
	return why;
}

uint32_t pack_why_not(const struct pack_state *s, uint32_t u, uint32_t rank,
		      struct pack_obstacle *o)
{
	const struct pack_world *w = s->w;
	const struct pack_unit *t = &w->units[u];
	uint32_t why = of_host(&w->in->hosts[w->host[rank]]);

	for (uint32_t i = 0; i < t->n; i++)
		why |= of_server(w, t->servers[i], rank);
	if (t->group != PACK_NONE &&
	    s->sets[t->group].rule == PACK_ANTI_AFFINITY &&
	    pack_state_seats(s, t->group, rank) >= s->sets[t->group].max)
		why |= PACK_BIT(PACK_GROUP_APART);
	why |= of_room(s, u, rank, o);
	o->why = why;
	return why;
}

/* ---- all hosts */

struct heap {
	struct pack_obstacle o; /* .host: the rank */
	uint64_t lack;
};

struct heaps {
	struct heap *v;
	size_t n, cap, last;
};

static struct heap *heap_of(struct heaps *h, uint32_t why)
{
	if (h->n && h->v[h->last].o.why == why)
		return &h->v[h->last];
	for (h->last = 0; h->last < h->n; h->last++)
		if (h->v[h->last].o.why == why)
			return &h->v[h->last];
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 8;
		h->v = mem_realloc(h->v, h->cap, sizeof(*h->v));
	}
	h->v[h->n] = (struct heap){.lack = UINT64_MAX};
	h->v[h->n].o.why = why;
	return &h->v[h->n++];
}

static int by_ease(const void *a, const void *b)
{
	const struct heap *x = a, *y = b;
	unsigned p = pack_why_weight(x->o.why), q = pack_why_weight(y->o.why);

	if (p != q)
		return p < q ? -1 : 1;
	if (x->lack != y->lack)
		return x->lack < y->lack ? -1 : 1;
	return x->o.host < y->o.host ? -1 : 1;
}

static void collect(const struct pack_state *s, uint32_t u, struct heaps *all)
{
	for (uint32_t r = 0; r < s->w->nh; r++) {
		struct pack_obstacle o = {0};
		uint64_t lack = pack_state_short(s, u, r);
		struct heap *h = heap_of(all, pack_why_not(s, u, r, &o));

		o.hosts = h->o.hosts + 1;
		if (lack < h->lack) {
			o.host = (int32_t)r;
			h->o = o;
			h->lack = lack;
		}
		h->o.hosts = o.hosts;
	}
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), by_ease);
}

void pack_refuse(const struct pack_state *s, uint32_t u, bool alone,
		 struct pack_out *out)
{
	const struct pack_unit *t = &s->w->units[u];
	struct heaps all = {0};
	AUTO(mem_freep) struct pack_obstacle *v = NULL;

	collect(s, u, &all);
	v = MEM_NEW_N(struct pack_obstacle, all.n + 1);
	for (size_t k = 0; k < all.n; k++) {
		v[k] = all.v[k].o;
		v[k].host = (int32_t)s->w->host[all.v[k].o.host];
	}
	for (uint32_t i = 0; i < t->n; i++)
		pack_refusal_add(out,
				 &(struct pack_refusal){.server = t->servers[i],
							.alone = alone,
							.v = v,
							.n = all.n});
	mem_free(all.v);
}
