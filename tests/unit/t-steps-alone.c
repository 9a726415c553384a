/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A move whose source loses its power in the middle: back without it from
 * before it was disarmed, forward from where the target has a whole copy, and
 * only with a proof.
 */
#include "unit/steps-lab.h"

#include "core/stop.h"

static const struct fake_options running = {
	.running = true,
	.start = true,
	.precopy = true,
	.cloud = true,
};

static void power(bool on)
{
	struct fake_host *h = &t.fw->h[SRC];

	if (on) {
		fake_power_on(t.fw);
		return;
	}
	t.fw->off = true;
	h->dom.running = false;
	h->down_us = INT64_MAX;
}

/* The power goes when this is carried. */
static bool at_final;
static int dark(void *self, struct host *src, struct host *dst,
		const struct carry_file *f, struct carry_result *r,
		struct err *e)
{
	/* The disks; a base is copied in one pass. */
	if (at_final ? !strstr(f->from.rel, "/source/") : f->final)
		return t.carrier.copy(self, src, dst, f, r, e);
	power(false);
	return err_set(e, ERR_RETRY, "the link is cut");
}

/* Or when its row is to be rewritten. */
static int dark_row(struct db *db, const struct db_rewrite *r, struct err *e)
{
	(void)db;
	(void)r;
	power(false);
	t.db.rewrite = fake_db_ops.rewrite;
	return err_set(e, ERR_FAILED, "injected");
}

static enum txn_end alone(bool back)
{
	enum txn_end got;

	err_clear(&t.e);
	fake_close(&t.w);
	fake_open(&t.w, t.fw, back);
	t.w.off = true;
	t.w.onward = !back;
	got = back ? txn_back_alone(&t.env, t.id, &t.e)
		   : txn_forward(&t.env, t.id, &t.e);
	if (t.e.kind != ERR_NONE)
		print_message("%s: %s\n", txn_end_name(got), err_msg(&t.e));
	return got;
}

/* The same, and somebody sees its disks. */
static enum txn_end by_disks(void)
{
	struct fake_handle *fh = MEM_NEW(struct fake_handle);
	enum txn_end got;

	err_clear(&t.e);
	fake_close(&t.w);
	fake_open(&t.w, t.fw, false);
	fh->fw = t.fw;
	fh->h = &t.fw->h[SRC];
	fh->disks = true;
	t.w.off = t.w.onward = t.env.disks = true;
	t.w.disks = host_new(&fake_host_ops, fh, "who sees its disks");
	t.w.disks_path = t.fw->h[SRC].ip;
	got = txn_forward(&t.env, t.id, &t.e);
	t.env.disks = false;
	if (t.e.kind != ERR_NONE)
		print_message("%s: %s\n", txn_end_name(got), err_msg(&t.e));
	return got;
}

static enum journal_dir direction(void)
{
	struct journal_job job = {0};
	struct err e = ERR_INIT;
	enum journal_dir dir;

	assert_int_equal(journal_load(t.env.journal, t.id, &job, &e), 0);
	dir = job.dir;
	journal_job_clear(&job);
	return dir;
}

/* ---- back, from the pre-copy */

static void dies_early(void)
{
	begin(running);
	at_final = false;
	t.w.carrier.copy = dark;
	forward(TXN_OPEN);
}

static void t_back(void **state)
{
	(void)state;
	dies_early();
	/* The way back needs the source, and there is one without. */
	assert_int_equal(other(true), TXN_OPEN);
	assert_int_equal(alone(true), TXN_ROLLED_BACK);
	assert_int_equal(t.e.kind, ERR_NONE);
	assert_false(t.fw->row.locked);
	assert_string_equal(t.fw->row.vm_state, "active");
	assert_string_equal(t.fw->row.host, "compute-30");
	assert_false(on_target(FAKE_UUID));
	assert_int_not_equal(t.fw->h[DST].lease.state, LEASE_HELD);
	/* Not one byte there has changed. */
	assert_int_equal(t.fw->h[SRC].lease.state, LEASE_HELD);
	assert_true(fake_in_place(t.fw, &t.fw->h[SRC]));
	end();
}

