/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim: this job becomes the only one that may change the instance.
 *
 * Leases on both hosts (of a rescue: on the target), a work directory on each,
 * and the lock in Nova's row with this job's token beside it (ledger-db N0).
 * The token is what later writes are guarded by.
 */
#include "steps/util.h"

#include <inttypes.h>
#include <string.h>

#include "core/log.h"

static json_t *before_json(const struct db_claim_before *b)
{
	return json_pack("{s:i, s:s?, s:s?}", "locked", b->locked, "locked_by",
			 b->locked_by, "reason", b->reason);
}

static void before_from(const json_t *j, struct db_claim_before *b)
{
	b->locked = (int)json_integer_value(json_object_get(j, "locked"));
	b->locked_by =
		mem_strdup0(json_string_value(json_object_get(j, "locked_by")));
	b->reason =
		mem_strdup0(json_string_value(json_object_get(j, "reason")));
}

/* There is no token to take away.  Without one of any job the lock, if there
 * is one, is somebody else's: it stays as it is. */
static int lifted(struct step_ctx *c, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	struct err why = ERR_INIT;
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	if (read_row(c, &row, &why)) {
		err_also(e, &why);
		return -1;
	}
	if (db_token_parse(row.reason, job, &epoch))
		return -1;
	err_clear(e);
	step_say(c, "the lock had been lifted by somebody; the instance is %s",
		 row.deleted  ? "deleted"
		 : row.locked ? "locked by somebody else now"
			      : "not locked");
	return 0;
}

/* For release, too: what was recorded here. */
int claim_release(struct step_ctx *c, struct err *e)
{
	const json_t *j = step_recall_of(c, "claim", "before");
	struct db *db = step_w(c)->db;
	AUTO(db_claim_before_clear) struct db_claim_before b = {0};
	struct db_release r = {.by = world_lease(step_w(c), step_job(c)),
			       .before = &b};
	int rc;

	if (!j)
		return 0; /* the row was never touched */
	before_from(j, &b);
	rc = db->ops->release(db, &r, e);
	rc = settle_write(c, rc, &(struct db_question){.release = &r}, e);
	return rc && e->kind == ERR_CONFLICT ? lifted(c, e) : rc;
}

/* EPOCH is that of the token, if it is this job's. */
static bool ours(const struct step_ctx *c, const struct db_instance *row,
		 unsigned *epoch)
{
	char job[DB_TOKEN_MAX];

	return row->locked && db_token_parse(row->reason, job, epoch) &&
	       !strcmp(job, step_job(c));
}

int claim_holds(struct step_ctx *c, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	unsigned epoch = 0;
	bool yes;

	if (read_row(c, &row, e))
		return -1;
	/* Since Stein the token goes with the server. */
	if (row.deleted)
		return claim_gone(c, e);
	yes = ours(c, &row, &epoch);
	if (yes && epoch == step_w(c)->epoch)
		return 0;
	if (yes)
		return err_set(e, ERR_STALE,
			       "another controller has taken the job over "
			       "(epoch %u, ours was %" PRIu64 ")",
			       epoch, step_w(c)->epoch);
	err_set(e, ERR_STALE,
		"Nova's lock of the instance is no longer this job's: the job "
		"was ended from another journal, or the lock was lifted");
	return err_hint(e,
			"novahaul resume %s, which takes the lock again "
			"if the job is still open on the hosts; novahaul "
			"audit --fix closes it if not",
			step_job(c));
}

int claim_gone(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	step_w(c)->gone = true;
	err_set(e, ERR_CONFLICT,
		"the server has been deleted meanwhile: nothing of it is "
		"started any more");
	if (!step_was_started(c, "disarm")) /* a rescue has none */
		return -1;
	return err_hint(e,
			"its disks stay in %s/.novahaul/%s on %s until "
			"novahaul purge %s",
			m->src.instances_path, step_job(c), m->src.host,
			step_job(c));
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	bool locked, dirs = true;
	unsigned epoch;

	if (read_row(c, &row, e))
		return -1;
	locked = ours(c, &row, &epoch);
	for (int s = SRC; s <= DST; s++) {
		struct host *h;
		AUTO(spot_clear) struct spot w = spot_work(c, s, NULL);
		enum host_type t;

		if ((s == DST && dst_given_up(c)) || (s == SRC && src_off(c)))
			continue;
		h = need_host(step_w(c), s, e);
		if (!h || exists(h, AT(w), &t, e))
			return -1;
		dirs = dirs && t == HOST_DIR;
	}
	*state = locked && dirs && step_w(c)->leased[src_off(c) ? DST : SRC]
			 ? STEP_DONE
		 : locked || dirs ? STEP_PARTIAL
				  : STEP_NOT_DONE;
	return 0;
}

