/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's policy, on toy steps whose every answer a test writes down.
 * Kills at every event are tried in tests/crash.
 */
#include "unit/store-lab.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/stop.h"
#include "engine/step.h"
#include "engine/txn.h"

#define STEPS 5

/* What one call is told to do.  The world's bit changes first when .does. */
struct act {
	enum err_kind kind;
	bool does;
	bool stops; /* SIGTERM comes in the middle */
};

/* The answers of one step, one a call; zeroes are "do it, succeed". */
struct script {
	struct act run[6], undo[6], verify[6];
	enum err_kind probe[9];	 /* errors, before anything else */
	enum step_state says[9]; /* then this, or the truth */
	int runs, undos, verifies, probes;
};

struct toy {
	bool done[STEPS];
	struct script s[STEPS];
	int entered, regained, mirrored, ticks;
	uint64_t epoch; /* as enter() heard it; 0: never */
	enum err_kind look_kind, enter_kind, regain_kind, mirror_kind;
	int mirror_fails_at;
	int64_t fail_us; /* so long it takes to fail */
	struct buf log;	 /* what was called, in order */
	json_t *manifest;
};

static int toy_index(const struct step_ctx *c)
{
	return (int)json_integer_value(json_object_get(step_params(c), "n"));
}

/* Time passes by sleeping, and by failing. */
static int64_t slept, failing;

static int act(const struct toy *w, const struct act *a, struct err *e)
{
	if (a->stops)
		stop_set(true);
	if (a->kind == ERR_NONE)
		return 0;
	failing += w->fail_us;
	return err_set(e, a->kind, "scripted %s", err_kind_name(a->kind));
}

static int toy_probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct toy *w = step_world(c);
	int i = toy_index(c), n = w->s[i].probes++;

	buf_printf(&w->log, "p%d ", i);
	if (n < 9 && w->s[i].probe[n] != ERR_NONE)
		return act(w, &(struct act){.kind = w->s[i].probe[n]}, e);
	*state = w->done[i] ? STEP_DONE : STEP_NOT_DONE;
	if (n < 9 && w->s[i].says[n])
		*state = w->s[i].says[n];
	if (n < 9 && w->s[i].says[n] == STEP_NOT_DONE && w->done[i])
		fail_msg("a script that lies");
	return 0;
}

static int toy_run(struct step_ctx *c, struct err *e)
{
	static const struct act fine = {.does = true};
	struct toy *w = step_world(c);
	int i = toy_index(c), n = w->s[i].runs++;
	const struct act *a = &w->s[i].run[n];

	if (n >= 6 || (a->kind == ERR_NONE && !a->stops))
		a = &fine;
	buf_printf(&w->log, "r%d ", i);
	if (step_record_once(c, "before", json_boolean(w->done[i]), e))
		return -1;
	if (a->does)
		w->done[i] = true;
	step_add_bytes(c, 10, 20);
	step_progress(c, 1, 2, "halves");
	step_say(c, "toy %d", i);
	if (act(w, a, e))
		return -1;
	return step_checkpoint(c, e);
}

static int toy_undo(struct step_ctx *c, struct err *e)
{
	static const struct act fine = {.does = true};
	struct toy *w = step_world(c);
	int i = toy_index(c), n = w->s[i].undos++;
	const struct act *a = &w->s[i].undo[n];

	if (n >= 6 || (a->kind == ERR_NONE && !a->stops))
		a = &fine;
	buf_printf(&w->log, "u%d ", i);
	if (a->does || a->kind == ERR_NONE)
		w->done[i] = json_is_true(step_recall(c, "before"));
	return act(w, a, e);
}

static int toy_verify(struct step_ctx *c, struct err *e)
{
	struct toy *w = step_world(c);
	int i = toy_index(c), n = w->s[i].verifies++;

	buf_printf(&w->log, "v%d ", i);
	return act(w, &w->s[i].verify[n < 6 ? n : 5], e);
}

static const struct step toy_steps[] = {
	{"zero", "the first", true, NULL, NULL, toy_probe, toy_run, toy_undo,
	 NULL, 0},
	{"one", "the second", true, NULL, NULL, toy_probe, toy_run, toy_undo,
	 NULL, 0},
	{"two", "the commit point", true, "no way back", NULL, toy_probe,
	 toy_run, toy_undo, toy_verify, 0},
	{"three", "after it", true, NULL, NULL, toy_probe, toy_run, toy_undo,
	 NULL, 0},
	{"four", "looks only", false, NULL, NULL, NULL, toy_run, NULL, NULL, 0},
};

static const struct step *const toy_table[] = {
	&toy_steps[0], &toy_steps[1], &toy_steps[2],
	&toy_steps[3], &toy_steps[4], NULL,
};

static int toy_look(void *world, const char *job, struct err *e)
{
	struct toy *w = world;

	(void)job;
	return act(w, &(struct act){.kind = w->look_kind}, e);
}

static int toy_enter(void *world, const char *job, uint64_t epoch, bool started,
		     struct err *e)
{
	struct toy *w = world;

