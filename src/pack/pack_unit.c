/* SPDX-License-Identifier: Apache-2.0 */
/* Servers to units: what goes together, what it needs, who may take it. */
#include <stdlib.h>
#include <string.h>

#include "pack/pack_priv.h"

struct named {
	const char *uuid;
	uint32_t index;
};

static int by_uuid(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->uuid,
		      ((const struct named *)b)->uuid);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The order in which they are placed. */
static int by_weight(const void *a, const void *b)
{
	const struct pack_unit *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* ---- which servers */

/* Which unit each server belongs to, by uuid; counts what each gets. */
static uint32_t *assign(struct pack_world *w, bool together,
			const struct named *v)
{
	size_t n = w->in->n_servers;
	uint32_t *of = MEM_NEW_N(uint32_t, n + 1);
	AUTO(mem_freep)
	uint32_t *set = MEM_NEW_N(uint32_t, w->in->n_groups + 1);

	w->units = MEM_NEW_N(struct pack_unit, n + 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t s = v[i].index;
		uint32_t g = pack_map_get(&w->groups, w->in->servers[s].group);

		if (!together || g == PACK_NONE ||
		    w->sets[g].rule != PACK_AFFINITY) {
			of[s] = w->n_units++;
		} else {
			if (!set[g])
				set[g] = ++w->n_units;
			of[s] = set[g] - 1;
		}
		w->units[of[s]].n++;
	}
	return of;
}

static void deal(struct pack_world *w, const struct named *v,
		 const uint32_t *of)
{
	size_t n = w->in->n_servers, at = 0;

	w->unit_servers = MEM_NEW_N(uint32_t, n + 1);
	for (uint32_t u = 0; u < w->n_units; u++) {
		w->units[u].servers = w->unit_servers + at;
		w->units[u].order = u;
		at += w->units[u].n;
		w->units[u].n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct pack_unit *u = &w->units[of[v[i].index]];
		size_t k = (size_t)(u->servers - w->unit_servers) + u->n++;

		w->unit_servers[k] = v[i].index;
	}
}

/* ---- what they need */

static void grow(int64_t *sum, uint64_t v)
{
	*sum += pack_clamp(v);
	if (*sum > PACK_HUGE)
		*sum = PACK_HUGE;
}

static void needs_read(const struct pack_in *in, struct pack_unit *u)
{
	for (uint32_t i = 0; i < u->n; i++) {
		const struct pack_server *s = &in->servers[u->servers[i]];

		for (size_t d = 0; d < N_PACK_RES; d++)
			grow(&u->need[d], s->need[d]);
		grow(&u->need[DIM_BYTES], s->bytes);
		if (!i || s->priority > u->priority)
			u->priority = s->priority;
	}
	u->need[DIM_INSTANCES] = u->n;
	u->need[DIM_NEW] = u->n;
}

/* The greatest share of what any host has, of 2^20. */
static void size_read(struct pack_unit *u, const int64_t *most)
{
	for (size_t d = 0; d < DIM_INSTANCES; d++) {
		unsigned __int128 v = (unsigned __int128)u->need[d] << 20;
		uint64_t share;

		if (most[d] <= 0 || most[d] == PACK_HUGE)
			continue;
		v /= (uint64_t)most[d];
		share = v < UINT64_MAX ? (uint64_t)v : UINT64_MAX;
		if (share > u->size)
			u->size = share;
	}
}

static void most_read(const struct pack_world *w, int64_t most[N_DIMS])
{
	for (size_t d = 0; d < N_DIMS; d++) {
		const int64_t *v = d < N_PACK_RES ? w->cap[d] : w->room[d];

		most[d] = 0;
		for (uint32_t r = 0; r < w->nh; r++)
			if (v[r] > most[d])
				most[d] = v[r];
	}
}

/* Each base once, by index. */
static int bases_read(struct pack_world *w, struct pack_unit *u, uint32_t *to,
		      struct err *e)
{
	uint32_t n = 0, kept = 0;

	for (uint32_t i = 0; i < u->n; i++) {
		const struct pack_server *s = &w->in->servers[u->servers[i]];

		for (size_t b = 0; b < s->bases.n; b++) {
			to[n] = pack_map_get(&w->bases, s->bases.v[b]);
			if (to[n++] == PACK_NONE)
				return err_set(e, ERR_USAGE,
					       "server %s stands on base image "
					       "%s, which is not listed",
					       s->uuid, s->bases.v[b]);
		}
	}
	qsort(to, n, sizeof(*to), by_number);
	for (uint32_t i = 0; i < n; i++)
		if (!i || to[i] != to[kept - 1])
			to[kept++] = to[i];
	u->bases = to;
	u->n_bases = kept;
	return 0;
}

static int all_bases(struct pack_world *w, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < w->in->n_servers; i++)
		n += w->in->servers[i].bases.n;
	w->unit_bases = MEM_NEW_N(uint32_t, n + 1);
	n = 0;
	for (uint32_t u = 0; u < w->n_units; u++) {
		struct pack_unit *t = &w->units[u];

		if (bases_read(w, t, w->unit_bases + n, e))
			return -1;
		for (uint32_t i = 0; i < t->n; i++)
			n += w->in->servers[t->servers[i]].bases.n;
	}
	return 0;
}

