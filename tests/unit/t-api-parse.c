/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as literal JSON: bodies of the API references and of Zed. */
#include "unit/unit.h"

#include <errno.h>

#include "api/cinder.h"
#include "api/json_priv.h"
#include "api/neutron.h"
#include "api/nova.h"
#include "api/placement.h"
#include "api/token_priv.h"

static struct err e;

static int forget(void **state)
{
	(void)state;
	err_clear(&e);
	return 0;
}

#define OK(call)                                                               \
	do {                                                                   \
		if (call)                                                      \
			fail_msg("%s", err_msg(&e));                           \
	} while (0)

/* Each BODY is refused by PARSE, which leaves OUT empty. */
#define ALL_BAD(parse, clear, out, ...)                                        \
	do {                                                                   \
		static const char *const bad[] = {__VA_ARGS__};                \
                                                                               \
		for (size_t i_ = 0; i_ < ARRAY_SIZE(bad); i_++) {              \
			err_clear(&e);                                         \
			if (parse(bad[i_], strlen(bad[i_]), out, &e) != -1)    \
				fail_msg("accepted: %s", bad[i_]);             \
			assert_int_equal(e.kind, ERR_FAILED);                  \
			clear(out);                                            \
		}                                                              \
	} while (0)

/* Nova's sample of 2.96, with what an administrator sees. */
static const char server_296[] =
	"{\"server\": {\"accessIPv4\": \"1.2.3.4\", \"addresses\": "
	"{\"private\": [{\"addr\": \"192.168.1.30\", \"version\": 4}]}, "
	"\"created\": \"2013-09-03T04:01:32Z\", \"description\": null, "
	"\"locked\": true, \"locked_reason\": \"novahaul j-1\", \"flavor\": "
	"{\"disk\": 1, \"ephemeral\": 0, \"extra_specs\": {}, "
	"\"original_name\": \"m1.tiny\", \"ram\": 512, \"swap\": 0, "
	"\"vcpus\": 1}, \"id\": \"0e44cc9c-e052-415d-afbf-469b0d384170\", "
	"\"image\": {\"id\": \"70a599e0-31e7-49b7-b260-868f441e862b\", "
	"\"links\": []}, \"name\": \"new-server-test\", \"config_drive\": "
	"\"True\", \"host_status\": \"UP\", \"OS-EXT-AZ:availability_zone\": "
	"\"us-west\", \"OS-EXT-SRV-ATTR:host\": \"compute-30\", "
	"\"OS-EXT-SRV-ATTR:hypervisor_hostname\": \"compute-30.example\", "
	"\"OS-EXT-SRV-ATTR:instance_name\": \"instance-00000001\", "
	"\"OS-EXT-STS:power_state\": 1, \"OS-EXT-STS:task_state\": null, "
	"\"OS-EXT-STS:vm_state\": \"active\", "
	"\"os-extended-volumes:volumes_attached\": [{\"id\": \"v1\", "
	"\"delete_on_termination\": false}, {\"id\": \"v2\", "
	"\"delete_on_termination\": true}], \"OS-SRV-USG:launched_at\": "
	"\"2013-09-23T13:37:00.880302\", \"status\": \"ACTIVE\", "
	"\"tenant_id\": \"6f70\", \"user_id\": \"fake\"}}";

static void test_server(void **state)
{
	struct nova_server s;

	(void)state;
	OK(nova_server_parse(server_296, strlen(server_296), &s, &e));
	assert_string_equal(s.id, "0e44cc9c-e052-415d-afbf-469b0d384170");
	assert_string_equal(s.host, "compute-30");
	assert_string_equal(s.node, "compute-30.example");
	assert_string_equal(s.vm_state, "active");
	assert_null(s.task_state);
	assert_int_equal(s.power_state, 1);
	assert_true(s.config_drive);
	assert_int_equal(s.locked, NOVA_YES);
	assert_string_equal(s.locked_reason, "novahaul j-1");
	assert_string_equal(s.flavor, "m1.tiny");
	assert_string_equal(s.image_id, "70a599e0-31e7-49b7-b260-868f441e862b");
	assert_int_equal(s.n_volumes, 2);
	assert_int_equal(s.volumes[0].delete_on_termination, NOVA_NO);
	assert_int_equal(s.volumes[1].delete_on_termination, NOVA_YES);
	nova_server_clear(&s);
}

