/* SPDX-License-Identifier: Apache-2.0 */
/* What each call sends, by version, and what it makes of the answers. */
#include "unit/api/lab.h"

#include <errno.h>

#include "api/cinder.h"
#include "api/neutron.h"
#include "api/nova.h"
#include "api/placement.h"

#define SERVERS LAB_COMPUTE "/servers"
#define SERVER SERVERS "/" LAB_UUID
#define ACTION SERVER "/action"
#define VOLS SERVER "/os-volume_attachments"
#define SERVICES LAB_COMPUTE "/os-services"
#define ALLOC "/placement/allocations/" LAB_UUID
#define ATTACH LAB_VOLUME "/attachments"
#define BY_NAME "?all_tenants=1&name=%5Eweb%5C.1%24"

static void sent(struct lab *l, const char *start, const char *body)
{
	const char *q = server_last(l->srv, start), *at = strstr(q, "\r\n\r\n");

	if (!at || strcmp(at + 4, body) != 0)
		fail_msg("%s: sent %s", start, at ? at + 4 : "nothing");
}

static void on(struct lab *l, const char *method, const char *path, int status,
	       const char *body)
{
	server_on(l->srv,
		  (struct rule){method, path, .status = status, .body = body});
}

static void once(struct lab *l, const char *method, const char *path,
		 int status, const char *body)
{
	server_on(l->srv, (struct rule){method, path, .status = status,
					.body = body, .times = 1});
}

/* --- Nova */

static void test_actions(void **state)
{
	struct lab_options o = {.nova_max = "2.72"};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	on(&l, "POST", ACTION, 202, NULL);
	LAB_OK(&l, nova_server_stop(l.s, LAB_UUID, &l.e));
	sent(&l, "POST " ACTION, "{\"os-stop\":null}");
	LAB_OK(&l, nova_server_start(l.s, LAB_UUID, &l.e));
	sent(&l, "POST " ACTION, "{\"os-start\":null}");
	LAB_OK(&l, nova_server_evacuate(l.s, LAB_UUID, "c34", &l.e));
	/* In the words of 2.13: without the files there Nova must fail. */
	sent(&l, "POST " ACTION,
	     "{\"evacuate\":{\"host\":\"c34\",\"onSharedStorage\":true}}");
	assert_non_null(strstr(server_last(l.srv, "POST " ACTION),
			       "X-OpenStack-Nova-API-Version: 2.13\r\n"));
	LAB_OK(&l, nova_server_lock(l.s, LAB_UUID, "job \"1\"", &l.e));
	sent(&l, "POST " ACTION,
	     "{\"lock\":{\"locked_reason\":\"job \\\"1\\\"\"}}");
	LAB_OK(&l, nova_server_unlock(l.s, LAB_UUID, &l.e));
	sent(&l, "POST " ACTION, "{\"unlock\":null}");
	lab_close(&l);
	lab_open(&l, &o);
	on(&l, "POST", ACTION, 202, NULL);
	LAB_OK(&l, nova_server_lock(l.s, LAB_UUID, "job", &l.e));
	sent(&l, "POST " ACTION, "{\"lock\":null}");
	lab_close(&l);
}

