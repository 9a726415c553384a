/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/chan.h"
#include "transfer/extents.h"
#include "transfer/pagecache.h"

enum {
	KICK = 16 << 20, /* ask for write-back this often */
	SYNC_PIECE = 32 << 20,
};

static int open_file(int dir, const char *name, int flags, struct stat *st,
		     struct err *e)
{
	int fd = fs_open_beneath(dir, name, flags | O_NONBLOCK, 0, e);

	if (fd < 0) {
		if (e->sys == ENOENT)
			err_clear(e);
		return -1;
	}
	if (fstat(fd, st)) {
		err_sys(e, ERR_FAILED, errno, "%s", name);
	} else if (!S_ISREG(st->st_mode)) {
		err_set(e, ERR_CONFLICT, "%s is not a regular file", name);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

int target_open(struct target *t, struct tagdir *kept, int root,
		const char *rel, uint64_t size, struct err *e)
{
	struct stat st;
	const char *base;

	*t = (struct target){
		.kept = kept, .dir = -1, .fd = -1, .old = -1, .size = size};
	t->part_size = t->old_size = XP_ABSENT;
	t->dir = fs_open_parent(root, rel, &base, e);
	if (t->dir < 0)
		return -1;
	if (strlen(base) + strlen(".part") > NAME_MAX)
		return err_sys(e, ERR_REFUSED, ENAMETOOLONG, "%s.part", base);
	t->name = mem_strdup(base);
	t->part = mem_printf("%s.part", base);
	t->fp = fingerprint_new(tagdir_key(kept));
	t->fd = open_file(t->dir, t->part, O_RDWR, &st, e);
	if (t->fd >= 0) {
		t->part_size = (uint64_t)st.st_size;
		if (st.st_nlink != 1)
			return err_set(e, ERR_CONFLICT,
				       "%s has another name too", t->part);
	} else if (e->kind != ERR_NONE) {
		return -1;
	}
	t->old = open_file(t->dir, t->name, O_RDONLY, &st, e);
	if (t->old >= 0) {
		t->old_size = (uint64_t)st.st_size;
		t->in_place = st.st_nlink == 1 && t->fd < 0;
	}
	return e->kind == ERR_NONE ? 0 : -1;
}

void target_calm(struct target *t, uint64_t size)
{
	t->calm = size > pagecache_room();
}

bool target_known(const struct target *t, struct tagdir_seal *out)
{
	char name[TAGDIR_NAME];
	struct stat st;

	if (t->old < 0 || fstat(t->old, &st))
		return false;
	tagdir_name_of(&st, name);
	return tagdir_known(t->kept, name, &st, out);
}

bool target_stands(const struct target *t, mode_t mode, uint64_t *allocated)
{
	struct stat st;

	if (t->fd >= 0 || t->old < 0 || fstat(t->old, &st) ||
	    (st.st_mode & 07777) != (mode & 07777))
		return false;
	*allocated = (uint64_t)st.st_blocks * 512;
	return true;
}

/* The tags of FD, which has TEXT, or is nothing that is known (NULL). */
static int take_tags(struct target *t, int fd, const char *text, struct err *e)
{
	char name[TAGDIR_NAME];
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", t->part);
	tagdir_name_of(&st, name);
	t->tags = tagdir_take(t->kept, name, t->size, text);
	return 0;
}

int target_begin(struct target *t, bool in_place, struct err *e)
{
	struct tagdir_seal known;
	struct stat st;

	t->begun = true;
	if (t->fd >= 0)
		return take_tags(t, t->fd, NULL, e);
	if (in_place && t->in_place) {
		/* Before the new name makes it another. */
		if (take_tags(t, t->old,
			      target_known(t, &known) ? known.text : NULL, e))
			return -1;
		if (fs_rename(t->dir, t->name, t->dir, t->part, true, e))
			return -1;
		mem_closefd(&t->old);
		t->old_size = XP_ABSENT;
		t->fd = open_file(t->dir, t->part, O_RDWR, &st, e);
		if (t->fd < 0)
			return e->kind == ERR_NONE
				       ? err_set(e, ERR_CONFLICT, "%s is gone",
						 t->part)
				       : -1;
		t->part_size = (uint64_t)st.st_size;
		return 0;
	}
	t->fd = fs_open_beneath(t->dir, t->part, O_RDWR | O_CREAT | O_EXCL,
				0600, e);
	t->part_size = 0;
	return t->fd < 0 ? -1 : take_tags(t, t->fd, NULL, e);
}

void target_close(struct target *t)
{
	mem_closefd(&t->dir);
	mem_closefd(&t->fd);
	mem_closefd(&t->old);
	mem_free(t->name);
	mem_free(t->part);
	tags_free(t->tags);
	fingerprint_free(t->fp);
	badmap_clear(&t->bad);
	*t = (struct target){.dir = -1, .fd = -1, .old = -1};
}

int target_basis(const struct target *t)
{
	return t->fd >= 0 ? t->fd : t->old;
}

void target_saw(struct target *t, uint64_t off, size_t n,
		const uint8_t tag[FINGERPRINT_LEN])
{
	uint64_t i = off / FINGERPRINT_BLOCK;

	/* Of another length it says nothing of the block. */
	if (t->tags && t->fd >= 0 && off % FINGERPRINT_BLOCK == 0 &&
	    off < t->size && n == tags_block(t->tags, i))
		tags_set(t->tags, i, tag);
}

int target_compare(struct target *t, const struct target_asked *a, uint8_t *buf,
		   struct enc *out, struct err *e)
{
	uint8_t sub[FINGERPRINT_BLOCK / FINGERPRINT_FINE][FINGERPRINT_LEN];
	uint8_t mine[FINGERPRINT_LEN] = {0};
	ssize_t k = fs_pread_full(target_basis(t), buf, a->n, (off_t)a->off, e);
	enum xp_diff is = XP_OTHER;

	if (k < 0)
		return err_wrap(e, "%s at offset %llu", t->name,
				(unsigned long long)a->off);
	if ((size_t)k == a->n) {
		if (extents_zero(buf, a->n))
			is = XP_OTHER_ZERO;
		else
			fingerprint_tag(t->fp, a->off, buf, a->n, mine);
		target_saw(t, a->off, a->n, mine);
		if (is == XP_OTHER && !memcmp(mine, a->tag, sizeof(mine)))
			is = XP_SAME;
		else if (is == XP_OTHER && a->fine && a->n > FINGERPRINT_FINE)
			is = XP_OTHER_SUB;
	}
	enc_u8(out, is);
	if (is == XP_OTHER_SUB)
		enc_bytes(out, sub,
			  fingerprint_fine(t->fp, a->off, buf, a->n, sub) *
				  FINGERPRINT_LEN);
	return 0;
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int write_pieces(struct target *t, uint64_t off, const uint8_t *p,
			size_t n, size_t size, struct err *e)
{
	while (n) {
		size_t k = size - off % size;

		k = n < k ? n : k;
		if (extents_write(t->fd, p, k, off, e))
			return err_wrap(e, "%s at offset %llu", t->part,
					(unsigned long long)off);
		off += k;
		p += k;
		n -= k;
	}
	return 0;
}

static int write_out(struct target *t, uint64_t off, const void *p, size_t n,
		     struct err *e)
{
	enum grain_kind kind;
	int64_t start;

	if (n < GRAIN_MIN)
		return write_pieces(t, off, p, n, GRAIN_LARGE_BYTES, e);
	kind = grain_pick(&t->grain);
	start = cpu_ns();
	if (write_pieces(t, off, p, n, grain_size(kind), e))
		return -1;
	grain_note(&t->grain, kind, n, cpu_ns() - start);
	return 0;
}

int target_write(struct target *t, uint64_t off, const void *p, size_t n,
		 struct err *e)
{
	if (!t->begun || off > t->size || n > t->size - off)
		return err_set(e, ERR_BUG, "%zu bytes at offset %llu of %s", n,
			       (unsigned long long)off, t->name);
	t->sealed = false;
	if (write_out(t, off, p, n, e))
		return -1;
	tags_dirty(t->tags, off, n);
	t->written += n;
	if (t->written - t->kicked >= KICK) {
		/* Early write-back keeps the final sync short. */
		t->kicked = t->written;
		if (t->calm)
			pagecache_behind(t->fd, off, &t->dropped);
		return fs_writeback(t->fd, 0, 0, false, e);
	}
	return 0;
}

int target_zero(struct target *t, uint64_t off, uint64_t len, struct err *e)
{
	bool changed = false;

	if (!t->begun || off > t->size || len > t->size - off)
		return err_set(e, ERR_BUG, "a hole at offset %llu of %s",
			       (unsigned long long)off, t->name);
	t->sealed = false;
	if (extents_punch(t->fd, off, len, &changed, e))
		return err_wrap(e, "%s", t->part);
	if (changed)
		tags_dirty(t->tags, off, len);
	return 0;
}

int target_leave_out(struct target *t, struct dec *d, struct err *e)
{
	if (!t->begun || t->sealed || t->bad.n)
		return err_set(e, ERR_BUG, "a bad map out of place");
	return badmap_get(d, t->size, &t->bad, e);
}

int target_truncate(struct target *t, uint64_t size, struct err *e)
{
	t->sealed = false;
	if (ftruncate(t->fd, (off_t)size))
		return err_sys(e, ERR_FAILED, errno, "%s: truncate", t->part);
	if (size < t->size)
		tags_dirty(t->tags, size, t->size - size);
	return 0;
}

int target_idle(struct target *t, bool *did, struct err *e)
{
	uint64_t limit = t->final;
	struct stat st;

	*did = false;
	if (!t->begun || t->fd < 0 || !limit)
		return 0;
	if (fstat(t->fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", t->part);
	if (limit > (uint64_t)st.st_size)
		limit = (uint64_t)st.st_size;
	if (tags_step(t->tags, t->fd, t->fp, limit, did, e))
		return err_wrap(e, "%s", t->part);
	return 0;
}

/* In pieces, so that the peer hears of us; the fsync that follows finds little
 * to do.  An error here is an error of the data: it is not asked for twice. */
static int sync_data(struct target *t, digest_tick *tick, void *arg,
		     struct err *e)
{
	for (uint64_t off = 0; t->written && off < t->size; off += SYNC_PIECE) {
		if (fs_writeback(t->fd, (off_t)off, SYNC_PIECE, true, e))
			return err_wrap(e, "%s", t->part);
		if (tick && tick(arg, 0, e))
			return -1;
	}
	return fs_fsync(t->fd, e);
}

int target_seal(struct target *t, const struct target_seal *how,
		char text[DIGEST_TEXT_MAX], struct err *e)
{
	if (target_truncate(t, t->size, e) ||
	    sync_data(t, how->tick, how->arg, e))
		return -1;
	if (how->full) {
		tags_reset(t->tags);
		posix_fadvise(t->fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	if (tags_scan(t->tags, t->fd, t->fp, how->tick, how->arg, e) ||
	    tags_text(t->tags, text, e))
		return err_wrap(e, "%s", t->part);
	memcpy(t->text, text, sizeof(t->text));
	t->sealed = true;
	return 0;
}

/* The file is what it will be: its ctime too. */
static void keep_tags(struct target *t)
{
	struct tagdir_seal s = {.flags = TAGDIR_IDLE};
	char name[TAGDIR_NAME];

	memcpy(s.text, t->text, sizeof(s.text));
	if (!fstat(t->fd, &s.st))
		tagdir_put(t->kept, t->tags, &s);
	/* What it replaced is nobody's any more. */
	if (t->old < 0 || fstat(t->old, &s.st))
		return;
	tagdir_name_of(&s.st, name);
	tagdir_drop(t->kept, name);
}

int target_commit(struct target *t, mode_t mode, struct err *e)
{
	if (!t->sealed)
		return err_set(e, ERR_BUG, "%s is not verified", t->part);
	if (fchmod(t->fd, mode & 07777))
		return err_sys(e, ERR_FAILED, errno, "%s: chmod", t->part);
	if (fs_fsync(t->fd, e))
		return err_wrap(e, "%s", t->part);
	if (t->bad.n && badmap_write(&t->bad, t->dir, t->name, t->size, e))
		return -1;
	/* Where no file was, none may have come. */
	if (fs_rename(t->dir, t->part, t->dir, t->name, t->old < 0, e))
		return -1;
	if (!t->bad.n)
		keep_tags(t);
	if (t->calm)
		pagecache_drop(t->fd);
	return t->bad.n ? 0 : badmap_remove(t->dir, t->name, e);
}
