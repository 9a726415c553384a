/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receiver that is told nonsense by its sender, in any order, says so
 * and writes to nothing but its own .part files. */
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "transfer/fingerprint.h"
#include "transfer/small.h"
#include "transfer/transfer.h"
#include "unit/pair.h"

enum { MESSAGES = 8000 };

struct liar {
	struct enc m;
	uint64_t size; /* of the last OPEN */
	int left;
	bool small; /* mostly lists of small files */
	uint32_t id;
	unsigned put, stored, refused; /* small ones */
	unsigned errors, opened, begun, sigs, sums;
	enum { SHUT, OPEN, BEGUN, FAILED } where;
};

static void some_u64(struct enc *m)
{
	static const uint64_t odd[] = {0,	   1,	       4096,
				       65536,	   1 << 20,    4 << 20,
				       1ULL << 40, INT64_MAX,  UINT64_MAX,
				       65535,	   UINT32_MAX, 1ULL << 63};

	enc_u64(m, pair_below(2) ? pair_below(5) << 16
				 : odd[pair_below(ARRAY_SIZE(odd))]);
}

static void some_bytes(struct enc *m, size_t n)
{
	char b[256];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (char)pair_rand();
	enc_bytes(m, b, n);
}

#define DIGEST                                                                 \
	"p1305t64k:0123456789abcdef0123456789abcdef"                           \
	"0123456789abcdef0123456789abcdef"

static void open_message(struct liar *l)
{
	struct enc *m = &l->m;
	static const char *const rel[] = {"dst/a", "dst/b",    "dst/held",
					  "src/x", "dst/../x", ""};

	enc_str(m, rel[pair_below(pair_below(4) ? 2 : ARRAY_SIZE(rel))]);
	enc_u32(m, (uint32_t)pair_rand());
	l->size = pair_below(5) << 16;
	if (pair_below(4))
		enc_u64(m, l->size);
	else
		some_u64(m);
	enc_str(m, pair_below(2) ? "dst/held" : NULL);
	some_bytes(m, pair_below(8) ? FINGERPRINT_KEY : 31);
	enc_bool(m, pair_below(2));
	enc_str(m, pair_below(2) ? DIGEST : "");
}

static void cmp_message(struct enc *m)
{
	size_t n = pair_below(20);

	some_u64(m);
	enc_bool(m, pair_below(2));
	enc_count(m, pair_below(8) ? n : 100000);
	for (size_t i = 0; i < n; i++) {
		some_u64(m);
		enc_u32(m, (uint32_t)pair_below(70000));
		some_bytes(m, pair_below(16) ? FINGERPRINT_LEN : 5);
	}
}

static const uint8_t no_key[FINGERPRINT_KEY];

/* Of a list of small files. */
static void small_message(struct liar *l)
{
	static const char *const rel[] = {"dst/a",	"dst/b",    "dst/n/e/w",
					  "src/x",	"dst/../x", "",
					  "dst/a.part", "dst/held"};
	struct enc *m = &l->m;
	char sum[DIGEST_TEXT_MAX];
	uint8_t type = (uint8_t)(pair_below(6)	 ? SMALL_PUT
				 : pair_below(4) ? SMALL_LIST
						 : 1 + pair_below(9));

	if (l->where == SHUT && pair_below(8))
		type = SMALL_BEGIN;
	if (type == SMALL_BEGIN)
		l->where = OPEN;
	enc_u8(m, type);
	if (type == SMALL_BEGIN)
		enc_bytes(m, no_key,
			  pair_below(8) ? sizeof(no_key) : pair_below(32));
	if (type == SMALL_LIST) {
		size_t n = pair_below(140);

		enc_u32(m, (uint32_t)pair_rand());
		enc_count(m, pair_below(20) ? n : 100000);
		for (; n; n--) {
			enc_str(m, rel[pair_below(ARRAY_SIZE(rel))]);
			enc_u32(m, pair_below(2) ? 0600 : 0);
			enc_bool(m, pair_below(2));
		}
	} else if (type == SMALL_PUT) {
		static const char x[300];
		struct fingerprint *fp = fingerprint_new(no_key);
		size_t n = pair_below(300);

		small_digest(fp, x, n, sum);
		fingerprint_free(fp);
		l->put++;
		enc_u32(m, pair_below(30) ? l->id++ : (uint32_t)pair_rand());
		enc_str(m,
			rel[pair_below(pair_below(4) ? 3 : ARRAY_SIZE(rel))]);
		enc_u32(m, (uint32_t)pair_rand());
		enc_u64(m, pair_below(40) ? n : pair_rand());
		enc_str(m, pair_below(20) ? sum : "sum");
		enc_bool(m, pair_below(2));
		enc_bool(m, pair_below(20));
		enc_u64(m, pair_below(40) ? 0 : pair_rand());
		enc_u32(m, pair_below(40) ? 0 : (uint32_t)pair_rand());
		/* Of that digest: zeros. */
		for (size_t k = pair_below(20) ? n : pair_below(400); k; k--)
			enc_u8(m, pair_below(5000) ? 0 : 1);
	} else if (type == SMALL_DATA) {
		enc_bool(m, pair_below(2));
		some_u64(m);
		enc_u32(m, 0);
	}
}

