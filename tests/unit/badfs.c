/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/badfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/mem.h"

enum { DISK = 2, REQUEST = 1 << 18, READ_MAX = 1 << 20 };

static void reply(const struct badfs *b, uint64_t unique, int error,
		  const void *p, size_t n)
{
	struct fuse_out_header h = {.len = (uint32_t)(sizeof(h) + n),
				    .error = -error,
				    .unique = unique};
	struct iovec v[2] = {{&h, sizeof(h)}, {(void *)p, n}};

	/* Nobody waits for it any more: no harm. */
	if (writev(b->dev, v, n ? 2 : 1) < 0)
		return;
}

static struct fuse_attr attr(const struct badfs *b, uint64_t node)
{
	bool disk = node == DISK;

	return (struct fuse_attr){
		.ino = node,
		.size = disk ? b->size : 0,
		.blocks = disk ? b->size / 512 : 0,
		.mtime = 1,
		.ctime = 1,
		.mode = disk ? S_IFREG | 0600 : S_IFDIR | 0700,
		.nlink = 1,
		.blksize = 4096,
	};
}

static bool is_bad(const struct badfs *b, uint64_t off, uint64_t n)
{
	for (int i = 0; b->bad[i][1]; i++)
		if (off < b->bad[i][0] + b->bad[i][1] && b->bad[i][0] < off + n)
			return true;
	return false;
}

static void do_read(const struct badfs *b, uint64_t unique,
		    const struct fuse_read_in *in)
{
	char *p = mem_calloc(1, READ_MAX);
	ssize_t n = in->size <= READ_MAX
			    ? pread(b->back, p, in->size, (off_t)in->offset)
			    : -1;

	if (n < 0 || is_bad(b, in->offset, in->size))
		reply(b, unique, EIO, NULL, 0);
	else
		reply(b, unique, 0, p, (size_t)n);
	mem_free(p);
}

static void handle(const struct badfs *b, const struct fuse_in_header *h,
		   const void *arg)
{
	struct fuse_init_out init = {.major = 7,
				     .minor = 31,
				     .max_readahead = 131072,
				     .max_write = 131072};
	struct fuse_entry_out entry = {.nodeid = DISK, .attr = attr(b, DISK)};
	struct fuse_attr_out at = {.attr = attr(b, h->nodeid)};
	struct fuse_open_out open = {.fh = 1};

	switch (h->opcode) {
	case FUSE_INIT:
		reply(b, h->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		if (strcmp(arg, "disk") != 0)
			reply(b, h->unique, ENOENT, NULL, 0);
		else
			reply(b, h->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		reply(b, h->unique, 0, &at, sizeof(at));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		reply(b, h->unique, 0, &open, sizeof(open));
		break;
	case FUSE_READ:
		do_read(b, h->unique, arg);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		reply(b, h->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(b, h->unique, ENOSYS, NULL, 0);
	}
}

static void *serve(void *arg)
{
	struct badfs *b = arg;
	char *p = mem_calloc(1, REQUEST);

	for (;;) {
		ssize_t n = read(b->dev, p, REQUEST);

		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			break;
		handle(b, (const struct fuse_in_header *)p,
		       p + sizeof(struct fuse_in_header));
	}
	mem_free(p);
	return NULL;
}

bool badfs_mount(struct badfs *b, const char *path)
{
	char how[100];

	b->path = path;
	b->dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (b->dev < 0)
		return false;
	snprintf(how, sizeof(how), "fd=%d,rootmode=40000,user_id=0,group_id=0",
		 b->dev);
	if (mount("novahaul-test", path, "fuse", MS_NOSUID | MS_NODEV, how) ||
	    pthread_create(&b->thread, NULL, serve, b)) {
		close(b->dev);
		return false;
	}
	return true;
}

void badfs_unmount(struct badfs *b)
{
	umount2(b->path, MNT_DETACH);
	pthread_join(b->thread, NULL);
	close(b->dev);
}
