/* SPDX-License-Identifier: Apache-2.0 */
#include "core/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"

enum { ERR_KEEP = 65536, OUT_DEFAULT = 1 << 20, TICK_US = 1000000 };

static char *const *default_env(void)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			     "/usr/bin:/sbin:/bin";
	static char lang[] = "LC_ALL=C";
	static char home[] = "HOME=/";
	static char *const env[] = {path, lang, home, NULL};

	return env;
}

static void make_pipe(int p[2])
{
	if (pipe2(p, O_CLOEXEC))
		p[0] = p[1] = -1;
}

static void close_fd(int *fd)
{
	mem_closefd(fd);
}

static bool kept(const int *keep, int fd)
{
	for (; keep && *keep; keep++)
		if (*keep == fd)
			return true;
	return false;
}

static void close_others(const int *keep)
{
	if (!keep && !syscall(SYS_close_range, 3U, ~0U, 0U))
		return;
	for (int fd = 3; fd < 1024; fd++)
		if (!kept(keep, fd))
			close(fd);
	for (; keep && *keep; keep++)
		fcntl(*keep, F_SETFD, 0);
}

static bool limit(int which, unsigned long v)
{
	struct rlimit r = {v, v};

	return v == 0 || setrlimit(which, &r) == 0;
}

static bool confine(void)
{
	static const struct rlimit none = {0, 0};

	/* A kernel or a container may not allow it; what follows always is. */
	if (unshare(CLONE_NEWNET))
		errno = 0;
	return !setrlimit(RLIMIT_CORE, &none) &&
	       !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A limit that cannot be set is an error: the program shall not run free. */
static bool restrict_to(const struct proc *p)
{
	if (!limit(RLIMIT_CPU, p->cpu_s) || !limit(RLIMIT_AS, p->as_bytes) ||
	    !limit(RLIMIT_FSIZE, p->fsize_bytes))
		return false;
	if (p->confined && !confine())
		return false;
	return !p->drop ||
	       (!setgroups(0, NULL) && !setresgid(p->gid, p->gid, p->gid) &&
		!setresuid(p->uid, p->uid, p->uid));
}

struct child {
	char *const *argv, *const *env;
	const int *keep;
	int in, out, err;     /* become 0, 1, 2 */
	const struct proc *p; /* limits and identity, or NULL */
	pid_t parent;	      /* with which it ends, or 0 */
	int report;	      /* errno goes here when exec fails */
};

/* Becomes 0-2, and PROC_FILE_FD, without one of them overwriting another. */
static int place_fds(const struct child *c)
{
	int in = fcntl(c->in, F_DUPFD_CLOEXEC, 10);
	int out = fcntl(c->out, F_DUPFD_CLOEXEC, 10);
	int err = c->err >= 0 ? fcntl(c->err, F_DUPFD_CLOEXEC, 10) : -1;
	int want = c->p && c->p->file > 0 ? c->p->file : -1;
	int file = want >= 0 ? fcntl(want, F_DUPFD_CLOEXEC, 10) : -1;

	if (in < 0 || out < 0 || (want >= 0 && file < 0))
		return -1;
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
		return -1;
	if (file >= 0 && dup2(file, PROC_FILE_FD) < 0)
		return -1;
	return err >= 0 && dup2(err, 2) < 0 ? -1 : 0;
}

static void child_main(const struct child *c)
{
	sigset_t none;
	int report = fcntl(c->report, F_DUPFD_CLOEXEC, 1000);
	int saved;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (place_fds(c))
		_exit(127);
	/* It may have ended before it was asked to tell. */
	if (c->parent && (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) ||
			  getppid() != c->parent))
		_exit(127);
	/* The report pipe closes itself at exec; all else goes now. */
	if (report >= 0) {
		int keep[34] = {report};
		int n = 1;

		for (const int *k = c->keep; k && *k && n < 32; k++)
			keep[n++] = *k;
		if (c->p && c->p->file > 0)
			keep[n++] = PROC_FILE_FD;
		close_others(keep);
		fcntl(report, F_SETFD, FD_CLOEXEC);
	}
	if (c->p && !restrict_to(c->p))
		goto fail;
	environ = (char **)(c->env ? c->env : default_env());
	execvp(c->argv[0], c->argv);
fail:
	saved = errno;
	if (report >= 0 && write(report, &saved, sizeof(saved)) < 0)
		_exit(126);
	_exit(127);
}

