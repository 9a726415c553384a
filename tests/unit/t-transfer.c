/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what copy() promises when nothing breaks, by each method. */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "transfer/extents.h"
#include "unit/pair.h"

enum { MIB = 1 << 20 };

static struct pair pair;
static struct err e = ERR_INIT;
static struct transfer_result res;

static int setup(void **state)
{
	(void)state;
	pair_init(&pair);
	pair_dial(&pair);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	pair_clear(&pair);
	return 0;
}

static void copy(const char *name, enum transfer_delta delta)
{
	if (pair_copy(&pair, name, (struct sender_file){.delta = delta}, &res,
		      &e))
		fail_msg("%s", err_msg(&e));
	pair_same(&pair, name, &res);
}

static void change(const char *rel, unsigned blocks, size_t len)
{
	int fd = pair_open(&pair, rel, O_RDWR);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	for (unsigned i = 0; i < blocks; i++)
		pair_fill(fd, pair_below((uint64_t)st.st_size / len) * len,
			  len);
	close(fd);
}

static void t_whole(void **state)
{
	static const uint64_t size[] = {0,	 1,	      4095,
					65536,	 65537,	      MIB,
					4 * MIB, 4 * MIB + 1, 13 * MIB + 7};
	char name[16], rel[24];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(size); i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		snprintf(rel, sizeof(rel), "src/%s", name);
		pair_disk(&pair, rel, size[i]);
		copy(name, TRANSFER_AUTO);
		assert_int_equal(res.method, TRANSFER_WHOLE);
		assert_int_equal(res.bytes_sent + res.bytes_holes, size[i]);
		assert_int_equal(res.bytes_matched, 0);
	}
}

/* Few large messages, and few answers: each wakes everybody on the way. */
static void t_dense(void **state)
{
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	pair_fill(fd, 0, 32 * MIB);
	close(fd);
	copy("d", TRANSFER_AUTO);
	assert_int_equal(res.bytes_sent, 32 * MIB);
	/* DATA, MARK, those that each file has, and signs of life. */
	assert_true(pair.frames <=
		    32 * MIB / XP_DATA_MAX + 32 * MIB / XP_MARK_EVERY + 32);
}

static void t_identical(void **state)
{
	(void)state;
	pair_disk(&pair, "src/d", 20 * MIB + 100);
	copy("d", TRANSFER_WHOLE);
	copy("d", TRANSFER_AUTO);
	assert_int_equal(res.method, TRANSFER_BLOCKS);
	assert_int_equal(res.bytes_sent, 0);
	assert_int_equal(res.bytes_matched + res.bytes_holes, res.size);
	assert_true(res.bytes_wire < 20000);
}

/* A change of N bytes costs little more than N, at both granularities. */
static void t_changed(void **state)
{
	(void)state;
	pair_disk(&pair, "src/d", 24 * MIB);
	copy("d", TRANSFER_WHOLE);
	change("src/d", 30, 4096);
	copy("d", TRANSFER_AUTO);
	assert_int_equal(res.method, TRANSFER_BLOCKS);
	assert_true(res.bytes_sent <= 60 * 4096);
	change("src/d", 10, 65536);
	copy("d", TRANSFER_BLOCKS);
	assert_true(res.bytes_sent <= 20 * 65536);
}

/* Larger than what is asked ahead at once; nothing of it remembered. */
static void t_ahead(void **state)
{
	int fd;

	(void)state;
	pair_disk(&pair, "src/d", 150 * MIB + 5000);
	copy("d", TRANSFER_WHOLE);
	/* A hole of many answers, changes around it, new data in a hole. */
	fd = pair_open(&pair, "src/d", O_RDWR);
	assert_int_equal(fallocate(fd,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   40 * MIB + 4096, 60 * MIB),
			 0);
	pair_fill(fd, 40 * MIB, 4096);
	pair_fill(fd, 77 * MIB + 8192, 8192);
	pair_fill(fd, 140 * MIB - 4096, 4096);
	close(fd);
	pair_hangup(&pair);
	pair_dial(&pair);
	copy("d", TRANSFER_BLOCKS);
	assert_true(res.bytes_sent <= 4 * 65536);
	assert_true(res.bytes_wire <= 6 * 65536);
	pair_hangup(&pair);
	pair_dial(&pair);
	copy("d", TRANSFER_BLOCKS);
	assert_int_equal(res.bytes_sent, 0);
	assert_true(res.bytes_wire < 150 * 16 * 20);
}

