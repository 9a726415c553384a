/* SPDX-License-Identifier: Apache-2.0 */
#include "host/net.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/uuid.h"
#include "domain/domain.h"

/* os-vif and Neutron cut "qbr" + port id to 14 characters. */
#define PORT_PREFIX 11
#define NIC_NAME 14
#define IFNAME_MAX 15
/* os-vif's ovs_vsctl_timeout */
#define VSCTL_TIMEOUT "--timeout=120"

static void strvs_clear(struct strv *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strv_clear(&v[i]);
	mem_free(v);
}

void net_plan_clear(struct net_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct net_step *s = &p->v[i];

		mem_free(s->item);
		strv_clear(&s->probe);
		strv_clear(&s->guard);
		strv_clear(&s->undo);
		strvs_clear(s->create, s->n_create);
		strvs_clear(s->settle, s->n_settle);
	}
	mem_free(p->v);
	*p = (struct net_plan){0};
}

/* One argv from words. */
#define ARGV(v, ...) strv_addv((v), (const char *const[]){__VA_ARGS__, NULL})

static struct strv *more(struct strv **v, size_t *n)
{
	*v = mem_realloc(*v, *n + 1, sizeof(**v));
	(*v)[*n] = (struct strv)STRV_INIT;
	return &(*v)[(*n)++];
}

#define CREATE(s) more(&(s)->create, &(s)->n_create)
#define SETTLE(s) more(&(s)->settle, &(s)->n_settle)

static bool has_item(const struct net_plan *p, const char *item)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].item, item))
			return true;
	return false;
}

/* A new step, or NULL when the plan has it: two interfaces on one bridge. */
static struct net_step *add(struct net_plan *p, const char *kind,
			    const char *name)
{
	char *item = mem_printf("%s %s", kind, name);
	struct net_step *s;

	if (has_item(p, item)) {
		mem_free(item);
		return NULL;
	}
	p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
	s = &p->v[p->n++];
	*s = (struct net_step){.item = item, .absent = 1};
	return s;
}

static void probe_device(struct net_step *s, const char *name)
{
	/* Not `ip link show`, whose exit code 1 says too many things. */
	ARGV(&s->probe, "test", "-e");
	strv_addf(&s->probe, "/sys/class/net/%s", name);
}

static void sysctl(struct net_step *s, const char *tree, const char *name,
		   const char *setting)
{
	struct strv *v = SETTLE(s);

	/* -e: a host without IPv6 has no such key */
	ARGV(v, "sysctl", "-e", "-q", "-w");
	/* with slashes, because a name may have dots */
	strv_addf(v, "net/%s/conf/%s/%s", tree, name, setting);
}

/* A bridge that Nova makes on demand, with os-vif's settings. */
static void own_bridge(struct net_plan *p, const char *name, bool ageing)
{
	struct net_step *s = add(p, "bridge", name);
	struct strv *v;

	if (!s)
		return;
	probe_device(s, name);
	v = CREATE(s);
	ARGV(v, "ip", "link", "add", "name", name, "type", "bridge",
	     "forward_delay", "0", "stp_state", "0", "mcast_snooping", "0");
	/* Hybrid bridges must not forget addresses: LP 1715317. */
	if (!ageing)
		ARGV(v, "ageing_time", "0");
	/* No address of the host on it (LP 1302080), no foreign ARP replies. */
	sysctl(s, "ipv6", name, "disable_ipv6=1");
	sysctl(s, "ipv4", name, "arp_ignore=1");
	sysctl(s, "ipv4", name, "arp_announce=2");
	ARGV(SETTLE(s), "ip", "link", "set", "dev", name, "up");
	ARGV(&s->guard, "find");
	strv_addf(&s->guard, "/sys/class/net/%s/brif", name);
	ARGV(&s->guard, "-mindepth", "1");
	ARGV(&s->undo, "ip", "link", "delete", "dev", name, "type", "bridge");
}

static void need_bridge(struct net_plan *p, const char *name)
{
	struct net_step *s = add(p, "existing bridge", name);

	if (!s)
		return;
	s->need = true;
	ARGV(&s->probe, "test", "-d");
	strv_addf(&s->probe, "/sys/class/net/%s/bridge", name);
}

static void need_ovs(struct net_plan *p, const char *name)
{
	struct net_step *s = add(p, "existing OVS bridge", name);

	if (!s)
		return;
	s->need = true;
	s->absent = 2; /* ovs-vsctl(8), br-exists */
	ARGV(&s->probe, "ovs-vsctl", VSCTL_TIMEOUT, "br-exists", name);
}

static void veth(struct net_plan *p, const char *tail, const char *qbr,
		 unsigned mtu)
{
	char qvb[IFNAME_MAX + 1], qvo[IFNAME_MAX + 1], size[16];
	const char *const ends[] = {qvb, qvo};
	struct net_step *s;

	snprintf(qvb, sizeof(qvb), "qvb%s", tail);
	snprintf(qvo, sizeof(qvo), "qvo%s", tail);
	snprintf(size, sizeof(size), "%u", mtu);
	s = add(p, "veth", qvo);
	if (!s)
		return;
	probe_device(s, qvo);
	ARGV(CREATE(s), "ip", "link", "add", "name", qvb, "type", "veth",
	     "peer", "name", qvo);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct strv *v = SETTLE(s);

		ARGV(v, "ip", "link", "set", "dev", ends[i], "promisc", "on");
		if (mtu)
			ARGV(v, "mtu", size);
		ARGV(v, "up");
	}
	ARGV(SETTLE(s), "ip", "link", "set", "dev", qvb, "master", qbr);
	ARGV(&s->undo, "ip", "link", "delete", "dev", qvo, "type", "veth");
}