/* Icehouse's v2, booted from a volume and in ERROR; a cell that is down. */
static void test_server_old(void **state)
{
	static const char v2[] =
		"{\"server\": {\"id\": \"i\", \"name\": \"n\", \"image\": "
		"\"\", \"flavor\": {\"id\": 3, \"links\": []}, "
		"\"config_drive\": \"\", \"OS-EXT-STS:power_state\": 4, "
		"\"OS-EXT-STS:vm_state\": \"error\", \"fault\": {\"code\": "
		"500, \"message\": \"No valid host\", \"created\": \"x\"}, "
		"\"os-extended-volumes:volumes_attached\": [{\"id\": "
		"\"v\"}]}}";
	static const char down[] = "{\"server\": {\"id\": \"i\", \"status\": "
				   "\"UNKNOWN\", \"tenant_id\": \"t\", "
				   "\"created\": \"x\", \"links\": []}}";
	struct nova_server s;

	(void)state;
	OK(nova_server_parse(v2, strlen(v2), &s, &e));
	assert_null(s.image_id);
	assert_string_equal(s.flavor, "3");
	assert_false(s.config_drive);
	assert_string_equal(s.fault, "No valid host");
	assert_int_equal(s.locked, NOVA_UNKNOWN);
	assert_int_equal(s.volumes[0].delete_on_termination, NOVA_UNKNOWN);
	nova_server_clear(&s);
	OK(nova_server_parse(down, strlen(down), &s, &e));
	assert_null(s.vm_state);
	assert_int_equal(s.power_state, -1);
	nova_server_clear(&s);
	ALL_BAD(nova_server_parse, nova_server_clear, &s, "", "{", "null",
		"{\"server\": null}", "{\"server\": {}}",
		"{\"server\": {\"id\": \"\"}}",
		"{\"server\": {\"id\": \"i\", \"image\": 3}}",
		"{\"server\": {\"id\": \"i\", \"flavor\": \"x\"}}",
		"{\"server\": {\"id\": \"i\", \"config_drive\": \"maybe\"}}",
		"{\"server\": {\"id\": \"i\", \"locked\": 1}}",
		"{\"server\": {\"id\": \"i\", \"OS-EXT-STS:power_state\": "
		"\"1\"}}",
		"{\"server\": {\"id\": \"i\", "
		"\"os-extended-volumes:volumes_attached\": [\"v\"]}}",
		"{\"server\": {\"id\": \"i\", "
		"\"os-extended-volumes:volumes_attached\": [{}]}}");
}

static void test_volumes(void **state)
{
	static const char v289[] =
		"{\"volumeAttachments\": [{\"attachment_id\": \"979ce4f8\", "
		"\"delete_on_termination\": false, \"device\": \"/dev/sdc\", "
		"\"serverId\": \"7696780b\", \"tag\": null, \"volumeId\": "
		"\"227cc671\", \"bdm_uuid\": \"c088db45\"}, {\"volumeId\": "
		"\"a07f71dc\", \"tag\": \"foo\", \"delete_on_termination\": "
		"true, \"device\": null}]}";
	static const char v21[] =
		"{\"volumeAttachments\": [{\"device\": \"/dev/vdb\", \"id\": "
		"\"v\", \"serverId\": \"s\", \"volumeId\": \"v\"}]}";
	struct nova_volumes v;

	(void)state;
	OK(nova_volumes_parse(v289, strlen(v289), &v, &e));
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0].device, "/dev/sdc");
	assert_string_equal(v.v[0].attachment_id, "979ce4f8");
	assert_int_equal(v.v[0].delete_on_termination, NOVA_NO);
	assert_null(v.v[0].tag);
	assert_string_equal(v.v[1].tag, "foo");
	assert_null(v.v[1].device);
	nova_volumes_clear(&v);
	OK(nova_volumes_parse(v21, strlen(v21), &v, &e));
	assert_int_equal(v.v[0].delete_on_termination, NOVA_UNKNOWN);
	assert_null(v.v[0].attachment_id);
	nova_volumes_clear(&v);
	ALL_BAD(nova_volumes_parse, nova_volumes_clear, &v,
		"{\"volumeAttachments\": {}}",
		"{\"volumeAttachments\": [{\"device\": \"x\"}]}",
		"{\"volumeAttachments\": [{\"volumeId\": \"a\"}, 3]}",
		"{\"volumeAttachments\": [{\"volumeId\": \"a\", \"tag\": 1}]}");
}

