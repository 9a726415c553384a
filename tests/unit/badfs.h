/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system with one file, "disk", parts of which cannot be read: what the
 * kernel makes of a failing disk, with the page cache and read-ahead in front
 * of it.  FUSE, served by a thread; needs root and /dev/fuse.
 */
#ifndef NH_TESTS_BADFS_H
#define NH_TESTS_BADFS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct badfs {
	const char *path;
	int dev;
	int back; /* borrowed: what can be read */
	uint64_t size;
	const uint64_t (*bad)[2]; /* offset, length; length 0 ends them */
	pthread_t thread;
};

/* Mounts it at PATH; false: not here. */
bool badfs_mount(struct badfs *b, const char *path);
void badfs_unmount(struct badfs *b);

#endif
