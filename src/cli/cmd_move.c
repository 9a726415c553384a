/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_priv.h"
#include "cli/request.h"

struct args {
	struct app_request req;
	bool dry_run;
};

static const struct opt opts[] = {
	REQUEST_TO,
	REQUEST_HOW,
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = offsetof(struct args, dry_run),
	 .dry = true,
	 .help = "end after the plan; change nothing"},
	OPT_LAST,
};

static const char *text(const json_t *o, const char *a, const char *b)
{
	const json_t *v = json_object_get(o, a);

	v = b ? json_object_get(v, b) : v;
	return json_is_string(v) ? json_string_value(v) : "?";
}

static int ask(struct cli *c, const json_t *plan, struct err *e)
{
	AUTO(mem_freep)
	char *q = mem_printf("Move %s (%s) from %s to %s?",
			     text(plan, "server", "name"),
			     text(plan, "server", "uuid"),
			     text(plan, "from", NULL), text(plan, "to", NULL));

	return cli_confirm(c, q, e);
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_request req = a->req;
	struct app_outcome out = APP_OUTCOME_INIT;
	json_t *plan = NULL;
	int code = -1;

	req.server = c->operands[0];
	if (app_plan(&c->app, &req, &plan, e)) {
		if (plan)
			cli_print_checks(c->g.format, plan);
	} else if (a->dry_run) {
		cli_print_plan(c->g.format, plan, c->g.verbose > 0);
		code = CLI_DONE;
	} else {
		if (c->g.format == OUT_TABLE)
			cli_print_plan(OUT_TABLE, plan, c->g.verbose > 1);
		code = ask(c, plan, e);
		if (!code) {
			app_apply(&c->app, plan, &out, e);
			code = cli_finish(c, &out, e);
		}
	}
	json_decref(plan);
	return code;
}

const struct cmd cmd_move = {
	.name = "move",
	.summary = "Move an instance to another compute host",
	.operands = "SERVER",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
