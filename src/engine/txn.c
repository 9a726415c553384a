/* SPDX-License-Identifier: Apache-2.0 */
/* A whole job: taking it over, forward, turning round, back, its end. */
#include "config.h"

#include "engine/txn_priv.h"

#include <string.h>

#include "core/log.h"
#include "core/stop.h"

/* --- one job in memory */

static const struct step *find_step(const struct txn_env *env, const char *name)
{
	for (size_t i = 0; env->steps[i]; i++)
		if (!strcmp(env->steps[i]->name, name))
			return env->steps[i];
	return NULL;
}

static int unknown_step(const char *name, const char *build, struct err *e)
{
	err_set(e, ERR_REFUSED,
		"this build (novahaul %s) has no step called %s; it was "
		"written by novahaul %s",
		PACKAGE_VERSION, name, build ? build : "(unknown)");
	return err_hint(e, "use novahaul %s", build ? build : "of that build");
}

static bool keep_record(void *arg, const struct journal_record *r)
{
	struct txn *t = arg;

	if (r->idx < t->job.nsteps)
		json_object_set(t->records[r->idx], r->key, (json_t *)r->value);
	return true;
}

static void txn_clear(struct txn *t)
{
	for (size_t i = 0; t->records && i < t->job.nsteps; i++)
		json_decref(t->records[i]);
	mem_free(t->records);
	json_decref(t->asked);
	mem_free(t->steps);
	journal_job_clear(&t->job);
}

void txn_close(struct txn *t)
{
	txn_clear(t);
	journal_urgent(t->env->journal, false);
}

static int txn_open(struct txn *t, const struct txn_env *env, const char *id,
		    struct err *e)
{
	*t = (struct txn){.env = env};
	if (journal_load(env->journal, id, &t->job, e))
		return -1;
	t->key = journal_key(&t->job);
	t->asked = json_object();
	t->steps = MEM_NEW_N(const struct step *, t->job.nsteps + 1);
	t->records = MEM_NEW_N(json_t *, t->job.nsteps + 1);
	for (size_t i = 0; i < t->job.nsteps; i++) {
		t->records[i] = json_object();
		t->steps[i] = find_step(env, t->job.steps[i].name);
		if (!t->steps[i]) {
			unknown_step(t->job.steps[i].name, t->job.build, e);
			return err_wrap(e, "job %s", id);
		}
	}
	return journal_records(env->journal, id, true, keep_record, t, e);
}

/* --- ends */

enum txn_end txn_end_stale(struct txn *t, struct err *e)
{
	if (t->env->leave)
		t->env->leave(t->env->world);
	err_wrap(e, "job %s", t->job.id);
	if (!e->hint)
		err_hint(e, "novahaul show %s", t->job.id);
	return TXN_LOCKED;
}

static int set_state(struct txn *t, enum journal_state state,
		     const struct err *why, struct err *e)
{
	struct journal_turn turn = {
		.state = state,
		.dir = t->job.dir,
		.demanded = t->job.demanded,
		.why = why,
	};

	if (journal_turn(t->env->journal, &t->key, &turn, e))
		return -1;
	t->job.state = state;
	return 0;
}

/* Leaves the job open; WHY is what stands in the journal. */
enum txn_end txn_end_open(struct txn *t, const struct err *why, struct err *e)
{
	struct err also = ERR_INIT;

	journal_urgent(t->env->journal, true);
	if (set_state(t, JOURNAL_OPEN, why, &also)) {
		if (also.kind == ERR_STALE) {
			err_also(e, &also);
			return txn_end_stale(t, e);
		}
		err_also(e, &also);
	}
	if (!e->hint || e->kind == ERR_INTERRUPTED)
		err_hint(e, "novahaul resume %s", t->job.id);
	return TXN_OPEN;
}

static void wrap_step(struct txn *t, size_t i, struct err *e)
{
	err_wrap(e, "job %s: step %s%s", t->job.id, t->job.steps[i].name,
		 t->job.dir == JOURNAL_BACKWARD ? " (undo)" : "");
}

