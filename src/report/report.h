/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a job or a batch, from the journal alone: one document, and
 * the page that is made of it.
 *
 *	json_t *doc = report_job(j, id, clock_now_us(), &e);
 *
 *	report_html(doc, &page)		a page that needs nothing else
 *	json_decref(doc);
 *
 * The document is a public interface: novahaul-report(1) lists its members;
 * add, never rename.  Every time is twice in it: ISO 8601, and as seconds since
 * the report's beginning ("at_s"), so that what is made of it needs no
 * calendar.  Text in it is valid UTF-8 whatever the journal holds, and as
 * hostile as it was: names of instances come from tenants.
 *
 * The page is one file without scripts and without anything from elsewhere;
 * it forbids itself both.  All text of the document is escaped; characters that
 * are not to be seen, or change the order of what is read, are shown by their
 * number.
 *
 * Nothing is read but the journal, nothing is written to it.
 */
#ifndef NH_REPORT_REPORT_H
#define NH_REPORT_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "engine/journal.h"

/* Changes when a member is renamed or removed, never when one is added. */
#define REPORT_SCHEMA_VERSION 1

/* The report of job ID as of NOW_US; a new reference, or NULL.  ERR_NOTHING
 * when there is no such job. */
json_t *report_job(struct journal *j, const char *id, int64_t now_us,
		   struct err *e);

/* The same of a batch and all its members, by its full id; of a run its steps,
 * and all instances that they have moved. */
json_t *report_batch(struct journal *j, const char *id, int64_t now_us,
		     struct err *e);

/* The whole page. */
void report_html(const json_t *doc, struct buf *out);

/* TEXT for HTML, in an element or in a quoted attribute: at most MAX bytes of
 * it (0: all), with a word that there is more. */
void report_escape(struct buf *b, const char *text, size_t max);

/* 83.4 -> "1 min 23 s"; OUT has room for REPORT_WORD_MAX. */
#define REPORT_WORD_MAX 40
void report_seconds(double s, char out[REPORT_WORD_MAX]);
/* 1536 -> "1.5 KiB" */
void report_bytes(double n, char out[REPORT_WORD_MAX]);

#endif
