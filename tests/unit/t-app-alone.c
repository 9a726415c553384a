/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume and rollback --source-dead: the proof comes first, a source that
 * answers is not dead, the wrong way is refused and the right one told.
 */
#include "unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "cli/app_priv.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "engine/fence.h"
#include "engine/step.h"

#define UUID1 "9f2c1f1e-0b1d-4c57-8b9c-2f6f3c1d4a5b"

static struct {
	char dir[32];
	char *path;
	struct config config;
	struct app_ops ops;
	struct app app;
	struct journal *j;
	bool answers;
	const char *fails; /* the step */
	int opened;	   /* how often, and the last time for what: */
	enum app_reach reach;
	struct buf log; /* "run disarm, undo claim, " */
	struct app_outcome out;
	char job[JOURNAL_ID_MAX];
	struct err e;
} t;

/* ---- steps */

static const char *name_of(const struct step_ctx *c)
{
	return json_string_value(json_object_get(step_params(c), "name"));
}

static int run(struct step_ctx *c, struct err *e)
{
	buf_printf(&t.log, "run %s, ", name_of(c));
	return t.fails && !strcmp(t.fails, name_of(c))
		       ? err_set(e, ERR_INTERRUPTED, "the power went")
		       : 0;
}

static int undo(struct step_ctx *c, struct err *e)
{
	(void)e;
	buf_printf(&t.log, "undo %s, ", name_of(c));
	return 0;
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	(void)c;
	(void)e;
	*state = STEP_PARTIAL;
	return 0;
}

#define STEP(name_, ...)                                                       \
	{                                                                      \
		.name = name_, .summary = name_, .mutates = true,              \
		.probe = probe, .run = run, .undo = undo, __VA_ARGS__          \
	}
static const struct step claim = STEP("claim", );
static const struct step disarm =
	STEP("disarm", .alone = STEP_NEEDS_SOURCE | STEP_AT_REST);
static const struct step copy = STEP("copy", .alone = STEP_WHOLE);
static const struct step place = STEP("place", );
static const struct step *const table[] = {&claim, &disarm, &copy, &place,
					   NULL};

static const struct step *const *steps(void)
{
	return table;
}

/* ---- the hosts */

static void *world_open(struct app *a, const json_t *plan, enum app_reach reach,
			struct err *e)
{
	(void)a;
	(void)plan;
	t.opened++;
	t.reach = reach;
	if (reach >= APP_REACH_BACK_ALONE || reach == APP_REACH_TARGET)
		return &t;
	err_set(e, ERR_RETRY, "compute-30: no route to host");
	return NULL;
}

static void world_close(void *world)
{
	(void)world;
}

static int answers(struct app *a, const char *host, struct err *e)
{
	(void)a;
	assert_string_equal(host, "compute-30");
	return t.answers ? 0 : err_set(e, ERR_RETRY, "no route to host");
}

/* ---- a job whose source died in STEP */

static void dies_in(const char *step)
{
	struct txn_env env = {.journal = t.j, .steps = table};
	json_t *list = json_array();
	json_t *plan;

	for (size_t i = 0; table[i]; i++)
		json_array_append_new(list, json_pack("{s:s, s:{s:s}}", "step",
						      table[i]->name, "params",
						      "name", table[i]->name));
	plan = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:o}", "kind", "move",
			 "instance", "uuid", UUID1, "name", "web-1", "source",
			 "compute-30", "target", "compute-34", "steps", list);
	t.fails = step;
	assert_int_equal(txn_start(&env, plan, t.job, &t.e), 0);
	assert_int_equal(txn_run(&env, t.job, &t.e), TXN_OPEN);
	json_decref(plan);
	err_clear(&t.e);
	buf_reset(&t.log);
	t.fails = NULL;
}

static void fence_at(enum fence_verdict v, unsigned age_s)
{
	struct fence_evidence ev = {.host = "compute-30",
				    .provider = "statement",
				    .verdict = v,
				    .taken_us =
					    clock_now_us() - age_s * 1000000LL,
				    .by = "me"};

	assert_int_equal(fence_add(t.j, &ev, &t.e), 0);
}

static void fence(enum fence_verdict v)
{
	fence_at(v, 0);
}

