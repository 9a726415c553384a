/* SPDX-License-Identifier: Apache-2.0 */
/* A rescue: the source is dead, its disks are only read, and the proof that it
 * is off is asked for wherever a living one would be looked at. */
#include "unit/steps-lab.h"

#include "core/stop.h"
#include "engine/txn.h"

static const struct fake_options dead = {
	.name = "dead",
	.running = true,
	.start = true,
	.nvram = true,
	.cloud = true,
	.volumes = 1,
	.dead = true,
};

static uint64_t before[sizeof(struct fake_host) / 8 + 1];

static void start_of(struct fake_options o)
{
	begin(o);
	memcpy(before, &t.fw->h[SRC], sizeof(struct fake_host));
}

/* Not one byte of the dead host has changed. */
static void untouched(void)
{
	assert_false(t.fw->touched);
	assert_memory_equal(before, &t.fw->h[SRC], sizeof(struct fake_host));
}

static void row_is(const char *host, const char *vm, int power)
{
	const struct fake_row *r = &t.fw->row;

	assert_string_equal(r->host, host);
	assert_string_equal(r->vm_state, vm);
	assert_int_equal(r->power_state, power);
	assert_false(r->locked);
	assert_string_equal(r->reason, "");
}

static void as_it_was(void)
{
	untouched();
	row_is("compute-30", "active", 1);
	assert_false(on_target(FAKE_UUID));
	assert_false(t.fw->h[DST].dom.defined);
	assert_int_not_equal(t.fw->h[DST].lease.state, LEASE_HELD);
	assert_true(t.fw->allocated[SRC]);
	assert_false(t.fw->allocated[DST]);
	assert_string_equal(t.fw->bound, "compute-30");
}

static void t_done(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	start_of(dead);
	forward(TXN_DONE);
	untouched();
	row_is("compute-34", "active", 1);
	assert_true(t.fw->h[DST].dom.running);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_true(on_target(FAKE_UUID "/disk.config"));
	assert_non_null(fake_look(&t.fw->h[DST], NVRAM));
	assert_string_equal(t.fw->row.status, "confirmed");
	assert_true(t.fw->allocated[DST]);
	assert_false(t.fw->allocated[SRC]);
	assert_string_equal(t.fw->bound, "compute-34");
	assert_true(fake_volumes_at(t.fw, DST, &out));
	assert_int_not_equal(t.fw->h[DST].lease.state, LEASE_HELD);
	buf_clear(&out);
	end();
}

static void t_stopped_stays_so(void **state)
{
	struct fake_options o = dead;

	(void)state;
	o.running = o.start = false;
	start_of(o);
	forward(TXN_DONE);
	untouched();
	row_is("compute-34", "stopped", 4);
	assert_false(t.fw->h[DST].dom.running);
	end();
}

/* No proof: nothing is copied, and the exit code says why. */
static void t_unproven(void **state)
{
	enum txn_end got;

	(void)state;
	start_of(dead);
	t.fw->unproven = true;
	got = txn_run(&t.env, t.id, &t.e);
	assert_int_equal(got, TXN_ROLLED_BACK);
	assert_int_equal(t.e.kind, ERR_FENCE);
	assert_int_equal(txn_exit_code(got, &t.e), 6);
	as_it_was();
	end();
}

static int ages_at_copy(void *self, struct host *src, struct host *dst,
			const struct carry_file *f, struct carry_result *r,
			struct err *e)
{
	t.fw->unproven = true;
	return fake_carry(self, src, dst, f, r, e);
}

/* A proof that was good when the copy began is asked for again, and what was
 * copied waits for the next one. */
static void ages_before_rewrite(void)
{
	enum txn_end got;

	start_of(dead);
	t.w.carrier.copy = ages_at_copy;
	got = txn_run(&t.env, t.id, &t.e);
	assert_int_equal(got, TXN_OPEN);
	assert_int_equal(t.e.kind, ERR_FENCE);
	assert_int_equal(txn_exit_code(got, &t.e), 6);
	untouched();
	assert_string_equal(t.fw->row.host, "compute-30");
	assert_false(t.fw->h[DST].dom.running);
}

