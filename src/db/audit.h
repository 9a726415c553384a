/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the databases know of a whole cell, for audit; and the one row that
 * audit writes itself.
 *
 *	struct db_cell c = {0};
 *
 *	if (db_cell_read(&db, &c, &e))
 *		...
 *	db_cell_clear(&c);
 *
 * For a handle of db_open() only.  Secrets are not read.
 *
 * Nova: nova/db/main/models.py; nova/compute/manager.py
 * _destroy_evacuated_instances() (12.0.2 to 33.0.0), which acts on records
 * alone, deleted ones too, and looks neither at instances.host nor at who has
 * moved the instance since.
 */
#ifndef NH_DB_AUDIT_H
#define NH_DB_AUDIT_H

#include "db/db.h"

/* Of instances, deleted = 0. */
struct db_cell_server {
	char *uuid, *name, *host, *node, *vm_state, *task_state, *updated_at;
	char *reason; /* of its lock; db_token_parse() */
	bool hidden;
};

struct db_cell_migration {
	struct db_migration m;
	char *instance;
};

/* Of block_device_mapping, deleted = 0. */
struct db_cell_volume {
	char *instance, *volume;
	char *attachment; /* NULL in the old flow */
};

struct db_cell {
	struct strv hosts; /* that have a nova-compute */
	struct db_cell_server *servers;
	size_t n_servers;
	struct db_cell_migration *migrations;
	size_t n_migrations;
	struct db_cell_volume *volumes;
	size_t n_volumes;
};
void db_cell_clear(struct db_cell *c);

/* All of it, in one snapshot.  C is cleared on failure. */
int db_cell_read(struct db *db, struct db_cell *c, struct err *e);
/* The instances alone: whose row has changed meanwhile? */
int db_cell_servers(struct db *db, struct db_cell *c, struct err *e);
/* Is there a deleted row of it (and so no live one)? */
int db_cell_deleted(struct db *db, const char *uuid, bool *yes, struct err *e);

/* A record of an evacuation, from one status to another: 'done' to 'completed',
 * and back. */
struct db_settle {
	int64_t id; /* migrations.id */
	const char *uuid, *source;
	const char *from, *to;
};
/* The record's status now, or NULL when there is none such; the caller frees.
 * Deleted or not: Nova does not care. */
int db_settle_status(struct db *db, const struct db_settle *s, char **status,
		     struct err *e);
/* Idempotent: success when it is TO already.  ERR_CONFLICT when it is neither
 * FROM nor TO, or when something is at work on the instance.  ERR_LOST: read,
 * or do it again, which waits for the lost one. */
int db_settle(struct db *db, const struct db_settle *s, struct err *e);

#endif
