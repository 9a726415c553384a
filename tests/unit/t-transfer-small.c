/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: many small files arrive as copy() promises for each, without a round
 * trip for each, and whatever goes wrong with one of them is said of that one.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/small.h"
#include "unit/pair.h"

enum { MANY = 2400, DIRS = 400, MIB = 1 << 20 };

static struct pair pair;
static struct err e = ERR_INIT;
static bool own_mounts;

/* A list of src/NAME to dst/NAME, and what became of it. */
struct many {
	char (*name)[48];
	size_t n;
	mode_t mode;
	const char *expect;
	struct transfer_result *r;
	bool *done;
	size_t bad, stop; /* stop: tick says no once so many are done */
	size_t ndone;
	uint64_t sent;
	char src[64], dst[64];
};

static void l_file(void *arg, size_t i, struct sender_file *f)
{
	struct many *m = arg;

	snprintf(m->src, sizeof(m->src), "src/%s", m->name[i]);
	snprintf(m->dst, sizeof(m->dst), "dst/%s", m->name[i]);
	*f = (struct sender_file){.fd = -1,
				  .name = m->src,
				  .rel = m->dst,
				  .mode = m->mode,
				  .expect = m->expect};
}

static int l_open(void *arg, size_t i, struct err *err)
{
	struct many *m = arg;
	char src[64];

	snprintf(src, sizeof(src), "src/%s", m->name[i]);
	return fs_open_beneath(pair.dir, src, O_RDONLY, 0, err);
}

static int l_done(void *arg, size_t i, const struct transfer_result *r,
		  struct err *err)
{
	struct many *m = arg;

	(void)err;
	assert_false(m->done[i]);
	m->done[i] = true;
	m->r[i] = *r;
	m->ndone++;
	m->sent += r->bytes_sent;
	return 0;
}

static int l_tick(void *arg, const struct transfer_progress *p, struct err *err)
{
	const struct many *m = arg;

	assert_true(p->pos <= p->size);
	if (m->ndone >= m->stop)
		return err_set(err, ERR_INTERRUPTED, "stop");
	return 0;
}

static void many_init(struct many *m, size_t n)
{
	*m = (struct many){.n = n, .stop = SIZE_MAX};
	m->name = calloc(n, sizeof(*m->name));
	m->r = calloc(n, sizeof(*m->r));
	m->done = calloc(n, sizeof(*m->done));
}

static void many_clear(struct many *m)
{
	free(m->name);
	free(m->r);
	free(m->done);
}

static int run(struct many *m)
{
	memset(m->done, 0, m->n * sizeof(*m->done));
	m->ndone = 0;
	m->sent = 0;
	pair.frames = pair.waits = 0;
	return sender_copy_many(pair.s,
				&(struct sender_list){.n = m->n,
						      .file = l_file,
						      .open = l_open,
						      .done = l_done,
						      .tick = l_tick,
						      .arg = m},
				&m->bad, &e);
}

static void all_same(struct many *m)
{
	for (size_t i = 0; i < m->n; i++) {
		assert_true(m->done[i]);
		pair_same(&pair, m->name[i], &m->r[i]);
	}
}

static void run_ok(struct many *m)
{
	if (run(m))
		fail_msg("%s", err_msg(&e));
	assert_int_equal(m->ndone, m->n);
	all_same(m);
}

static void fails(struct many *m, enum err_kind kind, size_t bad)
{
	assert_int_equal(run(m), -1);
	if (e.kind != kind || m->bad != bad)
		fail_msg("file %zu: %s: %s", m->bad, err_kind_name(e.kind),
			 err_msg(&e));
}

/* src/NAME with N random bytes. */
static void make(const char *name, size_t n)
{
	char src[64];
	int fd;

	snprintf(src, sizeof(src), "src/%s", name);
	fd = pair_open(&pair, src, O_RDWR | O_CREAT | O_TRUNC);
	pair_fill(fd, 0, n);
	close(fd);
}

/* N files of at most MAX bytes in directories of six, that the target has not.
 */
