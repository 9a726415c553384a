/* SPDX-License-Identifier: Apache-2.0 */
#include "core/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/uuid.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

bool fs_rel_ok(const char *rel)
{
	if (!rel || !*rel || *rel == '/')
		return false;
	if (!strcmp(rel, "."))
		return true;
	for (const char *p = rel; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '/' && !*++p)
			return false; /* a trailing slash */
	}
	return true;
}

static int check_rel(const char *rel, struct err *e)
{
	if (fs_rel_ok(rel))
		return 0;
	err_set(e, ERR_REFUSED, "%s: not a plain relative path",
		rel ? rel : "(null)");
	e->sys = EINVAL;
	return -1;
}

int fs_open_walk(int dirfd, const char *rel, int flags, mode_t mode,
		 struct err *e)
{
	AUTO(mem_closefd) int dir = -1;
	const char *p = rel;

	if (check_rel(rel, e))
		return -1;
	dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (dir < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", rel);
	for (;;) {
		size_t n = strcspn(p, "/");
		AUTO(mem_freep) char *part = mem_strndup(p, n);
		bool last = !p[n];
		int f = last ? flags : O_RDONLY | O_DIRECTORY;
		int fd = openat(dir, part, f | O_CLOEXEC | O_NOFOLLOW,
				last ? mode : 0);

		/* O_DIRECTORY|O_NOFOLLOW on a link gives ENOTDIR. */
		if (fd < 0)
			return err_sys(e, ERR_FAILED, errno, "%s", rel);
		if (last)
			return fd;
		mem_closefd(&dir);
		dir = fd;
		p += n + 1;
	}
}

int fs_open_beneath(int dirfd, const char *rel, int flags, mode_t mode,
		    struct err *e)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (check_rel(rel, e))
		return -1;
	do
		fd = syscall(SYS_openat2, dirfd, rel, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd >= 0)
		return (int)fd;
	/* EPERM: some sandboxes refuse system calls that they do not know. */
	if (errno == ENOSYS || errno == EPERM)
		return fs_open_walk(dirfd, rel, flags, mode, e);
	return err_sys(e, ERR_FAILED, errno, "%s", rel);
}

int fs_open_parent(int dirfd, const char *rel, const char **base, struct err *e)
{
	const char *slash;
	AUTO(mem_freep) char *dir = NULL;

	if (check_rel(rel, e))
		return -1;
	slash = strrchr(rel, '/');
	*base = slash ? slash + 1 : rel;
	dir = slash ? mem_strndup(rel, (size_t)(slash - rel)) : mem_strdup(".");
	return fs_open_beneath(dirfd, dir, O_RDONLY | O_DIRECTORY, 0, e);
}

int fs_fsync(int fd, struct err *e)
{
	/* Never retried: after a failed fsync the dirty pages may be gone. */
	if (fsync(fd))
		return err_sys(e, ERR_FAILED, errno, "fsync");
	return 0;
}

int fs_writeback(int fd, off_t off, off_t len, bool wait, struct err *e)
{
	unsigned flags = SYNC_FILE_RANGE_WRITE;

	if (wait)
		flags |= SYNC_FILE_RANGE_WAIT_BEFORE |
			 SYNC_FILE_RANGE_WAIT_AFTER;
	if (!sync_file_range(fd, off, len, flags) || errno == ENOSYS ||
	    errno == EINVAL || errno == ESPIPE)
		return 0;
	/* As with fsync, the error is told once. */
	return err_sys(e, ERR_FAILED, errno, "writing back at offset %lld",
		       (long long)off);
}

int fs_fsync_parent(int dirfd, const char *rel, struct err *e)
{
	const char *base;
	AUTO(mem_closefd) int dir = fs_open_parent(dirfd, rel, &base, e);

	if (dir < 0)
		return -1;
	return fs_fsync(dir, e);
}

int fs_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *b = p;

	while (n) {
		ssize_t r = write(fd, b, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, ERR_FAILED, errno, "write");
		b += r;
		n -= (size_t)r;
	}
	return 0;
}

int fs_pwrite_all(int fd, const void *p, size_t n, off_t off, struct err *e)
{
	const char *b = p;

	while (n) {
		ssize_t r = pwrite(fd, b, n, off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, ERR_FAILED, errno, "write");
		b += r;
		off += r;
		n -= (size_t)r;
	}
	return 0;
}

