/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What audit says of a world: one in which all agree, and each contradiction
 * alone.  Then the same while something is at work: not a word.
 */
#include "unit/unit.h"

#include <string.h>

#include "audit/audit.h"

/* Facts own their strings; these are literals that nobody frees. */
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"

#define U1 "11111111-1111-4111-8111-111111111111"
#define U2 "22222222-2222-4222-8222-222222222222" /* deleted */
#define MIG "99999999-9999-4999-8999-999999999999"
#define P30 "30303030-3030-4030-8030-303030303030"
#define P34 "34343434-3434-4434-8434-343434343434"

/* One active server with a volume on compute-30, and an idle compute-34.  The
 * spare elements are empty until a test takes them in. */
static struct {
	struct audit_facts f;
	struct audit_host hosts[3];
	struct audit_domain at30[2], at34[2];
	struct audit_dir in30[2], in34[2];
	struct audit_server servers[2];
	struct audit_migration migrations[2];
	struct audit_share shares[3];
	struct audit_port ports[2];
	struct audit_volume volumes[2];
	struct audit_attachment attachments[2];
	struct audit_unasked unasked[2];
	struct audit_found found;
} t;

static void hosts(void)
{
	t.at30[0] = (struct audit_domain){U1, AUDIT_RUN_UNKNOWN};
	t.in30[0] = (struct audit_dir){.uuid = U1, .suffix = ""};
	t.hosts[0] = (struct audit_host){.name = "compute-30",
					 .node = "compute-30.example",
					 .provider = P30,
					 .looked = true,
					 .domains = t.at30,
					 .n_domains = 1,
					 .dirs = t.in30,
					 .n_dirs = 1};
	t.hosts[1] = (struct audit_host){.name = "compute-34",
					 .node = "compute-34.example",
					 .provider = P34,
					 .looked = true,
					 .domains = t.at34,
					 .dirs = t.in34};
	t.f.hosts = t.hosts;
	t.f.n_hosts = 2;
}

static int up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	hosts();
	t.servers[0] = (struct audit_server){.uuid = U1,
					     .name = "web-1",
					     .host = "compute-30",
					     .node = "compute-30.example",
					     .vm_state = "active"};
	t.shares[0] = (struct audit_share){U1, P30};
	t.ports[0] = (struct audit_port){
		.id = "port-1", .server = U1, .host = "compute-30"};
	t.volumes[0] = (struct audit_volume){"vol-1", U1, "att-1"};
	t.attachments[0] =
		(struct audit_attachment){"att-1", "vol-1", U1, "compute-30"};
	t.f.servers = t.servers;
	t.f.migrations = t.migrations;
	t.f.shares = t.shares;
	t.f.ports = t.ports;
	t.f.volumes = t.volumes;
	t.f.attachments = t.attachments;
	t.f.unasked = t.unasked;
	t.f.n_servers = t.f.n_shares = t.f.n_ports = 1;
	t.f.n_volumes = t.f.n_attachments = 1;
	t.f.placement = t.f.network = t.f.volume = true;
	return 0;
}

static int down(void **state)
{
	(void)state;
	audit_found_clear(&t.found);
	strv_clear(&t.f.deleted);
	for (size_t i = 0; i < 3; i++)
		strv_clear(&t.hosts[i].copies);
	return 0;
}

static void find(void)
{
	audit_found_clear(&t.found);
	audit_find(&t.f, &t.found);
}

static void nothing(void)
{
	find();
	for (size_t i = 0; i < t.found.n; i++)
		fail_msg("%s: %s", t.found.v[i].kind, t.found.v[i].message);
}

/* Exactly one finding; every one has a message, and says what to type unless it
 * is for information. */
static const struct audit_finding *only(const char *kind,
					enum audit_severity severity,
					enum audit_fix fix)
{
	const struct audit_finding *x;

	find();
	for (size_t i = 0; i < t.found.n; i++)
		if (strcmp(t.found.v[i].kind, kind) != 0)
			fail_msg("%s, wanted %s", t.found.v[i].kind, kind);
	assert_int_equal(t.found.n, 1);
	x = &t.found.v[0];
	assert_string_equal(audit_severity_name(x->severity),
			    audit_severity_name(severity));
	assert_int_equal(x->fix, fix);
	assert_non_null(x->message);
	if (severity != AUDIT_INFO)
		assert_non_null(x->hint);
	return x;
}

static bool has(const char *kind)
{
	for (size_t i = 0; i < t.found.n; i++)
		if (!strcmp(t.found.v[i].kind, kind))
			return true;
	return false;
}

