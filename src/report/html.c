/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a report: what it was, the timeline, where the time went. */
#include "report/report_priv.h"

#include <stdio.h>
#include <string.h>

enum { NAMES = REPORT_NAMES, TEXT_MAX = REPORT_TEXT, TIMES = 10 };

static void put(struct buf *b, const char *text, size_t max)
{
	report_escape(b, text, max);
}

/* A word for the state, and a sign that needs no colour. */
void report_html_state(struct buf *b, const char *state, const char *word)
{
	static const struct {
		const char *state, *word;
	} words[] = {
		{"done", "&#10003; done"},
		{"failed", "&#10007; failed, rolled back"},
		{"rolled-back", "&#8630; rolled back"},
		{"open", "! open"},
		{"pending", "pending"},
		{"running", "running"},
		{"skipped", "skipped"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].state, state))
			buf_printf(b, "<span class=\"state %s\">%s</span>",
				   state, word ? word : words[i].word);
}

/* Of a batch or a run only a part has failed, and the rest stays done. */
static void put_whole_state(struct buf *b, const char *outcome, bool job)
{
	report_html_state(b, outcome,
			  !job && !strcmp(outcome, "failed")
				  ? "&#10007; not all of it"
				  : NULL);
}

/* "2026-11-22 04:25:43" of an ISO time. */
void report_html_when(struct buf *b, const char *iso)
{
	char s[20];

	if (strlen(iso) < 19)
		return;
	memcpy(s, iso, 19);
	s[10] = ' ';
	s[19] = '\0';
	put(b, s, 0);
}

const char *report_html_name(const json_t *one)
{
	const char *s = report_str(one, "server.name");

	return *s ? s : report_str(one, "server.uuid");
}

void report_html_hosts(struct buf *b, const json_t *one)
{
	if (!*report_str(one, "from") && !*report_str(one, "to"))
		return;
	buf_puts(b, "<bdi>");
	put(b, report_str(one, "from"), NAMES);
	buf_puts(b, "</bdi> &#8594; <bdi>");
	put(b, report_str(one, "to"), NAMES);
	buf_puts(b, "</bdi>");
}

bool report_is_of(const json_t *doc, const char *what)
{
	return !strcmp(report_str(doc, "report"), what);
}

/* --- head */

static void put_title(const json_t *doc, struct buf *b)
{
	const json_t *all = json_object_get(doc, "instances");
	size_t n = json_array_size(all);
	const json_t *one = json_array_get(all, 0);

	put(b, report_str(doc, "kind"), NAMES);
	if (report_is_of(doc, "job") || report_is_of(doc, "run")) {
		bool job = report_is_of(doc, "job");

		buf_puts(b, " of <bdi>");
		put(b, job ? report_html_name(one) : report_str(doc, "name"),
		    NAMES);
		buf_puts(b, "</bdi>");
		return;
	}
	if (*report_str(doc, "host")) {
		buf_puts(b, " of <bdi>");
		put(b, report_str(doc, "host"), NAMES);
		buf_puts(b, "</bdi>");
	}
	buf_printf(b, ": %zu instance%s", n, n == 1 ? "" : "s");
}

static void put_head(const json_t *doc, struct buf *b)
{
	buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		    "<meta charset=\"utf-8\"/>\n"
		    "<meta http-equiv=\"Content-Security-Policy\" "
		    "content=\"default-src 'none'; "
		    "style-src 'unsafe-inline'\"/>\n"
		    "<meta name=\"viewport\" "
		    "content=\"width=device-width, initial-scale=1\"/>\n"
		    "<meta name=\"generator\" content=\"novahaul\"/>\n<title>");
	put(b, report_str(doc, "id"), 0);
	buf_puts(b, " - novahaul report</title>\n<style>\n");
	buf_puts(b, report_css);
	buf_puts(b, "</style>\n</head>\n<body>\n");
	buf_puts(b, report_patterns);
}

static void tile(struct buf *b, const char *value, const char *what)
{
	buf_printf(b, "<div><b>%s</b><span>%s</span></div>\n", value, what);
}

