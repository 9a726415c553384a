/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database beside Nova's: what placedb.c and netdb.c have in common.
 */
#ifndef NH_DB_BESIDE_H
#define NH_DB_BESIDE_H

#include "db/db_priv.h"

struct beside {
	struct db_config cfg; /* its strings are not kept */
	struct db_url url;
	struct db_features f;
	struct my_conn c;
	struct strv revisions; /* alembic_version, all rows */
};

/* Connects and looks what the schema has; nothing may move B afterwards.  B is
 * cleared by the caller in any case. */
int beside_open(struct beside *b, const char *url, const struct db_config *cfg,
		enum feature_db which, struct err *e);
void beside_clear(struct beside *b);
/* "placement on db1:3306"; the caller frees. */
char *beside_where(const struct beside *b);

/*
 * A transaction, and what became of it when its COMMIT got no answer.
 *
 * ASK runs in a new transaction on a new connection.  It writes, under the same
 * guard, the row that BODY writes first: that waits for the lost one, or makes
 * it fail where there are several servers; *APPLIED is then 1 or 0.
 *
 * 0: BODY was applied.  ERR_CONFLICT: it was not, and never will be, or its
 * guards did not hold.  ERR_LOST: even asking came to no end.
 */
struct beside_txn {
	txn_body *body;
	const void *arg;
	int (*ask)(struct my_conn *c, const void *arg, bool *applied,
		   struct err *e);
};
int beside_run(struct beside *b, const struct beside_txn *t, struct err *e);

#endif
