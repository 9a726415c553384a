/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever goes wrong, nothing wrong gets a name, what is there is kept,
 * and the next try sends little twice. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
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
static bool own_mounts;

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

static void copy(const char *name, struct sender_file f)
{
	if (pair_copy(&pair, name, f, &res, &e))
		fail_msg("%s", err_msg(&e));
	pair_same(&pair, name, &res);
}

static void copy_fails(const char *name, struct sender_file f,
		       enum err_kind kind)
{
	assert_int_equal(pair_copy(&pair, name, f, &res, &e), -1);
	if (e.kind != kind)
		fail_msg("%s: %s", err_kind_name(e.kind), err_msg(&e));
}

/* ---- cuts ------------------------------------------------------------ */

/* Cuts until it gets through; returns the bytes of content sent in all. */
static uint64_t cut_often(const char *name, struct sender_file f, uint64_t max)
{
	uint64_t sent = 0;

	for (int i = 0; i < 4; i++) {
		pair.cut = (int64_t)pair_below(max);
		if (!pair_copy(&pair, name, f, &res, &e)) {
			pair.cut = -1;
			return sent + res.bytes_sent;
		}
		assert_int_equal(e.kind, ERR_LOST);
		err_clear(&e);
		sent += res.bytes_sent;
		pair_hangup(&pair);
		assert_int_equal(pair.recv_rc, -1);
		pair.cut = -1;
		pair_dial(&pair);
	}
	copy(name, f);
	return sent + res.bytes_sent;
}

static void t_cut_whole(void **state)
{
	uint64_t sent, data;

	(void)state;
	pair_disk(&pair, "src/d", 20 * MIB + 77);
	copy("d", (struct sender_file){0});
	data = res.bytes_sent;
	assert_int_equal(unlinkat(pair.dir, "dst/d", 0), 0);
	sent = cut_often("d", (struct sender_file){0}, data / 2);
	/* One window a cut. */
	assert_true(sent <= data + 4 * XP_WINDOW);
	pair_same(&pair, "d", &res);
}

static void t_cut_once(void **state)
{
	uint64_t first;

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint64_t size = 12 * MIB;
		int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

		pair_fill(fd, 0, size);
		close(fd);
		pair.cut = (int64_t)pair_below(size);
		copy_fails("d", (struct sender_file){0}, ERR_LOST);
		err_clear(&e);
		first = res.bytes_sent;
		assert_false(pair_exists(&pair, "dst/d"));
		pair_hangup(&pair);
		pair.cut = -1;
		pair_dial(&pair);
		copy("d", (struct sender_file){0});
		assert_true(first + res.bytes_sent <= size + XP_WINDOW);
		assert_int_equal(unlinkat(pair.dir, "dst/d", 0), 0);
	}
}

static void t_cut_blocks(void **state)
{
	uint64_t sent;
	int fd;

	(void)state;
	pair_disk(&pair, "src/d", 16 * MIB);
	copy("d", (struct sender_file){0});
	fd = pair_open(&pair, "src/d", O_RDWR);
	for (int i = 0; i < 200; i++)
		pair_fill(fd, pair_below(4000) * 4096, 4096);
	close(fd);
	sent = cut_often("d", (struct sender_file){0}, 600000);
	assert_true(sent <= 200 * 4096 + 4 * XP_WINDOW);
	pair_same(&pair, "d", &res);
}

