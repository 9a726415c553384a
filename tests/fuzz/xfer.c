/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/xfer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "fuzz/fuzz.h"
#include "transfer/receiver.h"
#include "transfer/sender.h"
#include "transfer/tagdir.h"

enum { SIZE = 2 * 65536 + 9000, NEW_AT = 4096 * 3 + 100, SHIFT = 500 };

static struct {
	bool made;
	char path[64];
	int root, dst; /* directories */
	int fd;	       /* of the source's file */
	uint8_t now[SIZE], before[SIZE], relative[SIZE];
	struct xfer x[XFER_CASES];
} w;

/* ---- the files ------------------------------------------------------- */

static void content(void)
{
	uint64_t s = 1;

	for (size_t i = 0; i < SIZE; i++) {
		s = s * 6364136223846793005u + 1442695040888963407u;
		w.now[i] = (uint8_t)(s >> 56);
	}
	memset(w.now + 65536, 0, 65536);
	/* The last piece can be compressed. */
	for (size_t i = 131072; i < SIZE; i++)
		w.now[i] = (uint8_t) "some text "[i % 10];
	memcpy(w.before, w.now, SIZE);
	memset(w.before + NEW_AT, 'x', 200);
	memset(w.before + 70000, 'y', 8000);
	memcpy(w.relative + SHIFT, w.now, SIZE - SHIFT);
}

static void put_file(const char *name, const uint8_t *p, size_t n)
{
	int fd = openat(w.dst, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			0600);

	FUZZ_ASSERT(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static bool is(int fd, const uint8_t *p, size_t n)
{
	static uint8_t b[SIZE + 1];

	return pread(fd, b, sizeof(b), 0) == (ssize_t)n && !memcmp(b, p, n);
}

/* Is the file whole, and one that may be there?  true: it was made. */
static bool check_file(int dir, const char *name, enum xfer_case k)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	size_t n = strlen(name);
	bool was = false;

	FUZZ_ASSERT(fd >= 0);
	if (n > 5 && !strcmp(name + n - 5, ".part"))
		was = true;
	else if (!strcmp(name, "other"))
		was = is(fd, w.before, 5000);
	else if (!strcmp(name, "old") && k == XFER_LIBRSYNC)
		was = is(fd, w.relative, SIZE);
	else if (!strcmp(name, "disk") && k == XFER_BLOCKS)
		was = is(fd, w.before, SIZE);
	FUZZ_ASSERT(was || is(fd, w.now, SIZE) || is(fd, w.before, SIZE));
	close(fd);
	return !was;
}

/* Checks, or with WIPE removes, all that is in DIR; how many were made. */
static unsigned walk(int dir, enum xfer_case k, bool wipe)
{
	DIR *d =
		fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *f;
	unsigned made = 0;

	while ((f = readdir(d))) {
		bool sub = f->d_type == DT_DIR;
		int fd;

		if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, ".."))
			continue;
		if (sub) {
			fd = openat(dir, f->d_name,
				    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			made += walk(fd, k, wipe);
			close(fd);
		}
		if (wipe)
			FUZZ_ASSERT(!unlinkat(dir, f->d_name,
					      sub ? AT_REMOVEDIR : 0));
		else if (!sub)
			made += check_file(dir, f->d_name, k);
	}
	closedir(d);
	return made;
}

/* What the target has before case K. */
static void reset(enum xfer_case k)
{
	walk(w.dst, k, true);
	put_file("other", w.before, 5000);
	if (k == XFER_BLOCKS)
		put_file("disk", w.before, SIZE);
	else if (k == XFER_LIBRSYNC)
		put_file("old", w.relative, SIZE);
	else if (k == XFER_RESUME)
		put_file("disk.part", w.now, SIZE / 2);
}

static void source_is(const uint8_t *p)
{
	FUZZ_ASSERT(pwrite(w.fd, p, SIZE, 0) == SIZE);
}

/* ---- recording ------------------------------------------------------- */

struct tape {
	struct wire w;
	struct xfer *x; /* recorded to */
};

static void note(struct buf *b, const void *p, size_t n, const void *q,
		 size_t m)
{
	uint32_t len = (uint32_t)(n + m);
	uint8_t h[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16),
			(uint8_t)(len >> 8), (uint8_t)len};

	buf_put(b, h, 4);
	buf_put(b, p, n);
	if (m)
		buf_put(b, q, m);
}

static int tape_send(void *self, const struct enc *head, const void *data,
		     size_t n, struct err *e)
{
	struct tape *t = self;
	struct frame f = {
		.type = WIRE_DATA, .p = head->b.p, .len = head->b.len};

	note(&t->x->up, head->b.p, head->b.len, data, n);
	return wire_send(&t->w, &f, data, n, clock_mono_us() + 20000000, e);
}

static int tape_recv(void *self, const char **p, size_t *n, int64_t timeout_us,
		     struct err *e)
{
	struct tape *t = self;
	struct frame f;

