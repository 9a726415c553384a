/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what comes out of a compressed frame is exactly what was declared, or
 * nothing; compressing happens only while the link is slower than we are. */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "core/clock.h"
#include "transfer/chan.h"
#include "transfer/zip.h"
#include "unit/pair.h"

enum { MIB = 1 << 20, KIB64 = 65536 };

static struct err e = ERR_INIT;

/* Becomes about a quarter. */
static void text(uint8_t *p, size_t n)
{
	uint32_t s = 9;

	for (size_t i = 0; i < n; i++) {
		s = s * 1664525u + 1013904223u;
		p[i] = (uint8_t)(s >> 28 ? (uint32_t) "novahaul"[i % 8]
					 : s >> 24);
	}
}

static void noise(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rand();
}

static void refused(const void *p, size_t n, size_t size)
{
	struct unzip u = {NULL, NULL};
	/* Of exactly this length, so that reading past it shows. */
	void *copy = mem_dup(p, n ? n : 1);

	if (zip_unpack(&u, copy, n, size, &e))
		fail_msg("%zu bytes for %zu were taken", n, size);
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	mem_free(copy);
	unzip_clear(&u);
}

/* ---- the frames ------------------------------------------------------ */

static void t_round(void **state)
{
	static const size_t size[] = {ZIP_MIN,	 4096,	 4097,
				      KIB64 - 1, 100000, XP_DATA_MAX};
	uint8_t *p = mem_calloc(1, XP_DATA_MAX + 1);
	struct unzip u = {NULL, NULL};
	const void *out, *plain;
	struct zip z;

	(void)state;
	text(p, XP_DATA_MAX + 1);
	zip_init(&z, ZIP_ALWAYS);
	for (size_t i = 0; i < ARRAY_SIZE(size) * 3; i++) {
		size_t n = size[i / 3], r;

		z.level.level = 1 + (int)i % 3;
		r = zip_pack(&z, p, n, 0, &out);
		assert_in_range(r, 1, n / 2);
		plain = zip_unpack(&u, out, r, n, &e);
		assert_non_null(plain);
		assert_memory_equal(plain, p, n);
	}
	/* Too little, too much, and what is not to be compressed. */
	assert_int_equal(zip_pack(&z, p, ZIP_MIN - 1, 0, &out), 0);
	assert_int_equal(zip_pack(&z, p, XP_DATA_MAX + 1, 0, &out), 0);
	zip_clear(&z);
	zip_init(&z, ZIP_NEVER);
	assert_int_equal(zip_pack(&z, p, KIB64, 0, &out), 0);
	zip_clear(&z);
	unzip_clear(&u);
	mem_free(p);
}

/* What does not become shorter is tried less and less. */
static void t_noise(void **state)
{
	uint8_t *p = mem_calloc(1, KIB64);
	const void *out;
	struct zip z;
	unsigned tried = 0;

	(void)state;
	noise(p, KIB64);
	zip_init(&z, ZIP_ALWAYS);
	for (int i = 0; i < 1000; i++) {
		tried += !z.skip;
		assert_int_equal(zip_pack(&z, p, KIB64, 0, &out), 0);
	}
	assert_in_range(tried, 50, 70);
	/* Found again, and from then on each is. */
	text(p, KIB64);
	for (int i = 0; i < 17; i++)
		zip_pack(&z, p, KIB64, 0, &out);
	for (int i = 0; i < 10; i++)
		assert_true(zip_pack(&z, p, KIB64, 0, &out) > 0);
	zip_clear(&z);
	mem_free(p);
}

static size_t frame(uint8_t *out, size_t cap, const void *p, size_t n)
{
	size_t r = ZSTD_compress(out, cap, p, n, 3);

	assert_false(ZSTD_isError(r));
	return r;
}

