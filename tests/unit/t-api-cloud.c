/* SPDX-License-Identifier: Apache-2.0 */
/* clouds.yaml, secure.yaml and OS_*: search, merging, and what is refused. */
#include "unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/cloud.h"
#include "api/json_priv.h"
#include "api/token_priv.h"

static struct cloud c;
static struct err e;

static int reset(void **state)
{
	(void)state;
	cloud_clear(&c);
	err_clear(&e);
	return 0;
}

static int parse(const char *clouds, const char *secure,
		 const struct cloud_options *o)
{
	static const struct cloud_options none;
	struct cloud_text t = {"/x/clouds.yaml", clouds,
			       clouds ? strlen(clouds) : 0};
	struct cloud_text s = {"/x/secure.yaml", secure,
			       secure ? strlen(secure) : 0};

	cloud_clear(&c);
	err_clear(&e);
	return cloud_parse(clouds ? &t : NULL, secure ? &s : NULL,
			   o ? o : &none, &c, &e);
}

#define OK(call)                                                               \
	do {                                                                   \
		if (call)                                                      \
			fail_msg("%s", err_msg(&e));                           \
	} while (0)

static void fails(int rc, enum err_kind kind, const char *words)
{
	assert_int_equal(rc, -1);
	if (e.kind != kind || !strstr(err_msg(&e), words))
		fail_msg("%s: %s", err_kind_name(e.kind), err_msg(&e));
	assert_null(c.password);
}

static const char usual[] =
	"# a comment\n"
	"cache: {auth: true}\n"
	"clouds:\n"
	"  prod:\n"
	"    auth:\n"
	"      auth_url: https://cloud.example:5000/v3\n"
	"      username: admin\n"
	"      project_name: admin\n"
	"      user-domain-name: Default\n"
	"      project_domain_id: default\n"
	"    region_name: RegionOne\n"
	"    interface: internal\n"
	"    volume_endpoint_type: publicURL\n"
	"    compute_endpoint_override: http://nova.example/v2.1\n"
	"    cacert: ~/ca.pem\n"
	"    something_else: [1, {a: b}]\n";

static void test_usual(void **state)
{
	const char *const env[] = {"HOME=/home-of", NULL};
	const struct cloud_options o = {.env = env};

	(void)state;
	OK(parse(usual,
		 "clouds: {prod: {auth: {password: 0123}}, other: {x: y}}",
		 &(struct cloud_options){.env = env, .name = "prod"}));
	assert_string_equal(c.name, "prod");
	assert_string_equal(c.file, "/x/clouds.yaml");
	assert_string_equal(c.auth_url, "https://cloud.example:5000/v3");
	assert_int_equal(c.auth, CLOUD_PASSWORD);
	assert_string_equal(c.password, "0123"); /* as it is written */
	assert_string_equal(c.user_domain_name, "Default");
	assert_string_equal(c.project_domain_id, "default");
	assert_null(c.project_domain_name);
	assert_string_equal(c.region, "RegionOne");
	assert_int_equal(c.interface[CLOUD_COMPUTE], CLOUD_INTERNAL);
	assert_int_equal(c.interface[CLOUD_VOLUME], CLOUD_PUBLIC);
	assert_string_equal(c.override[CLOUD_COMPUTE],
			    "http://nova.example/v2.1");
	assert_string_equal(c.cacert, "/home-of/ca.pem");
	/* secure.yaml is missing */
	fails(parse(usual, NULL, &o), ERR_USAGE, "the password is missing");
	assert_non_null(strstr(err_msg(&e), "secure.yaml"));
}

#define AUTH_OF(who)                                                           \
	"{auth: {auth_url: http://k/v3, username: " who                        \
	", password: p, project_id: 7}}"

