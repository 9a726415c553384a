/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the engine: one job in memory while a controller works on it. */
#ifndef NH_ENGINE_TXN_PRIV_H
#define NH_ENGINE_TXN_PRIV_H

#include "engine/step.h"
#include "engine/txn.h"

struct txn {
	const struct txn_env *env;
	struct journal_job job;
	struct journal_key key;
	const struct step **steps; /* by index in the plan */
	json_t **records;	   /* the same; key -> latest value */
	json_t *asked;		   /* step_asked(): key -> value */
	int64_t asked_us;	   /* when the journal was looked into */
	int64_t trouble_us; /* the first failure since anything succeeded, or 0
			     */
	bool stay;	    /* no failure turns it round */
};

struct step_ctx {
	struct txn *t;
	size_t idx;
};

/* What to do after a step, or after a try of it. */
enum txn_next {
	NEXT_OPEN = 0, /* leave the job open */
	NEXT_GO,       /* it is done (undone): the next one */
	NEXT_AGAIN,    /* probe, then perhaps once more */
	NEXT_TURN,     /* it failed: undo it and all before it */
	NEXT_REFUSED,  /* its undo was refused */
	NEXT_STALE,    /* another controller has the job */
};

/* The step after that error, whatever was being done: NEXT_STALE, NEXT_OPEN
 * for an interruption, else OTHERWISE. */
enum txn_next txn_judge(const struct err *e, enum txn_next otherwise);

/* Was any of its steps ever started? */
bool txn_ever_started(const struct txn *t);
/* Does any step remain?  A crash may have come between the last one, which let
 * go of the hosts, and the end of the job: then nobody may claim them again,
 * because nothing would let go of them. */
bool txn_work_left(const struct txn *t);

/* A job in memory that is to be taken over, to go on where it goes: HOW may
 * then be changed.  Closed also after an error. */
struct txn_taking {
	struct journal_takeover how;
	char owner[96];
};
int txn_open_to_take(struct txn *t, const struct txn_env *env, const char *id,
		     struct txn_taking *take, struct err *e);
void txn_close(struct txn *t);
/* The journal or the steps do not even let us begin. */
enum txn_end txn_no_begin(struct txn *t, const struct err *e);
/* Raises the epoch here, then on the hosts.  0, or *END is what it came to.
 * MOOT: there is nothing left to go forward to. */
int txn_take_over(struct txn *t, const struct journal_takeover *how,
		  struct err *moot, enum txn_end *end, struct err *e);
enum txn_end txn_go_forward(struct txn *t, struct err *e);
/* CAUSE: the failure that turned the job round; ERR_NONE on demand. */
enum txn_end txn_go_back(struct txn *t, struct err *cause, struct err *e);
enum txn_end txn_turn_round(struct txn *t, struct err *cause, struct err *e);
/* Leaves the job open; WHY is what stands in the journal. */
enum txn_end txn_end_open(struct txn *t, const struct err *why, struct err *e);
enum txn_end txn_end_stale(struct txn *t, struct err *e);

/* Journals the mark; the copy in memory follows only when that succeeded. */
int txn_mark(struct txn *t, size_t i, enum journal_mark m, struct err *e);
/* Writes the manifest through env->mirror. */
int txn_mirror(struct txn *t, struct err *e);
/* Probes until the answer is not UNKNOWN, with back-off; ERR_LOST when it stays
 * so, ERR_STALE and ERR_INTERRUPTED at once. */
int txn_ask(struct txn *t, size_t i, enum step_state *state, struct err *e);
/* After a failure that may pass: is there time to wait before try N + 1?  Not
 * once the trouble has lasted longer than the engine waits for anything. */
bool txn_patient(struct txn *t, unsigned n);
/* Waits before try N + 1 (N from 1), keeping the world alive; ends early when
 * the program is asked to stop. */
void txn_back_off(struct txn *t, size_t i, unsigned n, const struct err *why);
void txn_tick(struct txn *t);
void txn_emit(struct txn *t, size_t i, enum txn_event_kind kind,
	      const char *text);

enum txn_next txn_step_forward(struct txn *t, size_t i, struct err *e);
enum txn_next txn_step_back(struct txn *t, size_t i, struct err *e);

#endif
