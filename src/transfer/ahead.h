/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target's fingerprints, asked for ahead of the pass that compares with
 * them: 16 for each MiB, so many requests at once that no pass waits for a
 * round trip, and nothing has to be held until its answer comes.  What then
 * differs is asked about more finely (XP_CMP).
 *
 * A tag of zeros alone says that there is no whole block of data there.
 */
#ifndef NH_TRANSFER_AHEAD_H
#define NH_TRANSFER_AHEAD_H

#include "transfer/chan.h"
#include "transfer/fingerprint.h"
#include "transfer/target.h"

enum {
	AHEAD_BLOCKS = 256, /* tags in one answer: of 16 MiB */
	AHEAD_CHUNKS = 8,   /* requests unanswered or of use */
};

/* The receiver's part: answers the XP_TAGS that M is. */
struct ahead_from {
	struct chan *c;
	struct target *t;
	void *buf; /* FINGERPRINT_BLOCK bytes */
};
int ahead_answer(const struct ahead_from *a, struct chan_msg *m, struct err *e);

/* What the sender has asked for. */
struct ahead_chunk {
	uint64_t off;
	uint32_t n; /* blocks */
	bool answered;
	uint8_t tag[AHEAD_BLOCKS][FINGERPRINT_LEN];
};

struct ahead {
	uint64_t next, end; /* what is not asked for yet */
	struct ahead_chunk chunk[AHEAD_CHUNKS];
	unsigned head, count; /* a ring */
};

#endif
