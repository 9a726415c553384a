/* SPDX-License-Identifier: Apache-2.0 */
/* A whole host, from facts written by hand: c30 is to be emptied, c34 and c36
 * may take what it has. */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/app_fleet.h"
#include "cli/app_return.h"
#include "engine/batch.h"
#include "facts/fleet.h"
#include "plan/plan_fleet.h"

#define IP "/var/lib/nova/instances"
#define GiB ((uint64_t)1 << 30)
#define SECRET "44444444-4444-4444-8444-444444444444"
#define BASE "da39a3ee5e6b4b0d3255bfef95601890afd80709"

enum { WEB1, WEB2, DB1, SERVERS };
enum { C30, C34, C36, HOSTS };

static const char *const uuids[SERVERS] = {
	"11111111-1111-4111-8111-111111111111",
	"22222222-2222-4222-8222-222222222222",
	"33333333-3333-4333-8333-333333333333"};

/* ---- the world */

static void db_host(struct fleet_facts *f, int i, const char *name)
{
	struct db_fleet_host *h = &f->db.hosts[i];

	h->nodes = 1;
	h->h = (struct db_host){.host = mem_strdup(name),
				.node = mem_strdup(name),
				.compute_id = 10 + i,
				.cpu_arch = mem_strdup("x86_64"),
				.hypervisor_type = mem_strdup("QEMU"),
				.vcpus = 4,
				.memory_mb = 8192,
				.local_gb = 100,
				.seen_age_s = 5,
				.cell_id = -1};
	h->cpu_ratio = h->ram_ratio = h->disk_ratio = 1;
}

static void machine(struct fact_host *h, const char *name)
{
	h->info.hostname = mem_strdup(name);
	h->info.boot_id = mem_strdup(name);
	h->conf_known = true;
	h->conf.base_dir_name = mem_strdup("_base");
	h->conf.images_type = mem_strdup("default");
	h->conf.use_cow_images = true;
	h->conf.config_drive_format = mem_strdup("iso9660");
	h->instances_path = mem_strdup(IP);
	h->fs.fstype = mem_strdup("ext4");
	h->fs.avail = 50 * GiB;
	h->nova_user = mem_strdup("nova");
	h->nova_group = mem_strdup("nova");
	h->qemu_user = mem_strdup("libvirt-qemu");
	h->state.state = VIRT_ABSENT;
}

static void server(struct fleet_facts *f, int i, const char *name)
{
	struct fleet_server *s = &f->servers[i];
	struct db_instance *n = &s->f.srv.inst;

	facts_init(&s->f, "");
	s->f.srv.cell_id = -1;
	n->id = i + 1;
	n->uuid = mem_strdup(uuids[i]);
	n->name = mem_strdup(name);
	n->host = mem_strdup("c30");
	n->node = mem_strdup("c30");
	n->vm_state = mem_strdup(i == DB1 ? "stopped" : "active");
	n->project_id = mem_strdup("p-1");
	n->vcpus = 1;
	n->memory_mb = 2048;
	n->root_gb = 10;
	s->f.host[SRC_HOST].dir = HOST_DIR;
	s->f.host[SRC_HOST].state.state =
		i == DB1 ? VIRT_SHUTOFF : VIRT_RUNNING;
	s->bytes = GiB;
	strv_add(&s->bases, BASE);
}

static void homes(struct fleet_facts *f)
{
	f->db.homes = MEM_NEW_N(struct db_fleet_home, SERVERS + 1);
	for (int i = 0; i < SERVERS; i++)
		f->db.homes[f->db.n_homes++] = (struct db_fleet_home){
			mem_strdup(uuids[i]), mem_strdup("c30"), 1, 2048, 10};
	f->db.homes[f->db.n_homes++] = (struct db_fleet_home){
		mem_strdup("99999999-9999-4999-8999-999999999999"),
		mem_strdup("c99"), 3, 6144, 10};
}

static struct fleet_facts *world(void)
{
	static const char *const names[] = {"c30", "c34", "c36"};
	struct fleet_facts *f = MEM_NEW(struct fleet_facts);

	fleet_init(f, "c30");
	f->schema.release = "zed";
	f->db.hosts = MEM_NEW_N(struct db_fleet_host, HOSTS);
	f->db.n_hosts = HOSTS;
	for (int i = 0; i < HOSTS; i++)
		db_host(f, i, names[i]);
	machine(&f->src, "c30");
	f->hosts = MEM_NEW_N(struct fleet_host, HOSTS);
	for (int i = C34; i < HOSTS; i++) {
		struct fleet_host *t = &f->hosts[f->n_hosts++];

		t->name = mem_strdup(names[i]);
		machine(&t->h, names[i]);
	}
	strv_add(&f->hosts[0].bases, BASE);
	f->bases = MEM_NEW(struct fleet_base);
	f->bases[f->n_bases++] = (struct fleet_base){mem_strdup(BASE), 2 * GiB};
	f->servers = MEM_NEW_N(struct fleet_server, SERVERS);
	f->n_servers = SERVERS;
	server(f, WEB1, "web-1");
	server(f, WEB2, "web-2");
	server(f, DB1, "db-1");
	homes(f);
	return f;
}

