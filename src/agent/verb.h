/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent can be asked: tables of verbs.
 *
 * The dispatcher (agent.c) decodes the frame, finds the row, and for a row that
 * mutates takes the gate of the session's lease shared, re-reads the lease
 * under it and compares the frame's epoch, before it calls fn; the gate is held
 * until fn returns.  fn therefore never thinks about leases.  A long verb is
 * killed with its whole agent when another controller takes the lease over.
 *
 * fn reads its arguments from c->in, ends with agent_args_end(), does its work,
 * writes results to c->out and returns 0; the dispatcher sends WIRE_OK, or
 * WIRE_ERROR with E.  A verb that streams uses agent_send() and agent_recv()
 * in between.
 */
#ifndef NH_AGENT_VERB_H
#define NH_AGENT_VERB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "wire/verbs.h"
#include "wire/wire.h"

struct agent;

struct verb_call {
	struct agent *agent;
	const struct frame *req;
	struct dec *in;
	struct enc *out;
};

typedef int verb_fn(struct verb_call *c, struct err *e);

/* Tables end with a row whose fn is NULL. */
struct verb {
	uint16_t type;
	const char *name;
	bool mutates;
	bool receive; /* may be asked in --receive mode too */
	verb_fn *fn;
};

extern const struct verb verbs_lease[];
extern const struct verb verbs_file[];
extern const struct verb verbs_tree[];
extern const struct verb verbs_host[];
extern const struct verb verbs_transfer[]; /* src/agent/verb_transfer.c */

/* A path as a caller names it: REL beneath ROOT. */
struct agent_path {
	int root;	   /* borrowed: open for the session */
	const char *where; /* ROOT's name, for messages */
	const char *rel;   /* points into the request; fs_rel_ok() holds */
};

/* Reads root and rel from C's arguments.  ROOT is an absolute directory,
 * resolved (links and all) the first time that the session names it.  In
 * --receive mode ROOT must be the one given on the command line and REL must
 * lie beneath .novahaul/<job>/. */
int agent_path(struct verb_call *c, struct agent_path *p, struct err *e);
int agent_args_end(struct verb_call *c, struct err *e);

/* Opens what P names: O_CLOEXEC, O_NOFOLLOW in every component, and only a
 * regular file (or a directory, when FLAGS has O_DIRECTORY).  FLAGS may have
 * O_CREAT|O_EXCL with MODE. */
int agent_open(const struct agent_path *p, int flags, mode_t mode,
	       struct err *e);

/* One frame of the running request to the caller: WIRE_DATA or WIRE_END. */
int agent_send(struct verb_call *c, const struct frame *f, const void *data,
	       size_t n, struct err *e);
/* The caller's next frame of the running request; -1 with e->sys ETIMEDOUT
 * after TIMEOUT_US.  F points into the agent, until the next agent_recv(). */
int agent_recv(struct verb_call *c, struct frame *f, int64_t timeout_us,
	       struct err *e);

/* The whole frame that agent_recv() gave last, header and all, instead of a
 * copy; B's bytes are used for later ones. */
void agent_take(struct verb_call *c, struct buf *b);

/* Overwrites the request that is being performed, wherever the agent has it:
 * there was a secret in it.  Its arguments are gone then. */
void agent_forget(struct verb_call *c);

/* The session's lease, "" and 0 while none is bound. */
const char *agent_job(const struct agent *a);
uint64_t agent_epoch(const struct agent *a);

/* Name to number through getent(1), so that a static agent sees what the host
 * sees.  NUMERIC: a string of digits is taken as the number itself. */
int agent_uid(struct agent *a, const char *user, bool numeric, uid_t *uid,
	      struct err *e);
int agent_gid(struct agent *a, const char *group, bool numeric, gid_t *gid,
	      struct err *e);
/* Number to name; NULL when there is none.  Until the next such call. */
const char *agent_user(struct agent *a, uid_t uid);
const char *agent_group(struct agent *a, gid_t gid);

#endif
