/* SPDX-License-Identifier: Apache-2.0 */
#include "steps/rounds.h"

#include <stdbool.h>

#define SHORT_S 2.0  /* a final pass under this is short */
#define LITTLE_S 0.5 /* and so is what is left to send */
#define NO_GAIN 0.7  /* of the bytes of the round before */

/* Seconds a byte costs to send: of the round that sent fastest. */
static double cost(const struct round *r, size_t n)
{
	double best = 0;

	for (size_t i = 0; i < n; i++) {
		double c = r[i].sent ? r[i].seconds / (double)r[i].sent : 0;

		if (c > 0 && (best <= 0 || c < best))
			best = c;
	}
	return best;
}

/* Seconds to send what the guest writes during the last round. */
static double change_s(const struct round *r, size_t n)
{
	const struct round *last = &r[n - 1], *before = last - 1;

	if (n < 2)
		return last->seconds;
	if (before->seconds <= 0)
		return 0;
	return cost(r, n) * (double)last->sent * last->seconds /
	       before->seconds;
}

double rounds_final_s(const struct round *r, size_t n)
{
	const struct round *last = &r[n - 1];
	double reading;

	/* A round that found the files as they were has not read them; the
	 * final pass does. */
	while (last > r && !last->read)
		last--;
	reading = last->seconds - cost(r, n) * (double)last->sent;

	return (reading > 0 ? reading : 0) + change_s(r, n);
}

double rounds_time_s(const struct rounds_bounds *b, const struct round *r)
{
	if (b->seconds)
		return b->seconds;
	return r->seconds > ROUNDS_TIME_S / 2.0 ? 2 * r->seconds
						: ROUNDS_TIME_S;
}

/* Another round is what the final pass would be now; but what the second one
 * takes nobody knows before it. */
static bool late(const struct round *r, size_t n, const struct rounds_bounds *b)
{
	double sum = n > 1 ? rounds_final_s(r, n) : 0;

	for (size_t i = 0; i < n; i++)
		sum += r[i].seconds;
	return sum >= rounds_time_s(b, r);
}

enum rounds_end rounds_judge(const struct round *r, size_t n,
			     const struct rounds_bounds *b)
{
	/* After one round the guest's writes are not known, and a second round
	 * costs it nothing. */
	if ((n > 1 && rounds_final_s(r, n) < SHORT_S) ||
	    change_s(r, n) < LITTLE_S)
		return ROUNDS_SHORT;
	if (n >= 2 && (double)r[n - 1].sent > NO_GAIN * (double)r[n - 2].sent)
		return ROUNDS_NO_GAIN;
	if (n >= b->max)
		return ROUNDS_SPENT;
	return late(r, n, b) ? ROUNDS_LATE : ROUNDS_MORE;
}

const char *rounds_end_name(enum rounds_end end)
{
	switch (end) {
	case ROUNDS_MORE:
		return "another one follows";
	case ROUNDS_SHORT:
		return "little is left for the final pass";
	case ROUNDS_NO_GAIN:
		return "another one would gain little";
	case ROUNDS_SPENT:
		return "no more were asked for";
	case ROUNDS_LATE:
		return "another one would not end in the time that it has";
	}
	return "?";
}