static int work_dirs(struct step_ctx *c, struct err *e)
{
	for (int s = SRC; s <= DST; s++) {
		AUTO(spot_clear) struct spot w = spot_work(c, s, NULL);
		struct host_mkdir d = {
			.path = AT(w), .mode = 0700, .parents = true};

		if (s == SRC && src_dead(c))
			continue;
		if (host_mkdir(step_w(c)->host[s], &d, e))
			return -1;
		step_w(c)->manifest[s] = true;
	}
	return 0;
}

static int lock_row(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	AUTO(db_claim_before_clear) struct db_claim_before b = {0};
	struct db_claim cl = {
		.by = world_lease(step_w(c), step_job(c)),
		.at = {m->src.host, m->src.node, m->src.compute_id},
		.vm_state = m->vm_state,
		.before = &b,
	};
	int rc;

	/* The first image counts: a second run would read our own lock. */
	if (!step_recall(c, "before")) {
		if (db->ops->claim_read(db, m->uuid, &b, e))
			return -1;
		if (step_record_once(c, "before", before_json(&b), e))
			return -1;
	} else {
		before_from(step_recall(c, "before"), &b);
	}
	rc = db->ops->claim(db, &cl, e);
	return settle_write(c, rc, &(struct db_question){.claim = &cl}, e);
}

/* Frozen before the lock, overtaken, woken after the job was rolled back: the
 * row knew nothing of us, so the lock was taken.  Where the token still is this
 * very one, nobody else has built on it, and it goes again. */
static int unlock_late(struct step_ctx *c, struct err *e)
{
	struct err why = ERR_INIT;

	if (claim_release(c, &why)) {
		log_debug("unlocking after all: %s", err_msg(&why));
		err_clear(&why);
	}
	e->kind = ERR_STALE;
	return -1;
}

static int room_holds(const struct world *w, struct err *e)
{
	return w->room.holds ? w->room.holds(w->room.self, e) : 0;
}

static int run(struct step_ctx *c, struct err *e)
{
	struct world *w = step_w(c);

	if (step_record_once(c, "intent", json_string("leases"), e))
		return -1;
	if (!need_host(w, SRC, e) || !need_host(w, DST, e))
		return -1;
	if ((!w->leased[SRC] && !src_dead(c)) || !w->leased[DST])
		if (world_claim(w, step_job(c), e))
			return -1;
	/* Frozen before the claim, overtaken and woken, this controller learns
	 * it here, with nothing but the leases to let go of. */
	if (step_record(c, "epoch", json_integer((json_int_t)w->epoch), e))
		return -1;
	if (room_holds(w, e) || work_dirs(c, e) || lock_row(c, e))
		return -1;
	if (!step_record(c, "locked", json_true(), e))
		return 0;
	return e->kind == ERR_STALE ? unlock_late(c, e) : -1;
}

static void say_left(struct step_ctx *c)
{
	const struct move *m = step_m(c);

	if (step_w(c)->off)
		step_say(c,
			 "%s keeps its lease and %s/.novahaul/%s; novahaul "
			 "audit --fix %s sweeps them when it is back",
			 m->src.host, m->src.instances_path, step_job(c),
			 m->src.host);
}

/*
 * States: nothing; a lease; leases and directories; the lock too.  What is left
 * of the target when it does not answer is swept by audit.  The disks of a
 * server that was deleted meanwhile stay until purge.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	struct world *w = step_w(c);
	const struct move *m = step_m(c);
	bool keep = disarm_keeps(c);

	if (step_record_once(c, "unlocking", json_true(), e) ||
	    claim_release(c, e))
		return -1;
	if (w->leased[DST] && w->carrier.cleanup(w->carrier.self, w->host[SRC],
						 w->host[DST], step_job(c), e))
		return -1;
	for (int s = DST; s >= SRC; s--) {
		AUTO(spot_clear) struct spot d = spot_work(c, s, NULL);
		struct host_release r = {.root = side_of(m, s)->instances_path,
					 .uuid = m->uuid,
					 .forget = s != SRC || !keep};

		if (!w->leased[s])
			continue;
		if (s == SRC && keep ? release_keep(c, e)
				     : host_rmtree(w->host[s], AT(d), e))
			return -1;
		w->manifest[s] = false;
		if (host_lease_release(w->host[s], &r, e))
			return -1;
		w->leased[s] = false;
	}
	say_left(c);
	return 0;
}

const struct step step_claim = {
	.name = "claim",
	.summary = "lock the instance in Nova and on both hosts",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
