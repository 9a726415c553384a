/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/tagdir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/uuid.h"

/* Longer than the kernel's coarsest tick. */
enum { TICK_NS = 50 * 1000000 };

/* On disk; read on this host only. */
struct header {
	char magic[16];
	uint64_t dev, ino, size;
	int64_t mtime[2], ctime[2];
	uint64_t flags;
	char boot[40];
	char text[80];
	uint8_t mac[32]; /* of all before it */
};

static const char magic[16] = "nh-tags-1";

_Static_assert(sizeof(struct header) <= TAGS_BASE, "the header has its room");

int tagdir_open(struct tagdir *d, int root, const char *work, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	*d = (struct tagdir)TAGDIR_INIT;
	if (!work)
		return 0;
	d->work = fs_open_beneath(root, work, O_RDONLY | O_DIRECTORY, 0, e);
	if (d->work < 0) {
		if (e->sys != ENOENT)
			return err_wrap(e, "%s", work);
		err_clear(e);
		return 0;
	}
	d->tags =
		fs_open_beneath(d->work, "tags", O_RDONLY | O_DIRECTORY, 0, e);
	err_clear(e);
	if (!fs_read(d->work, "key", sizeof(d->key), &b, e) &&
	    b.len == sizeof(d->key)) {
		memcpy(d->key, b.p, sizeof(d->key));
		d->have_key = true;
		OPENSSL_cleanse(b.p, b.len);
	}
	err_clear(e);
	buf_reset(&b);
	if (!fs_read_path("/proc/sys/kernel/random/boot_id", 64, &b, e))
		snprintf(d->boot, sizeof(d->boot), "%.36s", buf_str(&b));
	err_clear(e);
	return 0;
}

void tagdir_close(struct tagdir *d)
{
	OPENSSL_cleanse(d->key, sizeof(d->key));
	mem_closefd(&d->work);
	mem_closefd(&d->tags);
	*d = (struct tagdir)TAGDIR_INIT;
}

static void write_key(struct tagdir *d)
{
	struct err e = ERR_INIT;

	d->have_key = true;
	if (d->work < 0)
		return;
	/* Where it cannot be kept it is good for this session. */
	if (fs_write_atomic(d->work, "key", d->key, sizeof(d->key), 0600, &e))
		err_clear(&e);
}

const uint8_t *tagdir_key(struct tagdir *d)
{
	if (!d->have_key) {
		random_bytes(d->key, sizeof(d->key));
		write_key(d);
	}
	return d->key;
}

void tagdir_set_key(struct tagdir *d, const uint8_t key[FINGERPRINT_KEY])
{
	if (d->have_key && !CRYPTO_memcmp(d->key, key, FINGERPRINT_KEY))
		return;
	memcpy(d->key, key, FINGERPRINT_KEY);
	write_key(d);
}

void tagdir_name_of(const struct stat *st, char name[TAGDIR_NAME])
{
	snprintf(name, TAGDIR_NAME, "t%" PRIx64 ".%" PRIx64,
		 (uint64_t)st->st_dev, (uint64_t)st->st_ino);
}

void tagdir_name_for(const char *rel, char name[TAGDIR_NAME])
{
	uint8_t sum[SHA256_DIGEST_LENGTH];

	SHA256((const uint8_t *)rel, strlen(rel), sum);
	name[0] = 's';
	hex_encode(sum, 16, name + 1);
}

/* ---- headers --------------------------------------------------------- */

static void mac(const struct tagdir *d, const struct header *h,
		uint8_t out[sizeof(h->mac)])
{
	if (!HMAC(EVP_sha256(), d->key, sizeof(d->key), (const uint8_t *)h,
		  offsetof(struct header, mac), out, NULL))
		abort();
}

static void put_header(const struct tagdir *d, const struct tagdir_seal *s,
		       struct header *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, magic, sizeof(magic));
	h->dev = s->st.st_dev;
	h->ino = s->st.st_ino;
	h->size = (uint64_t)s->st.st_size;
	h->mtime[0] = s->st.st_mtim.tv_sec;
	h->mtime[1] = s->st.st_mtim.tv_nsec;
	h->ctime[0] = s->st.st_ctim.tv_sec;
	h->ctime[1] = s->st.st_ctim.tv_nsec;
	h->flags = s->flags;
	memcpy(h->boot, d->boot, sizeof(h->boot));
	memcpy(h->text, s->text, sizeof(s->text));
	mac(d, h, h->mac);
}

static bool get_header(const struct tagdir *d, const struct header *h,
		       struct tagdir_seal *s)
{
	uint8_t want[sizeof(h->mac)];

	mac(d, h, want);
	if (CRYPTO_memcmp(want, h->mac, sizeof(want)) ||
	    memcmp(h->magic, magic, sizeof(magic)))
		return false;
	memset(s, 0, sizeof(*s));
	s->now = *d->boot && !memcmp(h->boot, d->boot, sizeof(h->boot));
	s->st.st_dev = h->dev;
	s->st.st_ino = h->ino;
	s->st.st_size = (off_t)h->size;
	s->st.st_mtim.tv_sec = h->mtime[0];
	s->st.st_mtim.tv_nsec = h->mtime[1];
	s->st.st_ctim.tv_sec = h->ctime[0];
	s->st.st_ctim.tv_nsec = h->ctime[1];
	s->flags = (unsigned)h->flags;
	memcpy(s->text, h->text, sizeof(s->text));
	return tags_text_ok(s->text);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_data(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim);
}

