/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: over a real ssh and a bad network, one transfer is cut again and again,
 * in every way that networks have, and ends identical; each cut costs at most
 * the window.  CUTS says how often (10), SEED repeats a run. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "core/clock.h"
#include "core/fs.h"
#include "transfer/chan.h"
#include "transfer/transfer.h"
#include "unit/ownsshd.h"
#include "unit/pair.h"
#include "unit/roughlink.h"
#include "unit/side.h"

enum { MIB = 1 << 20, DEAD_US = 2000000, PIECE = 4096, RATE = 64 * MIB };

#define DST ".novahaul/" SIDE_JOB "/disk"

static struct pair files; /* its directory only */
static char src_root[160], dst_root[160];
static struct side src, dst;
static struct ownsshd sshd;
static struct roughlink *link_;
static char *exe;
static struct err e = ERR_INIT;

/* ---- the ends -------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	side_start(&src, exe);
	side_start(&dst, exe);
	side_claim(&dst, dst_root, 1, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	side_stop(&src);
	side_stop(&dst);
	unlinkat(files.dir, "dst/" DST, 0);
	unlinkat(files.dir, "dst/.novahaul/leases/" SIDE_UUID, 0);
	return 0;
}

static struct transfer *dial(void)
{
	struct transfer_route r = {
		.src = {"compute-1", &src.c},
		.dst = {"compute-2", &dst.c},
		.job = SIDE_JOB,
		.instance = SIDE_UUID,
		.epoch = 1,
		.via = TRANSFER_VIA_DIRECT,
		.dst_root = dst_root,
		.dst_addr = "127.0.0.1",
		.dst_port = roughlink_port(link_),
		.dst_host_keys = sshd.host_key,
		.bwlimit = RATE,
		/* One window, however far a busy machine seems to be. */
		.streams = 1,
		.dead_us = DEAD_US,
	};

	return transfer_real.open(&r, &e);
}

static int copy(struct transfer *t, struct transfer_result *r)
{
	struct transfer_file f = {
		.src_root = src_root, .src_rel = "disk", .dst_rel = DST};

	return transfer_real.copy(t, &f, r, &e);
}

static void must_copy(struct transfer *t, struct transfer_result *r)
{
	if (!t || copy(t, r))
		fail_msg("%s", err_msg(&e));
}

/* The session that sshd has for the link. */
static bool kill_session(const struct procfs_stat *s, void *arg)
{
	(void)arg;
	if (s->ppid == sshd.p.pid)
		kill(s->pid, SIGKILL);
	return true;
}

static void kill_sessions(void *arg)
{
	struct err none = ERR_INIT;

	procfs_each(kill_session, arg, &none);
	err_clear(&none);
}

/* ---- the files ------------------------------------------------------- */

/* DATA bytes of random data with holes between. */
static void make_disk(uint64_t data)
{
	int fd = pair_open(&files, "src/disk", O_RDWR | O_CREAT | O_TRUNC);
	uint64_t off = 0;

	while (data) {
		uint64_t n = (1 + pair_below(64)) << 16;

		n = n < data ? n : data;
		if (pair_below(3))
			off += pair_below(40) << 16;
		pair_fill(fd, off, n);
		off += n;
		data -= n;
	}
	assert_int_equal(ftruncate(fd, (off_t)off + 3 * MIB + 77), 0);
	close(fd);
}

/* How much of the source's data the target's part holds. */
static uint64_t arrived(void)
{
	static char a[MIB], b[MIB];
	int s = pair_open(&files, "src/disk", O_RDONLY);
	int d = openat(files.dir, "dst/" DST ".part", O_RDONLY | O_CLOEXEC);
	uint64_t got = 0;
	off_t off = 0;

	while (d >= 0 && (off = lseek(s, off, SEEK_DATA)) >= 0) {
		off_t hole = lseek(s, off, SEEK_HOLE);
		size_t max = hole - off < MIB ? (size_t)(hole - off) : MIB;
		ssize_t n = pread(s, a, max, off);
		ssize_t m = pread(d, b, max, off);

		for (ssize_t i = 0; i + PIECE <= n && i + PIECE <= m;
		     i += PIECE)
			got += memcmp(a + i, b + i, PIECE) ? 0 : PIECE;
		off += n;
		if (n <= 0)
			break;
	}
	close(s);
	if (d >= 0)
		close(d);
	return got;
}

