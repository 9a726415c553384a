/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: under 64 MiB of anonymous memory in either process, whatever the size:
 * a 100 GiB sparse disk, and the largest signature that librsync is given. */
#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/receiver.h"
#include "transfer/rsdelta.h"
#include "transfer/sender.h"

enum { MIB = 1 << 20 };
#define GIB (1ULL << 30)
#define LIMIT_KIB (64 * 1024)

static char path[64];
static int dir;
/* Peaks of both processes, seen by both. */
static volatile long *peak;

static void note(int i)
{
	long kib = unit_rss_anon();

	if (kib > peak[i])
		peak[i] = kib;
}

static int note_tick(void *arg, const struct transfer_progress *p,
		     struct err *e)
{
	(void)arg;
	(void)p;
	(void)e;
	note(0);
	return 0;
}

static int note_recv(void *self, const char **p, size_t *n, int64_t timeout_us,
		     struct err *e)
{
	struct frame f;
	static int every;

	if (++every % 64 == 0)
		note(1);
	if (wire_recv(self, &f, clock_mono_us() + timeout_us, e))
		return -1;
	*p = f.p;
	*n = f.len;
	return 0;
}

static int plain_send(void *self, const struct enc *head, const void *data,
		      size_t n, struct err *e)
{
	struct frame f = {
		.type = WIRE_DATA, .p = head->b.p, .len = head->b.len};

	return wire_send(self, &f, data, n, clock_mono_us() + 60000000, e);
}

static const struct chan_ops note_ops = {plain_send, note_recv};

static pid_t receiver(int fd, int other)
{
	struct receiver_cfg cfg = {.root = dir};
	struct err e = ERR_INIT;
	struct wire w;
	struct chan c;
	pid_t pid = fork();

	if (pid)
		return pid;
	close(other);
	wire_init_fds(&w, fd, fd);
	chan_init(&c, &note_ops, &w);
	_exit(receiver_serve(&cfg, &c, &e) ? 1 : 0);
}

/* Runs in a child, so that each case starts small. */
static void sender(int fd, struct sender_file f, struct transfer_result *out)
{
	struct err e = ERR_INIT;
	struct wire w;
	struct chan c;
	struct sender *s;

	wire_init_fds(&w, fd, fd);
	chan_init_wire(&c, &w);
	s = sender_new(&c, &(struct sender_cfg){0});
	f.fd = openat(dir, f.name, O_RDONLY);
	f.tick = note_tick;
	if (sender_copy(s, &f, out, &e)) {
		fprintf(stderr, "%s\n", err_msg(&e));
		_exit(1);
	}
	note(0);
	_exit(0);
}

static void copy(struct sender_file f, struct transfer_result *out)
{
	struct transfer_result *r =
		mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int sv[2], status;
	pid_t a, b;

	peak[0] = peak[1] = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
			 0);
	b = receiver(sv[1], sv[0]);
	a = fork();
	if (!a) {
		close(sv[1]);
		sender(sv[0], f, r);
	}
	close(sv[0]);
	close(sv[1]);
	assert_int_equal(waitpid(a, &status, 0), a);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(b, &status, 0), b);
	assert_int_equal(status, 0);
	*out = *r;
	munmap(r, sizeof(*r));
	fprintf(stderr, "%s: RssAnon %ld KiB sender, %ld KiB receiver\n", f.rel,
		peak[0], peak[1]);
	assert_true(peak[0] < LIMIT_KIB || unit_slow());
	assert_true(peak[1] < LIMIT_KIB || unit_slow());
}

static void fill(int fd, uint64_t off, size_t n)
{
	uint32_t *b = mem_calloc(n / 4, 4);

	for (size_t i = 0; i < n / 4; i++)
		b[i] = (uint32_t)(i * 2654435761U + off);
	assert_int_equal(pwrite(fd, b, n, (off_t)off), (ssize_t)n);
	mem_free(b);
}

static void t_sparse(void **state)
{
	struct transfer_result r;
	struct sender_file f = {.name = "big", .rel = "big.copy"};
	int fd = openat(dir, "big", O_RDWR | O_CREAT, 0600);
	int64_t start = clock_mono_us();

	(void)state;
	if (ftruncate(fd, (off_t)(100 * GIB))) {
		fprintf(stderr, "no files of 100 GiB here\n");
		skip();
	}
	for (uint64_t i = 0; i < 50; i++)
		fill(fd, i * 2 * GIB + i * 12345 * 4, MIB);
	copy(f, &r);
	assert_int_equal(r.size, 100 * GIB);
	assert_true(r.bytes_sent <= 51 * MIB);
	assert_true(r.dst_allocated <= r.src_allocated + r.src_allocated / 100);
	/* And again, when a little has changed. */
	fill(fd, 77 * GIB, 4096);
	copy(f, &r);
	assert_int_equal(r.method, TRANSFER_BLOCKS);
	assert_true(r.bytes_sent <= 65536);
	assert_true(clock_mono_us() - start < 60000000 || unit_slow());
	close(fd);
}

/* A signature of as many blocks as are allowed, no two the same. */
static void load_largest(void)
{
	struct rsdelta *r = rsdelta_load();
	struct err e = ERR_INIT;
	uint64_t x = 88172645463325252ULL;
	struct buf b = BUF_INIT;
	int rc;

	buf_put(&b, "rs\1G\0\0\x10\0\0\0\0\x10", 12);
	for (int i = 0; i < RSDELTA_BLOCKS_MAX; i++) {
		for (int k = 0; k < 5; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			buf_put(&b, &x, 4);
		}
		if (b.len > 60000 || i == RSDELTA_BLOCKS_MAX - 1) {
			rc = rsdelta_push(r, b.p, b.len, &e);
			note(0);
			if (rc)
				_exit(2);
			buf_reset(&b);
		}
	}
	rc = rsdelta_finish(r, &e);
	note(0);
	rsdelta_free(r);
	buf_clear(&b);
	_exit(rc ? 3 : 0);
}

static void t_signature(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	peak[0] = 0;
	pid = fork();
	if (!pid)
		load_largest();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fprintf(stderr, "largest signature: RssAnon %ld KiB\n", peak[0]);
	/* The sender needs some 12 MiB beside it. */
	assert_true(peak[0] < LIMIT_KIB - 12 * 1024 || unit_slow());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_sparse),
		cmocka_unit_test(t_signature),
	};
	const char *tmp = getenv("TMPDIR");
	char cmd[100];
	int rc;

	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "%.40s/nh-mem-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		return 1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	peak = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", path);
	return system(cmd) ? 1 : rc;
}
