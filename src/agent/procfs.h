/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells about processes. */
#ifndef NH_AGENT_PROCFS_H
#define NH_AGENT_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

struct procfs_stat {
	pid_t pid, ppid;
	char state; /* the first thread's: see procfs_runs() */
	uint32_t threads;
	char comm[64];
	uint64_t start; /* clock ticks after boot: with pid, an identity */
	uint64_t rss_kib;
};

/* false when there is no such process (any more). */
bool procfs_stat(pid_t pid, struct procfs_stat *s);
/* Has a thread of it not ended yet?  A first thread that has is shown as 'Z'
 * while others still write, and hold the files open (Linux,
 * kernel/exit.c, delay_group_leader()). */
bool procfs_runs(const struct procfs_stat *s);
/* Calls FN for each process until it returns false. */
int procfs_each(bool (*fn)(const struct procfs_stat *s, void *arg), void *arg,
		struct err *e);
/* /proc/PID/exe, without " (deleted)"; NULL when it cannot be read. */
char *procfs_exe(pid_t pid) NH_DEALLOC(mem_free);
/* Is it one of our agents, by the name of its executable? */
bool procfs_is_agent(pid_t pid);
/* Does it run no program any more?  A process that exits gives up its memory,
 * and with it the link to its executable, before it closes its files (Linux,
 * kernel/exit.c, do_exit()): for that instant it still has locks, and no name.
 * True as well for one that is gone, and for a kernel thread. */
bool procfs_is_ending(pid_t pid);
/* A NUL-separated file of /proc/PID, as strings. */
bool procfs_strings(pid_t pid, const char *file, struct strv *out);

struct procfs_fd {
	pid_t pid;
	int fd;
	uint64_t dev, ino;
};
/* Calls FN for each descriptor of PID on a regular file or directory. */
void procfs_fds(pid_t pid, void (*fn)(const struct procfs_fd *f, void *arg),
		void *arg);
/* Does the kernel list a lock of that process on its descriptor FD? */
bool procfs_fd_locked(pid_t pid, int fd);

/* Ends PID and the process groups of its children, and waits until it is gone
 * or END (clock_mono_us).  START guards against a reused pid; 0: any. */
int procfs_kill_tree(pid_t pid, uint64_t start, int64_t end, struct err *e);
/* SIGKILL for the process groups of PID's children. */
void procfs_kill_children(pid_t pid);

#endif
