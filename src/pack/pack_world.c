/* SPDX-License-Identifier: Apache-2.0 */
/* The world that servers are packed into: hosts by name, what each has. */
#include <stdlib.h>
#include <string.h>

#include "pack/pack_priv.h"

/* Numbers below are 32 bits wide, with room for what is not there. */
#define MOST (UINT32_C(1) << 30)

struct named {
	const char *name;
	uint32_t index;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name,
		      ((const struct named *)b)->name);
}

/* ---- hosts */

static int hosts_order(struct pack_world *w, struct err *e)
{
	const struct pack_in *in = w->in;
	AUTO(mem_freep) struct named *v = MEM_NEW_N(struct named, w->nh + 1);

	for (uint32_t i = 0; i < w->nh; i++) {
		if (!in->hosts[i].name)
			return err_set(e, ERR_USAGE,
				       "host %u of the packing has no name", i);
		v[i] = (struct named){in->hosts[i].name, i};
	}
	qsort(v, w->nh, sizeof(*v), by_name);
	for (uint32_t r = 0; r < w->nh; r++) {
		w->host[r] = v[r].index;
		w->rank[v[r].index] = r;
		if (!pack_map_add(&w->hosts, v[r].name, r))
			return err_set(e, ERR_USAGE,
				       "host %s is given twice to the packing",
				       v[r].name);
	}
	return 0;
}

static int64_t slots(uint64_t limit, uint64_t there)
{
	return limit ? pack_clamp(limit) - pack_clamp(there) : PACK_HUGE;
}

static void host_read(struct pack_world *w, uint32_t r)
{
	const struct pack_host *h = &w->in->hosts[w->host[r]];

	for (size_t d = 0; d < N_PACK_RES; d++) {
		const struct pack_inv *v = &h->inv[d];
		int64_t cap = pack_clamp(pack_capacity(v));

		w->cap[d][r] = cap;
		w->room[d][r] = cap - pack_clamp(v->used);
		w->share[d][r] = cap ? (uint64_t)PACK_HUGE / (uint64_t)cap : 0;
		w->unit_max[d][r] =
			v->max_unit ? pack_clamp(v->max_unit) : PACK_HUGE;
	}
	w->room[DIM_BYTES][r] =
		h->free_bytes == PACK_BYTES_UNKNOWN
			? PACK_HUGE
			: pack_clamp(h->free_bytes) - pack_clamp(h->keep_bytes);
	w->room[DIM_INSTANCES][r] = slots(h->max_instances, h->instances);
	w->room[DIM_NEW][r] = slots(h->max_new, 0);
	if (h->up && h->enabled && !h->why_not)
		bits_set(w->usable, r);
}

/* ---- base images */

static int bases_read(struct pack_world *w, struct err *e)
{
	const struct pack_in *in = w->in;

	for (uint32_t i = 0; i < in->n_bases; i++) {
		const char *name = in->bases[i].name;

		if (!name || !pack_map_add(&w->bases, name, i))
			return err_set(e, ERR_USAGE, "base image %s is %s",
				       name ? name : "?",
				       name ? "given twice" : "without name");
		w->base_bytes[i] = pack_clamp(in->bases[i].bytes);
	}
	/* What a host has besides is nobody's need. */
	for (uint32_t r = 0; r < w->nh; r++) {
		const struct strv *has = &in->hosts[w->host[r]].bases;

		for (size_t i = 0; i < has->n; i++) {
			uint32_t b = pack_map_get(&w->bases, has->v[i]);

			if (b != PACK_NONE)
				bits_set(pack_row(w, w->base_rows, b), r);
		}
	}
	return 0;
}

/* ---- groups */

static void seat_add(struct pack_set *s, uint32_t rank, uint64_t count)
{
	for (size_t i = 0; i < s->n_seats; i++)
		if (s->seats[i].rank == rank) {
			s->seats[i].count += count;
			return;
		}
	if (s->n_seats == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 4;
		s->seats = mem_realloc(s->seats, s->cap, sizeof(*s->seats));
	}
	s->seats[s->n_seats++] = (struct pack_seat){rank, count};
}

static int group_read(struct pack_world *w, uint32_t i, struct err *e)
{
	const struct pack_group *g = &w->in->groups[i];
	struct pack_set *s = &w->sets[i];

	if (!g->id || !pack_map_add(&w->groups, g->id, i))
		return err_set(e, ERR_USAGE, "server group %s is %s",
			       g->id ? g->id : "?",
			       g->id ? "given twice" : "without id");
	if (g->rule == PACK_RULE_UNKNOWN)
		return err_set(e, ERR_USAGE,
			       "server group %s has a policy that is not known",
			       g->name ? g->name : g->id);
	s->rule = g->rule;
	s->max = g->max_per_host ? g->max_per_host : 1;
	s->there = pack_row(w, w->set_rows, i);
	for (size_t t = 0; t < g->n_there; t++) {
		uint32_t r = pack_map_get(&w->hosts, g->there[t].host);

		s->bound |= g->there[t].count > 0;
		if (r == PACK_NONE || !g->there[t].count)
			continue;
		bits_set(s->there, r);
		seat_add(s, r, (uint64_t)pack_clamp(g->there[t].count));
	}
	return 0;
}

