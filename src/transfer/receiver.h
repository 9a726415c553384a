/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target's end of a transfer: answers a sender (transfer/chan.h) until the
 * channel ends.
 *
 * It writes beneath one directory only, into names that end in ".part", and
 * gives a file its name once its digest, of what was read back after a sync,
 * is the one that the sender has of what it read.  Every request is served
 * under the lease that its agent holds; this module knows nothing of leases.
 *
 * Files that it has made it remembers (transfer/kept.h), so that a further pass
 * reads back only what it writes.
 *
 * Memory: about 2 MiB, and a byte for each 4 MiB of the file (33 where they are
 * not zero), and up to 13 MiB for what is remembered; 4 MiB more while many
 * small files are taken (transfer/receiver_small.h).
 */
#ifndef NH_TRANSFER_RECEIVER_H
#define NH_TRANSFER_RECEIVER_H

#include "core/err.h"
#include "transfer/chan.h"

struct receiver_cfg {
	int root;	    /* borrowed */
	const char *prefix; /* names must lie beneath it; NULL: anywhere */
	/* Where silence of the sender, within a file, means that it is lost. */
	int64_t dead_us; /* 0: XP_DEAD_US */
	/* The same between files; 0: it may be silent for ever. */
	int64_t idle_us;
};

/* 0 when the channel ended between two files; ERR_LOST when it broke within
 * one.  What a file ran into is told to the sender, not returned. */
int receiver_serve(const struct receiver_cfg *cfg, struct chan *c,
		   struct err *e);

#endif
