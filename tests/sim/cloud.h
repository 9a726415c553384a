/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cloud made of numbers, as large as asked for: hosts of two generations in
 * four zones, servers of twelve flavors on some thousand images, four in nine
 * of them in server groups.  The same seed makes the same cloud.
 */
#ifndef NH_TESTS_SIM_CLOUD_H
#define NH_TESTS_SIM_CLOUD_H

#include "pack/pack.h"

struct sim_opts {
	size_t hosts, servers;
	uint64_t seed;
	unsigned fill; /* the servers' RAM in percent of the hosts' */
};

struct sim_cloud {
	struct pack_in in; /* all servers, on hosts of an older cloud */
	struct strv names; /* owns every name */
	void **owned;	   /* and every list */
	size_t n_owned, cap_owned;
	struct pack_host *hosts;
	struct pack_server *servers;
	struct pack_group *groups;
	struct pack_base *bases;
};

void sim_cloud_make(struct sim_cloud *c, const struct sim_opts *o);
void sim_cloud_clear(struct sim_cloud *c);

/*
 * What is left to do when the servers of the first N hosts of ALL must leave,
 * with all servers where ALL->host says.  INTO gets hosts, servers and groups
 * of its own, and borrows the rest: clear it first.
 */
void sim_drain(struct sim_cloud *c, const struct pack_out *all, size_t n,
	       struct sim_cloud *into);

#endif
