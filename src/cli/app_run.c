/* SPDX-License-Identifier: Apache-2.0 */
/* apply, resume and rollback: a plan, the world it is about, and the engine. */
#include <string.h>

#include "cli/app_priv.h"
#include "report/downtime.h"
#include "cli/progress.h"
#include "cli/trace.h"
#include "core/clock.h"
#include "core/str.h"
#include "engine/step.h"
#include "plan/plan.h"

#define FRESH_US (2 * 1000000LL)

static void journal_closep(struct journal **j)
{
	journal_close(*j);
}

/* Jobs of audit --fix and readmit have a world and steps of their own. */
bool app_is_fix_kind(const char *kind)
{
	return str_is(kind, "fix") || str_is(kind, "readmit");
}

bool app_is_fix(const json_t *plan)
{
	return app_is_fix_kind(
		json_string_value(json_object_get(plan, "kind")));
}

static struct txn_env env_of(struct trace *t, void *world, bool fix)
{
	const struct app_ops *ops = t->app->ops;

	if (fix)
		return (struct txn_env){.journal = t->journal,
					.steps = ops->fix_steps(),
					.world = world,
					.event = trace_event,
					.event_arg = t};
	return (struct txn_env){
		.journal = t->journal,
		.steps = ops->steps(),
		.world = world,
		.look = ops->look,
		.enter = ops->enter,
		.regain = ops->regain,
		.leave = ops->leave,
		.mirror = ops->mirror,
		.tick = ops->tick,
		.event = trace_event,
		.event_arg = t,
	};
}

static json_t *outcome_json(const struct app_outcome *o)
{
	return json_pack("{s:i, s:s, s:s}", "schema_version", 1, "job", o->job,
			 "end", txn_end_name(o->end));
}

/* Who and where, once, in front of whatever it was; and what to type next. */
static int explain(const struct journal_job *job, struct app_outcome *out,
		   struct err *e)
{
	AUTO(mem_freep) char *cause = NULL;

	out->report = outcome_json(out);
	if (e->kind == ERR_NONE)
		return 0;
	err_wrap(e, "instance %s (%s), from %s to %s", job->instance, job->name,
		 job->source, job->target);
	/* A hint about the cause is kept in front of what to type then. */
	cause = e->hint && !strstr(e->hint, "--source-dead") &&
				(e->kind == ERR_FENCE ||
				 !strstr(e->hint, "novahaul "))
			? mem_printf("%s; then ", e->hint)
			: NULL;
	if (out->end == TXN_OPEN && (cause || !e->hint))
		err_hint(e,
			 job->dir == JOURNAL_BACKWARD
				 ? "%snovahaul resume %s goes on with the "
				   "rollback; the job is open"
				 : "%snovahaul resume %s, or novahaul rollback "
				   "%s; the job is open",
			 cause ? cause : "", job->id, job->id);
	return -1;
}

/* How long it took, as the journal has it now; a report may do without. */
static void figures(struct journal *j, struct app_outcome *out)
{
	struct journal_job job = {0};
	struct err e = ERR_INIT;

	if (out->report && !journal_load(j, out->job, &job, &e))
		downtime_put(j, &job, out->report);
	journal_job_clear(&job);
	err_clear(&e);
}

static int not_confirmed(const struct app *a, struct err *e)
{
	return a->confirmed
		       ? 0
		       : err_set(e, ERR_BUG, "a mutation was not confirmed");
}

static int no_open_job(struct journal *j, const char *uuid, struct err *e)
{
	size_t n = 0;
	char id[JOURNAL_ID_MAX];

	if (journal_open_jobs(j, uuid, &n, id, e))
		return -1;
	if (!n)
		return 0;
	err_set(e, ERR_LOCKED, "instance %s: job %s is open", uuid, id);
	return err_hint(e, "novahaul resume %s, or novahaul rollback %s", id,
			id);
}

/* Made here and a moment ago, it is what a second look would make; the claim
 * finds out what has changed since, as it does after any look. */
static bool just_made(const struct app *a)
{
	return a->planned_us && clock_mono_us() - a->planned_us < FRESH_US;
}