static void drop(struct fleet_facts *f)
{
	fleet_clear(f);
	mem_free(f);
}

static void word(char **slot, const char *value)
{
	mem_free(*slot);
	*slot = mem_strdup(value);
}

static void group(struct fleet_facts *f, const char *policy, int n)
{
	struct db_group *g;

	f->db.groups = MEM_NEW(struct db_group);
	g = &f->db.groups[f->db.n_groups++];
	g->uuid = mem_strdup("g-1");
	g->name = mem_strdup("apart");
	g->policy = mem_strdup(policy);
	g->members = MEM_NEW_N(struct db_member, SERVERS);
	for (int i = 0; i < n; i++)
		g->members[g->n_members++] = (struct db_member){
			mem_strdup(uuids[i]), mem_strdup("c30")};
}

static void aggregate(struct fleet_facts *f, const char *host, const char *key,
		      const char *value)
{
	struct db_fleet_aggregate *a;

	f->db.aggregates = mem_realloc(f->db.aggregates, f->db.n_aggregates + 1,
				       sizeof(*f->db.aggregates));
	a = &f->db.aggregates[f->db.n_aggregates];
	*a = (struct db_fleet_aggregate){.id = (int)f->db.n_aggregates++};
	strv_add(&a->hosts, host);
	a->meta.v = MEM_NEW(struct db_pair);
	a->meta.v[a->meta.n++] =
		(struct db_pair){mem_strdup(key), mem_strdup(value)};
}

static void spec(struct fleet_facts *f, int i, const char *key,
		 const char *value)
{
	struct db_pairs *p = &f->servers[i].f.srv.extra_specs;

	p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct db_pair){mem_strdup(key), mem_strdup(value)};
}

/* ---- looking at a plan */

static json_t *plan_by(const struct fleet_facts *f, enum pack_policy policy)
{
	struct plan_fleet_opts o = {.policy = policy,
				    .checks = {.start = true}};
	struct err e = ERR_INIT;
	struct plan_fleet *p = plan_fleet_new(f, &o, &e);
	json_t *doc;

	assert_non_null(p);
	assert_int_equal(plan_fleet_pack(p, &e), 0);
	doc = plan_fleet_document(p);
	assert_non_null(doc);
	assert_int_equal(plan_fleet_shape(doc, &e), 0);
	plan_fleet_free(p);
	return doc;
}

static json_t *plan(const struct fleet_facts *f)
{
	return plan_by(f, PACK_SPREAD);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* The entry of LIST about instance I, or NULL. */
static json_t *entry(const json_t *doc, const char *list, int i)
{
	json_t *m;
	size_t k;

	json_array_foreach (json_object_get(doc, list), k, m)
		if (!strcmp(text(json_object_get(m, "instance"), "uuid"),
			    uuids[i]))
			return m;
	return NULL;
}

static void goes(const json_t *doc, int i, const char *host)
{
	const json_t *m = entry(doc, "members", i);

	assert_non_null(m);
	assert_string_equal(text(m, "target"), host);
}

static void stays(const json_t *doc, int i, const char *why)
{
	const json_t *m = entry(doc, "nowhere", i);

	assert_null(entry(doc, "members", i));
	assert_non_null(m);
	if (!strstr(text(m, "why"), why))
		fail_msg("'%s' does not say '%s'", text(m, "why"), why);
}

static const char *name_at(const json_t *doc, size_t i)
{
	return text(json_object_get(
			    json_array_get(json_object_get(doc, "members"), i),
			    "instance"),
		    "name");
}

/* ---- tests */

static void t_plan(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc, *m;

	(void)state;
	f->servers[DB1].priority = 5;
	f->servers[WEB2].bytes = 9 * GiB;
	doc = plan(f);
	assert_string_equal(text(doc, "kind"), "evacuate");
	assert_string_equal(text(doc, "host"), "c30");
	assert_string_equal(text(doc, "policy"), "spread");
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 3);
	assert_int_equal(json_array_size(json_object_get(doc, "nowhere")), 0);
	/* by priority, then the longest first */
	assert_string_equal(name_at(doc, 0), "db-1");
	assert_string_equal(name_at(doc, 1), "web-2");
	assert_string_equal(name_at(doc, 2), "web-1");
	m = entry(doc, "members", DB1);
	assert_string_equal(text(m, "was"), "stopped");
	assert_string_equal(text(m, "source"), "c30");
	json_decref(doc);
	drop(f);
}

