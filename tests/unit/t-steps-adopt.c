/* SPDX-License-Identifier: Apache-2.0 */
/* A rescue whose disks Nova's own evacuate takes over. */
#include "unit/steps-lab.h"

#include "engine/txn.h"

static const struct fake_options adopted = {
	.name = "adopted",
	.running = true,
	.start = true,
	.cloud = true,
	.nova_start = true,
	.volumes = 1,
	.sure = true,
	.dead = true,
	.adopt = true,
};

static uint64_t before[sizeof(struct fake_host) / 8 + 1];
static int asked;

/* Each time the row is looked at, time passes, and Nova goes on. */
static int ticks(struct db *db, const char *uuid, struct db_instance *out,
		 struct err *e)
{
	for (int i = 0; i < 20; i++)
		fake_tick(t.fw);
	return fake_db_ops.instance(db, uuid, out, e);
}

static void start_of(void)
{
	asked = 0;
	begin(adopted);
	t.db.instance = ticks;
	memcpy(before, &t.fw->h[SRC], sizeof(struct fake_host));
}

/* Not one byte of the dead host has changed. */
static void untouched(void)
{
	assert_false(t.fw->touched);
	assert_memory_equal(before, &t.fw->h[SRC], sizeof(struct fake_host));
}

static void row_is(const char *host, const char *vm)
{
	const struct fake_row *r = &t.fw->row;

	assert_string_equal(r->host, host);
	assert_string_equal(r->vm_state, vm);
	assert_string_equal(r->task_state, "");
	assert_false(r->locked);
	assert_string_equal(r->reason, "");
	assert_int_not_equal(t.fw->h[DST].lease.state, LEASE_HELD);
}

/* But that Nova keeps it for down. */
static void as_it_was(void)
{
	untouched();
	row_is("compute-30", "active");
	assert_true(t.fw->down);
	assert_false(on_target(FAKE_UUID));
	assert_false(t.fw->h[DST].dom.defined);
	assert_string_equal(t.fw->bound, "compute-30");
}

static void is_there(void)
{
	untouched();
	row_is("compute-34", "active");
	assert_true(t.fw->h[DST].dom.running);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_true(fake_copies(t.fw));
	assert_string_equal(t.fw->row.evac_status, "done");
	/* Nova has written it, not we */
	assert_string_equal(t.fw->row.status, "");
}

static void t_done(void **state)
{
	(void)state;
	start_of();
	forward(TXN_DONE);
	is_there();
	assert_true(t.fw->down);
	assert_string_equal(t.fw->bound, "compute-34");
	/* both, until the source is back */
	assert_true(t.fw->allocated[SRC]);
	assert_true(t.fw->allocated[DST]);
	back(TXN_REFUSED);
	is_there();
	end();
}

static int says_409(void *self, const struct move *m, struct err *e)
{
	(void)self;
	(void)m;
	asked++;
	return err_set(e, ERR_CONFLICT, "nova: 409");
}

/* Nova says no: it was never asked for more, and all goes back. */
static void t_refused(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = says_409;
	assert_int_equal(txn_run(&t.env, t.id, &t.e), TXN_ROLLED_BACK);
	assert_int_equal(t.e.kind, ERR_CONFLICT);
	assert_non_null(strstr(t.e.hint, "--route direct"));
	assert_int_equal(asked, 1);
	as_it_was();
	end();
}

/* It takes it, and fails with it: the row says 'error', the port is bound to
 * the target, and a domain is left there. */
static int takes_and_fails(void *self, const struct move *m, struct err *e)
{
	struct fake_row *r = &t.fw->row;

	(void)self;
	(void)m;
	(void)e;
	asked++;
	r->evac_id++;
	strcpy(r->evac_from, "compute-30");
	strcpy(r->evac_status, "failed");
	strcpy(r->vm_state, "error");
	strcpy(t.fw->bound, "compute-34");
	t.fw->revision++;
	t.fw->h[DST].dom.defined = true;
	t.fw->h[DST].bridge = true;
	return 0;
}

