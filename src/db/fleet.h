/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All instances of one host and all compute hosts of its cell, in one snapshot
 * and a number of statements that does not grow with them (but for one more
 * per sixteen instances, for the long texts of request_specs).
 *
 *	struct db_fleet f = {0};
 *
 *	if (db_fleet_read(&db, "compute-30", &f, &e))
 *		...
 *	db_fleet_clear(&f);
 *
 * For a handle of db_open() only.  Secrets are not read.
 *
 * Nova: nova/db/main/models.py and nova/db/api/models.py; compute_nodes'
 * *_allocation_ratio from Liberty on (disk: Mitaka), where 0.0 and NULL stand
 * for the scheduler's own (nova/objects/compute_node.py _from_db_object);
 * instance_metadata is the user's own ("openstack server set --property").
 */
#ifndef NH_DB_FLEET_H
#define NH_DB_FLEET_H

#include "db/db.h"

/* Of .srv the row, .reason, flavor, extra specs, bdms, migrations, PCI, NUMA
 * and what was asked for are read; .groups stay empty: see db_fleet.groups. */
struct db_fleet_server {
	struct db_server srv;
	char *priority; /* as written, or NULL */
};

struct db_fleet_host {
	struct db_host h; /* .cell_id is not read; .az: of its aggregates */
	size_t nodes;	  /* more than one: whose would it be? */
	double cpu_ratio, ram_ratio, disk_ratio; /* 0: not said */
	/* by the instances that are there, whatever the host has reported */
	int64_t instances, vcpus, memory_mb, gb;
};

struct db_fleet_aggregate {
	int64_t id;
	struct strv hosts;
	struct db_pairs meta;
};

/* An instance of the cell, and what it takes. */
struct db_fleet_home {
	char *uuid, *host;
	int64_t vcpus, memory_mb, gb;
};

/* One that is under way, anywhere in the cell. */
struct db_fleet_migration {
	struct db_migration m;
	char *instance;
};

struct db_fleet {
	struct db_fleet_server *servers; /* of the host, by id */
	size_t n_servers;
	struct db_fleet_host *hosts; /* by name, one a service host */
	size_t n_hosts;
	struct db_group *groups; /* that have one of .servers; all members */
	size_t n_groups;
	struct db_fleet_aggregate *aggregates;
	size_t n_aggregates;
	struct db_fleet_migration *migrations;
	size_t n_migrations;
	struct db_fleet_home *homes; /* by uuid */
	size_t n_homes;
};
void db_fleet_clear(struct db_fleet *f);

/* F is cleared on failure.  A host that is not there has no instances, and is
 * not among .hosts. */
int db_fleet_read(struct db *db, const char *host, struct db_fleet *f,
		  struct err *e);
/* NULL when there is none. */
const struct db_fleet_host *db_fleet_host(const struct db_fleet *f,
					  const char *host);
const struct db_fleet_home *db_fleet_home(const struct db_fleet *f,
					  const char *uuid);

#endif
