/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's parts: sender.c (one file, from OPEN to COMMITTED),
 * sender_io.c (messages, windows, limits), sender_pass.c (reading, segment by
 * segment), sender_scout.c (what need not go through that), sender_cmp.c
 * (strides: comparing and sending), sender_ahead.c (the target's fingerprints,
 * before they are needed), sender_delta.c (librsync), sender_small.c (many
 * small files). */
#ifndef NH_TRANSFER_SENDER_PRIV_H
#define NH_TRANSFER_SENDER_PRIV_H

#include <stdbool.h>
#include <sys/stat.h>

#include "transfer/ahead.h"
#include "transfer/badmap.h"
#include "transfer/digest.h"
#include "transfer/fingerprint.h"
#include "transfer/pagecache.h"
#include "transfer/scout.h"
#include "transfer/sender.h"
#include "transfer/tagdir.h"
#include "transfer/throttle.h"
#include "transfer/zip.h"

enum {
	FINES = FINGERPRINT_BLOCK / FINGERPRINT_FINE,
	STRIDE_UNITS = XP_STRIDE / FINGERPRINT_BLOCK,
};

/* A block that is not the same as at the last pass, or not known to be. */
struct unit {
	uint32_t at, len; /* in the stride; the file's last one is shorter */
	uint16_t holes;	  /* bit i: its i-th 4 KiB are a hole */
	uint8_t tag[FINGERPRINT_LEN];
};

struct stride {
	uint64_t off; /* a multiple of XP_STRIDE */
	struct unit unit[STRIDE_UNITS];
	size_t n;
	size_t ncmp; /* the first of them are being compared */
	bool answered;
	struct buf reply; /* of DIFF, after `at` */
	uint8_t *data;	  /* XP_STRIDE bytes */
};

struct sender_small;

struct sender {
	struct chan *c;
	struct sender_cfg cfg;
	struct throttle throttle;
	uint64_t charged; /* of c->out */
	struct zip zip;
	int64_t ticked;

	struct tagdir none; /* where cfg has none */
	struct tagdir *kept;
	struct fingerprint *fp; /* of the job's key */

	/* of the file under way */
	struct pagecache cache;
	struct scout *scout; /* in a pass, if there are any */
	const struct sender_file *f;
	struct badmap bad; /* what of it could not be read */
	bool map;	   /* and is left out */
	struct transfer_progress p;
	/* Of what was read; where it was not, and TRUST, of what the receiver's
	 * file holds. */
	struct tags *tags;
	char name[TAGDIR_NAME]; /* where they are kept */
	bool trust;
	uint64_t sent, acked;
	uint64_t packed; /* content that went compressed */
	uint64_t marked;
	uint64_t zero_off, zero_len; /* not yet told */
	uint64_t cmp_limit;	     /* below it the receiver has something */
	struct ahead ahead;
	struct stride stride[XP_STRIDES];
	struct stride *idle[XP_STRIDES]; /* free for use */
	unsigned nidle;
	/* waiting for an answer, the oldest at head; a ring */
	struct stride *queue[XP_STRIDES];
	unsigned head, count;
	struct sender_small *small; /* a list of files is under way */
	/* what the receiver said last, and is waited for */
	enum xp_type want;
	bool have;
	struct buf have_body;
};

/* ---- sender.c */
/* After reading: has the source changed since BEFORE?  ERR_CONFLICT when it was
 * cut shorter. */
int sender_check(struct sender *s, const struct stat *before,
		 struct transfer_result *out, struct err *e);
/* ERR_CONFLICT when the digest in OUT is not the one that is expected. */
int sender_expected(struct sender *s, const struct transfer_result *out,
		    struct err *e);
/* The receiver drops what is under way; the channel is in step again. */
void sender_abandon(struct sender *s);

/* ---- sender_small.c */
int sender_small_answer(struct sender *s, struct dec *d, struct err *e);

/* ---- sender_io.c */
/* Calls the file's tick several times a second. */
int sender_tick(struct sender *s, struct err *e);
/* Takes one message if one comes within TIMEOUT_US: acknowledgements and
 * answers to CMP are noted; what s->want names is kept in have_body. */
