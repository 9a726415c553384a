/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: first the jobs, then whatever contradicts itself in the cloud.
 */
#include <string.h>

#include "audit/audit.h"
#include "cli/app_priv.h"

#define SCHEMA_VERSION 1

/* Is it about one of the hosts that were named? */
static bool asked_for(const struct app_audit *r, const struct audit_finding *x)
{
	if (!r->hosts || !r->hosts[0] || (!x->host && !x->home))
		return true;
	for (const char *const *h = r->hosts; *h; h++)
		if ((x->host && !strcmp(*h, x->host)) ||
		    (x->home && !strcmp(*h, x->home)))
			return true;
	return false;
}

static json_t *finding_json(const struct audit_finding *x)
{
	return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:s?, "
			 "s:b}",
			 "kind", x->kind, "severity",
			 audit_severity_name(x->severity), "host", x->host,
			 "home", x->home, "server", x->server, "name", x->name,
			 "object", x->object, "message", x->message, "hint",
			 x->hint, "fixed", false);
}

static void world(struct app *a, const struct app_audit *r,
		  struct app_audited *jobs)
{
	struct app_audit_scope scope = {.hosts = &jobs->hosts,
					.silent = &jobs->silent,
					.all = !r->hosts || !r->hosts[0]};
	AUTO(audit_facts_clear) struct audit_facts f = {0};
	AUTO(audit_found_clear) struct audit_found found = {0};

	a->ops->audit_read(a, &scope, &f);
	audit_find(&f, &found);
	for (size_t i = 0; i < found.n; i++)
		if (asked_for(r, &found.v[i]))
			json_array_append_new(jobs->findings,
					      finding_json(&found.v[i]));
}

int app_audit(struct app *a, const struct app_audit *r, json_t **report,
	      struct err *e)
{
	struct app_audited jobs = {0};
	int rc = app_audit_jobs(a, r, &jobs, e);

	if (!rc && !r->job && a->ops->audit_read)
		world(a, r, &jobs);
	strv_clear(&jobs.hosts);
	strv_clear(&jobs.silent);
	if (rc)
		return -1;
	*report = json_pack("{s:i, s:o}", "schema_version", SCHEMA_VERSION,
			    "findings", jobs.findings);
	return 0;
}
