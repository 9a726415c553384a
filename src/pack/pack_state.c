/* SPDX-License-Identifier: Apache-2.0 */
/* Who is where, how much room that leaves, and which host is best. */
#include <string.h>

#include "pack/pack_priv.h"

/* ---- life */

static void *copy(const void *p, size_t n, size_t size)
{
	void *to = mem_calloc(n + 1, size);

	if (n)
		memcpy(to, p, n * size);
	return to;
}

static void sets_copy(struct pack_state *s)
{
	const struct pack_world *w = s->w;
	size_t n = w->in->n_groups;

	s->sets = copy(w->sets, n, sizeof(*s->sets));
	for (size_t i = 0; i < n; i++) {
		struct pack_set *t = &s->sets[i];

		t->cap = t->n_seats + 1;
		t->seats = copy(t->seats, t->n_seats, sizeof(*t->seats));
	}
}

struct pack_state *pack_state_new(const struct pack_world *w)
{
	struct pack_state *s = MEM_NEW(struct pack_state);

	s->w = w;
	s->at = MEM_NEW_N(int32_t, w->n_units + 1);
	for (uint32_t u = 0; u < w->n_units; u++)
		s->at[u] = PACK_NOWHERE;
	for (size_t d = 0; d < N_DIMS; d++)
		s->room[d] = copy(w->room[d], w->nh, sizeof(*s->room[d]));
	s->base_rows = copy(w->base_rows, w->in->n_bases * w->words,
			    sizeof(*s->base_rows));
	sets_copy(s);
	s->head = MEM_NEW_N(uint32_t, w->nh + 1);
	for (uint32_t r = 0; r < w->nh; r++)
		s->head[r] = PACK_NONE;
	s->next = MEM_NEW_N(uint32_t, w->n_units + 1);
	s->prev = MEM_NEW_N(uint32_t, w->n_units + 1);
	s->row = MEM_NEW_N(uint64_t, w->words);
	s->soft = MEM_NEW_N(int64_t, w->nh + 1);
	return s;
}

void pack_state_free(struct pack_state *s)
{
	if (!s)
		return;
	for (size_t d = 0; d < N_DIMS; d++)
		mem_free(s->room[d]);
	for (size_t i = 0; i < s->w->in->n_groups; i++)
		mem_free(s->sets[i].seats);
	pack_count_clear(&s->refs);
	mem_free(s->sets);
	mem_free(s->at);
	mem_free(s->base_rows);
	mem_free(s->head);
	mem_free(s->next);
	mem_free(s->prev);
	mem_free(s->trail);
	mem_free(s->row);
	mem_free(s->soft);
	mem_free(s);
}

void pack_state_freep(struct pack_state **s)
{
	pack_state_free(*s);
}

/* ---- room */

static bool has_base(const struct pack_state *s, uint32_t base, uint32_t rank)
{
	return bits_has(pack_row(s->w, s->base_rows, base), rank);
}

/* Its own bytes, and the bases that the host lacks. */
static int64_t bytes_needed(const struct pack_state *s,
			    const struct pack_unit *u, uint32_t rank)
{
	int64_t n = u->need[DIM_BYTES];

	for (uint32_t i = 0; i < u->n_bases; i++) {
		if (has_base(s, u->bases[i], rank))
			continue;
		n += s->w->base_bytes[u->bases[i]];
		if (n > PACK_HUGE)
			n = PACK_HUGE;
	}
	return n;
}

int64_t pack_state_lack(const struct pack_state *s, uint32_t u, uint32_t rank,
			enum pack_dim dim)
{
	const struct pack_unit *t = &s->w->units[u];
	int64_t need =
		dim == DIM_BYTES ? bytes_needed(s, t, rank) : t->need[dim];

	/* Of what it needs nothing, nothing can lack: a host may be over. */
	return need ? need - s->room[dim][rank] : 0;
}

static bool has_room(const struct pack_state *s, const struct pack_unit *u,
		     uint32_t rank, int64_t *bytes)
{
	for (size_t d = 0; d < N_DIMS; d++)
		if (d != DIM_BYTES && u->need[d] &&
		    u->need[d] > s->room[d][rank])
			return false;
	*bytes = bytes_needed(s, u, rank);
	return !*bytes || *bytes <= s->room[DIM_BYTES][rank];
}