static pid_t spawn(struct child *c, struct err *e)
{
	int rep[2], failed = 0;
	pid_t pid;
	ssize_t n;

	make_pipe(rep);
	if (rep[0] < 0)
		return err_sys(e, ERR_FAILED, errno, "%s: pipe", c->argv[0]);
	c->report = rep[1];
	pid = fork();
	if (pid == 0)
		child_main(c);
	close(rep[1]);
	if (pid < 0) {
		close(rep[0]);
		return err_sys(e, ERR_FAILED, errno, "%s: fork", c->argv[0]);
	}
	do
		n = read(rep[0], &failed, sizeof(failed));
	while (n < 0 && errno == EINTR);
	close(rep[0]);
	if (n == sizeof(failed)) {
		waitpid(pid, NULL, 0);
		return err_sys(e, ERR_FAILED, failed, "%s", c->argv[0]);
	}
	return pid;
}

static int exit_code(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return 128 + WTERMSIG(status);
}

struct pump {
	struct proc *p;
	int in, out, err;
	size_t sent;
	size_t out_max;
};

static void pump_in(struct pump *m)
{
	ssize_t n = write(m->in, (const char *)m->p->in + m->sent,
			  m->p->in_len - m->sent);

	if (n > 0)
		m->sent += (size_t)n;
	if ((n < 0 && errno != EINTR && errno != EAGAIN) ||
	    m->sent == m->p->in_len)
		close_fd(&m->in);
}

static void pump_from(int *fd, struct buf *b)
{
	ssize_t n = read(*fd, buf_reserve(b, 65536), 65536);

	if (n > 0) {
		b->len += (size_t)n;
		b->p[b->len] = '\0';
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		close_fd(fd);
	}
}

static void tick(const struct proc *p)
{
	if (p && p->tick)
		p->tick(p->tick_arg);
}

static void trim_front(struct buf *b, size_t max)
{
	if (b->len <= max)
		return;
	memmove(b->p, b->p + (b->len - max), max);
	b->len = max;
	b->p[max] = '\0';
}

/* 0 at end of both outputs, -1 on a timeout or too much output. */
static int pump(struct pump *m, int64_t end, struct err *e)
{
	const char *name = m->p->argv[0];

	while (m->out >= 0 || m->err >= 0) {
		struct pollfd f[3] = {{m->in, POLLOUT, 0},
				      {m->out, POLLIN, 0},
				      {m->err, POLLIN, 0}};
		int64_t left = end - clock_mono_us();

		if (left <= 0)
			return err_set(e, ERR_LOST, "%s: no end within %lld s",
				       name,
				       (long long)(m->p->timeout_us / 1000000));
		tick(m->p);
		if (m->p->tick && left > TICK_US)
			left = TICK_US;
		if (poll(f, 3, (int)(left / 1000 + 1)) < 0 && errno != EINTR)
			return err_sys(e, ERR_FAILED, errno, "%s: poll", name);
		if (m->in >= 0 && f[0].revents)
			pump_in(m);
		if (m->out >= 0 && f[1].revents)
			pump_from(&m->out, &m->p->out);
		if (m->err >= 0 && f[2].revents)
			pump_from(&m->err, &m->p->err);
		trim_front(&m->p->err, ERR_KEEP);
		if (m->p->out.len > m->out_max)
			return err_set(e, ERR_FAILED,
				       "%s: more than %zu bytes of output",
				       name, m->out_max);
	}
	return 0;
}

/* Waits until END; kills at END.  P may be NULL. */
static int reap(const struct proc *p, pid_t pid, int64_t end, int *status)
{
	for (;;) {
		pid_t r = waitpid(pid, status, WNOHANG);

		if (r == pid)
			return 0;
		if (r < 0 && errno != EINTR)
			return -1;
		if (clock_mono_us() >= end) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			while (waitpid(pid, status, 0) < 0 && errno == EINTR)
				;
			return -1;
		}
		tick(p);
		clock_sleep_us(2000);
	}
}

