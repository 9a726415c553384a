/* SPDX-License-Identifier: Apache-2.0 */
/* Will Neutron find a way to plug its ports on the target? */
#include <string.h>

#include "checks/checks.h"

static bool has(const struct strv *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->v[i], name))
			return true;
	return false;
}

/* Where the source has no agent either, a driver without agents binds. */
static void plug_run(const struct facts *f, const struct check_opts *o,
		     struct check_report *r)
{
	const struct fact_agent *src = &f->cloud.agent[SRC_HOST];
	const struct fact_agent *dst = &f->cloud.agent[DST_HOST];

	(void)o;
	if (!f->cloud.network || !f->cloud.n_ports || !src->type)
		return;
	if (!dst->lives) {
		check_refuse(r,
			     "openstack network agent list tells; start it, or "
			     "pick another target",
			     "%s of %s%s: Neutron would not bind its ports "
			     "there",
			     dst->type ? dst->type : "no network agent",
			     f->host[DST_HOST].name,
			     dst->type ? " is down" : " is known");
		return;
	}
	for (size_t i = 0; i < src->networks.n; i++)
		if (!has(&dst->networks, src->networks.v[i]))
			check_warn(
				r,
				"when its ports are on that network, pick "
				"another target",
				"the network agent of %s is not connected to "
				"the physical network '%s', that of %s is",
				f->host[DST_HOST].name, src->networks.v[i],
				f->host[SRC_HOST].name);
}

const struct check chk_plug = {
	"agents", "a living network agent plugs its ports on the target",
	plug_run};