	(void)job;
	w->entered++;
	w->epoch = epoch;
	buf_printf(&w->log, "E%s ", started ? "+" : "-");
	return act(w, &(struct act){.kind = w->enter_kind}, e);
}

static int toy_mirror(void *world, const char *json, struct err *e)
{
	struct toy *w = world;

	if (++w->mirrored == w->mirror_fails_at)
		return act(w, &(struct act){.kind = w->mirror_kind}, e);
	json_decref(w->manifest);
	w->manifest = json_loads(json, 0, NULL);
	assert_non_null(w->manifest);
	return 0;
}

static void toy_tick(void *world)
{
	((struct toy *)world)->ticks++;
}

static void no_sleep(int64_t us)
{
	slept += us;
}

static int64_t mono(void)
{
	return 1000000 + slept + failing;
}

struct fix {
	char dir[64], path[96], id[JOURNAL_ID_MAX];
	struct toy w;
	struct txn_env env;
	struct err e;
	int events[TXN_EV_TURN + 1];
};

static void count_event(void *arg, const struct txn_event *ev)
{
	struct fix *f = arg;

	assert_string_equal(ev->job, f->id);
	assert_int_equal(ev->nsteps, STEPS);
	assert_true(ev->kind == TXN_EV_TURN || ev->step);
	f->events[ev->kind]++;
}

static json_t *toy_plan(void)
{
	json_t *steps = json_array();

	for (int i = 0; i < STEPS; i++)
		json_array_append_new(steps, json_pack("{s:s, s:{s:i}}", "step",
						       toy_steps[i].name,
						       "params", "n", i));
	return json_pack("{s:s, s:o}", "kind", "toy", "steps", steps);
}

static int set_up(void **state)
{
	static const struct clock_ops ops = {.sleep_us = no_sleep,
					     .mono_us = mono};
	struct fix *f = MEM_NEW(struct fix);
	json_t *plan = toy_plan();

	strcpy(f->dir, access("/dev/shm", W_OK) ? "/tmp/nh-engine-XXXXXX"
						: "/dev/shm/nh-engine-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/journal.db", f->dir);
	clock_set_ops(&ops);
	stop_set(false);
	slept = failing = 0;
	f->env = (struct txn_env){
		.journal = journal_open(f->path, &f->e),
		.steps = toy_table,
		.world = &f->w,
		.look = toy_look,
		.enter = toy_enter,
		.mirror = toy_mirror,
		.tick = toy_tick,
		.event = count_event,
		.event_arg = f,
	};
	assert_non_null(f->env.journal);
	if (txn_start(&f->env, plan, f->id, &f->e))
		fail_msg("%s", err_msg(&f->e));
	json_decref(plan);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fix *f = *state;
	char *reserve = mem_printf("%s.reserve", f->path);

	journal_close(f->env.journal);
	unlink(f->path);
	unlink(reserve);
	rmdir(f->dir);
	mem_free(reserve);
	buf_clear(&f->w.log);
	json_decref(f->w.manifest);
	err_clear(&f->e);
	clock_set_ops(NULL);
	stop_set(false);
	mem_free(f);
	return 0;
}

/* --- what a test asks */

static enum txn_end run(struct fix *f)
{
	err_clear(&f->e);
	return txn_run(&f->env, f->id, &f->e);
}

static enum txn_end resume(struct fix *f)
{
	err_clear(&f->e);
	return txn_resume(&f->env, f->id, &f->e);
}

static enum txn_end rollback(struct fix *f)
{
	err_clear(&f->e);
	return txn_rollback(&f->env, f->id, &f->e);
}

static void log_is(struct fix *f, const char *want)
{
	assert_string_equal(buf_str(&f->w.log), want);
	buf_reset(&f->w.log);
}

static void world_is(struct fix *f, const char *want)
{
	char have[STEPS + 1] = "";

	for (int i = 0; i < STEPS; i++)
		have[i] = f->w.done[i] ? '1' : '0';
	assert_string_equal(have, want);
}

/* "open forward DDR--": state, direction, marks by their first letter (capital
 * for DONE, '-' pending). */
static void job_is(struct fix *f, const char *want)
{
	static const char letters[] = {'-', 'r', 'D', 'u', 'U', 's'};
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct journal_job job;
	struct err e = ERR_INIT;

	if (journal_load(f->env.journal, f->id, &job, &e))
		fail_msg("%s", err_msg(&e));
	buf_printf(&b, "%s %s ", journal_state_name(job.state),
		   journal_dir_name(job.dir));
	for (size_t i = 0; i < job.nsteps; i++)
		buf_putc(&b, letters[job.steps[i].mark]);
	journal_job_clear(&job);
	assert_string_equal(buf_str(&b), want);
}

static void fails(struct fix *f, int i, int call, enum err_kind kind, bool does)
{
	f->w.s[i].run[call] = (struct act){.kind = kind, .does = does};
}

/* --- forward */

