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
 * What it knows of the files that it has made it keeps in the job's work
 * directory (transfer/tagdir.h), so that a further pass, of this session or of
 * a later one, reads back only what it writes; and a file that the sender knows
 * to be unchanged since takes one round trip.
 *
 * Memory: about 2.5 MiB, and 9 bytes for each 16 MiB of the file; 4 MiB more
 * while many small files are taken (transfer/receiver_small.h).
 */
#ifndef NH_TRANSFER_RECEIVER_H
#define NH_TRANSFER_RECEIVER_H

#include "core/err.h"
#include "transfer/chan.h"

struct receiver_cfg {
	int root;	    /* borrowed */
	const char *prefix; /* names must lie beneath it; NULL: anywhere */
	/* The job's work directory beneath root; NULL: nothing is kept. */
	const char *work;
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
