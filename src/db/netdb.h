/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutron's database (ML2): transaction U, for when its API does not answer.
 *
 *	struct netdb *n;
 *	struct netdb_ports ports;
 *
 *	if (netdb_open(url, &cfg, &n, &e)) ...
 *	if (netdb_ports_read(n, &in, &ports, &e)) ...	.unfit: why not
 *	  journal each port's .image, durably
 *	if (netdb_port_read(n, id, &port, &e)) ...
 *	if (netdb_bind(n, &bind, &e)) ...
 *	netdb_close(n);
 *
 * Only where mechanism driver, agent and network are of one kind on both hosts
 * and nothing but the port's own rows names the host: linuxbridge or Open
 * vSwitch, no OVN, no distributed router, trunk, SR-IOV, guaranteed bandwidth
 * or routed network.  .unfit tells for each port.
 *
 * Forward the port becomes 'unbound' on the new host and DOWN; Neutron binds it
 * on demand, at the latest when the agent there asks for the port's details
 * (neutron/plugins/ml2/plugin.py: get_bound_port_context, 21.0.0).  Back, every
 * row is as the image says.  device_owner is left as it is, as it is when the
 * API binds a port.
 *
 * Run on Zed's schema (tests/schema) and in a cloud of Zed with linuxbridge
 * (tests/cloud).  Not verified: other releases (netdb_verified() says so), Open
 * vSwitch.  Refused: schemas from before Ocata, among them those of Icehouse
 * and Juno, which bind differently.
 *
 * The guard is the port's revision_number.  Errors as in db/db.h, but that a
 * lost COMMIT is resolved in here, as in db/placedb.h.
 */
#ifndef NH_DB_NETDB_H
#define NH_DB_NETDB_H

#include "db/db.h"

struct netdb;

int netdb_open(const char *url, const struct db_config *cfg, struct netdb **out,
	       struct err *e);
void netdb_close(struct netdb *n); /* NULL is fine */

/* "neutron on db1:3306, revision 5881373af7f5" */
const char *netdb_name(const struct netdb *n);
bool netdb_verified(const struct netdb *n);
/* May this user write what a move writes?  Tries on nothing. */
int netdb_rights(struct netdb *n, struct err *e);

struct netdb_port {
	char *id;
	char *host, *vif_type, *vnic_type; /* NULL: it has no active binding */
	char *status;
	int64_t revision;
	/* JSON text of what a binding changes, to be put back: host, vif_type,
	 * vif_details, status, levels.  Holds no secret. */
	char *image;
	char *unfit; /* why SQL must not bind it to the target, or NULL */
};
void netdb_port_clear(struct netdb_port *p);

struct netdb_ports {
	struct netdb_port *v;
	size_t n;
};
void netdb_ports_clear(struct netdb_ports *v);

struct netdb_who {
	const char *device;    /* the instance's uuid */
	const char *from, *to; /* service hosts */
};
/* The ports of an instance, each judged for a move. */
int netdb_ports_read(struct netdb *n, const struct netdb_who *who,
		     struct netdb_ports *out, struct err *e);
/* One port; .id NULL: there is none.  Not judged. */
int netdb_port_read(struct netdb *n, const char *id, struct netdb_port *out,
		    struct err *e);

struct netdb_bind {
	const char *port, *device;
	const char *from, *to; /* where it may be bound now, and shall be */
	int64_t revision;      /* as read */
	const char *image;     /* NULL: forward; else all of it, put back */
};
/* Is it an image?  A plan file is input: ERR_REFUSED. */
int netdb_image_check(const char *image, struct err *e);
/* Where it is bound to .to already its revision is raised all the same. */
int netdb_bind(struct netdb *n, const struct netdb_bind *b, struct err *e);

/* Pure: does an L2 agent with these CONFIGURATIONS (JSON) plug ports into such
 * a network? */
bool netdb_agent_reaches(const char *configurations, const char *type,
			 const char *physnet);

#endif
