/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a source whose disk is dying is read as far as it can be; what it has
 * lost is an error that says where or, for who asked for that, a hole with a
 * map beside it, and never passes for zeros. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/badmap.h"
#include "unit/badfs.h"
#include "unit/pair.h"

enum { MIB = 1 << 20, SIZE = 9 * MIB + 5000 };

static struct pair pair;
static struct err e = ERR_INIT;
static struct transfer_result res;

/* Offset and length; the last is the file's short end. */
static const uint64_t three[][2] = {{MIB + 8192, 4096},
				    {4 * MIB - 4096, 12288},
				    {9 * MIB + 4096, 904},
				    {0}};
static const uint64_t (*bad)[2];
static int fails_left; /* -1: for ever */
static unsigned reads;

static ssize_t bad_pread(int fd, void *p, size_t n, off_t off, struct err *err)
{
	reads++;
	for (int i = 0; bad && bad[i][1]; i++)
		if ((uint64_t)off < bad[i][0] + bad[i][1] &&
		    bad[i][0] < (uint64_t)off + n && fails_left) {
			fails_left -= fails_left > 0;
			return err_sys(err, ERR_FAILED, EIO, "read");
		}
	return fs_pread_full(fd, p, n, off, err);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	pair_init(&pair);
	pair.scfg.pread = bad_pread;
	pair_dial(&pair);
	fd = pair_open(&pair, "src/d", O_RDWR | O_CREAT);
	pair_fill(fd, 0, SIZE);
	close(fd);
	bad = three;
	fails_left = -1;
	reads = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	pair_clear(&pair);
	return 0;
}

static int copy(const char *name, enum transfer_bad how,
		enum transfer_delta delta)
{
	return pair_copy(&pair, name,
			 (struct sender_file){.bad = how, .delta = delta}, &res,
			 &e);
}

static void refused(const char *name)
{
	char dst[40], text[100];

	assert_int_equal(copy(name, TRANSFER_BAD_REFUSE, TRANSFER_AUTO), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_int_equal(e.sys, EIO);
	snprintf(text, sizeof(text), "src/%s: 4096 bytes at least", name);
	assert_non_null(strstr(err_msg(&e), text));
	assert_non_null(strstr(err_msg(&e), "the first at offset 1056768"));
	assert_non_null(strstr(e.hint, "novahaul resume"));
	assert_false(pair.sc.broken);
	err_clear(&e);
	snprintf(dst, sizeof(dst), "dst/%s", name);
	assert_false(pair_exists(&pair, dst));
	snprintf(dst, sizeof(dst), "dst/%s.bad", name);
	assert_false(pair_exists(&pair, dst));
}

/* dst/NAME is what the source had, and nothing where that was lost. */
static void left_out(const char *name)
{
	static uint8_t want[SIZE + 1], got[SIZE + 1];
	char dst[40];
	struct stat st;
	int fd = pair_open(&pair, "src/d", O_RDONLY);

	assert_int_equal(pread(fd, want, sizeof(want), 0), SIZE);
	close(fd);
	for (int i = 0; three[i][1]; i++)
		memset(want + three[i][0], 0, three[i][1]);
	snprintf(dst, sizeof(dst), "dst/%s", name);
	fd = pair_open(&pair, dst, O_RDONLY);
	assert_int_equal(pread(fd, got, sizeof(got), 0), SIZE);
	assert_memory_equal(want, got, SIZE);
	for (int i = 0; three[i][1]; i++)
		if (lseek(fd, (off_t)three[i][0], SEEK_DATA) ==
		    (off_t)three[i][0])
			fail_msg("zeros, not a hole, at %llu",
				 (unsigned long long)three[i][0]);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
}

static void mapped(const char *name)
{
	static const char map[] = "0x00000000     +               1\n"
				  "#      pos        size  status\n"
				  "0x00000000  0x00102000  +\n"
				  "0x00102000  0x00001000  -\n"
				  "0x00103000  0x002FC000  +\n"
				  "0x003FF000  0x00003000  -\n"
				  "0x00402000  0x004FF000  +\n"
				  "0x00901000  0x00000388  -\n";
	AUTO(buf_clear) struct buf b = BUF_INIT;
	char text[40];

	assert_int_equal(res.bad_ranges, 3);
	assert_int_equal(res.bad_bytes, 4096 + 12288 + 904);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(res.bad[i].off, three[i][0]);
		assert_int_equal(res.bad[i].len, three[i][1]);
	}
	/* It passes for no file's digest. */
	assert_int_equal(strncmp(res.src_digest, "damaged:", 8), 0);
	assert_int_equal(strncmp(res.dst_digest, "damaged:", 8), 0);
	assert_false(digest_text_ok(res.src_digest));
	snprintf(text, sizeof(text), "dst/%s.bad", name);
	if (fs_read(pair.dir, text, 10000, &b, &e))
		fail_msg("%s", err_msg(&e));
	assert_non_null(strstr(buf_str(&b), map));
	left_out(name);
}

