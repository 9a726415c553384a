/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start through Nova: answers that are lost, Nova at it, Nova giving up,
 * Nova not to be had; and going back from each.
 */
#include "unit/steps-lab.h"

static const struct fake_options guest = {
	.running = true, .start = true, .cloud = true, .nova_start = true};

static int asked;

/* Time passes as the row is looked at. */
static int instance(struct db *db, const char *uuid, struct db_instance *out,
		    struct err *e)
{
	t.fw->now_us += 1000;
	fake_nova(t.fw);
	return fake_db_ops.instance(db, uuid, out, e);
}

static void start_with(int (*start)(void *, const char *, struct err *))
{
	begin(guest);
	asked = 0;
	t.db.instance = instance;
	t.w.cloud.start = start;
}

static void accept_start(int64_t in_us)
{
	strcpy(t.fw->row.task_state, "powering-on");
	t.fw->start = (struct fake_start){.at_us = t.fw->now_us + in_us,
					  .on = DST,
					  .ours = true,
					  .sure = true};
}

/* Nova's own end of it. */
static void carried_out(void)
{
	t.fw->start.at_us = 0;
	t.fw->row.task_state[0] = '\0';
	t.fw->h[DST].dom.defined = t.fw->h[DST].dom.running = true;
	strcpy(t.fw->row.vm_state, "active");
	t.fw->row.power_state = 1;
}

static void not_carried_out(void)
{
	t.fw->start.at_us = 0;
	t.fw->row.task_state[0] = '\0';
}

static void assert_there(void)
{
	assert_true(t.fw->h[DST].dom.running);
	assert_false(t.fw->h[SRC].dom.defined);
	assert_string_equal(t.fw->row.vm_state, "active");
	assert_string_equal(t.fw->row.task_state, "");
}

static void assert_back(void)
{
	assert_true(t.fw->h[SRC].dom.running);
	assert_false(t.fw->h[DST].dom.defined);
	assert_false(t.fw->h[DST].bridge);
	assert_false(on_target(FAKE_UUID "/disk"));
	assert_string_equal(t.fw->row.host, "compute-30");
	assert_string_equal(t.fw->row.vm_state, "active");
	assert_string_equal(t.fw->bound, "compute-30");
}

/* ---- which way */

static int right_away(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	(void)e;
	asked++;
	carried_out();
	return 0;
}

static int never_define(struct virt *v, const char *uuid, const char *xml,
			struct err *e)
{
	(void)uuid;
	(void)xml;
	return err_set(e, ERR_BUG, "%s: we define nothing", v->host);
}

static int never_start(struct virt *v, const char *uuid, struct err *e)
{
	(void)uuid;
	return err_set(e, ERR_BUG, "%s: we start nothing", v->host);
}

/* Neither our definition nor our start; without the wish, both. */
static void t_whose(void **state)
{
	struct fake_options direct = guest;

	(void)state;
	start_with(right_away);
	t.virt.define = never_define;
	t.virt.start = never_start;
	forward(TXN_DONE);
	assert_int_equal(asked, 1);
	assert_there();
	end();

	direct.nova_start = false;
	begin(direct);
	asked = 0;
	t.w.cloud.start = right_away;
	forward(TXN_DONE);
	assert_int_equal(asked, 0);
	assert_there();
	end();
}

/* ---- Nova takes its time */

static int slow(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	(void)e;
	asked++;
	accept_start(60 * 1000);
	return 0;
}

static void t_slow(void **state)
{
	(void)state;
	start_with(slow);
	forward(TXN_DONE);
	assert_int_equal(asked, 1);
	assert_there();
	end();
}

/* What libvirt started at the source's boot it starts at the target's, though
 * Nova knows nothing of it. */
static void t_autostart(void **state)
{
	struct fake_options o = guest;

	(void)state;
	o.autostart = true;
	begin(o);
	t.db.instance = instance;
	t.w.cloud.start = right_away;
	forward(TXN_DONE);
	assert_there();
	assert_true(t.fw->h[DST].dom.autostart);
	end();
}

/* nova-compute is down: the request stays in its queue. */
static int queued(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	(void)e;
	asked++;
	accept_start(INT64_MAX / 2);
	return 0;
}