static void test_find(void **state)
{
	static const char two[] =
		"{\"servers\": [{\"id\": \"u1\", \"name\": \"web.1\"}, "
		"{\"id\": \"u2\", \"name\": \"web.1\"}, {\"id\": \"u3\", "
		"\"name\": \"web.1x\"}]}";
	static const char one[] =
		"{\"servers\": [{\"id\": \"" LAB_UUID
		"\", \"name\": \"web.1\"}], \"servers_links\": [{\"rel\": "
		"\"next\", \"href\": \"http://nova.elsewhere/v2.1/servers"
		"?marker=m\"}]}";
	static const char none[] = "{\"servers\": []}";
	static const char srv[] = "{\"server\": {\"id\": \"" LAB_UUID "\"}}";
	struct nova_server s;
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	once(&l, "GET", SERVERS BY_NAME, 200, two);
	LAB_FAILS(&l, nova_server_find(l.s, "web.1", &s, &l.e), ERR_REFUSED);
	LAB_SAYS(&l, "2 servers are named web.1: u1, u2");
	assert_non_null(strstr(l.e.hint, "uuid"));
	/* a second page is looked at, on the host that we know */
	once(&l, "GET", SERVERS BY_NAME, 200, one);
	on(&l, "GET", SERVERS "?marker=m", 200, none);
	on(&l, "GET", SERVER, 200, srv);
	LAB_OK(&l, nova_server_find(l.s, "web.1", &s, &l.e));
	assert_string_equal(s.id, LAB_UUID);
	nova_server_clear(&s);
	assert_int_equal(server_count(l.srv, "GET " SERVERS "?marker=m"), 1);
	once(&l, "GET", SERVERS BY_NAME, 200, none);
	LAB_FAILS(&l, nova_server_find(l.s, "web.1", &s, &l.e), ERR_REFUSED);
	LAB_SAYS(&l, "no server named web.1");
	/* not an administrator: our own project */
	on(&l, "GET", SERVERS BY_NAME, 403, "{}");
	on(&l, "GET", SERVERS "?name=%5Eweb%5C.1%24", 200, one);
	LAB_OK(&l, nova_server_find(l.s, "web.1", &s, &l.e));
	nova_server_clear(&s);
	/* by uuid, without a list */
	LAB_OK(&l, nova_server_find(l.s, LAB_UUID, &s, &l.e));
	nova_server_clear(&s);
	LAB_FAILS(&l,
		  nova_server_find(l.s, "0e44cc9c-e052-415d-afbf-469b0d384171",
				   &s, &l.e),
		  ERR_FAILED); /* 418 */
	lab_close(&l);
}

#define STATE(vm, task)                                                        \
	"{\"server\": {\"id\": \"" LAB_UUID                                    \
	"\", \"OS-EXT-STS:vm_state\": \"" vm                                   \
	"\", \"OS-EXT-STS:task_state\": " task                                 \
	", \"fault\": {\"message\": \"no disk\"}}}"

static int64_t no_time;

static void no_sleep(int64_t us)
{
	no_time += us;
}

static int64_t mono(void)
{
	return no_time;
}

static void test_wait(void **state)
{
	const struct clock_ops ops = {.mono_us = mono, .sleep_us = no_sleep};
	struct nova_server s;
	struct lab l;

	(void)state;
	no_time = 1000000;
	clock_set_ops(&ops);
	lab_open(&l, NULL);
	once(&l, "GET", SERVER, 200, STATE("active", "\"powering-off\""));
	once(&l, "GET", SERVER, 200, STATE("stopped", "\"powering-off\""));
	once(&l, "GET", SERVER, 200, STATE("stopped", "null"));
	LAB_OK(&l,
	       nova_server_wait(l.s, LAB_UUID, "stopped", 60000000, &s, &l.e));
	nova_server_clear(&s);
	assert_int_equal(server_count(l.srv, "GET " SERVER), 3);
	once(&l, "GET", SERVER, 200, STATE("error", "null"));
	LAB_FAILS(
		&l,
		nova_server_wait(l.s, LAB_UUID, "stopped", 60000000, &s, &l.e),
		ERR_FAILED);
	LAB_SAYS(&l, "no disk");
	nova_server_clear(&s);
	once(&l, "GET", SERVER, 200, STATE("active", "\"powering-off\""));
	once(&l, "GET", SERVER, 200, STATE("active", "null"));
	LAB_FAILS(
		&l,
		nova_server_wait(l.s, LAB_UUID, "stopped", 60000000, &s, &l.e),
		ERR_FAILED);
	LAB_SAYS(&l, "Nova gave up");
	nova_server_clear(&s);
	on(&l, "GET", SERVER, 200, STATE("active", "null"));
	LAB_FAILS(&l,
		  nova_server_wait(l.s, LAB_UUID, "stopped", 5000000, &s, &l.e),
		  ERR_LOST);
	LAB_SAYS(&l, "still active");
	nova_server_clear(&s);
	clock_set_ops(NULL);
	lab_close(&l);
}