static void t_done(void **state)
{
	struct fix *f = *state;
	struct journal_job job;

	assert_int_equal(run(f), TXN_DONE);
	log_is(f, "r0 r1 r2 v2 r3 r4 ");
	job_is(f, "done forward DDDDD");
	assert_int_equal(f->e.kind, ERR_NONE);
	assert_int_equal(f->w.entered, 0);
	/* RUNNING and one record each. */
	assert_int_equal(f->w.mirrored, 2 * STEPS);
	assert_int_equal(f->events[TXN_EV_START], STEPS);
	assert_int_equal(f->events[TXN_EV_END], STEPS);
	assert_int_equal(f->events[TXN_EV_SAY], STEPS);
	assert_int_equal(f->events[TXN_EV_PROGRESS], STEPS);
	assert_true(f->w.ticks >= STEPS);
	assert_int_equal(slept, 0);
	assert_int_equal(journal_load(f->env.journal, f->id, &job, &f->e), 0);
	assert_int_equal(job.steps[3].sent, 10);
	assert_int_equal(job.steps[3].read, 20);
	assert_int_equal(job.steps[3].attempt, 1);
	journal_job_clear(&job);
	assert_int_equal(resume(f), TXN_NOTHING);
	assert_int_equal(f->e.kind, ERR_NOTHING);
	assert_int_equal(run(f), TXN_LOCKED);
}

/* The manifest says RUNNING before the first mutation, and what was there. */
static void t_mirror_first(void **state)
{
	struct fix *f = *state;
	const json_t *step;

	f->w.mirror_fails_at = 3; /* RUNNING of the second step */
	f->w.mirror_kind = ERR_FAILED;
	assert_int_equal(run(f), TXN_ROLLED_BACK);
	log_is(f, "r0 p1 u1 u0 ");
	world_is(f, "00000");
	step = json_array_get(json_object_get(f->w.manifest, "steps"), 0);
	assert_string_equal(json_string_value(json_object_get(step, "mark")),
			    "undoing");
}

static void t_retry(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 4; i++)
		fails(f, 1, i, ERR_RETRY, false);
	assert_int_equal(run(f), TXN_DONE);
	log_is(f, "r0 r1 p1 r1 p1 r1 p1 r1 p1 r1 r2 v2 r3 r4 ");
	assert_int_equal(slept, (1 + 2 + 4 + 8) * 1000000);
}

/* One host that is gone for good, and each look at it takes five seconds: it is
 * waited for once, not by each step back that needs it. */
static void t_patience(void **state)
{
	struct fix *f = *state;
	struct script *s = &f->w.s[1];

	f->w.fail_us = 5000000;
	for (int i = 0; i < 6; i++)
		s->run[i] = s->undo[i] = (struct act){.kind = ERR_RETRY};
	for (int i = 1; i < 9; i++)
		s->probe[i] = ERR_RETRY;
	assert_int_equal(run(f), TXN_OPEN);
	job_is(f, "open forward Dr---");
	/* Twenty seconds, and one last look. */
	assert_in_range(slept + failing, 10000000, 35000000);
	/* Back, on demand, the same. */
	slept = failing = 0;
	assert_int_equal(rollback(f), TXN_OPEN);
	assert_in_range(slept + failing, 10000000, 35000000);
	/* It is back: so it goes, and what went well has been forgotten. */
	memset(s, 0, sizeof(*s));
	s->undo[0] = s->undo[1] = (struct act){.kind = ERR_RETRY};
	assert_int_equal(rollback(f), TXN_ROLLED_BACK);
	assert_int_equal(s->undos, 3);
}

/* Whoever gets on between the failures may fail as often as ever. */
static void t_progress(void **state)
{
	struct fix *f = *state;

	f->w.fail_us = 60000000;
	for (int i = 0; i < 4; i++)
		fails(f, 1, i, ERR_RETRY, false);
	assert_int_equal(run(f), TXN_DONE);
	log_is(f, "r0 r1 p1 r1 p1 r1 p1 r1 p1 r1 r2 v2 r3 r4 ");
}

static void t_retry_ends(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 5; i++)
		fails(f, 1, i, ERR_RETRY, false);
	assert_int_equal(run(f), TXN_ROLLED_BACK);
	assert_int_equal(f->e.kind, ERR_RETRY);
	assert_int_equal(f->w.s[1].runs, 5);
	world_is(f, "00000");
}

/* Lost, but it had happened: not run twice. */
static void t_lost_after(void **state)
{
	struct fix *f = *state;

	fails(f, 0, 0, ERR_LOST, true);
	fails(f, 2, 0, ERR_LOST, true);
	assert_int_equal(run(f), TXN_DONE);
	log_is(f, "r0 p0 r1 r2 p2 v2 r3 r4 ");
}

static void t_lost_thrice(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 3; i++)
		fails(f, 1, i, ERR_LOST, false);
	assert_int_equal(run(f), TXN_ROLLED_BACK);
	log_is(f, "r0 r1 p1 r1 p1 r1 p1 p1 u1 u0 ");
	world_is(f, "00000");
	/* The same, but the last one had come through. */
	tear_down(state);
	set_up(state);
	f = *state;
	fails(f, 1, 0, ERR_LOST, false);
	fails(f, 1, 1, ERR_LOST, false);
	fails(f, 1, 2, ERR_LOST, true);
	assert_int_equal(run(f), TXN_DONE);
}

