/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage-base: the backing images are on the target, and both hosts keep theirs.
 *
 * A base that the target has is compared and never written; one that it lacks
 * is copied into the job's hold directory and linked into _base under its name,
 * with a fresh mtime.  On both hosts the hold is a second name of the file, so
 * that Nova's image cache manager cannot take it from the job: on the target
 * before the database says that the instance is there, on the source after.
 */
#include "steps/util.h"

#include <string.h>

#include "core/uuid.h"

/* Recorded of a base that this job puts into _base: its digest, and since when,
 * by the target's clock. */
static char *made_key(const struct move_base *b)
{
	return mem_printf("made/%s", b->name);
}

static int same_content(struct step_ctx *c, const struct move_base *b,
			struct err *e)
{
	const struct move *m = step_m(c);
	struct host_digest d[2] = {0};

	for (int s = SRC; s <= DST; s++) {
		AUTO(spot_clear) struct spot p = spot_base(m, s, b->name);

		if (host_digest(step_w(c)->host[s], AT(p), &d[s], e))
			return -1;
	}
	if (d[SRC].size == d[DST].size && !strcmp(d[SRC].text, d[DST].text))
		return 0;
	err_set(e, ERR_REFUSED,
		"backing image %s on %s has other content than on %s", b->name,
		m->dst.host, m->src.host);
	return err_hint(e,
			"guests on %s may use it, so it is never "
			"overwritten: compare sha256sum of both with that of "
			"the image, or move to another host",
			m->dst.host);
}

static int on_progress(void *arg, uint64_t done, uint64_t total, struct err *e)
{
	bwlimit_look(arg);
	step_progress(arg, done, total, "backing images");
	return step_checkpoint(arg, e);
}

static int record_made(struct step_ctx *c, const char *key,
		       struct host_path hold, const struct carry_result *r,
		       struct err *e)
{
	AUTO(host_stat_clear) struct host_stat st = {0};

	if (host_stat(step_w(c)->host[DST], hold, &st, e))
		return -1;
	return step_record(c, key,
			   json_pack("{s:o, s:I}", "digest",
				     json_string(r->dst), "since",
				     (json_int_t)st.mtime_ns),
			   e);
}

/* A host that never had a guest has no _base; Nova must be able to write to the
 * one that it gets. */
static int make_base_dir(struct step_ctx *c, struct err *e)
{
	const struct move_side *m = &step_m(c)->dst;
	struct host *h = step_w(c)->host[DST];
	struct host_path dir = HOST_PATH(m->instances_path, m->base_dir);
	enum host_type t;

	if (exists(h, dir, &t, e))
		return -1;
	if (t != HOST_NONE)
		return 0;
	if (host_mkdir(h, &(struct host_mkdir){.path = dir, .mode = 0755}, e))
		return -1;
	return host_chown(h,
			  &(struct host_chown){.path = dir,
					       .user = m->nova_user,
					       .group = m->nova_group},
			  e);
}

enum { SHA1_HEX = 40 };

/* A file in the target's _base that is made of the same image: <sha1>,
 * <sha1>_20, <sha1>_sm.  NULL when there is none, or it cannot be seen. */
static char *relative_of(struct step_ctx *c, const char *name)
{
	const struct move_side *m = &step_m(c)->dst;
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {
		.path = HOST_PATH(m->instances_path, m->base_dir)};
	struct err e = ERR_INIT;

	if (strspn(name, "0123456789abcdef") < SHA1_HEX)
		return NULL;
	if (host_list(step_w(c)->host[DST], &o, &l, &e))
		err_clear(&e);
	for (size_t i = 0; i < l.n; i++) {
		const char *rel = l.v[i].rel;

		if (l.v[i].st.type == HOST_FILE && strcmp(rel, name) != 0 &&
		    !strncmp(rel, name, SHA1_HEX) &&
		    (!rel[SHA1_HEX] || rel[SHA1_HEX] == '_'))
			return mem_printf("%s/%s", m->base_dir, rel);
	}
	return NULL;
}

