/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: others write to the source while it is read, or to the target between
 * two passes: that is noticed, and repaired or refused. */
#include "unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "unit/pair.h"

enum { MIB = 1 << 20 };

static struct pair pair;
static struct err e = ERR_INIT;
static struct transfer_result res;

static int setup(void **state)
{
	int fd;

	(void)state;
	pair_init(&pair);
	pair_dial(&pair);
	fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);
	pair_fill(fd, 0, 12 * MIB);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	pair_clear(&pair);
	return 0;
}

static void copy(void)
{
	if (pair_copy(&pair, "d", (struct sender_file){0}, &res, &e))
		fail_msg("%s", err_msg(&e));
	pair_same(&pair, "d", &res);
}

/* A writer of its own, as fast as it can, anywhere in the file. */
static atomic_bool writing;
static atomic_uint writes;

static void *writer(void *arg)
{
	uint64_t k = 0;
	int fd = pair_open(&pair, "src/d", O_RDWR);

	(void)arg;
	while (writing) {
		k = k * 6364136223846793005u + 1;
		if (pwrite(fd, &k, sizeof(k),
			   (off_t)((k >> 40) % 3000) * 4096) != sizeof(k))
			break;
		writes++;
		clock_sleep_us(500);
	}
	close(fd);
	return NULL;
}

/* Each read waits for the writer, and for a time that a file can bear: on a
 * busy machine all of a copy would fit before its first write. */
static ssize_t read_behind(int fd, void *p, size_t n, off_t off, struct err *er)
{
	unsigned from = writes;

	clock_sleep_us(5000);
	while (writes == from)
		clock_sleep_us(500);
	return fs_pread_full(fd, p, n, off, er);
}

static void t_writer(void **state)
{
	pthread_t id;

	(void)state;
	pair_hangup(&pair);
	pair.scfg.pread = read_behind;
	pair_dial(&pair);
	for (int i = 0; i < 3; i++) {
		writing = true;
		assert_int_equal(pthread_create(&id, NULL, writer, NULL), 0);
		assert_int_equal(pair_copy(&pair, "d", (struct sender_file){0},
					   &res, &e),
				 0);
		writing = false;
		pthread_join(id, NULL);
		assert_true(res.changed);
		/* What is there is what was read. */
		assert_string_equal(res.src_digest, res.dst_digest);
	}
	pair_hangup(&pair);
	pair.scfg.pread = NULL;
	pair_dial(&pair);
	copy();
	assert_false(res.changed);
}

/* ---- somebody touches the target between two passes ------------------ */

static void touch_content(void)
{
	int fd = pair_open(&pair, "dst/d", O_RDWR);

	pair_fill(fd, 5 * MIB, 100);
	close(fd);
}

/* With the times as they were: the ctime tells. */
static void touch_quietly(void)
{
	int fd = pair_open(&pair, "dst/d", O_RDWR);
	struct timespec t[2];
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	pair_fill(fd, 9 * MIB + 123, 1);
	t[0] = st.st_atim;
	t[1] = st.st_mtim;
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
}

static void touch_shorter(void)
{
	int fd = pair_open(&pair, "dst/d", O_RDWR);

	assert_int_equal(ftruncate(fd, 3 * MIB + 7), 0);
	close(fd);
}

static void touch_longer(void)
{
	int fd = pair_open(&pair, "dst/d", O_RDWR);

	pair_fill(fd, 12 * MIB, MIB);
	close(fd);
}

/* Another file, of the same size and times, in its place. */
static void touch_replaced(void)
{
	struct stat st;
	struct timespec t[2];
	int fd = pair_open(&pair, "dst/new", O_RDWR | O_CREAT);

	assert_int_equal(fstatat(pair.dir, "dst/d", &st, 0), 0);
	pair_fill(fd, 0, 12 * MIB);
	t[0] = st.st_atim;
	t[1] = st.st_mtim;
	assert_int_equal(futimens(fd, t), 0);
	assert_int_equal(renameat(pair.dir, "dst/new", pair.dir, "dst/d"), 0);
	close(fd);
}

static void touch_removed(void)
{
	assert_int_equal(unlinkat(pair.dir, "dst/d", 0), 0);
}

static void touch_linked(void)
{
	assert_int_equal(linkat(pair.dir, "dst/d", pair.dir, "dst/second", 0),
			 0);
}

/* Somebody's link in the place of our file. */
static void touch_symlink(void)
{
	touch_removed();
	assert_int_equal(symlinkat("second", pair.dir, "dst/d"), 0);
}

static void digest_of(const char *rel, char text[DIGEST_TEXT_MAX])
{
	int fd = pair_open(&pair, rel, O_RDONLY);

	assert_int_equal(digest_fd(fd, NULL, NULL, text, &e), 0);
	close(fd);
}

static void t_target_touched(void **state)
{
	static void (*const touch[])(void) = {
		touch_content,	touch_quietly, touch_shorter, touch_longer,
		touch_replaced, touch_removed, touch_linked};
	char second[DIGEST_TEXT_MAX], text[DIGEST_TEXT_MAX];
	int fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(touch); i++) {
		copy();
		digest_of("dst/d", second);
		touch[i]();
		/* A little has changed at the source too. */
		fd = pair_open(&pair, "src/d", O_RDWR);
		pair_fill(fd, MIB * (off_t)(i + 1), 4096);
		close(fd);
		copy();
		if (touch[i] == touch_linked)
			break;
		touch[i]();
		/* And when nothing has. */
		copy();
	}
	/* What the other name had is as it was. */
	digest_of("dst/second", text);
	assert_string_equal(text, second);
}

static void t_target_link(void **state)
{
	(void)state;
	copy();
	touch_symlink();
	assert_int_equal(
		pair_copy(&pair, "d", (struct sender_file){0}, &res, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_false(pair_exists(&pair, "dst/second"));
}

/* ---- the page cache of the source ------------------------------------ */

/* Pages of src/d that are there, in percent. */
static unsigned cached(void)
{
	enum { LEN = 12 * MIB, PAGES = LEN / 4096 };
	static unsigned char v[PAGES];
	int fd = pair_open(&pair, "src/d", O_RDONLY);
	void *m = mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0);
	unsigned n = 0;

	assert_true(m != MAP_FAILED);
	assert_int_equal(mincore(m, LEN, v), 0);
	for (size_t i = 0; i < PAGES; i++)
		n += v[i] & 1;
	munmap(m, LEN);
	close(fd);
	return 100 * n / PAGES;
}

/* The guest writes a little, and it reaches the disk. */
static void write_little(int at)
{
	int fd = pair_open(&pair, "src/d", O_RDWR);

	pair_fill(fd, at * MIB, 4096);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

/* It stays for the next pass, and goes after the last one; what had none
 * before it may be anybody's: a base image. */
static void t_left(void **state)
{
	const struct sender_file last = {.final = true};

	(void)state;
	write_little(1);
	assert_int_equal(pair_copy(&pair, "d", last, &res, &e), 0);
	assert_in_range(cached(), 90, 100);
	write_little(2);
	copy();
	assert_in_range(cached(), 90, 100);
	write_little(3);
	assert_int_equal(pair_copy(&pair, "d", last, &res, &e), 0);
	if (cached() == 100)
		skip(); /* a file system without a disk */
	assert_in_range(cached(), 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(t_left, setup, teardown),
		cmocka_unit_test_setup_teardown(t_target_touched, setup,
						teardown),
		cmocka_unit_test_setup_teardown(t_target_link, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
