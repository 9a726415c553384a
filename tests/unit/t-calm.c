/* SPDX-License-Identifier: Apache-2.0 */
/* A copy stands back, and leaves the page cache as it found it. */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/calm.h"
#include "transfer/pagecache.h"

#define MIB ((uint64_t)1 << 20)

/* ---- the page cache */

/* Pages of [OFF, OFF + LEN) that are there, in percent. */
static unsigned there(int fd, uint64_t off, uint64_t len)
{
	size_t n = len / 4096, k = 0;
	unsigned char *v = mem_calloc(1, n);
	void *m = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)off);

	assert_true(m != MAP_FAILED);
	assert_int_equal(mincore(m, len, v), 0);
	for (size_t i = 0; i < n; i++)
		k += v[i] & 1;
	munmap(m, len);
	mem_free(v);
	return (unsigned)(100 * k / n);
}

static void warm(int fd, uint64_t off, uint64_t len)
{
	char *b = mem_calloc(1, len);
	struct err e = ERR_INIT;

	assert_int_equal(fs_pread_full(fd, b, len, (off_t)off, &e), len);
	mem_free(b);
}

/* Data in [0, 13) and [40, 50) MiB of 60, on the disk and nowhere else. */
static int file(void)
{
	char name[] = "./t-calm-XXXXXX";
	int fd = mkstemp(name);
	char *b = mem_calloc(1, 13 * MIB);
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	unlink(name);
	memset(b, 'x', 13 * MIB);
	assert_int_equal(fs_pwrite_all(fd, b, 13 * MIB, 0, &e), 0);
	assert_int_equal(fs_pwrite_all(fd, b, 10 * MIB, 40 * MIB, &e), 0);
	assert_int_equal(ftruncate(fd, 60 * MIB), 0);
	assert_int_equal(fs_fsync(fd, &e), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	mem_free(b);
	return fd;
}

static void read_all(int fd, uint64_t piece, uint64_t room)
{
	struct pagecache p;
	char *b = mem_calloc(1, piece);

	pagecache_begin(&p, fd, room);
	for (uint64_t off = 0; off < 50 * MIB; off += piece) {
		if (off >= 13 * MIB && off < 40 * MIB)
			continue; /* a hole is not read */
		pagecache_at(&p, off);
		assert_true(pread(fd, b, piece, (off_t)off) > 0);
	}
	pagecache_end(&p);
	mem_free(b);
}

/*
 * What is dropped is gone, at once and each time.  What stays may be taken by
 * the machine at any moment where memory is short: it is looked for in several
 * rounds, of which a wrong drop would spoil every one.
 */
static bool stays(unsigned percent, unsigned least)
{
	if (percent < least)
		print_message("%u %% of %u %% are left\n", percent, least);
	return percent >= least;
}

/* What others had read stays, the rest is as it was. */
static bool others_stay(int fd)
{
	bool ok;

	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	pagecache_drop(fd);
	warm(fd, 5 * MIB, MIB);
	warm(fd, 42 * MIB, 2 * MIB);
	read_all(fd, MIB, 0);
	ok = stays(there(fd, 5 * MIB, MIB), 90) &
	     stays(there(fd, 42 * MIB, 2 * MIB), 90);
	assert_int_equal(there(fd, 0, 5 * MIB), 0);
	assert_int_equal(there(fd, 6 * MIB, 36 * MIB), 0);
	assert_int_equal(there(fd, 44 * MIB, 16 * MIB), 0);
	/* In pieces of another size, and with all of it there. */
	read_all(fd, 64 << 10, 22 * MIB);
	assert_in_range(there(fd, 0, 60 * MIB), 0, 6);
	ok = ok && stays(there(fd, 0, 60 * MIB), 5);
	warm(fd, 0, 13 * MIB);
	read_all(fd, MIB, 0);
	return ok && stays(there(fd, 0, 13 * MIB), 90);
}

/* Where there is room for all of it, it stays. */
static bool all_stays(int fd)
{
	pagecache_drop(fd);
	assert_in_range(there(fd, 0, 60 * MIB), 0, 1);
	read_all(fd, MIB, 24 * MIB);
	return stays(there(fd, 0, 13 * MIB), 90);
}

static void t_pagecache(void **state)
{
	int fd = file(), others = 0, all = 0;

	(void)state;
	if (there(fd, 0, 60 * MIB)) {
		close(fd);
		skip(); /* a file system without a disk */
	}
	for (int i = 0; i < 5 && !(others && all); i++) {
		others += others_stay(fd);
		all += all_stays(fd);
	}
	assert_int_not_equal(others, 0);
	assert_int_not_equal(all, 0);
	close(fd);
}

/* What lies far behind is dropped, what was written just now is there. */
static void t_behind(void **state)
{
	int fd = file(), kept = 0, looked = 0;
	char *b = mem_calloc(1, 16 * MIB);
	uint64_t done = 0, end = 640 * MIB;
	struct err e = ERR_INIT;

	(void)state;
	if (there(fd, 0, 60 * MIB)) {
		mem_free(b);
		close(fd);
		skip(); /* a file system without a disk */
	}
	memset(b, 'y', 16 * MIB);
	for (uint64_t off = 0; off < end; off += 16 * MIB) {
		assert_int_equal(fs_pwrite_all(fd, b, 16 * MIB, (off_t)off, &e),
				 0);
		assert_int_equal(fs_writeback(fd, 0, 0, true, &e), 0);
		pagecache_behind(fd, off, &done);
		if (off + 16 * MIB < 64 * MIB)
			continue;
		looked++;
		kept += stays(there(fd, off - 48 * MIB, 64 * MIB), 90);
	}
	/* A drop that reaches too far spoils every second look. */
	assert_in_range(3 * kept, 2 * looked, 3 * looked);
	assert_int_equal(there(fd, 0, end - 320 * MIB), 0);
	assert_int_equal(fs_fsync(fd, &e), 0);
	pagecache_drop(fd);
	assert_int_equal(there(fd, 0, end), 0);
	mem_free(b);
	close(fd);
}

/* ---- the priority */

static int nice_of(pid_t pid)
{
	return getpriority(PRIO_PROCESS, (id_t)pid);
}

static long io_of(pid_t pid)
{
	return syscall(SYS_ioprio_get, 1, pid);
}

static void child(int ready, const int end[2])
{
	char c = 0;

	close(end[1]);
	if (write(ready, &c, 1) != 1 || read(end[0], &c, 1) < 0)
		_exit(1);
	_exit(0);
}

/* In a process of its own, with a child, so that this one stays as it is. */
static int in_process(void)
{
	int ready[2], end[2];
	char c;
	pid_t pid;
	bool ok;

	if (pipe(ready) || pipe(end))
		return 2;
	pid = fork();
	if (!pid)
		child(ready[1], end);
	if (read(ready[0], &c, 1) != 1)
		return 3;
	calm_set(CALM_LOW);
	ok = nice_of(0) == 10 && io_of(0) == (2 << 13 | 7) &&
	     nice_of(pid) == 10;
	calm_set(CALM_NONE);
	ok = ok && nice_of(0) == 0 && nice_of(pid) == 0 &&
	     io_of(0) != (2 << 13 | 7);
	calm_set(CALM_IDLE);
	ok = ok && nice_of(0) == 10 && io_of(0) >> 13 == 3;
	close(end[1]);
	return ok ? 0 : 1;
}

static void t_calm(void **state)
{
	enum calm c = CALM_NONE;
	int status;
	pid_t pid;

	(void)state;
	assert_true(calm_parse("idle", &c));
	assert_int_equal(c, CALM_IDLE);
	assert_false(calm_parse("lower", &c));
	assert_string_equal(calm_name(CALM_LOW), "low");
	if (geteuid() || nice_of(0))
		skip();
	pid = fork();
	if (!pid)
		_exit(in_process());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_pagecache),
		cmocka_unit_test(t_behind),
		cmocka_unit_test(t_calm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
