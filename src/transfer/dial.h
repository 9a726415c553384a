/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct way from the source's agent to a receiver on the target: OpenSSH's
 * client (AES-GCM, twice as fast as libssh2), which logs in with a key made for
 * this job and finds itself in the forced command `novahaul-agent --receive`.
 *
 * Key and known hosts never touch a disk: they are memory files of this
 * process, which ssh opens by name, /proc/<our pid>/fd/<n>, since it closes
 * what it inherits.  It reads no configuration, asks nobody, accepts the host
 * keys that it was given and no others, and forwards nothing.
 */
#ifndef NH_TRANSFER_DIAL_H
#define NH_TRANSFER_DIAL_H

#include "core/proc.h"
#include "transfer/chan.h"
#include "transfer/ctl.h"

struct dial {
	struct proc_pipe ssh;
	struct client client;
	uint32_t id; /* of VERB_TRANSFER_RECV, under way */
	struct chan chan;
	int64_t listened;
	int key, known; /* memory files */
};

/* Logs in, shakes hands and starts the receiver, all within TIMEOUT_US.  E says
 * what ssh said.  ERR_STALE: a later epoch holds the target's lease. */
int dial_open(struct dial *d, const struct ctl_send *s, int64_t timeout_us,
	      struct err *e);
void dial_close(struct dial *d);

/* The argument vector, for tests. */
void dial_argv(const struct dial *d, const struct ctl_send *s,
	       struct strv *argv);

#endif
