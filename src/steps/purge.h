/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kept source copy of a finished job: what it holds, and its removal.
 *
 * A copy may go on evidence of one of two kinds:
 *	the server is deleted	its row says so, or the row is gone and the one
 *				in shadow_instances, where Nova archives, says
 *so it lives elsewhere	the row names a host, nothing is under way, that host's
 *libvirt knows the domain, and every local disk is there: a file of the format
 *that was moved, not shorter than it was if it is raw, its backing image beside
 *it if it names one The host may be the target, the source again, or a third
 *one to which the instance has gone since.  Removal is the one thing that has
 *no undo, so it is refused on any doubt; a row that is in neither table is
 *doubt.
 *
 * Cut at any moment, removal may be done again: the disks go first, the
 * manifest and the mark that closes it last, so that nobody takes what is left
 * for an open job; then the lease.
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

/* A host that takes no part in the move. */
struct purge_host {
	struct host *host;
	struct virt *virt;
	char *instances_path;
};
struct purge_reach {
	int (*open)(void *arg, const char *name, struct purge_host *out,
		    struct err *e);
	void (*close)(struct purge_host *h); /* also after a failure */
	void *arg;
};

/* Looks; changes nothing.  W is the world of JOB's move.  A host that cannot be
 * looked at is a reason why not; the source must answer. */
int purge_look(struct world *w, const char *job, const struct purge_reach *r,
	       struct purge *p, struct err *e);
/* Removes it, or what a removal that was cut has left, under the lease of JOB.
 * The caller has journalled that it will. */
int purge_remove(struct world *w, const char *job, struct err *e);

#endif
