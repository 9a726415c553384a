/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The axis of time of a page, and the rows of bars along it.
 *
 * It is cut where nothing happened for long: a job that was resumed two days
 * later would else be two dots.  Everything stands in per cent of the width, so
 * that one SVG fits a screen and a sheet of paper.
 */
#include "report/report_priv.h"

#include <stdlib.h>
#include <string.h>

/* A stretch of the axis: seconds FROM-TO at per cents X0-X1. */
struct piece {
	double from, to, x0, x1;
	bool idle; /* cut short */
};

struct axis {
	struct piece *pieces;
	size_t n;
	double step; /* seconds between two ticks */
};

/* A pause is cut from so many seconds on, if it is also longer than this part
 * of all that was done. */
#define PAUSE_S 20
#define PAUSE_PART 0.5
#define PAUSE_WIDTH 5.0	  /* per cent of the width */
#define PAUSES_WIDTH 40.0 /* all of them, at most */
#define TICKS 7
#define LABEL_WIDTH 8.0
#define BAR_LEAST 0.3

static int by_from(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Every span of every instance, and when each begins and ends. */
static size_t collect(const json_t *instances, struct piece **out)
{
	const json_t *one, *s, *v;
	size_t n = 0, most = 2 * json_array_size(instances), i, k, m;
	struct piece *p;

	json_array_foreach (instances, i, one)
		json_array_foreach (json_object_get(one, "steps"), k, s)
			most += json_array_size(json_object_get(s, "spans"));
	p = MEM_NEW_N(struct piece, most);
	json_array_foreach (instances, i, one) {
		double at = report_num(one, "at_s");
		double end = at + report_num(one, "seconds");

		p[n++] = (struct piece){.from = at, .to = at};
		p[n++] = (struct piece){.from = end, .to = end};
		json_array_foreach (json_object_get(one, "steps"), k, s)
			json_array_foreach (json_object_get(s, "spans"), m, v) {
				at = report_num(v, "at_s");
				end = at + report_num(v, "seconds");
				p[n++] = (struct piece){.from = at, .to = end};
			}
	}
	qsort(p, n, sizeof(*p), by_from);
	*out = p;
	return n;
}

/* Joins pieces that are less than PAUSE apart; how many are left. */
static size_t join(struct piece *p, size_t n, double pause)
{
	size_t last = 0;

	for (size_t i = 1; i < n; i++) {
		if (p[i].from - p[last].to > pause)
			p[++last] = p[i];
		else if (p[i].to > p[last].to)
			p[last].to = p[i].to;
	}
	return n ? last + 1 : 0;
}

static double length(const struct piece *p, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += p[i].to - p[i].from;
	return sum;
}

/* Gives each of the N busy pieces, and each pause between, its place. */
static void lay_out(struct axis *a, const struct piece *busy, size_t n)
{
	double all = length(busy, n), x = 0;
	double each = n > 1 ? PAUSES_WIDTH / (double)(n - 1) : 0;
	double width;

	if (each > PAUSE_WIDTH)
		each = PAUSE_WIDTH;
	width = 100 - each * (double)(n ? n - 1 : 0);
	a->pieces = MEM_NEW_N(struct piece, 2 * n + 1);
	for (size_t i = 0; i < n; i++) {
		double w = all > 0 ? (busy[i].to - busy[i].from) / all * width
				   : width / (double)n;

		if (i) {
			a->pieces[a->n++] =
				(struct piece){busy[i - 1].to, busy[i].from, x,
					       x + each, true};
			x += each;
		}
		a->pieces[a->n++] = (struct piece){busy[i].from, busy[i].to, x,
						   x + w, false};
		x += w;
	}
}

static double tick_step(double all)
{
	static const double steps[] = {
		0.1, 0.2, 0.5, 1,    2,	   5,	 10,	20,    30,    60,   120,
		300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (all / steps[i] <= TICKS)
			return steps[i];
	return 86400.0 * (1 + (double)(long)(all / 86400 / TICKS));
}

struct axis *report_axis(const json_t *instances)
{
	struct axis *a = MEM_NEW(struct axis);
	AUTO(mem_freep) struct piece *p = NULL;
	size_t n = collect(instances, &p);
	double pause, all;

	/* What is done altogether decides what a long pause is. */
	pause = PAUSE_S;
	n = join(p, n, pause);
	all = length(p, n);
	if (all * PAUSE_PART > pause)
		n = join(p, n, all * PAUSE_PART);
	lay_out(a, p, n);
	a->step = tick_step(length(p, n));
	return a;
}

void report_axis_free(struct axis *a)
{
	if (!a)
		return;
	mem_free(a->pieces);
	mem_free(a);
}

double report_axis_x(const struct axis *a, double t)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct piece *p = &a->pieces[i];

		if (t > p->to)
			continue;
		if (t <= p->from || p->to <= p->from)
			return p->x0;
		return p->x0 +
		       (t - p->from) / (p->to - p->from) * (p->x1 - p->x0);
	}
	return a->n ? a->pieces[a->n - 1].x1 : 0;
}

