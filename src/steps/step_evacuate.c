/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evacuate: Nova takes over the disks that are in place on the target.
 *
 * Its own evacuate of a server, for a source that is proven to be off and
 * forced down.  The target's nova-compute finds the instance directory, and
 * instead of building disks from the image defines and starts the guest on what
 * is there; the rows, allocations, ports and volumes follow by Nova's hand
 * (nova/compute/manager.py _do_rebuild_instance, recreate; seen on Zed).  All
 * that it looks at is whether the directory is there and can be written to: so
 * the disks must be complete before it is asked, and the request is the one
 * that fails without the directory (api/nova.h).
 *
 * The API writes task_state and a record, 'accepted', before it answers; the
 * target makes it 'pre-migrating', then 'done', or 'failed' ('error' when the
 * conductor gives up), with the row still at the source.  So record and row
 * tell all there is to know, whatever became of the answer.
 *
 * A 'done' record is armed: the source's nova-compute destroys what it has of
 * the instance when it starts.  What the guest then runs on is the target's own
 * copy, which no such destruction reaches; novahaul readmit settles the record.
 *
 * Back: as long as Nova was never asked, has refused, or has failed with it.
 */
#include "core/clock.h"
#include "core/str.h"
#include "steps/util.h"

#define WAIT_S 300  /* patience of one run; resume has as much again */
#define GRACE_S 5   /* until a request whose answer was lost has its effect */
#define DOUBT_S 600 /* ... and until one has surely none any more */

enum phase {
	NEVER,	/* nothing of this job's has reached Nova */
	BUSY,	/* Nova is at it */
	FAILED, /* and has failed; the row is as it was, or 'error' */
	TAKEN,	/* it is on the target */
};

static int64_t number(struct step_ctx *c, const char *key)
{
	return json_integer_value(step_recall(c, key));
}

/* Has a request been sent of which nobody knows whether it came? */
static bool in_doubt(struct step_ctx *c)
{
	return step_recall(c, "asked") &&
	       !json_is_boolean(step_recall(c, "answered")) &&
	       clock_now_us() < number(c, "asked") + DOUBT_S * 1000000LL;
}

/* ---- looking */

/* The row is at the source. */
static int by_record(struct step_ctx *c, const struct db_instance *row,
		     enum phase *now, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	AUTO(db_evacuation_clear) struct db_evacuation v = {0};

	*now = NEVER;
	if (!step_recall(c, "asked"))
		return 0;
	if (db->ops->evacuation(db, m->uuid, m->src.host, &v, e))
		return -1;
	if (v.id > number(c, "since"))
		*now = (str_is(v.status, "failed") ||
			str_is(v.status, "error")) &&
				       !row->task_state
			       ? FAILED
			       : BUSY;
	else if (row->task_state)
		*now = BUSY;
	return 0;
}

static int look(struct step_ctx *c, enum phase *now, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (read_row(c, &row, e))
		return -1;
	if (row.deleted)
		return claim_gone(c, e);
	if (str_is(row.host, m->src.host))
		return by_record(c, &row, now, e);
	*now = row.task_state ? BUSY : TAKEN;
	if (str_is(row.host, m->dst.host))
		return 0;
	err_set(e, ERR_CONFLICT,
		"the database says that it is %s meanwhile, not on %s",
		row.host ? row.host : "nowhere", m->dst.host);
	return err_hint(e, "openstack server show %s", m->uuid);
}

/* ---- asking */

static int placed(struct step_ctx *c, size_t i, struct host_stat *st,
		  struct err *e)
{
	struct host *h = need_host(step_w(c), DST, e);
	AUTO(spot_clear)
	struct spot p = spot_armed(step_m(c), DST, &step_m(c)->files[i]);

	return h ? host_stat(h, AT(p), st, e) : -1;
}

/* Which files the guest is to run on: others would be built from the image. */
static int record_files(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	json_t *o = json_object();

	for (size_t i = 0; i < m->nfiles; i++) {
		AUTO(host_stat_clear) struct host_stat st = {0};

		if (!m->files[i].disk)
			continue;
		if (placed(c, i, &st, e)) {
			json_decref(o);
			return -1;
		}
		json_object_set_new(o, m->files[i].rel,
				    json_integer((json_int_t)st.ino));
	}
	return step_record(c, "files", o, e);
}

static int record_since(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	AUTO(db_evacuation_clear) struct db_evacuation v = {0};

	if (db->ops->evacuation(db, m->uuid, m->src.host, &v, e))
		return -1;
	return step_record(c, "since", json_integer((json_int_t)v.id), e);
}

