/* SPDX-License-Identifier: Apache-2.0 */
/* pause and continue: asked through the journal, as limit does. */
#include "cli/cli_priv.h"

static const struct opt opts[] = {OPT_LAST};

static int ask(struct cli *c, bool pause, struct err *e)
{
	AUTO(cli_journal_closep)
	struct journal *j = cli_journal_open(c, true, e);
	struct journal_asked a = {
		.key = "paused",
		.value = pause ? json_true() : json_false(),
		.text = pause ? "paused: no further member begins"
			      : "continued",
	};
	char id[JOURNAL_ID_MAX];

	if ((!j && e->kind != ERR_NONE) ||
	    cli_batch_id(j, c->operands[0], id, e) || batch_ask(j, id, &a, e))
		return -1;
	out_note(c->g.format, "batch %s: %s", id, a.text);
	return CLI_DONE;
}

static int run_pause(struct cli *c, const void *args, struct err *e)
{
	(void)args;
	return ask(c, true, e);
}

static int run_continue(struct cli *c, const void *args, struct err *e)
{
	(void)args;
	return ask(c, false, e);
}

const struct cmd cmd_pause = {
	.name = "pause",
	.summary = "Let no further member of a batch begin",
	.operands = "BATCH",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.run = run_pause,
};

const struct cmd cmd_continue = {
	.name = "continue",
	.summary = "Let the members of a paused batch begin again",
	.operands = "BATCH",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.run = run_continue,
};
