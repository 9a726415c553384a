/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "wire/wire.h"
#include "wire/wire_priv.h"

void enc_clear(struct enc *c)
{
	buf_clear(&c->b);
}

void enc_reset(struct enc *c)
{
	buf_reset(&c->b);
}

void enc_u8(struct enc *c, uint8_t v)
{
	buf_put(&c->b, &v, 1);
}

void enc_bool(struct enc *c, bool v)
{
	enc_u8(c, v ? 1 : 0);
}

void enc_u32(struct enc *c, uint32_t v)
{
	unsigned char b[4];

	be_put(b, v, sizeof(b));
	buf_put(&c->b, b, sizeof(b));
}

void enc_u64(struct enc *c, uint64_t v)
{
	unsigned char b[8];

	be_put(b, v, sizeof(b));
	buf_put(&c->b, b, sizeof(b));
}

void enc_i64(struct enc *c, int64_t v)
{
	enc_u64(c, (uint64_t)v);
}

/* length, bytes, NUL: so that the reader can point into the payload. */
void enc_str(struct enc *c, const char *s)
{
	size_t n;

	if (!s) {
		enc_u32(c, WIRE_NULL);
		return;
	}
	n = strlen(s);
	enc_u32(c, (uint32_t)n);
	buf_put(&c->b, s, n + 1);
}

void enc_bytes(struct enc *c, const void *p, size_t n)
{
	enc_u32(c, (uint32_t)n);
	if (n)
		buf_put(&c->b, p, n);
}

void enc_count(struct enc *c, size_t n)
{
	enc_u32(c, (uint32_t)n);
}

void enc_strv(struct enc *c, const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	enc_count(c, n);
	for (size_t i = 0; i < n; i++)
		enc_str(c, v[i]);
}

void enc_err(struct enc *c, const struct err *e)
{
	enc_str(c, err_kind_name(e->kind));
	enc_i64(c, e->sys);
	enc_str(c, err_msg(e));
	enc_str(c, e->hint);
}