static int bring(struct step_ctx *c, const struct move_base *b, struct err *e)
{
	struct world *w = step_w(c);
	const struct move *m = step_m(c);
	AUTO(spot_clear) struct spot from = spot_base(m, SRC, b->name);
	AUTO(spot_clear) struct spot hold = spot_hold(c, DST, b->name);
	AUTO(spot_clear) struct spot to = spot_base(m, DST, b->name);
	AUTO(mem_freep) char *key = made_key(b);
	AUTO(mem_freep) char *basis = relative_of(c, b->name);
	struct carry_result r = {0};
	struct carry_file f = {
		.from = AT(from),
		.to = AT(hold),
		.final = true,
		.calm = true,
		.basis = basis,
		.delta = m->delta,
		.transport = m->transport,
		.job = step_job(c),
		.progress = on_progress,
		.arg = c,
	};
	struct host_chown own = {
		.path = AT(hold), .user = b->user, .group = b->group};
	struct host_chmod mod = {.path = AT(hold), .mode = b->mode};
	enum host_type t;

	if (make_parent(w->host[DST], AT(hold), 0700, e))
		return -1;
	bwlimit_look(c);
	if (w->carrier.copy(w->carrier.self, w->host[SRC], w->host[DST], &f, &r,
			    e))
		return err_wrap(e, "copying backing image %s to %s", b->name,
				m->dst.host);
	step_add_bytes(c, r.sent, r.read);
	if (carried_whole(c, b->name, &r, e))
		return -1;
	if (strcmp(r.src, r.dst) != 0)
		return err_set(e, ERR_FAILED,
			       "backing image %s arrived with another digest",
			       b->name);
	if (host_chown(w->host[DST], &own, e) ||
	    host_chmod(w->host[DST], &mod, e) ||
	    host_touch(w->host[DST], AT(hold), e))
		return -1;
	if (record_made(c, key, AT(hold), &r, e))
		return -1;
	/* Somebody else's Nova may have brought it meanwhile. */
	if (exists(w->host[DST], AT(to), &t, e))
		return -1;
	if (t != HOST_NONE)
		return same_content(c, b, e);
	if (make_base_dir(c, e))
		return -1;
	return host_hold(w->host[DST],
			 &(struct host_hold){.from = AT(hold), .to = AT(to)},
			 NULL, e);
}

static int keep(struct step_ctx *c, enum side s, const struct move_base *b,
		struct err *e)
{
	struct host *h = step_w(c)->host[s];
	AUTO(spot_clear) struct spot from = spot_base(step_m(c), s, b->name);
	AUTO(spot_clear) struct spot to = spot_hold(c, s, b->name);

	if (make_parent(h, AT(to), 0700, e))
		return -1;
	return host_hold(h, &(struct host_hold){.from = AT(from), .to = AT(to)},
			 NULL, e);
}

static int run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nbases; i++) {
		const struct move_base *b = &m->bases[i];
		AUTO(spot_clear) struct spot p = spot_base(m, DST, b->name);
		AUTO(mem_freep) char *key = made_key(b);
		enum host_type t;

		if (step_checkpoint(c, e) ||
		    (!src_dead(c) && keep(c, SRC, b, e)))
			return -1;
		if (exists(step_w(c)->host[DST], AT(p), &t, e))
			return -1;
		if (t == HOST_NONE) {
			if (bring(c, b, e))
				return -1;
			continue;
		}
		/* Put there by an earlier run of this step, or not ours. */
		if (!step_recall(c, key) && same_content(c, b, e))
			return -1;
		if (keep(c, DST, b, e))
			return -1;
	}
	return bases_refresh(c, DST, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	const struct move *m = step_m(c);
	size_t done = 0;

	*state = STEP_PARTIAL;
	if (dst_given_up(c))
		return 0;
	for (size_t i = 0; i < m->nbases; i++) {
		size_t have = src_off(c);

		for (int s = src_off(c) ? DST : SRC; s <= DST; s++) {
			struct host *h = need_host(step_w(c), s, e);
			AUTO(spot_clear)
			struct spot b = spot_base(m, s, m->bases[i].name);
			AUTO(spot_clear)
			struct spot k = spot_hold(c, s, m->bases[i].name);
			enum host_type tb, tk;

			if (!h || exists(h, AT(b), &tb, e) ||
			    exists(h, AT(k), &tk, e))
				return -1;
			have += tb == HOST_FILE && tk == HOST_FILE;
		}
		done += have == 2;
	}
	*state = done == m->nbases ? STEP_DONE : STEP_PARTIAL;
	return 0;
}