static void clean(void **state)
{
	(void)state;
	nothing();
}

/* ---- records of evacuations */

static void evacuated(const char *from, const char *status)
{
	t.migrations[0] = (struct audit_migration){.id = 7,
						   .uuid = MIG,
						   .instance = U1,
						   .status = (char *)status,
						   .source = (char *)from,
						   .dest = "compute-x",
						   .armed = true};
	t.f.n_migrations = 1;
}

static void armed_at_home(void **state)
{
	const struct audit_finding *x;

	(void)state;
	evacuated("compute-30", "done");
	x = only("evacuation-armed", AUDIT_CRITICAL, AUDIT_FIX_EVACUATION);
	assert_int_equal(x->id, 7);
	assert_string_equal(x->from, "done");
	assert_string_equal(x->host, "compute-30");
	assert_string_equal(x->server, U1);
	/* what it cannot see does not matter: it would be destroyed */
	t.hosts[0].looked = false;
	t.hosts[0].n_domains = t.hosts[0].n_dirs = 0;
	only("evacuation-armed", AUDIT_CRITICAL, AUDIT_FIX_EVACUATION);
}

static void armed_elsewhere(void **state)
{
	(void)state;
	evacuated("compute-34", "accepted");
	only("evacuation-armed", AUDIT_WARNING, AUDIT_FIX_EVACUATION);
	/* a server that is deleted leaves its record */
	t.f.n_servers = t.f.n_shares = t.f.n_ports = t.f.n_volumes = 0;
	t.f.n_attachments = t.hosts[0].n_domains = t.hosts[0].n_dirs = 0;
	only("evacuation-armed", AUDIT_WARNING, AUDIT_FIX_EVACUATION);
	assert_string_equal(t.found.v[0].server, U1);
}

/* The host is down, or its leftovers are there: the record is what clears
 * them, and what doubles the allocation until then. */
static void armed_rightly(void **state)
{
	(void)state;
	evacuated("compute-34", "done");
	t.shares[1] = (struct audit_share){U1, P34};
	t.f.n_shares = 2;
	t.hosts[1].looked = false;
	only("evacuation-pending", AUDIT_INFO, AUDIT_FIX_NONE);
	t.hosts[1].looked = true;
	t.at34[0] = (struct audit_domain){U1, AUDIT_STOPPED};
	t.hosts[1].n_domains = 1;
	only("evacuation-pending", AUDIT_INFO, AUDIT_FIX_NONE);
	t.hosts[1].n_domains = 0;
	t.in34[0] = (struct audit_dir){.uuid = U1, .suffix = ""};
	t.hosts[1].n_dirs = 1;
	only("evacuation-pending", AUDIT_INFO, AUDIT_FIX_NONE);
	/* on shared storage that is no leftover */
	t.hosts[0].shared = "nfs4 filer:/nova";
	t.hosts[1].shared = "nfs4 10.0.0.9:/nova";
	find();
	assert_int_equal(t.found.n, 2);
	assert_true(has("evacuation-armed") && has("allocation-doubled"));
}

static void evacuation_at_work(void **state)
{
	(void)state;
	evacuated("compute-30", "pre-migrating");
	t.migrations[0].in_flight = true;
	t.servers[0].task_state = "rebuilding";
	nothing();
	/* a stale record that was never brought to an end */
	t.servers[0].task_state = NULL;
	only("evacuation-armed", AUDIT_CRITICAL, AUDIT_FIX_EVACUATION);
}

/* ---- Placement */

static void allocations(void **state)
{
	const struct audit_finding *x;

	(void)state;
	t.shares[0].provider = P34;
	x = only("allocation-wrong-host", AUDIT_ERROR, AUDIT_FIX_ALLOCATION);
	assert_string_equal(x->host, "compute-34");
	assert_string_equal(x->home, "compute-30");
	t.shares[1] = (struct audit_share){U1, P30};
	t.f.n_shares = 2;
	only("allocation-doubled", AUDIT_ERROR, AUDIT_FIX_ALLOCATION);
	t.f.n_shares = 0;
	only("allocation-missing", AUDIT_ERROR, AUDIT_FIX_NONE);
	t.f.placement = false; /* it was not read */
	nothing();
}

static void allocation_left(void **state)
{
	(void)state;
	t.shares[1] = (struct audit_share){MIG, P34};
	t.f.n_shares = 2;
	only("allocation-left", AUDIT_WARNING, AUDIT_FIX_NONE);
	t.migrations[0] = (struct audit_migration){
		.uuid = MIG, .instance = U1, .in_flight = true};
	t.f.n_migrations = 1;
	nothing();
}

