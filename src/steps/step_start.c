/* SPDX-License-Identifier: Apache-2.0 */
/*
 * define and start: the guest comes up on the target.
 *
 * Direct control: the domain is defined from the adapted XML and its
 * interfaces are plugged as os-vif would.  The row says active/1 before libvirt
 * starts it: with 'stopped' there, a living nova-compute pulls the plug of a
 * running guest (nova/compute/manager.py _sync_instance_power_state).
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
		struct host_digest d = {0};
		char hex[65];

		if (!w && !f->disk)
			continue;
		if (host_digest(h, AT(p), &d, e))
			return -1;
		hex_encode(d.sha256, sizeof(d.sha256), hex);
		if (!w || strcmp(w, hex) != 0)
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

static int plug(struct step_ctx *c, struct err *e)
{
	struct virt *v = step_w(c)->virt[DST];
	AUTO(domain_freep) struct domain *d = target_domain(c, e);
	AUTO(strv_clear) struct strv items = STRV_INIT;
	json_t *j = json_array();

	if (!d || virt_net_missing(v, d, &items, e)) {
		json_decref(j);
		return -1;
	}
	for (size_t i = 0; i < items.n; i++)
		json_array_append_new(j, json_string(items.v[i]));
	/* The first list counts: a second run finds its own work. */
	if (step_record_once(c, "plugged", j, e))
		return -1;
	return virt_net_plug(v, d, e);
}

static bool autostart_was_on(struct step_ctx *c)
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
	return autostart_was_on(c) ? virt_autostart(v, m->uuid, true, e) : 0;
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
	const json_t *j = step_recall_of(c, "define", "plugged");
	AUTO(domain_freep) struct domain *d = target_domain(c, e);
	AUTO(strv_clear) struct strv items = STRV_INIT;

	if (!d)
		return -1;
	for (size_t i = 0; i < json_array_size(j); i++)
		strv_add(&items, json_string_value(json_array_get(j, i)));
	return items.n ? virt_net_unplug(step_w(c)->virt[DST], d, &items, e)
		       : 0;
}

static int refuse_ran(struct step_ctx *c, const char *how, struct err *e)
{
	const struct move *m = step_m(c);

	err_set(e, ERR_REFUSED,
		"the guest %s on %s: going back would lose its writes", how,
		m->dst.host);
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
	return step_recall_of(c, "define", "left") != NULL;
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
static int define_undo(struct step_ctx *c, struct err *e)
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
		return refuse_ran(c, "runs", e);
	if (disks_unchanged(c, true, &same, e)) {
		/* taken back by an earlier undo, after it was judged */
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		same = true;
	}
	if (!same)
		return refuse_ran(c, "has run", e);
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
	.undo = define_undo,
};

/* ---- start */

static int set_row(struct step_ctx *c, const char *from, const char *to,
		   int power, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	struct db_power p = {
		.by = world_lease(step_w(c), step_job(c)),
		.at = {m->dst.host, m->dst.node, m->dst.compute_id},
		.vm_from = from,
		.vm_to = to,
		.power_to = power,
	};
	int rc = db->ops->set_power(db, &p, e);

	return settle_write(c, rc, &(struct db_question){.power = &p}, e);
}

/* The row and our record, read on the writer right before the start. */
static int still_ours(struct step_ctx *c, char **vm_state, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};
	enum db_moved moved;

	if (read_row(c, &row, e) || rewrite_where(c, &moved, e))
		return -1;
	if (row.deleted || !row.host || strcmp(row.host, m->dst.host) != 0 ||
	    (moved != DB_MOVED_YES && moved != DB_MOVED_SETTLED))
		return err_set(e, ERR_CONFLICT,
			       "the database no longer says that the instance "
			       "is on %s; it is not started",
			       m->dst.host);
	if (!row.vm_state || (strcmp(row.vm_state, "stopped") != 0 &&
			      strcmp(row.vm_state, "active") != 0))
		return err_set(e, ERR_CONFLICT,
			       "the database says vm_state %s; it is not "
			       "started",
			       row.vm_state ? row.vm_state : "NULL");
	if (row.task_state)
		return err_set(e, ERR_CONFLICT,
			       "Nova is busy with the instance (task_state %s)",
			       row.task_state);
	*vm_state = mem_strdup0(row.vm_state);
	return 0;
}

