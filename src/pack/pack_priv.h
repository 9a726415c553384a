/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside pack/: the world (what does not change), the state (who is where),
 * and what works on them.
 *
 * Hosts are numbered by rank, the order of their names.  What may go together
 * only is one unit: a server, or a whole affinity set.  Whatever can be said of
 * a host and a unit without looking at the rest is a bit in a row of bits, one
 * a host; the rest are dimensions of which a host has so much free and a unit
 * needs so much.
 */
#ifndef NH_PACK_PRIV_H
#define NH_PACK_PRIV_H

#include "pack/pack.h"

/* ---- rows of bits, one a host */

static inline bool bits_has(const uint64_t *row, uint32_t i)
{
	return row[i / 64] >> i % 64 & 1;
}

static inline void bits_set(uint64_t *row, uint32_t i)
{
	row[i / 64] |= UINT64_C(1) << i % 64;
}

static inline void bits_drop(uint64_t *row, uint32_t i)
{
	row[i / 64] &= ~(UINT64_C(1) << i % 64);
}

/* ---- a map from names to numbers (pack_map.c) */

#define PACK_NONE UINT32_MAX

struct pack_map {
	struct buf text; /* all keys, each with its NUL */
	struct pack_slot {
		size_t at; /* of the key in TEXT, plus 1; 0: empty */
		uint32_t value;
	} * v;
	size_t n, cap;
};

void pack_map_clear(struct pack_map *m);
/* PACK_NONE if it is not there, or KEY is NULL. */
uint32_t pack_map_get(const struct pack_map *m, const char *key);
/* false: it was there, and stays as it was. */
bool pack_map_add(struct pack_map *m, const char *key, uint32_t value);

/* How often a host needs a base for servers that are planned for it. */
struct pack_count {
	uint64_t *key; /* (base << 32 | rank) + 1; 0: empty */
	uint32_t *value;
	size_t n, cap;
};

void pack_count_clear(struct pack_count *c);
/* Its counter, which starts with 0; valid until the next call. */
uint32_t *pack_count_at(struct pack_count *c, uint32_t base, uint32_t rank);

/* ---- the world (pack_world.c, pack_unit.c, pack_atom.c) */

/* Dimensions: the resources first. */
enum pack_dim {
	DIM_BYTES = N_PACK_RES,
	DIM_INSTANCES,
	DIM_NEW,
	N_DIMS,
};

/* Larger than every amount, and far from where int64_t ends. */
#define PACK_HUGE (INT64_C(1) << 61)

static inline int64_t pack_clamp(uint64_t v)
{
	return v < (uint64_t)PACK_HUGE ? (int64_t)v : PACK_HUGE;
}

struct pack_seat {
	uint32_t rank;
	uint64_t count;
};

/* Members on hosts that are known, the set's own on their sources included. */
struct pack_set {
	enum pack_rule rule;
	uint64_t max; /* anti-affinity: members a host */
	struct pack_seat *seats;
	size_t n_seats, cap;
	bool bound;	 /* members are elsewhere that are not in the set */
	uint64_t *there; /* hosts that have such members */
};

struct pack_unit {
	const uint32_t *servers; /* by uuid */
	uint32_t n, n_bases, n_allowed;
	uint32_t order; /* by the first uuid */
	uint32_t group; /* PACK_NONE: none, or affinity that the row says */
	const uint32_t *bases;
	int64_t need[N_DIMS];
	int64_t priority;
	uint64_t size;
	uint64_t *row; /* hosts that may take it, room apart */
};

struct pack_world {
	const struct pack_in *in;
	uint32_t nh, words;
	uint32_t *host;			      /* rank -> index in in->hosts */
	uint32_t *rank;			      /* and back */
	struct pack_map hosts, groups, bases; /* values: ranks, indices */
	uint64_t *usable;		      /* up, enabled, not refused */
	int64_t *cap[N_PACK_RES], *unit_max[N_PACK_RES];
	uint64_t *share[N_PACK_RES]; /* 2^61 / cap: load is used * share */
	int64_t *room[N_DIMS];	     /* free at first */
	struct pack_map atom_names;
	/* Requirements that servers can have, and rows of who meets them. */
	enum pack_why *atoms;
	uint64_t *atom_rows;
	size_t n_atoms, cap_atoms;
	uint32_t *own, *own_at; /* server i's atoms: own[own_at[i]...[i+1]-1] */
	size_t n_own, cap_own;
	uint64_t *base_rows; /* words a base: hosts that have it */
	int64_t *base_bytes;
	struct pack_set *sets; /* one a group */
	uint64_t *set_rows;
	struct pack_unit *units; /* by priority, size, uuid */
	uint32_t n_units;
	uint32_t *unit_servers, *unit_bases;
	uint64_t *unit_rows;
};

/* TOGETHER: an affinity set is one unit; else each server is one. */
struct pack_world *pack_world_new(const struct pack_in *in, bool together,
				  struct err *e);
