/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job makes of what others do to its instance meanwhile: a COMMIT that
 * lands late, a lock that an administrator lifts, a server that is deleted, a
 * source that is gone.
 */
#include "unit/steps-lab.h"

#include "core/buf.h"
#include "core/fs.h"
#include "steps/purge.h"

static bool on_source(const char *fmt)
{
	AUTO(mem_freep)
	char *path =
		mem_printf("%s/.novahaul/%s/%s", t.fw->h[SRC].ip, t.id, fmt);

	return fake_look(&t.fw->h[SRC], path) != NULL;
}

/* ---- a claim whose COMMIT lands after the rollback */

static int sent_and_killed(struct db *db, const struct db_claim *c,
			   struct err *e)
{
	(void)db;
	t.fw->pending = (struct fake_tx){.kind = TX_CLAIM,
					 .epoch = c->by.epoch,
					 .id = ++t.fw->tx_ids,
					 .sender = CRASH_TOKENS};
	strcpy(t.fw->pending.job, c->by.job);
	strcpy(t.fw->pending.host, c->at.host);
	strcpy(t.fw->pending.vm_from, c->vm_state);
	return err_set(e, ERR_INTERRUPTED, "killed at COMMIT");
}

static void t_late_claim(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		begin((struct fake_options){.running = true, .start = true});
		crash_shm->rnd = seed;
		t.db.claim = sent_and_killed;
		forward(TXN_OPEN);
		assert_int_equal(other(true), TXN_ROLLED_BACK);
		fake_db_land(t.fw);
		assert_false(t.fw->row.locked);
		assert_string_equal(t.fw->row.reason, "");
		end();
	}
}

/* ---- where a job is interrupted */

static int not_now(struct virt *v, const char *uuid, const char *xml,
		   struct err *e)
{
	(void)v;
	(void)uuid;
	(void)xml;
	return err_set(e, ERR_INTERRUPTED, "interrupted");
}

static int not_yet(struct db *db, const struct db_rewrite *r, struct err *e)
{
	(void)db;
	(void)r;
	return err_set(e, ERR_INTERRUPTED, "interrupted");
}

static int when_it_runs(struct virt *v, const char *uuid, struct err *e)
{
	fake_virt_ops.start(v, uuid, e);
	for (int i = 0; i < 20; i++)
		fake_tick(t.fw);
	return err_set(e, ERR_INTERRUPTED, "interrupted");
}

enum until { UNTIL_REWRITE, UNTIL_DEFINE, UNTIL_RUNNING };

static void open_job(enum until u)
{
	begin((struct fake_options){
		.running = true, .start = true, .nvram = true});
	if (u == UNTIL_REWRITE)
		t.db.rewrite = not_yet;
	else if (u == UNTIL_DEFINE)
		t.virt.define = not_now;
	else
		t.virt.start = when_it_runs;
	forward(TXN_OPEN);
	t.rewritten = u != UNTIL_REWRITE;
	t.db = fake_db_ops;
	t.virt = fake_virt_ops;
}

/* ---- an administrator lifts the lock */

static void lift(bool reason_too)
{
	t.fw->row.locked = false;
	t.fw->row.locked_by[0] = '\0';
	if (reason_too)
		t.fw->row.reason[0] = '\0';
}

static void t_lifted(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		bool back = i & 1, stein = i & 2;

		open_job(i & 4 ? UNTIL_REWRITE : UNTIL_DEFINE);
		lift(stein);
		assert_int_equal(other(back),
				 back ? TXN_ROLLED_BACK : TXN_DONE);
		assert_string_equal(t.fw->row.host,
				    back ? "compute-30" : "compute-34");
		assert_false(t.fw->row.locked);
		assert_string_equal(t.fw->row.reason, "");
		assert_true(t.fw->h[back ? SRC : DST].dom.running);
		end();
	}
}

