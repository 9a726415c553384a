/* SPDX-License-Identifier: Apache-2.0 */
/* What a state looks like to the caller, and edited assignments. */
#include <stdlib.h>
#include <string.h>

#include "pack/pack_priv.h"

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
		struct pack_copy *c = bsearch(&key, out->copies, out->n_copies,
					      sizeof(key), by_place);

		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = !strcmp(srv->bases.v[k], srv->bases.v[i]);
		if (c && !again)
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

struct pack_out *pack_out_new(const struct pack_state *s)
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

/* ---- refusals */

void pack_refusal_add(struct pack_out *out, const struct pack_refusal *no)
{
	struct pack_refusal *to;

	/* Room for a power of two. */
	if (!(out->n_no & (out->n_no - 1)))
		out->no = mem_realloc(out->no, out->n_no ? out->n_no * 2 : 1,
				      sizeof(*out->no));
	to = &out->no[out->n_no++];
	*to = *no;
	to->v = mem_realloc(NULL, no->n + 1, sizeof(*no->v));
	if (no->n)
		memcpy(to->v, no->v, no->n * sizeof(*no->v));
}

static int by_server(const void *a, const void *b)
{
	const struct pack_refusal *x = a, *y = b;

	return x->server < y->server ? -1 : x->server > y->server;
}

void pack_refusals_sort(struct pack_out *out)
{
	if (out->n_no)
		qsort(out->no, out->n_no, sizeof(*out->no), by_server);
}

/* ---- an edited assignment */

/* Where the first member of each affinity set goes: the others must, too. */
static int32_t *meeting_points(const struct pack_world *w, const int32_t *host)
{
	int32_t *at = MEM_NEW_N(int32_t, w->in->n_groups + 1);

	for (size_t g = 0; g < w->in->n_groups; g++)
		at[g] = PACK_NOWHERE;
	for (uint32_t u = 0; u < w->n_units; u++) {
		uint32_t i = w->units[u].servers[0];
		uint32_t g = pack_map_get(&w->groups, w->in->servers[i].group);

		if (g != PACK_NONE && w->sets[g].rule == PACK_AFFINITY &&
		    at[g] == PACK_NOWHERE)
			at[g] = host[i];
	}
	return at;
}

static void refuse_one(struct pack_out *out, uint32_t i, bool alone,
		       const struct pack_obstacle *o)
{
	struct pack_obstacle v = *o;

	pack_refusal_add(out,
			 &(struct pack_refusal){
				 .server = i, .alone = alone, .v = &v, .n = 1});
}

/* What is refused stays out of the state: the rest is judged without it. */
static void check_unit(struct pack_state *s, const struct pack_state *fresh,
		       uint32_t u, int32_t host, int32_t meet,
		       struct pack_out *no)
{
	const struct pack_world *w = s->w;
	uint32_t i = w->units[u].servers[0];
	struct pack_obstacle o = {.host = host, .hosts = 1}, alone = {0};
	bool apart = pack_in_rule(w, i, PACK_AFFINITY) && meet != host;

	if (host == PACK_NOWHERE) {
		o.why = PACK_BIT(PACK_NO_HOST);
		if (apart)
			refuse_one(no, i, false, &o);
		return;
	}
	pack_why_not(s, u, w->rank[host], &o);
	if (apart)
		o.why |= PACK_BIT(PACK_GROUP_TOGETHER);
	if (o.why)
		refuse_one(no, i,
			   pack_why_not(fresh, u, w->rank[host], &alone) != 0,
			   &o);
	else
		pack_state_put(s, u, (int32_t)w->rank[host]);
}

static struct pack_out *check(const struct pack_world *w, const int32_t *host)
{
	AUTO(pack_state_freep) struct pack_state *s = pack_state_new(w);
	AUTO(pack_state_freep) struct pack_state *fresh = pack_state_new(w);
	AUTO(mem_freep) int32_t *meet = meeting_points(w, host);
	struct pack_out no = {0}, *out;

	for (uint32_t u = 0; u < w->n_units; u++) {
		uint32_t i = w->units[u].servers[0];
		uint32_t g = pack_map_get(&w->groups, w->in->servers[i].group);

		check_unit(s, fresh, u, host[i],
			   g == PACK_NONE ? PACK_NOWHERE : meet[g], &no);
	}
	out = pack_out_new(s);
	out->no = no.no;
	out->n_no = no.n_no;
	pack_refusals_sort(out);
	return out;
}

struct pack_out *pack_check(const struct pack_in *in, const int32_t *host,
			    struct err *e)
{
	AUTO(pack_world_freep) struct pack_world *w = NULL;

	for (size_t i = 0; i < in->n_servers; i++)
		if (host[i] < PACK_NOWHERE ||
		    (host[i] >= 0 && (size_t)host[i] >= in->n_hosts)) {
			err_set(e, ERR_USAGE,
				"server %zu is assigned to host %d of %zu", i,
				(int)host[i], in->n_hosts);
			return NULL;
		}
	w = pack_world_new(in, false, e);
	return w ? check(w, host) : NULL;
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
