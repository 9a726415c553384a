/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts and servers with plenty of everything, names in short, and a judge
 * that knows nothing of how pack/ works: it reads the header's promises off
 * the structs, host by host, and tries every arrangement where few are.
 */
#ifndef NH_TESTS_PACK_LAB_H
#define NH_TESTS_PACK_LAB_H

#include "unit/unit.h"

#include "core/str.h"
#include "pack/pack.h"

#define NAMES(...)                                                             \
	((struct strv){(char **)(const char *[]){__VA_ARGS__},                 \
		       sizeof((const char *[]){__VA_ARGS__}) /                 \
			       sizeof(char *)})
#define GB 1024

static inline struct pack_host lab_host(const char *name)
{
	return (struct pack_host){
		.name = name,
		.up = true,
		.enabled = true,
		.zone = "nova",
		.inv = {{.total = 32, .ratio = 4000000, .max_unit = 32},
			{.total = 128 * GB, .max_unit = 128 * GB},
			{.total = 1000 * GB}},
		.free_bytes = PACK_BYTES_UNKNOWN,
		.arch = "x86_64",
		.config_drive = "iso9660",
		.images_type = "qcow2",
		.hypervisor = 7002000,
	};
}

static inline struct pack_server lab_server(const char *uuid)
{
	return (struct pack_server){
		.uuid = uuid,
		.source = "old",
		.need = {2, 4 * GB, 10 * GB},
		.bytes = 1 << 20,
	};
}

static inline struct pack_in lab_in(const struct pack_host *h, size_t n_h,
				    const struct pack_server *s, size_t n_s)
{
	return (struct pack_in){
		.hosts = h, .n_hosts = n_h, .servers = s, .n_servers = n_s};
}

static inline struct pack_out *lab_run(const struct pack_in *in)
{
	struct err e = ERR_INIT;
	struct pack_out *out = pack_run(in, &e);

	if (!out)
		fail_msg("pack_run: %s", err_msg(&e));
	return out;
}

static inline struct pack_out *lab_check(const struct pack_in *in,
					 const int32_t *host)
{
	struct err e = ERR_INIT;
	struct pack_out *out = pack_check(in, host, &e);

	if (!out)
		fail_msg("pack_check: %s", err_msg(&e));
	return out;
}

/* ---- numbers that look random, the same on every machine */

struct lab_dice {
	uint64_t x;
};

static inline uint64_t lab_roll(struct lab_dice *d, uint64_t n)
{
	uint64_t z = d->x += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % n;
}

/* ---- the judge */

static inline const struct pack_group *lab_group(const struct pack_in *in,
						 const char *id)
{
	for (size_t g = 0; id && g < in->n_groups; g++)
		if (str_is(in->groups[g].id, id))
			return &in->groups[g];
	return NULL;
}

static inline bool lab_all(const struct strv *want, const struct strv *have)
{
	for (size_t i = 0; i < want->n; i++)
		if (!strv_has(have, want->v[i]))
			return false;
	return true;
}

static inline bool lab_none(const struct strv *want, const struct strv *have)
{
	for (size_t i = 0; i < want->n; i++)
		if (strv_has(have, want->v[i]))
			return false;
	return true;
}

static inline bool lab_same(const char *want, const char *has)
{
	return !want || str_is(want, has);
}

/* Equality is all that the random worlds ask of aggregates. */
static inline bool lab_meta(const struct pack_server *s,
			    const struct pack_host *h)
{
	for (size_t w = 0; w < s->n_wants; w++) {
		bool found = false;

		for (size_t m = 0; m < h->n_meta; m++)
			found |= str_is(h->meta[m].key, s->wants[w].key) &&
				 str_is(h->meta[m].value, s->wants[w].value);
		if (!found)
			return false;
	}
	return true;
}

static inline bool lab_suits(const struct pack_server *s,
			     const struct pack_host *h)
{
	for (size_t d = 0; d < N_PACK_RES; d++)
		if (s->need[d] && h->inv[d].max_unit &&
		    s->need[d] > h->inv[d].max_unit)
			return false;
	return h->up && h->enabled && !h->why_not &&
	       !str_is(s->source, h->name) &&
	       (!s->only.n || strv_has(&s->only, h->name)) &&
	       !strv_has(&s->avoid, h->name) && lab_same(s->zone, h->zone) &&
	       lab_same(s->arch, h->arch) &&
	       (!s->cpu || strv_has(&h->cpus, s->cpu)) &&
	       lab_all(&s->flags, &h->flags) &&
	       (!s->machine || strv_has(&h->machines, s->machine)) &&
	       lab_all(&s->traits, &h->traits) &&
	       lab_none(&s->traits_not, &h->traits) &&
	       lab_same(s->config_drive, h->config_drive) &&
	       lab_same(s->images_type, h->images_type) &&
	       h->hypervisor >= s->hypervisor &&
	       (!s->project || !h->tenants.n ||
		strv_has(&h->tenants, s->project)) &&
	       lab_meta(s, h);
}

static inline uint64_t lab_base_bytes(const struct pack_in *in,
				      const int32_t *host, size_t h)
{
	uint64_t sum = 0;

	for (size_t b = 0; b < in->n_bases; b++) {
		bool wanted = false;

		for (size_t i = 0; i < in->n_servers; i++)
			wanted |= host[i] == (int32_t)h &&
				  strv_has(&in->servers[i].bases,
					   in->bases[b].name);
		if (wanted && !strv_has(&in->hosts[h].bases, in->bases[b].name))
			sum += in->bases[b].bytes;
	}
	return sum;
}

