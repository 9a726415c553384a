/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress for people (stderr), or events for programs (stderr, JSON lines).
 *
 *	mode    terminal	pipe
 *	auto    bar		line
 *	line    a line when a step starts and ends, and every 10 s between
 *	json    one object a line: {"event": "step" | "progress" | "say" |
 *		"job", "time", "job", ...}
 *	none    nothing
 *
 * A bar needs a terminal and TERM other than "dumb"; NO_COLOR turns colour
 * off.  The engine's events come in through progress_event(); `watch` makes the
 * same events of what it reads in another process's journal.
 */
#ifndef NH_CLI_PROGRESS_H
#define NH_CLI_PROGRESS_H

#include "engine/txn.h"

enum progress_mode {
	PROGRESS_AUTO = 0,
	PROGRESS_NONE,
	PROGRESS_LINE,
	PROGRESS_JSON,
	PROGRESS_BAR, /* what AUTO becomes on a terminal */
};

struct progress;

/* Looks at stderr, TERM and NO_COLOR.  Never NULL. */
struct progress *progress_new(enum progress_mode mode);
void progress_free(struct progress *p);

/* What it became; never AUTO. */
enum progress_mode progress_mode(const struct progress *p);

/* What txn_env.event wants; ARG is the struct progress. */
void progress_event(void *arg, const struct txn_event *ev);

/* How long the step of the next TXN_EV_END took, for who was not there. */
void progress_took(struct progress *p, int64_t us);

/* A line of our own ("job j-abc: move of web1 from A to B"). */
void progress_note(struct progress *p, const char *fmt, ...) NH_PRINTF(2, 3);
/* Wipes a bar, so that something else may be printed. */
void progress_break(struct progress *p);

#endif
