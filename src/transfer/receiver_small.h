/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's side of many small files (transfer/small.h).
 *
 *	struct receiver_small *m = NULL;
 *
 *	for each message of type XP_SMALL:
 *		receiver_small(&m, &cfg, &msg, &e);
 *						m is NULL before BEGIN and
 *						after END
 *	receiver_small_free(m);			stores what has arrived whole
 *
 * Memory: 8 MiB, while M is there.  Twice SMALL_BATCH files may be open, and as
 * many directories.
 */
#ifndef NH_TRANSFER_RECEIVER_SMALL_H
#define NH_TRANSFER_RECEIVER_SMALL_H

#include "transfer/receiver.h"

struct receiver_small;
struct tagdir; /* transfer/tagdir.h */
struct unzip;  /* transfer/zip.h */

struct receiver_small_cfg {
	const struct receiver_cfg *receiver;
	struct chan *chan;
	struct tagdir *kept; /* gets the sender's key */
	struct unzip *unzip;
};

/* -1: nothing more can be done with this list; what was said to be stored is.
 */
int receiver_small(struct receiver_small **m,
		   const struct receiver_small_cfg *cfg, struct chan_msg *msg,
		   struct err *e);
void receiver_small_free(struct receiver_small *m);

#endif
