/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Others at the same rows: deadlocks, long lock waits, and a controller that
 * was frozen, overtaken, and wakes up.
 */
#include "schema/world.h"

#include <pthread.h>
#include <stdlib.h>

#include <mysql.h>

#include "core/clock.h"

static struct db db;
static struct act act;

static int up(void **state)
{
	(void)state;
	world_reset();
	act_init(&act);
	open_db(&db, 0, 1);
	return 0;
}

static int down(void **state)
{
	(void)state;
	act_clear(&act);
	db_close(&db);
	return 0;
}

/* A second session, as root. */
static MYSQL *rival_open(void)
{
	MYSQL *m = mysql_init(NULL);

	assert_non_null(mysql_real_connect(m, NULL, "root", NULL, "nova", 0,
					   getenv("NH_SCHEMA_SOCKET"), 0));
	return m;
}

static unsigned rival(MYSQL *m, const char *text)
{
	return mysql_query(m, text) ? mysql_errno(m) : 0;
}

static long number(const char *query)
{
	AUTO(mem_freep) char *v = sql_value("%s", query);

	return strtol(v, NULL, 10);
}

static bool someone_waits(void)
{
	return number("SELECT COUNT(*) FROM information_schema.innodb_trx "
		      "WHERE trx_state = 'LOCK WAIT'") > 0;
}

static void wait_for_waiter(void)
{
	/* The table shows a copy that ages only while nobody looks: 0.1 s. */
	for (int i = 0; i < 30 && !someone_waits(); i++)
		clock_sleep_us(150000);
}

static long deadlocks(void)
{
	return number("SELECT variable_value FROM "
		      "information_schema.global_status WHERE variable_name = "
		      "'INNODB_DEADLOCKS'");
}

struct call {
	pthread_t thread;
	int (*run)(struct err *e);
	struct err e;
	int r;
	int64_t took_us;
};

static void *call_main(void *arg)
{
	struct call *c = arg;
	int64_t start = clock_mono_us();

	mysql_thread_init();
	c->r = c->run(&c->e);
	c->took_us = clock_mono_us() - start;
	mysql_thread_end();
	return NULL;
}

static void call_start(struct call *c, int (*run)(struct err *e))
{
	*c = (struct call){.run = run};
	assert_int_equal(pthread_create(&c->thread, NULL, call_main, c), 0);
}

static void call_join(struct call *c)
{
	pthread_join(c->thread, NULL);
}

static int run_rewrite(struct err *e)
{
	return db.ops->rewrite(&db, &act.rewrite, e);
}

/* Ours holds the token's row and wants the instance's; the rival the other way
 * round, with more to lose, so that the server picks us. */
static void t_deadlock(void **state)
{
	MYSQL *m = rival_open();
	long before = deadlocks();
	struct call c;

	(void)state;
	db_close(&db);
	open_db(&db, 0, 10);
	act_prepare(&db, &act);
	assert_int_equal(rival(m, "START TRANSACTION"), 0);
	assert_int_equal(rival(m, "UPDATE services SET report_count = "
				  "report_count + 1"),
			 0);
	assert_int_equal(rival(m, "UPDATE compute_nodes SET vcpus = vcpus + 1"),
			 0);
	assert_int_equal(rival(m, "UPDATE instances SET updated_at = "
				  "'2027-01-01' WHERE id = 1"),
			 0);
	call_start(&c, run_rewrite);
	wait_for_waiter();
	assert_int_equal(rival(m, "UPDATE instance_system_metadata SET "
				  "updated_at = '2027-01-01'"),
			 0);
	assert_int_equal(rival(m, "COMMIT"), 0);
	call_join(&c);
	if (c.r)
		fail_msg("%s", err_msg(&c.e));
	if (deadlocks() <= before)
		fail_msg("no deadlock: %ld, %ld", before, deadlocks());
	assert_int_equal(number("SELECT COUNT(*) FROM migrations WHERE id > 3"),
			 1);
	mysql_close(m);
}

/* Held for longer than one wait: replayed.  Held for longer than all: given
 * up, with nothing done. */
static void t_lock_wait(void **state)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;
	static const char *const none[] = {NULL};
	MYSQL *m = rival_open();
	struct call c;

	(void)state;
	act_prepare(&db, &act);
	snap_take(&before);
	assert_int_equal(rival(m, "START TRANSACTION"), 0);
	assert_int_equal(rival(m, "SELECT id FROM instances WHERE id = 1 "
				  "FOR UPDATE"),
			 0);
	mysql_free_result(mysql_store_result(m));
	if (world.api) /* takes 6 s: not on every release */
		fails(run_rewrite(&e), ERR_RETRY, "Lock wait");
	snap_changed(&before, none);
	call_start(&c, run_rewrite);
	clock_sleep_us(1500000);
	assert_int_equal(rival(m, "ROLLBACK"), 0);
	call_join(&c);
	if (c.r)
		fail_msg("%s", err_msg(&c.e));
	assert_true(c.took_us > 1000000);
	mysql_close(m);
}

/* ------------------------------------------------------------ the zombie */

/* Part of a rewrite: frozen with the token's row locked and rows written. */
static struct db zombie;

