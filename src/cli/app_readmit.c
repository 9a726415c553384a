/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readmit: a host that was fenced returns.  What it has left of servers that
 * went on elsewhere is disarmed, one job a server, the records of their
 * evacuations are completed, and only then Nova may use the host again.
 */
#include <string.h>

#include "audit/audit.h"
#include "cli/app_priv.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/str.h"
#include "engine/fence.h"

#define SCHEMA_VERSION 1

struct readmit {
	struct app *a;
	const struct app_readmit *r;
	json_t *state; /* of ops->readmit_look() */
	struct audit_facts f;
	struct audit_found found;
	struct app_fixed *fixed;
	char service_job[JOURNAL_ID_MAX];
};

static void clear(struct readmit *x)
{
	for (size_t i = 0; x->fixed && i < x->found.n; i++)
		err_clear(&x->fixed[i].why);
	mem_free(x->fixed);
	audit_found_clear(&x->found);
	audit_facts_clear(&x->f);
	json_decref(x->state);
}

static bool flag(const struct readmit *x, const char *name)
{
	return json_is_true(json_object_get(x->state, name));
}

/* --- looking */

static void read_facts(struct readmit *x, const struct strv *hosts)
{
	static const struct strv none;
	struct app_audit_scope scope = {.hosts = hosts, .silent = &none};

	audit_facts_clear(&x->f);
	x->a->ops->audit_read(x->a, &scope, &x->f);
}

/* Where the servers are of which the host has something: they must be well
 * there.  Guests that Nova has on the host do not matter. */
static void add_homes(const struct readmit *x, const struct audit_found *found,
		      struct strv *hosts)
{
	(void)x;
	for (size_t i = 0; i < found->n; i++)
		if (found->v[i].home && !strv_has(hosts, found->v[i].home))
			strv_add(hosts, found->v[i].home);
}

/* Everything that was to be read was: what is not seen is not "nothing". */
static int all_read(const struct readmit *x, struct err *e)
{
	for (size_t i = 0; i < x->f.n_unasked; i++) {
		const struct audit_unasked *u = &x->f.unasked[i];

		/* Another host: what depends on it says so. */
		if (u->host && !str_is(u->what, x->r->host))
			continue;
		err_set(e, ERR_FAILED, "%s could not be asked: %s", u->what,
			u->why);
		return u->hint ? err_hint(e, "%s", u->hint) : -1;
	}
	for (size_t i = 0; i < x->f.n_hosts; i++)
		if (str_is(x->f.hosts[i].name, x->r->host) &&
		    x->f.hosts[i].looked)
			return 0;
	err_set(e, ERR_REFUSED, "no compute host of this name in the cell");
	return err_hint(e, "openstack compute service list");
}

static int look(struct readmit *x, struct err *e)
{
	AUTO(strv_clear) struct strv hosts = STRV_INIT;

	if (x->a->ops->readmit_look(x->a, x->r->host, &x->state, e))
		return -1;
	strv_add(&hosts, x->r->host);
	read_facts(x, &hosts);
	if (all_read(x, e))
		return -1;
	audit_readmit(&x->f, x->r->host, &x->found);
	add_homes(x, &x->found, &hosts);
	audit_found_clear(&x->found);
	if (hosts.n > 1)
		read_facts(x, &hosts);
	if (all_read(x, e))
		return -1;
	audit_readmit(&x->f, x->r->host, &x->found);
	x->fixed = MEM_NEW_N(struct app_fixed, x->found.n + 1);
	return 0;
}

/* --- may it? */

static int no_compute(const struct readmit *x, struct err *e)
{
	if (!flag(x, "nova_compute"))
		return 0;
	err_set(e, ERR_REFUSED,
		"nova-compute runs there: it may start guests, or destroy "
		"some, at any moment");
	return err_hint(e,
			"stop nova-compute on %s; novahaul readmit %s; start "
			"it again",
			x->r->host, x->r->host);
}

/* What cannot be settled; RUNS: because it runs. */
static int no_stop(const struct readmit *x, bool runs, struct err *e)
{
	size_t n = 0;
	const struct audit_finding *first = NULL;

	for (size_t i = 0; i < x->found.n; i++) {
		const struct audit_finding *v = &x->found.v[i];

		if (v->fix || (runs && str_is(v->kind, "leftover-kept")))
			continue;
		first = first ? first : v;
		n++;
	}
	if (!first)
		return 0;
	err_set(e, ERR_REFUSED, "server %s (%s): %s%s", first->server,
		first->name ? first->name : "?", first->message,
		n > 1 ? ", and there are more" : "");
	return first->hint ? err_hint(e, "%s", first->hint) : -1;
}

/* A job that holds it is why something is kept, and is asked for first. */
static int in_the_way(const struct readmit *x, struct err *e)
{
	return no_compute(x, e) || no_stop(x, true, e) ||
			       app_held(x->a, x->r->host, &x->f, &x->found,
					e) ||
			       no_stop(x, false, e)
		       ? -1
		       : 0;
}