/* The tenant locks it on his own account: his lock is neither taken nor
 * lifted, and the job goes on when it is gone. */
static void t_locked_anew(void **state)
{
	(void)state;
	open_job(UNTIL_DEFINE);
	lift(true);
	t.fw->row.locked = true;
	strcpy(t.fw->row.locked_by, "owner");
	assert_int_equal(other(false), TXN_OPEN);
	assert_string_equal(t.fw->row.locked_by, "owner");
	assert_string_equal(t.fw->row.reason, "");
	assert_false(t.fw->h[DST].dom.defined);
	err_clear(&t.e);
	lift(true);
	assert_int_equal(other(false), TXN_DONE);
	end();
}

/* No lock, and nothing of the job on the hosts: it was ended from another
 * journal, and this one is old. */
static void t_ended_elsewhere(void **state)
{
	(void)state;
	open_job(UNTIL_DEFINE);
	lift(true);
	for (int s = SRC; s <= DST; s++) {
		AUTO(mem_freep)
		char *work = mem_printf("%s/.novahaul/%s", t.fw->h[s].ip, t.id);

		fake_tree_drop(&t.fw->h[s], work);
		t.fw->h[s].lease = (struct fake_lease){0};
	}
	assert_int_equal(other(false), TXN_LOCKED);
	assert_false(t.fw->row.locked);
	assert_false(t.fw->h[DST].dom.defined);
	end();
}

/* The journal's file while nobody has it open. */
static void read_journal(struct buf *out)
{
	AUTO(mem_freep) char *path = mem_printf("%s/journal.db", t.dir);

	journal_close(t.env.journal);
	assert_int_equal(fs_read_path(path, 1 << 26, out, &t.e), 0);
	t.env.journal = journal_open(path, &t.e);
	assert_non_null(t.env.journal);
}

static void write_journal(const struct buf *in)
{
	AUTO(mem_freep) char *path = mem_printf("%s/journal.db", t.dir);
	FILE *f;

	journal_close(t.env.journal);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(in->p, 1, in->len, f), in->len);
	assert_int_equal(fclose(f), 0);
	t.env.journal = journal_open(path, &t.e);
	assert_non_null(t.env.journal);
}

/* The same, and the source keeps its copy: an old journal neither writes its
 * manifest anew nor holds the instance. */
static void t_closed_elsewhere(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		AUTO(buf_clear) struct buf old = BUF_INIT;

		open_job(i & 1 ? UNTIL_REWRITE : UNTIL_DEFINE);
		read_journal(&old);
		assert_int_equal(other(false), TXN_DONE);
		write_journal(&old);
		assert_true(on_source("closed"));
		t.fw->h[SRC].manifest_len = 0;
		assert_int_equal(other(i & 2), TXN_LOCKED);
		assert_non_null(strstr(err_msg(&t.e), "another journal"));
		assert_int_equal(t.fw->h[SRC].manifest_len, 0);
		for (int s = SRC; s <= DST; s++)
			assert_int_not_equal(t.fw->h[s].lease.state,
					     LEASE_HELD);
		assert_true(t.fw->h[DST].dom.running);
		end();
	}
}

/* The row has gone elsewhere meanwhile. */
static void t_gone_elsewhere(void **state)
{
	(void)state;
	open_job(UNTIL_DEFINE);
	lift(true);
	strcpy(t.fw->row.host, "compute-99");
	assert_int_equal(other(false), TXN_LOCKED);
	assert_false(t.fw->row.locked);
	end();
}

/* ---- the server is deleted */

