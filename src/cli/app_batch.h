/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a batch (engine/batch.h): a controller that starts a process for each
 * member and keeps no state that is not in the journal.
 *
 *	app_batch_run(a, plan, &out, &e)	journals it, and runs it
 *	app_batch_resume(a, id, &out, &e)	after a crash or a stop, from
 *						anywhere that has the journal
 *	app_batch_rollback(a, id, &out, &e)	what can still be undone
 *
 * A member's process is this program itself ("move" or "rescue ... --batch",
 * "resume", "rollback"), which gets SIGTERM when the controller ends, however
 * that ends, and then stops at a checkpoint with its job open.  Whoever takes
 * the batch over raises its epoch, so that such a process can begin no job any
 * more, waits for those that have one, and goes on with what the journal says.
 *
 * SIGINT and SIGTERM: the processes are told to stop, and the batch is left
 * open.  So it is when members are open or were not begun (max_failures).
 */
#ifndef NH_CLI_APP_BATCH_H
#define NH_CLI_APP_BATCH_H

#include "cli/app.h"
#include "engine/batch.h"

struct app_batch_outcome {
	int code; /* an exit code (cli.h); -1: none of a batch, see the error */
	char id[JOURNAL_ID_MAX]; /* or "" */
	json_t *report;		 /* as app_batch_json(); may be NULL.  Owned */
};

/* Not for a plan that was not shown and confirmed, nor, when it comes from a
 * file, without app_batch_holds().  Each member is checked again when it
 * begins. */
int app_batch_run(struct app *a, const json_t *plan,
		  struct app_batch_outcome *out, struct err *e);
int app_batch_resume(struct app *a, const char *id,
		     struct app_batch_outcome *out, struct err *e);
int app_batch_rollback(struct app *a, const char *id,
		       struct app_batch_outcome *out, struct err *e);

/* {schema_version, batch, kind, host, state, direction, created, updated,
 * ended, owner, epoch, counts: {pending, running, done, failed, rolled_back,
 * open, skipped}, members: [{nr, server: {uuid, name}, from, to, state, job,
 * attempts, started, ended, seconds, bytes_sent, error: {kind, message,
 * hint}}]}.  State is "running" or "interrupted" where an open one's
 * controller is known to live or not.  Without members when B was not loaded
 * whole. */
json_t *app_batch_json(struct journal *j, const struct batch *b);

/* Is OWNER ("host pid 123") a process of this machine that lives? */
enum app_alive { APP_ALIVE_UNKNOWN = 0, APP_ALIVE_YES, APP_ALIVE_NO };
enum app_alive app_owner_alive(const char *owner);
/* The same of B's controller, wherever it is when the journal is shared. */
enum app_alive app_batch_alive(const struct batch *b);

#endif
