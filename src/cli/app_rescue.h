/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several of a dead host's instances at once: a batch of kind "rescue"
 * (engine/batch.h), of which each member is one rescue, as if it had been typed
 * alone.
 *
 *	json_t *batch = app_rescue_plan(&req, &limits);
 *
 *	app_rescue_add(batch, plan)		one that app_plan() has made
 *	app_rescue_refused(batch, report, ...)	one that it has refused
 *	app_batch_run(a, batch, &out, &e)	cli/app_batch.h
 *
 * The document is that of cli/app_fleet.h, kind "rescue", without a policy, and
 * with
 *	dead	{from, host, path, xml_host, xml_dir, accept_bad, adopt, record,
 *		fence_max_age}: as in struct app_dead
 * so that whoever has the journal can start its members.  The proof that the
 * host is off is no part of it: each member asks for it anew.
 */
#ifndef NH_CLI_APP_RESCUE_H
#define NH_CLI_APP_RESCUE_H

#include "cli/app_fleet.h"
#include "engine/batch.h"

#define APP_RESCUE_KIND "rescue"

/* Without members yet; R has .dead and .to.  The caller owns it. */
json_t *app_rescue_plan(const struct app_request *r,
			const struct app_limits *l);
/* PLAN, a document of app_plan(), is a member from now on, with what its checks
 * have warned of; false when its instance is one already. */
bool app_rescue_add(json_t *batch, const json_t *plan);
/* WORD, with REPORT of its checks or NULL, stays where it is because of WHY. */
void app_rescue_refused(json_t *batch, const json_t *report, const char *word,
			const struct err *why);

bool app_is_rescue(const struct batch *b);

json_t *app_dead_json(const struct app_dead *d);
/* What is dead, by PLAN of a batch of that kind; strings are borrowed from
 * it. */
int app_rescue_dead(const json_t *plan, struct app_dead *d, struct err *e);

#endif
