/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, endpoints, versions, tries and what each failure is called, against
 * a scripted server on loopback. */
#include "unit/api/lab.h"

#include <errno.h>
#include <time.h>

#include "api/nova.h"
#include "core/stop.h"

#define SERVER "/compute/v2.1/" LAB_PROJECT "/servers/" LAB_UUID
#define ACTION SERVER "/action"
#define AUTH "/identity/v3/auth/tokens"

static const char server_body[] =
	"{\"server\": {\"id\": \"" LAB_UUID
	"\", \"name\": \"g1\", \"OS-EXT-STS:vm_state\": \"active\"}}";

static int get(struct lab *l)
{
	struct nova_server srv;
	int rc = nova_server_get(l->s, LAB_UUID, &srv, &l->e);

	nova_server_clear(&srv);
	return rc;
}

static struct api_call thing(enum api_method m)
{
	return (struct api_call){
		.service = CLOUD_NETWORK,
		.method = m,
		.path = "/thing",
		.body = m == API_GET || m == API_DELETE ? NULL : "{\"a\": 1}",
		.what = "doing a thing",
	};
}

#define THING "/network/v2.0/thing"

static int call(struct lab *l, const struct api_call *c)
{
	struct api_reply r = API_REPLY_INIT;
	int rc = api_call(l->s, c, &r, &l->e);

	api_reply_clear(&r);
	return rc;
}

static void test_ok(void **state)
{
	struct api_identity id;
	struct lab l;
	const char *q;

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body});
	LAB_OK(&l, get(&l));
	LAB_OK(&l, get(&l));
	/* one token, one look at the versions */
	assert_int_equal(server_count(l.srv, "POST " AUTH), 1);
	assert_int_equal(server_count(l.srv, "GET /compute/v2.1/ "), 1);
	q = server_last(l.srv, "POST " AUTH);
	assert_non_null(strstr(q, "\"password\":\"s3cret-\\\"word\\\\\""));
	assert_non_null(strstr(q, "\"project\":{\"name\":\"admin\",\"domain\":{"
				  "\"id\":\"default\"}}"));
	q = server_last(l.srv, "GET " SERVER);
	assert_non_null(strstr(q, "X-Auth-Token: tok-1\r\n"));
	assert_non_null(strstr(q, "OpenStack-API-Version: compute 2.93\r\n"));
	assert_non_null(strstr(q, "X-OpenStack-Nova-API-Version: 2.93\r\n"));
	assert_null(strstr(q, "X-Service-Token"));
	LAB_OK(&l, api_whoami(l.s, &id, &l.e));
	assert_string_equal(id.project_id, LAB_PROJECT);
	assert_true(api_identity_has(&id, "admin"));
	assert_false(api_identity_has(&id, "service"));
	lab_close(&l);
}

static void test_negotiation(void **state)
{
	struct lab_options o = {.nova_max = "2.999", .placement_max = "1.20"};
	struct api_version v;
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	LAB_OK(&l, api_version(l.s, CLOUD_COMPUTE, &v, &l.e));
	assert_int_equal(v.minor, 100); /* ours */
	LAB_OK(&l, api_version(l.s, CLOUD_PLACEMENT, &v, &l.e));
	assert_int_equal(v.minor, 20); /* theirs */
	LAB_OK(&l, api_version(l.s, CLOUD_VOLUME, &v, &l.e));
	assert_true(api_at_least(v, 3, 70));
	LAB_OK(&l, api_version(l.s, CLOUD_NETWORK, &v, &l.e));
	assert_int_equal(v.major, 2);
	lab_close(&l);
	o.placement_max = "1.39";
	lab_open(&l, &o);
	LAB_OK(&l, api_version(l.s, CLOUD_PLACEMENT, &v, &l.e));
	assert_int_equal(v.minor, 37);
	lab_close(&l);
}