static int dark_undefine(struct virt *v, const char *uuid, bool keep,
			 struct err *e)
{
	(void)v;
	(void)uuid;
	(void)keep;
	power(false);
	return err_set(e, ERR_RETRY, "the link is cut");
}

/* ---- in between: disarmed in part, and no whole copy */

static void t_between(void **state)
{
	(void)state;
	begin(running);
	t.virt.undefine = dark_undefine;
	forward(TXN_OPEN);
	t.virt.undefine = fake_virt_ops.undefine;
	assert_int_equal(alone(true), TXN_REFUSED);
	assert_non_null(strstr(err_msg(&t.e), "step disarm"));
	assert_string_equal(t.fw->row.vm_state, "stopped");
	assert_true(t.fw->row.locked);
	assert_int_equal(alone(false), TXN_REFUSED);
	/* Its domain is there, and its disks are where they were. */
	assert_int_equal(by_disks(), TXN_OPEN);
	assert_non_null(strstr(err_msg(&t.e), "not wholly disarmed"));
	assert_false(t.fw->touched);
	power(true);
	assert_int_equal(other(true), TXN_ROLLED_BACK);
	assert_true(t.fw->h[SRC].dom.running);
	end();
}

/* ---- forward, though it had turned round */

static void t_forward(void **state)
{
	(void)state;
	begin(running);
	t.db.rewrite = dark_row;
	forward(TXN_OPEN);
	assert_int_equal(direction(), JOURNAL_BACKWARD);
	assert_int_equal(alone(true), TXN_REFUSED);
	assert_non_null(strstr(t.e.hint, "resume"));
	assert_int_equal(alone(false), TXN_OPEN);
	assert_string_equal(t.fw->row.host, "compute-34");
	assert_true(t.fw->h[DST].dom.running);
	assert_false(t.fw->row.locked);
	/* The rest, when it is back. */
	power(true);
	t.rewritten = true;
	assert_int_equal(other(false), TXN_DONE);
	assert_int_not_equal(t.fw->h[SRC].lease.state, LEASE_HELD);
	end();
}

/* ---- its rewrite had landed, and was undone: that record stays reverted */

static int stopped_row(struct db *db, const struct db_rewrite *r, struct err *e)
{
	t.db.rewrite = fake_db_ops.rewrite;
	stop_set(true);
	return fake_db_ops.rewrite(db, r, e);
}

static int dark_undo(struct db *db, const struct db_rewrite *r, struct err *e)
{
	power(false);
	return fake_db_ops.rewrite_undo(db, r, e);
}

static void t_reverted(void **state)
{
	(void)state;
	begin(running);
	t.db.rewrite = stopped_row;
	t.db.rewrite_undo = dark_undo;
	forward(TXN_OPEN);
	stop_set(false);
	assert_string_equal(t.fw->row.host, "compute-34");
	back(TXN_OPEN);
	assert_string_equal(t.fw->row.status, "reverted");
	assert_false(on_target(FAKE_UUID "/disk"));
	assert_int_equal(alone(false), TXN_OPEN);
	assert_string_equal(t.fw->row.host, "compute-34");
	assert_true(t.fw->h[DST].dom.running);
	end();
}

static int no_room(void *self, const struct move *m, enum side to,
		   const struct cloud_share *seen, struct err *e)
{
	(void)self;
	(void)m;
	(void)to;
	(void)seen;
	return err_set(e, ERR_FAILED, "Placement: no room");
}

/* A failure does not take the copy away that the target has. */
static void t_stays(void **state)
{
	(void)state;
	begin(running);
	t.db.rewrite = dark_row;
	forward(TXN_OPEN);
	err_clear(&t.e);
	fake_close(&t.w);
	fake_open(&t.w, t.fw, false);
	t.w.off = t.w.onward = true;
	t.w.cloud.allocate = no_room;
	t.fw->allocated[SRC] = true;
	t.fw->allocated[DST] = false;
	assert_int_equal(txn_forward(&t.env, t.id, &t.e), TXN_OPEN);
	assert_int_equal(direction(), JOURNAL_FORWARD);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_int_equal(alone(false), TXN_OPEN);
	assert_string_equal(t.fw->row.host, "compute-34");
	end();
}