static void test_attach(void **state)
{
	struct lab_options o = {.nova_max = "2.48"};
	struct nova_attach a = {
		.server = LAB_UUID,
		.volume = "v1",
		.device = "/dev/vdb",
		.tag = "t",
		.delete_on_termination = NOVA_YES,
	};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	on(&l, "POST", VOLS, 200, "{\"volumeAttachment\": {}}");
	on(&l, "DELETE", VOLS "/v1", 202, NULL);
	LAB_OK(&l, nova_volume_attach(l.s, &a, &l.e));
	sent(&l, "POST " VOLS,
	     "{\"volumeAttachment\":{\"volumeId\":\"v1\",\"device\":"
	     "\"/dev/vdb\",\"tag\":\"t\",\"delete_on_termination\":true}}");
	LAB_OK(&l, nova_volume_detach(l.s, LAB_UUID, "v1", &l.e));
	once(&l, "DELETE", VOLS "/v2", 404, "{}");
	LAB_FAILS(&l, nova_volume_detach(l.s, LAB_UUID, "v2", &l.e),
		  ERR_FAILED);
	assert_int_equal(l.e.sys, ENOENT);
	lab_close(&l);
	lab_open(&l, &o);
	on(&l, "POST", VOLS, 200, "{}");
	LAB_FAILS(&l, nova_volume_attach(l.s, &a, &l.e), ERR_REFUSED);
	LAB_SAYS(&l, "a device tag needs microversion 2.49; this Nova has "
		     "2.48");
	a.tag = NULL;
	LAB_FAILS(&l, nova_volume_attach(l.s, &a, &l.e), ERR_REFUSED);
	LAB_SAYS(&l, "2.79");
	assert_int_equal(server_count(l.srv, "POST " VOLS), 0);
	a.delete_on_termination = NOVA_NO;
	a.device = NULL;
	LAB_OK(&l, nova_volume_attach(l.s, &a, &l.e));
	sent(&l, "POST " VOLS, "{\"volumeAttachment\":{\"volumeId\":\"v1\"}}");
	lab_close(&l);
}

static void test_force_down(void **state)
{
	static const char list[] =
		"{\"services\": [{\"id\": \"sid\", \"binary\": "
		"\"nova-compute\", \"host\": \"c30\"}]}";
	struct lab_options o = {.nova_max = "2.52"};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	on(&l, "GET", SERVICES "?host=c30&binary=nova-compute", 200, list);
	on(&l, "GET", SERVICES "?host=c31&binary=nova-compute", 200,
	   "{\"services\": []}");
	on(&l, "PUT", SERVICES "/sid", 200, "{}");
	LAB_OK(&l, nova_service_force_down(l.s, "c30", true, &l.e));
	sent(&l, "PUT " SERVICES "/sid", "{\"forced_down\":true}");
	LAB_FAILS(&l, nova_service_force_down(l.s, "c31", true, &l.e),
		  ERR_REFUSED);
	LAB_SAYS(&l, "forcing nova-compute of c31 down: Nova knows no");
	lab_close(&l);
	lab_open(&l, &o);
	on(&l, "PUT", SERVICES "/force-down", 200, "{}");
	LAB_OK(&l, nova_service_force_down(l.s, "c30", false, &l.e));
	sent(&l, "PUT " SERVICES "/force-down",
	     "{\"host\":\"c30\",\"binary\":\"nova-compute\","
	     "\"forced_down\":false}");
	lab_close(&l);
	o.nova_max = "2.10";
	lab_open(&l, &o);
	LAB_FAILS(&l, nova_service_force_down(l.s, "c30", true, &l.e),
		  ERR_REFUSED);
	LAB_SAYS(&l, "2.11");
	lab_close(&l);
}

