/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence that a host is off: what was seen, by whom and when, in the journal.
 *
 *	fence_add(j, &(struct fence_evidence){
 *			.host = "compute-30", .provider = "agent",
 *			.verdict = FENCE_OFF, .taken_us = began, ...}, &e);
 *
 *	struct fence_proof p = {0};
 *	if (fence_require(j, "compute-30", max_age_s, &p, &e))
 *		return -1;		ERR_FENCE: exit 6, nothing was changed
 *
 * Whoever is about to start a guest that may still run on a host which does
 * not answer, or to read disks which that host may still write, calls
 * fence_require() immediately before, each time anew: evidence ages.  It reads
 * only what is in the journal; taking evidence is `novahaul fence HOST`.
 *
 * The rule, in fence_judge(), which is pure:
 *
 *  - Only the newest observation of each provider counts: what a provider no
 *    longer says is not proof of anything.
 *  - An ALIVE that is fresh is a no, whatever else is there.  An ALIVE also
 *    voids, for ever, every OFF that was not taken after it.
 *  - An OFF counts while it is fresh: taken no longer ago than the maximum
 *    age, by the moment of the observation, and not in the future.
 *  - UNKNOWN is a no.  So is no evidence at all.  That a host does not answer
 *    proves nothing: a provider that only watches (probe, storage) never says
 *    OFF.
 *
 * Several journals do not know of each other's evidence.  All writes are
 * durable.  Errors: as engine/journal.h, and ERR_FENCE.  No secret is passed to
 * any function of this file.
 */
#ifndef NH_ENGINE_FENCE_H
#define NH_ENGINE_FENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct journal;

enum fence_verdict {
	FENCE_UNKNOWN = 0, /* nothing was proven: a no */
	FENCE_ALIVE,	   /* something of the host was seen at work */
	FENCE_OFF,	   /* and cannot start a guest until it is let */
};

/* "unknown", "alive", "off": what stands in the file and in JSON. */
const char *fence_verdict_name(enum fence_verdict v);
/* FENCE_UNKNOWN for a word that is none. */
enum fence_verdict fence_verdict_by_name(const char *name);

/* The maximum age, in seconds, where nobody says another. */
enum { FENCE_MAX_AGE = 15 * 60 };

struct fence_evidence {
	int64_t id; /* rises; set by reading */
	const char *host, *provider;
	enum fence_verdict verdict;
	int64_t taken_us;   /* when the observation began, not when it was
			       written down */
	const json_t *what; /* object: what was seen.  May be NULL */
	const char *by;	    /* "root on ctl pid 42", or who stated it */
};

/* What fence_require() rests on. */
struct fence_proof {
	int64_t id, taken_us;
	unsigned age_s;
	char provider[32];
	char by[128];
};

/* Journals one observation. */
int fence_add(struct journal *j, const struct fence_evidence *ev,
	      struct err *e);

/* The evidence about HOST (NULL: all hosts), newest first.  Strings and JSON
 * are borrowed for the call, which returns false to stop. */
typedef bool fence_each_fn(void *arg, const struct fence_evidence *ev);
int fence_each(struct journal *j, const char *host, fence_each_fn *fn,
	       void *arg, struct err *e);

/* Forgets everything about HOST, so that it counts as not fenced. */
int fence_forget(struct journal *j, const char *host, struct err *e);

struct fence_rule {
	int64_t now_us;
	unsigned max_age_s; /* 0: FENCE_MAX_AGE */
};
/* What N pieces of evidence about one host, in any order, come to.  WHICH, if
 * not NULL, receives the index of the one that decides; -1: none does. */
enum fence_verdict fence_judge(const struct fence_evidence *ev, size_t n,
			       const struct fence_rule *rule, long *which);

/* 0 when HOST is proven to be off.  OUT may be NULL. */
int fence_require(struct journal *j, const char *host, unsigned max_age_s,
		  struct fence_proof *out, struct err *e);

/* ERR_FENCE when something of HOST was seen alive after P was observed: SEEN_S
 * seconds ago, < 0 for never. */
int fence_seen(const struct fence_proof *p, const char *host, int64_t seen_s,
	       struct err *e);
/* The same when FILE, of HOST's disks, was written a minute or more after P was
 * observed: MTIME_US, by HOST's clock.  Of one that lies in the future nothing
 * can be said. */
int fence_written(const struct fence_proof *p, const char *host,
		  const char *file, int64_t mtime_us, struct err *e);

#endif
