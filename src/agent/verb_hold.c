/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second name for a file's content, that survives its removal: a base image
 * held against Nova's image cache.  A hard link costs nothing; where the file
 * system or the distance forbids it, a reflink; else a copy that keeps holes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/files.h"
#include "core/fs.h"
#include "transfer/digest.h"

/* Values as in host/host.h's enum host_held. */
enum held { HELD_NONE = 0, HELD_LINK, HELD_CLONE, HELD_COPY };

enum { COPY_CHUNK = 1 << 20 };

/* 0 linked, 1 cannot be linked, -1. */
static int try_link(const struct agent_path *from, const struct agent_path *to,
		    const struct stat *want, struct err *e)
{
	const char *fb, *tb;
	AUTO(mem_closefd)
	int fd = fs_open_parent(from->root, from->rel, &fb, e);
	AUTO(mem_closefd) int td = -1;
	struct stat st;

	if (fd < 0)
		return -1;
	td = fs_open_parent(to->root, to->rel, &tb, e);
	if (td < 0)
		return -1;
	if (linkat(fd, fb, td, tb, 0)) {
		if (errno == EXDEV || errno == EPERM || errno == EMLINK ||
		    errno == EOPNOTSUPP)
			return 1;
		return err_sys(e, ERR_FAILED, errno, "link %s", to->rel);
	}
	/* The name may have been another file's by then. */
	if (fstatat(td, tb, &st, AT_SYMLINK_NOFOLLOW) ||
	    st.st_ino != want->st_ino || st.st_dev != want->st_dev) {
		unlinkat(td, tb, 0);
		return err_set(e, ERR_CONFLICT, "%s was replaced just now",
			       from->rel);
	}
	return fs_fsync(td, e);
}

static int copy_range(int in, int out, off_t from, off_t to, struct err *e)
{
	AUTO(mem_freep) char *b = mem_calloc(1, COPY_CHUNK);

	while (from < to) {
		size_t n = to - from < COPY_CHUNK ? (size_t)(to - from)
						  : COPY_CHUNK;
		ssize_t r = fs_pread_full(in, b, n, from, e);

		if (r < 0 || fs_pwrite_all(out, b, (size_t)r, from, e))
			return -1;
		if ((size_t)r < n)
			return err_set(e, ERR_CONFLICT, "it shrank meanwhile");
		from += r;
	}
	return 0;
}

static int copy_data(int in, int out, off_t size, struct err *e)
{
	off_t at = 0;

	if (ftruncate(out, size))
		return err_sys(e, ERR_FAILED, errno, "truncate");
	while (at < size) {
		off_t data = lseek(in, at, SEEK_DATA);
		off_t hole;

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = at; /* no holes known: all is data */
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0 || hole > size)
			hole = size;
		if (copy_range(in, out, data, hole, e))
			return -1;
		at = hole;
	}
	return 0;
}

static int fill(int in, int out, const struct stat *st, enum held *how,
		struct err *e)
{
	*how = HELD_CLONE;
	if (ioctl(out, FICLONE, in)) {
		*how = HELD_COPY;
		if (copy_data(in, out, st->st_size, e))
			return -1;
	}
	if (fchown(out, st->st_uid, st->st_gid) ||
	    fchmod(out, st->st_mode & 07777))
		return err_sys(e, ERR_FAILED, errno, "chown");
	return fs_fsync(out, e);
}

/* What an earlier try left, if it was cut, is this job's alone: of a job's
 * writers the lease lets only one through. */
static int duplicate(int in, const struct agent_path *to, const struct stat *st,
		     const char *job, enum held *how, struct err *e)
{
	const char *base;
	AUTO(mem_freep) char *tmp = NULL;
	AUTO(mem_closefd) int dir = fs_open_parent(to->root, to->rel, &base, e);
	AUTO(mem_closefd) int out = -1;

	if (dir < 0)
		return -1;
	tmp = mem_printf("%.180s.%.40s.tmp", base, job);
	unlinkat(dir, tmp, 0);
	out = fs_open_beneath(dir, tmp, O_RDWR | O_CREAT | O_EXCL, 0600, e);
	if (out < 0)
		return -1;
	if (!fill(in, out, st, how, e) &&
	    !fs_rename(dir, tmp, dir, base, true, e))
		return 0;
	unlinkat(dir, tmp, 0);
	return -1;
}

static int same_content(int in, const struct agent_path *to, bool *same,
			struct err *e)
{
	AUTO(mem_closefd) int fd = agent_open(to, O_RDONLY, 0, e);
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];

	if (fd < 0 || digest_fd(in, NULL, NULL, a, e) ||
	    digest_fd(fd, NULL, NULL, b, e))
		return -1;
	*same = !strcmp(a, b);
	return 0;
}

/* 1 it is there already, 0 it is not, -1.  A copy gets its name when it is
 * whole, so an earlier try's is told by its content. */
static int have(int in, const struct agent_path *to, const struct stat *want,
		enum held *how, struct err *e)
{
	bool same = false;
	struct stat st;

	if (files_look(to, &st, e)) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (st.st_ino == want->st_ino && st.st_dev == want->st_dev)
		return 1;
	if (S_ISREG(st.st_mode) && st.st_size == want->st_size &&
	    same_content(in, to, &same, e))
		return -1;
	*how = HELD_COPY;
	if (same)
		return 1;
	err_set(e, ERR_CONFLICT, "%s/%s is another file", to->where, to->rel);
	e->sys = EEXIST;
	return -1;
}

int verb_hold(struct verb_call *c, struct err *e)
{
	struct agent_path from, to;
	AUTO(mem_closefd) int in = -1;
	enum held how = HELD_LINK;
	struct stat st;
	int rc;

	if (agent_path(c, &from, e) || agent_path(c, &to, e) ||
	    agent_args_end(c, e))
		return -1;
	in = agent_open(&from, O_RDONLY, 0, e);
	if (in < 0)
		return -1;
	if (fstat(in, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", from.rel);
	rc = have(in, &to, &st, &how, e);
	if (rc == 0) {
		rc = try_link(&from, &to, &st, e);
		if (rc > 0)
			rc = duplicate(in, &to, &st, agent_job(c->agent), &how,
				       e);
	}
	if (rc < 0)
		return err_wrap(e, "%s/%s", from.where, from.rel);
	enc_u8(c->out, (uint8_t)how);
	return 0;
}
