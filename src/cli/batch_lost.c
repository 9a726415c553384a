/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target that died in mid-evacuation.
 *
 * What was to go there is packed anew.  A member whose job is open goes back
 * first, alone, as long as the source is all that it takes: while the database
 * names the source and no domain is defined over there, nothing that lies on
 * the lost host can start the guest, whenever it comes back, and what lies
 * there is audit's to sweep.  One that may be past that point stays open: which
 * of the two hosts has it is not guessed.
 *
 * Records of the batch: "lost/HOST" of the member that found it out, and
 * "stranded", {"job", "target"} before the job is turned, null once the member
 * has a target again or is left.
 */
#include <string.h>

#include "cli/app_batch_priv.h"
#include "cli/app_rescue.h"
#include "cli/progress.h"
#include "core/str.h"
#include "engine/txn.h"

#define LOST "lost/"

/* --- what is written down; takes the reference */

static int note(struct run *r, size_t i, const char *key, json_t *value,
		struct err *e)
{
	struct journal_record rec = {.idx = i, .key = key, .value = value};
	int tries = 0, rc;

	do
		rc = batch_record(r->j, &r->k, &rec, e);
	while (rc && batch_again(r, &tries, e));
	json_decref(value);
	return rc;
}

/* --- deciding */

static bool answers(struct run *r, const char *host, struct err *why)
{
	return !r->a->ops->answers(r->a, host, why);
}

static int lose(struct run *r, const struct batch_member *m,
		const struct err *why, struct err *e)
{
	AUTO(mem_freep) char *key = mem_printf(LOST "%s", m->target);

	if (note(r, m->idx, key, json_string(err_msg(why)), e))
		return -1;
	progress_note(r->a->progress, "%s does not answer: %s", m->target,
		      err_msg(why));
	strv_add(&r->lost, m->target);
	sched_lost(r->s, sched_target(r->s, m->idx));
	return 0;
}

/* Does its open job need nothing but the source to go back? */
static int may_go_back(struct run *r, const struct batch_member *m, bool *yes,
		       struct err *e)
{
	struct journal_job job;

	if (journal_load(r->j, m->job, &job, e))
		return -1;
	*yes = !job.demanded && txn_may_retreat(r->a->ops->steps(), &job);
	journal_job_clear(&job);
	return 0;
}

static int strand(struct run *r, const struct kid *k, enum sched_end *end,
		  struct err *e)
{
	struct batch_member *m = &r->b->members[k->member];
	struct err why = ERR_INIT;
	bool yes = false;

	/* Once in a run: an undo that did not succeed is a person's.  One whose
	 * source is dead has nobody to go back to alone. */
	if (*m->job && m->source && !k->retreats && !app_is_rescue(r->b) &&
	    may_go_back(r, m, &yes, e))
		return -1;
	yes = yes && answers(r, m->source, &why);
	err_clear(&why);
	if (!yes) {
		err_wrap(&m->why, "%s does not answer", m->target);
		return 0;
	}
	if (note(r, m->idx, "stranded",
		 json_pack("{s:s, s:s}", "job", m->job, "target", m->target),
		 e))
		return -1;
	progress_note(
		r->a->progress,
		"%s: job %s goes back to %s, without %s; what it has left "
		"there is swept by novahaul audit --fix",
		m->name, m->job, m->source, m->target);
	*end = SCHED_END_STRANDED;
	return 0;
}

int lost_judge(struct run *r, const struct kid *k, enum sched_end *end,
	       struct err *e)
{
	const struct batch_member *m = &r->b->members[k->member];
	struct err why = ERR_INIT;
	int rc = 0;

	if ((*end != SCHED_END_FAILED && *end != SCHED_END_OPEN) ||
	    r->stopping || r->a->alone || r->b->dir == JOURNAL_BACKWARD ||
	    !m->target || !r->a->ops->answers)
		return 0;
	/* Its own checks may be what found it out; but what a job refuses is
	 * for a person. */
	if (m->why.kind == ERR_REFUSED && *end == SCHED_END_OPEN)
		return 0;
	if (!strv_has(&r->lost, m->target)) {
		if (answers(r, m->target, &why))
			return 0;
		rc = lose(r, m, &why, e);
		err_clear(&why);
	}
	if (rc || *end == SCHED_END_FAILED)
		return rc;
	return strand(r, k, end, e);
}

