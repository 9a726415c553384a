/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runbooks, run: a batch of kind "run" in the journal, a member for each step.
 *
 *	runbook_parse(&in, &rb, &e);
 *	app_book_dry(a, &rb, &report, &e)	what each step would do now
 *	a->confirmed = true
 *	app_book_run(a, &rb, &out, &e)
 *	...
 *	app_book_resume(a, id, &out, &e)	from any machine, without the
 *						file: the plan has it all
 *	app_book_rollback(a, id, &out, &e)
 *
 * The batch's plan has the runbook (runbook_json()) under "runbook".  A step is
 * RUNNING in the journal before it begins, and DONE, FAILED or OPEN once it has
 * ended; what it must remember (records of the batch, .idx the step's) is
 * written before it is acted on:
 *
 *	service		{host, mark, changed, was}: what enable goes by
 *	hook		{attempt, code or null, told}
 *	approve		{by, how}
 *	skip		{by, reason, was}: a person gave the step up
 *	note		a text for people
 *
 * A move's job has {"batch": {id, member, epoch}} in its plan, the batches of
 *an evacuate or return step have {"run": {id, step}}: they are found by that.
 *Killed between two steps, a resume goes on with the next; killed inside, the
 *step is run again, and every step can be: it looks at what is so already, or
 *goes on with the job or batch that it had begun.  A hook cannot be looked at:
 *"interrupted" says what becomes of it.
 *
 * OUT->report: {schema_version, run, name, state, steps: [{step, type, state,
 * attempts, started, ended, job, note, why}], stays: [text]}.
 */
#ifndef NH_CLI_APP_BOOK_H
#define NH_CLI_APP_BOOK_H

#include "cli/app.h"
#include "runbook/runbook.h"

/* {schema_version, name, steps: [{step, type, does, now, ok}]}; changes
 * nothing.  A step that could not be done now has ok false and is no error. */
int app_book_dry(struct app *a, const struct runbook *rb, json_t **report,
		 struct err *e);

int app_book_run(struct app *a, const struct runbook *rb,
		 struct app_outcome *out, struct err *e);
/* ID is a batch's of kind "run". */
int app_book_resume(struct app *a, const char *id, struct app_outcome *out,
		    struct err *e);
/* The step at which a run stands, given up by a person: it is journalled as
 * SKIPPED, and the run goes on behind it.  ERR_REFUSED, with nothing changed,
 * for another step, on the way back, and while a job or batch of the step is
 * open; ERR_USAGE when there is no such step or no reason. */
struct app_book_skip {
	const char *step, *reason;
};
int app_book_skip(struct app *a, const char *id, const struct app_book_skip *s,
		  struct app_outcome *out, struct err *e);
/* {schema_version, run, name, step, type, state, why, does, next}; changes
 * nothing. */
int app_book_skip_dry(struct app *a, const char *id,
		      const struct app_book_skip *s, json_t **report,
		      struct err *e);
/* Enables what the run has disabled, and rolls back what is open; what is done
 * stays, and the report says so. */
int app_book_rollback(struct app *a, const char *id, struct app_outcome *out,
		      struct err *e);

#endif