/* The job waits, open; a rollback waits as well, for the start may come at any
 * moment; once it has come, or Nova has given it up, either goes on. */
static void t_queued(void **state)
{
	int64_t was;

	(void)state;
	start_with(queued);
	was = crash_shm->clock_us;
	forward(TXN_OPEN);
	assert_int_equal(asked, 1);
	assert_true(crash_shm->clock_us - was < 150 * 1000000LL);
	back(TXN_OPEN);
	assert_string_equal(t.fw->row.host, "compute-34");
	assert_true(on_target(FAKE_UUID "/disk"));
	not_carried_out();
	back(TXN_ROLLED_BACK);
	assert_back();
	end();

	/* os-resetState, and no nova-compute */
	start_with(queued);
	forward(TXN_OPEN);
	not_carried_out();
	strcpy(t.fw->row.vm_state, "active");
	back(TXN_ROLLED_BACK);
	assert_back();
	end();

	start_with(queued);
	forward(TXN_OPEN);
	carried_out();
	assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
	assert_int_equal(asked, 1);
	assert_there();
	end();
}

/* ---- answers that are lost */

static int lost_after(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	asked++;
	accept_start(20 * 1000);
	return err_set(e, ERR_LOST, "connection reset");
}

static int lost_before(void *self, const char *uuid, struct err *e)
{
	if (!asked++)
		return err_set(e, ERR_LOST, "connection reset");
	return slow(self, uuid, e);
}

/* It got through, some time after its answer was given up. */
static int lost_late(void *self, const char *uuid, struct err *e)
{
	if (!asked++)
		return err_set(e, ERR_LOST, "connection reset");
	/* Nova refuses the second of two */
	(void)self;
	(void)uuid;
	accept_start(20 * 1000);
	return err_set(e, ERR_CONFLICT, "Nova: 409, task_state powering-on");
}

static void t_lost(void **state)
{
	(void)state;
	start_with(lost_after);
	forward(TXN_DONE);
	assert_int_equal(asked, 1); /* the row told */
	assert_there();
	end();
	start_with(lost_before);
	forward(TXN_DONE);
	assert_int_equal(asked, 3);
	assert_there();
	end();
	start_with(lost_late);
	forward(TXN_DONE);
	assert_int_equal(asked, 2);
	assert_there();
	end();
}

/* 409, and the row says why: somebody else has started it; it is locked for
 * this account, or Nova sees what we do not. */
static int others(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	asked++;
	carried_out();
	return err_set(e, ERR_CONFLICT, "Nova: 409, vm_state active");
}

static int forbidden(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	asked++;
	return err_set(e, ERR_CONFLICT, "Nova: 409, it is locked");
}

static void t_conflict(void **state)
{
	enum txn_end got;

	(void)state;
	start_with(others);
	forward(TXN_DONE);
	assert_int_equal(asked, 1);
	assert_there();
	end();
	start_with(forbidden);
	got = txn_run(&t.env, t.id, &t.e);
	assert_int_equal(got, TXN_OPEN);
	assert_non_null(strstr(err_msg(&t.e), "it is locked"));
	err_clear(&t.e);
	back(TXN_ROLLED_BACK);
	assert_back();
	end();
}

/* ---- Nova gives up */

static int fails(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	(void)e;
	asked++;
	/* its interfaces and its domain are left behind */
	t.fw->h[DST].bridge = t.fw->h[DST].dom.defined = true;
	return 0;
}

static void t_gives_up(void **state)
{
	enum txn_end got;

	(void)state;
	start_with(fails);
	got = txn_run(&t.env, t.id, &t.e);
	assert_int_equal(got, TXN_OPEN);
	assert_non_null(strstr(err_msg(&t.e), "libvirt says no"));
	assert_non_null(t.e.hint);
	assert_non_null(strstr(t.e.hint, "novahaul resume"));
	err_clear(&t.e);
	assert_true(t.fw->h[DST].dom.defined);
	back(TXN_ROLLED_BACK);
	assert_back();
	end();
	/* what was in the way is gone */
	start_with(fails);
	forward(TXN_OPEN);
	t.w.cloud.start = slow;
	assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
	assert_there();
	end();
}