/* --- another target */

static void left(const struct run *r, struct batch_member *m,
		 const struct err *why)
{
	err_clear(&m->why);
	if (app_is_rescue(r->b)) {
		err_set(&m->why, ERR_REFUSED,
			"%s does not answer; it is where it was", m->target);
		err_hint(&m->why,
			 "novahaul rescue %s %s --disks [HOST:]PATH --to HOST, "
			 "with another target",
			 m->source, m->instance);
		return;
	}
	err_set(&m->why, ERR_REFUSED,
		"%s does not answer, and %s; it stays on %s", m->target,
		err_msg(why), m->source);
	err_hint(&m->why, "novahaul move %s --to HOST once one has room for it",
		 m->instance);
}

int lost_replan(struct run *r, size_t i, struct err *e)
{
	struct batch_member *m = &r->b->members[i];
	struct err why = ERR_INIT;
	AUTO(mem_freep) char *to = batch_new_target(r, i, &why);

	if (to) {
		progress_note(r->a->progress, "%s goes to %s instead of %s",
			      m->name, to, m->target);
		mem_free(m->target);
		m->target = to;
		to = NULL;
		sched_place(r->s, i, batch_host(r, m->target));
	} else {
		m->state = MEMBER_FAILED;
		left(r, m, &why);
		err_clear(&why);
		sched_leave(r->s, i);
		show_member(r, i);
	}
	return batch_keep(r, i, e) || note(r, i, "stranded", json_null(), e)
		       ? -1
		       : 0;
}

/* --- what an earlier controller has left */

struct load {
	struct run *r;
	struct err *e;
	bool bad;
};

/* It may have gone on since, by hand: then that is gone on with. */
static bool still_stranded(struct load *l, struct batch_member *m)
{
	bool yes = m->state == MEMBER_PENDING || m->state == MEMBER_FAILED;

	if (m->state == MEMBER_OPEN)
		l->bad = may_go_back(l->r, m, &yes, l->e);
	if (m->state == MEMBER_FAILED)
		m->state = MEMBER_PENDING;
	return yes && !l->bad;
}

static bool load(void *arg, const struct journal_record *rec)
{
	struct load *l = arg;
	struct run *r = l->r;
	struct batch_member *m;
	const char *job;

	if (!strncmp(rec->key, LOST, strlen(LOST))) {
		const char *host = rec->key + strlen(LOST);

		if (!strv_has(&r->lost, host))
			strv_add(&r->lost, host);
	}
	if (strcmp(rec->key, "stranded") != 0 || rec->idx >= r->b->nmembers)
		return true;
	m = &r->b->members[rec->idx];
	job = json_string_value(json_object_get(rec->value, "job"));
	/* Whatever its newest job is, it was begun after that decision. */
	if (!job || strcmp(job, m->job) != 0)
		return true;
	if (still_stranded(l, m))
		sched_found_stranded(r->s, rec->idx);
	return !l->bad;
}

int lost_load(struct run *r, struct err *e)
{
	AUTO(strv_clear) struct strv still = STRV_INIT;
	struct load l = {r, e, false};

	/* Back, and without their sources, members need no other target. */
	if (r->b->dir == JOURNAL_BACKWARD || r->a->alone || !r->a->ops->answers)
		return 0;
	if (batch_records(r->j, r->b->id, true, load, &l, e) || l.bad)
		return -1;
	for (size_t i = 0; i < r->lost.n; i++) {
		struct err why = ERR_INIT;

		if (answers(r, r->lost.v[i], &why)) {
			progress_note(r->a->progress, "%s answers again",
				      r->lost.v[i]);
			continue;
		}
		strv_add(&still, r->lost.v[i]);
		sched_lost(r->s, batch_host(r, r->lost.v[i]));
		err_clear(&why);
	}
	strv_clear(&r->lost);
	r->lost = still;
	still = (struct strv)STRV_INIT;
	return 0;
}
