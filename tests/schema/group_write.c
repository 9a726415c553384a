/* SPDX-License-Identifier: Apache-2.0 */
/* Every write on every release: forward, inverse, guards. */
#include "schema/world.h"

#include <stdlib.h>

static struct db db;
static struct act act;

static int up(void **state)
{
	(void)state;
	world_reset();
	open_db(&db, 0, 2);
	act_init(&act);
	return 0;
}

static int down(void **state)
{
	(void)state;
	act_clear(&act);
	db_close(&db);
	return 0;
}

static const char *const nothing[] = {NULL};

static void t_claim(void **state)
{
	static const char *const forward[] = {
		"~instances#1.locked", "~instances#1.locked_by",
		"?~instances#1.updated_at", "+instance_system_metadata#*",
		NULL};
	static const char *const inverse[] = {"?~instances#1.updated_at", NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	AUTO(strv_clear) struct strv held = STRV_INIT;
	struct db_instance i;

	(void)state;
	snap_take(&before);
	act_claim(&db, &act);
	ok(db.ops->instance(&db, U1, &i, &e));
	assert_true(i.locked);
	assert_string_equal(i.locked_by, "admin");
	assert_string_equal(i.reason, "novahaul j-test 1");
	db_instance_clear(&i);
	snap_take(&held);
	ok(db.ops->claim(&db, &act.claim, &e)); /* again: no change */
	snap_changed(&held, nothing);
	{
		AUTO(strv_clear) struct strv copy = STRV_INIT;

		for (size_t k = 0; k < before.n; k++)
			strv_add(&copy, before.v[k]);
		snap_changed(&copy, forward);
	}
	ok(db.ops->release(&db, &act.release, &e));
	ok(db.ops->release(&db, &act.release, &e));
	snap_changed(&before, inverse);
}

/* A reason that an earlier lock left behind comes back as it was. */
static void t_claim_reason(void **state)
{
	static const char *const inverse[] = {
		"?~instances#1.updated_at",
		"?~instance_system_metadata#900.updated_at", NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;

	(void)state;
	row("nova", "instance_system_metadata", "id", "900", "instance_uuid",
	    U1, "key", "locked_reason", "value", "Old Reason", "deleted", "0",
	    NULL);
	snap_take(&before);
	act_claim(&db, &act);
	assert_string_equal(act.claimed.reason, "Old Reason");
	ok(db.ops->release(&db, &act.release, &e));
	snap_changed(&before, inverse);
	/* Changed between the before image and the claim. */
	sql("UPDATE instance_system_metadata SET value = 'new' WHERE id = 900");
	snap_take(&before);
	fails(db.ops->claim(&db, &act.claim, &e), ERR_CONFLICT,
	      "locked_reason has changed");
	snap_changed(&before, nothing);
}

static void t_power(void **state)
{
	static const char *const forward[] = {
		"~instances#1.vm_state", "~instances#1.power_state",
		"?~instances#1.updated_at", "~instance_system_metadata#*",
		NULL};
	static const char *const inverse[] = {"?~instances#1.updated_at",
					      "~instance_system_metadata#*",
					      NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	AUTO(strv_clear) struct strv same = STRV_INIT;
	struct db_power back;

	(void)state;
	act_claim(&db, &act);
	back = act.power;
	back.vm_from = "active";
	back.vm_to = "stopped";
	back.power_to = 4;
	snap_take(&before);
	ok(db.ops->set_power(&db, &act.power, &e));
	snap_take(&same);
	ok(db.ops->set_power(&db, &act.power, &e));
	snap_changed(&same, nothing);
	for (size_t k = 0; k < before.n; k++)
		strv_add(&same, before.v[k]);
	snap_changed(&same, forward);
	ok(db.ops->set_power(&db, &back, &e));
	snap_changed(&before, inverse);
	/* A periodic task's power_state is no reason to stop. */
	sql("UPDATE instances SET power_state = 0 WHERE id = 1");
	ok(db.ops->set_power(&db, &act.power, &e));
}

static void moved_is(enum db_moved want)
{
	enum db_moved m;

	ok(db.ops->moved(&db, &act.rewrite, &m, &e));
	assert_int_equal(m, want);
}

/* What the forward transaction changes, by the features of the release. */
static void forward_list(struct strv *v)
{
	static const char *const always[] = {
		"~instances#1.host",	       "~instances#1.node",
		"?~instances#1.updated_at",    "+migrations#*",
		"+instance_actions#*",	       "+instance_actions_events#*",
		"~instance_system_metadata#*", NULL,
	};

	strv_addv(v, always);
	if (world.f->compute_id)
		strv_add(v, "~instances#1.compute_id");
	if (world.f->attachment_id)
		strv_add(v, "~instances#1.availability_zone");
	if (world.f->console_tokens)
		strv_add(v, "-console_auth_tokens#*");
	if (world.f->novanet) {
		strv_add(v, "~floating_ips#1.host");
		strv_add(v, "?~floating_ips#1.updated_at");
	}
}

static void inverse_list(struct strv *v)
{
	strv_add(v, "?~instances#1.updated_at");
	strv_add(v, "~instance_system_metadata#*");
	strv_add(v, "+migrations#*"); /* the reverted row */
	strv_add(v, "+instance_actions#*");
	strv_add(v, "+instance_actions_events#*");
	if (world.f->console_tokens)
		strv_add(v, "-console_auth_tokens#*");
	if (world.f->novanet)
		strv_add(v, "?~floating_ips#1.updated_at");
}

static void is(const char *want, const char *query)
{
	AUTO(mem_freep) char *v = sql_value("%s", query);

	assert_string_equal(v, want);
}

static void check_record(void)
{
	is("1", "SELECT COUNT(*) FROM migrations WHERE deleted = 0 AND "
		"source_compute = 'compute-30' AND dest_compute = 'compute-34' "
		"AND source_node = 'compute-30.example.org' AND dest_node = "
		"'compute-34.example.org' AND dest_host = '10.0.0.34' AND "
		"instance_uuid = '" U1 "' AND old_instance_type_id = 7 AND "
		"new_instance_type_id = 7 AND status = 'confirmed' AND "
		"created_at = '2026-11-21 07:00:00'");
	if (world.f->migration_type)
		is("1", "SELECT COUNT(*) FROM migrations WHERE id > 3 AND "
			"migration_type = 'migration' AND hidden = 0");
	if (world.f->mig_uuid)
		is("1",
		   "SELECT COUNT(*) FROM migrations WHERE uuid = '" MIG "'");
	if (world.f->mig_user)
		is("1", "SELECT COUNT(*) FROM migrations WHERE id > 3 AND "
			"cross_cell_move = 0 AND user_id = 'u-1' AND "
			"project_id = 'p-1'");
	if (world.f->dest_compute_id)
		is("12", "SELECT dest_compute_id FROM migrations WHERE id > 3");
	is("1", "SELECT COUNT(*) FROM instance_actions a "
		"JOIN instance_actions_events e ON e.action_id = a.id "
		"WHERE a.deleted = 0 AND e.deleted = 0 AND "
		"a.instance_uuid = '" U1 "' AND a.action = 'migrate' AND "
		"a.request_id = 'req-" MIG "' AND a.message IS NULL AND "
		"a.start_time = '2026-11-21 07:00:00' AND "
		"e.event = 'novahaul_move' AND e.result = 'Success' AND "
		"e.host = 'compute-34'");
	if (world.f->compute_id)
		is("12", "SELECT compute_id FROM instances WHERE id = 1");
	is(H34, "SELECT host FROM instances WHERE id = 1");
	is(N34, "SELECT node FROM instances WHERE id = 1");
	is(world.f->attachment_id ? "az-34" : "az-30",
	   "SELECT availability_zone FROM instances WHERE id = 1");
	if (world.f->console_tokens)
		is("1", "SELECT COUNT(*) FROM console_auth_tokens");
}

static void changed(const struct strv *before, void (*list)(struct strv *))
{
	AUTO(strv_clear) struct strv want = STRV_INIT;
	struct strv copy = STRV_INIT;

	for (size_t k = 0; k < before->n; k++)
		strv_add(&copy, before->v[k]);
	list(&want);
	snap_changed(&copy, (const char *const *)want.v);
}

static void t_rewrite(void **state)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;
	AUTO(strv_clear) struct strv same = STRV_INIT;

	(void)state;
	act_prepare(&db, &act);
	assert_int_equal(act.before.floating_ips, world.f->novanet);
	assert_int_equal(act.before.console_tokens,
			 world.f->console_tokens ? 2 : 0);
	assert_int_equal(act.before.compute_id, world.f->compute_id ? 11 : -1);
	snap_take(&before);
	moved_is(DB_MOVED_NO);
	ok(db.ops->rewrite(&db, &act.rewrite, &e));
	moved_is(DB_MOVED_YES);
	check_record();
	changed(&before, forward_list);
	snap_take(&same);
	ok(db.ops->rewrite(&db, &act.rewrite, &e));
	snap_changed(&same, nothing);
	/* The target's nova-compute has been at work meanwhile. */
	sql("UPDATE instances SET updated_at = '2027-01-01 00:00:00', "
	    "power_state = 0 WHERE id = 1");
	ok(db.ops->rewrite_undo(&db, &act.rewrite, &e));
	moved_is(DB_MOVED_UNDONE);
	changed(&before, inverse_list);
	is("1", "SELECT COUNT(*) FROM instance_actions a "
		"JOIN instance_actions_events e ON e.action_id = a.id "
		"WHERE a.message = 'Error' AND e.result = 'Error'");
	snap_take(&same);
	ok(db.ops->rewrite_undo(&db, &act.rewrite, &e));
	snap_changed(&same, nothing);
	/* There and back again by another job's record. */
	act.rewrite.migration_uuid = "88888888-8888-4888-8888-888888888888";
	act.rewrite.stamp = "2026-11-21 08:00:00";
	ok(db.ops->rewrite(&db, &act.rewrite, &e));
	moved_is(DB_MOVED_YES);
}

static void t_volumes(void **state)
{
	static const char old_info[] =
		"{\"driver_volume_type\": \"nfs\", \"multiattach\": true, "
		"\"data\": {\"export\": \"s:/e\", \"encrypted\": true}}";
	struct db_volume_change v = {.old_info = old_info,
				     .new_info = "{\"a\": 1}",
				     .new_attachment = "att-2"};
	AUTO(mem_freep)
	char *id = sql_value("SELECT id FROM block_device_mapping WHERE "
			     "instance_uuid = '" U1 "' AND volume_id = "
			     "'vol-1'");
	AUTO(strv_clear) struct strv before = STRV_INIT;

	(void)state;
	v.bdm_id = strtoll(id, NULL, 10);
	v.old_attachment = world.f->attachment_id ? "att-1" : NULL;
	act_prepare(&db, &act);
	act.rewrite.volumes = &v;
	act.rewrite.n_volumes = 1;
	v.old_info = "{\"A\": 1}";
	snap_take(&before);
	fails(db.ops->rewrite(&db, &act.rewrite, &e), ERR_CONFLICT,
	      "has changed");
	snap_changed(&before, nothing);
	v.old_info = old_info;
	ok(db.ops->rewrite(&db, &act.rewrite, &e));
	is("{\"a\": 1}", "SELECT connection_info FROM block_device_mapping "
			 "WHERE instance_uuid = '" U1 "' AND volume_id = "
			 "'vol-1'");
	is("s:/e", "SELECT JSON_VALUE(connection_info, '$.data.export') FROM "
		   "block_device_mapping WHERE instance_uuid = '" U2
		   "' AND volume_id = 'vol-1'");
	if (world.f->attachment_id)
		is("att-2", "SELECT attachment_id FROM block_device_mapping "
			    "WHERE instance_uuid = '" U1 "' AND volume_id = "
			    "'vol-1'");
	/* Compared byte by byte: another case is another value. */
	sql("UPDATE block_device_mapping SET connection_info = '{\"A\": 1}' "
	    "WHERE id = %s",
	    id);
	fails(db.ops->rewrite_undo(&db, &act.rewrite, &e), ERR_CONFLICT,
	      "has changed");
	sql("UPDATE block_device_mapping SET connection_info = '{\"a\": 1}' "
	    "WHERE id = %s",
	    id);
	ok(db.ops->rewrite_undo(&db, &act.rewrite, &e));
	is(old_info, "SELECT connection_info FROM block_device_mapping WHERE "
		     "instance_uuid = '" U1 "' AND volume_id = 'vol-1'");
}

/* Each guard by itself: the statement matches nothing, the transaction leaves
 * nothing, the message says why. */
static const struct guard {
	const char *set, *part;
	enum err_kind claim, later;
	bool back; /* holds for the inverse too */
} guards[] = {
	{"deleted = 1", "deleted", ERR_CONFLICT, ERR_CONFLICT, true},
	{"host = 'other'", "host is other", ERR_CONFLICT, ERR_CONFLICT, true},
	{"host = NULL", "host is unset", ERR_CONFLICT, ERR_CONFLICT, true},
	{"node = 'other'", "node is other", ERR_CONFLICT, ERR_CONFLICT, true},
	{"task_state = 'rebuilding'", "task_state is rebuilding", ERR_CONFLICT,
	 ERR_CONFLICT, true},
	{"vm_state = 'error'", "vm_state is error", ERR_CONFLICT, ERR_CONFLICT,
	 true},
	{"locked = 0", "unlocked", ERR_NONE, ERR_CONFLICT, true},
	{"locked = NULL", "unlocked", ERR_NONE, ERR_CONFLICT, true},
	{"locked = 1, locked_by = 'owner'", "locked by its owner", ERR_CONFLICT,
	 ERR_NONE, false},
	{"hidden = 1", "hidden", ERR_NONE, ERR_CONFLICT, false},
};

static bool applies(const struct guard *g)
{
	return strncmp(g->set, "hidden", 6) != 0 || world.f->hidden;
}

static void t_guards_claim(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++) {
		AUTO(strv_clear) struct strv before = STRV_INIT;

		if (guards[i].claim == ERR_NONE || !applies(&guards[i]))
			continue;
		world_reset();
		act.claimed.locked = -1;
		sql("UPDATE instances SET %s WHERE id = 1", guards[i].set);
		snap_take(&before);
		fails(db.ops->claim(&db, &act.claim, &e), guards[i].claim,
		      guards[i].part);
		snap_changed(&before, nothing);
	}
}

static void guard_later(const struct guard *g, bool back)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;

	world_reset();
	act_clear(&act);
	act_prepare(&db, &act);
	if (back)
		ok(db.ops->rewrite(&db, &act.rewrite, &e));
	sql("UPDATE instances SET %s WHERE id = 1", g->set);
	snap_take(&before);
	if (back) {
		fails(db.ops->rewrite_undo(&db, &act.rewrite, &e), g->later,
		      g->part);
	} else {
		fails(db.ops->rewrite(&db, &act.rewrite, &e), g->later,
		      g->part);
		if (strncmp(g->set, "hidden", 6) != 0)
			fails(db.ops->set_power(&db, &act.power, &e), g->later,
			      g->part);
	}
	snap_changed(&before, nothing);
}

