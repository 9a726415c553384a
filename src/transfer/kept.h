/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver remembers of the files that it has made: the digests of their
 * segments, each read back after it was written.  They hold for as long as the
 * file is the same one (device, inode, size, mtime, ctime) under the same name:
 * then the next pass reads back only what it writes.
 *
 * A file that somebody else wrote to within the clock's tick after the copy
 * would not be told from ours: the lease keeps others of us away, and
 * transfer_file.verify_full reads everything again.
 */
#ifndef NH_TRANSFER_KEPT_H
#define NH_TRANSFER_KEPT_H

#include "transfer/digest.h"

struct kept_file;

struct kept {
	struct kept_file *first;
	uint64_t segments; /* of all, for the bound */
};

void kept_clear(struct kept *k);
/* FD has become the file REL, of digest TEXT; takes ownership of SUM. */
void kept_put(struct kept *k, const char *rel, int fd, struct digest *sum,
	      const char *text);
/* The digests of REL, if FD is still that file: now the caller's, with the
 * digest in TEXT; else NULL and an empty TEXT. */
struct digest *kept_take(struct kept *k, const char *rel, int fd,
			 char text[DIGEST_TEXT_MAX]);

#endif
