/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From facts to a plan: which files, which steps, in which order.  Pure.
 *
 *	struct move *m = plan_move(&facts, &opts, &e);
 *	json_t *doc = plan_document(&facts, m, &opts);
 *
 * The document is what `novahaul plan -o` writes, what a person reviews, and
 * what the journal keeps.  The engine reads "kind", "instance", "source",
 * "target" and "steps" of it (engine/journal.h), the steps read "move"
 * (steps/move.h); the rest is for people.
 */
#ifndef NH_PLAN_PLAN_H
#define NH_PLAN_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "checks/checks.h"
#include "core/err.h"
#include "facts/facts.h"
#include "steps/move.h"

#define PLAN_VERSION 1

struct plan_opts {
	bool precopy;
	unsigned precopy_max;	 /* rounds */
	unsigned precopy_time_s; /* 0: by rule */
	bool no_start;
	bool nova_start; /* check_nova_start() says so */
	bool detach;	 /* its volumes, as far as they can be */
	bool verify_deep;
	bool verify_full;
	bool copy_console;
	int64_t stop_timeout_s;
	uint64_t bwlimit;
	unsigned streams;		    /* 0: as is best */
	const char *delta, *transport;	    /* as in struct move */
	const char *qemu_user, *qemu_group; /* configured for the target */
	/* Of a rescue: as in struct move. */
	bool accept_bad;
	bool adopt;
	const char *history;
	unsigned fence_max_age_s;
};

/* Facts that no check refused.  ERR_REFUSED where the image or owner rules say
 * no after all. */
struct move *plan_move(const struct facts *f, const struct plan_opts *o,
		       struct err *e);

/* By what the world is changed: "direct", or "api+direct" where Placement and
 * Neutron have a say, or Nova starts it, "sql+direct" where their databases
 * are written, for no API answers.  The steps of the document say which is
 * changed by what. */
const char *plan_control(const struct facts *f, bool nova_start);
/* "offline"; of a rescue "direct" or "adopt". */
const char *plan_route(bool dead, bool adopt);
/* Why a rescue goes that way, and what of the other; the caller frees. */
char *plan_route_why(const struct facts *f, const struct check_opts *o);
/* {plan_version, kind, created, instance, source, target, facts_digest,
 *  release, bytes_to_copy, precopy, downtime_s, transfer, steps, move,
 *  values} */
json_t *plan_document(const struct facts *f, const struct move *m);

/* What is to be expected of the copy, from sizes and cautious rates. */
struct plan_copy {
	unsigned rounds;       /* of the pre-copy; 0: there is none */
	int64_t precopy_s;     /* for all of them */
	int64_t precopy_max_s; /* after which none begins */
	int64_t downtime_s;    /* without what the guest takes to power off */
};
struct plan_copy plan_foresee(const struct move *m);

/* The move of a plan document that came from outside. */
struct move *plan_read(const json_t *doc, struct err *e);

#endif
