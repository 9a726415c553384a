/* SPDX-License-Identifier: Apache-2.0 */
/* A whole host, on every release. */
#include "schema/world.h"

#include "db/fleet.h"

static struct db db;

static int up(void **state)
{
	(void)state;
	world_reset();
	row("nova", "instance_metadata", "instance_uuid", U2, "key",
	    "novahaul:priority", "value", "9", "deleted", "0", NULL);
	row("nova", "instance_metadata", "instance_uuid", U1, "key",
	    "novahaul:priority", "value", "5", "deleted", "3", NULL);
	open_db(&db, 0, 2);
	return 0;
}

static int down(void **state)
{
	(void)state;
	db_close(&db);
	return 0;
}

/* What db_ops.server reads one by one. */
static void same(const struct db_fleet_server *v)
{
	AUTO(db_server_clear) struct db_server one = {0};
	const struct db_server *s = &v->srv;

	ok(db.ops->server(&db, s->inst.uuid, &one, &e));
	assert_int_equal(s->inst.id, one.inst.id);
	assert_string_equal(s->inst.name, one.inst.name);
	assert_string_equal(s->inst.vm_state, one.inst.vm_state);
	assert_int_equal(s->inst.vcpus, one.inst.vcpus);
	assert_int_equal(s->inst.compute_id, one.inst.compute_id);
	assert_int_equal(s->n_bdms, one.n_bdms);
	for (size_t i = 0; i < one.n_bdms; i++) {
		assert_int_equal(s->bdms[i].id, one.bdms[i].id);
		assert_int_equal(s->bdms[i].boot_index, one.bdms[i].boot_index);
		assert_int_equal(s->bdms[i].encrypted, one.bdms[i].encrypted);
	}
	assert_int_equal(s->extra_specs.n, one.extra_specs.n);
	assert_string_equal(db_pairs_get(&s->extra_specs, "hw:cpu_policy"),
			    "shared");
	assert_int_equal(s->migration_context, one.migration_context);
	assert_int_equal(s->pci_devices, one.pci_devices);
	assert_int_equal(s->has_request_spec, one.has_request_spec);
	if (one.asked_az)
		assert_string_equal(s->asked_az, one.asked_az);
	else
		assert_null(s->asked_az);
	assert_int_equal(s->flavor_swap_mb, 64);
}

static void t_servers(void **state)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;
	static const char *const none[] = {NULL};
	AUTO(db_fleet_clear) struct db_fleet f = {0};

	(void)state;
	snap_take(&before);
	ok(db_fleet_read(&db, H30, &f, &e));
	snap_changed(&before, none);
	assert_int_equal(f.n_servers, 2);
	assert_string_equal(f.servers[0].srv.inst.uuid, U1);
	assert_string_equal(f.servers[1].srv.inst.uuid, U2);
	same(&f.servers[0]);
	same(&f.servers[1]);
	assert_null(f.servers[0].priority);
	assert_string_equal(f.servers[1].priority, "9");
	assert_int_equal(f.servers[1].srv.n_migrations, 1);
	assert_true(db_migration_in_flight(&f.servers[1].srv.migrations[0]));
	/* under way: of U2 alone */
	assert_int_equal(f.n_migrations, 1);
	assert_string_equal(f.migrations[0].instance, U2);
	assert_string_equal(f.migrations[0].m.dest_compute, H34);
	/* records that still act, of U1: only where there are types */
	assert_int_equal(f.servers[0].srv.n_migrations,
			 world.f->migration_type ? 1 : 0);
	db_fleet_clear(&f);
	ok(db_fleet_read(&db, "compute-99", &f, &e));
	assert_int_equal(f.n_servers, 0);
	assert_null(db_fleet_host(&f, "compute-99"));
}

