/* SPDX-License-Identifier: Apache-2.0 */
/* Batches for the commands: which one a word means, how it looks and ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_priv.h"
#include "cli/progress.h"

static const struct out_column batch_cols[] = {
	{"batch", "Batch", OUT_TEXT},
	{"kind", "Kind", OUT_TEXT},
	{"host", "Host", OUT_TEXT},
	{"state", "State", OUT_TEXT},
	{"direction", "Direction", OUT_TEXT},
	{"created", "Created", OUT_TIME},
	{"ended", "Ended", OUT_TIME},
	{"owner", "Run by", OUT_TEXT},
	{"counts_text", "Members", OUT_TEXT},
	{"error.message", "Error", OUT_TEXT},
	{"error.hint", "Hint", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column member_cols[] = {
	{"nr", "#", OUT_NUMBER},
	{"server.name", "SERVER", OUT_TEXT},
	{"from", "FROM", OUT_TEXT},
	{"to", "TO", OUT_TEXT},
	{"state", "STATE", OUT_TEXT},
	{"job", "JOB", OUT_TEXT},
	{"bytes_sent", "SENT", OUT_BYTES},
	{"seconds", "SECONDS", OUT_NUMBER},
	{"error.message", "WHY", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column plan_cols[] = {
	{"kind", "Kind", OUT_TEXT},   {"host", "Host", OUT_TEXT},
	{"policy", "Pack", OUT_TEXT}, {"bytes", "To copy", OUT_BYTES},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column plan_member_cols[] = {
	{"nr", "#", OUT_NUMBER},
	{"instance.name", "SERVER", OUT_TEXT},
	{"source", "FROM", OUT_TEXT},
	{"target", "TO", OUT_TEXT},
	{"was", "IS", OUT_TEXT},
	{"bytes", "BYTES", OUT_BYTES},
	{"expected_s", "SECONDS", OUT_NUMBER},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column nowhere_cols[] = {
	{"instance.name", "STAYS", OUT_TEXT},
	{"why", "WHY", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

struct search {
	const char *word;
	char id[JOURNAL_ID_MAX];
	size_t n;
};

static bool match(void *arg, const struct batch *b)
{
	struct search *s = arg;

	if (!strncmp(b->id, s->word, strlen(s->word))) {
		memcpy(s->id, b->id, sizeof(s->id));
		s->n++;
	}
	return true;
}

int cli_not_of_batch(const struct cli *c, const char *opt, struct err *e)
{
	err_set(e, ERR_USAGE, "--%s is for a job; %s is a batch", opt,
		c->operands[0]);
	return err_hint(e, "novahaul show %s", c->operands[0]);
}

int cli_not_of_run(const struct cli *c, const char *opt, struct err *e)
{
	err_set(e, ERR_USAGE,
		"--%s is for a job, or the batch of an evacuation or a return; "
		"%s is a run",
		opt, c->operands[0]);
	return err_hint(e, "novahaul show %s", c->operands[0]);
}

bool cli_is_batch(const char *word)
{
	return !strncmp(word, "b-", 2);
}

int cli_batch_id(struct journal *j, const char *word, char id[JOURNAL_ID_MAX],
		 struct err *e)
{
	struct search s = {.word = word};

	if (j && batch_each(j, match, &s, e))
		return err_wrap(e, "looking for batch %s", word);
	if (s.n == 1) {
		memcpy(id, s.id, sizeof(s.id));
		return 0;
	}
	if (s.n)
		err_set(e, ERR_USAGE, "batch %s: %zu batches begin so", word,
			s.n);
	else
		err_set(e, ERR_USAGE, "batch %s: no such batch in %s", word,
			j ? journal_path(j)
			  : "the journal, which is not there yet");
	return err_hint(e, "novahaul jobs");
}

int cli_batch_word(const struct cli *c, const char *word,
		   char id[JOURNAL_ID_MAX], struct err *e)
{
	AUTO(cli_journal_closep)
	struct journal *j = cli_journal_open(c, true, e);

	if (!j && e->kind != ERR_NONE)
		return -1;
	return cli_batch_id(j, word, id, e);
}

int cli_put_batch(json_t *plan, const char *word, bool room, struct err *e)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	unsigned long long member, epoch;
	char *end[2];

	if (!word)
		return 0;
	strv_split(&v, word, ":");
	if (v.n == 3 && batch_is_id(v.v[0])) {
		member = strtoull(v.v[1], &end[0], 10);
		epoch = strtoull(v.v[2], &end[1], 10);
		if (!*end[0] && !*end[1])
			return json_object_set_new(
				plan, "batch",
				json_pack("{s:s s:I s:I s:b}", "id", v.v[0],
					  "member", (json_int_t)member, "epoch",
					  (json_int_t)epoch, "room", room));
	}
	err_set(e, ERR_USAGE, "--batch %s: not ID:MEMBER:EPOCH", word);
	return err_hint(e, "novahaul jobs");
}

enum { PLANS_MOST = 3 }; /* that nobody reviews, of one move */