static void t_refused(void **state)
{
	(void)state;
	refused("d");
	/* The same channel goes on, and the same file when it can be read. */
	bad = NULL;
	assert_int_equal(copy("d", TRANSFER_BAD_REFUSE, TRANSFER_AUTO), 0);
	pair_same(&pair, "d", &res);
	assert_int_equal(res.bad_ranges, 0);
}

/* A disk that needs a second try. */
static void t_again(void **state)
{
	(void)state;
	fails_left = 4;
	assert_int_equal(copy("d", TRANSFER_BAD_REFUSE, TRANSFER_AUTO), 0);
	assert_int_equal(fails_left, 0);
	pair_same(&pair, "d", &res);
}

static void t_mapped(void **state)
{
	static const enum transfer_delta how[] = {
		TRANSFER_WHOLE, TRANSFER_BLOCKS, TRANSFER_LIBRSYNC};
	int fd;

	(void)state;
	/* A target that had other bytes there. */
	fd = pair_open(&pair, "dst/d", O_RDWR | O_CREAT);
	pair_fill(fd, 0, SIZE);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		if (copy("d", TRANSFER_BAD_MAP, how[i]))
			fail_msg("%s", err_msg(&e));
		mapped("d");
	}
	/* Again: what is remembered of it is not trusted. */
	assert_int_equal(copy("d", TRANSFER_BAD_MAP, TRANSFER_AUTO), 0);
	mapped("d");
	/* When the disk has recovered: the file, and no map. */
	bad = NULL;
	assert_int_equal(copy("d", TRANSFER_BAD_MAP, TRANSFER_AUTO), 0);
	pair_same(&pair, "d", &res);
	assert_false(pair_exists(&pair, "dst/d.bad"));
	assert_int_equal(res.bad_ranges, 0);
}

