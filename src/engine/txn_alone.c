/* SPDX-License-Identifier: Apache-2.0 */
/* A job whose source is proven to be dead: forward from where the target has a
 * whole copy, or back from where nothing needs the source. */
#include "engine/txn_priv.h"

static enum txn_end not_alone(const struct txn *t, struct err *e)
{
	const char *step = NULL, *id = t->job.id;

	if (t->job.state != JOURNAL_OPEN) {
		err_set(e, ERR_NOTHING, "job %s is finished: %s", id,
			journal_state_name(t->job.state));
		return TXN_NOTHING;
	}
	switch (txn_alone(t->env->steps, &t->job, t->env->disks, &step)) {
	case TXN_ALONE_BACK:
		err_set(e, ERR_REFUSED,
			"job %s: the target has no whole copy yet: without its "
			"source it can only go back",
			id);
		err_hint(e, "novahaul rollback %s --source-dead", id);
		break;
	case TXN_ALONE_FORWARD:
		err_set(e, ERR_REFUSED,
			"job %s: the target has a whole, verified copy, which "
			"going back would take away",
			id);
		err_hint(e, "novahaul resume %s --source-dead", id);
		break;
	case TXN_ALONE_NOT:
		err_set(e, ERR_REFUSED,
			"job %s: what step %s has done only its source can "
			"undo",
			id, step ? step : "?");
		if (txn_alone(t->env->steps, &t->job, true, NULL) ==
		    TXN_ALONE_FORWARD)
			err_hint(e,
				 "novahaul resume %s --source-dead --disks "
				 "[HOST:]PATH; or novahaul resume %s when the "
				 "source is back",
				 id, id);
		else
			err_hint(e,
				 "novahaul resume %s when the source is back",
				 id);
		break;
	}
	return TXN_REFUSED;
}

/* Is the undo of a commit point begun?  That takes back some of what the steps
 * before it have done. */
static bool uncommitting(const struct txn *t)
{
	for (size_t i = 0; i < t->job.nsteps; i++)
		if (t->steps[i]->commit_point &&
		    (t->job.steps[i].mark == MARK_UNDOING ||
		     t->job.steps[i].mark == MARK_UNDONE))
			return true;
	return false;
}

/* What was undone is done again; of what may be, the world is asked. */
static int forward_again(struct txn *t, struct err *e)
{
	bool back = uncommitting(t), whole = false;

	for (size_t i = 0; i < t->job.nsteps; i++) {
		enum journal_mark m = t->job.steps[i].mark;

		if ((m == MARK_UNDOING || (m == MARK_DONE && whole && back)) &&
		    txn_mark(t, i, MARK_RUNNING, e))
			return -1;
		whole |= (t->steps[i]->alone & STEP_WHOLE) != 0;
	}
	return 0;
}

static enum txn_end forward_alone(struct txn *t, struct err *moot,
				  struct err *e)
{
	t->stay = true;
	if (moot->kind != ERR_NONE)
		return txn_turn_round(t, moot, e);
	if (!forward_again(t, e))
		return txn_go_forward(t, e);
	return e->kind == ERR_STALE ? txn_end_stale(t, e)
				    : txn_end_open(t, e, e);
}

/* A job that was done, and of which a rollback was asked for, may hold its
 * leases again: the last step lets go of them, and needs to be entered for. */
static int reopen(struct txn *t, const struct journal_takeover *how,
		  struct err *moot, enum txn_end *end, struct err *e)
{
	if (how->dir != JOURNAL_FORWARD || txn_work_left(t))
		return 0;
	*end = TXN_OPEN;
	return txn_mark(t, t->job.nsteps - 1, MARK_RUNNING, e) ||
			       txn_take_over(t, how, moot, end, e)
		       ? -1
		       : 0;
}

static enum txn_end go_alone(const struct txn_env *env, const char *id,
			     enum txn_alone way, struct err *e)
{
	bool on = way == TXN_ALONE_FORWARD;
	struct err moot = ERR_INIT;
	struct txn_taking take;
	enum txn_end end;
	struct txn t;

	if (txn_open_to_take(&t, env, id, &take, e))
		return txn_no_begin(&t, e);
	take.how.dir = on ? JOURNAL_FORWARD : JOURNAL_BACKWARD;
	take.how.demanded = !on;
	if (txn_alone(env->steps, &t.job, env->disks, NULL) != way) {
		end = not_alone(&t, e);
	} else if (!txn_take_over(&t, &take.how, &moot, &end, e) &&
		   !reopen(&t, &take.how, &moot, &end, e)) {
		/* It may have gone on since that look: then as it was going. */
		if (txn_alone(env->steps, &t.job, env->disks, NULL) != way) {
			not_alone(&t, e);
			end = txn_end_open(&t, e, e);
		} else {
			journal_urgent(env->journal, !on);
			end = on ? forward_alone(&t, &moot, e)
				 : txn_go_back(&t, &moot, e);
		}
	}
	err_clear(&moot);
	txn_close(&t);
	return end;
}

enum txn_end txn_forward(const struct txn_env *env, const char *id,
			 struct err *e)
{
	return go_alone(env, id, TXN_ALONE_FORWARD, e);
}

enum txn_end txn_back_alone(const struct txn_env *env, const char *id,
			    struct err *e)
{
	return go_alone(env, id, TXN_ALONE_BACK, e);
}