static int prepare(struct step_ctx *c, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};

	/* Last look: neither host may be able to start it now. */
	if (prove_side(c, SRC, e) || rewrite_ready(c, e) ||
	    bases_refresh(c, DST, e) || read_row(c, &row, e))
		return -1;
	if (row.task_state)
		return err_set(e, ERR_CONFLICT,
			       "Nova is busy with the instance (task_state %s)",
			       row.task_state);
	if (step_record_once(c, "intent", json_string("evacuate"), e) ||
	    define_foresee(c, e) || record_files(c, e))
		return -1;
	return 0;
}

static int wait_while(struct step_ctx *c, enum phase stay, int64_t until_us,
		      enum phase *now, struct err *e)
{
	int rc;

	while (!(rc = look(c, now, e)) && *now == stay &&
	       clock_mono_us() < until_us) {
		int64_t left = (until_us - clock_mono_us()) / 1000000;

		/* It keeps the leases alive, too. */
		step_progress(c, (uint64_t)(left < WAIT_S ? WAIT_S - left : 0),
			      WAIT_S, "waiting for Nova");
		if (step_checkpoint(c, e))
			return -1;
		clock_sleep_us(500000);
	}
	return rc;
}

static int refused(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	err_wrap(e, "asking Nova to evacuate it from %s to %s", m->src.host,
		 m->dst.host);
	if (e->hint)
		return -1;
	return err_hint(e,
			"novahaul rescue %s %s --route direct does without "
			"Nova's API",
			m->src.host, m->uuid);
}

/* What the answer says; and where there is none, what is to be seen. */
static int answer(struct step_ctx *c, bool doubt, struct err *e)
{
	struct err why = ERR_INIT;
	enum phase now = NEVER;

	if (e->kind == ERR_LOST &&
	    wait_while(c, NEVER, clock_mono_us() + GRACE_S * 1000000LL, &now,
		       &why)) {
		err_also(e, &why);
		return -1;
	}
	/* Nova refuses the second of two. */
	if (e->kind == ERR_CONFLICT && look(c, &now, &why)) {
		err_also(e, &why);
		return -1;
	}
	if (now != NEVER) {
		err_clear(e);
		return step_record(c, "answered", json_true(), e);
	}
	/* One that was lost before may come all the same. */
	if (e->kind != ERR_LOST && !doubt &&
	    step_record(c, "answered", json_false(), &why)) {
		err_also(e, &why);
		return -1;
	}
	return refused(c, e);
}

static int ask(struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	bool doubt = in_doubt(c);

	if (!w->cloud.evacuate)
		return err_set(e, ERR_RETRY,
			       "there is no session with Nova's API");
	/* What was asked before this has its record already, or none. */
	if (prepare(c, e) || record_since(c, e) ||
	    step_record(c, "answered", json_null(), e) ||
	    step_record(c, "asked", json_integer(clock_now_us()), e))
		return -1;
	if (!w->cloud.evacuate(w->cloud.self, w->move, e))
		return step_record(c, "answered", json_true(), e);
	return answer(c, doubt, e);
}

static int failed(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	AUTO(mem_freep) char *why = NULL;
	struct err no = ERR_INIT;

	if (db->ops->fault(db, m->uuid, m->dst.host, &why, &no))
		err_clear(&no);
	err_set(e, ERR_FAILED, "Nova did not evacuate it to %s: %s",
		m->dst.host, why ? why : "it does not tell why");
	return err_hint(e,
			"openstack server event list %s; novahaul rescue %s %s "
			"--route direct does without Nova's evacuate",
			m->uuid, m->src.host, m->uuid);
}

static int wait_for_it(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct world *w = step_w(c);
	enum phase now;

	/* Once a run: the engine tries a step more than once. */
	if (!w->nova_until_us)
		w->nova_until_us = clock_mono_us() + WAIT_S * 1000000LL;
	if (wait_while(c, BUSY, w->nova_until_us, &now, e))
		return -1;
	if (now == TAKEN)
		return 0;
	if (now != BUSY)
		return failed(c, e);
	err_set(e, ERR_RETRY,
		"Nova has accepted the evacuation and has not done it in %d s",
		WAIT_S);
	return err_hint(e,
			"is nova-compute up (openstack compute service list "
			"--host %s)?  Then novahaul resume %s",
			m->dst.host, step_job(c));
}

static int run(struct step_ctx *c, struct err *e)
{
	enum phase now;

	if (!need_virt(step_w(c), DST, e) || claim_holds(c, e) ||
	    look(c, &now, e))
		return -1;
	if ((now == NEVER || now == FAILED) && ask(c, e))
		return -1;
	if (now != TAKEN && wait_for_it(c, e))
		return -1;
	step_say(c,
		 "Nova's record of the evacuation is armed: novahaul readmit "
		 "%s before its nova-compute starts, or what it has of the "
		 "server is destroyed",
		 step_m(c)->src.host);
	return 0;
}

