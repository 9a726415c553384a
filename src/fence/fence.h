/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to learn that a host is off.
 *
 * A provider looks once and says what it saw; what several of them come to, and
 * for how long, is engine/fence.h's to judge.  Two kinds:
 *
 *   proving	command, agent, statement.  With .act they also switch the host
 *		off first.  Only these can say OFF.
 *   watching	probe, storage, rbd.  They can only say ALIVE: that nothing
 *		answers, or that nobody holds a lock, proves nothing about a
 *		host which is merely cut off.
 *
 *	struct fence_way w = {.host = "compute-30", .agent = "fence_ipmilan",
 *			      .options = "/etc/novahaul/bmc/compute-30",
 *			      .act = true};
 *	struct fence_finding f = FENCE_FINDING_INIT;
 *
 *	for (p = fence_providers; *p; p++)
 *		if ((*p)->usable(&w) && !fence_take(*p, &w, &f, &e)) ...
 *	fence_finding_clear(&f);
 *
 * fence_take() fails (-1) only when nothing was looked at: the configuration
 * is wrong, or a statement is not one.  Whatever goes wrong later (a program
 * that hangs, floods, lies about its exit code, a host without an address) is a
 * finding: UNKNOWN, with a note.
 *
 * Secrets stand in the options file alone.  They go to the agent's standard
 * input and nowhere else; what a program says is not kept, except the one line
 * of a read-back.
 */
#ifndef NH_FENCE_FENCE_H
#define NH_FENCE_FENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "engine/fence.h"

/* What is configured for one host.  Everything but the host is optional and
 * borrowed.  In the words of a program, and in the options' path, "%h" stands
 * for the host. */
struct fence_way {
	const char *host;    /* as Nova knows it */
	const char *address; /* NULL: the name */
	unsigned port;	     /* of its sshd; 0: 22 */
	unsigned timeout_s;  /* for each program, and for all tries to read
				back; 0: 60 */
	bool act;	     /* switch it off, do not only look */

	const struct strv *command, *readback; /* argv; NULL or empty: none */
	const char *off_word, *on_word; /* what else the read-back may say */
	const char *agent;		/* "fence_ipmilan", or a path */
	const char *options;		/* file of key=value lines, mode 0600 */
	const struct strv *storage; /* files and directories, mounted here */
	const struct strv *rbd;	    /* images, "pool/name" */
	const struct strv *rbd_command; /* argv; NULL or empty: "rbd" */
	/* What a person states: "HOST is off". */
	const char *statement, *by, *reason;
};

struct fence_finding {
	enum fence_verdict verdict;
	int64_t taken_us; /* OFF: before the look; ALIVE: after it */
	char *note;	  /* one line for people; owned */
	json_t *what;	  /* object: what was seen, with the note; owned */
};

#define FENCE_FINDING_INIT                                                     \
	{                                                                      \
		.verdict = FENCE_UNKNOWN                                       \
	}
void fence_finding_clear(struct fence_finding *f);

struct fence_provider {
	const char *name;
	bool proves; /* can say OFF */
	bool acts;   /* switches the host off when asked to */
	/* Is what it needs configured? */
	bool (*usable)(const struct fence_way *w);
	/* Fills F, which is FENCE_FINDING_INIT but for taken_us: now. */
	int (*take)(const struct fence_way *w, struct fence_finding *f,
		    struct err *e);
};

/* All of them, NULL-terminated: the proving ones first, so that those that
 * watch look after them. */
extern const struct fence_provider *const fence_providers[];
const struct fence_provider *fence_provider(const char *name);

/* One look.  F is cleared first. */
int fence_take(const struct fence_provider *p, const struct fence_way *w,
	       struct fence_finding *f, struct err *e);

#endif
