/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: scouts see what is there, say nothing of what they have not seen, and
 * end whenever they are told to. */
#include "unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/extents.h"
#include "transfer/scout.h"
#include "unit/pair.h"

enum { MIB = 1 << 20, LONG_US = 60 * 1000000 };

static struct pair pair;
static struct err e = ERR_INIT;
static uint8_t key[FINGERPRINT_KEY];

static int setup(void **state)
{
	(void)state;
	pair_init(&pair);
	pair_dial(&pair);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)pair_rand();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	pair_clear(&pair);
	return 0;
}

static struct scout *start(int fd, uint64_t from, uint64_t to, unsigned threads)
{
	struct scout *s =
		scout_start(&(struct scout_cfg){fd, from, to, key, threads});

	assert_non_null(s);
	return s;
}

static const struct scout_block *take(struct scout *s, uint64_t off)
{
	const struct scout_block *r;

	assert_true(scout_take(s, off, LONG_US, &r));
	return r;
}

/* The block at OFF, by reading it. */
static void right(int fd, uint64_t off, size_t len, const struct scout_block *k)
{
	struct fingerprint *fp = fingerprint_new(key);
	uint8_t tag[FINGERPRINT_LEN] = {0}, *b = mem_calloc(1, len);
	bool solid = true;

	assert_int_equal(fs_pread_full(fd, b, len, (off_t)off, &e), len);
	for (size_t at = 0; at < len; at += FINGERPRINT_FINE)
		solid &= !extents_zero(b + at, len - at < FINGERPRINT_FINE
						       ? len - at
						       : FINGERPRINT_FINE);
	if (!extents_zero(b, len))
		fingerprint_tag(fp, off, b, len, tag);
	assert_true(k->known);
	assert_int_equal(k->zero, extents_zero(b, len));
	assert_int_equal(k->solid, solid);
	assert_memory_equal(k->tag, tag, sizeof(tag));
	fingerprint_free(fp);
	mem_free(b);
}

static void right_segment(int fd, uint64_t off, uint64_t to,
			  const struct scout_block *k)
{
	for (unsigned b = 0; b < SCOUT_BLOCKS; b++) {
		uint64_t at = off + b * (uint64_t)FINGERPRINT_BLOCK;

		if (at < to)
			right(fd, at,
			      to - at < FINGERPRINT_BLOCK ? (size_t)(to - at)
							  : FINGERPRINT_BLOCK,
			      &k[b]);
	}
}

/* Data, zeros, holes and an odd end, by one thread and by several; some
 * segments are left out. */
static void t_all(void **state)
{
	const uint64_t size = 90 * MIB + 70001;

	(void)state;
	pair_disk(&pair, "src/d", size);
	for (unsigned threads = 1; threads <= SCOUT_THREADS; threads++) {
		int fd = pair_open(&pair, "src/d", O_RDONLY);
		uint64_t from = pair_below(3) * MIB;
		struct scout *s = start(fd, from, size, threads);
		unsigned seen = 0;

		for (uint64_t off = from; off < size; off += MIB) {
			const struct scout_block *k;

			if (!pair_below(5))
				continue;
			k = take(s, off);
			/* Not of a long hole. */
			if (k)
				right_segment(fd, off, size, k);
			seen += k != NULL;
		}
		assert_true(seen > 10);
		scout_stop(s);
		close(fd);
	}
}

/* A hole costs nothing, and what is beyond is seen. */
static void t_hole(void **state)
{
	const uint64_t tib = 1ULL << 40;
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);
	struct scout *s;

	(void)state;
	pair_fill(fd, 0, MIB);
	pair_fill(fd, tib, MIB);
	s = start(fd, 0, tib + MIB, 2);
	right_segment(fd, 0, tib, take(s, 0));
	right_segment(fd, tib, tib + MIB, take(s, tib));
	scout_stop(s);
	close(fd);
}

/* The file is cut shorter meanwhile: nothing is known of what is gone. */
static void t_short(void **state)
{
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);
	const struct scout_block *k;
	struct scout *s;

	(void)state;
	pair_fill(fd, 0, 6 * MIB + 65536 + 100);
	s = start(fd, 0, 8 * MIB, 3);
	right_segment(fd, 5 * MIB, 6 * MIB, take(s, 5 * MIB));
	k = take(s, 6 * MIB);
	assert_non_null(k);
	assert_false(k[1].known);
	scout_stop(s);
	/* And of what cannot be read. */
	close(fd);
	fd = pair_open(&pair, "src/d", O_WRONLY);
	s = start(fd, 0, 6 * MIB, 2);
	for (uint64_t off = 0; off < 6 * MIB; off += MIB) {
		k = take(s, off);
		assert_non_null(k);
		for (unsigned b = 0; b < SCOUT_BLOCKS; b++)
			assert_false(k[b].known);
	}
	scout_stop(s);
	close(fd);
}

/* They wait for who asks, and end while they do, or while they read. */
static void t_stop(void **state)
{
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	pair_fill(fd, 0, (SCOUT_AHEAD + 20) * MIB);
	for (int i = 0; i < 20; i++) {
		struct scout *s =
			start(fd, 0, (SCOUT_AHEAD + 20) * MIB, SCOUT_THREADS);

		if (i % 4)
			take(s, pair_below(SCOUT_AHEAD + 20) * MIB);
		scout_stop(s);
	}
	close(fd);
	scout_stop(NULL);
	assert_null(scout_start(
		&(struct scout_cfg){.fd = -1, .to = MIB, .key = key}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_all, setup, teardown),
		cmocka_unit_test_setup_teardown(t_hole, setup, teardown),
		cmocka_unit_test_setup_teardown(t_short, setup, teardown),
		cmocka_unit_test_setup_teardown(t_stop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
