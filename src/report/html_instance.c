/* SPDX-License-Identifier: Apache-2.0 */
/* The page's part about one instance: its steps, its controllers, its words. */
#include "report/report_priv.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 120, TEXT = 2000, EVENTS = 500 };

static void put(struct buf *b, const char *text, size_t max)
{
	report_escape(b, text, max);
}

/* "+ 1 min 23 s" */
static void put_at(struct buf *b, const json_t *o)
{
	char word[REPORT_WORD_MAX];

	if (!json_object_get(o, "at_s"))
		return;
	report_seconds(report_num(o, "at_s"), word);
	buf_printf(b, "+ %s", word);
}

static void put_clock(struct buf *b, const char *iso)
{
	AUTO(mem_freep) char *s = NULL;

	if (strlen(iso) < 19)
		return;
	s = mem_printf("%.10s %.8s", iso, iso + 11);
	put(b, s, 0);
}

/* --- facts */

static void fact(struct buf *b, const char *what, const char *value)
{
	if (!*value)
		return;
	buf_printf(b, "<tr><th scope=\"row\">%s</th><td><bdi>", what);
	put(b, value, TEXT);
	buf_puts(b, "</bdi></td></tr>\n");
}

static char *copied(const json_t *one)
{
	double sent = report_num(one, "copied.bytes_sent");
	double wire = report_num(one, "copied.bytes_wire");
	char a[REPORT_WORD_MAX], w[REPORT_WORD_MAX];

	report_bytes(sent, a);
	report_bytes(wire, w);
	if (sent <= 0)
		return mem_strdup("");
	return wire < sent ? mem_printf("%s, as %s on the wire", a, w)
			   : mem_strdup(a);
}

static char *way(const json_t *one)
{
	const json_t *w = json_object_get(one, "transfer");
	int n = (int)report_num(w, "streams");
	const char *why = report_str(w, "why");

	if (!w)
		return mem_strdup("");
	return mem_printf("%.60s, %d connection%s%s%.500s",
			  report_str(w, "transport"), n, n == 1 ? "" : "s",
			  *why ? "; not otherwise: " : "", why);
}

static char *downtime(const json_t *one)
{
	static const struct {
		const char *key, *word;
	} parts[] = {{"stop_s", "stop"},
		     {"copy_s", "copy"},
		     {"install_s", "install"},
		     {"rewrite_s", "rewrite"},
		     {"start_s", "start"}};
	const json_t *d = json_object_get(one, "downtime");
	char s[REPORT_WORD_MAX];
	const char *sep = ": ";
	struct buf b = BUF_INIT;

	if (!d)
		return mem_strdup("");
	report_seconds(report_num(d, "seconds"), s);
	buf_puts(&b, s);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!json_object_get(d, parts[i].key))
			continue;
		report_seconds(report_num(d, parts[i].key), s);
		buf_printf(&b, "%s%s %s", sep, parts[i].word, s);
		sep = ", ";
	}
	if (json_object_get(d, "predicted_s")) {
		report_seconds(report_num(d, "predicted_s"), s);
		buf_printf(&b, "; predicted %s, without the power-off", s);
	}
	return buf_steal(&b);
}

static void put_facts(const json_t *one, struct buf *b)
{
	AUTO(mem_freep) char *bytes = copied(one);
	AUTO(mem_freep) char *down = downtime(one);
	AUTO(mem_freep) char *how = way(one);
	char kept[REPORT_WORD_MAX];

	report_bytes(report_num(one, "kept_bytes"), kept);
	buf_puts(b, "<table class=\"facts\"><tbody>\n");
	fact(b, "Job", report_str(one, "job"));
	fact(b, "Instance", report_str(one, "server.uuid"));
	fact(b, "From", report_str(one, "from"));
	fact(b, "To", report_str(one, "to"));
	fact(b, "Downtime", down);
	fact(b, "Copied", bytes);
	fact(b, "Bytes went", how);
	fact(b, "Kept on the source",
	     report_num(one, "kept_bytes") > 0 ? kept : "");
	fact(b, "Purged", report_str(one, "purged"));
	fact(b, "novahaul", report_str(one, "build"));
	buf_puts(b, "</tbody></table>\n");
}

/* --- steps */

static void put_bytes(struct buf *b, double n)
{
	char word[REPORT_WORD_MAX];

	report_bytes(n, word);
	buf_printf(b, "<td class=\"n\">%s</td>", n > 0 ? word : "");
}

/* The time in which it ran and was undone, not what lay between. */
static double took(const json_t *s)
{
	const json_t *v;
	double sum = 0;
	size_t i;

	json_array_foreach (json_object_get(s, "spans"), i, v)
		sum += report_num(v, "seconds");
	return sum;
}

static char *label_of(const json_t *s)
{
	char at[REPORT_WORD_MAX], word[REPORT_WORD_MAX];

	report_seconds(report_num(s, "at_s"), at);
	report_seconds(took(s), word);
	return mem_printf("%s: %s, began after %s, took %s",
			  report_str(s, "step"), report_str(s, "state"), at,
			  word);
}

static void put_step(const struct axis *a, const json_t *one, const json_t *s,
		     struct buf *b)
{
	AUTO(mem_freep) char *label = label_of(s);
	json_t *row = json_pack("[O]", s);
	char word[REPORT_WORD_MAX] = "";