static void t_guards_later(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++) {
		if (guards[i].later == ERR_NONE || !applies(&guards[i]))
			continue;
		guard_later(&guards[i], false);
		if (guards[i].back)
			guard_later(&guards[i], true);
	}
}

static void t_settled(void **state)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;

	(void)state;
	act_prepare(&db, &act);
	act.rewrite.history = DB_HISTORY_EVACUATION;
	ok(db.ops->rewrite(&db, &act.rewrite, &e));
	/* The source's nova-compute starts and destroys its copy. */
	sql("UPDATE migrations SET status = 'completed' WHERE id > 3");
	moved_is(DB_MOVED_SETTLED);
	snap_take(&before);
	fails(db.ops->rewrite_undo(&db, &act.rewrite, &e), ERR_REFUSED,
	      "settled the record");
	snap_changed(&before, nothing);
	sql("DELETE FROM migrations WHERE id > 3");
	moved_is(DB_MOVED_UNKNOWN);
	fails(db.ops->rewrite_undo(&db, &act.rewrite, &e), ERR_CONFLICT,
	      "record of this move");
}

static void t_floating_count(void **state)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;

	(void)state;
	if (!world.f->novanet)
		return;
	act_prepare(&db, &act);
	sql("UPDATE floating_ips SET host = 'elsewhere' WHERE id = 1");
	snap_take(&before);
	fails(db.ops->rewrite(&db, &act.rewrite, &e), ERR_CONFLICT,
	      "0 floating addresses");
	snap_changed(&before, nothing);
}

