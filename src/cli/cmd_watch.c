/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli_priv.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/stop.h"

enum { POLL_US = 500000 };

static const struct opt opts[] = {OPT_LAST};

struct watch {
	struct cli *c;
	struct journal *j;
	const struct journal_job *job;
	uint64_t seen;	    /* seq of the last event shown */
	int64_t started_us; /* of the step that runs */
};

static bool begins(const char *text, enum journal_mark mark)
{
	const char *name = journal_mark_name(mark);

	return !strncmp(text, name, strlen(name));
}

/* The text of a "mark" is the new mark's name, and perhaps the attempt. */
static enum txn_event_kind kind_of(const struct journal_event *je)
{
	if (strcmp(je->kind, "mark") || !je->text)
		return TXN_EV_SAY;
	if (begins(je->text, MARK_RUNNING) || begins(je->text, MARK_UNDOING))
		return TXN_EV_START;
	if (begins(je->text, MARK_DONE) || begins(je->text, MARK_UNDONE))
		return TXN_EV_END;
	return TXN_EV_SAY;
}

/* An event of the journal as the engine would have told it. */
static bool show(void *arg, const struct journal_event *je)
{
	struct watch *w = arg;
	struct txn_event ev = {
		.kind = kind_of(je),
		.job = w->job->id,
		.dir = w->job->dir,
		.nsteps = w->job->nsteps,
		.text = je->text,
	};

	w->seen = je->seq;
	if (je->idx >= 0 && (size_t)je->idx < w->job->nsteps) {
		ev.idx = (size_t)je->idx;
		ev.step = w->job->steps[je->idx].name;
	}
	if (ev.kind == TXN_EV_START)
		w->started_us = je->ts_us;
	if (ev.kind == TXN_EV_END && je->ts_us > w->started_us)
		progress_took(w->c->app.progress, je->ts_us - w->started_us);
	if (ev.kind == TXN_EV_START || ev.kind == TXN_EV_END) {
		ev.dir = begins(je->text, MARK_UNDOING) ||
					 begins(je->text, MARK_UNDONE)
				 ? JOURNAL_BACKWARD
				 : JOURNAL_FORWARD;
		ev.summary = ev.dir == JOURNAL_FORWARD ? "runs" : "is undone";
		ev.text = NULL;
	}
	progress_event(w->c->app.progress, &ev);
	return true;
}

/* The exit code once there is nothing more to wait for, else -1; -2: E. */
static int look(struct watch *w, const char *id, struct err *e)
{
	struct journal_job job = {0};
	int code = -1;

	if (journal_load(w->j, id, &job, e))
		return -2;
	w->job = &job;
	if (journal_events(w->j, id, w->seen, show, w, e)) {
		code = -2;
	} else if (job.state == JOURNAL_DONE) {
		code = CLI_DONE;
	} else if (job.state == JOURNAL_ROLLED_BACK) {
		code = job.demanded ? CLI_DONE : CLI_FAILED;
	} else if (cli_job_alive(&job) == CLI_ALIVE_NO) {
		err_set(e, ERR_FAILED, "job %s: whoever ran it (%s) is gone",
			id, job.owner);
		err_hint(e, "novahaul resume %s, or novahaul rollback %s", id,
			 id);
		code = CLI_OPEN;
	}
	w->job = NULL;
	journal_job_clear(&job);
	return code;
}

typedef int look_fn(struct watch *w, const char *id, struct err *e);

/* Waiting for a busy journal is not a failure: a job is writing in it. */
static int follow(struct watch *w, const char *id, look_fn *look_at,
		  struct err *e)
{
	for (;;) {
		int code = look_at(w, id, e);

		if (code == -2 && e->kind == ERR_RETRY) {
			err_clear(e);
			code = -1;
		}
		if (code != -1)
			return code == -2 ? -1 : code;
		if (stop_requested())
			return CLI_OPEN;
		clock_sleep_us(POLL_US);
	}
}

static bool show_batch(void *arg, const struct journal_event *ev)
{
	struct watch *w = arg;

	w->seen = ev->seq;
	if (ev->idx >= 0)
		progress_note(w->c->app.progress, "member %ld: %s", ev->idx + 1,
			      ev->text);
	else
		progress_note(w->c->app.progress, "%s", ev->text);
	return true;
}

/* As look(). */
static int look_batch(struct watch *w, const char *id, struct err *e)
{
	struct batch b = {0};
	int code = -1;

	if (batch_events(w->j, id, w->seen, show_batch, w, e) ||
	    batch_load(w->j, id, &b, e))
		return -2;
	switch (b.state) {
	case BATCH_DONE:
	case BATCH_ROLLED_BACK:
		code = CLI_DONE;
		break;
	case BATCH_FAILED:
		code = CLI_FAILED;
		break;
	case BATCH_OPEN:
		if (app_batch_alive(&b) != APP_ALIVE_NO)
			break;
		err_set(e, ERR_FAILED, "batch %s: whoever ran it (%s) is gone",
			id, b.owner);
		err_hint(e, "novahaul resume %s, or novahaul rollback %s", id,
			 id);
		code = CLI_OPEN;
		break;
	}
	batch_clear(&b);
	return code;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	AUTO(cli_journal_closep)
	struct journal *j = cli_journal_open(c, true, e);
	struct watch w = {.c = c, .j = j};
	char id[JOURNAL_ID_MAX];
	bool batch = cli_is_batch(c->operands[0]);

	(void)args;
	if ((!j && e->kind != ERR_NONE) ||
	    (batch ? cli_batch_id : cli_job_id)(j, c->operands[0], id, e))
		return -1;
	return follow(&w, id, batch ? look_batch : look, e);
}

const struct cmd cmd_watch = {
	.name = "watch",
	.summary = "Follow a job that another process runs, to its end",
	.operands = "JOB|BATCH",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.run = run,
};