static void t_hosts(void **state)
{
	AUTO(db_fleet_clear) struct db_fleet f = {0};
	const struct db_fleet_host *h;

	(void)state;
	sql("UPDATE block_device_mapping SET destination_type = 'volume' WHERE "
	    "instance_uuid = '" U2 "' AND boot_index = 0");
	if (world.f->cn_ratio)
		sql("UPDATE compute_nodes SET cpu_allocation_ratio = 4.5, "
		    "ram_allocation_ratio = 0.0 WHERE id = 12");
	ok(db_fleet_read(&db, H30, &f, &e));
	h = db_fleet_host(&f, H34);
	assert_non_null(h);
	assert_string_equal(h->h.node, N34);
	assert_string_equal(h->h.az, "az-34");
	assert_string_equal(h->h.cpu_model, "Broadwell");
	assert_int_equal(h->nodes, 1);
	assert_int_equal(h->instances, 2);
	assert_int_equal(h->vcpus, 2);
	assert_int_equal(h->memory_mb, 1024);
	assert_int_equal(h->gb, 20);
	assert_true(h->cpu_ratio == (world.f->cn_ratio ? 4.5 : 0));
	assert_true(h->ram_ratio == 0);
	h = db_fleet_host(&f, H30);
	assert_null(h->h.az);
	assert_int_equal(h->instances, 2);
	assert_int_equal(h->gb, 10); /* U2 boots from a volume */
	h = db_fleet_host(&f, "compute-60");
	assert_true(h->h.disabled);
	assert_int_equal(db_fleet_host(&f, "compute-70")->h.forced_down,
			 world.f->service_seen);
	h = db_fleet_host(&f, "ironic-1");
	if (world.f->cn_host)
		assert_int_equal(h->nodes, 2);
	assert_string_equal(db_fleet_home(&f, U5)->host, H34);
	assert_null(db_fleet_home(&f, U4));
	if (!world.f->cn_host)
		return;
	db_fleet_clear(&f);
	sql("UPDATE compute_nodes SET host = NULL WHERE id = 12");
	ok(db_fleet_read(&db, H30, &f, &e));
	assert_string_equal(db_fleet_host(&f, H34)->h.node, N34);
}

static void t_groups(void **state)
{
	AUTO(db_fleet_clear) struct db_fleet f = {0};

	(void)state;
	ok(db_fleet_read(&db, H30, &f, &e));
	assert_int_equal(f.n_groups, 1);
	assert_string_equal(f.groups[0].policy, "anti-affinity");
	assert_int_equal(f.groups[0].rules != NULL, world.f->api_rules);
	assert_int_equal(f.groups[0].n_members, 2);
	assert_string_equal(f.groups[0].members[1].uuid, U5);
	assert_string_equal(f.groups[0].members[1].host, H34);
	assert_int_equal(f.n_aggregates, 1);
	assert_true(strv_has(&f.aggregates[0].hosts, H34));
	assert_string_equal(
		db_pairs_get(&f.aggregates[0].meta, "availability_zone"),
		"az-34");
	db_fleet_clear(&f);
	/* U5 and U3 are there: the group is of no instance of compute-60 */
	ok(db_fleet_read(&db, "compute-60", &f, &e));
	assert_int_equal(f.n_groups, 0);
	assert_int_equal(f.n_servers, 0);
}

/* More than one statement's worth of what users asked for. */
static void t_many(void **state)
{
	AUTO(db_fleet_clear) struct db_fleet f = {0};
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 40; i++) {
		AUTO(mem_freep)
		char *u =
			mem_printf("66666666-0000-4000-8000-0000000000%02d", i);
		AUTO(mem_freep) char *id = mem_printf("%d", 100 + i);
		AUTO(mem_freep)
		char *spec = mem_printf("{\"nova_object.data\": "
					"{\"availability_zone\": \"z%d\"}}",
					i);

		row("nova", "instances", "id", id, "uuid", u, "host", H30,
		    "node", N30, "vm_state", "active", "deleted", "0",
		    "memory_mb", "1", "vcpus", "1", "root_gb", "0",
		    "ephemeral_gb", "0", "instance_type_id", "7", NULL);
		if (world.f->api_specs)
			row("nova_api", "request_specs", "instance_uuid", u,
			    "spec", spec, NULL);
	}
	ok(db_fleet_read(&db, H30, &f, &e));
	assert_int_equal(f.n_servers, 42);
	for (size_t i = 0; i < 42; i++)
		n += f.servers[i].srv.has_request_spec;
	assert_int_equal(n, world.f->api_specs ? 41 : 0);
	if (world.f->api_specs)
		assert_string_equal(f.servers[41].srv.asked_az, "z39");
}

int group_fleet(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_servers, up, down),
		cmocka_unit_test_setup_teardown(t_hosts, up, down),
		cmocka_unit_test_setup_teardown(t_groups, up, down),
		cmocka_unit_test_setup_teardown(t_many, up, down),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
