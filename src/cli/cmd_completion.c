/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli_priv.h"

static const struct opt opts[] = {OPT_LAST};

static int run(struct cli *c, const void *args, struct err *e)
{
	(void)args;
	if (c->n_operands && strcmp(c->operands[0], "bash")) {
		err_set(e, ERR_USAGE, "completion: %s: no such shell here",
			c->operands[0]);
		return err_hint(e, "novahaul completion bash");
	}
	cli_print_bash_completion();
	return CLI_DONE;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.summary = "Print the completion script for a shell",
	.operands = "[bash]",
	.max_operands = 1,
	.opts = opts,
	.no_config = true,
	.run = run,
};