static void put_outcomes(const json_t *doc, struct buf *b)
{
	const json_t *out = report_get(doc, "totals.outcomes"), *v;
	AUTO(buf_clear) struct buf s = BUF_INIT;
	const char *what;
	char n[16];

	json_object_foreach ((json_t *)out, what, v)
		if (json_integer_value(v))
			buf_printf(&s, "%s%d %s", s.len ? ", " : "",
				   (int)json_integer_value(v), what);
	snprintf(n, sizeof(n), "%d", (int)report_num(doc, "totals.instances"));
	tile(b, n, buf_str(&s));
}

static void put_tiles(const json_t *doc, struct buf *b)
{
	char word[REPORT_WORD_MAX], most[REPORT_WORD_MAX];
	double down = report_num(doc, "totals.downtime_s");
	double sent = report_num(doc, "totals.bytes_sent");
	double wire = report_num(doc, "totals.bytes_wire");
	AUTO(mem_freep) char *more = NULL;
	bool many = report_num(doc, "totals.instances") > 1;

	buf_puts(b, "<div class=\"tiles\">\n");
	if (many)
		put_outcomes(doc, b);
	report_seconds(report_num(doc, "seconds"), word);
	tile(b, word, "from beginning to end");
	if (down > 0) {
		report_seconds(report_num(doc, "totals.downtime_max_s"), most);
		tile(b, most, many ? "longest downtime" : "downtime");
	}
	report_bytes(sent, word);
	report_bytes(wire, most);
	more = mem_printf("copied, as %s", most);
	tile(b, word, sent > 0 && wire < sent ? more : "copied");
	report_bytes(report_num(doc, "totals.kept_bytes"), word);
	tile(b, word, "kept on the source");
	buf_puts(b, "</div>\n");
}

static void put_top(const json_t *doc, struct buf *b)
{
	const json_t *one =
		json_array_get(json_object_get(doc, "instances"), 0);

	buf_puts(b, "<header>\n<p class=\"soft\">novahaul report</p>\n<h1>");
	put_title(doc, b);
	buf_puts(b, "</h1>\n<p>");
	put_whole_state(b, report_str(doc, "outcome"),
			report_is_of(doc, "job"));
	buf_puts(b, " <span class=\"id\">");
	put(b, report_str(doc, "id"), 0);
	buf_puts(b, "</span> &#183; ");
	if (report_is_of(doc, "job")) {
		report_html_hosts(b, one);
		buf_puts(b, " &#183; ");
	}
	report_html_when(b, report_str(doc, "created"));
	if (*report_str(doc, "ended")) {
		buf_puts(b, " &#8211; ");
		report_html_when(b, report_str(doc, "ended"));
	}
	buf_puts(b, " UTC</p>\n");
	put_tiles(doc, b);
	buf_puts(b, "</header>\n<main>\n");
}

/* --- what went wrong */

static void put_cause(const char *who, const char *text, const json_t *at,
		      struct buf *b)
{
	char word[REPORT_WORD_MAX];

	buf_puts(b, "<div class=\"cause\"><p><b><bdi>");
	put(b, who, NAMES);
	buf_puts(b, "</bdi></b>");
	if (at) {
		report_seconds(report_num(at, "at_s"), word);
		buf_printf(b, ", after %s", word);
	}
	buf_puts(b, ": ");
	put(b, text, TEXT_MAX);
	buf_puts(b, "</p>");
}

/* What still stands, and what there is to be done. */
static void put_error(const json_t *o, const char *who, struct buf *b)
{
	put_cause(who, report_str(o, "error.message"), NULL, b);
	if (*report_str(o, "error.hint")) {
		buf_puts(b, "<p>To do: <code>");
		put(b, report_str(o, "error.hint"), TEXT_MAX);
		buf_puts(b, "</code></p>");
	}
	buf_puts(b, "</div>\n");
}

/* The history's failures; the last one may be the error that stands. */
static void put_failures(const json_t *one, struct buf *b)
{
	const json_t *all = json_object_get(one, "failures"), *f;
	const char *error = report_str(one, "error.message");
	bool over = json_object_get(one, "error") != NULL;
	size_t i;

	json_array_foreach (all, i, f) {
		if (over && !strcmp(report_str(f, "text"), error))
			continue;
		put_cause(report_html_name(one), report_str(f, "text"), f, b);
		buf_puts(b, "<p class=\"soft\">It was gone on from.</p>"
			    "</div>\n");
	}
	if (over)
		put_error(one, report_html_name(one), b);
}

