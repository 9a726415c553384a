/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps must not do to others, and what a way back must not lose: the
 * real engine and steps, in the crash tier's world with one thing changed.
 */
#include "unit/steps-lab.h"

#include <errno.h>

#define OTHER "11111111-2222-4333-8444-555555555555"

/* ---- the guest wrote to its NVRAM and to nothing else */

static int dies_in_firmware(struct virt *v, const char *uuid, struct err *e)
{
	(void)v;
	(void)uuid;
	fake_look(&t.fw->h[DST], NVRAM)->content++;
	return err_set(e, ERR_FAILED, "it died");
}

static void t_firmware(void **state)
{
	(void)state;
	begin((struct fake_options){
		.running = true, .start = true, .nvram = true});
	t.virt.start = dies_in_firmware;
	forward(TXN_OPEN);
	back(TXN_REFUSED);
	assert_non_null(fake_look(&t.fw->h[DST], NVRAM));
	assert_string_equal(t.fw->row.host, "compute-34");
	end();
}

/* ---- a refused inverse changes nothing, NVRAM included */

static int will_not_start(struct virt *v, const char *uuid, struct err *e)
{
	(void)v;
	(void)uuid;
	return err_set(e, ERR_FAILED, "it does not start");
}

static int settled(struct db *db, const struct db_rewrite *r, struct err *e)
{
	(void)db;
	(void)r;
	return err_set(e, ERR_REFUSED, "the record is settled");
}

static void t_refused_inverse(void **state)
{
	(void)state;
	begin((struct fake_options){
		.running = true, .start = true, .nvram = true});
	t.virt.start = will_not_start;
	t.db.rewrite_undo = settled;
	forward(TXN_OPEN);
	back(TXN_REFUSED);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_non_null(fake_look(&t.fw->h[DST], NVRAM));
	/* Forward is a way, too. */
	t.virt.start = fake_virt_ops.start;
	t.w.backward = false;
	assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
	assert_non_null(fake_look(&t.fw->h[DST], NVRAM));
	end();
}

/* ---- Nova starts the guest after the domain was judged and taken away */

static int ran_in_between(struct virt *v, const char *uuid, bool saved,
			  struct err *e)
{
	char path[FAKE_PATH];
	int rc = fake_virt_ops.undefine(v, uuid, saved, e);

	fake_at(path, &t.fw->h[DST], FAKE_UUID "/disk");
	fake_look(&t.fw->h[DST], path)->content = 4711;
	return rc;
}

static void t_ran_in_between(void **state)
{
	char path[FAKE_PATH];

	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.virt.start = will_not_start;
	forward(TXN_OPEN);
	t.virt.undefine = ran_in_between;
	back(TXN_REFUSED);
	fake_at(path, &t.fw->h[DST], FAKE_UUID "/disk");
	assert_int_equal(fake_look(&t.fw->h[DST], path)->content, 4711);
	assert_string_equal(t.fw->row.host, "compute-34");
	end();
}

/* ---- Nova starts the guest at the same moment */

static int nova_was_quicker(struct virt *v, const char *uuid, struct err *e)
{
	const char *why;

	(void)v;
	(void)uuid;
	fake_boot(t.fw, &t.fw->h[DST], &why);
	return err_set(e, ERR_FAILED, "domain is already running");
}

/* Nova pulls the plug of a guest that runs where the row says 'stopped'. */
static int not_under_it(struct db *db, const struct db_power *p, struct err *e)
{
	if (!strcmp(p->vm_to, "stopped"))
		assert_false(t.fw->h[DST].dom.running);
	return fake_db_ops.set_power(db, p, e);
}

static void t_start_race(void **state)
{
	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.db.set_power = not_under_it;
	t.virt.start = nova_was_quicker;
	forward(TXN_DONE);
	assert_string_equal(t.fw->row.vm_state, "active");
	assert_true(t.fw->h[DST].dom.running);
	end();
}

/* ---- somebody starts an instance that was off when it was planned */

static void t_started_meanwhile(void **state)
{
	const char *why;

	(void)state;
	begin((struct fake_options){.base_on_target = true});
	fake_boot(t.fw, &t.fw->h[SRC], &why);
	strcpy(t.fw->row.vm_state, "stopped");
	forward(TXN_ROLLED_BACK);
	assert_true(t.fw->h[SRC].dom.running);
	assert_false(t.fw->row.locked);
	end();
}

/* ---- Nova takes the instance elsewhere before it is stopped */

static int gone_at_the_stop(struct virt *v, const char *uuid,
			    struct virt_status *st, struct err *e)
{
	struct fake_host *h = &t.fw->h[SRC];

	if (t.w.leased[SRC] && !strcmp(t.fw->row.host, "compute-30")) {
		strcpy(t.fw->row.host, "compute-99");
		h->dom.defined = h->dom.running = false;
	}
	return fake_virt_ops.state(v, uuid, st, e);
}

static void t_gone_at_the_stop(void **state)
{
	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.virt.state = gone_at_the_stop;
	forward(TXN_ROLLED_BACK);
	assert_false(t.fw->row.locked);
	end();
}