static void tree(struct many *m, size_t n, size_t max)
{
	char dir[32];

	many_init(m, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(dir, sizeof(dir), "src/d%zu", i / 6);
		if (i % 6 == 0)
			assert_int_equal(mkdirat(pair.dir, dir, 0700), 0);
		snprintf(m->name[i], sizeof(m->name[i]), "d%zu/f%zu", i / 6, i);
		make(m->name[i], pair_below(max + 1));
	}
}

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

/* ---- what it costs --------------------------------------------------- */

static void t_many(void **state)
{
	struct many m;
	size_t n = unit_slow() ? MANY / 4 : MANY;
	size_t lists = n / SMALL_LIST_MAX + 1;
	char all[64];
	struct stat st;

	(void)state;
	tree(&m, n, 3000);
	run_ok(&m);
	/* One frame a file; the sender stands still a few times for each list
	 * and each batch, not for each file. */
	assert_true(pair.frames <= n + lists + 3);
	if (pair.waits > 6 * lists)
		fail_msg("%u waits for %zu files", pair.waits, n);
	assert_int_equal(fstatat(pair.dir, "dst/d0", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* All are there: names go over, and nothing else. */
	run_ok(&m);
	assert_int_equal(m.sent, 0);
	assert_true(pair.frames <= lists + 2);
	if (pair.waits > 2 * lists)
		fail_msg("%u waits for %zu names", pair.waits, n);
	/* Three are not. */
	make(m.name[7], 4000);
	make(m.name[n - 1], 1);
	snprintf(all, sizeof(all), "dst/%s", m.name[100]);
	assert_int_equal(unlinkat(pair.dir, all, 0), 0);
	run_ok(&m);
	assert_true(m.sent >= 4001 && m.sent <= 7001);
	assert_true(pair.frames <= lists + 5);
	many_clear(&m);
}

static void t_sizes(void **state)
{
	static const uint64_t size[] = {0,
					1,
					4095,
					4096,
					65535,
					65536,
					65537,
					XP_DATA_MAX,
					XP_DATA_MAX + 1,
					1234567,
					SMALL_MAX - 1,
					SMALL_MAX,
					SMALL_MAX + 1,
					9 * MIB + 5};
	struct many m;
	char src[64];

	(void)state;
	many_init(&m, 2 * ARRAY_SIZE(size));
	for (size_t i = 0; i < m.n; i++) {
		snprintf(m.name[i], sizeof(m.name[i]), "x/y/%zu", i);
		snprintf(src, sizeof(src), "src/%s", m.name[i]);
		if (i == 0) {
			assert_int_equal(mkdirat(pair.dir, "src/x", 0700), 0);
			assert_int_equal(mkdirat(pair.dir, "src/x/y", 0700), 0);
		}
		/* With zeros and holes in it, and without. */
		if (i % 2)
			pair_disk(&pair, src, size[i / 2]);
		else
			make(m.name[i], size[i / 2]);
	}
	m.mode = 0640;
	run_ok(&m);
	run_ok(&m);
	assert_int_equal(m.sent, 0);
	many_clear(&m);
}

static void t_zeros(void **state)
{
	struct many m;
	int fd;

	(void)state;
	many_init(&m, 1);
	strcpy(m.name[0], "z");
	fd = pair_open(&pair, "src/z", O_RDWR | O_CREAT);
	assert_int_equal(ftruncate(fd, MIB), 0);
	run_ok(&m);
	assert_int_equal(m.sent, 0);
	assert_int_equal(m.r[0].bytes_holes, MIB);
	/* The size counts, too. */
	assert_int_equal(ftruncate(fd, MIB - 1), 0);
	run_ok(&m);
	close(fd);
	many_clear(&m);
}

static void t_empty_list(void **state)
{
	struct many m;

	(void)state;
	many_init(&m, 0);
	assert_int_equal(run(&m), 0);
	many_clear(&m);
}

/* ---- what is there --------------------------------------------------- */

static void t_there(void **state)
{
	struct many m;
	struct stat st;
	int fd;

	(void)state;
	tree(&m, 6, 5000);
	make(m.name[0], 5000);
	run_ok(&m);
	/* Another name of it: that is left alone. */
	assert_int_equal(linkat(pair.dir, "dst/d0/f0", pair.dir, "dst/held", 0),
			 0);
	/* Other permissions, other bytes of the same length, a leftover. */
	assert_int_equal(fchmodat(pair.dir, "dst/d0/f1", 0666, 0), 0);
	fd = pair_open(&pair, "dst/d0/f2.part", O_RDWR | O_CREAT);
	pair_fill(fd, 0, 9000);
	close(fd);
	make(m.name[2], 100);
	run_ok(&m);
	assert_int_equal(fstatat(pair.dir, "dst/held", &st, 0), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(fstatat(pair.dir, "dst/d0/f1", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(m.r[0].bytes_sent > 0);
	assert_int_equal(m.r[5].bytes_sent, 0);
	/* The target's was touched: its bytes decide, not its time. */
	fd = pair_open(&pair, "dst/d0/f0", O_RDWR);
	pair_fill(fd, 0, 10);
	close(fd);
	run_ok(&m);
	assert_int_equal(m.sent, m.r[0].size);
	/* Not a file. */
	assert_int_equal(unlinkat(pair.dir, "dst/d0/f3", 0), 0);
	assert_int_equal(symlinkat("../held", pair.dir, "dst/d0/f3"), 0);
	fails(&m, ERR_CONFLICT, 3);
	assert_non_null(strstr(err_msg(&e), "dst/d0/f3"));
	many_clear(&m);
}

static void t_expect(void **state)
{
	struct many m;
	char sum[DIGEST_TEXT_MAX];

	(void)state;
	tree(&m, 1, 5000);
	run_ok(&m);
	strcpy(sum, m.r[0].src_digest);
	m.expect = sum;
	run_ok(&m);
	make(m.name[0], 5000);
	fails(&m, ERR_CONFLICT, 0);
	many_clear(&m);
}

/* ---- files that fail ------------------------------------------------- */

static void t_vanished(void **state)
{
	struct many m;
	char src[64];

	(void)state;
	tree(&m, 300, 2000);
	snprintf(src, sizeof(src), "src/%s", m.name[200]);
	assert_int_equal(unlinkat(pair.dir, src, 0), 0);
	fails(&m, ERR_FAILED, 200);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(err_msg(&e), src));
	/* Those before it are there to stay. */
	assert_int_equal(m.ndone, 200);
	make(m.name[200], 100);
	err_clear(&e);
	run_ok(&m);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(m.r[i].bytes_sent, 0);
	many_clear(&m);
}

static int64_t change; /* of the size, while it is read */

static ssize_t changing_read(int fd, void *p, size_t n, off_t off,
			     struct err *err)
{
	struct stat st;
	char name[64];
	ssize_t r;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	assert_int_equal(fstat(fd, &st), 0);
	if (change < 0)
		assert_int_equal(truncate(name, st.st_size + change), 0);
	r = fs_pread_full(fd, p, n, off, err);
	if (change > 0)
		assert_int_equal(truncate(name, st.st_size + change), 0);
	return r;
}

static ssize_t failing_read(int fd, void *p, size_t n, off_t off,
			    struct err *err)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if (st.st_size == 777)
		return err_sys(err, ERR_FAILED, EIO, "read");
	return fs_pread_full(fd, p, n, off, err);
}

static void redial(void)
{
	pair_hangup(&pair);
	pair.cut = -1;
	pair_dial(&pair);
}

static void t_changing(void **state)
{
	struct many m;

	(void)state;
	tree(&m, 3, 5000);
	make(m.name[1], 5000);
	pair.scfg.pread = changing_read;
	redial();
	change = 100;
	if (run(&m))
		fail_msg("%s", err_msg(&e));
	for (int i = 0; i < 3; i++)
		assert_true(m.r[i].changed);
	assert_int_equal(m.r[1].size, 5000);
	change = -1;
	fails(&m, ERR_CONFLICT, 0);
	assert_non_null(strstr(err_msg(&e), "cut shorter"));
	err_clear(&e);
	pair.scfg.pread = failing_read;
	redial();
	make(m.name[1], 777);
	fails(&m, ERR_FAILED, 1);
	assert_int_equal(e.sys, EIO);
	err_clear(&e);
	pair.scfg.pread = NULL;
	redial();
	run_ok(&m);
	many_clear(&m);
}

static void t_cancel(void **state)
{
	struct many m;

	(void)state;
	/* Slow enough that a tick comes between. */
	pair.scfg.bwlimit = 8 * MIB;
	redial();
	tree(&m, 900, 40000);
	m.stop = 1;
	fails(&m, ERR_INTERRUPTED, m.n);
	err_clear(&e);
	assert_in_range(m.ndone, 1, 899);
	/* The channel is in step. */
	m.stop = SIZE_MAX;
	run_ok(&m);
	many_clear(&m);
}

/* Cut until it gets through: what was acknowledged is not sent again, and what
 * was not costs a window each time. */
static void cut_often(uint64_t max)
{
	struct many m;
	bool *before;
	uint64_t all = 0, data = 0;
	int cuts = 0, rc;
	char src[64];
	struct stat st;

	tree(&m, 400, 60000);
	before = calloc(m.n, sizeof(*before));
	for (size_t k = 0; k < m.n; k++) {
		snprintf(src, sizeof(src), "src/%s", m.name[k]);
		assert_int_equal(fstatat(pair.dir, src, &st, 0), 0);
		data += (uint64_t)st.st_size;
	}
	do {
		pair.cut = cuts < 20 ? (int64_t)pair_below(max) : -1;
		rc = run(&m);
		for (size_t k = 0; k < m.n; k++) {
			if (before[k] && m.done[k])
				assert_int_equal(m.r[k].bytes_sent, 0);
			before[k] |= m.done[k];
		}
		all += pair.sc.out;
		if (rc) {
			assert_int_equal(e.kind, ERR_LOST);
			err_clear(&e);
			redial();
			cuts++;
		}
	} while (rc);
	all_same(&m);
	fprintf(stderr, "%llu bytes, %d cuts: %llu sent\n",
		(unsigned long long)data, cuts, (unsigned long long)all);
	assert_true(all <= data + m.n * 200 +
				   (uint64_t)cuts * (XP_WINDOW + 128 * 1024));
	free(before);
	many_clear(&m);
}

static void t_cut(void **state)
{
	(void)state;
	cut_often(2 * MIB);
	redial();
	pair_clear(&pair);
	pair_init(&pair);
	pair_dial(&pair);
	cut_often(12 * MIB);
}

static void t_full(void **state)
{
	struct many m;
	char dst[160];

	(void)state;
	if (!own_mounts)
		skip();
	snprintf(dst, sizeof(dst), "%s/dst", pair.path);
	assert_int_equal(mount("tmpfs", dst, "tmpfs", 0, "size=1m"), 0);
	tree(&m, 200, 0);
	for (size_t i = 0; i < m.n; i++)
		make(m.name[i], 20000);
	assert_int_equal(run(&m), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_int_equal(e.sys, ENOSPC);
	assert_non_null(strstr(err_msg(&e), m.name[m.bad]));
	assert_non_null(e.hint);
	assert_false(m.done[m.bad]);
	assert_true(m.ndone > 10 && m.ndone < 60);
	err_clear(&e);
	assert_int_equal(mount("tmpfs", dst, "tmpfs", MS_REMOUNT, "size=20m"),
			 0);
	run_ok(&m);
	redial();
	assert_int_equal(umount(dst), 0);
	many_clear(&m);
}

/* ---- a sender that lies ---------------------------------------------- */

static void say(enum small_type type)
{
	enc_u8(chan_begin(&pair.sc, XP_SMALL), (uint8_t)type);
}

static void said(const void *p, size_t n)
{
	if (chan_end(&pair.sc, p, n, &e))
		fail_msg("%s", err_msg(&e));
}

static const uint8_t key[FINGERPRINT_KEY] = {7};

static void begin_list(void)
{
	say(SMALL_BEGIN);
	enc_bytes(&pair.sc.head, key, sizeof(key));
	said(NULL, 0);
}

struct lie {
	uint32_t id;
	const char *rel, *digest;
	uint64_t size, off, n;
	bool more; /* not the last piece */
};

static const char zeros[4096];

static void put(struct lie l)
{
	struct fingerprint *fp = fingerprint_new(key);
	struct enc *out = &pair.sc.head;
	char sum[DIGEST_TEXT_MAX];

	small_digest(fp, zeros, l.size < 4096 ? l.size : 4096, sum);
	fingerprint_free(fp);
	say(SMALL_PUT);
	enc_u32(out, l.id);
	enc_str(out, l.rel);
	enc_u32(out, 0600);
	enc_u64(out, l.size);
	enc_str(out, l.digest ? l.digest : sum);
	enc_bool(out, false);
	enc_bool(out, !l.more);
	enc_u64(out, l.off);
	enc_u32(out, 0);
	said(zeros, l.n);
}

/* The answer's type and kind; ALIVE and ACK are passed over. */
static enum small_type answer(uint32_t *id, enum err_kind *kind)
{
	struct err why = ERR_INIT;
	struct chan_msg m;
	enum small_type t;

	do
		if (chan_recv(&pair.sc, &m, 10000000, &e))
			fail_msg("%s", err_msg(&e));
	while (m.type == XP_ALIVE || m.type == XP_ACK);
	*id = 0;
	*kind = ERR_NONE;
	t = m.type == XP_SMALL_ANSWER ? (enum small_type)dec_u8(&m.d)
				      : SMALL_NONE;
	if (t == SMALL_FAILED)
		*id = dec_u32(&m.d);
	if (t == SMALL_STORED && dec_count(&m.d, 1))
		*id = dec_u32(&m.d);
	if (t == SMALL_FAILED || m.type == XP_ERROR) {
		dec_err(&m.d, &why);
		*kind = why.kind;
		err_clear(&why);
	}
	return t;
}

static void abort_list(void)
{
	struct chan_msg m;

	assert_int_equal(chan_put(&pair.sc, XP_ABORT, &e), 0);
	do
		assert_int_equal(chan_recv(&pair.sc, &m, 10000000, &e), 0);
	while (m.type != XP_ABORTED);
}

/* Refused, for good: the list is over. */
static void nonsense(void)
{
	enum err_kind kind;
	uint32_t id;

	assert_int_equal(answer(&id, &kind), SMALL_NONE);
	assert_int_equal(kind, ERR_BUG);
	abort_list();
}

static void t_names(void **state)
{
	static const char *const rel[] = {
		"/etc/x",  "src/x",	 "dst/../src/x", "../x",
		"dst",	   "",		 "dst/",	 "dst//x",
		"dst/./x", "dst/link/x", "dstx",	 "dst/file/x",
		"dst/dir", "dst/file2/x"};
	enum err_kind kind;
	uint32_t id;
	char deep[300] = "dst";
	char wide[300] = "dst/";

	(void)state;
	assert_int_equal(symlinkat("../src", pair.dir, "dst/link"), 0);
	assert_int_equal(symlinkat("../src/x", pair.dir, "dst/l"), 0);
	assert_int_equal(mkdirat(pair.dir, "dst/dir", 0700), 0);
	close(pair_open(&pair, "dst/file", O_RDWR | O_CREAT));
	close(pair_open(&pair, "dst/file2", O_RDWR | O_CREAT));
	for (size_t i = 0; i < 60; i++)
		strcat(deep, "/a");
	memset(wide + 4, 'w', 252);
	begin_list();
	for (uint32_t i = 0; i < ARRAY_SIZE(rel) + 3; i++) {
		struct lie l = {.id = i, .size = 10, .n = 10};

		l.rel = i < ARRAY_SIZE(rel)	   ? rel[i]
			: i == ARRAY_SIZE(rel)	   ? deep
			: i == ARRAY_SIZE(rel) + 1 ? wide
						   : "dst/l";
		put(l);
		assert_int_equal(answer(&id, &kind), SMALL_FAILED);
		assert_int_equal(id, i);
		assert_true(kind == ERR_REFUSED || kind == ERR_CONFLICT ||
			    kind == ERR_FAILED);
	}
	/* A part that is somebody's link is not written through. */
	assert_int_equal(symlinkat("../src/x", pair.dir, "dst/p.part"), 0);
	put((struct lie){.id = 100, .rel = "dst/p", .size = 10, .n = 10});
	say(SMALL_END);
	said(NULL, 0);
	assert_int_equal(answer(&id, &kind), SMALL_STORED);
	assert_int_equal(id, 100);
	assert_int_equal(answer(&id, &kind), SMALL_ENDED);
	assert_false(pair_exists(&pair, "src/x"));
	assert_false(pair_exists(&pair, "x"));
	assert_false(pair_exists(&pair, "dst/a/a/a"));
}

/* After BEGIN: what no sender of ours says. */
static void out_of_place(int i)
{
	struct enc *out = &pair.sc.head;
	struct lie l = {.id = 5, .rel = "dst/x", .size = 10, .n = 10};

	switch (i) {
	case 0:
		l.size = SMALL_MAX + 1;
		break;
	case 1:
		l.n = 11;
		break;
	case 2:
		l.off = 1;
		break;
	case 3:
		l.off = UINT64_MAX;
		break;
	case 4:
		l.digest = "p1305t64k:00";
		break;
	case 5: /* ids fall */
		put(l);
		break;
	case 6: /* no end of the one before */
		l.more = true;
		put(l);
		l.id++;
		break;
	case 7:
		say(SMALL_DATA);
		enc_bool(out, true);
		enc_u64(out, 0);
		enc_u32(out, 0);
		said(zeros, 1);
		return;
	case 8:
		say(SMALL_LIST);
		enc_u32(out, 0);
		enc_count(out, SMALL_LIST_MAX + 1);
		for (int k = 0; k <= SMALL_LIST_MAX; k++) {
			enc_str(out, "dst/x");
			enc_u32(out, 0600);
			enc_bool(out, false);
		}
		said(NULL, 0);
		return;
	case 9:
		begin_list();
		return;
	case 10:
		say(SMALL_STORED);
		said(NULL, 0);
		return;
	case 11:
		say(SMALL_END);
		said(zeros, 1);
		return;
	case 12:
		chan_put(&pair.sc, XP_COMMIT, &e);
		return;
	case 13: /* END within a file */
		l.more = true;
		put(l);
		say(SMALL_END);
		said(NULL, 0);
		return;
	}
	put(l);
}

static void t_nonsense(void **state)
{
	(void)state;
	for (int i = 0; i < 14; i++) {
		begin_list();
		out_of_place(i);
		nonsense();
	}
	/* Without BEGIN, and an OPEN's messages. */
	put((struct lie){.rel = "dst/x", .size = 10, .n = 10});
	nonsense();
}

/* Content that is not of that digest gets no name, whatever it was before. */
static void t_lies(void **state)
{
	struct fingerprint *fp = fingerprint_new(key);
	char sum[DIGEST_TEXT_MAX];
	enum err_kind kind;
	uint32_t id;

	(void)state;
	small_digest(fp, "x", 1, sum);
	fingerprint_free(fp);
	begin_list();
	put((struct lie){
		.id = 0, .rel = "dst/x", .digest = sum, .size = 1, .n = 1});
	put((struct lie){.id = 1, .rel = "dst/y", .size = 10, .n = 10});
	/* Another part of one name must not get it. */
	put((struct lie){.id = 2, .rel = "dst/y.part", .size = 9, .n = 9});
	put((struct lie){.id = 3, .rel = "dst/y", .size = 11, .n = 11});
	assert_int_equal(answer(&id, &kind), SMALL_FAILED);
	assert_int_equal(id, 0);
	assert_int_equal(kind, ERR_CONFLICT);
	assert_false(pair_exists(&pair, "dst/x"));
	abort_list();
	assert_false(pair_exists(&pair, "dst/x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_many, setup, teardown),
		cmocka_unit_test_setup_teardown(t_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(t_zeros, setup, teardown),
		cmocka_unit_test_setup_teardown(t_empty_list, setup, teardown),
		cmocka_unit_test_setup_teardown(t_there, setup, teardown),
		cmocka_unit_test_setup_teardown(t_expect, setup, teardown),
		cmocka_unit_test_setup_teardown(t_vanished, setup, teardown),
		cmocka_unit_test_setup_teardown(t_changing, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(t_full, setup, teardown),
		cmocka_unit_test_setup_teardown(t_names, setup, teardown),
		cmocka_unit_test_setup_teardown(t_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(t_lies, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	own_mounts = geteuid() == 0 && !unshare(CLONE_NEWNS) &&
		     !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
