/* SPDX-License-Identifier: Apache-2.0 */
/* One host's room, where no Placement counts it. */
#include <inttypes.h>

#include "core/str.h"
#include "plan/plan_fleet_priv.h"

static const char *const names[] = {
	[PACK_VCPU] = "processors",
	[PACK_RAM_MB] = "MiB of memory",
	[PACK_DISK_MB] = "MiB of disk",
};

/* What is there already is counted there; each once. */
static void add(struct pack_inv inv[], const struct db_fleet_home *i)
{
	inv[PACK_VCPU].used += i->vcpus > 0 ? (uint64_t)i->vcpus : 0;
	inv[PACK_RAM_MB].used += i->memory_mb > 0 ? (uint64_t)i->memory_mb : 0;
	inv[PACK_DISK_MB].used += i->gb > 0 ? (uint64_t)i->gb * 1024 : 0;
}

char *plan_no_room(const struct db_fleet *f, const char *host,
		   const struct strv *coming)
{
	const struct db_fleet_host *h = db_fleet_host(f, host);
	struct pack_inv inv[N_PACK_RES] = {{0}};
	size_t others = 0;

	if (!h)
		return mem_strdup("it is no compute host of this cell");
	plan_fleet_by_nodes(h, inv);
	for (size_t i = 0; i < coming->n; i++) {
		const struct db_fleet_home *home =
			db_fleet_home(f, coming->v[i]);

		if (!home || str_is(home->host, host))
			continue;
		add(inv, home);
		others++;
	}
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		uint64_t most = pack_capacity(&inv[k]);

		if (names[k] && inv[k].used > most)
			return mem_printf("%" PRIu64 " %s would be taken of "
					  "%" PRIu64 ", with %zu on their way "
					  "there",
					  inv[k].used, names[k], most, others);
	}
	return NULL;
}
