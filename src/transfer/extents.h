/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sparse files: where the data is, and how to make holes.
 *
 *	struct extents x;
 *	struct extent ext;
 *
 *	extents_init(&x, fd, 0, size);
 *	while (!(rc = extents_next(&x, &ext, &e)) && ext.len)
 *		ext.data ? read it : it reads as zeros;
 *
 * A file system that cannot tell (SEEK_DATA unsupported) is all data.  The file
 * may change during the walk: what is reported was true when it was asked, and
 * the ranges are contiguous from first to last byte in any case.
 */
#ifndef NH_TRANSFER_EXTENTS_H
#define NH_TRANSFER_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Zeros of this length and alignment become holes. */
enum { EXTENT_ZERO_BLOCK = 65536 };

struct extent {
	uint64_t off, len; /* len 0: the walk is over */
	bool data;
};

struct extents {
	int fd;
	uint64_t pos, end;
	bool dense; /* the file system cannot tell */
};

/* Walks [FROM, TO) of FD. */
void extents_init(struct extents *x, int fd, uint64_t from, uint64_t to);
int extents_next(struct extents *x, struct extent *out, struct err *e);

/* The first offset at or after OFF that is not in a hole; UINT64_MAX: all from
 * there on is one.  Unlike the end of data, it is found at once. */
int extents_data(int fd, uint64_t off, uint64_t *at, struct err *e);

/* Are all N bytes zero? */
bool extents_zero(const void *p, size_t n);
/* Of the N bytes at P, from *AT on, the next run of blocks of BLOCK bytes none
 * of which is all zeros: its length, and *AT is where it begins; 0 when there
 * is none. */
size_t extents_run(const void *p, size_t n, size_t block, size_t *at);
/* All N bytes; an error for want of room says what to do about it. */
int extents_write(int fd, const void *p, size_t n, uint64_t off, struct err *e);

/* Makes [OFF, OFF + LEN) read as zeros and, where the file system can, take no
 * space.  Holes stay as they are; the file does not grow: what lies past its
 * end is left alone.  *CHANGED, if not NULL, is set to true when there was
 * data. */
int extents_punch(int fd, uint64_t off, uint64_t len, bool *changed,
		  struct err *e);
/* Bytes that the file takes on disk. */
int extents_allocated(int fd, uint64_t *bytes, struct err *e);

#endif
