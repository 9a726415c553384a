/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an arrangement is worth, and the search through all of them: depth
 * first, cut off where what is left could not beat the best that was seen.
 */
#include <stdlib.h>
#include <string.h>

#include "pack/pack_priv.h"

/* ---- worth */

void pack_score_init(struct pack_score *c, const struct pack_world *w)
{
	c->level = MEM_NEW_N(uint32_t, w->n_units + 1);
	for (uint32_t u = 0; u < w->n_units; u++) {
		if (u && w->units[u].priority != w->units[u - 1].priority)
			c->n++;
		c->level[u] = (uint32_t)c->n;
	}
	c->n++;
	c->weight = MEM_NEW_N(uint64_t, c->n);
	for (uint32_t u = 0; u < w->n_units; u++)
		c->weight[c->level[u]] += w->units[u].n;
}

void pack_score_clear(struct pack_score *c)
{
	mem_free(c->level);
	mem_free(c->weight);
}

int pack_score_compare(const struct pack_score *c, const struct pack_world *w,
		       const int32_t *a, const int32_t *b)
{
	int64_t diff = 0;

	/* Units are sorted by level. */
	for (uint32_t u = 0; u < w->n_units; u++) {
		if (u && c->level[u] != c->level[u - 1] && diff)
			break;
		diff += a[u] != PACK_NOWHERE ? w->units[u].n : 0;
		diff -= b[u] != PACK_NOWHERE ? w->units[u].n : 0;
	}
	return diff < 0 ? -1 : diff > 0;
}

/* ---- search */

struct search {
	struct pack_state *s;
	const struct pack_score *c;
	uint32_t *order;
	uint32_t n;
	uint64_t *have, *left, *best; /* servers of each level */
	int32_t *at;
	uint64_t limit;
};

/* Can what is there, with all that is left, beat the best? */
static bool hopeful(const struct search *x)
{
	for (size_t i = 0; i < x->c->n; i++) {
		uint64_t most = x->have[i] + x->left[i];

		if (most != x->best[i])
			return most > x->best[i];
	}
	return false;
}

/* Like the one before in everything that counts: the second of the two need
 * not look at hosts before the first's. */
static bool alike(const struct pack_world *w, uint32_t a, uint32_t b)
{
	const struct pack_unit *x = &w->units[a], *y = &w->units[b];

	return x->n == y->n && x->priority == y->priority &&
	       x->group == y->group && x->n_bases == y->n_bases &&
	       !memcmp(x->need, y->need, sizeof(x->need)) &&
	       !memcmp(x->bases, y->bases, x->n_bases * sizeof(*x->bases)) &&
	       !memcmp(x->row, y->row, w->words * sizeof(*x->row));
}

static void keep(struct search *x)
{
	const struct pack_world *w = x->s->w;

	memcpy(x->at, x->s->at, w->n_units * sizeof(*x->at));
	memcpy(x->best, x->have, x->c->n * sizeof(*x->best));
}

/* false: out of time. */
static bool descend(struct search *x, uint32_t i)
{
	const struct pack_world *w = x->s->w;
	uint32_t u = i < x->n ? x->order[i] : 0, level = x->c->level[u];
	uint32_t servers = w->units[u].n, from = 0;
	size_t mark = x->s->n_trail;
	bool ok = true;

	if (!hopeful(x))
		return true;
	if (i == x->n) {
		keep(x);
		return true;
	}
	if (i && alike(w, x->order[i - 1], u))
		from = (uint32_t)x->s->at[x->order[i - 1]]; /* or beyond all */
	x->left[level] -= servers;
	x->have[level] += servers;
	for (uint32_t r = from; r < w->nh && ok; r++) {
		if (x->s->visits > x->limit)
			ok = false;
		if (!ok || !pack_state_fits(x->s, u, r))
			continue;
		pack_state_put(x->s, u, (int32_t)r);
		ok = descend(x, i + 1);
		pack_state_undo(x->s, mark);
	}
	x->have[level] -= servers;
	ok = ok && descend(x, i + 1);
	x->left[level] += servers;
	return ok;
}

struct pick {
	uint32_t unit, level, allowed;
};

/* Of a level, the ones with the least choice first. */
static int by_choice(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->allowed != y->allowed)
		return x->allowed < y->allowed ? -1 : 1;
	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

static void order_make(struct search *x)
{
	const struct pack_world *w = x->s->w;
	AUTO(mem_freep) struct pick *v = MEM_NEW_N(struct pick, w->n_units + 1);

	x->order = MEM_NEW_N(uint32_t, w->n_units + 1);
	for (uint32_t u = 0; u < w->n_units; u++)
		if (w->units[u].n_allowed)
			v[x->n++] = (struct pick){u, x->c->level[u],
						  w->units[u].n_allowed};
	qsort(v, x->n, sizeof(*v), by_choice);
	for (uint32_t i = 0; i < x->n; i++) {
		x->order[i] = v[i].unit;
		x->left[v[i].level] += w->units[v[i].unit].n;
	}
}

bool pack_search(const struct pack_world *w, const struct pack_score *c,
		 int32_t *at, uint64_t limit)
{
	AUTO(pack_state_freep) struct pack_state *s = pack_state_new(w);
	AUTO(mem_freep) uint64_t *counts = MEM_NEW_N(uint64_t, 3 * c->n);
	struct search x = {
		.s = s,
		.c = c,
		.have = counts,
		.left = counts + c->n,
		.best = counts + 2 * c->n,
		.at = at,
		.limit = limit,
	};
	bool all;

	order_make(&x);
	for (uint32_t u = 0; u < w->n_units; u++)
		if (at[u] != PACK_NOWHERE)
			x.best[c->level[u]] += w->units[u].n;
	all = descend(&x, 0);
	mem_free(x.order);
	return all;
}
