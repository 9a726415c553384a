/* SPDX-License-Identifier: Apache-2.0 */
/* One step, forward or back, until it is done or somebody else must decide. */
#include "engine/txn_priv.h"

#include <string.h>

#include "core/clock.h"
#include "core/stop.h"

#define RUNS_LOST 3  /* runs whose outcome was lost */
#define RUNS_RETRY 5 /* runs that asked to be tried again */
#define RUNS_AFTER 3 /* runs of a failing step past the commit point */
#define UNDOS 5	     /* undos, lost or to be tried again */
#define PROBES 6     /* probes that said UNKNOWN */
#define SECOND 1000000
#define BACK_OFF_MAX 30 /* seconds */
/* As long as nothing succeeds, so many seconds after the first failure: each of
 * many undos that all need one dead host must not wait for it anew. */
#define PATIENCE 20

/* --- what both directions use */

void txn_tick(struct txn *t)
{
	journal_beat(t->env->journal);
	if (t->env->tick)
		t->env->tick(t->env->world);
}

void txn_emit(struct txn *t, size_t i, enum txn_event_kind kind,
	      const char *text)
{
	bool whole = kind == TXN_EV_TURN;
	struct txn_event ev = {
		.kind = kind,
		.job = t->job.id,
		.dir = t->job.dir,
		.idx = i,
		.nsteps = t->job.nsteps,
		.step = whole ? NULL : t->steps[i]->name,
		.summary = whole ? NULL : t->steps[i]->summary,
		.text = text,
	};

	if (t->env->event)
		t->env->event(t->env->event_arg, &ev);
}

static unsigned back_off(unsigned n)
{
	return n > 5 ? BACK_OFF_MAX : 1u << (n - 1);
}

bool txn_patient(struct txn *t, unsigned n)
{
	int64_t now = clock_mono_us();

	if (!t->trouble_us)
		t->trouble_us = now;
	return now - t->trouble_us + (int64_t)back_off(n) * SECOND <=
	       (int64_t)PATIENCE * SECOND;
}

void txn_back_off(struct txn *t, size_t i, unsigned n, const struct err *why)
{
	unsigned s = back_off(n);

	txn_emit(t, i, TXN_EV_WAIT, err_msg(why));
	for (; s && !stop_requested(); s--) {
		clock_sleep_us(SECOND);
		txn_tick(t);
	}
}

static int mark(struct txn *t, size_t i, enum journal_mark m, unsigned attempt,
		struct err *e)
{
	struct journal_step s = t->job.steps[i];

	s.mark = m;
	s.attempt = attempt;
	if (!s.started_us)
		s.started_us = clock_now_us();
	s.ended_us = m == MARK_DONE || m == MARK_UNDONE ? clock_now_us() : 0;
	if (journal_mark(t->env->journal, &t->key, &s, e))
		return -1;
	if (m == MARK_DONE || m == MARK_UNDONE)
		t->trouble_us = 0;
	t->job.steps[i] = s;
	return 0;
}

int txn_mark(struct txn *t, size_t i, enum journal_mark m, struct err *e)
{
	return mark(t, i, m, t->job.steps[i].attempt, e);
}

int txn_mirror(struct txn *t, struct err *e)
{
	char *json;
	int rc;

	if (!t->env->mirror)
		return 0;
	json = journal_export(t->env->journal, t->job.id, e);
	if (!json)
		return -1;
	rc = t->env->mirror(t->env->world, json, e);
	mem_free(json);
	return rc ? err_wrap(e, "writing the job's manifest") : 0;
}

enum txn_next txn_judge(const struct err *e, enum txn_next otherwise)
{
	if (e->kind == ERR_STALE)
		return NEXT_STALE;
	/* A failure while we are asked to stop may be the stop's own doing: a
	 * child that got the terminal's ^C as well. */
	if (e->kind == ERR_INTERRUPTED || stop_requested())
		return NEXT_OPEN;
	return otherwise;
}

