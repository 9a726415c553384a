/* SPDX-License-Identifier: Apache-2.0 */
/* What Nova's row says: may anybody move this instance now? */
#include <string.h>

#include "checks/checks.h"
#include "core/str.h"

/* ---- the row (ledger-db 5.4) */

static const char *state_hint(const char *vm)
{
	if (str_is(vm, "paused"))
		return "openstack server unpause first";
	if (str_is(vm, "suspended"))
		return "openstack server resume first: its memory is on the "
		       "source";
	if (str_is(vm, "rescued"))
		return "openstack server unrescue first";
	if (str_is(vm, "resized"))
		return "openstack server resize confirm (or revert) first";
	if (str_is(vm, "error"))
		return "settle the error, then openstack server set --state "
		       "active";
	if (str_is(vm, "shelved") || str_is(vm, "shelved_offloaded"))
		return "openstack server unshelve first";
	return "only active and stopped instances are moved";
}

/* What was asked of a dead host may wait for it in its queue: when it is back
 * it would do so, whatever has become of the server meanwhile. */
static void busy(const struct facts *f, struct check_report *r)
{
	const char *host = f->host[SRC_HOST].name;
	AUTO(mem_freep)
	char *dead = mem_printf(
		"the request may wait for %s: rabbitmqctl delete_queue "
		"compute.%s; then openstack server set --state active %s",
		host, host, f->srv.inst.uuid);

	check_refuse(r,
		     f->dead ? dead
			     : "wait for the task to end; if no service is "
			       "working on it any more: nova reset-state",
		     "Nova is busy with it: task_state is '%s'",
		     f->srv.inst.task_state);
}

static void server_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	const struct db_instance *i = &f->srv.inst;

	(void)o;
	if (i->deleted)
		check_refuse(r,
			     "there is nothing to move; novahaul jobs lists "
			     "kept copies",
			     "the server is deleted");
	if (!i->host || !i->node)
		check_refuse(r, "it may be shelved, or never have been built",
			     "the database names no host for it");
	if (!str_is(i->vm_state, "active") && !str_is(i->vm_state, "stopped"))
		check_refuse(r, state_hint(i->vm_state),
			     "vm_state is '%s', not 'active' or 'stopped'",
			     i->vm_state ? i->vm_state : "NULL");
	if (i->task_state)
		busy(f, r);
	if (i->hidden)
		check_refuse(r, "finish the cross-cell resize first",
			     "it is half of a cross-cell resize");
	if (i->cell_name)
		check_refuse(r, "leave cells v1 first (removed in Stein)",
			     "it lives in a cells v1 child cell (%s): its row "
			     "has a twin in the top cell",
			     i->cell_name);
	if (f->srv.migration_context)
		check_refuse(r, "confirm or revert the resize first",
			     "a migration context is set: a resize or "
			     "migration is not over");
	if (f->srv.build_request)
		check_refuse(r, "wait until it is active",
			     "it is still being scheduled");
}

const struct check chk_server = {"server", "the instance can be moved now",
				 server_run};

static void locked_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	const struct db_instance *i = &f->srv.inst;
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	(void)o;
	if (!i->locked)
		return;
	if (db_token_parse(i->reason, job, &epoch)) {
		/* Where the source is dead it may be a move off it. */
		AUTO(mem_freep)
		char *h = mem_printf(
			f->dead ? "a move: novahaul rollback %s --source-dead, "
				  "or novahaul resume %s --source-dead; a "
				  "rescue: the same without it; without its "
				  "journal: novahaul audit --fix"
				: "novahaul resume %s, or novahaul rollback "
				  "%s; without its journal: novahaul audit "
				  "--fix",
			job, job);

		check_say(r, CHECK_LOCKED, h, "job %s of novahaul holds it",
			  job);
		return;
	}
	check_refuse(r,
		     "openstack server unlock, when whoever locked it agrees",
		     "it is locked by %s%s%s",
		     i->locked_by ? i->locked_by : "somebody",
		     i->reason ? ": " : "", i->reason ? i->reason : "");
}

