/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of a journal wherever it is kept: the cases of t-journal and
 * t-journal-mysql. */
#ifndef NH_TESTS_JOURNAL_LAB_H
#define NH_TESTS_JOURNAL_LAB_H

#include "unit/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "engine/journal.h"

struct fix {
	char dir[64], path[96];
	struct journal *j;
	struct journal_job job;
	struct journal_key k;
	struct err e;
};

static json_t *plan_new(void)
{
	json_t *p = json_pack(
		"{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s, s:{s:i}}, {s:s}], s:s}",
		"kind", "move", "instance", "uuid",
		"9f2c1f1e-0b1d-4c57-8b9c-111111111111", "name", "web-1",
		"source", "compute-30", "target", "compute-34", "steps", "step",
		"one", "params", "n", 1, "step", "two", "note", "kept as is");

	assert_non_null(p);
	return p;
}

/* What the back end has of its own: another handle on PATH, which is a file or
 * the name of a database; a controller falls silent, for others to take its
 * job over; a database of a name beside PATH goes. */
static struct journal *lab_open(const char *path, struct err *e);
static void lab_silence(struct fix *f);
static void lab_remove(const char *path);

static void open_at(struct fix *f)
{
	f->j = lab_open(f->path, &f->e);
	if (!f->j)
		fail_msg("%s", err_msg(&f->e));
}

static void begin(struct fix *f)
{
	json_t *plan = plan_new();

	open_at(f);
	if (journal_create(f->j, plan, "here pid 1", &f->job, &f->e))
		fail_msg("%s", err_msg(&f->e));
	f->k = journal_key(&f->job);
	json_decref(plan);
}

static void reload(struct fix *f)
{
	char id[JOURNAL_ID_MAX];

	memcpy(id, f->job.id, sizeof(id));
	journal_job_clear(&f->job);
	if (journal_load(f->j, id, &f->job, &f->e))
		fail_msg("%s", err_msg(&f->e));
}

static void t_job(void **state)
{
	struct fix *f = *state;
	char id[JOURNAL_ID_MAX];
	json_t *plan;

	assert_int_equal(strlen(f->job.id), 10);
	assert_int_equal(
		strspn(f->job.id + 2, "abcdefghijklmnopqrstuvwxyz234567"), 8);
	memcpy(id, f->job.id, sizeof(id));
	journal_close(f->j);
	open_at(f);
	reload(f);
	assert_string_equal(f->job.name, "web-1");
	assert_string_equal(f->job.source, "compute-30");
	assert_string_equal(f->job.target, "compute-34");
	assert_string_equal(f->job.kind, "move");
	assert_int_equal(f->job.state, JOURNAL_OPEN);
	assert_int_equal(f->job.epoch, 1);
	assert_int_equal(f->job.nsteps, 2);
	assert_string_equal(f->job.steps[1].name, "two");
	assert_int_equal(f->job.steps[1].mark, MARK_PENDING);
	plan = plan_new();
	assert_true(json_equal(plan, f->job.plan));
	json_decref(plan);
}

static void t_bad_plans(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"steps\": []}", "{\"steps\": [{}]}",
		"{\"steps\": [{\"step\": \"a\", \"params\": 3}]}"};
	struct fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *p = json_loads(bad[i], 0, NULL);
		struct journal_job job;

		assert_int_equal(journal_create(f->j, p, NULL, &job, &f->e),
				 -1);
		assert_int_equal(f->e.kind, ERR_USAGE);
		json_decref(p);
	}
}

static void mark(struct fix *f, size_t idx, enum journal_mark m)
{
	struct journal_step s = {.idx = idx,
				 .mark = m,
				 .attempt = 1,
				 .started_us = 5,
				 .sent = 7};

	if (journal_mark(f->j, &f->k, &s, &f->e))
		fail_msg("%s", err_msg(&f->e));
}

static int record(struct fix *f, size_t idx, const char *key, int v)
{
	json_t *o = json_integer(v);
	struct journal_record r = {.idx = idx, .key = key, .value = o};
	int rc = journal_record(f->j, &f->k, &r, &f->e);

	json_decref(o);
	return rc;
}

