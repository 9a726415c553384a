/* SPDX-License-Identifier: Apache-2.0 */
/* The way back of one step, as far as there is one. */
#include <string.h>

#include "cli/book_priv.h"
#include "cli/progress.h"
#include "core/clock.h"

void book_stays(struct book *b, size_t i, const char *fmt, ...)
{
	AUTO(mem_freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	progress_note(b->a->progress, "%s: stays: %s", b->rb.steps[i].name,
		      text);
	json_array_append_new(
		b->stays, json_sprintf("%s: %s", b->rb.steps[i].name, text));
}

/* Disabled by this run, and nobody has touched it since. */
static int enable_again(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	struct app_service_set set = {.host = book_text(s, "host"),
				      .control = book_control(s)};
	struct app_service now;
	const char *by = "?";
	int rc = 0;

	if (b->a->ops->service_get(b->a, set.host, &now, e))
		return -1;
	if (now.disabled && book_mark_is(now.reason, b->b.id)) {
		set.mark = now.reason;
		rc = b->a->ops->service_set(b->a, &set, &by, e);
		if (!rc)
			rc = book_note(b, i, e,
				       "nova-compute of %s is enabled again, "
				       "%s",
				       set.host, by);
	} else if (now.disabled) {
		book_stays(b, i,
			   "nova-compute of %s is disabled, by somebody else",
			   set.host);
	}
	mem_free(now.reason);
	return rc;
}

static int move_back(struct book *b, size_t i, struct err *e)
{
	struct journal_job job = {0};
	struct app_outcome out = APP_OUTCOME_INIT;
	int rc = book_job(b, i, &job, e);

	if (!rc && *job.id && job.state == JOURNAL_OPEN) {
		rc = app_rollback(b->a, job.id, &out, e);
		json_decref(out.report);
		if (!rc && out.end != TXN_ROLLED_BACK)
			rc = err_set(e, ERR_FAILED, "job %s: %s", job.id,
				     txn_end_name(out.end));
	} else if (!rc && *job.id && job.state == JOURNAL_DONE) {
		book_stays(
			b, i,
			"%s is on %s; novahaul rollback %s takes it back if it "
			"can be",
			job.name, job.target, job.id);
	}
	journal_job_clear(&job);
	return rc;
}

static int undo(struct book *b, size_t i, struct err *e)
{
	switch (b->rb.steps[i].type) {
	case RUNBOOK_DISABLE:
		return enable_again(b, i, e);
	case RUNBOOK_MOVE:
		return move_back(b, i, e);
	case RUNBOOK_EVACUATE:
	case RUNBOOK_RETURN:
		return book_undo_fleet(b, i, e);
	case RUNBOOK_HOOK:
		book_stays(
			b, i, "what %s has done",
			json_string_value(json_array_get(
				json_object_get(b->rb.steps[i].args, "command"),
				0)));
		return 0;
	/* Enabling undid this run's own disabling. */
	case RUNBOOK_ENABLE:
	case RUNBOOK_CHECK:
	case RUNBOOK_WAIT:
	case RUNBOOK_APPROVE:
	case RUNBOOK_AUDIT:
	case RUNBOOK_REPORT:
		break;
	}
	return 0;
}

int book_undo(struct book *b, size_t i, struct err *e)
{
	struct batch_member *m = &b->b.members[i];

	/* One that never began has left nothing; one that was given up may
	 * have. */
	if (m->state == MEMBER_ROLLED_BACK || !m->attempts)
		return 0;
	if (undo(b, i, e))
		return -1;
	m->state = MEMBER_ROLLED_BACK;
	m->ended_us = clock_now_us();
	err_clear(&m->why);
	return batch_member_set(b->j, &b->k, m, e);
}