const struct check chk_locked = {"locked", "nobody has locked it", locked_run};

/* ---- migrations: state-ledger 3.1, ground-truth 4 */

static void migrations_run(const struct facts *f, const struct check_opts *o,
			   struct check_report *r)
{
	(void)o;
	for (size_t k = 0; k < f->srv.n_migrations; k++) {
		const struct db_migration *m = &f->srv.migrations[k];

		if (db_migration_in_flight(m))
			check_refuse(r, "wait for it, or abort it",
				     "migration %lld is under way (%s)",
				     (long long)m->id, m->status);
		if (db_migration_arms(m, f->to))
			check_refuse(
				r,
				"novahaul audit --fix settles the record; so "
				"does a restart of nova-compute there while "
				"the instance is elsewhere",
				"an old evacuation from %s (migration %lld, "
				"'%s') is not settled: the next restart of its "
				"nova-compute would destroy the guest there",
				f->to, (long long)m->id, m->status);
	}
}

const struct check chk_migrations = {
	"migrations", "no migration is under way or armed", migrations_run};

/* ---- the cloud around it: Placement, Neutron, Cinder */

static const char *next_of(const struct err *e)
{
	if (e->hint)
		return e->hint;
	return e->kind == ERR_RETRY
		       ? "try again when it answers"
		       : "set OS_CLOUD, or OS_AUTH_URL and its sisters, to an "
			 "administrator's; or, when no API answers: --control "
			 "direct";
}

static void why_not(const struct facts *f, struct check_report *r)
{
	const struct err *e = &f->cloud.err;
	const char *next = next_of(e);
	const char *src = f->host[SRC_HOST].name;

	for (int s = SRC_HOST; s <= DST_HOST; s++) {
		const struct fact_host *h = &f->host[s];

		if (h->conf_known && h->conf.has_placement)
			check_refuse(r, next,
				     "%s is configured for Placement: the "
				     "allocations would stay on %s (%s)",
				     h->name, src, err_msg(e));
		if (h->conf_known && h->conf.has_neutron)
			check_refuse(r, next,
				     "%s is configured for Neutron: the ports "
				     "would stay bound to %s (%s)",
				     h->name, src, err_msg(e));
	}
	if (f->srv.allocations > 0)
		check_refuse(r, next,
			     "the instance has %d Placement allocations in "
			     "nova_api (%s)",
			     f->srv.allocations, err_msg(e));
}

static void allocations(const struct facts *f, struct check_report *r)
{
	const struct fact_cloud *c = &f->cloud;

	if (!c->on[SRC_HOST])
		check_refuse(r, "nova-manage placement heal_allocations",
			     "Placement has no resources of it on %s",
			     f->host[SRC_HOST].name);
	if (c->on[DST_HOST] || c->other)
		check_refuse(r,
			     "novahaul audit tells whose they are, and "
			     "--fix settles it",
			     "Placement has resources of it on %s as well",
			     c->other ? c->other : f->to);
	if (c->lacks)
		check_refuse(r, "pick a target with room for it",
			     "Placement has not enough on %s for it: %s", f->to,
			     c->lacks);
}

static bool knows_port(const struct facts *f, const char *id)
{
	for (size_t i = 0; i < f->srv.n_vifs; i++)
		if (f->srv.vifs[i].id && !strcmp(f->srv.vifs[i].id, id))
			return true;
	return false;
}

static void cloud_port(const struct facts *f, const struct fact_port *p,
		       struct check_report *r)
{
	const char *src = f->host[SRC_HOST].name;