static void t_ages_before_rewrite(void **state)
{
	(void)state;
	ages_before_rewrite();
	assert_int_equal(other(true), TXN_ROLLED_BACK);
	as_it_was();
	end();
	ages_before_rewrite();
	t.fw->unproven = false;
	assert_int_equal(other(false), TXN_DONE);
	untouched();
	row_is("compute-34", "active", 1);
	assert_true(t.fw->h[DST].dom.running);
	end();
}

/* What another controller, with a new proof, is told: the disk is no longer
 * what was copied.  It stays open for what the operator decides: back. */
static void seen_again(const char *what)
{
	assert_int_equal(other(false), TXN_OPEN);
	assert_int_equal(t.e.kind, ERR_FENCE);
	assert_int_equal(txn_exit_code(TXN_OPEN, &t.e), 6);
	if (!strstr(t.e.msg, what))
		fail_msg("%s", t.e.msg);
	assert_non_null(strstr(t.e.msg, "/disk"));
	assert_non_null(t.e.hint);
	assert_string_equal(t.fw->row.host, "compute-30");
	assert_false(t.fw->h[DST].dom.running);
}

static struct fake_inode *source_disk(void)
{
	int i = fake_find(&t.fw->h[SRC],
			  "/var/lib/nova/instances/" FAKE_UUID "/disk");

	assert_true(i >= 0);
	return &t.fw->h[SRC].inodes[t.fw->h[SRC].names[i].ino];
}

/* It was on between two proofs: its guest wrote, and it is off again. */
static void t_ran_meanwhile(void **state)
{
	(void)state;
	ages_before_rewrite();
	t.fw->unproven = false;
	source_disk()->mtime_us += 1000000;
	memcpy(before, &t.fw->h[SRC], sizeof(struct fake_host));
	seen_again("has changed since");
	assert_non_null(strstr(t.e.hint, "novahaul rollback"));
	assert_int_equal(other(true), TXN_ROLLED_BACK);
	as_it_was();
	end();
}

/* Not even the times can be read any more. */
static void t_gone_meanwhile(void **state)
{
	int i;

	(void)state;
	ages_before_rewrite();
	t.fw->unproven = false;
	i = fake_find(&t.fw->h[SRC],
		      "/var/lib/nova/instances/" FAKE_UUID "/disk");
	t.fw->h[SRC].names[i].path[0] = '#';
	seen_again("is not seen");
	assert_non_null(strstr(t.e.hint, "mount it there again"));
	t.fw->h[SRC].names[i].path[0] = '/';
	assert_int_equal(other(false), TXN_DONE);
	untouched();
	row_is("compute-34", "active", 1);
	end();
}

/* Somebody runs it, whatever was stated. */
static void t_open_elsewhere(void **state)
{
	static const char disk[] = "/var/lib/nova/instances/" FAKE_UUID "/disk";
	enum txn_end got;

	(void)state;
	start_of(dead);
	t.fw->h[SRC].locked = disk;
	memcpy(before, &t.fw->h[SRC], sizeof(struct fake_host));
	got = txn_run(&t.env, t.id, &t.e);
	assert_int_equal(got, TXN_ROLLED_BACK);
	assert_int_equal(txn_exit_code(got, &t.e), 6);
	assert_non_null(strstr(t.e.msg, "a QEMU has"));
	as_it_was();
	end();
	/* ... begun while it was copied */
	ages_before_rewrite();
	t.fw->unproven = false;
	t.fw->h[SRC].locked = disk;
	seen_again("a QEMU has");
	t.fw->h[SRC].locked = NULL;
	assert_int_equal(other(false), TXN_DONE);
	row_is("compute-34", "active", 1);
	end();
}

