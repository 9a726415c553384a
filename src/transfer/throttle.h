/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bandwidth limit: a token bucket over all that one sender sends, of whatever
 * file and over however many streams.  Its depth is a tenth of a second's
 * worth, so that the rate holds over any second.
 *
 *	throttle_charge(&t, bytes);		what has gone out
 *	while ((us = throttle_wait(&t)) > 0)	before the next
 *		rest for US, or less
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
/* From now on; what was sent ahead under the old rate is not forgotten, but
 * costs no more than a second. */
void throttle_set(struct throttle *t, uint64_t rate);
void throttle_charge(struct throttle *t, uint64_t n);
/* How long nothing may be sent, in microseconds; 0: go on. */
int64_t throttle_wait(struct throttle *t);
/* The largest piece worth sending at once: MAX, or less at low rates. */
size_t throttle_piece(const struct throttle *t, size_t max);

#endif
