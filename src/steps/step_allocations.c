/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations: Placement counts the instance on the target.
 *
 * Right before the rewrite, so that a target without room for it refuses while
 * everything can still go back.  Until the rewrite the source has room that
 * Placement does not know of: an instance that the scheduler put there would
 * have passed its claim on the host all the same, for the source's own tracker
 * still counts ours.
 */
#include "steps/util.h"

static int where(struct step_ctx *c, struct cloud_share *at, struct err *e)
{
	const struct world *w = step_w(c);

	*at = (struct cloud_share){.others = false};
	return w->cloud.allocated(w->cloud.self, w->move, at, e);
}

static int run(struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	struct cloud_share at;

	if (claim_holds(c, e) || where(c, &at, e))
		return -1;
	if (at.others || (!at.on[SRC] && !at.on[DST])) {
		err_set(e, ERR_CONFLICT,
			at.others ? "Placement has resources of it on a third "
				    "host meanwhile"
				  : "Placement has no resources of it any "
				    "more");
		return err_hint(e,
				"openstack resource provider allocation "
				"show %s",
				w->move->uuid);
	}
	if (at.on[DST] && !at.on[SRC])
		return 0;
	if (step_record_once(c, "before", json_string(w->move->src.node), e))
		return -1;
	return w->cloud.allocate(w->cloud.self, w->move, DST, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct cloud_share at;

	if (where(c, &at, e))
		return -1;
	*state = !at.on[DST]  ? STEP_NOT_DONE
		 : at.on[SRC] ? STEP_PARTIAL
			      : STEP_DONE;
	return 0;
}

/*
 * States: never asked for; on the source still or again; on the target, or on
 * both; gone, because the server was deleted or evacuated meanwhile, and then
 * Nova's to keep.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	struct cloud_share at;

	if (!step_recall(c, "before") || w->gone)
		return 0;
	if (where(c, &at, e))
		return -1;
	if (!at.on[DST])
		return 0;
	if (at.others) {
		step_say(c, "Placement has resources of it on a third host: "
			    "left as they are");
		return 0;
	}
	return w->cloud.allocate(w->cloud.self, w->move, SRC, e);
}

const struct step step_allocations = {
	.name = "allocations",
	.summary = "move its resources to the target in Placement",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