	if (json_array_size(json_object_get(s, "spans")))
		report_seconds(took(s), word);
	buf_printf(b, "<tr><td class=\"n\">%d</td><td><b>",
		   (int)report_num(s, "nr"));
	put(b, report_str(s, "step"), WORDS);
	buf_puts(b, "</b>");
	if (*report_str(s, "summary")) {
		buf_puts(b, "<br/><span class=\"soft\">");
		put(b, report_str(s, "summary"), WORDS);
		buf_puts(b, "</span>");
	}
	buf_puts(b, "</td><td>");
	put(b, report_str(s, "state"), 0);
	if (report_num(s, "attempts") > 1)
		buf_printf(b, "<br/>%d tries", (int)report_num(s, "attempts"));
	buf_puts(b, "</td><td class=\"n\">");
	put_at(b, s);
	buf_printf(b, "</td><td class=\"n\">%s</td>", word);
	put_bytes(b, report_num(s, "bytes_sent"));
	buf_puts(b, "<td class=\"time\">");
	report_row_svg(&(struct report_row){.axis = a,
					    .instance = one,
					    .steps = row,
					    .label = label},
		       b);
	buf_puts(b, "</td></tr>\n");
	json_decref(row);
}

static void put_steps(const json_t *one, struct buf *b)
{
	json_t *alone = json_pack("[O]", one);
	struct axis *a = report_axis(alone);
	const json_t *s;
	size_t i;

	buf_puts(b, "<h3>Steps</h3>\n<table class=\"fixed\"><colgroup>"
		    "<col style=\"width:4%\"/><col style=\"width:25%\"/>"
		    "<col style=\"width:9%\"/><col style=\"width:10%\"/>"
		    "<col style=\"width:9%\"/><col style=\"width:9%\"/><col/>"
		    "</colgroup>\n<thead><tr><th scope=\"col\" class=\"n\">#"
		    "</th><th scope=\"col\">Step</th><th scope=\"col\">State"
		    "</th><th scope=\"col\" class=\"n\">Began</th>"
		    "<th scope=\"col\" class=\"n\">Took</th>"
		    "<th scope=\"col\" class=\"n\">Sent</th>"
		    "<th scope=\"col\" class=\"time\">");
	report_axis_head(a, b);
	buf_puts(b, "</th></tr></thead>\n<tbody>\n");
	json_array_foreach (json_object_get(one, "steps"), i, s)
		put_step(a, one, s, b);
	buf_puts(b, "</tbody></table>\n");
	report_axis_free(a);
	json_decref(alone);
}

/* --- who, and what was said */

static void put_controllers(const json_t *one, struct buf *b)
{
	const json_t *all = json_object_get(one, "controllers"), *c;
	size_t i;

	if (!json_array_size(all))
		return;
	buf_puts(b, "<h3>Who ran it</h3>\n<table><thead><tr>"
		    "<th scope=\"col\" class=\"n\">Epoch</th>"
		    "<th scope=\"col\">Controller</th><th scope=\"col\">Since"
		    "</th></tr></thead>\n<tbody>\n");
	json_array_foreach (all, i, c) {
		const char *owner = report_str(c, "owner");

		buf_printf(b, "<tr><td class=\"n\">%d</td><td>",
			   (int)report_num(c, "epoch"));
		put(b, *owner ? owner : "not known any more", WORDS);
		buf_puts(b, "</td><td>");
		put_clock(b, report_str(c, "time"));
		buf_puts(b, i ? " (takeover)" : "");
		buf_puts(b, "</td></tr>\n");
	}
	buf_puts(b, "</tbody></table>\n");
}

static void put_line(const json_t *ev, struct buf *b)
{
	buf_puts(b, "<tr><td class=\"nowrap\">");
	put_clock(b, report_str(ev, "time"));
	buf_puts(b, "</td><td class=\"n\">");
	put_at(b, ev);
	buf_puts(b, "</td><td>");
	buf_puts(b, "<bdi>");
	put(b, report_str(ev, *report_str(ev, "step") ? "step" : "member"),
	    WORDS);
	buf_puts(b, "</bdi></td><td>");
	put(b, report_str(ev, "text"), TEXT);
	buf_puts(b, "</td></tr>\n");
}

/* What the timeline does not show: all but the marks of the steps. */
static void put_events(const json_t *one, struct buf *b)
{
	const json_t *all = json_object_get(one, "events"), *ev;
	size_t i, n = 0, more = 0;

	buf_puts(b, "<h3>What was said</h3>\n<table><thead><tr>"
		    "<th scope=\"col\">Time</th><th scope=\"col\" class=\"n\">"
		    "Since</th><th scope=\"col\">Of</th><th scope=\"col\">"
		    "Text</th></tr></thead>\n<tbody>\n");
	json_array_foreach (all, i, ev) {
		if (!strcmp(report_str(ev, "kind"), "mark"))
			continue;
		if (n++ < EVENTS)
			put_line(ev, b);
		else
			more++;
	}
	buf_puts(b, "</tbody></table>\n");
	if (more) {
		buf_printf(b,
			   "<p>... and %zu lines more: <code>novahaul show "
			   "--events ",
			   more);
		put(b, report_str(one, "job"), 0);
		buf_puts(b, "</code></p>\n");
	}
}

void report_html_history(const json_t *o, struct buf *b)
{
	put_controllers(o, b);
	if (json_array_size(json_object_get(o, "events")))
		put_events(o, b);
}

void report_html_instance(const json_t *one, size_t nr, struct buf *b)
{
	const char *name = report_str(one, "server.name");

	buf_printf(b, "<section class=\"instance\" id=\"i%zu\">\n<h2><bdi>",
		   nr);
	put(b, *name ? name : report_str(one, "server.uuid"), WORDS);
	buf_puts(b, "</bdi></h2>\n");
	put_facts(one, b);
	if (json_array_size(json_object_get(one, "steps")))
		put_steps(one, b);
	report_html_history(one, b);
	buf_puts(b, "</section>\n");
}