/* UNKNOWN is asked again, and then nobody decides but a person. */
static void t_unknown(void **state)
{
	struct fix *f = *state;

	fails(f, 1, 0, ERR_LOST, true);
	f->w.s[1].probe[0] = ERR_LOST;
	f->w.s[1].probe[1] = ERR_FAILED;
	assert_int_equal(run(f), TXN_DONE);
	tear_down(state);
	set_up(state);
	f = *state;
	fails(f, 1, 0, ERR_LOST, true);
	for (int i = 0; i < 5; i++)
		f->w.s[1].probe[i] = ERR_LOST;
	assert_int_equal(run(f), TXN_OPEN);
	log_is(f, "r0 r1 p1 p1 p1 p1 p1 ");
	job_is(f, "open forward Dr---");
	assert_non_null(strstr(f->e.hint, "novahaul resume j-"));
	assert_int_equal(f->e.kind, ERR_LOST);
	/* Asked again later, it is simply found. */
	assert_int_equal(resume(f), TXN_DONE);
	log_is(f, "E+ p1 r2 v2 r3 r4 ");
	assert_int_equal(f->w.epoch, 2);
}

static void t_partial(void **state)
{
	struct fix *f = *state;

	fails(f, 1, 0, ERR_LOST, false);
	f->w.s[1].says[0] = STEP_PARTIAL;
	assert_int_equal(run(f), TXN_DONE);
	log_is(f, "r0 r1 p1 r1 r2 v2 r3 r4 ");
}

static void t_fails_before(void **state)
{
	static const enum err_kind kinds[] = {ERR_FAILED, ERR_CONFLICT,
					      ERR_REFUSED, ERR_LOCKED, ERR_BUG};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (int does = 0; does < 2; does++) {
			struct fix *f = *state;

			fails(f, 1, 0, kinds[k], does);
			assert_int_equal(run(f), TXN_ROLLED_BACK);
			assert_int_equal(f->e.kind, kinds[k]);
			log_is(f, "r0 r1 p1 u1 u0 ");
			world_is(f, "00000");
			job_is(f, "rolled-back backward UU---");
			assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &f->e),
					 kinds[k] == ERR_LOCKED ? 7 : 1);
			assert_int_equal(f->events[TXN_EV_TURN], 1);
			assert_int_equal(rollback(f), TXN_NOTHING);
			assert_int_equal(resume(f), TXN_NOTHING);
			tear_down(state);
			set_up(state);
		}
}

static void t_commit_fails(void **state)
{
	struct fix *f = *state;

	/* NOT_DONE: back. */
	fails(f, 2, 0, ERR_CONFLICT, false);
	assert_int_equal(run(f), TXN_ROLLED_BACK);
	log_is(f, "r0 r1 r2 p2 p2 u2 u1 u0 ");
	world_is(f, "00000");
	tear_down(state);
	set_up(state);
	/* It says failed, but is DONE: on. */
	f = *state;
	fails(f, 2, 0, ERR_FAILED, true);
	assert_int_equal(run(f), TXN_DONE);
	log_is(f, "r0 r1 r2 p2 p2 v2 r3 r4 ");
	tear_down(state);
	set_up(state);
	/* Half: nobody decides but a person. */
	f = *state;
	fails(f, 2, 0, ERR_FAILED, false);
	f->w.s[2].says[0] = STEP_PARTIAL;
	assert_int_equal(run(f), TXN_OPEN);
	job_is(f, "open forward DDr--");
	assert_int_equal(resume(f), TXN_DONE);
}

/* Done, but its verify does not agree: never back by itself. */
static void t_commit_unverified(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 6; i++)
		f->w.s[2].verify[i].kind = ERR_CONFLICT;
	assert_int_equal(run(f), TXN_OPEN);
	job_is(f, "open forward DDr--");
	assert_int_equal(f->w.s[2].runs, 1);
	world_is(f, "11100");
}

static void t_after_commit(void **state)
{
	struct fix *f = *state;

	fails(f, 3, 0, ERR_FAILED, false);
	fails(f, 3, 1, ERR_CONFLICT, false);
	assert_int_equal(run(f), TXN_DONE);
	log_is(f, "r0 r1 r2 v2 r3 p3 r3 p3 r3 r4 ");
	tear_down(state);
	set_up(state);
	f = *state;
	for (int i = 0; i < 3; i++)
		fails(f, 3, i, ERR_FAILED, false);
	assert_int_equal(run(f), TXN_OPEN);
	log_is(f, "r0 r1 r2 v2 r3 p3 r3 p3 r3 ");
	job_is(f, "open forward DDDr-");
	world_is(f, "11100");
	assert_int_equal(txn_exit_code(TXN_OPEN, &f->e), 3);
	/* Back only on demand. */
	assert_int_equal(rollback(f), TXN_ROLLED_BACK);
	assert_int_equal(f->e.kind, ERR_NONE);
	assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &f->e), 0);
	log_is(f, "E+ p3 u3 u2 u1 u0 ");
	world_is(f, "00000");
	job_is(f, "rolled-back backward UUUU-");
}

/* --- stopping and being overtaken */

