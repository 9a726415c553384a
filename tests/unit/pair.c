/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/extents.h"
#include "unit/pair.h"

static uint64_t seed;

uint64_t pair_rand(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t pair_below(uint64_t n)
{
	return n ? pair_rand() % n : 0;
}

static void seed_init(void)
{
	const char *s = getenv("SEED");

	if (seed)
		return;
	seed = s ? strtoull(s, NULL, 10) : (uint64_t)time(NULL) * 1000003;
	fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
}

void pair_init(struct pair *p)
{
	const char *tmp = getenv("TMPDIR");

	seed_init();
	memset(p, 0, sizeof(*p));
	p->cut = -1;
	p->sv[0] = p->sv[1] = -1;
	snprintf(p->path, sizeof(p->path), "%s/nh-transfer-XXXXXX",
		 tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->path));
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->dir >= 0);
	assert_int_equal(mkdirat(p->dir, "src", 0700), 0);
	assert_int_equal(mkdirat(p->dir, "dst", 0700), 0);
	assert_int_equal(mkdirat(p->dir, "work.src", 0700), 0);
	assert_int_equal(mkdirat(p->dir, "work.dst", 0700), 0);
	p->kept = (struct tagdir)TAGDIR_INIT;
	p->rcfg = (struct receiver_cfg){
		.root = p->dir, .prefix = "dst", .work = "work.dst"};
	p->scfg.kept = &p->kept;
}

void pair_clear(struct pair *p)
{
	char cmd[200];

	if (p->s)
		pair_hangup(p);
	tagdir_close(&p->kept);
	close(p->dir);
	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", p->path);
	assert_int_equal(system(cmd), 0);
}

/* ---- the link -------------------------------------------------------- */

static int cut_send(void *self, const struct enc *head, const void *data,
		    size_t n, struct err *e)
{
	struct pair *p = self;
	struct frame f = {
		.type = WIRE_DATA, .p = head->b.p, .len = head->b.len};

	p->frames++;
	if (p->cut >= 0) {
		p->cut -= (int64_t)(head->b.len + n);
		if (p->cut < 0) {
			shutdown(p->sv[0], SHUT_RDWR);
			p->cut = 0;
		}
	}
	return wire_send(&p->sw, &f, data, n, clock_mono_us() + 20000000, e);
}

static int cut_recv(void *self, const char **b, size_t *n, int64_t timeout_us,
		    struct err *e)
{
	struct pair *p = self;
	struct frame f;

	if (wire_recv(&p->sw, &f, clock_mono_us() + timeout_us, e))
		return -1;
	p->waits++;
	*b = f.p;
	*n = f.len;
	return 0;
}

static const struct chan_ops cut_ops = {cut_send, cut_recv};

static void *receiver_main(void *arg)
{
	struct pair *p = arg;

	p->recv_rc = receiver_serve(&p->rcfg, &p->rc, &p->recv_err);
	shutdown(p->sv[1], SHUT_RDWR);
	return NULL;
}

void pair_dial(struct pair *p)
{
	struct err e = ERR_INIT;

	tagdir_close(&p->kept);
	assert_int_equal(tagdir_open(&p->kept, p->dir, "work.src", &e), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->sv), 0);
	wire_init_fds(&p->sw, p->sv[0], p->sv[0]);
	wire_init_fds(&p->rw, p->sv[1], p->sv[1]);
	chan_init(&p->sc, &cut_ops, p);
	chan_init_wire(&p->rc, &p->rw);
	p->s = sender_new(&p->sc, &p->scfg);
	err_clear(&p->recv_err);
	assert_int_equal(pthread_create(&p->thread, NULL, receiver_main, p), 0);
}

void pair_hangup(struct pair *p)
{
	shutdown(p->sv[0], SHUT_RDWR);
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	sender_free(p->s);
	p->s = NULL;
	chan_clear(&p->sc);
	chan_clear(&p->rc);
	wire_clear(&p->sw);
	wire_clear(&p->rw);
	close(p->sv[0]);
	close(p->sv[1]);
	err_clear(&p->recv_err);
}

/* ---- files ----------------------------------------------------------- */

