/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement's own database: transaction P, for when its API does not answer.
 *
 *	struct placedb *p;
 *	struct placedb_share s;
 *
 *	if (placedb_open(&in, &p, &e)) ...
 *	if (placedb_read(p, uuid, &s, &e)) ...
 *	  s.on[SRC] only, s.lacks NULL
 *	if (placedb_move(p, &(struct placedb_move){uuid, 0, 1, s.generation},
 *			 &e)) ...
 *	placedb_share_clear(&s);
 *	placedb_close(p);
 *
 * There may be several databases with such tables, and only one that lives:
 * nova_api still has them today, as they were when Placement left it.  The one
 * that is taken carries a revision of Placement's own migrations (from Stein
 * on) and knows both compute nodes by their uuid; of several such ones, the one
 * that was written last.  Placement inside nova_api (up to Stein) is refused.
 *
 * Run on Zed's schema (tests/schema) and in a cloud of Zed (tests/cloud); not
 * verified on other releases, which .verified says.
 *
 * Placement's own rules are kept: who writes a provider's allocations raises
 * its generation, who writes a consumer's raises that, and both are guards.
 * Errors as in db/db.h, but that a lost COMMIT is resolved in here: ERR_LOST is
 * left only when that could not be brought to an end.  ERR_CONFLICT: read it
 * again.  No secret is in any message.
 */
#ifndef NH_DB_PLACEDB_H
#define NH_DB_PLACEDB_H

#include "db/db.h"

struct placedb;

struct placedb_open {
	const char *const *urls;     /* candidates, NULL-terminated */
	const struct db_config *cfg; /* TLS and limits; its URLs are not read */
	const char *provider[2]; /* compute_nodes.uuid of source and target */
};
int placedb_open(const struct placedb_open *o, struct placedb **out,
		 struct err *e);
void placedb_close(struct placedb *p); /* NULL is fine */

/* "placement on db1:3306, revision 422ece571366" */
const char *placedb_name(const struct placedb *p);
bool placedb_verified(const struct placedb *p);
/* May this user write what a move writes?  Tries on nothing. */
int placedb_rights(struct placedb *p, struct err *e);

struct placedb_share {
	bool on[2];	    /* the provider of this side holds resources */
	char *other;	    /* so does this one: a child, a sharing one, ... */
	int64_t generation; /* of the consumer; -1: there is none */
	char *lacks; /* what the target has not enough of, in words, or NULL */
};
int placedb_read(struct placedb *p, const char *consumer,
		 struct placedb_share *out, struct err *e);
void placedb_share_clear(struct placedb_share *s);

struct placedb_move {
	const char *consumer;
	int from, to;	    /* 0 source, 1 target */
	int64_t generation; /* as read */
	/* Back to where it was: that there is no room any more is then no
	 * reason to leave it on a host where it is not. */
	bool back;
};
/* All of it to the other provider.  Where it is there already its generation is
 * raised all the same: that is what stops a frozen controller. */
int placedb_move(struct placedb *p, const struct placedb_move *m,
		 struct err *e);

#endif