static void test_which(void **state)
{
	static const char two[] =
		"clouds: {a: " AUTH_OF("ua") ", b: " AUTH_OF("ub") "}";
	static const char one[] = "clouds: {a: " AUTH_OF("ua") "}";
	const char *const by_env[] = {"OS_CLOUD=b", "OS_REGION_NAME=R", NULL};
	const char *const own[] = {"OS_AUTH_URL=http://e", "OS_USERNAME=ue",
				   "OS_PASSWORD=pe",	   "OS_TENANT_NAME=t",
				   "OS_TEST_X=1",	   NULL};
	const char *const both[] = {"OS_CLOUD=a", "OS_PASSWORD=other", NULL};
	const char *const clash[] = {"OS_CLOUD_NAME=a", "OS_PASSWORD=x", NULL};

	(void)state;
	fails(parse(two, NULL, NULL), ERR_USAGE, "clouds.yaml has a, b");
	OK(parse(one, NULL, NULL));
	assert_string_equal(c.username, "ua");
	assert_string_equal(c.project_id, "7");
	OK(parse(two, NULL, &(struct cloud_options){.env = by_env}));
	assert_string_equal(c.username, "ub");
	assert_null(c.region); /* OS_REGION_NAME is not of this cloud */
	OK(parse(two, NULL,
		 &(struct cloud_options){.env = by_env, .name = "a"}));
	assert_string_equal(c.username, "ua");
	/* OS_* alone win over several clouds without a choice */
	OK(parse(two, NULL, &(struct cloud_options){.env = own}));
	assert_string_equal(c.name, "envvars");
	assert_string_equal(c.username, "ue");
	assert_string_equal(c.project_name, "t");
	/* they do not mix into a cloud of a file */
	OK(parse(two, NULL, &(struct cloud_options){.env = both}));
	assert_string_equal(c.password, "p");
	fails(parse(two, NULL, &(struct cloud_options){.env = clash}),
	      ERR_USAGE, "which is the name of the one in the environment");
	fails(parse(two, NULL, &(struct cloud_options){.name = "z"}), ERR_USAGE,
	      "no cloud named z");
	fails(parse(NULL, NULL, NULL), ERR_USAGE, "there is no clouds.yaml");
	assert_non_null(e.hint);
}

static void test_env(void **state)
{
	const char *const env[] = {
		"OS_AUTH_URL=http://10.77.0.1:5000/v3",
		"OS_USERNAME=admin",
		"OS_PASSWORD=labpw",
		"OS_PROJECT_NAME=admin",
		"OS_USER_DOMAIN_NAME=Default",
		"OS_PROJECT_DOMAIN_NAME=Default",
		"OS_IDENTITY_API_VERSION=3",
		"OS_REGION_NAME=RegionOne",
		"OS_COMPUTE_API_VERSION=2.92",
		"OS_INTERFACE=admin",
		"OS_CACERT=/etc/ca.pem",
		"OS_DATABASE__CONNECTION=mysql://u:p@h/d",
		"OS_PROJECT_ID=",
		"HOME=/root",
		NULL,
	};

	(void)state;
	OK(parse(NULL, NULL, &(struct cloud_options){.env = env}));
	assert_null(c.file);
	assert_string_equal(c.password, "labpw");
	assert_string_equal(c.region, "RegionOne");
	assert_string_equal(c.user_domain_name, "Default");
	assert_null(c.project_id);
	assert_int_equal(c.interface[CLOUD_PLACEMENT], CLOUD_ADMIN);
	assert_string_equal(c.cacert, "/etc/ca.pem");
}

static void test_precedence(void **state)
{
	(void)state;
	/* project_* before tenant_*; beside "auth" before within; "auth" first
	 * for the plugin's other options */
	OK(parse("clouds: {a: {auth: {auth_url: 'http://k', username: in, "
		 "password: p, tenant_name: t, project_name: p1}, username: "
		 "out, project_name: p2}}",
		 NULL, NULL));
	assert_string_equal(c.project_name, "p2");
	assert_string_equal(c.username, "in");
	/* one domain for both, but not over what is said */
	OK(parse("clouds: {a: {domain_name: D, auth: {auth_url: 'http://k', "
		 "username: u, password: p, project_name: x, "
		 "user_domain_name: U}}}",
		 NULL, NULL));
	assert_string_equal(c.user_domain_name, "U");
	assert_string_equal(c.project_domain_name, "D");
	assert_null(c.domain_name);
	/* no project: it is the scope */
	OK(parse("clouds: {a: {auth: {auth_url: 'http://k', username: u, "
		 "password: p, domain_id: d9}}}",
		 NULL, NULL));
	assert_string_equal(c.domain_id, "d9");
	fails(parse("clouds: {a: {auth: {auth_url: 'http://k', username: u, "
		    "password: p}}}",
		    NULL, NULL),
	      ERR_USAGE, "a token without a project has no catalog");
}