/* ---- who may take them */

static void server_row(const struct pack_world *w, uint32_t i, uint64_t *row)
{
	const struct pack_server *s = &w->in->servers[i];
	uint32_t src = pack_map_get(&w->hosts, s->source);
	uint32_t g = pack_map_get(&w->groups, s->group);

	for (uint32_t a = w->own_at[i]; a < w->own_at[i + 1]; a++)
		for (uint32_t k = 0; k < w->words; k++)
			row[k] &= pack_row(w, w->atom_rows, w->own[a])[k];
	if (src != PACK_NONE)
		bits_drop(row, src);
	if (g != PACK_NONE && w->sets[g].rule == PACK_AFFINITY &&
	    w->sets[g].bound)
		for (uint32_t k = 0; k < w->words; k++)
			row[k] &= w->sets[g].there[k];
	for (size_t d = 0; d < N_PACK_RES; d++) {
		int64_t need = pack_clamp(s->need[d]);

		for (uint32_t r = 0; need && r < w->nh; r++)
			if (need > w->unit_max[d][r])
				bits_drop(row, r);
	}
}

static void row_read(const struct pack_world *w, struct pack_unit *u)
{
	uint32_t g =
		pack_map_get(&w->groups, w->in->servers[u->servers[0]].group);

	memcpy(u->row, w->usable, w->words * sizeof(*u->row));
	for (uint32_t i = 0; i < u->n; i++)
		server_row(w, u->servers[i], u->row);
	for (uint32_t k = 0; k < w->words; k++)
		u->n_allowed += (uint32_t)__builtin_popcountll(u->row[k]);
	u->group = PACK_NONE;
	if (g != PACK_NONE && w->sets[g].rule != PACK_AFFINITY)
		u->group = g;
}

int pack_units_make(struct pack_world *w, bool together, struct err *e)
{
	size_t n = w->in->n_servers;
	AUTO(mem_freep) struct named *v = MEM_NEW_N(struct named, n + 1);
	AUTO(mem_freep) uint32_t *of = NULL;
	int64_t most[N_DIMS];

	for (size_t i = 0; i < n; i++)
		v[i] = (struct named){w->in->servers[i].uuid, (uint32_t)i};
	qsort(v, n, sizeof(*v), by_uuid);
	of = assign(w, together, v);
	deal(w, v, of);
	if (all_bases(w, e))
		return -1;
	most_read(w, most);
	w->unit_rows = MEM_NEW_N(uint64_t, (size_t)w->n_units * w->words + 1);
	for (uint32_t u = 0; u < w->n_units; u++) {
		w->units[u].row = w->unit_rows + (size_t)u * w->words;
		needs_read(w->in, &w->units[u]);
		size_read(&w->units[u], most);
		row_read(w, &w->units[u]);
	}
	qsort(w->units, w->n_units, sizeof(*w->units), by_weight);
	return 0;
}
