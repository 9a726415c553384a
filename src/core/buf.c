/* SPDX-License-Identifier: Apache-2.0 */
#include "core/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_clear(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf)BUF_INIT;
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1;

	if (need < n)
		abort();
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap : 64;

		while (cap < need)
			cap = cap > SIZE_MAX / 2 ? need : cap * 2;
		b->p = mem_realloc(b->p, cap, 1);
		b->cap = cap;
	}
	return b->p + b->len;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	char *at = buf_reserve(b, n);

	if (n)
		memcpy(at, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = mem_vprintf(fmt, ap);
	va_end(ap);
	buf_puts(b, s);
	mem_free(s);
}

const char *buf_str(const struct buf *b)
{
	return b->p && b->len ? b->p : "";
}

char *buf_steal(struct buf *b)
{
	char *p = b->p ? b->p : mem_strdup("");

	*b = (struct buf)BUF_INIT;
	return p;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->p)
		b->p[0] = '\0';
}

void strv_clear(struct strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		mem_free(v->v[i]);
	mem_free(v->v);
	*v = (struct strv)STRV_INIT;
}

static void strv_take(struct strv *v, char *s)
{
	v->v = mem_realloc(v->v, v->n + 2, sizeof(*v->v));
	v->v[v->n++] = s;
	v->v[v->n] = NULL;
}

void strv_add(struct strv *v, const char *s)
{
	strv_take(v, mem_strdup(s));
}

void strv_addf(struct strv *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(v, mem_vprintf(fmt, ap));
	va_end(ap);
}

void strv_addv(struct strv *v, const char *const *s)
{
	for (; *s; s++)
		strv_add(v, *s);
}

bool strv_has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->v[i], s))
			return true;
	return false;
}

void strv_split(struct strv *v, const char *s, const char *sep)
{
	while (*(s += strspn(s, sep))) {
		size_t n = strcspn(s, sep);

		strv_take(v, mem_strndup(s, n));
		s += n;
	}
}

char *strv_join(const struct strv *v, const char *sep)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < v->n; i++) {
		if (i)
			buf_puts(&b, sep);
		buf_puts(&b, v->v[i]);
	}
	return buf_steal(&b);
}

void hex_encode(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * n] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *s, void *out, size_t n)
{
	uint8_t *b = out;

	if (strlen(s) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = nibble(s[2 * i]), lo = nibble(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		b[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}
