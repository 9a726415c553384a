/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/hooks.h"
#include "cli/progress.h"
#include "cli/sdjournal.h"
#include "core/clock.h"
#include "core/fs.h"
#include "core/log.h"
#include "report/facts.h"
#include "report/metrics.h"

/* One line about a hook, for the journal and for people. */
static void hook_failed(void *arg, const char *text)
{
	struct trace *t = arg;
	struct journal_key k = journal_key(&t->job);
	struct err e = ERR_INIT;

	progress_note(t->app->progress, "warning: %s", text);
	if (t->begun && journal_say(t->journal, &k, t->idx, text, &e))
		log_info("%s", err_msg(&e));
	err_clear(&e);
}

static int write_file(const char *path, const struct buf *text, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO(mem_freep)
	char *dir = mem_strndup(path, (size_t)(slash - path) + 1);
	AUTO(mem_closefd)
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", dir);
	return fs_write_atomic(fd, slash + 1, text->p, text->len, 0644, e);
}

/* What cannot be written is told, and that is all. */
static void put_metrics(struct trace *t)
{
	const char *path = t->app->config->textfile;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	if (!path)
		return;
	if (report_metrics(t->journal, clock_now_us(), &text, &e) ||
	    write_file(path, &text, &e))
		progress_note(t->app->progress, "warning: metrics: %s",
			      err_msg(&e));
	err_clear(&e);
}

static void open_hooks(struct trace *t)
{
	if (!t->hooks)
		t->hooks = hooks_new(&t->app->config->hooks, hook_failed, t);
}

/* Whose move it is that may not begin. */
static int of_instance(const json_t *plan, struct err *e)
{
	const json_t *i = json_object_get(plan, "instance");
	const char *uuid = json_string_value(json_object_get(i, "uuid"));
	const char *name = json_string_value(json_object_get(i, "name"));
	const char *from = json_string_value(json_object_get(plan, "source"));
	const char *to = json_string_value(json_object_get(plan, "target"));

	if (from && to && strcmp(from, to) != 0)
		return err_wrap(e, "instance %s (%s), from %s to %s",
				uuid ? uuid : "?", name ? name : "?", from, to);
	return err_wrap(e, "instance %s (%s)", uuid ? uuid : "?",
			name ? name : "?");
}

int trace_ask(struct trace *t, const json_t *plan, struct err *e)
{
	json_t *doc;
	int rc = 0;

	open_hooks(t);
	if (!hooks_want(t->hooks, CONFIG_HOOK_BEFORE_START))
		return 0;
	doc = report_facts_plan(plan,
				config_hook_name(CONFIG_HOOK_BEFORE_START),
				clock_now_us());
	rc = hooks_ask(t->hooks, doc, e);
	json_decref(doc);
	return rc ? of_instance(plan, e) : 0;
}

static void tell_system(const struct trace *t, enum sdjournal_what what,
			const char *step, const char *text)
{
	sdjournal_send(t->sd, &(struct sdjournal){.what = what,
						  .job = t->job.id,
						  .instance = t->job.instance,
						  .step = step,
						  .text = text});
}

static json_t *facts(const struct trace *t, enum config_hook which)
{
	return report_facts(&t->job, config_hook_name(which), clock_now_us());
}

/* The job's first event: who it is, as the journal has it now. */
static void begin(struct trace *t, const struct txn_event *ev)
{
	struct err e = ERR_INIT;
	json_t *doc;

	if (t->tried)
		return;
	t->tried = true;
	put_metrics(t);
	open_hooks(t);
	t->sd = sdjournal_open(SDJOURNAL_SOCKET);
	if (!t->hooks && t->sd < 0)
		return;
	if (journal_load(t->journal, ev->job, &t->job, &e)) {
		log_warn("nobody is told what it does: %s", err_msg(&e));
		err_clear(&e);
		return;
	}
	t->begun = true;
	tell_system(t, SDJOURNAL_START, NULL, journal_dir_name(ev->dir));
	doc = facts(t, CONFIG_HOOK_START);
	hooks_wait(t->hooks, CONFIG_HOOK_START, doc);
	json_decref(doc);
}