static void t_stop(void **state)
{
	struct fix *f = *state;

	f->w.s[1].run[0] = (struct act){.stops = true, .does = true};
	assert_int_equal(run(f), TXN_OPEN);
	assert_int_equal(f->e.kind, ERR_INTERRUPTED);
	job_is(f, "open forward Dr---");
	/* Still asked to stop: nothing begins. */
	assert_int_equal(resume(f), TXN_OPEN);
	log_is(f, "r0 r1 E+ ");
	stop_set(false);
	assert_int_equal(resume(f), TXN_DONE);
	log_is(f, "E+ p1 r2 v2 r3 r4 ");
	assert_int_equal(f->w.epoch, 3);
}

/* A failure that comes with the stop does not turn the job round. */
static void t_stop_and_fail(void **state)
{
	struct fix *f = *state;

	f->w.s[1].run[0] = (struct act){.stops = true, .kind = ERR_FAILED};
	assert_int_equal(run(f), TXN_OPEN);
	job_is(f, "open forward Dr---");
	stop_set(false);
	/* Stopped on the way back, it goes on going back. */
	f->w.s[1].undo[0] = (struct act){.stops = true, .does = true};
	assert_int_equal(rollback(f), TXN_OPEN);
	assert_int_equal(f->e.kind, ERR_INTERRUPTED);
	job_is(f, "open backward DU---");
	stop_set(false);
	assert_int_equal(resume(f), TXN_ROLLED_BACK);
	assert_int_equal(f->e.kind, ERR_NONE);
	world_is(f, "00000");
}

static void t_stale(void **state)
{
	struct fix *f = *state;
	char *before, *after;

	/* A host refuses our epoch: not one byte more in the journal. */
	fails(f, 1, 0, ERR_STALE, false);
	assert_int_equal(run(f), TXN_LOCKED);
	log_is(f, "r0 r1 ");
	job_is(f, "open forward Dr---");
	assert_int_equal(txn_exit_code(TXN_LOCKED, &f->e), 7);
	before = journal_export(f->env.journal, f->id, &f->e);
	/* And after another took the job, run() cannot even start. */
	f->w.enter_kind = ERR_LOCKED;
	assert_int_equal(resume(f), TXN_LOCKED);
	assert_int_equal(run(f), TXN_LOCKED);
	log_is(f, "E+ ");
	after = journal_export(f->env.journal, f->id, &f->e);
	assert_string_not_equal(before, after); /* the epoch */
	mem_free(before);
	mem_free(after);
}

/* The journal is taken over in the middle of a step. */
static int overtake(void *world, const char *json, struct err *e)
{
	struct toy *w = world;
	struct journal_takeover how = {JOURNAL_BACKWARD, true, "another"};

	(void)json;
	if (++w->mirrored == 4) {
		struct fix *f =
			(struct fix *)((char *)w - offsetof(struct fix, w));
		struct journal_job job;
		struct journal *j = journal_open(f->path, e);

		assert_non_null(j);
		assert_int_equal(journal_load(j, f->id, &job, e), 0);
		store_lab_silence(f->path);
		assert_int_equal(journal_take(j, &job, &how, e), 0);
		journal_job_clear(&job);
		journal_close(j);
	}
	return 0;
}

static void t_overtaken(void **state)
{
	struct fix *f = *state;

	f->env.mirror = overtake;
	assert_int_equal(run(f), TXN_LOCKED);
	assert_int_equal(f->e.kind, ERR_STALE);
	log_is(f, "r0 r1 ");
	job_is(f, "open backward Dr---");
}

/* Two processes resume at once: one finishes, the other changes nothing. */
static void t_two(void **state)
{
	struct fix *f = *state;
	pid_t pid[2];
	int ready[2], codes[8] = {0}, status;
	char c = 'x';

	f->w.s[0].run[0] = (struct act){.stops = true, .does = true};
	assert_int_equal(run(f), TXN_OPEN);
	stop_set(false);
	journal_close(f->env.journal);
	f->env.journal = NULL;
	assert_int_equal(pipe(ready), 0);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			f->env.journal = journal_open(f->path, &f->e);
			f->env.event = NULL;
			assert_int_equal(read(ready[0], &c, 1), 1);
			_exit(txn_exit_code(resume(f), &f->e));
		}
	}
	assert_int_equal(write(ready[1], "xx", 2), 2);
	for (int i = 0; i < 2; i++) {
		waitpid(pid[i], &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) >= 8)
			fail_msg("it ended with status %#x", status);
		codes[WEXITSTATUS(status)]++;
	}
	close(ready[0]);
	close(ready[1]);
	f->env.journal = journal_open(f->path, &f->e);
	/* One is done.  The other was overtaken, or came too late. */
	assert_int_equal(codes[0], 1);
	assert_int_equal(codes[7] + codes[4], 1);
	job_is(f, "done forward DDDDD");
}

/* Somebody alive has it: whoever asks for it changes nothing, so that he does
 * not lose it. */