/* ---- in the final pass: from its disks, which are only read */

static void t_disks(void **state)
{
	(void)state;
	begin(running);
	at_final = true;
	t.w.carrier.copy = dark;
	forward(TXN_OPEN);
	assert_int_equal(alone(true), TXN_REFUSED);
	assert_non_null(strstr(t.e.hint, "--disks"));
	assert_int_equal(alone(false), TXN_REFUSED);
	t.fw->unproven = true;
	assert_int_equal(by_disks(), TXN_OPEN);
	assert_int_equal(t.e.kind, ERR_FENCE);
	assert_string_equal(t.fw->row.host, "compute-30");
	t.fw->unproven = false;
	assert_int_equal(by_disks(), TXN_OPEN);
	assert_string_equal(t.fw->row.host, "compute-34");
	assert_true(t.fw->h[DST].dom.running);
	assert_true(fake_copies(t.fw));
	assert_false(t.fw->touched);
	power(true);
	t.rewritten = true;
	assert_int_equal(other(false), TXN_DONE);
	end();
}

/* On its way back already: the target's copy is gone, and nothing is put back
 * on the source yet. */
static int no_rewrite(struct db *db, const struct db_rewrite *r, struct err *e)
{
	(void)db;
	(void)r;
	return err_set(e, ERR_FAILED, "injected");
}

static struct host_ops host_ops;

static int dark_rmtree(void *self, struct host_path p, struct err *e)
{
	int rc = fake_host_ops.rmtree(self, p, e);

	if (strstr(p.rel, "/stage"))
		power(false);
	return rc;
}

static void t_disks_back(void **state)
{
	(void)state;
	begin(running);
	host_ops = fake_host_ops;
	host_ops.rmtree = dark_rmtree;
	t.w.host[DST]->ops = &host_ops;
	t.db.rewrite = no_rewrite;
	forward(TXN_OPEN);
	assert_int_equal(direction(), JOURNAL_BACKWARD);
	assert_false(on_target(FAKE_UUID "/disk"));
	t.db.rewrite = fake_db_ops.rewrite;
	assert_int_equal(alone(false), TXN_REFUSED);
	assert_int_equal(by_disks(), TXN_OPEN);
	assert_string_equal(t.fw->row.host, "compute-34");
	assert_true(t.fw->h[DST].dom.running);
	end();
}

/* ---- without a proof nothing is done */

static void t_unproven(void **state)
{
	(void)state;
	dies_early();
	t.fw->unproven = true;
	assert_int_equal(alone(true), TXN_OPEN);
	assert_int_equal(t.e.kind, ERR_FENCE);
	assert_int_equal(txn_exit_code(TXN_OPEN, &t.e), 6);
	assert_true(t.fw->row.locked);
	end();

	begin(running);
	t.db.rewrite = dark_row;
	forward(TXN_OPEN);
	t.fw->unproven = true;
	assert_int_equal(alone(false), TXN_OPEN);
	assert_int_equal(t.e.kind, ERR_FENCE);
	assert_string_equal(t.fw->row.host, "compute-30");
	t.fw->unproven = false;
	assert_int_equal(alone(false), TXN_OPEN);
	assert_string_equal(t.fw->row.host, "compute-34");
	end();
}

/* ---- volumes that only its nova-compute can put on again */

static void t_detached(void **state)
{
	struct fake_options o = running;

	(void)state;
	o.precopy = false;
	o.nova_start = o.detach = o.sure = true;
	o.volumes = 2;
	begin(o);
	t.virt.undefine = dark_undefine;
	forward(TXN_OPEN);
	assert_int_equal(alone(true), TXN_REFUSED);
	assert_true(t.fw->row.locked);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_back),     cmocka_unit_test(t_between),
		cmocka_unit_test(t_forward),  cmocka_unit_test(t_stays),
		cmocka_unit_test(t_unproven), cmocka_unit_test(t_detached),
		cmocka_unit_test(t_disks),    cmocka_unit_test(t_disks_back),
		cmocka_unit_test(t_reverted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
