/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "core/clock.h"

enum { LINE_EVERY_US = 10 * 1000000, BAR_EVERY_US = 200000, BAR_CELLS = 24 };

struct progress {
	enum progress_mode mode;
	bool colour;
	bool bar_shown;
	int64_t step_start_us; /* 0: no step is running */
	int64_t took_us;       /* of progress_took(), or 0 */
	int64_t last_us;       /* of the last line or bar of progress */
	uint64_t first_done;   /* units that were done at the step's start */
	bool have_first;
};

struct progress *progress_new(enum progress_mode mode)
{
	struct progress *p = MEM_NEW(struct progress);
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool tty = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");

	if (mode == PROGRESS_AUTO)
		mode = tty ? PROGRESS_BAR : PROGRESS_LINE;
	p->mode = mode;
	p->colour = tty && !(no_color && *no_color);
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	progress_break(p);
	mem_free(p);
}

enum progress_mode progress_mode(const struct progress *p)
{
	return p->mode;
}

void progress_break(struct progress *p)
{
	if (p->bar_shown)
		fputs("\r\033[K", stderr);
	p->bar_shown = false;
}

static void put_json(const char *event, const struct txn_event *ev,
		     const char *text)
{
	char when[CLOCK_ISO_MAX];
	AUTO(buf_clear) struct buf b = BUF_INIT;
	json_t *o;

	clock_iso(clock_now_us(), when);
	o = json_pack("{s:i s:s s:s s:s* s:s*}", "schema_version",
		      OUT_SCHEMA_VERSION, "event", event, "time", when, "text",
		      text, "job", ev ? ev->job : NULL);
	if (ev && ev->step) {
		json_object_set_new(o, "step", json_string(ev->step));
		json_object_set_new(o, "index",
				    json_integer((json_int_t)ev->idx + 1));
		json_object_set_new(o, "steps",
				    json_integer((json_int_t)ev->nsteps));
	}
	if (ev)
		json_object_set_new(o, "direction",
				    json_string(journal_dir_name(ev->dir)));
	if (ev && ev->kind == TXN_EV_PROGRESS) {
		json_object_set_new(o, "done",
				    json_integer((json_int_t)ev->done));
		json_object_set_new(o, "total",
				    json_integer((json_int_t)ev->total));
	}
	out_json(&b, o, JSON_COMPACT | JSON_ENSURE_ASCII);
	fprintf(stderr, "%s\n", buf_str(&b));
	json_decref(o);
}

static const char *event_name(enum txn_event_kind k)
{
	switch (k) {
	case TXN_EV_START:
		return "step_start";
	case TXN_EV_END:
		return "step_end";
	case TXN_EV_FAIL:
		return "step_fail";
	case TXN_EV_WAIT:
		return "wait";
	case TXN_EV_PROGRESS:
		return "progress";
	case TXN_EV_SAY:
		return "say";
	case TXN_EV_TURN:
		return "turn";
	}
	return "unknown";
}

/* "[ 3/14] stop" */
static void put_head(const struct progress *p, const struct txn_event *ev,
		     const char *colour)
{
	fprintf(stderr, "[%2zu/%zu] %s%s%s%s", ev->idx + 1, ev->nsteps,
		p->colour ? colour : "",
		ev->dir == JOURNAL_BACKWARD ? "undo " : "",
		ev->step ? ev->step : "", p->colour ? "\033[0m" : "");
}

/* What hosts and guests say goes to a terminal: no control characters. */
static void put_text(const char *text)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	out_text(&b, text);
	fputs(buf_str(&b), stderr);
}

static void put_amount(const struct txn_event *ev)
{
	char done[OUT_SIZE_MAX], total[OUT_SIZE_MAX];
	bool bytes = ev->total > 100000 || ev->done > 100000;

	if (bytes) {
		out_size(ev->done, done);
		out_size(ev->total, total);
	} else {
		snprintf(done, sizeof(done), "%" PRIu64, ev->done);
		snprintf(total, sizeof(total), "%" PRIu64, ev->total);
	}
	fputs(done, stderr);
	if (ev->total)
		fprintf(stderr, " of %s (%d%%)", total,
			(int)((double)ev->done * 100 / (double)ev->total));
}