static void test_services(void **state)
{
	static const char v253[] =
		"{\"services\": [{\"id\": "
		"\"e81d66a4-ddd3-4aba-8a84-171d1cb4d339\", \"binary\": "
		"\"nova-compute\", \"disabled_reason\": \"test2\", \"host\": "
		"\"host1\", \"state\": \"down\", \"status\": \"disabled\", "
		"\"updated_at\": \"2012-10-29T13:42:05.000000\", "
		"\"forced_down\": true, \"zone\": \"nova\"}]}";
	static const char v2[] =
		"{\"services\": [{\"id\": 2, \"binary\": \"nova-compute\", "
		"\"host\": \"h\", \"state\": \"up\", \"status\": "
		"\"enabled\", \"disabled_reason\": null}]}";
	static const char down[] =
		"{\"services\": [{\"binary\": \"nova-compute\", \"host\": "
		"\"host1\", \"status\": \"UNKNOWN\"}]}";
	struct nova_services s;

	(void)state;
	OK(nova_services_parse(v253, strlen(v253), &s, &e));
	assert_int_equal(s.v[0].forced_down, NOVA_YES);
	assert_string_equal(s.v[0].id, "e81d66a4-ddd3-4aba-8a84-171d1cb4d339");
	nova_services_clear(&s);
	OK(nova_services_parse(v2, strlen(v2), &s, &e));
	assert_string_equal(s.v[0].id, "2");
	assert_int_equal(s.v[0].forced_down, NOVA_UNKNOWN);
	nova_services_clear(&s);
	OK(nova_services_parse(down, strlen(down), &s, &e));
	assert_string_equal(s.v[0].status, "UNKNOWN");
	nova_services_clear(&s);
	ALL_BAD(nova_services_parse, nova_services_clear, &s,
		"{\"services\": [{\"binary\": \"nova-compute\"}]}",
		"{\"services\": [{\"id\": [], \"binary\": \"b\", \"host\": "
		"\"h\"}]}",
		"{\"services\": 0}");
}

static void test_hypervisors(void **state)
{
	static const char v288[] =
		"{\"hypervisors\": [{\"host_ip\": \"192.168.1.135\", "
		"\"hypervisor_hostname\": \"host2\", \"hypervisor_type\": "
		"\"QEMU\", \"hypervisor_version\": 1000, \"id\": "
		"\"f6d28711\", \"service\": {\"disabled_reason\": null, "
		"\"host\": \"h2\", \"id\": \"21bb\"}, \"state\": \"up\", "
		"\"status\": \"enabled\", \"uptime\": null}]}";
	static const char v21[] =
		"{\"hypervisors\": [{\"id\": 1, \"hypervisor_hostname\": "
		"\"n\", \"vcpus\": 2, \"vcpus_used\": 0, \"memory_mb\": 8192, "
		"\"memory_mb_used\": 512, \"local_gb\": 1028, "
		"\"local_gb_used\": 0, \"service\": {\"host\": \"h\", \"id\": "
		"2}, \"cpu_info\": \"{}\"}]}";
	struct nova_hypervisors h;

	(void)state;
	OK(nova_hypervisors_parse(v288, strlen(v288), &h, &e));
	assert_string_equal(h.v[0].node, "host2");
	assert_string_equal(h.v[0].host, "h2");
	assert_int_equal(h.v[0].vcpus, -1);
	nova_hypervisors_clear(&h);
	OK(nova_hypervisors_parse(v21, strlen(v21), &h, &e));
	assert_string_equal(h.v[0].id, "1");
	assert_int_equal(h.v[0].memory_mb, 8192);
	nova_hypervisors_clear(&h);
	ALL_BAD(nova_hypervisors_parse, nova_hypervisors_clear, &h,
		"{\"hypervisors\": [{\"id\": 1}]}",
		"{\"hypervisors\": [{\"id\": 1, \"hypervisor_hostname\": "
		"\"n\", \"vcpus\": \"2\"}]}");
}

