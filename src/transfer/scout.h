/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a file by several threads, ahead of who compares it: what of it is as
 * the other host has it need not be looked at again.
 *
 *	s = scout_start(&cfg);			NULL: it is not worth it
 *	for each segment, in order, any left out:
 *		while (!scout_take(s, off, 100000, &r))
 *			...			what else is to be done
 *		r: its blocks, until the next scout_take(); NULL: not known
 *	scout_stop(s);				NULL is fine
 *
 * Threads pull segments off a shared counter, at most SCOUT_AHEAD of them
 * before the one that was taken last.  They keep no data: a block that differs
 * is read once more, from the page cache, by who sends it, and its tag is that
 * of what was sent.  What cannot be read is not known; who comes for it finds
 * out why.
 *
 * Memory: 512 KiB a thread, and 1 KiB a segment.
 */
#ifndef NH_TRANSFER_SCOUT_H
#define NH_TRANSFER_SCOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "transfer/fingerprint.h"

enum {
	SCOUT_SEGMENT = 1 << 20,
	SCOUT_BLOCKS = SCOUT_SEGMENT / FINGERPRINT_BLOCK,
	SCOUT_AHEAD = 64,
	SCOUT_THREADS = 4,
};

struct scout_block {
	bool known;
	bool zero; /* all of it; TAG is zeros */
	/* No FINGERPRINT_FINE bytes of it are zeros: so nothing of it is a
	 * hole. */
	bool solid;
	uint8_t tag[FINGERPRINT_LEN];
};

struct scout_cfg {
	int fd;		    /* borrowed */
	uint64_t from, to;  /* FROM is a multiple of SCOUT_SEGMENT */
	const uint8_t *key; /* FINGERPRINT_KEY bytes, copied */
	unsigned threads;   /* 0: as the processors are */
};

struct scout;

struct scout *scout_start(const struct scout_cfg *cfg);
void scout_stop(struct scout *s);
/* *R: the SCOUT_BLOCKS of the segment at OFF.  Offsets rise.  false: they are
 * not there within TIMEOUT_US. */
bool scout_take(struct scout *s, uint64_t off, int64_t timeout_us,
		const struct scout_block **r);

#endif
