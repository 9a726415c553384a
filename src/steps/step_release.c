/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify and release: one host runs it and everybody agrees; then the locks go.
 */
#include "steps/util.h"

#include <string.h>

#include "domain/domain.h"

/* ---- verify */

static int not_running(struct step_ctx *c, const char *state, struct err *e)
{
	const struct move *m = step_m(c);

	err_set(e, ERR_FAILED, "the guest is %s on %s, not running", state,
		m->dst.host);
	return err_hint(e,
			"see why there (virsh, the guest's log), start it with "
			"openstack server start %s, then novahaul resume %s",
			m->uuid, step_job(c));
}

static int verify_source(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = need_virt(step_w(c), SRC, e);
	struct virt_status s = {0};

	if (!v || prove_side_state(c, SRC, &s, e))
		return -1;
	if (s.state != VIRT_ABSENT)
		return err_set(e, ERR_FAILED, "%s still has the domain (%s)",
			       m->src.host, virt_state_name(s.state));
	return 0;
}

static int verify_hosts(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status d = {0};

	if (!v || virt_state(v, m->uuid, &d, e))
		return -1;
	if (m->start && d.state != VIRT_RUNNING)
		return not_running(c, virt_state_name(d.state), e);
	if (m->dead) /* proven to be off before the start */
		return 0;
	if (step_w(c)->host[SRC] || !step_w(c)->onward)
		return verify_source(c, e);
	step_say(c, "%s does not answer and was not looked at", m->src.host);
	return 0;
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
static int kept_bytes(struct step_ctx *c, const char *key, struct err *e)
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
	return step_record(c, key, json_integer((json_int_t)n), e);
}

/* What is still staged is not in its place, and perhaps nowhere else. */
static int nothing_staged(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nfiles; i++) {
		AUTO(spot_clear)
		struct spot p = spot_parked(c, DST, &m->files[i]);
		enum host_type t;

		if (exists(step_w(c)->host[DST], AT(p), &t, e))
			return -1;
		if (t != HOST_NONE)
			return err_set(e, ERR_CONFLICT,
				       "%s/%s on %s was never put in place",
				       p.root, p.rel, m->dst.host);
	}
	return 0;
}

/* What os-vif made for this instance alone: hybrid bridges and veths.  A
 * network's own bridge belongs to its agent. */
static void hybrid_items(const struct domain *d, struct strv *items)
{
	for (size_t i = 0; i < d->n_ifaces; i++) {
		const struct domain_iface *n = &d->ifaces[i];

		if (n->plug != DOMAIN_PLUG_HYBRID || !n->port_id || !n->bridge)
			continue;
		strv_addf(items, "bridge %s", n->bridge);
		strv_addf(items, "veth qvo%.11s", n->port_id);
		strv_addf(items, "OVS port qvo%.11s", n->port_id);
	}
}

/* A remnant harms nobody, so it does not keep the job from ending. */
static int unplug_source(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	const char *xml = json_string_value(
		json_object_get(step_recall_of(c, "disarm", "domain"), "xml"));
	struct err why = ERR_INIT;
	AUTO(domain_freep)
	struct domain *d = xml ? domain_parse(xml, strlen(xml), &why) : NULL;
	AUTO(strv_clear) struct strv items = STRV_INIT;

	for (size_t i = 0; d && i < m->nports; i++)
		domain_set_port_id(d, m->ports[i].mac, m->ports[i].id);
	if (d)
		hybrid_items(d, &items);
	if (items.n)
		virt_net_unplug(step_w(c)->virt[SRC], d, &items, &why);
	if (why.kind == ERR_STALE) {
		err_move(e, &why);
		return -1;
	}
	if (why.kind != ERR_NONE)
		step_say(c, "interfaces stay on %s: %s", m->src.host,
			 err_msg(&why));
	err_clear(&why);
	return 0;
}

/* What Nova has left of a start that found nothing: it would be in the way of
 * Nova's own migration back.  A remnant does not keep the job from ending. */
