/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded transfers, to be played to one end of a transfer with something
 * wrong in them.
 *
 * A recording is what a real sender and a real receiver said to each other over
 * one small file; as bytes, each message is its length, 4 bytes big-endian, and
 * its payload (transfer/chan.h).
 */
#ifndef NH_TESTS_XFER_H
#define NH_TESTS_XFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "transfer/transfer.h"

enum xfer_case {
	XFER_WHOLE = 0, /* nothing is there */
	XFER_BLOCKS,	/* the file is there, and another */
	XFER_LIBRSYNC,	/* a relative is */
	XFER_RESUME,	/* half of it is, as .part */
	XFER_AGAIN,	/* as XFER_WHOLE, and then once more, changed */
	XFER_PACKED,	/* as XFER_WHOLE, compressed */
	XFER_CASES,
};

struct xfer {
	struct buf up, down; /* of the sender, of the receiver */
	char text[DIGEST_TEXT_MAX];
};

/* Makes the directory and every recording, once. */
const struct xfer *xfer_get(enum xfer_case k);
/* Removes the directory; at exit by itself. */
void xfer_clear(void);

/* Plays N bytes of recording, spoilt or not, to a receiver that has what case K
 * starts with.  Traps when a file has a name and is neither what it was nor
 * what one of the senders has read, or anything else was touched; true: a file
 * got its name. */
bool xfer_receive(enum xfer_case k, const uint8_t *p, size_t n);
/* Plays it to a sender of case K.  Traps when it calls a copy done whose digest
 * is another; true: it calls it done. */
bool xfer_send(enum xfer_case k, const uint8_t *p, size_t n);

/* One change to the recording at P: to a message's bytes, its length, its place
 * or its being there.  The new length; never more than CAP. */
size_t xfer_mutate(uint8_t *p, size_t n, size_t cap, unsigned seed);

/* Seed K of a fuzz target: a byte that says which case it is, and what its
 * sender said, or, DOWN, its receiver.  0: there is none. */
size_t xfer_seed(unsigned k, bool down, uint8_t *buf, size_t cap);

#endif