static void freeze_in_transaction(void)
{
	struct my_conn *c = &MY(&zombie)->cell;
	const struct sql_arg args[] = {ARG_TEXT("u", U1),
				       ARG_TEXT("sh", H30),
				       ARG_TEXT("sn", N30),
				       ARG_TEXT("dh", H34),
				       ARG_TEXT("dn", N34),
				       ARG_TEXT("now", "2026-11-21 09:00:00"),
				       ARG_TEXT("daz", "az-34"),
				       ARG_INT("dcn", 12)};
	uint64_t n = 0;

	ok(my_ready(c, &e));
	ok(my_plain(c, "session.begin", false, &e));
	ok(txn_token(c, &lease, &e));
	ok(my_exec(c, "w.rewrite.instance", SQL_ARGS(args), &n, &e));
	assert_int_equal(n, 1);
}

static int run_takeover(struct err *e)
{
	return db.ops->claim_takeover(&db, &act.takeover, e);
}

/* It wakes before its session is ended: then it was first, and the newcomer
 * has waited and sees it. */
static void t_zombie_commits_first(void **state)
{
	struct call c;

	(void)state;
	open_db(&zombie, 0, 1);
	act_prepare(&db, &act);
	freeze_in_transaction();
	call_start(&c, run_takeover);
	wait_for_waiter();
	ok(my_plain(&MY(&zombie)->cell, "session.commit", true, &e));
	call_join(&c);
	if (c.r)
		fail_msg("%s", err_msg(&c.e));
	assert_int_equal(number("SELECT host = '" H34 "' FROM instances WHERE "
				"id = 1"),
			 1);
	fails(zombie.ops->set_power(&zombie, &act.power, &e), ERR_STALE,
	      "epoch 2");
	db_close(&zombie);
}

/* It stays silent: the server ends its session, the newcomer goes on, and
 * whatever it sends when it wakes changes nothing. */
static void t_zombie_inside(void **state)
{
	AUTO(strv_clear) struct strv after = STRV_INIT;
	static const char *const none[] = {NULL};
	const struct sql_arg soon[] = {ARG_INT("seconds", 1)};
	enum db_outcome out = DB_APPLIED;
	const struct db_question q = {.rewrite = &act.rewrite};

	(void)state;
	open_db(&zombie, 0, 1);
	act_prepare(&db, &act);
	ok(my_ready(&MY(&zombie)->cell, &e));
	ok(my_exec(&MY(&zombie)->cell, "session.silence", SQL_ARGS(soon), NULL,
		   &e));
	freeze_in_transaction();
	ok(run_takeover(&e));
	snap_take(&after);
	fails(my_plain(&MY(&zombie)->cell, "session.commit", true, &e),
	      ERR_LOST, "");
	fails(zombie.ops->outcome(&zombie, &q, &out, &e), ERR_STALE, "epoch 2");
	assert_int_equal(out, DB_OUTCOME_UNKNOWN);
	fails(zombie.ops->rewrite(&zombie, &act.rewrite, &e), ERR_STALE,
	      "taken over");
	fails(zombie.ops->release(&zombie, &act.release, &e), ERR_STALE,
	      "taken over");
	snap_changed(&after, none);
	db_close(&zombie);
}

static void session_is(const char *name, const char *want)
{
	AUTO(mem_freep) char *q = mem_printf("SELECT @@SESSION.%s", name);
	MYSQL *m = MY(&db)->cell.handle;
	MYSQL_RES *res;

	assert_int_equal(mysql_query(m, q), 0);
	res = mysql_store_result(m);
	assert_string_equal(mysql_fetch_row(res)[0], want);
	mysql_free_result(res);
}

/* What the above rests on. */
static void t_session(void **state)
{
	(void)state;
	ok(my_ready(&MY(&db)->cell, &e));
	session_is("wait_timeout", "30");
	session_is("innodb_lock_wait_timeout", "1");
	session_is("time_zone", "+00:00");
	session_is("autocommit", "1");
	session_is("wsrep_sync_wait", "7");
	session_is("character_set_client", "utf8mb4");
}

/* Two jobs, one instance: the second is told who holds it. */
static void t_two_jobs(void **state)
{
	struct db_claim other = act.claim;

	(void)state;
	act_claim(&db, &act);
	other.by.job = "j-other";
	fails(db.ops->claim(&db, &other, &e), ERR_LOCKED, "job j-test");
	/* Nova forgets the reason before Stein when it unlocks; the token that
	 * stays behind is not ours to trust, but to put back. */
	sql("UPDATE instances SET locked = 0, locked_by = NULL WHERE id = 1");
	other.before = &act.claimed;
	db_claim_before_clear(&act.claimed);
	ok(db.ops->claim_read(&db, U1, &act.claimed, &e));
	ok(db.ops->claim(&db, &other, &e));
	fails(db.ops->set_power(&db, &act.power, &e), ERR_STALE, "j-other");
}

int group_rivals(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_deadlock, up, down),
		cmocka_unit_test_setup_teardown(t_lock_wait, up, down),
		cmocka_unit_test_setup_teardown(t_zombie_commits_first, up,
						down),
		cmocka_unit_test_setup_teardown(t_zombie_inside, up, down),
		cmocka_unit_test_setup_teardown(t_session, up, down),
		cmocka_unit_test_setup_teardown(t_two_jobs, up, down),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