static void t_cut_librsync(void **state)
{
	struct sender_file f = {.basis_rel = "dst/old",
				.delta = TRANSFER_LIBRSYNC};
	char *b = mem_calloc(1, 16 * MIB);
	int fd;
	uint64_t sent;

	(void)state;
	fd = pair_open(&pair, "dst/old", O_RDWR | O_CREAT);
	pair_fill(fd, 0, 16 * MIB);
	assert_int_equal(pread(fd, b, 16 * MIB, 0), 16 * MIB);
	close(fd);
	/* Half of it is new, in turns, and all of it moved by 500. */
	fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);
	pair_fill(fd, 0, 16 * MIB);
	for (off_t i = 0; i < 16; i += 2)
		assert_int_equal(pwrite(fd, b + i * MIB, MIB, i * MIB + 500),
				 MIB);
	close(fd);
	sent = cut_often("d", f, 3 * MIB);
	assert_true(sent <= 9 * MIB + 4 * XP_WINDOW);
	pair_same(&pair, "d", &res);
	assert_int_equal(res.method, TRANSFER_LIBRSYNC);
	mem_free(b);
}

/* ---- the disks ------------------------------------------------------- */

static uint64_t bad_from;

static ssize_t bad_pread(int fd, void *p, size_t n, off_t off, struct err *err)
{
	if ((uint64_t)off + n > bad_from)
		return err_sys(err, ERR_FAILED, EIO, "read");
	return fs_pread_full(fd, p, n, off, err);
}

static void t_eio(void **state)
{
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	pair_fill(fd, 0, 12 * MIB);
	close(fd);
	bad_from = 7 * MIB + 4096;
	pair_hangup(&pair);
	pair.scfg.pread = bad_pread;
	pair_dial(&pair);
	copy_fails("d", (struct sender_file){0}, ERR_FAILED);
	assert_int_equal(e.sys, EIO);
	assert_non_null(strstr(err_msg(&e), "the first at offset 7344128"));
	assert_false(pair_exists(&pair, "dst/d"));
	assert_true(pair_exists(&pair, "dst/d.part"));
	err_clear(&e);
	/* The same channel goes on, and the same file when it can be read. */
	bad_from = UINT64_MAX;
	copy("d", (struct sender_file){0});
	assert_true(res.bytes_matched > 0);
}

static void space(bool much)
{
	char dst[160];
	struct rlimit l = {much ? RLIM_INFINITY : 5 * MIB, RLIM_INFINITY};

	if (!own_mounts) {
		setrlimit(RLIMIT_FSIZE, &l);
		return;
	}
	snprintf(dst, sizeof(dst), "%s/dst", pair.path);
	assert_int_equal(mount("tmpfs", dst, "tmpfs", much ? MS_REMOUNT : 0,
			       much ? "size=64m" : "size=5m"),
			 0);
}

static void t_full(void **state)
{
	char dst[160];
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	pair_fill(fd, 0, 9 * MIB);
	close(fd);
	space(false);
	copy_fails("d", (struct sender_file){0}, ERR_FAILED);
	assert_int_equal(e.sys, own_mounts ? ENOSPC : EFBIG);
	assert_non_null(strstr(err_msg(&e), "on the target: d.part at offset"));
	assert_false(pair_exists(&pair, "dst/d"));
	err_clear(&e);
	space(true);
	copy("d", (struct sender_file){0});
	assert_true(res.bytes_matched >= 4 * MIB);
	snprintf(dst, sizeof(dst), "%s/dst", pair.path);
	if (own_mounts)
		assert_int_equal(umount(dst), 0);
}

/* ---- the source moves ------------------------------------------------ */

static void (*disturb)(void);
static off_t disturb_at;

/* Once, when the reading has come that far. */
static ssize_t disturbed_pread(int fd, void *p, size_t n, off_t off,
			       struct err *err)
{
	if (disturb && off >= disturb_at) {
		disturb();
		disturb = NULL;
	}
	return fs_pread_full(fd, p, n, off, err);
}

static void disturb_start(void)
{
	int fd = pair_open(&pair, "src/d", O_RDWR);

	clock_sleep_us(20000);
	pair_fill(fd, 4096, 4096);
	close(fd);
}

static void disturb_cut(void)
{
	int fd = pair_open(&pair, "src/d", O_RDWR);

	assert_int_equal(ftruncate(fd, 7 * MIB), 0);
	close(fd);
}

