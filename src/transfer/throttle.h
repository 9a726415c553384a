/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bandwidth limit: a token bucket over all that one sender sends.  Its depth
 * is a tenth of a second's worth, so that the rate holds over any second.
 */
#ifndef NH_TRANSFER_THROTTLE_H
#define NH_TRANSFER_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

struct throttle {
	uint64_t rate; /* bytes a second, 0: no limit */
	int64_t last;  /* clock_mono_us() of the last filling */
	double tokens; /* may be negative: what was sent ahead */
};

void throttle_init(struct throttle *t, uint64_t rate);
/* Takes N bytes; returns how long to wait before sending them, in
 * microseconds. */
int64_t throttle_take(struct throttle *t, size_t n);
/* The largest piece worth sending at once: MAX, or less at low rates. */
size_t throttle_piece(const struct throttle *t, size_t max);

#endif
