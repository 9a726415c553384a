/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real engine and steps in the crash tier's world, with one thing changed:
 *
 *	begin((struct fake_options){...});
 *	t.db.release = mine;		any operation of virt, db, carrier
 *	forward(TXN_OPEN); again(TXN_DONE); back(TXN_REFUSED);
 *	end();
 */
#ifndef NH_TESTS_UNIT_STEPS_LAB_H
#define NH_TESTS_UNIT_STEPS_LAB_H

#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "crash/crash_priv.h"
#include "fake/fake.h"
#include "steps/util.h"

#define NVRAM "/var/lib/libvirt/qemu/nvram/instance-0000002a_VARS.fd"

/* What is told apart from the world's own way, and the job under test. */
static struct {
	struct fake_world *fw;
	struct world w;
	struct virt_ops virt;
	struct db_ops db;
	char dir[32], id[JOURNAL_ID_MAX];
	struct txn_env env;
	struct err e;
	struct carrier carrier;
	bool rewritten; /* as src/cli/app_run.c finds it out */
} t;

static int64_t now(void)
{
	return crash_shm->clock_us += 10;
}

static void pass(int64_t us)
{
	crash_shm->clock_us += us;
}

static bool no_promise(const void *world, struct buf *out)
{
	(void)world;
	(void)out;
	return true;
}

static inline void begin(struct fake_options o)
{
	static const struct crash_case c = {.promise = no_promise};
	static const struct clock_ops clock = {now, now, pass};
	AUTO(mem_freep) char *path = NULL;
	json_t *plan;

	t.rewritten = false;
	crash_shm =
		mem_calloc(1, sizeof(*crash_shm) + sizeof(struct fake_world));
	crash_shm->clock_us = 1700000000 * 1000000LL;
	crash_me = (struct crash_self_state){.c = &c, .quiet = true};
	crash_become();
	clock_set_ops(&clock);
	t.fw = (struct fake_world *)crash_shm->world;
	fake_reset(t.fw, &o);
	fake_open(&t.w, t.fw, false);
	t.virt = fake_virt_ops;
	t.db = fake_db_ops;
	for (int s = SRC; s <= DST; s++)
		if (t.w.virt[s])
			t.w.virt[s]->ops = &t.virt;
	t.w.db->ops = &t.db;
	t.carrier = t.w.carrier;
	strcpy(t.dir, "/tmp/nh-steps.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	path = mem_printf("%s/journal.db", t.dir);
	t.env = (struct txn_env){.journal = journal_open(path, &t.e),
				 .steps = steps_table,
				 .world = &t.w,
				 .look = world_look,
				 .enter = world_enter,
				 .regain = regain_job,
				 .leave = world_leave,
				 .mirror = world_mirror,
				 .tick = world_tick};
	assert_non_null(t.env.journal);
	plan = fake_plan(t.fw);
	assert_int_equal(txn_start(&t.env, plan, t.id, &t.e), 0);
	json_decref(plan);
}

static inline void end(void)
{
	static const char *const names[] = {"",		"-wal",	    "-shm",
					    "-journal", ".reserve", ".lock"};

	err_clear(&t.e);
	fake_close(&t.w);
	journal_close(t.env.journal);
	clock_set_ops(NULL);
	mem_free(crash_shm);
	crash_shm = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(mem_freep)
		char *f = mem_printf("%s/journal.db%s", t.dir, names[i]);

		unlink(f);
	}
	assert_int_equal(rmdir(t.dir), 0);
}

static inline void forward(enum txn_end want)
{
	enum txn_end got = txn_run(&t.env, t.id, &t.e);

	if (got != want)
		print_message("%s: %s\n", txn_end_name(got), err_msg(&t.e));
	assert_int_equal(got, want);
	err_clear(&t.e);
}

static inline void back(enum txn_end want)
{
	enum txn_end got;

	t.w.backward = true;
	got = txn_rollback(&t.env, t.id, &t.e);
	if (got != want)
		print_message("%s: %s\n", txn_end_name(got), err_msg(&t.e));
	assert_int_equal(got, want);
	err_clear(&t.e);
}

/* Another controller, with hosts as they answer now. */
static inline enum txn_end other(bool backward)
{
	enum txn_end got;

	fake_close(&t.w);
	fake_open(&t.w, t.fw, backward);
	for (int s = SRC; s <= DST; s++)
		if (t.w.virt[s])
			t.w.virt[s]->ops = &t.virt;
	t.w.db->ops = &t.db;
	t.w.onward = !backward && t.rewritten;
	got = backward ? txn_rollback(&t.env, t.id, &t.e)
		       : txn_resume(&t.env, t.id, &t.e);
	if (t.e.kind != ERR_NONE)
		print_message("%s: %s\n", txn_end_name(got), err_msg(&t.e));
	return got;
}

static inline bool on_target(const char *rel)
{
	char path[FAKE_PATH];

	fake_at(path, &t.fw->h[DST], "%s", rel);
	return fake_look(&t.fw->h[DST], path) != NULL;
}

#endif