static void disturb_target(void)
{
	int fd = pair_open(&pair, "dst/d.part", O_RDWR);

	pair_fill(fd, 3 * MIB / 2, 100);
	close(fd);
}

static void disturbed(uint64_t size)
{
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	pair_fill(fd, 0, size);
	close(fd);
	disturb_at = (off_t)size * 2 / 3;
	pair_hangup(&pair);
	pair.scfg.pread = disturbed_pread;
	pair_dial(&pair);
}

static void t_source_changes(void **state)
{
	char before[DIGEST_TEXT_MAX], now[DIGEST_TEXT_MAX];
	int fd, dst;

	(void)state;
	disturbed(12 * MIB);
	fd = pair_open(&pair, "src/d", O_RDONLY);
	pair_digest(&pair, fd, before);
	disturb = disturb_start;
	/* A pre-copy: what was read is there, and that it is not the file. */
	assert_int_equal(
		pair_copy(&pair, "d", (struct sender_file){0}, &res, &e), 0);
	assert_true(res.changed);
	pair_digest(&pair, fd, now);
	assert_string_not_equal(res.src_digest, now);
	assert_string_equal(res.src_digest, before);
	dst = pair_open(&pair, "dst/d", O_RDONLY);
	pair_digest(&pair, dst, now);
	assert_string_equal(res.dst_digest, now);
	/* The next pass brings it up to date. */
	copy("d", (struct sender_file){0});
	assert_false(res.changed);
	assert_int_equal(res.bytes_sent, 4096);
	close(fd);
	close(dst);
}

static void t_expected(void **state)
{
	struct sender_file f = {0};
	char text[DIGEST_TEXT_MAX];
	int fd;

	(void)state;
	disturbed(12 * MIB);
	fd = pair_open(&pair, "src/d", O_RDONLY);
	pair_digest(&pair, fd, text);
	f.expect = text;
	copy("d", f);
	disturb_start();
	copy_fails("d", f, ERR_CONFLICT);
	assert_non_null(strstr(err_msg(&e), "is not what it was"));
	assert_false(pair_exists(&pair, "dst/d"));
	close(fd);
}

static void t_source_cut(void **state)
{
	(void)state;
	disturbed(12 * MIB);
	disturb = disturb_cut;
	copy_fails("d", (struct sender_file){0}, ERR_CONFLICT);
	assert_non_null(strstr(err_msg(&e), "cut shorter"));
	assert_false(pair_exists(&pair, "dst/d"));
	err_clear(&e);
	copy("d", (struct sender_file){0});
}