/* --- back */

/* Undoes in reverse all that was started.  *AT is where it stopped. */
static enum txn_next undo_all(struct txn *t, size_t *at, struct err *e)
{
	for (size_t i = t->job.nsteps; i-- > 0;) {
		enum journal_mark m = t->job.steps[i].mark;
		enum txn_next next;

		if (m != MARK_RUNNING && m != MARK_DONE && m != MARK_UNDOING)
			continue;
		*at = i;
		if (stop_requested()) {
			err_set(e, ERR_INTERRUPTED, "interrupted");
			return NEXT_OPEN;
		}
		txn_tick(t);
		next = txn_step_back(t, i, e);
		if (next != NEXT_GO)
			return next;
	}
	return NEXT_GO;
}

static enum txn_end rolled_back(struct txn *t, struct err *cause, struct err *e)
{
	bool failed = cause->kind != ERR_NONE;
	struct err also = ERR_INIT;

	if (set_state(t, JOURNAL_ROLLED_BACK, failed ? cause : NULL, &also)) {
		bool stale = also.kind == ERR_STALE;

		err_move(e, failed ? cause : &also);
		if (failed)
			err_also(e, &also);
		return stale ? txn_end_stale(t, e) : TXN_OPEN;
	}
	if (failed)
		err_move(e, cause);
	return TXN_ROLLED_BACK;
}

/* The way back ended early with WHY. */
static enum txn_end stuck(struct txn *t, size_t at, struct err *cause,
			  struct err *why, struct err *e)
{
	struct err ignored = ERR_INIT;
	enum txn_end end;

	wrap_step(t, at, why);
	if (cause->kind == ERR_NONE) {
		err_move(e, why);
		return txn_end_open(t, e, e);
	}
	/* The cause stays what the journal shows; this goes to the history. */
	if (journal_say(t->env->journal, &t->key, at, err_msg(why), &ignored))
		err_clear(&ignored);
	err_hint(cause, "novahaul resume %s", t->job.id);
	err_move(e, cause);
	end = txn_end_open(t, e, e);
	err_also(e, why);
	return end;
}

/* An undo was refused and changed nothing: forward is the way again. */
static enum txn_end refused(struct txn *t, size_t at, struct err *cause,
			    struct err *why, struct err *e)
{
	enum txn_end end = t->job.demanded ? TXN_REFUSED : TXN_OPEN;
	struct err also = ERR_INIT;

	wrap_step(t, at, why);
	t->job.dir = JOURNAL_FORWARD;
	t->job.demanded = false;
	if (cause->kind != ERR_NONE) {
		err_move(e, cause);
		err_also(e, why);
	} else {
		err_move(e, why);
	}
	if (!e->hint)
		err_hint(e, "novahaul resume %s goes forward again", t->job.id);
	if (set_state(t, JOURNAL_OPEN, e, &also)) {
		bool stale = also.kind == ERR_STALE;

		err_also(e, &also);
		return stale ? txn_end_stale(t, e) : TXN_OPEN;
	}
	return end;
}

/* CAUSE: the failure that turned the job round; ERR_NONE on demand. */
enum txn_end txn_go_back(struct txn *t, struct err *cause, struct err *e)
{
	struct err why = ERR_INIT;
	size_t at = 0;

	journal_urgent(t->env->journal, true);
	switch (undo_all(t, &at, &why)) {
	case NEXT_GO:
		return rolled_back(t, cause, e);
	case NEXT_STALE:
		err_clear(cause);
		err_move(e, &why);
		return txn_end_stale(t, e);
	case NEXT_REFUSED:
		return refused(t, at, cause, &why, e);
	case NEXT_OPEN:
	case NEXT_AGAIN:
	case NEXT_TURN:
		break;
	}
	return stuck(t, at, cause, &why, e);
}

/* --- forward */

enum txn_end txn_turn_round(struct txn *t, struct err *cause, struct err *e)
{
	struct err also = ERR_INIT;