/* A request that may still come is not turned back by itself. */
static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	enum phase now = NEVER;

	*state = STEP_NOT_DONE;
	if (look(c, &now, e)) {
		/* Nothing to go forward to, and the undo knows it. */
		if (step_w(c)->gone)
			err_clear(e);
		return step_w(c)->gone ? 0 : -1;
	}
	switch (now) {
	case TAKEN:
		*state = STEP_DONE;
		break;
	case BUSY:
		*state = STEP_PARTIAL;
		break;
	case NEVER:
		*state = in_doubt(c) ? STEP_PARTIAL : STEP_NOT_DONE;
		break;
	case FAILED:
		break;
	}
	return 0;
}

/* It is the rescued guest that came up, and not one on fresh disks. */
static int verify(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	const json_t *files = step_recall(c, "files");

	for (size_t i = 0; i < m->nfiles; i++) {
		const json_t *was = json_object_get(files, m->files[i].rel);
		AUTO(host_stat_clear) struct host_stat st = {0};

		if (!was)
			continue;
		if (placed(c, i, &st, e))
			return -1;
		if (st.type == HOST_FILE &&
		    st.ino == (uint64_t)json_integer_value(was))
			continue;
		err_set(e, ERR_FAILED,
			"%s on %s is not the file that was placed there: Nova "
			"has built another",
			m->files[i].rel, m->dst.host);
		return err_hint(e,
				"openstack server stop %s; the disks of %s are "
				"as they were: keep them",
				m->uuid, m->src.host);
	}
	return 0;
}

/* ---- back */

static int not_back(struct step_ctx *c, enum phase now, struct err *e)
{
	const struct move *m = step_m(c);

	if (now == TAKEN) {
		err_set(e, ERR_REFUSED,
			"Nova has taken it over on %s: there is no way back "
			"from an evacuation",
			m->dst.host);
		return err_hint(e,
				"novahaul resume %s; novahaul move %s takes "
				"it elsewhere",
				step_job(c), m->uuid);
	}
	if (now == BUSY) {
		err_set(e, ERR_REFUSED,
			"Nova is at work on its evacuation to %s", m->dst.host);
		return err_hint(e, "novahaul resume %s", step_job(c));
	}
	err_set(e, ERR_REFUSED,
		"Nova was asked to evacuate it to %s and its answer was lost: "
		"it may still begin",
		m->dst.host);
	return err_hint(e,
			"novahaul resume %s, or novahaul rollback %s in %d "
			"minutes",
			step_job(c), step_job(c), DOUBT_S / 60);
}

/* Nova has put it into ERROR. */
static int row_back(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	AUTO(db_instance_clear) struct db_instance row = {0};
	struct db_power p = {
		.by = world_lease(step_w(c), step_job(c)),
		.at = {m->src.host, m->src.node, m->src.compute_id},
		.vm_from = "error",
		.vm_to = m->vm_state,
		.power_to = (int)m->power_state,
	};
	int rc;

	if (read_row(c, &row, e))
		return -1;
	if (!str_is(row.vm_state, "error") || !str_is(row.host, m->src.host))
		return 0;
	rc = db->ops->set_power(db, &p, e);
	return settle_write(c, rc, &(struct db_question){.power = &p}, e);
}

/*
 * States: never asked, or in vain; Nova at it; Nova at its end without success,
 * with a domain or interfaces on the target, and its ports bound there; taken
 * over; the server deleted.  Only where the disks are what was installed did it
 * not run.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	enum phase now = NEVER;

	if (!step_recall(c, "intent"))
		return 0;
	if (!step_w(c)->gone && look(c, &now, e) && !step_w(c)->gone)
		return -1;
	if (step_w(c)->gone) {
		err_clear(e);
		return define_take_back(c, e);
	}
	if (now == TAKEN || now == BUSY || (now == NEVER && in_doubt(c)))
		return not_back(c, now, e);
	if (now == NEVER)
		return row_back(c, e);
	if (define_take_back(c, e) || row_back(c, e))
		return -1;
	step_say(c, "what Nova's evacuation has changed of its volumes is as "
		    "Nova has left it");
	return ports_back(c, e);
}

const struct step step_evacuate = {
	.name = "evacuate",
	.summary = "let Nova's own evacuate take over the disks there",
	.mutates = true,
	.commit_point = "Nova runs it on the target from here on, and there is "
			"no way back; its record of the evacuation has the "
			"dead host's nova-compute destroy that host's copy "
			"when it starts, unless novahaul readmit comes first",
	.probe = probe,
	.run = run,
	.undo = undo,
	.verify = verify,
};