/* "12.0 MiB/s, 0:41 left" from what this step has done since it began. */
static void put_rate(const struct progress *p, const struct txn_event *ev,
		     int64_t now)
{
	double s = (double)(now - p->step_start_us) / 1e6;
	double n = (double)(ev->done - p->first_done);
	char rate[OUT_SIZE_MAX];

	if (ev->done <= p->first_done || ev->total <= 100000 || s < 1)
		return;
	out_size((uint64_t)(n / s), rate);
	fprintf(stderr, ", %s/s", rate);
	if (ev->total > ev->done) {
		long left = (long)((double)(ev->total - ev->done) / (n / s));

		fprintf(stderr, ", %ld:%02ld left", left / 60, left % 60);
	}
}

static void put_progress(struct progress *p, const struct txn_event *ev)
{
	int64_t now = clock_mono_us();
	int64_t every = p->mode == PROGRESS_BAR ? BAR_EVERY_US : LINE_EVERY_US;

	if (!p->have_first) {
		p->first_done = ev->done;
		p->have_first = true;
	}
	if (now - p->last_us < every)
		return;
	p->last_us = now;
	progress_break(p);
	put_head(p, ev, "\033[1m");
	if (p->mode == PROGRESS_BAR && ev->total) {
		int full =
			(int)((double)ev->done * BAR_CELLS / (double)ev->total);
		char bar[BAR_CELLS + 1];

		full = full > BAR_CELLS ? BAR_CELLS : full;
		memset(bar, ' ', BAR_CELLS);
		memset(bar, '#', (size_t)full);
		bar[BAR_CELLS] = '\0';
		fprintf(stderr, " [%s]", bar);
	}
	fputc(' ', stderr);
	put_amount(ev);
	put_rate(p, ev, now);
	if (ev->text) {
		fputc(' ', stderr);
		put_text(ev->text);
	}
	if (p->mode == PROGRESS_BAR)
		p->bar_shown = true;
	else
		fputc('\n', stderr);
	fflush(stderr);
}

static void put_line(struct progress *p, const struct txn_event *ev,
		     const char *colour, const char *word)
{
	progress_break(p);
	if (ev->step)
		put_head(p, ev, colour);
	fprintf(stderr, "%s%s", ev->step ? ": " : "", word);
	if (ev->text) {
		fputs(*word ? ": " : "", stderr);
		put_text(ev->text);
	}
	if (ev->kind == TXN_EV_END && p->step_start_us)
		fprintf(stderr, " (%.1f s)",
			(double)(p->took_us
					 ? p->took_us
					 : clock_mono_us() - p->step_start_us) /
				1e6);
	fputc('\n', stderr);
}

static void step_started(struct progress *p)
{
	p->step_start_us = clock_mono_us();
	p->last_us = p->step_start_us;
	p->have_first = false;
}

static void people(struct progress *p, const struct txn_event *ev)
{
	struct txn_event plain = *ev;

	switch (ev->kind) {
	case TXN_EV_START:
		plain.text = NULL;
		put_line(p, &plain, "\033[1m",
			 ev->summary ? ev->summary : "begins");
		break;
	case TXN_EV_END:
		put_line(p, ev, "\033[32m", "done");
		break;
	case TXN_EV_FAIL:
		put_line(p, ev, "\033[31m", "failed");
		break;
	case TXN_EV_WAIT:
		put_line(p, ev, "\033[33m", "waiting");
		break;
	case TXN_EV_PROGRESS:
		put_progress(p, ev);
		break;
	case TXN_EV_SAY:
		put_line(p, ev, "", "");
		break;
	case TXN_EV_TURN:
		put_line(p, ev, "",
			 ev->dir == JOURNAL_BACKWARD ? "rolling back"
						     : "going forward");
		break;
	}
}

void progress_event(void *arg, const struct txn_event *ev)
{
	struct progress *p = arg;

	if (ev->kind == TXN_EV_START)
		step_started(p);
	if (p->mode == PROGRESS_JSON)
		put_json(event_name(ev->kind), ev, ev->text);
	else if (p->mode != PROGRESS_NONE)
		people(p, ev);
	if (ev->kind == TXN_EV_END)
		p->step_start_us = p->took_us = 0;
}

void progress_took(struct progress *p, int64_t us)
{
	p->took_us = us;
}

void progress_note(struct progress *p, const char *fmt, ...)
{
	AUTO(mem_freep) char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	line = mem_vprintf(fmt, ap);
	va_end(ap);
	if (p->mode == PROGRESS_JSON)
		put_json("note", NULL, line);
	if (p->mode == PROGRESS_JSON || p->mode == PROGRESS_NONE)
		return;
	progress_break(p);
	put_text(line);
	fputc('\n', stderr);
}