/* Icehouse: any path is answered by 300 and what there is. */
static void test_icehouse(void **state)
{
	static const char choices[] =
		"{\"choices\": [{\"status\": \"CURRENT\", \"media-types\": [], "
		"\"id\": \"v2.0\", \"links\": []}, {\"status\": "
		"\"EXPERIMENTAL\", \"id\": \"v3.0\"}]}";
	static const char v2[] = "{\"version\": {\"id\": \"v2.0\", "
				 "\"status\": \"CURRENT\"}}";
	static const char c1[] = "{\"version\": {\"id\": \"v1.0\"}}";
	const struct lab_options o = {.no_versions = true};
	struct api_version v;
	struct lab l;
	const char *q;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv, (struct rule){"GET", "/compute/v2.1/", .status = 300,
				       .body = choices});
	server_on(l.srv, (struct rule){"GET", "/compute/v2/", .body = v2});
	server_on(l.srv, (struct rule){"GET", "/volume/v3/", .status = 404,
				       .body = "{}"});
	server_on(l.srv, (struct rule){"GET", "/volume/v2/", .status = 404,
				       .body = "{}"});
	server_on(l.srv, (struct rule){"GET", "/volume/v1/", .body = c1});
	server_on(l.srv,
		  (struct rule){"GET",
				"/compute/v2/" LAB_PROJECT "/servers/" LAB_UUID,
				.body = server_body});
	LAB_OK(&l, api_version(l.s, CLOUD_COMPUTE, &v, &l.e));
	assert_true(v.major == 2 && v.minor == 0);
	LAB_OK(&l, get(&l));
	q = server_last(l.srv, "GET /compute/v2/" LAB_PROJECT);
	assert_non_null(strstr(q, "tok-1"));
	assert_null(strstr(q, "API-Version"));
	LAB_OK(&l, api_version(l.s, CLOUD_VOLUME, &v, &l.e));
	assert_true(v.major == 1 && v.minor == 0);
	lab_close(&l);
}

static void test_keystone_v2(void **state)
{
	static const char versions[] =
		"{\"versions\": {\"values\": [{\"status\": \"stable\", "
		"\"id\": \"v2.0\"}]}}";
	const struct lab_options o = {.no_keystone = true};
	AUTO(mem_freep) char *token = NULL;
	struct lab l;
	const char *q;

	(void)state;
	lab_open(&l, &o);
	api_close(l.s);
	mem_free(l.cloud.auth_url);
	l.cloud.auth_url = mem_printf("%s/identity/v2.0/", server_url(l.srv));
	l.s = api_open(&l.cloud, NULL, &l.e);
	token = mem_printf(
		"{\"access\": {\"token\": {\"id\": \"old-tok\", "
		"\"issued_at\": \"2014-01-01T00:00:00.123456\", \"expires\": "
		"\"2014-01-01T01:00:00Z\", \"tenant\": {\"id\": \"" LAB_PROJECT
		"\", \"name\": \"admin\"}}, \"user\": {\"id\": \"u\", "
		"\"name\": \"admin\", \"roles\": [{\"name\": \"admin\"}]}, "
		"\"serviceCatalog\": [{\"type\": \"compute\", \"endpoints\": "
		"[{\"region\": \"R1\", \"publicURL\": \"%s" LAB_COMPUTE
		"\", \"adminURL\": \"http://127.0.0.1:9/\"}]}]}}",
		server_url(l.srv));
	server_on(l.srv, (struct rule){"GET", "/identity/", .status = 300,
				       .body = versions});
	server_on(l.srv, (struct rule){"POST", "/identity/v2.0/tokens",
				       .body = token});
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body});
	LAB_OK(&l, get(&l));
	q = server_last(l.srv, "POST /identity/v2.0/tokens");
	assert_non_null(strstr(q, "\"passwordCredentials\":{\"username\":"));
	assert_non_null(strstr(q, "\"tenantName\":\"admin\""));
	assert_non_null(strstr(server_last(l.srv, "GET " SERVER), "old-tok"));
	lab_close(&l);
}

