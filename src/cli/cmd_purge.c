/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"
#include "core/clock.h"

struct args {
	unsigned older_than;
	bool dry_run;
};

static const struct opt opts[] = {
	{.type = OPT_SECONDS,
	 .name = "older-than",
	 .arg = "TIME",
	 .offset = offsetof(struct args, older_than),
	 .help = "every finished job that ended so long ago"},
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = offsetof(struct args, dry_run),
	 .dry = true,
	 .help = "only list what would be removed"},
	OPT_LAST,
};

static const struct out_column cols[] = {
	{"job", "JOB", OUT_TEXT},      {"allowed", "ALLOWED", OUT_TEXT},
	{"bytes", "BYTES", OUT_BYTES}, {"reason", "REASON", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column path_cols[] = {
	{"host", "HOST", OUT_TEXT},
	{"bytes", "BYTES", OUT_BYTES},
	{"path", "PATH", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

/* The finished jobs that still keep something and ended before .before. */
struct list {
	struct journal *j;
	int64_t before;
	struct strv ids;
};

static bool collect(void *arg, const struct journal_job *job)
{
	struct list *l = arg;
	struct err ignored = ERR_INIT;
	uint64_t kept = 0;

	/* A rollback keeps something only of a server that was deleted. */
	if (job->state == JOURNAL_ROLLED_BACK &&
	    journal_kept(l->j, job->id, &kept, &ignored))
		err_clear(&ignored);
	if ((job->state == JOURNAL_DONE || kept) && !job->purged_us &&
	    job->ended_us && job->ended_us <= l->before)
		strv_add(&l->ids, job->id);
	return true;
}

static int choose(struct cli *c, const struct args *a, struct strv *ids,
		  struct err *e)
{
	AUTO(cli_journal_closep)
	struct journal *j = NULL;
	struct list l = {0};
	char id[JOURNAL_ID_MAX];

	if (!c->n_operands == !a->older_than) {
		err_set(e, ERR_USAGE,
			"purge: either one JOB or --older-than TIME");
		return err_hint(e, "novahaul jobs");
	}
	j = cli_journal_open(c, true, e);
	if (!j && e->kind != ERR_NONE)
		return -1;
	if (c->n_operands) {
		if (cli_job_id(j, c->operands[0], id, e))
			return -1;
		strv_add(ids, id);
		return 0;
	}
	l.j = j;
	l.before = clock_now_us() - (int64_t)a->older_than * 1000000;
	if (j && journal_jobs(j, collect, &l, e))
		return -1;
	strv_addv(ids,
		  (const char *const *)(l.ids.v ? l.ids.v : (char *[]){NULL}));
	strv_clear(&l.ids);
	return 0;
}

/* Of several jobs, one that cannot be looked at stops no other. */
static json_t *not_seen(const char *id, struct err *why)
{
	json_t *row = json_pack("{s:s, s:b, s:s, s:i, s:[], s:b}", "job", id,
				"allowed", false, "reason", err_msg(why),
				"bytes", 0, "paths", "unseen", true);

	err_clear(why);
	return row;
}

static int list(struct cli *c, const struct strv *ids, json_t *rows,
		struct err *e)
{
	for (size_t i = 0; i < ids->n; i++) {
		json_t *report = NULL;

		if (app_purge_list(&c->app, ids->v[i], &report, e)) {
			json_decref(report);
			if (c->n_operands)
				return err_wrap(e, "job %s", ids->v[i]);
			report = not_seen(ids->v[i], e);
		}
		json_array_append_new(rows, report);
	}
	return 0;
}

static void print(enum out_format f, const json_t *rows)
{
	const json_t *row;
	size_t i;

	out_list(f, "jobs", rows, cols);
	if (f != OUT_TABLE)
		return;
	json_array_foreach (rows, i, row) {
		putchar('\n');
		out_note(f, "Job %s keeps:",
			 json_string_value(json_object_get(row, "job")));
		out_list(f, "paths", json_object_get(row, "paths"), path_cols);
	}
}

static size_t count(const json_t *rows, const char *key)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach (rows, i, row) {
		const json_t *v = json_object_get(row, key);

		n += json_is_true(v) || json_array_size(v);
	}
	return n;
}

/* When nothing of it may go, there is nothing to ask. */
static int anything(const json_t *rows, struct err *e)
{
	const json_t *first = json_array_get(rows, 0);
	const char *why = json_string_value(json_object_get(first, "reason"));

	if (count(rows, "allowed"))
		return 0;
	/* One job says what it is; of several, some were not seen. */
	if (!count(rows, "paths") && !count(rows, "unseen"))
		return err_set(e, ERR_NOTHING, "no copy is kept");
	if (json_array_size(rows) == 1)
		return err_set(e, ERR_REFUSED, "job %s may not be purged: %s",
			       json_string_value(json_object_get(first, "job")),
			       why);
	return err_set(e, ERR_REFUSED,
		       "none of the %zu jobs may be purged: see the reasons "
		       "above",
		       json_array_size(rows));
}

/* Removes what is allowed; the jobs that were not stop nothing. */
static int purge(struct cli *c, const json_t *rows, json_t *done, struct err *e)
{
	const json_t *row;
	size_t i, refused = 0;
	struct err first = ERR_INIT;

	json_array_foreach (rows, i, row) {
		const char *id = json_string_value(json_object_get(row, "job"));
		json_t *report = NULL;

		if (!json_is_true(json_object_get(row, "allowed"))) {
			refused++;
			continue;
		}
		if (app_purge(&c->app, id, &report, e)) {
			json_decref(report);
			err_wrap(e, "job %s", id);
			if (first.kind == ERR_NONE)
				err_move(&first, e);
			err_clear(e);
			continue;
		}
		json_array_append_new(done, report);
	}
	if (first.kind != ERR_NONE) {
		err_move(e, &first);
		return -1;
	}
	return refused ? err_set(e, ERR_REFUSED,
				 "%zu of %zu jobs may not be purged yet: see "
				 "the reasons above",
				 refused, json_array_size(rows))
		       : 0;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct strv ids = STRV_INIT;
	json_t *rows = json_array(), *done = json_array();
	int rc = choose(c, a, &ids, e);
	bool people = c->g.format == OUT_TABLE;

	if (!rc)
		rc = list(c, &ids, rows, e);
	if (!rc && (people || a->dry_run))
		print(c->g.format, rows);
	if (!rc && !a->dry_run) {
		rc = anything(rows, e);
		if (!rc)
			rc = cli_confirm(c, "Remove these copies for good?", e);
		if (!rc)
			rc = purge(c, rows, done, e);
		if (!people)
			out_list(c->g.format, "jobs", done, cols);
	}
	json_decref(rows);
	json_decref(done);
	strv_clear(&ids);
	return rc;
}

const struct cmd cmd_purge = {
	.name = "purge",
	.summary = "Remove the kept source copy of a finished job",
	.operands = "[JOB]",
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
