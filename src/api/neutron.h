/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutron v2.0: the ports of an instance and where they are bound.  Errors as
 * in api/session.h; strings that are missing or null are NULL.
 *
 * binding:* members are shown to administrators only: .host NULL with
 * .sees_binding false is "may not be seen", not "unbound".
 *
 * Seen against Zed (linuxbridge), by tests/cloud/t-api-real: list, get, bind
 * there and back, a stale .revision (412), extensions.  Not seen: writing
 * .profile or .device_owner, trunks, OVN.
 *
 * A port is bound by writing binding:host_id, which is what Nova does for cold
 * migrations and evacuations (nova/network/neutron.py:
 * _update_port_binding_for_instance, 33.0.0).  Juno and newer bind again only
 * if the value changes.
 */
#ifndef NH_API_NEUTRON_H
#define NH_API_NEUTRON_H

#include <stdint.h>

#include "api/session.h"

struct neutron_port {
	char *id, *name, *network_id, *project_id, *mac, *status;
	char *device_id, *device_owner;
	bool sees_binding;
	char *host, *vif_type, *vnic_type;
	char *profile;	   /* JSON text of an object; "{}" when empty */
	char *vif_details; /* likewise */
	int64_t revision;  /* Newton and newer, else -1 */
	bool admin_up;
	bool is_trunk;	    /* trunk_details */
	bool has_resources; /* resource_request: minimum bandwidth */
	struct strv ips;
};

struct neutron_ports {
	struct neutron_port *v;
	size_t n;
};

void neutron_port_clear(struct neutron_port *p);
void neutron_ports_clear(struct neutron_ports *v);
int neutron_port_parse(const char *text, size_t len, struct neutron_port *out,
		       struct err *e);
int neutron_ports_parse(const char *text, size_t len, struct neutron_ports *out,
			struct err *e);

/* DEVICE_ID NULL: every port there is, with .id, .device_id, .device_owner and
 * the binding alone. */
int neutron_ports_list(struct api_session *s, const char *device_id,
		       struct neutron_ports *out, struct err *e);
int neutron_port_get(struct api_session *s, const char *id,
		     struct neutron_port *out, struct err *e);

struct neutron_bind {
	const char *port;
	const char *host;	  /* binding:host_id, or NULL: as it is */
	const char *device_owner; /* or NULL: as it is */
	const char *profile;	  /* JSON text of an object, or NULL */
	/* >= 0: only if the port still has this revision (If-Match, Newton),
	 * else ERR_CONFLICT with ESTALE.  -1: whatever it has. */
	int64_t revision;
};
/* Idempotent without .revision.  OUT is the port as it is then. */
int neutron_port_bind(struct api_session *s, const struct neutron_bind *b,
		      struct neutron_port *out, struct err *e);

/* What plugs ports on a host, among others. */
struct neutron_agent {
	char *type, *host; /* "Linux bridge agent", ... */
	bool alive;	   /* it has reported lately */
	bool admin_up;
	struct strv networks; /* physical networks that it is connected to, by
				 name; empty: none, or it does not tell */
};

struct neutron_agents {
	struct neutron_agent *v;
	size_t n;
};

void neutron_agents_clear(struct neutron_agents *v);
int neutron_agents_parse(const char *text, size_t len,
			 struct neutron_agents *out, struct err *e);
/* Those of HOST, Nova's name of it (Neutron's must be the same).  Without the
 * rights to see them the list is empty; ENOENT where Neutron knows no agents.
 */
int neutron_agents_list(struct api_session *s, const char *host,
			struct neutron_agents *out, struct err *e);
/* Is it of a type that plugs instances' ports (layer 2)?  The drivers that bind
 * a port look for one of these, alive, on its host:
 * neutron/plugins/ml2/drivers/mech_agent.py and .../ovn/mech_driver, Zed. */
bool neutron_agent_plugs(const struct neutron_agent *a);

/* The aliases of the loaded extensions, appended to OUT. */
int neutron_extensions_list(struct api_session *s, struct strv *out,
			    struct err *e);
int neutron_extensions_parse(const char *text, size_t len, struct strv *out,
			     struct err *e);

#endif
