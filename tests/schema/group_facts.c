/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold on the schema of every release. */
#include "schema/world.h"

#include <stdlib.h>

static struct db db;
static size_t statements;

static int up(void **state)
{
	(void)state;
	world_reset();
	open_db(&db, 0, 2);
	return 0;
}

static int down(void **state)
{
	(void)state;
	db_close(&db);
	return 0;
}

static void t_schema(void **state)
{
	AUTO(db_schema_clear) struct db_schema s = {0};

	(void)state;
	ok(db.ops->schema(&db, &s, &e));
	if (s.exact)
		assert_string_equal(s.release, world.release);
	assert_memory_equal(&s.f, world.f, sizeof(s.f));
	assert_string_equal(s.url + strlen("mysql+pymysql://nova:"),
			    strstr(s.url, "***@localhost"));
	assert_int_equal(s.destroys_by_host,
			 world.index <= release_index("kilo"));
}

/* As it stands in the release's own schema, with every parameter NULL. */
static void t_statements(void **state)
{
	const struct sql_args nothing = {.all_null = true};
	size_t n = 0;

	(void)state;
	for (const struct sql_text *t = sql_texts; t->name; t++) {
		struct my_conn *c = strncmp(t->name, "api.", 4) ? &MY(&db)->cell
								: &MY(&db)->api;
		AUTO(my_rows_clear) struct my_rows r = {0};
		AUTO(sql_ready_clear) struct sql_ready q = {0};

		if (!strncmp(t->name, "session.", 8) ||
		    !strncmp(t->name, "schema.", 7) ||
		    !strncmp(t->name, "w.", 2) || !strncmp(t->name, "sw.", 3) ||
		    (c->url->name == NULL))
			continue;
		ok(sql_expand(t, world.f, true, &q, &e));
		ok(my_select(c, t->name, &nothing, &r, &e));
		n += q.text.len > 0;
	}
	ok(db.ops->rights(&db, &e));
	ok(rights_try(&MY(&db)->cell, "sw.", &e));
	for (const struct sql_text *t = sql_texts; t->name; t++) {
		AUTO(sql_ready_clear) struct sql_ready q = {0};

		ok(sql_expand(t, world.f, true, &q, &e));
		n += q.text.len && (!strncmp(t->name, "session.", 8) ||
				    !strncmp(t->name, "schema.", 7) ||
				    !strncmp(t->name, "sw.", 3) ||
				    !strncmp(t->name, "w.", 2));
	}
	statements += n;
	assert_true(n > 40);
}

static void t_find(void **state)
{
	char uuid[UUID_LEN + 1];

	(void)state;
	ok(db.ops->find(&db, "web-1", uuid, &e));
	assert_string_equal(uuid, U1);
	ok(db.ops->find(&db, U2, uuid, &e));
	assert_string_equal(uuid, U2);
	fails(db.ops->find(&db, "nobody", uuid, &e), ERR_REFUSED, "no server");
	fails(db.ops->find(&db, "twin", uuid, &e), ERR_REFUSED, "2 servers");
	fails(db.ops->find(&db, "Web-1", uuid, &e), ERR_REFUSED, "2 servers");
	fails(db.ops->find(&db, U4, uuid, &e), ERR_REFUSED, "deleted");
	fails(db.ops->find(&db, "77777777-7777-4777-8777-777777777777", uuid,
			   &e),
	      ERR_REFUSED, "no server");
	fails(db.ops->find(&db, "x' OR 'a'='a", uuid, &e), ERR_REFUSED,
	      "no server");
	{
		struct err e = ERR_INIT;

		assert_int_equal(db.ops->find(&db, "twin", uuid, &e), -1);
		assert_non_null(strstr(e.hint, U2));
		assert_non_null(strstr(e.hint, U3));
		err_clear(&e);
	}
}

static void t_archived(void **state)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	bool yes;

	(void)state;
	fails(db.ops->instance(&db, U90, &row, &e), ERR_CONFLICT, "is gone");
	ok(db.ops->archived(&db, U90, &yes, &e));
	assert_true(yes);
	ok(db.ops->archived(&db, U91, &yes, &e));
	assert_false(yes);
	ok(db.ops->archived(&db, U1, &yes, &e));
	assert_false(yes);
}