/* Up to Newton a compute node has no uuid. */
static void no_providers(void **state)
{
	(void)state;
	t.hosts[0].provider = t.hosts[1].provider = NULL;
	t.f.n_shares = 0;
	nothing();
}

/* ---- Neutron, Cinder */

static void ports(void **state)
{
	(void)state;
	t.ports[0].host = "compute-34";
	assert_string_equal(
		only("port-wrong-host", AUDIT_ERROR, AUDIT_FIX_PORT)->object,
		"port-1");
	t.ports[0].host = NULL;
	only("port-unbound", AUDIT_ERROR, AUDIT_FIX_PORT);
	t.ports[0].host = "compute-30";
	t.ports[0].failed = true;
	only("port-unbound", AUDIT_ERROR, AUDIT_FIX_NONE);
	t.ports[0].failed = false;
	t.ports[0].waits = true;
	only("port-unbound", AUDIT_ERROR, AUDIT_FIX_PORT);
	t.ports[0].host = "compute-34";
	only("port-wrong-host", AUDIT_ERROR, AUDIT_FIX_PORT);
	t.ports[0].host = "compute-30";
	t.ports[0].server = U2; /* of another cell */
	nothing();
}

static void volumes(void **state)
{
	(void)state;
	t.attachments[0].host = "compute-34";
	only("attachment-wrong-host", AUDIT_ERROR, AUDIT_FIX_NONE);
	t.attachments[0].host = NULL;
	nothing();
	t.f.n_volumes = 0;
	only("attachment-stray", AUDIT_WARNING, AUDIT_FIX_NONE);
	t.f.n_volumes = 1;
	t.f.n_attachments = 0;
	only("attachment-missing", AUDIT_ERROR, AUDIT_FIX_NONE);
	t.f.volume = false;
	nothing();
}

/* Without ids of attachments, server and volume tell. */
static void volumes_of_old(void **state)
{
	(void)state;
	t.volumes[0].attachment = NULL;
	t.attachments[0].id = "whatever";
	nothing();
}

/* ---- hosts */

static void domains(void **state)
{
	(void)state;
	t.at34[0] = (struct audit_domain){U1, AUDIT_STOPPED};
	t.hosts[1].n_domains = 1;
	only("domain-wrong-host", AUDIT_ERROR, AUDIT_FIX_DOMAIN);
	/* not while its disks are not at home */
	t.in30[0].empty = true;
	only("domain-wrong-host", AUDIT_ERROR, AUDIT_FIX_NONE);
	t.in30[0].empty = false;
	t.hosts[0].looked = false;
	only("domain-wrong-host", AUDIT_ERROR, AUDIT_FIX_NONE);
	t.hosts[0].looked = true;
	t.at34[0].run = AUDIT_RUNNING;
	t.at30[0].run = AUDIT_STOPPED;
	only("domain-wrong-host", AUDIT_CRITICAL, AUDIT_FIX_NONE);
	t.at30[0].run = AUDIT_RUNNING;
	only("domain-twice-running", AUDIT_CRITICAL, AUDIT_FIX_NONE);
	/* a live migration has two, and says so */
	t.servers[0].task_state = "migrating";
	nothing();
}

static void domain_missing(void **state)
{
	(void)state;
	t.hosts[0].n_domains = 0;
	only("domain-missing", AUDIT_ERROR, AUDIT_FIX_NONE);
	/* a stopped one gets its domain at its start */
	t.servers[0].vm_state = "stopped";
	nothing();
	t.servers[0].vm_state = "active";
	t.hosts[0].looked = false;
	nothing();
}

/* Somebody's own machine is none of our business. */
static void unknown_domain(void **state)
{
	(void)state;
	t.at34[0] = (struct audit_domain){U2, AUDIT_RUNNING};
	t.hosts[1].n_domains = 1;
	nothing();
	strv_add(&t.f.deleted, U2);
	only("domain-left", AUDIT_WARNING, AUDIT_FIX_NONE);
}

static void directories(void **state)
{
	(void)state;
	t.in34[0] = (struct audit_dir){.uuid = U1, .suffix = ""};
	t.hosts[1].n_dirs = 1;
	only("directory-left", AUDIT_WARNING, AUDIT_FIX_DIRECTORY);
	t.hosts[0].shared = t.hosts[1].shared = "nfs4 filer:/nova";
	nothing();
	t.hosts[0].shared = NULL;
	t.in34[0].suffix = "_resize";
	only("directory-left", AUDIT_WARNING, AUDIT_FIX_NONE);
	t.servers[0].vm_state = "resized";
	nothing();
	t.servers[0].vm_state = "active";
	t.in34[0] = (struct audit_dir){.uuid = U2, .suffix = ""};
	nothing(); /* whose is it? */
	strv_add(&t.f.deleted, U2);
	only("directory-left", AUDIT_WARNING, AUDIT_FIX_NONE);
}