uint64_t pack_state_seats(const struct pack_state *s, uint32_t group,
			  uint32_t rank)
{
	const struct pack_set *t = &s->sets[group];

	for (size_t i = 0; i < t->n_seats; i++)
		if (t->seats[i].rank == rank)
			return t->seats[i].count;
	return 0;
}

bool pack_state_fits(struct pack_state *s, uint32_t u, uint32_t rank)
{
	const struct pack_unit *t = &s->w->units[u];
	int64_t bytes;

	s->visits++;
	if (!bits_has(t->row, rank))
		return false;
	if (t->group != PACK_NONE &&
	    s->sets[t->group].rule == PACK_ANTI_AFFINITY &&
	    pack_state_seats(s, t->group, rank) >= s->sets[t->group].max)
		return false;
	return has_room(s, t, rank, &bytes);
}

uint64_t pack_state_short(const struct pack_state *s, uint32_t u, uint32_t rank)
{
	uint64_t worst = 0;

	for (size_t d = 0; d < N_DIMS; d++) {
		int64_t lack = pack_state_lack(s, u, rank, (enum pack_dim)d);
		int64_t need = lack + s->room[d][rank];
		uint64_t v;

		if (lack <= 0)
			continue;
		v = (uint64_t)(((unsigned __int128)lack << 20) /
			       (uint64_t)need);
		if (v >= worst)
			worst = v ? v : 1;
	}
	return worst;
}

/* ---- moving */

static void seat_move(struct pack_set *t, uint32_t rank, bool in)
{
	for (size_t i = 0; i < t->n_seats; i++)
		if (t->seats[i].rank == rank) {
			t->seats[i].count += in ? 1 : UINT64_MAX;
			return;
		}
	if (t->n_seats == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 4;
		t->seats = mem_realloc(t->seats, t->cap, sizeof(*t->seats));
	}
	t->seats[t->n_seats++] = (struct pack_seat){rank, 1};
}

static void bases_move(struct pack_state *s, const struct pack_unit *u,
		       uint32_t rank, bool in)
{
	const struct pack_world *w = s->w;

	for (uint32_t i = 0; i < u->n_bases; i++) {
		uint32_t b = u->bases[i];
		uint64_t *row = pack_row(w, s->base_rows, b);
		uint32_t *refs;

		/* Was there before, and stays. */
		if (bits_has(pack_row(w, w->base_rows, b), rank))
			continue;
		refs = pack_count_at(&s->refs, b, rank);
		*refs += in ? 1 : UINT32_MAX;
		if (in && *refs == 1) {
			bits_set(row, rank);
			s->room[DIM_BYTES][rank] -= w->base_bytes[b];
		} else if (!in && !*refs) {
			bits_drop(row, rank);
			s->room[DIM_BYTES][rank] += w->base_bytes[b];
		}
	}
}

static void change(struct pack_state *s, uint32_t u, uint32_t rank, bool in)
{
	const struct pack_unit *t = &s->w->units[u];

	for (size_t d = 0; d < N_DIMS; d++)
		s->room[d][rank] += in ? -t->need[d] : t->need[d];
	bases_move(s, t, rank, in);
	if (t->group != PACK_NONE)
		seat_move(&s->sets[t->group], rank, in);
}

static void unlist(struct pack_state *s, uint32_t u, uint32_t rank)
{
	if (s->prev[u] == PACK_NONE)
		s->head[rank] = s->next[u];
	else
		s->next[s->prev[u]] = s->next[u];
	if (s->next[u] != PACK_NONE)
		s->prev[s->next[u]] = s->prev[u];
}

static void list(struct pack_state *s, uint32_t u, uint32_t rank)
{
	s->prev[u] = PACK_NONE;
	s->next[u] = s->head[rank];
	if (s->head[rank] != PACK_NONE)
		s->prev[s->head[rank]] = u;
	s->head[rank] = u;
}

static void put(struct pack_state *s, uint32_t u, int32_t rank)
{
	if (s->at[u] != PACK_NOWHERE) {
		change(s, u, (uint32_t)s->at[u], false);
		unlist(s, u, (uint32_t)s->at[u]);
	}
	if (rank != PACK_NOWHERE) {
		change(s, u, (uint32_t)rank, true);
		list(s, u, (uint32_t)rank);
	}
	s->at[u] = rank;
}

