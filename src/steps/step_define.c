/* SPDX-License-Identifier: Apache-2.0 */
/*
 * define: the domain is defined from the adapted XML, and its interfaces are
 * plugged as os-vif would.
 *
 * Direct control only: where Nova starts the guest, it writes the domain and
 * plugs the interfaces itself (nova/virt/libvirt/driver.py _hard_reboot, all
 * releases), and a plan has no such step.  What it leaves on the target when a
 * start fails is taken back in the same way.
 */
#include "steps/util.h"

#include <errno.h>
#include <string.h>

#include "domain/domain.h"

/* Compares the files on the target, PLACED or parked, with what install
 * recorded. */
int disks_unchanged(struct step_ctx *c, bool placed, bool *same, struct err *e)
{
	const struct move *m = step_m(c);
	const json_t *want = step_recall_of(c, "install", "installed");
	struct host *h = need_host(step_w(c), DST, e);

	*same = false;
	if (!h)
		return -1;
	for (size_t i = 0; i < m->nfiles; i++) {
		const struct move_file *f = &m->files[i];
		AUTO(mem_freep) char *key = file_key(f);
		AUTO(spot_clear)
		struct spot p =
			placed ? spot_armed(m, DST, f) : spot_parked(c, DST, f);
		const char *w = json_string_value(json_object_get(want, key));
		bool yes;

		if (!w && !f->disk)
			continue;
		if (has_digest(h, AT(p), w, false, &yes, e))
			return -1;
		if (!yes)
			return 0;
	}
	*same = true;
	return 0;
}

/* ---- define */

static struct domain *target_domain(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct domain *d =
		domain_parse(m->domain_xml, strlen(m->domain_xml), e);

	for (size_t i = 0; d && i < m->nports; i++)
		domain_set_port_id(d, m->ports[i].mac, m->ports[i].id);
	return d;
}

/* What plugging D will create, so that undo removes that and nothing else. */
static int note_missing(struct step_ctx *c, const struct domain *d,
			struct err *e)
{
	AUTO(strv_clear) struct strv items = STRV_INIT;
	json_t *j;

	if (virt_net_missing(step_w(c)->virt[DST], d, &items, e))
		return -1;
	j = json_array();
	for (size_t i = 0; i < items.n; i++)
		json_array_append_new(j, json_string(items.v[i]));
	/* The first list counts: a second run finds its own work. */
	return step_record_once(c, "plugged", j, e);
}

int define_foresee(struct step_ctx *c, struct err *e)
{
	AUTO(domain_freep) struct domain *d = NULL;

	if (!step_m(c)->domain_xml)
		return 0; /* interfaces that only Nova knows to plug */
	d = target_domain(c, e);
	return d ? note_missing(c, d, e) : -1;
}

static int plug(struct step_ctx *c, struct err *e)
{
	AUTO(domain_freep) struct domain *d = target_domain(c, e);

	if (!d || note_missing(c, d, e))
		return -1;
	return virt_net_plug(step_w(c)->virt[DST], d, e);
}

bool define_autostart(const struct step_ctx *c)
{
	return json_is_true(json_object_get(
		step_recall_of(c, "disarm", "domain"), "autostart"));
}

static int define_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status st = {0};

	if (!v || claim_holds(c, e) ||
	    step_record_once(c, "intent", json_string("define"), e))
		return -1;
	if (virt_state(v, m->uuid, &st, e) || plug(c, e))
		return -1;
	/* A guest that runs already was defined by Nova, or by us. */
	if (st.state == VIRT_ABSENT || st.state == VIRT_SHUTOFF)
		if (virt_define(v, m->uuid, m->domain_xml, e))
			return -1;
	return define_autostart(c) ? virt_autostart(v, m->uuid, true, e) : 0;
}

static int define_probe(struct step_ctx *c, enum step_state *state,
			struct err *e)
{
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status st = {0};

	if (!v || virt_state(v, step_m(c)->uuid, &st, e))
		return -1;
	*state = st.state == VIRT_ABSENT ? STEP_NOT_DONE : STEP_PARTIAL;
	return 0;
}

