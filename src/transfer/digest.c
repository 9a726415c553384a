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

enum { CHUNK = 256 << 10 };

static const char prefix[] = "sha256t4m:";
static const uint8_t zeros[65536];

/* SHA-256 of 4 MiB of zeros; t-digest computes it again. */
static const uint8_t zero_sum[DIGEST_LEN] = {
	0xbb, 0x9f, 0x8d, 0xf6, 0x14, 0x74, 0xd2, 0x5e, 0x71, 0xfa, 0x00,
	0x72, 0x23, 0x18, 0xcd, 0x38, 0x73, 0x96, 0xca, 0x17, 0x36, 0x60,
	0x5e, 0x12, 0x48, 0x82, 0x1c, 0xc0, 0xde, 0x3d, 0x3a, 0xf8,
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
	int fd;
	uint64_t size;
	struct digest_run *run;
	uint8_t *buf; /* CHUNK bytes */
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
				       (unsigned long long)s->size);
		if (extents_zero(s->buf, n))
			digest_run_zeros(s->run, n);
		else
			digest_run_data(s->run, s->buf, n);
		off += n;
		len -= n;
	}
	return 0;
}

static int scan_segment(struct scan *s, uint64_t off, uint64_t len,
			uint8_t sum[DIGEST_LEN], struct err *e)
{
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
	return 0;
}

static int scan(struct scan *s, struct digest_run *all, digest_tick *tick,
		void *arg, struct err *e)
{
	uint8_t sum[DIGEST_LEN];

	for (uint64_t off = 0; off < s->size; off += DIGEST_SEGMENT) {
		uint64_t len = s->size - off < DIGEST_SEGMENT ? s->size - off
							      : DIGEST_SEGMENT;

		if (scan_segment(s, off, len, sum, e))
			return -1;
		digest_run_data(all, sum, sizeof(sum));
		if (tick && tick(arg, len, e))
			return -1;
	}
	return 0;
}

static void finish(struct digest_run *all, uint64_t n,
		   char text[DIGEST_TEXT_MAX])
{
	uint8_t sum[DIGEST_LEN], size[8];

	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)(n >> (8 * i));
	digest_run_data(all, size, sizeof(size));
	digest_run_end(all, sum);
	memcpy(text, prefix, sizeof(prefix) - 1);
	hex_encode(sum, DIGEST_LEN, text + sizeof(prefix) - 1);
}

int digest_fd(int fd, digest_tick *tick, void *arg, char text[DIGEST_TEXT_MAX],
	      struct err *e)
{
	AUTO(run_freep) struct digest_run *run = digest_run_new();
	AUTO(run_freep) struct digest_run *all = digest_run_new();
	AUTO(mem_freep) uint8_t *buf = mem_calloc(1, CHUNK);
	struct scan s = {.fd = fd, .run = run, .buf = buf};
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	s.size = (uint64_t)st.st_size;
	if (scan(&s, all, tick, arg, e))
		return -1;
	finish(all, s.size, text);
	return 0;
}

bool digest_text_ok(const char *s)
{
	size_t n = sizeof(prefix) - 1;
	uint8_t sum[DIGEST_LEN];

	return s && !strncmp(s, prefix, n) && strlen(s) == n + 2 * DIGEST_LEN &&
	       hex_decode(s + n, sum, DIGEST_LEN);
}