static int not_known(struct txn *t, size_t i, struct err *e)
{
	if (e->kind == ERR_NONE)
		err_set(e, ERR_LOST, "it does not answer");
	e->kind = ERR_LOST;
	return err_wrap(e, "finding out how far %s came", t->steps[i]->name);
}

int txn_ask(struct txn *t, size_t i, enum step_state *state, struct err *e)
{
	struct step_ctx c = {t, i};

	*state = STEP_NOT_DONE;
	if (!t->steps[i]->probe)
		return 0;
	for (unsigned n = 1;; n++) {
		int rc;

		err_clear(e);
		*state = STEP_UNKNOWN;
		rc = t->steps[i]->probe(&c, state, e);
		if (!rc && *state != STEP_UNKNOWN)
			return 0;
		if (rc && e->kind == ERR_STALE)
			return -1;
		if (stop_requested())
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		if (!txn_patient(t, n) || n == PROBES)
			return not_known(t, i, e);
		txn_back_off(t, i, n, e);
	}
}

/* --- forward */

enum phase { AT_PROBE = 0, AT_RUN, AT_VERIFY };

struct tries {
	bool probe; /* it may have run before */
	unsigned lost, retry, after, n;
};

static int run_once(struct txn *t, size_t i, struct err *e)
{
	unsigned attempt = t->job.steps[i].attempt + 1;
	struct step_ctx c = {t, i};

	if (mark(t, i, MARK_RUNNING, attempt, e) || txn_mirror(t, e))
		return -1;
	return t->steps[i]->run(&c, e);
}

/* Probe if need be, run, verify, DONE.  AT says where it failed. */
static int try_once(struct txn *t, size_t i, bool probe, enum phase *at,
		    struct err *e)
{
	const struct step *s = t->steps[i];
	struct step_ctx c = {t, i};
	enum step_state state = STEP_NOT_DONE;

	*at = AT_PROBE;
	if (probe && txn_ask(t, i, &state, e))
		return -1;
	*at = AT_RUN;
	if (state != STEP_DONE && run_once(t, i, e))
		return -1;
	*at = AT_VERIFY;
	if (s->verify && s->verify(&c, e))
		return -1;
	return txn_mark(t, i, MARK_DONE, e);
}

static bool committed(const struct txn *t, size_t i)
{
	if (t->stay)
		return true;
	for (size_t k = 0; k < t->job.nsteps; k++)
		if (k != i && t->steps[k]->commit_point &&
		    t->job.steps[k].mark == MARK_DONE)
			return true;
	return false;
}

/* Looks at the world before a step is given up whose outcome is not certain, or
 * on which everything hangs. */
static enum txn_next last_look(struct txn *t, size_t i, struct tries *n,
			       struct err *e)
{
	bool commit = t->steps[i]->commit_point != NULL;
	enum step_state state;
	struct err why = ERR_INIT;

	if (txn_ask(t, i, &state, &why)) {
		enum txn_next next = txn_judge(&why, NEXT_OPEN);

		if (next == NEXT_STALE)
			err_move(e, &why);
		else
			err_also(e, &why);
		return next;
	}
	switch (state) {
	case STEP_DONE:
		if (++n->after < RUNS_AFTER)
			return NEXT_AGAIN;
		return commit ? NEXT_OPEN : NEXT_TURN;
	case STEP_PARTIAL:
		return commit ? NEXT_OPEN : NEXT_TURN;
	case STEP_NOT_DONE:
		return NEXT_TURN;
	case STEP_UNKNOWN:
		break;
	}
	return NEXT_OPEN;
}

static enum txn_next judge_try(struct txn *t, size_t i, enum phase at,
			       struct tries *n, struct err *e)
{
	bool unsure = e->kind == ERR_LOST || e->kind == ERR_RETRY;
	enum txn_next next = txn_judge(e, NEXT_AGAIN);

