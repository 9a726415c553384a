/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dead host's disks hold, with or without a database.
 *
 *	struct inventory v = {0};
 *
 *	inventory_read(&in, &v, &e)	directories, disks, definitions
 *	inventory_inside(&in, &v, &e)	systems and file systems; takes long
 *	inventory_rows(&v, db, "compute-30", &e)	what the database has
 *	v.v[i].state, one for each instance, by uuid
 *	inventory_clear(&v);
 *
 * Nothing is changed.  A disk is opened as far as its first cluster, and only
 * one that disk.info, or the domain, declares to be qcow2 is parsed: guests
 * wrote them; what is inside only novahaul-inspect looks at.  What cannot be
 * read of one instance is said of that one.
 */
#ifndef NH_FACTS_INVENTORY_H
#define NH_FACTS_INVENTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "db/db.h"
#include "host/host.h"

enum inventory_state {
	INVENTORY_UNREADABLE = 0, /* .err says why */
	INVENTORY_COMPLETE,
	INVENTORY_BASE_MISSING, /* a disk names one that is not there */
	INVENTORY_NO_ROW,	/* the database has no such server there */
	INVENTORY_NO_DISKS,	/* it has one that has no directory here */
};
/* "complete", "base missing", ... */
const char *inventory_state_name(enum inventory_state s);

struct inventory_item {
	char *uuid;
	enum inventory_state state;
	struct err err;
	bool dir;
	size_t files;	     /* disks and the like, without logs */
	uint64_t bytes;	     /* that they take on disk */
	struct strv disks;   /* "disk (qcow2)" */
	struct strv missing; /* names below _base */
	struct strv open;    /* the disks as novahaul-inspect is given them */
	/* Of inventory_inside(): arrays as novahaul-inspect prints them,
	 * without listings; .os may be null, and both are NULL where .unread
	 * says why nothing was looked at. */
	json_t *os, *filesystems;
	char *unread;
	char *xml; /* file of its definition, or NULL */
	bool row;
	char *name; /* of the row; without one, of the definition */
	char *vm_state, *reason; /* of the row */
};

struct inventory {
	struct inventory_item *v; /* by uuid */
	size_t n;
	bool rows; /* the database was asked */
};
void inventory_clear(struct inventory *v);

struct inventory_in {
	struct host *host;
	const char *path;      /* instances_path, there */
	struct host *xml_host; /* may be .host */
	const char *xml_dir;   /* NULL: none is known */
};
int inventory_read(const struct inventory_in *in, struct inventory *v,
		   struct err *e);
/* Of those whose disks are all there.  Fails only when it is interrupted. */
int inventory_inside(const struct inventory_in *in, struct inventory *v,
		     struct err *e);
int inventory_rows(struct inventory *v, struct db *db, const char *host,
		   struct err *e);
/* Pure; called by both. */
enum inventory_state inventory_judge(const struct inventory_item *i, bool rows);

#endif