/* A member of the set counts where it is until it has left for good. */
static int servers_read(struct pack_world *w, struct err *e)
{
	AUTO(pack_map_clear) struct pack_map seen = {0};

	for (uint32_t i = 0; i < w->in->n_servers; i++) {
		const struct pack_server *s = &w->in->servers[i];
		uint32_t g = pack_map_get(&w->groups, s->group);
		uint32_t r = pack_map_get(&w->hosts, s->source);

		if (!s->uuid || !pack_map_add(&seen, s->uuid, i))
			return err_set(e, ERR_USAGE, "server %s is %s",
				       s->uuid ? s->uuid : "?",
				       s->uuid ? "given twice"
					       : "without uuid");
		if (s->group && g == PACK_NONE)
			return err_set(e, ERR_USAGE,
				       "server %s is in group %s, which is not "
				       "listed",
				       s->uuid, s->group);
		if (g != PACK_NONE && r != PACK_NONE &&
		    w->sets[g].rule == PACK_ANTI_AFFINITY)
			seat_add(&w->sets[g], r, 1);
		pack_atoms_read(w, i);
	}
	return 0;
}

bool pack_in_rule(const struct pack_world *w, uint32_t i, enum pack_rule rule)
{
	uint32_t g = pack_map_get(&w->groups, w->in->servers[i].group);

	return g != PACK_NONE && w->sets[g].rule == rule;
}

/* ---- the whole */

static void world_alloc(struct pack_world *w)
{
	const struct pack_in *in = w->in;

	w->nh = (uint32_t)in->n_hosts;
	w->words = w->nh / 64 + 1;
	w->host = MEM_NEW_N(uint32_t, w->nh + 1);
	w->rank = MEM_NEW_N(uint32_t, w->nh + 1);
	w->usable = MEM_NEW_N(uint64_t, w->words);
	for (size_t d = 0; d < N_DIMS; d++)
		w->room[d] = MEM_NEW_N(int64_t, w->nh + 1);
	for (size_t d = 0; d < N_PACK_RES; d++) {
		w->cap[d] = MEM_NEW_N(int64_t, w->nh + 1);
		w->unit_max[d] = MEM_NEW_N(int64_t, w->nh + 1);
		w->share[d] = MEM_NEW_N(uint64_t, w->nh + 1);
	}
	w->base_rows = MEM_NEW_N(uint64_t, in->n_bases * w->words + 1);
	w->base_bytes = MEM_NEW_N(int64_t, in->n_bases + 1);
	w->sets = MEM_NEW_N(struct pack_set, in->n_groups + 1);
	w->set_rows = MEM_NEW_N(uint64_t, in->n_groups * w->words + 1);
	w->own_at = MEM_NEW_N(uint32_t, in->n_servers + 1);
}

static int world_fill(struct pack_world *w, bool together, struct err *e)
{
	if (hosts_order(w, e))
		return -1;
	for (uint32_t r = 0; r < w->nh; r++)
		host_read(w, r);
	if (bases_read(w, e))
		return -1;
	for (uint32_t i = 0; i < w->in->n_groups; i++)
		if (group_read(w, i, e))
			return -1;
	if (servers_read(w, e))
		return -1;
	return pack_units_make(w, together, e);
}

struct pack_world *pack_world_new(const struct pack_in *in, bool together,
				  struct err *e)
{
	struct pack_world *w;

	if (in->n_hosts > MOST || in->n_servers > MOST || in->n_bases > MOST ||
	    in->n_groups > MOST) {
		err_set(e, ERR_USAGE, "more than %u of a kind to pack", MOST);
		return NULL;
	}
	w = MEM_NEW(struct pack_world);
	w->in = in;
	world_alloc(w);
	if (world_fill(w, together, e)) {
		pack_world_free(w);
		return NULL;
	}
	return w;
}

void pack_world_free(struct pack_world *w)
{
	if (!w)
		return;
	pack_atoms_clear(w);
	for (size_t d = 0; d < N_DIMS; d++)
		mem_free(w->room[d]);
	for (size_t d = 0; d < N_PACK_RES; d++) {
		mem_free(w->cap[d]);
		mem_free(w->unit_max[d]);
		mem_free(w->share[d]);
	}
	for (size_t i = 0; i < w->in->n_groups; i++)
		mem_free(w->sets[i].seats);
	pack_map_clear(&w->hosts);
	pack_map_clear(&w->groups);
	pack_map_clear(&w->bases);
	mem_free(w->sets);
	mem_free(w->set_rows);
	mem_free(w->host);
	mem_free(w->rank);
	mem_free(w->usable);
	mem_free(w->base_rows);
	mem_free(w->base_bytes);
	mem_free(w->units);
	mem_free(w->unit_servers);
	mem_free(w->unit_bases);
	mem_free(w->unit_rows);
	mem_free(w);
}

void pack_world_freep(struct pack_world **w)
{
	pack_world_free(*w);
}