/* Has any other instance come to the target since?  Files that are made or
 * renamed in a directory make it newer. */
static int newcomers(struct step_ctx *c, int64_t since, bool *any,
		     struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {
		.path = HOST_PATH(m->dst.instances_path, "."), .max = 100000};

	if (host_list(step_w(c)->host[DST], &o, &l, e))
		return -1;
	for (size_t i = 0; i < l.n && !*any; i++) {
		char uuid[UUID_LEN + 1] = "";

		strncpy(uuid, l.v[i].rel, UUID_LEN);
		*any = l.v[i].st.type == HOST_DIR && uuid_valid(uuid) &&
		       strcmp(uuid, m->uuid) != 0 &&
		       l.v[i].st.mtime_ns >= since;
	}
	return 0;
}

/* Does anybody but this job need the base that it brought?  Others link to it
 * (jobs), have it open (guests), or name it in an overlay.  The last cannot be
 * seen without parsing guests' disks; but there was no such base before, so an
 * overlay on it is newer than it.  A doubt keeps it: an unused base costs
 * space, and Nova's own cache manager removes it. */
static int still_used(struct step_ctx *c, int64_t since,
		      const struct host_stat *st, const struct host_stat *hold,
		      bool *used, struct err *e)
{
	struct host_devino id = {st->dev, st->ino};
	struct host_scan scan = {0};
	struct host_scan_opts o = {.files = &id, .nfiles = 1};

	*used = st->ino != hold->ino || st->nlink > 2;
	if (*used)
		return 0;
	if (newcomers(c, since, used, e))
		return -1;
	if (*used)
		return 0;
	if (host_scan(step_w(c)->host[DST], &o, &scan, e))
		return -1;
	for (size_t i = 0; i < scan.nprocs; i++)
		*used |= scan.procs[i].by_file && !scan.procs[i].ours;
	*used |= scan.nlocks > 0;
	host_scan_clear(&scan);
	return 0;
}

static int take_back(struct step_ctx *c, const struct move_base *b,
		     const json_t *made, struct err *e)
{
	int64_t since = json_integer_value(json_object_get(made, "since"));
	struct host *h = step_w(c)->host[DST];
	AUTO(spot_clear) struct spot p = spot_base(step_m(c), DST, b->name);
	AUTO(spot_clear) struct spot k = spot_hold(c, DST, b->name);
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(host_stat_clear) struct host_stat hold = {0};
	bool used;

	if (host_stat(h, AT(p), &st, e) || host_stat(h, AT(k), &hold, e))
		return -1;
	if (st.type == HOST_NONE)
		return 0;
	if (still_used(c, since, &st, &hold, &used, e))
		return -1;
	if (used) {
		step_say(c, "backing image %s stays on %s: others use it",
			 b->name, h->name);
		return 0;
	}
	return host_unlink(
		h, &(struct host_unlink){.path = AT(p), .ino = st.ino}, e);
}

/*
 * States: nothing; a copy half made in the hold directory; a hold; a hold and
 * a base that this job linked; the same, and another guest uses it by now.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (!dst_given_up(c) && !need_host(step_w(c), DST, e))
		return -1;
	/* What was left running there reads its base, too. */
	for (size_t i = 0; !dst_given_up(c) && !define_left(c) && i < m->nbases;
	     i++) {
		AUTO(mem_freep) char *key = made_key(&m->bases[i]);

		const json_t *made = step_recall(c, key);

		if (made && take_back(c, &m->bases[i], made, e))
			return -1;
	}
	for (int s = DST; s >= SRC; s--) {
		AUTO(spot_clear) struct spot d = spot_work(c, s, "hold");

		if (s == SRC && (src_dead(c) || disarm_keeps(c)))
			continue; /* it belongs to the kept copy */
		if (step_w(c)->host[s] &&
		    host_rmtree(step_w(c)->host[s], AT(d), e))
			return -1;
	}
	return 0;
}

const struct step step_stage_base = {
	.name = "stage-base",
	.summary = "bring the backing images, and hold them on both hosts",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
