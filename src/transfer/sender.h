/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source's end of a transfer: reads a file once, from front to back, and
 * makes the receiver's file equal to what it read.
 *
 *	s = sender_new(&chan, &cfg);
 *	sender_copy(s, &file, &result, &e);	any number of files
 *	sender_copy_many(s, &list, &bad, &e);	the same, for many
 *	sender_free(s);
 *
 * After an error the channel can carry the next file, unless chan.broken.
 *
 * Reading goes by extents, stride by stride of 1 MiB; zero 64 KiB blocks
 * become holes.  What lies below the size of the receiver's file is compared by
 * fingerprints, in strides of 1 MiB of which 8 are under way; the rest is sent,
 * or, with librsync, built from the receiver's basis.  The digest is that of
 * what was sent and of what was found to be there, whatever happens to the
 * source meanwhile: each byte is read once, or, where several threads look for
 * what is there already (transfer/scout.h) and it is not, once more.
 *
 * A further pass over the same file, of this session or of a later one of the
 * job, rests on the tags that were kept of the last one (transfer/tagdir.h): if
 * the receiver's file is still the one that they are of, only what changed
 * since is asked about and sent.  A file that was not written to since needs no
 * reading at all; but a final pass takes that from a final pass only, when
 * nothing could write to it.
 *
 * Memory: about 12 MiB, 9 bytes for each 16 MiB of the file, and with librsync
 * 40 bytes a block of the basis, which rsdelta_block() keeps below 28 MiB; a
 * list of small files takes 4 MiB, and 8 bytes a file.
 */
#ifndef NH_TRANSFER_SENDER_H
#define NH_TRANSFER_SENDER_H

#include "core/err.h"
#include "transfer/calm.h"
#include "transfer/chan.h"
#include "transfer/transfer.h"

struct sender;

struct tagdir; /* transfer/tagdir.h */

struct sender_cfg {
	struct tagdir *kept; /* borrowed; NULL: nothing is kept */
	/* Bytes a second of the channel's payload, 0: no limit. */
	uint64_t bwlimit;
	enum zip_mode compress;
	int64_t dead_us; /* silence of the receiver; 0: XP_DEAD_US */
	/* Reads N bytes, short only at the end of the file; NULL: as core/fs.
	 * For tests of disks that fail. */
	ssize_t (*pread)(int fd, void *p, size_t n, off_t off, struct err *e);
};

struct sender_file {
	int fd;		  /* borrowed */
	const char *name; /* for messages */
	const char *rel;  /* on the target */
	const char *basis_rel;
	const char *expect;
	enum transfer_delta delta;
	bool full;  /* trust nothing that is remembered */
	bool final; /* nothing can write to it any more, and this pass counts */
	mode_t mode;
	enum transfer_bad bad; /* sender_copy() only: many are refused */
	transfer_tick *tick;
	void *arg;
};

/* Many files, of any size; functions of the caller's. */
struct sender_list {
	size_t n;
	/* Fills F, whose strings stay valid, but for fd, tick and arg. */
	void (*file)(void *arg, size_t i, struct sender_file *f);
	/* Opens the I-th; the descriptor is closed by the sender. */
	int (*open)(void *arg, size_t i, struct err *e);
	/* It is on the target, as sender_copy() promises; in any order. */
	int (*done)(void *arg, size_t i, const struct transfer_result *r,
		    struct err *e);
	transfer_tick *tick; /* progress is over all of them */
	void *arg;
};

struct sender *sender_new(struct chan *c, const struct sender_cfg *cfg);
void sender_free(struct sender *s);
/* How much it and the receiver stand back from now on; between files. */
int sender_calm(struct sender *s, enum calm c, struct err *e);
/* Another limit from now on, as cfg.bwlimit; also from within a tick. */
void sender_limit(struct sender *s, uint64_t bwlimit);
int sender_copy(struct sender *s, const struct sender_file *f,
		struct transfer_result *out, struct err *e);
/* Those of at most SMALL_MAX bytes first, without a round trip for each
 * (transfer/small.h); they are sent whole or, where the target has them,
 * not at all.  Then the others, by sender_copy().  The first that fails ends
 * it: *BAD is its index, or L->n when it was not for one file.  Those that
 * done() was called for stay. */
int sender_copy_many(struct sender *s, const struct sender_list *l, size_t *bad,
		     struct err *e);

#endif
