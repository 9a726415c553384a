/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/extents.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"

void extents_init(struct extents *x, int fd, uint64_t from, uint64_t to)
{
	*x = (struct extents){.fd = fd, .pos = from, .end = to};
}

/* The next offset of the kind WHENCE at or after POS, at most the end. */
static int seek(struct extents *x, int whence, uint64_t *out, struct err *e)
{
	off_t r = lseek(x->fd, (off_t)x->pos, whence);

	if (r >= 0) {
		*out = (uint64_t)r > x->end ? x->end : (uint64_t)r;
		return 0;
	}
	/* No data from here on, or the file has been cut shorter. */
	if (errno == ENXIO) {
		*out = x->end;
		return 0;
	}
	if (errno == EINVAL || errno == EOPNOTSUPP || errno == ESPIPE) {
		x->dense = true;
		*out = whence == SEEK_DATA ? x->pos : x->end;
		return 0;
	}
	return err_sys(e, ERR_FAILED, errno, "looking for data at offset %llu",
		       (unsigned long long)x->pos);
}

int extents_next(struct extents *x, struct extent *out, struct err *e)
{
	uint64_t to;

	*out = (struct extent){.off = x->pos};
	if (x->pos >= x->end)
		return 0;
	if (!x->dense) {
		if (seek(x, SEEK_DATA, &to, e))
			return -1;
		if (to > x->pos) {
			out->len = to - x->pos;
			x->pos = to;
			return 0;
		}
	}
	to = x->end;
	if (!x->dense && seek(x, SEEK_HOLE, &to, e))
		return -1;
	/* The data went away between the two questions. */
	if (to <= x->pos)
		to = x->pos + 1;
	out->data = true;
	out->len = to - x->pos;
	x->pos = to;
	return 0;
}

int extents_data(int fd, uint64_t off, uint64_t *at, struct err *e)
{
	struct extents x = {.fd = fd, .pos = off, .end = UINT64_MAX};

	return seek(&x, SEEK_DATA, at, e);
}

bool extents_zero(const void *p, size_t n)
{
	static const char zero[64];
	const char *b = p;

	if (n <= sizeof(zero))
		return !memcmp(b, zero, n);
	/* The first bytes are zero and each equals its neighbour. */
	return !memcmp(b, zero, sizeof(zero)) &&
	       !memcmp(b, b + sizeof(zero), n - sizeof(zero));
}

size_t extents_run(const void *p, size_t n, size_t block, size_t *at)
{
	size_t from = n, i = *at;

	while (i < n) {
		size_t k = n - i < block ? n - i : block;

		if (!extents_zero((const char *)p + i, k))
			from = from < i ? from : i;
		else if (from < i)
			break;
		i += k;
	}
	*at = from;
	return i - from;
}

int extents_write(int fd, const void *p, size_t n, uint64_t off, struct err *e)
{
	if (!fs_pwrite_all(fd, p, n, (off_t)off, e))
		return 0;
	return e->sys == ENOSPC || e->sys == EDQUOT
		       ? err_hint(e, "make room on the target's file system, "
				     "then novahaul resume")
		       : -1;
}

static int write_zeros(int fd, uint64_t off, uint64_t len, struct err *e)
{
	static const char zero[EXTENT_ZERO_BLOCK];

	while (len) {
		size_t n = len < sizeof(zero) ? (size_t)len : sizeof(zero);

		if (fs_pwrite_all(fd, zero, n, (off_t)off, e))
			return err_wrap(e, "zeroing at offset %llu",
					(unsigned long long)off);
		off += n;
		len -= n;
	}
	return 0;
}

static int zero_range(int fd, uint64_t off, uint64_t len, struct err *e)
{
	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)off, (off_t)len))
		return 0;
	if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
		return write_zeros(fd, off, len, e);
	return err_sys(e, ERR_FAILED, errno, "making a hole at offset %llu",
		       (unsigned long long)off);
}

int extents_punch(int fd, uint64_t off, uint64_t len, bool *changed,
		  struct err *e)
{
	struct extents x;
	struct extent ext;
	struct stat st;
	uint64_t end = off + len;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	if (end > (uint64_t)st.st_size)
		end = (uint64_t)st.st_size;
	if (off >= end)
		return 0;
	extents_init(&x, fd, off, end);
	for (;;) {
		if (extents_next(&x, &ext, e))
			return -1;
		if (!ext.len)
			return 0;
		if (!ext.data)
			continue;
		if (zero_range(fd, ext.off, ext.len, e))
			return -1;
		if (changed)
			*changed = true;
	}
}

int extents_allocated(int fd, uint64_t *bytes, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	*bytes = (uint64_t)st.st_blocks * 512;
	return 0;
}