/* --- tokens */

static void test_401_once(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"POST", ACTION, .status = 401,
				       .body = "{}", .times = 1});
	server_on(l.srv, (struct rule){"POST", ACTION, .status = 202});
	LAB_OK(&l, nova_server_stop(l.s, LAB_UUID, &l.e));
	assert_int_equal(server_count(l.srv, "POST " AUTH), 2);
	assert_non_null(strstr(server_last(l.srv, "POST " ACTION), "tok-2"));
	lab_close(&l);
}

static void test_401_for_good(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"POST", ACTION, .status = 401,
				       .body = "{\"error\": {\"message\": "
					       "\"go away\"}}"});
	LAB_FAILS(&l, nova_server_stop(l.s, LAB_UUID, &l.e), ERR_REFUSED);
	assert_int_equal(l.e.sys, EPERM);
	assert_int_equal(server_count(l.srv, "POST " ACTION), 2);
	lab_close(&l);
}

static void test_wrong_password(void **state)
{
	const struct lab_options o = {.no_keystone = true};
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv,
		  (struct rule){"POST", AUTH, .status = 401,
				.body = "{\"error\": {\"code\": 401, "
					"\"message\": \"your s3cret-\\\"word"
					"\\\\ is wrong\", \"title\": "
					"\"Unauthorized\"}}",
				.headers = "x-openstack-request-id: "
					   "req-77\r\n"});
	LAB_FAILS(&l, get(&l), ERR_REFUSED);
	LAB_SAYS(&l, "401 Unauthorized");
	LAB_SAYS(&l, "req-77");
	LAB_SAYS(&l, "cloud lab: asking Keystone");
	assert_null(strstr(err_msg(&l.e), "s3cret"));
	assert_non_null(l.e.hint);
	lab_close(&l);
}

static void test_token_of_somebody(void **state)
{
	const struct lab_options o = {.auth = CLOUD_TOKEN};
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv,
		  (struct rule){"POST", ACTION, .status = 401, .body = "{}"});
	LAB_FAILS(&l, nova_server_stop(l.s, LAB_UUID, &l.e), ERR_REFUSED);
	/* it cannot be renewed: no second try */
	assert_int_equal(server_count(l.srv, "POST " AUTH), 1);
	assert_int_equal(server_count(l.srv, "POST " ACTION), 1);
	assert_non_null(strstr(server_last(l.srv, "POST " AUTH),
			       "\"token\":{\"id\":\"s3cret"));
	lab_close(&l);
}

static int64_t skew;

static int64_t later(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + skew;
}

static void test_renewal(void **state)
{
	const struct lab_options o = {.life_s = 1000};
	const struct clock_ops ops = {.mono_us = later};
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body});
	clock_set_ops(&ops);
	skew = 0;
	LAB_OK(&l, get(&l));
	skew = INT64_C(890000000); /* a tenth is 100 s */
	LAB_OK(&l, get(&l));
	assert_int_equal(server_count(l.srv, "POST " AUTH), 1);
	skew = INT64_C(901000000);
	LAB_OK(&l, get(&l));
	assert_int_equal(server_count(l.srv, "POST " AUTH), 2);
	assert_non_null(strstr(server_last(l.srv, "GET " SERVER), "tok-2"));
	clock_set_ops(NULL);
	lab_close(&l);
}

/* Keystone is away when the token is about to end: it is used on. */
static void test_renewal_fails(void **state)
{
	const struct lab_options o = {.life_s = 1000, .no_keystone = true};
	const struct clock_ops ops = {.mono_us = later};
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	l.token = lab_token(server_url(l.srv), &o);
	server_on(l.srv,
		  (struct rule){"POST", AUTH, .status = 201, .body = l.token,
				.headers = "X-Subject-Token: tok-1\r\n",
				.times = 1});
	server_on(l.srv, (struct rule){"POST", AUTH, .status = 503});
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body});
	clock_set_ops(&ops);
	skew = 0;
	LAB_OK(&l, get(&l));
	skew = INT64_C(950000000);
	LAB_OK(&l, get(&l));
	assert_true(server_count(l.srv, "POST " AUTH) > 1);
	skew = INT64_C(1001000000); /* over */
	LAB_FAILS(&l, get(&l), ERR_RETRY);
	clock_set_ops(NULL);
	lab_close(&l);
}

