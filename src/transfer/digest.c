/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/fs.h"
#include "transfer/extents.h"

/* Sums are kept in pages, which are made when a sum that is not the zero
 * segment's comes in: a sparse file of any size costs a byte a segment. */
enum { PAGE = 1024, CHUNK = 256 << 10 };

enum { UNKNOWN = 0, KNOWN, ZERO };

static const char prefix[] = "sha256t4m:";
static const uint8_t zeros[65536];

/* SHA-256 of 4 MiB of zeros; t-digest computes it again. */
static const uint8_t zero_sum[DIGEST_LEN] = {
	0xbb, 0x9f, 0x8d, 0xf6, 0x14, 0x74, 0xd2, 0x5e, 0x71, 0xfa, 0x00,
	0x72, 0x23, 0x18, 0xcd, 0x38, 0x73, 0x96, 0xca, 0x17, 0x36, 0x60,
	0x5e, 0x12, 0x48, 0x82, 0x1c, 0xc0, 0xde, 0x3d, 0x3a, 0xf8,
};

struct digest {
	uint64_t size, n;
	uint64_t next;		      /* no segment below it is unknown */
	uint8_t *state;		      /* one a segment */
	uint8_t (**page)[DIGEST_LEN]; /* PAGE sums each, or NULL */
};

struct digest_run {
	EVP_MD_CTX *ctx;
	uint64_t len;
	uint64_t zeros; /* not yet hashed, at the end */
	bool started;
};

/* libcrypto fails here only when memory is out, which aborts like ours. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

static uint64_t count(uint64_t size)
{
	return size / DIGEST_SEGMENT + (size % DIGEST_SEGMENT != 0);
}

static uint64_t pages(uint64_t n)
{
	return n / PAGE + (n % PAGE != 0);
}

static uint64_t seg_len(const struct digest *d, uint64_t i)
{
	uint64_t off = i * DIGEST_SEGMENT;

	return d->size - off < DIGEST_SEGMENT ? d->size - off : DIGEST_SEGMENT;
}

struct digest *digest_new(uint64_t size)
{
	struct digest *d = MEM_NEW(struct digest);

	d->size = size;
	d->n = count(size);
	d->state = mem_calloc(d->n + 1, 1);
	d->page = mem_calloc(pages(d->n) + 1, sizeof(*d->page));
	return d;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	for (uint64_t i = 0; i < pages(d->n); i++)
		mem_free(d->page[i]);
	mem_free(d->page);
	mem_free(d->state);
	mem_free(d);
}

void digest_freep(struct digest **d)
{
	digest_free(*d);
}

uint64_t digest_size(const struct digest *d)
{
	return d->size;
}

uint64_t digest_segments(const struct digest *d)
{
	return d->n;
}

void digest_resize(struct digest *d, uint64_t size)
{
	uint64_t n = count(size), low = n < d->n ? n : d->n;

	if (size == d->size)
		return;
	/* The last segment of the shorter file has another length now. */
	if (low)
		d->state[low - 1] = UNKNOWN;
	for (uint64_t i = pages(n); i < pages(d->n); i++)
		mem_free(d->page[i]);
	d->state = mem_realloc(d->state, n + 1, 1);
	d->page = mem_realloc(d->page, pages(n) + 1, sizeof(*d->page));
	for (uint64_t i = pages(d->n); i < pages(n); i++)
		d->page[i] = NULL;
	memset(d->state + low, UNKNOWN, n + 1 - low);
	d->n = n;
	d->size = size;
	d->next = 0;
}

void digest_dirty(struct digest *d, uint64_t off, uint64_t len)
{
	if (!len || off >= d->size)
		return;
	if (len > d->size - off)
		len = d->size - off;
	if (off / DIGEST_SEGMENT < d->next)
		d->next = off / DIGEST_SEGMENT;
	for (uint64_t i = off / DIGEST_SEGMENT;
	     i <= (off + len - 1) / DIGEST_SEGMENT; i++)
		d->state[i] = UNKNOWN;
}

void digest_set(struct digest *d, uint64_t i, const uint8_t sum[DIGEST_LEN])
{
	if (i >= d->n)
		return;
	if (seg_len(d, i) == DIGEST_SEGMENT &&
	    !memcmp(sum, zero_sum, DIGEST_LEN)) {
		d->state[i] = ZERO;
		return;
	}
	if (!d->page[i / PAGE])
		d->page[i / PAGE] = mem_calloc(PAGE, DIGEST_LEN);
	memcpy(d->page[i / PAGE][i % PAGE], sum, DIGEST_LEN);
	d->state[i] = KNOWN;
}

bool digest_get(const struct digest *d, uint64_t i, uint8_t sum[DIGEST_LEN])
{
	if (i >= d->n || d->state[i] == UNKNOWN)
		return false;
	memcpy(sum,
	       d->state[i] == ZERO ? zero_sum : d->page[i / PAGE][i % PAGE],
	       DIGEST_LEN);
	return true;
}

struct digest_run *digest_run_new(void)
{
	struct digest_run *r = MEM_NEW(struct digest_run);

	r->ctx = EVP_MD_CTX_new();
	must(r->ctx != NULL);
	return r;
}

void digest_run_free(struct digest_run *r)
{
	if (!r)
		return;
	EVP_MD_CTX_free(r->ctx);
	mem_free(r);
}

static void run_freep(struct digest_run **r)
{
	digest_run_free(*r);
}

static void start(struct digest_run *r)
{
	if (!r->started)
		must(EVP_DigestInit_ex(r->ctx, EVP_sha256(), NULL));
	r->started = true;
}

static void flush_zeros(struct digest_run *r)
{
	while (r->zeros) {
		size_t n = r->zeros < sizeof(zeros) ? (size_t)r->zeros
						    : sizeof(zeros);

		must(EVP_DigestUpdate(r->ctx, zeros, n));
		r->zeros -= n;
	}
}

