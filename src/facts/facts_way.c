/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "facts/facts_priv.h"

/* A host that is this machine is called localhost, which elsewhere is another
 * one. */
static bool is_here(const struct host_key *k)
{
	return !k->address || !strcmp(k->address, "localhost");
}

void facts_way(struct facts *f, struct host *src, struct host *dst)
{
	struct fact_way *w = &f->way;
	AUTO(host_key_clear) struct host_key key = {0};
	struct host_reach_opts o;

	if (!src || !dst)
		return;
	w->asked = true;
	if (host_hostkey(dst, &key, &w->err))
		return;
	if (is_here(&key) || !key.line) {
		err_set(&w->err, ERR_REFUSED,
			"%s has no address or host key that %s could use",
			dst->name, src->name);
		return;
	}
	o = (struct host_reach_opts){.address = key.address,
				     .port = (unsigned)key.port,
				     .lasting = true};
	if (!o.port)
		o.port = 22;
	host_reach(src, &o, &w->seen, &w->err);
}