static void test_disable(void **state)
{
	static const char list[] =
		"{\"services\": [{\"id\": \"sid\", \"binary\": "
		"\"nova-compute\", \"host\": \"c30\"}]}";
	struct lab_options o = {.nova_max = "2.52"};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	on(&l, "GET", SERVICES "?host=c30&binary=nova-compute", 200, list);
	on(&l, "GET", SERVICES "?host=c31&binary=nova-compute", 200,
	   "{\"services\": []}");
	on(&l, "PUT", SERVICES "/sid", 200, "{}");
	LAB_OK(&l, nova_service_disable(l.s, "c30", "why \"so\"", &l.e));
	sent(&l, "PUT " SERVICES "/sid",
	     "{\"status\":\"disabled\",\"disabled_reason\":"
	     "\"why \\\"so\\\"\"}");
	LAB_OK(&l, nova_service_enable(l.s, "c30", &l.e));
	sent(&l, "PUT " SERVICES "/sid", "{\"status\":\"enabled\"}");
	LAB_FAILS(&l, nova_service_disable(l.s, "c31", "why", &l.e),
		  ERR_REFUSED);
	LAB_SAYS(&l, "disabling nova-compute of c31: Nova knows no");
	lab_close(&l);
	lab_open(&l, &o);
	on(&l, "PUT", SERVICES "/disable-log-reason", 200, "{}");
	on(&l, "PUT", SERVICES "/enable", 200, "{}");
	LAB_OK(&l, nova_service_disable(l.s, "c30", "why", &l.e));
	sent(&l, "PUT " SERVICES "/disable-log-reason",
	     "{\"host\":\"c30\",\"binary\":\"nova-compute\","
	     "\"disabled_reason\":\"why\"}");
	LAB_OK(&l, nova_service_enable(l.s, "c30", &l.e));
	sent(&l, "PUT " SERVICES "/enable",
	     "{\"host\":\"c30\",\"binary\":\"nova-compute\"}");
	lab_close(&l);
}

static void test_lists(void **state)
{
	static const char page1[] =
		"{\"migrations\": [{\"id\": 1, \"instance_uuid\": \"i\", "
		"\"migration_type\": \"evacuation\"}, {\"id\": 2, "
		"\"instance_uuid\": \"other\"}], \"migrations_links\": "
		"[{\"rel\": \"next\", \"href\": \"http://x/y?marker=2\"}]}";
	static const char page2[] =
		"{\"migrations\": [{\"id\": 3, \"instance_uuid\": \"i\", "
		"\"migration_type\": \"resize\"}]}";
	const struct nova_migration_filter f = {.instance = "i",
						.type = "evacuation"};
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct nova_migrations m;
	struct nova_hypervisors h;
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	on(&l, "GET",
	   LAB_COMPUTE "/os-migrations?instance_uuid=i&migration_type="
		       "evacuation",
	   200, page1);
	on(&l, "GET", LAB_COMPUTE "/os-migrations?marker=2", 200, page2);
	LAB_OK(&l, nova_migrations_list(l.s, &f, &m, &l.e));
	assert_int_equal(m.n, 1); /* of a Nova that does not filter */
	assert_int_equal(m.v[0].id, 1);
	nova_migrations_clear(&m);
	on(&l, "GET", LAB_COMPUTE "/os-hypervisors/detail", 200,
	   "{\"hypervisors\": [{\"id\": \"x\", \"hypervisor_hostname\": "
	   "\"n\"}]}");
	LAB_OK(&l, nova_hypervisors_list(l.s, &h, &l.e));
	assert_int_equal(h.n, 1);
	nova_hypervisors_clear(&h);
	once(&l, "POST", ACTION, 200, "{\"output\": \"hello\"}");
	LAB_OK(&l, nova_console_get(l.s, LAB_UUID, 50, &b, &l.e));
	assert_string_equal(buf_str(&b), "hello");
	sent(&l, "POST " ACTION, "{\"os-getConsoleOutput\":{\"length\":50}}");
	once(&l, "POST", ACTION, 200, "{\"outp");
	LAB_FAILS(&l, nova_console_get(l.s, LAB_UUID, 0, &b, &l.e), ERR_RETRY);
	lab_close(&l);
}

