/* SPDX-License-Identifier: Apache-2.0 */
/* What Placement counts of each candidate. */
#include "api/placement.h"
#include "core/str.h"
#include "facts/fleet.h"

bool fleet_in_placement(const struct fleet_facts *f)
{
	return f->src.conf_known && f->src.conf.has_placement;
}

static void take(struct fleet_host *t, const struct placement_inventories *v)
{
	static const char *const classes[FLEET_CLASSES] = {
		[FLEET_VCPU] = "VCPU",
		[FLEET_RAM_MB] = "MEMORY_MB",
		[FLEET_DISK_GB] = "DISK_GB"};

	t->placement = true;
	for (size_t i = 0; i < v->n; i++)
		for (int k = 0; k < FLEET_CLASSES; k++)
			if (str_is(v->v[i].resource, classes[k]))
				t->inv[k] = (struct fleet_inventory){
					.there = true,
					.total = v->v[i].total,
					.reserved = v->v[i].reserved,
					.used = v->v[i].used,
					.max_unit = v->v[i].max_unit,
					.ratio = v->v[i].ratio,
				};
}

/* A Placement that does not tell (before 1.6) is no failure: plans say that
 * they were not looked at. */
static void ask_traits(struct fleet_host *t, struct api_session *s,
		       const char *provider)
{
	struct err ignored = ERR_INIT;

	strv_clear(&t->traits);
	t->traits_known =
		!placement_traits_get(s, provider, &t->traits, &ignored);
	err_clear(&ignored);
}

static int ask_provider(struct fleet_facts *f, struct fleet_host *t,
			struct api_session *s, struct err *e)
{
	const struct db_fleet_host *d = db_fleet_host(&f->db, t->name);
	struct placement_inventories v = {0};
	struct placement_provider p = {0};
	const char *uuid = d ? d->h.compute_uuid : NULL;
	int rc;

	if (!d)
		return 0;
	if (!uuid && placement_provider_find(s, d->h.node, &p, e))
		return -1;
	rc = placement_inventories_get(s, uuid ? uuid : p.uuid, &v, e);
	if (!rc) {
		take(t, &v);
		ask_traits(t, s, uuid ? uuid : p.uuid);
	}
	placement_inventories_clear(&v);
	placement_provider_clear(&p);
	return rc ? err_wrap(e, "what Placement has of %s", t->name) : 0;
}

void fleet_placement(struct fleet_facts *f, struct api_session *s)
{
	for (size_t i = 0; i < f->n_hosts; i++)
		if (f->hosts[i].h.down.kind == ERR_NONE &&
		    ask_provider(f, &f->hosts[i], s, &f->placement_err))
			return;
}
