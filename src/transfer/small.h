/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small files in one go, without a round trip for each: the messages of
 * types XP_SMALL and XP_SMALL_ANSWER (transfer/chan.h), whose second byte is
 * one of these.
 *
 *	sender                                  receiver
 *	BEGIN   the job's key                -->
 *	LIST    names                        -->
 *	LIST    names                        -->
 *	                                     <-- LISTED  what is there, digests
 *	PUT     name, digest, first bytes    --> (what is not the same there)
 *	DATA    more of it                   -->
 *	                                     <-- XP_ACK  bytes taken
 *	                                     <-- STORED  synced, read back,
 *						 renamed, directory synced
 *	                                     <-- FAILED  that one was not
 *	END                                  -->
 *	                                     <-- STORED
 *	                                     <-- ENDED
 *
 * LIST asks for names only, so each file is opened and read once on the source;
 * one whose digest is what LISTED says needs nothing more.  The directory of
 * what LISTED names was synced before.
 *
 * The receiver takes PUTs into a batch, each into its NAME.part.  When the
 *batch is full, or at END, all of it is synced, read back and compared with the
 * digests, then renamed, then each of the directories is synced, once; STORED
 * says so.  The next batch is taken meanwhile.  After a cut what has arrived
 * whole is stored all the same; a .part that is left is replaced by the next
 *PUT of that name.  Directories that are missing are made, 0700, and synced
 *with the batch that needs them.
 *
 * FAILED is of one file and stops no other; any other trouble is XP_ERROR, as
 * for large files, and ends with ABORT and ABORTED.
 *
 * No side can block the other for ever: at most XP_WINDOW bytes are under way
 * unacknowledged, SMALL_LISTS lists unanswered and SMALL_FILES files without
 * STORED or FAILED, and the answers to all of them fit into any pipe.
 */
#ifndef NH_TRANSFER_SMALL_H
#define NH_TRANSFER_SMALL_H

#include <stddef.h>
#include <stdint.h>

#include "transfer/digest.h"
#include "transfer/fingerprint.h"

enum small_type {
	SMALL_NONE = 0,
	/* from the sender */
	SMALL_BEGIN, /* bytes key */
	SMALL_LIST,  /* u32 first, count, (str rel, u32 mode, bool full)... */
	SMALL_PUT,   /* u32 id, str rel, u32 mode, u64 size, str digest, bool
			full, bool last, u64 off, content (chan.h) */
	SMALL_DATA,  /* bool last, u64 off, content */
	SMALL_END,   /* - */
	/* from the receiver */
	SMALL_LISTED, /* u32 first, count, (str digest, u64 allocated)... */
	SMALL_STORED, /* count, (u32 id, str digest, u64 allocated)... */
	SMALL_FAILED, /* u32 id, err */
	SMALL_ENDED,  /* - */
};

enum {
	SMALL_MAX = DIGEST_SEGMENT, /* larger files go one by one */
	SMALL_LIST_MAX = 128,	    /* names in one LIST */
	SMALL_LISTS = 2,	    /* unanswered */
	SMALL_BATCH = 128,	    /* files of one sync */
	SMALL_BATCH_BYTES = 32 << 20,
	SMALL_FILES = 384, /* without an answer */
};

/* The digest (transfer/tags.h) of a file that is the N bytes (at most
 * SMALL_MAX) at P. */
void small_digest(struct fingerprint *fp, const void *p, size_t n,
		  char text[DIGEST_TEXT_MAX]);

#endif