static void closed_as_deleted(bool back)
{
	AUTO(purge_clear) struct purge p = {0};

	assert_int_equal(other(back), TXN_ROLLED_BACK);
	assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &t.e), 1);
	err_clear(&t.e);
	assert_true(on_source("source/instance/disk"));
	assert_true(on_source("hold/" FAKE_BASE));
	assert_true(on_source("closed"));
	assert_false(t.fw->h[SRC].dom.defined);
	assert_int_equal(t.fw->h[SRC].lease.state, LEASE_RELEASED);
	assert_int_not_equal(t.fw->h[DST].lease.state, LEASE_HELD);
	/* The job is over, and its copy may go. */
	assert_int_equal(other(back), TXN_NOTHING);
	err_clear(&t.e);
	assert_int_equal(purge_look(&t.w, t.id, NULL, &p, &t.e), 0);
	assert_true(p.allowed);
	assert_int_equal(purge_remove(&t.w, t.id, &t.e), 0);
	assert_false(on_source("source/instance/disk"));
}

static void t_deleted(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		char dir[FAKE_PATH];

		open_job(i & 2 ? UNTIL_REWRITE : UNTIL_DEFINE);
		t.fw->row.deleted = true;
		/* and archived since */
		t.fw->row.gone = t.fw->row.archived = i & 8;
		if (i & 8) /* with all that is of it */
			t.fw->row.reason[0] = '\0';
		if (i & 4) {
			/* the token goes, and Nova finds some files */
			t.fw->row.reason[0] = '\0';
			fake_at(dir, &t.fw->h[DST], FAKE_UUID);
			if (!(i & 2))
				fake_tree_drop(&t.fw->h[DST], dir);
		}
		closed_as_deleted(i & 1);
		assert_false(on_target(FAKE_UUID));
		assert_false(t.fw->h[DST].dom.defined);
		end();
	}
}

/* It ran on the target: Nova's to remove, and perhaps not yet removed. */
static void t_deleted_running(void **state)
{
	(void)state;
	for (int back = 0; back < 2; back++) {
		open_job(UNTIL_RUNNING);
		t.fw->row.deleted = true;
		closed_as_deleted(back);
		assert_true(t.fw->h[DST].dom.running);
		assert_true(on_target(FAKE_UUID "/disk"));
		assert_true(on_target("_base/" FAKE_BASE));
		end();
	}
}

/* Nova deletes it between the last look at the row and the definition, all or
 * nothing of its files, and the undo ends there. */
static bool some;

static int defined_late(struct virt *v, const char *uuid, const char *xml,
			struct err *e)
{
	char dir[FAKE_PATH];

	t.fw->row.deleted = true;
	t.fw->row.reason[0] = '\0';
	fake_at(dir, &t.fw->h[SRC], FAKE_UUID);
	if (!some)
		fake_tree_drop(&t.fw->h[SRC], dir);
	fake_virt_ops.define(v, uuid, xml, e);
	err_clear(e);
	return err_set(e, ERR_LOST, "cut");
}

static void t_deleted_rearmed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		some = i;
		open_job(UNTIL_REWRITE);
		t.virt.define = defined_late;
		assert_int_equal(other(true), TXN_ROLLED_BACK);
		err_clear(&t.e);
		assert_false(t.fw->h[SRC].dom.defined);
		/* What Nova left is the job's to keep. */
		assert_int_equal(on_source("source/instance/disk"), some);
		assert_int_not_equal(t.fw->h[SRC].lease.state, LEASE_HELD);
		end();
	}
}

/* The last look at the target is cut after its hold of the base has gone. */
static int rmtree_cut(void *self, struct host_path p, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf("%s/hold/" FAKE_BASE, p.rel);
	char path[FAKE_PATH];

	fake_at(path, &t.fw->h[DST], "%s", rel);
	fake_tree_drop(&t.fw->h[DST], path);
	(void)self;
	return err_set(e, ERR_FAILED, "cut");
}

