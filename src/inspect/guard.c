/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "image/qcow2.h"
#include "image/rules.h"

struct head {
	uint8_t *p;
	size_t n;
	uint64_t size;
};

static void head_clear(struct head *h)
{
	mem_free(h->p);
}

/* The bytes that the parser needs, of a regular file or block device. */
static int read_head(const char *path, struct head *h, struct err *e)
{
	AUTO(mem_closefd)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;
	off_t end;

	if (fd < 0 || fstat(fd, &st)) {
		int sys = errno;

		err_sys(e, ERR_FAILED, sys, "opening it as user %u", geteuid());
		return sys != EACCES
			       ? -1
			       : err_hint(e, "--user NAME, of one who may "
					     "read it");
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_REFUSED, "not a file");
	end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		return err_sys(e, ERR_FAILED, errno, "its size");
	h->size = (uint64_t)end;
	h->p = mem_calloc(QCOW2_HEAD_MAX, 1);
	n = fs_pread_full(fd, h->p, QCOW2_HEAD_MAX, 0, e);
	if (n < 0)
		return -1;
	h->n = (size_t)n;
	return 0;
}

static int guard_base(const char *path, enum image_format from_header,
		      enum image_format *format, struct err *e)
{
	AUTO(head_clear) struct head h = {0};
	struct image_base_in in = {.name = strrchr(path, '/') + 1,
				   .from_header = from_header};
	struct image_base b;

	if (read_head(path, &h, e))
		return err_wrap(e, "base %s", path);
	in.head = h.p;
	in.head_len = h.n;
	in.file_size = h.size;
	if (image_base_check(&in, &b, e))
		return -1;
	*format = b.format;
	image_base_clear(&b);
	return 0;
}

/* The directory of the backing name as the header has it: here any will do,
 * the checks of a move have asked for the right one. */
static char *named_dir(const struct head *h)
{
	struct qcow2_header q;
	struct err e = ERR_INIT;
	char *dir = NULL;
	const char *slash;

	if (qcow2_parse(h->p, h->n, h->size, &q, &e) == 0 && q.backing) {
		slash = strrchr(q.backing, '/');
		if (slash && slash > q.backing)
			dir = mem_strndup(q.backing,
					  (size_t)(slash - q.backing));
	}
	qcow2_clear(&q);
	err_clear(&e);
	return dir;
}

/* The rules accept a plain name alone, so it leads nowhere else. */
static int backing(struct inspect_disk *d, const struct image_disk *q,
		   const char *base_dir, struct err *e)
{
	const char *path = q->qcow2.backing;

	if (!base_dir)
		return guard_base(path, q->base_format, &d->base_format, e);
	mem_free(d->base);
	d->base = mem_printf("%s%s", base_dir, strrchr(path, '/'));
	return guard_base(d->base, q->base_format, &d->base_format, e);
}

static int guard_head(struct inspect_disk *d, const struct head *h,
		      const char *base_dir, struct err *e)
{
	AUTO(mem_freep) char *dir = named_dir(h);
	const char *const dirs[] = {dir, NULL};
	struct image_disk_in in = {.name = "disk",
				   .info_format = image_format_name(d->format),
				   .head = h->p,
				   .head_len = h->n,
				   .file_size = h->size,
				   .base_dirs = dirs};
	struct image_disk out;
	int rc = 0;

	if (image_disk_check(&in, &out, e))
		return -1;
	if (out.qcow2.backing)
		rc = backing(d, &out, base_dir, e);
	image_disk_clear(&out);
	return rc;
}

int guard_disk(struct inspect_disk *d, const char *base_dir, struct err *e)
{
	AUTO(head_clear) struct head h = {0};

	if (read_head(d->path, &h, e) || guard_head(d, &h, base_dir, e))
		return err_wrap(e, "%s", d->name);
	return 0;
}
