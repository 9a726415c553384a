/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP proxy in front of the test server, in a thread, that can spoil one
 * COMMIT.
 *
 *	client --- proxy --- server
 */
#ifndef NH_TESTS_SCHEMA_PROXY_H
#define NH_TESTS_SCHEMA_PROXY_H

#include <stdbool.h>

enum spoil {
	SPOIL_NONE = 0,
	SPOIL_BEFORE, /* the COMMIT never leaves; both ends are cut */
	SPOIL_DURING, /* it is done; its answer never arrives */
	SPOIL_AFTER,  /* it is answered, then the link breaks */
	SPOIL_LATE,   /* the client is cut; the COMMIT arrives later */
	SPOIL_NEVER,  /* the client is cut; later the server is, too */
};

/* The port that it listens on, at 127.0.0.1. */
unsigned proxy_start(const char *server_socket);
void proxy_stop(void);
/* For the next COMMIT only.  DELAY_MS: how late. */
void proxy_spoil(enum spoil how, int delay_ms);
/* Did it come to that, and has the proxy finished with it? */
bool proxy_spoilt(void);

#endif