static int into_error(void *self, const char *uuid, struct err *e)
{
	fails(self, uuid, e);
	strcpy(t.fw->row.vm_state, "error");
	return 0;
}

/* What Nova has put into ERROR a person looks at; a hard reboot by Nova, and
 * the job goes on. */
static void t_error(void **state)
{
	enum txn_end got;

	(void)state;
	start_with(into_error);
	got = txn_run(&t.env, t.id, &t.e);
	assert_int_equal(got, TXN_OPEN);
	assert_int_equal(asked, 1);
	assert_non_null(strstr(err_msg(&t.e), "libvirt says no"));
	assert_non_null(strstr(t.e.hint, "reboot --hard"));
	err_clear(&t.e);
	carried_out();
	assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
	assert_there();
	end();
}

/* ---- Nova is not to be had */

static int down(void *self, const char *uuid, struct err *e)
{
	(void)self;
	(void)uuid;
	asked++;
	return err_set(e, ERR_RETRY, "connection refused");
}

static void t_down(void **state)
{
	enum txn_end got;

	(void)state;
	for (int k = 0; k < 2; k++) {
		start_with(k ? down : NULL);
		got = txn_run(&t.env, t.id, &t.e);
		assert_int_equal(got, TXN_OPEN);
		assert_int_equal(t.e.kind, ERR_RETRY);
		assert_non_null(strstr(t.e.hint, "novahaul resume"));
		err_clear(&t.e);
		assert_false(t.fw->h[DST].dom.running);
		t.w.cloud.start = right_away;
		assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
		assert_there();
		end();
	}
	start_with(down);
	forward(TXN_OPEN);
	back(TXN_ROLLED_BACK);
	assert_back();
	end();
}

/* ---- going back */

/* It ran, and is off again: its writes are not thrown away. */
static int ran(void *self, const char *uuid, struct err *e)
{
	char path[FAKE_PATH];

	right_away(self, uuid, e);
	t.fw->h[DST].dom.running = false;
	fake_at(path, &t.fw->h[DST], FAKE_UUID "/disk");
	fake_look(&t.fw->h[DST], path)->content = ++t.fw->contents;
	return err_set(e, ERR_INTERRUPTED, "interrupted");
}

static void t_has_run(void **state)
{
	(void)state;
	start_with(ran);
	forward(TXN_OPEN);
	back(TXN_REFUSED);
	assert_string_equal(t.fw->row.host, "compute-34");
	assert_true(on_target(FAKE_UUID "/disk"));
	end();
}

/* A request of a frozen controller that comes when all is undone finds a guest
 * that runs, where the database says. */
static void t_late(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	start_with(down);
	forward(TXN_OPEN);
	back(TXN_ROLLED_BACK);
	assert_int_equal(fake_cloud_ops.start(t.fw, FAKE_UUID, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	err_clear(&e);
	assert_back();
	end();
}

/* The plan is without a step that defines it, and old journals without the
 * wish are as they were. */
static void t_journal(void **state)
{
	const char *names[STEPS_MOVE_MAX];
	struct err e = ERR_INIT;
	struct move *m, *old;
	json_t *j;
	size_t n;

	(void)state;
	begin(guest);
	m = fake_move(t.fw);
	n = steps_of_move(m, names);
	for (size_t i = 0; i < n; i++)
		assert_string_not_equal(names[i], "define");
	j = move_to_json(m);
	assert_true(json_is_true(json_object_get(j, "nova_start")));
	json_object_del(j, "nova_start");
	old = move_from_json(j, &e);
	assert_non_null(old);
	assert_false(old->nova_start);
	assert_int_equal(steps_of_move(old, names), n + 1);
	json_decref(j);
	move_free(old);
	move_free(m);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_whose),    cmocka_unit_test(t_slow),
		cmocka_unit_test(t_queued),   cmocka_unit_test(t_lost),
		cmocka_unit_test(t_conflict), cmocka_unit_test(t_gives_up),
		cmocka_unit_test(t_error),    cmocka_unit_test(t_down),
		cmocka_unit_test(t_has_run),  cmocka_unit_test(t_late),
		cmocka_unit_test(t_journal),  cmocka_unit_test(t_autostart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
