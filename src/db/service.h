/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether Nova uses a compute host: the row of its nova-compute.
 *
 * updated_at is left alone: up to Kilo it says when the service was last alive.
 * A nova-compute that runs brings its provider's trait COMPUTE_STATUS_DISABLED
 * in line with the row by itself (nova/compute/resource_tracker.py
 * _sync_compute_service_disabled_trait(), 20.0.0 to 33.0.0).
 *
 * For a handle of db_open() only.
 */
#ifndef NH_DB_SERVICE_H
#define NH_DB_SERVICE_H

#include "db/db.h"

struct db_service {
	bool disabled, forced_down;
	char *reason; /* disabled_reason, may be NULL; owned */
};
void db_service_clear(struct db_service *s);
bool db_service_same(const struct db_service *a, const struct db_service *b);

/* ERR_REFUSED when the host has no nova-compute, or several. */
int db_service_get(struct db *db, const char *host, struct db_service *out,
		   struct err *e);

struct db_service_change {
	const char *host;
	struct db_service from, to; /* borrowed */
};
/* Idempotent: success when it is TO already.  ERR_CONFLICT when it is neither.
 * ERR_LOST: read, or do it again. */
int db_service_set(struct db *db, const struct db_service_change *x,
		   struct err *e);

#endif