static bool sum_up(void *arg, const struct journal_record *r)
{
	buf_printf(arg, "%zu.%s=%d ", r->idx, r->key,
		   (int)json_integer_value(r->value));
	return true;
}

static bool sum_events(void *arg, const struct journal_event *ev)
{
	buf_printf(arg, "%ld:%s:%s;", ev->idx, ev->kind, ev->text);
	return true;
}

static void t_history(void **state)
{
	struct fix *f = *state;
	AUTO(buf_clear) struct buf b = BUF_INIT;
	uint64_t kept;

	mark(f, 0, MARK_RUNNING);
	assert_int_equal(record(f, 0, "a", 1), 0);
	assert_int_equal(record(f, 1, "a", 2), 0);
	assert_int_equal(record(f, 0, "a", 3), 0);
	assert_int_equal(record(f, 0, "kept_bytes", 4096), 0);
	assert_int_equal(journal_say(f->j, &f->k, 0, "hello", &f->e), 0);
	mark(f, 0, MARK_DONE);
	reload(f);
	assert_int_equal(f->job.steps[0].mark, MARK_DONE);
	assert_int_equal(f->job.steps[0].started_us, 5);
	assert_int_equal(f->job.steps[0].sent, 7);
	assert_int_equal(f->job.seq, 7);
	journal_records(f->j, f->job.id, false, sum_up, &b, &f->e);
	assert_string_equal(buf_str(&b),
			    "0.a=1 1.a=2 0.a=3 0.kept_bytes=4096 ");
	buf_reset(&b);
	journal_records(f->j, f->job.id, true, sum_up, &b, &f->e);
	assert_string_equal(buf_str(&b), "1.a=2 0.a=3 0.kept_bytes=4096 ");
	buf_reset(&b);
	journal_events(f->j, f->job.id, 0, sum_events, &b, &f->e);
	assert_string_equal(buf_str(&b),
			    "0:mark:running;0:say:hello;0:mark:done;");
	assert_int_equal(journal_kept(f->j, f->job.id, &kept, &f->e), 0);
	assert_int_equal(kept, 4096);
}

/* What a command on a host has said may be no UTF-8: it is written down all the
 * same, and the cause of a failure is not lost. */
static void t_bytes(void **state)
{
	struct fix *f = *state;
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err why = ERR_INIT;

	assert_int_equal(journal_say(f->j, &f->k, 0, "no \xff \xc3\xa4", &f->e),
			 0);
	err_set(&why, ERR_FAILED, "bad \xc0\xaf name");
	assert_int_equal(journal_turn(f->j, &f->k,
				      &(struct journal_turn){.why = &why},
				      &f->e),
			 0);
	err_clear(&why);
	reload(f);
	assert_int_equal(f->job.error.kind, ERR_FAILED);
	assert_string_equal(err_msg(&f->job.error), "bad \\xc0\\xaf name");
	journal_events(f->j, f->job.id, 0, sum_events, &b, &f->e);
	assert_non_null(strstr(buf_str(&b), "0:say:no "));
}

static bool count_job(void *arg, const struct journal_job *job)
{
	assert_null(job->plan);
	assert_string_equal(job->name, "web-1");
	++*(int *)arg;
	return true;
}