/* Without its map it gets no name; and only a map of ours is replaced. */
static void t_map_first(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	int fd;

	(void)state;
	fd = pair_open(&pair, "dst/d.bad", O_RDWR | O_CREAT);
	assert_int_equal(write(fd, "mine", 4), 4);
	close(fd);
	assert_int_equal(copy("d", TRANSFER_BAD_MAP, TRANSFER_AUTO), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	err_clear(&e);
	assert_false(pair_exists(&pair, "dst/d"));
	/* A whole file's copy leaves it alone. */
	bad = NULL;
	assert_int_equal(copy("d", TRANSFER_BAD_MAP, TRANSFER_AUTO), 0);
	assert_int_equal(fs_read(pair.dir, "dst/d.bad", 100, &b, &e), 0);
	assert_string_equal(buf_str(&b), "mine");
}

static void t_expected(void **state)
{
	struct sender_file f = {.bad = TRANSFER_BAD_MAP};
	char text[DIGEST_TEXT_MAX];
	int fd = pair_open(&pair, "src/d", O_RDONLY);

	(void)state;
	assert_int_equal(digest_fd(fd, NULL, NULL, text, &e), 0);
	close(fd);
	f.expect = text;
	assert_int_equal(pair_copy(&pair, "d", f, &res, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_false(pair_exists(&pair, "dst/d"));
}

/* The kernel's own errors, behind its page cache and read-ahead. */
static void t_device(void **state)
{
	struct badfs fs = {.size = SIZE, .bad = three};
	char where[160];

	(void)state;
	fs.back = pair_open(&pair, "src/d", O_RDONLY);
	assert_int_equal(mkdirat(pair.dir, "src/m", 0700), 0);
	assert_int_equal(mkdirat(pair.dir, "dst/m", 0700), 0);
	snprintf(where, sizeof(where), "%s/src/m", pair.path);
	if (getuid() != 0 || !badfs_mount(&fs, where)) {
		fprintf(stderr, "skip: needs root and /dev/fuse\n");
		close(fs.back);
		return;
	}
	bad = NULL;
	refused("m/disk");
	if (copy("m/disk", TRANSFER_BAD_MAP, TRANSFER_AUTO))
		fail_msg("%s", err_msg(&e));
	mapped("m/disk");
	badfs_unmount(&fs);
	close(fs.back);
}

static uint8_t answer(void)
{
	struct chan_msg m;

	do
		if (chan_recv(&pair.sc, &m, 20000000, &e))
			fail_msg("%s", err_msg(&e));
	while (m.type == XP_ALIVE || m.type == XP_ACK);
	return (uint8_t)m.type;
}

/* What the receiver says to the end of a file of which TOLD bytes are said to
 * be lost, by one who speaks of LOST. */
static uint8_t end_with(uint64_t told, uint64_t lost)
{
	static const char digest[] = "p1305t64k:"
				     "0123456789abcdef0123456789abcdef"
				     "0123456789abcdef0123456789abcdef";
	struct badmap b = {NULL};
	struct enc *m = chan_begin(&pair.sc, XP_OPEN);

	enc_str(m, "dst/u");
	enc_u32(m, 0600);
	enc_u64(m, 8192);
	enc_str(m, NULL);
	enc_bytes(m, tagdir_key(&pair.kept), FINGERPRINT_KEY);
	enc_bool(m, false);
	enc_str(m, "");
	assert_int_equal(chan_end(&pair.sc, NULL, 0, &e), 0);
	assert_int_equal(answer(), XP_OPENED);
	enc_u8(chan_begin(&pair.sc, XP_BEGIN), TRANSFER_WHOLE);
	assert_int_equal(chan_end(&pair.sc, NULL, 0, &e), 0);
	assert_int_equal(answer(), XP_BEGUN);
	if (told) {
		assert_int_equal(badmap_add(&b, 0, told, &e), 0);
		badmap_put(chan_begin(&pair.sc, XP_BAD), &b);
		assert_int_equal(chan_end(&pair.sc, NULL, 0, &e), 0);
		badmap_clear(&b);
	}
	m = chan_begin(&pair.sc, XP_END);
	enc_u64(m, 8192);
	enc_str(m, digest);
	enc_u64(m, lost);
	assert_int_equal(chan_end(&pair.sc, NULL, 0, &e), 0);
	return answer();
}

/* The end counts what the map has told of: neither may be missing. */
static void t_counted(void **state)
{
	static const struct {
		uint64_t told, lost;
		uint8_t want;
	} cases[] = {
		{0, 0, XP_SUM},		{4096, 4096, XP_SUM},
		{0, 4096, XP_ERROR},	{4096, 0, XP_ERROR},
		{4096, 8192, XP_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(end_with(cases[i].told, cases[i].lost),
				 cases[i].want);
		assert_int_equal(chan_put(&pair.sc, XP_ABORT, &e), 0);
		assert_int_equal(answer(), XP_ABORTED);
		assert_false(pair_exists(&pair, "dst/u"));
	}
}

static void t_ranges(void **state)
{
	AUTO(badmap_clear) struct badmap b = {NULL};

	(void)state;
	assert_false(badmap_has(&b, 0, 1 << 20));
	assert_int_equal(badmap_add(&b, 100, 50, &e), 0);
	assert_int_equal(badmap_add(&b, 300, 50, &e), 0);
	assert_int_equal(badmap_add(&b, 0, 10, &e), 0);
	assert_int_equal(b.n, 3);
	assert_int_equal(badmap_add(&b, 150, 10, &e), 0);
	assert_int_equal(badmap_add(&b, 120, 10, &e), 0);
	assert_int_equal(b.n, 3);
	assert_int_equal(b.bytes, 120);
	assert_true(badmap_has(&b, 159, 1) && badmap_has(&b, 0, 200));
	assert_false(badmap_has(&b, 160, 140) || badmap_has(&b, 10, 90));
	assert_int_equal(badmap_add(&b, 5, 400, &e), 0);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.r[0].off, 0);
	assert_int_equal(b.r[0].len, 405);
	assert_int_equal(b.bytes, 405);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_ranges),
		cmocka_unit_test_setup_teardown(t_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(t_again, setup, teardown),
		cmocka_unit_test_setup_teardown(t_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(t_map_first, setup, teardown),
		cmocka_unit_test_setup_teardown(t_expected, setup, teardown),
		cmocka_unit_test_setup_teardown(t_device, setup, teardown),
		cmocka_unit_test_setup_teardown(t_counted, setup, teardown),
	};

	/* So that what is mounted goes with us. */
	if (!unshare(CLONE_NEWNS))
		mount("none", "/", "none", MS_REC | MS_PRIVATE, "");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