static void t_refused(void **state)
{
	uint8_t *p = mem_calloc(1, 64 * MIB), *f = mem_calloc(1, MIB);
	struct unzip u = {NULL, NULL};
	size_t n, k;

	(void)state;
	/* A bomb, whatever it is declared to be. */
	n = frame(f, MIB, p, 64 * MIB);
	assert_true(n < 10000);
	refused(f, n, 64 * MIB);
	refused(f, n, XP_DATA_MAX);
	refused(f, n, n + 1);
	/* The largest there may be, and one byte more. */
	n = frame(f, MIB, p, XP_DATA_MAX + 1);
	refused(f, n, XP_DATA_MAX + 1);
	refused(f, n, XP_DATA_MAX);
	text(p, 8192);
	n = frame(f, MIB, p, 8192);
	for (size_t i = 0; i < n; i++)
		refused(f, i, 8192);
	refused(f, n, 8191);
	refused(f, n, 8193);
	refused(f, n, 0);
	refused(f, n, n);
	/* Something after it, another frame, one to be skipped. */
	f[n] = 0;
	refused(f, n + 1, 8192);
	k = frame(f + n, MIB - n, p, 64);
	refused(f, n + k, 8192);
	refused(f, n + k, 8192 + 64);
	memcpy(f + n, "\x50\x2a\x4d\x18\0\0\0\0", 8);
	refused(f, n + 8, 8192);
	refused(f + n, 8, 8192);
	/* Formats of long ago. */
	for (uint8_t v = 0x1e; v <= 0x28; v++) {
		f[0] = v;
		if (v != 0x28)
			refused(f, n, 8192);
	}
	/* A dictionary that nobody has: its number is 7. */
	memcpy(f, "\x28\xb5\x2f\xfd\x21\x07\x10\x83\0\0a", 11);
	refused(f, 11, 16);
	/* Without it that is a frame. */
	memcpy(f, "\x28\xb5\x2f\xfd\x20\x10\x83\0\0a", 10);
	assert_memory_equal(zip_unpack(&u, f, 10, 16, &e), "aaaaaaaaaaaaaaaa",
			    16);
	unzip_clear(&u);
	noise(f, MIB);
	for (size_t i = 0; i < 1000; i++)
		refused(f + i, i, 8192);
	mem_free(p);
	mem_free(f);
}

/* Bytes that were changed give as many bytes as declared, or nothing. */
static void t_flipped(void **state)
{
	uint8_t p[4096], f[4096];
	struct unzip u = {NULL, NULL};
	size_t n;

	(void)state;
	text(p, sizeof(p));
	n = frame(f, sizeof(f), p, sizeof(p));
	for (size_t i = 0; i < n * 8; i++) {
		f[i / 8] ^= (uint8_t)(1U << i % 8);
		if (!zip_unpack(&u, f, n, sizeof(p), &e))
			assert_int_equal(e.kind, ERR_BUG);
		err_clear(&e);
		f[i / 8] ^= (uint8_t)(1U << i % 8);
	}
	assert_non_null(zip_unpack(&u, f, n, sizeof(p), &e));
	unzip_clear(&u);
}

/* ---- the level ------------------------------------------------------- */

static int64_t now_us = 1000000;

static int64_t fake_mono(void)
{
	return now_us;
}

static const struct clock_ops fake_clock = {.mono_us = fake_mono};

static double idle_cores;

static int64_t fake_idle(void)
{
	return (int64_t)((double)now_us * idle_cores);
}

/* A link with a target behind it; bytes a second. */
struct line {
	double link, target;
	double zip;   /* of level 1 */
	double ratio; /* that content is compressed by */
	struct ziplevel l;
	int64_t waited;
	double through; /* when the last one sent has arrived */
	struct {
		double at;
		unsigned n;
	} way[4096]; /* a ring */
	size_t head, tail;
	uint64_t sent, acked, packed, plain;
};

static void line_init(struct line *n, enum zip_mode mode)
{
	ziplevel_init(&n->l, mode);
	n->l.idle_us = fake_idle;
	n->through = (double)now_us;
	n->head = n->tail = 0;
	n->sent = n->acked = 0;
}

