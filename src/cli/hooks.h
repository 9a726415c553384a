/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: programs of the operator's that are told what a job does.
 *
 *	struct hooks *h = hooks_new(&config->hooks, failed, arg);
 *
 *	hooks_ask(h, doc, &e)		before_start, which may say no
 *	hooks_wait(h, HOOK_START, doc)	start, end: until it has ended
 *	hooks_send(h, HOOK_STEP, doc)	step, fail: and on at once
 *	hooks_poll(h)			now and then
 *	hooks_settle(h), hooks_free(h)	wait for those that still run
 *
 * A hook is an argv, started without a shell, in a process group of its own,
 * with the document on its stdin as one line of JSON and an environment of
 *PATH, LC_ALL and HOME.  What it prints is not kept, but for the end of its
 *stderr when it fails.  After the configured timeout it is killed, group and
 *all.
 *
 * Whatever becomes of a hook, the job goes on as it would have: FAILED is told,
 * and that is all.  Only before_start is asked, before there is a job.  At most
 * HOOKS_AT_ONCE run beside the job; what comes while so many do is not told,
 * and FAILED says how many.
 *
 * H may be NULL everywhere: nothing is configured.
 */
#ifndef NH_CLI_HOOKS_H
#define NH_CLI_HOOKS_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/config.h"
#include "core/err.h"

enum { HOOKS_AT_ONCE = 4 };

struct hooks;

/* TEXT: one line about a hook that failed. */
typedef void hooks_failed(void *arg, const char *text);

/* CONFIG is borrowed; NULL when it has no hook. */
struct hooks *hooks_new(const struct config_hooks *config, hooks_failed *failed,
			void *arg);
void hooks_free(struct hooks *h);

/* Is there one for this event? */
bool hooks_want(const struct hooks *h, enum config_hook which);
/* ERR_REFUSED when before_start says no, or cannot say yes. */
int hooks_ask(struct hooks *h, const json_t *doc, struct err *e);
void hooks_wait(struct hooks *h, enum config_hook which, const json_t *doc);
void hooks_send(struct hooks *h, enum config_hook which, const json_t *doc);
void hooks_poll(struct hooks *h);
/* Until all have ended, or were killed for their time. */
void hooks_settle(struct hooks *h);

#endif