static void test_history(void **state)
{
	static const char mig[] =
		"{\"migrations\": [{\"id\": 4, \"instance_uuid\": \"i\", "
		"\"status\": \"done\", \"migration_type\": \"evacuation\", "
		"\"source_compute\": \"c1\", \"source_node\": \"n1\", "
		"\"dest_compute\": \"c2\", \"dest_node\": \"n2\", "
		"\"dest_host\": \"5.6.7.8\", \"uuid\": \"u\"}, {\"id\": 3}]}";
	static const char act[] =
		"{\"instanceActions\": [{\"action\": \"stop\", \"message\": "
		"null, \"request_id\": \"req-1\", \"start_time\": "
		"\"2018-04-25T01:26:36.036697\", \"user_id\": \"admin\"}]}";
	struct nova_migrations m;
	struct nova_actions a;

	(void)state;
	OK(nova_migrations_parse(mig, strlen(mig), &m, &e));
	assert_int_equal(m.n, 2);
	assert_string_equal(m.v[0].type, "evacuation");
	assert_string_equal(m.v[0].dest_node, "n2");
	assert_null(m.v[1].status);
	nova_migrations_clear(&m);
	OK(nova_actions_parse(act, strlen(act), &a, &e));
	assert_string_equal(a.v[0].action, "stop");
	assert_null(a.v[0].message);
	nova_actions_clear(&a);
	ALL_BAD(nova_migrations_parse, nova_migrations_clear, &m,
		"{\"migrations\": {}}", "{\"migrations\": [{\"id\": \"4\"}]}");
	ALL_BAD(nova_actions_parse, nova_actions_clear, &a,
		"{\"instanceActions\": [{}]}");
}

static void test_console(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	OK(nova_console_parse("{\"output\": \"a\\nb \\u00e9\"}", 25, &b, &e));
	assert_string_equal(buf_str(&b), "a\nb \xc3\xa9");
	assert_int_equal(nova_console_parse("{\"output\": 3}", 13, &b, &e), -1);
	err_clear(&e);
	assert_int_equal(nova_console_parse("{}", 2, &b, &e), -1);
}

static void test_ports(void **state)
{
	static const char text[] =
		"{\"ports\": [{\"id\": \"p1\", \"name\": \"\", \"network_id\": "
		"\"n\", \"tenant_id\": \"t\", \"mac_address\": "
		"\"fa:16:3e:00:00:01\", \"admin_state_up\": true, \"status\": "
		"\"ACTIVE\", \"device_id\": \"i\", \"device_owner\": "
		"\"compute:nova\", \"fixed_ips\": [{\"subnet_id\": \"s\", "
		"\"ip_address\": \"192.168.77.5\"}], \"binding:host_id\": "
		"\"compute-30\", \"binding:vif_type\": \"bridge\", "
		"\"binding:vnic_type\": \"normal\", \"binding:profile\": "
		"{\"b\": 1, \"a\": \"x\"}, \"binding:vif_details\": "
		"{\"port_filter\": true}, \"revision_number\": 7, "
		"\"resource_request\": null}, {\"id\": \"p2\", "
		"\"binding:host_id\": \"\", \"binding:profile\": \"\", "
		"\"trunk_details\": {}}, {\"id\": \"p3\"}]}";
	struct neutron_ports p;
	struct neutron_port one;

	(void)state;
	OK(neutron_ports_parse(text, strlen(text), &p, &e));
	assert_int_equal(p.n, 3);
	assert_string_equal(p.v[0].host, "compute-30");
	assert_string_equal(p.v[0].profile, "{\"a\":\"x\",\"b\":1}");
	assert_string_equal(p.v[0].vif_details, "{\"port_filter\":true}");
	assert_int_equal(p.v[0].revision, 7);
	assert_string_equal(p.v[0].ips.v[0], "192.168.77.5");
	assert_false(p.v[0].has_resources);
	/* unbound, and not to be seen: not the same */
	assert_true(p.v[1].sees_binding && !p.v[1].host);
	assert_string_equal(p.v[1].profile, "{}");
	assert_true(p.v[1].is_trunk);
	assert_int_equal(p.v[1].revision, -1);
	assert_true(!p.v[2].sees_binding && !p.v[2].host);
	assert_null(p.v[2].profile);
	neutron_ports_clear(&p);
	ALL_BAD(neutron_ports_parse, neutron_ports_clear, &p,
		"{\"ports\": [{\"id\": \"p\", \"binding:profile\": \"x\"}]}",
		"{\"ports\": [{\"id\": \"p\", \"fixed_ips\": {}}]}",
		"{\"ports\": [{\"id\": \"p\", \"fixed_ips\": [3]}]}",
		"{\"ports\": [{\"id\": \"p\", \"revision_number\": 1.5}]}",
		"{\"port\": []}");
	ALL_BAD(neutron_port_parse, neutron_port_clear, &one, "{\"port\": {}}",
		"{\"port\": []}", "{\"ports\": []}");
}