int app_apply(struct app *a, const json_t *plan, struct app_outcome *out,
	      struct err *e)
{
	AUTO(move_freep) struct move *m = plan_read(plan, e);
	AUTO(journal_closep) struct journal *j = NULL;
	AUTO(trace_clear) struct trace t = {.app = a};
	struct journal_job job = {0};
	struct txn_env env;
	void *world;

	if (!m || not_confirmed(a, e) ||
	    (!just_made(a) && app_plan_holds(a, plan, m, e)))
		return -1;
	j = app_journal(a, e);
	t.journal = j;
	if (!j || no_open_job(j, m->uuid, e) || trace_ask(&t, plan, e))
		return -1;
	world = a->ops->world_open(a, plan, APP_REACH_BOTH, e);
	if (!world)
		return err_wrap(e, "instance %s", m->uuid);
	env = env_of(&t, world, false);
	if (!txn_start(&env, plan, out->job, e)) {
		progress_note(a->progress, "job %s: %s from %s to %s", out->job,
			      m->name, m->src.host, m->dst.host);
		out->end = txn_run(&env, out->job, e);
	}
	a->ops->world_close(world);
	if (*out->job) {
		struct err ignored = ERR_INIT;

		if (!journal_load(j, out->job, &job, &ignored))
			explain(&job, out, e);
		figures(j, out);
		journal_job_clear(&job);
		err_clear(&ignored);
	}
	trace_end(&t, out, e);
	return e->kind == ERR_NONE ? 0 : -1;
}

/* Part of the source's copy may be gone already. */
static int not_being_purged(struct journal *j, const struct journal_job *job,
			    struct app_outcome *out, struct err *e)
{
	bool begun;

	if (app_purge_begun(j, job, &begun, e))
		return -1;
	if (!begun)
		return 0;
	out->end = TXN_REFUSED;
	err_set(e, ERR_REFUSED,
		"job %s: a purge of its source copy has begun: there is "
		"nothing to go back to",
		job->id);
	return err_hint(e,
			"novahaul purge %s ends it; novahaul move %s --to "
			"%s goes back",
			job->id, job->instance, job->source);
}

static bool committed(const struct app *a, const struct journal_job *job)
{
	const struct step *const *steps = a->ops->steps();

	for (size_t i = 0; i < job->nsteps; i++)
		for (size_t k = 0; steps[k]; k++)
			if (!strcmp(steps[k]->name, job->steps[i].name) &&
			    steps[k]->commit_point &&
			    job->steps[i].mark == MARK_DONE)
				return true;
	return false;
}

struct way {
	enum txn_end (*run)(const struct txn_env *env, const char *id,
			    struct err *e);
	bool backward, alone;
};

static enum app_reach reach_of(const struct app *a, const struct way *w,
			       const struct journal_job *job, bool backward)
{
	if (w->alone)
		return w->backward ? APP_REACH_BACK_ALONE
				   : APP_REACH_TARGET_ALONE;
	return backward		   ? APP_REACH_SOURCE
	       : committed(a, job) ? APP_REACH_TARGET
				   : APP_REACH_BOTH;
}

/* The hosts that it needs do not answer; E names the one. */
static int not_opened(struct app *a, const struct journal_job *job,
		      const struct way *w, struct app_outcome *out,
		      struct err *e)
{
	AUTO(mem_freep) char *hint = NULL;

	if (job->state != JOURNAL_OPEN)
		out->end = TXN_ERROR;
	else if (!w->alone && e->kind == ERR_RETRY && job->source &&
		 strstr(err_msg(e), job->source))
		hint = app_alone_hint(a, job);
	explain(job, out, e);
	return hint ? err_hint(e, "%s", hint) : -1;
}

/* Undone, and nothing is lost: the disks are where they were. */
static void say_rescue(struct app *a, const struct journal_job *job)
{
	progress_note(a->progress,
		      "job %s is undone without %s; novahaul rescue %s --disks "
		      "[HOST:]PATH --to HOST %s brings it up elsewhere; "
		      "novahaul audit --fix %s when it is back",
		      job->id, job->source, job->source, job->instance,
		      job->source);
}

