/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit --fix: from findings to jobs, one a server, with a step a finding.  The
 * engine runs them as it runs a move: journalled before each change, undone as
 * one when a step fails, and undone by `rollback JOB` later.
 */
#include <string.h>

#include "audit/audit.h"
#include "cli/app_priv.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/str.h"

enum { STEPS = 5 };
struct order {
	enum audit_fix fix;
	const char *step;
};
/* In the order in which they are made. */
static const struct order audit_order[STEPS] = {
	{AUDIT_FIX_EVACUATION, "fix-evacuation"},
	{AUDIT_FIX_DOMAIN, "fix-domain"},
	{AUDIT_FIX_DIRECTORY, "fix-directory"},
	{AUDIT_FIX_ALLOCATION, "fix-allocation"},
	{AUDIT_FIX_PORT, "fix-port"},
};
/* The record that has Nova clear what is left is completed once nothing is:
 * cut short at any moment, one of the two has been done. */
static const struct order readmit_order[STEPS] = {
	{AUDIT_FIX_DOMAIN, "fix-domain"},
	{AUDIT_FIX_DIRECTORY, "fix-directory"},
	{AUDIT_FIX_EVACUATION, "fix-evacuation"},
	{AUDIT_FIX_ALLOCATION, "fix-allocation"},
	{AUDIT_FIX_PORT, "fix-port"},
};

static const struct audit_host *host_of(const struct audit_facts *f,
					const char *name)
{
	for (size_t i = 0; name && i < f->n_hosts; i++)
		if (!strcmp(f->hosts[i].name, name))
			return &f->hosts[i];
	return NULL;
}

static void add_params(const struct audit_facts *f,
		       const struct audit_finding *x, json_t *p)
{
	const struct audit_host *at = host_of(f, x->host);
	const struct audit_host *home = host_of(f, x->home);

	switch (x->fix) {
	case AUDIT_FIX_EVACUATION:
		json_object_set_new(p, "id", json_integer(x->id));
		json_object_set_new(p, "from", json_string(x->from));
		json_object_set_new(
			p, "shared",
			json_boolean(at && home && at->shared && home->shared));
		break;
	case AUDIT_FIX_ALLOCATION:
		json_object_set_new(p, "from", json_string(at->provider));
		json_object_set_new(p, "to", json_string(home->provider));
		break;
	case AUDIT_FIX_PORT:
		json_object_set_new(p, "port", json_string(x->object));
		break;
	case AUDIT_FIX_DOMAIN:
	case AUDIT_FIX_DIRECTORY:
	case AUDIT_FIX_NONE:
		break;
	}
}

static json_t *step_json(const struct audit_facts *f,
			 const struct audit_finding *x, const char *name)
{
	json_t *p = json_pack("{s:s, s:s, s:s}", "server", x->server, "host",
			      x->host ? x->host : "", "home",
			      x->home ? x->home : "");

	add_params(f, x, p);
	return json_pack("{s:s, s:o}", "step", name, "params", p);
}

static bool same_server(const struct audit_finding *a,
			const struct audit_finding *b)
{
	return a->server && b->server && !strcmp(a->server, b->server);
}

/* All that can be done for the server of finding AT. */
static json_t *plan_of(const struct audit_facts *f,
		       const struct audit_found *found, size_t at,
		       const char *kind)
{
	const struct order *steps =
		str_is(kind, "readmit") ? readmit_order : audit_order;
	const struct audit_finding *x = &found->v[at];
	char now[CLOCK_ISO_MAX];
	json_t *list = json_array();

	for (size_t k = 0; k < STEPS; k++)
		for (size_t i = 0; i < found->n; i++)
			if (found->v[i].fix == steps[k].fix &&
			    same_server(x, &found->v[i]))
				json_array_append_new(list,
						      step_json(f, &found->v[i],
								steps[k].step));
	clock_iso(clock_now_us(), now);
	return json_pack("{s:i, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:o}",
			 "plan_version", 1, "kind", kind, "created", now,
			 "instance", "uuid", x->server, "name",
			 x->name ? x->name : x->server, "source",
			 x->host ? x->host : "", "target",
			 x->home ? x->home : "", "steps", list);
}

static void fix_one(struct app *a, const struct audit_facts *f,
		    const struct audit_found *found, size_t at,
		    const char *kind, struct app_fixed *out)
{
	struct app_outcome o = APP_OUTCOME_INIT;
	json_t *plan = plan_of(f, found, at, kind);
	struct err why = ERR_INIT;

	app_run_fix(a, plan, found->v[at].server, &o, &why);
	json_decref(plan);
	if (o.end == TXN_OPEN && *o.job)
		err_hint(&why, "novahaul resume %s, or novahaul rollback %s",
			 o.job, o.job);
	for (size_t i = at; i < found->n; i++) {
		if (!found->v[i].fix ||
		    !same_server(&found->v[at], &found->v[i]))
			continue;
		out[i].done = o.end == TXN_DONE;
		out[i].open = o.end == TXN_OPEN;
		memcpy(out[i].job, o.job, sizeof(out[i].job));
		if (out[i].done)
			continue;
		err_set(&out[i].why, why.kind ? why.kind : ERR_FAILED,
			"not fixed: %s", err_msg(&why));
		if (why.hint)
			err_hint(&out[i].why, "%s", why.hint);
	}
	err_clear(&why);
	json_decref(o.report);
}

static bool seen(const struct audit_found *found, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (found->v[i].fix && same_server(&found->v[i], &found->v[at]))
			return true;
	return false;
}

void app_fix(struct app *a, const struct audit_facts *f,
	     const struct audit_found *found, const char *kind,
	     struct app_fixed *out)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->v[i].fix && found->v[i].server && !seen(found, i))
			fix_one(a, f, found, i, kind, out);
}
