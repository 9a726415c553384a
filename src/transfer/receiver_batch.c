/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/receiver_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/extents.h"

enum { PAGE = 4096, WAIT_NS = 500000000 };

int batch_digest(const struct batch_store *s, int fd, uint64_t size, bool full,
		 char text[DIGEST_TEXT_MAX], struct err *e)
{
	ssize_t n;

	if (full)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	n = fs_pread_full(fd, s->buf, size, 0, e);
	if (n < 0)
		return -1;
	if ((uint64_t)n < size)
		return err_set(e, ERR_CONFLICT, "it ends at %zd, not at %llu",
			       n, (unsigned long long)size);
	small_digest(s->fp, s->buf, (size_t)n, text);
	return 0;
}

struct batch *batch_new(int root)
{
	struct batch *b = MEM_NEW(struct batch);

	b->dirs.root = root;
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	while (!batch_wait(b))
		;
	for (size_t i = 0; i < b->n; i++) {
		mem_closefd(&b->item[i].fd);
		mem_free(b->item[i].rel);
		mem_free(b->item[i].part);
		err_clear(&b->item[i].why);
	}
	dirs_clear(&b->dirs);
	err_clear(&b->failed);
	mem_free(b);
}

/* ---- taking files ---------------------------------------------------- */

bool batch_has(const struct batch *b, const char *rel)
{
	for (size_t i = 0; b && i < b->n; i++)
		if (!strcmp(b->item[i].rel, rel))
			return true;
	return false;
}

struct batch_item *batch_add(struct batch *b, uint32_t id, const char *rel)
{
	struct batch_item *it = &b->item[b->n++];

	*it = (struct batch_item){.id = id, .fd = -1};
	it->rel = mem_strdup(rel);
	return it;
}

static int new_part(struct batch_item *it, struct err *e)
{
	int flags = O_RDWR | O_CREAT | O_EXCL;

	it->fd = fs_open_beneath(it->dir, it->part, flags, 0600, e);
	if (it->fd >= 0 || e->sys != EEXIST)
		return it->fd < 0 ? -1 : 0;
	/* Left by a cut. */
	err_clear(e);
	if (unlinkat(it->dir, it->part, 0))
		return err_sys(e, ERR_CONFLICT, errno, "%s", it->part);
	it->fd = fs_open_beneath(it->dir, it->part, flags, 0600, e);
	return it->fd < 0 ? -1 : 0;
}

int batch_open(struct batch *b, struct batch_item *it, mode_t mode,
	       struct err *e)
{
	struct dirs_entry *d = dirs_make(&b->dirs, it->rel, &it->name, e);
	struct stat st;

	if (!d)
		return -1;
	d->dirty = true;
	it->dir = d->fd;
	it->part = mem_printf("%s.part", it->name);
	if (strlen(it->part) > NAME_MAX)
		return err_sys(e, ERR_REFUSED, ENAMETOOLONG, "%s", it->part);
	it->had = !fstatat(it->dir, it->name, &st, AT_SYMLINK_NOFOLLOW);
	if (it->had && !S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFLICT, "it is not a regular file");
	if (new_part(it, e))
		return -1;
	if ((mode & 07777) != 0600 && fchmod(it->fd, mode & 07777)) {
		err_sys(e, ERR_FAILED, errno, "%s: chmod", it->part);
		mem_closefd(&it->fd);
		return -1;
	}
	return 0;
}

/* Pages of zeros stay holes, so that no more is allocated than on the source.
 */
int batch_write(struct batch_item *it, uint64_t off, const uint8_t *p, size_t n,
		struct err *e)
{
	size_t at = 0, k;

	for (; (k = extents_run(p, n, PAGE, &at)); at += k) {
		if (extents_write(it->fd, p + at, k, off + at, e))
			return -1;
		if (off + at + k > it->end)
			it->end = off + at + k;
	}
	return 0;
}

int batch_complete(struct batch_item *it, struct err *e)
{
	if (it->end != it->size && ftruncate(it->fd, (off_t)it->size))
		return err_sys(e, ERR_FAILED, errno, "%s", it->part);
	return 0;
}

/* ---- storing --------------------------------------------------------- */

static int do_begin(struct batch *b, struct batch_item *it, struct err *e)
{
	(void)b;
	return fs_writeback(it->fd, 0, 0, false, e);
}

static int do_sync(struct batch *b, struct batch_item *it, struct err *e)
{
	(void)b;
	return fs_fsync(it->fd, e);
}

/* Is what is read back what was sent? */
static int do_verify(struct batch *b, struct batch_item *it, struct err *e)
{
	char text[DIGEST_TEXT_MAX];

	if (batch_digest(&b->store, it->fd, it->size, it->full, text, e))
		return -1;
	if (strcmp(text, it->want))
		return err_set(e, ERR_CONFLICT,
			       "it was read as %s and reads back as %s",
			       it->want, text);
	return 0;
}

static int do_name(struct batch *b, struct batch_item *it, struct err *e)
{
	struct stat st, now;

	(void)b;
	/* Is it still the one that was verified? */
	if (fstat(it->fd, &st) ||
	    fstatat(it->dir, it->part, &now, AT_SYMLINK_NOFOLLOW))
		return err_sys(e, ERR_CONFLICT, errno, "%s", it->part);
	if (st.st_dev != now.st_dev || st.st_ino != now.st_ino)
		return err_set(e, ERR_CONFLICT, "%s is another file now",
			       it->part);
	it->allocated = (uint64_t)st.st_blocks * 512;
	return fs_rename_lazy(it->dir, it->part, it->name, !it->had, e);
}

static void *store(void *arg)
{
	static int (*const stage[])(struct batch * b, struct batch_item * it,
				    struct err * e) = {do_begin, do_sync,
						       do_verify, do_name};
	struct batch *b = arg;

	for (size_t k = 0; k < ARRAY_SIZE(stage); k++)
		for (size_t i = 0; i < b->n; i++) {
			struct batch_item *it = &b->item[i];

			if (it->fd >= 0 && stage[k](b, it, &it->why))
				mem_closefd(&it->fd);
		}
	dirs_sync(&b->dirs, NULL, &b->failed);
	return NULL;
}

void batch_store(struct batch *b, const struct batch_store *s)
{
	sigset_t all, old;

	b->store = *s;
	/* Signals are for the thread that looks at them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	b->running = !pthread_create(&b->thread, NULL, store, b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!b->running)
		store(b);
}

bool batch_wait(struct batch *b)
{
	struct timespec until;

	if (!b->running)
		return true;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	b->running = pthread_timedjoin_np(b->thread, NULL, &until) != 0;
	return !b->running;
}