/* "1:30" from a minute on, "2:05 h" from an hour on. */
static void put_clock(struct buf *b, double t, double step)
{
	long s = (long)(t + 0.5);

	if (step < 1)
		buf_printf(b, "%.1f s", t);
	else if (s < 60 && step < 60)
		buf_printf(b, "%ld s", s);
	else if (s < 3600)
		buf_printf(b, step < 60 ? "%ld:%02ld" : "%ld min", s / 60,
			   s % 60);
	else if (s < 86400 && step < 60)
		buf_printf(b, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else if (s < 86400)
		buf_printf(b, "%ld:%02ld h", s / 3600, s / 60 % 60);
	else
		buf_printf(b, "%ld d %ld h", s / 86400, s / 3600 % 24);
}

static double first_tick(const struct axis *a, const struct piece *p)
{
	double t = (double)(int64_t)(p->from / a->step) * a->step;

	return t < p->from ? t + a->step : t;
}

static void put_label(struct buf *b, double t, double step, double x)
{
	buf_printf(b, "<line x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"17\" y2=\"24\"/>",
		   x, x);
	buf_printf(b, "<text x=\"%.2f%%\" y=\"13\"%s>", x,
		   x > 92  ? " text-anchor=\"end\""
		   : x < 2 ? ""
			   : " text-anchor=\"middle\"");
	put_clock(b, t, step);
	buf_puts(b, "</text>");
}

static void pauses(const struct axis *a, const char *height, struct buf *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->pieces[i].idle)
			buf_printf(b,
				   "<rect class=\"pause\" x=\"%.2f%%\" "
				   "width=\"%.2f%%\" y=\"0\" height=\"%s\"/>",
				   a->pieces[i].x0,
				   a->pieces[i].x1 - a->pieces[i].x0, height);
}

void report_axis_head(const struct axis *a, struct buf *b)
{
	double taken = -LABEL_WIDTH;

	buf_puts(b, "<svg class=\"head\" width=\"100%\" height=\"24\" "
		    "aria-hidden=\"true\">");
	pauses(a, "24", b);
	for (size_t i = 0; i < a->n; i++) {
		const struct piece *p = &a->pieces[i];
		double t = first_tick(a, p);

		for (; !p->idle && t <= p->to; t += a->step) {
			double x = report_axis_x(a, t);

			if (x < taken + LABEL_WIDTH)
				continue;
			put_label(b, t, a->step, x);
			taken = x;
		}
	}
	buf_puts(b, "</svg>");
}

void report_axis_grid(const struct axis *a, struct buf *b)
{
	pauses(a, "100%", b);
	for (size_t i = 0; i < a->n; i++) {
		const struct piece *p = &a->pieces[i];
		double t = first_tick(a, p);

		for (; !p->idle && t <= p->to; t += a->step) {
			double x = report_axis_x(a, t);

			buf_printf(b,
				   "<line class=\"grid\" x1=\"%.2f%%\" "
				   "x2=\"%.2f%%\" y1=\"0\" y2=\"100%%\"/>",
				   x, x);
		}
	}
}

/* --- rows */