/* --- tries */

static void test_503_then_fine(void **state)
{
	struct lab l;
	int64_t start = clock_mono_us();

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv,
		  (struct rule){"GET", SERVER, .status = 503,
				.headers = "Retry-After: 1\r\n", .times = 1});
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body});
	LAB_OK(&l, get(&l));
	assert_int_equal(server_count(l.srv, "GET " SERVER), 2);
	assert_true(clock_mono_us() - start >= 1000000);
	lab_close(&l);
}

/* A Retry-After beyond the deadline is not waited for. */
static void test_503_too_late(void **state)
{
	const struct lab_options o = {.api.call_us = 2000000};
	struct lab l;
	int64_t start;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv, (struct rule){"GET", SERVER, .status = 503,
				       .headers = "Retry-After: 60\r\n"});
	start = clock_mono_us();
	LAB_FAILS(&l, get(&l), ERR_RETRY);
	LAB_SAYS(&l, "503 Service Unavailable");
	assert_true(clock_mono_us() - start < 2000000);
	assert_int_equal(server_count(l.srv, "GET " SERVER), 1);
	lab_close(&l);
}

static void test_change_503(void **state)
{
	struct lab l;
	struct api_call c = thing(API_POST);

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"POST", THING, .status = 503});
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	assert_int_equal(server_count(l.srv, "POST " THING), 1);
	/* idempotent: again, and still unknown */
	c.idempotent = true;
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	assert_int_equal(server_count(l.srv, "POST " THING), 5);
	lab_close(&l);
}

static void test_change_429(void **state)
{
	struct lab l;
	struct api_call c = thing(API_POST);

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv,
		  (struct rule){"POST", THING, .status = 429, .times = 1});
	server_on(l.srv,
		  (struct rule){"POST", THING, .status = 413,
				.headers = "Retry-After: 1\r\n", .times = 1});
	server_on(l.srv, (struct rule){"POST", THING, .status = 201});
	LAB_OK(&l, call(&l, &c));
	assert_int_equal(server_count(l.srv, "POST " THING), 3);
	lab_close(&l);
}

static void test_cut(void **state)
{
	struct lab l;
	struct api_call c = thing(API_POST);

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv,
		  (struct rule){"GET", SERVER, .how = RULE_CUT, .times = 1});
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body,
				       .how = RULE_HALF, .times = 1});
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body});
	server_on(l.srv, (struct rule){"POST", THING, .how = RULE_CUT});
	LAB_OK(&l, get(&l));
	assert_int_equal(server_count(l.srv, "GET " SERVER), 3);
	/* read, and cut: once, and unknown */
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	assert_int_equal(server_count(l.srv, "POST " THING), 1);
	/* dropped when it has hardly begun: once, and unknown */
	c.method = API_PUT;
	server_drop(l.srv, 1);
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	assert_int_equal(server_count(l.srv, "PUT " THING), 0);
	lab_close(&l);
}

/* An idempotent change that is cut, and then refused: the first may have been
 * carried out. */
static void test_cut_then_refused(void **state)
{
	struct lab l;
	struct api_call c = thing(API_PUT);

	(void)state;
	lab_open(&l, NULL);
	c.idempotent = true;
	server_on(l.srv,
		  (struct rule){"PUT", THING, .how = RULE_CUT, .times = 1});
	server_on(l.srv,
		  (struct rule){"PUT", THING, .status = 409, .body = "{}"});
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	LAB_SAYS(&l, "an earlier try may have been carried out");
	assert_int_equal(server_count(l.srv, "PUT " THING), 2);
	lab_close(&l);
}

