/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease of an instance on this host.
 *
 *	<root>/.novahaul/leases/<uuid>		job, epoch, state, owner
 *	                       /<uuid>.gate	never replaced: locked, not read
 *	                       /<uuid>.receive	locked by who receives files
 *	                       /<uuid>.attended	locked by the agent whose
 *						controller lives; mtime = its
 *						last sign of life
 *
 * Whoever mutates holds the gate shared (flock) and has read the lease after he
 * got it; whoever changes the lease holds it exclusively.  So after an epoch
 * has been raised, nothing of a lower one can begin, and nothing is under way.
 *
 * After a crash: the lease's text is replaced atomically and durably; locks
 * end with their holders.  A job's lease outlives every process of that job.
 *
 * On a file system shared by two hosts the two leases are one file: the claims
 * of one session with one epoch agree.
 */
#ifndef NH_AGENT_LEASE_H
#define NH_AGENT_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

enum lease_state { LEASE_NONE = 0, LEASE_HELD, LEASE_RELEASED };

struct lease {
	enum lease_state state;
	char *job, *owner, *session;
	uint64_t epoch;
	/* the agent that took it */
	char *boot_id;
	int64_t pid;
	uint64_t start;
	/* of the attended file, filled by lease_read() */
	bool locked, fresh;
	int64_t beat_us;
};
void lease_clear(struct lease *l);

/* ROOT is an open directory.  lease_read changes nothing; no lease is
 * LEASE_NONE. */
int lease_read(int root, const char *uuid, struct lease *l, struct err *e);

struct lease_claim {
	int root;
	const char *uuid, *job, *owner, *session;
	uint64_t epoch;
	bool force;
	bool again; /* only if SESSION has it: its link broke; else ERR_STALE */
	int64_t take_us;
};

/* Takes it, see host/host.h.  *ATTENDED is the locked file, whose mtime is to
 * be set at every sign of life, or -1 when another agent of the same session
 * has it. */
int lease_claim(const struct lease_claim *c, int *attended, struct err *e);
int lease_release(int root, const char *uuid, const char *job, uint64_t epoch,
		  bool forget, struct err *e);

/* Takes the gate shared and checks that JOB holds the lease at EPOCH; ERR_STALE
 * if not.  *GATE is kept open between calls (-1 at first).  lease_leave() gives
 * it back. */
int lease_enter(int root, const char *uuid, const char *job, uint64_t epoch,
		int *gate, struct err *e);
void lease_leave(int gate);

/* Locks UUID's receive file shared, for as long as files are received; the
 * descriptor.  ONLY: ends those who have it already.  Their sender's link broke
 * without a word to them, and what it had still sent may reach them at any
 * time, when others have long completed the file that they write to. */
int lease_receive(int root, const char *uuid, bool only, struct err *e);

/* A job's name, safe as a file's: letters, digits, "_-", not "leases". */
bool lease_job_ok(const char *s);

#endif
