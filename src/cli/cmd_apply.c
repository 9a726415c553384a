/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/app_fleet.h"
#include "cli/cli_priv.h"
#include "core/fs.h"

enum { PLAN_MAX = 16 << 20 };

static const struct opt opts[] = {OPT_LAST};

static json_t *load(const char *path, struct err *e)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	json_error_t why;
	json_t *plan;

	if (fs_read_path(path, PLAN_MAX, &text, e)) {
		e->kind = ERR_USAGE;
		return NULL;
	}
	plan = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES,
			  &why);
	if (plan && json_is_object(plan) &&
	    (json_is_array(json_object_get(plan, "steps")) ||
	     json_is_array(json_object_get(plan, "members"))))
		return plan;
	if (plan)
		err_set(e, ERR_USAGE, "%s: not a plan", path);
	else
		err_set(e, ERR_USAGE, "%s:%d: %s", path, why.line, why.text);
	err_hint(e, "novahaul plan SERVER --to HOST -o %s", path);
	json_decref(plan);
	return NULL;
}

static int batch(struct cli *c, const json_t *plan, struct err *e)
{
	return app_batch_holds(&c->app, plan, e) ? -1
						 : cli_run_batch(c, plan, e);
}

static int run(struct cli *c, const void *args, struct err *e)
{
	struct app_outcome out = APP_OUTCOME_INIT;
	json_t *plan = load(c->operands[0], e);
	int code;

	(void)args;
	if (!plan)
		return -1;
	if (json_is_array(json_object_get(plan, "members"))) {
		code = batch(c, plan, e);
		json_decref(plan);
		return code;
	}
	if (c->g.format == OUT_TABLE)
		cli_print_plan(OUT_TABLE, plan, c->g.verbose > 0);
	code = cli_confirm(c, "Run this plan?", e);
	if (!code) {
		app_apply(&c->app, plan, &out, e);
		code = cli_finish(c, &out, e);
	}
	json_decref(plan);
	return code;
}

const struct cmd cmd_apply = {
	.name = "apply",
	.summary = "Run a plan that was written and reviewed before",
	.operands = "FILE",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.mutates = true,
	.run = run,
};
