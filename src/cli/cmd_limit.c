/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli_priv.h"

enum { LEAST = 1024 };

static const struct opt opts[] = {OPT_LAST};

static int parse(const char *word, uint64_t *rate, struct err *e)
{
	*rate = 0;
	if (!strcmp(word, "off"))
		return 0;
	if (!cli_parse_size(word, rate) && *rate >= LEAST && *rate <= INT64_MAX)
		return 0;
	err_set(e, ERR_USAGE,
		"limit: %s is neither a rate of 1k or more, such as 512k or "
		"20M, nor off",
		word);
	return err_hint(e, "novahaul help limit");
}

static int run(struct cli *c, const void *args, struct err *e)
{
	AUTO(cli_journal_closep) struct journal *j = NULL;
	char id[JOURNAL_ID_MAX], size[OUT_SIZE_MAX];
	AUTO(mem_freep) char *say = NULL;
	bool batch = cli_is_batch(c->operands[0]);
	struct journal_asked a;
	uint64_t rate;
	json_t *v;
	int rc;

	(void)args;
	if (parse(c->operands[1], &rate, e))
		return -1;
	j = cli_journal_open(c, true, e);
	if ((!j && e->kind != ERR_NONE) ||
	    (batch ? cli_batch_id : cli_job_id)(j, c->operands[0], id, e))
		return -1;
	out_size(rate, size);
	say = rate ? mem_printf("limited to %s/s from now on", size)
		   : mem_strdup("not limited from now on");
	v = json_integer((json_int_t)rate);
	a = (struct journal_asked){.key = "bwlimit", .value = v, .text = say};
	rc = (batch ? batch_ask : journal_ask)(j, id, &a, e);
	json_decref(v);
	if (!rc)
		out_note(c->g.format, "%s %s: %s", batch ? "batch" : "job", id,
			 say);
	return rc;
}

const struct cmd cmd_limit = {
	.name = "limit",
	.summary = "Change how many bytes a second a job may send",
	.operands = "JOB|BATCH RATE|off",
	.min_operands = 2,
	.max_operands = 2,
	.opts = opts,
	.run = run,
};
