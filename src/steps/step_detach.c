/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detach and attach: volumes whose connection belongs to the host.  Nova takes
 * them off while the row still names the source, whose nova-compute ends the
 * connection there, and puts them on again when the guest runs on the target.
 *
 *	step	Cinder					Nova
 *	detach	HOLD is reserved beside Nova's own
 *		Nova's own goes				row deleted
 *	attach	Nova makes a new one, completes it	a new row
 *		HOLD is removed
 *
 * HOLD is an attachment of this instance without a connector.  As long as it is
 * there the volume is 'reserved', and nobody can attach or delete it; Cinder
 * lets the same instance reserve it once more (cinder/volume/api.py:
 * _attachment_reserve, Queens to 33.0.0).
 *
 * Neither Nova nor Cinder knows of leases: a controller that was frozen right
 * before its request may take a volume off late.  Nothing of it is lost then;
 * openstack server add volume puts it on again.
 */
#include "core/clock.h"
#include "core/str.h"
#include "steps/volumes.h"

#define PATIENCE_S 180 /* with one volume; resume has as much again */
#define GRACE_S 5      /* until a request that was accepted shows */

/* Where one volume stands. */
struct stand {
	bool listed;   /* Nova has it among the server's */
	bool attached; /* Cinder has a complete attachment of the server's */
	bool busy;     /* one of them is at it */
	bool held;     /* by our HOLD */
};

static const char *hold_of(const struct step_ctx *c,
			   const struct move_volume *v)
{
	return json_string_value(volume_recall(c, "detach", "hold", v));
}

static int look(struct step_ctx *c, const struct move_volume *v,
		struct stand *s, struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;
	const struct move *m = step_m(c);
	AUTO(volume_view_clear) struct volume_view view = {0};
	const char *hold = hold_of(c, v);

	*s = (struct stand){0};
	if (o->listed(o->self, m->uuid, v->id, &s->listed, e) ||
	    volume_look(c, v, &view, e))
		return -1;
	s->busy = str_is(view.status, "detaching") ||
		  str_is(view.status, "attaching");
	for (size_t i = 0; i < view.n; i++) {
		const struct volume_att *a = &view.v[i];

		if (!str_is(a->instance, m->uuid))
			continue;
		if (str_is(a->id, hold))
			s->held = true;
		else
			s->attached |= str_is(a->status, "attached");
	}
	/* A row comes first and goes last. */
	s->busy |= s->listed != s->attached;
	return 0;
}

/* Looks until nobody is at it, and has not been for QUIET_S or it is not LISTED
 * as S says at first. */
static int settled(struct step_ctx *c, const struct move_volume *v,
		   int64_t quiet_s, struct stand *s, struct err *e)
{
	int64_t begun = clock_mono_us(), idle = begun, now;
	bool was = s->listed;

	for (;;) {
		if (look(c, v, s, e))
			return -1;
		now = clock_mono_us();
		if (s->busy)
			idle = now;
		if (!s->busy &&
		    (s->listed != was || now - idle >= quiet_s * 1000000LL))
			return 0;
		if (now - begun > PATIENCE_S * 1000000LL)
			break;
		step_progress(c, (uint64_t)((now - begun) / 1000000),
			      PATIENCE_S, "waiting for Nova");
		if (step_checkpoint(c, e))
			return -1;
		clock_sleep_us(500000);
		world_tick(step_w(c));
	}
	err_set(e, ERR_RETRY, "Nova has been at volume %s for %d s", v->id,
		PATIENCE_S);
	return err_hint(e,
			"is nova-compute up?  openstack server event list %s; "
			"then novahaul resume %s, or novahaul rollback %s",
			step_m(c)->uuid, step_job(c), step_job(c));
}

/* It was asked for, and WHY says what came of that; what is, is seen. */
static int must_be(struct step_ctx *c, const struct move_volume *v, bool on,
		   struct err *why, struct err *e)
{
	struct stand s = {.listed = !on};