static inline bool lab_room(const struct pack_in *in, const int32_t *host,
			    size_t h)
{
	const struct pack_host *t = &in->hosts[h];
	uint64_t n = 0, bytes = 0, need[N_PACK_RES] = {0};

	for (size_t i = 0; i < in->n_servers; i++) {
		if (host[i] != (int32_t)h)
			continue;
		n++;
		bytes += in->servers[i].bytes;
		for (size_t d = 0; d < N_PACK_RES; d++)
			need[d] += in->servers[i].need[d];
	}
	for (size_t d = 0; d < N_PACK_RES; d++) {
		const struct pack_inv *v = &t->inv[d];
		double have = v->total > v->reserved
				      ? (double)(v->total - v->reserved)
				      : 0;

		have *= v->ratio ? (double)v->ratio / 1e6 : 1.0;
		if (need[d] && (double)(v->used + need[d]) > have + 1e-6)
			return false;
	}
	bytes += lab_base_bytes(in, host, h);
	if (bytes && t->free_bytes != PACK_BYTES_UNKNOWN &&
	    bytes + t->keep_bytes > t->free_bytes)
		return false;
	return (!n || !t->max_instances ||
		t->instances + n <= t->max_instances) &&
	       (!t->max_new || n <= t->max_new);
}

static inline bool lab_apart(const struct pack_in *in, const int32_t *host,
			     size_t i)
{
	const struct pack_group *g = lab_group(in, in->servers[i].group);
	const char *name = in->hosts[host[i]].name;
	uint64_t n = 0;

	if (!g || g->rule != PACK_ANTI_AFFINITY)
		return true;
	for (size_t t = 0; t < g->n_there; t++)
		if (str_is(g->there[t].host, name))
			n += g->there[t].count;
	for (size_t k = 0; k < in->n_servers; k++)
		if (str_is(in->servers[k].group, g->id))
			n += (host[k] == host[i]) +
			     str_is(in->servers[k].source, name);
	return n <= (g->max_per_host ? g->max_per_host : 1);
}

/* Of the first KNOWN servers, the rest are not decided yet. */
static inline bool lab_together(const struct pack_in *in, const int32_t *host,
				size_t i, size_t known)
{
	const struct pack_group *g = lab_group(in, in->servers[i].group);
	bool bound = false, there = false;

	if (!g || g->rule != PACK_AFFINITY)
		return true;
	for (size_t k = 0; k < known; k++)
		if (str_is(in->servers[k].group, g->id) && host[k] != host[i])
			return false;
	for (size_t t = 0; t < g->n_there && host[i] >= 0; t++) {
		bound |= g->there[t].count > 0;
		there |= g->there[t].count > 0 &&
			 str_is(g->there[t].host, in->hosts[host[i]].name);
	}
	return !bound || there;
}

/* Does it hold, as far as the first KNOWN servers go? */
static inline bool lab_holds(const struct pack_in *in, const int32_t *host,
			     size_t known)
{
	for (size_t i = 0; i < known; i++)
		if (!lab_together(in, host, i, known) ||
		    (host[i] >= 0 &&
		     (!lab_suits(&in->servers[i], &in->hosts[host[i]]) ||
		      !lab_apart(in, host, i))))
			return false;
	for (size_t h = 0; h < in->n_hosts; h++)
		if (!lab_room(in, host, h))
			return false;
	return true;
}

/* An affinity set has the highest of its members'. */
static inline int64_t lab_priority(const struct pack_in *in, size_t i)
{
	const struct pack_group *g = lab_group(in, in->servers[i].group);
	int64_t p = in->servers[i].priority;

	for (size_t k = 0; k < in->n_servers; k++)
		if (g && g->rule == PACK_AFFINITY &&
		    str_is(in->servers[k].group, g->id) &&
		    in->servers[k].priority > p)
			p = in->servers[k].priority;
	return p;
}

/* > 0: A places more, the highest priority first. */
static inline int lab_compare(const struct pack_in *in, const int32_t *a,
			      const int32_t *b, size_t n)
{
	int64_t at = INT64_MAX;

	for (;;) {
		int64_t next = INT64_MIN, diff = 0;

		for (size_t i = 0; i < n; i++) {
			int64_t p = lab_priority(in, i);

			if (p < at && p > next)
				next = p;
		}
		for (size_t i = 0; i < n; i++)
			if (lab_priority(in, i) == next)
				diff += (a[i] >= 0) - (b[i] >= 0);
		if (diff || next == INT64_MIN)
			return diff < 0 ? -1 : diff > 0;
		at = next;
	}
}

struct lab_brute {
	const struct pack_in *in;
	int32_t host[16], best[16];
};

static inline void lab_brute_from(struct lab_brute *b, size_t i)
{
	if (i == b->in->n_servers) {
		if (lab_compare(b->in, b->host, b->best, i) > 0)
			memcpy(b->best, b->host, sizeof(b->best));
		return;
	}
	for (int32_t h = (int32_t)b->in->n_hosts - 1; h >= PACK_NOWHERE; h--) {
		b->host[i] = h;
		if (lab_holds(b->in, b->host, i + 1))
			lab_brute_from(b, i + 1);
		b->host[i] = PACK_NOWHERE;
	}
}

/* The best of all arrangements. */
static inline void lab_brute(const struct pack_in *in, struct lab_brute *b)
{
	b->in = in;
	for (size_t i = 0; i < ARRAY_SIZE(b->host); i++)
		b->host[i] = b->best[i] = PACK_NOWHERE;
	lab_brute_from(b, 0);
}

#endif
