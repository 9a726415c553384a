/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of MariaDB or Galera as a store (core/store.h): what the journal
 *of several operators is kept in.
 *
 *	struct db_store_config cfg = {.url = "mysql://novahaul@db1,db2/journal",
 *				      .password = ..., .sql = tables};
 *	struct store *s = db_store_open(&cfg, &e);
 *
 * One connection at a time: to the first server of the URL that answers and
 * takes part in its cluster, and, when it breaks, to the next.  It is opened
 * anew only between transactions; one that breaks inside of one ends it
 * (store->again).  The client library never reconnects by itself.
 *
 * TLS, time zone, character set, and reads that wait for what other nodes have
 * committed are as for Nova's databases (db/db.h); sql_mode is strict.  The
 * statement "setup" of the tables is run on every new connection.  An answer is
 * waited for 20 s at most, a lock 10 s, a connection 5 s a server.
 *
 * Errors name the server and the statement, never a value or the password.
 * ERR_USAGE for a URL that is not understood.
 */
#ifndef NH_DB_STORE_H
#define NH_DB_STORE_H

#include "core/store.h"

struct db_store_config {
	const char *url;
	const char *password; /* when the URL has none; may be NULL */
	bool no_password;     /* ERR_USAGE for a URL that has one */
	/* For a URL that says nothing of TLS, as in struct db_config. */
	const char *ssl_ca, *ssl_cert, *ssl_key;
	bool ssl_no_verify;
	/* Tables of statements, NULL at the end; the first that has a name
	 * counts.  Not copied. */
	const struct store_sql *const *sql;
};

struct store *db_store_open(const struct db_store_config *cfg, struct err *e);
#endif