static void t_size_changed(void **state)
{
	int fd;

	(void)state;
	pair_disk(&pair, "src/d", 9 * MIB + 1000);
	copy("d", TRANSFER_WHOLE);
	fd = pair_open(&pair, "src/d", O_RDWR);
	pair_fill(fd, 9 * MIB + 1000, 3 * MIB);
	copy("d", TRANSFER_AUTO);
	assert_true(res.bytes_sent <= 3 * MIB + 65536);
	assert_int_equal(ftruncate(fd, 5 * MIB + 3), 0);
	copy("d", TRANSFER_AUTO);
	assert_true(res.bytes_sent <= 65536);
	assert_int_equal(ftruncate(fd, 30 * MIB), 0);
	copy("d", TRANSFER_AUTO);
	assert_int_equal(ftruncate(fd, 0), 0);
	copy("d", TRANSFER_AUTO);
	close(fd);
}

/* What became a hole, or zeros, becomes a hole. */
static void t_punched(void **state)
{
	int fd;

	(void)state;
	fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);
	pair_fill(fd, 0, 24 * MIB);
	copy("d", TRANSFER_WHOLE);
	assert_int_equal(extents_punch(fd, 3 * MIB + 4096, 9 * MIB, NULL, &e),
			 0);
	assert_int_equal(extents_punch(fd, 20 * MIB, 8192, NULL, &e), 0);
	copy("d", TRANSFER_AUTO);
	assert_true(res.dst_allocated <= res.src_allocated);
	assert_true(res.bytes_sent <= 2 * 65536);
	close(fd);
}

/* Written zeros take no space on the target. */
static void t_zeros(void **state)
{
	char *zero = mem_calloc(1, 8 * MIB);
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	assert_int_equal(pwrite(fd, zero, 8 * MIB, 0), 8 * MIB);
	pair_fill(fd, 2 * MIB, 65536);
	copy("d", TRANSFER_WHOLE);
	assert_true(res.dst_allocated <= 3 * 65536);
	assert_int_equal(res.bytes_sent, 65536);
	mem_free(zero);
	close(fd);
}

/* Holes much smaller than a block, many more pieces than one request holds. */
static void t_crumbs(void **state)
{
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	assert_int_equal(ftruncate(fd, 6 * MIB), 0);
	for (uint64_t off = 0; off < 6 * MIB; off += 8192)
		pair_fill(fd, off, 4096);
	copy("d", TRANSFER_WHOLE);
	change("src/d", 100, 4096);
	copy("d", TRANSFER_BLOCKS);
	close(fd);
}

/* Bytes inserted at the front: nothing is the same at its place. */
static void t_moved(void **state)
{
	char *b = mem_calloc(1, 12 * MIB);
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	pair_fill(fd, 0, 12 * MIB);
	copy("d", TRANSFER_WHOLE);
	assert_int_equal(pread(fd, b, 12 * MIB, 0), 12 * MIB);
	assert_int_equal(pwrite(fd, b, 12 * MIB, 1000), 12 * MIB);
	copy("d", TRANSFER_AUTO);
	assert_int_equal(res.method, TRANSFER_LIBRSYNC);
	assert_true(res.bytes_sent < 100000);
	/* The same by order, and blocks by order. */
	assert_int_equal(pwrite(fd, b, 12 * MIB, 0), 12 * MIB);
	copy("d", TRANSFER_BLOCKS);
	assert_true(res.bytes_sent > 11 * MIB);
	mem_free(b);
	close(fd);
}

