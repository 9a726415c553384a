/* SPDX-License-Identifier: Apache-2.0 */
#include "steps/world.h"

#include <string.h>

#include "core/log.h"
#include "steps/util.h"

struct db_lease world_lease(const struct world *w, const char *job)
{
	return (struct db_lease){
		.uuid = w->move->uuid, .job = job, .epoch = (unsigned)w->epoch};
}

/* Is there a lease on this side?  A dead source is only read. */
static bool leases(const struct world *w, enum side s)
{
	return w->host[s] && (s == DST || !w->move->dead);
}

/* Is a living controller, not this one, at work on this side? */
static int not_attended(const struct world *w, enum side s, const char *job,
			const struct host_lease *l, struct err *e)
{
	if (l->state != LEASE_HELD || !l->attended || w->force || !l->job ||
	    strcmp(l->job, job) != 0 ||
	    (l->owner && w->owner && !strcmp(l->owner, w->owner)))
		return 0;
	err_set(e, ERR_LOCKED, "job %s is being run by %s, seen on %s", job,
		l->owner ? l->owner : "another controller", w->host[s]->name);
	return err_hint(e, "novahaul watch %s", job);
}

static int read_epoch(struct world *w, enum side s, const char *job,
		      uint64_t *epoch, struct err *e)
{
	struct host_lease_ref r = {side_of(w->move, s)->instances_path,
				   w->move->uuid};
	AUTO(host_lease_clear) struct host_lease l = {0};

	if (host_lease_read(w->host[s], &r, &l, e) ||
	    not_attended(w, s, job, &l, e))
		return -1;
	*epoch = l.epoch;
	return 0;
}

int world_look(void *world, const char *job, struct err *e)
{
	struct world *w = world;
	uint64_t ignored;

	for (int s = SRC; s <= DST; s++)
		if (leases(w, (enum side)s) &&
		    read_epoch(w, s, job, &ignored, e))
			return -1;
	return 0;
}

/* A rescue whose target does not answer has no host to draw an epoch on. */
static int token_epoch(const struct world *w, const char *job, uint64_t *epoch,
		       struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	char holder[DB_TOKEN_MAX];
	unsigned ep = 0;

	if (world_row(w, &row, e))
		return -1;
	if (db_token_parse(row.reason, holder, &ep) && !strcmp(holder, job))
		*epoch = ep;
	return 0;
}

int world_claim(struct world *w, const char *job, struct err *e)
{
	uint64_t top = 0;

	/* What was drawn on a source that is off is in the token alone. */
	if ((w->off || (w->move->dead && !w->host[DST])) &&
	    token_epoch(w, job, &top, e))
		return -1;
	for (int s = SRC; s <= DST; s++) {
		uint64_t ep = 0;

		if (!leases(w, (enum side)s))
			continue;
		/* Both are looked at before either is taken: a controller that
		 * lives on one side must not lose the other. */
		if (read_epoch(w, s, job, &ep, e))
			return -1;
		top = ep > top ? ep : top;
	}
	for (int s = SRC; s <= DST; s++) {
		struct host_claim cl = {
			.root = side_of(w->move, s)->instances_path,
			.uuid = w->move->uuid,
			.job = job,
			.owner = w->owner,
			.session = w->session,
			.epoch = top + 1,
			.force = w->force,
		};

		if (!leases(w, (enum side)s))
			continue;
		if (host_lease_claim(w->host[s], &cl, e))
			return err_wrap(e, "claiming %s on %s", w->move->uuid,
					w->host[s]->name);
		w->leased[s] = true;
	}
	w->epoch = top + 1;
	return 0;
}

int world_row(const struct world *w, struct db_instance *row, struct err *e)
{
	const char *uuid = w->move->uuid;
	struct err why = ERR_INIT;
	bool archived = false;

	if (!w->db->ops->instance(w->db, uuid, row, e))
		return 0;
	if (e->kind != ERR_CONFLICT)
		return -1;
	if (w->db->ops->archived(w->db, uuid, &archived, &why)) {
		err_clear(e);
		*e = why;
		return -1;
	}
	if (!archived)
		return -1;
	err_clear(e);
	*row = (struct db_instance){.uuid = mem_strdup(uuid), .deleted = true};
	return 0;
}

