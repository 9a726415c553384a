/* SPDX-License-Identifier: Apache-2.0 */
/* resume and rollback of a job whose source is dead: the proof, and what to
 * type next. */
#include <string.h>

#include "cli/app_priv.h"
#include "cli/config.h"
#include "core/str.h"
#include "engine/txn.h"

static bool is_rescue(const struct journal_job *job)
{
	return json_is_true(
		json_object_get(json_object_get(job->plan, "move"), "dead"));
}

unsigned app_alone_age(const struct app *a)
{
	return a->fence_max_age ? a->fence_max_age : a->config->fence_max_age;
}

/* What looks dead and answers is not. */
int app_alone_off(struct app *a, const char *what, const char *id,
		  const char *source, struct err *e)
{
	struct err why = ERR_INIT;

	if (app_proven(a, source, app_alone_age(a), NULL, e))
		return -1;
	if (!a->ops->answers || a->ops->answers(a, source, &why)) {
		err_clear(&why);
		return 0;
	}
	err_set(e, ERR_FENCE, "%s %s: its source %s answers: it is not dead",
		what, id, source);
	return err_hint(e, "novahaul resume %s, or novahaul rollback %s", id,
			id);
}

int app_alone_may(struct app *a, const struct journal_job *job, struct err *e)
{
	if (app_is_fix(job->plan) || is_rescue(job)) {
		err_set(e, ERR_REFUSED,
			"job %s: --source-dead is for a move; this one needs "
			"no source",
			job->id);
		return err_hint(e,
				"novahaul resume %s, or novahaul rollback %s",
				job->id, job->id);
	}
	return app_alone_off(a, "job", job->id, job->source, e);
}

void app_alone_next(const struct app *a, const struct journal_job *job,
		    bool back, struct err *e)
{
	const char *verb = back ? "rollback" : "resume";
	AUTO(mem_freep) char *first = NULL;

	/* Only what waits for the source is left. */
	if (e->hint && strstr(e->hint, "audit --fix"))
		return;
	if (e->hint && !strstr(e->hint, job->id))
		first = mem_printf("%s; then ", e->hint);
	err_hint(e,
		 "%snovahaul %s %s --source-dead%s%s; or, when %s is back, "
		 "novahaul resume %s",
		 first ? first : "", verb, job->id,
		 a->disks_path ? " --disks [HOST:]PATH" : "",
		 a->fence_max_age ? " --fence-max-age TIME" : "", job->source,
		 job->id);
}

char *app_alone_hint(struct app *a, const struct journal_job *job)
{
	const char *src = job->source, *id = job->id, *how = "resume";
	bool move = !app_is_fix(job->plan) && !is_rescue(job) && src &&
		    a->ops->steps;
	const char *disks = "";

	switch (move ? txn_alone(a->ops->steps(), job, false, NULL)
		     : TXN_ALONE_NOT) {
	case TXN_ALONE_BACK:
		how = "rollback";
		break;
	case TXN_ALONE_FORWARD:
		break;
	case TXN_ALONE_NOT:
		if (!move || txn_alone(a->ops->steps(), job, true, NULL) !=
				     TXN_ALONE_FORWARD)
			return NULL;
		disks = " --disks [HOST:]PATH";
		break;
	}
	return mem_printf("novahaul resume %s when %s answers; if it is dead: "
			  "novahaul fence %s, then novahaul %s %s "
			  "--source-dead%s",
			  id, src, src, how, id, disks);
}