static int unplug(struct step_ctx *c, struct err *e)
{
	const json_t *j = step_recall(c, "plugged");
	AUTO(domain_freep) struct domain *d = NULL;
	AUTO(strv_clear) struct strv items = STRV_INIT;

	if (!json_array_size(j))
		return 0;
	d = target_domain(c, e);
	if (!d)
		return -1;
	for (size_t i = 0; i < json_array_size(j); i++)
		strv_add(&items, json_string_value(json_array_get(j, i)));
	return virt_net_unplug(step_w(c)->virt[DST], d, &items, e);
}

int define_refuse_ran(struct step_ctx *c, const char *how, struct err *e)
{
	const struct move *m = step_m(c);

	err_set(e, ERR_REFUSED,
		"the guest %s on %s: going back would lose its writes", how,
		m->dst.host);
	if (m->dead)
		return err_hint(e, "novahaul resume %s", step_job(c));
	return err_hint(e, "novahaul resume %s, then novahaul move %s --to %s",
			step_job(c), m->uuid, m->src.host);
}

/* As in disarm: an old libvirt cannot keep NVRAM or a vTPM's state. */
static int undefine(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = step_w(c)->virt[DST];

	if (!virt_undefine(v, m->uuid, false, e))
		return 0;
	if (e->kind != ERR_REFUSED || !has_extras(m))
		return -1;
	err_clear(e);
	if (install_extras_back(c, e))
		return -1;
	return virt_undefine(v, m->uuid, true, e);
}

bool define_left(const struct step_ctx *c)
{
	return step_recall_of(c, "define", "left") ||
	       step_recall_of(c, "start", "left") ||
	       step_recall_of(c, "evacuate", "left");
}

static int leave_it(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (step_record_once(c, "left", json_true(), e))
		return -1;
	step_say(c,
		 "the guest of the deleted server may have run on %s: what is "
		 "there is left for its Nova to remove",
		 m->dst.host);
	return 0;
}

/* The server is deleted: may the domain be taken away? */
static int undo_gone(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt_status st = {0};
	struct virt *v;
	bool same;

	if (dst_given_up(c)) {
		step_say(c, "%s may keep the domain of the deleted server",
			 m->dst.host);
		return 0;
	}
	v = need_virt(step_w(c), DST, e);
	if (!v || virt_state(v, m->uuid, &st, e))
		return -1;
	if (step_recall_of(c, "start", "intent") ||
	    step_recall_of(c, "evacuate", "asked") ||
	    (st.state != VIRT_ABSENT && st.state != VIRT_SHUTOFF))
		return leave_it(c, e);
	if (disks_unchanged(c, true, &same, e)) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e); /* Nova has removed them */
		same = true;
	}
	if (!same)
		return leave_it(c, e);
	if (st.state == VIRT_SHUTOFF && undefine(c, e))
		return -1;
	return unplug(c, e);
}

/*
 * States: nothing; interfaces; a domain too, shut off, with or without its
 * NVRAM; a domain that somebody has started.
 */
int define_take_back(struct step_ctx *c, struct err *e)
{
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status st = {0};
	bool same;

	if (step_w(c)->gone && step_recall(c, "intent")) {
		err_clear(e);
		return undo_gone(c, e);
	}
	if (!v || !step_recall(c, "intent"))
		return v ? 0 : -1;
	if (virt_state(v, step_m(c)->uuid, &st, e))
		return -1;
	if (st.state != VIRT_ABSENT && st.state != VIRT_SHUTOFF)
		return define_refuse_ran(c, "runs", e);
	if (disks_unchanged(c, true, &same, e)) {
		/* taken back by an earlier undo, after it was judged */
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		same = true;
	}
	if (!same)
		return define_refuse_ran(c, "has run", e);
	if (st.state == VIRT_SHUTOFF && undefine(c, e))
		return -1;
	return unplug(c, e);
}

const struct step step_define = {
	.name = "define",
	.summary = "define the domain and plug its interfaces on the target",
	.mutates = true,
	.probe = define_probe,
	.run = define_run,
	.undo = define_take_back,
};
