/* SPDX-License-Identifier: Apache-2.0 */
/* A host_config with every default filled in, owned. */
#ifndef NH_HOST_CONF_H
#define NH_HOST_CONF_H

#include "core/buf.h"
#include "host/host.h"

struct conf {
	char *name, *address, *user;
	bool local, no_ssh_agent;
	int port;
	struct strv known_hosts, identities, cache_dirs;
	int64_t connect_us, command_us, dead_us;
	int64_t tcp_us; /* of connect_us, until TCP is connected */
	char *agent;	/* our copy of novahaul-agent */
	char agent_sha256[65];
};

int conf_init(struct conf *c, const struct host_config *h, struct err *e);
void conf_clear(struct conf *c);

#endif