static void test_agents(void **state)
{
	static const char text[] =
		"{\"agents\": [{\"agent_type\": \"Linux bridge agent\", "
		"\"host\": \"c34\", \"alive\": true, \"admin_state_up\": "
		"true, \"configurations\": {\"bridge_mappings\": {}, "
		"\"devices\": 0, \"interface_mappings\": {\"physnet1\": "
		"\"eth1\"}}}, {\"agent_type\": \"DHCP agent\", \"host\": "
		"\"c34\", \"alive\": false}]}";
	struct neutron_agents v;

	(void)state;
	OK(neutron_agents_parse(text, strlen(text), &v, &e));
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0].host, "c34");
	assert_true(v.v[0].alive && v.v[0].admin_up);
	assert_int_equal(v.v[0].networks.n, 1);
	assert_string_equal(v.v[0].networks.v[0], "physnet1");
	assert_true(neutron_agent_plugs(&v.v[0]));
	assert_false(neutron_agent_plugs(&v.v[1]));
	assert_false(v.v[1].alive || v.v[1].admin_up);
	neutron_agents_clear(&v);
	ALL_BAD(neutron_agents_parse, neutron_agents_clear, &v,
		"{\"agents\": [{\"host\": \"c\"}]}", "{\"agents\": {}}",
		"{\"agents\": [{\"agent_type\": \"x\", \"alive\": \"y\"}]}",
		"{\"agents\": [{\"agent_type\": \"x\", "
		"\"configurations\": []}]}");
}

static void test_consumers(void **state)
{
	static const char text[] =
		"{\"allocations\": {\"c1\": {\"resources\": {\"VCPU\": 1}}, "
		"\"c2\": {\"resources\": {\"VCPU\": 2}}}, "
		"\"resource_provider_generation\": 12}";
	AUTO(strv_clear) struct strv v = STRV_INIT;

	(void)state;
	OK(placement_consumers_parse(text, strlen(text), &v, &e));
	assert_int_equal(v.n, 2);
	assert_true(strv_has(&v, "c1") && strv_has(&v, "c2"));
	strv_clear(&v);
	OK(placement_consumers_parse("{\"allocations\": {}}", 19, &v, &e));
	assert_int_equal(v.n, 0);
	ALL_BAD(placement_consumers_parse, strv_clear, &v, "{}", "[]",
		"{\"allocations\": []}", "{\"allocations\": {\"a\":");
}

static void test_traits(void **state)
{
	static const char text[] =
		"{\"traits\": [\"HW_CPU_X86_AVX\", \"CUSTOM_A\"], "
		"\"resource_provider_generation\": 12}";
	AUTO(strv_clear) struct strv v = STRV_INIT;

	(void)state;
	OK(placement_traits_parse(text, strlen(text), &v, &e));
	assert_int_equal(v.n, 2);
	assert_true(strv_has(&v, "CUSTOM_A"));
	strv_clear(&v);
	ALL_BAD(placement_traits_parse, strv_clear, &v, "{}", "[]",
		"{\"traits\": {}}", "{\"traits\": [\"a\"");
}

