/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent from inside.
 *
 * Two threads.  The reader takes frames off stdin, so that a sign of life is
 * noticed, and the end of the stream acted on, while a verb works; it queues
 * requests and nothing else.  The main thread performs them one by one.
 */
#ifndef NH_AGENT_AGENT_PRIV_H
#define NH_AGENT_AGENT_PRIV_H

#include <pthread.h>
#include <stdbool.h>

#include "agent/verb.h"
#include "core/buf.h"

struct agent_opts {
	int in, out;
	/* --receive: the only root and job that the caller may name */
	const char *root, *uuid, *job;
};

struct reader; /* reader.c */
struct names;  /* names.c */
struct tagdir; /* transfer/tagdir.h */

/* The lease that the session works under. */
struct bound {
	bool on;
	int root; /* borrowed */
	char *uuid, *job;
	uint64_t epoch;
	int gate; /* open gate file, or -1 */
};

struct agent {
	struct wire w;
	pthread_mutex_t tx; /* guards the sending half of w */
	struct reader *reader;
	struct agent_opts opts;
	struct bound lease;
	int attended; /* locked while we are the one who attends, or -1 */
	struct strv root_names; /* parallel to root_fds */
	int *root_fds;
	struct names *names;
	bool over; /* --receive: its sender is lost */
};

/* Serves until the stream ends; the exit code. */
int agent_serve(const struct agent_opts *o);
/* As agent_path, for a root alone. */
int agent_root(struct agent *a, const char *root, struct err *e);

/* ---- verb_digest.c */
/* What the job of the session's lease keeps about its files; nothing without
 * a lease. */
int agent_kept(struct agent *a, struct tagdir *d, struct err *e);

/* ---- reader.c */
struct reader *reader_start(struct agent *a, struct err *e);
void reader_stop(struct reader *r);
/* The next frame for the main thread, kept until the next call.  -1 with
 * e->sys ETIMEDOUT after TIMEOUT_US (< 0: never), EPIPE at end of stream. */
int reader_next(struct reader *r, struct frame *f, int64_t timeout_us,
		struct err *e);
/* The bytes of the frame that reader_next() gave last change places with B's.
 */
void reader_take(struct reader *r, struct buf *b);
/* Frames that come on FD are queued as stdin's are, in whatever order they
 * come.  FD is closed when it ends, and so is GUARD; both stay the caller's on
 * failure.  A frame that is cut off fails reader_next() with ECONNRESET. */
enum { READER_LANES = 8 };
int reader_lane(struct reader *r, int fd, int guard, struct err *e);
/* The same of what is no plain descriptor.  SELF stays until
 * reader_lanes_end(). */
struct reader_io {
	ssize_t (*read)(void *self, void *p, size_t n, int64_t deadline,
			struct err *e);
	/* Answers a WIRE_KEEPALIVE, if it can do so without waiting. */
	void (*alive)(void *self);
	void *self;
	/* That it ends is reader_next()'s EPIPE. */
	bool first;
};
int reader_lane_io(struct reader *r, const struct reader_io *io, struct err *e);
/* Fails reader_next() with WHY, which is empty then, when the queue is. */
void reader_fail(struct reader *r, struct err *why);
/* Ends them all and waits; what they have queued stays. */
void reader_lanes_end(struct reader *r);
/* What the end of the stream means for the verb that runs: it may finish, or
 * the agent dies at once, with the children it has. */
enum reader_end { READER_IDLE = 0, READER_DIE, READER_FINISH };
/* false: the stream has ended already, do not begin. */
bool reader_busy(struct reader *r, enum reader_end what);
/* Every frame that comes sets the mtime of FD from now on (-1: no more). */
void reader_beat(struct reader *r, int fd);

/* ---- names.c */
struct names *names_new(void);
void names_free(struct names *n);
/* A name that getent may be asked for. */
bool names_ok(const char *s);
/* One line of `getent DB KEY`, without its newline; *FOUND tells.  The answer
 * is a minute old at most. */
int names_line(struct names *n, const char *db, const char *key, bool *found,
	       struct buf *line, struct err *e);
/* Field I, from 0, of such a line; "" when there are fewer. */
char *names_field(const char *line, unsigned i) NH_DEALLOC(mem_free) NH_NONNULL;

#endif
