/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the MySQL adapter.
 *
 *	open.c    write.c rewrite.c outcome.c    find.c server.c host.c
 *	   |               |                          |
 *	 cell.c          txn.c                     my_select
 *	    \              |                          /
 *	     `------ mysql.c (the only user of mysql_*) ---- sql.c <- sql/
 */
#ifndef NH_DB_DB_PRIV_H
#define NH_DB_DB_PRIV_H

#include "core/clock.h"
#include "db/db.h"

/* ---- sql.c: statements by name */

struct sql_text {
	const char *name, *text;
};
/* Ends with a NULL name; made from sql/ at build time. */
extern const struct sql_text sql_texts[];

struct sql_ready {
	struct buf text;    /* with ? for each parameter; "" if the schema has
			       nothing that the statement is about */
	struct strv params; /* their names, in order */
};
void sql_ready_clear(struct sql_ready *q);
const struct sql_text *sql_find(const char *name);
/* TEXT with F's clauses.  MARK: write ?, else leave :name to be read. */
int sql_expand(const struct sql_text *text, const struct db_features *f,
	       bool mark, struct sql_ready *out, struct err *e);

enum sql_type { SQL_NULL = 0, SQL_TEXT, SQL_INT };
struct sql_arg {
	const char *name;
	enum sql_type type; /* SQL_TEXT of NULL is NULL too */
	const char *text;
	int64_t num;
};
#define ARG_TEXT(n, s)                                                         \
	{                                                                      \
		.name = (n), .type = SQL_TEXT, .text = (s)                     \
	}
#define ARG_INT(n, i)                                                          \
	{                                                                      \
		.name = (n), .type = SQL_INT, .num = (i)                       \
	}
/* -1 is NULL */
#define ARG_ID(n, i)                                                           \
	{                                                                      \
		.name = (n), .type = (i) < 0 ? SQL_NULL : SQL_INT, .num = (i)  \
	}
struct sql_args {
	const struct sql_arg *v;
	size_t n;
	bool all_null; /* what V does not name is NULL (rights.c) */
};
#define SQL_ARGS(array)                                                        \
	(&(struct sql_args){.v = (array), .n = ARRAY_SIZE(array)})

/* ---- features.c, release.c */

enum feature_db {
	FEATURE_CELL = 0,
	FEATURE_API,
	FEATURE_PLACEMENT,
	FEATURE_NEUTRON,
	FEATURE_CINDER,
};
struct feature {
	const char *name;
	size_t offset; /* of its bool in struct db_features */
	enum feature_db database;
	const char *table, *column, *since;
};
extern const struct feature features[];
extern const size_t n_features;
bool feature_get(const struct db_features *f, const struct feature *one);
void feature_set(struct db_features *f, const struct feature *one, bool on);

struct release {
	const char *name, *nova;
	int cell_lo, cell_hi; /* migrate_version, 0 for alembic */
	const char *cell_rev; /* alembic, or NULL */
	int api_max;	      /* 0: alembic, -1: none */
	const char *api_rev;
	int service; /* SERVICE_VERSION; -1 before Liberty */
};
extern const struct release releases[]; /* oldest first, ends with NULL name */
/* Index in releases[]; -1 unknown. */
int release_index(const char *name);
/* Revisions as found; REV is NULL when the database has only a number. */
int release_by_cell(int number, const char *rev, int service, bool *exact);
int release_by_api(int number, const char *rev);
/* Those of Nova's own databases. */
void release_features(int index, bool with_api, struct db_features *f);
/* Those of the services beside it, added to F. */
void release_features_beside(int index, struct db_features *f);

/* ---- url.c */

enum url_tls {
	TLS_DEFAULT = 0, /* as the client library likes it */
	TLS_REQUIRED,	 /* encrypted, nobody verified */
	TLS_VERIFY_CA,
	TLS_VERIFY_NAME,
};
struct db_url {
	char *user, *password, *host, *socket, *name;
	unsigned port;
	enum url_tls tls;
	char *ca, *capath, *cert, *key, *cipher;
};
void db_url_clear(struct db_url *u);
int db_url_parse(const char *url, struct db_url *out, struct err *e);
/* What CFG says of TLS, where the URL says nothing. */
void db_url_tls(struct db_url *u, const struct db_config *cfg);
/* Replaces {username} and the like, as nova/objects/cell_mapping.py does, with
 * the parts of MAIN.  NULL with an error. */
char *db_url_template(const char *url, const char *main, struct err *e);
/* A URL that names several servers, "...@db1:3306,db2/...", as one URL each. */
int db_url_each(const char *url, struct strv *out, struct err *e);
/* "nova on db1:3306", for messages; the caller frees. */
char *db_url_where(const struct db_url *u);

/* ---- mysql.c */

struct my_conn {
	void *handle; /* MYSQL *, or NULL while closed */
	const struct db_url *url;
	const struct db_config *cfg;
	const struct db_features *f;
	int64_t used_us; /* when it last answered */
	bool replay;	 /* the last error asks for the whole transaction again
			  */
	unsigned code;	 /* the server's number of the last error */
	unsigned opened; /* how many connections there have been */
};
/* Opens it, or a new one when the server may have ended it by now. */
int my_ready(struct my_conn *c, struct err *e);
void my_close(struct my_conn *c);
/* A statement of sql/ without parameters or result.  COMMITTING: what the
 * server did is unknown when the connection breaks (ERR_LOST). */
int my_plain(struct my_conn *c, const char *name, bool committing,
	     struct err *e);
/* Rows matched, not rows changed (CLIENT_FOUND_ROWS). */
int my_exec(struct my_conn *c, const char *name, const struct sql_args *args,
	    uint64_t *rows, struct err *e);

struct my_rows {
	struct strv cols;
	char **cells; /* n * cols.n, NULL for NULL */
	size_t n;
};
void my_rows_clear(struct my_rows *r);
/* my_plain, my_exec and my_select for statements that are not of sql_texts. */
int my_send(struct my_conn *c, const struct sql_text *t, bool committing,
	    struct err *e);
int my_run(struct my_conn *c, const struct sql_text *t,
	   const struct sql_args *args, uint64_t *rows, struct err *e);
int my_query(struct my_conn *c, const struct sql_text *t,
	     const struct sql_args *args, struct my_rows *out, struct err *e);
/* A statement that is empty on this schema gives no rows. */
int my_select(struct my_conn *c, const char *name, const struct sql_args *args,
	      struct my_rows *out, struct err *e);
/* A name that the statement does not have aborts: the two are built as one. */
const char *my_cell(const struct my_rows *r, size_t row, const char *col);
char *my_dup(const struct my_rows *r, size_t row, const char *col);
int64_t my_num(const struct my_rows *r, size_t row, const char *col,
	       int64_t null);
bool my_true(const struct my_rows *r, size_t row, const char *col);

/* ---- open.c */

struct my_db {
	struct db_config cfg; /* its strings are not kept */
	struct db_url cell_url, api_url;
	bool has_api;
	struct my_conn cell, api;
	struct db_schema schema;
	int release; /* index in releases[] */
};
#define MY(db) ((struct my_db *)(db)->self)

/* ---- schema.c */
int schema_read(struct my_db *d, struct err *e);
int schema_read_api(struct my_db *d, struct err *e);
int db_op_schema(struct db *db, struct db_schema *out, struct err *e);
/* The features of one database, from the result of "schema.columns". */
void schema_features(const struct my_rows *columns, enum feature_db which,
		     struct db_features *f);

/* ---- cell.c: finds the cell database in cell_mappings */
int cell_resolve(struct my_db *d, const struct db_config *cfg, struct err *e);

/* ---- txn.c */

/* Runs inside a transaction.  Clears *COMMIT when there is nothing to do. */
typedef int txn_body(struct my_conn *c, const void *arg, bool *commit,
		     struct err *e);
int tx_run_on(struct my_conn *c, txn_body *body, const void *arg,
	      struct err *e);
/* The same in the cell database. */
int tx_run(struct my_db *d, txn_body *body, const void *arg, struct err *e);
/* my_exec that must match exactly ONE row: 0 rows is *matched = false. */
int txn_one(struct my_conn *c, const char *name, const struct sql_args *args,
	    bool *matched, struct err *e);
/* Statement "w.token": proves and locks our claim. */
int txn_token(struct my_conn *c, const struct db_lease *by, struct err *e);
/* The error for a token that is not BY's: VALUE is there instead. */
int txn_token_lost(const struct db_lease *by, const char *value, struct err *e);
/* The one live locked_reason; *VALUE is NULL without one. */
int txn_reason(struct my_conn *c, const char *uuid, char **value,
	       struct err *e);
/* Says which guard did not hold. */
struct txn_guard {
	const char *uuid;
	const char *host, *node, *vm_state;
	bool unlocked; /* else: locked */
};
/* 0 if I is as G wants it, else -1 with what is not. */
int txn_guard_holds(const struct db_instance *i, const struct txn_guard *g,
		    struct err *e);
/* Reads the instance and fails always. */
int txn_explain(struct my_conn *c, const struct txn_guard *g, struct err *e);
/* UTC, for updated_at. */
void txn_now(char out[CLOCK_ISO_MAX]);
int lease_check(const struct db_lease *by, struct err *e);

/* ---- write.c, rewrite.c, outcome.c, rights.c */
int db_op_claim_read(struct db *db, const char *uuid,
		     struct db_claim_before *out, struct err *e);
int db_op_claim(struct db *db, const struct db_claim *c, struct err *e);
int db_op_takeover(struct db *db, const struct db_takeover *t, struct err *e);
int db_op_power(struct db *db, const struct db_power *p, struct err *e);
int db_op_release(struct db *db, const struct db_release *r, struct err *e);
int db_op_rewrite_read(struct db *db, const struct db_rewrite *r,
		       struct db_rewrite_before *out, struct err *e);
int db_op_rewrite(struct db *db, const struct db_rewrite *r, struct err *e);
int db_op_undo(struct db *db, const struct db_rewrite *r, struct err *e);
int db_op_moved(struct db *db, const struct db_rewrite *r, enum db_moved *out,
		struct err *e);
int rewrite_moved(struct my_conn *c, const struct db_rewrite *r,
		  enum db_moved *out, struct err *e);
int db_op_outcome(struct db *db, const struct db_question *q,
		  enum db_outcome *out, struct err *e);
/* Runs all that starts with PREFIX, on nothing. */
int rights_try(struct my_conn *c, const char *prefix, struct err *e);
int db_op_rights(struct db *db, struct err *e);

/* ---- find.c, server.c, host.c */
int find_in(struct my_conn *c, const char *server, char uuid[UUID_LEN + 1],
	    struct err *e);
int db_op_find(struct db *db, const char *server, char uuid[UUID_LEN + 1],
	       struct err *e);
int instance_read(struct my_conn *c, const char *uuid, struct db_instance *out,
		  struct err *e);
/* Row I of what has the columns of "cell.instance"; but for .reason. */
void instance_row(const struct my_rows *r, size_t i, struct db_instance *out);
/* Likewise of "cell.bdms"; of "cell.compute_nodes" and "cell.service". */
int bdm_row(const struct my_rows *r, size_t i, struct db_bdm *b, struct err *e);
void host_node_row(const struct my_rows *r, size_t i, struct db_host *h);
void host_service_row(const struct my_rows *r, size_t i, struct db_host *h);
/* Is a deleted row of it in shadow_instances? */
int archived_in(struct my_conn *c, const char *uuid, bool *yes, struct err *e);
int db_op_archived(struct db *db, const char *uuid, bool *yes, struct err *e);
int db_op_evacuation(struct db *db, const char *uuid, const char *host,
		     struct db_evacuation *out, struct err *e);
int db_op_fault(struct db *db, const char *uuid, const char *host, char **out,
		struct err *e);
int db_op_instance(struct db *db, const char *uuid, struct db_instance *out,
		   struct err *e);
int db_op_server(struct db *db, const char *uuid, struct db_server *out,
		 struct err *e);
int db_op_host(struct db *db, const char *host, struct db_host *out,
	       struct err *e);

/* ---- mark.c */
int db_op_host_servers(struct db *db, const char *host, int64_t *n,
		       struct err *e);
int db_op_service_mark(struct db *db, const struct db_mark *s, struct err *e);

/* ---- volume.c */
int db_op_connection(struct db *db, const char *uuid, int64_t bdm_id,
		     struct db_connection *out, struct err *e);
int db_op_share_users(struct db *db, const struct db_share *s, int *n,
		      struct err *e);

/* ---- parse.c: the JSON that Nova keeps in columns; NULL text is empty */
/* Row I of what has the columns of "cell.extra". */
int parse_extra(struct db_server *s, const struct my_rows *r, size_t i,
		struct err *e);
int parse_network(struct db_server *s, const char *json, struct err *e);

/* server.c, result.c: row I of a selection of migrations. */
struct db_migration migration_row(const struct my_rows *r, size_t i);
void migration_clear(struct db_migration *m);
int parse_connection(struct db_bdm *b, const char *json, struct err *e);
int parse_spec(struct db_server *s, const char *json, struct err *e);
void parse_cpu(struct db_host *h, const char *json);
/* result.c */
void pairs_clear(struct db_pairs *p);
void group_clear(struct db_group *g);
void pairs_add(struct db_pairs *p, const char *key, const char *value);

#endif
