/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether to compress, and how hard: only while the link is slower than the
 * processors, which nothing but trying can tell from a slow target.
 *
 *	the sender waits for its channel more than half of the time, less than
 *	ZIPLEVEL_FAST bytes a second arrive, and, above ZIPLEVEL_CHEAP, half a
 *	processor is idle here (where none is, they are what is slow)
 *	  -> a trial: all is compressed, at level 1
 *	content arrives faster by a quarter than before
 *	  -> so it stays for 2 s; then what arrives without is measured anew,
 *	     and if the same is found it stays for 4 s, then 8, 16, 32
 *	it does not
 *	  -> off, and no further trial for 1 s, then 2, 4, 8
 *
 * While it is on, the level is one more, up to 3, as long as the sender still
 * waits most of the time, and one less when it hardly does.
 *
 * What arrives is counted by the receiver's acknowledgements, from the moment
 * when all that was sent before the last change has arrived: what is under way
 * fits into queues, and says nothing of the link.  A bandwidth limit is waited
 * for like a slow link.
 *
 *	ziplevel_init(&l, mode);
 *	ziplevel_begin(&l);			nothing is under way
 *	ziplevel_sent(&l, n);			into the window: xp_cost()
 *	level = ziplevel_next(&l, waited);	0: as it is
 *	ziplevel_packed(&l, plain, packed);
 *	ziplevel_acked(&l, n);			out of the window
 */
#ifndef NH_TRANSFER_ZIPLEVEL_H
#define NH_TRANSFER_ZIPLEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zip_mode {
	ZIP_AUTO = 0, /* as above */
	ZIP_NEVER,
	ZIP_ALWAYS, /* whatever the link; the level is found as above */
};

/* "auto", "never", "always"; false if S is none of them. */
bool zip_mode_parse(const char *s, enum zip_mode *out);
const char *zip_mode_name(enum zip_mode m);

enum {
	ZIPLEVEL_FAST = 256 << 20, /* what zstd and two ends gain nothing on */
	ZIPLEVEL_CHEAP = 32 << 20, /* takes a fifth of a processor at most */
	ZIPLEVEL_MAX = 3,
};

enum ziplevel_is {
	ZIPLEVEL_OFF = 0, /* what arrives so is measured */
	ZIPLEVEL_TRIAL,
	ZIPLEVEL_ON,
};

struct ziplevel {
	enum zip_mode mode;
	enum ziplevel_is is;
	int level;	      /* of the next piece */
	uint64_t sent, acked; /* as the sender's window counts */
	int64_t acked_at;     /* clock_mono_us() */
	uint64_t mark;	      /* acked reaches it: all before is through */
	int64_t entered;      /* this state */
	int64_t rest_until, rest_us, stay_us;
	double before; /* what arrived, bytes a second, before the trial */
	/* of the time that is being measured; since < 0: not yet */
	int64_t since, waited;
	uint64_t acked0, plain, packed;
	int64_t idled;
	/* How long processors have been idle, all together, in microseconds;
	 * -1: not known.  Another one is for tests. */
	int64_t (*idle_us)(void);
};

void ziplevel_init(struct ziplevel *l, enum zip_mode mode);
/* Another file: the last one's bytes are all through. */
void ziplevel_begin(struct ziplevel *l);
/* The link may be another from now on: a limit was changed. */
void ziplevel_anew(struct ziplevel *l);
/* WAITED: the time so far that the sender has waited for its channel. */
int ziplevel_next(struct ziplevel *l, int64_t waited);
void ziplevel_sent(struct ziplevel *l, uint64_t n);
void ziplevel_acked(struct ziplevel *l, uint64_t n);
/* N bytes of content go out as PACKED. */
void ziplevel_packed(struct ziplevel *l, size_t n, size_t packed);

#endif
