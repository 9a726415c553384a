/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli_priv.h"

struct args {
	const char *job, *server;
	bool fix;
};

static const struct opt opts[] = {
	{.type = OPT_STRING,
	 .name = "job",
	 .arg = "JOB",
	 .offset = offsetof(struct args, job),
	 .help = "only this job, by its full id"},
	{.type = OPT_STRING,
	 .name = "server",
	 .arg = "SERVER",
	 .offset = offsetof(struct args, server),
	 .help = "only this server, by name or uuid, and no job"},
	{.type = OPT_FLAG,
	 .name = "fix",
	 .offset = offsetof(struct args, fix),
	 .mutates = true,
	 .help = "finish lost jobs, and settle what is contradicted"},
	OPT_LAST,
};

static const struct out_column cols[] = {
	{"kind", "KIND", OUT_TEXT},
	{"host", "HOST", OUT_TEXT},
	{"job", "JOB", OUT_TEXT},
	{"fixed", "FIXED", OUT_TEXT},
	{"severity", "SEVERITY", OUT_TEXT},
	{"server", "SERVER", OUT_TEXT},
	{"message", "MESSAGE", OUT_TEXT},
	{"hint", "HINT", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static int check_hosts(const struct cli *c, struct err *e)
{
	for (int i = 0; i < c->n_operands; i++)
		if (!config_host_name_ok(c->operands[i])) {
			err_set(e, ERR_USAGE, "audit: %s: not a host name",
				c->operands[i]);
			return err_hint(e, "novahaul help audit");
		}
	return 0;
}

/* What is for information only contradicts nothing. */
static bool is_info(const json_t *f)
{
	const char *s = json_string_value(json_object_get(f, "severity"));

	return s && !strcmp(s, "info");
}

static bool all_fixed(const json_t *findings)
{
	const json_t *f;
	size_t i;

	json_array_foreach (findings, i, f)
		if (!json_is_true(json_object_get(f, "fixed")) && !is_info(f))
			return false;
	return true;
}

static void print(struct cli *c, const json_t *report)
{
	if (c->g.format == OUT_JSON || c->g.format == OUT_YAML)
		out_record(c->g.format, report, cols);
	else
		out_list(c->g.format, "findings",
			 json_object_get(report, "findings"), cols);
}

/* What it is about is shown before anybody is asked. */
static int ask(struct cli *c, struct app_audit req, bool *any, struct err *e)
{
	json_t *report = NULL;

	*any = true;
	if (c->g.yes)
		return cli_confirm(c, "", e);
	req.fix = false;
	if (app_audit(&c->app, &req, &report, e))
		return -1;
	*any = !all_fixed(json_object_get(report, "findings"));
	print(c, report);
	json_decref(report);
	return *any ? cli_confirm(c,
				  "Take these jobs over, and fix what can be "
				  "fixed?",
				  e)
		    : 0;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_audit req = {
		.hosts = (const char *const *)c->operands,
		.job = a->job,
		.server = a->server,
		.fix = a->fix,
	};
	json_t *report = NULL;
	bool any;
	int code;

	if (check_hosts(c, e))
		return -1;
	if (a->job && a->server)
		return err_set(e, ERR_USAGE,
			       "audit: --job or --server, not both");
	if (a->fix) {
		if (ask(c, req, &any, e))
			return -1;
		if (!any)
			return CLI_DONE;
	}
	if (app_audit(&c->app, &req, &report, e))
		return -1;
	print(c, report);
	code = all_fixed(json_object_get(report, "findings")) ? CLI_DONE
							      : CLI_REFUSED;
	json_decref(report);
	return code;
}

const struct cmd cmd_audit = {
	.name = "audit",
	.summary = "Find, and settle, what contradicts itself in the cloud",
	.operands = "[HOST]...",
	.max_operands = -1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.run = run,
};