/* --- Neutron */

static void test_bind(void **state)
{
	static const char port[] =
		"{\"port\": {\"id\": \"p1\", \"binding:host_id\": \"c34\"}}";
	struct neutron_bind b = {.port = "p1",
				 .host = "c34",
				 .profile = "{\"a\": 1}",
				 .revision = -1};
	struct neutron_port p;
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"PUT", "/network/v2.0/ports/p1",
				       .how = RULE_CUT, .times = 1});
	once(&l, "PUT", "/network/v2.0/ports/p1", 200, port);
	/* cut, and sent again: it is idempotent */
	LAB_OK(&l, neutron_port_bind(l.s, &b, &p, &l.e));
	assert_string_equal(p.host, "c34");
	neutron_port_clear(&p);
	sent(&l, "PUT /network/v2.0/ports/p1",
	     "{\"port\":{\"binding:host_id\":\"c34\",\"binding:profile\":"
	     "{\"a\": 1}}}");
	assert_null(strstr(server_last(l.srv, "PUT"), "If-Match"));
	/* with a revision it is not */
	b.revision = 7;
	b.profile = NULL;
	once(&l, "PUT", "/network/v2.0/ports/p1", 412, "{}");
	LAB_FAILS(&l, neutron_port_bind(l.s, &b, &p, &l.e), ERR_CONFLICT);
	assert_int_equal(l.e.sys, ESTALE);
	assert_non_null(strstr(server_last(l.srv, "PUT"),
			       "If-Match: revision_number=7\r\n"));
	server_on(l.srv, (struct rule){"PUT", "/network/v2.0/ports/p1",
				       .how = RULE_CUT, .times = 1});
	LAB_FAILS(&l, neutron_port_bind(l.s, &b, &p, &l.e), ERR_LOST);
	/* carried out, but the answer is torn */
	once(&l, "PUT", "/network/v2.0/ports/p1", 200, "{\"port\": {");
	LAB_FAILS(&l, neutron_port_bind(l.s, &b, &p, &l.e), ERR_LOST);
	b.profile = "sesame";
	LAB_FAILS(&l, neutron_port_bind(l.s, &b, &p, &l.e), ERR_BUG);
	lab_close(&l);
}

/* --- Placement */

#define ALLOCATIONS(rp, gen)                                                   \
	"{\"allocations\": {\"" rp "\": {\"generation\": 1, \"resources\": "   \
	"{\"VCPU\": 1}}}, \"project_id\": \"p\", \"user_id\": \"u\", "         \
	"\"consumer_generation\": " gen "}"

static void test_move(void **state)
{
	const struct placement_move m = {
		.consumer = LAB_UUID, .from = "S", .to = "D"};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	/* 409: read again, with the new generation */
	once(&l, "GET", ALLOC, 200, ALLOCATIONS("S", "4"));
	once(&l, "GET", ALLOC, 200, ALLOCATIONS("S", "5"));
	once(&l, "PUT", ALLOC, 409, "{\"errors\": [{\"detail\": \"gen\"}]}");
	once(&l, "PUT", ALLOC, 204, NULL);
	LAB_OK(&l, placement_move(l.s, &m, &l.e));
	sent(&l, "PUT " ALLOC,
	     "{\"allocations\":{\"D\":{\"resources\":{\"VCPU\":1}}},"
	     "\"project_id\":\"p\",\"user_id\":\"u\",\"consumer_generation\":"
	     "5}");
	assert_non_null(strstr(server_last(l.srv, "PUT " ALLOC),
			       "OpenStack-API-Version: placement 1.37\r\n"));
	/* cut: it was carried out, as the next look shows */
	once(&l, "GET", ALLOC, 200, ALLOCATIONS("S", "6"));
	server_on(l.srv,
		  (struct rule){"PUT", ALLOC, .how = RULE_CUT, .times = 1});
	once(&l, "GET", ALLOC, 200, ALLOCATIONS("D", "7"));
	LAB_OK(&l, placement_move(l.s, &m, &l.e));
	assert_int_equal(server_count(l.srv, "PUT " ALLOC), 3);
	/* there already: nothing is written */
	once(&l, "GET", ALLOC, 200, ALLOCATIONS("D", "7"));
	LAB_OK(&l, placement_move(l.s, &m, &l.e));
	assert_int_equal(server_count(l.srv, "PUT " ALLOC), 3);
	once(&l, "GET", ALLOC, 200, ALLOCATIONS("X", "7"));
	LAB_FAILS(&l, placement_move(l.s, &m, &l.e), ERR_REFUSED);
	LAB_SAYS(&l, "moving allocations from S to D");
	lab_close(&l);
}