static void t_bases(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc = plan_by(f, PACK_FEWEST_BYTES), *m;

	(void)state;
	/* c34 has the base: nothing but the disks travels */
	for (int i = 0; i < SERVERS; i++)
		goes(doc, i, "c34");
	assert_int_equal(json_integer_value(json_object_get(doc, "bytes")),
			 3 * GiB);
	json_decref(doc);
	strv_clear(&f->hosts[0].bases);
	doc = plan_by(f, PACK_FEWEST_BYTES);
	m = entry(doc, "members", WEB1);
	assert_int_equal(json_array_size(json_object_get(m, "bases")), 1);
	assert_int_equal(json_integer_value(json_object_get(m, "bytes")),
			 3 * GiB);
	/* once a target, however many need it */
	assert_int_equal(json_integer_value(json_object_get(doc, "bytes")),
			 5 * GiB);
	json_decref(doc);
	/* ... and it must fit as well */
	f->hosts[0].h.fs.avail = 3 * GiB + 65 * (GiB / 1024);
	f->hosts[1].h.fs.avail = GiB;
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 1);
	assert_int_equal(json_array_size(json_object_get(doc, "nowhere")), 2);
	json_decref(doc);
	drop(f);
}

static void t_nowhere(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc;

	(void)state;
	word(&f->servers[WEB1].f.srv.inst.vm_state, "error");
	f->servers[WEB2].f.srv.inst.locked = true;
	f->servers[DB1].f.srv.inst.memory_mb = 9000;
	doc = plan(f);
	stays(doc, WEB1, "vm_state is 'error'");
	stays(doc, WEB2, "locked");
	stays(doc, DB1, "RAM");
	assert_int_equal(json_array_size(json_object_get(
				 entry(doc, "nowhere", DB1), "gives")),
			 1);
	json_decref(doc);
	drop(f);
	f = world();
	f->servers[WEB1].f.host[SRC_HOST].dir = HOST_NONE;
	f->servers[WEB2].f.srv.pci_devices = 1;
	err_set(&f->servers[DB1].err, ERR_FAILED, "disk: bad sector");
	doc = plan(f);
	stays(doc, WEB1, "no directory");
	stays(doc, WEB2, "PCI");
	stays(doc, DB1, "bad sector");
	json_decref(doc);
	drop(f);
}

/* A vTPM goes where its secret is; where it is not, the reason is told. */
static void t_tpm(void **state)
{
	static const char xml[] =
		"<domain type='qemu'>"
		"<uuid>11111111-1111-4111-8111-111111111111</uuid>"
		"<name>i</name>"
		"<devices><tpm model='tpm-crb'><backend type='emulator' "
		"version='2.0'><encryption secret='" SECRET "'/></backend>"
		"</tpm></devices></domain>";
	struct fleet_facts *f = world();
	struct err e = ERR_INIT;
	json_t *doc;

	(void)state;
	f->servers[WEB1].f.dom = domain_parse(xml, strlen(xml), &e);
	assert_non_null(f->servers[WEB1].f.dom);
	for (size_t i = 0; i < f->n_hosts; i++)
		f->hosts[i].h.swtpm = true;
	doc = plan(f);
	stays(doc, WEB1, "c34 and 1 more: its vTPM state is encrypted with");
	json_decref(doc);
	strv_add(&f->hosts[1].secrets, SECRET);
	doc = plan(f);
	goes(doc, WEB1, "c36");
	assert_non_null(entry(doc, "members", WEB2)); /* has no TPM */
	json_decref(doc);
	strv_add(&f->hosts[0].secrets, SECRET);
	for (size_t i = 0; i < f->n_hosts; i++)
		strv_add(&f->hosts[i].dirs, uuids[WEB1]);
	doc = plan(f);
	stays(doc, WEB1, "c34 and 1 more: a directory of it is there already");
	json_decref(doc);
	drop(f);
}

static void t_groups(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc;

	(void)state;
	group(f, "anti-affinity", SERVERS);
	doc = plan(f); /* three apart on two hosts */
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 2);
	assert_int_equal(json_array_size(json_object_get(doc, "nowhere")), 1);
	json_decref(doc);
	word(&f->db.groups[0].rules, "{\"max_server_per_host\": 2}");
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 3);
	json_decref(doc);
	word(&f->db.groups[0].policy, "affinity");
	doc = plan(f);
	assert_string_equal(text(entry(doc, "members", WEB1), "target"),
			    text(entry(doc, "members", DB1), "target"));
	assert_true(json_is_true(json_object_get(
		json_object_get(entry(doc, "members", WEB1), "options"),
		"whole_group")));
	json_decref(doc);
	/* one that stays keeps the others */
	f->servers[WEB2].f.srv.inst.locked = true;
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 0);
	json_decref(doc);
	drop(f);
}

static void t_asked(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc;

	(void)state;
	f->db.hosts[C36].h.az = mem_strdup("north");
	f->servers[WEB1].f.srv.has_request_spec = true;
	f->servers[WEB1].f.srv.asked_az = mem_strdup("north");
	aggregate(f, "c34", "ssd", "true");
	spec(f, WEB2, "ssd", "true");
	spec(f, DB1, "hw:cpu_policy", "shared"); /* of no aggregate */
	doc = plan(f);
	goes(doc, WEB1, "c36");
	goes(doc, WEB2, "c34");
	assert_non_null(entry(doc, "members", DB1));
	json_decref(doc);
	aggregate(f, "c34", "filter_tenant_id", "p-2");
	doc = plan(f);
	stays(doc, WEB2, "");
	goes(doc, DB1, "c36");
	json_decref(doc);
	drop(f);
}