static void test_regions(void **state)
{
	static const char list[] =
		"clouds:\n  a:\n    auth: {auth_url: 'http://k/v3', username: "
		"u, password: p, project_id: x}\n    regions:\n    - one\n"
		"    - name: two\n      values:\n        interface: internal\n"
		"        auth: {project-id: y}\n";
	static const char comma[] =
		"clouds: {a: {region_name: 'r1,r2', auth: {auth_url: "
		"'http://k', username: u, password: p, project_id: x}}}";

	(void)state;
	OK(parse(list, NULL, NULL));
	assert_string_equal(c.region, "one");
	OK(parse(list, NULL, &(struct cloud_options){.region = "two"}));
	assert_string_equal(c.region, "two");
	assert_int_equal(c.interface[CLOUD_COMPUTE], CLOUD_INTERNAL);
	assert_string_equal(c.project_id, "y");
	fails(parse(list, NULL, &(struct cloud_options){.region = "three"}),
	      ERR_USAGE, "it has no region three");
	OK(parse(comma, NULL, NULL));
	assert_string_equal(c.region, "r1");
	OK(parse(comma, NULL, &(struct cloud_options){.region = "r2"}));
	assert_string_equal(c.region, "r2");
	fails(parse(comma, NULL, &(struct cloud_options){.region = "r"}),
	      ERR_USAGE, "no region r");
}

static void test_kinds(void **state)
{
	(void)state;
	OK(parse("clouds: {a: {auth_type: v3applicationcredential, auth: "
		 "{auth_url: 'http://k', application_credential_id: i, "
		 "application_credential_secret: s}}}",
		 NULL, NULL));
	assert_int_equal(c.auth, CLOUD_CREDENTIAL);
	assert_string_equal(c.password, "s");
	OK(parse("clouds: {a: {auth: {auth_url: 'http://k', "
		 "application_credential_name: n, username: u, "
		 "application_credential_secret: s}}}",
		 NULL, NULL));
	assert_int_equal(c.auth, CLOUD_CREDENTIAL);
	OK(parse("clouds: {a: {auth_type: v2token, auth: {auth_url: "
		 "'http://k', token: tok, tenant_id: x}}}",
		 NULL, NULL));
	assert_int_equal(c.auth, CLOUD_TOKEN);
	assert_true(c.only_v2);
	OK(parse("clouds: {a: {auth_plugin: password, auth: {auth_url: "
		 "'http://k', user_id: u, password: p, system_scope: all}}}",
		 NULL, NULL));
	assert_true(c.system_scope);
	fails(parse("clouds: {a: {auth_type: v3oidcpassword, auth: {auth_url: "
		    "'http://k'}}}",
		    NULL, NULL),
	      ERR_REFUSED, "auth_type v3oidcpassword is not supported");
	fails(parse("clouds: {a: {auth: {auth_url: 'http://k', username: u, "
		    "password: sesame, trust_id: t}}}",
		    NULL, NULL),
	      ERR_REFUSED, "trust_id is not supported");
	fails(parse("clouds: {a: {auth_type: v3applicationcredential, auth: "
		    "{auth_url: 'http://k', application_credential_secret: "
		    "s}}}",
		    NULL, NULL),
	      ERR_USAGE, "application_credential_id is missing");
}

static void test_refused(void **state)
{
	static const char sure[] =
		"clouds: {a: {insecure: true, auth: {auth_url: 'https://k', "
		"username: u, password: p, project_id: x}}}";
	static const char verify[] =
		"clouds: {a: {verify: false, auth: {auth_url: 'https://k', "
		"username: u, password: p, project_id: x}}}";

	(void)state;
	fails(parse(sure, NULL, NULL), ERR_REFUSED, "certificate checks off");
	fails(parse(verify, NULL, NULL), ERR_REFUSED, "certificate checks off");
	OK(parse(sure, NULL, &(struct cloud_options){.allow_insecure = true}));
	assert_true(c.insecure);
	fails(parse("clouds: {a: {profile: vexxhost, auth: {username: u, "
		    "password: p, project_id: x}}}",
		    NULL, NULL),
	      ERR_REFUSED, "profile vexxhost: vendor profiles are not");
	fails(parse("clouds: {a: {interface: inner, auth: {auth_url: "
		    "'http://k', username: u, password: p, project_id: x}}}",
		    NULL, NULL),
	      ERR_USAGE, "interface inner");
	fails(parse("clouds: {a: {auth: {auth_url: 'http://u:p@k', username: "
		    "u, password: p, project_id: x}}}",
		    NULL, NULL),
	      ERR_USAGE, "not a plain http or https URL");
	fails(parse("clouds: {a: {auth: {auth_url: 'file:///etc', username: "
		    "u, password: p, project_id: x}}}",
		    NULL, NULL),
	      ERR_USAGE, "not a plain http or https URL");
	fails(parse("clouds: {a: {auth: {username: u, password: sesame, "
		    "project_id: x}}}",
		    NULL, NULL),
	      ERR_USAGE, "auth_url is missing");
	assert_null(strstr(err_msg(&e), "sesame"));
}