	if (settled(c, v, GRACE_S, &s, e))
		return -1;
	if (s.listed == on) {
		err_clear(why);
		return 0;
	}
	if (why->kind == ERR_NONE)
		err_set(e, ERR_RETRY, "Nova has not %s it",
			on ? "attached" : "detached");
	else
		err_move(e, why);
	err_wrap(e, "%s volume %s", on ? "attaching" : "detaching", v->id);
	return e->hint ? -1
		       : err_hint(e,
				  "openstack server event list %s tells why; "
				  "then novahaul resume %s, or novahaul "
				  "rollback %s",
				  step_m(c)->uuid, step_job(c), step_job(c));
}

/* Asked already, perhaps: what became of it is seen. */
static int asked(const struct err *e)
{
	return e->kind == ERR_LOST || e->kind == ERR_CONFLICT ||
	       e->kind == ERR_FAILED;
}

static int take_off(struct step_ctx *c, const struct move_volume *v,
		    struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;
	struct err why = ERR_INIT;
	int rc;

	if (claim_holds(c, e))
		return -1;
	if (o->detach(o->self, step_m(c)->uuid, v->id, &why) && !asked(&why)) {
		err_move(e, &why);
		return -1;
	}
	rc = must_be(c, v, false, &why, e);
	err_clear(&why);
	return rc;
}

static int put_on(struct step_ctx *c, const struct move_volume *v,
		  struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;
	struct volume_put p = {
		.server = step_m(c)->uuid,
		.volume = v->id,
		.device = v->device,
		.tag = v->tag,
		.delete_on_termination = v->delete_on_termination,
	};
	struct err why = ERR_INIT;
	int rc;

	if (claim_holds(c, e))
		return -1;
	if (o->attach(o->self, &p, &why) && !asked(&why)) {
		err_move(e, &why);
		return -1;
	}
	rc = must_be(c, v, true, &why, e);
	err_clear(&why);
	return rc;
}

/* ---- HOLD */

/* Those that are reserved without being Nova's: ours, whose answers may have
 * been lost, and who knows whose else.  Only where Nova has none under way. */
static int drop_holds(struct step_ctx *c, const struct move_volume *v,
		      struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;
	AUTO(volume_view_clear) struct volume_view view = {0};

	if (volume_look(c, v, &view, e))
		return -1;
	for (size_t i = 0; i < view.n; i++) {
		const struct volume_att *a = &view.v[i];

		if (!str_is(a->instance, step_m(c)->uuid) ||
		    !str_is(a->status, "reserved"))
			continue;
		if (!step_w(c)->gone && claim_holds(c, e))
			return -1;
		if (o->drop(o->self, a->id, e))
			return err_wrap(e, "letting go of volume %s", v->id);
	}
	return 0;
}

static int hold(struct step_ctx *c, const struct move_volume *v, struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;
	struct volume_want w = {
		.volume = v->id, .instance = step_m(c)->uuid, .mode = v->mode};
	AUTO(volume_att_clear) struct volume_att a = {0};

	if (drop_holds(c, v, e) || volume_note(c, "asked", v, json_true(), e) ||
	    claim_holds(c, e) || o->make(o->self, &w, &a, e))
		return -1;
	if (!claim_holds(c, e))
		return volume_note(c, "hold", v, json_string(a.id), e);
	if (volume_is_late(c, e))
		volume_drop_late(c, a.id);
	return -1;
}

/* ---- probes */

static bool is_off(const struct stand *s)
{
	return s->held && !s->listed && !s->attached;
}

static bool is_on(const struct stand *s)
{
	return s->listed && s->attached && !s->held;
}

/* Of the volumes that STEP has begun with, how many are as they should be. */
static int progress(struct step_ctx *c, const char *step,
		    bool (*there)(const struct stand *s),
		    enum step_state *state, struct err *e)
{
	const struct move *m = step_m(c);
	size_t begun = 0, done = 0;

