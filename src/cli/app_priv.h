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
/* Of app_rescue.c: ERR_FENCE when something of the dead host that F is about
 * was at work after PROOF: its nova-compute, or what has its disks open or
 * wrote to them. */
struct facts;
struct fence_proof;
int app_still_off(const struct facts *f, const struct fence_proof *proof,
		  struct err *e);
/* The journal that --journal or the configuration names. */
struct journal *app_journal(const struct app *a, struct err *e);
/* Is it a database?  Its file; NULL with an error when it is neither. */
bool app_journal_shared(const struct app *a);
const char *app_journal_file(const struct app *a, struct err *e);

/* Is PLAN, or KIND, of a job that audit --fix or readmit has made? */
bool app_is_fix(const json_t *plan);
bool app_is_fix_kind(const char *kind);
/* Runs it, as a job about instance UUID. */
int app_run_fix(struct app *a, const json_t *plan, const char *uuid,
		struct app_outcome *out, struct err *e);
/* Of app_fix.c: one job of KIND ("fix" or "readmit") for each server of FOUND
 * that something can be done for.  DONE and WHY have an element for each
 * finding: was it fixed, by which job, and if not, why. */
struct audit_facts;
struct audit_found;
struct app_fixed {
	bool done;
	bool open; /* not done, and its job is neither */
	char job[JOURNAL_ID_MAX];
	struct err why;
};
void app_fix(struct app *a, const struct audit_facts *f,
	     const struct audit_found *found, const char *kind,
	     struct app_fixed *out);

/* Of app_held.c: ERR_LOCKED, with what to type first, when a job has to end
 * before what HOST has of the servers of FOUND may be touched. */
int app_held(struct app *a, const char *host, const struct audit_facts *f,
	     const struct audit_found *found, struct err *e);

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

/* Of app_alone.c.  May JOB go on without its source?  ERR_FENCE when that is
 * not proven to be off, or answers. */
int app_alone_may(struct app *a, const struct journal_job *job, struct err *e);
/* The same of SOURCE alone, for WHAT ("job", "batch") ID. */
int app_alone_off(struct app *a, const char *what, const char *id,
		  const char *source, struct err *e);
/* Sets the hint of E, with which such a job was left open. */
void app_alone_next(const struct app *a, const struct journal_job *job,
		    bool back, struct err *e);
/* What to type if it is the source that does not answer; NULL: without it there
 * is no way.  Owned by the caller. */
char *app_alone_hint(struct app *a, const struct journal_job *job);

#endif
