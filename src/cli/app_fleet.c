/* SPDX-License-Identifier: Apache-2.0 */
/* Whole hosts: facts of all in, one plan out; and a plan that was edited. */
#include "cli/app_fleet.h"

#include <string.h>

#include "cli/app_priv.h"
#include "cli/request.h"
#include "core/str.h"
#include "engine/batch.h"
#include "facts/fleet.h"
#include "plan/plan_fleet.h"

/* ---- the facts */

static void fleet_drop(struct fleet_facts *f)
{
	if (f) {
		fleet_clear(f);
		mem_free(f);
	}
}

static void fleet_dropp(struct fleet_facts **f)
{
	fleet_drop(*f);
}

static void plan_dropp(struct plan_fleet **p)
{
	plan_fleet_free(*p);
}

static bool add_job(void *arg, const struct journal_job *job)
{
	if (job->state == JOURNAL_OPEN && job->instance && job->target)
		fleet_add_job(arg, job->id, job->instance, job->target);
	return true;
}

static bool add_open(void *arg, const struct batch *b)
{
	if (b->state == BATCH_OPEN && b->dir == JOURNAL_FORWARD)
		strv_add(arg, b->id);
	return true;
}

/* What open batches, this one as well, have yet to begin. */
static int add_planned(struct journal *j, struct fleet_facts *f, struct err *e)
{
	AUTO(strv_clear) struct strv open = STRV_INIT;

	if (batch_each(j, add_open, &open, e))
		return -1;
	for (size_t i = 0; i < open.n; i++) {
		struct batch b;

		if (batch_load(j, open.v[i], &b, e))
			return -1;
		for (size_t k = 0; k < b.nmembers; k++) {
			const struct batch_member *m = &b.members[k];

			if ((m->state == MEMBER_PENDING ||
			     m->state == MEMBER_RUNNING) &&
			    m->instance && m->target)
				fleet_add_planned(f, b.id, m->instance,
						  m->target);
		}
		batch_clear(&b);
	}
	return 0;
}

static struct fleet_facts *look(struct app *a, const struct app_fleet_read *r,
				struct err *e)
{
	struct fleet_facts *f = a->ops->fleet_read(a, r, e);
	struct journal *j;
	int rc;

	if (!f)
		return NULL;
	j = app_journal(a, e);
	rc = j ? journal_jobs(j, add_job, f, e) : -1;
	if (!rc)
		rc = add_planned(j, f, e);
	journal_close(j);
	if (!rc)
		return f;
	fleet_drop(f);
	err_wrap(e, "open jobs and batches, which take room on hosts");
	return NULL;
}

/* ---- the plan */

/* The move looks with the same eyes as this plan: what was planned with the
 * APIs does not write their databases because one is slow when its turn comes.
 */
static void keep_control(struct plan_fleet *p, const struct app_request *r,
			 const json_t *report)
{
	const char *by = json_string_value(json_object_get(report, "control"));

	if (r->control != APP_CONTROL_AUTO)
		return;
	if (str_is(by, "api+direct"))
		plan_fleet_control(p, r->server,
				   app_control_name(APP_CONTROL_SERVICES));
	else if (str_is(by, "sql+direct"))
		plan_fleet_control(p, r->server,
				   app_control_name(APP_CONTROL_DIRECT));
}

/* What a move's own checks say of a member; they see more than facts of a whole
 * host: its ports, volumes, and what its disks name. */
static int ask_checks(struct app *a, const struct app_request *move,
		      struct plan_fleet *p, size_t i, bool *stays,
		      struct err *e)
{
	struct app_request r = *move;
	json_t *report = NULL;
	const json_t *c;
	size_t k;

	if (!plan_fleet_member(p, i, &r.server, &r.to))
		return 0;
	if (app_check(a, &r, &report, e))
		return err_wrap(e, "checking instance %s", r.server);
	keep_control(p, &r, report);
	json_array_foreach (json_object_get(report, "checks"), k, c) {
		const char *result =
			json_string_value(json_object_get(c, "result"));
		const char *why =
			json_string_value(json_object_get(c, "message"));

		if (!str_is(result, "refuse") && !str_is(result, "locked"))
			continue;
		*stays = true;
		plan_fleet_stay(p, r.server, why,
				json_string_value(json_object_get(c, "hint")));
		break;
	}
	json_decref(report);
	return 0;
}

static size_t members_of(const struct plan_fleet *p)
{
	const char *uuid, *target;
	size_t n = 0;

	while (plan_fleet_member(p, n, &uuid, &target))
		n++;
	return n;
}

/* Once more when some must stay: others may have their room. */
static int pack(struct app *a, const struct app_evacuate *r,
		struct plan_fleet *p, struct err *e)
{
	struct app_request move = r->move;
	bool stays = false;
	size_t n;

	if (plan_fleet_pack(p, e))
		return -1;
	n = r->no_checks ? 0 : members_of(p);
	move.whole_group = true;
	move.survey = true;
	for (size_t i = 0; i < n; i++)
		if (ask_checks(a, &move, p, i, &stays, e))
			return -1;
	return stays ? plan_fleet_pack(p, e) : 0;
}

