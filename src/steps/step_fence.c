/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence and row-off: what a rescue has instead of stop and disarm.
 *
 * The source is dead and its disks are only read, so nothing can take the power
 * to start the guest from it but that it is off.  That is proven by what the
 * journal holds of it (novahaul fence), never by its silence, and it is asked
 * anew wherever a living source would be looked at: when the plan is made, here
 * before the first byte is copied, right before the rewrite and right before
 * the start.  A proof ages; one that is too old is none.
 *
 * row-off writes down what that means for the guest: 'stopped' and 4, which the
 * rewrite's guard wants (ledger-db 3.2).  Its host cannot say otherwise, and
 * nobody else starts it: Nova's start goes to that host.
 */
#include <string.h>

#include "steps/util.h"

int fence_holds(struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	const struct move *m = w->move;

	return w->fence.require(w->fence.self, m->src.host, m->fence_max_age_s,
				e);
}

static int fence_probe(struct step_ctx *c, enum step_state *state,
		       struct err *e)
{
	/* It changes nothing: ask again each time. */
	(void)c;
	(void)e;
	*state = STEP_NOT_DONE;
	return 0;
}

const struct step step_fence = {
	.name = "fence",
	.summary = "the dead source is proven to be off",
	.mutates = false,
	.probe = fence_probe,
	.run = fence_holds,
};

/* ---- row-off */

static int set_row(struct step_ctx *c, const char *from, const char *to,
		   int power, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	struct db_power p = {
		.by = world_lease(step_w(c), step_job(c)),
		.at = {m->src.host, m->src.node, m->src.compute_id},
		.vm_from = from,
		.vm_to = to,
		.power_to = power,
	};
	int rc = db->ops->set_power(db, &p, e);

	return settle_write(c, rc, &(struct db_question){.power = &p}, e);
}

static bool is_stopped(const struct db_instance *row)
{
	return row->vm_state && !strcmp(row->vm_state, "stopped");
}

static int row_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (fence_holds(c, e) ||
	    step_record_once(c, "before",
			     json_pack("{s:s, s:I}", "vm_state", m->vm_state,
				       "power_state",
				       (json_int_t)m->power_state),
			     e))
		return -1;
	return set_row(c, m->vm_state, "stopped", 4, e);
}

static int row_probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (read_row(c, &row, e))
		return -1;
	*state = is_stopped(&row) ? STEP_DONE : STEP_NOT_DONE;
	return 0;
}

/*
 * States: never written; stopped; as it was already; deleted, or taken to
 * another host by Nova meanwhile, and then not ours to write.
 */
static int row_undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (!step_recall(c, "before"))
		return 0;
	if (read_row(c, &row, e))
		return -1;
	if (row.deleted || !row.host || strcmp(row.host, m->src.host) != 0 ||
	    !is_stopped(&row))
		return 0;
	return set_row(c, "stopped", m->vm_state, (int)m->power_state, e);
}

const struct step step_row_off = {
	.name = "row-off",
	.summary = "write into Nova's database that the guest is off",
	.mutates = true,
	.probe = row_probe,
	.run = row_run,
	.undo = row_undo,
};