	if (p->hidden)
		check_refuse(r, "use an account with the role admin",
			     "this user may not see where port %s is bound",
			     p->id);
	else if (!p->host || strcmp(p->host, src) != 0)
		check_refuse(r,
			     "novahaul audit --fix binds it, or Nova's next "
			     "heal of its network info",
			     "port %s is bound to '%s', not to %s", p->id,
			     p->host ? p->host : "", src);
	if (p->vnic_type && strcmp(p->vnic_type, "normal") != 0)
		check_refuse(r, NULL, "port %s is of vnic_type '%s'", p->id,
			     p->vnic_type);
	if (p->trunk)
		check_refuse(r, NULL, "port %s is a trunk", p->id);
	if (p->has_resources)
		check_refuse(r, NULL,
			     "port %s has a guaranteed bandwidth, which "
			     "Placement counts on %s",
			     p->id, src);
	if (p->unfit)
		check_refuse(r, "try again when Neutron answers",
			     "port %s cannot be bound to %s by SQL: %s", p->id,
			     f->to, p->unfit);
	if (!knows_port(f, p->id))
		check_refuse(r, "nova's next heal of its network info adds it",
			     "Nova does not know its port %s yet", p->id);
}

/* No API: what is written instead, why, and what stays open until it is back.
 */
static void by_sql(const struct facts *f, struct check_report *r)
{
	const struct fact_cloud *c = &f->cloud;
	AUTO(mem_freep) char *what = strv_join(&c->databases, "; ");

	if (c->databases.n)
		check_warn(
			r,
			"after Neutron is back: openstack port list "
			"--server tells whether they are ACTIVE; novahaul "
			"audit --fix binds those of stopped servers",
			"what other services than Nova have of it is written "
			"by SQL (%s), because %s; its ports stay DOWN and "
			"unbound until Neutron's server runs and the agent "
			"on %s asks it",
			what, c->why_sql, f->to);
	for (size_t i = 0; i < c->unverified.n; i++)
		check_warn(r, "prefer to wait for the API",
			   "not verified on this revision: %s",
			   c->unverified.v[i]);
}

static void route_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	const struct fact_cloud *c = &f->cloud;

	(void)o;
	if (f->srv.nova_net_ips > 0)
		check_warn(r, NULL,
			   "nova-network serves it: its addresses are plumbed "
			   "by the next start through Nova");
	if (!c->asked)
		return;
	if (c->err.kind != ERR_NONE) {
		why_not(f, r);
		return;
	}
	if (c->sql)
		by_sql(f, r);
	if (c->placement_err.kind != ERR_NONE)
		check_refuse(r, next_of(&c->placement_err),
			     "Placement does not say what it has of it (%s)",
			     err_msg(&c->placement_err));
	else if (c->placement)
		allocations(f, r);
	if (c->network_err.kind != ERR_NONE)
		check_refuse(r, next_of(&c->network_err),
			     "Neutron does not say where its ports are (%s)",
			     err_msg(&c->network_err));
	for (size_t i = 0; i < c->n_ports; i++)
		cloud_port(f, &c->ports[i], r);
}

const struct check chk_route = {
	"route", "what else binds it to its host can be moved along",
	route_run};

/* ---- the schema */

static void schema_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	const struct db_server *s = &f->srv;
	int64_t src = f->host[SRC_HOST].db.cell_id;
	int64_t dst = f->host[DST_HOST].db.cell_id;

	(void)o;
	/* A half-migrated or unknown schema never gets this far: db.h. */
	if (f->host[DST_HOST].db_err.kind != ERR_NONE ||
	    f->host[SRC_HOST].db_err.kind != ERR_NONE)
		return;
	if (dst >= 0 && s->cell_id >= 0 && s->cell_id != dst)
		check_refuse(r, "pick a target in the instance's own cell",
			     "the instance is mapped to cell %lld, %s to cell "
			     "%lld",
			     (long long)s->cell_id, f->to, (long long)dst);
	else if (src >= 0 && dst < 0)
		check_refuse(r, "nova-manage cell_v2 discover_hosts",
			     "%s is not mapped to any cell", f->to);
}

const struct check chk_schema = {"cells", "instance and target are in one cell",
				 schema_run};

static void rights_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	(void)o;
	if (f->rights.kind != ERR_NONE)
		check_refuse(r, f->rights.hint, "%s", err_msg(&f->rights));
}

const struct check chk_rights = {
	"rights", "the database user may do what a move needs", rights_run};