void pack_state_put(struct pack_state *s, uint32_t u, int32_t rank)
{
	if (s->n_trail == s->cap_trail) {
		s->cap_trail = s->cap_trail ? s->cap_trail * 2 : 1024;
		s->trail =
			mem_realloc(s->trail, s->cap_trail, sizeof(*s->trail));
	}
	s->trail[s->n_trail++] = (struct pack_move){u, s->at[u]};
	put(s, u, rank);
}

void pack_state_undo(struct pack_state *s, size_t n)
{
	while (s->n_trail > n) {
		s->n_trail--;
		put(s, s->trail[s->n_trail].unit, s->trail[s->n_trail].was);
	}
}

/* ---- the best host */

/* Smaller is better. */
struct key {
	int64_t soft;
	uint64_t first, second;
};

/* Its loads with the unit on it, of 2^61 each. */
struct loads {
	uint64_t most, sum;
};

static struct loads load_with(const struct pack_state *s,
			      const struct pack_unit *u, uint32_t rank)
{
	const struct pack_world *w = s->w;
	struct loads l = {0};

	for (size_t d = 0; d < N_PACK_RES; d++) {
		int64_t cap = w->cap[d][rank];
		int64_t used = cap - s->room[d][rank] + u->need[d];
		uint64_t load;

		/* Over in what it needs nothing of. */
		if (used > cap)
			used = cap;
		load = (uint64_t)used * w->share[d][rank];
		l.sum += load;
		if (load > l.most)
			l.most = load;
	}
	return l;
}

static struct key key_of(const struct pack_state *s, const struct pack_unit *u,
			 uint32_t rank, enum pack_policy policy, int64_t bytes)
{
	struct key k = {.soft = s->soft[rank]};
	struct loads l = load_with(s, u, rank);

	switch (policy) {
	case PACK_SPREAD:
		k.first = l.most;
		k.second = l.sum;
		break;
	case PACK_FILL:
		/* Full in all: room for one resource alone is of no use. */
		k.first = UINT64_MAX - l.sum;
		break;
	case PACK_FEWEST_BYTES:
		k.first = (uint64_t)bytes;
		k.second = l.most;
		break;
	case N_PACK_POLICIES:
		break;
	}
	return k;
}

static bool better(const struct key *a, const struct key *b)
{
	if (a->soft != b->soft)
		return a->soft < b->soft;
	if (a->first != b->first)
		return a->first < b->first;
	return a->second < b->second;
}

/* What the group says of hosts: the full ones leave the row, the rest are
 * liked by what they have.  false: there is nothing to take back after. */
static bool group_in(struct pack_state *s, const struct pack_unit *u)
{
	const struct pack_set *t;

	memcpy(s->row, u->row, s->w->words * sizeof(*s->row));
	if (u->group == PACK_NONE)
		return false;
	t = &s->sets[u->group];
	for (size_t i = 0; i < t->n_seats; i++) {
		const struct pack_seat *seat = &t->seats[i];

		if (t->rule == PACK_ANTI_AFFINITY) {
			if (seat->count >= t->max)
				bits_drop(s->row, seat->rank);
		} else {
			int64_t n = pack_clamp(seat->count);

			s->soft[seat->rank] =
				t->rule == PACK_SOFT_AFFINITY ? -n : n;
		}
	}
	return t->rule != PACK_ANTI_AFFINITY;
}

static void group_out(struct pack_state *s, const struct pack_unit *u)
{
	const struct pack_set *t = &s->sets[u->group];

	for (size_t i = 0; i < t->n_seats; i++)
		s->soft[t->seats[i].rank] = 0;
}

int32_t pack_state_best(struct pack_state *s, uint32_t u,
			enum pack_policy policy)
{
	const struct pack_unit *t = &s->w->units[u];
	bool soft = group_in(s, t);
	int32_t best = PACK_NOWHERE;
	struct key best_key = {0};

	s->visits += s->w->nh;
	for (uint32_t k = 0; k < s->w->words; k++) {
		for (uint64_t m = s->row[k]; m; m &= m - 1) {
			uint32_t r = k * 64 + (uint32_t)__builtin_ctzll(m);
			struct key key;
			int64_t bytes;

			if (!has_room(s, t, r, &bytes))
				continue;
			key = key_of(s, t, r, policy, bytes);
			if (best != PACK_NOWHERE && !better(&key, &best_key))
				continue;
			best = (int32_t)r;
			best_key = key;
		}
	}
	if (soft)
		group_out(s, t);
	return best;
}
