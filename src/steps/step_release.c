/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify and release: one host runs it and everybody agrees; then the locks go.
 */
#include "steps/util.h"

#include <string.h>

/* ---- verify */

static int verify_hosts(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *vs = need_virt(step_w(c), SRC, e);
	struct virt *vd = vs ? need_virt(step_w(c), DST, e) : NULL;
	struct virt_status s = {0}, d = {0};

	if (!vd || virt_state(vs, m->uuid, &s, e) ||
	    virt_state(vd, m->uuid, &d, e))
		return -1;
	if (s.state != VIRT_ABSENT)
		return err_set(e, ERR_FAILED, "%s still has the domain (%s)",
			       m->src.host, virt_state_name(s.state));
	if (m->start && d.state != VIRT_RUNNING)
		return err_set(e, ERR_FAILED,
			       "the guest is %s on %s, not running",
			       virt_state_name(d.state), m->dst.host);
	return prove_side(c, SRC, e);
}

static int verify_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};
	const char *want = m->start ? "active" : "stopped";

	if (verify_hosts(c, e) || read_row(c, &row, e))
		return -1;
	if (!row.host || strcmp(row.host, m->dst.host) != 0 || !row.node ||
	    strcmp(row.node, m->dst.node) != 0)
		return err_set(e, ERR_FAILED,
			       "the database says host %s, node %s instead of "
			       "%s, %s",
			       row.host ? row.host : "NULL",
			       row.node ? row.node : "NULL", m->dst.host,
			       m->dst.node);
	if (!row.vm_state || strcmp(row.vm_state, want) != 0)
		return err_set(e, ERR_FAILED,
			       "the database says vm_state %s instead of %s",
			       row.vm_state ? row.vm_state : "NULL", want);
	return 0;
}

static int look_again(struct step_ctx *c, enum step_state *state, struct err *e)
{
	(void)c;
	(void)e;
	*state = STEP_NOT_DONE;
	return 0;
}

const struct step step_verify = {
	.name = "verify",
	.summary = "one host runs it, and the database agrees",
	.mutates = false,
	.probe = look_again,
	.run = verify_run,
};

/* ---- release */

/* What the kept copy costs until it is purged.  Names that _base has as well
 * cost nothing. */
static int kept_bytes(struct step_ctx *c, struct err *e)
{
	struct host *h = step_w(c)->host[SRC];
	AUTO(spot_clear) struct spot d = spot_work(c, SRC, NULL);
	AUTO(host_list_clear) struct host_list l = {0};
	uint64_t n = 0;

	if (host_list(h, &(struct host_list_opts){.path = AT(d), .depth = 16},
		      &l, e))
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].st.type == HOST_FILE && l.v[i].st.nlink < 2)
			n += l.v[i].st.blocks * 512;
	return step_record(c, "kept_bytes", json_integer((json_int_t)n), e);
}

static int clear_target(struct step_ctx *c, struct err *e)
{
	struct world *w = step_w(c);
	AUTO(spot_clear) struct spot d = spot_work(c, DST, NULL);

	if (w->carrier.cleanup(w->carrier.self, w->host[SRC], w->host[DST],
			       step_job(c), e))
		return -1;
	w->manifest[DST] = false;
	return host_rmtree(w->host[DST], AT(d), e);
}

static int end_lease(struct step_ctx *c, enum side s, bool forget,
		     struct err *e)
{
	const struct move *m = step_m(c);
	struct world *w = step_w(c);
	struct host_release r = {.root = side_of(m, s)->instances_path,
				 .uuid = m->uuid,
				 .forget = forget};

	if (!w->leased[s])
		return 0;
	if (host_lease_release(w->host[s], &r, e))
		return -1;
	w->leased[s] = false;
	return 0;
}

/* A closed manifest is history: audit leaves it alone. */
static int close_manifest(struct step_ctx *c, struct err *e)
{
	AUTO(spot_clear) struct spot p = spot_work(c, SRC, "closed");

	return host_write(
		step_w(c)->host[SRC],
		&(struct host_write){.path = AT(p), .p = "done\n", .n = 5}, e);
}

static int release_run(struct step_ctx *c, struct err *e)
{
	struct world *w = step_w(c);

	if (!need_host(w, SRC, e) || !need_host(w, DST, e))
		return -1;
	if (kept_bytes(c, e) || clear_target(c, e))
		return -1;
	if (claim_release(c, e) || close_manifest(c, e))
		return -1;
	w->manifest[SRC] = false;
	return end_lease(c, DST, true, e) || end_lease(c, SRC, false, e) ? -1
									 : 0;
}

static int release_probe(struct step_ctx *c, enum step_state *state,
			 struct err *e)
{
	(void)c;
	(void)e;
	/* This run holds the leases again, so they must be let go again. */
	*state = STEP_PARTIAL;
	return 0;
}

static int release_undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	err_set(e, ERR_REFUSED, "the move is complete and its locks are gone");
	return err_hint(e, "novahaul move %s --to %s", m->uuid, m->src.host);
}

const struct step step_release = {
	.name = "release",
	.summary = "unlock, and keep the source's copy until purge",
	.mutates = true,
	.probe = release_probe,
	.run = release_run,
	.undo = release_undo,
};
