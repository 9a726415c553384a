/* SPDX-License-Identifier: Apache-2.0 */
/* The whole cell, and the one row that audit writes, on every release. */
#include "schema/world.h"

#include <stdlib.h>

#include "db/audit.h"
#include "db/service.h"

#define EVAC "900" /* an evacuation of U1 from compute-34, long over */

static struct db db;
static const struct db_settle settle = {.id = 900,
					.uuid = U1,
					.source = H34,
					.from = "done",
					.to = "completed"};
static const struct db_settle back = {.id = 900,
				      .uuid = U1,
				      .source = H34,
				      .from = "completed",
				      .to = "done"};

static int up(void **state)
{
	(void)state;
	world_reset();
	row("nova", "migrations", "id", EVAC, "uuid", MIG, "instance_uuid", U1,
	    "source_compute", H34, "dest_compute", H30, "status", "done",
	    "migration_type", "evacuation", "deleted", "0", "created_at",
	    "2026-01-01 00:00:00", NULL);
	open_db(&db, 0, 2);
	return 0;
}

static int down(void **state)
{
	(void)state;
	db_close(&db);
	return 0;
}

static void t_cell(void **state)
{
	AUTO(db_cell_clear) struct db_cell c = {0};
	AUTO(db_cell_clear) struct db_cell again = {0};
	bool armed = false, u4 = false, yes;

	(void)state;
	ok(db_cell_read(&db, &c, &e));
	assert_true(strv_has(&c.hosts, H30) && strv_has(&c.hosts, H34));
	assert_string_equal(c.servers[0].uuid, U1);
	assert_string_equal(c.servers[0].host, H30);
	for (size_t i = 0; i < c.n_servers; i++)
		u4 |= !strcmp(c.servers[i].uuid, U4);
	assert_false(u4);
	for (size_t i = 0; i < c.n_migrations; i++)
		armed |= c.migrations[i].m.id == 900 &&
			 db_migration_arms(&c.migrations[i].m, H34);
	assert_int_equal(armed, world.f->migration_type);
	ok(db_cell_servers(&db, &again, &e));
	assert_int_equal(again.n_servers, c.n_servers);
	ok(db_cell_deleted(&db, U4, &yes, &e));
	assert_true(yes);
	ok(db_cell_deleted(&db, U1, &yes, &e));
	assert_false(yes);
}

static void t_settle(void **state)
{
	static const char *const forward[] = {
		"~migrations#900.status", "~migrations#900.updated_at", NULL};
	static const char *const there[] = {"~migrations#900.updated_at", NULL};
	static const char *const none[] = {NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	AUTO(strv_clear) struct strv copy = STRV_INIT;
	AUTO(mem_freep) char *status = NULL;

	(void)state;
	if (!world.f->migration_type) { /* nothing is acted on there */
		fails(db_settle(&db, &settle, &e), ERR_CONFLICT, "at work");
		return;
	}
	snap_take(&before);
	ok(db_settle(&db, &settle, &e));
	ok(db_settle_status(&db, &settle, &status, &e));
	assert_string_equal(status, "completed");
	for (size_t k = 0; k < before.n; k++)
		strv_add(&copy, before.v[k]);
	snap_changed(&copy, forward);
	snap_take(&copy);
	ok(db_settle(&db, &settle, &e)); /* again: no change */
	snap_changed(&copy, none);
	ok(db_settle(&db, &back, &e));
	ok(db_settle(&db, &back, &e));
	snap_changed(&before, there);
}

static void t_settle_guards(void **state)
{
	struct db_settle other = settle;
	AUTO(mem_freep) char *status = NULL;

	(void)state;
	other.uuid = U2;
	fails(db_settle(&db, &other, &e), ERR_CONFLICT, "gone");
	other = settle;
	other.source = H30;
	fails(db_settle(&db, &other, &e), ERR_CONFLICT, "gone");
	other = settle;
	other.from = "accepted";
	fails(db_settle(&db, &other, &e), ERR_CONFLICT, "is done now");
	if (!world.f->migration_type)
		return;
	sql("UPDATE instances SET task_state = 'rebuilding' WHERE uuid = '" U1
	    "'");
	fails(db_settle(&db, &settle, &e), ERR_CONFLICT, "at work");
	sql("UPDATE instances SET task_state = NULL WHERE uuid = '" U1 "'");
	sql("UPDATE migrations SET migration_type = 'migration' WHERE id "
	    "= " EVAC);
	fails(db_settle(&db, &settle, &e), ERR_CONFLICT, "at work");
	ok(db_settle_status(&db, &settle, &status, &e));
	assert_string_equal(status, "done");
	/* Nova acts on deleted rows, too. */
	sql("UPDATE migrations SET migration_type = 'evacuation', deleted = id "
	    "WHERE id = " EVAC);
	ok(db_settle(&db, &settle, &e));
}

/* Nova may use a host again, and its heartbeat is not touched. */
static void t_service(void **state)
{
	AUTO(db_service_clear) struct db_service now = {0};
	struct db_service_change x = {
		.host = H34,
		.from = {true, world.f->service_seen, (char *)"novahaul x"}};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	static const char *const none[] = {NULL};

	(void)state;
	sql("UPDATE services SET disabled = 1, disabled_reason = 'novahaul x' "
	    "WHERE host = '" H34 "'");
	if (world.f->service_seen)
		sql("UPDATE services SET forced_down = 1 WHERE host = '" H34
		    "'");
	snap_take(&before);
	ok(db_service_set(&db, &x, &e));
	ok(db_service_get(&db, H34, &now, &e));
	assert_false(now.disabled || now.forced_down || now.reason);
	ok(db_service_set(&db, &x, &e)); /* again */
	x.to = x.from;
	x.from = (struct db_service){0};
	ok(db_service_set(&db, &x, &e));
	snap_changed(&before, none);
	x.from.disabled = false;
	x.to = (struct db_service){0};
	x.from.forced_down = world.f->service_seen;
	fails(db_service_set(&db, &x, &e), ERR_CONFLICT, "somebody else");
	fails(db_service_get(&db, "nowhere", &now, &e), ERR_REFUSED,
	      "0 nova-compute services");
}

int group_audit(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_cell, up, down),
		cmocka_unit_test_setup_teardown(t_settle, up, down),
		cmocka_unit_test_setup_teardown(t_settle_guards, up, down),
		cmocka_unit_test_setup_teardown(t_service, up, down),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
