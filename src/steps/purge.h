/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kept source copy of a finished job: what it holds, and its removal.
 *
 * A copy may go when the database names a host that has the instance's disks
 * in place, or when the server is deleted.  Removal is the one thing that has
 * no undo, so it is refused on any doubt.
 */
#ifndef NH_STEPS_PURGE_H
#define NH_STEPS_PURGE_H

#include <jansson.h>

#include "steps/world.h"

struct purge {
	bool allowed;
	char *reason;	/* why, or why not */
	char *path;	/* of the kept copy on the source; NULL: none */
	uint64_t bytes; /* allocated by it alone */
};
void purge_clear(struct purge *p);

/* Looks; changes nothing.  W is the world of JOB's move. */
int purge_look(struct world *w, const char *job, struct purge *p,
	       struct err *e);
/* Removes it, under the lease of JOB.  The caller has journalled that it
 * will. */
int purge_remove(struct world *w, const char *job, struct err *e);

#endif
