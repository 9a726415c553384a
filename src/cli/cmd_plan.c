/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_priv.h"
#include "cli/request.h"

struct args {
	struct app_request req;
	const char *output;
};

static const struct opt opts[] = {
	REQUEST_TO,
	REQUEST_HOW,
	{.type = OPT_FILE,
	 .name = "output",
	 .key = 'o',
	 .arg = "FILE",
	 .offset = offsetof(struct args, output),
	 .help = "write the plan there, for novahaul apply"},
	OPT_LAST,
};

static int write_plan(const char *path, const json_t *plan, struct err *e)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	out_json(&text, plan, JSON_INDENT(2));
	buf_putc(&text, '\n');
	return cli_write_file(path, buf_str(&text), e);
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_request req = a->req;
	json_t *plan = NULL;
	int rc;

	req.server = c->operands[0];
	rc = app_plan(&c->app, &req, &plan, e);
	if (rc && plan)
		cli_print_checks(c->g.format, plan);
	else if (!rc)
		cli_print_plan(c->g.format, plan, true);
	if (!rc && a->output)
		rc = write_plan(a->output, plan, e);
	if (!rc && a->output)
		out_note(c->g.format, "To run it: novahaul apply %s",
			 a->output);
	json_decref(plan);
	return rc;
}

const struct cmd cmd_plan = {
	.name = "plan",
	.summary = "Show each step of a move; change nothing",
	.operands = "SERVER",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.run = run,
};
