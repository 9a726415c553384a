/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the facts of a whole host to who goes where.  Pure.
 *
 *	struct plan_fleet *p = plan_fleet_new(&facts, &opts, &e);
 *
 *	plan_fleet_stay(p, uuid, why, hint);	what the caller knows besides
 *	plan_fleet_pack(p, &e)			pack/pack.h decides
 *	json_t *doc = plan_fleet_document(p);
 *	plan_fleet_free(p);
 *
 * or, of a document that somebody has edited:
 *
 *	plan_fleet_shape(doc, &e)		before any host is asked
 *	plan_fleet_holds(p, doc, &e)		P made of its members and
 *targets
 *
 * The document is described in cli/app_fleet.h.
 *
 * What counts as room: Placement's inventories and usages where it was asked;
 * else compute_nodes, whose totals the instances' own rows correct upwards
 * (nova-compute reports only every minute), with the ratios of compute_nodes,
 * or 16, 1.5 and 1.0 where those say nothing (nova/conf/compute.py, the
 * initial_*_allocation_ratio).  Open jobs of the journal that go to a host
 * count there as long as the row is elsewhere; so do, without Placement,
 * migrations of Nova's that are not over.
 *
 * What an instance takes: its flavor as Placement counts it (nova/scheduler/
 * utils.py ResourceRequest: no root disk when it boots from a volume, disk and
 * swap rounded up to GiB, "resources:" of the extra specs above all).
 */
#ifndef NH_PLAN_PLAN_FLEET_H
#define NH_PLAN_PLAN_FLEET_H

#include <jansson.h>

#include "checks/checks.h"
#include "facts/fleet.h"
#include "pack/pack.h"

#define PLAN_FLEET_VERSION 1

struct plan_fleet;

struct plan_fleet_opts {
	enum pack_policy policy;
	const struct strv *servers; /* uuids or names; empty: all */
	struct check_opts checks;
	/* For the document, as they are; borrowed. */
	const struct strv *targets;
	const json_t *limits, *options;
	unsigned most_per_target; /* instances of the plan; 0: no limit */
	uint64_t bwlimit;	  /* for the expected time; 0: none */
};

/* F and what O points to are borrowed.  ERR_REFUSED when a name of O->servers
 * is not on the host, ERR_NOTHING when there is no instance on it. */
struct plan_fleet *plan_fleet_new(const struct fleet_facts *f,
				  const struct plan_fleet_opts *o,
				  struct err *e);
void plan_fleet_free(struct plan_fleet *p);

/* Instance UUID cannot be moved, because of WHY; HINT may be NULL.  For
 * plan_fleet_pack() that comes after. */
void plan_fleet_stay(struct plan_fleet *p, const char *uuid, const char *why,
		     const char *hint);
/* How instance UUID is to be moved: the word that its member's options say of
 * "control". */
void plan_fleet_control(struct plan_fleet *p, const char *uuid,
			const char *word);
int plan_fleet_pack(struct plan_fleet *p, struct err *e);
/* Who goes where, in the order of the document: the I-th, false after the
 * last.  Borrowed. */
bool plan_fleet_member(const struct plan_fleet *p, size_t i, const char **uuid,
		       const char **target);
/* How many stay. */
size_t plan_fleet_nowhere(const struct plan_fleet *p);
json_t *plan_fleet_document(const struct plan_fleet *p);

/* Of a host where no Placement counts: what is too little there once those of
 * COMING that are elsewhere still have come (uuids, each once), in words that
 * the caller frees; NULL: it has room for them.  F has the hosts and .homes. */
char *plan_no_room(const struct db_fleet *f, const char *host,
		   const struct strv *coming) NH_DEALLOC(mem_free);

/* ERR_USAGE with the place of what is no such document's. */
int plan_fleet_shape(const json_t *doc, struct err *e);
/* ERR_REFUSED with the first of what does not hold any more. */
int plan_fleet_holds(struct plan_fleet *p, const json_t *doc, struct err *e);

#endif
