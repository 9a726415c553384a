/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for a unit that found none, by moving what was placed before it.  Only
 * what the plan itself put somewhere is moved, and only if it finds another
 * host: a repair never takes a host from anybody.
 */
#include <stdlib.h>

#include "pack/pack_priv.h"

#define HOSTS_TRIED 24 /* those that lack least */
#define UNITS_TRIED 96 /* on each */
#define AT_ONCE 6      /* moved together from one host */
#define DEPTH 2	       /* moved to make room for the moved */

struct near {
	uint64_t lack;
	uint32_t rank;
};

/* The hosts of its row that lack least and have something to move. */
static size_t nearest(struct pack_state *s, uint32_t u, struct near *v)
{
	const uint64_t *row = s->w->units[u].row;
	size_t n = 0;

	s->visits += s->w->nh;
	for (uint32_t r = 0; r < s->w->nh; r++) {
		uint64_t lack;
		size_t i;

		if (!bits_has(row, r) || s->head[r] == PACK_NONE)
			continue;
		lack = pack_state_short(s, u, r);
		if (n == HOSTS_TRIED && lack >= v[n - 1].lack)
			continue;
		i = n < HOSTS_TRIED ? n++ : n - 1;
		for (; i && v[i - 1].lack > lack; i--)
			v[i] = v[i - 1];
		v[i] = (struct near){lack, r};
	}
	return n;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* What may be moved away from the host, the largest first. */
static size_t movable(const struct pack_state *s, const struct pack_repair *r,
		      uint32_t rank, uint32_t *v)
{
	size_t n = 0;

	for (uint32_t u = s->head[rank]; u != PACK_NONE && n < UNITS_TRIED;
	     u = s->next[u])
		if (!r->pinned[u])
			v[n++] = u;
	if (n)
		qsort(v, n, sizeof(*v), by_number);
	return n;
}

static bool place(struct pack_state *s, const struct pack_repair *r, uint32_t u,
		  unsigned depth);

/* U to the host where V was, V elsewhere. */
static bool swap_one(struct pack_state *s, const struct pack_repair *r,
		     uint32_t u, uint32_t rank, uint32_t v, unsigned depth)
{
	size_t mark = s->n_trail;
	bool done = false;

	pack_state_put(s, v, PACK_NOWHERE);
	if (pack_state_fits(s, u, rank)) {
		pack_state_put(s, u, (int32_t)rank);
		r->pinned[u]++;
		done = place(s, r, v, depth - 1);
		r->pinned[u]--;
	}
	if (!done)
		pack_state_undo(s, mark);
	return done;
}

/* Small ones go until it fits; then each finds a host, the largest first. */
static bool swap_many(struct pack_state *s, const struct pack_repair *r,
		      uint32_t u, uint32_t rank, const uint32_t *v, size_t n)
{
	size_t mark = s->n_trail, first = n;

	while (first && n - first < AT_ONCE && !pack_state_fits(s, u, rank))
		pack_state_put(s, v[--first], PACK_NOWHERE);
	if (!pack_state_fits(s, u, rank)) {
		pack_state_undo(s, mark);
		return false;
	}
	pack_state_put(s, u, (int32_t)rank);
	for (; first < n; first++) {
		int32_t to = pack_state_best(s, v[first], r->policy);

		if (to == PACK_NOWHERE) {
			pack_state_undo(s, mark);
			return false;
		}
		pack_state_put(s, v[first], to);
	}
	return true;
}

static bool make_room(struct pack_state *s, const struct pack_repair *r,
		      uint32_t u, uint32_t rank, unsigned depth)
{
	uint32_t v[UNITS_TRIED];
	size_t n = movable(s, r, rank, v);

	for (size_t i = 0; i < n; i++) {
		if (s->visits > r->limit)
			return false;
		if (swap_one(s, r, u, rank, v[i], depth))
			return true;
	}
	return swap_many(s, r, u, rank, v, n);
}

/* DEPTH 0: only where there is room. */
static bool place(struct pack_state *s, const struct pack_repair *r, uint32_t u,
		  unsigned depth)
{
	int32_t to = pack_state_best(s, u, r->policy);
	struct near v[HOSTS_TRIED];
	size_t n;

	if (to != PACK_NOWHERE) {
		pack_state_put(s, u, to);
		return true;
	}
	if (!depth)
		return false;
	n = nearest(s, u, v);
	for (size_t i = 0; i < n && s->visits <= r->limit; i++)
		if (make_room(s, r, u, v[i].rank, depth))
			return true;
	return false;
}

bool pack_repair_unit(struct pack_state *s, const struct pack_repair *r,
		      uint32_t u)
{
	for (unsigned depth = 1; depth <= DEPTH && s->visits <= r->limit;
	     depth++)
		if (place(s, r, u, depth))
			return true;
	return false;
}
