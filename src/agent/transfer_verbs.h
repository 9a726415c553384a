/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of bulk data: verb_transfer.c has their table and the receiver,
 * verb_transfer_send.c the sender, verb_transfer_join.c a receiver's further
 * streams, verb_transfer_tls.c a receiver that listens itself,
 * verb_transfer_keys.c authorized_keys. */
#ifndef NH_AGENT_TRANSFER_VERBS_H
#define NH_AGENT_TRANSFER_VERBS_H

#include "agent/verb.h"
#include "transfer/chan.h"
#include "transfer/stripe.h"

/* A channel over the frames of a running request that bear CTL_TUNNEL. */
struct verb_chan {
	struct verb_call *call;
	struct chan chan;
	/* What a frame without CTL_TUNNEL is for; returns -1 to end. */
	int (*control)(void *arg, const struct frame *f, struct err *e);
	void *arg;
	bool ended; /* WIRE_END has come */
	/* Messages bear numbers and may come on several streams; or NULL. */
	struct stripe_in *in;
	struct buf taken; /* its buffers go round through this */
};

/* An error that goes to the controller must not look like a deadline of its
 * own.  Returns -1 always. */
int verb_chan_fail(struct err *e);

void verb_chan_init(struct verb_chan *v, struct verb_call *c);
/* The tunnel's next payload; ETIMEDOUT, also after a call of v->control();
 * EPIPE at the end. */
int verb_chan_recv(struct verb_chan *v, const char **p, size_t *n,
		   int64_t timeout_us, struct err *e);

/* Where further streams of one receiver join: a socket without a file (its
 * name ends with the namespace), which takes descriptors from root's processes
 * that know the token. */
struct streams;

/* NAME and TOKEN (CTL_TOKEN bytes) are valid until streams_end(). */
struct streams *streams_listen(struct agent *a, struct err *e);
const char *streams_name(const struct streams *s);
const void *streams_token(const struct streams *s);
/* Closes all of them. */
void streams_end(struct streams *s);

/* Receives beneath ROOT, under the lease: SERVE does it, with a channel over
 * C that is as verb_chan_init() leaves it. */
struct receiver_cfg; /* transfer/receiver.h */
struct verb_receive {
	const char *root;
	uint64_t dead_us; /* silence that is a loss; 0: XP_DEAD_US */
	bool watch;	  /* nobody else would notice that the sender is gone */
	int (*serve)(struct verb_chan *v, const struct receiver_cfg *cfg,
		     void *arg, struct err *e);
	void *arg;
};
int verb_receive(struct verb_call *c, const struct verb_receive *how,
		 struct err *e);

int verb_transfer_listen(struct verb_call *c, struct err *e);
int verb_transfer_join(struct verb_call *c, struct err *e);
int verb_transfer_send(struct verb_call *c, struct err *e);
int verb_transfer_allow(struct verb_call *c, struct err *e);
int verb_transfer_revoke(struct verb_call *c, struct err *e);

#endif