static void t_room(void **state)
{
	struct fleet_facts *f = world();
	struct fleet_host *t = &f->hosts[0];
	json_t *doc;

	(void)state;
	/* what has been reported, and what the rows come to: the larger */
	f->db.hosts[C34].h.memory_mb_used = 512;
	f->db.hosts[C34].memory_mb = 8192;
	doc = plan(f);
	goes(doc, WEB1, "c36");
	json_decref(doc);
	/* Placement overrules both */
	t->placement = true;
	for (int k = 0; k < FLEET_CLASSES; k++)
		t->inv[k] =
			(struct fleet_inventory){true, 100000, 0, 0, 100000, 1};
	f->db.hosts[C36].memory_mb = 8192;
	doc = plan(f);
	goes(doc, WEB1, "c34");
	json_decref(doc);
	t->inv[FLEET_RAM_MB].reserved = 100000 - 2048;
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 1);
	json_decref(doc);
	/* a job that goes there has taken it */
	fleet_add_job(f, "j-1", "99999999-9999-4999-8999-999999999999", "c34");
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 0);
	json_decref(doc);
	drop(f);
}

static void room_is(const struct fleet_facts *f, const struct strv *coming,
		    const char *want)
{
	AUTO(mem_freep) char *why = plan_no_room(&f->db, "c34", coming);

	if (!want && why)
		fail_msg("%s", why);
	if (want)
		assert_non_null(strstr(why ? why : "", want));
}

/* What the last look before a move counts: what is there, and all that is on
 * its way there and not there yet. */
static void t_no_room(void **state)
{
	struct fleet_facts *f = world();
	AUTO(strv_clear) struct strv coming = STRV_INIT;

	(void)state;
	f->db.hosts[C34].memory_mb = 8192 - 2 * 2048;
	strv_add(&coming, uuids[WEB1]);
	strv_add(&coming, uuids[WEB2]);
	room_is(f, &coming, NULL);
	strv_add(&coming, "00000000-0000-4000-8000-000000000000");
	room_is(f, &coming, NULL);
	strv_add(&coming, uuids[DB1]);
	room_is(f, &coming,
		"10240 MiB of memory would be taken of 8192, with 3 on");
	/* It has arrived, and its row says so. */
	f->db.hosts[C34].memory_mb += 2048;
	mem_free(f->db.homes[DB1].host);
	f->db.homes[DB1].host = mem_strdup("c34");
	room_is(f, &coming, "with 2 on their way there");
	f->db.hosts[C34].ram_ratio = 1.5;
	room_is(f, &coming, NULL);
	f->db.hosts[C34].h.vcpus = 1;
	room_is(f, &coming, "2 processors would be taken of 1,");
	drop(f);
}

/* So does what another batch has yet to begin, once, and not beside itself. */
static void t_planned(void **state)
{
	struct fleet_facts *f = world();
	const char *other = "99999999-9999-4999-8999-999999999999";
	json_t *doc;

	(void)state;
	f->db.hosts[C36].memory_mb = 8192; /* full */
	fleet_add_job(f, "j-1", other, "c34");
	fleet_add_planned(f, "b-1", other, "c34");
	assert_int_equal(f->n_jobs, 1);
	fleet_add_planned(f, "b-1", f->servers[WEB1].f.srv.inst.uuid, "c34");
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 1);
	json_decref(doc);
	f->jobs[0].planned = true; /* as any: it is none of these */
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 1);
	json_decref(doc);
	f->db.hosts[C34].memory_mb = 2048;
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 0);
	json_decref(doc);
	drop(f);
}

static bool warned_of(const json_t *doc, const char *text)
{
	const json_t *w;
	size_t i;

	json_array_foreach (json_object_get(doc, "warnings"), i, w)
		if (strstr(json_string_value(w), text))
			return true;
	return false;
}

/* What flavor and image require, and what the flavor forbids; not looked at,
 * and said so, as long as one candidate's are not known. */