static void fault_is(const char *host, const char *want)
{
	char *why = NULL;

	ok(db.ops->fault(&db, U1, host, &why, &e));
	if (want)
		assert_string_equal(why, want);
	else
		assert_null(why);
	mem_free(why);
}

/* The newest of this host: of a traceback what it was, else Nova's word. */
static void t_fault(void **state)
{
	(void)state;
	fault_is(H30, "libvirt.libvirtError: no disk");
	fault_is(H34, "NoValidHost");
	fault_is("elsewhere", NULL);
}

static void evacuation_is(const char *uuid, const char *host, int64_t id,
			  const char *status)
{
	AUTO(db_evacuation_clear) struct db_evacuation v = {0};

	ok(db.ops->evacuation(&db, uuid, host, &v, &e));
	assert_int_equal(v.id, id);
	if (!id)
		return;
	assert_string_equal(v.status, status);
	assert_string_equal(v.to, H30);
}

/* Nova's own record, of that source alone; a deleted one as well, for Nova acts
 * on it. */
static void t_evacuation(void **state)
{
	bool told = has_column("nova", "migrations", "migration_type");

	(void)state;
	evacuation_is(U1, H34, told ? 2 : 0, "done");
	evacuation_is(U1, H30, 0, NULL);
	evacuation_is(U2, H30, 0, NULL);
}

static int users_of(const char *host, const char *export)
{
	const struct db_share s = {.uuid = U1, .host = host, .export = export};
	int n = -1;

	ok(db.ops->share_users(&db, &s, &n, &e));
	return n;
}

static void t_connection(void **state)
{
	AUTO(db_connection_clear) struct db_connection k = {0};
	AUTO(mem_freep)
	char *id = sql_value("SELECT id FROM block_device_mapping WHERE "
			     "instance_uuid = '" U1 "' AND volume_id = "
			     "'vol-1'");
	int64_t bdm = strtoll(id, NULL, 10);

	(void)state;
	ok(db.ops->connection(&db, U1, bdm, &k, &e));
	assert_string_equal(k.info, "{\"driver_volume_type\": \"nfs\", "
				    "\"multiattach\": true, \"data\": "
				    "{\"export\": \"s:/e\", "
				    "\"encrypted\": true}}");
	if (world.f->attachment_id)
		assert_string_equal(k.attachment_id, "att-1");
	db_connection_clear(&k);
	fails(db.ops->connection(&db, U2, bdm, &k, &e), ERR_CONFLICT,
	      "is gone");
	/* that of U2, which is on the same host */
	assert_int_equal(users_of(H30, "s:/e"), 1);
	assert_int_equal(users_of(H30, "s:/other"), 0);
	assert_int_equal(users_of(H34, "s:/e"), 0);
	/* being attached: its record does not say yet what it needs */
	sql("UPDATE block_device_mapping SET connection_info = NULL WHERE "
	    "instance_uuid = '" U2 "'");
	assert_int_equal(users_of(H30, "s:/other"), 1);
}

static void facts_instance(const struct db_instance *i)
{
	assert_int_equal(i->id, 1);
	assert_string_equal(i->uuid, U1);
	assert_string_equal(i->name, "web-1");
	assert_string_equal(i->host, H30);
	assert_string_equal(i->node, N30);
	assert_string_equal(i->vm_state, "stopped");
	assert_int_equal(i->power_state, 4);
	assert_null(i->task_state);
	assert_null(i->reason); /* only a deleted one is there */
	assert_false(i->locked);
	assert_false(i->deleted);
	assert_int_equal(i->compute_id, world.f->compute_id ? 11 : -1);
	assert_string_equal(i->config_drive, "True");
	assert_int_equal(i->memory_mb, 512);
	assert_string_equal(i->created_at, "2026-11-20 10:00:00");
}

