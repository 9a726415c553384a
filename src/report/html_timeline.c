/* SPDX-License-Identifier: Apache-2.0 */
/* The page's timeline: a row for each instance, and for each step of a run. */
#include "report/report_priv.h"

#include <string.h>

static void put(struct buf *b, const char *text, size_t max)
{
	report_escape(b, text, max);
}

static void put_legend(bool run, struct buf *b)
{
	static const struct {
		const char *class, *what;
	} words[] = {
		{"book", "a step of the run"},
		{"run", "a step, while the guest ran"},
		{"down", "a step, while it was down"},
		{"undo", "an undo"},
		{"failed", "failed"},
		{"cut", "its controller was lost"},
		{"pause", "a pause, cut short"},
	};

	buf_puts(b, "<ul class=\"legend\">");
	for (size_t i = run ? 0 : 1; i < ARRAY_SIZE(words); i++)
		buf_printf(b,
			   "<li><svg width=\"22\" height=\"12\" "
			   "aria-hidden=\"true\"><rect class=\"%s\" "
			   "width=\"22\" height=\"12\"/></svg>%s</li>",
			   words[i].class, words[i].what);
	buf_puts(b, "</ul>\n");
}

/* What the row shows, in words. */
static char *label_of(const json_t *one)
{
	char took[REPORT_WORD_MAX], at[REPORT_WORD_MAX], down[REPORT_WORD_MAX];
	const json_t *d = json_object_get(one, "downtime");

	report_seconds(report_num(one, "at_s"), at);
	report_seconds(report_num(one, "seconds"), took);
	report_seconds(report_num(d, "seconds"), down);
	return mem_printf("%s: %s, began after %s, took %s%s%s",
			  report_html_name(one), report_str(one, "outcome"), at,
			  took, d ? ", guest down for " : "", d ? down : "");
}

static void put_row(const struct axis *a, const json_t *one, struct buf *b)
{
	AUTO(mem_freep) char *label = label_of(one);

	buf_printf(b, "<tr%s><td class=\"name\"><b><bdi>",
		   json_object_get(one, "run_step") ? " class=\"of\"" : "");
	put(b, report_html_name(one), REPORT_NAMES);
	buf_puts(b, "</bdi></b><br/>");
	report_html_hosts(b, one);
	buf_puts(b, "<br/>");
	report_html_state(b, report_str(one, "outcome"), NULL);
	buf_puts(b, "</td><td class=\"time\">");
	report_row_svg(
		&(struct report_row){.axis = a,
				     .instance = one,
				     .steps = json_object_get(one, "steps"),
				     .label = label,
				     .tall = true},
		b);
	buf_puts(b, "</td></tr>\n");
}

/* A step of a run. */
static void put_step(const struct axis *a, const json_t *s, struct buf *b)
{
	const char *state = report_str(s, "state");
	json_t *row = json_pack("[O]", s);
	char took[REPORT_WORD_MAX];
	AUTO(mem_freep) char *label = NULL;

	report_seconds(report_num(s, "seconds"), took);
	label = mem_printf("step %s: %s, took %s", report_str(s, "step"), state,
			   took);
	buf_puts(b, "<tr><td class=\"name\"><b><bdi>");
	put(b, report_str(s, "step"), REPORT_NAMES);
	buf_puts(b, "</bdi></b> <span class=\"soft\">");
	put(b, report_str(s, "type"), REPORT_NAMES);
	buf_puts(b, "</span><br/>");
	report_html_state(b, state,
			  strcmp(state, "failed") ? NULL : "&#10007; failed");
	buf_puts(b, "</td><td class=\"time\">");
	report_row_svg(
		&(struct report_row){.axis = a, .steps = row, .label = label},
		b);
	if (*report_str(s, "note")) {
		buf_puts(b, "<span class=\"soft\">");
		put(b, report_str(s, "note"), REPORT_TEXT);
		buf_puts(b, "</span>");
	}
	buf_puts(b, "</td></tr>\n");
	json_decref(row);
}

/* The instances that step NR of a run has moved; of a job or a batch all. */
static void put_rows(const struct axis *a, const json_t *instances, size_t nr,
		     struct buf *b)
{
	const json_t *one;
	size_t i;

	json_array_foreach (instances, i, one)
		if (report_num(one, "run_step") == (double)nr)
			put_row(a, one, b);
}

/* A run's steps have their times as instances have. */
static struct axis *axis_of(const json_t *doc)
{
	json_t *all = json_array(), *s;
	struct axis *a;
	size_t i;

	json_array_extend(all, json_object_get(doc, "instances"));
	json_array_foreach (json_object_get(doc, "steps"), i, s)
		json_array_append_new(all,
				      json_pack("{s:f s:f s:[O]}", "at_s",
						report_num(s, "at_s"),
						"seconds", 0.0, "steps", s));
	a = report_axis(all);
	json_decref(all);
	return a;
}

void report_html_timeline(const json_t *doc, struct buf *b)
{
	const json_t *all = json_object_get(doc, "instances"), *s;
	bool run = report_is_of(doc, "run");
	struct axis *a = axis_of(doc);
	size_t i;

	buf_printf(b,
		   "<section>\n<h2>Timeline</h2>\n"
		   "<table class=\"fixed timeline\">"
		   "<colgroup><col style=\"width:27%%\"/><col/></colgroup>\n"
		   "<thead><tr><th scope=\"col\">%s</th>"
		   "<th scope=\"col\" class=\"time\">"
		   "<span>Time since ",
		   run ? "Step, instance" : "Instance");
	report_html_when(b, report_str(doc, "created"));
	buf_puts(b, " UTC</span>");
	report_axis_head(a, b);
	buf_puts(b, "</th></tr></thead>\n<tbody>\n");
	put_rows(a, all, 0, b);
	json_array_foreach (json_object_get(doc, "steps"), i, s) {
		put_step(a, s, b);
		put_rows(a, all, i + 1, b);
	}
	buf_puts(b, "</tbody></table>\n");
	put_legend(run, b);
	buf_puts(b, "</section>\n");
	report_axis_free(a);
}
