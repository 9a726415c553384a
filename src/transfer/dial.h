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
 *
 * One connection carries 2 MiB in a round trip, the window of sshd's channel,
 * and what one core encrypts.  While that is what the transfer waits for,
 * further ones are made, each in its own thread (transfer/stripe.h): 4 or 8 in
 * all where a round trip takes long, 2 between near hosts with cores to spare.
 * How long it takes is found beside the first questions of the sender.
 * What cannot be opened, for sshd's MaxStartups or anything else, is done
 * without, and dial_why() tells.
 *
 * Or TLS (dial_tls.c), to a port that the receiver has opened for us: the same
 * messages over the same lanes, which are all made at once, for they cost
 * little.
 */
#ifndef NH_TRANSFER_DIAL_H
#define NH_TRANSFER_DIAL_H

#include <pthread.h>

#include "core/proc.h"
#include "transfer/chan.h"
#include "transfer/ctl.h"
#include "transfer/stripe.h"

struct tls; /* transfer/tls.h */
struct tls_side;

/* One ssh, with an agent at its end; or TLS. */
struct dial_lane {
	struct proc_pipe ssh;
	struct tls *tls;
	struct client client;
};

struct dial {
	/* The first has the receiver; the others join it. */
	struct dial_lane lane[STRIPE_LANES];
	uint32_t id; /* of VERB_TRANSFER_RECV, under way */
	struct chan chan;
	struct stripe *stripe;
	int64_t listened;
	int64_t rtt_us;	  /* of the first, at the start */
	unsigned pongs;	  /* answers that are in it */
	unsigned lost;	  /* that did not come */
	unsigned streams; /* that there may be; 0: not known yet */
	int key, known;	  /* memory files */
	/* for further ones */
	struct strv argv;
	char *root, *name;
	unsigned char token[CTL_TOKEN];
	uint64_t epoch;
	pthread_mutex_t mu; /* of lane[1 ...].ssh, and: */
	bool closing;
	/* for TLS */
	struct tls_side *side;
	char *addr;
	unsigned port;
	int64_t dead_us;
	int stop; /* eventfd: readable once it is closing; -1 */
};

/* Logs in, shakes hands and starts the receiver, all within TIMEOUT_US.  E says
 * what ssh said.  ERR_STALE: a later epoch holds the target's lease. */
int dial_open(struct dial *d, const struct ctl_send *s, int64_t timeout_us,
	      struct err *e);
/* The same where the receiver listens for us (transfer/tls.h). */
int dial_tls_open(struct dial *d, const struct ctl_send *s, int64_t timeout_us,
		  struct err *e);
void dial_close(struct dial *d);
/* Connections now, and why there are not more; "" when nothing went wrong. */
unsigned dial_streams(struct dial *d);
void dial_why(struct dial *d, char *out, size_t size);
/* How many connections to allow for, when STREAMS (0: as is best) are asked
 * for. */
unsigned dial_lanes(unsigned streams, int64_t rtt_us, unsigned cores);

/* The argument vector, for tests. */
void dial_argv(const struct dial *d, const struct ctl_send *s,
	       struct strv *argv);

#endif
