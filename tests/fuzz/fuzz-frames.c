/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and their fields, as a peer of any kind may send them. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "core/buf.h"
#include "wire/wire.h"

struct bytes {
	const uint8_t *p;
	size_t n;
};

static ssize_t rd(void *self, void *p, size_t n, int64_t deadline,
		  struct err *e)
{
	struct bytes *b = self;
	/* Short reads are part of life. */
	size_t k = n < 7 ? n : n - n / 3;

	(void)deadline;
	(void)e;
	if (k > b->n)
		k = b->n;
	memcpy(p, b->p, k);
	b->p += k;
	b->n -= k;
	return (ssize_t)k;
}

/* The payload's first byte says how to read the rest. */
static void fields(const struct frame *f)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	struct err e = ERR_INIT;
	const char *s;
	struct dec d;
	size_t n;

	dec_init(&d, f->p, f->len);
	switch (dec_u8(&d) % 4) {
	case 0:
		dec_strv(&d, &v);
		for (size_t i = 0; i < v.n; i++)
			FUZZ_ASSERT(strlen(v.v[i]) <= f->len);
		break;
	case 1:
		FUZZ_ASSERT(dec_err(&d, &e) == -1 && e.kind != ERR_NONE);
		break;
	case 2:
		s = dec_str0(&d);
		FUZZ_ASSERT(!s || strlen(s) < f->len);
		FUZZ_ASSERT(strlen(dec_str(&d)) < f->len);
		s = dec_bytes(&d, &n);
		FUZZ_ASSERT(s ? s + n <= f->p + f->len : n == 0);
		break;
	default:
		dec_bool(&d);
		dec_u32(&d);
		dec_i64(&d);
		n = dec_count(&d, 9);
		FUZZ_ASSERT(n * 9 <= f->len);
	}
	err_clear(&e);
	if (dec_end(&d, "fuzz", &e))
		err_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct wire_ops ops = {.read = rd};
	struct bytes b = {data, size};
	struct err e = ERR_INIT;
	struct frame f;
	struct wire w;

	wire_init(&w, &ops, &b);
	while (!wire_recv(&w, &f, 0, &e)) {
		FUZZ_ASSERT(f.len <= WIRE_PAYLOAD_MAX);
		fields(&f);
	}
	FUZZ_ASSERT(e.kind != ERR_NONE);
	err_clear(&e);
	wire_clear(&w);
	return 0;
}

static size_t put(uint8_t *buf, size_t at, uint16_t type, const struct enc *c)
{
	uint8_t h[WIRE_HEADER] = {'N', 'H', 'F', '1'};

	h[6] = (uint8_t)(c->b.len >> 8);
	h[7] = (uint8_t)c->b.len;
	h[9] = (uint8_t)type;
	memcpy(buf + at, h, sizeof(h));
	memcpy(buf + at + sizeof(h), c->b.p, c->b.len);
	return at + sizeof(h) + c->b.len;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const char *const words[] = {"virsh", "list", "--all", NULL};
	AUTO(enc_clear) struct enc c = ENC_INIT;
	struct err e = ERR_INIT;
	size_t n;

	(void)cap;
	if (k > 3)
		return 0;
	enc_u8(&c, (uint8_t)k);
	if (k == 0) {
		enc_strv(&c, words);
	} else if (k == 1) {
		err_set(&e, ERR_LOCKED, "job %s has it", "j-1");
		enc_err(&c, &e);
		err_clear(&e);
	} else if (k == 2) {
		enc_str(&c, NULL);
		enc_str(&c, "/var/lib/nova/instances");
		enc_bytes(&c, "1234", 4);
	} else {
		enc_bool(&c, true);
		enc_u32(&c, 7);
		enc_i64(&c, -1);
		enc_count(&c, 0);
	}
	n = put(buf, 0, WIRE_OK, &c);
	return put(buf, n, WIRE_ERROR, &c);
}