/* pair_same() knows the files by other names. */
static void same(const struct transfer_result *r)
{
	assert_int_equal(
		linkat(files.dir, "dst/" DST, files.dir, "dst/disk", 0), 0);
	assert_false(pair_exists(&files, "dst/" DST ".part"));
	/* The key of its digests is the job's. */
	assert_string_equal(r->src_digest, r->dst_digest);
	pair_same(&files, "disk", NULL);
	assert_int_equal(unlinkat(files.dir, "dst/disk", 0), 0);
}

/* ---- many cuts ------------------------------------------------------- */

enum kind {
	K_RST,
	K_FIN,
	K_KILL,
	K_UP,
	K_DOWN,
	K_BOTH,
	K_LONG,
	K_SHORT,
	KINDS
};

static const char *const kind_name[KINDS] = {"reset",	       "end",
					     "sshd killed",    "half-open up",
					     "half-open down", "half-open both",
					     "long stall",     "short stall"};

struct run {
	unsigned cuts;
	uint64_t data;
	unsigned count[KINDS], at_login, lost;
	uint64_t have; /* of the data, on the target */
	uint64_t sent; /* of the pass that was cut last */
	uint64_t worst, resent, all;
};

static struct rough_harm harm(enum kind k, uint64_t after)
{
	struct rough_harm h = {.after = after};

	switch (k) {
	case K_RST:
		h.what = ROUGH_RST;
		break;
	case K_FIN:
		h.what = ROUGH_FIN;
		break;
	case K_KILL:
		h.what = ROUGH_CALL;
		h.call = kill_sessions;
		break;
	case K_UP:
		h.what = ROUGH_DEAF_UP;
		break;
	case K_DOWN:
		h.what = ROUGH_DEAF_DOWN;
		break;
	case K_BOTH:
		h.what = ROUGH_DEAF;
		break;
	case K_LONG:
		h.what = ROUGH_STALL;
		h.stall_us = 3 * DEAD_US + (int64_t)pair_below(DEAD_US);
		break;
	case K_SHORT:
	case KINDS:
		h.what = ROUGH_STALL;
		h.stall_us = 50000 + (int64_t)pair_below(DEAD_US * 2 / 5);
		break;
	}
	return h;
}

/* What happens next: a cut, perhaps after a stall that is to be survived. */
static void next_harm(struct run *r, struct rough_harm h[2])
{
	unsigned left = r->cuts - roughlink_done(link_);
	uint64_t rest = r->data - arrived(), share = 2 * rest / left;
	enum kind k = (enum kind)pair_below(K_SHORT);
	uint64_t after = pair_below(share < rest / 2 ? share : rest / 2);

	/* Now and then within the login. */
	if (!pair_below(12))
		after = pair_below(8000);
	r->count[k]++;
	h[0] = harm(k, after);
	if (left > 1 && !pair_below(4)) {
		h[1] = h[0];
		h[0] = harm(K_SHORT, 20000 + pair_below(100000));
		h[0].then = &h[1];
		r->count[K_SHORT]++;
	}
	roughlink_harm(link_, &h[0]);
}

/* What the last cut has cost: sent, and not there. */
static void count_lost(struct run *r)
{
	uint64_t have = arrived(), lost;

	assert_true(have >= r->have);
	lost = r->sent - (have - r->have);
	assert_true(r->sent >= have - r->have);
	r->have = have;
	r->sent = 0;
	r->resent += lost;
	if (lost > r->worst)
		r->worst = lost;
	if (lost > XP_WINDOW)
		fail_msg("a cut cost %llu bytes", (unsigned long long)lost);
}

/* One pass; true: it came to its end. */
static bool pass(struct run *r, struct transfer_result *out)
{
	struct transfer *t = dial();
	int rc;

	if (!t) {
		/* Cut while it logged in. */
		err_clear(&e);
		r->at_login++;
		return false;
	}
	count_lost(r);
	rc = copy(t, out);
	r->sent = out->bytes_sent;
	r->all += r->sent;
	if (rc && e.kind != ERR_LOST)
		fail_msg("%s", err_msg(&e));
	err_clear(&e);
	r->lost += rc != 0;
	transfer_real.close(t);
	return rc == 0;
}