/* Something has changed between the two looks; or a service of the cloud that
 * is overloaded has answered one of them only.  Where nobody has reviewed the
 * plan, the one of now is as good. */
static bool is_overtaken(const struct cli *c, const struct app_outcome *out,
			 const struct err *e)
{
	return c->g.yes && e->kind == ERR_CONFLICT && !*out->job;
}

int cli_plan_and_do(struct cli *c, cli_once *once, const void *arg,
		    const char *batch, struct err *e)
{
	struct app_outcome out = APP_OUTCOME_INIT;
	int code = once(c, arg, &out, e);

	for (int i = 1; i < PLANS_MOST && is_overtaken(c, &out, e); i++) {
		progress_note(c->app.progress, "%s; planning anew", err_msg(e));
		err_clear(e);
		code = once(c, arg, &out, e);
	}
	return batch && e->kind == ERR_RETRY && !*out.job ? CLI_LOCKED : code;
}

/* "6 done, 1 failed" */
static void put_counts(json_t *doc)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	const char *name;
	json_t *v;

	json_object_foreach (json_object_get(doc, "counts"), name, v)
		if (json_integer_value(v))
			buf_printf(&b, "%s%lld %s", b.len ? ", " : "",
				   (long long)json_integer_value(v), name);
	json_object_set_new(doc, "counts_text", json_string(buf_str(&b)));
}

void cli_print_batch(enum out_format f, json_t *doc)
{
	if (f == OUT_TABLE)
		put_counts(doc);
	out_record(f, doc, batch_cols);
	if (f != OUT_TABLE)
		return;
	putchar('\n');
	out_list(f, "members", json_object_get(doc, "members"), member_cols);
}

static void print_stays(enum out_format f, const json_t *plan, const char *list)
{
	const json_t *rows = json_object_get(plan, list);

	if (f != OUT_TABLE || !json_array_size(rows))
		return;
	putchar('\n');
	out_list(f, list, rows, nowhere_cols);
}

void cli_print_batch_plan(enum out_format f, const json_t *plan)
{
	json_t *rows = json_array();
	const json_t *m;
	size_t i;

	out_record(f, plan, plan_cols);
	json_array_foreach (json_object_get(plan, "members"), i, m) {
		json_t *row = json_copy((json_t *)m);

		json_object_set_new(row, "nr", json_integer((json_int_t)i + 1));
		json_array_append_new(rows, row);
	}
	if (f == OUT_TABLE) {
		putchar('\n');
		out_list(f, "members", rows, plan_member_cols);
	}
	json_decref(rows);
	print_stays(f, plan, "nowhere");
	print_stays(f, plan, "left");
	json_array_foreach (json_object_get(plan, "warnings"), i, m)
		out_note(f, "warning: %s", json_string_value(m));
	fflush(stdout);
}

static char *question(const json_t *plan)
{
	const char *kind = json_string_value(json_object_get(plan, "kind"));
	const char *host = json_string_value(json_object_get(plan, "host"));
	size_t n = json_array_size(json_object_get(plan, "members"));

	return mem_printf("Move %zu instances %s %s?", n,
			  kind && !strcmp(kind, "return") ? "home to" : "off",
			  host ? host : "?");
}

/* What stays is told by the exit code, too: 1, when nothing is worse. */
static int with_nowhere(const json_t *plan, int code, struct err *e)
{
	size_t n = json_array_size(json_object_get(plan, "nowhere"));

	if (code != CLI_DONE || !n)
		return code;
	err_set(e, ERR_REFUSED, "%zu instances stay, for they fit on no target",
		n);
	err_hint(e, "the plan, above, says why, of each");
	return CLI_FAILED;
}

int cli_run_batch(struct cli *c, const json_t *plan, struct err *e)
{
	struct app_batch_outcome out = {.code = -1};
	AUTO(mem_freep) char *q = question(plan);
	int code;

	if (c->g.format == OUT_TABLE)
		cli_print_batch_plan(OUT_TABLE, plan);
	if (cli_confirm(c, q, e))
		return -1;
	app_batch_run(&c->app, plan, &out, e);
	code = cli_finish_batch(c, &out, e);
	return with_nowhere(plan, code, e);
}

int cli_finish_batch(struct cli *c, struct app_batch_outcome *out,
		     struct err *e)
{
	progress_break(c->app.progress);
	if (out->report) {
		if (c->g.format != OUT_TABLE)
			json_object_set_new(out->report, "exit_code",
					    json_integer(out->code));
		cli_print_batch(c->g.format, out->report);
	}
	json_decref(out->report);
	out->report = NULL;
	return out->code < 0 ? (int)cli_exit_code(e) : out->code;
}