void digest_run_data(struct digest_run *r, const void *p, size_t n)
{
	start(r);
	flush_zeros(r);
	must(EVP_DigestUpdate(r->ctx, p, n));
	r->len += n;
}

void digest_run_zeros(struct digest_run *r, uint64_t n)
{
	r->zeros += n;
	r->len += n;
}

uint64_t digest_run_len(const struct digest_run *r)
{
	return r->len;
}

void digest_run_end(struct digest_run *r, uint8_t sum[DIGEST_LEN])
{
	if (r->zeros == DIGEST_SEGMENT && !r->started) {
		memcpy(sum, zero_sum, DIGEST_LEN);
	} else {
		start(r);
		flush_zeros(r);
		must(EVP_DigestFinal_ex(r->ctx, sum, NULL));
	}
	r->started = false;
	r->zeros = 0;
	r->len = 0;
}

struct scan {
	struct digest *d;
	int fd;
	struct digest_run *run;
	uint8_t *buf; /* CHUNK bytes */
	digest_tick *tick;
	void *arg;
};

static int scan_data(struct scan *s, uint64_t off, uint64_t len, struct err *e)
{
	while (len) {
		size_t n = len < CHUNK ? (size_t)len : CHUNK;
		ssize_t r = fs_pread_full(s->fd, s->buf, n, (off_t)off, e);

		if (r < 0)
			return err_wrap(e, "at offset %llu",
					(unsigned long long)off);
		if ((size_t)r < n)
			return err_set(e, ERR_CONFLICT,
				       "the file ends at %llu, not at %llu",
				       (unsigned long long)off + (size_t)r,
				       (unsigned long long)s->d->size);
		if (extents_zero(s->buf, n))
			digest_run_zeros(s->run, n);
		else
			digest_run_data(s->run, s->buf, n);
		off += n;
		len -= n;
	}
	return 0;
}

static int scan_segment(struct scan *s, uint64_t i, struct err *e)
{
	uint64_t off = i * DIGEST_SEGMENT, len = seg_len(s->d, i);
	uint8_t sum[DIGEST_LEN];
	struct extents x;
	struct extent ext;

	extents_init(&x, s->fd, off, off + len);
	for (;;) {
		if (extents_next(&x, &ext, e))
			return -1;
		if (!ext.len)
			break;
		if (!ext.data)
			digest_run_zeros(s->run, ext.len);
		else if (scan_data(s, ext.off, ext.len, e))
			return -1;
	}
	digest_run_end(s->run, sum);
	digest_set(s->d, i, sum);
	return s->tick ? s->tick(s->arg, len, e) : 0;
}

int digest_scan(struct digest *d, int fd, digest_tick *tick, void *arg,
		struct err *e)
{
	AUTO(run_freep) struct digest_run *run = digest_run_new();
	AUTO(mem_freep) uint8_t *buf = mem_calloc(1, CHUNK);
	struct scan s = {d, fd, run, buf, tick, arg};
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	/* A hole past the end would read as zeros that are not there. */
	if ((uint64_t)st.st_size < d->size)
		return err_set(e, ERR_CONFLICT,
			       "the file ends at %llu, not at %llu",
			       (unsigned long long)st.st_size,
			       (unsigned long long)d->size);
	for (uint64_t i = 0; i < d->n; i++)
		if (d->state[i] == UNKNOWN && scan_segment(&s, i, e))
			return -1;
	return 0;
}

int digest_step(struct digest *d, int fd, uint64_t limit, bool *did,
		struct err *e)
{
	AUTO(run_freep) struct digest_run *run = NULL;
	AUTO(mem_freep) uint8_t *buf = NULL;
	struct scan s = {.d = d, .fd = fd};

	*did = false;
	while (d->next < d->n && d->state[d->next] != UNKNOWN)
		d->next++;
	if (d->next >= d->n ||
	    d->next * DIGEST_SEGMENT + seg_len(d, d->next) > limit)
		return 0;
	s.run = run = digest_run_new();
	s.buf = buf = mem_calloc(1, CHUNK);
	*did = true;
	return scan_segment(&s, d->next, e);
}

int digest_text(const struct digest *d, char text[DIGEST_TEXT_MAX],
		struct err *e)
{
	AUTO(run_freep) struct digest_run *run = digest_run_new();
	uint8_t sum[DIGEST_LEN], size[8];

	for (uint64_t i = 0; i < d->n; i++) {
		if (!digest_get(d, i, sum))
			return err_set(e, ERR_BUG,
				       "segment %llu was not digested",
				       (unsigned long long)i);
		digest_run_data(run, sum, DIGEST_LEN);
	}
	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)(d->size >> (8 * i));
	digest_run_data(run, size, sizeof(size));
	digest_run_end(run, sum);
	memcpy(text, prefix, sizeof(prefix) - 1);
	hex_encode(sum, DIGEST_LEN, text + sizeof(prefix) - 1);
	return 0;
}

bool digest_text_ok(const char *s)
{
	size_t n = sizeof(prefix) - 1;
	uint8_t sum[DIGEST_LEN];

	return s && !strncmp(s, prefix, n) && strlen(s) == n + 2 * DIGEST_LEN &&
	       hex_decode(s + n, sum, DIGEST_LEN);
}

int digest_fd(int fd, digest_tick *tick, void *arg, char text[DIGEST_TEXT_MAX],
	      struct err *e)
{
	AUTO(digest_freep) struct digest *d = NULL;
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	d = digest_new((uint64_t)st.st_size);
	if (digest_scan(d, fd, tick, arg, e))
		return -1;
	return digest_text(d, text, e);
}