void pack_world_free(struct pack_world *w);
void pack_world_freep(struct pack_world **w);

/* Row I of many. */
static inline uint64_t *pack_row(const struct pack_world *w, uint64_t *rows,
				 size_t i)
{
	return rows + i * w->words;
}

/* Fills w->own with what server I asks for. */
void pack_atoms_read(struct pack_world *w, uint32_t i);
void pack_atoms_clear(struct pack_world *w);
/* Makes the units from servers whose atoms are there. */
int pack_units_make(struct pack_world *w, bool together, struct err *e);
/* Is server I in a group of RULE? */
bool pack_in_rule(const struct pack_world *w, uint32_t i, enum pack_rule rule);

/* Does a value of aggregates' metadata satisfy what is asked? (pack_spec.c) */
bool pack_spec_match(const char *value, const char *want);

/* ---- the state: who is where (pack_state.c) */

struct pack_move {
	uint32_t unit;
	int32_t was;
};

struct pack_state {
	const struct pack_world *w;
	int32_t *at; /* unit -> rank or PACK_NOWHERE */
	int64_t *room[N_DIMS];
	uint64_t *base_rows; /* that are there or planned */
	struct pack_count refs;
	struct pack_set *sets; /* only the seats are its own */
	/* The units planned for a host, a list without order. */
	uint32_t *head, *next, *prev;
	struct pack_move *trail; /* every change since the start */
	size_t n_trail, cap_trail;
	uint64_t *row;	 /* scratch of pack_state_best() */
	int64_t *soft;	 /* likewise: how much the group dislikes a host */
	uint64_t visits; /* of hosts: the measure of work done */
};

struct pack_state *pack_state_new(const struct pack_world *w);
void pack_state_free(struct pack_state *s);
void pack_state_freep(struct pack_state **s);

/* Is there room for U on the host, and does its group allow it? */
bool pack_state_fits(struct pack_state *s, uint32_t u, uint32_t rank);
/* To RANK, or PACK_NOWHERE; it must fit. */
void pack_state_put(struct pack_state *s, uint32_t u, int32_t rank);
/* Takes changes back until the trail is N long. */
void pack_state_undo(struct pack_state *s, size_t n);
/* The host that the policy likes best, or PACK_NOWHERE. */
int32_t pack_state_best(struct pack_state *s, uint32_t u,
			enum pack_policy policy);
/* How much of DIM the unit lacks there; at most 0 if it has room. */
int64_t pack_state_lack(const struct pack_state *s, uint32_t u, uint32_t rank,
			enum pack_dim dim);
uint64_t pack_state_seats(const struct pack_state *s, uint32_t group,
			  uint32_t rank);
/* The greater of the shares that it lacks of what it needs, of 2^20; 0 where
 * it has room. */
uint64_t pack_state_short(const struct pack_state *s, uint32_t u,
			  uint32_t rank);

/* ---- trying harder (pack_repair.c, pack_search.c) */

struct pack_repair {
	enum pack_policy policy;
	uint64_t limit;	 /* of s->visits, where it gives up */
	uint8_t *pinned; /* units that stay where they are */
};

/* Finds U a host by moving others. */
bool pack_repair_unit(struct pack_state *s, const struct pack_repair *r,
		      uint32_t u);

/* How many servers of each priority have a host, the highest first. */
struct pack_score {
	uint32_t *level;  /* unit -> index into count */
	uint64_t *weight; /* level -> its servers */
	size_t n;
};

void pack_score_init(struct pack_score *c, const struct pack_world *w);
void pack_score_clear(struct pack_score *c);
/* Is A better (> 0), as good, worse (< 0)? */
int pack_score_compare(const struct pack_score *c, const struct pack_world *w,
		       const int32_t *a, const int32_t *b);

/* Looks at every arrangement, and leaves the best in AT if it is better.
 * false: gave up after LIMIT visits; AT is then the best that was seen. */
bool pack_search(const struct pack_world *w, const struct pack_score *c,
		 int32_t *at, uint64_t limit);

/* ---- why not (pack_why.c) */

/* Why the host cannot take the unit now; fills the lacks of O. */
uint32_t pack_why_not(const struct pack_state *s, uint32_t u, uint32_t rank,
		      struct pack_obstacle *o);
/* All hosts, grouped; for each server of U, into OUT. */
void pack_refuse(const struct pack_state *s, uint32_t u, bool alone,
		 struct pack_out *out);
/* What S looks like from outside; nothing is refused yet. */
struct pack_out *pack_out_new(const struct pack_state *s);
/* Adds NO, with a copy of its obstacles. */
void pack_refusal_add(struct pack_out *out, const struct pack_refusal *no);
void pack_refusals_sort(struct pack_out *out);
/* How hard it is to give: sums of the reasons in WHY. */
unsigned pack_why_weight(uint32_t why);

#endif
