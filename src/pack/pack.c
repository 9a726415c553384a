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
#define REPAIR_VISITS UINT64_C(20000000) /* of one run */
#define ALL_VISITS UINT64_C(120000000)	 /* begins no run beyond this */
#define UNIT_VISITS UINT64_C(2000000)	 /* to place one unit */
#define SEARCH_VISITS UINT64_C(4000000)
#define SEARCH_UNITS 200
#define RUNS 16

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
	share = REPAIR_VISITS - *repaired;
	if (share > UNIT_VISITS)
		share = UNIT_VISITS;
	pack_repair_unit(s,
			 &(struct pack_repair){.policy = policy,
					       .limit = before + share,
					       .pinned = j->pinned},
			 u);
	*repaired += s->visits - before;
}

/* One run; keeps the result if it is better.  true: nothing is left. */
static bool run(struct job *j, enum pack_policy policy)
{
	AUTO(pack_state_freep) struct pack_state *s = pack_state_new(j->w);
	uint64_t repaired = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < j->w->n_units; i++)
		if (!j->hopeless[j->order[i]])
			place_unit(j, s, j->order[i], policy, &repaired);
	j->visits += s->visits;
	if (pack_score_compare(&j->score, j->w, s->at, j->at) > 0)
		memcpy(j->at, s->at, j->w->n_units * sizeof(*s->at));
	/* What was left out comes first next time, within its priority. */
	for (uint32_t from = 0, to; from < j->w->n_units; from = to) {
		AUTO(mem_freep) uint32_t *v = NULL;
		uint32_t level = j->score.level[j->order[from]];

		for (to = from; to < j->w->n_units &&
				j->score.level[j->order[to]] == level;)
			to++;
		v = mem_dup(j->order + from, (to - from) * sizeof(*v));
		n = from;
		for (uint32_t pass = 0; pass < 2; pass++)
			for (uint32_t i = 0; i < to - from; i++)
				if ((s->at[v[i]] != PACK_NOWHERE) == pass)
					j->order[n++] = v[i];
	}
	return complete(j, j->at);
}

static void solve(struct job *j, enum pack_policy policy)
{
	bool done = run(j, policy);

	for (unsigned i = 1; !done && i < RUNS && j->visits < ALL_VISITS; i++)
		done = run(j, i % 2 ? PACK_FILL : policy);
	if (!done && j->w->n_units <= SEARCH_UNITS)
		done = pack_search(j->w, &j->score, j->at, SEARCH_VISITS);
	j->proved = done;
}

/* ---- the result */

static int32_t server_host(const struct pack_world *w, int32_t rank)
{
	return rank == PACK_NOWHERE ? PACK_NOWHERE : (int32_t)w->host[rank];
}

static int by_place(const void *a, const void *b)
{
	const struct pack_copy *x = a, *y = b;

	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	return x->base < y->base ? -1 : x->base > y->base;
}

static void copies_read(const struct pack_state *s, struct pack_out *out)
{
	const struct pack_world *w = s->w;

	out->copies = MEM_NEW_N(struct pack_copy, s->refs.n + 1);
	for (size_t i = 0; i < s->refs.cap; i++) {
		uint64_t key = s->refs.key[i] - 1;
		struct pack_copy *c = &out->copies[out->n_copies];

		if (!s->refs.key[i] || !s->refs.value[i])
			continue;
		c->base = (size_t)(key >> 32);
		c->host = (int32_t)w->host[(uint32_t)key];
		c->servers = 0;
		out->n_copies++;
		out->bytes += w->in->bases[c->base].bytes;
		out->load[c->host].bytes += w->in->bases[c->base].bytes;
	}
	qsort(out->copies, out->n_copies, sizeof(*out->copies), by_place);
}

/* Servers, not units: members of a set may stand on the same base. */
static void copies_count(const struct pack_world *w, struct pack_out *out,
			 const struct pack_server *srv, int32_t host)
{
	for (size_t i = 0; i < srv->bases.n; i++) {
		struct pack_copy key = {
			.base = pack_map_get(&w->bases, srv->bases.v[i]),
			.host = host,
		};
		struct pack_copy *c =
			bsearch(&key, out->copies, out->n_copies,
				sizeof(key), by_place);

		if (c)
			c->servers++;
	}
}

static void loads_read(const struct pack_state *s, struct pack_out *out)
{
	const struct pack_world *w = s->w;
	const struct pack_in *in = w->in;

	for (uint32_t i = 0; i < w->nh; i++)
		for (size_t d = 0; d < N_PACK_RES; d++)
			out->load[i].used[d] = in->hosts[i].inv[d].used;
	copies_read(s, out);
	for (size_t i = 0; i < in->n_servers; i++) {
		const struct pack_server *srv = &in->servers[i];
		struct pack_load *l;

		if (out->host[i] == PACK_NOWHERE)
			continue;
		l = &out->load[out->host[i]];
		l->servers++;
		for (size_t d = 0; d < N_PACK_RES; d++)
			l->used[d] += srv->need[d];
		l->bytes += srv->bytes;
		out->bytes += srv->bytes;
		out->placed++;
		copies_count(w, out, srv, out->host[i]);
	}
}

static struct pack_out *out_new(const struct pack_state *s)
{
	const struct pack_world *w = s->w;
	struct pack_out *out = MEM_NEW(struct pack_out);

	out->host = MEM_NEW_N(int32_t, w->in->n_servers + 1);
	out->load = MEM_NEW_N(struct pack_load, w->nh + 1);
	for (uint32_t u = 0; u < w->n_units; u++)
		for (uint32_t i = 0; i < w->units[u].n; i++)
			out->host[w->units[u].servers[i]] =
				server_host(w, s->at[u]);
	loads_read(s, out);
	return out;
}

static int by_server(const void *a, const void *b)
{
	const struct pack_refusal *x = a, *y = b;

	return x->server < y->server ? -1 : x->server > y->server;
}

static void refusals_sort(struct pack_out *out)
{
	if (out->n_no)
		qsort(out->no, out->n_no, sizeof(*out->no), by_server);
}

static struct pack_out *result(const struct job *j)
{
	AUTO(pack_state_freep) struct pack_state *s = pack_state_new(j->w);
	struct pack_out *out;

	for (uint32_t u = 0; u < j->w->n_units; u++)
		if (j->at[u] != PACK_NOWHERE)
			pack_state_put(s, u, j->at[u]);
	out = out_new(s);
	for (uint32_t u = 0; u < j->w->n_units; u++)
		if (j->at[u] == PACK_NOWHERE)
			pack_refuse(s, u, j->hopeless[u], out);
	refusals_sort(out);
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
	out = result(&j);
	job_clear(&j);
	return out;
}

void pack_free(struct pack_out *out)
{
	if (!out)
		return;
	for (size_t i = 0; i < out->n_no; i++)
		mem_free(out->no[i].v);
	mem_free(out->no);
	mem_free(out->copies);
	mem_free(out->load);
	mem_free(out->host);
	mem_free(out);
}