/* Does the row hold a token of this job, whatever its epoch? */
static int has_token(struct world *w, const char *job, bool *yes, bool *deleted,
		     struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	char holder[DB_TOKEN_MAX];
	unsigned epoch;

	if (world_row(w, &row, e))
		return -1;
	*yes = db_token_parse(row.reason, holder, &epoch) &&
	       !strcmp(holder, job);
	*deleted = row.deleted;
	return 0;
}

/* A claim whose sender died at COMMIT may still be under way, and a plain read
 * too early: it would leave a lock with a token that nobody knows.  Writing the
 * row that it locked waits for it or makes it fail; after that, no token is no
 * token. */
static int end_lost_claim(struct world *w, const char *job, struct err *e)
{
	const struct move *m = w->move;
	struct db_claim_before none = {0};
	struct db_claim k = {
		.by = world_lease(w, job),
		.at = {m->src.host, m->src.node, m->src.compute_id},
		.vm_state = m->vm_state,
		.before = &none,
	};
	struct db_question q = {.claim = &k};
	enum db_outcome out;

	return w->db->ops->outcome(w->db, &q, &out, e);
}

/* Our token, if the claim ever landed, gets the new epoch. */
static int take_token(struct world *w, const char *job, struct err *e)
{
	struct db_takeover t = {.by = world_lease(w, job)};
	enum db_outcome out = DB_OUTCOME_UNKNOWN;
	struct db_question q = {.takeover = &t};
	bool ours, deleted;

	if (has_token(w, job, &ours, &deleted, e))
		return -1;
	if (!ours && !deleted &&
	    (end_lost_claim(w, job, e) ||
	     has_token(w, job, &ours, &deleted, e)))
		return -1;
	if (!ours)
		return 0;
	if (!w->db->ops->claim_takeover(w->db, &t, e))
		return 0;
	if (e->kind != ERR_LOST)
		return -1;
	err_clear(e);
	if (w->db->ops->outcome(w->db, &q, &out, e))
		return -1;
	return out == DB_APPLIED
		       ? 0
		       : err_set(e, ERR_RETRY,
				 "the COMMIT that takes the job over was lost");
}

int world_enter(void *world, const char *job, uint64_t epoch, bool started,
		struct err *e)
{
	struct world *w = world;

	(void)epoch; /* the journal's; ours is drawn on the hosts */
	if (!started)
		return 0;
	if (w->off && w->fence.require(w->fence.self, w->move->src.host,
				       w->move->fence_max_age_s, e))
		return -1;
	if (!w->host[SRC] && !w->off && !w->onward &&
	    !(w->move->dead && w->backward))
		return err_set(e, ERR_RETRY, "%s is not reached: %s",
			       w->move->src.host, err_msg(&w->down[SRC]));
	if (!w->host[DST] && !w->backward)
		return err_set(e, ERR_RETRY, "%s is not reached: %s",
			       w->move->dst.host, err_msg(&w->down[DST]));
	if (world_claim(w, job, e) || take_token(w, job, e))
		return -1;
	for (int s = SRC; s <= DST; s++) {
		AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
		enum host_type t = HOST_NONE;

		if (leases(w, (enum side)s) &&
		    exists(w->host[s],
			   HOST_PATH(side_of(w->move, s)->instances_path, rel),
			   &t, e))
			return -1;
		w->manifest[s] = t == HOST_DIR;
	}
	return 0;
}

/* The agent refuses it where a later epoch holds the lease by now. */
void world_leave(void *world)
{
	struct world *w = world;

	for (int s = SRC; s <= DST; s++) {
		struct host_release r = {
			.root = side_of(w->move, s)->instances_path,
			.uuid = w->move->uuid,
		};
		struct err e = ERR_INIT;

		if (w->host[s] && w->leased[s] &&
		    host_lease_release(w->host[s], &r, &e)) {
			log_debug("%s: %s", w->host[s]->name, err_msg(&e));
			err_clear(&e);
		}
		w->leased[s] = false;
	}
}

