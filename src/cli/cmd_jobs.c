/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_priv.h"

struct args {
	bool open;
};

static const struct opt opts[] = {
	{.type = OPT_FLAG,
	 .name = "open",
	 .offset = offsetof(struct args, open),
	 .help = "only those that are not finished"},
	OPT_LAST,
};

static const struct out_column cols[] = {
	{"job", "JOB", OUT_TEXT},	  {"state", "STATE", OUT_TEXT},
	{"step", "STEP", OUT_TEXT},	  {"server.name", "SERVER", OUT_TEXT},
	{"from", "FROM", OUT_TEXT},	  {"to", "TO", OUT_TEXT},
	{"created", "CREATED", OUT_TIME}, {"kept_bytes", "KEPT", OUT_BYTES},
	{NULL, NULL, OUT_TEXT},
};

/* The jobs' ids first: a callback must not ask the journal anything. */
struct list {
	const struct args *args;
	struct strv ids, batches;
};

static bool collect_batch(void *arg, const struct batch *b)
{
	struct list *l = arg;

	if (!l->args->open || b->state == BATCH_OPEN)
		strv_add(&l->batches, b->id);
	return true;
}

/* A batch among the jobs: its host is what it is about. */
static int add_batch(struct journal *j, const char *id, json_t *rows,
		     struct err *e)
{
	struct batch b = {0};
	size_t done = 0;
	json_t *o;

	if (batch_load(j, id, &b, e))
		return -1;
	for (size_t i = 0; i < b.nmembers; i++)
		done += b.members[i].state == MEMBER_DONE;
	o = app_batch_json(j, &b);
	json_object_del(o, "members");
	json_object_set_new(o, "job", json_string(b.id));
	json_object_set_new(
		o, "step",
		json_sprintf("%s, %zu of %zu", b.kind, done, b.nmembers));
	json_object_set_new(o, "from", json_string(b.host ? b.host : ""));
	json_array_append_new(rows, o);
	batch_clear(&b);
	return 0;
}

static bool collect(void *arg, const struct journal_job *job)
{
	struct list *l = arg;

	if (!l->args->open || job->state == JOURNAL_OPEN)
		strv_add(&l->ids, job->id);
	return true;
}

static int add_row(struct journal *j, const char *id, json_t *rows,
		   struct err *e)
{
	struct journal_job job = {0};

	if (journal_load(j, id, &job, e)) {
		if (e->kind != ERR_NOTHING)
			return -1;
		err_clear(e); /* deleted since */
		return 0;
	}
	json_array_append_new(rows, cli_job_json(j, &job));
	journal_job_clear(&job);
	return 0;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	AUTO(cli_journal_closep)
	struct journal *j = cli_journal_open(c, true, e);
	struct list l = {.args = args};
	json_t *rows;
	int rc = 0;

	if (!j && e->kind != ERR_NONE)
		return -1;
	if (j && journal_jobs(j, collect, &l, e))
		return -1;
	if (j && batch_each(j, collect_batch, &l, e))
		return -1;
	rows = json_array();
	for (size_t i = 0; i < l.batches.n && !rc; i++)
		rc = add_batch(j, l.batches.v[i], rows, e);
	for (size_t i = 0; i < l.ids.n && !rc; i++)
		rc = add_row(j, l.ids.v[i], rows, e);
	if (!rc)
		out_list(c->g.format, "jobs", rows, cols);
	json_decref(rows);
	strv_clear(&l.ids);
	strv_clear(&l.batches);
	return rc;
}

const struct cmd cmd_jobs = {
	.name = "jobs",
	.summary = "List what is, was or is half done",
	.operands = "",
	.opts = opts,
	.args_size = sizeof(struct args),
	.run = run,
};
