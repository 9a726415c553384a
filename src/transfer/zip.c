/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/zip.h"

#include <zstd.h>

#include "transfer/chan.h"

enum { SKIP_MAX = 16, MAGIC = 4 };

/* ---- the sender's side ----------------------------------------------- */

void zip_init(struct zip *z, enum zip_mode mode)
{
	*z = (struct zip){.c = NULL};
	ziplevel_init(&z->level, mode);
}

void zip_clear(struct zip *z)
{
	ZSTD_freeCCtx(z->c);
	mem_free(z->out);
	z->c = NULL;
	z->out = NULL;
}

/* Without memory for it all goes as it is. */
static bool ready(struct zip *z)
{
	if (!z->c)
		z->c = ZSTD_createCCtx();
	if (!z->out)
		z->out = mem_calloc(1, XP_DATA_MAX);
	return z->c;
}

/* 0: it does not become shorter by a sixteenth. */
static size_t pack(struct zip *z, const void *p, size_t n, int level)
{
	size_t r;

	if (n < ZIP_MIN || n > XP_DATA_MAX || !ready(z))
		return 0;
	if (z->skip) {
		z->skip--;
		return 0;
	}
	ZSTD_CCtx_setParameter(z->c, ZSTD_c_compressionLevel, level);
	r = ZSTD_compress2(z->c, z->out, n - n / 16, p, n);
	if (!ZSTD_isError(r)) {
		z->misses = 0;
		return r;
	}
	z->skip = 1U << z->misses;
	if (z->skip < SKIP_MAX)
		z->misses++;
	return 0;
}

size_t zip_pack(struct zip *z, const void *p, size_t n, int64_t waited,
		const void **out)
{
	int level = ziplevel_next(&z->level, waited);
	size_t r = level ? pack(z, p, n, level) : 0;

	ziplevel_packed(&z->level, n, r ? r : n);
	*out = z->out;
	return r;
}

/* ---- the receiver's side --------------------------------------------- */

void unzip_clear(struct unzip *u)
{
	ZSTD_freeDCtx(u->d);
	mem_free(u->out);
	*u = (struct unzip){NULL, NULL};
}

/* One frame of today's format, all of it and nothing after it: the library
 * would also skip frames, join them, and read those of its early years. */
static bool one_frame(const uint8_t *p, size_t n)
{
	uint32_t magic = 0;

	if (n < MAGIC)
		return false;
	for (int i = MAGIC - 1; i >= 0; i--)
		magic = magic << 8 | p[i];
	return magic == ZSTD_MAGICNUMBER &&
	       ZSTD_findFrameCompressedSize(p, n) == n;
}

const void *zip_unpack(struct unzip *u, const void *p, size_t n, size_t size,
		       struct err *e)
{
	size_t r;

	if (!size || size > XP_DATA_MAX || n >= size || !one_frame(p, n)) {
		err_set(e, ERR_BUG, "malformed compressed data");
		return NULL;
	}
	if (!u->d)
		u->d = ZSTD_createDCtx();
	if (!u->d) {
		err_set(e, ERR_FAILED, "no memory to decompress");
		return NULL;
	}
	if (!u->out)
		u->out = mem_calloc(1, XP_DATA_MAX);
	r = ZSTD_decompressDCtx(u->d, u->out, size, p, n);
	if (ZSTD_isError(r)) {
		err_set(e, ERR_BUG, "decompressing: %s", ZSTD_getErrorName(r));
		return NULL;
	}
	if (r != size) {
		err_set(e, ERR_BUG, "%zu bytes decompressed where %zu are due",
			r, size);
		return NULL;
	}
	return u->out;
}

const void *zip_content(struct unzip *u, struct dec *d, size_t *n,
			struct err *e)
{
	size_t size = dec_u32(d);
	const void *p = d->p;

	if (d->bad) {
		err_set(e, ERR_BUG, "content without a size");
		return NULL;
	}
	*n = (size_t)(d->end - d->p);
	d->p = d->end;
	if (!size)
		return p;
	p = zip_unpack(u, p, *n, size, e);
	*n = size;
	return p;
}