/* libcurl would send a change again over a dead kept connection: it is read
 * once and cut. */
static void test_no_second_send(void **state)
{
	struct lab l;
	struct api_call g = thing(API_GET), c = thing(API_POST);

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"GET", THING, .body = "{}"});
	server_on(l.srv, (struct rule){"POST", THING, .how = RULE_CUT});
	LAB_OK(&l, call(&l, &g)); /* a connection that is kept alive */
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	assert_int_equal(server_count(l.srv, "POST " THING), 1);
	lab_close(&l);
}

static void test_refused(void **state)
{
	const struct lab_options o = {.api.call_us = 1500000};
	struct api_call c = thing(API_POST);
	struct server *gone;
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	gone = server_start(&(struct server_options){.delay_ms = 1});
	api_close(l.s);
	l.cloud.override[CLOUD_NETWORK] = mem_strdup(server_url(gone));
	server_stop(gone);
	l.s = api_open(&l.cloud, &o.api, &l.e);
	LAB_FAILS(&l, call(&l, &c), ERR_RETRY);
	LAB_SAYS(&l, "doing a thing: network: POST /thing: ");
	lab_close(&l);
}

/* Nothing listens yet: a change is tried again, for it was never sent. */
static void test_late_listener(void **state)
{
	struct api_call c = thing(API_POST);
	struct server *late;
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	LAB_OK(&l, api_whoami(l.s, &(struct api_identity){0}, &l.e));
	late = server_start(&(struct server_options){.delay_ms = 700});
	server_on(late, (struct rule){"POST", "/v2.0/thing", .status = 201});
	api_close(l.s);
	l.cloud.override[CLOUD_NETWORK] = mem_strdup(server_url(late));
	l.s = api_open(&l.cloud, NULL, &l.e);
	LAB_OK(&l, call(&l, &c));
	assert_int_equal(server_count(late, "POST /v2.0/thing"), 1);
	server_stop(late);
	lab_close(&l);
}

static void test_slow(void **state)
{
	const struct lab_options o = {.api.call_us = 1500000};
	struct api_call c = thing(API_POST);
	struct lab l;
	int64_t start;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv, (struct rule){"GET", SERVER, .how = RULE_SLOW});
	server_on(l.srv, (struct rule){"POST", THING, .how = RULE_SLOW});
	start = clock_mono_us();
	LAB_FAILS(&l, get(&l), ERR_RETRY);
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	assert_in_range(clock_mono_us() - start, 2000000, 6000000);
	lab_close(&l);
}

static void test_huge(void **state)
{
	const struct lab_options o = {.api.body_max = 100000};
	struct api_call c = thing(API_POST);
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv, (struct rule){"GET", SERVER, .how = RULE_HUGE});
	server_on(l.srv, (struct rule){"POST", THING, .how = RULE_HUGE});
	LAB_FAILS(&l, get(&l), ERR_FAILED);
	LAB_SAYS(&l, "more than 100000 bytes");
	assert_int_equal(server_count(l.srv, "GET " SERVER), 1);
	LAB_FAILS(&l, call(&l, &c), ERR_LOST);
	lab_close(&l);
}

static void test_interrupted(void **state)
{
	struct api_call c = thing(API_POST);
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"GET", SERVER, .how = RULE_SLOW});
	server_on(l.srv, (struct rule){"POST", THING, .status = 201});
	LAB_OK(&l, call(&l, &c)); /* token and endpoint */
	stop_set(true);
	LAB_FAILS(&l, get(&l), ERR_INTERRUPTED);
	LAB_OK(&l, call(&l, &c)); /* a change is not stopped half way */
	stop_set(false);
	lab_close(&l);
}

/* --- redirects */