static void t_traits(void **state)
{
	struct fleet_facts *f = world();
	struct db_pairs *image = &f->servers[WEB2].f.srv.sysmeta;
	json_t *doc;

	(void)state;
	doc = plan(f);
	goes(doc, WEB1, "c34");
	assert_false(warned_of(doc, "traits"));
	json_decref(doc);
	spec(f, WEB1, "trait:HW_CPU_X86_AVX512F", "required");
	spec(f, WEB1, "trait1:CUSTOM_NOT_OURS", "required");
	doc = plan(f);
	goes(doc, WEB1, "c34");
	assert_true(warned_of(doc, "were not checked (HW_CPU_X86_AVX512F): "
				   "Placement did not tell those of c34, c36"));
	json_decref(doc);
	for (size_t i = 0; i < f->n_hosts; i++)
		f->hosts[i].traits_known = true;
	strv_add(&f->hosts[1].traits, "HW_CPU_X86_AVX512F");
	doc = plan(f);
	goes(doc, WEB1, "c36");
	assert_false(warned_of(doc, "traits"));
	json_decref(doc);
	/* the image's, and one that is forbidden: nowhere for it */
	image->v = mem_realloc(image->v, image->n + 1, sizeof(*image->v));
	image->v[image->n++] =
		(struct db_pair){mem_strdup("image_trait:HW_CPU_X86_AVX512F"),
				 mem_strdup("required")};
	doc = plan(f);
	goes(doc, WEB2, "c36");
	json_decref(doc);
	spec(f, WEB2, "trait:HW_CPU_X86_AVX512F", "forbidden");
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "nowhere")), 1);
	json_decref(doc);
	drop(f);
}

/* Without Placement a migration of Nova's counts; a volume as root disk does
 * not, nor does a flavor that says so. */
static void t_counted(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc;

	(void)state;
	f->db.hosts[C36].memory_mb = 8192;
	f->db.hosts[C34].h.local_gb = 10;
	spec(f, WEB1, "resources:DISK_GB", "0");
	f->servers[WEB2].f.srv.bdms = MEM_NEW(struct db_bdm);
	f->servers[WEB2].f.srv.bdms[0].destination_type = mem_strdup("volume");
	f->servers[WEB2].f.srv.n_bdms = 1;
	doc = plan(f);
	for (int i = 0; i < SERVERS; i++)
		goes(doc, i, "c34");
	json_decref(doc);
	f->db.migrations = MEM_NEW(struct db_fleet_migration);
	f->db.migrations[f->db.n_migrations++] = (struct db_fleet_migration){
		.m = {.dest_compute = mem_strdup("c34")},
		.instance = mem_strdup("99999999-9999-4999-8999-999999999999")};
	doc = plan(f);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 1);
	json_decref(doc);
	drop(f);
}

static void silent(const json_t *doc, const char *host, const char *why)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(doc, "silent"), i, v)
		if (!strcmp(text(v, "host"), host)) {
			if (!strstr(text(v, "why"), why))
				fail_msg("'%s'", text(v, "why"));
			return;
		}
	fail_msg("%s is not silent", host);
}

static void t_silent(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc;

	(void)state;
	err_set(&f->hosts[0].h.down, ERR_FAILED, "no route to host");
	doc = plan(f);
	silent(doc, "c34", "no route to host");
	for (int i = 0; i < SERVERS; i++)
		goes(doc, i, "c36");
	json_decref(doc);
	f->db.hosts[C36].h.disabled = true;
	doc = plan(f);
	silent(doc, "c36", "disabled");
	stays(doc, WEB1, "");
	json_decref(doc);
	drop(f);
	f = world();
	word(&f->hosts[0].h.conf.config_drive_format, "vfat");
	f->db.hosts[C36].h.seen_age_s = 300;
	doc = plan(f);
	silent(doc, "c34", "config_drive_format");
	silent(doc, "c36", "down");
	json_decref(doc);
	/* the whole control plane is down: no heartbeat says anything */
	for (int i = 0; i < HOSTS; i++)
		f->db.hosts[i].h.seen_age_s = 300;
	doc = plan(f);
	goes(doc, WEB1, "c36");
	json_decref(doc);
	drop(f);
}

static void t_leftovers(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc;

	(void)state;
	strv_add(&f->hosts[0].dirs, uuids[WEB1]);
	strv_addf(&f->hosts[0].dirs, "%s_resize", uuids[WEB2]);
	doc = plan(f);
	goes(doc, WEB1, "c36");
	goes(doc, WEB2, "c36");
	json_decref(doc);
	drop(f);
}

/* ---- edited */

static int holds(const struct fleet_facts *f, const json_t *doc, struct err *e)
{
	struct plan_fleet_opts o = {.checks = {.start = true}};
	struct plan_fleet *p = plan_fleet_new(f, &o, e);
	int rc = p ? plan_fleet_holds(p, doc, e) : -1;

	plan_fleet_free(p);
	return rc;
}

static void refused(int rc, struct err *e, enum err_kind kind, const char *why)
{
	assert_int_equal(rc, -1);
	assert_int_equal(e->kind, kind);
	if (!strstr(err_msg(e), why))
		fail_msg("'%s' does not say '%s'", err_msg(e), why);
	err_clear(e);
}

