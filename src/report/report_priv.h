/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of report/ share. */
#ifndef NH_REPORT_REPORT_PRIV_H
#define NH_REPORT_REPORT_PRIV_H

#include <stdbool.h>

#include "engine/batch.h"
#include "report/report.h"

/* --- document */

/* TEXT as JSON, bytes that are no UTF-8 as \xNN; NULL for NULL. */
json_t *report_string(const char *text);
/* Sets KEY unless TEXT is NULL. */
void report_put(json_t *o, const char *key, const char *text);
/* Sets KEY to the ISO form of US, unless that is 0. */
void report_put_time(json_t *o, const char *key, int64_t us);
/* Sets "at_s", as seconds since BEGIN_US; never below 0. */
void report_put_at(json_t *o, int64_t us, int64_t begin_us);
/* Microseconds as seconds, with milliseconds. */
json_t *report_s(int64_t us);
void report_put_error(json_t *o, const struct err *why);

/* One job as a member of "instances"; its times from BEGIN_US on. */
json_t *report_instance(struct journal *j, const struct journal_job *job,
			int64_t begin_us, struct err *e);
/* Sets "totals" and "time" of a document whose instances are complete. */
void report_sum(json_t *doc);

/* A batch's member by its newest job, its times from BEGIN_US on; NULL on an
 * error. */
struct report_member {
	const struct batch *b;
	const struct batch_member *m; /* .job is set */
	int64_t begin_us;
};
json_t *report_member(struct journal *j, const struct report_member *r,
		      struct err *e);
/* Sets "name", "steps" and "instances" of DOC: those of run B, with all that
 * its steps have begun. */
int report_run(struct journal *j, struct batch *b, json_t *doc, struct err *e);
/* When the last of LIST ends, or MOST if that is later. */
double report_end(const json_t *list, double most);

/* What each step did and when, by the events of the journal: sets "spans" of
 * STEPS' elements, "controllers", "failures" and "events" of INSTANCE.
 * STEPS[i] is step I of JOB. */
int report_history(struct journal *j, const struct journal_job *job,
		   int64_t begin_us, json_t *instance, struct err *e);

/* --- members of a document; "a.b" reaches inside */

const json_t *report_get(const json_t *o, const char *path);
/* Never NULL. */
const char *report_str(const json_t *o, const char *path);
double report_num(const json_t *o, const char *path);

/* --- pages */

struct axis;

/* The axis of all that happened in INSTANCES (an array): idle times that would
 * press all else together are cut short. */
struct axis *report_axis(const json_t *instances);
void report_axis_free(struct axis *a);
/* Where T seconds stands, in per cent. */
double report_axis_x(const struct axis *a, double t);
/* SVG: the ticks with their labels, and the lines under them. */
void report_axis_head(const struct axis *a, struct buf *b);
void report_axis_grid(const struct axis *a, struct buf *b);

/* A row of a timeline: every span of the given steps, as one SVG. */
struct report_row {
	const struct axis *axis;
	const json_t *instance; /* for its downtime; NULL for a run's step */
	const json_t *steps;	/* array */
	const char *label;	/* what it shows, for who does not see it */
	bool tall;		/* with the downtime under it */
};
void report_row_svg(const struct report_row *r, struct buf *b);

/* The style sheet, and the patterns that the rows are filled with. */
extern const char report_css[];
extern const char report_patterns[];

/* So much of a name, and of a text, stands on a page. */
enum { REPORT_NAMES = 120, REPORT_TEXT = 2000 };

/* Is DOC the report of a "job", a "batch", a "run"? */
bool report_is_of(const json_t *doc, const char *what);
/* "2026-11-22 04:25:43" of an ISO time. */
void report_html_when(struct buf *b, const char *iso);
const char *report_html_name(const json_t *instance);
/* From where to where. */
void report_html_hosts(struct buf *b, const json_t *instance);
void report_html_timeline(const json_t *doc, struct buf *b);

/* Who ran O, and what was said meanwhile: of an instance or of a batch. */
void report_html_history(const json_t *o, struct buf *b);
/* A mark for a state, such as "done"; NULL for WORD: the usual one. */
void report_html_state(struct buf *b, const char *state, const char *word);
/* One instance's own part of the page; NR counts from 1. */
void report_html_instance(const json_t *instance, size_t nr, struct buf *b);

#endif
