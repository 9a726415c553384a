/* SPDX-License-Identifier: Apache-2.0 */
/* What plugs the ports of each host, as Neutron says. */
#include <errno.h>

#include "api/neutron.h"
#include "facts/facts_priv.h"

static void note(struct fact_agent *out, const struct neutron_agent *a)
{
	bool lives = a->alive && a->admin_up;

	if (!neutron_agent_plugs(a) || (out->type && !lives))
		return;
	mem_free(out->type);
	out->type = mem_strdup(a->type);
	out->lives |= lives;
	for (size_t i = 0; lives && i < a->networks.n; i++)
		strv_add(&out->networks, a->networks.v[i]);
}

int facts_agents(struct facts *f, struct api_session *s, struct err *e)
{
	for (int k = SRC_HOST; k <= DST_HOST; k++) {
		AUTO(neutron_agents_clear) struct neutron_agents v = {0};

		if (neutron_agents_list(s, f->host[k].name, &v, e)) {
			if (e->sys != ENOENT)
				return -1;
			err_clear(e); /* a Neutron without agents */
		}
		for (size_t i = 0; i < v.n; i++)
			note(&f->cloud.agent[k], &v.v[i]);
	}
	return 0;
}