ssize_t fs_pread_full(int fd, void *p, size_t n, off_t off, struct err *e)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (char *)p + done, n - done,
				  off + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, ERR_FAILED, errno, "read");
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

static int write_tmp(int dir, const char *tmp, const void *p, size_t n,
		     mode_t mode, struct err *e)
{
	AUTO(mem_closefd)
	int fd = fs_open_beneath(dir, tmp, O_WRONLY | O_CREAT | O_EXCL,
				 mode & 07777, e);

	if (fd < 0)
		return -1;
	/* The umask must not decide what the caller asked for. */
	if (fchmod(fd, mode & 07777))
		return err_sys(e, ERR_FAILED, errno, "chmod");
	if (fs_write_all(fd, p, n, e) || fs_fsync(fd, e))
		return -1;
	return 0;
}

int fs_write_atomic(int dirfd, const char *rel, const void *p, size_t n,
		    mode_t mode, struct err *e)
{
	const char *base;
	uint64_t tag;
	AUTO(mem_freep) char *tmp = NULL;
	AUTO(mem_closefd) int dir = fs_open_parent(dirfd, rel, &base, e);

	if (dir < 0)
		return -1;
	random_bytes(&tag, sizeof(tag));
	tmp = mem_printf(".%.200s.%016llx.tmp", base, (unsigned long long)tag);
	if (write_tmp(dir, tmp, p, n, mode, e)) {
		unlinkat(dir, tmp, 0);
		return err_wrap(e, "%s", rel);
	}
	if (renameat(dir, tmp, dir, base)) {
		err_sys(e, ERR_FAILED, errno, "%s: rename", rel);
		unlinkat(dir, tmp, 0);
		return -1;
	}
	return fs_fsync(dir, e);
}

static int read_fd(int fd, const char *name, size_t max, struct buf *out,
		   struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: not a regular file", name);
	for (;;) {
		size_t room = 65536;
		ssize_t r;

		if (out->len > max)
			return err_set(e, ERR_FAILED,
				       "%s: larger than %zu bytes", name, max);
		r = read(fd, buf_reserve(out, room), room);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, ERR_FAILED, errno, "%s", name);
		if (r == 0)
			break;
		out->len += (size_t)r;
	}
	out->p[out->len] = '\0';
	return 0;
}

int fs_read(int dirfd, const char *rel, size_t max, struct buf *out,
	    struct err *e)
{
	/* O_NONBLOCK: a FIFO planted under the name must not hang us. */
	AUTO(mem_closefd)
	int fd = fs_open_beneath(dirfd, rel, O_RDONLY | O_NONBLOCK, 0, e);

	if (fd < 0)
		return -1;
	return read_fd(fd, rel, max, out, e);
}

int fs_read_path(const char *path, size_t max, struct buf *out, struct err *e)
{
	AUTO(mem_closefd)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", path);
	return read_fd(fd, path, max, out, e);
}

int fs_rename(int olddir, const char *oldrel, int newdir, const char *newrel,
	      bool noreplace, struct err *e)
{
	const char *ob, *nb;
	AUTO(mem_closefd) int od = fs_open_parent(olddir, oldrel, &ob, e);
	AUTO(mem_closefd) int nd = -1;

	if (od < 0)
		return -1;
	nd = fs_open_parent(newdir, newrel, &nb, e);
	if (nd < 0)
		return -1;
	if (syscall(SYS_renameat2, od, ob, nd, nb,
		    noreplace ? RENAME_NOREPLACE : 0))
		return err_sys(e, ERR_FAILED, errno, "rename %s to %s", oldrel,
			       newrel);
	if (fs_fsync(nd, e) || fs_fsync(od, e))
		return err_wrap(e, "rename %s to %s", oldrel, newrel);
	return 0;
}

int fs_rename_lazy(int dir, const char *old, const char *name, bool noreplace,
		   struct err *e)
{
	if (check_rel(old, e) || check_rel(name, e))
		return -1;
	if (strchr(old, '/') || strchr(name, '/'))
		return err_set(e, ERR_BUG, "rename %s to %s", old, name);
	if (syscall(SYS_renameat2, dir, old, dir, name,
		    noreplace ? RENAME_NOREPLACE : 0))
		return err_sys(e, ERR_FAILED, errno, "rename %s to %s", old,
			       name);
	return 0;
}

int fs_qemu_locked(int fd)
{
	struct flock l = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = 100,
		.l_len = 108,
	};

	return fcntl(fd, F_GETLK, &l) ? -1 : l.l_type != F_UNLCK;
}
