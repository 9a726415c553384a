/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a file could not be read: ranges in order, neighbours joined.
 *
 * Beside a target's file that has such ranges as holes lies NAME.bad, written
 * before the file gets its name: a map as GNU ddrescue makes them, '+' for what
 * is there and '-' for what is not, behind a comment that says whose it is.
 */
#ifndef NH_TRANSFER_BADMAP_H
#define NH_TRANSFER_BADMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "transfer/transfer.h"
#include "wire/wire.h"

/* A disk with more of them is read by a tool that is made for it. */
enum { BADMAP_MAX = 32768 };

struct badmap {
	struct transfer_range *r;
	size_t n;
	uint64_t bytes; /* of all */
};

void badmap_clear(struct badmap *b);
/* ERR_FAILED when there are too many. */
int badmap_add(struct badmap *b, uint64_t off, uint64_t len, struct err *e);
/* Is any of it bad? */
bool badmap_has(const struct badmap *b, uint64_t off, uint64_t len);

void badmap_put(struct enc *c, const struct badmap *b);
/* Into an empty one, of a file of SIZE bytes; a peer's word is checked. */
int badmap_get(struct dec *d, uint64_t size, struct badmap *b, struct err *e);

/* The first of them, their number and their bytes, into R; its digests are
 * marked: they are of a file that is not what it was. */
void badmap_result(const struct badmap *b, struct transfer_result *r);

/* Writes NAME.bad into DIR, durable. */
int badmap_write(const struct badmap *b, int dir, const char *name,
		 uint64_t size, struct err *e);
/* Removes a NAME.bad that badmap_write() made, if there is one. */
int badmap_remove(int dir, const char *name, struct err *e);

#endif
