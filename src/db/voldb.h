/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cinder's database: transaction C, for when its API does not answer.
 *
 *	struct voldb *v;
 *
 *	if (voldb_open(url, &cfg, &v, &e)) ...
 *	if (voldb_read(v, volume, &is, &e)) ...
 *	if (voldb_make(v, &want, &made, &e)) ...	beside the old one
 *	if (voldb_complete(v, made.id, uuid, &e)) ...
 *	if (voldb_drop(v, old, uuid, &e)) ...
 *	voldb_close(v);
 *
 * Only for volumes whose connection is the same from every host (NFS, Ceph
 * RBD), attached by the newer API (Queens and later): nothing is exported anew,
 * and the new attachment is a copy of the old one with another id, host and
 * connector.  The caller sees to that, and that Nova's row does not name what
 * is dropped.  The last attachment of a volume is never dropped: the volume is
 * attached and 'in-use' all the time.
 *
 * Run on Zed's schema (tests/schema) and in a cloud of Zed with NFS
 * (tests/cloud).  Not verified: other releases (voldb_verified() says so).
 * Refused: schemas without alembic's revision, that is before Xena.
 *
 * Every transaction begins by writing the volume's row, under the guard that it
 * is in use.  Errors as in db/db.h, but that a lost COMMIT is resolved in here,
 * as in db/placedb.h.  A connection may hold secrets: it is in no message.
 */
#ifndef NH_DB_VOLDB_H
#define NH_DB_VOLDB_H

#include "db/db.h"

struct voldb;

int voldb_open(const char *url, const struct db_config *cfg, struct voldb **out,
	       struct err *e);
void voldb_close(struct voldb *v); /* NULL is fine */

/* "cinder on db1:3306, revision c92a3e68beed" */
const char *voldb_name(const struct voldb *v);
bool voldb_verified(const struct voldb *v);
/* May this user write what a move writes?  Tries on nothing. */
int voldb_rights(struct voldb *v, struct err *e);

struct voldb_attachment {
	char *id;
	char *instance, *host, *mode; /* or NULL */
	char *status;
	char *info; /* connection_info, JSON; or NULL; wiped when cleared */
};
void voldb_attachment_clear(struct voldb_attachment *a);

struct voldb_volume {
	char *status; /* NULL: there is no such volume */
	bool multiattach;
	struct voldb_attachment *v;
	size_t n; /* all of the volume, by whomever */
};
void voldb_volume_clear(struct voldb_volume *v);
int voldb_read(struct voldb *v, const char *volume, struct voldb_volume *out,
	       struct err *e);

struct voldb_want {
	const char *volume, *instance;
	const char *connector; /* JSON object with "host" */
	const char *mode;      /* "rw" or "ro" */
};
/* Not idempotent: each call makes one.  OUT is as it was made. */
int voldb_make(struct voldb *v, const struct voldb_want *w,
	       struct voldb_attachment *out, struct err *e);
/* Idempotent. */
int voldb_complete(struct voldb *v, const char *id, const char *instance,
		   struct err *e);
/* 0 also when it is gone. */
int voldb_drop(struct voldb *v, const char *id, const char *instance,
	       struct err *e);

#endif
