/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of a fix work on: jobs of kind "fix", which audit --fix makes
 * of what it found about one server, at most one step a finding.
 *
 *	fix-evacuation	a stale record of an evacuation is completed
 *	fix-allocation	Placement counts the server on its host alone
 *	fix-port	Neutron binds a port to the server's host
 *	fix-domain	a leftover domain is undefined, keeping NVRAM and vTPM
 *	fix-directory	a leftover directory is put away, below .novahaul/<job>
 *	fix-service	Nova may use a host again
 *
 * Jobs of kind "readmit" are made of the same steps, in another order: what is
 * left on a host that returns is disarmed before the record that would have
 * nova-compute clear it is completed.
 *
 * A fix moves nothing, so it does not take Nova's lock: each step looks at the
 * server's row right before its change, and its change names what was seen
 * (the record's status, Placement's generation, Neutron's revision).  On hosts
 * it is made under the server's lease, which no job holds at the time.  Every
 * step has its before image in the journal first, and an undo, which leaves
 * alone what somebody else has changed since, and says so.
 *
 * Parameters of all steps: server (uuid), host (where the finding is), home
 *(its host, as the cell says).  A plan that was made when the server was
 *somewhere else is refused.
 */
#ifndef NH_STEPS_FIX_H
#define NH_STEPS_FIX_H

#include "db/audit.h"
#include "db/service.h"
#include "engine/step.h"
#include "steps/purge.h"

/* Placement and Neutron, as join/ has them over the APIs; errors as in
 * api/session.h. */
struct fix_cloud {
	/* {generation, project, user, shares: {provider: {resource: n}}} */
	int (*shares)(void *self, const char *server, json_t **out,
		      struct err *e);
	/* ERR_CONFLICT when the generation is not DOC's any more. */
	int (*put_shares)(void *self, const char *server, const json_t *doc,
			  struct err *e);
	/* .host NULL: the port is gone; "": unbound. */
	int (*bound)(void *self, const char *port, struct cloud_bind *out,
		     struct err *e);
	int (*bind)(void *self, const char *port, const char *host,
		    const struct cloud_bind *seen, struct err *e);
	void *self;
};

struct fix_world {
	struct db *db; /* its instance() */
	int (*status)(struct db *db, const struct db_settle *s, char **status,
		      struct err *e);
	int (*settle)(struct db *db, const struct db_settle *s, struct err *e);
	int (*service)(struct db *db, const char *host, struct db_service *out,
		       struct err *e);
	int (*serve)(struct db *db, const struct db_service_change *x,
		     struct err *e);
	struct fix_cloud cloud;
	struct purge_reach reach;
	const char *owner; /* for leases */
	char session[33];  /* random, hex */
};

/* NULL-terminated: the engine's step table of such jobs. */
extern const struct step *const fix_table[];

/* Was it novahaul that disabled it? */
bool fix_service_ours(const struct db_service *s);

/* ---- for the steps alone */

static inline struct fix_world *fix_w(const struct step_ctx *c)
{
	return step_world(c);
}
/* ONCE until it meets no conflict any more, a few times: a service counts
 * versions, and others change them. */
int fix_retry(struct step_ctx *c,
	      int (*once)(struct step_ctx *c, struct err *e), struct err *e);
/* A parameter that is a string; "" when it is missing. */
const char *fix_param(const struct step_ctx *c, const char *name);
/* 0: the server is on .home, and nothing is at work on it. */
int fix_idle(struct step_ctx *c, struct err *e);
/* The same, for records: *HOST is where it is, or NULL when it is deleted; the
 * caller frees. */
int fix_where(struct step_ctx *c, char **host, struct err *e);

#endif