static void t_basis(void **state)
{
	char *b = mem_calloc(1, 10 * MIB);
	int fd = pair_open(&pair, "dst/old", O_RDWR | O_CREAT);
	int src = pair_open(&pair, "src/new", O_RDWR | O_CREAT);
	struct sender_file f = {.basis_rel = "dst/old"};

	(void)state;
	pair_fill(fd, 0, 10 * MIB);
	assert_int_equal(pread(fd, b, 10 * MIB, 0), 10 * MIB);
	assert_int_equal(pwrite(src, b + 5 * MIB, 5 * MIB, 77), 5 * MIB);
	/* A hole in the middle stays one. */
	assert_int_equal(pwrite(src, b, 5 * MIB, 9 * MIB), 5 * MIB);
	assert_int_equal(pair_copy(&pair, "new", f, &res, &e), 0);
	pair_same(&pair, "new", &res);
	assert_int_equal(res.method, TRANSFER_LIBRSYNC);
	assert_true(res.bytes_sent < 100000);
	/* A basis that is not there is none. */
	f.basis_rel = "dst/nothing";
	assert_int_equal(unlinkat(pair.dir, "dst/new", 0), 0);
	assert_int_equal(pair_copy(&pair, "new", f, &res, &e), 0);
	assert_int_equal(res.method, TRANSFER_WHOLE);
	mem_free(b);
	close(fd);
	close(src);
}

/* A held base has two names: it is read, never written to. */
static void t_linked(void **state)
{
	char text[DIGEST_TEXT_MAX], after[DIGEST_TEXT_MAX];
	int fd;

	(void)state;
	pair_disk(&pair, "src/d", 8 * MIB);
	copy("d", TRANSFER_WHOLE);
	assert_int_equal(linkat(pair.dir, "dst/d", pair.dir, "held", 0), 0);
	fd = pair_open(&pair, "held", O_RDONLY);
	assert_int_equal(digest_fd(fd, NULL, NULL, text, &e), 0);
	change("src/d", 20, 4096);
	copy("d", TRANSFER_BLOCKS);
	assert_int_not_equal(res.method, TRANSFER_BLOCKS);
	assert_int_equal(digest_fd(fd, NULL, NULL, after, &e), 0);
	assert_string_equal(text, after);
	close(fd);
}

/* A second pass in the same session rests on what both ends remember. */
static void t_memo(void **state)
{
	int fd;
	uint64_t wire;

	(void)state;
	pair_disk(&pair, "src/d", 20 * MIB + 5);
	copy("d", TRANSFER_AUTO);
	copy("d", TRANSFER_AUTO);
	/* Nothing is asked of the receiver, block by block. */
	assert_int_equal(res.bytes_sent, 0);
	assert_true(res.bytes_wire < 2000);
	change("src/d", 3, 4096);
	copy("d", TRANSFER_AUTO);
	assert_true(res.bytes_sent <= 3 * 8192);
	wire = res.bytes_wire;
	assert_true(wire < res.bytes_sent + 10000);
	/* What is not remembered is not trusted: shorter, then longer. */
	fd = pair_open(&pair, "src/d", O_RDWR);
	assert_int_equal(ftruncate(fd, 9 * MIB), 0);
	copy("d", TRANSFER_AUTO);
	assert_int_equal(ftruncate(fd, 20 * MIB), 0);
	pair_fill(fd, 17 * MIB, MIB);
	copy("d", TRANSFER_AUTO);
	close(fd);
}

static void t_memo_distrust(void **state)
{
	struct sender_file full = {.full = true};
	int fd;

	(void)state;
	pair_disk(&pair, "src/d", 12 * MIB);
	copy("d", TRANSFER_AUTO);
	/* Somebody wrote to the target's file. */
	fd = pair_open(&pair, "dst/d", O_RDWR);
	pair_fill(fd, 5 * MIB, 10000);
	close(fd);
	copy("d", TRANSFER_AUTO);
	assert_true(res.bytes_wire > 2000);
	/* Another file has its name. */
	pair_disk(&pair, "dst/e", 12 * MIB);
	assert_int_equal(renameat(pair.dir, "dst/e", pair.dir, "dst/d"), 0);
	copy("d", TRANSFER_BLOCKS);
	assert_true(res.bytes_sent > MIB);
	/* By order everything is read again. */
	assert_int_equal(pair_copy(&pair, "d", full, &res, &e), 0);
	pair_same(&pair, "d", &res);
	assert_true(res.bytes_wire > 2000);
	copy("d", TRANSFER_AUTO);
	assert_true(res.bytes_wire < 2000);
}

