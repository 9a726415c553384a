/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there room on the target for a member of a batch, with all others that are
 * on their way there, whoever moves them?  Two plans made at the same time, in
 * two journals, know nothing of each other; but each move holds a lease on its
 * target before it asks, and those can be seen there.  Of two that ask at the
 * same time at least one sees the other, and both may.
 */
#include <string.h>

#include "core/str.h"
#include "core/uuid.h"
#include "db/fleet.h"
#include "facts/fleet.h"
#include "join/join.h"
#include "plan/plan_fleet.h"

#define LEASES ".novahaul/leases"

static int is_held(const struct room_join *r, const char *uuid, bool *yes,
		   struct err *e)
{
	struct host_lease_ref ref = {r->world->move->dst.instances_path, uuid};
	AUTO(host_lease_clear) struct host_lease l = {0};

	if (host_lease_read(r->world->host[DST], &ref, &l, e))
		return -1;
	*yes = l.state == LEASE_HELD;
	return 0;
}

static int coming(const struct room_join *r, const struct db_fleet *f,
		  struct strv *out, struct err *e)
{
	const struct move_side *dst = &r->world->move->dst;
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {
		.path = HOST_PATH(dst->instances_path, LEASES)};

	if (host_list(r->world->host[DST], &o, &l, e))
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const struct db_fleet_home *home = db_fleet_home(f, l.v[i].rel);
		bool held = false;

		/* Those that leave it are counted there. */
		if (!home || str_is(home->host, dst->host))
			continue;
		if (is_held(r, l.v[i].rel, &held, e))
			return -1;
		if (held)
			strv_add(out, l.v[i].rel);
	}
	return 0;
}

int room_join_holds(void *self, struct err *e)
{
	const struct room_join *r = self;
	const char *host = r->world->move->dst.host;
	AUTO(strv_clear) struct strv on_way = STRV_INIT;
	AUTO(mem_freep) char *why = NULL;
	struct db_fleet f = {0};
	int rc;

	/* No host of that name: the rows of all, and no long texts. */
	if (db_fleet_read(r->db, "", &f, e))
		return err_wrap(e, "what %s has room for", host);
	rc = coming(r, &f, &on_way, e);
	if (!rc)
		why = plan_no_room(&f, host, &on_way);
	db_fleet_clear(&f);
	if (rc)
		return err_wrap(e, "what is on its way to %s", host);
	if (!why)
		return 0;
	err_set(e, ERR_LOCKED, "%s has no room for it now: %s", host, why);
	return err_hint(e,
			"novahaul jobs --open tells what is on its way there");
}
