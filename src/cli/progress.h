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
 * off.  The functions take plain values so that the engine's observer and
 * `watch`, which reads another process's journal, share them.
 */
#ifndef NH_CLI_PROGRESS_H
#define NH_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

enum progress_mode {
	PROGRESS_AUTO = 0,
	PROGRESS_NONE,
	PROGRESS_LINE,
	PROGRESS_JSON,
	PROGRESS_BAR,
};

struct progress;

/* Looks at stderr, TERM and NO_COLOR.  Never NULL. */
struct progress *progress_new(enum progress_mode mode);
void progress_free(struct progress *p);

/* A job begins, resumes or goes back; SERVER may be NULL. */
void progress_job(struct progress *p, const char *job, const char *what,
		  const char *server);

struct progress_step {
	const char *name, *summary;
	unsigned index, total; /* 1-based */
	bool backward;	       /* it is being undone */
};

void progress_step_begin(struct progress *p, const struct progress_step *s);
/* Units are the step's own; TOTAL 0 means not known. */
void progress_update(struct progress *p, uint64_t done, uint64_t total,
		     const char *what);
/* WHY is NULL when the step did what it should. */
void progress_step_end(struct progress *p, const char *state, int64_t us,
		       const char *why);
void progress_say(struct progress *p, const char *line);
/* Ends a bar, so that something else may be printed. */
void progress_break(struct progress *p);

#endif
