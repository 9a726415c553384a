/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of one batch on the target, from their first bytes to their
 * names.
 *
 *	b = batch_new(root);
 *	it = batch_add(b, &put);		it is in the batch whatever
 *	batch_open(b, it, mode, &e);		happens to it then
 *	batch_write(it, off, p, n, &e); ...
 *	batch_complete(it, &e);
 *	batch_store(b, store);			in a thread of its own
 *	while (!batch_wait(b)) ...		up to a second each time
 *	look at b->failed, and at each item's fd and why
 *	batch_free(b);				waits, too
 *
 * Nothing gets its name before its data and its inode are synced and right, and
 * the directories are synced after the names, before batch_wait() says true.
 * After a crash in between there are .part files, or names that may be gone
 * after a power cut.
 */
#ifndef NH_TRANSFER_RECEIVER_BATCH_H
#define NH_TRANSFER_RECEIVER_BATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"
#include "transfer/dirs.h"
#include "transfer/small.h"

struct batch_item {
	uint32_t id;
	int fd;	 /* of the part; -1: it has failed */
	int dir; /* borrowed */
	char *rel, *part;
	const char *name; /* in rel */
	uint64_t size;
	uint64_t end; /* of what was written */
	bool full;    /* read it back from the disk */
	bool had;     /* a file has that name, and will be replaced */
	char want[DIGEST_TEXT_MAX];
	uint64_t allocated;
	struct err why; /* of a failure in batch_store() */
};

/* What storing needs; of one batch at a time. */
struct batch_store {
	struct fingerprint *fp;
	uint8_t *buf; /* SMALL_MAX bytes */
};

struct batch {
	struct dirs dirs;
	struct batch_item item[SMALL_BATCH];
	size_t n;
	uint64_t bytes;	   /* written */
	struct err failed; /* a directory could not be synced: all of it */
	/* private */
	struct batch_store store;
	pthread_t thread;
	bool running;
};

/* The digest of FD, of SIZE bytes, as it is read; FULL: from the disk. */
int batch_digest(const struct batch_store *s, int fd, uint64_t size, bool full,
		 char text[DIGEST_TEXT_MAX], struct err *e);

struct batch *batch_new(int root);
void batch_free(struct batch *b);
/* One name twice in a batch would be one part for two files. */
bool batch_has(const struct batch *b, const char *rel);
/* The next item, with a name of its own memory; there must be room. */
struct batch_item *batch_add(struct batch *b, uint32_t id, const char *rel);
/* Makes its .part, anew, and the directories above it. */
int batch_open(struct batch *b, struct batch_item *it, mode_t mode,
	       struct err *e);
int batch_write(struct batch_item *it, uint64_t off, const uint8_t *p, size_t n,
		struct err *e);
/* All of it was written: what was not are zeros. */
int batch_complete(struct batch_item *it, struct err *e);
void batch_store(struct batch *b, const struct batch_store *s);
bool batch_wait(struct batch *b);

#endif