static int start_guest(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = step_w(c)->virt[DST];
	struct virt_status st = {0};
	struct err why = ERR_INIT;

	if (!virt_start(v, m->uuid, e))
		return 0;
	if (e->kind != ERR_FAILED)
		return -1;
	/* Refused because it runs: Nova was quicker.  A row that says
	 * 'stopped' would make it pull the plug. */
	if (virt_state(v, m->uuid, &st, &why)) {
		err_also(e, &why);
	} else if (st.state == VIRT_RUNNING) {
		err_clear(e);
		return 0;
	} else if (st.state == VIRT_SHUTOFF || st.state == VIRT_ABSENT) {
		/* It did not start: do not leave a row that says it runs. */
		if (set_row(c, "active", "stopped", 4, &why))
			err_also(e, &why);
	}
	return -1;
}

/* Nothing on the source can start it.  A source that does not answer had its
 * domain undefined, its files carried off and its guest proved stopped before
 * the database named the target (disarm, rewrite), and no step arms it again
 * while the database does: a dead source must not keep the guest down. */
static int source_is_safe(struct step_ctx *c, struct err *e)
{
	const struct world *w = step_w(c);
	const struct move *m = w->move;

	if (w->host[SRC] || !w->onward || !step_is_done(c, "disarm") ||
	    !step_is_done(c, "rewrite"))
		return prove_side(c, SRC, e);
	step_say(
		c,
		"%s does not answer; it was disarmed and proved stopped before "
		"the database named %s, so the guest is started",
		m->src.host, m->dst.host);
	return 0;
}

static int start_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status st = {0};
	AUTO(mem_freep) char *vm_state = NULL;

	if (!v || claim_holds(c, e) || source_is_safe(c, e) ||
	    still_ours(c, &vm_state, e) || virt_state(v, m->uuid, &st, e))
		return -1;
	if (st.state == VIRT_PAUSED || st.state == VIRT_OTHER)
		return err_set(e, ERR_CONFLICT, "the guest is %s on %s",
			       virt_state_name(st.state), m->dst.host);
	if (step_record_once(c, "intent", json_string("start"), e))
		return -1;
	if (vm_state && strcmp(vm_state, "active") != 0 &&
	    set_row(c, vm_state, "active", 1, e))
		return -1;
	if (st.state == VIRT_RUNNING)
		return 0;
	if (bases_refresh(c, DST, e))
		return -1;
	return start_guest(c, e);
}

static int start_probe(struct step_ctx *c, enum step_state *state,
		       struct err *e)
{
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status st = {0};
	AUTO(db_instance_clear) struct db_instance row = {0};
	bool active;

	if (!v || virt_state(v, step_m(c)->uuid, &st, e) ||
	    read_row(c, &row, e))
		return -1;
	active = row.vm_state && !strcmp(row.vm_state, "active");
	*state = st.state == VIRT_RUNNING && active   ? STEP_DONE
		 : active || st.state == VIRT_RUNNING ? STEP_PARTIAL
						      : STEP_NOT_DONE;
	return 0;
}

/* Between our 'active' and the start, Nova's power sync may have found the
 * guest off and written 'stopped': its next pass would pull the plug. */
static int start_verify(struct step_ctx *c, struct err *e)
{
	enum step_state state = STEP_UNKNOWN;

	if (start_probe(c, &state, e))
		return -1;
	return state == STEP_DONE
		       ? 0
		       : err_set(e, ERR_RETRY,
				 "the guest and its row do not agree");
}

/*
 * States: nothing; the row active and the guest off (it did not start, or ran
 * and ended); the guest running.  Only where the disks are what was installed
 * did it not run.
 */
static int start_undo(struct step_ctx *c, struct err *e)
{
	struct virt *v = need_virt(step_w(c), DST, e);
	struct virt_status st = {0};
	AUTO(db_instance_clear) struct db_instance row = {0};
	bool same;

	if (step_w(c)->gone) {
		err_clear(e);
		return 0; /* define's undo judges what is there */
	}
	if (!v || !step_recall(c, "intent"))
		return v ? 0 : -1;
	if (virt_state(v, step_m(c)->uuid, &st, e) || read_row(c, &row, e))
		return -1;
	if (st.state != VIRT_ABSENT && st.state != VIRT_SHUTOFF)
		return refuse_ran(c, "runs", e);
	if (!row.host || strcmp(row.host, step_m(c)->dst.host) != 0)
		return 0; /* undone before, with the rewrite */
	if (disks_unchanged(c, true, &same, e))
		return -1;
	if (!same)
		return refuse_ran(c, "has run", e);
	if (row.vm_state && !strcmp(row.vm_state, "active"))
		return set_row(c, "active", "stopped", 4, e);
	return 0;
}

const struct step step_start = {
	.name = "start",
	.summary = "start the guest on the target",
	.mutates = true,
	.probe = start_probe,
	.run = start_run,
	.undo = start_undo,
	.verify = start_verify,
};
