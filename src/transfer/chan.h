/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between a sender and a receiver, over whatever carries them.
 *
 *	sender (the source's agent)             receiver (the target's agent)
 *	OPEN    name, mode, size, key, basis -->
 *	                                     <-- OPENED  what is there already,
 *					or that it is this very file: the end
 *	CMP     tags of a sample             --> (only where the method is
 *chosen)
 *	                                     <-- DIFF
 *	BEGIN   method                       -->
 *	                                     <-- BEGUN   NAME.part is open
 *	CMP     tags of blocks               -->
 *	                                     <-- DIFF    which differ, finer
 *tags DATA, ZERO                           -->
 *	                                     <-- ACK     how much was written
 *	MARK    all below is final           --> (it may be digested)
 *	SIG     (librsync)                   -->
 *	                                     <-- SIG ... SIG_END
 *	RUN, DELTA ...                       -->
 *	                                     <-- ACK
 *	BAD     what could not be read       --> (if anything)
 *	END     size, digest, bytes not read -->
 *	                                     <-- SUM     synced and read back
 *	COMMIT                               -->
 *	                                     <-- COMMITTED  renamed
 *
 * Either side may leave this path.  The receiver says ERROR and drops all until
 * ABORT; the sender says ABORT and drops all until ABORTED.  After that the
 * next OPEN may come.  ALIVE says only that a long piece of work goes on.
 *
 * Instead of OPEN, many small files may begin: transfer/small.h.
 *
 * No side can block the other for ever.  At most a window of DATA, ZERO and
 * DELTA, counted by xp_cost(), is under way unacknowledged, and at most STRIDES
 * compare requests are unanswered.  The answers to all that, some 10 bytes for
 * each MiB or second and 4 KiB a stride, fit into any pipe: the receiver never
 * waits for the sender to read.  And it always reads, so the sender's waiting
 * ends.
 * The window grows with the streams that carry the channel
 * (transfer/stripe.h), and with it only what may wait there for an earlier
 * message.
 *
 * A message is one frame of type WIRE_DATA: a byte of enum xp_type, then fields
 * (wire/wire.h), then, for some, raw bytes to the end.  Content is u32 size and
 * raw bytes: they themselves when it is 0, else one zstd frame of so many
 * (transfer/zip.h).
 */
#ifndef NH_TRANSFER_CHAN_H
#define NH_TRANSFER_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "wire/wire.h"

enum xp_type {
	XP_NONE = 0,
	/* from the sender */
	XP_OPEN,   /* str rel, u32 mode, u64 size, str0 basis, bytes key, bool
		      full, str digest that it has if it was not written to since,
		      or "" */
	XP_BEGIN,  /* u8 enum transfer_delta */
	XP_CMP,	   /* u64 at, bool fine, count, (u64 off, u32 len, tag)... */
	XP_TAGS,   /* u64 off, u32 blocks: transfer/ahead.h */
	XP_DATA,   /* u64 off, content */
	XP_ZERO,   /* u64 off, u64 len */
	XP_MARK,   /* u64 pos */
	XP_SIG,	   /* u64 from: truncate there, send the signature */
	XP_RUN,	   /* u64 off: the next DELTA starts a delta of its own there */
	XP_DELTA,  /* content */
	XP_BAD,	   /* count, (u64 off, u64 len)...: what is left out */
	XP_END,	   /* u64 size, str digest, u64 bytes that BAD has told of */
	XP_COMMIT, /* - */
	XP_ABORT,  /* - */
	XP_CALM,   /* u8 enum calm; between files, not answered */
	XP_SMALL,  /* u8 enum small_type, ...: transfer/small.h */
	/* from the receiver */
	XP_OPENED,   /* u64 part, u64 name, bool in place, u64 basis (~0: none),
			str digest of the name's file, if kept, bool done: it is
			the one that was offered, u64 allocated */
	XP_BEGUN,    /* u64 size of the part */
	XP_DIFF,     /* u64 at, count, (u8 enum xp_diff, [bytes tags])... */
	XP_TAGS_ARE, /* u64 off, raw: a tag for each block */
	XP_ACK,	     /* u64 sum of xp_cost() since OPEN */
	XP_SIG_DATA, /* raw */
	XP_SIG_END,  /* - */
	XP_SUM,	     /* str digest, u64 allocated */
	XP_COMMITTED,	 /* - */
	XP_ABORTED,	 /* - */
	XP_ERROR,	 /* err */
	XP_ALIVE,	 /* - */
	XP_SMALL_ANSWER, /* u8 enum small_type, ... */
};

