/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the crash tier. */
#ifndef NH_TESTS_CRASH_PRIV_H
#define NH_TESTS_CRASH_PRIV_H

#include <sys/types.h>

#include "crash/crash.h"

#define CRASH_ACTS 3
#define CRASH_TOKENS 64
#define CRASH_EVENTS 8192

struct crash_act {
	unsigned long event; /* over all controllers; 0: none */
	size_t actor;
};

/* What all controllers share. */
struct crash_shm {
	/* of the controller that runs */
	unsigned long n;  /* its events */
	unsigned long at; /* it is struck at this one */
	enum crash_fault fault;
	bool struck;
	bool record;			   /* fill kinds */
	unsigned char kinds[CRASH_EVENTS]; /* 1 + when, + 4: can fail */
	/* of the point */
	unsigned long total;
	struct crash_act acts[CRASH_ACTS];
	unsigned acted;
	uint64_t rnd;
	int64_t clock_us;
	unsigned long wake; /* event of the second at which the zombie wakes */
	pid_t zombie;
	unsigned zombie_token;
	bool frozen, zombie_done;
	unsigned long violations;
	char text[400]; /* of the first */
	bool trace;
	unsigned tokens;
	bool alive[CRASH_TOKENS];
	_Alignas(16) unsigned char world[];
};

extern struct crash_shm *crash_shm;

/* Of this process. */
extern struct crash_self_state {
	const struct crash_case *c;
	unsigned token;
	bool quiet;  /* neither struck nor counted */
	bool zombie; /* was frozen, and goes on */
} crash_me;

/* Takes a token. */
void crash_become(void);

#endif
