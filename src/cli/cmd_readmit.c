/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli_priv.h"

struct args {
	bool dry_run, enable;
};

static const struct opt opts[] = {
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = offsetof(struct args, dry_run),
	 .dry = true,
	 .help = "only list what would be done"},
	{.type = OPT_FLAG,
	 .name = "enable",
	 .offset = offsetof(struct args, enable),
	 .help = "enable its service, whoever disabled it"},
	OPT_LAST,
};

static const struct out_column cols[] = {
	{"name", "SERVER", OUT_TEXT},	  {"home", "NOW ON", OUT_TEXT},
	{"kind", "FINDING", OUT_TEXT},	  {"done", "DONE", OUT_TEXT},
	{"message", "MESSAGE", OUT_TEXT}, {NULL, NULL, OUT_TEXT},
};

static const struct out_column host_cols[] = {
	{"host", "HOST", OUT_TEXT},
	{"service.forced_down", "FORCED DOWN", OUT_TEXT},
	{"service.disabled", "DISABLED", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static void print(enum out_format f, const json_t *report)
{
	const json_t *rows = json_object_get(report, "findings");

	if (report && f != OUT_TABLE)
		out_record(f, report, host_cols);
	else if (json_array_size(rows))
		out_list(f, "findings", rows, cols);
	if (json_is_true(json_object_get(report, "service_waits")))
		out_note(f, "Nova does not use %s yet.",
			 json_string_value(json_object_get(report, "host")));
}

static void print_end(enum out_format f, const json_t *report, bool done)
{
	const json_t *service = json_object_get(report, "service");

	if (f != OUT_TABLE || !done) {
		print(f, report);
		return;
	}
	out_note(f, "Host %s has nothing left; its nova-compute may start.",
		 json_string_value(json_object_get(report, "host")));
	if (json_is_true(json_object_get(service, "disabled")) &&
	    !json_object_get(report, "service_job"))
		out_note(f, "Its service stays disabled, as somebody wanted "
			    "it.");
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_readmit r = {
		.host = c->operands[0], .look = true, .enable = a->enable};
	bool people = c->g.format == OUT_TABLE, open = false;
	json_t *report = NULL;
	int rc;

	if (!config_host_name_ok(r.host)) {
		err_set(e, ERR_USAGE, "readmit: that is no host name");
		return err_hint(e, "novahaul help readmit");
	}
	rc = app_readmit(&c->app, &r, &report, &open, e);
	if (people || a->dry_run || rc)
		print(c->g.format, report);
	json_decref(report);
	report = NULL;
	if (!rc && !a->dry_run)
		rc = cli_confirm(c, "Disarm this, and let Nova use the host?",
				 e);
	if (rc || a->dry_run)
		return rc;
	r.look = false;
	rc = app_readmit(&c->app, &r, &report, &open, e);
	print_end(c->g.format, report, !rc);
	json_decref(report);
	return open ? CLI_OPEN : rc;
}

const struct cmd cmd_readmit = {
	.name = "readmit",
	.summary = "Disarm what a returning host has left",
	.operands = "HOST",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