static void facts_devices(const struct db_server *s)
{
	assert_int_equal(s->n_bdms, 2);
	assert_int_equal(s->bdms[0].boot_index, 0);
	assert_string_equal(s->bdms[0].destination_type, "local");
	assert_null(s->bdms[0].driver);
	assert_int_equal(s->bdms[1].boot_index, -1);
	assert_string_equal(s->bdms[1].volume_id, "vol-1");
	assert_string_equal(s->bdms[1].driver, "nfs");
	assert_true(s->bdms[1].multiattach);
	assert_true(s->bdms[1].encrypted);
	assert_int_equal(strlen(s->bdms[1].info_digest), 64);
	if (world.f->attachment_id)
		assert_string_equal(s->bdms[1].attachment_id, "att-1");
	assert_int_equal(s->n_vifs, 1);
	assert_string_equal(s->vifs[0].bridge, "br-int");
	assert_string_equal(s->vifs[0].devname, "tapp1");
	assert_int_equal(s->vifs[0].mtu, 1450);
	assert_true(s->vifs[0].hybrid_plug);
	assert_int_equal(s->vifs[0].profile_keys.n, 1);
	assert_string_equal(s->vifs[0].profile_keys.v[0], "pci_slot");
}

static void facts_rest(const struct db_server *s)
{
	bool type = world.f->migration_type;

	assert_int_equal(s->n_migrations, 2);
	assert_int_equal(db_migration_arms(&s->migrations[1], H34), type);
	assert_false(db_migration_arms(&s->migrations[0], H34));
	assert_false(db_migration_in_flight(&s->migrations[0]));
	assert_int_equal(s->n_groups, 1);
	assert_string_equal(s->groups[0].policy, "anti-affinity");
	assert_int_equal(s->groups[0].n_members, 1);
	assert_string_equal(s->groups[0].members[0].uuid, U5);
	assert_string_equal(s->groups[0].members[0].host, H34);
	assert_int_equal(s->groups[0].rules != NULL, world.f->api_rules);
	assert_int_equal(s->nova_net_ips, world.f->novanet ? 2 : 0);
	assert_int_equal(s->pci_devices, 0);
	assert_string_equal(db_pairs_get(&s->extra_specs, "hw:cpu_policy"),
			    "shared");
	assert_string_equal(db_pairs_get(&s->sysmeta, "image_hw_firmware_type"),
			    "uefi");
	assert_int_equal(s->cell_id, world.api ? 2 : -1);
	assert_int_equal(s->has_request_spec, world.f->api_specs);
	assert_int_equal(s->allocations, world.f->api_placement ? 1 : 0);
	if (world.f->api_specs)
		assert_string_equal(s->asked_az, "az-30");
	if (world.f->extra_flavor) {
		assert_string_equal(s->flavor_name, "m1.small");
		assert_int_equal(s->flavor_swap_mb, 64);
	}
}

static void t_server(void **state)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;
	static const char *const none[] = {NULL};
	struct db_server s = {0};

	(void)state;
	snap_take(&before);
	ok(db.ops->server(&db, U1, &s, &e));
	facts_instance(&s.inst);
	facts_devices(&s);
	facts_rest(&s);
	assert_false(s.pci_requests || s.numa || s.cpu_pinned || s.hugepages ||
		     s.resources || s.migration_context || s.build_request);
	db_server_clear(&s);
	ok(db.ops->server(&db, U2, &s, &e));
	assert_true(db_migration_in_flight(&s.migrations[0]));
	assert_int_equal(s.n_groups, 0);
	db_server_clear(&s);
	snap_changed(&before, none);
	fails(db.ops->server(&db, "77777777-7777-4777-8777-777777777777", &s,
			     &e),
	      ERR_CONFLICT, "gone");
}

