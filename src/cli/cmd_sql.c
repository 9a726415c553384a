/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli_priv.h"

static const struct opt opts[] = {OPT_LAST};

static const struct out_column cols[] = {
	{"name", "NAME", OUT_TEXT},
	{"text", "STATEMENT", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static int run(struct cli *c, const void *args, struct err *e)
{
	json_t *list = NULL;
	const json_t *row;
	size_t i;

	(void)args;
	if (!c->app.ops || !c->app.ops->sql_list)
		return err_set(e, ERR_BUG, "sql show is not wired in");
	if (c->app.ops->sql_list(&c->app, c->n_operands ? c->operands[0] : NULL,
				 &list, e))
		return -1;
	if (c->g.format == OUT_TABLE) {
		/* For a database administrator: as the client would take it. */
		json_array_foreach (list, i, row)
			printf("-- %s\n%s;\n\n",
			       json_string_value(json_object_get(row, "name")),
			       json_string_value(json_object_get(row, "text")));
	} else {
		out_list(c->g.format, "statements", list, cols);
	}
	json_decref(list);
	return CLI_DONE;
}

const struct cmd cmd_sql = {
	.name = "sql",
	.verb = "show",
	.summary = "Print the SQL statements that run on a release of Nova",
	.operands = "[RELEASE]",
	.max_operands = 1,
	.opts = opts,
	.run = run,
};