static bool service_waits(const struct readmit *x)
{
	return flag(x, "forced_down") ||
	       (flag(x, "disabled") && (flag(x, "ours") || x->r->enable));
}

/* --- doing */

/* Whoever has it for dead must know.  As the probe would have seen it, so that
 * a later one which sees nothing takes its place. */
static int say_alive(const struct readmit *x, struct err *e)
{
	struct journal *j = app_journal(x->a, e);
	json_t *what = json_pack("{s:s}", "note", "it is being readmitted");
	char owner[128];
	int rc = -1;

	journal_owner(owner, sizeof(owner));
	if (j)
		rc = fence_add(
			j,
			&(struct fence_evidence){.host = x->r->host,
						 .provider = "probe",
						 .verdict = FENCE_ALIVE,
						 .taken_us = clock_now_us(),
						 .what = what,
						 .by = owner},
			e);
	json_decref(what);
	journal_close(j);
	return rc;
}

static int disarm_all(struct readmit *x, bool *open, struct err *e)
{
	const struct err *first = NULL;
	size_t n = 0;

	app_fix(x->a, &x->f, &x->found, "readmit", x->fixed);
	for (size_t i = 0; i < x->found.n; i++) {
		if (x->fixed[i].done)
			continue;
		*open |= x->fixed[i].open;
		first = first ? first : &x->fixed[i].why;
		n++;
	}
	if (!first)
		return 0;
	err_set(e, first->kind,
		"%zu of %zu leftovers are not settled, and the "
		"host stays out: %s",
		n, x->found.n, err_msg(first));
	return first->hint ? err_hint(e, "%s", first->hint) : -1;
}

static json_t *service_plan(const struct readmit *x)
{
	const char *host = x->r->host;
	char now[CLOCK_ISO_MAX];

	clock_iso(clock_now_us(), now);
	return json_pack(
		"{s:i, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s, s:{s:s, "
		"s:b}}]}",
		"plan_version", 1, "kind", "readmit", "created", now,
		"instance", "uuid", host, "name", host, "source", host,
		"target", host, "steps", "step", "fix-service", "params",
		"host", host, "enable", x->r->enable);
}

static int serve(struct readmit *x, bool *open, struct err *e)
{
	struct app_outcome o = APP_OUTCOME_INIT;
	json_t *plan = service_plan(x);
	int rc = app_run_fix(x->a, plan, x->r->host, &o, e);

	json_decref(plan);
	json_decref(o.report);
	memcpy(x->service_job, o.job, sizeof(x->service_job));
	*open |= o.end == TXN_OPEN;
	if (o.end == TXN_OPEN)
		err_hint(e, "novahaul resume %s, or novahaul rollback %s",
			 o.job, o.job);
	return rc;
}

/* --- the report */

static json_t *row(const struct audit_finding *v, const struct app_fixed *y)
{
	bool failed = y->why.kind != ERR_NONE;

	return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:s?, s:b, "
			 "s:b}",
			 "kind", v->kind, "severity",
			 audit_severity_name(v->severity), "server", v->server,
			 "name", v->name, "home", v->home, "job",
			 *y->job ? y->job : NULL, "message",
			 failed ? err_msg(&y->why) : v->message, "hint",
			 failed && y->why.hint ? y->why.hint : v->hint,
			 "blocks", !v->fix, "done", y->done);
}

static json_t *report_of(const struct readmit *x)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < x->found.n; i++)
		json_array_append_new(rows, row(&x->found.v[i], &x->fixed[i]));
	return json_pack("{s:i, s:s, s:O?, s:b, s:s?, s:o}", "schema_version",
			 SCHEMA_VERSION, "host", x->r->host, "service",
			 x->state, "service_waits", service_waits(x),
			 "service_job", *x->service_job ? x->service_job : NULL,
			 "findings", rows);
}

/* What a step refused was not refused beforehand: jobs have run. */
static int act(struct readmit *x, bool *open, struct err *e)
{
	if (say_alive(x, e))
		return -1;
	if (!disarm_all(x, open, e) &&
	    (!service_waits(x) || !serve(x, open, e)))
		return 0;
	if (e->kind == ERR_REFUSED || e->kind == ERR_CONFLICT)
		e->kind = ERR_FAILED;
	return -1;
}

int app_readmit(struct app *a, const struct app_readmit *r, json_t **report,
		bool *open, struct err *e)
{
	struct readmit x = {.a = a, .r = r};
	int rc = look(&x, e);
	bool needed = !rc && (x.found.n || service_waits(&x));

	if (!rc)
		rc = in_the_way(&x, e);
	if (!rc && !needed)
		rc = err_set(e, ERR_NOTHING,
			     "nothing of other hosts' servers is left there, "
			     "and Nova uses it");
	if (!rc && !r->look && !a->confirmed)
		rc = err_set(e, ERR_BUG, "a mutation was not confirmed");
	if (!rc && !r->look)
		rc = act(&x, open, e);
	*report = x.state ? report_of(&x) : NULL;
	clear(&x);
	return rc ? err_wrap(e, "host %s", r->host) : 0;
}
