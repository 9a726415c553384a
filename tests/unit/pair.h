/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sender and a receiver in one process, for the tests of transfer/: the
 * receiver in a thread of its own, a socket pair between them, a directory of
 * their own beneath /tmp (or $TMPDIR).
 */
#ifndef NH_TESTS_PAIR_H
#define NH_TESTS_PAIR_H

#include <pthread.h>
#include <stdbool.h>

#include "transfer/receiver.h"
#include "transfer/sender.h"
#include "transfer/tagdir.h"

struct pair {
	char path[128];
	int dir;
	int sv[2];
	pthread_t thread;
	struct receiver_cfg rcfg;
	struct sender_cfg scfg;
	struct tagdir
		kept; /* the sender's: work.src; the receiver's: work.dst */
	struct wire sw, rw;
	struct chan sc, rc;
	struct sender *s;
	unsigned frames; /* from the sender */
	unsigned waits;	 /* that the sender has waited for */
	int64_t cut; /* the link breaks after so many bytes sent; < 0: never */
	int recv_rc; /* of receiver_serve(), after pair_hangup() */
	struct err recv_err;
};

/* DIR with src/ and dst/ in it; the seed, from $SEED or the clock, is
 * printed. */
void pair_init(struct pair *p);
/* Removes all. */
void pair_clear(struct pair *p);
/* Starts the receiver; a new channel. */
void pair_dial(struct pair *p);
/* Ends the channel and waits for the receiver. */
void pair_hangup(struct pair *p);

/* Copies src/NAME to dst/NAME with what F says beside fd and names. */
int pair_copy(struct pair *p, const char *name, struct sender_file f,
	      struct transfer_result *out, struct err *e);
/* dst/NAME is src/NAME, without waste, no .part is left, and OUT says so. */
void pair_same(struct pair *p, const char *name,
	       const struct transfer_result *out);
/* The digest of all of FD under the job's key, of what is read. */
void pair_digest(struct pair *p, int fd, char text[DIGEST_TEXT_MAX]);
int pair_open(struct pair *p, const char *rel, int flags);
bool pair_exists(struct pair *p, const char *rel);

/* Pseudo-random, from the seed. */
uint64_t pair_rand(void);
uint64_t pair_below(uint64_t n);
/* Random bytes at [OFF, OFF + N) of FD. */
void pair_fill(int fd, uint64_t off, size_t n);
/* A file of SIZE bytes with data, zeros and holes in it. */
void pair_disk(struct pair *p, const char *rel, uint64_t size);

#endif
