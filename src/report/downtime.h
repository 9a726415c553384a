/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a job's guest was down, by the journal, what its copying did, and
 * which way the files went.
 *
 *	"copied": {"bytes_sent", "bytes_wire"}: content that was sent, before
 *		the guest's stop and after, and what that became, compressed
 *	"precopy": {"rounds": [{"seconds", "bytes_sent", "bytes_read",
 *		"bytes_matched"}], "then", "copy_s", "downtime_s"}
 *	"downtime": {"seconds", "predicted_s", "stop_s", "copy_s", "install_s",
 *		"rewrite_s", "start_s"}
 *	"transfer": {"transport", "streams", "why"}
 *
 * downtime.seconds is the wall clock's, from the step stop's beginning to the
 * end of start, or of stop's undo; the parts add up to it, and are left out
 * where the job went back.  predicted_s is the last round's word, else the
 * plan's; it leaves out what the guest takes to power off.
 */
#ifndef NH_REPORT_DOWNTIME_H
#define NH_REPORT_DOWNTIME_H

#include <jansson.h>

#include "engine/journal.h"

/* Sets them in DOC, as far as there are any.  JOB has been loaded whole. */
void downtime_put(struct journal *j, const struct journal_job *job,
		  json_t *doc);
/* For people: "copied_text", "precopy_text", "downtime_text" and
 * "transfer_text" in OUT, of a document that holds them.  DOC may be NULL, and
 * may be OUT. */
void downtime_text(const json_t *doc, json_t *out);

#endif