static void t_holds(void **state)
{
	struct fleet_facts *f = world();
	json_t *doc = plan(f), *m = entry(doc, "members", WEB1);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(holds(f, doc, &e), 0);
	json_object_set_new(m, "target", json_string("c36"));
	assert_int_equal(holds(f, doc, &e), 0);
	/* dropped */
	json_array_remove(json_object_get(doc, "members"), 0);
	assert_int_equal(holds(f, doc, &e), 0);
	json_decref(doc);
	doc = plan(f);
	m = entry(doc, "members", WEB1);
	json_object_set_new(m, "target", json_string("c77"));
	refused(holds(f, doc, &e), &e, ERR_REFUSED, "c77");
	json_object_set_new(m, "target", json_string("c36"));
	f->db.hosts[C36].memory_mb = 8192;
	refused(holds(f, doc, &e), &e, ERR_REFUSED, "RAM");
	f->db.hosts[C36].memory_mb = 0;
	word(&f->servers[WEB1].f.srv.inst.vm_state, "stopped");
	f->servers[WEB1].f.host[SRC_HOST].state.state = VIRT_SHUTOFF;
	refused(holds(f, doc, &e), &e, ERR_REFUSED, "stopped now");
	word(&f->servers[WEB1].f.srv.inst.vm_state, "active");
	word(&f->servers[WEB1].f.srv.inst.uuid,
	     "44444444-4444-4444-8444-444444444444");
	refused(holds(f, doc, &e), &e, ERR_REFUSED, "not on c30 any more");
	json_decref(doc);
	drop(f);
}

static void t_shape(void **state)
{
	static const struct {
		const char *key, *json, *why;
	} bad[] = {
		{"servers", "[]", "servers is not known"},
		{"members", "{}", "members must be a list"},
		{"plan_version", "2", "plan_version 2"},
		{"kind", "\"move\"", "kind must be evacuate"},
		{"host", "\"c31\"", "members[0].source must be c31"},
		{"host", "7", "host must be a text"},
	};
	static const struct {
		const char *key, *json, *why;
	} member[] = {
		{"goal", "\"c34\"", "members[1].goal is not known"},
		{"target", "\"c30\"", "members[1].target must be another"},
		{"priority", "\"high\"", "members[1].priority must be a whole"},
		{"priority", "1000001", "members[1].priority must be from"},
		{"bytes", "-1", "cannot be negative"},
		{"instance", "{\"uuid\": \"x\"}", "members[1].instance.uuid"},
		{"instance", "{\"name\": \"x\"}", "uuid is missing"},
	};
	struct fleet_facts *f = world();
	struct err e = ERR_INIT;
	json_t *doc;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		doc = plan(f);
		json_object_set_new(
			doc, bad[i].key,
			json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
		refused(plan_fleet_shape(doc, &e), &e, ERR_USAGE, bad[i].why);
		json_decref(doc);
	}
	for (size_t i = 0; i < ARRAY_SIZE(member); i++) {
		doc = plan(f);
		json_object_set_new(
			json_array_get(json_object_get(doc, "members"), 1),
			member[i].key,
			json_loads(member[i].json, JSON_DECODE_ANY, NULL));
		refused(plan_fleet_shape(doc, &e), &e, ERR_USAGE,
			member[i].why);
		json_decref(doc);
	}
	doc = plan(f);
	json_array_append(json_object_get(doc, "members"),
			  entry(doc, "members", WEB1));
	refused(plan_fleet_shape(doc, &e), &e, ERR_USAGE, "there already");
	json_decref(doc);
	drop(f);
}

static void t_refused(void **state)
{
	struct fleet_facts *f = world();
	struct strv names = STRV_INIT;
	struct plan_fleet_opts o = {.servers = &names};
	struct err e = ERR_INIT;

	(void)state;
	strv_add(&names, "web-9");
	assert_null(plan_fleet_new(f, &o, &e));
	refused(-1, &e, ERR_REFUSED, "web-9");
	word(&f->servers[WEB2].f.srv.inst.name, "web-1");
	strv_clear(&names);
	strv_add(&names, "web-1");
	assert_null(plan_fleet_new(f, &o, &e));
	refused(-1, &e, ERR_REFUSED, "2 instances");
	strv_clear(&names);
	err_set(&f->src.down, ERR_FAILED, "timed out");
	assert_null(plan_fleet_new(f, &o, &e));
	assert_non_null(strstr(e.hint, "novahaul fence c30, then novahaul "
				       "rescue c30 --disks HOST:PATH"));
	refused(-1, &e, ERR_REFUSED, "timed out");
	drop(f);
}

/* ---- the app's side */

static struct fleet_facts *given;

static struct fleet_facts *give(struct app *a, const struct app_fleet_read *r,
				struct err *e)
{
	(void)a;
	(void)e;
	assert_string_equal(r->host, "c30");
	return given;
}

static struct app app_with(const struct config *c, struct app_ops *ops)
{
	*ops = (struct app_ops){.fleet_read = give};
	return (struct app){.config = c, .ops = ops, .journal = c->journal};
}

static json_t *app_plan_of(struct app *a)
{
	struct app_evacuate r = {.host = "c30",
				 .policy = "fill",
				 .no_checks = true,
				 .limits = {.parallel = 3, .bwlimit = 1000000}};
	struct err e = ERR_INIT;
	json_t *doc = NULL;

	r.move.no_start = true;
	r.move.stop_timeout = 30;
	r.move.delta = APP_DELTA_WHOLE;
	given = world();
	assert_int_equal(app_evacuate_plan(a, &r, &doc, &e), 0);
	return doc;
}