static void arrive(struct line *n)
{
	while (n->head != n->tail && n->way[n->head % 4096].at <= now_us) {
		n->acked += n->way[n->head++ % 4096].n;
		/* As the receiver does. */
		if (n->head % 4 == 0)
			ziplevel_acked(&n->l, 4 * KIB64);
	}
}

static void piece(struct line *n)
{
	double link, target;
	int level;

	while (n->sent - n->acked + KIB64 > XP_WINDOW) {
		double at = n->way[n->head % 4096].at;

		n->waited += (int64_t)at + 1 - now_us;
		now_us = (int64_t)at + 1;
		arrive(n);
	}
	ziplevel_sent(&n->l, KIB64);
	n->sent += KIB64;
	level = ziplevel_next(&n->l, n->waited);
	now_us += 10;
	if (level)
		now_us += (int64_t)(KIB64 * 1e6 / n->zip) * (2 + level) / 3;
	link = KIB64 * 1e6 / n->link / (level ? n->ratio : 1);
	target = KIB64 * 1e6 / n->target;
	ziplevel_packed(&n->l, KIB64, (size_t)(KIB64 / (level ? n->ratio : 1)));
	if (n->through < (double)now_us)
		n->through = (double)now_us;
	n->through += link > target ? link : target;
	n->way[n->tail % 4096].at = n->through;
	n->way[n->tail++ % 4096].n = KIB64;
	arrive(n);
	n->plain += KIB64;
	n->packed += level ? KIB64 : 0;
}

/* The share of what goes out in SECONDS that is compressed, in percent. */
static unsigned run(struct line *n, double seconds)
{
	int64_t end = now_us + (int64_t)(seconds * 1e6);

	n->plain = n->packed = 0;
	while (now_us < end)
		piece(n);
	return (unsigned)(100 * n->packed / n->plain);
}

static struct line *line;

static int line_setup(void **state)
{
	(void)state;
	clock_set_ops(&fake_clock);
	line = MEM_NEW(struct line);
	line->link = 20e6;
	line->target = 2e9;
	line->zip = 600e6;
	line->ratio = 4;
	idle_cores = 1.5;
	line_init(line, ZIP_AUTO);
	return 0;
}

static int line_teardown(void **state)
{
	(void)state;
	clock_set_ops(NULL);
	mem_free(line);
	return 0;
}

static void t_slow(void **state)
{
	static const double rates[] = {2e6, 20e6, 117e6};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		line->link = rates[i];
		line_init(line, ZIP_AUTO);
		run(line, 10);
		assert_in_range(run(line, 60), 90, 100);
	}
	/* With time to spare it is done better. */
	line->link = 10e6;
	line_init(line, ZIP_AUTO);
	run(line, 10);
	assert_in_range(line->l.level, 2, 3);
}

static void t_fast(void **state)
{
	(void)state;
	line->link = 1e9;
	assert_int_equal(run(line, 30), 0);
	/* A target that is slow, whatever the link: tried, and given up. */
	line->target = 100e6;
	assert_in_range(run(line, 60), 0, 5);
}

/* Where the processor is what is slow. */
static void t_slow_zip(void **state)
{
	(void)state;
	line->link = 117e6;
	line->zip = 80e6;
	assert_in_range(run(line, 60), 0, 10);
}

/* A machine that is busy has no time to compress for a fast link, and some for
 * a slow one. */
static void t_busy(void **state)
{
	(void)state;
	idle_cores = 0.3;
	line->link = 117e6;
	line_init(line, ZIP_AUTO);
	assert_int_equal(run(line, 30), 0);
	line->link = 20e6;
	line_init(line, ZIP_AUTO);
	run(line, 10);
	assert_int_equal(line->l.is, ZIPLEVEL_ON);
}

/* The kernel's word, or none. */
static void t_idle(void **state)
{
	struct ziplevel l;
	int64_t idle;

	(void)state;
	ziplevel_init(&l, ZIP_AUTO);
	idle = l.idle_us();
	assert_int_equal(idle > 0, !access("/proc/uptime", R_OK));
	assert_true(idle == -1 || idle > 0);
}