static void t_failed(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = takes_and_fails;
	assert_int_equal(txn_run(&t.env, t.id, &t.e), TXN_ROLLED_BACK);
	assert_non_null(strstr(t.e.msg, "libvirt says no"));
	assert_int_equal(asked, 1);
	as_it_was();
	assert_false(t.fw->h[DST].bridge);
	end();
}

static int fails_and_ran(void *self, const struct move *m, struct err *e)
{
	char path[FAKE_PATH];

	takes_and_fails(self, m, e);
	fake_at(path, &t.fw->h[DST], FAKE_UUID "/disk");
	fake_look(&t.fw->h[DST], path)->content++;
	return 0;
}

/* The guest has written before it failed: nothing is taken away. */
static void t_failed_and_ran(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = fails_and_ran;
	forward(TXN_OPEN);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_true(t.fw->h[DST].dom.defined);
	untouched();
	end();
}

static int lost(void *self, const struct move *m, struct err *e)
{
	(void)self;
	(void)m;
	asked++;
	return err_set(e, ERR_LOST, "nova: no answer");
}

/* A request of which nobody knows may still come: without the files Nova would
 * fail.  Later it does not come any more. */
static void t_lost(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = lost;
	forward(TXN_OPEN);
	assert_true(asked > 1);
	back(TXN_REFUSED);
	assert_true(on_target(FAKE_UUID "/disk"));
	pass(11 * 60 * 1000000LL);
	assert_int_equal(other(true), TXN_ROLLED_BACK);
	err_clear(&t.e);
	as_it_was();
	end();
}

static int lost_and_done(void *self, const struct move *m, struct err *e)
{
	if (asked++ || fake_cloud_ops.evacuate(self, m, e))
		return -1;
	return err_set(e, ERR_LOST, "nova: no answer");
}

static void t_lost_and_done(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = lost_and_done;
	forward(TXN_DONE);
	assert_int_equal(asked, 1);
	is_there();
	end();
}

/* The answer is lost, and the next try is not even sent: in doubt still. */
static int lost_then_away(void *self, const struct move *m, struct err *e)
{
	if (!asked)
		return lost(self, m, e);
	asked++;
	return err_set(e, ERR_RETRY, "nova: connection refused");
}

static void t_lost_then_away(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = lost_then_away;
	forward(TXN_OPEN);
	assert_true(asked > 1);
	back(TXN_REFUSED);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_int_equal(other(false), TXN_DONE);
	is_there();
	end();
}

/* Not sent at all: nothing keeps it from going back. */
static int away(void *self, const struct move *m, struct err *e)
{
	(void)self;
	(void)m;
	asked++;
	return err_set(e, ERR_RETRY, "nova: connection refused");
}

static void t_away(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = away;
	assert_int_equal(txn_run(&t.env, t.id, &t.e), TXN_ROLLED_BACK);
	assert_true(asked > 1);
	as_it_was();
	end();
}

static int slow(void *self, const struct move *m, struct err *e)
{
	if (fake_cloud_ops.evacuate(self, m, e))
		return -1;
	if (*t.fw->row.task_state)
		t.fw->row.evac_us = INT64_MAX;
	asked++;
	return 0;
}

/* Nova has accepted it and is not done with it: no way back, and none
 * forward but to wait. */
static void t_busy(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		start_of();
		t.w.cloud.evacuate = slow;
		crash_shm->rnd = (uint64_t)i;
		txn_run(&t.env, t.id, &t.e);
		err_clear(&t.e);
		if (*t.fw->row.task_state)
			break;
		end(); /* this one was quick */
	}
	assert_string_equal(t.fw->row.task_state, "rebuilding");
	assert_int_equal(asked, 1);
	back(TXN_REFUSED);
	assert_true(on_target(FAKE_UUID "/disk"));
	t.fw->row.evac_us = 1;
	fake_nova(t.fw);
	assert_int_equal(other(false), TXN_DONE);
	is_there();
	end();
}

