/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/app_return.h"
#include "cli/cli_priv.h"
#include "cli/request.h"

struct args {
	struct app_request req; /* first: REQUEST_HOW */
	unsigned parallel, per_source, per_target, max_failures;
	bool dry_run;
};

#define A(member) offsetof(struct args, member)

static const struct opt opts[] = {
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
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = A(dry_run),
	 .dry = true,
	 .help = "end after the plan; change nothing"},
	OPT_LAST,
};

/* A host, or a batch by the beginning of its id. */
static int whose(const struct cli *c, struct app_return *r,
		 char id[JOURNAL_ID_MAX], struct err *e)
{
	const char *word = c->operands[0];

	if (cli_is_batch(word)) {
		r->batch = id;
		return cli_batch_word(c, word, id, e);
	}
	r->host = word;
	if (config_host_name_ok(word))
		return 0;
	err_set(e, ERR_USAGE, "return: %s is no host name", word);
	return err_hint(e, "novahaul help return");
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_return r = {
		.move = a->req,
		.limits = {.parallel = a->parallel,
			   .per_source = a->per_source,
			   .per_target = a->per_target,
			   .max_failures = a->max_failures,
			   .bwlimit = a->req.bwlimit},
	};
	char id[JOURNAL_ID_MAX];
	json_t *plan = NULL;
	int code = -1;

	r.move.bwlimit = 0;
	if (whose(c, &r, id, e))
		return -1;
	if (app_return_plan(&c->app, &r, &plan, e)) {
		if (plan)
			cli_print_batch_plan(c->g.format, plan);
	} else if (a->dry_run) {
		cli_print_batch_plan(c->g.format, plan);
		code = CLI_DONE;
	} else {
		code = cli_run_batch(c, plan, e);
	}
	json_decref(plan);
	return code;
}

const struct cmd cmd_return = {
	.name = "return",
	.summary = "Bring home what an evacuation has brought away",
	.operands = "BATCH|HOST",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