	if (wire_recv(&t->w, &f, clock_mono_us() + timeout_us, e))
		return -1;
	note(&t->x->down, f.p, f.len, NULL, 0);
	*p = f.p;
	*n = f.len;
	return 0;
}

static const struct chan_ops tape_ops = {tape_send, tape_recv};

static void *receiver_main(void *arg)
{
	struct receiver_cfg cfg = {.root = w.root, .prefix = "dst"};
	struct err e = ERR_INIT;
	int *fd = arg;
	struct chan c;
	struct wire r;

	wire_init_fds(&r, *fd, *fd);
	chan_init_wire(&c, &r);
	receiver_serve(&cfg, &c, &e);
	err_clear(&e);
	chan_clear(&c);
	wire_clear(&r);
	return NULL;
}

static struct sender_file file_of(enum xfer_case k)
{
	return (struct sender_file){
		.fd = w.fd,
		.name = "disk",
		.rel = "dst/disk",
		.basis_rel = k == XFER_LIBRSYNC ? "dst/old" : NULL,
	};
}

/* One key for all, so that digests are the same when it is played again. */
static void one_key(struct tagdir *kept, struct sender_cfg *cfg)
{
	static const uint8_t key[FINGERPRINT_KEY] =
		"a key of thirty-two bytes, made";

	*kept = (struct tagdir)TAGDIR_INIT;
	tagdir_set_key(kept, key);
	cfg->kept = kept;
}

static void send_once(struct sender *s, enum xfer_case k)
{
	struct sender_file f = file_of(k);
	struct transfer_result res;
	struct err e = ERR_INIT;

	if (sender_copy(s, &f, &res, &e)) {
		fprintf(stderr, "recording %d: %s\n", (int)k, err_msg(&e));
		abort();
	}
	memcpy(w.x[k].text, res.dst_digest, sizeof(w.x[k].text));
}

static void record(enum xfer_case k)
{
	struct sender_cfg cfg = {0};
	struct tape t = {.x = &w.x[k]};
	struct tagdir kept;
	struct chan c;
	struct sender *s;
	pthread_t id;
	int sv[2];

	reset(k);
	FUZZ_ASSERT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) &&
		    !pthread_create(&id, NULL, receiver_main, &sv[1]));
	wire_init_fds(&t.w, sv[0], sv[0]);
	chan_init(&c, &tape_ops, &t);
	one_key(&kept, &cfg);
	cfg.compress = k == XFER_PACKED ? ZIP_ALWAYS : ZIP_NEVER;
	s = sender_new(&c, &cfg);
	if (k == XFER_AGAIN) {
		source_is(w.before);
		send_once(s, k);
		source_is(w.now);
	}
	send_once(s, k);
	sender_free(s);
	tagdir_close(&kept);
	shutdown(sv[0], SHUT_RDWR);
	pthread_join(id, NULL);
	chan_clear(&c);
	wire_clear(&t.w);
	close(sv[0]);
	close(sv[1]);
}

void xfer_clear(void)
{
	if (!w.made)
		return;
	w.made = false;
	walk(w.dst, XFER_WHOLE, true);
	unlinkat(w.root, "dst", AT_REMOVEDIR);
	rmdir(w.path);
	for (int k = 0; k < XFER_CASES; k++) {
		buf_clear(&w.x[k].up);
		buf_clear(&w.x[k].down);
	}
	close(w.fd);
	close(w.dst);
	close(w.root);
}

