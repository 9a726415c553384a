/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disarm: the source loses the power to start the guest.
 *
 * Before the last delta is read and long before the database says "target":
 * domain undefined (NVRAM and vTPM kept, and carried off), autostart cleared,
 * the instance directory renamed into the job's work directory.  An
 * administrator's start or Nova's own evacuate passes every lock; from here on
 * it finds nothing to start.  Up to Kilo this also keeps the source's
 * nova-compute from deleting the disks once the row names the target
 * (nova/compute/manager.py _destroy_evacuated_instances, 2014.1 to 2015.1.4).
 */
#include "steps/util.h"

#include <string.h>

/* ST: as it was proved to be just now. */
static int save_domain(struct step_ctx *c, const struct virt_status *st,
		       struct err *e)
{
	const struct move *m = step_m(c);
	struct world *w = step_w(c);
	AUTO(spot_clear)
	struct spot at = spot_work(c, SRC, "source/domain.xml");
	AUTO(virt_look_clear) struct virt_look l = {.xml = BUF_INIT};

	if (step_recall(c, "domain"))
		return 0;
	if (st->state == VIRT_ABSENT)
		return step_record_once(c, "domain", json_null(), e);
	if (virt_look(w->virt[SRC], m->uuid, &l, e))
		return -1;
	if (l.st.state == VIRT_ABSENT)
		return err_set(e, ERR_RETRY, "%s lost the domain just now",
			       m->src.host);
	if (make_parent(w->host[SRC], AT(at), 0700, e) ||
	    host_write(w->host[SRC],
		       &(struct host_write){
			       .path = AT(at), .p = l.xml.p, .n = l.xml.len},
		       e))
		return -1;
	return step_record_once(c, "domain",
				json_pack("{s:s, s:b}", "xml", buf_str(&l.xml),
					  "autostart", l.flags.autostart),
				e);
}

enum stow { STOW_AWAY = 0, STOW_BACK, STOW_LEFT /* of it, if anything */ };

/* NVRAM and vTPM lie outside the instance directory. */
static int stow_extras(struct step_ctx *c, enum stow how, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = step_w(c)->host[SRC];
	bool back = how == STOW_BACK;

	for (size_t i = 0; i < m->nfiles; i++) {
		const struct move_file *f = &m->files[i];
		AUTO(spot_clear) struct spot a = spot_armed(m, SRC, f);
		AUTO(spot_clear) struct spot p = spot_parked(c, SRC, f);
		const struct spot *from = back ? &p : &a;
		const struct spot *to = back ? &a : &p;
		enum host_type t;

		if (f->root == MOVE_INSTANCE)
			continue;
		if (exists(h, AT(*from), &t, e))
			return -1;
		/* It was never taken away, or Nova has removed it. */
		if (how != STOW_AWAY && t == HOST_NONE)
			continue;
		/* Where an old libvirt has removed a vTPM's directory, others
		 * must be able to pass the new one, as through libvirt's. */
		if (make_parent(h, AT(*to), back ? 0711 : 0700, e) ||
		    stow(h, AT(*from), AT(*to), e))
			return -1;
	}
	return 0;
}

static int undefine(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = step_w(c)->virt[SRC];
	struct virt_status st = {0};

	if (virt_state(v, m->uuid, &st, e))
		return -1;
	if (st.state == VIRT_ABSENT)
		return 0;
	if (st.state != VIRT_SHUTOFF)
		return err_set(e, ERR_FAILED, "the guest is %s on %s",
			       virt_state_name(st.state), m->src.host);
	/* Should the host go down before it is undefined, which clears it as
	 * well. */
	if (define_autostart(c) && virt_autostart(v, m->uuid, false, e))
		return -1;
	if (!virt_undefine(v, m->uuid, false, e))
		return 0;
	/* libvirt before 8.9 cannot keep a vTPM's state, before 1.3 not NVRAM:
	 * there they are carried off first. */
	if (e->kind != ERR_REFUSED || !has_extras(m))
		return -1;
	err_clear(e);
	if (stow_extras(c, STOW_AWAY, e))
		return -1;
	return virt_undefine(v, m->uuid, true, e);
}