/* Mostly a step further on the right way, so that all of it is seen. */
static uint8_t kind(const struct liar *l)
{
	static const uint8_t often[] = {XP_OPEN,  XP_BEGIN, XP_CMP,   XP_DATA,
					XP_ZERO,  XP_MARK,  XP_SIG,   XP_RUN,
					XP_DELTA, XP_END,   XP_ABORT, XP_OPEN,
					XP_BEGIN, XP_ABORT, XP_COMMIT};

	if (!pair_below(10))
		return (uint8_t)pair_below(30);
	if (l->where == BEGUN && !pair_below(4))
		return pair_below(2) ? XP_END : XP_SIG;
	if (pair_below(2)) {
		if (l->where == FAILED)
			return XP_ABORT;
		if (l->where == SHUT)
			return XP_OPEN;
		if (l->where == OPEN)
			return XP_BEGIN;
	}
	return often[pair_below(ARRAY_SIZE(often) - (l->where == BEGUN) * 6)];
}

/* Raw, or said to be compressed; it is, now and then. */
static void content(struct enc *m)
{
	static const char x[4096];
	char z[64];
	size_t n = ZSTD_compress(z, sizeof(z), x, sizeof(x), 1);

	enc_u32(m, pair_below(2)    ? 0
		   : pair_below(10) ? sizeof(x)
				    : (uint32_t)pair_rand());
	if (pair_below(2)) {
		buf_put(&m->b, z, n);
		return;
	}
	for (size_t k = pair_below(300); k; k--)
		enc_u8(m, (uint8_t)pair_rand());
}

/* A message of a random kind, well-formed or not. */
static void make(struct liar *l)
{
	struct enc *m = &l->m;
	uint8_t type = kind(l);

	if (l->small && (type != XP_ABORT || pair_below(3)) &&
	    l->where != FAILED)
		type = XP_SMALL;
	enc_reset(m);
	enc_u8(m, type);
	if (type == XP_SMALL)
		small_message(l);
	if (type == XP_OPEN) {
		open_message(l);
	} else if (type == XP_BEGIN) {
		enc_u8(m, (uint8_t)pair_below(6));
	} else if (type == XP_CMP) {
		cmp_message(m);
	} else if (type == XP_ZERO) {
		some_u64(m);
		some_u64(m);
	} else if (type == XP_DATA || type == XP_MARK || type == XP_SIG ||
		   type == XP_RUN) {
		some_u64(m);
	} else if (type == XP_END) {
		enc_u64(m, l->size);
		enc_str(m, DIGEST);
		enc_u64(m, pair_below(10) ? 0 : pair_rand());
	}
	if (type == XP_DATA || type == XP_DELTA)
		content(m);
	else if (!pair_below(20))
		for (size_t k = pair_below(300); k; k--)
			enc_u8(m, (uint8_t)pair_rand());
	/* Cut short. */
	if (!pair_below(20) && m->b.len)
		m->b.len = 1 + pair_below(m->b.len);
}

static int lie_recv(void *self, const char **p, size_t *n, int64_t timeout_us,
		    struct err *e)
{
	struct liar *l = self;

	if (!timeout_us && pair_below(2))
		return err_sys(e, ERR_RETRY, ETIMEDOUT, "nothing yet");
	if (!l->left--) {
		err_set(e, ERR_FAILED, "the end");
		e->sys = EPIPE;
		return -1;
	}
	make(l);
	*p = l->m.b.p;
	*n = l->m.b.len;
	return 0;
}