/* Nothing becomes shorter; then something does. */
static void t_incompressible(void **state)
{
	int64_t start;

	(void)state;
	line->ratio = 1;
	run(line, 30);
	assert_int_not_equal(line->l.is, ZIPLEVEL_ON);
	line->ratio = 4;
	start = now_us;
	while (line->l.is != ZIPLEVEL_ON && now_us < start + 20000000)
		piece(line);
	assert_in_range(now_us - start, 0, 10000000);
}

/* A limit is lifted; a link changes by itself. */
static void t_changes(void **state)
{
	(void)state;
	run(line, 10);
	assert_int_equal(line->l.is, ZIPLEVEL_ON);
	line->link = 1e9;
	ziplevel_anew(&line->l);
	assert_int_equal(run(line, 10), 0);
	line->link = 20e6;
	run(line, 10);
	assert_int_equal(line->l.is, ZIPLEVEL_ON);
	line->link = 1e9;
	run(line, 40);
	assert_int_equal(line->l.is, ZIPLEVEL_OFF);
}

static void t_modes(void **state)
{
	enum zip_mode m;

	(void)state;
	line_init(line, ZIP_NEVER);
	assert_int_equal(run(line, 20), 0);
	line->link = 1e9;
	line_init(line, ZIP_ALWAYS);
	assert_int_equal(run(line, 20), 100);
	for (int i = ZIP_AUTO; i <= ZIP_ALWAYS; i++) {
		assert_true(
			zip_mode_parse(zip_mode_name((enum zip_mode)i), &m));
		assert_int_equal(m, i);
	}
	assert_false(zip_mode_parse("sometimes", &m));
}

/* ---- the whole ------------------------------------------------------- */

static void copied(struct pair *p, const char *name, struct transfer_result *r)
{
	if (pair_copy(p, name, (struct sender_file){.mode = 0600}, r, &e))
		fail_msg("%s", err_msg(&e));
	pair_same(p, name, r);
}

/* A file of text and noise, and then with changes in it. */
static void t_copy(void **state)
{
	uint8_t *b = mem_calloc(1, MIB);
	struct transfer_result r;
	struct pair p;
	int fd;

	(void)state;
	pair_init(&p);
	p.scfg.compress = ZIP_ALWAYS;
	fd = pair_open(&p, "src/d", O_RDWR | O_CREAT);
	text(b, MIB);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pwrite(fd, b, MIB, 2 * i * MIB), MIB);
		if (i % 2)
			pair_fill(fd, (uint64_t)(2 * i + 1) * MIB, MIB);
	}
	assert_int_equal(pwrite(fd, b, 5000, 16 * MIB), 5000);
	pair_dial(&p);
	copied(&p, "d", &r);
	assert_in_range(r.bytes_packed, 7 * MIB, 8 * MIB + 5000);
	assert_true(r.bytes_wire < 7 * MIB);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pwrite(fd, b + i, 4096,
					4096 * (int64_t)pair_below(4000)),
				 4096);
	copied(&p, "d", &r);
	assert_true(r.bytes_packed <= 20 * 4096);
	assert_true(r.bytes_wire < r.bytes_sent || !r.bytes_packed);
	close(fd);
	pair_clear(&p);
	mem_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_round),
		cmocka_unit_test(t_noise),
		cmocka_unit_test(t_refused),
		cmocka_unit_test(t_flipped),
		cmocka_unit_test_setup_teardown(t_slow, line_setup,
						line_teardown),
		cmocka_unit_test_setup_teardown(t_fast, line_setup,
						line_teardown),
		cmocka_unit_test_setup_teardown(t_slow_zip, line_setup,
						line_teardown),
		cmocka_unit_test_setup_teardown(t_busy, line_setup,
						line_teardown),
		cmocka_unit_test(t_idle),
		cmocka_unit_test_setup_teardown(t_incompressible, line_setup,
						line_teardown),
		cmocka_unit_test_setup_teardown(t_changes, line_setup,
						line_teardown),
		cmocka_unit_test_setup_teardown(t_modes, line_setup,
						line_teardown),
		cmocka_unit_test(t_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