static bool any_error(const json_t *list)
{
	const json_t *one;
	bool any = false;
	size_t i;

	json_array_foreach (list, i, one)
		any = any || json_object_get(one, "error") ||
		      json_array_size(json_object_get(one, "failures"));
	return any;
}

/* What each step of a run says; the run itself says the same of one of them. */
static void put_step_errors(const json_t *doc, struct buf *b)
{
	const json_t *s;
	size_t i;

	if (!report_is_of(doc, "run"))
		return;
	json_array_foreach (json_object_get(doc, "steps"), i, s)
		if (json_object_get(s, "error"))
			put_error(s, report_str(s, "step"), b);
}

static void put_causes(const json_t *doc, struct buf *b)
{
	const json_t *all = json_object_get(doc, "instances"), *one;
	bool batch = !report_is_of(doc, "job");
	size_t i;

	if (!any_error(all) && !any_error(json_object_get(doc, "steps")) &&
	    !(batch && json_object_get(doc, "error")))
		return;
	buf_puts(b, "<section>\n<h2>What went wrong</h2>\n");
	put_step_errors(doc, b);
	if (batch && json_object_get(doc, "error"))
		put_error(doc, report_str(doc, "id"), b);
	json_array_foreach (all, i, one)
		put_failures(one, b);
	buf_puts(b, "</section>\n");
}

/* --- where the time went */

static void put_share(const json_t *t, double most, struct buf *b)
{
	double s = report_num(t, "seconds");
	char word[REPORT_WORD_MAX];

	report_seconds(s, word);
	buf_puts(b, "<tr><td>");
	if (*report_str(t, "step"))
		put(b, report_str(t, "step"), NAMES);
	else
		buf_puts(b, "between steps, or nobody at work");
	buf_printf(b,
		   "</td><td class=\"n\">%s</td><td class=\"time\">"
		   "<svg width=\"100%%\" height=\"16\" aria-hidden=\"true\">"
		   "<rect class=\"share\" y=\"3\" height=\"11\" "
		   "width=\"%.2f%%\"/></svg></td></tr>\n",
		   word, most > 0 ? s / most * 100 : 0);
}

static void put_times(const json_t *doc, struct buf *b)
{
	const json_t *all = json_object_get(doc, "time"), *t;
	double most = report_num(json_array_get(all, 0), "seconds"), rest = 0;
	size_t i;

	if (!json_array_size(all))
		return;
	buf_puts(b,
		 "<section>\n<h2>Where the time went</h2>\n"
		 "<table class=\"fixed\"><colgroup>"
		 "<col style=\"width:24%\"/><col style=\"width:9rem\"/><col/>"
		 "</colgroup>\n<thead><tr><th scope=\"col\">Step</th>"
		 "<th scope=\"col\" class=\"n\">Took</th>"
		 "<th scope=\"col\"></th></tr></thead>\n<tbody>\n");
	json_array_foreach (all, i, t) {
		if (i < TIMES)
			put_share(t, most, b);
		else
			rest += report_num(t, "seconds");
	}
	if (rest > 0) {
		json_t *o = json_pack("{s:s s:f}", "step", "all others",
				      "seconds", rest);

		put_share(o, most, b);
		json_decref(o);
	}
	buf_puts(b, "</tbody></table>\n</section>\n");
}

void report_html(const json_t *doc, struct buf *b)
{
	const json_t *all = json_object_get(doc, "instances"), *one;
	size_t i;

	put_head(doc, b);
	put_top(doc, b);
	put_causes(doc, b);
	report_html_timeline(doc, b);
	put_times(doc, b);
	if (json_object_get(doc, "controllers")) {
		buf_printf(b, "<section>\n<h2>The %s</h2>\n",
			   report_is_of(doc, "run") ? "run" : "batch");
		report_html_history(doc, b);
		buf_puts(b, "</section>\n");
	}
	json_array_foreach (all, i, one)
		report_html_instance(one, i + 1, b);
	buf_puts(b, "</main>\n<footer><p>Made ");
	report_html_when(b, report_str(doc, "generated"));
	buf_puts(b, " UTC by novahaul from its journal.  All times are UTC."
		    "</p></footer>\n</body>\n</html>\n");
}