static void ovs_port(struct net_plan *p, const struct domain *d,
		     const struct domain_iface *i, const char *bridge)
{
	char qvo[IFNAME_MAX + 1];
	struct net_step *s;
	struct strv *v;

	snprintf(qvo, sizeof(qvo), "qvo%.*s", PORT_PREFIX, i->port_id);
	s = add(p, "OVS port", qvo);
	if (!s)
		return;
	/* Not port-to-br, whose exit code 1 says too many things. */
	s->how = NET_PROBE_OUTPUT;
	ARGV(&s->probe, "ovs-vsctl", VSCTL_TIMEOUT, "--bare", "--columns=name",
	     "find", "Port");
	strv_addf(&s->probe, "name=%s", qvo);
	v = SETTLE(s);
	ARGV(v, "ovs-vsctl", VSCTL_TIMEOUT, "--", "--may-exist", "add-port",
	     bridge, qvo, "--", "set", "Interface", qvo);
	strv_addf(v, "external-ids:iface-id=\"%s\"", i->port_id);
	ARGV(v, "external-ids:iface-status=active");
	strv_addf(v, "external-ids:attached-mac=\"%s\"", i->mac);
	strv_addf(v, "external-ids:vm-uuid=\"%s\"", d->uuid);
	ARGV(&s->undo, "ovs-vsctl", VSCTL_TIMEOUT, "--", "--if-exists",
	     "del-port", bridge, qvo);
}

/* A name that is nothing else in an argv: no option, no path, no blank. */
static bool is_ifname(const char *s)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._-";
	size_t n = s ? strlen(s) : 0;

	return n && n <= IFNAME_MAX && strspn(s, ok) == n && s[0] != '-' &&
	       s[0] != '.';
}

static bool is_mac(const char *s)
{
	if (!s || strlen(s) != 17)
		return false;
	for (size_t i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':'
			       : !strchr("0123456789abcdefABCDEF", s[i]))
			return false;
	return true;
}

/* PREFIX and the first eleven characters of a Neutron id. */
static bool is_nova_name(const char *name, const char *prefix)
{
	return strlen(name) == NIC_NAME && !strncmp(name, prefix, 3) &&
	       strspn(name + 3, "0123456789abcdef-") == PORT_PREFIX;
}

static int plan_hybrid(struct net_plan *p, const struct domain *d,
		       const struct domain_iface *i, const char *ovs,
		       struct err *e)
{
	char want[IFNAME_MAX + 1], tail[PORT_PREFIX + 1];

	if (!i->port_id || !uuid_valid(i->port_id))
		return err_set(e, ERR_REFUSED,
			       "interface %s: its Neutron port is not known",
			       i->mac);
	snprintf(tail, sizeof(tail), "%.*s", PORT_PREFIX, i->port_id);
	snprintf(want, sizeof(want), "qbr%s", tail);
	if (strcmp(want, i->bridge))
		return err_set(e, ERR_REFUSED,
			       "interface %s: bridge %s is not port %s's",
			       i->mac, i->bridge, i->port_id);
	need_ovs(p, ovs);
	own_bridge(p, i->bridge, false);
	veth(p, tail, i->bridge, i->mtu);
	ovs_port(p, d, i, ovs);
	return 0;
}

static int plan_iface(struct net_plan *p, const struct domain *d,
		      const struct domain_iface *i, const char *ovs,
		      struct err *e)
{
	if (!is_mac(i->mac) || !is_ifname(i->bridge) || !is_ifname(ovs))
		return err_set(e, ERR_REFUSED,
			       "interface %s: not of a type that can be "
			       "plugged without Nova",
			       i->mac ? i->mac : "?");
	switch (i->plug) {
	case DOMAIN_PLUG_BRIDGE:
		if (is_nova_name(i->bridge, "brq"))
			own_bridge(p, i->bridge, true);
		else
			need_bridge(p, i->bridge);
		return 0;
	case DOMAIN_PLUG_OVS:
		need_ovs(p, i->bridge);
		return 0;
	case DOMAIN_PLUG_HYBRID:
		return plan_hybrid(p, d, i, ovs, e);
	case DOMAIN_PLUG_NONE:
		break;
	}
	err_set(e, ERR_REFUSED,
		"interface %s of type %s%s%s cannot be plugged without Nova",
		i->mac, i->type ? i->type : "?", i->vport ? " with " : "",
		i->vport ? i->vport : "");
	return err_hint(e, "move it with Nova's own migration: "
			   "openstack server migrate");
}

int net_plan(const struct domain *d, const struct net_opts *o,
	     struct net_plan *out, struct err *e)
{
	const char *ovs = o && o->ovs_bridge ? o->ovs_bridge : "br-int";

	for (size_t k = 0; k < d->n_ifaces; k++) {
		if (!plan_iface(out, d, &d->ifaces[k], ovs, e))
			continue;
		net_plan_clear(out);
		return -1;
	}
	return 0;
}
