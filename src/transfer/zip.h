/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content, compressed on its way (zstd, one frame a message), and its way back
 * from hostile bytes.
 *
 * The sender's side, for each piece of content:
 *
 *	zip_init(&z, mode);
 *	n = zip_pack(&z, p, len, chan->waited, &out);
 *	n > 0: send the N bytes at OUT, and LEN; 0: send it as it is
 *	zip_clear(&z);
 *
 * Whether it is worth it transfer/ziplevel.h says, which is told what is
 * sent and acknowledged, as z.level.  What does not become a
 * sixteenth shorter goes as it is, and more and more of what follows it is not
 * even tried, up to 16 pieces of 17, until a piece does.
 *
 * The receiver's side trusts no field of a frame: it takes one zstd frame and
 * nothing else, without a dictionary, of exactly the length that was declared,
 * which is at most XP_DATA_MAX; it decompresses into memory of that size, in
 * one call, which needs no window of its own.  Anything else is an error, and
 * nothing of it has been used by then.
 *
 * Memory: about 1.5 MiB at the sender, once something is compressed; 0.5 MiB
 * at the receiver, once something has come so.
 */
#ifndef NH_TRANSFER_ZIP_H
#define NH_TRANSFER_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "transfer/ziplevel.h"
#include "wire/wire.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

/* Shorter pieces go as they are. */
enum { ZIP_MIN = 1024 };

struct zip {
	struct ziplevel level;
	struct ZSTD_CCtx_s *c;
	uint8_t *out;
	unsigned misses; /* pieces in a row that did not become shorter */
	unsigned skip;	 /* so many more are not tried */
};

void zip_init(struct zip *z, enum zip_mode mode);
void zip_clear(struct zip *z);
/* The bytes that N bytes at P (at most XP_DATA_MAX) take, at *OUT until the
 * next call; 0: they are to be sent as they are.  WAITED: what the sender has
 * waited so far for its channel, in microseconds. */
size_t zip_pack(struct zip *z, const void *p, size_t n, int64_t waited,
		const void **out);

struct unzip {
	struct ZSTD_DCtx_s *d;
	uint8_t *out;
};

void unzip_clear(struct unzip *u);
/* The N bytes of content at the end of a message (transfer/chan.h), valid as
 * long as it, and until the next call; NULL when they are not right. */
const void *zip_content(struct unzip *u, struct dec *d, size_t *n,
			struct err *e);
/* The SIZE bytes that the N bytes at P stand for, valid until the next call;
 * NULL unless they stand for exactly that. */
const void *zip_unpack(struct unzip *u, const void *p, size_t n, size_t size,
		       struct err *e);

#endif
