/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations: Placement counts the instance on the target.
 *
 * Right before the rewrite, so that a target without room for it refuses while
 * everything can still go back.  Until the rewrite the source has room that
 * Placement does not know of: an instance that the scheduler puts there meets
 * the claim of the host's own tracker, which still counts ours.
 */
#include "steps/util.h"

enum { TRIES = 5 };

static int where(struct step_ctx *c, struct cloud_share *at, struct err *e)
{
	const struct world *w = step_w(c);

	*at = (struct cloud_share){.others = false};
	return w->cloud.allocated(w->cloud.self, w->move, at, e);
}

/* May they go from FROM's provider, or are they on the other one already? */
static int ours(struct step_ctx *c, const struct cloud_share *at, struct err *e)
{
	if (!at->others && (at->on[SRC] || at->on[DST]))
		return 0;
	err_set(e, ERR_CONFLICT,
		at->others ? "Placement has resources of it on a third host"
			   : "Placement has no resources of it any more");
	return err_hint(e, "openstack resource provider allocation show %s",
			step_m(c)->uuid);
}

/* The version is read before the claim is: see struct cloud_ops. */
static int put(struct step_ctx *c, enum side to, struct err *e)
{
	const struct world *w = step_w(c);
	struct cloud_share at;

	for (int i = 0; i < TRIES; i++) {
		err_clear(e);
		if (where(c, &at, e) || claim_holds(c, e) || ours(c, &at, e))
			return -1;
		if (!w->cloud.allocate(w->cloud.self, w->move, to, &at, e))
			return 0;
		if (e->kind != ERR_CONFLICT)
			return -1;
	}
	return -1;
}

static int run(struct step_ctx *c, struct err *e)
{
	struct cloud_share at;

	if (where(c, &at, e) || ours(c, &at, e))
		return -1;
	if (at.on[DST] && !at.on[SRC] && !step_recall(c, "before"))
		return 0;
	if (step_record_once(c, "before", json_string(step_m(c)->src.node), e))
		return -1;
	return put(c, DST, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct cloud_share at;

	*state = STEP_NOT_DONE;
	/* Nothing was asked for yet: a Placement that does not answer must not
	 * keep the job from going back. */
	if (!step_recall(c, "before"))
		return 0;
	if (where(c, &at, e))
		return -1;
	/* Where they are on the source a request may still be on its way: the
	 * undo must write all the same. */
	*state = at.on[DST] && !at.on[SRC] ? STEP_DONE : STEP_PARTIAL;
	return 0;
}

/*
 * States: never asked for; on the source still or again; on the target, or on
 * both; gone or on a third host, because the server was deleted or evacuated
 * meanwhile, and then Nova's to keep.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	struct cloud_share at;

	if (!step_recall(c, "before") || step_w(c)->gone)
		return 0;
	if (where(c, &at, e))
		return -1;
	if (at.others || (!at.on[SRC] && !at.on[DST])) {
		step_say(c, "Placement has %s: left as it is",
			 at.others ? "resources of it on a third host"
				   : "no resources of it any more");
		return 0;
	}
	return put(c, SRC, e);
}

const struct step step_allocations = {
	.name = "allocations",
	.summary = "move its resources to the target in Placement",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