static int carry_off(struct step_ctx *c, struct err *e)
{
	AUTO(spot_clear) struct spot from = spot_instance(step_m(c), SRC);
	AUTO(spot_clear) struct spot to = spot_work(c, SRC, "source/instance");
	struct host *h = step_w(c)->host[SRC];

	if (make_parent(h, AT(to), 0700, e) || clear_stray(c, SRC, e))
		return -1;
	return stow(h, AT(from), AT(to), e);
}

/* Of a source that is off, by its disks: the directory goes last, after the
 * domain and all that lies elsewhere, and comes back first. */
static int probe_disks(struct step_ctx *c, enum step_state *state,
		       struct err *e)
{
	struct world *w = step_w(c);
	AUTO(spot_clear) struct spot a = spot_instance(step_m(c), SRC);
	AUTO(spot_clear) struct spot p = spot_work(c, SRC, "source/instance");
	enum host_type ta, tp;

	if (!w->disks)
		return need_host(w, SRC, e) ? 0 : -1;
	a.root = p.root = w->disks_path;
	if (exists(w->disks, AT(a), &ta, e) || exists(w->disks, AT(p), &tp, e))
		return -1;
	*state = ta == HOST_NONE && tp == HOST_DIR ? STEP_DONE : STEP_PARTIAL;
	return 0;
}

/* And without a domain there is nobody to disarm it. */
static int not_at_rest(const struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	const struct move *m = step_m(c);

	err_set(e, ERR_CONFLICT,
		"%s was not wholly disarmed when it died, or these are not its "
		"disks: it is not .novahaul/%s/source/instance that holds the "
		"instance in %s on %s",
		m->src.host, step_job(c), w->disks_path ? w->disks_path : "?",
		w->disks ? w->disks->name : "?");
	return err_hint(e, "novahaul resume %s when %s is back", step_job(c),
			m->src.host);
}