int proc_run(struct proc *p, struct err *e)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, er[2] = {-1, -1};
	int64_t end = clock_mono_us() + p->timeout_us;
	struct child c = {.argv = p->argv, .env = p->env, .p = p};
	struct pump m;
	int rc, status = 0;
	pid_t pid;

	if (p->timeout_us <= 0)
		return err_set(e, ERR_BUG, "%s: no deadline", p->argv[0]);
	if (p->in)
		make_pipe(in);
	else
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	make_pipe(out);
	make_pipe(er);
	c.in = in[0];
	c.out = out[1];
	c.err = er[1];
	pid = in[0] < 0 || out[0] < 0 || er[0] < 0
		      ? err_sys(e, ERR_FAILED, errno, "%s: pipe", p->argv[0])
		      : spawn(&c, e);
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&er[1]);
	m = (struct pump){p,	 in[1], out[0],
			  er[0], 0,	p->out_max ? p->out_max : OUT_DEFAULT};
	if (pid < 0) {
		rc = -1;
	} else {
		if (m.in >= 0)
			fcntl(m.in, F_SETFL, O_NONBLOCK);
		rc = pump(&m, end, e);
		if (rc)
			end = 0;
		if (reap(p, pid, end, &status) && !rc)
			rc = err_set(e, ERR_LOST, "%s: did not end",
				     p->argv[0]);
		p->exit_code = exit_code(status);
	}
	close_fd(&m.in);
	close_fd(&m.out);
	close_fd(&m.err);
	return rc;
}

void proc_clear(struct proc *p)
{
	buf_clear(&p->out);
	buf_clear(&p->err);
}

int proc_open(struct proc_pipe *p, char *const *argv, char *const *env,
	      const int *keep, bool pipe_err, struct err *e)
{
	int in[2], out[2], er[2] = {-1, -1};
	struct child c = {.argv = argv, .env = env, .keep = keep};

	make_pipe(in);
	make_pipe(out);
	if (pipe_err)
		make_pipe(er);
	c.in = in[0];
	c.out = out[1];
	c.err = er[1];
	p->pid = spawn(&c, e);
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&er[1]);
	p->in = in[1];
	p->out = out[0];
	p->err = er[0];
	if (p->pid < 0) {
		close_fd(&p->in);
		close_fd(&p->out);
		close_fd(&p->err);
		return -1;
	}
	if (p->err >= 0)
		fcntl(p->err, F_SETFL, O_NONBLOCK);
	return 0;
}

int proc_close(struct proc_pipe *p, int64_t timeout_us)
{
	int status = 0;

	close_fd(&p->in);
	close_fd(&p->out);
	close_fd(&p->err);
	if (p->pid > 0)
		reap(NULL, p->pid, clock_mono_us() + timeout_us, &status);
	p->pid = -1;
	return exit_code(status);
}

bool proc_ended(struct proc_pipe *p, int *code)
{
	int status = 0;

	if (p->pid <= 0 || waitpid(p->pid, &status, WNOHANG) != p->pid)
		return false;
	p->pid = -1;
	*code = exit_code(status);
	return true;
}

bool proc_leave(struct proc_pipe *p, int64_t timeout_us)
{
	int64_t end = clock_mono_us() + timeout_us;
	pid_t r = 0;

	close_fd(&p->in);
	close_fd(&p->out);
	close_fd(&p->err);
	while (p->pid > 0 && (r = waitpid(p->pid, NULL, WNOHANG)) == 0 &&
	       clock_mono_us() < end)
		clock_sleep_us(2000);
	p->pid = -1;
	return r == 0;
}

/* --- a child beside */

int proc_start(struct proc_child *c, struct err *e)
{
	int out[2], er[2], in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct child child = {
		.argv = c->argv, .env = c->env, .in = in, .parent = getpid()};

	make_pipe(out);
	make_pipe(er);
	child.out = out[1];
	child.err = er[1];
	c->pid = in < 0 || out[0] < 0 || er[0] < 0
			 ? err_sys(e, ERR_FAILED, errno, "%s: pipe", c->argv[0])
			 : spawn(&child, e);
	close_fd(&in);
	close_fd(&out[1]);
	close_fd(&er[1]);
	c->out = out[0];
	c->err = er[0];
	c->exit_code = 0;
	if (c->pid < 0) {
		close_fd(&c->out);
		close_fd(&c->err);
		return -1;
	}
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	fcntl(c->err, F_SETFL, O_NONBLOCK);
	return 0;
}

void proc_read(int *fd, struct buf *b)
{
	if (*fd >= 0)
		pump_from(fd, b);
}

bool proc_over(struct proc_child *c)
{
	int status;

	if (c->pid < 0)
		return true;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	c->exit_code = exit_code(status);
	c->pid = -1;
	return true;
}

void proc_signal(const struct proc_child *c, int sig)
{
	if (c->pid > 0)
		kill(c->pid, sig);
}

void proc_end(struct proc_child *c, int64_t timeout_us)
{
	int status = 0;

	close_fd(&c->out);
	close_fd(&c->err);
	if (c->pid > 0) {
		reap(NULL, c->pid, clock_mono_us() + timeout_us, &status);
		c->exit_code = exit_code(status);
	}
	c->pid = -1;
}
