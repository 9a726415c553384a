/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librsync as pipes: bytes are pushed in, what comes out goes to a sink.
 *
 *	receiver	rsdelta_sig()	the basis goes in, its signature comes
 *out sender		rsdelta_load()	the signature goes in rsdelta_delta()
 *the new file goes in, the delta comes out receiver	rsdelta_patch()	the
 *delta goes in, the new file comes out
 *
 * For content that has moved, or whose relative the target holds: matches are
 * found at any offset.  One signature for the whole basis (a signature for each
 * part of it would miss what moved between parts); BLAKE2, as MD4 could be
 * forged from inside a guest, cut to 16 bytes.
 *
 * Memory: the sender holds the signature and its hash table, about 40 bytes for
 * each block of the basis.  rsdelta_block() says whether that fits.
 */
#ifndef NH_TRANSFER_RSDELTA_H
#define NH_TRANSFER_RSDELTA_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Blocks of a basis at most, so that memory stays within bounds. */
enum { RSDELTA_BLOCKS_MAX = 700000 };
/* Up to this size blocks are of 2048 bytes, beyond it of 4096. */
enum { RSDELTA_SMALL = 16 << 20 };

struct rsdelta;

typedef int rsdelta_sink(void *arg, const void *p, size_t n, struct err *e);

/* The block length for a basis of SIZE bytes: 2048 or 4096; 0: too large. */
size_t rsdelta_block(uint64_t size);

struct rsdelta *rsdelta_sig(size_t block, rsdelta_sink *sink, void *arg);
struct rsdelta *rsdelta_load(void);
/* LOAD, finished, stays the caller's, and must outlive the result. */
struct rsdelta *rsdelta_delta(struct rsdelta *load, rsdelta_sink *sink,
			      void *arg);
/* Reads from BASIS (borrowed) what the delta refers to. */
struct rsdelta *rsdelta_patch(int basis, rsdelta_sink *sink, void *arg);
void rsdelta_free(struct rsdelta *r);

int rsdelta_push(struct rsdelta *r, const void *p, size_t n, struct err *e);
/* Nothing more comes in; the rest goes to the sink. */
int rsdelta_finish(struct rsdelta *r, struct err *e);

#endif
