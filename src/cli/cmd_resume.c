/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/app_book.h"
#include "cli/cli_priv.h"
#include "cli/request.h"

struct args {
	const char *skip, *reason;
	bool dry_run, source_dead;
	unsigned fence_max_age;
	const char *disks;
};

static const struct opt opts[] = {
	{.type = OPT_STRING,
	 .name = "skip-step",
	 .arg = "NAME",
	 .offset = offsetof(struct args, skip),
	 .help = "of a run: give up the step at which it stands"},
	{.type = OPT_STRING,
	 .name = "reason",
	 .arg = "TEXT",
	 .offset = offsetof(struct args, reason),
	 .help = "with --skip-step: why"},
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = offsetof(struct args, dry_run),
	 .dry = true,
	 .help = "with --skip-step: say what would be; change nothing"},
	{.type = OPT_FLAG,
	 .name = "source-dead",
	 .offset = offsetof(struct args, source_dead),
	 .help = "without its source, which is proven to be off"},
	{.type = OPT_SECONDS,
	 .name = "fence-max-age",
	 .arg = "TIME",
	 .offset = offsetof(struct args, fence_max_age),
	 .min = 1,
	 .help = "with --source-dead: how old the proof may be"},
	{.type = OPT_STRING,
	 .name = "disks",
	 .arg = "[HOST:]PATH",
	 .offset = offsetof(struct args, disks),
	 .help = "with --source-dead: where its instances_path is seen"},
	OPT_LAST,
};

static const struct out_column skip_cols[] = {
	{"run", "Run", OUT_TEXT},      {"name", "Of", OUT_TEXT},
	{"step", "Step", OUT_TEXT},    {"type", "Type", OUT_TEXT},
	{"state", "State", OUT_TEXT},  {"why", "Why", OUT_TEXT},
	{"does", "Then it", OUT_TEXT}, {"next", "Next", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static int usage(const struct cli *c, const struct args *a, struct err *e)
{
	if (a->skip ? a->reason && cli_is_batch(c->operands[0])
		    : !a->reason && !a->dry_run)
		return 0;
	if (a->skip && a->reason)
		err_set(e, ERR_USAGE, "resume: --skip-step is of a run, b-...");
	else
		err_set(e, ERR_USAGE,
			a->skip ? "resume: --skip-step wants --reason"
				: "resume: --reason and --dry-run go with "
				  "--skip-step");
	return err_hint(e, "novahaul help resume");
}

static int skip_dry(struct cli *c, const char *id,
		    const struct app_book_skip *s, struct err *e)
{
	json_t *report = NULL;

	if (app_book_skip_dry(&c->app, id, s, &report, e))
		return -1;
	out_record(c->g.format, report, skip_cols);
	json_decref(report);
	return CLI_DONE;
}

static int skip_step(struct cli *c, const char *id, const struct args *a,
		     struct err *e)
{
	struct app_book_skip s = {a->skip, a->reason};
	struct app_outcome out = APP_OUTCOME_INIT;
	AUTO(mem_freep) char *q = NULL;

	if (a->dry_run)
		return skip_dry(c, id, &s, e);
	q = mem_printf("Give up step %s of run %s, and go on behind it?",
		       a->skip, id);
	if (cli_confirm(c, q, e))
		return -1;
	app_book_skip(&c->app, id, &s, &out, e);
	return cli_finish_book(c, &out, e);
}

static int batch(struct cli *c, const struct args *a, struct err *e)
{
	struct app_batch_outcome out = {.code = -1};
	struct app_outcome book = APP_OUTCOME_INIT;
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *q = NULL;
	bool run = false;

	if (cli_batch_word(c, c->operands[0], id, e) ||
	    cli_batch_is_run(c, id, &run, e))
		return -1;
	if (a->skip && !run) {
		err_set(e, ERR_USAGE, "%s is no run of a runbook", id);
		return err_hint(e, "novahaul show %s", id);
	}
	if (a->source_dead && run)
		return cli_not_of_run(c, "source-dead", e);
	if (a->skip)
		return skip_step(c, id, a, e);
	c->app.alone = a->source_dead ? APP_ALONE_RESUME : APP_ALONE_NOT;
	q = mem_printf("Go on with %sbatch %s%s?",
		       a->source_dead ? "the open members of " : "", id,
		       a->source_dead ? ", without their source" : "");
	if (cli_confirm(c, q, e))
		return -1;
	if (run) {
		app_book_resume(&c->app, id, &book, e);
		return cli_finish_book(c, &book, e);
	}
	app_batch_resume(&c->app, id, &out, e);
	return cli_finish_batch(c, &out, e);
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_outcome out = APP_OUTCOME_INIT;
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *q = NULL;

	struct request_place disks;

	if (usage(c, args, e))
		return -1;
	if ((a->disks || a->fence_max_age) && !a->source_dead) {
		err_set(e, ERR_USAGE, "resume: --%s goes with --source-dead",
			a->disks ? "disks" : "fence-max-age");
		return err_hint(e, "novahaul help resume");
	}
	if (a->disks && request_place(a->disks, "resume JOB --source-dead",
				      "disks", &disks, e))
		return -1;
	c->app.disks_host = a->disks ? disks.host : NULL;
	c->app.disks_path = a->disks ? disks.path : NULL;
	c->app.fence_max_age = a->fence_max_age;
	if (cli_is_batch(c->operands[0]))
		return batch(c, args, e);
	if (cli_job_word(c, c->operands[0], id, e))
		return -1;
	q = mem_printf("Go on with job %s?", id);
	if (cli_confirm(c, q, e))
		return -1;
	if (a->source_dead)
		app_resume_alone(&c->app, id, &out, e);
	else
		app_resume(&c->app, id, &out, e);
	return cli_finish(c, &out, e);
}

const struct cmd cmd_resume = {
	.name = "resume",
	.summary = "Go on with a job or batch that was interrupted",
	.operands = "JOB|BATCH",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