	journal_urgent(t->env->journal, true);
	t->job.dir = JOURNAL_BACKWARD;
	t->job.demanded = false;
	if (set_state(t, JOURNAL_OPEN, cause, &also)) {
		bool stale = also.kind == ERR_STALE;

		/* The journal still says forward: so it is. */
		t->job.dir = JOURNAL_FORWARD;
		err_move(e, cause);
		err_also(e, &also);
		if (stale)
			return txn_end_stale(t, e);
		err_hint(e, "novahaul resume %s", t->job.id);
		return TXN_OPEN;
	}
	txn_emit(t, 0, TXN_EV_TURN, err_msg(cause));
	return txn_go_back(t, cause, e);
}

static enum txn_end end_done(struct txn *t, struct err *e)
{
	if (!set_state(t, JOURNAL_DONE, NULL, e))
		return TXN_DONE;
	if (e->kind == ERR_STALE)
		return txn_end_stale(t, e);
	err_hint(e, "novahaul resume %s", t->job.id);
	return TXN_OPEN;
}

enum txn_end txn_go_forward(struct txn *t, struct err *e)
{
	struct err why = ERR_INIT;

	for (size_t i = 0; i < t->job.nsteps; i++) {
		enum journal_mark m = t->job.steps[i].mark;
		enum txn_next next;

		if (m == MARK_DONE || m == MARK_SKIPPED)
			continue;
		if (stop_requested()) {
			err_set(e, ERR_INTERRUPTED, "interrupted");
			wrap_step(t, i, e);
			return txn_end_open(t, e, e);
		}
		txn_tick(t);
		next = txn_step_forward(t, i, &why);
		if (next == NEXT_GO)
			continue;
		wrap_step(t, i, &why);
		if (next == NEXT_TURN)
			return txn_turn_round(t, &why, e);
		err_move(e, &why);
		return next == NEXT_STALE ? txn_end_stale(t, e)
					  : txn_end_open(t, e, e);
	}
	return end_done(t, e);
}

/* --- beginning */

int txn_start(const struct txn_env *env, const json_t *plan,
	      char id[JOURNAL_ID_MAX], struct err *e)
{
	const json_t *steps = json_object_get(plan, "steps");
	const char *build = json_string_value(json_object_get(plan, "build"));
	struct journal_job job;
	char owner[96];

	for (size_t i = 0; i < json_array_size(steps); i++) {
		const char *name = json_string_value(
			json_object_get(json_array_get(steps, i), "step"));

		if (name && !find_step(env, name))
			return unknown_step(name, build, e);
	}
	journal_owner(owner, sizeof(owner));
	if (journal_create(env->journal, plan, env->owner ? env->owner : owner,
			   &job, e))
		return -1;
	memcpy(id, job.id, JOURNAL_ID_MAX);
	journal_job_clear(&job);
	return 0;
}

/* The journal or the steps do not even let us begin. */
enum txn_end txn_no_begin(struct txn *t, const struct err *e)
{
	txn_close(t);
	return e->kind == ERR_STALE ? TXN_LOCKED : TXN_ERROR;
}

enum txn_end txn_run(const struct txn_env *env, const char *id, struct err *e)
{
	struct txn t;
	enum txn_end end;

	if (txn_open(&t, env, id, e))
		return txn_no_begin(&t, e);
	if (t.job.epoch != 1 || t.job.state != JOURNAL_OPEN) {
		err_set(e, ERR_STALE, "another process has taken the job over");
		end = txn_end_stale(&t, e);
	} else {
		end = txn_go_forward(&t, e);
	}
	txn_close(&t);
	return end;
}

/* Is somebody alive at work on it?  The epoch in the journal would end him. */
static int not_attended(struct txn *t, enum txn_end *end, struct err *e)
{
	const struct txn_env *env = t->env;
	struct err why = ERR_INIT;

	if (!env->look || !txn_work_left(t) || !txn_ever_started(t) ||
	    !env->look(env->world, t->job.id, &why))
		return 0;
	if (why.kind != ERR_LOCKED) {
		err_clear(&why);
		return 0;
	}
	err_move(e, &why);
	*end = txn_end_stale(t, e);
	return -1;
}

