/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges and ports, planned and run over a scripted host. */
#include "unit/virt-script.h"

#include "domain/domain.h"
#include "host/net.h"

#define IFACE(x)                                                               \
	"<domain type='qemu'><name>a</name><uuid>" U                           \
	"</uuid><devices><interface type='bridge'>"                            \
	"<mac address='fa:16:3e:11:22:33'/>" x                                 \
	"</interface></devices></domain>"
#define BRQ IFACE("<source bridge='brq0a1b2c3d-4e'/>")
#define BR100 IFACE("<source bridge='br100'/>")
#define OVS IFACE("<source bridge='br-int'/><virtualport type='openvswitch'/>")
#define QBR                                                                    \
	IFACE("<source bridge='qbr5e6f7a8b-9c'/><mtu size='1450'/>"            \
	      "<target dev='tap5e6f7a8b-9c'/>")
#define PORT "5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b"

static struct domain *iface(const char *xml)
{
	struct err e = ERR_INIT;
	struct domain *d = domain_parse(xml, strlen(xml), &e);

	assert_non_null(d);
	return d;
}

#define SYSFS "test -e /sys/class/net/"
#define BRQ_SETTLE                                                             \
	{"sysctl -e -q -w net/ipv6/conf/brq0a1b2c3d-4e/disable_ipv6=1"},       \
		{"sysctl -e -q -w net/ipv4/conf/brq0a1b2c3d-4e/arp_ignore=1"}, \
		{"sysctl -e -q -w "                                            \
		 "net/ipv4/conf/brq0a1b2c3d-4e/arp_announce=2"},               \
	{                                                                      \
		"ip link set dev brq0a1b2c3d-4e up"                            \
	}

static void t_net_brq(void **state)
{
	static const struct step steps[] = {
		{SYSFS "brq0a1b2c3d-4e", NULL, NULL, 1},
		{SYSFS "brq0a1b2c3d-4e", NULL, NULL, 1},
		{"ip link add name brq0a1b2c3d-4e type bridge forward_delay 0 "
		 "stp_state 0 mcast_snooping 0"},
		BRQ_SETTLE,
		{SYSFS "brq0a1b2c3d-4e"}, /* again: nothing is made twice */
		BRQ_SETTLE,
		{SYSFS "brq0a1b2c3d-4e"},
		{"find /sys/class/net/brq0a1b2c3d-4e/brif -mindepth 1", "tap"},
		{SYSFS "brq0a1b2c3d-4e"},
		{"find /sys/class/net/brq0a1b2c3d-4e/brif -mindepth 1"},
		{"ip link delete dev brq0a1b2c3d-4e type bridge"},
		{SYSFS "brq0a1b2c3d-4e", NULL, NULL, 1},
	};
	struct script s;
	struct virt *v = WITH(s, steps);
	AUTO(domain_freep) struct domain *d = iface(BRQ);
	AUTO(strv_clear) struct strv items = STRV_INIT;
	AUTO(strv_clear) struct strv none = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_net_missing(v, d, &items, &e), 0);
	assert_int_equal(items.n, 1);
	assert_string_equal(items.v[0], "bridge brq0a1b2c3d-4e");
	assert_int_equal(virt_net_plug(v, d, &e), 0);
	assert_int_equal(virt_net_plug(v, d, &e), 0);
	assert_int_equal(virt_net_unplug(v, d, &none, &e), 0);
	assert_int_equal(virt_net_unplug(v, d, &items, &e), 0); /* in use */
	assert_int_equal(virt_net_unplug(v, d, &items, &e), 0);
	assert_int_equal(virt_net_unplug(v, d, &items, &e), 0); /* gone */
	done(&s, v, 10);
}

