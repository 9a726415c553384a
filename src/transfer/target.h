/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file while it is being made on the target.
 *
 *	NAME.part absent   NAME absent		begin makes NAME.part
 *	NAME.part absent   NAME there		begin makes NAME.part, or, to
 *						update it in place, renames NAME
 *	NAME.part there    (either)		a copy was cut: begin goes on
 *						with it
 *
 *	commit: NAME.part, synced and verified, is renamed to NAME
 *
 * What survives a crash: NAME.part as far as it was written.  Its size tells
 *how far a copy from front to back had come; what is in it is compared, never
 * trusted.  A file with a second hard link is never written to.
 *
 * The digest is of what is in the file, read back: blocks that were compared
 * and found the same have been read, what is written is read again, and what
 * the tag file says of a file that is still the same is not (tagdir.h).
 */
#ifndef NH_TRANSFER_TARGET_H
#define NH_TRANSFER_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "transfer/badmap.h"
#include "transfer/grain.h"
#include "transfer/tagdir.h"
#include "wire/wire.h"

struct target {
	struct tagdir *kept;
	int dir; /* that holds both names */
	char *name, *part;
	int fd;		    /* of the part, or -1 */
	int old;	    /* of NAME, read only, or -1 */
	uint64_t part_size; /* when it was opened; XP_ABSENT: none */
	uint64_t old_size;
	bool in_place; /* NAME may be updated in place */
	bool begun;
	uint64_t size;	   /* that it will have */
	struct tags *tags; /* of what is in the part, once it has begun */
	struct fingerprint *fp;
	char text[DIGEST_TEXT_MAX]; /* sealed with it */
	uint64_t final;	 /* below it nothing will be written any more */
	uint64_t kicked; /* write-back was asked for, in bytes written */
	uint64_t written;
	struct grain grain;
	bool calm;	   /* what is written is not kept in the page cache */
	uint64_t dropped;  /* below it, it is not */
	struct badmap bad; /* what is left out: for NAME.bad */
	bool sealed;	   /* verified, and not written to since */
};

/* Looks at what is there; changes nothing.  SIZE is what it will have.  KEPT is
 * borrowed and has the key. */
int target_open(struct target *t, struct tagdir *kept, int root,
		const char *rel, uint64_t size, struct err *e);
/* The digest of NAME, if it is known and the file is still the one of then. */
bool target_known(const struct target *t, struct tagdir_seal *out);
/* Is NAME as a commit with MODE would leave it?  (What is known was synced
 * before its digest was kept.) */
bool target_stands(const struct target *t, mode_t mode, uint64_t *allocated);
/* Guests run beside it: what is written of SIZE bytes is not kept in the page
 * cache, unless there is room for all of it. */
void target_calm(struct target *t, uint64_t size);
/* Opens or makes NAME.part; IN_PLACE: NAME becomes it. */
int target_begin(struct target *t, bool in_place, struct err *e);
/* Closes; what was written stays in NAME.part. */
void target_close(struct target *t);

/* What to compare with now: the part, else NAME, else -1. */
int target_basis(const struct target *t);
/* N bytes that were just read at OFF of it have TAG, or are zeros: they need
 * not be read back. */
void target_saw(struct target *t, uint64_t off, size_t n,
		const uint8_t tag[FINGERPRINT_LEN]);
/* N bytes (at most FINGERPRINT_BLOCK) at OFF have TAG on the source. */
struct target_asked {
	uint64_t off;
	size_t n;
	const uint8_t *tag;
	bool fine; /* what of them differs, by FINGERPRINT_FINE bytes */
};
/* How ours differ, as in chan.h's DIFF, is added to OUT.  BUF has
 * FINGERPRINT_BLOCK bytes.  What was read is known from then on. */
int target_compare(struct target *t, const struct target_asked *a, uint8_t *buf,
		   struct enc *out, struct err *e);

int target_write(struct target *t, uint64_t off, const void *p, size_t n,
		 struct err *e);
/* Makes a hole. */
int target_zero(struct target *t, uint64_t off, uint64_t len, struct err *e);
/* What the sender could not read, once, before it is sealed. */
int target_leave_out(struct target *t, struct dec *d, struct err *e);
int target_truncate(struct target *t, uint64_t size, struct err *e);
/* Reads back some of what is below t->final, if any is left. */
int target_idle(struct target *t, bool *did, struct err *e);
struct target_seal {
	bool full; /* drop it from the page cache, read all from the disk */
	digest_tick *tick;
	void *arg;
};
/* Sets the size, syncs, and digests what is read back. */
int target_seal(struct target *t, const struct target_seal *how,
		char text[DIGEST_TEXT_MAX], struct err *e);
/* Sets MODE and gives the file its name, durable; its tags are kept.  One with
 * holes that are none never has its name without its map; one that has become
 * whole loses it after that. */
int target_commit(struct target *t, mode_t mode, struct err *e);

#endif
