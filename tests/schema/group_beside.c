/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions P and U on Placement's and Neutron's own schemas: forward, back,
 * every guard and precondition, and a COMMIT that is never answered.
 */
#include "schema/world.h"

#include <stdlib.h>

#include "core/clock.h"
#include "db/netdb.h"
#include "db/placedb.h"
#include "schema/proxy.h"

#define C30 "c0000000-0000-4000-8000-000000000011"
#define C34 "c0000000-0000-4000-8000-000000000012"
#define P1 "a1111111-1111-4111-8111-111111111111" /* of U1 */
#define P2 "a2222222-2222-4222-8222-222222222222" /* of U2 */
#define SEG "5e900000-0000-4000-8000-000000000001"
#define NET "e0000000-0000-4000-8000-000000000001"
#define T0 "2026-11-21 06:00:00"

enum { SRC, DST, LATE_MS = 400 };

static struct placedb *place;
static struct netdb *net;
static unsigned proxied; /* the port of the proxy */
static const struct db_config config = {.io_timeout_s = 30, .lock_wait_s = 3};

/* ---- rows */

static void placement_provider(const char *id, const char *uuid,
			       const char *node)
{
	row("placement", "resource_providers", "id", id, "uuid", uuid, "name",
	    node, "generation", "5", "root_provider_id", id, "created_at", T0,
	    NULL);
	row("placement", "inventories", "resource_provider_id", id,
	    "resource_class_id", "0", "total", "2", "reserved", "0", "min_unit",
	    "1", "max_unit", "2", "step_size", "1", "allocation_ratio", "4.0",
	    NULL);
	row("placement", "inventories", "resource_provider_id", id,
	    "resource_class_id", "1", "total", "2048", "reserved", "512",
	    "min_unit", "1", "max_unit", "2048", "step_size", "1",
	    "allocation_ratio", "1.5", NULL);
}

static void placement_consumer(const char *id, const char *uuid,
			       const char *provider)
{
	row("placement", "consumers", "id", id, "uuid", uuid, "project_id", "1",
	    "user_id", "1", "generation", "1", NULL);
	row("placement", "allocations", "resource_provider_id", provider,
	    "consumer_id", uuid, "resource_class_id", "0", "used", "1", NULL);
	row("placement", "allocations", "resource_provider_id", provider,
	    "consumer_id", uuid, "resource_class_id", "1", "used", "512", NULL);
}

static void neutron_attr(const char *id, const char *type)
{
	row("neutron", "standardattributes", "id", id, "resource_type", type,
	    "revision_number", "7", "created_at", T0, NULL);
}

static void neutron_agent(const char *id, const char *host)
{
	row("neutron", "agents", "id", id, "agent_type", "Linux bridge agent",
	    "binary", "neutron-linuxbridge-agent", "topic", "N/A", "host", host,
	    "admin_state_up", "1", "created_at", T0, "started_at", T0,
	    "heartbeat_timestamp", T0, "configurations",
	    "{\"bridge_mappings\": {}, \"interface_mappings\": "
	    "{\"physnet1\": \"eth1\"}}",
	    "load", "0", NULL);
}

static void neutron_port(const char *attr, const char *id, const char *device,
			 const char *mac)
{
	neutron_attr(attr, "ports");
	row("neutron", "ports", "id", id, "network_id", NET, "mac_address", mac,
	    "admin_state_up", "1", "status", "ACTIVE", "device_id", device,
	    "device_owner", "compute:nova", "standard_attr_id", attr, NULL);
	row("neutron", "ml2_port_bindings", "port_id", id, "host", H30,
	    "vif_type", "bridge", "vnic_type", "normal", "profile", "",
	    "vif_details", "{\"connectivity\": \"l2\"}", "status", "ACTIVE",
	    NULL);
	row("neutron", "ml2_port_binding_levels", "port_id", id, "host", H30,
	    "level", "0", "driver", "linuxbridge", "segment_id", SEG, NULL);
}