static int ages_at_rewrite(struct db *db, const struct db_rewrite *r,
			   struct err *e)
{
	t.fw->unproven = true;
	return fake_db_ops.rewrite(db, r, e);
}

/* Past the rewrite it is not started; with a new proof it is. */
static void t_ages_before_start(void **state)
{
	(void)state;
	start_of(dead);
	t.db.rewrite = ages_at_rewrite;
	forward(TXN_OPEN);
	untouched();
	assert_string_equal(t.fw->row.host, "compute-34");
	assert_false(t.fw->h[DST].dom.running);
	t.fw->unproven = false;
	t.rewritten = true;
	assert_int_equal(other(false), TXN_DONE);
	untouched();
	row_is("compute-34", "active", 1);
	assert_true(t.fw->h[DST].dom.running);
	end();
}

/* Back over the rewrite, as long as it has not run. */
static void t_back(void **state)
{
	(void)state;
	start_of(dead);
	t.db.rewrite = ages_at_rewrite;
	forward(TXN_OPEN);
	assert_int_equal(other(true), TXN_ROLLED_BACK);
	as_it_was();
	assert_string_equal(t.fw->row.status, "reverted");
	end();
}

static void t_not_back_when_it_ran(void **state)
{
	(void)state;
	start_of(dead);
	forward(TXN_DONE);
	back(TXN_REFUSED);
	row_is("compute-34", "active", 1);
	assert_true(t.fw->h[DST].dom.running);
	end();
}

static int stops_at_copy(void *self, struct host *src, struct host *dst,
			 const struct carry_file *f, struct carry_result *r,
			 struct err *e)
{
	stop_set(true);
	return fake_carry(self, src, dst, f, r, e);
}

/* Neither host answers: the row goes back all the same, and what lies on the
 * target can start nothing. */
static void t_back_alone(void **state)
{
	(void)state;
	start_of(dead);
	t.w.carrier.copy = stops_at_copy;
	forward(TXN_OPEN);
	stop_set(false);
	t.fw->h[SRC].down_us = t.fw->h[DST].down_us = INT64_MAX;
	assert_int_equal(other(true), TXN_ROLLED_BACK);
	row_is("compute-30", "active", 1);
	assert_false(on_target(FAKE_UUID));
	t.fw->h[SRC].down_us = 0;
	untouched();
	end();
}

/* ---- a disk that cannot be read whole */

static int loses(void *self, struct host *src, struct host *dst,
		 const struct carry_file *f, struct carry_result *r,
		 struct err *e)
{
	if (fake_carry(self, src, dst, f, r, e))
		return -1;
	if (!strstr(f->from.rel, "/disk") || strstr(f->from.rel, "/disk."))
		return 0;
	assert_true(f->bad_map);
	r->lost = 8192;
	r->places = 2;
	r->bad[0] = (struct carry_range){4096, 4096};
	r->bad[1] = (struct carry_range){65536, 4096};
	snprintf(r->src, sizeof(r->src), "damaged:x");
	snprintf(r->dst, sizeof(r->dst), "damaged:x");
	return 0;
}

static void t_bad_blocks(void **state)
{
	(void)state;
	start_of(dead);
	t.w.carrier.copy = loses;
	assert_int_equal(txn_run(&t.env, t.id, &t.e), TXN_ROLLED_BACK);
	assert_non_null(strstr(t.e.msg, "8192 bytes of disk in 2 places"));
	assert_non_null(strstr(t.e.msg, "at 4096, at 65536"));
	assert_non_null(strstr(t.e.hint, "--accept-bad-blocks"));
	as_it_was();
	end();
}

static void t_bad_blocks_accepted(void **state)
{
	(void)state;
	start_of(dead);
	t.w.carrier.copy = loses;
	t.w.move->accept_bad = t.w.move->verify_full = true;
	forward(TXN_DONE);
	untouched();
	row_is("compute-34", "active", 1);
	assert_true(t.fw->h[DST].dom.running);
	end();
}

