/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A COMMIT that is never answered: cut off before it leaves, after it was done,
 * after its answer, and on its way so that it lands while we are asking.
 */
#include "schema/world.h"

#include <stdlib.h>

#include "core/clock.h"
#include "schema/proxy.h"

enum { LATE_MS = 400 };

static struct db db;
static struct act act;

/* One writing operation, what it needs done before, and how to ask for it. */
struct op {
	const char *name;
	int (*before)(void);
	int (*run)(struct err *e);
	struct db_question q;
	const char *state; /* one value that tells whether it was applied */
	const char *no, *yes;
};

static int claimed(void)
{
	act_prepare(&db, &act);
	return 0;
}

static int rewritten(void)
{
	claimed();
	ok(db.ops->rewrite(&db, &act.rewrite, &e));
	return 0;
}

static int unclaimed(void)
{
	db_claim_before_clear(&act.claimed);
	ok(db.ops->claim_read(&db, U1, &act.claimed, &e));
	return 0;
}

static int run_claim(struct err *e)
{
	return db.ops->claim(&db, &act.claim, e);
}

static int run_takeover(struct err *e)
{
	return db.ops->claim_takeover(&db, &act.takeover, e);
}

static int run_power(struct err *e)
{
	return db.ops->set_power(&db, &act.power, e);
}

static int run_rewrite(struct err *e)
{
	return db.ops->rewrite(&db, &act.rewrite, e);
}

static int run_undo(struct err *e)
{
	return db.ops->rewrite_undo(&db, &act.rewrite, e);
}

static int run_release(struct err *e)
{
	return db.ops->release(&db, &act.release, e);
}

#define TOKEN                                                                  \
	"SELECT COALESCE(MAX(value), 'none') FROM instance_system_metadata "   \
	"WHERE `key` = 'locked_reason' AND deleted = 0"
#define HOST "SELECT host FROM instances WHERE id = 1"

static const struct op op_list[] = {
	{"claim",
	 unclaimed,
	 run_claim,
	 {.claim = &act.claim},
	 TOKEN,
	 "none",
	 "novahaul j-test 1"},
	{"takeover",
	 claimed,
	 run_takeover,
	 {.takeover = &act.takeover},
	 TOKEN,
	 "novahaul j-test 1",
	 "novahaul j-test 2"},
	{"set_power",
	 claimed,
	 run_power,
	 {.power = &act.power},
	 "SELECT vm_state FROM instances WHERE id = 1",
	 "stopped",
	 "active"},
	{"rewrite",
	 claimed,
	 run_rewrite,
	 {.rewrite = &act.rewrite},
	 HOST,
	 H30,
	 H34},
	{"undo", rewritten, run_undo, {.undo = &act.rewrite}, HOST, H34, H30},
	{"release",
	 claimed,
	 run_release,
	 {.release = &act.release},
	 TOKEN,
	 "novahaul j-test 1",
	 "none"},
};

static void is_state(const struct op *op, bool applied)
{
	AUTO(mem_freep) char *v = sql_value("%s", op->state);
	const char *want = applied ? op->yes : op->no;

	if (strcmp(v, want) != 0)
		fail_msg("%s: %s, not %s", op->name, v, want);
}

static void ask(const struct op *op, enum db_outcome want)
{
	enum db_outcome out = DB_OUTCOME_UNKNOWN;

	ok(db.ops->outcome(&db, &op->q, &out, &e));
	if (out != want)
		fail_msg("%s: outcome %d, not %d", op->name, out, want);
	is_state(op, want == DB_APPLIED);
	for (int i = 0; i < 200 && !proxy_spoilt(); i++)
		clock_sleep_us(10000); /* its thread may be behind ours */
	assert_true(proxy_spoilt());
}

static void lose(const struct op *op, enum spoil how)
{
	act_clear(&act);
	world_reset();
	op->before();
	proxy_spoil(how, LATE_MS);
	fails(op->run(&e), ERR_LOST, "");
}

static void each_op(enum spoil how, enum db_outcome want)
{
	for (size_t i = 0; i < ARRAY_SIZE(op_list); i++) {
		const struct op *op = &op_list[i];

		lose(op, how);
		ask(op, want);
		/* What did not happen can be done now; what did, is done.  Only
		 * an epoch can be taken once. */
		if (!op->q.takeover || want == DB_NOT_APPLIED)
			ok(op->run(&e));
		is_state(op, true);
	}
}