static int side_traces(const struct world *w, enum side s, const char *job,
		       struct traces *out, struct err *e)
{
	const char *root = side_of(w->move, s)->instances_path;
	struct host_lease_ref r = {root, w->move->uuid};
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
	AUTO(host_lease_clear) struct host_lease l = {0};
	struct host *h = need_host(w, s, e);
	enum host_type t;

	if (!h || host_lease_read(h, &r, &l, e) ||
	    exists(h, HOST_PATH(root, rel), &t, e))
		return -1;
	out->kept |= t != HOST_NONE;
	out->held |= l.state == LEASE_HELD && l.job && !strcmp(l.job, job);
	return 0;
}

int world_traces(void *world, const char *job, struct traces *out,
		 struct err *e)
{
	struct world *w = world;
	AUTO(db_instance_clear) struct db_instance row = {0};
	char holder[DB_TOKEN_MAX];
	unsigned epoch;

	*out = (struct traces){0};
	for (int s = w->move->dead ? DST : SRC; s <= DST; s++)
		if (side_traces(w, s, job, out, e))
			return -1;
	if (w->db->ops->instance(w->db, w->move->uuid, &row, e)) {
		if (e->kind != ERR_CONFLICT)
			return -1;
		err_clear(e); /* deleted and archived meanwhile */
		return 0;
	}
	out->moved = row.host && !strcmp(row.host, w->move->dst.host);
	out->held |= db_token_parse(row.reason, holder, &epoch) &&
		     !strcmp(holder, job);
	return 0;
}

static int begin_manifest(struct world *w, enum side s, const char *job,
			  const char *json, struct err *e)
{
	AUTO(mem_freep)
	char *rel = mem_printf(".novahaul/%s/manifest.json", job);
	struct host_write wr = {
		.path = HOST_PATH(side_of(w->move, s)->instances_path, rel),
		.p = json,
		.n = strlen(json)};

	return host_write_begin(w->host[s], &wr, e);
}

/* A target that died must not keep the source from being restored; the source
 * holds the manifest. */
static int without_target(const struct world *w, struct err *e)
{
	if (e->kind == ERR_STALE || !w->manifest[SRC] || !w->host[SRC])
		return -1;
	log_warn("manifest on the target: %s", err_msg(e));
	err_clear(e);
	return 0;
}

/* Both write at once; the source's failure counts. */
static int put_manifests(struct world *w, const char *job, const char *json,
			 struct err *e)
{
	bool on[2] = {w->manifest[SRC] && w->host[SRC],
		      w->manifest[DST] && w->host[DST]};
	struct err why = ERR_INIT;
	int rc = 0, second = 0;

	if (on[SRC] && begin_manifest(w, SRC, job, json, e))
		return -1;
	if (on[DST])
		second = begin_manifest(w, DST, job, json, &why);
	if (on[SRC])
		rc = host_write_end(w->host[SRC], e);
	if (on[DST] && !second)
		second = host_write_end(w->host[DST], &why);
	if (rc) {
		err_clear(&why);
		return -1;
	}
	if (!second)
		return 0;
	err_move(e, &why);
	return without_target(w, e);
}

int world_mirror(void *world, const char *json, struct err *e)
{
	struct world *w = world;
	json_error_t je;
	json_t *doc;
	const char *job;
	int rc;

	if (!w->manifest[SRC] && !w->manifest[DST])
		return 0;
	doc = json_loads(json, 0, &je);
	job = json_string_value(json_object_get(doc, "id"));
	if (!job)
		rc = err_set(e, ERR_BUG, "the job's document has no id");
	else
		rc = put_manifests(w, job, json, e);
	json_decref(doc);
	return rc ? err_wrap(e, "writing the job's manifest") : 0;
}

static void tick(struct host *h)
{
	struct err e = ERR_INIT;

	if (h && host_tick(h, &e)) {
		log_debug("%s: %s", h->name, err_msg(&e));
		err_clear(&e);
	}
}

void world_tick(void *world)
{
	struct world *w = world;

	tick(w->host[SRC]);
	tick(w->host[DST]);
	tick(w->disks);
}