static void directory_missing(void **state)
{
	(void)state;
	t.hosts[0].n_dirs = 0;
	only("directory-missing", AUDIT_CRITICAL, AUDIT_FIX_NONE);
	t.hosts[0].looked = false;
	nothing();
}

static void disks(void **state)
{
	(void)state;
	t.in30[0].info = "it has no disk.info";
	only("disk-info-wrong", AUDIT_WARNING, AUDIT_FIX_NONE);
	t.in30[0].info = NULL;
	t.in30[0].base = "/var/lib/nova/instances/_base/da39a3ee";
	only("base-missing", AUDIT_CRITICAL, AUDIT_FIX_NONE);
}

static void copies(void **state)
{
	(void)state;
	strv_add(&t.hosts[0].copies, "j-abcdefgh");
	only("copy-kept", AUDIT_INFO, AUDIT_FIX_NONE);
}

static void unasked(void **state)
{
	(void)state;
	t.unasked[0] = (struct audit_unasked){
		.what = "Cinder", .why = "it is down", .hint = "start it"};
	t.f.n_unasked = 1;
	t.f.volume = false;
	only("not-asked", AUDIT_WARNING, AUDIT_FIX_NONE);
}

/* ---- nothing is said of what is under way */

/* Wrong in every respect, but for what at_work() does to it. */
static void all_wrong(void)
{
	t.shares[0].provider = P34;
	t.ports[0].host = "compute-34";
	t.attachments[0].host = "compute-34";
	t.at34[0] = (struct audit_domain){U1, AUDIT_STOPPED};
	t.in34[0] = (struct audit_dir){.uuid = U1, .suffix = ""};
	t.hosts[1].n_domains = t.hosts[1].n_dirs = 1;
	t.hosts[0].n_domains = t.hosts[0].n_dirs = 0;
}

static void in_flight(void **state)
{
	struct audit_server *s = &t.servers[0];
	const struct audit_server good = *s;

	(void)state;
	all_wrong();
	find();
	assert_int_equal(t.found.n, 7);
	s->task_state = "powering-off";
	nothing();
	*s = good;
	s->vm_state = "resized"; /* waits for its confirmation */
	nothing();
	s->vm_state = "building";
	nothing();
	s->vm_state = "shelved_offloaded";
	s->host = NULL;
	nothing();
	*s = good;
	s->hidden = true; /* on its way to another cell */
	nothing();
	*s = good;
	s->job = "j-abcdefgh"; /* of ours: it has a finding of its own */
	nothing();
	*s = good;
	s->changed = true;
	nothing();
	*s = good;
	t.migrations[0] = (struct audit_migration){
		.uuid = MIG, .instance = U1, .in_flight = true};
	t.f.n_migrations = 1;
	nothing();
	t.migrations[0].in_flight = false;
	find();
	assert_int_equal(t.found.n, 7);
}

/* Told, and left alone. */
static void not_idle(void **state)
{
	(void)state;
	t.ports[0].host = "compute-34";
	t.shares[0].provider = P34;
	t.servers[0].vm_state = "paused";
	find();
	assert_int_equal(t.found.n, 2);
	for (size_t i = 0; i < t.found.n; i++)
		assert_int_equal(t.found.v[i].fix, AUDIT_FIX_NONE);
}

static void worst_first(void **state)
{
	(void)state;
	t.ports[0].host = "compute-34";
	t.in34[0] = (struct audit_dir){.uuid = U1, .suffix = ""};
	t.hosts[1].n_dirs = 1;
	evacuated("compute-30", "done");
	find();
	assert_int_equal(t.found.n, 3);
	assert_string_equal(t.found.v[0].kind, "evacuation-armed");
	assert_string_equal(t.found.v[1].kind, "port-wrong-host");
	assert_string_equal(t.found.v[2].kind, "directory-left");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(clean),
		T(armed_at_home),
		T(armed_elsewhere),
		T(armed_rightly),
		T(evacuation_at_work),
		T(allocations),
		T(allocation_left),
		T(no_providers),
		T(ports),
		T(volumes),
		T(volumes_of_old),
		T(domains),
		T(domain_missing),
		T(unknown_domain),
		T(directories),
		T(directory_missing),
		T(disks),
		T(copies),
		T(unasked),
		T(in_flight),
		T(not_idle),
		T(worst_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
