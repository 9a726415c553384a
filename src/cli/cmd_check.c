/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli_priv.h"
#include "cli/request.h"

static const struct opt opts[] = {REQUEST_TO, REQUEST_HOW, OPT_LAST};

/* The world was read; what it says decides the exit code. */
static int verdict(const json_t *report, struct err *e)
{
	const char *v = json_string_value(json_object_get(report, "verdict"));

	if (v && !strcmp(v, "ok"))
		return CLI_DONE;
	if (v && !strcmp(v, "nothing"))
		return CLI_NOTHING;
	if (v && !strcmp(v, "refused"))
		return CLI_REFUSED;
	if (v && !strcmp(v, "locked"))
		return CLI_LOCKED;
	return err_set(e, ERR_BUG, "check: verdict %s", v ? v : "missing");
}

static int run(struct cli *c, const void *args, struct err *e)
{
	struct app_request req = *(const struct app_request *)args;
	json_t *report = NULL;
	int code;

	req.server = c->operands[0];
	code = app_check(&c->app, &req, &report, e);
	if (!code) {
		cli_print_checks(c->g.format, report);
		code = verdict(report, e);
	}
	json_decref(report);
	return code;
}

const struct cmd cmd_check = {
	.name = "check",
	.summary = "Tell whether an instance can be moved, and what forbids it",
	.operands = "SERVER",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct app_request),
	.run = run,
};
