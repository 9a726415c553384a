/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/app.h"

/* What this build cannot do yet says so, and fails. */
static int absent(const char *what, struct err *e)
{
	return err_set(e, ERR_BUG, "%s: not in this build", what);
}

int app_check(struct app *a, const struct app_request *r, json_t **report,
	      struct err *e)
{
	(void)a;
	(void)r;
	(void)report;
	return absent("check", e);
}

int app_plan(struct app *a, const struct app_request *r, json_t **plan,
	     struct err *e)
{
	(void)a;
	(void)r;
	(void)plan;
	return absent("plan", e);
}

int app_apply(struct app *a, const json_t *plan, struct app_outcome *out,
	      struct err *e)
{
	(void)a;
	(void)plan;
	(void)out;
	return absent("apply", e);
}

int app_resume(struct app *a, const char *job, struct app_outcome *out,
	       struct err *e)
{
	(void)a;
	(void)job;
	(void)out;
	return absent("resume", e);
}

int app_rollback(struct app *a, const char *job, struct app_outcome *out,
		 struct err *e)
{
	(void)a;
	(void)job;
	(void)out;
	return absent("rollback", e);
}

int app_purge_list(struct app *a, const char *job, json_t **report,
		   struct err *e)
{
	(void)a;
	(void)job;
	(void)report;
	return absent("purge", e);
}

int app_purge(struct app *a, const char *job, json_t **report, struct err *e)
{
	(void)a;
	(void)job;
	(void)report;
	return absent("purge", e);
}

int app_audit(struct app *a, const struct app_audit *r, json_t **report,
	      struct err *e)
{
	(void)a;
	(void)r;
	(void)report;
	return absent("audit", e);
}
