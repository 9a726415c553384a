/* SPDX-License-Identifier: Apache-2.0 */
/* Checks, plans and the ends of jobs, for people. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"
#include "report/downtime.h"
#include "cli/progress.h"

static const struct out_column check_cols[] = {
	{"result", "RESULT", OUT_TEXT},
	{"name", "CHECK", OUT_TEXT},
	{"message", "MESSAGE", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column step_cols[] = {
	{"nr", "#", OUT_NUMBER},     {"step", "STEP", OUT_TEXT},
	{"control", "BY", OUT_TEXT}, {"summary", "WHAT IT DOES", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column plan_cols[] = {
	{"server.uuid", "Server", OUT_TEXT},
	{"server.name", "Name", OUT_TEXT},
	{"from", "From", OUT_TEXT},
	{"to", "To", OUT_TEXT},
	{"route", "Route", OUT_TEXT},
	{"route_why", "Route, why", OUT_TEXT},
	{"control", "Control", OUT_TEXT},
	{"bytes_to_copy", "To copy", OUT_BYTES},
	{"precopy_text", "Pre-copy, expected", OUT_TEXT},
	{"downtime", "Downtime, expected", OUT_TEXT},
	{"transfer_text", "Bytes travel", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column outcome_cols[] = {
	{"job", "Job", OUT_TEXT},
	{"end", "End", OUT_TEXT},
	{"copied_text", "Copied", OUT_TEXT},
	{"precopy_text", "Pre-copy", OUT_TEXT},
	{"downtime_text", "Downtime", OUT_TEXT},
	{"transfer_text", "Bytes went", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

void cli_print_checks(enum out_format f, const json_t *report)
{
	const json_t *checks = json_object_get(report, "checks");
	const json_t *check;
	size_t i;

	if (f == OUT_JSON || f == OUT_YAML) {
		out_record(f, report, check_cols);
		return;
	}
	out_list(f, "checks", checks, check_cols);
	json_array_foreach (checks, i, check)
		if (*text(check, "hint") &&
		    strcmp(text(check, "result"), "pass"))
			out_note(f, "hint: %s: %s", text(check, "name"),
				 text(check, "hint"));
	out_note(f, "verdict: %s", text(report, "verdict"));
}

/* Which way the files go, over how many connections at most, and why. */
static json_t *transfer_of(const json_t *plan)
{
	const json_t *t = json_object_get(plan, "transfer");
	json_int_t n = json_integer_value(json_object_get(t, "streams"));
	AUTO(buf_clear) struct buf b = BUF_INIT;

	buf_puts(&b, text(t, "transport"));
	if (*text(t, "by"))
		buf_printf(&b, " (%s)", text(t, "by"));
	if (n)
		buf_printf(&b, ", over at most %lld connection%s", (long long)n,
			   n == 1 ? "" : "s");
	if (*text(t, "why"))
		buf_printf(&b, ": %s", text(t, "why"));
	return json_string(buf_str(&b));
}

/* What plan_cols show: a copy with the downtime as people read it. */
static json_t *head_of(const json_t *plan)
{
	json_t *head = json_copy((json_t *)plan);
	const json_t *n = json_object_get(plan, "downtime_s");
	const json_t *pre = json_object_get(plan, "precopy");
	json_int_t rounds = json_integer_value(json_object_get(pre, "rounds"));

	if (json_is_number(n)) {
		AUTO(mem_freep)
		char *s = mem_printf("%.0f s", json_number_value(n));

		json_object_set_new(head, "downtime", json_string(s));
	}
	if (rounds) {
		AUTO(mem_freep)
		char *s =
			mem_printf("%lld round%s (%lld at most), %lld s",
				   (long long)rounds, rounds == 1 ? "" : "s",
				   (long long)json_integer_value(
					   json_object_get(pre, "rounds_max")),
				   (long long)json_integer_value(
					   json_object_get(pre, "seconds")));

		json_object_set_new(head, "precopy_text", json_string(s));
	}
	if (json_is_object(json_object_get(plan, "transfer")))
		json_object_set_new(head, "transfer_text", transfer_of(plan));
	return head;
}