/* ---- a base that the job brought, and a rollback */

static bool newcomer;

static int fails_after_bases(void *self, struct host *src, struct host *dst,
			     const struct carry_file *f, struct carry_result *r,
			     struct err *e)
{
	char path[FAKE_PATH];

	if (strstr(f->to.rel, "/hold/"))
		return t.carrier.copy(self, src, dst, f, r, e);
	if (newcomer) {
		fake_at(path, &t.fw->h[DST], "%s", OTHER);
		t.fw->now_us += 1000000;
		fake_dir(t.fw, &t.fw->h[DST], path);
		fake_look(&t.fw->h[DST], path)->mtime_us = t.fw->now_us;
	}
	return err_set(e, ERR_FAILED, "no space left on device");
}

static void base_after_rollback(bool stays)
{
	newcomer = stays;
	begin((struct fake_options){.running = true, .start = true});
	t.w.carrier.copy = fails_after_bases;
	forward(TXN_ROLLED_BACK);
	assert_int_equal(on_target("_base/" FAKE_BASE), stays);
	end();
}

static void t_base_newcomer(void **state)
{
	(void)state;
	base_after_rollback(false);
	base_after_rollback(true);
}

/* ---- somebody writes to the source while it is read */

static bool in_final;

static int written_to(void *self, struct host *src, struct host *dst,
		      const struct carry_file *f, struct carry_result *r,
		      struct err *e)
{
	if (t.carrier.copy(self, src, dst, f, r, e))
		return -1;
	r->changed = f->final == in_final;
	return 0;
}

static int some_written_to(void *self, struct host *src, struct host *dst,
			   const struct carry_file *f, size_t n,
			   struct carry_result *r, struct err *e)
{
	if (t.carrier.copy_many(self, src, dst, f, n, r, e))
		return -1;
	if (n)
		r[n - 1].changed = f[n - 1].final == in_final;
	return 0;
}

static void written_meanwhile(bool final, bool many)
{
	in_final = final;
	begin((struct fake_options){.running = true, .start = true});
	if (many)
		t.w.carrier.copy_many = some_written_to;
	else
		t.w.carrier.copy = written_to;
	forward(final ? TXN_ROLLED_BACK : TXN_DONE);
	end();
}

static void t_written_meanwhile(void **state)
{
	(void)state;
	/* Before it, that is what a guest does. */
	written_meanwhile(false, false);
	written_meanwhile(false, true);
	written_meanwhile(true, false);
	written_meanwhile(true, true);
}

/* ---- a copy with holes for what the disk has lost */

static const char *holed; /* a part of the name */

static int with_holes(void *self, struct host *src, struct host *dst,
		      const struct carry_file *f, struct carry_result *r,
		      struct err *e)
{
	if (t.carrier.copy(self, src, dst, f, r, e))
		return -1;
	r->lost = strstr(f->to.rel, holed) ? 4096 : 0;
	return 0;
}

static void t_with_holes(void **state)
{
	static const char *const names[] = {"/hold/", "/disk", "none"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool none = !strcmp(names[i], "none");

		holed = names[i];
		begin((struct fake_options){.running = true, .start = true});
		t.w.carrier.copy = with_holes;
		assert_int_equal(txn_run(&t.env, t.id, &t.e),
				 none ? TXN_DONE : TXN_ROLLED_BACK);
		if (!none)
			assert_non_null(strstr(err_msg(&t.e), "4096 bytes of"));
		end();
	}
}

/* ---- a base's relative is there, and saves bytes */

static char basis[FAKE_PATH];

static int note_basis(void *self, struct host *src, struct host *dst,
		      const struct carry_file *f, struct carry_result *r,
		      struct err *e)
{
	if (strstr(f->to.rel, "/hold/"))
		snprintf(basis, sizeof(basis), "%s", f->basis ? f->basis : "");
	return t.carrier.copy(self, src, dst, f, r, e);
}

static void with_base(const char *name, const char *want)
{
	char path[FAKE_PATH];

	begin((struct fake_options){.running = true, .start = true});
	t.w.carrier.copy = note_basis;
	fake_at(path, &t.fw->h[DST], "_base/%s", name);
	fake_file(t.fw, &t.fw->h[DST], path, 99);
	strcpy(basis, "never");
	forward(TXN_DONE);
	assert_string_equal(basis, want);
	end();
}

static void t_relative(void **state)
{
	(void)state;
	with_base(FAKE_BASE "_20", "_base/" FAKE_BASE "_20");
	with_base(FAKE_BASE ".part", "");
	with_base("0000000000000000000000000000000000000000_20", "");
}

/* ---- NVRAM on another file system: cut between copy and removal */

static int other_fs(void *self, const struct host_rename *r, struct err *e)
{
	(void)self;
	(void)r;
	return err_sys(e, ERR_FAILED, EXDEV, "rename");
}

/* A second file with the same content, if there is none yet. */
static int hold_by_copy(void *self, const struct host_hold *o,
			enum host_held *how, struct err *e)
{
	struct fake_handle *fh = self;
	AUTO(mem_freep)
	char *from = mem_printf("%s/%s", o->from.root, o->from.rel);
	AUTO(mem_freep) char *to = mem_printf("%s/%s", o->to.root, o->to.rel);