static void make(void)
{
	/* In memory, where it can be: thousands of files a second. */
	snprintf(w.path, sizeof(w.path), "%s/nh-xfer-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	FUZZ_ASSERT(mkdtemp(w.path));
	w.root = open(w.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_ASSERT(w.root >= 0 && !mkdirat(w.root, "dst", 0700));
	w.dst = openat(w.root, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w.fd = memfd_create("source", MFD_CLOEXEC);
	FUZZ_ASSERT(w.dst >= 0 && w.fd >= 0);
	w.made = true;
	atexit(xfer_clear);
	content();
	source_is(w.now);
	for (int k = 0; k < XFER_CASES; k++)
		record((enum xfer_case)k);
}

const struct xfer *xfer_get(enum xfer_case k)
{
	if (!w.made)
		make();
	return &w.x[k];
}

/* ---- playing --------------------------------------------------------- */

struct play {
	const uint8_t *p;
	size_t n;
};

static int play_send(void *self, const struct enc *head, const void *data,
		     size_t n, struct err *e)
{
	(void)self;
	(void)head;
	(void)data;
	(void)n;
	(void)e;
	return 0;
}

static size_t length(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

static int play_recv(void *self, const char **p, size_t *n, int64_t timeout_us,
		     struct err *e)
{
	struct play *y = self;

	(void)timeout_us;
	if (y->n < 4) {
		err_set(e, ERR_FAILED, "the end");
		e->sys = EPIPE;
		return -1;
	}
	*n = length(y->p);
	if (*n > y->n - 4)
		*n = y->n - 4;
	*p = (const char *)y->p + 4;
	y->p += 4 + *n;
	y->n -= 4 + *n;
	return 0;
}

static const struct chan_ops play_ops = {play_send, play_recv};

bool xfer_receive(enum xfer_case k, const uint8_t *p, size_t n)
{
	struct receiver_cfg cfg = {.prefix = "dst"};
	struct play y = {p, n};
	struct err e = ERR_INIT;
	struct chan c;

	xfer_get(k);
	reset(k);
	cfg.root = w.root;
	chan_init(&c, &play_ops, &y);
	receiver_serve(&cfg, &c, &e);
	err_clear(&e);
	chan_clear(&c);
	return walk(w.dst, k, false) > 0;
}

bool xfer_send(enum xfer_case k, const uint8_t *p, size_t n)
{
	const struct xfer *x = xfer_get(k);
	struct sender_file f = file_of(k);
	struct transfer_result res;
	struct sender_cfg cfg = {0};
	struct play y = {p, n};
	struct err e = ERR_INIT;
	struct tagdir kept;
	struct chan c;
	struct sender *s;
	int rc;

	chan_init(&c, &play_ops, &y);
	one_key(&kept, &cfg);
	s = sender_new(&c, &cfg);
	rc = sender_copy(s, &f, &res, &e);
	FUZZ_ASSERT(rc ? e.kind != ERR_NONE
		       : !strcmp(res.dst_digest, x->text) &&
				    !strcmp(res.src_digest, x->text));
	err_clear(&e);
	sender_free(s);
	tagdir_close(&kept);
	chan_clear(&c);
	return rc == 0;
}

/* ---- spoiling -------------------------------------------------------- */

static uint64_t state;

static size_t rnd(size_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return below ? (size_t)(state >> 33) % below : 0;
}

static void put_length(uint8_t *p, size_t n)
{
	p[0] = (uint8_t)(n >> 24);
	p[1] = (uint8_t)(n >> 16);
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
}

/* Message I's place, and its whole length; 0: there is none. */
static size_t find(const uint8_t *p, size_t n, size_t i, size_t *at)
{
	*at = 0;
	while (n - *at >= 4) {
		size_t len = 4 + length(p + *at);

		if (len > n - *at)
			len = n - *at;
		if (!i--)
			return len;
		*at += len;
	}
	return 0;
}

/* Mostly where the fields are. */
static size_t within(size_t len)
{
	return rnd(4) ? rnd(len < 48 ? len : 48) : rnd(len);
}

static void spoil_bytes(uint8_t *m, size_t len)
{
	static const uint8_t odd[] = {0, 1, 2, 0x10, 0x7f, 0x80, 0xff};
	size_t at = within(len);

	switch (rnd(4)) {
	case 0:
		m[at] ^= (uint8_t)(1u << rnd(8));
		break;
	case 1:
		m[at] = odd[rnd(sizeof(odd))];
		break;
	case 2: /* another kind of message */
		m[0] = (uint8_t)rnd(30);
		break;
	default:
		for (size_t i = at; i < len && i < at + 8; i++)
			m[i] = rnd(2) ? 0xff : (uint8_t)rnd(256);
	}
}

static size_t drop(uint8_t *p, size_t n, size_t at, size_t len)
{
	memmove(p + at, p + at + len, n - at - len);
	return n - len;
}

static size_t insert(uint8_t *p, size_t n, size_t to, const uint8_t *m,
		     size_t len)
{
	uint8_t *copy = mem_dup(m, len);

	memmove(p + to + len, p + to, n - to);
	memcpy(p + to, copy, len);
	mem_free(copy);
	return n + len;
}

size_t xfer_mutate(uint8_t *p, size_t n, size_t cap, unsigned seed)
{
	size_t count = 0, at, to, len, k;

	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	while (find(p, n, count, &at))
		count++;
	if (!count)
		return n;
	len = find(p, n, rnd(count), &at);
	find(p, n, rnd(count + 1), &to);
	switch (rnd(8)) {
	case 0:
		return drop(p, n, at, len);
	case 1: /* again, somewhere else */
		return n + len <= cap ? insert(p, n, to, p + at, len) : n;
	case 2: /* shorter */
		if (len <= 5)
			return n;
		k = 1 + rnd(len - 5);
		put_length(p + at, len - 4 - k);
		return drop(p, n, at + len - k, k);
	case 3: /* longer, by what was in it */
		k = rnd(len - 4 < 64 ? len - 4 : 64);
		if (!k || n + k > cap)
			return n;
		put_length(p + at, len - 4 + k);
		return insert(p, n, at + len, p + at + len - k, k);
	default:
		if (len > 4)
			spoil_bytes(p + at + 4, len - 4);
		return n;
	}
}

size_t xfer_seed(unsigned k, bool down, uint8_t *buf, size_t cap)
{
	const struct xfer *x;
	const struct buf *said;

	if (k >= XFER_CASES)
		return 0;
	x = xfer_get((enum xfer_case)k);
	said = down ? &x->down : &x->up;
	FUZZ_ASSERT(1 + said->len <= cap);
	buf[0] = (uint8_t)k;
	memcpy(buf + 1, said->p, said->len);
	return 1 + said->len;
}
