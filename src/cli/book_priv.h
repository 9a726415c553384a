/* SPDX-License-Identifier: Apache-2.0 */
/* What the book_*.c files share: a run while it runs, and its types of step. */
#ifndef NH_CLI_BOOK_PRIV_H
#define NH_CLI_BOOK_PRIV_H

#include "cli/app_book.h"
#include "cli/app_priv.h"
#include "engine/batch.h"

struct book {
	struct app *a; /* its configuration has the runbook's profiles */
	struct journal *j;
	struct batch b;
	struct journal_key k;
	struct runbook rb;
	json_t *stays; /* of a rollback: what it leaves, as texts */
};

/* One try of step I.  ERR_INTERRUPTED: nothing has failed, a resume goes on. */
typedef int book_step(struct book *b, size_t i, struct err *e);

book_step book_check, book_disable, book_enable, book_move, book_evacuate,
	book_return, book_wait, book_hook, book_approve, book_audit,
	book_report;

/* ---- arguments of a step */

const char *book_text(const struct runbook_step *s, const char *key);
int64_t book_number(const struct runbook_step *s, const char *key);
/* app_tristate of a boolean that may be absent */
enum app_tristate book_flag(const struct runbook_step *s, const char *key);
/* The texts of a list, none if it is absent. */
void book_texts(const struct runbook_step *s, const char *key,
		struct strv *out);
enum app_control book_control(const struct runbook_step *s);

/* The configuration as RB's profiles make it: in C, which A then has, and in
 * the environment for the processes of batches.  Nothing where RB has none. */
int book_profile(const struct runbook *rb, struct app *a, struct config *c,
		 struct err *e);
void book_unprofile(struct config *c);

/* ---- the journal */

/* Takes V's reference. */
int book_record(struct book *b, size_t i, const char *key, json_t *v,
		struct err *e);
/* The latest one, a new reference; NULL when there is none. */
int book_recorded(struct book *b, size_t i, const char *key, json_t **out,
		  struct err *e);
/* A line for people, on stderr and in the journal. */
int book_note(struct book *b, size_t i, struct err *e, const char *fmt, ...)
	NH_PRINTF(4, 5);
json_t *book_report_json(struct book *b);

/* ---- steps, for dry-run */

/* {server, control, ...} of a move step. */
struct app_request book_move_request(const struct runbook_step *s);
/* Is what a wait step waits for so now?  NOW: what is seen, for people. */
int book_look(struct app *a, const struct runbook_step *s, bool *yes,
	      struct buf *now, struct err *e);
/* The first refusal of a check report, or NULL. */
const char *book_refusal(const json_t *report);
bool book_mark_is(const char *reason, const char *run);

/* ---- app_book.c, book_skip.c */

/* Writes STATE, WHY (may be NULL) and the time down for step I. */
int book_set(struct book *b, size_t i, enum batch_member_state state,
	     const struct err *why, struct err *e);
/* Is nothing more done about step I, in a run that goes forward? */
bool book_over(const struct book *b, size_t i);
/* Which step S is, if it may be given up: nothing is changed. */
int book_may_skip(struct book *b, const struct app_book_skip *s, size_t *i,
		  struct err *e);
/* Gives it up. */
int book_skip(struct book *b, size_t i, const char *reason, struct err *e);

/* ---- book_move.c */

/* The newest job of step I, or "" in JOB. */
int book_job(struct book *b, size_t i, struct journal_job *job, struct err *e);

/* ---- book_back.c */

/* A line about what a rollback leaves as it is. */
void book_stays(struct book *b, size_t i, const char *fmt, ...) NH_PRINTF(3, 4);
/* Undoes step I as far as that is done; adds to b->stays. */
int book_undo(struct book *b, size_t i, struct err *e);

/* ---- book_fleet.c */

/* The same for what runs as a batch of its own. */
int book_undo_fleet(struct book *b, size_t i, struct err *e);
/* The batch of step I that is open, or NULL; the caller frees. */
int book_open_batch(struct book *b, size_t i, char **id, struct err *e);
/* The newest batch that step I has begun, or NULL; the caller frees. */
char *book_batch(struct book *b, size_t i) NH_DEALLOC(mem_free);
/* What an evacuate step would do, for people; -1 when it could not. */
int book_dry_evacuate(struct app *a, const struct runbook_step *s,
		      struct buf *does, struct buf *now);

#endif
