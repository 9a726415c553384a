/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that Nova takes off for a move, and puts on again: nobody else's in
 * between, whatever is lost, refused, slow or comes to nothing.
 */
#include "unit/steps-lab.h"

static const struct fake_options guest = {.running = true,
					  .start = true,
					  .cloud = true,
					  .nova_start = true,
					  .sure = true,
					  .volumes = 2,
					  .detach = true};

static int calls, stop_at = -1;

static void assert_on(enum side s)
{
	AUTO(buf_clear) struct buf why = BUF_INIT;

	if (!fake_volumes_at(t.fw, s, &why))
		fail_msg("%s", buf_str(&why));
}

/* At any moment: nobody else may have them. */
static void assert_kept(void)
{
	AUTO(buf_clear) struct buf why = BUF_INIT;

	fake_volumes_promise(t.fw, &why);
	if (why.len)
		fail_msg("%s", buf_str(&why));
}

/* Time passes while they are asked. */
static struct volume_ops nova;

static void passes(void)
{
	t.fw->now_us += 20000;
	fake_nova(t.fw);
}

static int my_listed(void *self, const char *server, const char *volume,
		     bool *yes, struct err *e)
{
	passes();
	return nova.listed(self, server, volume, yes, e);
}

static int my_instance(struct db *db, const char *uuid, struct db_instance *out,
		       struct err *e)
{
	passes();
	return fake_db_ops.instance(db, uuid, out, e);
}

/* libvirt refuses nothing, either. */
static int my_start(void *self, const char *uuid, struct err *e)
{
	strcpy(t.fw->row.task_state, "powering-on");
	t.fw->start = (struct fake_start){.at_us = t.fw->now_us + 30000,
					  .on = DST,
					  .ours = true,
					  .sure = true};
	(void)self;
	(void)uuid;
	(void)e;
	return 0;
}

static void sure(void)
{
	begin(guest);
	fake_attach_ops(&nova);
	t.w.volumes.listed = my_listed;
	t.w.cloud.start = my_start;
	t.db.instance = my_instance;
	calls = 0;
	stop_at = -1;
}

static void t_there(void **state)
{
	(void)state;
	sure();
	forward(TXN_DONE);
	assert_on(DST);
	assert_true(t.fw->h[DST].dom.running);
	end();
}

/* ---- cut, lost, refused: at each call, forward or back */

enum how { CUT = 0, LOST, LATER };
static enum how how;

/* 0: go on */
static int fault(struct err *e)
{
	assert_kept();
	if (calls++ != stop_at)
		return 0;
	return err_set(e, how == CUT ? ERR_INTERRUPTED : ERR_RETRY, "not now");
}

static int lost(int rc, struct err *e)
{
	return !rc && how == LOST && calls == stop_at + 1
		       ? err_set(e, ERR_LOST, "cut")
		       : rc;
}

static int my_make(void *self, const struct volume_want *w,
		   struct volume_att *out, struct err *e)
{
	int rc;

	if (how != LOST && fault(e))
		return -1;
	calls += how == LOST;
	rc = lost(fake_volume_ops.make(self, w, out, e), e);
	if (rc)
		volume_att_clear(out);
	return rc;
}

static int my_drop(void *self, const char *id, struct err *e)
{
	if (how != LOST && fault(e))
		return -1;
	calls += how == LOST;
	return lost(fake_volume_ops.drop(self, id, e), e);
}

static int my_detach(void *self, const char *server, const char *volume,
		     struct err *e)
{
	if (how != LOST && fault(e))
		return -1;
	calls += how == LOST;
	return lost(nova.detach(self, server, volume, e), e);
}

static int my_attach(void *self, const struct volume_put *p, struct err *e)
{
	if (how != LOST && fault(e))
		return -1;
	calls += how == LOST;
	return lost(nova.attach(self, p, e), e);
}

/* make detach, make detach; attach drop, attach drop */
enum { CALLS = 8, OFF = 4 };

