/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/app_book.h"
#include "cli/cli_priv.h"

static const struct opt opts[] = {OPT_LAST};

static int batch(struct cli *c, struct err *e)
{
	struct app_batch_outcome out = {.code = -1};
	struct app_outcome book = APP_OUTCOME_INIT;
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *q = NULL;
	bool run = false;

	if (cli_batch_word(c, c->operands[0], id, e) ||
	    cli_batch_is_run(c, id, &run, e))
		return -1;
	q = mem_printf("Undo all that batch %s has done?", id);
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
	struct app_outcome out = APP_OUTCOME_INIT;
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *q = NULL;

	(void)args;
	if (cli_is_batch(c->operands[0]))
		return batch(c, e);
	if (cli_job_word(c, c->operands[0], id, e))
		return -1;
	q = mem_printf("Undo all that job %s has done?", id);
	if (cli_confirm(c, q, e))
		return -1;
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
	.mutates = true,
	.run = run,
};
