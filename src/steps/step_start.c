/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: the guest comes up on the target.
 *
 * Through Nova where the plan says so (start_nova.c).  In direct control the
 * row says active/1 before libvirt starts it: with 'stopped' there, a living
 * nova-compute pulls the plug of a running guest (nova/compute/manager.py
 * _sync_instance_power_state).
 */
#include "steps/util.h"

#include <string.h>

static int set_row(struct step_ctx *c, const char *from, const char *to,
		   int power, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	struct db_power p = {
		.by = world_lease(step_w(c), step_job(c)),
		.at = {m->dst.host, m->dst.node, m->dst.compute_id},
		.vm_from = from,
		.vm_to = to,
		.power_to = power,
	};
	int rc = db->ops->set_power(db, &p, e);

	return settle_write(c, rc, &(struct db_question){.power = &p}, e);
}

/* The row and our record, read on the writer right before the start. */
int start_is_ours(struct step_ctx *c, char **vm_state, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};
	enum db_moved moved;

	if (read_row(c, &row, e) || rewrite_where(c, &moved, e))
		return -1;
	if (row.deleted || !row.host || strcmp(row.host, m->dst.host) != 0 ||
	    (moved != DB_MOVED_YES && moved != DB_MOVED_SETTLED))
		return err_set(e, ERR_CONFLICT,
			       "the database no longer says that the instance "
			       "is on %s; it is not started",
			       m->dst.host);
	if (!row.vm_state || (strcmp(row.vm_state, "stopped") != 0 &&
			      strcmp(row.vm_state, "active") != 0))
		return err_set(e, ERR_CONFLICT,
			       "the database says vm_state %s; it is not "
			       "started",
			       row.vm_state ? row.vm_state : "NULL");
	if (row.task_state)
		return err_set(e, ERR_CONFLICT,
			       "Nova is busy with the instance (task_state %s)",
			       row.task_state);
	*vm_state = mem_strdup0(row.vm_state);
	return 0;
}

static int start_guest(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = step_w(c)->virt[DST];
	struct virt_status st = {0};
	struct err why = ERR_INIT;

	if (!virt_start(v, m->uuid, e))
		return 0;
	if (e->kind != ERR_FAILED)
		return -1;
	/* Refused because it runs: Nova was quicker.  A row that says
	 * 'stopped' would make it pull the plug. */
	if (virt_state(v, m->uuid, &st, &why)) {
		err_also(e, &why);
	} else if (st.state == VIRT_RUNNING) {
		err_clear(e);
		return 0;
	} else if (st.state == VIRT_SHUTOFF || st.state == VIRT_ABSENT) {
		/* It did not start: do not leave a row that says it runs. */
		if (set_row(c, "active", "stopped", 4, &why))
			err_also(e, &why);
	}
	return -1;
}

/* Nothing on the source can start it.  A source that does not answer had its
 * domain undefined, its files carried off and its guest proved stopped before
 * the database named the target (disarm, rewrite), and no step arms it again
 * while the database does: a dead source must not keep the guest down.  In a
 * rescue nothing was disarmed, so it must be proven to be off now. */
static int source_is_safe(struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	const struct move *m = w->move;

	if (m->dead || w->host[SRC] || !w->onward ||
	    !step_is_done(c, "disarm") || !step_is_done(c, "rewrite"))
		return prove_side(c, SRC, e);
	step_say(
		c,
		"%s does not answer; it was disarmed and proved stopped before "
		"the database named %s, so the guest is started",
		m->src.host, m->dst.host);
	return 0;
}

static int run_direct(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = step_w(c)->virt[DST];
	struct virt_status st = {0};
	AUTO(mem_freep) char *vm_state = NULL;

	if (start_is_ours(c, &vm_state, e) || virt_state(v, m->uuid, &st, e))
		return -1;
	if (st.state == VIRT_PAUSED || st.state == VIRT_OTHER)
		return err_set(e, ERR_CONFLICT, "the guest is %s on %s",
			       virt_state_name(st.state), m->dst.host);
	if (step_record_once(c, "intent", json_string("start"), e))
		return -1;
	if (vm_state && strcmp(vm_state, "active") != 0 &&
	    set_row(c, vm_state, "active", 1, e))
		return -1;
	if (st.state == VIRT_RUNNING)
		return 0;
	if (bases_refresh(c, DST, e))
		return -1;
	return start_guest(c, e);
}