static void faulty(enum how h, int at)
{
	sure();
	how = h;
	stop_at = at;
	t.w.volumes.make = my_make;
	t.w.volumes.drop = my_drop;
	t.w.volumes.detach = my_detach;
	t.w.volumes.attach = my_attach;
}

static void t_cut_forward(void **state)
{
	(void)state;
	for (int at = 0; at < CALLS; at++) {
		faulty(CUT, at);
		forward(TXN_OPEN);
		assert_int_equal(calls, at + 1);
		assert_kept();
		assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
		assert_on(DST);
		end();
	}
}

static void t_cut_back(void **state)
{
	(void)state;
	for (int at = 0; at < OFF; at++) {
		faulty(CUT, at);
		forward(TXN_OPEN);
		back(TXN_ROLLED_BACK);
		assert_on(SRC);
		assert_true(t.fw->h[SRC].dom.running);
		end();
	}
}

/* The guest runs there by then: it is for the start to say, before any of its
 * volumes is touched. */
static void t_cut_late(void **state)
{
	(void)state;
	for (int at = OFF; at < CALLS; at++) {
		faulty(CUT, at);
		forward(TXN_OPEN);
		back(TXN_REFUSED);
		assert_true(t.fw->h[DST].dom.running);
		assert_kept();
		t.w.backward = false;
		assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
		assert_on(DST);
		end();
	}
}

static void t_lost(void **state)
{
	(void)state;
	for (int at = 0; at < CALLS; at++) {
		enum txn_end got;

		faulty(LOST, at);
		got = txn_run(&t.env, t.id, &t.e);
		err_clear(&t.e);
		assert_kept();
		if (got == TXN_OPEN)
			got = txn_resume(&t.env, t.id, &t.e);
		if (got == TXN_ROLLED_BACK)
			assert_on(SRC);
		else
			assert_on(DST);
		assert_true(got == TXN_ROLLED_BACK || got == TXN_DONE);
		end();
	}
}

/* The way back is cut as well. */
static void t_cut_twice(void **state)
{
	(void)state;
	for (int at = 0; at < 8; at++) {
		faulty(CUT, OFF - 1);
		forward(TXN_OPEN);
		stop_at = calls + at;
		t.w.backward = true;
		if (txn_rollback(&t.env, t.id, &t.e) == TXN_OPEN) {
			err_clear(&t.e);
			assert_kept();
			stop_at = -1;
			back(TXN_ROLLED_BACK);
		}
		assert_on(SRC);
		end();
	}
}

/* ---- Nova says no */

static int no_detach(void *self, const char *server, const char *volume,
		     struct err *e)
{
	(void)self;
	(void)server;
	(void)volume;
	return err_set(e, ERR_CONFLICT, "nova: 409");
}

static void t_refused(void **state)
{
	(void)state;
	sure();
	t.w.volumes.detach = no_detach;
	forward(TXN_ROLLED_BACK);
	assert_on(SRC);
	assert_string_equal(t.fw->row.bdm[0].attachment, "att-1");
	assert_true(t.fw->h[SRC].dom.running);
	end();
}

/* Somebody else has detached it meanwhile: that is not ours to undo. */
static int gone_first(void *self, const char *server, const char *volume,
		      bool *yes, struct err *e)
{
	if (!calls++) {
		t.fw->volumes[0].att[0] = (struct fake_att){0};
		t.fw->row.bdm[0] = (struct fake_bdm){0};
		t.fw->volumes[0].late = true;
	}
	return nova.listed(self, server, volume, yes, e);
}

static void t_gone(void **state)
{
	(void)state;
	sure();
	t.w.volumes.listed = gone_first;
	forward(TXN_ROLLED_BACK);
	assert_false(*t.fw->row.bdm[0].attachment);
	assert_on(SRC);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_there),    cmocka_unit_test(t_cut_forward),
		cmocka_unit_test(t_cut_back), cmocka_unit_test(t_cut_late),
		cmocka_unit_test(t_lost),     cmocka_unit_test(t_cut_twice),
		cmocka_unit_test(t_refused),  cmocka_unit_test(t_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
