/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/app_book.h"
#include "cli/cli_priv.h"
#include "cli/progress.h"
#include "core/fs.h"

struct args {
	struct opt_words set;
	const char *vars;
	bool dry_run;
};

static const struct opt opts[] = {
	{.type = OPT_WORDS,
	 .name = "var",
	 .arg = "NAME=VALUE",
	 .offset = offsetof(struct args, set),
	 .help = "set a variable; of a list, with commas between"},
	{.type = OPT_FILE,
	 .name = "vars",
	 .arg = "FILE",
	 .offset = offsetof(struct args, vars),
	 .help = "set those of a YAML file; --var wins"},
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = offsetof(struct args, dry_run),
	 .dry = true,
	 .help = "show what each step would do now; change nothing"},
	OPT_LAST,
};

static const struct out_column dry_cols[] = {
	{"step", "STEP", OUT_TEXT}, {"type", "TYPE", OUT_TEXT},
	{"does", "DOES", OUT_TEXT}, {"ok", "OK", OUT_TEXT},
	{"now", "NOW", OUT_TEXT},   {NULL, NULL, OUT_TEXT},
};
static const struct out_column run_cols[] = {
	{"step", "STEP", OUT_TEXT},	  {"state", "STATE", OUT_TEXT},
	{"started", "STARTED", OUT_TIME}, {"ended", "ENDED", OUT_TIME},
	{"job", "JOB", OUT_TEXT},	  {"note", "NOTE", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};
static const struct out_column end_cols[] = {
	{"run", "run", OUT_TEXT},
	{"end", "end", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

/* A file of at most so much; one byte more says that it is larger. */
static int read_file(const char *path, struct buf *text, struct err *e)
{
	if (!fs_read_path(path, RUNBOOK_TEXT_MAX + 1, text, e))
		return 0;
	e->kind = ERR_USAGE;
	return -1;
}

static int read_book(const char *path, const struct args *a, struct runbook *rb,
		     struct err *e)
{
	AUTO(buf_clear) struct buf book = BUF_INIT, vars = BUF_INIT;
	struct runbook_input in = {.set = a->set.v};

	if (read_file(path, &book, e) ||
	    (a->vars && read_file(a->vars, &vars, e)))
		return -1;
	in.book = (struct runbook_text){path, buf_str(&book), book.len};
	if (a->vars)
		in.vars = (struct runbook_text){a->vars, buf_str(&vars),
						vars.len};
	return runbook_parse(&in, rb, e);
}

static int dry_run(struct cli *c, const struct runbook *rb, struct err *e)
{
	json_t *report = NULL;

	if (app_book_dry(&c->app, rb, &report, e))
		return -1;
	if (c->g.format == OUT_JSON || c->g.format == OUT_YAML)
		out_record(c->g.format, report, dry_cols);
	else
		out_list(c->g.format, "steps", json_object_get(report, "steps"),
			 dry_cols);
	json_decref(report);
	return CLI_DONE;
}

static int ask(struct cli *c, const struct runbook *rb, struct err *e)
{
	size_t n = 0;
	AUTO(mem_freep) char *q = NULL;

	for (size_t i = 0; i < rb->n; i++)
		n += !rb->steps[i].skip;
	q = mem_printf("Run %s, %zu steps (--dry-run shows them)?", rb->name,
		       n);
	return cli_confirm(c, q, e);
}

int cli_batch_is_run(const struct cli *c, const char *id, bool *yes,
		     struct err *e)
{
	AUTO(cli_journal_closep) struct journal *j = NULL;
	struct batch b = {0};

	j = cli_journal_open(c, false, e);
	if (!j || batch_load(j, id, &b, e))
		return -1;
	*yes = !strcmp(b.kind, "run");
	batch_clear(&b);
	return 0;
}

int cli_finish_book(struct cli *c, struct app_outcome *out, struct err *e)
{
	int code = out->end == TXN_ERROR ? (int)cli_exit_code(e)
					 : txn_exit_code(out->end, e);
	const json_t *v;
	json_t *doc;
	size_t i;

	progress_break(c->app.progress);
	if (!out->report)
		return code;
	doc = json_pack(
		"{s:s, s:s, s:i}", "run", out->job, "end",
		json_string_value(json_object_get(out->report, "state")),
		"exit_code", code);
	if (c->g.format == OUT_TABLE)
		out_list(OUT_TABLE, "steps",
			 json_object_get(out->report, "steps"), run_cols);
	json_array_foreach (json_object_get(out->report, "stays"), i, v)
		out_note(c->g.format, "stays: %s", json_string_value(v));
	json_object_set_new(doc, "report", out->report);
	out->report = NULL;
	if (e->kind != ERR_NONE)
		json_object_set_new(doc, "error",
				    json_pack("{s:s s:s s:s*}", "kind",
					      err_kind_name(e->kind), "message",
					      err_msg(e), "hint", e->hint));
	out_record(c->g.format, doc, end_cols);
	json_decref(doc);
	return code;
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct app_outcome out = APP_OUTCOME_INIT;
	struct runbook rb;
	int code = -1;

	if (read_book(c->operands[0], a, &rb, e))
		return -1;
	if (a->dry_run) {
		code = dry_run(c, &rb, e);
	} else if (!ask(c, &rb, e)) {
		app_book_run(&c->app, &rb, &out, e);
		code = cli_finish_book(c, &out, e);
	}
	runbook_clear(&rb);
	return code;
}

const struct cmd cmd_run = {
	.name = "run",
	.summary = "Run a maintenance from a file",
	.operands = "RUNBOOK",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
