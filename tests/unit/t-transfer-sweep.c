/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a recorded transfer with any one byte changed, any one message gone,
 * doubled or cut short, gives no wrong file a name.  Deterministic: every byte
 * of every message's first 64, and every 61st after them. */
#include "unit/unit.h"

#include <stdio.h>

#include "core/mem.h"
#include "fuzz/xfer.h"

enum { DENSE = 64, STEP = 61 };

static unsigned plays, done;

static size_t message(const uint8_t *p)
{
	return 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 |
		    (size_t)p[2] << 8 | p[3]);
}

static void play(enum xfer_case k, bool up, const uint8_t *p, size_t n)
{
	plays++;
	done += up ? xfer_receive(k, p, n) : xfer_send(k, p, n);
}

/* Every byte that counts of the message at AT. */
static void spoil(enum xfer_case k, bool up, uint8_t *p, size_t n, size_t at)
{
	static const uint8_t by[] = {0x01, 0x80, 0xff};
	size_t end = at + message(p + at);

	for (size_t i = at + 4; i < end; i += i < at + 4 + DENSE ? 1 : STEP) {
		uint8_t was = p[i];

		for (size_t b = 0; b < (up ? sizeof(by) : 1); b++) {
			p[i] ^= by[b];
			play(k, up, p, n);
			p[i] = was;
		}
	}
}

/* Gone, twice, once more before the last message, and the end of the
 * recording. */
static void move(enum xfer_case k, bool up, const uint8_t *p, size_t n,
		 size_t at)
{
	size_t len = message(p + at), end = at + len;
	uint8_t *q = mem_calloc(1, n + len);
	size_t last = at;

	memcpy(q, p, at);
	memcpy(q + at, p + end, n - end);
	play(k, up, q, n - len);
	memcpy(q, p, end);
	memcpy(q + end, p + at, n - at);
	play(k, up, q, n + len);
	while (last + message(p + last) < n)
		last += message(p + last);
	memcpy(q, p, last);
	memcpy(q + last, p + at, len);
	memcpy(q + last + len, p + last, n - last);
	play(k, up, q, n + len);
	play(k, up, p, end - len / 2);
	mem_free(q);
}

static void sweep(enum xfer_case k, bool up)
{
	const struct xfer *x = xfer_get(k);
	const struct buf *b = up ? &x->up : &x->down;
	uint8_t *p = mem_dup(b->p, b->len);
	unsigned was = plays;

	/* As it was, it ends well. */
	if (k != XFER_AGAIN || up)
		assert_true(up ? xfer_receive(k, p, b->len)
			       : xfer_send(k, p, b->len));
	for (size_t at = 0; at < b->len; at += message(p + at)) {
		spoil(k, up, p, b->len, at);
		move(k, up, p, b->len, at);
	}
	fprintf(stderr, "case %d, %s: %u\n", (int)k,
		up ? "to the receiver" : "to the sender", plays - was);
	mem_free(p);
}

static void t_receiver(void **state)
{
	(void)state;
	for (int k = 0; k < XFER_CASES; k++)
		sweep((enum xfer_case)k, true);
	fprintf(stderr, "%u plays, %u of them harmless\n", plays, done);
	assert_true(plays > 1000 && done < plays);
}

static void t_sender(void **state)
{
	(void)state;
	for (int k = 0; k < XFER_AGAIN; k++)
		sweep((enum xfer_case)k, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(t_receiver),
					   cmocka_unit_test(t_sender)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