static void test_redirects(void **state)
{
	static const char body[] = "{\"port\": {}}";
	AUTO(mem_freep) char *out = NULL;
	struct api_call g = thing(API_GET), c = thing(API_POST);
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	out = mem_printf("Location: http://127.0.0.2:%d/x\r\n",
			 server_port(l.srv));
	server_on(l.srv,
		  (struct rule){"GET", THING, .status = 302,
				.headers = "Location: /there\r\n", .times = 1});
	server_on(l.srv, (struct rule){"GET", "/there", .body = body});
	server_on(l.srv, (struct rule){"POST", THING, .status = 307,
				       .headers = "Location: /there\r\n"});
	LAB_OK(&l, call(&l, &g));
	assert_int_equal(server_count(l.srv, "GET /there"), 1);
	/* a change is not repeated elsewhere */
	LAB_FAILS(&l, call(&l, &c), ERR_FAILED);
	LAB_SAYS(&l, "307 Redirect: not followed to /there");
	assert_int_equal(server_count(l.srv, "POST /there"), 0);
	/* another host would get our token */
	server_on(l.srv,
		  (struct rule){"GET", THING, .status = 302, .headers = out});
	LAB_FAILS(&l, call(&l, &g), ERR_FAILED);
	LAB_SAYS(&l, "not followed to http://127.0.0.2");
	lab_close(&l);
}

static void test_redirect_loop(void **state)
{
	struct api_call g = thing(API_GET);
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	server_on(l.srv, (struct rule){"GET", THING, .status = 301,
				       .headers = "Location: thing\r\n"});
	LAB_FAILS(&l, call(&l, &g), ERR_FAILED);
	assert_int_equal(server_count(l.srv, "GET " THING), 4);
	lab_close(&l);
}

/* --- words and kinds */

static void test_statuses(void **state)
{
	static const struct {
		int status;
		enum err_kind kind;
		int sys;
		const char *body, *says;
	} cases[] = {
		{400, ERR_FAILED, 0,
		 "{\"badRequest\": {\"code\": 400, \"message\": \"no such "
		 "device\"}}",
		 "400 Bad Request: no such device (req-9)"},
		{403, ERR_REFUSED, EACCES,
		 "{\"forbidden\": {\"message\": \"Policy doesn't allow it\"}}",
		 "403 Forbidden: Policy doesn't allow it"},
		{404, ERR_FAILED, ENOENT,
		 "{\"NeutronError\": {\"type\": \"PortNotFound\", "
		 "\"message\": \"Port x\", \"detail\": \"\"}}",
		 "404 Not Found: Port x"},
		{409, ERR_CONFLICT, EEXIST,
		 "{\"errors\": [{\"status\": 409, \"title\": \"Conflict\", "
		 "\"detail\": \"consumer\\ngeneration\"}]}",
		 "409 Conflict: consumer generation"},
		{412, ERR_CONFLICT, ESTALE, "", "412 Precondition Failed"},
		{413, ERR_FAILED, 0, "", "413"},
		{500, ERR_LOST, 0,
		 "{\"computeFault\": {\"message\": \"Unexpected\"}}",
		 "500 Internal Server Error: Unexpected"},
		{502, ERR_LOST, 0,
		 "<html><head><title>502</title></head>\n<b>Bad</b></html>",
		 "502 Bad Gateway: 502 Bad (req-9)"},
		{501, ERR_LOST, 0, "[]", "501 Not Implemented (req-9)"},
	};
	struct api_call c = thing(API_POST);
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		server_on(l.srv,
			  (struct rule){"POST", THING,
					.status = cases[i].status,
					.body = cases[i].body,
					.headers = "x-compute-request-id: "
						   "req-9\r\n",
					.times = 1});
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		LAB_FAILS(&l, call(&l, &c), cases[i].kind);
		assert_int_equal(l.e.sys, cases[i].sys);
		LAB_SAYS(&l, cases[i].says);
		LAB_SAYS(&l, "doing a thing: network: POST /thing: ");
	}
	lab_close(&l);
}

