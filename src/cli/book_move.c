/* SPDX-License-Identifier: Apache-2.0 */
/* move: an ordinary job, which the journal has down as this step's. */
#include <string.h>

#include "cli/book_priv.h"

struct app_request book_move_request(const struct runbook_step *s)
{
	return (struct app_request){
		.server = book_text(s, "server"),
		.to = book_text(s, "to"),
		.control = book_control(s),
		.precopy = book_flag(s, "precopy"),
		.bwlimit = (uint64_t)book_number(s, "bwlimit"),
		.stop_timeout = (unsigned)book_number(s, "stop-timeout"),
		.no_start = book_flag(s, "start") == APP_NO,
		.detach_volumes = book_flag(s, "detach-volumes") == APP_YES,
		.verify_deep = book_flag(s, "verify-deep") == APP_YES,
		.verify_full = book_flag(s, "verify-full") == APP_YES,
	};
}

/* Oldest first: the last one stays. */
static bool note_newest(void *arg, const struct journal_job *job)
{
	memcpy(arg, job->id, JOURNAL_ID_MAX);
	return true;
}

int book_job(struct book *b, size_t i, struct journal_job *job, struct err *e)
{
	char id[JOURNAL_ID_MAX] = "";

	*job->id = '\0';
	if (b->rb.steps[i].type != RUNBOOK_MOVE)
		return 0;
	if (batch_jobs(b->j, b->b.id, (long)i, note_newest, id, e))
		return -1;
	return *id ? journal_load(b->j, id, job, e) : 0;
}

/* How a job ended, as the end of a step. */
static int outcome(struct book *b, size_t i, struct app_outcome *out,
		   struct err *e)
{
	json_decref(out->report);
	if (e->kind != ERR_NONE)
		return -1;
	switch (out->end) {
	case TXN_DONE:
	case TXN_NOTHING:
		return book_note(b, i, e, "job %s is done", out->job);
	case TXN_OPEN:
	case TXN_ROLLED_BACK:
	case TXN_REFUSED:
	case TXN_LOCKED:
	case TXN_ERROR:
		break;
	}
	return err_set(e, ERR_FAILED, "job %s: %s", out->job,
		       txn_end_name(out->end));
}

static int move_anew(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	struct app_request req = book_move_request(s);
	struct app_outcome out = APP_OUTCOME_INIT;
	json_t *plan = NULL;

	if (app_plan(b->a, &req, &plan, e)) {
		json_decref(plan);
		if (e->kind != ERR_NOTHING)
			return -1;
		err_clear(e);
		return book_note(b, i, e, "server %s is on %s already",
				 req.server, req.to);
	}
	json_object_set_new(plan, "batch",
			    json_pack("{s:s, s:I, s:I}", "id", b->b.id,
				      "member", (json_int_t)i, "epoch",
				      (json_int_t)b->k.epoch));
	app_apply(b->a, plan, &out, e);
	json_decref(plan);
	return outcome(b, i, &out, e);
}

int book_move(struct book *b, size_t i, struct err *e)
{
	struct journal_job job = {0};
	struct app_outcome out = APP_OUTCOME_INIT;
	bool open, done;

	if (book_job(b, i, &job, e))
		return -1;
	open = *job.id && job.state == JOURNAL_OPEN;
	done = *job.id && job.state == JOURNAL_DONE;
	memcpy(out.job, job.id, sizeof(out.job));
	journal_job_clear(&job);
	if (done)
		return book_note(b, i, e, "job %s is done", out.job);
	if (!open)
		return move_anew(b, i, e);
	app_resume(b->a, out.job, &out, e);
	return outcome(b, i, &out, e);
}
