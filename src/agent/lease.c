/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lease.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lease_priv.h"
#include "agent/procfs.h"
#include "core/clock.h"
#include "core/fs.h"
#include "core/uuid.h"

/* A controller sends a sign of life every 2 s. */
#define FRESH_US (10 * 1000000LL)
#define ENTER_US (30 * 1000000LL)
#define POLL_US 10000

void lease_clear(struct lease *l)
{
	mem_free(l->job);
	mem_free(l->owner);
	mem_free(l->session);
	mem_free(l->boot_id);
	memset(l, 0, sizeof(*l));
}

bool lease_job_ok(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > 64 || *s == '-' || !strcmp(s, "leases"))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
			return false;
	return true;
}

/* ---- the directory --------------------------------------------------- */

static int check_owner(int fd, const char *what, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", what);
	/* instances_path belongs to nova: it could have put anything there. */
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(e, ERR_REFUSED,
			       "%s is not ours: owner %u, mode %o", what,
			       (unsigned)st.st_uid,
			       (unsigned)(st.st_mode & 07777));
	return 0;
}

static int sub_dir(int dir, const char *name, mode_t mode, bool create,
		   struct err *e)
{
	int fd;

	if (create && mkdirat(dir, name, mode) && errno != EEXIST)
		return err_sys(e, ERR_FAILED, errno, "mkdir %s", name);
	fd = fs_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd >= 0 && check_owner(fd, name, e)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The leases' directory; -1 with ENOENT if there is none and not CREATE. */
int lease_dir(int root, bool create, struct err *e)
{
	AUTO(mem_closefd) int work = -1;
	int dir;

	/* Others must be able to pass: qemu-img works on copies as nova. */
	work = sub_dir(root, ".novahaul", 0711, create, e);
	if (work < 0)
		return -1;
	dir = sub_dir(work, "leases", 0700, create, e);
	if (dir >= 0 && create && (fs_fsync(work, e) || fs_fsync(root, e))) {
		close(dir);
		return -1;
	}
	return dir;
}

/* ---- its text -------------------------------------------------------- */

static char *value(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, key, n) && p[n] == '=')
			return mem_strndup(p + n + 1, strcspn(p + n + 1, "\n"));
	}
	return mem_strdup("");
}

static uint64_t number(const char *text, const char *key, bool *ok)
{
	AUTO(mem_freep) char *v = value(text, key);
	char *end;
	uint64_t n = strtoull(v, &end, 10);

	if (!isdigit((unsigned char)*v) || *end)
		*ok = false;
	return n;
}

static int parse(const char *text, struct lease *l)
{
	AUTO(mem_freep) char *state = value(text, "state");
	bool ok = true;

	l->job = value(text, "job");
	l->owner = value(text, "owner");
	l->session = value(text, "session");
	l->boot_id = value(text, "boot");
	l->epoch = number(text, "epoch", &ok);
	l->pid = (int64_t)number(text, "pid", &ok);
	l->start = number(text, "start", &ok);
	if (!strcmp(state, "held"))
		l->state = LEASE_HELD;
	else if (!strcmp(state, "released"))
		l->state = LEASE_RELEASED;
	else
		ok = false;
	return ok && lease_job_ok(l->job) ? 0 : -1;
}

/* A line must stay a line. */
static void put_line(struct buf *b, const char *key, const char *v)
{
	buf_printf(b, "%s=", key);
	for (; *v; v++)
		buf_putc(b, *v == '\n' || *v == '\r' ? ' ' : *v);
	buf_putc(b, '\n');
}

int lease_write(int dir, const char *uuid, const struct lease *l, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	put_line(&b, "job", l->job);
	buf_printf(&b, "epoch=%" PRIu64 "\n", l->epoch);
	put_line(&b, "state", l->state == LEASE_HELD ? "held" : "released");
	put_line(&b, "owner", l->owner);
	put_line(&b, "session", l->session);
	put_line(&b, "boot", l->boot_id);
	buf_printf(&b, "pid=%" PRId64 "\nstart=%" PRIu64 "\n", l->pid,
		   l->start);
	return fs_write_atomic(dir, uuid, b.p, b.len, 0600, e);
}