static void journal_in(struct config *c, char *dir)
{
	assert_non_null(mkdtemp(dir));
	c->journal = mem_printf("%s/journal.db", dir);
}

static void journal_gone(struct config *c, const char *dir)
{
	AUTO(mem_freep)
	char *reserve = mem_printf("%s/journal.db.reserve", dir);

	unlink(c->journal);
	mem_free(c->journal);
	unlink(reserve);
	rmdir(dir);
}

static const char *seen_by[SERVERS]; /* how a member's checks have looked */

int app_check(struct app *a, const struct app_request *r, json_t **report,
	      struct err *e)
{
	(void)a;
	(void)e;
	for (int i = 0; i < SERVERS; i++)
		if (!strcmp(r->server, uuids[i]))
			*report = json_pack("{s:s, s:[]}", "control",
					    seen_by[i], "checks");
	assert_non_null(*report);
	return 0;
}

static const char *control_of(const json_t *doc, int i)
{
	return text(json_object_get(entry(doc, "members", i), "options"),
		    "control");
}

/* What a plan was made with is what its moves look with. */
static void t_control(void **state)
{
	char dir[] = "/tmp/nh-fleet-XXXXXX";
	struct config c = CONFIG_INIT;
	struct app_ops ops;
	struct app a;
	struct app_evacuate r = {.host = "c30"};
	struct app_request q;
	struct err e = ERR_INIT;
	json_t *doc = NULL;

	(void)state;
	journal_in(&c, dir);
	a = app_with(&c, &ops);
	seen_by[WEB1] = "api+direct";
	seen_by[WEB2] = "sql+direct";
	seen_by[DB1] = "direct";
	given = world();
	assert_int_equal(app_evacuate_plan(&a, &r, &doc, &e), 0);
	assert_string_equal(control_of(doc, WEB1), "services");
	assert_string_equal(control_of(doc, WEB2), "direct");
	assert_string_equal(control_of(doc, DB1), "");
	for (size_t i = 0; i < SERVERS; i++) {
		assert_int_equal(app_batch_options(doc, i, &q, &e), 0);
		assert_int_equal(q.control, !strcmp(q.server, uuids[WEB1])
						    ? APP_CONTROL_SERVICES
					    : !strcmp(q.server, uuids[WEB2])
						    ? APP_CONTROL_DIRECT
						    : APP_CONTROL_AUTO);
	}
	given = world();
	assert_int_equal(app_batch_holds(&a, doc, &e), 0);
	json_decref(doc);
	/* What was asked for stays what it is. */
	r.move.control = APP_CONTROL_API;
	given = world();
	assert_int_equal(app_evacuate_plan(&a, &r, &doc, &e), 0);
	assert_string_equal(control_of(doc, WEB1), "");
	assert_string_equal(text(json_object_get(doc, "options"), "control"),
			    "api");
	json_decref(doc);
	journal_gone(&c, dir);
}

/* One instance a target: of three one stays, and an edit cannot send it. */
static void t_most(void **state)
{
	char dir[] = "/tmp/nh-fleet-XXXXXX";
	struct config c = CONFIG_INIT;
	struct app_ops ops;
	struct app a;
	struct app_evacuate r = {.host = "c30",
				 .no_checks = true,
				 .limits = {.most_per_target = 1}};
	struct err e = ERR_INIT;
	json_t *doc = NULL, *m;

	(void)state;
	journal_in(&c, dir);
	a = app_with(&c, &ops);
	given = world();
	assert_int_equal(app_evacuate_plan(&a, &r, &doc, &e), 0);
	m = json_object_get(doc, "members");
	assert_int_equal(json_array_size(m), 2);
	assert_int_equal(json_array_size(json_object_get(doc, "nowhere")), 1);
	given = world();
	assert_int_equal(app_batch_holds(&a, doc, &e), 0);
	json_object_set(json_array_get(m, 0), "target",
			json_object_get(json_array_get(m, 1), "target"));
	given = world();
	refused(app_batch_holds(&a, doc, &e), &e, ERR_REFUSED,
		"no more than 1 are to go there");
	json_decref(doc);
	journal_gone(&c, dir);
}

/* A batch in the journal: it has brought UUID to c30, away from c31, by a job
 * that ended when nobody ran it any more. */