static void test_allocations(void **state)
{
	static const char v128[] =
		"{\"allocations\": {\"rp1\": {\"generation\": 2, "
		"\"resources\": {\"DISK_GB\": 5}}, \"rp2\": {\"generation\": "
		"8, \"resources\": {\"MEMORY_MB\": 512, \"VCPU\": 2}}}, "
		"\"consumer_generation\": 1, \"project_id\": \"p\", "
		"\"user_id\": \"u\"}";
	struct placement_allocations a;

	(void)state;
	OK(placement_allocations_parse(v128, strlen(v128), &a, &e));
	assert_int_equal(a.n, 2);
	assert_string_equal(a.v[1].provider, "rp2");
	assert_int_equal(a.v[1].v[0].amount, 512);
	assert_int_equal(a.generation, 1);
	for (int minor = 7; minor < 40; minor++) {
		AUTO(mem_freep)
		char *b = placement_allocations_body(
			&a, (struct api_version){1, minor});

		assert_true(json_is_text(b));
		assert_int_equal(!!strstr(b, "project_id"), minor >= 8);
		assert_int_equal(!!strstr(b, "\"rp1\":{\"resources\""),
				 minor >= 12);
		assert_int_equal(!!strstr(b, "{\"resource_provider\":{"
					     "\"uuid\":\"rp1\"}"),
				 minor < 12);
		assert_int_equal(!!strstr(b, "\"consumer_generation\":1"),
				 minor >= 28);
	}
	placement_allocations_clear(&a);
	OK(placement_allocations_parse("{\"allocations\": {}}", 19, &a, &e));
	assert_int_equal(a.n, 0);
	assert_int_equal(a.generation, -1);
	placement_allocations_clear(&a);
	ALL_BAD(placement_allocations_parse, placement_allocations_clear, &a,
		"{}", "{\"allocations\": []}", "{\"allocations\": {\"a\": 1}}",
		"{\"allocations\": {\"a\": {\"resources\": {\"VCPU\": "
		"\"1\"}}}}",
		"{\"allocations\": {\"a\": {\"resources\": {\"VCPU\": 0}}}}",
		"{\"allocations\": {\"a\": {\"resources\": []}}}",
		"{\"allocations\": {}, \"consumer_generation\": \"x\"}");
}

#define SHARE(rp, n)                                                           \
	"\"" rp "\": {\"resources\": {\"VCPU\": " n ", \"DISK_GB\": 1}}"

static void moves(const char *text, const char *said, bool changes,
		  const char *after)
{
	const struct placement_move m = {.from = "S", .to = "D"};
	AUTO(placement_allocations_clear)
	struct placement_allocations a = PLACEMENT_ALLOCATIONS_INIT;
	bool changed;
	int rc;

	err_clear(&e);
	OK(placement_allocations_parse(text, strlen(text), &a, &e));
	rc = placement_move_plan(&a, &m, &changed, &e);
	if (said) {
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		assert_non_null(strstr(err_msg(&e), said));
		return;
	}
	OK(rc);
	assert_int_equal(changed, changes);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.v[0].provider, after);
	assert_int_equal(a.v[0].n, 2);
}

static void test_move_plan(void **state)
{
	(void)state;
	moves("{\"allocations\": {" SHARE("S", "2") "}}", NULL, true, "D");
	moves("{\"allocations\": {" SHARE("D", "2") "}}", NULL, false, "D");
	/* an evacuation's doubled allocation */
	moves("{\"allocations\": {" SHARE("D", "2") ", " SHARE("S", "2") "}}",
	      NULL, true, "D");
	moves("{\"allocations\": {" SHARE("D", "2") ", " SHARE("S", "1") "}}",
	      "different shares", false, NULL);
	moves("{\"allocations\": {" SHARE("S", "2") ", " SHARE("X", "1") "}}",
	      "provider X holds a share", false, NULL);
	moves("{\"allocations\": {}}", "nothing allocated", false, NULL);
}

