/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_priv.h"

static const struct opt opts[] = {OPT_LAST};

static int run(struct cli *c, const void *args, struct err *e)
{
	struct app_outcome out = APP_OUTCOME_INIT;
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *q = NULL;

	(void)args;
	if (cli_job_word(c, c->operands[0], id, e))
		return -1;
	q = mem_printf("Go on with job %s?", id);
	if (cli_confirm(c, q, e))
		return -1;
	app_resume(&c->app, id, &out, e);
	return cli_finish(c, &out, e);
}

const struct cmd cmd_resume = {
	.name = "resume",
	.summary = "Go on with a job that was interrupted",
	.operands = "JOB",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.mutates = true,
	.run = run,
};