static void brought(const struct config *c, const char *uuid)
{
	json_t *plan = json_pack("{s:s s:s s:[{s:{s:s s:s} s:s s:s}]}", "kind",
				 "evacuate", "host", "c31", "members",
				 "instance", "uuid", uuid, "name", "x",
				 "source", "c31", "target", "c30");
	struct err e = ERR_INIT;
	struct journal *j = journal_open(c->journal, &e);
	struct journal_key k;
	struct journal_job job = {0};
	struct batch b = {0};
	json_t *move;

	assert_int_equal(batch_create(j, plan, "me", &b, &e), 0);
	b.members[0].state = MEMBER_RUNNING;
	k = batch_key(&b);
	assert_int_equal(batch_member_set(j, &k, &b.members[0], &e), 0);
	move = json_pack("{s:s s:{s:s s:s} s:s s:s s:[{s:s}] s:{s:s s:i s:i}}",
			 "kind", "move", "instance", "uuid", uuid, "name", "x",
			 "source", "c31", "target", "c30", "steps", "step",
			 "one", "batch", "id", b.id, "member", 0, "epoch", 1);
	assert_int_equal(journal_create(j, move, "me", &job, &e), 0);
	k = journal_key(&job);
	assert_int_equal(
		journal_turn(j, &k,
			     &(struct journal_turn){.state = JOURNAL_DONE,
						    .dir = JOURNAL_FORWARD},
			     &e),
		0);
	journal_job_clear(&job);
	batch_clear(&b);
	journal_close(j);
	json_decref(move);
	json_decref(plan);
}

/* What was brought away, and has been moved on by somebody since, is nothing to
 * bring home; that is no refusal. */
static void t_moved_on(void **state)
{
	char dir[] = "/tmp/nh-fleet-XXXXXX";
	struct config c = CONFIG_INIT;
	struct app_ops ops;
	struct app a;
	struct app_return r = {.host = "c31"};
	struct err e = ERR_INIT;
	json_t *doc = NULL;

	(void)state;
	journal_in(&c, dir);
	a = app_with(&c, &ops);
	brought(&c, "9f2c1f1e-0b1d-4c57-8b9c-999999999999");
	given = world();
	refused(app_return_plan(&a, &r, &doc, &e), &e, ERR_NOTHING,
		"nothing is where that put it");
	assert_int_equal(json_array_size(json_object_get(doc, "left")), 1);
	json_decref(doc);
	journal_gone(&c, dir);
}

static void t_app(void **state)
{
	char dir[] = "/tmp/nh-fleet-XXXXXX";
	struct config c = CONFIG_INIT;
	struct app_ops ops;
	struct app a;
	struct app_request r;
	struct app_limits l;
	struct err e = ERR_INIT;
	json_t *doc, *m;

	(void)state;
	journal_in(&c, dir);
	a = app_with(&c, &ops);
	doc = app_plan_of(&a);
	assert_string_equal(text(doc, "policy"), "fill");
	assert_int_equal(app_batch_limits(doc, &l, &e), 0);
	assert_int_equal(l.parallel, 3);
	assert_int_equal(l.bwlimit, 1000000);
	m = json_array_get(json_object_get(doc, "members"), 1);
	json_object_set_new(json_object_get(m, "options"), "no_start",
			    json_false());
	assert_int_equal(app_batch_options(doc, 1, &r, &e), 0);
	assert_string_equal(r.to, text(m, "target"));
	assert_false(r.no_start); /* the member's own word */
	assert_int_equal(r.stop_timeout, 30);
	assert_int_equal(r.delta, APP_DELTA_WHOLE);
	given = world();
	assert_int_equal(app_batch_holds(&a, doc, &e), 0);
	json_object_set_new(json_object_get(m, "options"), "delta",
			    json_string("best"));
	refused(app_batch_holds(&a, doc, &e), &e, ERR_USAGE,
		"members[1].options.delta");
	json_object_del(json_object_get(m, "options"), "delta");
	json_object_set_new(json_object_get(doc, "limits"), "per_host",
			    json_integer(1));
	refused(app_batch_holds(&a, doc, &e), &e, ERR_USAGE,
		"limits.per_host is not known");
	json_decref(doc);
	journal_gone(&c, dir);
}

static void t_priority(void **state)
{
	(void)state;
	assert_int_equal(fleet_priority("7"), 7);
	assert_int_equal(fleet_priority("-2"), -2);
	assert_int_equal(fleet_priority("high"), 0);
	assert_int_equal(fleet_priority("7x"), 0);
	assert_int_equal(fleet_priority("99999999999999999999"), 0);
	assert_int_equal(fleet_priority(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_plan),      cmocka_unit_test(t_bases),
		cmocka_unit_test(t_nowhere),   cmocka_unit_test(t_tpm),
		cmocka_unit_test(t_groups),    cmocka_unit_test(t_asked),
		cmocka_unit_test(t_traits),    cmocka_unit_test(t_room),
		cmocka_unit_test(t_counted),   cmocka_unit_test(t_planned),
		cmocka_unit_test(t_no_room),   cmocka_unit_test(t_silent),
		cmocka_unit_test(t_leftovers), cmocka_unit_test(t_holds),
		cmocka_unit_test(t_shape),     cmocka_unit_test(t_refused),
		cmocka_unit_test(t_most),      cmocka_unit_test(t_app),
		cmocka_unit_test(t_priority),  cmocka_unit_test(t_control),
		cmocka_unit_test(t_moved_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
