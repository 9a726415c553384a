/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tags of a file's 64 KiB blocks, and the digest of a file within a job.
 *
 *	tag i  = 16 zero bytes where all bytes of block i are zero, else their
 *		 fingerprint (transfer/fingerprint.h, which is never that) under
 *		 the job's key
 *	page k = the byte 0 if tags [256 k, 256 k + 256) are all zero, else the
 *		 byte 1 and these tags; those beyond the end of the file are
 *		 zero (a page is for 16 MiB of the file)
 *	digest = SHA-256(file size, 8 bytes little-endian || page 0 ||
 *page 1...) text   = "p1305t64k:" and 64 lower-case hex digits
 *
 * What equal digests mean.  Two files of one job have equal digests only if
 * SHA-256 collides, or if two different blocks at one place have equal tags:
 * with probability <= 2^-90 each, whatever the blocks are, for nobody who could
 * choose them knows the key (transfer/fingerprint.h says why).  So it proves
 * what SHA-256 of the content would, at a third of its price, but only to who
 * has the key: two hosts within one job.  It says nothing to anybody else.
 *
 * One object a file:
 *
 *	t = tags_new(-1, size);			every block is unknown
 *	tags_scan(t, fd, fp, NULL, NULL, &e);	reads every unknown block
 *	tags_text(t, text, &e);
 *	...
 *	tags_dirty(t, off, len);		the file was written there
 *	tags_scan(t, fd, fp, NULL, NULL, &e);	reads those blocks only
 *	tags_text(t, text, &e);
 *
 * Memory: 9 bytes a page, and 64 pages (256 KiB), whatever the size; what does
 * not fit goes to the file descriptor that the object was given, behind the
 * first TAGS_BASE bytes, which are transfer/tagdir.h's.  It is read and
 * written, never mapped: a full disk or a file that somebody cut short is an
 * error and not a signal.  Where it cannot be written to, or there is none,
 * pages stay in memory up to 16 MiB (64 GiB of data); beyond that blocks
 * remain unknown, and tags_text() says so.
 */
#ifndef NH_TRANSFER_TAGS_H
#define NH_TRANSFER_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "transfer/digest.h"
#include "transfer/fingerprint.h"

enum {
	TAGS_PAGE = 256,  /* blocks */
	TAGS_BASE = 4096, /* where they begin in the file */
};

enum tags_state { TAGS_UNKNOWN = 0, TAGS_ZERO, TAGS_DATA };

struct tags;

/* Of a file of SIZE bytes; takes FD, or -1: tags_load() or tags_reset() follows
 * where there is one. */
struct tags *tags_new(int fd, uint64_t size);
void tags_free(struct tags *t);
void tags_freep(struct tags **t);
/* The descriptor, or -1; still the object's. */
int tags_fd(const struct tags *t);
uint64_t tags_size(const struct tags *t);
uint64_t tags_blocks(const struct tags *t);
/* Length of block I. */
uint32_t tags_block(const struct tags *t, uint64_t i);

/* Takes what FD holds, and the digest that it makes.  false: it is not of this
 * size, not whole, or cannot be read. */
bool tags_load(struct tags *t, char text[DIGEST_TEXT_MAX]);
/* Writes what FD lacks.  Only when every block is known. */
int tags_flush(struct tags *t, struct err *e);
/* The first TAGS_BASE bytes say what is in it: they are wiped before the next
 * change. */
void tags_sealed(struct tags *t);

/* The file was truncated or grown: the last block that both have is unknown. */
void tags_resize(struct tags *t, uint64_t size);
/* Nothing is known, and the file is empty. */
void tags_reset(struct tags *t);
/* The blocks that [OFF, OFF + LEN) touches become unknown. */
void tags_dirty(struct tags *t, uint64_t off, uint64_t len);
enum tags_state tags_get(struct tags *t, uint64_t i,
			 uint8_t tag[FINGERPRINT_LEN]);
void tags_set(struct tags *t, uint64_t i, const uint8_t tag[FINGERPRINT_LEN]);
/* N blocks from I on are zeros. */
void tags_zero(struct tags *t, uint64_t i, uint64_t n);
/* The first of the N blocks from I on that is not known to be zeros; I + N if
 * there is none. */
uint64_t tags_not_zero(struct tags *t, uint64_t i, uint64_t n);

/* Reads the unknown blocks of FD.  A file that is shorter than the object's
 * size is ERR_CONFLICT; a read error names the offset. */
int tags_scan(struct tags *t, int fd, struct fingerprint *fp, digest_tick *tick,
	      void *arg, struct err *e);
/* Reads up to 1 MiB of unknown blocks that lie wholly below LIMIT, if there are
 * any: *DID tells.  For those who wait anyway. */
int tags_step(struct tags *t, int fd, struct fingerprint *fp, uint64_t limit,
	      bool *did, struct err *e);
/* ERR_FAILED while a block is unknown. */
int tags_text(struct tags *t, char text[DIGEST_TEXT_MAX], struct err *e);
/* Is S of the text form? */
bool tags_text_ok(const char *s);
/* All of FD at its present size, without an object. */
int tags_digest_fd(int fd, struct fingerprint *fp, digest_tick *tick, void *arg,
		   char text[DIGEST_TEXT_MAX], struct err *e);

#endif