static void t_host(void **state)
{
	struct db_host h = {0};

	(void)state;
	ok(db.ops->host(&db, H34, &h, &e));
	assert_string_equal(h.node, N34);
	assert_int_equal(h.compute_id, 12);
	assert_string_equal(h.cpu_arch, "x86_64");
	assert_string_equal(h.cpu_features.v[1], "avx2");
	assert_string_equal(h.az, "az-34");
	assert_true(h.seen_age_s > 3600);
	assert_false(h.disabled || h.forced_down);
	assert_int_equal(h.cell_id, world.f->api_hosts ? 2 : -1);
	assert_int_equal(h.compute_uuid != NULL, world.f->cn_uuid);
	db_host_clear(&h);
	sql("UPDATE services SET updated_at = UTC_TIMESTAMP()%s WHERE id = 1",
	    world.f->service_seen ? ", last_seen_up = UTC_TIMESTAMP()" : "");
	ok(db.ops->host(&db, H30, &h, &e));
	assert_true(h.seen_age_s >= 0 && h.seen_age_s < 60);
	assert_null(h.az);
	db_host_clear(&h);
	ok(db.ops->host(&db, "compute-60", &h, &e));
	assert_true(h.disabled);
	assert_string_equal(h.disabled_reason, "broken fan");
	db_host_clear(&h);
	ok(db.ops->host(&db, "compute-70", &h, &e));
	assert_int_equal(h.forced_down, world.f->service_seen);
	db_host_clear(&h);
	fails(db.ops->host(&db, "ironic-1", &h, &e), ERR_REFUSED,
	      world.f->cn_host ? "2 compute nodes" : "");
	fails(db.ops->host(&db, "compute-99", &h, &e), ERR_REFUSED,
	      "no compute host");
	if (!world.f->cn_host)
		return;
	/* Kilo fills compute_nodes.host as each host reports. */
	sql("UPDATE compute_nodes SET host = NULL WHERE id = 12");
	ok(db.ops->host(&db, H34, &h, &e));
	assert_string_equal(h.node, N34);
	db_host_clear(&h);
}

static void t_half_migrated(void **state)
{
	struct db other = {0};

	(void)state;
	if (world.f->shares) {
		sql("CREATE TABLE keep LIKE share_mapping; "
		    "DROP TABLE share_mapping");
		fails(try_open(&other, "nova", PASSWORD, 0, 0, &e), ERR_REFUSED,
		      "share_mapping.share_id is missing");
		sql("RENAME TABLE keep TO share_mapping");
	} else {
		sql("CREATE TABLE share_mapping (share_id INT)");
		fails(try_open(&other, "nova", PASSWORD, 0, 0, &e), ERR_REFUSED,
		      "share_mapping.share_id is there");
		sql("DROP TABLE share_mapping");
	}
	if (releases[world.index].cell_rev) {
		/* Xena to 2023.1 keep the old table beside the new one. */
		sql("CREATE TABLE migrate_version (repository_id VARCHAR(250), "
		    "version INT); "
		    "INSERT INTO migrate_version VALUES ('nova', 422)");
		ok(try_open(&other, "nova", PASSWORD, 0, 0, &e));
		db_close(&other);
		sql("DROP TABLE migrate_version; "
		    "UPDATE alembic_version SET version_num = 'd60bddf7a903'");
		fails(try_open(&other, "nova", PASSWORD, 0, 0, &e), ERR_REFUSED,
		      "d60bddf7a903");
		sql("INSERT INTO alembic_version VALUES ('ccb0fa1a2252')");
		fails(try_open(&other, "nova", PASSWORD, 0, 0, &e), ERR_REFUSED,
		      "several rows");
		sql("DELETE FROM alembic_version; INSERT INTO alembic_version "
		    "VALUES ('%s')",
		    releases[world.index].cell_rev);
	} else {
		AUTO(mem_freep)
		char *n = sql_value("SELECT version FROM migrate_version");

		sql("UPDATE migrate_version SET version = 99");
		fails(try_open(&other, "nova", PASSWORD, 0, 0, &e), ERR_REFUSED,
		      "99");
		sql("UPDATE migrate_version SET version = %s", n);
	}
	ok(try_open(&other, "nova", PASSWORD, 0, 0, &e));
	db_close(&other);
}

int group_facts(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_schema, up, down),
		cmocka_unit_test_setup_teardown(t_statements, up, down),
		cmocka_unit_test_setup_teardown(t_find, up, down),
		cmocka_unit_test_setup_teardown(t_archived, up, down),
		cmocka_unit_test_setup_teardown(t_fault, up, down),
		cmocka_unit_test_setup_teardown(t_evacuation, up, down),
		cmocka_unit_test_setup_teardown(t_connection, up, down),
		cmocka_unit_test_setup_teardown(t_server, up, down),
		cmocka_unit_test_setup_teardown(t_host, up, down),
		cmocka_unit_test_setup_teardown(t_half_migrated, up, down),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}

size_t group_facts_statements(void)
{
	return statements;
}