/* The name of a step call stands under "step" (engine/journal.h). */
static void print_steps(const json_t *steps)
{
	json_t *rows = json_array();
	json_t *step;
	size_t i;

	json_array_foreach (steps, i, step) {
		json_t *row = json_copy(step);

		json_object_set_new(row, "nr", json_integer((json_int_t)i + 1));
		json_array_append_new(rows, row);
	}
	putchar('\n');
	out_list(OUT_TABLE, "steps", rows, step_cols);
	putchar('\n');
	json_array_foreach (steps, i, step)
		if (*text(step, "commit_point"))
			out_note(OUT_TABLE,
				 "From step %zu (%s) on the way is forward: "
				 "%s",
				 i + 1, text(step, "step"),
				 text(step, "commit_point"));
	json_decref(rows);
}

/* Does TEXT name the parameter :NAME? */
static bool binds(const char *text_, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text_; (p = strchr(p, ':')); p++)
		if (!strncmp(p + 1, name, n) &&
		    !isalnum((unsigned char)p[1 + n]) && p[1 + n] != '_')
			return true;
	return false;
}

/* Each statement with what it is bound to, as far as that is known before the
 * job runs. */
static void print_sql(const json_t *sql)
{
	const json_t *one, *v;
	const char *name;
	size_t i;

	json_array_foreach (sql, i, one) {
		putchar('\n');
		out_note(OUT_TABLE, "-- %s, in %s", text(one, "name"),
			 text(one, "database"));
		printf("%s;\n", text(one, "text"));
		json_object_foreach (json_object_get(one, "values"), name, v) {
			AUTO(buf_clear) struct buf b = BUF_INIT;

			if (!binds(text(one, "text"), name))
				continue;
			out_yaml(&b, v);
			printf("-- :%s = %s", name, buf_str(&b));
		}
	}
}

/* What was found that stands in nobody's way. */
static void print_warnings(const json_t *checks)
{
	const json_t *check;
	size_t i;

	json_array_foreach (checks, i, check) {
		if (strcmp(text(check, "result"), "warn"))
			continue;
		out_note(OUT_TABLE, "warning: %s: %s", text(check, "name"),
			 text(check, "message"));
		if (*text(check, "hint"))
			out_note(OUT_TABLE, "hint: %s: %s", text(check, "name"),
				 text(check, "hint"));
	}
}

void cli_print_plan(enum out_format f, const json_t *plan, bool verbose)
{
	json_t *head;

	if (f == OUT_JSON || f == OUT_YAML) {
		out_record(f, plan, plan_cols);
		return;
	}
	head = head_of(plan);
	out_record(f, head, plan_cols);
	json_decref(head);
	if (f != OUT_TABLE)
		return;
	print_steps(json_object_get(plan, "steps"));
	print_warnings(json_object_get(plan, "checks"));
	if (verbose)
		print_sql(json_object_get(plan, "sql"));
	putchar('\n');
	fflush(stdout);
}

static void hint_for(const struct app_outcome *out, int code, struct err *e)
{
	if (code == CLI_OPEN && !e->hint)
		err_hint(e,
			 "novahaul show %s; then novahaul resume %s or "
			 "novahaul rollback %s",
			 out->job, out->job, out->job);
}

int cli_finish(struct cli *c, struct app_outcome *out, struct err *e)
{
	int code = out->end == TXN_ERROR ? (int)cli_exit_code(e)
					 : txn_exit_code(out->end, e);
	json_t *doc;

	progress_break(c->app.progress);
	if (out->end == TXN_ERROR)
		return code;
	hint_for(out, code, e);
	doc = json_pack("{s:s s:s s:i}", "job", out->job, "end",
			txn_end_name(out->end), "exit_code", code);
	if (out->report)
		json_object_set_new(doc, "report", out->report);
	out->report = NULL;
	if (e->kind != ERR_NONE)
		json_object_set_new(doc, "error",
				    json_pack("{s:s s:s s:s*}", "kind",
					      err_kind_name(e->kind), "message",
					      err_msg(e), "hint", e->hint));
	if (c->g.format == OUT_TABLE)
		downtime_text(json_object_get(doc, "report"), doc);
	out_record(c->g.format, doc, outcome_cols);
	json_decref(doc);
	return code;
}