static void again(void)
{
	pair_hangup(&pair);
	pair_dial(&pair);
}

static void pass(bool final)
{
	assert_int_equal(pair_copy(&pair, "d",
				   (struct sender_file){.final = final}, &res,
				   &e),
			 0);
	pair_same(&pair, "d", &res);
}

static int64_t read_at; /* when the first byte of a pass was read */

static ssize_t noting_pread(int fd, void *p, size_t n, off_t off,
			    struct err *err)
{
	if (!read_at)
		read_at = clock_mono_us();
	return fs_pread_full(fd, p, n, off, err);
}

/* A pass that begins in the same tick as a change of the source. */
static void pass_fresh(void)
{
	int64_t start;

	pair.scfg.pread = noting_pread;
	again();
	/* On a busy machine it may begin later: once more. */
	do {
		read_at = 0;
		start = clock_mono_us();
		change("src/d", 1, 4096);
		pass(false);
	} while (read_at - start > 40000);
}

/* A file that is the same on both sides takes one round trip, in this session
 * and in the next; but what a final pass says it has read, or another one. */
static void t_unchanged(void **state)
{
	int fd;

	(void)state;
	pair_disk(&pair, "src/d", 9 * MIB + 5);
	clock_sleep_us(60000);
	pass(false);
	assert_true(res.bytes_read + res.bytes_holes >= 9 * MIB + 5);
	pass(false);
	assert_int_equal(res.bytes_read, 0);
	assert_true(res.bytes_wire < 600);
	again();
	pass(false);
	assert_int_equal(res.bytes_read, 0);
	pass(true);
	assert_true(res.bytes_read + res.bytes_holes >= 9 * MIB + 5);
	assert_int_equal(res.bytes_sent, 0);
	assert_true(res.bytes_wire < 2000);
	again();
	pass(true);
	assert_int_equal(res.bytes_read, 0);
	assert_int_equal(res.bytes_matched + res.bytes_holes, res.size);
	/* The source was written to. */
	clock_sleep_us(20000);
	change("src/d", 1, 4096);
	pass(false);
	assert_true(res.bytes_read > 0 && res.bytes_sent > 0);
	/* Too fresh: the same tick of the clock may hide a write. */
	pass_fresh();
	pass(false);
	assert_true(res.bytes_read > 0);
	clock_sleep_us(60000);
	pass(true);
	/* The target was. */
	fd = pair_open(&pair, "dst/d", O_RDWR);
	clock_sleep_us(20000);
	pair_fill(fd, 3 * MIB, 100);
	close(fd);
	pass(true);
	assert_true(res.bytes_read > 0);
	pass(true);
	assert_int_equal(res.bytes_read, 0);
	/* Another mode, or all is to be read again. */
	assert_int_equal(pair_copy(&pair, "d",
				   (struct sender_file){.mode = 0640}, &res,
				   &e),
			 0);
	assert_true(res.bytes_read > 0);
	assert_int_equal(pair_copy(&pair, "d",
				   (struct sender_file){.full = true}, &res,
				   &e),
			 0);
	assert_true(res.bytes_read > 0 && res.bytes_wire > 2000);
}

