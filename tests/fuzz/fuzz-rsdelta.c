/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and deltas of librsync, as a hostile peer makes them. */
#include "fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "transfer/rsdelta.h"

enum { SIZE = 40000, OUT_MAX = 4 << 20 };

static uint8_t basis[SIZE], wanted[SIZE];
static int basis_fd = -1;

static void make(void)
{
	uint32_t s = 7;

	if (basis_fd >= 0)
		return;
	for (size_t i = 0; i < SIZE; i++) {
		s = s * 1664525u + 1013904223u;
		basis[i] = (uint8_t)(s >> 24);
	}
	memcpy(wanted, basis + 300, SIZE - 300);
	memset(wanted + 9000, 'n', 900);
	basis_fd = memfd_create("basis", MFD_CLOEXEC);
	FUZZ_ASSERT(write(basis_fd, basis, SIZE) == SIZE);
}

static int keep(void *arg, const void *p, size_t n, struct err *e)
{
	struct buf *b = arg;

	/* As a target would, whose file has a size. */
	if (b->len + n > OUT_MAX)
		return err_set(e, ERR_BUG, "too much");
	buf_put(b, p, n);
	return 0;
}

/* All of it, in pieces; 0 or -1. */
static int feed(struct rsdelta *r, const uint8_t *p, size_t n, struct err *e)
{
	for (size_t at = 0; at < n;) {
		size_t k = n - at < 4099 ? n - at : 4099;

		if (rsdelta_push(r, p + at, k, e))
			return -1;
		at += k;
	}
	return rsdelta_finish(r, e);
}

static void delta_by(const uint8_t *sig, size_t n, struct buf *out)
{
	struct rsdelta *load = rsdelta_load(), *delta;
	struct err e = ERR_INIT;

	if (!feed(load, sig, n, &e)) {
		delta = rsdelta_delta(load, keep, out);
		if (feed(delta, wanted, SIZE, &e))
			FUZZ_ASSERT(e.kind != ERR_NONE);
		rsdelta_free(delta);
	}
	err_clear(&e);
	rsdelta_free(load);
}

static void patch_by(const uint8_t *delta, size_t n, struct buf *out)
{
	struct rsdelta *p = rsdelta_patch(basis_fd, keep, out);
	struct err e = ERR_INIT;

	if (feed(p, delta, n, &e))
		FUZZ_ASSERT(e.kind != ERR_NONE);
	err_clear(&e);
	rsdelta_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;

	make();
	if (!size)
		return 0;
	if (data[0] & 1)
		patch_by(data + 1, size - 1, &out);
	else
		delta_by(data + 1, size - 1, &out);
	return 0;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	AUTO(buf_clear) struct buf sig = BUF_INIT, delta = BUF_INIT;
	AUTO(buf_clear) struct buf whole = BUF_INIT;
	struct err e = ERR_INIT;
	struct rsdelta *s;
	const struct buf *b = k ? &delta : &sig;

	make();
	if (k > 1)
		return 0;
	s = rsdelta_sig(2048, keep, &sig);
	FUZZ_ASSERT(!feed(s, basis, SIZE, &e));
	rsdelta_free(s);
	delta_by((uint8_t *)sig.p, sig.len, &delta);
	patch_by((uint8_t *)delta.p, delta.len, &whole);
	FUZZ_ASSERT(whole.len == SIZE && !memcmp(whole.p, wanted, SIZE));
	FUZZ_ASSERT(1 + b->len <= cap);
	buf[0] = (uint8_t)k;
	memcpy(buf + 1, b->p, b->len);
	return 1 + b->len;
}
