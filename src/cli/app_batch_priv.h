/* SPDX-License-Identifier: Apache-2.0 */
/* The controller of a batch, and the processes of its members. */
#ifndef NH_CLI_APP_BATCH_PRIV_H
#define NH_CLI_APP_BATCH_PRIV_H

#include "cli/app_batch.h"
#include "cli/app_fleet.h"
#include "core/proc.h"
#include "fleet/sched.h"

/* The process of one member, and what it has said. */
struct kid {
	struct proc_child c;
	struct strv argv;
	size_t member;
	bool alive, told; /* told to stop */
	bool resumes;	  /* an open job */
	bool retreats;	  /* and brings it back */
	struct buf out, err;
	/* by its events */
	char job[JOURNAL_ID_MAX];
	char step[32];
	unsigned idx, nsteps;
	uint64_t done, total; /* of the step, in its own units */
	bool back;	      /* it is being undone */
	bool copies;	      /* the step is one that copies */
	uint64_t share;	      /* bytes a second that it was told; 0: none */
	/* its last words */
	char *error, *hint;
};

struct run {
	struct app *a;
	struct journal *j;
	struct batch *b;
	struct journal_key k;
	struct sched *s;
	struct strv hosts, lost;
	struct app_limits limits;
	uint64_t bwlimit; /* as it was last asked for */
	struct kid *kids; /* one a member */
	uint64_t *bytes;  /* to send, by the plan, a member each */
	bool paused, stopping;
	bool stale;	   /* another controller has the batch */
	int64_t looked_us; /* at what is asked */
	int64_t shown_us, begun_us;
	size_t lines; /* of the table that is on the terminal */
};

/* --- app_batch.c */

int batch_run_begin(struct run *r, struct app *a, struct journal *j,
		    struct batch *b, struct err *e);
/* To the end of all that can be done now. */
int batch_loop(struct run *r, struct err *e);
void batch_run_end(struct run *r);
/* The scheduler's number of a host. */
size_t batch_host(struct run *r, const char *name);
/* A write has failed: once more?  A busy journal is waited for: it is this
 * batch's processes that write.  TRIES counts; E is clear then. */
bool batch_again(struct run *r, int *tries, struct err *e);
/* Writes member I down, waiting so. */
int batch_keep(struct run *r, size_t i, struct err *e);
int batch_wait_strays(struct app *a, struct journal *j, const char *id,
		      struct err *e);

/* --- batch_start.c */

/* Where else member I may go, by the facts as they are now. */
char *batch_new_target(struct run *r, size_t i, struct err *e)
	NH_DEALLOC(mem_free);

/* --- batch_end.c */

/* The process of a member has ended: its state, to the scheduler and into the
 * journal. */
int end_member(struct run *r, struct kid *k, struct err *e);

/* --- batch_lost.c: targets that do not answer any more */

/* A member's process has ended as *END.  If its target does not answer, nothing
 * more begins to go there; and if its job is open and needs the source alone to
 * go back, *END becomes SCHED_END_STRANDED.  Both are in the journal first. */
int lost_judge(struct run *r, const struct kid *k, enum sched_end *end,
	       struct err *e);
/* Another target for member I: packed anew, by the facts as they are now. */
int lost_replan(struct run *r, size_t i, struct err *e);
/* What an earlier controller had decided.  Hosts are asked again. */
int lost_load(struct run *r, struct err *e);

/* --- batch_kid.c */

/* Starts the process that moves (resumes, rolls back) the member, as the
 * scheduler has ordered. */
int kid_start(struct run *r, size_t i, enum sched_what what, struct err *e);
/* Takes what it has said; true when it has ended and all of it was heard. */
bool kid_hear(struct run *r, struct kid *k);
void kid_tell_all(struct run *r);
void kid_clear(struct kid *k);

/* --- batch_share.c: one bandwidth limit over all that copy */
void share_out(struct run *r);
/* What a member begins with, until it is counted. */
uint64_t share_first(const struct run *r);

/* --- batch_show.c */
void show_progress(struct run *r, bool now);
void show_member(struct run *r, size_t i);
void show_wipe(struct run *r);

#endif