/* {"name", "nr", "of", "result", "seconds"} */
static json_t *step_json(const struct trace *t, const struct txn_event *ev,
			 const char *result)
{
	return json_pack("{s:s s:I s:I s:s s:f}", "name", ev->step, "nr",
			 (json_int_t)ev->idx + 1, "of", (json_int_t)ev->nsteps,
			 "result", result, "seconds",
			 (double)((clock_mono_us() - t->step_us) / 1000) / 1e3);
}

static void tell_step(struct trace *t, const struct txn_event *ev,
		      enum config_hook which)
{
	bool back = ev->dir == JOURNAL_BACKWARD;
	json_t *doc;

	if (!hooks_want(t->hooks, which))
		return;
	doc = facts(t, which);
	json_object_set_new(doc, "direction",
			    json_string(journal_dir_name(ev->dir)));
	json_object_set_new(doc, "step",
			    step_json(t, ev,
				      which == CONFIG_HOOK_FAIL ? "failed"
				      : back			? "undone"
								: "done"));
	if (which == CONFIG_HOOK_FAIL && ev->text)
		json_object_set_new(doc, "error",
				    json_pack("{s:s*}", "message", ev->text));
	hooks_send(t->hooks, which, doc);
	json_decref(doc);
}

static void tell(struct trace *t, const struct txn_event *ev)
{
	switch (ev->kind) {
	case TXN_EV_START:
		t->idx = ev->idx;
		t->step_us = clock_mono_us();
		break;
	case TXN_EV_END:
		tell_system(t, SDJOURNAL_STEP, ev->step,
			    ev->dir == JOURNAL_BACKWARD ? "undone" : "done");
		tell_step(t, ev, CONFIG_HOOK_STEP);
		break;
	case TXN_EV_FAIL:
		tell_system(t, SDJOURNAL_FAIL, ev->step, ev->text);
		tell_step(t, ev, CONFIG_HOOK_FAIL);
		break;
	case TXN_EV_SAY:
		tell_system(t, SDJOURNAL_SAY, ev->step, ev->text);
		break;
	case TXN_EV_WAIT:
	case TXN_EV_PROGRESS:
	case TXN_EV_TURN:
		break;
	}
	hooks_poll(t->hooks);
}

void trace_event(void *arg, const struct txn_event *ev)
{
	struct trace *t = arg;

	begin(t, ev);
	progress_event(t->app->progress, ev);
	if (t->begun)
		tell(t, ev);
}

static void tell_end(struct trace *t, const struct app_outcome *out,
		     const struct err *e)
{
	static const char *const figures[] = {"copied", "precopy", "downtime",
					      "transfer"};
	json_t *doc = facts(t, CONFIG_HOOK_END), *v;

	json_object_set_new(doc, "end", json_string(txn_end_name(out->end)));
	json_object_set_new(doc, "exit_code",
			    json_integer(txn_exit_code(out->end, e)));
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		v = json_object_get(out->report, figures[i]);
		if (v)
			json_object_set(doc, figures[i], v);
	}
	if (e->kind != ERR_NONE)
		json_object_set_new(doc, "error",
				    json_pack("{s:s s:s s:s*}", "kind",
					      err_kind_name(e->kind), "message",
					      err_msg(e), "hint", e->hint));
	hooks_wait(t->hooks, CONFIG_HOOK_END, doc);
	json_decref(doc);
}

void trace_clear(struct trace *t)
{
	hooks_free(t->hooks);
	if (t->sd > 0)
		mem_closefd(&t->sd);
	t->sd = 0;
	journal_job_clear(&t->job);
	t->hooks = NULL;
	t->begun = t->tried = false;
}

void trace_end(struct trace *t, const struct app_outcome *out,
	       const struct err *e)
{
	struct journal_job now = {0};
	struct err ignored = ERR_INIT;

	if (t->begun && !journal_load(t->journal, t->job.id, &now, &ignored)) {
		journal_job_clear(&t->job);
		t->job = now;
	}
	err_clear(&ignored);
	/* Those of the steps first: the end is the last that is told. */
	hooks_settle(t->hooks);
	if (t->begun)
		tell_system(t, SDJOURNAL_END, NULL, txn_end_name(out->end));
	if (t->begun && hooks_want(t->hooks, CONFIG_HOOK_END))
		tell_end(t, out, e);
	if (t->tried)
		put_metrics(t);
	trace_clear(t);
}
