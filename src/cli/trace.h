/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everybody who is told what a job does, besides its journal: the operator's
 * terminal, the hooks, the system's journal, and the file of figures for
 * Prometheus.
 *
 *	AUTO(trace_clear) struct trace t = {.app = a, .journal = j};
 *
 *	trace_ask(&t, plan, &e)		a new job: may it begin?
 *	env.event = trace_event, env.event_arg = &t
 *	txn_run(&env, id, &e)
 *	trace_end(&t, &outcome, &e)	however it ended
 *
 * The first event of a job is its start, so a job that another controller
 * holds, or that is over, tells nothing.  What is told never changes what the
 * job does: a hook that fails becomes a line in the journal and one for people.
 */
#ifndef NH_CLI_TRACE_H
#define NH_CLI_TRACE_H

#include "cli/app.h"
#include "engine/journal.h"
#include "engine/txn.h"

struct trace {
	struct app *app;
	struct journal *journal;
	/* its own */
	struct hooks *hooks;
	int sd;			/* the system's journal; -1: there is none */
	struct journal_job job; /* as it began, then as it ended */
	bool begun, tried;
	size_t idx;	 /* of the step that runs */
	int64_t step_us; /* its start */
};

int trace_ask(struct trace *t, const json_t *plan, struct err *e);
void trace_event(void *arg, const struct txn_event *ev);
void trace_end(struct trace *t, const struct app_outcome *out,
	       const struct err *e);
void trace_clear(struct trace *t);

#endif
