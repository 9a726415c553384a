/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host's network needs before a guest's interfaces can be started, as
 * Nova's os-vif would prepare it, in the form of command lines.  Pure: nothing
 * is run here; host/virsh.c runs it.
 *
 *	Linux bridge	tap ─ brq		libvirt makes the tap
 *	Open vSwitch	tap ─ br-int		libvirt makes tap and port
 *	hybrid		tap ─ qbr ─ qvb═qvo ─ br-int
 *
 * Read from os-vif 3.0.0 (vif_plug_linux_bridge/linux_bridge.py:plug,
 * linux_net.py:_ensure_bridge_privileged; vif_plug_ovs/ovs.py:_plug_bridge,
 * _plug_vif_generic, linux_net.py; os_vif/internal/ip/linux/impl_pyroute2.py),
 * from Nova 2014.1.5 before there was os-vif (nova/virt/libvirt/vif.py), and
 * for the port that libvirt adds itself from src/util/virnetdevopenvswitch.c.
 *
 * Deliberately otherwise: a br-int, a trunk bridge or an operator's bridge is
 * never created, it must be there; a bridge is removed only while empty.
 */
#ifndef NH_HOST_NET_H
#define NH_HOST_NET_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

struct domain;

/* How a probe's answer is read. */
enum net_probe {
	NET_PROBE_EXIT = 0, /* exit 0: there; exit .absent: not; else failed */
	NET_PROBE_OUTPUT,   /* exit 0: there if it printed anything */
};

struct net_step {
	char *item; /* "bridge brq0a1b2c3d-4e": stable, for journals */
	enum net_probe how;
	int absent; /* exit code of a probe that found nothing */
	struct strv probe;
	struct strv *create; /* when it is not there, in order; none: refuse */
	size_t n_create;
	struct strv *settle; /* always, in order; may be repeated */
	size_t n_settle;
	struct strv guard; /* before undo: output means it is in use: leave */
	struct strv undo;  /* empty: never */
	bool need;	   /* somebody else's: it must exist already */
};

struct net_plan {
	struct net_step *v;
	size_t n;
};

struct net_opts {
	const char *ovs_bridge; /* of hybrid plugs; NULL: "br-int" */
};

/* In the order of plugging; unplugging goes backwards.  ERR_REFUSED for types
 * that direct control does not plug, and for names that cannot be Nova's. */
int net_plan(const struct domain *d, const struct net_opts *o,
	     struct net_plan *out, struct err *e);
void net_plan_clear(struct net_plan *p);

#endif
