/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"

static const struct opt opts[] = {OPT_LAST};

static int run(struct cli *c, const void *args, struct err *e)
{
	int found = 0;

	(void)args;
	if (!c->n_operands) {
		cli_print_overview();
		return CLI_DONE;
	}
	for (const struct cmd *const *p = cli_commands; *p; p++)
		if (!strcmp((*p)->name, c->operands[0])) {
			if (found++)
				putchar('\n');
			cli_print_help(*p);
		}
	if (found)
		return CLI_DONE;
	err_set(e, ERR_USAGE, "help: %s: no such command", c->operands[0]);
	return err_hint(e, "novahaul help");
}

const struct cmd cmd_help = {
	.name = "help",
	.summary = "Explain a command",
	.operands = "[COMMAND]",
	.max_operands = 2,
	.opts = opts,
	.no_config = true,
	.run = run,
};