/* ---- --verify-deep */

static struct buf inspected[2];
static struct host_ops inspecting;

static int looks(void *self, struct host_run *r, struct err *e)
{
	enum side s = self == t.w.host[SRC]->self ? SRC : DST;

	(void)e;
	assert_string_equal(r->argv[0], "novahaul-inspect");
	for (size_t i = 0; r->argv[i]; i++)
		buf_printf(&inspected[s], "%s ", r->argv[i]);
	buf_puts(&r->out, "{}");
	return 0;
}

/* What the headers of its disks name is on the dead host: here it is nothing,
 * or another file. */
static void t_verify_deep(void **state)
{
	struct fake_options o = dead;

	(void)state;
	o.verify_deep = true;
	start_of(o);
	inspecting = *t.w.host[SRC]->ops;
	inspecting.run = looks;
	t.w.host[SRC]->ops = t.w.host[DST]->ops = &inspecting;
	forward(TXN_DONE);
	untouched();
	assert_non_null(strstr(buf_str(&inspected[SRC]), "/disk:qcow2 "));
	assert_non_null(strstr(buf_str(&inspected[SRC]),
			       "--base-dir /var/lib/nova/instances/_base "));
	assert_non_null(strstr(buf_str(&inspected[DST]), "/disk:qcow2 "));
	assert_null(strstr(buf_str(&inspected[DST]), "--base-dir"));
	buf_clear(&inspected[SRC]);
	buf_clear(&inspected[DST]);
	end();
}

/* ---- the list of steps */

static bool in(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static void t_steps(void **state)
{
	static const char *const never[] = {"precopy",	     "stop",
					    "prove-stopped", "disarm",
					    "detach",	     "attach"};
	const char *names[STEPS_MOVE_MAX];

	(void)state;
	start_of(dead);
	t.w.move->precopy = true;
	steps_of_move(t.w.move, names);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		assert_false(in(names, never[i]));
	assert_string_equal(names[0], "claim");
	assert_string_equal(names[1], "fence");
	assert_true(in(names, "row-off"));
	t.w.move->dead = false;
	steps_of_move(t.w.move, names);
	assert_false(in(names, "fence"));
	assert_false(in(names, "row-off"));
	assert_true(in(names, "disarm"));
	end();
}

/* What a plan may not say. */
static void t_bad_plans(void **state)
{
	struct err e = ERR_INIT;
	json_t *j;

	(void)state;
	start_of(dead);
	j = move_to_json(t.w.move);
	json_object_set_new(j, "disks", json_null());
	assert_null(move_from_json(j, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	json_object_set_new(j, "disks", json_string("localhost"));
	json_object_set_new(j, "history", json_string("eviction"));
	assert_null(move_from_json(j, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	json_object_set_new(j, "history", json_string("evacuation"));
	json_object_set_new(j, "dead", json_false());
	assert_null(move_from_json(j, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	json_decref(j);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_done),
		cmocka_unit_test(t_stopped_stays_so),
		cmocka_unit_test(t_unproven),
		cmocka_unit_test(t_ages_before_rewrite),
		cmocka_unit_test(t_ran_meanwhile),
		cmocka_unit_test(t_gone_meanwhile),
		cmocka_unit_test(t_open_elsewhere),
		cmocka_unit_test(t_ages_before_start),
		cmocka_unit_test(t_back),
		cmocka_unit_test(t_not_back_when_it_ran),
		cmocka_unit_test(t_back_alone),
		cmocka_unit_test(t_bad_blocks),
		cmocka_unit_test(t_bad_blocks_accepted),
		cmocka_unit_test(t_verify_deep),
		cmocka_unit_test(t_steps),
		cmocka_unit_test(t_bad_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