static void t_takeover(void **state)
{
	static const char *const forward[] = {"~instance_system_metadata#*",
					      NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;

	(void)state;
	fails(db.ops->claim_takeover(&db, &act.takeover, &e), ERR_CONFLICT,
	      "is gone");
	act_prepare(&db, &act);
	snap_take(&before);
	ok(db.ops->claim_takeover(&db, &act.takeover, &e));
	snap_changed(&before, forward);
	snap_take(&before);
	fails(db.ops->claim_takeover(&db, &act.takeover, &e), ERR_STALE,
	      "epoch 2");
	fails(db.ops->set_power(&db, &act.power, &e), ERR_STALE, "taken over");
	fails(db.ops->rewrite(&db, &act.rewrite, &e), ERR_STALE, "taken over");
	fails(db.ops->rewrite_undo(&db, &act.rewrite, &e), ERR_STALE,
	      "taken over");
	fails(db.ops->release(&db, &act.release, &e), ERR_STALE, "taken over");
	fails(db.ops->claim(&db, &act.claim, &e), ERR_LOCKED, "j-test");
	snap_changed(&before, nothing);
	act.takeover.by.epoch = 7; /* the journal is lost: any lower epoch */
	act.takeover.old_epoch = 0;
	ok(db.ops->claim_takeover(&db, &act.takeover, &e));
	act.takeover.by.job = "j-other";
	fails(db.ops->claim_takeover(&db, &act.takeover, &e), ERR_STALE,
	      "j-test");
	/* An administrator unlocks through Nova. */
	sql("UPDATE instances SET locked = 0, locked_by = NULL WHERE id = 1; "
	    "UPDATE instance_system_metadata SET deleted = id WHERE "
	    "`key` = 'locked_reason' AND deleted = 0");
	act.rewrite.by.epoch = 7;
	snap_take(&before);
	fails(db.ops->rewrite(&db, &act.rewrite, &e), ERR_CONFLICT, "unlocked");
	snap_changed(&before, nothing);
}

int group_write(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_claim, up, down),
		cmocka_unit_test_setup_teardown(t_claim_reason, up, down),
		cmocka_unit_test_setup_teardown(t_power, up, down),
		cmocka_unit_test_setup_teardown(t_rewrite, up, down),
		cmocka_unit_test_setup_teardown(t_volumes, up, down),
		cmocka_unit_test_setup_teardown(t_guards_claim, up, down),
		cmocka_unit_test_setup_teardown(t_guards_later, up, down),
		cmocka_unit_test_setup_teardown(t_settled, up, down),
		cmocka_unit_test_setup_teardown(t_floating_count, up, down),
		cmocka_unit_test_setup_teardown(t_takeover, up, down),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
