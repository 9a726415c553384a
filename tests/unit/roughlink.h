/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad network between two programs: a TCP relay on 127.0.0.1, in a thread of
 * its own, that does one harm to all connections of the moment once a number of
 * bytes has gone up (from who connects to who listens).  What is connected
 * later goes through unharmed, until the next harm.
 */
#ifndef NH_TESTS_ROUGHLINK_H
#define NH_TESTS_ROUGHLINK_H

#include <stdbool.h>
#include <stdint.h>

enum rough {
	ROUGH_NONE = 0,
	ROUGH_RST,	 /* both ends are reset */
	ROUGH_FIN,	 /* both ends see an orderly end */
	ROUGH_STALL,	 /* silence both ways, then all of it goes on */
	ROUGH_DEAF_UP,	 /* what goes up is dropped, without a word */
	ROUGH_DEAF_DOWN, /* what comes down is */
	ROUGH_DEAF,	 /* both */
	ROUGH_CALL,	 /* the caller's own harm */
};

struct roughlink;

struct rough_harm {
	enum rough what;
	uint64_t after;	  /* bytes up from now on */
	int64_t stall_us; /* of ROUGH_STALL */
	void (*call)(void *arg);
	void *arg;
	const struct rough_harm *then; /* armed when this is done */
};

/* Relays to PORT of 127.0.0.1; NULL: it cannot be had. */
struct roughlink *roughlink_new(unsigned port);
/* Ends every connection. */
void roughlink_free(struct roughlink *r);
unsigned roughlink_port(const struct roughlink *r);
void roughlink_harm(struct roughlink *r, const struct rough_harm *h);
/* Calls off what has not been done. */
void roughlink_peace(struct roughlink *r);
/* Harms done so far. */
unsigned roughlink_done(struct roughlink *r);

#endif