/* When the guest of INSTANCE was down: false if it never was.  One that is
 * still down has no end, but that of all that is known of it. */
static bool down_of(const json_t *instance, double *from, double *to)
{
	const json_t *down = json_object_get(instance, "downtime");

	*from = report_num(down, "at_s");
	*to = *from + report_num(down, "seconds");
	if (down)
		return true;
	*from = report_num(instance, "down_at_s");
	*to = report_num(instance, "at_s") + report_num(instance, "seconds");
	return json_object_get(instance, "down_at_s") != NULL;
}

static const char *class_of(const json_t *span, const json_t *instance)
{
	double at = report_num(span, "at_s"), from, to;
	const char *end = report_str(span, "end");

	if (!strcmp(end, "failed") || !strcmp(end, "again"))
		return "failed";
	if (!strcmp(end, "cut"))
		return "cut";
	if (!strcmp(report_str(span, "what"), "undo"))
		return "undo";
	if (!instance)
		return "book";
	return down_of(instance, &from, &to) && at >= from && at < to ? "down"
								      : "run";
}

static void put_bar(const struct report_row *r, const json_t *step,
		    const json_t *span, struct buf *b)
{
	double at = report_num(span, "at_s"), s = report_num(span, "seconds");
	double x = report_axis_x(r->axis, at);
	double w = report_axis_x(r->axis, at + s) - x;
	char word[REPORT_WORD_MAX];

	w = w < BAR_LEAST ? BAR_LEAST : w;
	report_seconds(s, word);
	buf_printf(b,
		   "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"4\" "
		   "height=\"14\"><title>",
		   class_of(span, r->instance), x + w > 100 ? 100 - w : x, w);
	report_escape(b, report_str(span, "what"), 0);
	buf_putc(b, ' ');
	report_escape(b, report_str(step, "step"), 80);
	buf_printf(b, ": %s, ", word);
	report_escape(b, report_str(span, "end"), 0);
	buf_puts(b, "</title></rect>");
}

/* Beside its line where there is room, else under it. */
static void put_downtime(const struct report_row *r, struct buf *b)
{
	bool over = json_object_get(r->instance, "downtime") != NULL;
	double from, until, x, to, width;
	char word[REPORT_WORD_MAX];

	if (!down_of(r->instance, &from, &until))
		return;
	x = report_axis_x(r->axis, from);
	to = report_axis_x(r->axis, until);
	width = to - x < BAR_LEAST ? BAR_LEAST : to - x;
	report_seconds(until - from, word);
	buf_printf(b,
		   "<rect class=\"guest\" x=\"%.2f%%\" width=\"%.2f%%\" "
		   "y=\"21\" height=\"3\"/>",
		   x, width);
	if (to < 82)
		buf_printf(b,
			   "<text class=\"guest\" x=\"%.2f%%\" dx=\"5\" "
			   "y=\"27\">",
			   to);
	else if (x > 18)
		buf_printf(b,
			   "<text class=\"guest\" x=\"%.2f%%\" dx=\"-5\" "
			   "y=\"27\" text-anchor=\"end\">",
			   x);
	else
		buf_printf(b,
			   "<text class=\"guest\" x=\"%.2f%%\" "
			   "y=\"36\" text-anchor=\"middle\">",
			   (x + to) / 2);
	buf_printf(b, over ? "down %s</text>" : "down, %s so far</text>", word);
}

void report_row_svg(const struct report_row *r, struct buf *b)
{
	const json_t *s, *v;
	size_t i, k;

	buf_printf(b,
		   "<svg class=\"%s\" width=\"100%%\" height=\"%d\" "
		   "role=\"img\" aria-label=\"",
		   r->tall ? "tall" : "thin", r->tall ? 40 : 22);
	report_escape(b, r->label, 300);
	buf_puts(b, "\">");
	report_axis_grid(r->axis, b);
	json_array_foreach (r->steps, i, s)
		json_array_foreach (json_object_get(s, "spans"), k, v)
			put_bar(r, s, v, b);
	if (r->tall)
		put_downtime(r, b);
	buf_puts(b, "</svg>");
}