static void t_attended(void **state)
{
	struct fix *f = *state;
	char *before, *after;

	fails(f, 1, 0, ERR_INTERRUPTED, false);
	assert_int_equal(run(f), TXN_OPEN);
	before = journal_export(f->env.journal, f->id, &f->e);
	f->w.look_kind = ERR_LOCKED;
	assert_int_equal(resume(f), TXN_LOCKED);
	assert_int_equal(txn_exit_code(TXN_LOCKED, &f->e), 7);
	err_clear(&f->e);
	assert_int_equal(txn_rollback(&f->env, f->id, &f->e), TXN_LOCKED);
	err_clear(&f->e);
	after = journal_export(f->env.journal, f->id, &f->e);
	assert_string_equal(before, after);
	assert_int_equal(f->w.entered, 0);
	mem_free(before);
	mem_free(after);
	/* What else goes wrong there is for enter() to say. */
	f->w.look_kind = ERR_RETRY;
	assert_int_equal(resume(f), TXN_DONE);
}

static void t_enter_fails(void **state)
{
	struct fix *f = *state;

	fails(f, 1, 0, ERR_LOST, false);
	for (int i = 0; i < 6; i++)
		f->w.s[1].probe[i] = ERR_LOST;
	assert_int_equal(run(f), TXN_OPEN);
	f->w.enter_kind = ERR_LOST;
	assert_int_equal(resume(f), TXN_OPEN);
	assert_non_null(f->e.hint);
	job_is(f, "open forward Dr---");
	f->w.enter_kind = ERR_NONE;
	assert_int_equal(resume(f), TXN_DONE);
	assert_int_equal(f->w.epoch, 3);
}

/* --- what others did meanwhile */

static int toy_regain(struct step_ctx *c, struct err *e)
{
	struct toy *w = step_world(c);

	w->regained++;
	return act(w, &(struct act){.kind = w->regain_kind}, e);
}

static void open_at_two(struct fix *f)
{
	f->env.regain = toy_regain;
	fails(f, 2, 0, ERR_INTERRUPTED, false);
	assert_int_equal(run(f), TXN_OPEN);
	assert_int_equal(f->w.regained, 0);
}

static void t_regain(void **state)
{
	struct fix *f = *state;

	open_at_two(f);
	f->w.regain_kind = ERR_FAILED;
	assert_int_equal(resume(f), TXN_OPEN);
	f->w.regain_kind = ERR_NONE;
	assert_int_equal(resume(f), TXN_DONE);
	assert_int_equal(f->w.regained, 2);
}

/* Nothing is left to go forward to: back, and an error. */
static void t_moot(void **state)
{
	struct fix *f = *state;

	open_at_two(f);
	f->w.regain_kind = ERR_CONFLICT;
	assert_int_equal(resume(f), TXN_ROLLED_BACK);
	assert_int_equal(f->e.kind, ERR_CONFLICT);
	assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &f->e), 1);
}

static void t_moot_back(void **state)
{
	struct fix *f = *state;

	open_at_two(f);
	f->w.regain_kind = ERR_CONFLICT;
	assert_int_equal(rollback(f), TXN_ROLLED_BACK);
	assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &f->e), 1);
}

/* --- back */

static void undo_fails(struct fix *f, int i, int call, enum err_kind kind)
{
	f->w.s[i].undo[call] = (struct act){.kind = kind};
}

static void t_undo_retry(void **state)
{
	struct fix *f = *state;

	fails(f, 1, 0, ERR_FAILED, true);
	undo_fails(f, 1, 0, ERR_LOST);
	undo_fails(f, 1, 1, ERR_RETRY);
	assert_int_equal(run(f), TXN_ROLLED_BACK);
	log_is(f, "r0 r1 p1 u1 u1 u1 u0 ");
	world_is(f, "00000");
}

static void t_undo_fails(void **state)
{
	struct fix *f = *state;

	fails(f, 1, 0, ERR_FAILED, true);
	undo_fails(f, 1, 0, ERR_CONFLICT);
	undo_fails(f, 1, 1, ERR_FAILED);
	assert_int_equal(run(f), TXN_OPEN);
	/* It stopped there, and says both. */
	log_is(f, "r0 r1 p1 u1 ");
	job_is(f, "open backward Du---");
	assert_non_null(strstr(err_msg(&f->e), "scripted failed"));
	assert_non_null(strstr(err_msg(&f->e), "scripted conflict"));
	assert_non_null(strstr(f->e.hint, "resume"));
	assert_int_equal(resume(f), TXN_OPEN);
	log_is(f, "E+ p1 u1 ");
	assert_int_equal(resume(f), TXN_ROLLED_BACK);
	/* The cause is still known, and it is a failure: exit 1. */
	assert_int_equal(f->e.kind, ERR_FAILED);
	assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &f->e), 1);
	world_is(f, "00000");
}

static void t_undo_unknown(void **state)
{
	struct fix *f = *state;

	fails(f, 1, 0, ERR_FAILED, true);
	for (int i = 0; i < 6; i++)
		f->w.s[1].probe[i] = ERR_LOST;
	assert_int_equal(run(f), TXN_OPEN);
	assert_int_equal(f->w.s[1].undos, 0);
	job_is(f, "open backward Dr---");
	assert_int_equal(resume(f), TXN_ROLLED_BACK);
	world_is(f, "00000");
}

