/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli_priv.h"
#include "core/clock.h"
#include "engine/batch.h"
#include "report/metrics.h"
#include "report/report.h"

struct args {
	const char *html;
	bool prometheus;
};

static const struct opt opts[] = {
	{.type = OPT_FILE,
	 .name = "html",
	 .arg = "FILE",
	 .offset = offsetof(struct args, html),
	 .help = "write it to FILE, as a page that needs nothing else"},
	{.type = OPT_FLAG,
	 .name = "prometheus",
	 .offset = offsetof(struct args, prometheus),
	 .help = "figures of all jobs, for Prometheus"},
	OPT_LAST,
};

static const struct out_column head_cols[] = {
	{"id", "Report of", OUT_TEXT},
	{"kind", "Kind", OUT_TEXT},
	{"name", "Of", OUT_TEXT},
	{"outcome", "Outcome", OUT_TEXT},
	{"created", "Begun", OUT_TIME},
	{"ended", "Ended", OUT_TIME},
	{"seconds", "Seconds", OUT_NUMBER},
	{"totals.instances", "Instances", OUT_NUMBER},
	{"totals.bytes_sent", "Copied", OUT_BYTES},
	{"totals.bytes_wire", "On the wire", OUT_BYTES},
	{"totals.kept_bytes", "Kept", OUT_BYTES},
	{"error.message", "Error", OUT_TEXT},
	{"error.hint", "Hint", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column instance_cols[] = {
	{"server.name", "INSTANCE", OUT_TEXT},
	{"job", "JOB", OUT_TEXT},
	{"outcome", "OUTCOME", OUT_TEXT},
	{"from", "FROM", OUT_TEXT},
	{"to", "TO", OUT_TEXT},
	{"seconds", "SECONDS", OUT_NUMBER},
	{"downtime.seconds", "DOWN", OUT_NUMBER},
	{"copied.bytes_sent", "COPIED", OUT_BYTES},
	{"epoch", "EPOCH", OUT_NUMBER},
	{"owner", "RUN BY", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column step_cols[] = {
	{"nr", "#", OUT_NUMBER},
	{"step", "STEP", OUT_TEXT},
	{"state", "STATE", OUT_TEXT},
	{"at_s", "BEGAN", OUT_NUMBER},
	{"seconds", "SECONDS", OUT_NUMBER},
	{"bytes_sent", "SENT", OUT_BYTES},
	{"attempts", "TRIES", OUT_NUMBER},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column run_cols[] = {
	{"nr", "#", OUT_NUMBER},
	{"step", "STEP", OUT_TEXT},
	{"type", "TYPE", OUT_TEXT},
	{"state", "STATE", OUT_TEXT},
	{"at_s", "BEGAN", OUT_NUMBER},
	{"seconds", "SECONDS", OUT_NUMBER},
	{"attempts", "TRIES", OUT_NUMBER},
	{"note", "NOTE", OUT_TEXT},
	{"error.message", "ERROR", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column time_cols[] = {
	{"step", "WHERE THE TIME WENT", OUT_TEXT},
	{"seconds", "SECONDS", OUT_NUMBER},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column failure_cols[] = {
	{"at_s", "AT", OUT_NUMBER},
	{"text", "WHAT FAILED", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static void list(const json_t *rows, const struct out_column *cols)
{
	if (!json_array_size(rows))
		return;
	putchar('\n');
	out_list(OUT_TABLE, "rows", rows, cols);
}

static void print_text(json_t *doc)
{
	const json_t *all = json_object_get(doc, "instances"), *one;
	size_t i;

	out_record(OUT_TABLE, doc, head_cols);
	list(json_object_get(doc, "steps"), run_cols);
	list(all, instance_cols);
	json_array_foreach (all, i, one)
		list(json_object_get(one, "failures"), failure_cols);
	/* Steps of many are for the page and for programs. */
	if (json_array_size(all) == 1 && !json_object_get(doc, "steps"))
		list(json_object_get(json_array_get(all, 0), "steps"),
		     step_cols);
	list(json_object_get(doc, "time"), time_cols);
}

static int write_html(const struct cli *c, const char *file, const json_t *doc,
		      struct err *e)
{
	AUTO(buf_clear) struct buf page = BUF_INIT;

	report_html(doc, &page);
	if (cli_write_file(file, buf_str(&page), e))
		return -1;
	out_note(c->g.format, "The report is in %s", file);
	return 0;
}

static int print_metrics(struct journal *j, struct err *e)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (report_metrics(j, clock_now_us(), &text, e))
		return -1;
	fputs(buf_str(&text), stdout);
	return 0;
}

static int usage(const struct cli *c, const struct args *a, struct err *e)
{
	if (a->prometheus == (c->n_operands == 0) &&
	    !(a->prometheus && a->html))
		return 0;
	err_set(e, ERR_USAGE,
		a->prometheus ? "report: --prometheus is of all jobs, and text"
			      : "report: JOB is missing");
	return err_hint(e, "novahaul help report");
}

static int run(struct cli *c, const void *args, struct err *e)
{
	AUTO(cli_journal_closep) struct journal *j = NULL;
	const struct args *a = args;
	char id[JOURNAL_ID_MAX];
	json_t *doc = NULL;
	int rc = 0;

	if (usage(c, a, e))
		return -1;
	j = cli_journal_open(c, true, e);
	if (!j && e->kind != ERR_NONE)
		return -1;
	if (a->prometheus)
		return print_metrics(j, e);
	if (batch_is_id(c->operands[0]) && j)
		doc = report_batch(j, c->operands[0], clock_now_us(), e);
	else if (!cli_job_id(j, c->operands[0], id, e))
		doc = report_job(j, id, clock_now_us(), e);
	if (!doc)
		return -1;
	if (a->html)
		rc = write_html(c, a->html, doc, e);
	else if (c->g.format == OUT_TABLE)
		print_text(doc);
	else
		out_record(c->g.format, doc, head_cols);
	json_decref(doc);
	return rc;
}

const struct cmd cmd_report = {
	.name = "report",
	.summary = "Tell what became of a job, as text, JSON or a page",
	.operands = "[JOB]",
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.run = run,
};
