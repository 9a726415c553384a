/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop: the guest is shut off, and the row says so.
 *
 * Direct control: ACPI through libvirt, hard after the timeout, then 'stopped'
 * and 4 at once.  A living nova-compute sees the guest go and asks the database
 * 15 s later (nova/compute/manager.py handle_lifecycle_event, and its power
 * sync every 600 s); with 'active' there it would stop or start on its own
 * account.  The row cannot be written first: 'stopped' with a running guest is
 * what makes the power sync pull the plug.
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
		.at = {m->src.host, m->src.node, m->src.compute_id},
		.vm_from = from,
		.vm_to = to,
		.power_to = power,
	};
	int rc = db->ops->set_power(db, &p, e);

	return settle_write(c, rc, &(struct db_question){.power = &p}, e);
}

static void waited(void *arg, int seconds)
{
	struct step_ctx *c = arg;

	step_progress(c, (uint64_t)seconds, (uint64_t)step_m(c)->stop_timeout_s,
		      "waiting for the guest to power off");
}

static int stop_guest(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = need_virt(step_w(c), SRC, e);
	struct virt_stop how = {.timeout_s = (int)m->stop_timeout_s,
				.progress = waited,
				.arg = c};
	enum virt_stopped what;

	if (!v || virt_stop(v, m->uuid, &how, &what, e))
		return -1;
	if (what == VIRT_STOP_FORCED)
		step_say(c,
			 "the guest ignored the power button for %lld s and "
			 "was stopped hard",
			 (long long)m->stop_timeout_s);
	return 0;
}

/* An instance that was off when it was planned stays as its owner has it. */
static int not_started(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = need_virt(step_w(c), SRC, e);
	struct virt_status st = {0};

	if (!v)
		return -1;
	if (m->was_running)
		return 0; /* it is asked before it is stopped */
	if (virt_state(v, m->uuid, &st, e))
		return -1;
	if (st.state == VIRT_SHUTOFF || st.state == VIRT_ABSENT)
		return 0;
	err_set(e, ERR_CONFLICT, "the guest was started on %s meanwhile (%s)",
		m->src.host, virt_state_name(st.state));
	return err_hint(e, "novahaul move %s --to %s moves it as it is now",
			m->uuid, m->dst.host);
}

static int run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (step_record_once(c, "before",
			     json_pack("{s:s, s:I, s:b}", "vm_state",
				       m->vm_state, "power_state",
				       (json_int_t)m->power_state, "running",
				       m->was_running),
			     e))
		return -1;
	if (not_started(c, e) || claim_holds(c, e) || stop_guest(c, e) ||
	    read_row(c, &row, e))
		return -1;
	if (row.vm_state && !strcmp(row.vm_state, "stopped"))
		return 0;
	/* 'error' and the like say something that must not be painted over. */
	if (row.deleted || !row.vm_state || strcmp(row.vm_state, "active") != 0)
		return err_set(e, ERR_CONFLICT,
			       "the database says %s instead of 'active'",
			       row.deleted    ? "that it is deleted"
			       : row.vm_state ? row.vm_state
					      : "no vm_state");
	if (step_record_once(c, "row", json_string("stopped"), e))
		return -1;
	return set_row(c, "active", "stopped", 4, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct virt *v;
	struct virt_status st = {0};
	AUTO(db_instance_clear) struct db_instance row = {0};
	bool off, said;

	*state = STEP_PARTIAL;
	if (src_off(c)) /* only the row is left to be put back */
		return 0;
	v = need_virt(step_w(c), SRC, e);
	if (!v || virt_state(v, step_m(c)->uuid, &st, e) ||
	    read_row(c, &row, e))
		return -1;
	off = st.state == VIRT_SHUTOFF || st.state == VIRT_ABSENT;
	said = row.vm_state && !strcmp(row.vm_state, "stopped");
	*state = off && said ? STEP_DONE : off ? STEP_PARTIAL : STEP_NOT_DONE;
	return 0;
}

/* Is the row ours to put back?  'stopped' is, where we wrote it, or where the
 * power sync did because we stopped the guest. */
static bool row_to_restore(struct step_ctx *c, const struct db_instance *row)
{
	const struct move *m = step_m(c);

	return row->vm_state && !strcmp(row->vm_state, "stopped") &&
	       strcmp(m->vm_state, "stopped") != 0 &&
	       (m->was_running || step_recall(c, "row"));
}

/* After our 'active' and before the start, the power sync may have written
 * 'stopped' once more; its next pass would pull the plug. */
static int agree(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (read_row(c, &row, e))
		return -1;
	if (!row_to_restore(c, &row))
		return 0;
	return set_row(c, "stopped", m->vm_state, (int)m->power_state, e);
}

/* *OVER: what the row says leaves nothing to start. */
static int undo_row(struct step_ctx *c, bool *over, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (read_row(c, &row, e))
		return -1;
	*over = row.deleted || !row.host || strcmp(row.host, m->src.host) != 0;
	if (*over) {
		step_say(c, "the instance is %s now: nothing to start on %s",
			 row.deleted ? "deleted"
			 : row.host  ? row.host
				     : "nowhere",
			 m->src.host);
		return 0;
	}
	return row_to_restore(c, &row) ? set_row(c, "stopped", m->vm_state,
						 (int)m->power_state, e)
				       : 0;
}

/*
 * States: the guest runs, row active (nothing was done, or undone before); it
 * is off, row active; off, row stopped; deleted, or taken elsewhere by Nova,
 * and then not ours to start; paused or the like by somebody else.  Where it
 * never ran only the row is put back, and where the source is off: a rescue
 * starts the guest by it.  The row first: see above.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	bool off = src_off(c), over;
	struct virt *v = off ? NULL : need_virt(step_w(c), SRC, e);
	struct virt_status st = {0};

	if ((!v && !off) || !step_recall(c, "before"))
		return v || off ? 0 : -1;
	if ((!off && virt_state(v, m->uuid, &st, e)) || undo_row(c, &over, e))
		return -1;
	if (off || over || !m->was_running || st.state == VIRT_RUNNING)
		return 0;
	if (st.state == VIRT_PAUSED || st.state == VIRT_OTHER) {
		step_say(c, "the guest is %s on %s, which is not this job's",
			 virt_state_name(st.state), m->src.host);
		return 0;
	}
	if (st.state != VIRT_SHUTOFF)
		return err_set(e, ERR_CONFLICT,
			       "the guest is %s on %s and cannot be started "
			       "again",
			       virt_state_name(st.state), m->src.host);
	if (bases_refresh(c, SRC, e) || virt_start(v, m->uuid, e))
		return -1;
	return agree(c, e);
}

const struct step step_stop = {
	.name = "stop",
	.summary = "stop the guest: graceful, then hard",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};

static int prove_run(struct step_ctx *c, struct err *e)
{
	return prove_side(c, SRC, e);
}

static int prove_probe(struct step_ctx *c, enum step_state *state,
		       struct err *e)
{
	/* It changes nothing: look again each time. */
	(void)c;
	(void)e;
	*state = STEP_NOT_DONE;
	return 0;
}

const struct step step_prove_stopped = {
	.name = "prove-stopped",
	.summary = "prove that nothing on the source has the disks open",
	.mutates = false,
	.probe = prove_probe,
	.run = prove_run,
};