static void test_broken(void **state)
{
	static const char *const bad[] = {
		"clouds:\n  a: [sesame\n",
		"- clouds",
		"clouds: 7",
		"clouds: {a: sesame}",
		"clouds: {a: {auth: s}}",
		"clouds: {a: {auth: [s]}}",
		"clouds:\n\ta: b\n",
		"{? [sesame] : 1}",
		"clouds: {a: {<<: sesame}}",
		"clouds: \"\\0\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse(bad[i], NULL, NULL), -1);
		if (e.kind != ERR_USAGE || strstr(err_msg(&e), "sesame"))
			fail_msg("%s: %s", bad[i], err_msg(&e));
	}
	fails(parse("clouds:\n  a: [sesame\n", NULL, NULL), ERR_USAGE,
	      "/x/clouds.yaml:");
	fails(parse(NULL, "clouds: {a: {b", NULL), ERR_USAGE,
	      "/x/secure.yaml:");
}

static void test_yaml(void **state)
{
	AUTO(buf_clear) struct buf deep = BUF_INIT;

	(void)state;
	/* anchors, aliases and merge keys */
	OK(parse("base: &b\n  auth: &au {auth_url: 'http://k', username: u, "
		 "project_id: x, password: p}\n  interface: admin\nclouds:\n"
		 "  a:\n    <<: *b\n    interface: internal\n",
		 NULL, NULL));
	assert_string_equal(c.username, "u");
	assert_int_equal(c.interface[CLOUD_COMPUTE], CLOUD_INTERNAL);
	/* an alias of itself, and one that multiplies */
	fails(parse("clouds: &c {a: *c}", NULL, NULL), ERR_USAGE, "too deep");
	fails(parse("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,"
		    "*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d "
		    "[*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d]",
		    NULL, NULL),
	      ERR_USAGE, "too large");
	for (int i = 0; i < 100; i++)
		buf_putc(&deep, '[');
	fails(parse(buf_str(&deep), NULL, NULL), ERR_USAGE, "");
}

static void test_json(void **state)
{
	static const char text[] =
		"{\"clouds\": {\"a\": {\"auth\": {\"auth_url\": \"http://k\", "
		"\"username\": \"u\", \"password\": 12, \"project_id\": "
		"\"x\"}}}}";
	struct cloud_text t = {"/x/clouds.json", text, strlen(text)};
	struct cloud_options o = {0};

	(void)state;
	OK(cloud_parse(&t, NULL, &o, &c, &e));
	assert_string_equal(c.password, "12");
	cloud_clear(&c);
	t.len = 20;
	fails(cloud_parse(&t, NULL, &o, &c, &e), ERR_USAGE,
	      "/x/clouds.json:1: not JSON");
}

/* --- the search */

static char dir[] = "/tmp/nh-cloud-XXXXXX";

static void put(const char *path, const char *user)
{
	AUTO(mem_freep) char *full = mem_printf("%s/%s", dir, path);
	FILE *f;

	for (char *p = full + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0700);
		*p = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	if (user)
		fprintf(f,
			"clouds: {a: {auth: {auth_url: 'http://k', username: "
			"%s, project_id: x}}}\n",
			user);
	else
		fprintf(f, "clouds: {a: {auth: {password: p}}}\n");
	fclose(f);
}

static void expect(const struct cloud_options *o, const char *user)
{
	cloud_clear(&c);
	OK(cloud_load(o, &c, &e));
	assert_string_equal(c.username, user);
}

static void test_search(void **state)
{
	AUTO(mem_freep) char *home = NULL;
	AUTO(mem_freep) char *xdg = NULL;
	AUTO(mem_freep) char *cwd = NULL;
	AUTO(mem_freep) char *own = NULL;
	const char *env[4] = {0};
	struct cloud_options o = {.env = env, .root = dir};

	(void)state;
	assert_non_null(mkdtemp(dir));
	home = mem_printf("HOME=%s/home", dir);
	xdg = mem_printf("XDG_CONFIG_HOME=%s/xdg", dir);
	cwd = mem_printf("%s/cwd", dir);
	own = mem_printf("OS_CLIENT_CONFIG_FILE=%s/own.yaml", dir);
	env[0] = home;
	env[1] = xdg;
	o.cwd = cwd;
	fails(cloud_load(&o, &c, &e), ERR_USAGE, "no credentials");
	err_clear(&e);
	put("etc/openstack/secure.yaml", NULL);
	put("etc/openstack/clouds.yml", "etc");
	expect(&o, "etc");
	put("etc/xdg/openstack/clouds.json", "json");
	/* flow YAML is no JSON: it is read, and refused, not skipped */
	cloud_clear(&c);
	fails(cloud_load(&o, &c, &e), ERR_USAGE, "not JSON");
	err_clear(&e);
	put("home/.config/openstack/clouds.yaml", "home");
	expect(&o, "home");
	put("xdg/openstack/clouds.yaml", "xdg");
	expect(&o, "xdg");
	put("cwd/clouds.yml", "cwd");
	expect(&o, "cwd");
	put("own.yaml", "own");
	env[2] = own;
	expect(&o, "own");
	assert_string_equal(c.file + strlen(dir), "/own.yaml");
}

