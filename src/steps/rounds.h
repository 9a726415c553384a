/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rounds of a pre-copy: when another one is worth its while, and how long
 * the pass will take that runs while the guest is down.  Pure.
 *
 * The first round sends everything, each further one what changed while the one
 * before it ran.  So the bytes of a round, over the seconds of the one before
 * it, are how fast the guest writes; the final pass sends what it writes during
 * the last round, and reads everything once more.
 */
#ifndef NH_STEPS_ROUNDS_H
#define NH_STEPS_ROUNDS_H

#include <stddef.h>
#include <stdint.h>

/* What comes with every stop and start besides the copy, seconds: to disarm,
 * install, rewrite, define, start; not what the guest takes to power off. */
#define ROUNDS_REST_S 3

struct round {
	double seconds;
	uint64_t read, sent, matched; /* bytes */
};

/* How far a pre-copy may go.  A round that has begun is made whole: what it did
 * not send would be sent while the guest is down. */
struct rounds_bounds {
	unsigned max; /* rounds; 0: one */
	/* Seconds since its begin: a second round begins before that, and a
	 * later one if it is expected to end by then.  0: ROUNDS_TIME_S, or
	 * twice the first one if that is more. */
	unsigned seconds;
};

#define ROUNDS_TIME_S 3600

enum rounds_end {
	ROUNDS_MORE = 0,
	ROUNDS_SHORT,	/* the final pass is short already */
	ROUNDS_NO_GAIN, /* it sent about as much as the one before */
	ROUNDS_SPENT,	/* as many as were asked for */
	ROUNDS_LATE,	/* another one would take too long */
};

/* After the N rounds R (1 at least): another one? */
enum rounds_end rounds_judge(const struct round *r, size_t n,
			     const struct rounds_bounds *b);
/* Seconds that rounds may take of which R is the first. */
double rounds_time_s(const struct rounds_bounds *b, const struct round *r);
/* In words, for people and the journal. */
const char *rounds_end_name(enum rounds_end end);
/* How long the final pass will take if it begins right after them.  After one
 * round the guest's writes are not known: as long as that. */
double rounds_final_s(const struct round *r, size_t n);

#endif