void world_seed_beside(void)
{
	row("placement", "resource_classes", "id", "1", "name", "MEMORY_MB",
	    NULL);
	row("placement", "resource_classes", "id", "2", "name", "DISK_GB",
	    NULL);
	sql("INSERT INTO placement.resource_classes (id, name) "
	    "VALUES (100, 'VCPU')");
	sql("UPDATE placement.resource_classes SET id = 0 WHERE id = 100");
	placement_provider("1", C30, N30);
	placement_provider("2", C34, N34);
	placement_provider("3", "c0000000-0000-4000-8000-000000000013", "x");
	placement_consumer("1", U1, "1");
	placement_consumer("2", U2, "2");
	neutron_attr("1", "networks");
	neutron_attr("2", "segments");
	row("neutron", "networks", "id", NET, "name", "net", "standard_attr_id",
	    "1", NULL);
	row("neutron", "networksegments", "id", SEG, "network_id", NET,
	    "network_type", "flat", "physical_network", "physnet1",
	    "standard_attr_id", "2", NULL);
	neutron_agent("1", H30);
	neutron_agent("2", H34);
	neutron_port("11", P1, U1, "fa:16:3e:00:00:01");
	neutron_port("12", P2, U2, "fa:16:3e:00:00:02");
}

/* ---- opening */

static int open_place(const char *const *names, unsigned port,
		      struct placedb **out, struct err *e)
{
	char *urls[4] = {NULL};
	struct placedb_open o = {.urls = (const char *const *)urls,
				 .cfg = &config,
				 .provider = {C30, C34}};
	int rc;

	for (size_t i = 0; names[i]; i++)
		urls[i] = world_url("nova", PASSWORD, names[i], port);
	rc = placedb_open(&o, out, e);
	for (size_t i = 0; urls[i]; i++)
		mem_free(urls[i]);
	return rc;
}

static int open_net(const char *name, unsigned port, struct netdb **out,
		    struct err *e)
{
	AUTO(mem_freep) char *url = world_url("nova", PASSWORD, name, port);

	return netdb_open(url, &config, out, e);
}

static const char *const own[] = {"placement", NULL};

static int up_on(unsigned port)
{
	world_reset();
	ok(open_place(own, port, &place, &e));
	ok(open_net("neutron", port, &net, &e));
	return 0;
}

static int up(void **state)
{
	(void)state;
	return up_on(0);
}

static int down(void **state)
{
	(void)state;
	placedb_close(place);
	netdb_close(net);
	place = NULL;
	net = NULL;
	return 0;
}

static int up_proxy(void **state)
{
	(void)state;
	proxied = proxy_start(getenv("NH_SCHEMA_SOCKET"));
	return up_on(proxied);
}

static int down_proxy(void **state)
{
	down(state);
	proxy_stop();
	return 0;
}

/* nova_api has the same tables, and is a decoy. */
static void t_which(void **state)
{
	static const char *const both[] = {"nova_api", "placement", NULL};
	static const char *const decoy[] = {"nova_api", NULL};
	static const char *const none[] = {NULL};
	struct placedb *p = NULL;
	struct netdb *n = NULL;

	(void)state;
	ok(open_place(both, 0, &p, &e));
	assert_true(strstr(placedb_name(p), "placement on ") ==
		    placedb_name(p));
	assert_true(placedb_verified(p));
	placedb_close(p);
	fails(open_place(decoy, 0, &p, &e), ERR_REFUSED, "not verified");
	fails(open_place(none, 0, &p, &e), ERR_REFUSED, "no URL");
	sql("UPDATE placement.resource_providers SET uuid = 'other' "
	    "WHERE id = 2");
	fails(open_place(own, 0, &p, &e), ERR_REFUSED, "no compute node " C34);
	assert_true(netdb_verified(net));
	fails(open_net("nova", 0, &n, &e), ERR_REFUSED, "not verified");
	fails(open_net("nothing", 0, &n, &e), ERR_REFUSED, "nothing");
	sql("UPDATE neutron.alembic_version SET version_num = 'b1bca967e19d' "
	    "WHERE version_num = '5881373af7f5'");
	ok(open_net("neutron", 0, &n, &e));
	assert_false(netdb_verified(n));
	netdb_close(n);
	sql("UPDATE neutron.alembic_version SET version_num = '5881373af7f5' "
	    "WHERE version_num = 'b1bca967e19d'");
}