static int sweep_source(struct step_ctx *c, struct err *e)
{
	if (!clear_stray(c, SRC, e))
		return 0;
	if (e->kind != ERR_CONFLICT)
		return -1;
	step_say(c, "%s: it stays, and is in the way of a move back",
		 err_msg(e));
	err_clear(e);
	return 0;
}

/* Not before here: a rollback starts the guest with it again.  And not when the
 * instance has come back since, and this job is only asked for once more. */
static int clear_source(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};
	struct virt_status st = {0};

	if (read_row(c, &row, e) ||
	    virt_state(step_w(c)->virt[SRC], m->uuid, &st, e))
		return -1;
	if (st.state != VIRT_ABSENT || !row.host ||
	    strcmp(row.host, m->dst.host) != 0)
		return 0;
	return sweep_source(c, e) || unplug_source(c, e) ||
			       volumes_leave_source(c, e) ||
			       drop_tpm_dirs(c, SRC, e)
		       ? -1
		       : 0;
}

/* The job may have rested for days, and its own names are the last that hold a
 * base which Nova's cache manager does not know to be used.  A deleted server
 * needs none: it may have gone after a run that was cut took our names away. */
static int keep_bases(struct step_ctx *c, struct err *e)
{
	AUTO(spot_clear) struct spot hold = spot_work(c, DST, "hold");
	AUTO(db_instance_clear) struct db_instance row = {0};
	enum host_type t;

	if (exists(step_w(c)->host[DST], AT(hold), &t, e))
		return -1;
	if (t == HOST_NONE)
		return 0;
	if (read_row(c, &row, e))
		return -1;
	return row.deleted ? 0 : bases_refresh(c, DST, e);
}

static int clear_target(struct step_ctx *c, struct err *e)
{
	struct world *w = step_w(c);
	AUTO(spot_clear) struct spot d = spot_work(c, DST, NULL);

	if (nothing_staged(c, e) || keep_bases(c, e))
		return -1;
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

int release_keep(struct step_ctx *c, struct err *e)
{
	return kept_bytes(c, "left_bytes", e) || close_manifest(c, e) ? -1 : 0;
}

/* The target's part and the lock. */
static int let_go(struct step_ctx *c, struct err *e)
{
	if (clear_target(c, e) ||
	    step_record_once(c, "unlocking", json_true(), e))
		return -1;
	return claim_release(c, e);
}

/* The source does not answer: what can be let go is, so that the tenant has his
 * server; the job stays open for the rest. */
static int release_half(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (step_w(c)->leased[DST] &&
	    (let_go(c, e) || end_lease(c, DST, true, e)))
		return -1;
	err_set(e, ERR_FAILED,
		"the move to %s is complete and unlocked, but %s does not "
		"answer: its lease and the kept copy wait for it",
		m->dst.host, m->src.host);
	return err_hint(e, "novahaul audit --fix %s when it is back",
			m->src.host);
}

static int release_run(struct step_ctx *c, struct err *e)
{
	struct world *w = step_w(c);

	if (!need_host(w, DST, e))
		return -1;
	if (src_dead(c)) /* nothing was kept there, and nothing is changed */
		return let_go(c, e) || end_lease(c, DST, true, e) ? -1 : 0;
	if (!w->host[SRC] && w->onward)
		return release_half(c, e);
	if (!need_host(w, SRC, e) || clear_source(c, e) ||
	    kept_bytes(c, "kept_bytes", e) || let_go(c, e) ||
	    close_manifest(c, e))
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
	if (m->dead)
		return err_hint(e, "novahaul move %s takes it elsewhere",
				m->uuid);
	return err_hint(e, "novahaul move %s --to %s", m->uuid, m->src.host);
}

const struct step step_release = {
	.name = "release",
	.summary = "unlock; what is kept of the source stays until purge",
	.mutates = true,
	.probe = release_probe,
	.run = release_run,
	.undo = release_undo,
};
