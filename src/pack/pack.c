/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing: runs over all units, each with another order, until one places
 * everything that can be placed; what came out as the caller sees it.
 */
#include "pack/pack.h"

#include <stdlib.h>
#include <string.h>

#include "pack/pack_priv.h"

/* Visits of hosts; 10^8 are about a second. */
#define ALL_VISITS UINT64_C(250000000)	 /* begins no run beyond this */
#define REPAIR_VISITS UINT64_C(20000000) /* of one run */
#define UNIT_VISITS 400			 /* of each host, to place one unit */
#define UNIT_LEAST UINT64_C(200000)
#define SEARCH_VISITS UINT64_C(4000000)
#define SEARCH_UNITS 200
#define RUNS 24

struct job {
	struct pack_world *w;
	struct pack_score score;
	uint8_t *hopeless; /* units that fit nowhere, even alone */
	uint8_t *pinned;
	uint32_t *order;
	int32_t *at; /* the best so far */
	uint64_t visits;
	bool proved;
};

/* ---- runs */

static void job_init(struct job *j)
{
	struct pack_world *w = j->w;
	AUTO(pack_state_freep) struct pack_state *s = pack_state_new(w);

	pack_score_init(&j->score, w);
	j->hopeless = MEM_NEW_N(uint8_t, w->n_units + 1);
	j->pinned = MEM_NEW_N(uint8_t, w->n_units + 1);
	j->order = MEM_NEW_N(uint32_t, w->n_units + 1);
	j->at = MEM_NEW_N(int32_t, w->n_units + 1);
	for (uint32_t u = 0; u < w->n_units; u++) {
		uint32_t r = 0;

		while (r < w->nh && !pack_state_fits(s, u, r))
			r++;
		j->hopeless[u] = r == w->nh;
		j->order[u] = u;
		j->at[u] = PACK_NOWHERE;
	}
}

static void job_clear(struct job *j)
{
	pack_score_clear(&j->score);
	mem_free(j->hopeless);
	mem_free(j->pinned);
	mem_free(j->order);
	mem_free(j->at);
	pack_world_free(j->w);
}

static bool complete(const struct job *j, const int32_t *at)
{
	for (uint32_t u = 0; u < j->w->n_units; u++)
		if (at[u] == PACK_NOWHERE && !j->hopeless[u])
			return false;
	return true;
}

static void place_unit(struct job *j, struct pack_state *s, uint32_t u,
		       enum pack_policy policy, uint64_t *repaired)
{
	int32_t to = pack_state_best(s, u, policy);
	uint64_t before = s->visits, share;

	if (to != PACK_NOWHERE) {
		pack_state_put(s, u, to);
		return;
	}
	if (*repaired >= REPAIR_VISITS)
		return;
	share = (uint64_t)UNIT_VISITS * j->w->nh;
	if (share < UNIT_LEAST)
		share = UNIT_LEAST;
	if (share > REPAIR_VISITS - *repaired)
		share = REPAIR_VISITS - *repaired;
	pack_repair_unit(s,
			 &(struct pack_repair){.policy = policy,
					       .limit = before + share,
					       .pinned = j->pinned},
			 u);
	*repaired += s->visits - before;
}

/* What later repairs made room for. */
static void top_up(const struct job *j, struct pack_state *s,
		   enum pack_policy policy)
{
	for (uint32_t u = 0; u < j->w->n_units; u++) {
		int32_t to;

		if (s->at[u] != PACK_NOWHERE || j->hopeless[u])
			continue;
		to = pack_state_best(s, u, policy);
		if (to != PACK_NOWHERE)
			pack_state_put(s, u, to);
	}
}

/* What was left out comes first next time, within its priority. */
static void reorder(struct job *j, const int32_t *at)
{
	uint32_t n = j->w->n_units, k = 0;
	AUTO(mem_freep)
	uint32_t *was = mem_dup(j->order, (n + 1) * sizeof(*was));

	for (uint32_t from = 0, to; from < n; from = to) {
		uint32_t level = j->score.level[was[from]];

		for (to = from; to < n && j->score.level[was[to]] == level;
		     to++)
			if (at[was[to]] == PACK_NOWHERE)
				j->order[k++] = was[to];
		for (uint32_t i = from; i < to; i++)
			if (at[was[i]] != PACK_NOWHERE)
				j->order[k++] = was[i];
	}
}

/* One run; keeps the result if it is better.  true: nothing is left. */
static bool run(struct job *j, enum pack_policy policy)
{
	AUTO(pack_state_freep) struct pack_state *s = pack_state_new(j->w);
	uint64_t repaired = 0;

	for (uint32_t i = 0; i < j->w->n_units; i++)
		if (!j->hopeless[j->order[i]])
			place_unit(j, s, j->order[i], policy, &repaired);
	top_up(j, s, policy);
	j->visits += s->visits;
	if (pack_score_compare(&j->score, j->w, s->at, j->at) > 0)
		memcpy(j->at, s->at, j->w->n_units * sizeof(*s->at));
	reorder(j, s->at);
	return complete(j, j->at);
}

/* Small ones first within each priority: where there is too little for all,
 * more of them find room. */
static void order_small(struct job *j)
{
	uint32_t n = j->w->n_units;

	for (uint32_t from = 0, to; from < n; from = to) {
		to = from;
		while (to < n && j->score.level[to] == j->score.level[from])
			to++;
		for (uint32_t i = from; i < to; i++)
			j->order[i] = to - 1 - (i - from);
	}
}

static void solve(struct job *j, enum pack_policy policy)
{
	enum pack_policy other = policy == PACK_FILL ? PACK_SPREAD : PACK_FILL;
	bool done = run(j, policy);

	for (unsigned i = 1; !done && i < RUNS && j->visits < ALL_VISITS; i++) {
		if (i == 3)
			order_small(j);
		done = run(j, i % 2 ? policy : other);
	}
	if (!done && j->w->n_units <= SEARCH_UNITS)
		done = pack_search(j->w, &j->score, j->at, SEARCH_VISITS);
	j->proved = done;
}

/* ---- the result */

static struct pack_out *result(const struct job *j, enum pack_policy policy)
{
	AUTO(pack_state_freep) struct pack_state *s = pack_state_new(j->w);
	struct pack_out *out;

	for (uint32_t u = 0; u < j->w->n_units; u++)
		if (j->at[u] != PACK_NOWHERE)
			pack_state_put(s, u, j->at[u]);
	top_up(j, s, policy);
	out = pack_out_new(s);
	for (uint32_t u = 0; u < j->w->n_units; u++)
		if (s->at[u] == PACK_NOWHERE)
			pack_refuse(s, u, j->hopeless[u], out);
	pack_refusals_sort(out);
	out->proved = out->n_no && j->proved;
	return out;
}

struct pack_out *pack_run(const struct pack_in *in, struct err *e)
{
	struct job j = {.w = pack_world_new(in, true, e)};
	struct pack_out *out;

	if (!j.w)
		return NULL;
	job_init(&j);
	solve(&j, in->policy);
	out = result(&j, in->policy);
	job_clear(&j);
	return out;
}