static void t_rights(void **state)
{
	(void)state;
	ok(placedb_rights(place, &e));
	ok(netdb_rights(net, &e));
	sql("CREATE OR REPLACE USER poor@localhost IDENTIFIED BY '" PASSWORD
	    "'; GRANT SELECT ON placement.* TO poor@localhost; "
	    "GRANT SELECT ON neutron.* TO poor@localhost");
	{
		AUTO(mem_freep)
		char *pu = world_url("poor", PASSWORD, "placement", 0);
		AUTO(mem_freep)
		char *nu = world_url("poor", PASSWORD, "neutron", 0);
		const char *const urls[] = {pu, NULL};
		struct placedb_open o = {
			.urls = urls, .cfg = &config, .provider = {C30, C34}};
		struct placedb *p;
		struct netdb *n;

		ok(placedb_open(&o, &p, &e));
		ok(netdb_open(nu, &config, &n, &e));
		fails(placedb_rights(p, &e), ERR_REFUSED,
		      "UPDATE command denied");
		fails(netdb_rights(n, &e), ERR_REFUSED,
		      "UPDATE command denied");
		placedb_close(p);
		netdb_close(n);
	}
	sql("DROP USER poor@localhost");
}

/* ---- P */

static void value_is(const char *query, const char *want)
{
	AUTO(mem_freep) char *v = sql_value("%s", query);

	assert_string_equal(v, want);
}

static struct placedb_share share_of(const char *consumer)
{
	struct placedb_share s;

	ok(placedb_read(place, consumer, &s, &e));
	return s;
}

static struct placedb_move forward(int64_t generation)
{
	return (struct placedb_move){.consumer = U1,
				     .from = SRC,
				     .to = DST,
				     .generation = generation};
}

static struct placedb_move backward(int64_t generation)
{
	return (struct placedb_move){.consumer = U1,
				     .from = DST,
				     .to = SRC,
				     .generation = generation,
				     .back = true};
}