static void test_providers(void **state)
{
	static const char text[] =
		"{\"resource_providers\": [{\"generation\": 2, \"uuid\": "
		"\"a\", \"name\": \"n1x\"}, {\"generation\": 3, \"uuid\": "
		"\"b\", \"name\": \"n1\", \"parent_provider_uuid\": null}]}";
	static const char inv[] =
		"{\"inventories\": {\"VCPU\": {\"allocation_ratio\": 16.0, "
		"\"max_unit\": 4, \"min_unit\": 1, \"reserved\": 0, "
		"\"step_size\": 1, \"total\": 4}, \"DISK_GB\": "
		"{\"allocation_ratio\": 1, \"total\": 35}}, "
		"\"resource_provider_generation\": 7}";
	static const char use[] = "{\"usages\": {\"VCPU\": 3}}";
	struct placement_inventories v;
	struct placement_provider p;

	(void)state;
	OK(placement_provider_parse(text, strlen(text), "n1", &p, &e));
	assert_string_equal(p.uuid, "b");
	assert_null(p.parent);
	placement_provider_clear(&p);
	assert_int_equal(
		placement_provider_parse(text, strlen(text), "n", &p, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	OK(placement_inventories_parse(inv, strlen(inv), &v, &e));
	OK(placement_usages_parse(use, strlen(use), &v, &e));
	assert_int_equal(v.generation, 7);
	assert_int_equal(v.v[0].used, 3);
	assert_true(v.v[0].ratio > 15.9 && v.v[1].ratio < 1.1);
	placement_inventories_clear(&v);
	ALL_BAD(placement_inventories_parse, placement_inventories_clear, &v,
		"{}", "{\"inventories\": []}", "{\"inventories\": {\"V\": 1}}",
		"{\"inventories\": {\"V\": {\"allocation_ratio\": \"x\"}}}");
}

static void test_volume(void **state)
{
	static const char v3[] =
		"{\"volume\": {\"attachments\": [{\"server_id\": \"s\", "
		"\"attachment_id\": \"at\", \"attached_at\": \"x\", "
		"\"host_name\": \"compute-30\", \"volume_id\": \"v\", "
		"\"device\": \"/dev/vdb\", \"id\": \"v\"}], "
		"\"availability_zone\": \"nova\", \"bootable\": \"false\", "
		"\"encrypted\": false, \"id\": \"v\", \"migration_status\": "
		"null, \"multiattach\": true, \"name\": \"data\", "
		"\"os-vol-host-attr:host\": \"ctl@nfs#nfs\", \"size\": 10, "
		"\"status\": \"in-use\", \"volume_type\": \"__DEFAULT__\"}}";
	static const char v1[] =
		"{\"volume\": {\"attachments\": [{}], \"display_name\": "
		"\"old\", \"id\": \"v\", \"size\": 1, \"status\": "
		"\"available\", \"bootable\": \"true\", \"multiattach\": "
		"\"false\"}}";
	struct cinder_volume v;

	(void)state;
	OK(cinder_volume_parse(v3, strlen(v3), &v, &e));
	assert_string_equal(v.status, "in-use");
	assert_true(v.multiattach && !v.bootable);
	assert_int_equal(v.n_users, 1);
	assert_string_equal(v.users[0].attachment_id, "at");
	assert_string_equal(v.users[0].host, "compute-30");
	assert_string_equal(v.backend, "ctl@nfs#nfs");
	cinder_volume_clear(&v);
	OK(cinder_volume_parse(v1, strlen(v1), &v, &e));
	assert_string_equal(v.name, "old");
	assert_true(v.bootable && !v.multiattach);
	assert_int_equal(v.n_users, 0);
	cinder_volume_clear(&v);
	ALL_BAD(cinder_volume_parse, cinder_volume_clear, &v,
		"{\"volume\": {\"id\": \"v\"}}",
		"{\"volume\": {\"id\": \"v\", \"status\": \"x\", \"size\": "
		"\"1\"}}",
		"{\"volume\": {\"id\": \"v\", \"status\": \"x\", "
		"\"attachments\": [1]}}");
}

static void test_attachment(void **state)
{
	static const char text[] =
		"{\"attachment\": {\"status\": \"attaching\", \"detached_at\": "
		"\"\", \"connection_info\": {\"driver_volume_type\": \"nfs\", "
		"\"auth_password\": \"x\"}, \"attached_at\": \"\", "
		"\"attach_mode\": null, \"instance\": \"i\", \"volume_id\": "
		"\"v\", \"id\": \"a\"}}";
	static const char list[] =
		"{\"attachments\": [{\"status\": \"reserved\", \"instance\": "
		"null, \"volume_id\": \"v\", \"id\": \"a\"}]}";
	struct cinder_attachment a;
	struct cinder_attachments v;

	(void)state;
	OK(cinder_attachment_parse(text, strlen(text), &a, &e));
	assert_string_equal(a.connection, "{\"auth_password\":\"x\","
					  "\"driver_volume_type\":\"nfs\"}");
	assert_null(a.mode);
	cinder_attachment_clear(&a);
	OK(cinder_attachments_parse(list, strlen(list), &v, &e));
	assert_string_equal(v.v[0].status, "reserved");
	assert_null(v.v[0].instance);
	cinder_attachments_clear(&v);
	ALL_BAD(cinder_attachment_parse, cinder_attachment_clear, &a,
		"{\"attachment\": {}}",
		"{\"attachment\": {\"id\": \"a\", \"connection_info\": [] }}");
	ALL_BAD(cinder_attachments_parse, cinder_attachments_clear, &v,
		"{\"attachments\": {}}", "{\"attachments\": [{}]}");
}

static void test_actions_old_flow(void **state)
{
	static const char *const bodies[] = {
		[CINDER_RESERVE] = "{\"os-reserve\":{}}",
		[CINDER_UNRESERVE] = "{\"os-unreserve\":{}}",
		[CINDER_ATTACH] = "{\"os-attach\":{\"instance_uuid\":\"i\","
				  "\"mountpoint\":\"/dev/vdb\",\"mode\":\"rw\""
				  "}}",
		[CINDER_BEGIN_DETACHING] = "{\"os-begin_detaching\":{}}",
		[CINDER_ROLL_DETACHING] = "{\"os-roll_detaching\":{}}",
		[CINDER_DETACH] = "{\"os-detach\":{\"attachment_id\":\"a\"}}",
		[CINDER_INITIALIZE_CONNECTION] =
			"{\"os-initialize_connection\":{\"connector\":{\"ip\":"
			"1}}}",
		[CINDER_TERMINATE_CONNECTION] =
			"{\"os-terminate_connection\":{\"connector\":{\"ip\":"
			"1}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		const struct cinder_action a = {
			.act = (enum cinder_act)i,
			.instance = "i",
			.device = "/dev/vdb",
			.attachment = "a",
			.connector = "{\"ip\":1}",
		};
		AUTO(mem_freep) char *b = cinder_action_body(&a);

		assert_string_equal(b, bodies[i]);
	}
}

static void test_versions(void **state)
{
	static const struct {
		const char *text;
		int major, minor;
	} words[] = {
		{"2.96", 2, 96}, {"v2.1", 2, 1},      {"v3", 3, 0},
		{"", 0, 0},	 {"v", 0, 0},	      {"latest", 0, 0},
		{"2.", 0, 0},	 {"2.1.3", 0, 0},     {NULL, 0, 0},
		{"-2.1", 0, 0},	 {"9999999.1", 0, 0}, {"2.-1", 0, 0},
	};
	struct version_offers o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct api_version v = version_read(words[i].text);

		assert_int_equal(v.major, words[i].major);
		assert_int_equal(v.minor, words[i].minor);
	}
	ALL_BAD(version_offers_parse, version_offers_clear, &o, "{}", "[]",
		"{\"versions\": 3}", "{\"version\": []}", "{\"versions\": [3]}",
		"{\"versions\": [{\"id\": 3}]}");
}