	for (size_t i = 0; i < m->ndetached; i++) {
		const struct move_volume *v = &m->detached[i];
		struct stand s;

		if (!volume_recall(c, step, "asked", v))
			continue;
		begun++;
		if (look(c, v, &s, e))
			return -1;
		done += there(&s);
	}
	*state = !begun			? STEP_NOT_DONE
		 : done == m->ndetached ? STEP_DONE
					: STEP_PARTIAL;
	return 0;
}

/* ---- detach */

static int off_one(struct step_ctx *c, const struct move_volume *v,
		   struct err *e)
{
	struct stand s = {0};

	if (settled(c, v, 0, &s, e))
		return -1;
	if (!s.held && !s.listed && !s.attached)
		return err_set(e, ERR_CONFLICT,
			       "volume %s has been detached meanwhile", v->id);
	if (!s.held && hold(c, v, e))
		return -1;
	return s.listed ? take_off(c, v, e) : 0;
}

static int detach_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->ndetached; i++)
		if (step_checkpoint(c, e) || off_one(c, &m->detached[i], e))
			return -1;
	return 0;
}

static int detach_probe(struct step_ctx *c, enum step_state *state,
			struct err *e)
{
	return progress(c, "detach", is_off, state, e);
}

/*
 * States, volume by volume: never asked for; held, and attached still; taken
 * off; on again, and held still; gone with its server.
 */
static int detach_undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	/* In the order of the way there: libvirt names them by it. */
	for (size_t i = 0; i < m->ndetached; i++) {
		const struct move_volume *v = &m->detached[i];
		struct stand s = {.listed = true};

		if (!volume_recall(c, "detach", "asked", v))
			continue;
		/* A request that was lost may still show. */
		if (!step_w(c)->gone && (settled(c, v, GRACE_S, &s, e) ||
					 (!s.listed && put_on(c, v, e))))
			return -1;
		if (drop_holds(c, v, e) ||
		    volume_note(c, "hold", v, json_null(), e))
			return -1;
		if (step_w(c)->gone)
			step_say(c,
				 "volume %s is let go of; if it was to be "
				 "deleted with the server, that is left to do",
				 v->id);
	}
	return 0;
}

const struct step step_detach = {
	.name = "detach",
	.summary = "detach volumes through Nova, and keep them reserved",
	.mutates = true,
	/* Its nova-compute puts them on again. */
	.alone = STEP_NEEDS_SOURCE,
	.probe = detach_probe,
	.run = detach_run,
	.undo = detach_undo,
};

/* ---- attach */

static int on_one(struct step_ctx *c, const struct move_volume *v,
		  struct err *e)
{
	struct stand s = {0};

	if (volume_note(c, "asked", v, json_true(), e) ||
	    settled(c, v, 0, &s, e) || (!s.listed && put_on(c, v, e)))
		return -1;
	return drop_holds(c, v, e);
}

/* In their order: the guest names them by it. */
static int attach_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->ndetached; i++)
		if (step_checkpoint(c, e) || on_one(c, &m->detached[i], e))
			return -1;
	return 0;
}

static int attach_probe(struct step_ctx *c, enum step_state *state,
			struct err *e)
{
	return progress(c, "attach", is_on, state, e);
}

/* It follows the start: whether that can be undone is the start's to say, and
 * it can not where this one has begun. */
static int attach_undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (step_w(c)->gone)
		return 0;
	for (size_t i = 0; i < m->ndetached; i++)
		if (volume_recall(c, "attach", "asked", &m->detached[i]))
			return define_refuse_ran(c, "runs", e);
	return 0;
}

const struct step step_attach = {
	.name = "attach",
	.summary = "attach those volumes again through Nova",
	.mutates = true,
	.probe = attach_probe,
	.run = attach_run,
	.undo = attach_undo,
};