static void t_ends(void **state)
{
	struct fix *f = *state;
	struct err why = ERR_INIT;
	struct journal_turn turn = {.state = JOURNAL_ROLLED_BACK,
				    .dir = JOURNAL_BACKWARD,
				    .why = &why};
	char id[JOURNAL_ID_MAX];
	uint64_t kept;
	size_t open_jobs;
	int n = 0;

	assert_int_equal(journal_delete(f->j, f->job.id, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	assert_int_equal(journal_purged(f->j, f->job.id, &f->e), -1);
	assert_int_equal(
		journal_open_jobs(f->j, f->job.instance, &open_jobs, id, &f->e),
		0);
	assert_int_equal(open_jobs, 1);
	assert_string_equal(id, f->job.id);
	assert_int_equal(record(f, 0, "kept_bytes", 4096), 0);
	err_set(&why, ERR_CONFLICT, "it changed");
	err_hint(&why, "look");
	assert_int_equal(journal_turn(f->j, &f->k, &turn, &f->e), 0);
	err_clear(&why);
	reload(f);
	assert_int_equal(f->job.state, JOURNAL_ROLLED_BACK);
	assert_int_equal(f->job.dir, JOURNAL_BACKWARD);
	assert_int_equal(f->job.error.kind, ERR_CONFLICT);
	assert_string_equal(err_msg(&f->job.error), "it changed");
	assert_string_equal(f->job.error.hint, "look");
	assert_true(f->job.ended_us > 0);
	assert_int_equal(
		journal_open_jobs(f->j, f->job.instance, &open_jobs, id, &f->e),
		0);
	assert_int_equal(open_jobs, 0);
	assert_int_equal(journal_purged(f->j, f->job.id, &f->e), 0);
	assert_int_equal(journal_kept(f->j, f->job.id, &kept, &f->e), 0);
	assert_int_equal(kept, 0);
	assert_int_equal(journal_jobs(f->j, count_job, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(journal_delete(f->j, f->job.id, &f->e), 0);
	assert_int_equal(journal_jobs(f->j, count_job, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(journal_delete(f->j, f->job.id, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_NOTHING);
}

/* A controller that was overtaken can write nothing of any kind. */
static void t_stale(void **state)
{
	struct fix *f = *state;
	struct journal_job other = {0};
	struct journal_takeover how = {JOURNAL_FORWARD, false, "there pid 2"};
	struct journal_step s = {.idx = 0, .mark = MARK_RUNNING};
	struct journal_turn turn = {.state = JOURNAL_DONE};
	struct journal *j2 = lab_open(f->path, &f->e);
	char *before, *after;

	assert_non_null(j2);
	assert_int_equal(journal_load(j2, f->job.id, &other, &f->e), 0);
	lab_silence(f);
	assert_int_equal(journal_take(j2, &other, &how, &f->e), 0);
	assert_int_equal(other.epoch, 2);
	before = journal_export(j2, f->job.id, &f->e);
	assert_int_equal(journal_mark(f->j, &f->k, &s, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	assert_int_equal(record(f, 0, "a", 1), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	assert_int_equal(journal_say(f->j, &f->k, 0, "x", &f->e), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	assert_int_equal(journal_turn(f->j, &f->k, &turn, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	assert_int_equal(journal_take(f->j, &f->job, &how, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	after = journal_export(j2, f->job.id, &f->e);
	assert_string_equal(before, after);
	mem_free(before);
	mem_free(after);
	journal_job_clear(&other);
	journal_close(j2);
}

static void t_manifest(void **state)
{
	struct fix *f = *state;
	struct journal_takeover how = {JOURNAL_FORWARD, false, "me"};
	char *old, *json, *again, *path = mem_printf("%s2", f->path);
	char id[JOURNAL_ID_MAX];
	struct journal *j2;

	mark(f, 0, MARK_RUNNING);
	assert_int_equal(record(f, 0, "image", 41), 0);
	assert_int_equal(record(f, 0, "image", 42), 0);
	old = journal_export(f->j, f->job.id, &f->e);
	/* Here it is as new as it can be. */
	assert_int_equal(journal_import(f->j, old, id, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_NOTHING);
	reload(f);
	assert_int_equal(journal_take(f->j, &f->job, &how, &f->e), 0);
	assert_int_equal(journal_import(f->j, old, id, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	json = journal_export(f->j, f->job.id, &f->e);

	/* Elsewhere it becomes the same job; a later one replaces it. */
	j2 = lab_open(path, &f->e);
	assert_int_equal(journal_import(j2, old, id, &f->e), 0);
	assert_int_equal(journal_import(j2, json, id, &f->e), 0);
	assert_string_equal(id, f->job.id);
	again = journal_export(j2, id, &f->e);
	assert_string_equal(json, again);
	/* And it can be worked on there. */
	f->k = journal_key(&f->job);
	journal_close(f->j);
	f->j = j2;
	assert_int_equal(record(f, 1, "b", 1), 0);
	mem_free(old);
	mem_free(json);
	mem_free(again);
	journal_close(j2);
	open_at(f);
	lab_remove(path);
	mem_free(path);
}

static int refuse(void *arg, enum journal_when when, const char *what)
{
	(void)what;
	++((int *)arg)[when];
	return when == JOURNAL_BEFORE && ((int *)arg)[0] == 2;
}

static void t_hook(void **state)
{
	struct fix *f = *state;
	int n[2] = {0};

	journal_set_hook(f->j, refuse, n);
	assert_int_equal(record(f, 0, "a", 1), 0);
	assert_int_equal(record(f, 0, "a", 2), -1);
	assert_int_equal(f->e.kind, ERR_FAILED);
	assert_int_equal(n[0], 2);
	assert_int_equal(n[1], 1);
	reload(f);
	assert_int_equal(f->job.seq, 1);
}

/* A child is killed inside of the transaction; what it wrote is not there. */
static int die(void *arg, enum journal_when when, const char *what)
{
	(void)what;
	if (when == *(enum journal_when *)arg)
		raise(SIGKILL);
	return 0;
}

static void killed_at(struct fix *f, enum journal_when when, uint64_t seq)
{
	int status;
	pid_t pid;

	journal_close(f->j);
	pid = fork();
	if (!pid) {
		open_at(f);
		journal_set_hook(f->j, die, &when);
		record(f, 0, "a", 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	open_at(f);
	reload(f);
	assert_int_equal(f->job.seq, seq);
}

static void t_kill(void **state)
{
	struct fix *f = *state;

	killed_at(f, JOURNAL_BEFORE, 0);
	killed_at(f, JOURNAL_AFTER, 1);
}

/* ---- what an operator asks ------------------------------------------- */

static void t_ask(void **state)
{
	struct fix *f = *state;
	json_t *five = json_integer(5), *v;
	struct journal_asked a = {"bwlimit", five, "limited"};
	struct journal *other = lab_open(f->path, &f->e);
	AUTO(mem_freep) char *doc = NULL;

	assert_int_equal(journal_asked(f->j, f->k.id, "bwlimit", &v, &f->e), 0);
	assert_null(v);
	assert_int_equal(journal_ask(other, f->k.id, &a, &f->e), 0);
	assert_int_equal(journal_asked(f->j, f->k.id, "bwlimit", &v, &f->e), 0);
	assert_int_equal(json_integer_value(v), 5);
	json_decref(v);
	/* The writer has lost nothing, and the manifest has it. */
	assert_int_equal(journal_say(f->j, &f->k, 1, "on", &f->e), 0);
	doc = journal_export(f->j, f->k.id, &f->e);
	assert_non_null(strstr(doc, "\"key\":\"bwlimit\",\"value\":5"));
	/* Under a later epoch too, and the last word counts. */
	reload(f);
	assert_int_equal(
		journal_take(f->j, &f->job,
			     &(struct journal_takeover){.owner = "there pid 2"},
			     &f->e),
		0);
	json_integer_set(five, 6);
	assert_int_equal(journal_ask(other, f->k.id, &a, &f->e), 0);
	assert_int_equal(journal_asked(other, f->k.id, "bwlimit", &v, &f->e),
			 0);
	assert_int_equal(json_integer_value(v), 6);
	json_decref(v);
	/* Not of a job that is over, nor of none. */
	f->k = journal_key(&f->job);
	assert_int_equal(
		journal_turn(f->j, &f->k,
			     &(struct journal_turn){.state = JOURNAL_DONE},
			     &f->e),
		0);
	assert_int_equal(journal_ask(other, f->k.id, &a, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	err_clear(&f->e);
	assert_int_equal(journal_ask(other, "j-aaaaaaaa", &a, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_NOTHING);
	err_clear(&f->e);
	json_decref(five);
	journal_close(other);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

/* clang-format off */
#define LAB_CASES                                                              \
	T(t_job), T(t_bad_plans), T(t_history), T(t_bytes), T(t_ends),         \
	T(t_stale),                                                            \
	T(t_manifest), T(t_hook), T(t_kill), T(t_ask)
/* clang-format on */

#endif