static void t_deleted_after_release(void **state)
{
	struct host_ops cut = fake_host_ops;
	char path[FAKE_PATH];

	(void)state;
	begin((struct fake_options){.start = true});
	cut.rmtree = rmtree_cut;
	t.w.host[DST]->ops = &cut;
	forward(TXN_OPEN);
	/* Nova removes it, and then the base, which nobody uses any more. */
	t.fw->row.deleted = true;
	fake_at(path, &t.fw->h[DST], FAKE_UUID);
	fake_tree_drop(&t.fw->h[DST], path);
	fake_at(path, &t.fw->h[DST], "_base/" FAKE_BASE);
	fake_tree_drop(&t.fw->h[DST], path);
	t.rewritten = true;
	assert_int_equal(other(false), TXN_DONE);
	end();
}

/* In the middle of a run, before the commit: it turns round by itself. */
static int deleted_now(struct db *db, const struct db_rewrite *r, struct err *e)
{
	t.fw->row.deleted = true;
	return fake_db_ops.rewrite(db, r, e);
}

static void t_deleted_in_the_run(void **state)
{
	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.db.rewrite = deleted_now;
	forward(TXN_ROLLED_BACK);
	assert_true(on_source("source/instance/disk"));
	assert_true(on_source("closed"));
	assert_false(on_target(FAKE_UUID));
	end();
}

/* Since Stein the token goes with the server: the next look for it finds
 * neither. */
static int deleted_with_token(struct virt *v, const char *uuid, bool saved,
			      struct err *e)
{
	t.fw->row.deleted = true;
	t.fw->row.reason[0] = '\0';
	return fake_virt_ops.undefine(v, uuid, saved, e);
}

static void t_deleted_without_token(void **state)
{
	(void)state;
	begin((struct fake_options){.running = true, .start = true});
	t.virt.undefine = deleted_with_token;
	forward(TXN_ROLLED_BACK);
	assert_true(on_source("source/instance/disk"));
	assert_true(on_source("closed"));
	assert_false(on_target(FAKE_UUID));
	assert_false(t.fw->h[SRC].dom.running);
	end();
}

/* ---- another base of that name is on the target */

static void t_other_base(void **state)
{
	char path[FAKE_PATH];

	(void)state;
	begin((struct fake_options){.running = true, .base_on_target = true});
	fake_at(path, &t.fw->h[DST], "_base/" FAKE_BASE);
	fake_look(&t.fw->h[DST], path)->content = 4711;
	forward(TXN_ROLLED_BACK);
	assert_int_equal(fake_look(&t.fw->h[DST], path)->content, 4711);
	assert_true(t.fw->h[SRC].dom.running);
	end();
}

/* ---- evacuated while the source is armed again */

static int define_and_die(struct virt *v, const char *uuid, const char *xml,
			  struct err *e)
{
	fake_virt_ops.define(v, uuid, xml, e);
	return err_set(e, ERR_INTERRUPTED, "killed");
}

static void t_evacuated_meanwhile(void **state)
{
	(void)state;
	open_job(UNTIL_REWRITE);
	t.virt.define = define_and_die;
	assert_int_equal(other(true), TXN_OPEN);
	err_clear(&t.e);
	assert_true(t.fw->h[SRC].dom.defined);
	strcpy(t.fw->row.host, "compute-99");
	t.virt = fake_virt_ops;
	assert_int_equal(other(true), TXN_OPEN);
	err_clear(&t.e);
	assert_false(t.fw->h[SRC].dom.defined);
	assert_false(fake_in_place(t.fw, &t.fw->h[SRC]));
	assert_true(on_source("source/instance/disk"));
	end();
}

/* ---- the source is down past the rewrite */