static int lie_send(void *self, const struct enc *head, const void *data,
		    size_t n, struct err *e)
{
	struct liar *l = self;

	(void)data;
	(void)n;
	(void)e;
	l->errors += head->b.p[0] == XP_ERROR;
	l->stored +=
		head->b.p[0] == XP_SMALL_ANSWER && head->b.p[1] == SMALL_STORED;
	l->refused +=
		head->b.p[0] == XP_SMALL_ANSWER && head->b.p[1] == SMALL_FAILED;
	l->opened += head->b.p[0] == XP_OPENED;
	l->begun += head->b.p[0] == XP_BEGUN;
	l->sigs += head->b.p[0] == XP_SIG_END;
	l->sums += head->b.p[0] == XP_SUM;
	if (head->b.p[0] == XP_ERROR)
		l->where = FAILED;
	else if (head->b.p[0] == XP_OPENED)
		l->where = OPEN;
	else if (head->b.p[0] == XP_BEGUN)
		l->where = BEGUN;
	else if (head->b.p[0] == XP_ABORTED)
		l->where = SHUT;
	else if (head->b.p[0] == XP_SMALL_ANSWER)
		l->where = head->b.p[1] == SMALL_ENDED ? SHUT : OPEN;
	return 0;
}

static const struct chan_ops lies = {lie_send, lie_recv};

/* Of a digest that was said: zeros. */
static bool is_small(struct pair *p, const char *name)
{
	char rel[300], got[400];
	ssize_t n;
	int fd;

	snprintf(rel, sizeof(rel), "dst/%s", name);
	fd = pair_open(p, rel, O_RDONLY);
	n = read(fd, got, sizeof(got));
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		if (got[i])
			return false;
	return n >= 0 && n < 300;
}

static void t_hostile(void **state)
{
	char before[DIGEST_TEXT_MAX], after[DIGEST_TEXT_MAX];
	struct liar l = {.left = MESSAGES};
	struct pair p;
	struct chan c;
	struct err e = ERR_INIT;
	struct dirent *d;
	DIR *dir;
	int fd;

	(void)state;
	pair_init(&p);
	pair_disk(&p, "dst/held", 200000);
	assert_int_equal(linkat(p.dir, "dst/held", p.dir, "src/held", 0), 0);
	fd = pair_open(&p, "src/held", O_RDONLY);
	assert_int_equal(digest_fd(fd, NULL, NULL, before, &e), 0);
	chan_init(&c, &lies, &l);
	receiver_serve(&p.rcfg, &c, &e);
	err_clear(&e);
	fprintf(stderr,
		"%d messages: %u opened, %u begun, %u signatures, %u sums, "
		"%u refused\n",
		MESSAGES, l.opened, l.begun, l.sigs, l.sums, l.errors);
	assert_true(l.opened > 100 && l.begun > 30 && l.errors > 100 &&
		    l.sigs && l.sums);
	assert_int_equal(digest_fd(fd, NULL, NULL, after, &e), 0);
	assert_string_equal(before, after);
	/* Nothing got a name, but a small file of which all was said. */
	dir = fdopendir(pair_open(&p, "dst", O_RDONLY | O_DIRECTORY));
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && strcmp(d->d_name, "held") != 0 &&
		    strcmp(d->d_name, "a.part") != 0 &&
		    strcmp(d->d_name, "b.part") != 0 &&
		    strcmp(d->d_name, "held.part") != 0 &&
		    !(l.put && is_small(&p, d->d_name)))
			fail_msg("%s was made", d->d_name);
	closedir(dir);
	assert_false(pair_exists(&p, "src/x"));
	assert_false(pair_exists(&p, "x"));
	close(fd);
	chan_clear(&c);
	enc_clear(&l.m);
	pair_clear(&p);
}

static void t_small(void **state)
{
	struct liar l = {.left = MESSAGES / 2, .small = true};
	struct pair p;
	struct chan c;
	struct err e = ERR_INIT;
	char got[400];
	ssize_t n;
	int fd;

	(void)state;
	pair_init(&p);
	close(pair_open(&p, "src/held", O_RDWR | O_CREAT));
	assert_int_equal(linkat(p.dir, "src/held", p.dir, "dst/held", 0), 0);
	chan_init(&c, &lies, &l);
	receiver_serve(&p.rcfg, &c, &e);
	err_clear(&e);
	fprintf(stderr, "%d messages: %u stored, %u failed, %u refused\n",
		MESSAGES / 2, l.stored, l.refused, l.errors);
	assert_true(l.stored > 5 && l.refused > 50 && l.errors > 20);
	assert_false(pair_exists(&p, "src/x"));
	assert_false(pair_exists(&p, "x"));
	fd = pair_open(&p, "src/held", O_RDONLY);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 0);
	close(fd);
	/* What has its name is of a digest that was said: zeros. */
	fd = pair_open(&p, "dst/a", O_RDONLY);
	n = pread(fd, got, sizeof(got), 0);
	assert_true(n >= 0 && n < 300);
	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(got[i], 0);
	close(fd);
	chan_clear(&c);
	enc_clear(&l.m);
	pair_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(t_hostile),
					   cmocka_unit_test(t_small)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
