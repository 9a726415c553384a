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
	struct strv ids;
};

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
	rows = json_array();
	for (size_t i = 0; i < l.ids.n && !rc; i++)
		rc = add_row(j, l.ids.v[i], rows, e);
	if (!rc)
		out_list(c->g.format, "jobs", rows, cols);
	json_decref(rows);
	strv_clear(&l.ids);
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
