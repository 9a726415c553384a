/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the digest is what tags.h defines, whatever of it was known before; a
 * tag file says nothing that is not so; no size takes much memory. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/uuid.h"
#include "transfer/extents.h"
#include "transfer/tagdir.h"

enum { BLOCK = FINGERPRINT_BLOCK, PAGE = TAGS_PAGE, MIB = 1 << 20 };
#define GIB (1ULL << 30)

static const uint8_t key[FINGERPRINT_KEY] = "a key of thirty-two bytes, so so";
static struct fingerprint *fp;
static struct err e = ERR_INIT;
static char dir[64];
static int dirfd_;

static int tmp_file(void)
{
	int fd = openat(dirfd_, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

/* The definition, without any of its shortcuts. */
static void by_definition(const uint8_t *p, size_t size, char *text)
{
	size_t n = (size + BLOCK - 1) / BLOCK;
	size_t pages = (n + PAGE - 1) / PAGE;
	uint8_t sum[DIGEST_LEN], tag[FINGERPRINT_LEN];
	struct buf all = BUF_INIT;

	for (int i = 0; i < 8; i++)
		buf_putc(&all, (char)((uint64_t)size >> (8 * i)));
	for (size_t k = 0; k < pages; k++) {
		struct buf page = BUF_INIT;
		bool some = false;

		for (size_t i = k * PAGE; i < (k + 1) * PAGE; i++) {
			size_t off = i * BLOCK, len = 0;

			memset(tag, 0, sizeof(tag));
			if (off < size)
				len = size - off < BLOCK ? size - off : BLOCK;
			if (len && !extents_zero(p + off, len)) {
				fingerprint_tag(fp, off, p + off, len, tag);
				some = true;
			}
			buf_put(&page, tag, sizeof(tag));
		}
		buf_putc(&all, some ? 1 : 0);
		if (some)
			buf_put(&all, page.p, page.len);
		buf_clear(&page);
	}
	assert_int_equal(
		EVP_Digest(all.p, all.len, sum, NULL, EVP_sha256(), NULL), 1);
	strcpy(text, "p1305t64k:");
	hex_encode(sum, DIGEST_LEN, text + 10);
	buf_clear(&all);
}

static void t_definition(void **state)
{
	static const size_t size[] = {
		0,	     1,	       65535,	     65536,   65537,
		5 * MIB + 3, 16 * MIB, 16 * MIB + 1, 37 * MIB};
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(size); i++) {
		uint8_t *p = mem_calloc(1, size[i] + 1);
		struct tags *t = tags_new(-1, size[i]);
		int fd = tmp_file();

		for (size_t k = 0; k < size[i]; k += 777)
			p[k] = (uint8_t)(k * 31 + 7);
		/* A page of zeros, and blocks of zeros, written out. */
		if (size[i] > 33 * MIB)
			memset(p + 15 * MIB, 0, 18 * MIB);
		assert_int_equal(write(fd, p, size[i]), (ssize_t)size[i]);
		by_definition(p, size[i], want);
		assert_int_equal(tags_digest_fd(fd, fp, NULL, NULL, got, &e),
				 0);
		assert_string_equal(got, want);
		assert_int_equal(tags_scan(t, fd, fp, NULL, NULL, &e), 0);
		assert_int_equal(tags_text(t, got, &e), 0);
		assert_string_equal(got, want);
		assert_true(tags_text_ok(got));
		assert_false(digest_text_ok(got));
		tags_free(t);
		close(fd);
		mem_free(p);
	}
	assert_false(tags_text_ok("p1305t64k:"));
	assert_false(tags_text_ok(NULL));
}

static int count_tick(void *arg, uint64_t bytes, struct err *err)
{
	(void)err;
	*(uint64_t *)arg += bytes;
	return 0;
}

/* T is FD's, once EXPECT bytes of it were read, at most. */
static void check(struct tags *t, int fd, uint64_t expect)
{
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	uint64_t n = 0;

	assert_int_equal(tags_scan(t, fd, fp, count_tick, &n, &e), 0);
	assert_true(n <= expect);
	assert_int_equal(tags_text(t, got, &e), 0);
	assert_int_equal(tags_digest_fd(fd, fp, NULL, NULL, want, &e), 0);
	assert_string_equal(got, want);
}

static void put(int fd, uint64_t off)
{
	uint64_t r;

	random_bytes(&r, sizeof(r));
	assert_int_equal(pwrite(fd, &r, 8, (off_t)off), 8);
}

/* Only what changed is read again; holes are not. */
static void t_incremental(void **state)
{
	struct tags *t = tags_new(-1, 40 * MIB + 10);
	char text[DIGEST_TEXT_MAX];
	int fd = tmp_file();

	(void)state;
	assert_int_equal(ftruncate(fd, 40 * MIB + 10), 0);
	put(fd, 0);
	put(fd, 40 * MIB + 2);
	assert_int_equal(tags_text(t, text, &e), -1);
	err_clear(&e);
	assert_int_equal(tags_scan(t, fd, fp, NULL, NULL, &e), 0);
	check(t, fd, 0);
	put(fd, 2 * BLOCK - 4);
	tags_dirty(t, 2 * BLOCK - 4, 8);
	check(t, fd, 2 * BLOCK);
	/* The last block has another length. */
	assert_int_equal(ftruncate(fd, 60 * MIB), 0);
	tags_resize(t, 60 * MIB);
	/* Holes that follow closely are read with it. */
	check(t, fd, MIB);
	assert_int_equal(ftruncate(fd, BLOCK + 1), 0);
	tags_resize(t, BLOCK + 1);
	check(t, fd, 1);
	assert_int_equal(ftruncate(fd, 0), 0);
	tags_resize(t, 0);
	check(t, fd, 0);
	tags_dirty(t, 0, 100);
	tags_resize(t, 5);
	assert_int_equal(tags_scan(t, fd, fp, NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	err_clear(&e);
	tags_free(t);
	close(fd);
}

/* In steps, below a limit that moves. */
static void t_step(void **state)
{
	struct tags *t = tags_new(-1, 21 * MIB + 1);
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	int fd = tmp_file();
	bool did;

	(void)state;
	for (uint64_t off = 0; off < 21 * MIB; off += 3 * BLOCK)
		put(fd, off);
	assert_int_equal(ftruncate(fd, 21 * MIB + 1), 0);
	assert_int_equal(tags_step(t, fd, fp, BLOCK - 1, &did, &e), 0);
	assert_false(did);
	for (uint64_t limit = 0; limit <= 21 * MIB + 1; limit += MIB / 2 + 1)
		do
			assert_int_equal(tags_step(t, fd, fp, limit, &did, &e),
					 0);
		while (did);
	/* Behind it, it is written again. */
	put(fd, MIB);
	tags_dirty(t, MIB, 8);
	do
		assert_int_equal(tags_step(t, fd, fp, 22 * MIB, &did, &e), 0);
	while (did);
	assert_int_equal(tags_text(t, got, &e), 0);
	assert_int_equal(tags_digest_fd(fd, fp, NULL, NULL, want, &e), 0);
	assert_string_equal(got, want);
	tags_free(t);
	close(fd);
}

/* As the objects' own, but simple. */
struct model {
	uint64_t n;
	uint8_t *tag; /* 16 bytes a block */
	bool *known;
};

static void expect(struct tags *t, const struct model *m, uint64_t i)
{
	uint8_t tag[FINGERPRINT_LEN];
	enum tags_state s = tags_get(t, i, tag);

	if (!m->known[i]) {
		assert_int_equal(s, TAGS_UNKNOWN);
		return;
	}
	assert_memory_equal(tag, m->tag + 16 * i, 16);
	assert_int_equal(s, extents_zero(tag, 16) ? TAGS_ZERO : TAGS_DATA);
}

static void some_op(struct tags *t, struct model *m, uint32_t r)
{
	uint64_t i = r % m->n, n = 1 + (r >> 7) % (r & 1 ? 3 : 700);
	uint8_t tag[16] = {0};

	if (n > m->n - i)
		n = m->n - i;
	switch (r >> 29) {
	case 0:
		tags_dirty(t, i * BLOCK, n * BLOCK);
		memset(m->known + i, 0, n * sizeof(bool));
		return;
	case 1:
	case 2:
		tags_zero(t, i, n);
		memset(m->tag + 16 * i, 0, 16 * n);
		memset(m->known + i, 1, n * sizeof(bool));
		return;
	default:
		memcpy(tag, &r, sizeof(r));
		for (uint64_t k = i; k < i + n; k++) {
			tags_set(t, k, tag);
			memcpy(m->tag + 16 * k, tag, 16);
			m->known[k] = true;
		}
	}
}

/* More pages than stay in memory, in a file and out of it. */
static void t_model(void **state)
{
	struct model m = {.n = 150 * PAGE + 17};
	struct tags *t = tags_new(tmp_file(), m.n * BLOCK);

	(void)state;
	m.tag = mem_calloc(m.n, 16);
	m.known = MEM_NEW_N(bool, m.n);
	tags_reset(t);
	for (int i = 0; i < 4000; i++) {
		uint32_t r;

		random_bytes(&r, sizeof(r));
		some_op(t, &m, r);
		expect(t, &m, r % m.n);
	}
	for (uint64_t i = 0; i < m.n; i++) {
		uint64_t z = tags_not_zero(t, i, 1);

		expect(t, &m, i);
		assert_int_equal(z == i + 1,
				 m.known[i] &&
					 extents_zero(m.tag + 16 * i, 16));
	}
	mem_free(m.tag);
	mem_free(m.known);
	tags_free(t);
}

static void one_tag(uint64_t i, uint8_t tag[16])
{
	memset(tag, 0, 16);
	i = i * 2654435761U + 1;
	memcpy(tag, &i, sizeof(i));
}

/* Where there is no file, or it cannot be written to, there is a limit; what
 * found no room is unknown, never wrong. */
static void t_no_room(void **state)
{
	uint64_t n = 5000 * PAGE;
	char text[DIGEST_TEXT_MAX];
	uint8_t tag[16], want[16];
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);

	(void)state;
	for (int with = 0; with < 2; with++) {
		struct tags *t = tags_new(with ? full : -1, n * BLOCK);
		uint64_t got = 0;

		for (uint64_t i = 0; i < n; i++) {
			one_tag(i, tag);
			tags_set(t, i, tag);
		}
		assert_int_equal(tags_text(t, text, &e), -1);
		assert_int_equal(e.sys, ENOSPC);
		assert_non_null(e.hint);
		err_clear(&e);
		for (uint64_t i = 0; i < n; i++) {
			if (tags_get(t, i, tag) == TAGS_UNKNOWN)
				continue;
			one_tag(i, want);
			assert_memory_equal(tag, want, 16);
			got++;
		}
		assert_true(got >= 4000ULL * PAGE && got < n);
		tags_free(t);
	}
}

/* The tags of 1 TiB of data, 256 MiB, in a few MiB of memory. */
static void t_dense(void **state)
{
	uint64_t n = 1024 * GIB / BLOCK;
	int file = tmp_file();
	struct tags *t = tags_new(dup(file), n * BLOCK);
	char text[DIGEST_TEXT_MAX], again[DIGEST_TEXT_MAX];
	long before = unit_rss_anon();
	uint8_t tag[16], want[16];

	(void)state;
	tags_reset(t);
	for (uint64_t i = 0; i < n; i++) {
		one_tag(i, tag);
		tags_set(t, i, tag);
	}
	assert_int_equal(tags_text(t, text, &e), 0);
	assert_int_equal(tags_flush(t, &e), 0);
	fprintf(stderr, "1 TiB dense: RssAnon grew by %ld KiB\n",
		unit_rss_anon() - before);
	assert_true(unit_rss_anon() - before < 8 * 1024 || unit_slow());
	assert_true(unit_rss_anon() < 64 * 1024 || unit_slow());
	tags_free(t);
	t = tags_new(file, n * BLOCK);
	assert_true(tags_load(t, again));
	assert_string_equal(again, text);
	assert_int_equal(tags_get(t, n / 3, tag), TAGS_DATA);
	one_tag(n / 3, want);
	assert_memory_equal(tag, want, 16);
	tags_free(t);
}

/* 64 TiB of nothing, at once. */
static void t_sparse(void **state)
{
	int file = tmp_file();
	uint64_t n = 65536 * GIB / BLOCK, alloc;
	struct tags *t = tags_new(dup(file), n * BLOCK);
	char text[DIGEST_TEXT_MAX], again[DIGEST_TEXT_MAX];
	int64_t start = clock_mono_us();
	uint8_t tag[16];

	(void)state;
	tags_reset(t);
	tags_zero(t, 0, n);
	one_tag(1, tag);
	tags_set(t, n / 2, tag);
	assert_int_equal(tags_text(t, text, &e), 0);
	assert_int_equal(tags_flush(t, &e), 0);
	tags_free(t);
	assert_int_equal(extents_allocated(file, &alloc, &e), 0);
	assert_true(alloc <= 65536);
	t = tags_new(file, n * BLOCK);
	assert_true(tags_load(t, again));
	assert_string_equal(again, text);
	assert_int_equal(tags_not_zero(t, 0, n), n / 2);
	tags_free(t);
	assert_true(clock_mono_us() - start < 5000000 || unit_slow());
}

/* ---- what is kept ---------------------------------------------------- */

static struct tagdir kept;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(dirfd_, "work", 0700), 0);
	assert_int_equal(tagdir_open(&kept, dirfd_, "work", &e), 0);
	return 0;
}

