/* SPDX-License-Identifier: Apache-2.0 */
#include "report/metrics.h"

#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "engine/sums.h"
#include "report/downtime.h"
#include "report/report_priv.h"

#define SECOND 1e6

/* Three families are made of one pass over the jobs. */
struct sums {
	struct buf jobs, durations, steps;
	uint64_t open;
	int64_t oldest_us; /* of the open ones; 0: none is */
	uint64_t sent, read;
};

static void head(struct buf *b, const char *name, const char *type,
		 const char *help)
{
	buf_printf(b, "# HELP novahaul_%s %s\n# TYPE novahaul_%s %s\n", name,
		   help, name, type);
}

static void gauge(struct buf *b, const char *name, const char *help, double v)
{
	head(b, name, "gauge", help);
	buf_printf(b, "novahaul_%s %.15g\n", name, v);
}

/* A label's value: \, " and newline have an escape there. */
static void put_label(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s=\"", name);
	for (; *value; value++)
		if (*value == '\n')
			buf_puts(b, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(b, "\\%c", *value);
		else
			buf_putc(b, *value);
	buf_putc(b, '"');
}

static void put_labels(struct buf *b, const struct journal_job_sum *s)
{
	buf_putc(b, '{');
	put_label(b, "kind", s->kind);
	buf_putc(b, ',');
	put_label(b, "state", s->state);
	buf_putc(b, '}');
}

static void add_jobs(void *arg, const struct journal_job_sum *s)
{
	struct sums *all = arg;

	buf_puts(&all->jobs, "novahaul_jobs");
	put_labels(&all->jobs, s);
	buf_printf(&all->jobs, " %" PRIu64 "\n", s->jobs);
	if (!strcmp(s->state, journal_state_name(JOURNAL_OPEN))) {
		all->open += s->jobs;
		if (!all->oldest_us || s->oldest_us < all->oldest_us)
			all->oldest_us = s->oldest_us;
		return;
	}
	buf_puts(&all->durations, "novahaul_job_duration_seconds_sum");
	put_labels(&all->durations, s);
	buf_printf(&all->durations,
		   " %.15g\nnovahaul_job_duration_seconds_count",
		   (double)s->us / SECOND);
	put_labels(&all->durations, s);
	buf_printf(&all->durations, " %" PRIu64 "\n", s->ended);
}

static void add_batches(void *arg, const struct journal_job_sum *s)
{
	struct buf *b = arg;

	buf_puts(b, "novahaul_batches");
	put_labels(b, s);
	buf_printf(b, " %" PRIu64 "\n", s->jobs);
}

static void add_step(void *arg, const struct journal_step_sum *s)
{
	struct sums *all = arg;

	buf_puts(&all->steps, "novahaul_step_duration_seconds_sum{");
	put_label(&all->steps, "step", s->step);
	buf_printf(&all->steps,
		   "} %.15g\nnovahaul_step_duration_seconds_count{",
		   (double)s->us / SECOND);
	put_label(&all->steps, "step", s->step);
	buf_printf(&all->steps, "} %" PRIu64 "\n", s->done);
	all->sent += s->sent;
	all->read += s->read;
}

/* A family with samples, or none of it. */
static void family(struct buf *out, const char *name, const char *type,
		   const char *help, struct buf *samples)
{
	if (samples->len) {
		head(out, name, type, help);
		buf_puts(out, buf_str(samples));
	}
	buf_clear(samples);
}

static void put_sums(struct sums *all, int64_t now_us, struct buf *out)
{
	family(out, "jobs", "gauge", "Jobs in the journal.", &all->jobs);
	family(out, "job_duration_seconds", "summary",
	       "Time from the creation of jobs to their end.", &all->durations);
	family(out, "step_duration_seconds", "summary",
	       "Time from the first start of steps to their end.", &all->steps);
	gauge(out, "open_jobs", "Jobs that are not finished.",
	      (double)all->open);
	gauge(out, "oldest_open_job_age_seconds",
	      "Age of the oldest job that is not finished, 0 without one.",
	      all->oldest_us && now_us > all->oldest_us
		      ? (double)(now_us - all->oldest_us) / SECOND
		      : 0);
	head(out, "sent_bytes_total", "counter",
	     "Bytes that the jobs in the journal sent.");
	buf_printf(out, "novahaul_sent_bytes_total %" PRIu64 "\n", all->sent);
	head(out, "read_bytes_total", "counter",
	     "Bytes that the jobs in the journal read on the source.");
	buf_printf(out, "novahaul_read_bytes_total %" PRIu64 "\n", all->read);
}

/* Of the move that ended last. */
static void put_last(struct journal *j, const struct journal_job *job,
		     struct buf *out)
{
	json_t *doc = json_object();
	const json_t *down;

	downtime_put(j, job, doc);
	down = report_get(doc, "downtime.seconds");
	gauge(out, "last_move_success",
	      "Whether the move that ended last is done: 1, or rolled back: 0.",
	      job->state == JOURNAL_DONE);
	gauge(out, "last_move_end_timestamp_seconds",
	      "When the move that ended last ended.",
	      (double)job->ended_us / SECOND);
	gauge(out, "last_move_duration_seconds",
	      "Time from creation to end of the move that ended last.",
	      job->ended_us > job->created_us
		      ? (double)(job->ended_us - job->created_us) / SECOND
		      : 0);
	if (down)
		gauge(out, "last_move_downtime_seconds",
		      "How long the guest was down, of the move that ended "
		      "last.",
		      json_number_value(down));
	gauge(out, "last_move_sent_bytes",
	      "Content that the move that ended last sent for the disks.",
	      report_num(doc, "copied.bytes_sent"));
	json_decref(doc);
}

static int last(struct journal *j, struct buf *out, struct err *e)
{
	struct journal_job job = {0};
	char id[JOURNAL_ID_MAX];

	if (journal_last_move(j, id, e))
		return -1;
	if (!*id)
		return 0;
	if (journal_load(j, id, &job, e)) {
		if (e->kind != ERR_NOTHING)
			return -1;
		err_clear(e); /* deleted since */
		return 0;
	}
	put_last(j, &job, out);
	journal_job_clear(&job);
	return 0;
}

int report_metrics(struct journal *j, int64_t now_us, struct buf *out,
		   struct err *e)
{
	struct sums all = {.open = 0};
	struct buf batches = BUF_INIT;
	uint64_t kept = 0;
	int rc = 0;

	if (j)
		rc = journal_sum_jobs(j, add_jobs, &all, e) ||
		     journal_sum_steps(j, add_step, &all, e) ||
		     journal_sum_batches(j, add_batches, &batches, e) ||
		     journal_sum_kept(j, &kept, e);
	head(out, "build_info", "gauge", "Which novahaul wrote this.");
	buf_puts(out,
		 "novahaul_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	put_sums(&all, now_us, out);
	family(out, "batches", "gauge", "Batches in the journal.", &batches);
	gauge(out, "kept_bytes",
	      "Bytes of source copies that are not purged yet.", (double)kept);
	if (!rc && j)
		rc = last(j, out, e);
	return rc ? -1 : 0;
}
