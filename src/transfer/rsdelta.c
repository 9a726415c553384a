/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/rsdelta.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <librsync.h>

#include "core/fs.h"
#include "core/log.h"
#include "core/mem.h"

enum {
	STRONG = 16,
	OUT = 64 << 10,
	/* librsync 2.3.2 copies its whole input once more: feed small pieces */
	PIECE = 256 << 10,
};

struct rsdelta {
	const char *what;
	rs_job_t *job;
	rs_signature_t *sig; /* of a load */
	rsdelta_sink *sink;
	void *arg;
	int basis;
	bool done;
	struct err copy; /* what went wrong while reading the basis */
	char out[OUT];
};

/* The signature of a block takes 20 bytes, and a change costs the rest of the
 * block that it is in.  Blocks of an image begin where those of its file system
 * do: halving them doubles the first and saves little of the second. */
size_t rsdelta_block(uint64_t size)
{
	if (size <= RSDELTA_SMALL)
		return 2048;
	return size <= (uint64_t)RSDELTA_BLOCKS_MAX * 4096 ? 4096 : 0;
}

/* It would print to stderr otherwise. */
static void trace(rs_loglevel level, const char *msg)
{
	(void)level;
	log_debug("librsync: %.*s", (int)strcspn(msg, "\n"), msg);
}

static struct rsdelta *make(const char *what, rsdelta_sink *sink, void *arg)
{
	struct rsdelta *r = MEM_NEW(struct rsdelta);

	rs_trace_to(trace);
	r->what = what;
	r->sink = sink;
	r->arg = arg;
	r->basis = -1;
	return r;
}

struct rsdelta *rsdelta_sig(size_t block, rsdelta_sink *sink, void *arg)
{
	struct rsdelta *r = make("signature", sink, arg);

	r->job = rs_sig_begin(block, STRONG, RS_RK_BLAKE2_SIG_MAGIC);
	return r;
}

struct rsdelta *rsdelta_load(void)
{
	struct rsdelta *r = make("signature", NULL, NULL);

	r->job = rs_loadsig_begin(&r->sig);
	return r;
}

struct rsdelta *rsdelta_delta(struct rsdelta *load, rsdelta_sink *sink,
			      void *arg)
{
	struct rsdelta *r = make("delta", sink, arg);

	r->job = rs_delta_begin(load->sig);
	return r;
}

/* Called by librsync: *LEN bytes of the basis at POS. */
static rs_result copy_cb(void *arg, rs_long_t pos, size_t *len, void **buf)
{
	struct rsdelta *r = arg;
	ssize_t n = fs_pread_full(r->basis, *buf, *len, (off_t)pos, &r->copy);

	if (n < 0)
		return RS_IO_ERROR;
	if (n == 0)
		return RS_INPUT_ENDED;
	*len = (size_t)n;
	return RS_DONE;
}

struct rsdelta *rsdelta_patch(int basis, rsdelta_sink *sink, void *arg)
{
	struct rsdelta *r = make("patch", sink, arg);

	r->basis = basis;
	r->job = rs_patch_begin(copy_cb, r);
	return r;
}

void rsdelta_free(struct rsdelta *r)
{
	if (!r)
		return;
	if (r->job)
		rs_job_free(r->job);
	if (r->sig)
		rs_free_sumset(r->sig);
	err_clear(&r->copy);
	mem_free(r);
}

static int failed(struct rsdelta *r, rs_result rc, struct err *e)
{
	if (r->copy.kind != ERR_NONE) {
		err_move(e, &r->copy);
		return err_wrap(e, "reading the basis");
	}
	return err_set(e, ERR_FAILED, "librsync: %s: %s", r->what,
		       rs_strerror(rc));
}

static int iterate(struct rsdelta *r, rs_buffers_t *b, struct err *e)
{
	for (;;) {
		size_t before = b->avail_in, n;
		rs_result rc;

		b->next_out = r->out;
		b->avail_out = OUT;
		rc = rs_job_iter(r->job, b);
		if (rc != RS_DONE && rc != RS_BLOCKED)
			return failed(r, rc, e);
		n = OUT - b->avail_out;
		if (n && r->sink && r->sink(r->arg, r->out, n, e))
			return -1;
		if (rc == RS_DONE) {
			r->done = true;
			return 0;
		}
		if (!n && b->avail_in == before) {
			if (b->eof_in || b->avail_in)
				return failed(r, RS_INPUT_ENDED, e);
			return 0;
		}
		if (!b->avail_in && b->avail_out && !b->eof_in)
			return 0;
	}
}

int rsdelta_push(struct rsdelta *r, const void *p, size_t n, struct err *e)
{
	char *in = (char *)p;

	while (n) {
		size_t k = n < PIECE ? n : PIECE;
		rs_buffers_t b = {.next_in = in, .avail_in = k};

		if (r->done)
			return err_set(e, ERR_FAILED,
				       "librsync: %s: bytes after its end",
				       r->what);
		if (iterate(r, &b, e))
			return -1;
		in += k;
		n -= k;
	}
	return 0;
}

int rsdelta_finish(struct rsdelta *r, struct err *e)
{
	rs_buffers_t b = {.eof_in = 1};

	if (!r->done && iterate(r, &b, e))
		return -1;
	if (!r->done)
		return failed(r, RS_INPUT_ENDED, e);
	if (r->sig) {
		rs_result rc = rs_build_hash_table(r->sig);

		if (rc != RS_DONE)
			return failed(r, rc, e);
	}
	return 0;
}
