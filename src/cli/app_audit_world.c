/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: first the jobs, then whatever contradicts itself in the cloud.
 */
#include <string.h>

#include "audit/audit.h"
#include "cli/app_priv.h"
#include "core/str.h"

#define SCHEMA_VERSION 1

/* Is it about the server, or one of the hosts, that were named? */
static bool asked_for(const struct app_audit *r, const struct audit_finding *x)
{
	if (r->server)
		return str_is(x->server, r->server) ||
		       str_is(x->name, r->server) ||
		       str_is(x->kind, "not-asked");
	if (!r->hosts || !r->hosts[0] || (!x->host && !x->home))
		return true;
	for (const char *const *h = r->hosts; *h; h++)
		if (str_is(x->host, *h) || str_is(x->home, *h))
			return true;
	return false;
}

static json_t *finding_json(const struct audit_finding *x,
			    const struct app_fixed *y)
{
	bool failed = y->why.kind != ERR_NONE;

	return json_pack(
		"{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, "
		"s:s?, s:b}",
		"kind", x->kind, "severity", audit_severity_name(x->severity),
		"host", x->host, "home", x->home, "server", x->server, "name",
		x->name, "job", *y->job ? y->job : NULL, "object", x->object,
		"message", failed ? err_msg(&y->why) : x->message, "hint",
		y->done			? NULL
		: failed && y->why.hint ? y->why.hint
					: x->hint,
		"fixed", y->done);
}

/* What is not asked for is not fixed either. */
static void keep_asked(const struct app_audit *r, struct audit_found *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (!asked_for(r, &found->v[i]))
			found->v[i].fix = AUDIT_FIX_NONE;
}

/* A name that was mistyped must not look like one that is well. */
static int known(const struct app_audit *r, const struct audit_facts *f,
		 const struct audit_found *found, struct err *e)
{
	if (!r->server || !f->n_servers)
		return 0;
	for (size_t i = 0; i < f->n_servers; i++)
		if (str_is(f->servers[i].uuid, r->server) ||
		    str_is(f->servers[i].name, r->server))
			return 0;
	for (size_t i = 0; i < found->n; i++) /* of one that is deleted */
		if (str_is(found->v[i].server, r->server))
			return 0;
	err_set(e, ERR_REFUSED, "no server %s in this cell", r->server);
	return err_hint(e, "openstack server list --all-projects");
}

static int world(struct app *a, const struct app_audit *r,
		 struct app_audited *jobs, struct err *e)
{
	struct app_audit_scope scope = {.hosts = &jobs->hosts,
					.silent = &jobs->silent,
					.all = !r->hosts || !r->hosts[0]};
	AUTO(audit_facts_clear) struct audit_facts f = {0};
	AUTO(audit_found_clear) struct audit_found found = {0};
	struct app_fixed *fixed;

	a->ops->audit_read(a, &scope, &f);
	audit_find(&f, &found);
	if (known(r, &f, &found, e))
		return -1;
	keep_asked(r, &found);
	fixed = MEM_NEW_N(struct app_fixed, found.n + 1);
	if (r->fix)
		app_fix(a, &f, &found, "fix", fixed);
	for (size_t i = 0; i < found.n; i++) {
		if (asked_for(r, &found.v[i]))
			json_array_append_new(
				jobs->findings,
				finding_json(&found.v[i], &fixed[i]));
		err_clear(&fixed[i].why);
	}
	mem_free(fixed);
	return 0;
}

/* ---- jobs of audit --fix itself that were cut */

struct open_fixes {
	json_t *findings;
	const struct app_audit *r;
};

static bool one_open(void *arg, const struct journal_job *job)
{
	const struct open_fixes *o = arg;
	AUTO(mem_freep)
	char *hint = mem_printf("novahaul resume %s, or novahaul rollback %s",
				job->id, job->id);

	if (job->state != JOURNAL_OPEN || !app_is_fix_kind(job->kind) ||
	    (o->r->job && strcmp(o->r->job, job->id) != 0))
		return true;
	json_array_append_new(
		o->findings,
		json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:s, s:s, s:b}", "kind",
			  "open-job", "severity", "error", "host", job->source,
			  "job", job->id, "server", job->instance, "message",
			  "a fix that is not finished", "hint", hint, "fixed",
			  false));
	return true;
}

static int open_fixes(struct app *a, const struct app_audit *r,
		      json_t *findings, struct err *e)
{
	struct journal *j = app_journal(a, e);
	struct open_fixes o = {findings, r};
	int rc = j ? journal_jobs(j, one_open, &o, e) : -1;

	journal_close(j);
	return rc;
}

/* Without the jobs. */
static void all_hosts(const struct app *a, const struct app_audit *r,
		      struct app_audited *out)
{
	out->findings = json_array();
	if (r->hosts && r->hosts[0]) {
		strv_addv(&out->hosts, r->hosts);
		return;
	}
	for (size_t i = 0; i < a->config->n_hosts; i++)
		strv_add(&out->hosts, a->config->hosts[i].name);
}

int app_audit(struct app *a, const struct app_audit *r, json_t **report,
	      struct err *e)
{
	struct app_audited jobs = {0};
	int rc = 0;

	if (r->server)
		all_hosts(a, r, &jobs);
	else
		rc = app_audit_jobs(a, r, &jobs, e) ||
				     open_fixes(a, r, jobs.findings, e)
			     ? -1
			     : 0;
	if (!rc && !r->job && a->ops->audit_read)
		rc = world(a, r, &jobs, e);
	strv_clear(&jobs.hosts);
	strv_clear(&jobs.silent);
	if (rc) {
		json_decref(jobs.findings);
		return -1;
	}
	*report = json_pack("{s:i, s:o}", "schema_version", SCHEMA_VERSION,
			    "findings", jobs.findings);
	return 0;
}