/* Somebody writes to the target's file: it does not get its name. */
static void t_target_changes(void **state)
{
	int fd;

	(void)state;
	disturbed(3 * MIB);
	fd = pair_open(&pair, "src/d", O_RDWR);
	assert_int_equal(extents_punch(fd, MIB, MIB, NULL, &e), 0);
	close(fd);
	disturb = disturb_target;
	/* Below one segment's mark nothing is digested early. */
	assert_int_equal(
		pair_copy(&pair, "d", (struct sender_file){0}, &res, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_non_null(strstr(err_msg(&e), "reads back as"));
	assert_false(pair_exists(&pair, "dst/d"));
	err_clear(&e);
	copy("d", (struct sender_file){0});
}

/* ---- names ----------------------------------------------------------- */

static void t_names(void **state)
{
	struct sender_file f = {.name = "src/d"};
	static const char *const bad[] = {"../d", "/etc/d",	  "src/e",
					  "dst",  "dst/../src/e", "dst/link/d",
					  ""};

	(void)state;
	pair_disk(&pair, "src/d", 100000);
	assert_int_equal(symlinkat("/tmp", pair.dir, "dst/link"), 0);
	f.fd = pair_open(&pair, "src/d", O_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f.rel = bad[i];
		assert_int_equal(sender_copy(pair.s, &f, &res, &e), -1);
		err_clear(&e);
		assert_false(pair.sc.broken);
	}
	close(f.fd);
	/* Links and other things in the place of our names. */
	assert_int_equal(symlinkat("../src/d", pair.dir, "dst/d.part"), 0);
	copy_fails("d", (struct sender_file){0}, ERR_FAILED);
	err_clear(&e);
	assert_int_equal(unlinkat(pair.dir, "dst/d.part", 0), 0);
	assert_int_equal(mkfifoat(pair.dir, "dst/d", 0600), 0);
	copy_fails("d", (struct sender_file){0}, ERR_CONFLICT);
	err_clear(&e);
	assert_int_equal(unlinkat(pair.dir, "dst/d", 0), 0);
	assert_int_equal(linkat(pair.dir, "src/d", pair.dir, "dst/d.part", 0),
			 0);
	copy_fails("d", (struct sender_file){0}, ERR_CONFLICT);
	err_clear(&e);
	assert_int_equal(unlinkat(pair.dir, "dst/d.part", 0), 0);
	copy("d", (struct sender_file){0});
}

/* ---- limits ---------------------------------------------------------- */

static int cancel_tick(void *arg, const struct transfer_progress *p,
		       struct err *err)
{
	(void)arg;
	if (p->pos < 4 * MIB)
		return 0;
	return err_set(err, ERR_INTERRUPTED, "asked to stop");
}

static void t_cancel(void **state)
{
	struct sender_file f = {.tick = cancel_tick};
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	pair_fill(fd, 0, 10 * MIB);
	close(fd);
	pair_hangup(&pair);
	pair.scfg.bwlimit = 10 * MIB; /* so that a tick comes in time */
	pair_dial(&pair);
	copy_fails("d", f, ERR_INTERRUPTED);
	assert_false(pair_exists(&pair, "dst/d"));
	err_clear(&e);
	copy("d", (struct sender_file){0});
	assert_true(res.bytes_matched >= 3 * MIB);
}

static void t_bwlimit(void **state)
{
	int fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);

	(void)state;
	pair_fill(fd, 0, 8 * MIB);
	close(fd);
	pair_hangup(&pair);
	pair.scfg.bwlimit = 12 * MIB;
	pair_dial(&pair);
	/* A busy machine may be slower, never faster; that it is not slower by
	 * itself is seen under a clock of the test's own (t-transfer-parts). */
	copy("d", (struct sender_file){0});
	/* The bucket, which is full when the start was late, and one piece. */
	assert_true((double)res.bytes_sent <=
		    12 * MIB * (res.seconds + 0.1) + MIB / 4.0);
}

/* A peer that says nothing is lost, not waited for. */
static void t_silence(void **state)
{
	int64_t start = clock_mono_us();

	(void)state;
	pair_disk(&pair, "src/d", MIB);
	pair_hangup(&pair);
	pair.scfg.dead_us = pair.rcfg.dead_us = 300000;
	pair_dial(&pair);
	/* The receiver waits for the rest of an OPEN that never comes, and
	 * the sender for an answer. */
	pair.sw.out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	copy_fails("d", (struct sender_file){0}, ERR_LOST);
	close(pair.sw.out);
	assert_true(clock_mono_us() - start < 15000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_cut_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cut_once, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cut_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cut_librsync, setup,
						teardown),
		cmocka_unit_test_setup_teardown(t_eio, setup, teardown),
		cmocka_unit_test_setup_teardown(t_full, setup, teardown),
		cmocka_unit_test_setup_teardown(t_source_changes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(t_expected, setup, teardown),
		cmocka_unit_test_setup_teardown(t_source_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(t_target_changes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(t_names, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(t_bwlimit, setup, teardown),
		cmocka_unit_test_setup_teardown(t_silence, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* A small file system to fill, where we may make one. */
	own_mounts = !unshare(CLONE_NEWNS) &&
		     !mount("none", "/", "none", MS_REC | MS_PRIVATE, "");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
