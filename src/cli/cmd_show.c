/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli_priv.h"
#include "report/downtime.h"
#include "core/clock.h"

struct args {
	bool events, records, plan;
};

static const struct opt opts[] = {
	{.type = OPT_FLAG,
	 .name = "events",
	 .offset = offsetof(struct args, events),
	 .help = "every transition, with its time"},
	{.type = OPT_FLAG,
	 .name = "records",
	 .offset = offsetof(struct args, records),
	 .help = "what the steps wrote down to be able to undo"},
	{.type = OPT_FLAG,
	 .name = "plan",
	 .offset = offsetof(struct args, plan),
	 .help = "the plan as it was accepted"},
	OPT_LAST,
};

static const struct out_column job_cols[] = {
	{"job", "Job", OUT_TEXT},
	{"state", "State", OUT_TEXT},
	{"direction", "Direction", OUT_TEXT},
	{"server.uuid", "Server", OUT_TEXT},
	{"server.name", "Name", OUT_TEXT},
	{"from", "From", OUT_TEXT},
	{"to", "To", OUT_TEXT},
	{"created", "Created", OUT_TIME},
	{"ended", "Ended", OUT_TIME},
	{"purged", "Purged", OUT_TIME},
	{"owner", "Run by", OUT_TEXT},
	{"build", "Build", OUT_TEXT},
	{"copied_text", "Copied", OUT_TEXT},
	{"precopy_text", "Pre-copy", OUT_TEXT},
	{"downtime_text", "Downtime", OUT_TEXT},
	{"transfer_text", "Bytes went", OUT_TEXT},
	{"kept_bytes", "Kept", OUT_BYTES},
	{"error.message", "Error", OUT_TEXT},
	{"error.hint", "Hint", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column step_cols[] = {
	{"nr", "#", OUT_NUMBER},	   {"step", "STEP", OUT_TEXT},
	{"state", "STATE", OUT_TEXT},	   {"seconds", "SECONDS", OUT_NUMBER},
	{"bytes_sent", "SENT", OUT_BYTES}, {"bytes_read", "READ", OUT_BYTES},
	{"attempts", "TRIES", OUT_NUMBER}, {NULL, NULL, OUT_TEXT},
};

static const struct out_column event_cols[] = {
	{"time", "TIME", OUT_TIME}, {"step", "STEP", OUT_TEXT},
	{"kind", "KIND", OUT_TEXT}, {"text", "TEXT", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column batch_event_cols[] = {
	{"time", "TIME", OUT_TIME}, {"step", "MEMBER", OUT_TEXT},
	{"kind", "KIND", OUT_TEXT}, {"text", "TEXT", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column record_cols[] = {
	{"step", "STEP", OUT_TEXT},
	{"key", "KEY", OUT_TEXT},
	{"value", "VALUE", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

struct rows {
	const struct journal_job *job;
	json_t *rows;
};

static const char *step_name(const struct journal_job *job, long idx)
{
	return idx >= 0 && (size_t)idx < job->nsteps ? job->steps[idx].name
						     : NULL;
}

static bool add_event(void *arg, const struct journal_event *ev)
{
	struct rows *r = arg;
	char iso[CLOCK_ISO_MAX];

	clock_iso(ev->ts_us, iso);
	json_array_append_new(r->rows,
			      json_pack("{s:s s:s* s:s s:s*}", "time", iso,
					"step", step_name(r->job, ev->idx),
					"kind", ev->kind, "text", ev->text));
	return true;
}

static bool add_record(void *arg, const struct journal_record *rec)
{
	struct rows *r = arg;

	json_array_append_new(r->rows,
			      json_pack("{s:s* s:s s:O}", "step",
					step_name(r->job, (long)rec->idx),
					"key", rec->key, "value", rec->value));
	return true;
}

static int collect(struct journal *j, const struct journal_job *job,
		   const struct args *a, json_t *doc, struct err *e)
{
	struct rows r = {job, NULL};

	if (a->events) {
		r.rows = json_array();
		json_object_set_new(doc, "events", r.rows);
		if (journal_events(j, job->id, 0, add_event, &r, e))
			return -1;
	}
	if (a->records) {
		r.rows = json_array();
		json_object_set_new(doc, "records", r.rows);
		if (journal_records(j, job->id, false, add_record, &r, e))
			return -1;
	}
	if (a->plan)
		json_object_set(doc, "plan", job->plan);
	return 0;
}

static void print_part(const json_t *doc, const char *part,
		       const struct out_column *cols)
{
	const json_t *rows = json_object_get(doc, part);

	if (!rows)
		return;
	putchar('\n');
	out_list(OUT_TABLE, part, rows, cols);
}

static void print(enum out_format f, json_t *doc)
{
	if (f == OUT_TABLE)
		downtime_text(doc, doc);
	out_record(f, doc, job_cols);
	if (f != OUT_TABLE)
		return;
	print_part(doc, "steps", step_cols);
	print_part(doc, "events", event_cols);
	print_part(doc, "records", record_cols);
	if (json_object_get(doc, "plan")) {
		putchar('\n');
		cli_print_plan(f, json_object_get(doc, "plan"), true);
	}
}

static bool add_batch_event(void *arg, const struct journal_event *ev)
{
	char iso[CLOCK_ISO_MAX];
	json_t *o;

	clock_iso(ev->ts_us, iso);
	o = json_pack("{s:s s:s s:s}", "time", iso, "kind", ev->kind, "text",
		      ev->text);
	if (ev->idx >= 0)
		json_object_set_new(o, "step",
				    json_integer((json_int_t)ev->idx + 1));
	json_array_append_new(arg, o);
	return true;
}

static int batch(struct cli *c, struct journal *j, const struct args *a,
		 struct err *e)
{
	struct batch b = {0};
	char id[JOURNAL_ID_MAX];
	json_t *doc, *events;
	int rc = 0;

	if (cli_batch_id(j, c->operands[0], id, e) || batch_load(j, id, &b, e))
		return -1;
	doc = app_batch_json(j, &b);
	if (a->plan)
		json_object_set(doc, "plan", b.plan);
	if (a->events) {
		events = json_array();
		json_object_set_new(doc, "events", events);
		rc = batch_events(j, id, 0, add_batch_event, events, e);
	}
	if (!rc)
		cli_print_batch(c->g.format, doc);
	if (!rc && c->g.format == OUT_TABLE)
		print_part(doc, "events", batch_event_cols);
	json_decref(doc);
	batch_clear(&b);
	return rc;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	AUTO(cli_journal_closep)
	struct journal *j = cli_journal_open(c, true, e);
	struct journal_job job = {0};
	char id[JOURNAL_ID_MAX];
	json_t *doc;
	int rc;

	if (cli_is_batch(c->operands[0]))
		return j || e->kind == ERR_NONE ? batch(c, j, args, e) : -1;
	if ((!j && e->kind != ERR_NONE) ||
	    cli_job_id(j, c->operands[0], id, e) ||
	    journal_load(j, id, &job, e))
		return -1;
	doc = cli_job_json(j, &job);
	rc = collect(j, &job, args, doc, e);
	if (!rc)
		print(c->g.format, doc);
	json_decref(doc);
	journal_job_clear(&job);
	return rc;
}

const struct cmd cmd_show = {
	.name = "show",
	.summary = "Show a job, one line a step, with times and bytes",
	.operands = "JOB|BATCH",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.run = run,
};
