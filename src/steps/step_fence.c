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
 * A new proof says nothing about the time between the old one and itself: the
 * host may have run, and gone again.  So what its disks say is asked as well,
 * whatever the proof is: they are as they were before the first byte was
 * copied, and no QEMU has them open.  That can only be a no.
 *
 * row-off writes down what that means for the guest: 'stopped' and 4, which the
 * rewrite's guard wants (ledger-db 3.2).  Its host cannot say otherwise, and
 * nobody else starts it: Nova's start goes to that host.
 */
#include <string.h>

#include "steps/util.h"

static int alive(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	return err_hint(e,
			"find who runs it, and switch %s off for certain; what "
			"was copied is of no use: novahaul rollback %s; "
			"novahaul fence %s; then rescue it anew",
			m->src.host, step_job(c), m->src.host);
}

static int not_open(struct step_ctx *c, const struct host_path *p, size_t n,
		    struct err *e)
{
	const struct move *m = step_m(c);
	enum host_open *held = MEM_NEW_N(enum host_open, n + 1);
	int rc = host_locked(step_w(c)->host[SRC], p, n, held, e);

	for (size_t i = 0; !rc && i < n; i++)
		if (held[i] == HOST_OPEN_QEMU) {
			err_set(e, ERR_FENCE,
				"instance %s of %s: a QEMU has %s/%s open, "
				"seen on %s: somebody runs it",
				m->uuid, m->src.host, p[i].root, p[i].rel,
				m->disks);
			rc = alive(c, e);
		}
	mem_free(held);
	return rc;
}

/* [size, mtime], or null where there is no file. */
static json_t *seen(const struct host_stat *st)
{
	if (st->type == HOST_NONE)
		return json_null();
	return json_pack("[I, I]", (json_int_t)st->size,
			 (json_int_t)st->mtime_ns);
}

/* ... since the first time; journals of before have none. */
static int unchanged(struct step_ctx *c, const struct host_path *p,
		     const struct host_stat *st, struct err *e)
{
	const struct move *m = step_m(c);
	const json_t *then = step_recall_of(c, "fence", "disks");

	for (size_t i = 0; i < m->nfiles; i++) {
		AUTO(mem_freep) char *key = file_key(&m->files[i]);
		const json_t *was = json_object_get(then, key);
		json_t *now = seen(&st[i]);
		bool same = !was || json_equal(was, now);

		json_decref(now);
		if (same)
			continue;
		if (st[i].type == HOST_NONE) {
			err_set(e, ERR_FENCE,
				"instance %s of %s: %s/%s is not seen on %s "
				"any "
				"more: whether it has changed since it was "
				"copied is not known",
				m->uuid, m->src.host, p[i].root, p[i].rel,
				m->disks);
			return err_hint(e,
					"mount it there again, read-only; then "
					"novahaul resume %s",
					step_job(c));
		}
		err_set(e, ERR_FENCE,
			"instance %s of %s: %s/%s on %s has changed since this "
			"job first saw it: %s was not off all the time",
			m->uuid, m->src.host, p[i].root, p[i].rel, m->disks,
			m->src.host);
		return alive(c, e);
	}
	return 0;
}

static int keep(struct step_ctx *c, const struct host_stat *st, struct err *e)
{
	const struct move *m = step_m(c);
	json_t *disks = json_object();

	for (size_t i = 0; i < m->nfiles; i++) {
		AUTO(mem_freep) char *key = file_key(&m->files[i]);

		json_object_set_new(disks, key, seen(&st[i]));
	}
	return step_record_once(c, "disks", disks, e);
}

/* FIRST: it is the fence step that asks. */
static int at_rest(struct step_ctx *c, bool first, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = step_w(c)->host[SRC];
	struct spot *at = MEM_NEW_N(struct spot, m->nfiles + 1);
	AUTO(mem_freep)
	struct host_path *p = MEM_NEW_N(struct host_path, m->nfiles + 1);
	struct host_stat *st = MEM_NEW_N(struct host_stat, m->nfiles + 1);
	int rc;

	for (size_t i = 0; i < m->nfiles; i++) {
		at[i] = spot_armed(m, SRC, &m->files[i]);
		p[i] = AT(at[i]);
	}
	rc = host_stats(h, p, m->nfiles, st, e) || unchanged(c, p, st, e) ||
			     not_open(c, p, m->nfiles, e) ||
			     (first && keep(c, st, e))
		     ? -1
		     : 0;
	for (size_t i = 0; i < m->nfiles; i++) {
		host_stat_clear(&st[i]);
		spot_clear(&at[i]);
	}
	mem_free(at);
	mem_free(st);
	return rc;
}

/* Past the rewrite nothing there is needed any more, and who sees it may be
 * gone (join/: APP_REACH_TARGET). */
int fence_at_rest(struct step_ctx *c, struct err *e)
{
	return step_w(c)->host[SRC] ? at_rest(c, false, e) : 0;
}

static int proven(struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	const struct move *m = w->move;

	return w->fence.require(w->fence.self, m->src.host, m->fence_max_age_s,
				e);
}

int fence_holds(struct step_ctx *c, struct err *e)
{
	return proven(c, e) || fence_at_rest(c, e) ? -1 : 0;
}

static int fence_run(struct step_ctx *c, struct err *e)
{
	return proven(c, e) || !need_host(step_w(c), SRC, e) ||
			       at_rest(c, true, e)
		       ? -1
		       : 0;
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
	.run = fence_run,
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
