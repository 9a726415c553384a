/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/app_fleet.h"
#include "cli/cli_priv.h"
#include "cli/request.h"

static const char *const policies[] = {"spread", "fill", "fewest-bytes", NULL};

struct args {
	struct app_request req; /* first: REQUEST_HOW */
	const char *to, *output;
	int pack;
	unsigned parallel, per_source, per_target, max_failures;
	unsigned most_per_target;
	bool dry_run;
};

#define A(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{.type = OPT_STRING,
	 .name = "to",
	 .arg = "HOST[,HOST...]",
	 .offset = A(to),
	 .help = "only to these; else to any enabled one"},
	{.type = OPT_CHOICE,
	 .name = "pack",
	 .arg = "POLICY",
	 .offset = A(pack),
	 .choices = policies,
	 .help = "how the targets are filled"},
	{.type = OPT_NUMBER,
	 .name = "parallel",
	 .arg = "N",
	 .offset = A(parallel),
	 .help = "instances at a time; 4 by default"},
	{.type = OPT_NUMBER,
	 .name = "per-source",
	 .arg = "N",
	 .offset = A(per_source),
	 .help = "of them from one host"},
	{.type = OPT_NUMBER,
	 .name = "per-target",
	 .arg = "N",
	 .offset = A(per_target),
	 .help = "of them to one host"},
	{.type = OPT_NUMBER,
	 .name = "most-per-target",
	 .arg = "N",
	 .offset = A(most_per_target),
	 .max = APP_LIMIT_MOST,
	 .help = "instances in all that one host may take"},
	{.type = OPT_NUMBER,
	 .name = "max-failures",
	 .arg = "N",
	 .offset = A(max_failures),
	 .max = APP_LIMIT_MOST,
	 .help = "after so many, no further one begins"},
	{.type = OPT_CHOICE,
	 .name = "control",
	 .arg = "CONTROL",
	 .offset = REQ(control),
	 .choices = request_controls,
	 .help = "through Nova's API, or libvirt and SQL"},
	REQUEST_HOW,
	{.type = OPT_FILE,
	 .name = "output",
	 .key = 'o',
	 .arg = "FILE",
	 .offset = A(output),
	 .dry = true,
	 .help = "write the plan there, for apply; change nothing"},
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = A(dry_run),
	 .dry = true,
	 .help = "end after the plan; change nothing"},
	OPT_LAST,
};

static int read_targets(const char *words, struct strv *v, struct err *e)
{
	if (words)
		strv_split(v, words, ",");
	for (size_t i = 0; i < v->n; i++)
		if (!config_host_name_ok(v->v[i])) {
			err_set(e, ERR_USAGE, "--to %s: %s is no host name",
				words, v->v[i]);
			return err_hint(e, "novahaul help evacuate");
		}
	return 0;
}

static int write_plan(const char *path, const json_t *plan, struct err *e)
{
	char *text = json_dumps(plan, JSON_INDENT(2));
	int rc = cli_write_file(path, text, e);

	free(text); /* allowed: jansson's allocator */
	return rc;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_evacuate q = {
		.host = c->operands[0],
		.policy = policies[a->pack],
		.move = a->req,
		.limits = {.parallel = a->parallel,
			   .per_source = a->per_source,
			   .per_target = a->per_target,
			   .most_per_target = a->most_per_target,
			   .max_failures = a->max_failures,
			   .bwlimit = a->req.bwlimit},
	};
	json_t *plan = NULL;
	int code = -1;

	if (!config_host_name_ok(q.host)) {
		err_set(e, ERR_USAGE, "evacuate: %s is no host name", q.host);
		return err_hint(e, "novahaul help evacuate");
	}
	q.move.bwlimit = 0;
	if (!read_targets(a->to, &q.targets, e)) {
		if (app_evacuate_plan(&c->app, &q, &plan, e)) {
			if (plan)
				cli_print_batch_plan(c->g.format, plan);
		} else if (a->output) {
			code = write_plan(a->output, plan, e);
		} else if (a->dry_run) {
			cli_print_batch_plan(c->g.format, plan);
			code = CLI_DONE;
		} else {
			code = cli_run_batch(c, plan, e);
		}
	}
	json_decref(plan);
	strv_clear(&q.targets);
	return code;
}

const struct cmd cmd_evacuate = {
	.name = "evacuate",
	.summary = "Move all instances off a compute host",
	.operands = "HOST",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
