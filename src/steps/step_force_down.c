/* SPDX-License-Identifier: Apache-2.0 */
/*
 * force-down: Nova is told that the dead source's nova-compute is down.
 *
 * Its evacuate asks for that (nova/compute/api.py evacuate), and a host whose
 * heartbeat has only just stopped counts as up for a minute.  A service that is
 * forced down stays so when its nova-compute comes back, which keeps Nova from
 * using the host before novahaul readmit has looked at it.
 */
#include "steps/util.h"

static int is_down(struct step_ctx *c, bool *yes, struct err *e)
{
	const struct cloud_ops *o = &step_w(c)->cloud;

	*yes = false;
	if (!o->is_down)
		return err_set(e, ERR_RETRY,
			       "there is no session with Nova's API");
	return o->is_down(o->self, step_m(c)->src.host, yes, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	bool down;

	if (is_down(c, &down, e))
		return -1;
	*state = down ? STEP_DONE : STEP_NOT_DONE;
	return 0;
}

static int run(struct step_ctx *c, struct err *e)
{
	const struct cloud_ops *o = &step_w(c)->cloud;
	const char *host = step_m(c)->src.host;
	bool down;

	if (claim_holds(c, e) || fence_holds(c, e) || is_down(c, &down, e))
		return -1;
	if (down)
		return 0;
	if (step_record_once(c, "before", json_false(), e))
		return -1;
	step_say(c, "%s is marked as down in Nova, until novahaul readmit %s",
		 host, host);
	return o->force_down(o->self, host, e);
}

const struct step step_force_down = {
	.name = "force-down",
	.summary = "tell Nova that the dead host's service is down",
	.mutates = true,
	.no_undo = "a host that is proven to be off stays marked as down, "
		   "until novahaul readmit",
	.probe = probe,
	.run = run,
};
