/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a hybrid plug on a real Open vSwitch (its user-space datapath) and a
 * real bridge, made, found made, and unmade.  Needs root and ovs; else 77.
 */
#include "unit/virt-real.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "domain/domain.h"

#define U "11111111-2222-4333-8444-555555555555"
#define PORT "5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b"
#define NET(x) "/sys/class/net/" x "5e6f7a8b-9c"

static const char xml[] =
	"<domain type='qemu'><name>a</name><uuid>" U "</uuid><devices>"
	"<interface type='bridge'><mac address='fa:16:3e:11:22:33'/>"
	"<source bridge='qbr5e6f7a8b-9c'/><mtu size='1450'/>"
	"<target dev='tap5e6f7a8b-9c'/></interface></devices></domain>";

static bool ovs_up(void)
{
	static const char *const fresh[] = {"/run", "/var/log/openvswitch",
					    "/etc/openvswitch"};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++)
		if (mount("tmpfs", fresh[i], "tmpfs", 0, "mode=0755"))
			return false;
	return !mkdir("/run/openvswitch", 0755) &&
	       !command("ovsdb-tool create /etc/openvswitch/conf.db "
			"/usr/share/openvswitch/vswitch.ovsschema") &&
	       !command("ovsdb-server /etc/openvswitch/conf.db "
			"--remote=punix:/run/openvswitch/db.sock --pidfile "
			"--detach --no-chdir --log-file=/run/db.log") &&
	       !command("ovs-vsctl --no-wait init") &&
	       !command("ovs-vswitchd --disable-system --pidfile --detach "
			"--no-chdir --log-file=/run/vs.log");
}

static void t_hybrid(void **state)
{
	static const char *const prefix[] = {"virsh", NULL};
	static const struct virt_runner runner = {.run = run};
	struct virt *v = virt_virsh_new("here", prefix, &runner);
	struct err e = ERR_INIT;
	AUTO(domain_freep)
	struct domain *d = domain_parse(xml, strlen(xml), &e);
	AUTO(strv_clear) struct strv items = STRV_INIT;
	AUTO(strv_clear) struct strv again = STRV_INIT;

	(void)state;
	assert_true(domain_set_port_id(d, "fa:16:3e:11:22:33", PORT));
	assert_int_equal(virt_net_missing(v, d, &items, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED); /* no br-int */
	assert_int_equal(virt_net_plug(v, d, &e), -1);
	assert_false(exists(NET("qbr")));
	assert_int_equal(command("ovs-vsctl add-br br-int -- set bridge "
				 "br-int datapath_type=netdev"),
			 0);
	ok(virt_net_missing(v, d, &items, &e), &e);
	assert_int_equal(items.n, 3);
	ok(virt_net_plug(v, d, &e), &e);
	ok(virt_net_plug(v, d, &e), &e);
	assert_true(exists(NET("qbr") "/brif/qvb5e6f7a8b-9c"));
	assert_true(exists(NET("qvo")));
	assert_int_equal(command("ovs-vsctl --timeout=5 wait-until Interface "
				 "qvo5e6f7a8b-9c "
				 "external_ids:iface-id=\"" PORT "\" "
				 "external_ids:attached-mac="
				 "\"fa:16:3e:11:22:33\" "
				 "external_ids:iface-status=active "
				 "external_ids:vm-uuid=\"" U "\""),
			 0);
	ok(virt_net_missing(v, d, &again, &e), &e);
	assert_int_equal(again.n, 0);
	ok(virt_net_unplug(v, d, &again, &e), &e); /* none of it is ours */
	assert_true(exists(NET("qvo")));
	ok(virt_net_unplug(v, d, &items, &e), &e);
	assert_false(exists(NET("qbr")));
	assert_false(exists(NET("qvo")));
	assert_int_equal(command("ovs-vsctl port-to-br qvo5e6f7a8b-9c"), 1);
	err_clear(&e);
	virt_free(v);
}

int main(int argc, char **argv)
{
	static const char *const tools[] = {"ovs-vsctl",    "ovsdb-server",
					    "ovs-vswitchd", "ip",
					    "sysctl",	    NULL};
	const struct CMUnitTest tests[] = {cmocka_unit_test(t_hybrid)};

	(void)argv;
	if (argc != 2)
		return real_outer(tools);
	if (!ovs_up()) {
		fprintf(stderr, "skipped: no Open vSwitch of its own\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