static int policy_of(const struct app_evacuate *r, enum pack_policy *out,
		     struct err *e)
{
	*out = PACK_SPREAD;
	return r->policy ? pack_policy_by_name(r->policy, out, e) : 0;
}

static struct check_opts checks_of(const struct app_request *r)
{
	return (struct check_opts){.start = !r->no_start,
				   .detach = r->detach_volumes,
				   .copy_console = r->copy_console_log,
				   .verify_deep = r->verify_deep};
}

static int make(struct app *a, const struct app_evacuate *r,
		const struct fleet_facts *f, const json_t *words[2],
		json_t **plan, struct err *e)
{
	struct plan_fleet_opts o = {.servers = &r->servers,
				    .checks = checks_of(&r->move),
				    .targets = &r->targets,
				    .limits = words[0],
				    .options = words[1],
				    .most_per_target =
					    r->limits.most_per_target,
				    .bwlimit = r->limits.bwlimit};
	AUTO(plan_dropp) struct plan_fleet *p = NULL;

	if (policy_of(r, &o.policy, e))
		return -1;
	p = plan_fleet_new(f, &o, e);
	if (!p || pack(a, r, p, e))
		return -1;
	*plan = plan_fleet_document(p);
	if (!*plan)
		return err_set(e, ERR_BUG, "the plan cannot be written");
	if (members_of(p))
		return 0;
	err_set(e, ERR_REFUSED,
		"none of the %zu instances on %s can go anywhere",
		plan_fleet_nowhere(p), r->host);
	return err_hint(e, "the plan's \"nowhere\" says why, of each");
}

int app_evacuate_plan(struct app *a, const struct app_evacuate *r,
		      json_t **plan, struct err *e)
{
	struct app_fleet_read ask = {.host = r->host,
				     .targets = &r->targets,
				     .servers = &r->servers,
				     .control = r->move.control};
	AUTO(fleet_dropp) struct fleet_facts *f = NULL;
	json_t *l = app_limits_json(&r->limits);
	json_t *o = app_options_json(&r->move);
	const json_t *words[2] = {l, o};
	int rc = -1;

	*plan = NULL;
	f = look(a, &ask, e);
	if (f)
		rc = make(a, r, f, words, plan, e);
	json_decref(l);
	json_decref(o);
	return rc;
}

/* ---- does it still hold? */

static int shape(const json_t *plan, struct err *e)
{
	struct app_limits l;
	struct app_request r;
	size_t n = json_array_size(json_object_get(plan, "members"));

	if (plan_fleet_shape(plan, e) || app_batch_limits(plan, &l, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (app_batch_options(plan, i, &r, e))
			return -1;
	if (!n)
		return err_set(e, ERR_NOTHING, "the plan has no members");
	return 0;
}

static void names_in(const json_t *plan, struct strv *servers,
		     struct strv *targets)
{
	const json_t *m;
	size_t i;

	json_array_foreach (json_object_get(plan, "members"), i, m) {
		const char *to =
			json_string_value(json_object_get(m, "target"));

		strv_add(servers,
			 json_string_value(json_object_get(
				 json_object_get(m, "instance"), "uuid")));
		if (!strv_has(targets, to))
			strv_add(targets, to);
	}
}

/* A member that has left the host is told of as such, not as a bad name. */
static void only_there(const struct fleet_facts *f, struct strv *servers)
{
	AUTO(strv_clear) struct strv left = STRV_INIT;

	for (size_t i = 0; i < f->n_servers; i++)
		if (strv_has(servers, f->servers[i].f.srv.inst.uuid))
			strv_add(&left, f->servers[i].f.srv.inst.uuid);
	strv_clear(servers);
	*servers = left;
	left = (struct strv)STRV_INIT;
}

static int holds(struct app *a, const json_t *plan, struct err *e)
{
	AUTO(strv_clear) struct strv servers = STRV_INIT;
	AUTO(strv_clear) struct strv targets = STRV_INIT;
	AUTO(fleet_dropp) struct fleet_facts *f = NULL;
	AUTO(plan_dropp) struct plan_fleet *p = NULL;
	struct app_request first;
	struct app_limits l;
	struct app_fleet_read ask = {
		.host = json_string_value(json_object_get(plan, "host")),
		.targets = &targets,
		.servers = &servers};
	struct plan_fleet_opts o = {.servers = &servers, .targets = &targets};

	names_in(plan, &servers, &targets);
	if (app_batch_options(plan, 0, &first, e) ||
	    app_batch_limits(plan, &l, e))
		return -1;
	ask.control = first.control;
	o.checks = checks_of(&first);
	o.most_per_target = l.most_per_target;
	f = look(a, &ask, e);
	if (!f)
		return -1;
	only_there(f, &servers);
	if (!servers.n)
		return err_set(e, ERR_REFUSED,
			       "none of its members is on %s any more",
			       ask.host);
	p = plan_fleet_new(f, &o, e);
	return p ? plan_fleet_holds(p, plan, e) : -1;
}

int app_batch_holds(struct app *a, const json_t *plan, struct err *e)
{
	if (shape(plan, e))
		return err_wrap(e, "the plan");
	if (holds(a, plan, e))
		return err_wrap(
			e, "the plan of %s",
			json_string_value(json_object_get(plan, "host")));
	return 0;
}