/* The hosts, and what others did meanwhile: MOOT when there is nothing left to
 * go forward to. */
static int enter(struct txn *t, struct err *moot, struct err *e)
{
	const struct txn_env *env = t->env;
	struct step_ctx first = {t, 0};
	bool started = txn_ever_started(t);

	if (!txn_work_left(t))
		return 0;
	if (env->enter &&
	    env->enter(env->world, t->job.id, t->job.epoch, started, e))
		return -1;
	if (!env->regain || !started || !env->regain(&first, e))
		return 0;
	if (e->kind != ERR_CONFLICT)
		return -1;
	err_move(moot, e);
	return 0;
}

/* Whoever had it may have done more since it was read: a frozen controller that
 * woke just then.  Under our epoch nobody else writes any more. */
static int read_again(struct txn *t, struct err *e)
{
	struct txn now;

	if (txn_open(&now, t->env, t->job.id, e)) {
		txn_clear(&now);
		return -1;
	}
	txn_clear(t);
	*t = now;
	return 0;
}

/* Raises the epoch here, then on the hosts.  0, or *END is what it came to. */
int txn_take_over(struct txn *t, const struct journal_takeover *how,
		  struct err *moot, enum txn_end *end, struct err *e)
{
	const struct txn_env *env = t->env;

	if (not_attended(t, end, e))
		return -1;
	if (journal_take(env->journal, &t->job, how, e)) {
		*end = e->kind == ERR_STALE ? txn_end_stale(t, e) : TXN_ERROR;
		return -1;
	}
	if (read_again(t, e)) {
		*end = TXN_OPEN;
		return -1;
	}
	if (!enter(t, moot, e))
		return 0;
	err_wrap(e, "job %s: taking it over", t->job.id);
	if (e->kind == ERR_STALE || e->kind == ERR_LOCKED) {
		*end = txn_end_stale(t, e);
	} else {
		/* What stopped the job before is worth more than this. */
		bool known = t->job.error.kind != ERR_NONE;

		*end = txn_end_open(t, known ? &t->job.error : e, e);
	}
	return -1;
}

int txn_open_to_take(struct txn *t, const struct txn_env *env, const char *id,
		     struct txn_taking *take, struct err *e)
{
	if (txn_open(t, env, id, e))
		return -1;
	journal_owner(take->owner, sizeof(take->owner));
	take->how = (struct journal_takeover){t->job.dir, t->job.demanded,
					      env->owner ? env->owner
							 : take->owner};
	/* Without an epoch of our own nothing can be done at all: it may use
	 * the space in reserve. */
	journal_urgent(env->journal, true);
	return 0;
}

enum txn_end txn_resume(const struct txn_env *env, const char *id,
			struct err *e)
{
	struct err cause = ERR_INIT;
	struct txn_taking take;
	enum txn_end end;
	struct txn t;

	if (txn_open_to_take(&t, env, id, &take, e))
		return txn_no_begin(&t, e);
	if (t.job.state != JOURNAL_OPEN) {
		err_set(e, ERR_NOTHING, "job %s is finished: %s", id,
			journal_state_name(t.job.state));
		end = TXN_NOTHING;
	} else if (!txn_take_over(&t, &take.how, &cause, &end, e)) {
		bool moot = cause.kind != ERR_NONE;

		if (!moot && !t.job.demanded)
			err_move(&cause, &t.job.error);
		journal_urgent(env->journal, false);
		if (t.job.dir == JOURNAL_BACKWARD)
			end = txn_go_back(&t, &cause, e);
		else
			end = moot ? txn_turn_round(&t, &cause, e)
				   : txn_go_forward(&t, e);
	}
	err_clear(&cause);
	txn_close(&t);
	return end;
}

