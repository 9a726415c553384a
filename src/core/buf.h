/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte string, always NUL-terminated, and a vector of strings.
 *
 *	AUTO(buf_clear) struct buf b = BUF_INIT;
 *
 *	buf_printf(&b, "%s\n", line);
 *	write(fd, b.p, b.len);
 */
#ifndef NH_CORE_BUF_H
#define NH_CORE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"

struct buf {
	char *p; /* NULL until the first byte */
	size_t len, cap;
};

#define BUF_INIT                                                               \
	{                                                                      \
		0                                                              \
	}

void buf_clear(struct buf *b);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) NH_PRINTF(2, 3);
/* Room for N more bytes at b->p + b->len; the caller adds to b->len itself. */
char *buf_reserve(struct buf *b, size_t n);
/* The string, never NULL; valid until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the bytes to the caller and empties B; never NULL. */
char *buf_steal(struct buf *b) NH_DEALLOC(mem_free) NH_NONNULL;
/* Empties B, keeping its memory. */
void buf_reset(struct buf *b);

/* A NULL-terminated vector of owned strings, as execv() takes. */
struct strv {
	char **v; /* NULL while empty */
	size_t n;
};

#define STRV_INIT                                                              \
	{                                                                      \
		0                                                              \
	}

void strv_clear(struct strv *v);
void strv_add(struct strv *v, const char *s);
void strv_addf(struct strv *v, const char *fmt, ...) NH_PRINTF(2, 3);
void strv_addv(struct strv *v, const char *const *s); /* NULL-terminated */
bool strv_has(const struct strv *v, const char *s);
/* Splits S at any of the bytes of SEP; empty pieces are dropped. */
void strv_split(struct strv *v, const char *s, const char *sep);
/* All pieces with SEP between; the caller frees. */
char *strv_join(const struct strv *v, const char *sep)
	NH_DEALLOC(mem_free) NH_NONNULL;

/* Lower-case hex of N bytes; OUT has room for 2 * N + 1. */
void hex_encode(const void *p, size_t n, char *out);
/* Exactly 2 * N hex digits in S; false if not. */
bool hex_decode(const char *s, void *out, size_t n);

#endif
