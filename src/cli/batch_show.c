/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a batch is: on a terminal a table that is drawn again, a bar for each
 * member at work; else one line every 10 s, and one for each member that ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/app_batch_priv.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "core/clock.h"

enum { LINE_EVERY_US = 10 * 1000000, TABLE_EVERY_US = 500000, CELLS = 20 };

/* How much of the member is done, by its steps; the copying ones weigh most. */
static double part_of(const struct kid *k)
{
	double step = k->total ? (double)k->done / (double)k->total : 0;
	double part;

	if (!k->alive || !k->nsteps)
		return 0;
	if (step > 1)
		step = 1;
	part = ((double)k->idx - 1 + step) / (double)k->nsteps;
	return k->back ? 0 : part;
}

struct sums {
	size_t done, running, failed, open, all;
	double part; /* of all bytes that there are to send, 0-1 */
};

static struct sums sum_up(const struct run *r)
{
	struct sums s = {.all = r->b->nmembers};
	double bytes = 0, sent = 0;

	for (size_t i = 0; i < r->b->nmembers; i++) {
		/* A member without a byte takes time, too. */
		double b = (double)r->bytes[i] + (1 << 20);

		switch (r->b->members[i].state) {
		case MEMBER_DONE:
		case MEMBER_ROLLED_BACK:
			s.done++;
			sent += b;
			break;
		case MEMBER_RUNNING:
			s.running++;
			sent += b * part_of(&r->kids[i]);
			break;
		case MEMBER_FAILED:
			s.failed++;
			sent += b;
			break;
		case MEMBER_OPEN:
			s.open++;
			break;
		case MEMBER_SKIPPED:
			sent += b;
			break;
		case MEMBER_PENDING:
			break;
		}
		bytes += b;
	}
	s.part = bytes > 0 ? sent / bytes : 1;
	return s;
}

static void put_total(const struct run *r, const struct sums *s)
{
	double took = (double)(clock_mono_us() - r->begun_us) / 1e6;

	fprintf(stderr, "%s: %zu of %zu done, %zu running", r->b->id, s->done,
		s->all, s->running);
	if (s->failed)
		fprintf(stderr, ", %zu failed", s->failed);
	if (s->open)
		fprintf(stderr, ", %zu open", s->open);
	fprintf(stderr, ", %d%%", (int)(s->part * 100));
	if (r->paused)
		fputs(", paused", stderr);
	else if (s->part > 0.02 && s->part < 1 && took > 2) {
		long left = (long)(took / s->part - took);

		fprintf(stderr, ", %ld:%02ld left", left / 60, left % 60);
	}
	fputc('\n', stderr);
}

static void put_bar(const struct run *r, const struct kid *k)
{
	const struct batch_member *m = &r->b->members[k->member];
	char bar[CELLS + 1], done[OUT_SIZE_MAX], total[OUT_SIZE_MAX];
	AUTO(buf_clear) struct buf name = BUF_INIT;

	memset(bar, ' ', CELLS);
	memset(bar, '#', (size_t)(part_of(k) * CELLS));
	bar[CELLS] = '\0';
	out_text(&name, m->name ? m->name : "");
	fprintf(stderr, "\033[K  %-20.20s [%s] %s%s", buf_str(&name), bar,
		k->back ? "undo " : "", *k->step ? k->step : "begins");
	if (k->total > 100000) {
		out_size(k->done, done);
		out_size(k->total, total);
		fprintf(stderr, " %s of %s", done, total);
	}
	fputc('\n', stderr);
}

void show_wipe(struct run *r)
{
	if (r->lines)
		fprintf(stderr, "\033[%zuA\033[J", r->lines);
	r->lines = 0;
}

static void put_table(struct run *r)
{
	struct sums s = sum_up(r);

	show_wipe(r);
	for (size_t i = 0; i < r->b->nmembers; i++)
		if (r->kids[i].alive) {
			put_bar(r, &r->kids[i]);
			r->lines++;
		}
	put_total(r, &s);
	r->lines++;
	fflush(stderr);
}

void show_progress(struct run *r, bool now)
{
	enum progress_mode mode = progress_mode(r->a->progress);
	int64_t every = mode == PROGRESS_BAR ? TABLE_EVERY_US : LINE_EVERY_US;
	int64_t t = clock_mono_us();
	struct sums s;

	if (mode == PROGRESS_NONE || mode == PROGRESS_JSON ||
	    (!now && t - r->shown_us < every))
		return;
	r->shown_us = t;
	if (mode == PROGRESS_BAR) {
		put_table(r);
		return;
	}
	s = sum_up(r);
	put_total(r, &s);
}

void show_member(struct run *r, size_t i)
{
	const struct batch_member *m = &r->b->members[i];
	const char *begins = r->kids[i].retreats ? "goes back" : "begins";
	const char *state = batch_member_state_name(m->state);
	bool why = m->why.kind != ERR_NONE;

	show_wipe(r);
	progress_note(r->a->progress, "%s (%s to %s)%s%s: %s%s%s", m->name,
		      m->source ? m->source : "?", m->target ? m->target : "?",
		      *m->job ? ", job " : "", m->job,
		      m->state == MEMBER_RUNNING ? begins : state,
		      why ? ": " : "", why ? err_msg(&m->why) : "");
}