enum xp_diff {
	XP_SAME = 0,
	XP_OTHER,      /* all of it */
	XP_OTHER_SUB,  /* the tags of its 4 KiB pieces follow */
	XP_OTHER_ZERO, /* all zeros here */
};

enum {
	XP_WINDOW = 4 << 20, /* bytes unacknowledged, over one stream */
	XP_WINDOW_MAX = 24 << 20,
	XP_COST_MIN = 1024,
	XP_STRIDE = 1 << 20, /* compared in one request */
	XP_STRIDES = 8,	     /* requests unanswered */
	XP_MARK_EVERY = 4 << 20,
	XP_DATA_MAX = 256 << 10, /* raw bytes in one DATA, DELTA, SIG_DATA */
	XP_ACK_EVERY = 1 << 20,
	XP_UNITS_MAX = 512, /* in one CMP */
};

#define XP_ABSENT UINT64_MAX
/* The largest file: its tags take 9 bytes for each 16 MiB at least. */
#define XP_SIZE_MAX (64ULL << 40)
/* Silence for so long means that the peer is lost.  A failing disk can keep a
 * read for minutes. */
#define XP_DEAD_US (180 * 1000000LL)
/* The longest silence of a living peer. */
#define XP_ALIVE_US (1 * 1000000LL)

/* What N bytes of DATA or DELTA, or a ZERO (N = 0), count for in the window:
 * the number of messages that are under way is bounded, too. */
static inline size_t xp_cost(size_t n)
{
	return n < XP_COST_MIN ? XP_COST_MIN : n;
}

struct chan_ops {
	/* One frame of type WIRE_DATA, HEAD and DATA its payload. */
	int (*send)(void *self, const struct enc *head, const void *data,
		    size_t n, struct err *e);
	/* The next one's payload, valid until the next call.  -1 with e->sys
	 * ETIMEDOUT when none came in time. */
	int (*recv)(void *self, const char **p, size_t *n, int64_t timeout_us,
		    struct err *e);
};

struct chan {
	const struct chan_ops *ops;
	void *self;
	struct enc head;  /* of the message being made */
	uint64_t out, in; /* bytes of payload */
	int64_t last_out; /* clock_mono_us() */
	int64_t last_in;
	int64_t waited; /* in sending and for messages, microseconds in all */
	size_t window;	/* of the sender; 0: XP_WINDOW */
	bool broken;	/* send or recv failed: the peer is lost */
};

struct chan_msg {
	enum xp_type type;
	struct dec d; /* after the type */
};

void chan_init(struct chan *c, const struct chan_ops *ops, void *self);
/* Over a wire whose frames are all ours; W is borrowed. */
void chan_init_wire(struct chan *c, struct wire *w);
void chan_clear(struct chan *c);

/* Starts a message; the caller adds fields to what is returned. */
struct enc *chan_begin(struct chan *c, enum xp_type type);
/* Sends it, with N raw bytes at its end. */
int chan_end(struct chan *c, const void *data, size_t n, struct err *e);
/* A message without fields. */
int chan_put(struct chan *c, enum xp_type type, struct err *e);
/* An XP_ERROR that says E, which is empty then. */
int chan_error(struct chan *c, struct err *e);
int chan_recv(struct chan *c, struct chan_msg *m, int64_t timeout_us,
	      struct err *e);
/* The raw bytes at the end of M. */
const void *chan_rest(struct chan_msg *m, size_t *n);
/* Is it time to acknowledge N bytes?  On a slow link they come once a second,
 * as a sign of life; on a fast one each wakes four processes. */
bool chan_ack_due(const struct chan *c, uint64_t n);
/* ALIVE, if nothing was sent for XP_ALIVE_US. */
int chan_alive(struct chan *c, struct err *e);

#endif
