/* SPDX-License-Identifier: Apache-2.0 */
/* What the app*.c files share. */
#ifndef NH_CLI_APP_PRIV_H
#define NH_CLI_APP_PRIV_H

#include "cli/app.h"
#include "core/buf.h"
#include "engine/journal.h"

struct move;

/* Reads the world again: 0 when PLAN, read as M, may be run as it is. */
int app_plan_holds(struct app *a, const json_t *plan, const struct move *m,
		   struct err *e);
/* The journal that the configuration names. */
struct journal *app_journal(const struct app *a, struct err *e);

/* Of app_audit.c: the jobs, by the hosts' manifests and by the journal. */
struct app_audited {
	json_t *findings;
	struct strv hosts, silent; /* that were looked at, and could not be */
};
int app_audit_jobs(struct app *a, const struct app_audit *r,
		   struct app_audited *out, struct err *e);

/* Has a removal of JOB's kept copy begun that did not end?  What is left of the
 * copy is good for nothing but another purge. */
int app_purge_begun(struct journal *j, const struct journal_job *job, bool *yes,
		    struct err *e);

#endif