static void t_net_need(void **state)
{
	static const struct step steps[] = {
		{"test -d /sys/class/net/br100/bridge"},
		{"test -d /sys/class/net/br100/bridge", NULL, NULL, 1},
		{"test -d /sys/class/net/br100/bridge", NULL, NULL, 1},
		{"test -d /sys/class/net/br100/bridge", NULL, NULL, 2},
		{"ovs-vsctl --timeout=120 br-exists br-int"},
		{"ovs-vsctl --timeout=120 br-exists br-int", NULL, NULL, 2},
		{"ovs-vsctl --timeout=120 br-exists br-int", NULL,
		 "database connection failed", 1},
	};
	struct script s;
	struct virt *v = WITH(s, steps);
	AUTO(domain_freep) struct domain *lb = iface(BR100);
	AUTO(domain_freep) struct domain *ovs = iface(OVS);
	AUTO(strv_clear) struct strv items = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_net_missing(v, lb, &items, &e), 0);
	assert_int_equal(virt_net_missing(v, lb, &items, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(virt_net_plug(v, lb, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(virt_net_plug(v, lb, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_int_equal(virt_net_plug(v, ovs, &e), 0);
	assert_int_equal(virt_net_plug(v, ovs, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(virt_net_plug(v, ovs, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_int_equal(items.n, 0);
	err_clear(&e);
	done(&s, v, 0);
}

static void t_net_hybrid(void **state)
{
	AUTO(domain_freep) struct domain *d = iface(QBR);
	struct net_plan p = {0};
	struct err e = ERR_INIT;
	AUTO(mem_freep) char *port = NULL;

	(void)state;
	/* without the port's id, or with another port's */
	assert_int_equal(net_plan(d, NULL, &p, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(p.n, 0);
	assert_true(domain_set_port_id(d, "fa:16:3e:11:22:33", PORT));
	assert_int_equal(net_plan(d, NULL, &p, &e), 0);
	assert_int_equal(p.n, 4);
	assert_string_equal(p.v[0].item, "existing OVS bridge br-int");
	assert_string_equal(p.v[1].item, "bridge qbr5e6f7a8b-9c");
	assert_true(strv_has(&p.v[1].create[0], "ageing_time"));
	assert_string_equal(p.v[2].item, "veth qvo5e6f7a8b-9c");
	assert_true(strv_has(&p.v[2].settle[1], "1450"));
	assert_string_equal(p.v[3].item, "OVS port qvo5e6f7a8b-9c");
	port = strv_join(&p.v[3].settle[0], " ");
	assert_string_equal(
		port, "ovs-vsctl --timeout=120 -- --may-exist add-port br-int "
		      "qvo5e6f7a8b-9c -- set Interface qvo5e6f7a8b-9c "
		      "external-ids:iface-id=\"" PORT "\" "
		      "external-ids:iface-status=active "
		      "external-ids:attached-mac=\"fa:16:3e:11:22:33\" "
		      "external-ids:vm-uuid=\"" U "\"");
	net_plan_clear(&p);
	err_clear(&e);
}

static void t_net_refused(void **state)
{
	static const char *const bad[] = {
		IFACE(""),
		IFACE("<source bridge='-br'/>"),
		IFACE("<source bridge='../../etc'/>"),
		IFACE("<source bridge='a b'/>"),
		IFACE("<source bridge='a0123456789012345'/>"),
		IFACE("<source bridge='b'/><virtualport type='midonet'/>"),
		"<domain type='qemu'><name>a</name><uuid>" U
		"</uuid><devices><interface type='network'><mac "
		"address='fa:16:3e:11:22:33'/><source bridge='b'/>"
		"</interface></devices></domain>",
		"<domain type='qemu'><name>a</name><uuid>" U
		"</uuid><devices><interface type='bridge'><mac "
		"address='fa:16:3e:11:22:3;'/><source bridge='b'/>"
		"</interface></devices></domain>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(domain_freep) struct domain *d = NULL;
		struct net_plan p = {0};
		struct err e = ERR_INIT;

		d = iface(bad[i]);
		assert_int_equal(net_plan(d, NULL, &p, &e), -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		err_clear(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_net_brq),
		cmocka_unit_test(t_net_need),
		cmocka_unit_test(t_net_hybrid),
		cmocka_unit_test(t_net_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