/* May this job go back at all?  -1 with *END if not. */
static int may_go_back(const struct txn *t, enum txn_end *end, struct err *e)
{
	if (t->job.state == JOURNAL_ROLLED_BACK) {
		*end = TXN_NOTHING;
		return err_set(e, ERR_NOTHING, "job %s is rolled back already",
			       t->job.id);
	}
	if (t->job.purged_us) {
		*end = TXN_REFUSED;
		err_set(e, ERR_REFUSED,
			"job %s: its source copy was purged: there is nothing "
			"to go back to",
			t->job.id);
		return err_hint(e, "novahaul move %s --to %s",
				t->job.instance ? t->job.instance : "SERVER",
				t->job.source ? t->job.source : "HOST");
	}
	return 0;
}

/* A finished job whose rollback was refused is finished again. */
static enum txn_end finish_again(struct txn *t, struct err *e)
{
	struct err why = ERR_INIT;
	enum txn_end end;

	journal_urgent(t->env->journal, false);
	end = txn_go_forward(t, &why);
	if (end == TXN_DONE)
		return TXN_REFUSED;
	err_also(e, &why);
	return end == TXN_LOCKED ? TXN_LOCKED : TXN_OPEN;
}

enum txn_end txn_rollback(const struct txn_env *env, const char *id,
			  struct err *e)
{
	struct err cause = ERR_INIT;
	struct txn_taking take;
	enum txn_end end;
	struct txn t;
	bool was_done;

	if (txn_open_to_take(&t, env, id, &take, e))
		return txn_no_begin(&t, e);
	take.how.dir = JOURNAL_BACKWARD;
	take.how.demanded = true;
	was_done = t.job.state == JOURNAL_DONE;
	if (!may_go_back(&t, &end, e) &&
	    !txn_take_over(&t, &take.how, &cause, &end, e)) {
		end = txn_go_back(&t, &cause, e);
		if (end == TXN_REFUSED && was_done)
			end = finish_again(&t, e);
	}
	err_clear(&cause);
	txn_close(&t);
	return end;
}

/* --- giving up */

static enum txn_end no_retreat(const struct txn *t, struct err *e)
{
	const char *id = t->job.id;

	if (t->job.state != JOURNAL_OPEN) {
		err_set(e, ERR_NOTHING, "job %s is finished: %s", id,
			journal_state_name(t->job.state));
		return TXN_NOTHING;
	}
	err_set(e, ERR_REFUSED, "job %s may be past its commit point", id);
	err_hint(e, "novahaul resume %s, or novahaul rollback %s", id, id);
	return TXN_REFUSED;
}

/* As the failure that left it open would have done; a way back that a person
 * has asked for stays one. */
static enum txn_end give_up(struct txn *t, struct err *cause, struct err *e)
{
	if (!t->job.demanded && cause->kind == ERR_NONE)
		err_move(cause, &t->job.error);
	if (!t->job.demanded && cause->kind == ERR_NONE)
		err_set(cause, ERR_FAILED, "the job was given up");
	return t->job.dir == JOURNAL_BACKWARD ? txn_go_back(t, cause, e)
					      : txn_turn_round(t, cause, e);
}

enum txn_end txn_retreat(const struct txn_env *env, const char *id,
			 struct err *e)
{
	struct err cause = ERR_INIT;
	struct txn_taking take;
	enum txn_end end;
	struct txn t;

	if (txn_open_to_take(&t, env, id, &take, e))
		return txn_no_begin(&t, e);
	if (!txn_may_retreat(env->steps, &t.job)) {
		end = no_retreat(&t, e);
	} else if (!txn_take_over(&t, &take.how, &cause, &end, e)) {
		/* It may have gone on since that look. */
		end = txn_may_retreat(env->steps, &t.job)
			      ? give_up(&t, &cause, e)
			      : no_retreat(&t, e);
	}
	err_clear(&cause);
	txn_close(&t);
	return end;
}
