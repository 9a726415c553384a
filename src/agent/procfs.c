/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"

static bool slurp(pid_t pid, const char *file, size_t max, struct buf *b)
{
	struct err e = ERR_INIT;
	AUTO(mem_freep) char *path = mem_printf("/proc/%d/%s", (int)pid, file);
	bool ok = !fs_read_path(path, max, b, &e);

	err_clear(&e);
	return ok;
}

/* Fields after the last ')': the name may hold anything, ')' too. */
bool procfs_stat(pid_t pid, struct procfs_stat *s)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	unsigned long long start;
	unsigned threads;
	long rss;
	char *open, *close;
	int ppid;

	if (!slurp(pid, "stat", 65536, &b))
		return false;
	open = strchr(b.p, '(');
	close = strrchr(b.p, ')');
	if (!open || !close || close < open)
		return false;
	*close = '\0';
	if (sscanf(close + 1,
		   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
		   "%*d %*d %*d %u %*d %llu %*u %ld",
		   &s->state, &ppid, &threads, &start, &rss) != 5)
		return false;
	s->pid = pid;
	s->ppid = ppid;
	s->threads = threads;
	snprintf(s->comm, sizeof(s->comm), "%s", open + 1);
	s->start = start;
	s->rss_kib = (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return true;
}

bool procfs_runs(const struct procfs_stat *s)
{
	return (s->state != 'Z' && s->state != 'X') || s->threads > 1;
}

int procfs_each(bool (*fn)(const struct procfs_stat *s, void *arg), void *arg,
		struct err *e)
{
	DIR *d = opendir("/proc");
	struct dirent *de;

	if (!d)
		return err_sys(e, ERR_FAILED, errno, "/proc");
	while ((de = readdir(d))) {
		struct procfs_stat s;

		if (!isdigit((unsigned char)de->d_name[0]) ||
		    !procfs_stat((pid_t)strtol(de->d_name, NULL, 10), &s))
			continue;
		if (!fn(&s, arg))
			break;
	}
	closedir(d);
	return 0;
}

char *procfs_exe(pid_t pid)
{
	static const char gone[] = " (deleted)";
	AUTO(mem_freep) char *path = mem_printf("/proc/%d/exe", (int)pid);
	char to[4096];
	ssize_t n = readlink(path, to, sizeof(to) - 1);
	size_t tail = sizeof(gone) - 1;

	if (n < 0)
		return NULL;
	to[n] = '\0';
	if ((size_t)n > tail && !strcmp(to + n - tail, gone))
		to[(size_t)n - tail] = '\0';
	return mem_strdup(to);
}

bool procfs_is_agent(pid_t pid)
{
	AUTO(mem_freep) char *exe = procfs_exe(pid);
	const char *base = exe ? strrchr(exe, '/') : NULL;
	unsigned char sum[32];

	if (!base)
		return false;
	base++;
	if (!strcmp(base, "novahaul-agent"))
		return true;
	return !strncmp(base, "agent-", 6) &&
	       hex_decode(base + 6, sum, sizeof(sum));
}

bool procfs_is_ending(pid_t pid)
{
	AUTO(mem_freep) char *path = mem_printf("/proc/%d/exe", (int)pid);
	char to[1];

	/* Not EACCES: that is somebody else's, alive. */
	return readlink(path, to, sizeof(to)) < 0 &&
	       (errno == ENOENT || errno == ESRCH);
}

bool procfs_strings(pid_t pid, const char *file, struct strv *out)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (!slurp(pid, file, 4 << 20, &b))
		return false;
	for (size_t i = 0; i < b.len; i += strlen(b.p + i) + 1)
		strv_add(out, b.p + i);
	return true;
}

void procfs_fds(pid_t pid, void (*fn)(const struct procfs_fd *f, void *arg),
		void *arg)
{
	AUTO(mem_freep) char *path = mem_printf("/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	struct dirent *de;

	if (!d)
		return;
	while ((de = readdir(d))) {
		struct stat st;
		struct procfs_fd f = {.pid = pid};

		if (fstatat(dirfd(d), de->d_name, &st, 0) ||
		    (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
			continue;
		f.fd = (int)strtol(de->d_name, NULL, 10);
		f.dev = st.st_dev;
		f.ino = st.st_ino;
		fn(&f, arg);
	}
	closedir(d);
}

bool procfs_fd_locked(pid_t pid, int fd)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(mem_freep) char *file = mem_printf("fdinfo/%d", fd);

	return slurp(pid, file, 65536, &b) && strstr(b.p, "\nlock:");
}

static bool kill_if_child(const struct procfs_stat *s, void *arg)
{
	/* core/proc makes each child the leader of a group of its own. */
	if (s->ppid == *(pid_t *)arg) {
		kill(-s->pid, SIGKILL);
		kill(s->pid, SIGKILL);
	}
	return true;
}

void procfs_kill_children(pid_t pid)
{
	struct err e = ERR_INIT;

	procfs_each(kill_if_child, &pid, &e);
	err_clear(&e);
}

static bool alive(pid_t pid, uint64_t start)
{
	struct procfs_stat s;

	/* A zombie has closed its files and changes nothing any more. */
	return procfs_stat(pid, &s) && procfs_runs(&s) &&
	       (!start || s.start == start);
}

int procfs_kill_tree(pid_t pid, uint64_t start, int64_t end, struct err *e)
{
	if (pid <= 1 || pid == getpid() || !alive(pid, start))
		return 0;
	/* Stopped first, so that it cannot fork between the two looks. */
	kill(pid, SIGSTOP);
	procfs_kill_children(pid);
	kill(pid, SIGKILL);
	while (alive(pid, start)) {
		if (clock_mono_us() >= end)
			return err_set(e, ERR_RETRY,
				       "process %d does not end: it hangs in "
				       "the kernel",
				       (int)pid);
		clock_sleep_us(5000);
	}
	return 0;
}