static int go_on(struct app *a, const char *id, const struct way *w,
		 struct app_outcome *out, struct err *e)
{
	bool backward = w->backward;
	AUTO(journal_closep) struct journal *j = NULL;
	AUTO(trace_clear) struct trace t = {.app = a};
	struct journal_job job = {0};
	struct txn_env env;
	void *world = NULL;
	bool fix;

	if (not_confirmed(a, e))
		return -1;
	t.journal = j = app_journal(a, e);
	if (!j || journal_load(j, id, &job, e))
		return -1;
	fix = app_is_fix(job.plan);
	memcpy(out->job, job.id, sizeof(out->job));
	if (backward && not_being_purged(j, &job, out, e)) {
		journal_job_clear(&job);
		return -1;
	}
	if (w->alone && app_alone_may(a, &job, e)) {
		out->end = TXN_ERROR;
		err_wrap(e, "instance %s (%s)", job.instance, job.name);
		journal_job_clear(&job);
		return -1;
	}
	backward = backward || (job.dir == JOURNAL_BACKWARD && !w->alone);
	out->end = TXN_OPEN;
	if (job.state == JOURNAL_OPEN || backward) {
		world = fix ? a->ops->fix_open(a, job.plan, e)
			    : a->ops->world_open(a, job.plan,
						 reach_of(a, w, &job, backward),
						 e);
		if (!world) {
			not_opened(a, &job, w, out, e);
			journal_job_clear(&job);
			return -1;
		}
	}
	env = env_of(&t, world, fix);
	env.disks = a->disks_path != NULL;
	out->end = w->run(&env, id, e);
	if (world)
		(fix ? a->ops->fix_close : a->ops->world_close)(world);
	if (w->alone && out->end == TXN_OPEN)
		app_alone_next(a, &job, backward, e);
	explain(&job, out, e);
	if (w->alone && out->end == TXN_ROLLED_BACK)
		say_rescue(a, &job);
	figures(j, out);
	trace_end(&t, out, e);
	journal_job_clear(&job);
	return e->kind == ERR_NONE ? 0 : -1;
}

int app_run_fix(struct app *a, const json_t *plan, const char *uuid,
		struct app_outcome *out, struct err *e)
{
	AUTO(journal_closep) struct journal *j = NULL;
	AUTO(trace_clear) struct trace t = {.app = a};
	struct txn_env env;
	void *world;

	if (not_confirmed(a, e))
		return -1;
	t.journal = j = app_journal(a, e);
	if (!j || no_open_job(j, uuid, e) || trace_ask(&t, plan, e))
		return -1;
	world = a->ops->fix_open(a, plan, e);
	if (!world)
		return -1;
	env = env_of(&t, world, true);
	if (!txn_start(&env, plan, out->job, e))
		out->end = txn_run(&env, out->job, e);
	a->ops->fix_close(world);
	trace_end(&t, out, e);
	return e->kind == ERR_NONE ? 0 : -1;
}

int app_resume(struct app *a, const char *job, struct app_outcome *out,
	       struct err *e)
{
	static const struct way w = {.run = txn_resume};

	return go_on(a, job, &w, out, e);
}

int app_rollback(struct app *a, const char *job, struct app_outcome *out,
		 struct err *e)
{
	static const struct way w = {.run = txn_rollback, .backward = true};

	return go_on(a, job, &w, out, e);
}

int app_retreat(struct app *a, const char *job, struct app_outcome *out,
		struct err *e)
{
	static const struct way w = {.run = txn_retreat, .backward = true};

	return go_on(a, job, &w, out, e);
}

int app_resume_alone(struct app *a, const char *job, struct app_outcome *out,
		     struct err *e)
{
	static const struct way w = {.run = txn_forward, .alone = true};

	return go_on(a, job, &w, out, e);
}

int app_rollback_alone(struct app *a, const char *job, struct app_outcome *out,
		       struct err *e)
{
	static const struct way w = {
		.run = txn_back_alone, .backward = true, .alone = true};

	return go_on(a, job, &w, out, e);
}