/* It never agrees: the last conflict is told, after a few tries. */
static void test_move_never(void **state)
{
	const struct placement_move m = {
		.consumer = LAB_UUID, .from = "S", .to = "D"};
	const struct clock_ops ops = {.sleep_us = no_sleep};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	on(&l, "GET", ALLOC, 200, ALLOCATIONS("S", "4"));
	on(&l, "PUT", ALLOC, 409,
	   "{\"errors\": [{\"detail\": \"exceeds capacity\"}]}");
	clock_set_ops(&ops);
	LAB_FAILS(&l, placement_move(l.s, &m, &l.e), ERR_CONFLICT);
	clock_set_ops(NULL);
	LAB_SAYS(&l, "exceeds capacity");
	assert_int_equal(server_count(l.srv, "PUT " ALLOC), 5);
	lab_close(&l);
}

static void test_move_old(void **state)
{
	const struct lab_options o = {.placement_max = "1.8"};
	const struct placement_move m = {.consumer = LAB_UUID,
					 .from = "S",
					 .to = "D",
					 .project_id = "p",
					 .user_id = "u"};
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	on(&l, "GET", ALLOC, 200,
	   "{\"allocations\": {\"S\": {\"generation\": 1, \"resources\": "
	   "{\"VCPU\": 1}}}}");
	on(&l, "PUT", ALLOC, 204, NULL);
	LAB_OK(&l, placement_move(l.s, &m, &l.e));
	sent(&l, "PUT " ALLOC,
	     "{\"allocations\":[{\"resource_provider\":{\"uuid\":\"D\"},"
	     "\"resources\":{\"VCPU\":1}}],\"project_id\":\"p\",\"user_id\":"
	     "\"u\"}");
	lab_close(&l);
}

/* --- Cinder */

static void test_new_flow(void **state)
{
	static const char made[] =
		"{\"attachment\": {\"id\": \"a1\", \"status\": \"reserved\", "
		"\"instance\": \"i\", \"volume_id\": \"v\", "
		"\"connection_info\": {}}}";
	struct cinder_attach want = {.volume = "v", .instance = "i"};
	struct cinder_attachments list;
	struct cinder_attachment a;
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	on(&l, "POST", ATTACH, 200, made);
	on(&l, "PUT", ATTACH "/a1", 200, made);
	on(&l, "POST", ATTACH "/a1/action", 204, NULL);
	on(&l, "GET", ATTACH "?all_tenants=1&instance_id=i", 200,
	   "{\"attachments\": [{\"id\": \"a1\"}]}");
	LAB_OK(&l, cinder_attachment_create(l.s, &want, &a, &l.e));
	sent(&l, "POST " ATTACH " ",
	     "{\"attachment\":{\"volume_uuid\":\"v\",\"instance_uuid\":\"i\","
	     "\"connector\":null,\"mode\":\"rw\"}}");
	cinder_attachment_clear(&a);
	LAB_OK(&l, cinder_attachment_update(l.s, "a1", "{\"host\":\"h\"}", &a,
					    &l.e));
	sent(&l, "PUT " ATTACH "/a1",
	     "{\"attachment\":{\"connector\":{\"host\":\"h\"}}}");
	cinder_attachment_clear(&a);
	LAB_OK(&l, cinder_attachment_complete(l.s, "a1", &l.e));
	sent(&l, "POST " ATTACH "/a1/action", "{\"os-complete\":null}");
	LAB_OK(&l, cinder_attachments_list(l.s, "i", NULL, &list, &l.e));
	assert_int_equal(list.n, 1);
	cinder_attachments_clear(&list);
	lab_close(&l);
}

