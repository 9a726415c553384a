/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in the journal: who may write, and what survives. */
#include "unit/unit.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "engine/batch.h"
#include "engine/journal_priv.h"

#define UUID "9f2c1f1e-0b1d-4c57-8b9c-11111111111"

struct fix {
	char dir[64], path[96];
	struct journal *j;
	struct batch b;
	struct journal_key k;
	struct err e;
};

static json_t *member_new(const char *uuid, const char *name, const char *to)
{
	return json_pack("{s:{s:s, s:s}, s:s, s:s*}", "instance", "uuid", uuid,
			 "name", name, "source", "compute-30", "target", to);
}

static json_t *plan_new(void)
{
	json_t *p = json_pack("{s:s, s:s, s:[o, o, o]}", "kind", "evacuate",
			      "host", "compute-30", "members",
			      member_new(UUID "1", "a", "compute-34"),
			      member_new(UUID "2", "b", "compute-35"),
			      member_new(UUID "3", "c", NULL));
	json_t *last = json_array_get(json_object_get(p, "members"), 2);

	json_object_set_new(last, "why", json_string("it fits nowhere"));
	return p;
}

/* The plan of member M's move, under EPOCH. */
static json_t *move_new(const struct fix *f, int m, uint64_t epoch)
{
	AUTO(mem_freep) char *uuid = mem_printf("%s%d", UUID, m + 1);
	json_t *p =
		json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}, {s:s}], "
			  "s:{s:s, s:i, s:I}}",
			  "kind", "move", "instance", "uuid", uuid, "name", "a",
			  "source", "compute-30", "target", "compute-34",
			  "steps", "step", "one", "step", "two", "batch", "id",
			  f->b.id, "member", m, "epoch", (json_int_t)epoch);

	assert_non_null(p);
	return p;
}

