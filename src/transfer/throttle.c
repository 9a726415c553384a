/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/throttle.h"

#include "core/clock.h"

enum { PIECE_MIN = 4096 };

void throttle_init(struct throttle *t, uint64_t rate)
{
	*t = (struct throttle){.rate = rate, .last = clock_mono_us()};
}

static void fill(struct throttle *t)
{
	int64_t now = clock_mono_us();
	double depth = (double)t->rate / 10;

	t->tokens += (double)t->rate * (double)(now - t->last) / 1e6;
	if (t->tokens > depth)
		t->tokens = depth;
	t->last = now;
}

void throttle_set(struct throttle *t, uint64_t rate)
{
	fill(t);
	t->rate = rate;
	if (t->tokens < -(double)rate)
		t->tokens = -(double)rate;
}

void throttle_charge(struct throttle *t, uint64_t n)
{
	if (!t->rate)
		return;
	fill(t);
	t->tokens -= (double)n;
}

int64_t throttle_wait(struct throttle *t)
{
	int64_t us;

	if (!t->rate)
		return 0;
	fill(t);
	if (t->tokens >= 0)
		return 0;
	us = (int64_t)(-t->tokens * 1e6 / (double)t->rate);
	return us ? us : 1;
}

size_t throttle_piece(const struct throttle *t, size_t max)
{
	uint64_t n = t->rate / 20;

	if (!t->rate || n >= max)
		return max;
	return n < PIECE_MIN ? PIECE_MIN : (size_t)n / PIECE_MIN * PIECE_MIN;
}
