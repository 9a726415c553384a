/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine alone, on steps that move a token from one box to another in two
 * halves each: every point of it can be tried in seconds.
 */
#include "crash/crash.h"

#include <stdio.h>
#include <string.h>

#include "engine/step.h"

#define STEPS 5

struct toy {
	int done[STEPS];   /* 0, 1 (half), 2 */
	uint64_t lease[1]; /* epoch that may write */
	bool pending;	   /* a lost write that is still on its way */
	int pending_i, pending_v;
	bool meddled;
};

struct toy_world {
	struct toy *w;
	uint64_t epoch;
};

static void land(struct toy *w)
{
	if (w->pending)
		w->done[w->pending_i] = w->pending_v;
	w->pending = false;
}

static int put(struct toy_world *tw, int i, int v, struct err *e)
{
	struct toy *w = tw->w;
	enum crash_fault f;
	char what[32];

	snprintf(what, sizeof(what), "box %d = %d", i, v);
	f = crash_event(CRASH_BEFORE, what, true);
	if (f != CRASH_NONE)
		return crash_fail(f, what, e);
	if (tw->epoch != w->lease[0])
		return err_set(e, ERR_STALE, "%s: epoch %d, now %d", what,
			       (int)tw->epoch, (int)w->lease[0]);
	/* Sent.  Killed or cut here, it arrives later. */
	w->pending = true;
	w->pending_i = i;
	w->pending_v = v;
	f = crash_event(CRASH_MID, what, true);
	if (f != CRASH_NONE)
		return crash_fail(f, what, e);
	land(w);
	f = crash_event(CRASH_AFTER, what, true);
	return f != CRASH_NONE ? crash_fail(f, what, e) : 0;
}

static int toy_index(const struct step_ctx *c)
{
	return (int)json_integer_value(json_object_get(step_params(c), "n"));
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct toy_world *tw = step_world(c);
	int i = toy_index(c);
	enum crash_fault f = crash_event(CRASH_BEFORE, "look", true);

	if (f != CRASH_NONE)
		return crash_fail(f, "look", e);
	/* Waits for what is under way, as a guarded write would. */
	if (tw->epoch == tw->w->lease[0])
		land(tw->w);
	*state = tw->w->done[i] == 2   ? STEP_DONE
		 : tw->w->done[i] == 1 ? STEP_PARTIAL
				       : STEP_NOT_DONE;
	return 0;
}

static int run(struct step_ctx *c, struct err *e)
{
	struct toy_world *tw = step_world(c);
	int i = toy_index(c);

	if (step_record_once(c, "was", json_integer(tw->w->done[i]), e))
		return -1;
	for (int v = tw->w->done[i] + 1; v <= 2; v++)
		if (step_checkpoint(c, e) || put(tw, i, v, e))
			return -1;
	return 0;
}

static int undo(struct step_ctx *c, struct err *e)
{
	struct toy_world *tw = step_world(c);
	int i = toy_index(c);

	if (!step_recall(c, "was"))
		return 0;
	for (int v = tw->w->done[i] - 1; v >= 0; v--)
		if (put(tw, i, v, e))
			return -1;
	return 0;
}

static int looks(struct step_ctx *c, struct err *e)
{
	struct toy_world *tw = step_world(c);
	int i = toy_index(c);

	return tw->w->done[i - 1] == 2
		       ? 0
		       : err_set(e, ERR_CONFLICT, "box %d is not full", i - 1);
}

static const struct step toys[] = {
	{"zero", "first", true, NULL, NULL, probe, run, undo, NULL, 0},
	{"one", "second", true, NULL, NULL, probe, run, undo, NULL, 0},
	{"two", "commit point", true, "because", NULL, probe, run, undo, NULL,
	 0},
	{"three", "after it", true, NULL, NULL, probe, run, undo, NULL, 0},
	{"four", "looks", false, NULL, NULL, NULL, looks, NULL, NULL, 0},
};

static const struct step *const table[] = {&toys[0], &toys[1], &toys[2],
					   &toys[3], &toys[4], NULL};

static int enter(void *world, const char *job, uint64_t epoch, bool started,
		 struct err *e)
{
	struct toy_world *tw = world;
	enum crash_fault f = crash_event(CRASH_BEFORE, "enter", true);

	(void)job;
	(void)started;
	if (f != CRASH_NONE)
		return crash_fail(f, "enter", e);
	if (epoch <= tw->w->lease[0])
		return err_set(e, ERR_STALE, "the lease has a later epoch");
	/* What the old one had sent is waited for. */
	land(tw->w);
	tw->w->lease[0] = epoch;
	tw->epoch = epoch;
	f = crash_event(CRASH_AFTER, "enter", true);
	return f != CRASH_NONE ? crash_fail(f, "enter", e) : 0;
}

static json_t *plan(void *world)
{
	json_t *steps = json_array();

	(void)world;
	for (int i = 0; i < STEPS; i++)
		json_array_append_new(steps, json_pack("{s:s, s:{s:i}}", "step",
						       toys[i].name, "params",
						       "n", i));
	return json_pack("{s:s, s:o}", "kind", "toy", "steps", steps);
}

static int control(void *world, const char *path, enum crash_role role)
{
	struct toy_world tw = {world, 1};
	struct txn_env env = {.steps = table, .world = &tw, .enter = enter};

	if (role == CRASH_START)
		tw.w->lease[0] = 1;
	return crash_control(&env, path, role, plan);
}

static void reset(void *world, const void *arg)
{
	(void)world; /* zeroed is how it begins */
	(void)arg;
}

/* Never is a later box fuller than an earlier one. */
static bool promise(const void *world, struct buf *out)
{
	const struct toy *w = world;

	for (int i = 1; i < STEPS - 1; i++)
		if (w->done[i] > w->done[i - 1]) {
			buf_printf(out, "box %d is fuller than box %d", i,
				   i - 1);
			return false;
		}
	return true;
}

static bool end(const void *world, const void *before, enum crash_job job,
		int code, struct buf *out)
{
	const struct toy *w = world;
	int want = job == CRASH_DONE ? 2 : 0;

	(void)before;
	if (job == CRASH_OPEN) {
		buf_printf(out, "the job stays open, code %d", code);
		return false;
	}
	for (int i = 0; i < STEPS - 1; i++)
		if (w->done[i] != want) {
			buf_printf(out, "box %d is %d, not %d", i, w->done[i],
				   want);
			return false;
		}
	return true;
}

enum { LANDS = 0 };

static bool act(void *world, size_t actor)
{
	struct toy *w = world;

	if (actor != LANDS || !w->pending)
		return false;
	land(w);
	return true;
}

int main(int argc, char **argv)
{
	static const char *const actors[] = {"a lost write lands", NULL};
	static const struct crash_case toy = {
		.name = "toy",
		.size = sizeof(struct toy),
		.reset = reset,
		.control = control,
		.promise = promise,
		.end = end,
		.act = act,
		.actors = actors,
	};
	struct crash_opts o = {.points = 300, .actors = true};
	struct crash_totals t = {0};

	if (crash_options(argc, argv, &o))
		return 2;
	crash_run(&toy, &o, &t);
	return crash_report("crash, engine alone", &o, &t);
}
