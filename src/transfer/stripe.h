/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One channel's messages over several byte streams ("lanes").
 *
 * One ssh connection carries at most sshd's window of 2 MiB in a round trip,
 * and as much as one core can encrypt.  So messages get numbers and go, whole,
 * to the lane with the shortest queue; the other end puts them into their order
 * again.  Sender and receiver above see one ordered channel (transfer/chan.h).
 *
 *	sending end				receiving end
 *	lane 0, also: all that is not ours -->	the request itself
 *	lane 1 ... each with a queue and    -->	whatever reads them gives each
 *	  a thread that empties it		  message to stripe_in_put()
 *
 * What a lane's pipe takes at once never comes into its queue.
 *
 * Lane 0 is there from the start.  Others are opened on threads of their own:
 * some at once where a round trip takes long, the rest only while the sender
 * waits for room, one after another.  So a short transfer between near hosts
 * pays for none; and one that cannot be opened is done without.  A lane that
 * breaks after it was used breaks the channel.
 *
 * The way back is lane 0's alone; little goes there.
 *
 * Memory: at most two queues and two messages a lane here; there what is under
 * way, which the sender's window bounds (transfer/chan.h, xp_cost()).
 */
#ifndef NH_TRANSFER_STRIPE_H
#define NH_TRANSFER_STRIPE_H

#include "core/buf.h"
#include "core/err.h"
#include "wire/wire.h"

enum {
	STRIPE_LANES = 8,
	STRIPE_QUEUE = 512 << 10, /* above it a lane takes no more */
	STRIPE_NUMBER = 8,	  /* bytes of a message's number */
	/* Messages and bytes that may wait for an earlier one. */
	STRIPE_SPAN = 65536,
	STRIPE_BYTES = 40 << 20,
};

/* ---- the sending end ------------------------------------------------- */

struct stripe;

struct stripe_cfg {
	unsigned lanes; /* at most so many, with the first */
	unsigned eager; /* so many at once, for they take long to open */
	/* Waiting for so long in all is worth a further lane. */
	int64_t patience_us;
	/* Nothing is opened before so many bytes were sent. */
	uint64_t after;
	/* Opens lane I (1 ...) on the lane's own thread: may block, but not
	 * once the opener's owner has begun to close it.  *FD is borrowed until
	 * stripe_free(). */
	int (*open)(void *arg, unsigned i, int *fd, struct err *e);
	void *arg;
};

/* How a lane's bytes go out where that is not write(2): the same for lane LANE,
 * whose descriptor is polled for room after EAGAIN. */
struct stripe_io {
	ssize_t (*write)(void *arg, unsigned lane, const void *p, size_t n);
	void *arg;
};

/* One lane over FD: borrowed, made non-blocking, a pipe made long.  IO (copied)
 * is NULL for write(2).  NULL when there is no thread. */
struct stripe *stripe_new(int fd, const struct stripe_io *io, struct err *e);
/* Allows for more; once, at any time. */
void stripe_allow(struct stripe *s, const struct stripe_cfg *cfg);
/* Ends the threads; what is still queued is dropped.  Whoever may block in
 * cfg->open must have been woken. */
void stripe_free(struct stripe *s);

/* Raw bytes to lane 0, in order with what went there: a wire_ops.write. */
int stripe_write(struct stripe *s, const void *p, size_t n, int64_t deadline,
		 struct err *e);
/* A message: F with the number before its payload, and DATA after it.  -1 with
 * e->sys ETIMEDOUT when no lane had room before DEADLINE. */
int stripe_send(struct stripe *s, const struct frame *f, const void *data,
		size_t n, int64_t deadline, struct err *e);
/* -1 when a lane is broken, though nobody writes to it just now. */
int stripe_check(struct stripe *s, struct err *e);

/* Lanes open now, and why one could not be opened; "" if none failed. */
unsigned stripe_lanes(struct stripe *s);
void stripe_why(struct stripe *s, char *out, size_t size);

/* ---- the receiving end ----------------------------------------------- */

/* A frame's payload, as it lies in memory: after SKIP bytes of B. */
struct stripe_slot {
	struct buf b;
	size_t skip;
	bool full;
};

struct stripe_in {
	uint64_t next; /* the number that is due */
	struct stripe_slot *slot;
	size_t nslot; /* a power of two, or 0 */
	size_t count, bytes;
	struct stripe_slot cur; /* what the caller holds */
	struct buf spare;
};

void stripe_in_init(struct stripe_in *in);
void stripe_in_clear(struct stripe_in *in);
/* Takes a message whose number stands SKIP bytes into B; B's bytes change
 * places with others.  ERR_BUG for a number twice, one too far ahead, or too
 * much that waits. */
int stripe_in_put(struct stripe_in *in, struct buf *b, size_t skip,
		  struct err *e);
/* The message that is due, without its number, valid until the next call. */
bool stripe_in_next(struct stripe_in *in, const char **p, size_t *n);

#endif
