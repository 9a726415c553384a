/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job that is taken over, and what others have done to it meanwhile.
 *
 * An administrator's unlock takes our token along (Stein and later; before, it
 * leaves it beside an open lock).  Every later transaction then refuses, which
 * is right for the controller that is in the middle of its work: somebody has
 * meant something by it.  An operator who types resume or rollback has decided,
 * so the lock is taken again, unless the job is over for all that the hosts and
 * the database know.
 *
 * A deleted server leaves nothing to go forward to, and nothing to go back to.
 */
#include "steps/util.h"

#include <string.h>

#include "core/log.h"

/* Without this an old journal would write its manifests anew and go on until a
 * step finds the lock gone; the job that was done would be open again. */
static int ended(const char *host, struct err *e)
{
	err_set(e, ERR_STALE,
		"the job was ended from another journal: on %s it is closed",
		host);
	return err_hint(e,
			"novahaul audit --fix, which closes it here as well");
}

/* *YES: the job's own directory on the source, or where that is not reached on
 * the target, is there and not closed.  ERR_STALE if it is closed: somebody has
 * ended the job from another journal. */
static int not_ended(struct step_ctx *c, bool *yes, struct err *e)
{
	struct world *w = step_w(c);
	enum side s = w->host[SRC] && !src_dead(c) ? SRC : DST;
	AUTO(spot_clear) struct spot closed = spot_work(c, s, "closed");
	enum host_type t;

	*yes = false;
	if (!w->host[s] || !w->leased[s] || !w->manifest[s])
		return 0;
	if (exists(w->host[s], AT(closed), &t, e))
		return -1;
	*yes = t == HOST_NONE;
	return *yes ? 0 : ended(w->host[s]->name, e);
}

/* Nova's evacuate leaves no record of ours: the row tells. */
static const struct move_side *adopted(struct step_ctx *c,
				       const struct db_instance *row)
{
	const struct move *m = step_m(c);

	if (!row->host)
		return NULL;
	if (!strcmp(row->host, m->src.host))
		return &m->src;
	return !strcmp(row->host, m->dst.host) &&
			       step_was_started(c, "evacuate")
		       ? &m->dst
		       : NULL;
}

/* The side that the journal says the instance is on, as far as the row and our
 * record in it agree. */
static int home(struct step_ctx *c, const struct db_instance *row,
		const struct move_side **at, struct err *e)
{
	const struct move *m = step_m(c);
	bool done = step_is_done(c, "rewrite");
	enum db_moved moved;

	*at = m->adopt ? adopted(c, row) : NULL;
	if (m->adopt)
		return 0;
	if (rewrite_where(c, &moved, e))
		return -1;
	switch (moved) {
	case DB_MOVED_YES:
		*at = &m->dst;
		break;
	case DB_MOVED_NO:
	case DB_MOVED_UNDONE:
		*at = done ? NULL : &m->src;
		break;
	case DB_MOVED_SETTLED:
	case DB_MOVED_UNKNOWN:
		break;
	}
	if (*at && (!row->host || strcmp(row->host, (*at)->host) != 0))
		*at = NULL;
	return 0;
}

static int lock_again(struct step_ctx *c, const struct move_side *at,
		      const struct db_instance *row, struct err *e)
{
	struct db *db = step_w(c)->db;
	AUTO(db_claim_before_clear) struct db_claim_before b = {0};
	struct db_claim k = {
		.by = world_lease(step_w(c), step_job(c)),
		.at = {at->host, at->node, at->compute_id},
		.vm_state = row->vm_state,
		.before = &b,
	};
	int rc;

	if (db->ops->claim_read(db, row->uuid, &b, e))
		return -1;
	rc = db->ops->claim(db, &k, e);
	rc = settle_write(c, rc, &(struct db_question){.claim = &k}, e);
	if (!rc) {
		step_say(c, "Nova's lock of the instance had been lifted by "
			    "somebody; it is this job's again");
		return 0;
	}
	/* A lock of somebody else's, or Nova at work: not the end of the job */
	if (e->kind == ERR_CONFLICT)
		e->kind = ERR_FAILED;
	return err_wrap(e, "taking the lock again that was lifted meanwhile");
}

int regain_job(struct step_ctx *c, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	const struct move_side *at;
	char job[DB_TOKEN_MAX];
	unsigned epoch;
	bool open;

	/* Before the lock there is nothing to lose; once release has begun,
	 * going on with it is all that is left. */
	if ((!step_recall_of(c, "claim", "locked") &&
	     !step_is_done(c, "claim")) ||
	    step_was_started(c, "release"))
		return 0;
	if (read_row(c, &row, e))
		return -1;
	if (row.deleted)
		return claim_gone(c, e);
	if (step_recall_of(c, "claim", "unlocking"))
		return 0;
	if (db_token_parse(row.reason, job, &epoch) &&
	    (row.locked || strcmp(job, step_job(c)) != 0))
		return 0; /* ours, or another job's */
	if (not_ended(c, &open, e))
		return -1;
	if (!row.vm_state)
		return 0;
	if (!open || home(c, &row, &at, e))
		return open ? -1 : 0;
	return at ? lock_again(c, at, &row, e) : 0;
}