static void t_cuts(void **state)
{
	const char *n = getenv("CUTS");
	struct run r = {.cuts = n ? (unsigned)atoi(n) : 10};
	int64_t start = clock_mono_us();
	struct transfer_result res;
	struct rough_harm h[2];
	bool done = false;

	(void)state;
	r.data = (64 + 2ULL * r.cuts) * MIB;
	make_disk(r.data);
	while (!done) {
		unsigned before = roughlink_done(link_);

		if (before < r.cuts)
			next_harm(&r, h);
		done = pass(&r, &res);
		if (roughlink_done(link_) == before && before < r.cuts && !done)
			fail_msg("lost without a cut");
		roughlink_peace(link_);
	}
	same(&res);
	/* What is there is not sent again. */
	assert_true(r.all <= r.data + (uint64_t)r.lost * XP_WINDOW);
	fprintf(stderr,
		"%u harms in %.0f s over %llu MiB: %u passes lost, %u logins; "
		"sent twice %.2f MiB a cut, at most %.2f MiB\n",
		roughlink_done(link_), (double)(clock_mono_us() - start) / 1e6,
		(unsigned long long)r.data / MIB, r.lost, r.at_login,
		(double)r.resent / MIB / (r.lost ? r.lost : 1),
		(double)r.worst / MIB);
	for (int k = 0; k < KINDS; k++)
		fprintf(stderr, "  %s: %u\n", kind_name[k], r.count[k]);
	assert_true(roughlink_done(link_) >= r.cuts);
}

/* ---- what comes late ------------------------------------------------- */

/* A copy that H ends. */
static void lose(const struct rough_harm *h)
{
	struct transfer_result res;
	struct transfer *t;

	roughlink_harm(link_, h);
	t = dial();
	assert_non_null(t);
	assert_int_equal(copy(t, &res), -1);
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	transfer_real.close(t);
}

/* A link falls silent, its sender gives up, the next one completes the file;
 * then the silence ends, and what was under way arrives.  Nobody is there who
 * would write it. */
static void t_late(void **state)
{
	struct rough_harm h = {.what = ROUGH_STALL,
			       .after = 6 * MIB,
			       .stall_us = 13 * DEAD_US / 4};
	struct transfer_result res;
	int64_t end = clock_mono_us() + h.stall_us + 2 * DEAD_US;
	struct transfer *t;
	int fd;

	(void)state;
	make_disk(24 * MIB);
	lose(&h);
	/* The guest has written meanwhile. */
	fd = pair_open(&files, "src/disk", O_RDWR);
	pair_fill(fd, 0, 24 * MIB);
	close(fd);
	t = dial();
	must_copy(t, &res);
	same(&res);
	while (clock_mono_us() < end)
		clock_sleep_us(100000);
	same(&res);
	transfer_real.close(t);
}

static bool count_receiver(const struct procfs_stat *s, void *arg)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	unsigned *n = arg;

	/* Not sshd's shell, which has the words too, but as one. */
	*n += procfs_strings(s->pid, "cmdline", &argv) && argv.n == 5 &&
	      !strcmp(argv.v[1], "--receive") && !strcmp(argv.v[2], dst_root);
	return true;
}

/* A receiver whose sender vanished without a word ends by itself. */
static void t_orphan(void **state)
{
	struct rough_harm h = {.what = ROUGH_DEAF, .after = 2 * MIB};
	int64_t end;
	unsigned n = 1;

	(void)state;
	make_disk(8 * MIB);
	lose(&h);
	end = clock_mono_us() + 10 * DEAD_US;
	while (n && clock_mono_us() < end) {
		clock_sleep_us(100000);
		n = 0;
		assert_int_equal(procfs_each(count_receiver, &n, &e), 0);
	}
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_cuts, setup, teardown),
		cmocka_unit_test_setup_teardown(t_late, setup, teardown),
		cmocka_unit_test_setup_teardown(t_orphan, setup, teardown),
	};
	int rc = 77;

	signal(SIGPIPE, SIG_IGN);
	pair_init(&files);
	snprintf(src_root, sizeof(src_root), "%s/src", files.path);
	snprintf(dst_root, sizeof(dst_root), "%s/dst", files.path);
	if (mkdirat(files.dir, "dst/.novahaul", 0711) ||
	    mkdirat(files.dir, "dst/.novahaul/" SIDE_JOB, 0700))
		return 1;
	exe = side_program(files.path);
	if (exe && ownsshd_start(&sshd, files.path)) {
		link_ = roughlink_new(sshd.port);
		rc = cmocka_run_group_tests(tests, NULL, NULL);
		roughlink_free(link_);
	} else {
		fprintf(stderr, "needs the agent, root, sshd and namespaces\n");
	}
	ownsshd_stop(&sshd);
	mem_free(exe);
	pair_clear(&files);
	return rc;
}
