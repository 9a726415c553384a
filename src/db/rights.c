/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this user do what a move needs?  Every writing statement is run as it
 * is, with NULL for every parameter: rights are checked, no row can match, and
 * the transaction is rolled back.  Reading rights show when facts are read.
 */
#include "db/db_priv.h"

#include <string.h>

static int rights_body(struct my_conn *c, const void *arg, bool *commit,
		       struct err *e)
{
	const struct sql_args nothing = {.all_null = true};
	const char *prefix = arg;
	uint64_t rows;

	*commit = false;
	for (const struct sql_text *t = sql_texts; t->name; t++) {
		if (strncmp(t->name, prefix, strlen(prefix)) != 0)
			continue;
		if (my_exec(c, t->name, &nothing, &rows, e))
			return -1;
		if (rows)
			return err_set(e, ERR_BUG, "%s matched %llu rows",
				       t->name, (unsigned long long)rows);
	}
	return 0;
}

int rights_try(struct my_conn *c, const char *prefix, struct err *e)
{
	return tx_run_on(c, rights_body, prefix, e);
}

int db_op_rights(struct db *db, struct err *e)
{
	return rights_try(&MY(db)->cell, "w.", e);
}
