/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a plan of a whole host: plan_fleet.c (all of it),
 * plan_fleet_host.c and plan_fleet_server.c (facts to what pack/ is given),
 * plan_fleet_doc.c (the document), plan_fleet_shape.c (one that was edited). */
#ifndef NH_PLAN_PLAN_FLEET_PRIV_H
#define NH_PLAN_PLAN_FLEET_PRIV_H

#include "plan/plan_fleet.h"

/* An instance that was asked for. */
struct plan_one {
	const struct fleet_server *s;
	char *why, *hint; /* it stays, whatever there is room for; or NULL */
	char *control;	  /* the word of its option; NULL: none */
	uint64_t need[N_PACK_RES];
	const char *zone, *group;
	struct strv avoid; /* hosts that it must not go to */
	struct strv avoid_why;
	struct pack_meta *wants;
	size_t n_wants;
	struct strv traits, traits_not;
};

struct plan_fleet {
	const struct fleet_facts *f;
	struct plan_fleet_opts o;
	struct plan_one *ones;
	size_t n_ones;
	/* what pack/ is given */
	struct pack_in in;
	struct pack_host *hosts;
	char **why_not; /* of hosts */
	struct pack_meta **metas;
	struct pack_group *groups;
	struct pack_there **there;
	struct pack_base *bases;
	struct pack_server *servers;
	size_t *one_of; /* servers[i] is ones[one_of[i]] */
	struct pack_out *out;
	size_t *order; /* servers that go, as the document has them */
	size_t n_order;
	struct strv warnings;
};

/* plan_fleet_host.c: fills .hosts, .why_not, .metas. */
void plan_fleet_hosts(struct plan_fleet *p);
/* What Nova's own rows say of a host's room. */
void plan_fleet_by_nodes(const struct db_fleet_host *d, struct pack_inv inv[]);
/* F as checks see it, of one server (NULL: none) and one candidate (NULL:
 * none).  Borrows all: never to be cleared. */
struct facts plan_fleet_view(const struct plan_fleet *p,
			     const struct fleet_server *s,
			     const struct fleet_host *t);
/* The first refusal of the checks named, or NULL; *HINT may be NULL.  The
 * caller frees both. */
char *plan_fleet_refusal(const struct plan_fleet *p, const struct facts *f,
			 const char *const *checks, char **hint);

/* plan_fleet_traits.c: what O's flavor and image require and forbid; nothing
 * where the traits of some candidate are not known. */
void plan_fleet_traits(const struct plan_fleet *p, struct plan_one *o);
/* The traits of candidate T. */
void plan_fleet_host_traits(const struct fleet_facts *f,
			    const struct fleet_host *t, struct strv *out);
/* Says when they were asked for and not looked at. */
void plan_fleet_warn_traits(struct plan_fleet *p);

/* plan_fleet_server.c: fills what the facts say of O. */
void plan_fleet_one(struct plan_fleet *p, struct plan_one *o);

/* plan_fleet_doc.c: seconds that it takes to bring server I to HOST. */
int64_t plan_fleet_seconds(const struct plan_fleet *p, size_t i, int32_t host);
uint64_t plan_fleet_missing(const struct plan_fleet *p, size_t i, int32_t host,
			    json_t *list);

#endif
