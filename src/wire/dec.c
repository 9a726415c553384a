/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "wire/wire.h"
#include "wire/wire_priv.h"

void dec_init(struct dec *d, const void *p, size_t n)
{
	d->p = p;
	d->end = d->p ? d->p + n : d->p;
	d->bad = false;
}

/* N bytes, or NULL once bad. */
static const unsigned char *take(struct dec *d, size_t n)
{
	const unsigned char *p = d->p;

	if (d->bad || (size_t)(d->end - d->p) < n) {
		d->bad = true;
		return NULL;
	}
	d->p += n;
	return p;
}

static uint64_t number(struct dec *d, size_t n)
{
	const unsigned char *p = take(d, n);

	return p ? be_get(p, n) : 0;
}

uint8_t dec_u8(struct dec *d)
{
	return (uint8_t)number(d, 1);
}

bool dec_bool(struct dec *d)
{
	uint8_t v = dec_u8(d);

	if (v > 1)
		d->bad = true;
	return v == 1;
}

uint32_t dec_u32(struct dec *d)
{
	return (uint32_t)number(d, 4);
}

uint64_t dec_u64(struct dec *d)
{
	return number(d, 8);
}

int64_t dec_i64(struct dec *d)
{
	return (int64_t)number(d, 8);
}

const char *dec_str0(struct dec *d)
{
	uint32_t n = dec_u32(d);
	const unsigned char *p;

	if (d->bad || n == WIRE_NULL)
		return NULL;
	p = take(d, (size_t)n + 1);
	if (p && memchr(p, '\0', (size_t)n + 1) != p + n) {
		d->bad = true;
		p = NULL;
	}
	return (const char *)p;
}

const char *dec_str(struct dec *d)
{
	const char *s = dec_str0(d);

	if (!s) {
		d->bad = true;
		return "";
	}
	return s;
}

const void *dec_bytes(struct dec *d, size_t *n)
{
	const unsigned char *p;

	*n = dec_u32(d);
	p = take(d, *n);
	if (!p)
		*n = 0;
	return p;
}

size_t dec_count(struct dec *d, size_t min)
{
	size_t n = dec_u32(d);

	/* A count that cannot be true must not size an allocation. */
	if (d->bad || n > (size_t)(d->end - d->p) / min) {
		d->bad = true;
		return 0;
	}
	return n;
}

void dec_strv(struct dec *d, struct strv *out)
{
	size_t n = dec_count(d, 5);

	for (size_t i = 0; i < n && !d->bad; i++)
		strv_add(out, dec_str(d));
}

int dec_end(struct dec *d, const char *what, struct err *e)
{
	if (!d->bad && d->p == d->end)
		return 0;
	return err_set(e, ERR_BUG, "%s: %s fields than were sent", what,
		       d->bad ? "more or other" : "fewer");
}

int dec_err(struct dec *d, struct err *e)
{
	const char *kind = dec_str(d);
	int64_t sys = dec_i64(d);
	const char *msg = dec_str(d);
	const char *hint = dec_str0(d);
	enum err_kind k = err_kind_by_name(kind);

	if (d->bad || d->p != d->end || k == ERR_NONE)
		return err_set(e, ERR_BUG, "an error that cannot be read");
	err_set(e, k, "%s", msg);
	e->sys = (int)sys;
	if (hint)
		err_hint(e, "%s", hint);
	return -1;
}
