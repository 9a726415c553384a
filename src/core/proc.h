/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes: the only place that forks.
 *
 *	struct proc p = {.argv = argv.v, .timeout_us = 30 * 1000000};
 *
 *	if (proc_run(&p, &e)) ...		it could not be run, or timed
 *out if (p.exit_code != 0) ...		p.err holds its stderr proc_clear(&p);
 *
 * No shell ever.  argv[0] is looked up in PATH.  Every descriptor but 0-2 is
 * closed in the child; its environment is exactly .env, or PATH, LANG=C and
 * HOME when .env is NULL, so nothing secret is inherited.
 */
#ifndef NH_CORE_PROC_H
#define NH_CORE_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

struct proc {
	/* in */
	char *const *argv; /* NULL-terminated */
	char *const *env;  /* NULL: the short default above */
	const void *in;	   /* bytes for stdin, or NULL: /dev/null */
	size_t in_len;
	int64_t timeout_us;	   /* mandatory, > 0 */
	size_t out_max;		   /* bytes of stdout kept; 0 means 1 MiB.  More
				      is an error, not a cut */
	unsigned long cpu_s;	   /* RLIMIT_CPU, 0 for none */
	unsigned long as_bytes;	   /* RLIMIT_AS, 0 for none */
	unsigned long fsize_bytes; /* RLIMIT_FSIZE, 0 for none */
	bool drop;		   /* become .uid/.gid, no groups */
	uid_t uid;
	gid_t gid;
	/* For one that reads what a stranger wrote: no new privileges, no core
	 * dump and, where the kernel allows it, no network. */
	bool confined;
	int file; /* > 0: the child has this as PROC_FILE, too */
	/* Called while it is waited for, every second or more often. */
	void (*tick)(void *arg);
	void *tick_arg;
	/* out */
	int exit_code;	     /* 0-255, or 128 + signal */
	struct buf out, err; /* err keeps the last 64 KiB */
};

/* A name for .file in argv, which works whoever may search the directories
 * above the file: only its own mode counts. */
#define PROC_FILE "/proc/self/fd/3"
enum { PROC_FILE_FD = 3 };

/* 0 once the child has ended by itself, whatever its exit code.  A timeout
 * kills it (and its process group) and is ERR_LOST: what it did is unknown.
 * Not found is ERR_FAILED with e->sys ENOENT. */
int proc_run(struct proc *p, struct err *e);
void proc_clear(struct proc *p);

/* A child with pipes on stdin and stdout, for protocols. */
struct proc_pipe {
	pid_t pid;
	int in;	 /* write here: its stdin */
	int out; /* read here: its stdout */
	int err; /* its stderr (non-blocking), or -1 when inherited */
};

/* ENV as above; KEEP is a 0-terminated list of extra descriptors that the
 * child keeps open under the same number, or NULL. */
int proc_open(struct proc_pipe *p, char *const *argv, char *const *env,
	      const int *keep, bool pipe_err, struct err *e);
/* Closes the pipes, waits up to TIMEOUT_US, then kills.  Exit code as above. */
int proc_close(struct proc_pipe *p, int64_t timeout_us);
/* Has it ended, by itself?  Then CODE is its exit code; what it wrote can still
 * be read until proc_close(), which has nothing to wait for any more. */
bool proc_ended(struct proc_pipe *p, int *code);
/* As proc_close, but a child that still runs then is left alone, to end by
 * itself: true. */
bool proc_leave(struct proc_pipe *p, int64_t timeout_us);

/* A child that works by itself while its parent does other things, and is told
 * to stop (SIGTERM) when the parent ends, however that ends.
 *
 *	struct proc_child c = {.argv = argv.v, .env = environ};
 *
 *	proc_start(&c, &e)	its stdin is /dev/null
 *	poll() on c.out, c.err	non-blocking; proc_read() takes what is there
 *	proc_over(&c)		look now and then
 *	proc_end(&c, ...)	in any case, at last
 */
struct proc_child {
	/* in */
	char *const *argv; /* NULL-terminated */
	char *const *env;  /* as of struct proc */
	/* out */
	pid_t pid;    /* -1 once it has ended */
	int out, err; /* its stdout and stderr; -1 at their end */
	int exit_code;
};

int proc_start(struct proc_child *c, struct err *e);
/* Appends what is there to B; closes *FD and makes it -1 at the end. */
void proc_read(int *fd, struct buf *b);
/* Has it ended?  Then .exit_code is set. */
bool proc_over(struct proc_child *c);
void proc_signal(const struct proc_child *c, int sig);
/* Closes its pipes, and waits up to TIMEOUT_US before it kills what still runs.
 */
void proc_end(struct proc_child *c, int64_t timeout_us);

#endif