static void test_delete(void **state)
{
	const struct lab_options o = {.role = "Service"};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	once(&l, "DELETE", ATTACH "/a1", 409,
	     "{\"conflictingRequest\": {\"message\": \"Nova uses it\"}}");
	LAB_FAILS(&l, cinder_attachment_delete(l.s, "a1", &l.e), ERR_CONFLICT);
	assert_null(strstr(server_last(l.srv, "DELETE"), "X-Service-Token"));
	once(&l, "DELETE", ATTACH "/a1", 404, "{}");
	LAB_FAILS(&l, cinder_attachment_delete(l.s, "a1", &l.e), ERR_NOTHING);
	/* gone at the second try: the first did it */
	server_on(l.srv, (struct rule){"DELETE", ATTACH "/a1", .how = RULE_CUT,
				       .times = 1});
	once(&l, "DELETE", ATTACH "/a1", 404, "{}");
	LAB_OK(&l, cinder_attachment_delete(l.s, "a1", &l.e));
	lab_close(&l);
	lab_open(&l, &o);
	on(&l, "DELETE", ATTACH "/a1", 200, "{\"attachments\": []}");
	LAB_OK(&l, cinder_attachment_delete(l.s, "a1", &l.e));
	assert_non_null(strstr(server_last(l.srv, "DELETE"),
			       "X-Service-Token: tok-1\r\n"));
	LAB_OK(&l, cinder_attachment_drop(l.s, "a1", &l.e));
	assert_null(strstr(server_last(l.srv, "DELETE"), "X-Service-Token"));
	lab_close(&l);
}

static void test_old_flow(void **state)
{
	const struct lab_options o = {.cinder_max = "3.26"};
	struct cinder_action act = {.volume = "v",
				    .act = CINDER_INITIALIZE_CONNECTION,
				    .connector = "{\"ip\":\"1\"}"};
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct cinder_attachments list;
	struct cinder_volume v;
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	LAB_FAILS(&l, cinder_attachments_list(l.s, "i", NULL, &list, &l.e),
		  ERR_REFUSED);
	LAB_SAYS(&l, "needs microversion 3.27; this Cinder has 3.26");
	once(&l, "POST", LAB_VOLUME "/volumes/v/action", 200,
	     "{\"connection_info\": {\"driver_volume_type\": \"iscsi\"}}");
	LAB_OK(&l, cinder_volume_act(l.s, &act, &b, &l.e));
	assert_string_equal(buf_str(&b), "{\"driver_volume_type\":\"iscsi\"}");
	act.act = CINDER_RESERVE;
	once(&l, "POST", LAB_VOLUME "/volumes/v/action", 400,
	     "{\"badRequest\": {\"message\": \"status must be available\"}}");
	LAB_FAILS(&l, cinder_volume_act(l.s, &act, NULL, &l.e), ERR_FAILED);
	LAB_SAYS(&l, "reserving volume v: volume: POST /volumes/v/action: 400 "
		     "Bad Request: status must be available");
	on(&l, "GET", LAB_VOLUME "/volumes/v", 200,
	   "{\"volume\": {\"id\": \"v\", \"status\": \"available\"}}");
	LAB_OK(&l, cinder_volume_get(l.s, "v", &v, &l.e));
	cinder_volume_clear(&v);
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_force_down),
		cmocka_unit_test(test_disable),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_move_never),
		cmocka_unit_test(test_move_old),
		cmocka_unit_test(test_new_flow),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_old_flow),
	};

	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