	(void)how;
	if (fake_look(fh->h, to))
		return err_sys(e, ERR_CONFLICT, EEXIST, "%s", to);
	fake_file(fh->fw, fh->h, to, fake_look(fh->h, from)->content);
	return 0;
}

static void t_stow_again(void **state)
{
	const struct host_path from = HOST_PATH("/var/lib/nova/instances", "a");
	const struct host_path to = HOST_PATH("/var/lib/nova/instances", "b");
	struct host_ops ops = fake_host_ops;
	struct host *h;

	(void)state;
	begin((struct fake_options){.running = true});
	h = t.w.host[SRC];
	assert_int_equal(world_claim(&t.w, t.id, &t.e), 0);
	ops.rename = other_fs;
	ops.hold = hold_by_copy;
	h->ops = &ops;
	fake_file(t.fw, &t.fw->h[SRC], "/var/lib/nova/instances/a", 77);
	fake_file(t.fw, &t.fw->h[SRC], "/var/lib/nova/instances/b", 77);
	assert_int_equal(stow(h, from, to, &t.e), 0);
	assert_null(fake_look(&t.fw->h[SRC], "/var/lib/nova/instances/a"));
	/* Another's file of that name is neither taken nor lost. */
	fake_file(t.fw, &t.fw->h[SRC], "/var/lib/nova/instances/a", 78);
	assert_int_equal(stow(h, from, to, &t.e), -1);
	assert_int_equal(t.e.kind, ERR_CONFLICT);
	assert_non_null(fake_look(&t.fw->h[SRC], "/var/lib/nova/instances/a"));
	assert_non_null(fake_look(&t.fw->h[SRC], "/var/lib/nova/instances/b"));
	h->ops = &fake_host_ops;
	end();
}

/* ---- NVRAM of that name is on the target already */

static void t_stray_nvram(void **state)
{
	(void)state;
	begin((struct fake_options){
		.running = true, .start = true, .nvram = true});
	fake_file(t.fw, &t.fw->h[DST], NVRAM, 4711);
	forward(TXN_ROLLED_BACK);
	assert_int_equal(fake_look(&t.fw->h[DST], NVRAM)->content, 4711);
	assert_true(t.fw->h[SRC].dom.running);
	end();
}

/* ---- an administrator's start finds nothing, and Nova leaves a directory */

static void leave_stray(const char *file)
{
	char path[FAKE_PATH];

	fake_at(path, &t.fw->h[SRC], FAKE_UUID);
	assert_null(fake_look(&t.fw->h[SRC], path));
	fake_dir(t.fw, &t.fw->h[SRC], path);
	fake_at(path, &t.fw->h[SRC], FAKE_UUID "/%s", file);
	fake_file(t.fw, &t.fw->h[SRC], path, 4711);
}

static int after_a_start(struct db *db, const struct db_rewrite *r,
			 struct err *e)
{
	leave_stray("disk.info");
	return fake_db_ops.rewrite(db, r, e);
}

static int after_a_rebuild(struct db *db, const struct db_rewrite *r,
			   struct err *e)
{
	leave_stray("disk");
	return fake_db_ops.rewrite(db, r, e);
}

static struct fake_inode *on_source(const char *rel)
{
	char path[FAKE_PATH];

	fake_at(path, &t.fw->h[SRC], "%s", rel);
	return fake_look(&t.fw->h[SRC], path);
}

static void t_stray_info(void **state)
{
	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.db.rewrite = after_a_start;
	forward(TXN_DONE);
	assert_null(on_source(FAKE_UUID "/disk.info"));
	assert_null(on_source(FAKE_UUID));
	end();
}

static void t_stray_info_back(void **state)
{
	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.db.rewrite = after_a_start;
	t.virt.start = will_not_start;
	forward(TXN_OPEN);
	t.virt.start = fake_virt_ops.start;
	back(TXN_ROLLED_BACK);
	assert_int_not_equal(on_source(FAKE_UUID "/disk.info")->content, 4711);
	assert_true(t.fw->h[SRC].dom.running);
	end();
}

/* Whatever else is there is somebody's. */
static void t_stray_disk(void **state)
{
	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.db.rewrite = after_a_rebuild;
	forward(TXN_DONE);
	assert_int_equal(on_source(FAKE_UUID "/disk")->content, 4711);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_firmware),
		cmocka_unit_test(t_refused_inverse),
		cmocka_unit_test(t_ran_in_between),
		cmocka_unit_test(t_start_race),
		cmocka_unit_test(t_started_meanwhile),
		cmocka_unit_test(t_gone_at_the_stop),
		cmocka_unit_test(t_base_newcomer),
		cmocka_unit_test(t_written_meanwhile),
		cmocka_unit_test(t_with_holes),
		cmocka_unit_test(t_relative),
		cmocka_unit_test(t_stow_again),
		cmocka_unit_test(t_stray_nvram),
		cmocka_unit_test(t_stray_info),
		cmocka_unit_test(t_stray_info_back),
		cmocka_unit_test(t_stray_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
