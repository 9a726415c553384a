/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "cli/app_book.h"
#include "cli/cli_priv.h"

struct args {
	bool uncommitted, source_dead;
	unsigned fence_max_age;
};

static const struct opt opts[] = {
	{.type = OPT_FLAG,
	 .name = "uncommitted",
	 .offset = offsetof(struct args, uncommitted),
	 .help = "only from before its commit point"},
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
	OPT_LAST,
};

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
	if (a->source_dead && run)
		return cli_not_of_run(c, "source-dead", e);
	c->app.alone = a->source_dead ? APP_ALONE_ROLLBACK : APP_ALONE_NOT;
	q = a->source_dead ? mem_printf("Undo what the open members of batch "
					"%s have done, without their source?",
					id)
			   : mem_printf("Undo all that batch %s has done?", id);
	if (cli_confirm(c, q, e))
		return -1;
	if (run) {
		app_book_rollback(&c->app, id, &book, e);
		return cli_finish_book(c, &book, e);
	}
	app_batch_rollback(&c->app, id, &out, e);
	return cli_finish_batch(c, &out, e);
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_outcome out = APP_OUTCOME_INIT;
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *q = NULL;

	if (a->uncommitted && a->source_dead) {
		err_set(e, ERR_USAGE,
			"rollback: --uncommitted needs the source, and "
			"--source-dead says that there is none");
		return err_hint(e, "novahaul help rollback");
	}
	if (a->fence_max_age && !a->source_dead) {
		err_set(e, ERR_USAGE,
			"rollback: --fence-max-age goes with --source-dead");
		return err_hint(e, "novahaul help rollback");
	}
	c->app.fence_max_age = a->fence_max_age;
	if (cli_is_batch(c->operands[0]))
		/* A batch knows by itself when a member must be asked that. */
		return a->uncommitted ? cli_not_of_batch(c, "uncommitted", e)
				      : batch(c, a, e);
	if (cli_job_word(c, c->operands[0], id, e))
		return -1;
	q = mem_printf("Undo all that job %s has done?", id);
	if (cli_confirm(c, q, e))
		return -1;
	if (a->source_dead)
		app_rollback_alone(&c->app, id, &out, e);
	else if (a->uncommitted)
		app_retreat(&c->app, id, &out, e);
	else
		app_rollback(&c->app, id, &out, e);
	return cli_finish(c, &out, e);
}

const struct cmd cmd_rollback = {
	.name = "rollback",
	.summary = "Undo what a job has done, up to its start",
	.operands = "JOB|BATCH",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