static void look_attended(int dir, const char *uuid, struct lease *l)
{
	AUTO(mem_freep) char *name = mem_printf("%s.attended", uuid);
	struct err none = ERR_INIT;
	struct stat st;
	AUTO(mem_closefd)
	int fd = fs_open_beneath(dir, name, O_RDONLY, 0, &none);
	int64_t age;

	err_clear(&none);
	if (fd < 0 || fstat(fd, &st))
		return;
	l->locked = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	l->beat_us = (int64_t)st.st_mtim.tv_sec * 1000000 +
		     st.st_mtim.tv_nsec / 1000;
	age = clock_now_us() - l->beat_us;
	l->fresh = age < FRESH_US && age > -FRESH_US;
}

int lease_load(int dir, const char *uuid, struct lease *l, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	memset(l, 0, sizeof(*l));
	if (fs_read(dir, uuid, 65536, &b, e)) {
		if (e->sys != ENOENT)
			return err_wrap(e, "lease");
		err_clear(e);
		return 0;
	}
	/* Never taken for a free one. */
	if (parse(buf_str(&b), l)) {
		lease_clear(l);
		return err_set(e, ERR_FAILED,
			       "lease: .novahaul/leases/%s cannot be read",
			       uuid);
	}
	look_attended(dir, uuid, l);
	return 0;
}

int lease_read(int root, const char *uuid, struct lease *l, struct err *e)
{
	AUTO(mem_closefd) int dir = -1;

	memset(l, 0, sizeof(*l));
	if (!uuid_valid(uuid))
		return err_set(e, ERR_USAGE, "\"%.64s\": not a uuid", uuid);
	dir = lease_dir(root, false, e);
	if (dir < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	return lease_load(dir, uuid, l, e);
}

/* ---- the gate -------------------------------------------------------- */

/* Does FD's file still have its name? */
static bool named(int dir, const char *name, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int lease_gate_open(int dir, const char *uuid, bool create, struct err *e)
{
	AUTO(mem_freep) char *name = mem_printf("%s.gate", uuid);

	return fs_open_beneath(dir, name, O_RDWR | (create ? O_CREAT : 0), 0600,
			       e);
}

/* 1 locked, 0 not before END, -1 the gate was removed meanwhile. */
int lease_gate_lock(int dir, const char *uuid, int fd, int how, int64_t end)
{
	AUTO(mem_freep) char *name = mem_printf("%s.gate", uuid);

	while (flock(fd, how | LOCK_NB)) {
		if (clock_mono_us() >= end)
			return 0;
		clock_sleep_us(POLL_US);
	}
	if (named(dir, name, fd))
		return 1;
	flock(fd, LOCK_UN);
	return -1;
}

static int stale(const struct lease *l, const char *job, uint64_t epoch,
		 struct err *e)
{
	if (l->state == LEASE_NONE)
		return err_set(e, ERR_STALE, "the lease is gone");
	if (l->state == LEASE_RELEASED)
		return err_set(e, ERR_STALE, "the lease has been released");
	if (strcmp(l->job, job))
		return err_set(e, ERR_STALE, "job %s has the lease now (%s)",
			       l->job, l->owner);
	return err_set(e, ERR_STALE,
		       "another run of job %s has taken over: epoch %" PRIu64
		       ", ours is %" PRIu64 " (%s)",
		       job, l->epoch, epoch, l->owner);
}

static int enter(int dir, const char *uuid, const char *job, uint64_t epoch,
		 int *gate, struct err *e)
{
	struct lease l;
	int rc;

	if (*gate < 0) {
		*gate = lease_gate_open(dir, uuid, false, e);
		if (*gate < 0)
			return err_set(e, ERR_STALE, "the lease is gone");
	}
	rc = lease_gate_lock(dir, uuid, *gate, LOCK_SH,
			     clock_mono_us() + ENTER_US);
	if (rc < 0)
		return err_set(e, ERR_STALE, "the lease is gone");
	if (rc == 0)
		return err_set(e, ERR_RETRY, "the lease's gate stays closed");
	rc = lease_load(dir, uuid, &l, e);
	if (!rc &&
	    (l.state != LEASE_HELD || strcmp(l.job, job) || l.epoch != epoch))
		rc = stale(&l, job, epoch, e);
	lease_clear(&l);
	if (rc)
		flock(*gate, LOCK_UN);
	return rc;
}

int lease_enter(int root, const char *uuid, const char *job, uint64_t epoch,
		int *gate, struct err *e)
{
	AUTO(mem_closefd) int dir = lease_dir(root, false, e);

	if (dir < 0) {
		if (e->sys == ENOENT)
			err_set(e, ERR_STALE, "the lease is gone");
		return -1;
	}
	return enter(dir, uuid, job, epoch, gate, e);
}

void lease_leave(int gate)
{
	if (gate >= 0)
		flock(gate, LOCK_UN);
}
