/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds of the agent that nobody needs any more.
 *
 * Each build is sent once to a host and stays there as agent-SHA256, so every
 * upgrade of novahaul leaves one behind.  When a build is sent, it removes
 * others from its own directory: regular files of our naming and our own, which
 * have lain there for long and which no process runs.  A controller of that
 * build simply sends it again.  Half-sent ones (.agent-UUID.tmp) go sooner.
 */
#ifndef NH_AGENT_TIDY_H
#define NH_AGENT_TIDY_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define TIDY_DAY_US (24 * 3600 * 1000000LL)

struct tidy {
	const char *self; /* name of this build: it stays */
	int64_t build_us; /* age (by mtime) from which a build goes */
	int64_t tmp_us;	  /* the same of a half-sent one */
};

/* Removes them beneath the open directory DIR.  *N: how many.  What cannot be
 * judged or removed stays; an error only if nothing could be judged. */
int tidy_builds(int dir, const struct tidy *t, size_t *n, struct err *e);

/* For the program itself: the directory it lies in, if it lies there under a
 * name of ours and nobody else can write there; else nothing is done. */
int tidy_own_directory(size_t *n, struct err *e);

#endif
