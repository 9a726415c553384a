/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli_priv.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "core/clock.h"

struct args {
	struct app_request req;
	bool dry_run;
	const char *batch; /* ID:MEMBER:EPOCH */
	const char *from;  /* only off this host */
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
	{.type = OPT_STRING,
	 .name = "batch",
	 .arg = "ID:MEMBER:EPOCH",
	 .offset = offsetof(struct args, batch),
	 .hidden = true,
	 .help = "the batch that begins it"},
	{.type = OPT_HOST,
	 .name = "from",
	 .arg = "HOST",
	 .offset = offsetof(struct args, from),
	 .hidden = true,
	 .help = "the host that it is to leave"},
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

static int apply(struct cli *c, const struct args *a, json_t *plan,
		 struct app_outcome *out, struct err *e)
{
	int code;

	if (c->g.format == OUT_TABLE)
		cli_print_plan(OUT_TABLE, plan, c->g.verbose > 1);
	code = cli_put_batch(plan, a->batch, true, e) ? -1 : ask(c, plan, e);
	if (code)
		return code;
	app_apply(&c->app, plan, out, e);
	c->app.planned_us = 0;
	return cli_finish(c, out, e);
}

/* Where it has left already, whatever speaks against another move of it is of
 * no interest; but who holds it may yet bring it back. */
static bool has_left(const struct args *a, const json_t *plan, struct err *e)
{
	const char *at = text(plan, "from", NULL);

	if (!a->from || !plan || e->kind == ERR_LOCKED || !strcmp(at, a->from))
		return false;
	err_clear(e);
	err_set(e, ERR_NOTHING,
		"instance %s (%s) is not on %s any more, but on %s",
		text(plan, "server", "uuid"), text(plan, "server", "name"),
		a->from, at);
	return true;
}

static int once(struct cli *c, const void *args, struct app_outcome *out,
		struct err *e)
{
	const struct args *a = args;
	struct app_request req = a->req;
	json_t *plan = NULL;
	int code = -1, rc;

	req.server = c->operands[0];
	rc = app_plan(&c->app, &req, &plan, e);
	c->app.planned_us = clock_mono_us();
	if (has_left(a, plan, e) || rc) {
		if (plan)
			cli_print_checks(c->g.format, plan);
	} else if (a->dry_run) {
		cli_print_plan(c->g.format, plan, c->g.verbose > 0);
		code = CLI_DONE;
	} else {
		code = apply(c, a, plan, out, e);
	}
	json_decref(plan);
	return code;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;

	return cli_plan_and_do(c, once, a, a->batch, e);
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
