/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/throttle.h"

#include "core/clock.h"

enum { PIECE_MIN = 4096 };

void throttle_init(struct throttle *t, uint64_t rate)
{
	*t = (struct throttle){.rate = rate, .last = clock_mono_us()};
}

int64_t throttle_take(struct throttle *t, size_t n)
{
	int64_t now;
	double depth;

	if (!t->rate)
		return 0;
	now = clock_mono_us();
	depth = (double)t->rate / 10;
	t->tokens += (double)t->rate * (double)(now - t->last) / 1e6;
	if (t->tokens > depth)
		t->tokens = depth;
	t->last = now;
	t->tokens -= (double)n;
	if (t->tokens >= 0)
		return 0;
	return (int64_t)(-t->tokens * 1e6 / (double)t->rate);
}

size_t throttle_piece(const struct throttle *t, size_t max)
{
	uint64_t n = t->rate / 20;

	if (!t->rate || n >= max)
		return max;
	return n < PIECE_MIN ? PIECE_MIN : (size_t)n / PIECE_MIN * PIECE_MIN;
}