static int run(struct step_ctx *c, struct err *e)
{
	struct host *h;
	struct virt_status st = {0};

	if (step_w(c)->off)
		return not_at_rest(c, e);
	h = need_host(step_w(c), SRC, e);
	if (!h || claim_holds(c, e) || prove_side_state(c, SRC, &st, e))
		return -1;
	/* The journal must know the domain before libvirt forgets it. */
	if (save_domain(c, &st, e) || undefine(c, e))
		return -1;
	if (stow_extras(c, STOW_AWAY, e) || carry_off(c, e))
		return -1;
	/* Between the first proof and the rename somebody may have started
	 * it; a QEMU that has the disks open keeps them open. */
	return prove_side(c, SRC, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct host *h;
	AUTO(spot_clear) struct spot a = spot_instance(step_m(c), SRC);
	AUTO(spot_clear) struct spot p = spot_work(c, SRC, "source/instance");
	struct virt_status st = {0};
	enum host_type ta, tp;

	if (step_w(c)->off)
		return probe_disks(c, state, e);
	h = need_host(step_w(c), SRC, e);
	if (!h || exists(h, AT(a), &ta, e) || exists(h, AT(p), &tp, e) ||
	    virt_state(step_w(c)->virt[SRC], step_m(c)->uuid, &st, e))
		return -1;
	*state = STEP_PARTIAL;
	if (st.state == VIRT_ABSENT && ta == HOST_NONE && tp == HOST_DIR)
		*state = STEP_DONE;
	else if (ta == HOST_DIR && tp == HOST_NONE && st.state != VIRT_ABSENT)
		*state = STEP_NOT_DONE;
	return 0;
}

/* Giving the source its power back is for when the database says that the
 * instance is there, and nobody is busy with it. */
static int may_rearm(struct step_ctx *c, struct db_instance *row, struct err *e)
{
	const struct move *m = step_m(c);

	if (read_row(c, row, e))
		return -1;
	if (row->deleted)
		return err_set(e, ERR_CONFLICT,
			       "the server has been deleted meanwhile; its "
			       "disks stay in %s/.novahaul/%s",
			       m->src.instances_path, step_job(c));
	if (!row->host || strcmp(row->host, m->src.host) != 0)
		return err_set(e, ERR_CONFLICT,
			       "the database says that the instance is on %s; "
			       "the copy on %s stays disarmed",
			       row->host ? row->host : "no host", m->src.host);
	if (row->task_state)
		return err_set(e, ERR_CONFLICT,
			       "Nova is busy with the instance (task_state %s)",
			       row->task_state);
	return 0;
}

static int redefine(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = step_w(c)->virt[SRC];
	const json_t *d = step_recall(c, "domain");
	struct virt_status st = {0};

	if (!json_is_object(d))
		return 0;
	if (virt_state(v, m->uuid, &st, e))
		return -1;
	if (st.state == VIRT_ABSENT &&
	    virt_define(v, m->uuid,
			json_string_value(json_object_get(d, "xml")), e))
		return -1;
	if (json_is_true(json_object_get(d, "autostart")))
		return virt_autostart(v, m->uuid, true, e);
	return 0;
}

/* E says why. */
static int disarm_again(struct step_ctx *c, struct err *e)
{
	struct err why = ERR_INIT;

	if (undefine(c, &why) || stow_extras(c, STOW_AWAY, &why) ||
	    carry_off(c, &why))
		err_also(e, &why);
	return -1;
}

/* Between the first look at the row and the definition somebody may have asked
 * Nova to evacuate the instance: that begins with a task_state, seconds before
 * another host has it.  Then the source is disarmed again. */
static int still_may(struct step_ctx *c, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (!may_rearm(c, &row, e))
		return 0;
	return e->kind == ERR_CONFLICT ? disarm_again(c, e) : -1;
}

bool disarm_keeps(const struct step_ctx *c)
{
	return step_recall_of(c, "disarm", "kept") != NULL;
}

/* An earlier undo had put things back, and was cut off: Nova may have removed
 * all, or some, or all before the domain was defined. */
static int take_left(struct step_ctx *c, struct err *e)
{
	AUTO(spot_clear) struct spot a = spot_instance(step_m(c), SRC);
	enum host_type t;

	if (undefine(c, e) || stow_extras(c, STOW_LEFT, e) ||
	    exists(step_w(c)->host[SRC], AT(a), &t, e))
		return -1;
	return t == HOST_NONE ? 0 : carry_off(c, e);
}

/* Deleted: Nova has removed what it found here, which is not what this job has
 * carried off.  That may be the last copy, so a person decides (purge). */
static int keep(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(spot_clear) struct spot p = spot_work(c, SRC, "source/instance");
	enum host_type t;

	err_clear(e);
	if (step_recall(c, "rearm") && take_left(c, e))
		return -1;
	if (exists(step_w(c)->host[SRC], AT(p), &t, e))
		return -1;
	if (t == HOST_NONE)
		return 0;
	if (step_record_once(c, "kept", json_true(), e))
		return -1;
	step_say(c,
		 "the server has been deleted: its disks stay in %s/%s on %s, "
		 "disarmed, until novahaul purge %s",
		 p.root, p.rel, m->src.host, step_job(c));
	return 0;
}

/*
 * States: nothing was done; the domain is undefined, all files in place; some
 * or all of NVRAM and vTPM in the work directory; the instance directory too,
 * with or without an empty one in its place; any of these, and the server
 * deleted.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	struct host *h = need_host(step_w(c), SRC, e);
	AUTO(spot_clear) struct spot a = spot_instance(step_m(c), SRC);
	AUTO(spot_clear) struct spot p = spot_work(c, SRC, "source/instance");
	AUTO(db_instance_clear) struct db_instance row = {0};
	enum host_type tp;

	if (!h)
		return -1;
	if (!step_recall(c, "domain"))
		return 0; /* nothing before this record */
	if (may_rearm(c, &row, e)) {
		if (row.deleted)
			return keep(c, e);
		/* An earlier undo was cut after it had begun, and the instance
		 * has gone elsewhere since. */
		return e->kind == ERR_CONFLICT && step_recall(c, "rearm")
			       ? disarm_again(c, e)
			       : -1;
	}
	if (step_record_once(c, "rearm", json_true(), e) ||
	    clear_stray(c, SRC, e))
		return -1;
	if (exists(h, AT(p), &tp, e))
		return -1;
	if (tp != HOST_NONE && stow(h, AT(p), AT(a), e))
		return -1;
	if (stow_extras(c, STOW_BACK, e) || bases_refresh(c, SRC, e))
		return -1;
	return redefine(c, e) || still_may(c, e) ? -1 : 0;
}

const struct step step_disarm = {
	.name = "disarm",
	.summary = "take the power to start it from the source",
	.mutates = true,
	.alone = STEP_NEEDS_SOURCE | STEP_AT_REST,
	.probe = probe,
	.run = run,
	.undo = undo,
};