	if (next != NEXT_AGAIN)
		return next;
	if (at == AT_PROBE)
		return NEXT_OPEN;
	/* A proof has aged, and is soon renewed: what was copied under it is
	 * not thrown away. */
	if (e->kind == ERR_FENCE && t->steps[i]->mutates)
		return NEXT_OPEN;
	if (unsure && txn_patient(t, n->n + 1) &&
	    (e->kind == ERR_LOST ? ++n->lost < RUNS_LOST
				 : ++n->retry < RUNS_RETRY))
		return NEXT_AGAIN;
	if (committed(t, i))
		return !unsure && ++n->after < RUNS_AFTER ? NEXT_AGAIN
							  : NEXT_OPEN;
	if (unsure || t->steps[i]->commit_point)
		return last_look(t, i, n, e);
	return NEXT_TURN;
}

enum txn_next txn_step_forward(struct txn *t, size_t i, struct err *e)
{
	struct tries n = {.probe = t->job.steps[i].mark == MARK_RUNNING};

	txn_emit(t, i, TXN_EV_START, NULL);
	for (;;) {
		enum phase at;
		enum txn_next next;

		if (!try_once(t, i, n.probe, &at, e)) {
			txn_emit(t, i, TXN_EV_END, NULL);
			return NEXT_GO;
		}
		next = judge_try(t, i, at, &n, e);
		txn_emit(t, i, TXN_EV_FAIL, err_msg(e));
		if (next != NEXT_AGAIN)
			return next;
		txn_back_off(t, i, ++n.n, e);
		if (stop_requested())
			return NEXT_OPEN;
		err_clear(e);
		n.probe = true;
	}
}

/* --- back */

static int undo_tries(struct txn *t, size_t i, struct err *e)
{
	struct step_ctx c = {t, i};

	for (unsigned n = 1;; n++) {
		if (!txn_mirror(t, e) && !t->steps[i]->undo(&c, e))
			return 0;
		if ((e->kind != ERR_LOST && e->kind != ERR_RETRY) ||
		    !txn_patient(t, n) || n == UNDOS || stop_requested())
			return -1;
		txn_emit(t, i, TXN_EV_FAIL, err_msg(e));
		txn_back_off(t, i, n, e);
		err_clear(e);
	}
}

/* The undo changed nothing, and the step is what it was: done, or half done.
 * RUNNING lets the way forward ask the world which, and repeat what this
 * take-over has opened again (a lease that a finished job had let go). */
static enum txn_next undo_refused(struct txn *t, size_t i, struct err *e)
{
	struct err why = ERR_INIT;
	enum txn_next next;

	if (!txn_mark(t, i, MARK_RUNNING, &why))
		return NEXT_REFUSED;
	next = txn_judge(&why, NEXT_OPEN);
	err_also(e, &why);
	return next;
}

enum txn_next txn_step_back(struct txn *t, size_t i, struct err *e)
{
	enum journal_mark before = t->job.steps[i].mark;
	enum step_state state;

	txn_emit(t, i, TXN_EV_START, NULL);
	if (t->steps[i]->undo) {
		/* Nothing is undone of which nobody knows what it is. */
		if (before != MARK_DONE && txn_ask(t, i, &state, e))
			return txn_judge(e, NEXT_OPEN);
		if (txn_mark(t, i, MARK_UNDOING, e))
			return txn_judge(e, NEXT_OPEN);
		if (undo_tries(t, i, e)) {
			txn_emit(t, i, TXN_EV_FAIL, err_msg(e));
			if (e->kind == ERR_REFUSED)
				return undo_refused(t, i, e);
			return txn_judge(e, NEXT_OPEN);
		}
	}
	if (txn_mark(t, i, MARK_UNDONE, e))
		return txn_judge(e, NEXT_OPEN);
	txn_emit(t, i, TXN_EV_END, NULL);
	return NEXT_GO;
}