static int rebuilds(void *self, const struct move *m, struct err *e)
{
	struct fake_host *h = &t.fw->h[DST];
	char path[FAKE_PATH];
	int ino;

	/* as if the directory had been taken away and come back */
	fake_at(path, h, "new");
	fake_file(t.fw, h, path, ++t.fw->contents);
	ino = h->names[fake_find(h, path)].ino;
	fake_name_drop(h, fake_find(h, path));
	fake_at(path, h, FAKE_UUID "/disk");
	h->inodes[ino].used = true;
	fake_name_drop(h, fake_find(h, path));
	fake_name_add(h, path, ino);
	return fake_cloud_ops.evacuate(self, m, e);
}

/* A guest on another disk than the one that was placed is not the rescued one.
 */
static void t_another_file(void **state)
{
	(void)state;
	start_of();
	t.w.cloud.evacuate = rebuilds;
	assert_int_equal(txn_run(&t.env, t.id, &t.e), TXN_OPEN);
	assert_non_null(strstr(t.e.msg, "is not the file that was placed"));
	untouched();
	end();
}

static int ages(void *self, const char *host, struct err *e)
{
	t.fw->unproven = true;
	return fake_cloud_ops.force_down(self, host, e);
}

/* The proof is asked for once more, right before Nova is; with a new one it
 * goes on. */
static void t_unproven(void **state)
{
	enum txn_end got;

	(void)state;
	start_of();
	t.w.cloud.force_down = ages;
	t.w.cloud.evacuate = says_409;
	got = txn_run(&t.env, t.id, &t.e);
	assert_int_equal(got, TXN_OPEN);
	assert_int_equal(txn_exit_code(got, &t.e), 6);
	err_clear(&t.e);
	assert_int_equal(asked, 0);
	assert_true(on_target(FAKE_UUID "/disk"));
	t.fw->unproven = false;
	assert_int_equal(other(false), TXN_DONE);
	is_there();
	end();
}

static void t_steps(void **state)
{
	static const char *const novas[] = {
		"volumes", "allocations", "row-off", "rewrite",
		"ports",   "volumes-in",  "define",  "start"};
	const char *names[STEPS_MOVE_MAX];
	size_t n, down = 0, evacuate = 0, install = 0;

	(void)state;
	start_of();
	n = steps_of_move(t.w.move, names);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(novas); k++)
			assert_string_not_equal(names[i], novas[k]);
		install = strcmp(names[i], "install") ? install : i;
		down = strcmp(names[i], "force-down") ? down : i;
		evacuate = strcmp(names[i], "evacuate") ? evacuate : i;
	}
	assert_true(0 < install && install < down && down < evacuate);
	t.w.move->adopt = false;
	n = steps_of_move(t.w.move, names);
	for (size_t i = 0; i < n; i++)
		assert_string_not_equal(names[i], "evacuate");
	end();
}

/* What a plan may not say. */
static void t_bad_plans(void **state)
{
	static const struct {
		const char *key;
		bool value;
	} bad[] = {{"dead", false},
		   {"start", false},
		   {"nova_start", false},
		   {"sql", true},
		   {"accept_bad", true}};
	struct err e = ERR_INIT;
	struct move *m;
	json_t *good, *j;

	(void)state;
	start_of();
	good = move_to_json(t.w.move);
	m = move_from_json(good, &e);
	assert_non_null(m);
	assert_true(m->adopt);
	move_free(m);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		j = json_deep_copy(good);
		json_object_set_new(j, bad[i].key, json_boolean(bad[i].value));
		assert_null(move_from_json(j, &e));
		assert_int_equal(e.kind, ERR_REFUSED);
		err_clear(&e);
		json_decref(j);
	}
	json_object_set_new(good, "history", json_string("evacuation"));
	assert_null(move_from_json(good, &e));
	err_clear(&e);
	json_decref(good);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_done),
		cmocka_unit_test(t_refused),
		cmocka_unit_test(t_failed),
		cmocka_unit_test(t_failed_and_ran),
		cmocka_unit_test(t_lost),
		cmocka_unit_test(t_lost_and_done),
		cmocka_unit_test(t_lost_then_away),
		cmocka_unit_test(t_away),
		cmocka_unit_test(t_busy),
		cmocka_unit_test(t_another_file),
		cmocka_unit_test(t_unproven),
		cmocka_unit_test(t_steps),
		cmocka_unit_test(t_bad_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