bool tagdir_same(const struct stat *a, const struct stat *b)
{
	return same_data(a, b) && same_time(a->st_ctim, b->st_ctim);
}

bool tagdir_settled(const struct stat *st)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now))
		return false;
	return (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000000000 +
		       (now.tv_nsec - st->st_ctim.tv_nsec) >
	       TICK_NS;
}

bool tagdir_idle(const struct tagdir_seal *s, const struct stat *st, bool final)
{
	unsigned want = TAGDIR_IDLE | (final ? TAGDIR_FINAL : 0);

	return s->now && (s->flags & want) == want && tagdir_same(&s->st, st);
}

/* ---- files ----------------------------------------------------------- */

/* A regular file of ours in the directory, or -1. */
static int open_file(struct tagdir *d, const char *name, int flags)
{
	struct err e = ERR_INIT;
	struct stat st;
	int fd = -1;

	if (d->tags >= 0)
		fd = fs_open_beneath(d->tags, name, flags | O_NONBLOCK, 0600,
				     &e);
	err_clear(&e);
	if (fd >= 0 &&
	    (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1))
		mem_closefd(&fd);
	return fd;
}

/* Best effort: one that is not there says nothing. */
static void write_header(const struct tagdir *d, int fd,
			 const struct tagdir_seal *s)
{
	struct err e = ERR_INIT;
	struct header h;

	put_header(d, s, &h);
	if (fs_pwrite_all(fd, &h, sizeof(h), 0, &e))
		err_clear(&e);
}

static bool read_header(struct tagdir *d, int fd, struct tagdir_seal *out)
{
	struct err e = ERR_INIT;
	struct header h;
	ssize_t n;

	if (!d->have_key || fd < 0)
		return false;
	n = fs_pread_full(fd, &h, sizeof(h), 0, &e);
	err_clear(&e);
	return n == (ssize_t)sizeof(h) && get_header(d, &h, out);
}

bool tagdir_known(struct tagdir *d, const char *name, const struct stat *st,
		  struct tagdir_seal *out)
{
	AUTO(mem_closefd) int fd = open_file(d, name, O_RDONLY);

	return read_header(d, fd, out) &&
	       (!st || (out->now && tagdir_same(&out->st, st)));
}

static void make_dir(struct tagdir *d)
{
	struct err e = ERR_INIT;

	if (d->work < 0 || d->tags >= 0)
		return;
	if (mkdirat(d->work, "tags", 0700) && errno != EEXIST)
		return;
	d->tags =
		fs_open_beneath(d->work, "tags", O_RDONLY | O_DIRECTORY, 0, &e);
	err_clear(&e);
}

struct tags *tagdir_take(struct tagdir *d, const char *name, uint64_t size,
			 const char *text)
{
	char made[DIGEST_TEXT_MAX];
	struct tagdir_seal s;
	struct tags *t;
	int fd;

	make_dir(d);
	fd = open_file(d, name, O_RDWR | O_CREAT);
	/* Another session of ours may be at it still: it ends with its link. */
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB))
		mem_closefd(&fd);
	if (fd < 0)
		return tags_new(-1, size);
	if (text && read_header(d, fd, &s) && !strcmp(s.text, text)) {
		t = tags_new(fd, (uint64_t)s.st.st_size);
		if (tags_load(t, made) && !strcmp(made, text)) {
			tags_resize(t, size);
			return t;
		}
		tags_resize(t, size);
	} else {
		t = tags_new(fd, size);
	}
	tags_reset(t);
	return t;
}

void tagdir_put(struct tagdir *d, struct tags *t, const struct tagdir_seal *s)
{
	struct err e = ERR_INIT;

	if (!d->have_key || tags_fd(t) < 0 || tags_flush(t, &e)) {
		err_clear(&e);
		return;
	}
	write_header(d, tags_fd(t), s);
	tags_sealed(t);
}

void tagdir_drop(struct tagdir *d, const char *name)
{
	if (d->tags >= 0)
		unlinkat(d->tags, name, 0);
}

/* ---- changes of the ctime -------------------------------------------- */

void tagdir_before(struct tagdir *d, int fd, struct tagdir_change *c)
{
	struct stat st;

	c->known = false;
	if (d->tags < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	tagdir_name_of(&st, c->name);
	c->known = tagdir_known(d, c->name, &st, &c->seal);
}

void tagdir_after(struct tagdir *d, int fd, const struct tagdir_change *c)
{
	AUTO(mem_closefd) int tags = -1;
	struct tagdir_seal s = c->seal;
	struct stat st;

	if (!c->known || fstat(fd, &st) || !same_data(&st, &s.st) ||
	    tagdir_same(&st, &s.st))
		return;
	tags = open_file(d, c->name, O_RDWR);
	s.st = st;
	if (tags >= 0)
		write_header(d, tags, &s);
}
