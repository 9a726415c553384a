/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/grain.h"

#include <stdbool.h>

enum { SLOW = 4 }; /* of the mean, the last one is a so-manieth part */

enum grain_kind grain_pick(struct grain *g)
{
	bool small;

	for (int k = 0; k < GRAIN_KINDS; k++)
		if (!g->cost[k])
			return (enum grain_kind)k;
	small = g->cost[GRAIN_SMALL] < g->cost[GRAIN_LARGE];
	if (++g->n % GRAIN_TRY == 0)
		small = !small;
	return small ? GRAIN_SMALL : GRAIN_LARGE;
}

size_t grain_size(enum grain_kind k)
{
	return k == GRAIN_SMALL ? GRAIN_SMALL_BYTES : GRAIN_LARGE_BYTES;
}

void grain_note(struct grain *g, enum grain_kind k, size_t n, int64_t ns)
{
	int64_t cost;

	if (n < GRAIN_MIN || ns <= 0)
		return;
	cost = (int64_t)((double)ns * (1 << 20) / (double)n) + 1;
	g->cost[k] =
		g->cost[k] ? g->cost[k] + (cost - g->cost[k]) / SLOW : cost;
}
