/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store of rows that is asked by named statements with named parameters: what
 * the journal needs of a database, and nothing more.
 *
 *	engine/journal*.c	one logic
 *	--------- store.h ------------
 *	engine/journal_sqlite.c		db/store.c
 *	one file, one machine		MariaDB or Galera, any number of them
 *
 *	store->ops->begin(store, STORE_WRITE, &e)
 *	struct store_stmt *st = store->ops->stmt(store, "guard");
 *	store->ops->bind_int(st, ":now", now);
 *	while ((rc = store->ops->step(st, &e)) > 0)
 *		... store->ops->text(st, 0) ...
 *	store->ops->commit(store, &e), or ->rollback(store)
 *
 * Errors: ERR_RETRY when it did not happen and may work later; ERR_LOST, from
 * commit() alone, when nobody knows whether it happened; ERR_REFUSED when the
 * server does not let this user do it; ERR_FAILED otherwise.  After any of them
 * rollback() follows.
 */
#ifndef NH_CORE_STORE_H
#define NH_CORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

/* A statement of sql/; a table of them ends with a NULL name. */
struct store_sql {
	const char *name, *text;
};

struct store;
/* The beginning of what a back end keeps of a statement. */
struct store_stmt {
	struct store *store;
};

enum store_begin {
	STORE_READ = 0, /* what is read until the end is of one moment */
	STORE_WRITE,	/* and nobody writes what was read */
};

struct store_ops {
	/* The statement of this name, reset and unbound.  Borrowed.  A name or
	 * parameter that is none aborts: programs and sql/ are built as one. */
	struct store_stmt *(*stmt)(struct store *s, const char *name);
	/* NULL is NULL.  TEXT is copied. */
	void (*bind_text)(struct store_stmt *st, const char *param,
			  const char *text);
	void (*bind_int)(struct store_stmt *st, const char *param, int64_t v);
	/* One row?  1 yes, 0 no more, -1 error. */
	int (*step)(struct store_stmt *st, struct err *e);
	/* Of the row: NULL text is NULL, as a number 0.  Valid until the next
	 * call about ST. */
	const char *(*text)(struct store_stmt *st, int col);
	int64_t (*num)(struct store_stmt *st, int col);
	void (*reset)(struct store_stmt *st);
	/* Rows that the last statement without rows has written. */
	int64_t (*changes)(struct store *s);
	/* Several statements at once, without parameters or rows. */
	int (*script)(struct store *s, const char *name, struct err *e);
	int (*begin)(struct store *s, enum store_begin how, struct err *e);
	int (*commit)(struct store *s, struct err *e);
	/* Of a transaction that may be over already. */
	void (*rollback)(struct store *s);
	void (*close)(struct store *s);
};

struct store {
	const struct store_ops *ops;
	char *where; /* for people: a path, "novahaul on db1:3306" */
	/* Other machines write here as well: journal.h, SEVERAL OPERATORS. */
	bool shared;
	bool full;  /* the last error was for want of space */
	bool again; /* the last error undid the whole transaction, which may be
		       tried again from its beginning */
};

#endif