static void t_source_down(void **state)
{
	(void)state;
	open_job(UNTIL_DEFINE);
	t.fw->h[SRC].down_us = t.fw->now_us + 3600 * 1000000LL;
	assert_int_equal(other(false), TXN_OPEN);
	assert_non_null(t.e.hint);
	assert_string_equal(t.e.hint,
			    "novahaul audit --fix compute-30 when it is back");
	err_clear(&t.e);
	assert_true(t.fw->h[DST].dom.running);
	assert_string_equal(t.fw->row.vm_state, "active");
	assert_false(t.fw->row.locked);
	assert_int_equal(t.fw->h[DST].lease.state, LEASE_FREE);
	/* Still down: nothing changes. */
	assert_int_equal(other(false), TXN_OPEN);
	err_clear(&t.e);
	assert_int_equal(t.fw->h[DST].lease.state, LEASE_FREE);
	t.fw->h[SRC].down_us = 0;
	assert_int_equal(other(false), TXN_DONE);
	assert_true(on_source("closed"));
	assert_true(on_source("source/instance/disk"));
	assert_int_equal(t.fw->h[SRC].lease.state, LEASE_RELEASED);
	end();
}

/* Before the rewrite nothing goes on without it. */
static void t_source_down_before(void **state)
{
	(void)state;
	open_job(UNTIL_REWRITE);
	t.fw->h[SRC].down_us = t.fw->now_us + 3600 * 1000000LL;
	assert_int_equal(other(false), TXN_OPEN);
	err_clear(&t.e);
	assert_string_equal(t.fw->row.host, "compute-30");
	assert_false(t.fw->h[DST].dom.defined);
	end();
}

/* ---- the target is down on the way back */

static bool told;

static void listen(void *arg, const struct txn_event *ev)
{
	(void)arg;
	told |= ev->kind == TXN_EV_SAY &&
		strstr(ev->text, "compute-34 does not answer and may keep") &&
		strstr(ev->text, "novahaul audit --fix compute-34");
}

static void t_target_down(void **state)
{
	(void)state;
	open_job(UNTIL_REWRITE);
	t.fw->h[DST].down_us = t.fw->now_us + 3600 * 1000000LL;
	t.env.event = listen;
	told = false;
	assert_int_equal(other(true), TXN_ROLLED_BACK);
	assert_true(told);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_true(t.fw->h[SRC].dom.running);
	end();
}

/* No room on the target, with what is on its way there: asked while the lease
 * there is held and nothing else of the job is there. */
static int asks_room(void *self, struct err *e)
{
	assert_int_equal(t.fw->h[DST].lease.state, LEASE_HELD);
	assert_false(t.fw->row.locked);
	++*(int *)self;
	return *(int *)self == 1 ? err_set(e, ERR_LOCKED, "no room now") : 0;
}

static void t_no_room(void **state)
{
	int asked = 0;

	(void)state;
	begin((struct fake_options){0});
	t.w.room = (struct room_ops){asks_room, &asked};
	assert_int_equal(txn_run(&t.env, t.id, &t.e), TXN_ROLLED_BACK);
	assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &t.e), 7);
	assert_int_equal(asked, 1);
	for (int s = SRC; s <= DST; s++)
		assert_int_not_equal(t.fw->h[s].lease.state, LEASE_HELD);
	assert_false(t.fw->row.locked);
	end();
	begin((struct fake_options){0});
	t.w.room = (struct room_ops){asks_room, &asked};
	forward(TXN_DONE);
	assert_int_equal(asked, 2);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_no_room),
		cmocka_unit_test(t_late_claim),
		cmocka_unit_test(t_lifted),
		cmocka_unit_test(t_locked_anew),
		cmocka_unit_test(t_ended_elsewhere),
		cmocka_unit_test(t_closed_elsewhere),
		cmocka_unit_test(t_gone_elsewhere),
		cmocka_unit_test(t_other_base),
		cmocka_unit_test(t_evacuated_meanwhile),
		cmocka_unit_test(t_source_down),
		cmocka_unit_test(t_source_down_before),
		cmocka_unit_test(t_target_down),
		cmocka_unit_test(t_deleted),
		cmocka_unit_test(t_deleted_running),
		cmocka_unit_test(t_deleted_rearmed),
		cmocka_unit_test(t_deleted_after_release),
		cmocka_unit_test(t_deleted_in_the_run),
		cmocka_unit_test(t_deleted_without_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
