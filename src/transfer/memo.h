/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sender remembers of a file that it has copied, for the next pass over
 * it within the same session: the fingerprint of each 64 KiB block, and the
 * digests of its segments.  With it, and with a receiver that says that its
 * file is still the one of then, the final pass reads the source only, sends
 * only what changed and digests only segments that changed.
 *
 * 17 bytes a block, nothing for segments of zeros, from one budget for all
 * files of a session (16 MiB: 60 GiB of data).  A segment that found no room is
 * unknown, and is compared as if there were no memo.
 */
#ifndef NH_TRANSFER_MEMO_H
#define NH_TRANSFER_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "transfer/digest.h"
#include "transfer/fingerprint.h"

enum { MEMO_BLOCKS = DIGEST_SEGMENT / FINGERPRINT_BLOCK };

enum memo_block {
	MEMO_UNKNOWN = 0, /* also: beyond the end */
	MEMO_ZERO,
	MEMO_TAG,
};

/* One segment. */
struct memo_segment {
	uint8_t state[MEMO_BLOCKS]; /* enum memo_block */
	uint8_t tag[MEMO_BLOCKS][FINGERPRINT_LEN];
};

struct memo {
	char *rel; /* on the target */
	/* The copy was completed with this digest; "" while one is under way,
	 * or after it failed. */
	char text[DIGEST_TEXT_MAX];
	struct digest *sum;
	const struct memo_segment **seg; /* NULL: unknown */
	uint64_t n;
	struct memo *next;
};

/* All files of one session. */
struct memos {
	struct memo *first;
	unsigned segments; /* allocated */
};

void memos_clear(struct memos *all);
/* The one of REL, made if need be. */
struct memo *memos_find(struct memos *all, const char *rel);
/* Forgets all that M knows. */
void memo_reset(struct memos *all, struct memo *m);

/* The copy is complete: M is of a file of digest TEXT and the segments of SUM,
 * which M takes. */
void memo_done(struct memos *all, struct memo *m, const char *text,
	       struct digest *sum);

/* What is known of segment I; NULL: nothing. */
const struct memo_segment *memo_get(const struct memo *m, uint64_t i);
void memo_set(struct memos *all, struct memo *m, uint64_t i,
	      const struct memo_segment *s);

#endif