static void t_before(void **state)
{
	(void)state;
	each_op(SPOIL_BEFORE, DB_NOT_APPLIED);
}

static void t_during(void **state)
{
	(void)state;
	each_op(SPOIL_DURING, DB_APPLIED);
}

static void t_after(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(op_list); i++) {
		const struct op *op = &op_list[i];
		struct db_instance row = {0};

		act_clear(&act);
		world_reset();
		op->before();
		proxy_spoil(SPOIL_AFTER, 0);
		ok(op->run(&e));
		is_state(op, true);
		/* The next use meets a dead link: nothing has happened. */
		fails(db.ops->instance(&db, U1, &row, &e), ERR_RETRY, "");
		ok(db.ops->instance(&db, U1, &row, &e));
		db_instance_clear(&row);
		ask(op, DB_APPLIED);
	}
}

/* The COMMIT lands while we ask: a plain look before that is wrong. */
static void t_late(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(op_list); i++) {
		int64_t start;

		lose(&op_list[i], SPOIL_LATE);
		start = clock_mono_us();
		is_state(&op_list[i], false);
		ask(&op_list[i], DB_APPLIED);
		assert_true(clock_mono_us() - start > LATE_MS * 500);
	}
}

/* It never lands: the server ends the session, and so the waiting. */
static void t_never(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(op_list); i++) {
		lose(&op_list[i], SPOIL_NEVER);
		ask(&op_list[i], DB_NOT_APPLIED);
		ok(op_list[i].run(&e));
		is_state(&op_list[i], true);
	}
}

/* Longer than anyone waits: then it is said to be unknown, not guessed. */
static void t_unknown(void **state)
{
	struct db impatient;
	enum db_outcome out = DB_APPLIED;
	unsigned port = MY(&db)->cell_url.port;

	(void)state;
	if (!world.api)
		return; /* takes 8 s: not on every release */
	open_db(&impatient, port, 1);
	claimed();
	proxy_spoil(SPOIL_LATE, 8500);
	fails(run_rewrite(&e), ERR_LOST, "");
	fails(impatient.ops->outcome(&impatient, &op_list[3].q, &out, &e),
	      ERR_LOST, "Lock wait");
	assert_int_equal(out, DB_OUTCOME_UNKNOWN);
	db_close(&impatient);
	ask(&op_list[3], DB_APPLIED);
}

/* Another world: neither what we wrote nor what was there before. */
static void t_foreign(void **state)
{
	enum db_outcome out = DB_APPLIED;

	(void)state;
	lose(&op_list[2], SPOIL_BEFORE);
	sql("UPDATE instances SET vm_state = 'error' WHERE id = 1");
	fails(db.ops->outcome(&db, &op_list[2].q, &out, &e), ERR_CONFLICT,
	      "neither stopped nor active");
	lose(&op_list[3], SPOIL_BEFORE);
	sql("UPDATE instances SET host = 'other' WHERE id = 1");
	fails(db.ops->outcome(&db, &op_list[3].q, &out, &e), ERR_CONFLICT,
	      "someone else");
	assert_int_equal(out, DB_OUTCOME_UNKNOWN);
	lose(&op_list[3], SPOIL_BEFORE);
	sql("UPDATE instance_system_metadata SET value = 'novahaul j-test 9' "
	    "WHERE `key` = 'locked_reason' AND deleted = 0");
	fails(db.ops->outcome(&db, &op_list[3].q, &out, &e), ERR_STALE,
	      "epoch 9");
}

static int up(void **state)
{
	(void)state;
	world_reset();
	act_init(&act);
	open_db(&db, proxy_start(getenv("NH_SCHEMA_SOCKET")), 3);
	return 0;
}

static int down(void **state)
{
	(void)state;
	act_clear(&act);
	db_close(&db);
	proxy_stop();
	return 0;
}

int group_lost(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_before, up, down),
		cmocka_unit_test_setup_teardown(t_during, up, down),
		cmocka_unit_test_setup_teardown(t_after, up, down),
		cmocka_unit_test_setup_teardown(t_late, up, down),
		cmocka_unit_test_setup_teardown(t_never, up, down),
		cmocka_unit_test_setup_teardown(t_unknown, up, down),
		cmocka_unit_test_setup_teardown(t_foreign, up, down),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