static void t_place(void **state)
{
	static const char *const there[] = {"~resource_providers#1.generation",
					    "~resource_providers#1.updated_at",
					    "~resource_providers#2.generation",
					    "~resource_providers#2.updated_at",
					    "~consumers#1.generation",
					    "~consumers#1.updated_at",
					    "~allocations#*",
					    NULL};
	static const char *const again[] = {"~consumers#1.generation",
					    "?~consumers#1.updated_at", NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	AUTO(strv_clear) struct strv first = STRV_INIT;
	static const char *const back[] = {"~resource_providers#1.generation",
					   "~resource_providers#1.updated_at",
					   "~resource_providers#2.generation",
					   "~resource_providers#2.updated_at",
					   "~consumers#1.generation",
					   "~consumers#1.updated_at",
					   "~allocations#*",
					   NULL};
	struct placedb_share s = share_of(U1);
	struct placedb_move m = forward(s.generation);

	(void)state;
	assert_true(s.on[SRC] && !s.on[DST] && !s.other && !s.lacks);
	assert_int_equal(s.generation, 1);
	snap_take(&first);
	snap_take(&before);
	ok(placedb_move(place, &m, &e));
	snap_changed(&before, there);
	s = share_of(U1);
	assert_true(!s.on[SRC] && s.on[DST]);
	assert_int_equal(s.generation, 2);
	/* once more: only the version */
	m = forward(2);
	snap_take(&before);
	ok(placedb_move(place, &m, &e));
	snap_changed(&before, again);
	/* stale */
	fails(placedb_move(place, &m, &e), ERR_CONFLICT, "changed just now");
	m = backward(3);
	ok(placedb_move(place, &m, &e));
	snap_changed(&first, back);
	s = share_of(U1);
	assert_true(s.on[SRC] && !s.on[DST]);
	value_is("SELECT GROUP_CONCAT(resource_provider_id, '/', "
		 "resource_class_id, '/', used ORDER BY id) FROM "
		 "placement.allocations WHERE consumer_id = '" U1 "'",
		 "1/0/1,1/1/512");
}

static void place_refused(const char *rows, enum err_kind kind,
			  const char *part)
{
	static const char *const nothing[] = {NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	struct placedb_move m = forward(1);

	world_reset();
	sql("%s", rows);
	snap_take(&before);
	fails(placedb_move(place, &m, &e), kind, part);
	snap_changed(&before, nothing);
}

static void t_place_guards(void **state)
{
	struct placedb_share s;
	struct placedb_move m;

	(void)state;
	/* a child or sharing provider */
	place_refused("UPDATE placement.allocations SET resource_provider_id = "
		      "3 WHERE consumer_id = '" U1 "' AND "
		      "resource_class_id = 1",
		      ERR_CONFLICT, "changed");
	s = share_of(U1);
	assert_string_equal(s.other, "x");
	placedb_share_clear(&s);
	/* some on the target already: an evacuation */
	place_refused("INSERT INTO placement.allocations (resource_provider_id,"
		      "consumer_id, resource_class_id, used) "
		      "VALUES (2, '" U1 "', 0, 1)",
		      ERR_CONFLICT, "changed");
	s = share_of(U1);
	assert_true(s.on[SRC] && s.on[DST]);
	placedb_share_clear(&s);
	place_refused(
		"DELETE FROM placement.allocations WHERE consumer_id = '" U1
		"'",
		ERR_CONFLICT, "changed");
	place_refused("UPDATE placement.consumers SET generation = 2 "
		      "WHERE id = 1",
		      ERR_CONFLICT, "changed");
	place_refused("DELETE FROM placement.consumers WHERE id = 1",
		      ERR_CONFLICT, "changed");
	/* no room: (2048 - 512) * 1.5 = 2304, of which U2 has 1793 */
	place_refused("UPDATE placement.allocations SET used = 1793 WHERE "
		      "consumer_id = '" U2 "' AND resource_class_id = 1",
		      ERR_FAILED, "512 MEMORY_MB (511 left)");
	s = share_of(U1);
	assert_string_equal(s.lacks, "512 MEMORY_MB (511 left)");
	placedb_share_clear(&s);
	place_refused("DELETE FROM placement.inventories WHERE "
		      "resource_provider_id = 2 AND resource_class_id = 0",
		      ERR_FAILED, "1 VCPU (it has none)");
	place_refused("UPDATE placement.inventories SET step_size = 100 WHERE "
		      "resource_provider_id = 2 AND resource_class_id = 1",
		      ERR_FAILED, "by 100");
	world_reset();
	sql("UPDATE placement.allocations SET used = 1792 WHERE "
	    "consumer_id = '" U2 "' AND resource_class_id = 1");
	m = forward(1);
	ok(placedb_move(place, &m, &e));
	/* the way back needs no room */
	sql("UPDATE placement.inventories SET total = 0 WHERE "
	    "resource_provider_id = 1");
	m = backward(2);
	ok(placedb_move(place, &m, &e));
}

/* ---- U */

static struct netdb_ports ports_of(const char *device)
{
	const struct netdb_who who = {device, H30, H34};
	struct netdb_ports v;

	ok(netdb_ports_read(net, &who, &v, &e));
	return v;
}

static void bind_is(const char *host, const char *vif, int64_t revision)
{
	struct netdb_port p;

	ok(netdb_port_read(net, P1, &p, &e));
	assert_string_equal(p.host, host);
	assert_string_equal(p.vif_type, vif);
	assert_int_equal(p.revision, revision);
	netdb_port_clear(&p);
}

static struct netdb_bind there(int64_t revision)
{
	return (struct netdb_bind){.port = P1,
				   .device = U1,
				   .from = H30,
				   .to = H34,
				   .revision = revision};
}

static struct netdb_bind back(int64_t revision, const char *image)
{
	return (struct netdb_bind){.port = P1,
				   .device = U1,
				   .from = H34,
				   .to = H30,
				   .revision = revision,
				   .image = image};
}

static void t_net(void **state)
{
	static const char *const moved[] = {
		"~ports#" P1 ".status",
		"~standardattributes#11.revision_number",
		"~standardattributes#11.updated_at",
		"~ml2_port_bindings#" P1 ".host",
		"~ml2_port_bindings#" P1 ".vif_type",
		"~ml2_port_bindings#" P1 ".vif_details",
		"-ml2_port_binding_levels#" P1 "*",
		NULL};
	static const char *const only[] = {
		"~standardattributes#11.revision_number",
		"?~standardattributes#11.updated_at", NULL};
	static const char *const version[] = {
		"~standardattributes#11.revision_number",
		"~standardattributes#11.updated_at", NULL};
	AUTO(strv_clear) struct strv first = STRV_INIT;
	AUTO(strv_clear) struct strv before = STRV_INIT;
	AUTO(netdb_ports_clear) struct netdb_ports v = ports_of(U1);
	struct netdb_bind b = there(7);

	(void)state;
	assert_int_equal(v.n, 1);
	assert_null(v.v[0].unfit);
	assert_string_equal(v.v[0].host, H30);
	snap_take(&first);
	snap_take(&before);
	ok(netdb_bind(net, &b, &e));
	snap_changed(&before, moved);
	bind_is(H34, "unbound", 8);
	fails(netdb_bind(net, &b, &e), ERR_CONFLICT, "changed just now");
	snap_take(&before);
	b = there(8);
	ok(netdb_bind(net, &b, &e));
	snap_changed(&before, only);
	/* Neutron has bound it meanwhile: the way back is the same. */
	sql("UPDATE neutron.ml2_port_bindings SET vif_type = 'bridge' "
	    "WHERE port_id = '" P1 "'; INSERT INTO "
	    "neutron.ml2_port_binding_levels VALUES ('" P1 "', '" H34
	    "', 0, 'linuxbridge', '" SEG "'); "
	    "UPDATE neutron.ports SET status = 'ACTIVE' WHERE id = '" P1 "'");
	b = back(9, v.v[0].image);
	ok(netdb_bind(net, &b, &e));
	snap_changed(&first, version);
	bind_is(H30, "bridge", 10);
}

static void net_refused(const char *rows)
{
	static const char *const nothing[] = {NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	struct netdb_bind b = there(7);

	world_reset();
	sql("%s", rows);
	snap_take(&before);
	fails(netdb_bind(net, &b, &e), ERR_CONFLICT, "changed just now");
	snap_changed(&before, nothing);
}

static void t_net_guards(void **state)
{
	struct netdb_port p;
	struct netdb_bind b = back(7, "{\"host\": 1}");

	(void)state;
	net_refused("UPDATE neutron.standardattributes SET revision_number = 8 "
		    "WHERE id = 11");
	net_refused("UPDATE neutron.ml2_port_bindings SET host = 'other' "
		    "WHERE port_id = '" P1 "'");
	net_refused("INSERT INTO neutron.ml2_port_bindings (port_id, host, "
		    "vif_type, status) VALUES ('" P1 "', '" H34
		    "', 'bridge', 'INACTIVE')");
	net_refused("UPDATE neutron.ports SET device_id = 'another' "
		    "WHERE id = '" P1 "'");
	net_refused("DELETE FROM neutron.ports WHERE id = '" P1 "'");
	ok(netdb_port_read(net, P1, &p, &e));
	assert_null(p.id);
	world_reset();
	fails(netdb_bind(net, &b, &e), ERR_REFUSED, "image");
}

static void unfit(const char *rows, const char *part)
{
	struct netdb_ports v;

	world_reset();
	sql("%s", rows);
	v = ports_of(U1);
	assert_int_equal(v.n, 1);
	if (!v.v[0].unfit || !strstr(v.v[0].unfit, part))
		fail_msg("%s: %s", part, v.v[0].unfit ? v.v[0].unfit : "fit");
	netdb_ports_clear(&v);
}

#define BINDING(set)                                                           \
	"UPDATE neutron.ml2_port_bindings SET " set " WHERE port_id = '" P1 "'"
#define AGENT(set) "UPDATE neutron.agents SET " set " WHERE host = '" H34 "'"

static void t_net_unfit(void **state)
{
	(void)state;
	unfit(BINDING("vnic_type = 'direct'"), "vnic_type is 'direct'");
	unfit(BINDING("vif_type = 'hostdev'"), "'hostdev' by 'linuxbridge'");
	unfit(BINDING("status = 'INACTIVE'"), "no active binding");
	unfit(BINDING("profile = '{\"allocation\": {\"a\": 1}}'"),
	      "'allocation'");
	unfit(BINDING("profile = '{\"pci_slot\": \"1\"}'"), "'pci_slot'");
	unfit(BINDING("profile = '{\"migrating_to\": \"x\"}'"),
	      "'migrating_to'");
	unfit(BINDING("profile = 'x'"), "cannot be read");
	unfit("UPDATE neutron.ml2_port_binding_levels SET driver = 'ovn' "
	      "WHERE port_id = '" P1 "'",
	      "by 'ovn'");
	unfit("INSERT INTO neutron.ml2_port_binding_levels VALUES ('" P1
	      "', '" H30 "', 1, 'linuxbridge', '" SEG "')",
	      "on one level");
	unfit("INSERT INTO neutron.ml2_port_bindings (port_id, host, vif_type, "
	      "status) VALUES ('" P1 "', '" H34 "', 'bridge', 'INACTIVE')",
	      "inactive binding");
	unfit("INSERT INTO neutron.trunks (id, port_id, standard_attr_id) "
	      "VALUES ('t', '" P1 "', 1)",
	      "trunk");
	unfit("INSERT INTO neutron.ml2_distributed_port_bindings (port_id, "
	      "host, vif_type, status) VALUES ('" P2 "', 'h', 'd', 'ACTIVE')",
	      "distributed router");
	unfit("SET FOREIGN_KEY_CHECKS = 0; "
	      "INSERT INTO neutron.qos_minimum_bandwidth_rules "
	      "(id, qos_policy_id) VALUES ('r', 'q'); "
	      "INSERT INTO neutron.qos_network_policy_bindings VALUES ('q', "
	      "'" NET "'); SET FOREIGN_KEY_CHECKS = 1",
	      "guaranteed bandwidth");
	unfit("SET FOREIGN_KEY_CHECKS = 0; "
	      "INSERT INTO neutron.subnets (id, network_id, ip_version, cidr, "
	      "standard_attr_id, segment_id) VALUES ('s', '" NET
	      "', 4, '10.0.0.0/24', 1, '" SEG "'); INSERT INTO "
	      "neutron.ipallocations VALUES ('" P1 "', '10.0.0.2', 's', '" NET
	      "'); SET FOREIGN_KEY_CHECKS = 1",
	      "tied to a segment");
	unfit("DELETE FROM neutron.agents WHERE host = '" H34 "'",
	      H34 " has no Linux bridge agent");
	unfit(AGENT("agent_type = 'Open vSwitch agent'"), "another agent");
	unfit(AGENT("admin_state_up = 0"), "disabled");
	unfit(AGENT("heartbeat_timestamp = '2026-11-21 05:58:44'"), "was dead");
	unfit(AGENT("configurations = '{\"interface_mappings\": {}}'"),
	      "does not serve the flat network physnet1");
	world_reset();
	/* Heard a little earlier than the last: it lived. */
	sql(AGENT("heartbeat_timestamp = '2026-11-21 05:58:46'"));
	{
		struct netdb_ports v = ports_of(U1);

		assert_null(v.v[0].unfit);
		netdb_ports_clear(&v);
	}
}

/* ---- a COMMIT without an answer */

static int run_place(struct err *e)
{
	const struct placedb_move m = forward(1);

	return placedb_move(place, &m, e);
}

static int run_net(struct err *e)
{
	const struct netdb_bind b = there(7);

	return netdb_bind(net, &b, e);
}

static const struct {
	int (*run)(struct err *e);
	const char *state, *no, *yes, *version;
} lost[] = {
	{run_place,
	 "SELECT MAX(resource_provider_id) FROM placement.allocations "
	 "WHERE consumer_id = '" U1 "'",
	 "1", "2",
	 "SELECT generation - 1 FROM placement.consumers WHERE id = 1"},
	{run_net,
	 "SELECT host FROM neutron.ml2_port_bindings WHERE port_id = '" P1 "'",
	 H30, H34,
	 "SELECT revision_number - 7 FROM neutron.standardattributes "
	 "WHERE id = 11"},
};

static void t_lost(void **state)
{
	static const struct {
		enum spoil how;
		bool applied;
	} ways[] = {{SPOIL_BEFORE, false},
		    {SPOIL_DURING, true},
		    {SPOIL_AFTER, true},
		    {SPOIL_LATE, true},
		    {SPOIL_NEVER, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
			world_reset();
			proxy_spoil(ways[k].how, LATE_MS);
			if (ways[k].applied)
				ok(lost[i].run(&e));
			else
				fails(lost[i].run(&e), ERR_CONFLICT,
				      "nothing was changed");
			value_is(lost[i].state,
				 ways[k].applied ? lost[i].yes : lost[i].no);
			/* Either way the version is another one: the lost one
			 * can never come in later. */
			value_is(lost[i].version, "1");
			for (int n = 0; n < 200 && !proxy_spoilt(); n++)
				clock_sleep_us(10000);
			assert_true(proxy_spoilt());
			down(state);
			ok(open_place(own, proxied, &place, &e));
			ok(open_net("neutron", proxied, &net, &e));
		}
	}
}

/* Somebody else has written it in between: not ours to say. */
static void t_lost_foreign(void **state)
{
	(void)state;
	proxy_spoil(SPOIL_DURING, 0);
	sql("CREATE OR REPLACE TRIGGER placement.later AFTER UPDATE ON "
	    "placement.allocations FOR EACH ROW UPDATE placement.consumers "
	    "SET generation = generation + 5 WHERE uuid = NEW.consumer_id");
	fails(run_place(&e), ERR_CONFLICT, "changed just now");
	sql("DROP TRIGGER placement.later");
}

int group_beside(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_which, up, down),
		cmocka_unit_test_setup_teardown(t_rights, up, down),
		cmocka_unit_test_setup_teardown(t_place, up, down),
		cmocka_unit_test_setup_teardown(t_place_guards, up, down),
		cmocka_unit_test_setup_teardown(t_net, up, down),
		cmocka_unit_test_setup_teardown(t_net_guards, up, down),
		cmocka_unit_test_setup_teardown(t_net_unfit, up, down),
		cmocka_unit_test_setup_teardown(t_lost, up_proxy, down_proxy),
		cmocka_unit_test_setup_teardown(t_lost_foreign, up_proxy,
						down_proxy),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