static int teardown(void **state)
{
	char cmd[256];

	(void)state;
	err_clear(&e);
	tagdir_close(&kept);
	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s/work' '%s/f'", dir, dir);
	return system(cmd);
}

static int make_file(void)
{
	int fd = openat(dirfd_, "f", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (uint64_t off = 0; off < 40 * MIB; off += 5 * BLOCK)
		put(fd, off);
	return fd;
}

/* The tags of FD, sealed under NAME. */
static void seal(int fd, const char *name, struct tagdir_seal *s)
{
	struct fingerprint *own = fingerprint_new(tagdir_key(&kept));
	struct tags *t;

	memset(s, 0, sizeof(*s));
	assert_int_equal(fstat(fd, &s->st), 0);
	t = tagdir_take(&kept, name, (uint64_t)s->st.st_size, NULL);
	assert_true(tags_fd(t) >= 0);
	assert_int_equal(tags_scan(t, fd, own, NULL, NULL, &e), 0);
	assert_int_equal(tags_text(t, s->text, &e), 0);
	s->flags = TAGDIR_IDLE;
	tagdir_put(&kept, t, s);
	tags_free(t);
	fingerprint_free(own);
}

/* Does NAME still give the tags of TEXT? */
static bool good(const char *name, uint64_t size, const char *text)
{
	struct tags *t = tagdir_take(&kept, name, size, text);
	char got[DIGEST_TEXT_MAX];
	bool yes = !tags_text(t, got, &e) && !strcmp(got, text);

	err_clear(&e);
	tags_free(t);
	return yes;
}

static void reopen(void)
{
	tagdir_close(&kept);
	assert_int_equal(tagdir_open(&kept, dirfd_, "work", &e), 0);
}

static void t_key(void **state)
{
	uint8_t first[FINGERPRINT_KEY], other[FINGERPRINT_KEY] = "other";
	struct stat st;
	int fd;

	(void)state;
	assert_false(kept.have_key);
	memcpy(first, tagdir_key(&kept), sizeof(first));
	assert_int_equal(fstatat(dirfd_, "work/key", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, FINGERPRINT_KEY);
	reopen();
	assert_memory_equal(tagdir_key(&kept), first, sizeof(first));
	tagdir_set_key(&kept, other);
	reopen();
	assert_memory_equal(tagdir_key(&kept), other, sizeof(other));
	/* One that was cut short is none. */
	fd = openat(dirfd_, "work/key", O_WRONLY);
	assert_int_equal(ftruncate(fd, 31), 0);
	close(fd);
	reopen();
	assert_false(kept.have_key);
	/* Without a directory all is well, and nothing is kept. */
	tagdir_close(&kept);
	assert_int_equal(tagdir_open(&kept, dirfd_, "nothing/here", &e), 0);
	assert_non_null(tagdir_key(&kept));
	assert_false(good("x", 100, "p1305t64k:"));
}

static void t_identity(void **state)
{
	struct timespec old[2];
	struct tagdir_seal s, got;
	int fd = make_file();
	int64_t start;
	struct stat st;
	bool settled;

	(void)state;
	seal(fd, "t1", &s);
	reopen();
	assert_true(tagdir_known(&kept, "t1", &s.st, &got));
	assert_string_equal(got.text, s.text);
	assert_true(tagdir_idle(&got, &s.st, false));
	assert_false(tagdir_idle(&got, &s.st, true));
	assert_true(good("t1", (uint64_t)s.st.st_size, s.text));
	/* Written to, and its mtime put back. */
	old[0] = s.st.st_atim;
	old[1] = s.st.st_mtim;
	clock_sleep_us(60000);
	do {
		start = clock_mono_us();
		put(fd, 100);
		assert_int_equal(futimens(fd, old), 0);
		assert_int_equal(fstat(fd, &st), 0);
		settled = tagdir_settled(&st);
		/* On a busy machine it may be old by now. */
	} while (settled && clock_mono_us() - start > 40000);
	assert_false(settled);
	assert_false(tagdir_known(&kept, "t1", &st, &got));
	assert_false(tagdir_idle(&s, &st, false));
	/* Another boot: nothing is sure of the file, the tags are. */
	assert_true(tagdir_known(&kept, "t1", &s.st, &got));
	kept.boot[0] ^= 1;
	assert_false(tagdir_known(&kept, "t1", &s.st, &got));
	assert_true(tagdir_known(&kept, "t1", NULL, &got));
	assert_false(tagdir_idle(&got, &s.st, false));
	assert_true(good("t1", (uint64_t)s.st.st_size, s.text));
	close(fd);
}

/* Owner, mode and name may change under our hands; the content may not. */
static void t_changes(void **state)
{
	struct tagdir_change c;
	struct tagdir_seal s, got;
	int fd = make_file();
	char name[TAGDIR_NAME];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	tagdir_name_of(&st, name);
	seal(fd, name, &s);
	clock_sleep_us(20000);
	tagdir_before(&kept, fd, &c);
	assert_true(c.known);
	assert_int_equal(fchmod(fd, 0640), 0);
	tagdir_after(&kept, fd, &c);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(tagdir_known(&kept, name, &st, &got));
	assert_string_equal(got.text, s.text);
	/* Somebody wrote in between. */
	clock_sleep_us(20000);
	tagdir_before(&kept, fd, &c);
	put(fd, 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	tagdir_after(&kept, fd, &c);
	assert_int_equal(fstat(fd, &st), 0);
	assert_false(tagdir_known(&kept, name, &st, &got));
	/* Or before: then it is not made true again. */
	clock_sleep_us(20000);
	tagdir_before(&kept, fd, &c);
	assert_false(c.known);
	tagdir_after(&kept, fd, &c);
	assert_false(tagdir_known(&kept, name, &st, &got));
	/* Not of files. */
	tagdir_before(&kept, dirfd_, &c);
	assert_false(c.known);
	close(fd);
}

static int open_tags(const char *name)
{
	char rel[80];
	int fd;

	snprintf(rel, sizeof(rel), "work/tags/%s", name);
	fd = openat(dirfd_, rel, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

/* One byte of the header, or of the tags; cut short; of another job. */
static void t_damaged(void **state)
{
	static const int at[] = {0,   17,	 100,		130,
				 200, TAGS_BASE, TAGS_BASE + 80};
	uint8_t other[FINGERPRINT_KEY] = "other";
	struct tagdir_seal s, got;
	int fd = make_file(), tags;
	uint64_t size;
	uint8_t b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		seal(fd, "t1", &s);
		size = (uint64_t)s.st.st_size;
		tags = open_tags("t1");
		assert_int_equal(pread(tags, &b, 1, at[i]), 1);
		b ^= 0x40;
		assert_int_equal(pwrite(tags, &b, 1, at[i]), 1);
		close(tags);
		if (at[i] < TAGS_BASE)
			assert_false(tagdir_known(&kept, "t1", NULL, &got));
		assert_false(good("t1", size, s.text));
		/* It is empty now, and not found good later. */
		assert_false(good("t1", size, s.text));
	}
	for (int cut = 0; cut < 3; cut++) {
		seal(fd, "t1", &s);
		tags = open_tags("t1");
		assert_int_equal(ftruncate(tags, cut == 0   ? 50
						 : cut == 1 ? TAGS_BASE + 4000
							    : 100 * MIB),
				 0);
		close(tags);
		assert_false(good("t1", size, s.text));
	}
	seal(fd, "t1", &s);
	assert_true(good("t1", size, s.text));
	seal(fd, "t1", &s);
	tagdir_set_key(&kept, other);
	assert_false(tagdir_known(&kept, "t1", NULL, &got));
	assert_false(good("t1", size, s.text));
	close(fd);
}

/* What is not a file of ours in its place; one that another has in use. */
static void t_hostile(void **state)
{
	struct tagdir_seal s, got;
	int fd = make_file(), tags;
	uint64_t size;

	(void)state;
	seal(fd, "t1", &s);
	size = (uint64_t)s.st.st_size;
	assert_int_equal(linkat(dirfd_, "work/tags/t1", dirfd_, "work/l", 0),
			 0);
	assert_false(tagdir_known(&kept, "t1", NULL, &got));
	assert_int_equal(unlinkat(dirfd_, "work/l", 0), 0);
	tags = open_tags("t1");
	assert_int_equal(flock(tags, LOCK_EX), 0);
	assert_false(good("t1", size, s.text));
	close(tags);
	assert_true(good("t1", size, s.text));
	tagdir_drop(&kept, "t1");
	assert_int_equal(symlinkat("../../f", dirfd_, "work/tags/t1"), 0);
	assert_false(good("t1", size, s.text));
	assert_int_equal(fstat(fd, &s.st), 0);
	assert_int_equal(s.st.st_size, size);
	assert_int_equal(unlinkat(dirfd_, "work/tags/t1", 0), 0);
	assert_int_equal(mkfifoat(dirfd_, "work/tags/t1", 0600), 0);
	assert_false(good("t1", size, s.text));
	close(fd);
}

/* The header goes before the first tag does. */
static void t_wiped(void **state)
{
	struct tagdir_seal s, got;
	int fd = make_file();
	struct tags *t;

	(void)state;
	seal(fd, "t1", &s);
	t = tagdir_take(&kept, "t1", (uint64_t)s.st.st_size, s.text);
	assert_true(tagdir_known(&kept, "t1", &s.st, &got));
	tags_dirty(t, 0, 1);
	assert_false(tagdir_known(&kept, "t1", NULL, &got));
	tags_free(t);
	assert_false(good("t1", (uint64_t)s.st.st_size, s.text));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_definition),
		cmocka_unit_test(t_incremental),
		cmocka_unit_test(t_step),
		cmocka_unit_test(t_model),
		cmocka_unit_test(t_no_room),
		cmocka_unit_test(t_dense),
		cmocka_unit_test(t_sparse),
		cmocka_unit_test_setup_teardown(t_key, setup, teardown),
		cmocka_unit_test_setup_teardown(t_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(t_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(t_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(t_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(t_wiped, setup, teardown),
	};
	const char *tmp = getenv("TMPDIR");
	char cmd[100];
	int rc;

	snprintf(dir, sizeof(dir), "%.40s/nh-tags-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fp = fingerprint_new(key);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	fingerprint_free(fp);
	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", dir);
	return system(cmd) ? 1 : rc;
}