static void t_refused(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 3; i++)
		fails(f, 3, i, ERR_FAILED, false);
	assert_int_equal(run(f), TXN_OPEN);
	buf_reset(&f->w.log);
	undo_fails(f, 2, 0, ERR_REFUSED);
	assert_int_equal(rollback(f), TXN_REFUSED);
	assert_int_equal(txn_exit_code(TXN_REFUSED, &f->e), 5);
	log_is(f, "E+ p3 u3 u2 ");
	/* Forward again: what was undone is done again. */
	job_is(f, "open forward DDrU-");
	assert_int_equal(resume(f), TXN_DONE);
	log_is(f, "E+ p2 v2 r3 r4 ");
	world_is(f, "11111");
}

/* A finished job whose rollback is refused is finished afterwards. */
static void t_refused_done(void **state)
{
	struct fix *f = *state;

	assert_int_equal(run(f), TXN_DONE);
	undo_fails(f, 2, 0, ERR_REFUSED);
	buf_reset(&f->w.log);
	assert_int_equal(rollback(f), TXN_REFUSED);
	log_is(f, "E+ u3 u2 p2 v2 r3 r4 ");
	job_is(f, "done forward DDDDD");
	/* Without a refusal it goes all the way. */
	assert_int_equal(rollback(f), TXN_ROLLED_BACK);
	world_is(f, "00001");
}

static void t_refused_by_itself(void **state)
{
	struct fix *f = *state;

	fails(f, 1, 0, ERR_FAILED, true);
	undo_fails(f, 0, 0, ERR_REFUSED);
	assert_int_equal(run(f), TXN_OPEN);
	job_is(f, "open forward rU---");
	assert_int_equal(resume(f), TXN_DONE);
}

static void t_purged(void **state)
{
	struct fix *f = *state;

	assert_int_equal(run(f), TXN_DONE);
	assert_int_equal(journal_purged(f->env.journal, f->id, &f->e), 0);
	assert_int_equal(rollback(f), TXN_REFUSED);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	job_is(f, "done forward DDDDD");
}

static void t_not_started(void **state)
{
	struct fix *f = *state;

	assert_int_equal(rollback(f), TXN_ROLLED_BACK);
	log_is(f, ""); /* no host is touched for it */
	job_is(f, "rolled-back backward -----");
}

/* --- given up by a program */

static enum txn_end retreat(struct fix *f)
{
	err_clear(&f->e);
	return txn_retreat(&f->env, f->id, &f->e);
}

/* Left open before the commit point: it goes back, with what left it open. */
static void t_retreat(void **state)
{
	struct fix *f = *state;

	f->w.s[1].run[0] = (struct act){.kind = ERR_INTERRUPTED, .does = true};
	assert_int_equal(run(f), TXN_OPEN);
	job_is(f, "open forward Dr---");
	buf_reset(&f->w.log);
	assert_int_equal(retreat(f), TXN_ROLLED_BACK);
	assert_int_equal(f->e.kind, ERR_INTERRUPTED);
	log_is(f, "E+ p1 u1 u0 ");
	world_is(f, "00000");
	job_is(f, "rolled-back backward UU---");
	assert_int_equal(retreat(f), TXN_NOTHING);
}

/* It was stuck on its way back, and is again; then it is done. */
static void t_retreat_stuck(void **state)
{
	struct fix *f = *state;

	f->w.s[1].run[0] = (struct act){.kind = ERR_FAILED, .does = true};
	for (int i = 0; i < 2; i++)
		undo_fails(f, 1, i, ERR_FAILED);
	assert_int_equal(run(f), TXN_OPEN);
	assert_int_equal(retreat(f), TXN_OPEN);
	job_is(f, "open backward Du---");
	assert_int_equal(retreat(f), TXN_ROLLED_BACK);
	assert_int_equal(f->e.kind, ERR_FAILED);
	world_is(f, "00000");
}

/* At or past the commit point nothing is touched, and nobody loses it. */
static void t_no_retreat(void **state)
{
	struct fix *f = *state;

	f->w.s[2].run[0] = (struct act){.kind = ERR_INTERRUPTED, .does = true};
	assert_int_equal(run(f), TXN_OPEN);
	job_is(f, "open forward DDr--");
	buf_reset(&f->w.log);
	assert_int_equal(retreat(f), TXN_REFUSED);
	log_is(f, "");
	for (int i = 0; i < 3; i++)
		f->w.s[3].run[i] = (struct act){.kind = ERR_FAILED};
	assert_int_equal(resume(f), TXN_OPEN);
	assert_int_equal(retreat(f), TXN_REFUSED);
	job_is(f, "open forward DDDr-");
	assert_int_equal(resume(f), TXN_DONE);
	assert_int_equal(retreat(f), TXN_NOTHING);
	world_is(f, "11111");
}

/* Its controller was frozen, and does a step more after the job was read and
 * before it is taken over. */