#define OK(f, call)                                                            \
	do {                                                                   \
		if (call)                                                      \
			fail_msg("%s: %s", #call, err_msg(&(f)->e));           \
	} while (0)
#define NOT(f, call, why)                                                      \
	do {                                                                   \
		assert_int_equal(call, -1);                                    \
		if ((f)->e.kind != (why))                                      \
			fail_msg("%s: %s", #call, err_msg(&(f)->e));           \
		err_clear(&(f)->e);                                            \
	} while (0)

static int set_up(void **state)
{
	struct fix *f = MEM_NEW(struct fix);
	json_t *plan = plan_new();

	strcpy(f->dir, "/tmp/nh-batch-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/journal.db", f->dir);
	f->j = journal_open(f->path, &f->e);
	assert_non_null(f->j);
	OK(f, batch_create(f->j, plan, "here pid 1", &f->b, &f->e));
	f->k = batch_key(&f->b);
	json_decref(plan);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fix *f = *state;
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", f->path);

	batch_clear(&f->b);
	journal_close(f->j);
	err_clear(&f->e);
	unlink(f->path);
	unlink(reserve);
	rmdir(f->dir);
	mem_free(f);
	return 0;
}

static void again(struct fix *f)
{
	AUTO(mem_freep) char *id = mem_strdup(f->b.id);

	batch_clear(&f->b);
	OK(f, batch_load(f->j, id, &f->b, &f->e));
}

/* Creates the job of a member; -1 with an error when that is refused. */
static int start(struct fix *f, int m, uint64_t epoch, struct journal_job *job)
{
	json_t *plan = move_new(f, m, epoch);
	int rc = journal_create(f->j, plan, "here pid 2", job, &f->e);

	json_decref(plan);
	return rc;
}

static void end(struct fix *f, const struct journal_job *job,
		enum journal_state s, bool demanded)
{
	struct journal_key k = journal_key(job);
	struct err why = ERR_INIT;

	err_set(&why, ERR_FAILED, "the disk is full");
	OK(f, journal_turn(f->j, &k,
			   &(struct journal_turn){
				   .state = s,
				   .dir = s == JOURNAL_DONE ? JOURNAL_FORWARD
							    : JOURNAL_BACKWARD,
				   .demanded = demanded,
				   .why = s == JOURNAL_DONE ? NULL : &why},
			   &f->e));
	err_clear(&why);
}

static void t_create(void **state)
{
	struct fix *f = *state;

	again(f);
	assert_true(batch_is_id(f->b.id));
	assert_false(batch_is_id("j-aaaaaaaa"));
	assert_string_equal(f->b.kind, "evacuate");
	assert_string_equal(f->b.host, "compute-30");
	assert_int_equal(f->b.state, BATCH_OPEN);
	assert_int_equal(f->b.nmembers, 3);
	assert_string_equal(f->b.members[1].target, "compute-35");
	assert_int_equal(f->b.members[1].state, MEMBER_PENDING);
	assert_null(f->b.members[2].target);
	assert_int_equal(f->b.members[2].state, MEMBER_SKIPPED);
	assert_string_equal(err_msg(&f->b.members[2].why), "it fits nowhere");
	assert_non_null(json_object_get(f->b.plan, "members"));
}

static void t_bad_plans(void **state)
{
	struct fix *f = *state;
	static const char *const texts[] = {
		"{}", "{\"kind\": \"evacuate\"}",
		"{\"kind\": \"evacuate\", \"members\": {}}",
		"{\"kind\": \"evacuate\", \"members\": [{}]}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *p = json_loads(texts[i], 0, NULL);
		struct batch b;

		NOT(f, batch_create(f->j, p, NULL, &b, &f->e), ERR_USAGE);
		json_decref(p);
	}
}

/* Everything that a controller writes is there after a crash. */
static void t_member(void **state)
{
	struct fix *f = *state;
	struct batch_member *m = &f->b.members[1];

	m->state = MEMBER_RUNNING;
	m->attempts = 2;
	m->started_us = 17;
	mem_free(m->target);
	m->target = mem_strdup("compute-36");
	err_set(&m->why, ERR_RETRY, "locked");
	OK(f, batch_member_set(f->j, &f->k, m, &f->e));
	again(f);
	m = &f->b.members[1];
	assert_int_equal(m->state, MEMBER_RUNNING);
	assert_int_equal(m->attempts, 2);
	assert_int_equal(m->started_us, 17);
	assert_string_equal(m->target, "compute-36");
	assert_int_equal(m->why.kind, ERR_RETRY);
	m->idx = 9;
	NOT(f, batch_member_set(f->j, &f->k, m, &f->e), ERR_BUG);
}

/* A controller that was taken over writes nothing, and neither do its
 * children. */
static void t_epoch(void **state)
{
	struct fix *f = *state;
	struct journal_takeover t = {.owner = "there pid 3"};
	struct journal_job job;
	struct batch old;

	OK(f, batch_still(f->j, &f->k, &f->e));
	OK(f, batch_load(f->j, f->b.id, &old, &f->e));
	OK(f, batch_take(f->j, &f->b, &t, &f->e));
	assert_int_equal(f->b.epoch, 2);
	NOT(f, batch_take(f->j, &old, &t, &f->e), ERR_STALE);
	batch_clear(&old);
	NOT(f, batch_still(f->j, &f->k, &f->e), ERR_STALE);
	NOT(f, batch_member_set(f->j, &f->k, &f->b.members[0], &f->e),
	    ERR_STALE);
	NOT(f, batch_say(f->j, &f->k, -1, "x", &f->e), ERR_STALE);
	NOT(f, start(f, 0, 1, &job), ERR_STALE);
	OK(f, start(f, 0, 2, &job));
	assert_string_equal(job.batch, f->b.id);
	assert_int_equal(job.member, 0);
	journal_job_clear(&job);
	again(f);
	assert_string_equal(f->b.owner, "there pid 3");
}

/* A frozen controller that wakes between the reading and the claim: what it has
 * written then is not lost on who takes over, and a turn is not undone. */
static void t_take_late(void **state)
{
	struct fix *f = *state;
	struct journal_takeover t = {.owner = "there pid 3"};
	struct batch old = {0}, late = {0};
	struct batch_member *m = &f->b.members[0];

	OK(f, batch_load(f->j, f->b.id, &old, &f->e));
	OK(f, batch_load(f->j, f->b.id, &late, &f->e));
	m->state = MEMBER_SKIPPED;
	mem_free(m->target);
	m->target = mem_strdup("compute-36");
	OK(f, batch_member_set(f->j, &f->k, m, &f->e));
	OK(f, batch_take(f->j, &old, &t, &f->e));
	assert_int_equal(old.epoch, 2);
	assert_string_equal(old.owner, "there pid 3");
	assert_int_equal(old.members[0].state, MEMBER_SKIPPED);
	assert_string_equal(old.members[0].target, "compute-36");
	/* What is known of the batch is what decides the direction. */
	f->k = batch_key(&old);
	batch_clear(&late);
	OK(f, batch_load(f->j, f->b.id, &late, &f->e));
	OK(f, batch_turn(f->j, &f->k,
			 &(struct batch_turn){.dir = JOURNAL_BACKWARD}, &f->e));
	NOT(f, batch_take(f->j, &late, &t, &f->e), ERR_STALE);
	batch_clear(&old);
	batch_clear(&late);
}

static void t_admits(void **state)
{
	struct fix *f = *state;
	struct journal_takeover back = {.dir = JOURNAL_BACKWARD};
	struct journal_job job, other;

	OK(f, start(f, 0, 1, &job));
	/* One open job a member. */
	NOT(f, start(f, 0, 1, &other), ERR_LOCKED);
	OK(f, start(f, 1, 1, &other));
	journal_job_clear(&other);
	end(f, &job, JOURNAL_ROLLED_BACK, false);
	journal_job_clear(&job);
	OK(f, start(f, 0, 1, &job));
	journal_job_clear(&job);
	/* None on the way back, none for a batch that is over. */
	OK(f, batch_take(f->j, &f->b, &back, &f->e));
	NOT(f, start(f, 2, 2, &job), ERR_STALE);
	f->k = batch_key(&f->b);
	OK(f,
	   batch_turn(f->j, &f->k,
		      &(struct batch_turn){.state = BATCH_ROLLED_BACK}, &f->e));
	NOT(f, start(f, 2, 2, &job), ERR_STALE);
	strcpy(f->b.id, "b-aaaaaaaa");
	NOT(f, start(f, 2, 2, &job), ERR_STALE);
}

/* A single job stays what it was. */
static void t_single(void **state)
{
	struct fix *f = *state;
	json_t *plan = move_new(f, 0, 1);
	struct journal_job job, back;

	json_object_del(plan, "batch");
	OK(f, journal_create(f->j, plan, NULL, &job, &f->e));
	OK(f, journal_load(f->j, job.id, &back, &f->e));
	assert_string_equal(back.batch, "");
	assert_int_equal(back.member, -1);
	journal_job_clear(&job);
	journal_job_clear(&back);
	json_object_set_new(plan, "batch", json_string("b-aaaaaaaa"));
	NOT(f, journal_create(f->j, plan, NULL, &job, &f->e), ERR_USAGE);
	json_decref(plan);
}

static void running(struct fix *f, size_t i, int64_t when)
{
	f->b.members[i].state = MEMBER_RUNNING;
	f->b.members[i].started_us = when;
	OK(f, batch_member_set(f->j, &f->k, &f->b.members[i], &f->e));
}

static void settled(struct fix *f, size_t i, enum batch_member_state want)
{
	again(f);
	OK(f, batch_settle(f->j, &f->b, &f->e));
	if (f->b.members[i].state != want)
		fail_msg("member %zu is %s", i,
			 batch_member_state_name(f->b.members[i].state));
}

/* What stands in the jobs decides. */
static void t_settle(void **state)
{
	struct fix *f = *state;
	struct journal_job job;

	settled(f, 0, MEMBER_PENDING);
	running(f, 0, 1);
	settled(f, 0, MEMBER_PENDING); /* no job yet */
	OK(f, start(f, 0, 1, &job));
	settled(f, 0, MEMBER_OPEN);
	assert_string_equal(f->b.members[0].job, job.id);
	end(f, &job, JOURNAL_ROLLED_BACK, false);
	settled(f, 0, MEMBER_FAILED);
	assert_string_equal(err_msg(&f->b.members[0].why), "the disk is full");
	/* It was to be tried again: before, and after its start. */
	f->b.members[0].state = MEMBER_PENDING;
	OK(f, batch_member_set(f->j, &f->k, &f->b.members[0], &f->e));
	settled(f, 0, MEMBER_PENDING);
	running(f, 0, job.created_us + 1);
	settled(f, 0, MEMBER_PENDING);
	journal_job_clear(&job);
	usleep(1000);
	OK(f, start(f, 0, 1, &job));
	end(f, &job, JOURNAL_DONE, false);
	settled(f, 0, MEMBER_DONE);
	end(f, &job, JOURNAL_ROLLED_BACK, true);
	running(f, 0, 1);
	settled(f, 0, MEMBER_ROLLED_BACK);
	settled(f, 2, MEMBER_SKIPPED);
	journal_job_clear(&job);
	/* Refused before there was a job. */
	f->b.members[1].state = MEMBER_FAILED;
	OK(f, batch_member_set(f->j, &f->k, &f->b.members[1], &f->e));
	settled(f, 1, MEMBER_FAILED);
}

static bool keep_last(void *arg, const struct journal_event *ev)
{
	snprintf(arg, 64, "%ld %s %s", ev->idx, ev->kind, ev->text);
	return true;
}

static bool count(void *arg, const struct journal_record *r)
{
	if (strcmp(r->key, "step"))
		return true;
	assert_int_equal(r->idx, 3);
	*(int *)arg += (int)json_integer_value(r->value);
	return true;
}

static void t_ask(void **state)
{
	struct fix *f = *state;
	struct journal_asked a = {"paused", json_true(),
				  "paused by an operator"};
	json_t *v, *n = json_integer(7);
	char line[64] = "";
	int sum = 0;

	OK(f, batch_asked(f->j, f->b.id, "paused", &v, &f->e));
	assert_null(v);
	OK(f, batch_ask(f->j, f->b.id, &a, &f->e));
	OK(f, batch_asked(f->j, f->b.id, "paused", &v, &f->e));
	assert_true(json_is_true(v));
	a.value = json_false();
	OK(f, batch_ask(f->j, f->b.id, &a, &f->e));
	OK(f, batch_asked(f->j, f->b.id, "paused", &v, &f->e));
	assert_true(json_is_false(v));
	OK(f, batch_events(f->j, f->b.id, 0, keep_last, line, &f->e));
	assert_string_equal(line, "-1 say paused by an operator");
	for (int i = 0; i < 2; i++)
		OK(f, batch_record(f->j, &f->k,
				   &(struct journal_record){
					   .idx = 3, .key = "step", .value = n},
				   &f->e));
	json_decref(n);
	again(f);
	OK(f, batch_turn(f->j, &f->k, &(struct batch_turn){.state = BATCH_DONE},
			 &f->e));
	NOT(f, batch_ask(f->j, f->b.id, &a, &f->e), ERR_REFUSED);
	NOT(f, batch_ask(f->j, "b-aaaaaaaa", &a, &f->e), ERR_NOTHING);
	again(f);
	assert_int_equal(f->b.state, BATCH_DONE);
	assert_true(f->b.ended_us > 0);
	OK(f, batch_records(f->j, f->b.id, true, count, &sum, &f->e));
	assert_int_equal(sum, 7);
}

static bool first_id(void *arg, const struct batch *b)
{
	strcpy(arg, b->id);
	return false;
}

static void t_each(void **state)
{
	struct fix *f = *state;
	json_t *plan = plan_new();
	struct batch b;
	char id[JOURNAL_ID_MAX] = "";

	usleep(1000);
	OK(f, batch_create(f->j, plan, NULL, &b, &f->e));
	json_decref(plan);
	OK(f, batch_each(f->j, first_id, id, &f->e));
	assert_string_equal(id, b.id);
	batch_clear(&b);
}

/* --- a journal of the release before */

static void run_old(sqlite3 *db, const char *name)
{
	char *why = NULL;

	for (size_t i = 0; journal_sql_text[i].name; i++)
		if (!strcmp(journal_sql_text[i].name, name) &&
		    sqlite3_exec(db, journal_sql_text[i].text, NULL, NULL,
				 &why) != SQLITE_OK)
			fail_msg("%s: %s", name, why);
}

static void t_upgrade(void **state)
{
	struct fix *f = *state;
	struct journal_job job;
	json_t *plan;
	sqlite3 *db;

	/* A file is what it is about. */
	if (getenv("NH_TEST_STORE"))
		skip();
	plan = plan_new();
	journal_close(f->j);
	unlink(f->path);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	run_old(db, "schema-1");
	assert_int_equal(
		sqlite3_exec(
			db,
			/* allowed: a row as the first schema had it */
			"INSERT INTO schema VALUES (1, 1, '0.3');"
			/* allowed: the same */
			"INSERT INTO jobs (id, state, dir, epoch, created_us,"
			"updated_us, build, plan) VALUES ('j-abcdefgh', 'open',"
			"'forward', 4, 1, 1, '0.3', '{\"steps\": []}')",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	f->j = journal_open(f->path, &f->e);
	assert_non_null(f->j);
	OK(f, journal_load(f->j, "j-abcdefgh", &job, &f->e));
	assert_int_equal(job.epoch, 4);
	assert_string_equal(job.batch, "");
	assert_int_equal(job.member, -1);
	journal_job_clear(&job);
	batch_clear(&f->b);
	OK(f, batch_create(f->j, plan, NULL, &f->b, &f->e));
	json_decref(plan);
	/* And once more, as what it is now. */
	journal_close(f->j);
	f->j = journal_open(f->path, &f->e);
	assert_non_null(f->j);
	again(f);
}

#define T(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_create),	T(t_bad_plans), T(t_member),  T(t_epoch),
		T(t_take_late), T(t_admits),	T(t_single),  T(t_settle),
		T(t_ask),	T(t_each),	T(t_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