int sender_take(struct sender *s, int64_t timeout_us, struct err *e);
/* Waits until *FLAG. */
int sender_wait(struct sender *s, const bool *flag, struct err *e);
/* Waits for a message of TYPE; *D reads it. */
int sender_expect(struct sender *s, enum xp_type type, struct dec *d,
		  struct err *e);
/* Rests until the bandwidth limit allows to send more. */
int sender_pace(struct sender *s, struct err *e);
/* Waits for room in the window, before N bytes of DATA or DELTA, or a ZERO. */
int sender_window(struct sender *s, size_t n, struct err *e);
/* The same, and for the bandwidth limit. */
int sender_room(struct sender *s, size_t n, struct err *e);
/* Ends the message M with N bytes of content, compressed where that is
 * quicker. */
int sender_content(struct sender *s, struct enc *m, const void *p, size_t n,
		   struct err *e);
/* DATA in pieces. */
int sender_data(struct sender *s, uint64_t off, const uint8_t *p, size_t n,
		struct err *e);
/* ---- sender_read.c */
/* N bytes, less at the end of the file only.  Where the disk fails it is tried
 * again in smaller pieces, down to a page; what cannot be read then is an error
 * or, with s->map, zeros, and in s->bad. */
ssize_t sender_read(struct sender *s, void *p, size_t n, uint64_t off,
		    struct err *e);

/* ---- sender_cmp.c */
/* An unused stride, once one is free. */
struct stride *sender_stride(struct sender *s, uint64_t off, struct err *e);
/* Sends or compares what is in ST, and takes it back. */
int sender_submit(struct sender *s, struct stride *st, struct err *e);
/* Until all is answered and sent. */
int sender_drain(struct sender *s, struct err *e);
/* Zeros, to be told to the receiver at some time before the next mark. */
int sender_zero(struct sender *s, uint64_t off, uint64_t len, struct err *e);
/* Below POS all has been read; told when nothing there is unanswered. */
int sender_mark(struct sender *s, uint64_t pos, struct err *e);

/* ---- sender_pass.c */
/* Makes [FROM, TO) equal on the target, by comparing below s->cmp_limit; FROM
 * is a multiple of XP_STRIDE. */
int sender_pass(struct sender *s, uint64_t from, uint64_t to, struct err *e);
/* The share of blocks in a sample, in percent, that the target has at the same
 * place; KNOWN: by the tags.  100 if there is nothing to sample. */
int sender_sample(struct sender *s, uint64_t limit, bool known,
		  unsigned *percent, struct err *e);

/* Is block I, all zeros or of TAG, as it was at the last pass, and so there? */
bool sender_as_then(struct sender *s, uint64_t i, bool zero,
		    const uint8_t tag[FINGERPRINT_LEN]);

/* ---- sender_scout.c */
/* Around a pass over [FROM, TO). */
void sender_scout_begin(struct sender *s, uint64_t from, uint64_t to);
void sender_scout_end(struct sender *s);
/* Of the stride at OFF, of LEN bytes, the blocks that are yet to be read: bit b
 * is the b-th.  The others are there, and noted. */
int sender_scout(struct sender *s, uint64_t off, uint32_t len, uint32_t *blocks,
		 struct err *e);

/* ---- sender_ahead.c */
/* Before a pass over [FROM, TO), of which nothing is trusted. */
void sender_ahead_begin(struct sender *s, uint64_t from, uint64_t to);
/* Before the segment at OFF: its tags are here, or were not asked for. */
int sender_ahead(struct sender *s, uint64_t off, struct err *e);
/* Takes an XP_TAGS_ARE. */
int sender_ahead_note(struct sender *s, struct chan_msg *m, struct err *e);
/* Is the whole block at OFF, of TAG, known to be the same there? */
bool sender_ahead_same(struct sender *s, uint64_t off,
		       const uint8_t tag[FINGERPRINT_LEN]);

/* ---- sender_delta.c */
int sender_delta(struct sender *s, uint64_t from, uint64_t to, struct err *e);

#endif