static int alone(bool back)
{
	int rc;

	json_decref(t.out.report);
	err_clear(&t.e);
	t.out = (struct app_outcome)APP_OUTCOME_INIT;
	rc = back ? app_rollback_alone(&t.app, t.job, &t.out, &t.e)
		  : app_resume_alone(&t.app, t.job, &t.out, &t.e);
	return rc ? txn_exit_code(t.out.end, &t.e) : 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	strcpy(t.dir, "/tmp/nh-alone.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.path = mem_printf("%s/j.db", t.dir);
	t.ops = (struct app_ops){.world_open = world_open,
				 .world_close = world_close,
				 .steps = steps,
				 .answers = answers};
	t.app = (struct app){.config = &t.config,
			     .journal = t.path,
			     .ops = &t.ops,
			     .confirmed = true,
			     .progress = progress_new(PROGRESS_NONE)};
	t.j = journal_open(t.path, &t.e);
	assert_non_null(t.j);
	return 0;
}

static int tear_down(void **state)
{
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", t.path);

	(void)state;
	journal_close(t.j);
	unlink(t.path);
	unlink(reserve);
	assert_int_equal(rmdir(t.dir), 0);
	progress_free(t.app.progress);
	mem_free(t.path);
	buf_clear(&t.log);
	json_decref(t.out.report);
	err_clear(&t.e);
	return 0;
}

/* ---- */

static void t_proof(void **state)
{
	(void)state;
	dies_in("disarm");
	assert_int_equal(alone(true), 6);
	assert_int_equal(alone(false), 6);
	fence(FENCE_UNKNOWN);
	assert_int_equal(alone(true), 6);
	fence(FENCE_OFF);
	t.answers = true;
	assert_int_equal(alone(true), 6);
	assert_non_null(strstr(err_msg(&t.e), "answers"));
	/* Not even looked at. */
	assert_int_equal(t.opened, 0);
	assert_string_equal(buf_str(&t.log), "");
}

/* How old it may be is said here, or configured. */
static void t_age(void **state)
{
	(void)state;
	t.config.fence_max_age = 900;
	dies_in("claim");
	fence_at(FENCE_OFF, 1000);
	assert_int_equal(alone(true), 6);
	t.app.fence_max_age = 500;
	assert_int_equal(alone(true), 6);
	t.config.fence_max_age = 2000;
	assert_int_equal(alone(true), 6);
	assert_int_equal(t.opened, 0);
	t.config.fence_max_age = 900;
	t.app.fence_max_age = 1800;
	assert_int_equal(alone(true), 0);
	assert_string_equal(buf_str(&t.log), "undo claim, ");
}

static void t_between(void **state)
{
	(void)state;
	dies_in("copy");
	fence(FENCE_OFF);
	assert_int_equal(alone(true), 5);
	assert_non_null(strstr(err_msg(&t.e), "step disarm"));
	assert_int_equal(alone(false), 5);
	assert_non_null(strstr(t.e.hint, "--disks"));
	assert_string_equal(buf_str(&t.log), "");
	t.app.disks_host = "compute-35";
	t.app.disks_path = "/mnt/c30";
	assert_int_equal(alone(true), 5);
	assert_int_equal(alone(false), 0);
	assert_int_equal(t.reach, APP_REACH_TARGET_ALONE);
	assert_string_equal(buf_str(&t.log), "run copy, run place, ");
}

static void t_back(void **state)
{
	struct app_outcome out = APP_OUTCOME_INIT;

	(void)state;
	dies_in("claim");
	/* It is told what there is. */
	assert_int_equal(app_resume(&t.app, t.job, &out, &t.e), -1);
	json_decref(out.report);
	assert_non_null(strstr(t.e.hint, "novahaul fence compute-30"));
	assert_non_null(strstr(t.e.hint, "novahaul rollback j-"));
	assert_non_null(strstr(t.e.hint, "--source-dead"));
	fence(FENCE_OFF);
	assert_int_equal(alone(false), 5);
	assert_non_null(strstr(t.e.hint, "novahaul rollback j-"));
	assert_int_equal(alone(true), 0);
	assert_int_equal(t.reach, APP_REACH_BACK_ALONE);
	assert_string_equal(buf_str(&t.log), "undo claim, ");
	assert_int_equal(alone(true), 4);
}

static void t_forward(void **state)
{
	(void)state;
	dies_in("place");
	fence(FENCE_OFF);
	assert_int_equal(alone(true), 5);
	assert_non_null(strstr(t.e.hint, "novahaul resume j-"));
	assert_string_equal(buf_str(&t.log), "");
	t.fails = "place";
	assert_int_equal(alone(false), 3);
	assert_non_null(strstr(t.e.hint, "--source-dead"));
	t.fails = NULL;
	buf_reset(&t.log);
	assert_int_equal(alone(false), 0);
	assert_int_equal(t.reach, APP_REACH_TARGET_ALONE);
	assert_string_equal(buf_str(&t.log), "run place, ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_proof, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_age, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_between, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_forward, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
