/* SPDX-License-Identifier: Apache-2.0 */
/* What of transactions P and U needs no database. */
#include "unit/unit.h"

#include <string.h>

#include "db/netdb_priv.h"

static void t_agent(void **state)
{
	static const char lb[] =
		"{\"bridge_mappings\": {}, "
		"\"interface_mappings\": {\"phys1\": \"eth1\"},"
		" \"tunnel_types\": [\"vxlan\"]}";
	static const char ovs[] = "{\"bridge_mappings\": {\"phys2\": "
				  "\"br-ex\"}, \"tunnel_types\": [\"gre\"]}";

	(void)state;
	assert_true(netdb_agent_reaches(lb, "flat", "phys1"));
	assert_true(netdb_agent_reaches(lb, "vlan", "phys1"));
	assert_false(netdb_agent_reaches(lb, "flat", "phys2"));
	assert_true(netdb_agent_reaches(lb, "vxlan", NULL));
	assert_false(netdb_agent_reaches(lb, "gre", NULL));
	assert_true(netdb_agent_reaches(ovs, "vlan", "phys2"));
	assert_true(netdb_agent_reaches(ovs, "gre", NULL));
	/* A local network ends at its host. */
	assert_false(netdb_agent_reaches(ovs, "local", NULL));
	assert_false(netdb_agent_reaches(ovs, "flat", NULL));
	assert_false(netdb_agent_reaches(ovs, NULL, "phys2"));
	assert_false(netdb_agent_reaches("x", "gre", NULL));
	assert_false(netdb_agent_reaches("[]", "gre", NULL));
	assert_false(netdb_agent_reaches(NULL, "gre", NULL));
}

static void t_image(void **state)
{
	AUTO(port_image_clear) struct port_image i = {.n = 0};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
		port_image_parse("{\"host\":\"h\",\"vif_type\":\"ovs\","
				 "\"vif_details\":\"{}\",\"status\":\"DOWN\","
				 "\"levels\":[{\"level\":0,\"driver\":\"d\","
				 "\"segment\":null}]}",
				 &i, &e),
		0);
	assert_string_equal(i.host, "h");
	assert_string_equal(i.vif_type, "ovs");
	assert_string_equal(i.vif_details, "{}");
	assert_string_equal(i.status, "DOWN");
	assert_int_equal(i.n, 1);
	assert_string_equal(i.levels[0].driver, "d");
	assert_null(i.levels[0].segment);
}

/* A plan file is input. */
static void t_image_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"{}",
		"{\"host\":\"h\",\"vif_type\":\"ovs\",\"vif_details\":\"\","
		"\"status\":\"DOWN\"}",
		"{\"host\":\"h\",\"vif_type\":\"ovs\",\"vif_details\":\"\","
		"\"status\":\"DOWN\",\"levels\":3}",
		"{\"host\":\"h\",\"vif_type\":\"ovs\",\"vif_details\":\"\","
		"\"status\":\"DOWN\",\"levels\":[{\"level\":0,\"driver\":\"d\","
		"\"segment\":\"s\"},{}]}",
		"{\"host\":1,\"vif_type\":\"ovs\",\"vif_details\":\"\","
		"\"status\":\"DOWN\",\"levels\":[]}",
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		struct port_image i;
		struct err e = ERR_INIT;

		assert_int_equal(port_image_parse(bad[k], &i, &e), -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		assert_null(i.host);
		err_clear(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_agent),
		cmocka_unit_test(t_image),
		cmocka_unit_test(t_image_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
