/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that files of one batch are made in: open, each once, and synced
 * together.
 *
 *	struct dirs d = {.root = fd};
 *
 *	x = dirs_make(&d, "a/b/name", &base, &e);	a and a/b are there
 *	openat(x->fd, base, O_CREAT ...); x->dirty = true;
 *	dirs_sync(&d, chan, &e);
 *	dirs_clear(&d);
 *
 * After a crash before dirs_sync() some of what was made may be gone.
 */
#ifndef NH_TRANSFER_DIRS_H
#define NH_TRANSFER_DIRS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

struct chan;

struct dirs_entry {
	char *rel;
	int fd;
	bool dirty; /* to be synced */
	bool whole; /* and those above it are here, too */
};

struct dirs {
	int root; /* borrowed */
	struct dirs_entry **v;
	size_t n;
};

void dirs_clear(struct dirs *d);
/* So many are open that the batch should end. */
bool dirs_many(const struct dirs *d);
/* The directory that holds REL's last component, *BASE in REL; valid until
 * dirs_clear().  NULL when there is none. */
struct dirs_entry *dirs_find(struct dirs *d, const char *rel,
			     const char **base);
/* The same, made where it is missing, 0700, with those above it. */
struct dirs_entry *dirs_make(struct dirs *d, const char *rel, const char **base,
			     struct err *e);
/* fsync of those that are dirty; the peer of C, or NULL, hears of us meanwhile.
 */
int dirs_sync(struct dirs *d, struct chan *c, struct err *e);

#endif
