/* SPDX-License-Identifier: Apache-2.0 */
/* A started agent and the way to it: ssh.c or local.c. */
#ifndef NH_HOST_LINK_H
#define NH_HOST_LINK_H

#include "core/buf.h"
#include "core/err.h"
#include "wire/wire.h"

struct conf;
struct link;

struct link_ops {
	void (*close)(struct link *l);
	/* What came on the agent's stderr lately, appended to OUT. */
	void (*said)(struct link *l, struct buf *out);
	/* "ssh-ed25519 AAAA..." of the peer, or NULL when there is none. */
	const char *(*hostkey)(struct link *l);
};

struct link {
	const struct link_ops *ops;
	struct client client;
};

/* Connected, the agent running, hands shaken. */
struct link *link_open(const struct conf *cfg, struct err *e);
/* NULL is fine. */
void link_close(struct link *l);

struct link *local_open(const struct conf *cfg, struct err *e);
struct link *ssh_open(const struct conf *cfg, struct err *e);

#endif