/* What both ends know survives the session. */
static void t_sessions(void **state)
{
	(void)state;
	pair_disk(&pair, "src/d", 20 * MIB);
	pass(false);
	again();
	change("src/d", 3, 65536);
	pass(true);
	assert_true(res.bytes_sent <= 6 * 65536);
	assert_true(res.bytes_wire < res.bytes_sent + 3000);
	/* Unless the job's key is gone: then all is compared. */
	pair_hangup(&pair);
	assert_int_equal(unlinkat(pair.dir, "work.src/key", 0), 0);
	pair_dial(&pair);
	pass(true);
	assert_true(res.bytes_wire > 2000);
	assert_int_equal(res.bytes_sent, 0);
	pair_hangup(&pair);
	assert_int_equal(unlinkat(pair.dir, "work.dst/key", 0), 0);
	pair_dial(&pair);
	pass(true);
	assert_int_equal(res.bytes_sent, 0);
}

static void spoil(const char *path)
{
	char cmd[256];

	/* The first tags, behind the header. */
	snprintf(cmd, sizeof(cmd),
		 "for f in %s/%s/tags/*; do printf xyzzy | "
		 "dd of=$f bs=1 seek=4096 conv=notrunc status=none; done",
		 pair.path, path);
	assert_int_equal(system(cmd), 0);
}

/* Tag files that are not what was written. */
static void t_spoilt(void **state)
{
	static const char *const at[] = {"work.src", "work.dst"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		pair_disk(&pair, "src/d", 20 * MIB);
		change("src/d", 1, 65536);
		pass(false);
		spoil(at[i]);
		change("src/d", 3, 65536);
		if (pair_copy(&pair, "d", (struct sender_file){0}, &res, &e)) {
			/* Told apart at the latest when both are compared. */
			assert_int_equal(e.kind, ERR_CONFLICT);
			err_clear(&e);
		}
		pass(true);
		assert_true(res.bytes_sent <= 6 * 65536);
	}
}

static void t_many_small(void **state)
{
	char name[16], rel[24];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(rel, sizeof(rel), "src/%s", name);
		pair_disk(&pair, rel, pair_below(20000));
		copy(name, TRANSFER_AUTO);
	}
}

static void t_mode(void **state)
{
	struct stat st;

	(void)state;
	pair_disk(&pair, "src/d", 1000);
	assert_int_equal(pair_copy(&pair, "d",
				   (struct sender_file){.mode = 0644}, &res,
				   &e),
			 0);
	assert_int_equal(fstatat(pair.dir, "dst/d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void t_random(void **state)
{
	(void)state;
	pair_disk(&pair, "src/d", 2 * MIB + pair_below(12 * MIB));
	for (int i = 0; i < 6; i++) {
		int fd = pair_open(&pair, "src/d", O_RDWR);
		uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);

		copy("d", (enum transfer_delta)pair_below(4));
		for (uint64_t k = pair_below(20); k; k--)
			pair_fill(fd, pair_below(size), 1 + pair_below(200000));
		if (pair_below(2))
			extents_punch(fd, pair_below(size), pair_below(size),
				      NULL, &e);
		if (pair_below(3) == 0)
			assert_int_equal(
				ftruncate(fd, 1 + (off_t)pair_below(30 * MIB)),
				0);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(t_dense, setup, teardown),
		cmocka_unit_test_setup_teardown(t_identical, setup, teardown),
		cmocka_unit_test_setup_teardown(t_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(t_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(t_size_changed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(t_punched, setup, teardown),
		cmocka_unit_test_setup_teardown(t_zeros, setup, teardown),
		cmocka_unit_test_setup_teardown(t_crumbs, setup, teardown),
		cmocka_unit_test_setup_teardown(t_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(t_basis, setup, teardown),
		cmocka_unit_test_setup_teardown(t_linked, setup, teardown),
		cmocka_unit_test_setup_teardown(t_many_small, setup, teardown),
		cmocka_unit_test_setup_teardown(t_memo, setup, teardown),
		cmocka_unit_test_setup_teardown(t_memo_distrust, setup,
						teardown),
		cmocka_unit_test_setup_teardown(t_unchanged, setup, teardown),
		cmocka_unit_test_setup_teardown(t_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(t_spoilt, setup, teardown),
		cmocka_unit_test_setup_teardown(t_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(t_random, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