static void test_garbage(void **state)
{
	static const char *const bodies[] = {
		"",
		"{\"server\": {\"id\": \"0e4",
		"[]",
		"{\"server\": 7}",
		"{\"server\": {\"id\": 7}}",
		"{\"servers\": []}",
		"{\"server\": {\"id\": \"x\", \"fault\": []}}",
	};
	struct lab l;

	(void)state;
	lab_open(&l, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		server_on(l.srv, (struct rule){"GET", SERVER, .body = bodies[i],
					       .times = 1});
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		LAB_FAILS(&l, get(&l), ERR_FAILED);
		LAB_SAYS(&l, "unexpected answer");
		LAB_SAYS(&l, "compute: GET /servers/" LAB_UUID);
	}
	lab_close(&l);
}

static void test_garbage_token(void **state)
{
	static const struct rule rules[] = {
		{"POST", AUTH, .status = 201, .body = "{\"token\": {"},
		{"POST", AUTH, .status = 201, .body = "{\"token\": {}}"},
		{"POST", AUTH, .status = 300, .body = "{}"},
		{"POST", AUTH, .status = 201,
		 .body = "{\"token\": {\"catalog\": {}}}",
		 .headers = "X-Subject-Token: t\r\n"},
	};
	const struct lab_options o = {.no_keystone = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct lab l;

		lab_open(&l, &o);
		server_on(l.srv, rules[i]);
		LAB_FAILS(&l, get(&l), ERR_FAILED);
		LAB_SAYS(&l, "cloud lab: asking Keystone");
		lab_close(&l);
	}
}

static void test_no_service(void **state)
{
	struct api_version v;
	struct lab l;
	bool has;

	(void)state;
	lab_open(&l, NULL);
	api_close(l.s);
	mem_free(l.cloud.region);
	l.cloud.region = mem_strdup("R9");
	l.s = api_open(&l.cloud, NULL, &l.e);
	LAB_OK(&l, api_has(l.s, CLOUD_VOLUME, &has, &l.e));
	assert_false(has);
	LAB_FAILS(&l, api_version(l.s, CLOUD_VOLUME, &v, &l.e), ERR_REFUSED);
	LAB_SAYS(&l, "no public endpoint of type block-storage (region R9)");
	lab_close(&l);
}

/* --- TLS */

static void test_tls(void **state)
{
	struct lab_options o = {.server.tls = true};
	struct lab l;

	(void)state;
	lab_open(&l, &o);
	server_on(l.srv, (struct rule){"GET", SERVER, .body = server_body});
	LAB_OK(&l, get(&l));
	lab_close(&l);
	/* a CA that nobody named */
	o.no_ca = true;
	lab_open(&l, &o);
	LAB_FAILS(&l, get(&l), ERR_REFUSED);
	LAB_SAYS(&l, "TLS: ");
	assert_non_null(strstr(l.e.hint, "OS_CACERT"));
	assert_int_equal(server_count(l.srv, ""), 0);
	lab_close(&l);
	/* a certificate for somebody else */
	o.no_ca = false;
	o.server.wrong_name = true;
	lab_open(&l, &o);
	LAB_FAILS(&l, get(&l), ERR_REFUSED);
	assert_int_equal(server_count(l.srv, ""), 0);
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_icehouse),
		cmocka_unit_test(test_keystone_v2),
		cmocka_unit_test(test_401_once),
		cmocka_unit_test(test_401_for_good),
		cmocka_unit_test(test_wrong_password),
		cmocka_unit_test(test_token_of_somebody),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_renewal_fails),
		cmocka_unit_test(test_503_then_fine),
		cmocka_unit_test(test_503_too_late),
		cmocka_unit_test(test_change_503),
		cmocka_unit_test(test_change_429),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_then_refused),
		cmocka_unit_test(test_no_second_send),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_late_listener),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_redirect_loop),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_garbage_token),
		cmocka_unit_test(test_no_service),
		cmocka_unit_test(test_tls),
	};

	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