static void test_faults(void **state)
{
	static const struct {
		const char *body, *says;
	} cases[] = {
		{"", ""},
		{"{}", ""},
		{"[1, 2]", ""},
		{"{\"a\": {\"message\": \"x\"}}", "x"},
		{"{\"message\": \"x\\u001b[31m\"}", "x [31m"},
		{"{\"NeutronError\": \"plain\"}", "plain"},
		{"plain words\r\n", "plain words"},
		{"<html>\n <p>Bad</p> <p>Gateway</p>", "Bad Gateway"},
		{"{\"error\": {\"message\": \"\", \"title\": \"T\"}}", "T"},
	};
	AUTO(mem_freep) char *big = mem_calloc(5000, 1);
	AUTO(mem_freep) char *cut = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(mem_freep)
		char *s = fault_text(cases[i].body, strlen(cases[i].body));

		assert_string_equal(s, cases[i].says);
	}
	memset(big, 'x', 4999);
	cut = fault_text(big, 4999);
	assert_in_range(strlen(cut), 300, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_server, forget),
		cmocka_unit_test_teardown(test_server_old, forget),
		cmocka_unit_test_teardown(test_volumes, forget),
		cmocka_unit_test_teardown(test_services, forget),
		cmocka_unit_test_teardown(test_hypervisors, forget),
		cmocka_unit_test_teardown(test_history, forget),
		cmocka_unit_test_teardown(test_console, forget),
		cmocka_unit_test_teardown(test_ports, forget),
		cmocka_unit_test_teardown(test_agents, forget),
		cmocka_unit_test_teardown(test_allocations, forget),
		cmocka_unit_test_teardown(test_consumers, forget),
		cmocka_unit_test_teardown(test_traits, forget),
		cmocka_unit_test_teardown(test_move_plan, forget),
		cmocka_unit_test_teardown(test_providers, forget),
		cmocka_unit_test_teardown(test_volume, forget),
		cmocka_unit_test_teardown(test_attachment, forget),
		cmocka_unit_test_teardown(test_actions_old_flow, forget),
		cmocka_unit_test_teardown(test_versions, forget),
		cmocka_unit_test_teardown(test_faults, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