static int late_look(void *world, const char *job, struct err *e)
{
	struct fix *f = (struct fix *)((char *)world - offsetof(struct fix, w));
	struct journal_key k = {.epoch = 1};
	struct journal_step s = {.mark = MARK_DONE, .attempt = 1};

	while (f->w.done[s.idx])
		s.idx++;
	memcpy(k.id, job, sizeof(k.id));
	f->w.done[s.idx] = true;
	return journal_mark(f->env.journal, &k, &s, e);
}

/* That was the commit point: what is read under the new epoch counts. */
static void t_retreat_late(void **state)
{
	struct fix *f = *state;

	f->w.s[1].run[0] = (struct act){.kind = ERR_INTERRUPTED, .does = true};
	assert_int_equal(run(f), TXN_OPEN);
	f->env.look = late_look;
	buf_reset(&f->w.log);
	assert_int_equal(retreat(f), TXN_REFUSED);
	job_is(f, "open forward DrD--");
}

static void t_rollback_late(void **state)
{
	struct fix *f = *state;

	f->w.s[0].run[0] = (struct act){.kind = ERR_INTERRUPTED, .does = true};
	assert_int_equal(run(f), TXN_OPEN);
	f->env.look = late_look;
	err_clear(&f->e);
	assert_int_equal(txn_rollback(&f->env, f->id, &f->e), TXN_ROLLED_BACK);
	world_is(f, "00000");
	job_is(f, "rolled-back backward UU---");
}

/* --- the journal fails, the build is older */

static int fail_at(void *arg, enum journal_when when, const char *what)
{
	(void)what;
	return when == JOURNAL_BEFORE && !--*(int *)arg;
}

/* One write fails, wherever it is: the world is before or after, never in
 * between, and nothing is run or undone twice without being asked about. */
static void t_journal_fails(void **state)
{
	for (int n = 1; n < 30; n++) {
		struct fix *f = *state;
		int left = n;
		enum txn_end end;

		journal_set_hook(f->env.journal, fail_at, &left);
		end = run(f);
		if (left > 0) {
			assert_true(n > 15);
			return;
		}
		if (end == TXN_OPEN)
			end = resume(f);
		if (end == TXN_DONE)
			world_is(f, "11111");
		else if (end == TXN_ROLLED_BACK)
			world_is(f, "00000");
		else
			fail_msg("write %d: %s: %s", n, txn_end_name(end),
				 err_msg(&f->e));
		tear_down(state);
		set_up(state);
	}
	fail_msg("more writes than a plan of five steps has");
}

static void t_other_build(void **state)
{
	struct fix *f = *state;
	static const struct step *const fewer[] = {&toy_steps[0], NULL};
	json_t *plan = toy_plan();
	char id[JOURNAL_ID_MAX];

	f->env.steps = fewer;
	assert_int_equal(resume(f), TXN_ERROR);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&f->e), "no step called one"));
	assert_non_null(strstr(f->e.hint, "use novahaul"));
	err_clear(&f->e);
	assert_int_equal(txn_start(&f->env, plan, id, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	json_decref(plan);
	err_clear(&f->e);
	assert_int_equal(txn_resume(&f->env, "j-aaaaaaaa", &f->e), TXN_ERROR);
	assert_int_equal(f->e.kind, ERR_NOTHING);
	assert_int_equal(txn_exit_code(TXN_ERROR, &f->e), 4);
}

static void t_table(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	static const struct step bad[] = {
		{"a", "x", true, NULL, NULL, NULL, toy_run, NULL, NULL, 0},
		{"a", "", false, "why", NULL, NULL, NULL, NULL, NULL, 0},
		{"b",
		 "a summary that is so long that it cannot stand in one "
		 "line....",
		 true, NULL, "why", toy_probe, toy_run, toy_undo, NULL, 0},
		{"c", "x", false, NULL, NULL, NULL, toy_run, toy_undo, NULL, 0},
	};
	static const struct step *const table[] = {&bad[0], &bad[1], &bad[2],
						   &bad[3], NULL};

	(void)state;
	assert_int_equal(txn_check_table(toy_table, &b), 0);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(txn_check_table(table, &b), 9);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_done),
		T(t_mirror_first),
		T(t_retry),
		T(t_patience),
		T(t_progress),
		T(t_retry_ends),
		T(t_lost_after),
		T(t_lost_thrice),
		T(t_unknown),
		T(t_partial),
		T(t_fails_before),
		T(t_commit_fails),
		T(t_commit_unverified),
		T(t_after_commit),
		T(t_stop),
		T(t_stop_and_fail),
		T(t_stale),
		T(t_overtaken),
		T(t_two),
		T(t_attended),
		T(t_enter_fails),
		T(t_regain),
		T(t_moot),
		T(t_moot_back),
		T(t_undo_retry),
		T(t_undo_fails),
		T(t_undo_unknown),
		T(t_refused),
		T(t_refused_done),
		T(t_refused_by_itself),
		T(t_purged),
		T(t_not_started),
		T(t_retreat),
		T(t_retreat_stuck),
		T(t_no_retreat),
		T(t_retreat_late),
		T(t_rollback_late),
		T(t_journal_fails),
		T(t_other_build),
		cmocka_unit_test(t_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
