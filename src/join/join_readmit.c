/* SPDX-License-Identifier: Apache-2.0 */
/* A host that returns: is its nova-compute at work, and does Nova use it? */
#include "db/service.h"
#include "host/conf.h"
#include "join/join.h"
#include "steps/fix.h"

static int runs(struct app *a, const char *name, bool *yes, struct err *e)
{
	AUTO(host_conf_clear) struct host_conf hc = {0};
	struct host *h = join_host_open(a->config, name, e);
	int rc;

	if (!h)
		return -1;
	rc = host_conf(h, &hc, e);
	*yes = hc.running;
	host_close(h);
	return rc;
}

static int service(struct app *a, const char *name, struct db_service *out,
		   struct err *e)
{
	struct db db = {0};
	int rc = join_db_open(a->config, NULL, &db, e);

	if (!rc)
		rc = db_service_get(&db, name, out, e);
	db_close(&db);
	return rc;
}

int join_readmit_look(struct app *a, const char *host, json_t **out,
		      struct err *e)
{
	AUTO(db_service_clear) struct db_service s = {0};
	bool compute = false;

	if (service(a, host, &s, e) || runs(a, host, &compute, e))
		return -1;
	*out = json_pack("{s:b, s:b, s:b, s:s?, s:b}", "nova_compute", compute,
			 "forced_down", s.forced_down, "disabled", s.disabled,
			 "reason", s.reason, "ours", fix_service_ours(&s));
	return 0;
}