static int remove_dir(void **state)
{
	static const char *const names[] = {
		"own.yaml",
		"cwd/clouds.yml",
		"cwd",
		"xdg/openstack/clouds.yaml",
		"xdg/openstack",
		"xdg",
		"home/.config/openstack/clouds.yaml",
		"home/.config/openstack",
		"home/.config",
		"home",
		"etc/xdg/openstack/clouds.json",
		"etc/xdg/openstack",
		"etc/xdg",
		"etc/openstack/clouds.yml",
		"etc/openstack/secure.yaml",
		"etc/openstack",
		"etc",
		"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(mem_freep) char *p = mem_printf("%s/%s", dir, names[i]);

		remove(p);
	}
	return reset(state);
}

/* --- what Keystone is asked */

static void asks(bool v2, const char *body)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	token_request(&c, v2, &b);
	assert_string_equal(buf_str(&b), body);
	assert_true(json_is_text(buf_str(&b)));
}

static void test_request(void **state)
{
	(void)state;
	OK(parse("clouds: {a: {auth: {auth_url: 'http://k', username: u, "
		 "password: \"p\\n\\\"\", project_name: x, user_domain_name: "
		 "U, project_domain_id: P}}}",
		 NULL, NULL));
	asks(false,
	     "{\"auth\":{\"identity\":{\"methods\":[\"password\"],"
	     "\"password\":{\"user\":{\"name\":\"u\",\"domain\":{\"name\":"
	     "\"U\"},\"password\":\"p\\u000a\\\"\"}}},\"scope\":{"
	     "\"project\":{\"name\":\"x\",\"domain\":{\"id\":\"P\"}}}}}");
	asks(true, "{\"auth\":{\"passwordCredentials\":{\"username\":\"u\","
		   "\"password\":\"p\\u000a\\\"\"},\"tenantName\":\"x\"}}");
	OK(parse("clouds: {a: {auth: {auth_url: 'http://k', "
		 "application_credential_name: n, user_id: u, "
		 "application_credential_secret: s}}}",
		 NULL, NULL));
	asks(false, "{\"auth\":{\"identity\":{\"methods\":["
		    "\"application_credential\"],\"application_credential\":{"
		    "\"name\":\"n\",\"user\":{\"id\":\"u\"},\"secret\":\"s\""
		    "}}}}");
	OK(parse("clouds: {a: {auth_type: token, auth: {auth_url: 'http://k', "
		 "token: t, project_id: x}}}",
		 NULL, NULL));
	asks(false, "{\"auth\":{\"identity\":{\"methods\":[\"token\"],"
		    "\"token\":{\"id\":\"t\"}},\"scope\":{\"project\":{"
		    "\"id\":\"x\"}}}}");
	OK(parse("clouds: {a: {auth: {auth_url: 'http://k', user_id: u, "
		 "password: p, system_scope: all}}}",
		 NULL, NULL));
	asks(false, "{\"auth\":{\"identity\":{\"methods\":[\"password\"],"
		    "\"password\":{\"user\":{\"id\":\"u\",\"password\":\"p\""
		    "}}},\"scope\":{\"system\":{\"all\":true}}}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_usual, reset),
		cmocka_unit_test_teardown(test_which, reset),
		cmocka_unit_test_teardown(test_env, reset),
		cmocka_unit_test_teardown(test_precedence, reset),
		cmocka_unit_test_teardown(test_regions, reset),
		cmocka_unit_test_teardown(test_kinds, reset),
		cmocka_unit_test_teardown(test_refused, reset),
		cmocka_unit_test_teardown(test_broken, reset),
		cmocka_unit_test_teardown(test_yaml, reset),
		cmocka_unit_test_teardown(test_json, reset),
		cmocka_unit_test_teardown(test_search, remove_dir),
		cmocka_unit_test_teardown(test_request, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
