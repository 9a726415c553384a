/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hooks are told of a job, as JSON: who and where, never the plan.
 *
 *	{"schema_version", "event", "time", "job", "kind", "server": {"uuid",
 *	"name"}, "from", "to", "state", "direction", "epoch", "owner", "build",
 *	"created", "batch", "member"}
 *
 * What is not known is absent.  A public interface: novahaul.conf(5) lists the
 * members; add, never rename.  No secret stands in it.
 */
#ifndef NH_REPORT_FACTS_H
#define NH_REPORT_FACTS_H

#include <jansson.h>
#include <stdint.h>

#include "engine/journal.h"

/* Of a job that has been journalled; EVENT is "start", "step", ... */
json_t *report_facts(const struct journal_job *job, const char *event,
		     int64_t now_us);
/* Of one that has not: what its plan says. */
json_t *report_facts_plan(const json_t *plan, const char *event,
			  int64_t now_us);

#endif