int pair_open(struct pair *p, const char *rel, int flags)
{
	int fd = openat(p->dir, rel, flags | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

bool pair_exists(struct pair *p, const char *rel)
{
	return !faccessat(p->dir, rel, F_OK, AT_SYMLINK_NOFOLLOW);
}

void pair_fill(int fd, uint64_t off, size_t n)
{
	uint64_t *b = malloc(n + 8);

	for (size_t i = 0; i <= n / 8; i++)
		b[i] = pair_rand();
	assert_int_equal(pwrite(fd, b, n, (off_t)off), (ssize_t)n);
	free(b);
}

void pair_disk(struct pair *p, const char *rel, uint64_t size)
{
	int fd = pair_open(p, rel, O_RDWR | O_CREAT | O_TRUNC);
	char *zero = calloc(1, 1 << 20);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	for (uint64_t off = 0; off < size;) {
		uint64_t n = 4096 << pair_below(9);

		if (pair_below(8) == 0)
			n = 1 + pair_below(100000);
		if (n > size - off)
			n = size - off;
		switch (pair_below(4)) {
		case 0:
			break;
		case 1:
			assert_int_equal(pwrite(fd, zero, n, (off_t)off), n);
			break;
		default:
			pair_fill(fd, off, n);
		}
		off += n;
	}
	free(zero);
	close(fd);
}

int pair_copy(struct pair *p, const char *name, struct sender_file f,
	      struct transfer_result *out, struct err *e)
{
	char src[64], dst[64];
	int rc;

	snprintf(src, sizeof(src), "src/%s", name);
	snprintf(dst, sizeof(dst), "dst/%s", name);
	f.fd = pair_open(p, src, O_RDONLY);
	f.name = src;
	f.rel = dst;
	rc = sender_copy(p->s, &f, out, e);
	if (rc && e->kind == ERR_NONE)
		fail_msg("no error was said");
	close(f.fd);
	return rc;
}

static void content_same(int a, int b)
{
	static char x[1 << 20], y[1 << 20];
	off_t off = 0;

	for (;;) {
		ssize_t n = pread(a, x, sizeof(x), off);
		off_t data;

		assert_true(n >= 0);
		assert_int_equal(pread(b, y, sizeof(y), off), n);
		if (memcmp(x, y, (size_t)n))
			fail_msg("the files differ near %lld", (long long)off);
		if (n == 0)
			return;
		off += n;
		/* Not through the holes of very large files. */
		data = lseek(a, off, SEEK_DATA);
		if (data > off && lseek(b, off, SEEK_DATA) >= data)
			off = data;
	}
}

void pair_digest(struct pair *p, int fd, char text[DIGEST_TEXT_MAX])
{
	struct fingerprint *fp = fingerprint_new(tagdir_key(&p->kept));
	struct err e = ERR_INIT;

	assert_int_equal(tags_digest_fd(fd, fp, NULL, NULL, text, &e), 0);
	fingerprint_free(fp);
}

void pair_same(struct pair *p, const char *name,
	       const struct transfer_result *out)
{
	char src[64], dst[64], part[80], text[DIGEST_TEXT_MAX];
	struct stat sa, sb;
	int a, b;

	snprintf(src, sizeof(src), "src/%s", name);
	snprintf(dst, sizeof(dst), "dst/%s", name);
	snprintf(part, sizeof(part), "dst/%s.part", name);
	a = pair_open(p, src, O_RDONLY);
	b = pair_open(p, dst, O_RDONLY);
	assert_false(pair_exists(p, part));
	assert_int_equal(fstat(a, &sa), 0);
	assert_int_equal(fstat(b, &sb), 0);
	assert_int_equal(sa.st_size, sb.st_size);
	content_same(a, b);
	/* No more than the source and 1 %, and a block or two of the file
	 * system's own. */
	if ((double)sb.st_blocks * 512 >
	    (double)sa.st_blocks * 512 * 1.01 + 16384)
		fail_msg("%s: source takes %lld, target %lld bytes", name,
			 (long long)sa.st_blocks * 512,
			 (long long)sb.st_blocks * 512);
	pair_digest(p, b, text);
	if (out) {
		assert_string_equal(out->src_digest, text);
		assert_string_equal(out->dst_digest, text);
		assert_int_equal(out->size, sa.st_size);
		assert_true(out->seconds > 0);
	}
	close(a);
	close(b);
}
