/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered messages of several lanes, in any order: they come out in theirs,
 * each as it was, or are refused. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "core/buf.h"
#include "transfer/stripe.h"

/* Three bytes make one: where it stands against what is due, its length, how
 * much goes before it. */
enum { ITEM = 3, BEFORE = 16 };

static uint64_t number_of(const struct stripe_in *in, uint8_t where)
{
	if (where == 255)
		return UINT64_MAX;
	if (where == 254)
		return in->next + STRIPE_SPAN;
	if (where == 253)
		return in->next + (1ULL << 40);
	return in->next + where - BEFORE;
}

static int put(struct stripe_in *in, const uint8_t *p, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	uint64_t number = number_of(in, p[0]);
	size_t skip = p[2] % 40;

	for (size_t i = 0; i < skip; i++)
		buf_putc(&b, 'x');
	for (int i = 56; i >= 0; i -= 8)
		buf_putc(&b, (char)(number >> i));
	for (size_t i = 0; i < p[1]; i++)
		buf_putc(&b, (char)number);
	/* Too short for a number. */
	if (p[2] >= 240)
		b.len = skip + p[2] % 8;
	return stripe_in_put(in, &b, skip, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stripe_in in;
	struct err e = ERR_INIT;
	uint64_t due = 0;
	const char *p;
	size_t n;

	stripe_in_init(&in);
	due = in.next;
	for (; size >= ITEM; data += ITEM, size -= ITEM) {
		if (put(&in, data, &e)) {
			FUZZ_ASSERT(e.kind != ERR_NONE);
			err_clear(&e);
			continue;
		}
		FUZZ_ASSERT(in.bytes <= STRIPE_BYTES);
		while (data[1] % 2 && stripe_in_next(&in, &p, &n)) {
			for (size_t i = 0; i < n; i++)
				FUZZ_ASSERT(p[i] == (char)due);
			due++;
		}
	}
	stripe_in_clear(&in);
	return 0;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const uint8_t order[] = {0, 0, 0, 3, 1, 2, 5, 0, 0, 1, 0};
	size_t n = 0;

	(void)cap;
	if (k > 2)
		return 0;
	for (size_t i = 0; i < sizeof(order); i++) {
		buf[n++] = (uint8_t)(BEFORE + (k ? order[i] : 0));
		buf[n++] = (uint8_t)(k == 2 ? 10 : 11);
		buf[n++] = 24;
	}
	return n;
}