static int start_run(struct step_ctx *c, struct err *e)
{
	if (!need_virt(step_w(c), DST, e) || claim_holds(c, e) ||
	    source_is_safe(c, e))
		return -1;
	return step_m(c)->nova_start ? start_by_nova(c, e) : run_direct(c, e);
}

/* Nova has defined it anew, and has not come to its end with it, or what it
 * does not know of is missing. */
static int by_nova(struct step_ctx *c, const struct db_instance *row,
		   enum step_state *state, struct err *e)
{
	struct virt_flags f = {0};

	if (row->task_state)
		*state = STEP_PARTIAL;
	if (*state != STEP_DONE || !define_autostart(c))
		return 0;
	if (virt_flags(step_w(c)->virt[DST], step_m(c)->uuid, &f, e))
		return -1;
	if (!f.autostart)
		*state = STEP_PARTIAL;
	return 0;
}

static int start_probe(struct step_ctx *c, enum step_state *state,
		       struct err *e)
{
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status st = {0};
	AUTO(db_instance_clear) struct db_instance row = {0};
	bool active;

	if (!v || virt_state(v, step_m(c)->uuid, &st, e) ||
	    read_row(c, &row, e))
		return -1;
	active = row.vm_state && !strcmp(row.vm_state, "active");
	*state = st.state == VIRT_RUNNING && active   ? STEP_DONE
		 : active || st.state == VIRT_RUNNING ? STEP_PARTIAL
						      : STEP_NOT_DONE;
	return step_m(c)->nova_start ? by_nova(c, &row, state, e) : 0;
}

/* Between our 'active' and the start, Nova's power sync may have found the
 * guest off and written 'stopped': its next pass would pull the plug. */
static int start_verify(struct step_ctx *c, struct err *e)
{
	enum step_state state = STEP_UNKNOWN;

	if (start_probe(c, &state, e))
		return -1;
	return state == STEP_DONE
		       ? 0
		       : err_set(e, ERR_RETRY,
				 "the guest and its row do not agree");
}

/* The guest is off on the target, and nobody is about to start it. */
static int is_off(struct step_ctx *c, struct db_instance *row, struct err *e)
{
	struct virt *v = step_w(c)->virt[DST];
	struct virt_status st = {0};

	/* The row first: a start that ends in between is then seen. */
	db_instance_clear(row);
	if (read_row(c, row, e) || virt_state(v, step_m(c)->uuid, &st, e))
		return -1;
	if (st.state != VIRT_ABSENT && st.state != VIRT_SHUTOFF)
		return define_refuse_ran(c, "runs", e);
	if (!row->task_state)
		return 0;
	err_set(e, ERR_RETRY,
		"Nova is at work on it (task_state %s): it may be started on "
		"%s at any moment",
		row->task_state, step_m(c)->dst.host);
	return err_hint(e,
			"is nova-compute up on %s?  Once task_state is None "
			"(openstack server show %s): novahaul rollback %s",
			step_m(c)->dst.host, step_m(c)->uuid, step_job(c));
}

/* What is in place is what was installed: it did not run. */
static int never_ran(struct step_ctx *c, struct err *e)
{
	bool same;

	if (disks_unchanged(c, true, &same, e))
		return -1;
	return same ? 0 : define_refuse_ran(c, "has run", e);
}

/*
 * States: nothing; the row active and the guest off (it did not start, or ran
 * and ended); the guest running; Nova asked, and at it still, or at its end
 * without a guest.  Only where the disks are what was installed did it not run.
 */
static int start_undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v;
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (step_w(c)->gone) {
		err_clear(e);
		/* else define's undo judges what is there */
		return m->nova_start ? define_take_back(c, e) : 0;
	}
	v = need_virt(step_w(c), DST, e);
	if (!v || !step_recall(c, "intent"))
		return v ? 0 : -1;
	if (is_off(c, &row, e))
		return -1;
	if (!row.host || strcmp(row.host, m->dst.host) != 0)
		return 0; /* undone before, with the rewrite */
	/* Reading the disks takes a while. */
	if (never_ran(c, e) || is_off(c, &row, e))
		return -1;
	if (row.vm_state && !strcmp(row.vm_state, "active") &&
	    set_row(c, "active", "stopped", 4, e))
		return -1;
	return m->nova_start ? define_take_back(c, e) : 0;
}

const struct step step_start = {
	.name = "start",
	.summary = "start the guest on the target",
	.mutates = true,
	.probe = start_probe,
	.run = start_run,
	.undo = start_undo,
	.verify = start_verify,
};
