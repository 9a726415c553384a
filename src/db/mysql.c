/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of the MySQL client library: MariaDB Connector/C, or Oracle's
 * libmysqlclient.  They differ in my_bool and in how TLS is asked for.
 */
#include "db/db_priv.h"

#include <stdlib.h>
#include <string.h>

#include <mysql.h>

#include "core/log.h"

#if defined(MARIADB_PACKAGE_VERSION_ID) && !defined(NH_FORCE_MYSQL)
#define NH_MARIADB 1
typedef my_bool client_bool;
#else
#define NH_MARIADB 0
#if MYSQL_VERSION_ID >= 80000
typedef bool client_bool;
#else
typedef my_bool client_bool;
#endif
#endif

/* Ask the server to end a session of ours that is silent for so long; one that
 * we left alone for half of it is replaced before it is used. */
enum { SILENCE_S = 30, STALE_S = 15 };

/* Error numbers are the same everywhere; their headers are not. */
enum {
	E_CON_COUNT = 1040,
	E_DB_ACCESS = 1044,
	E_ACCESS = 1045,
	E_UNKNOWN_COM = 1047, /* Galera: not prepared for application use */
	E_CHECKREAD = 1020,   /* MariaDB, innodb_snapshot_isolation */
	E_BAD_DB = 1049,
	E_SHUTDOWN = 1053,
	E_TABLE_ACCESS = 1142,
	E_COLUMN_ACCESS = 1143,
	E_LOCK_WAIT = 1205,
	E_DEADLOCK = 1213,
	E_SPECIFIC_ACCESS = 1227,
	E_OPTION_PREVENTS = 1290, /* --read-only */
	E_QUERY_INTERRUPTED = 1317,
	E_READ_ONLY_TRX = 1792,
	E_READ_ONLY_MODE = 1836,
	E_CONNECTION_KILLED = 1927,
	E_ROLLED_BACK_BY_PLUGIN = 3101,
	E_CLIENT_DISCONNECTED = 4031,
	E_SSL = 2026, /* client: TLS could not be agreed on */
	E_AUTH_PLUGIN = 2059,
	E_CLIENT_MIN = 2000,
	E_CLIENT_MAX = 2999,
};

static bool lost_link(unsigned code)
{
	return (code >= E_CLIENT_MIN && code <= E_CLIENT_MAX) ||
	       code == E_SHUTDOWN || code == E_CONNECTION_KILLED ||
	       code == E_CLIENT_DISCONNECTED || code == E_QUERY_INTERRUPTED;
}

static bool no_right(unsigned code)
{
	return code == E_DB_ACCESS || code == E_TABLE_ACCESS ||
	       code == E_COLUMN_ACCESS || code == E_SPECIFIC_ACCESS;
}

static bool read_only(unsigned code)
{
	return code == E_OPTION_PREVENTS || code == E_READ_ONLY_TRX ||
	       code == E_READ_ONLY_MODE;
}

static bool rolled_back(unsigned code)
{
	return code == E_DEADLOCK || code == E_LOCK_WAIT ||
	       code == E_CHECKREAD || code == E_ROLLED_BACK_BY_PLUGIN;
}

/*
 * A COMMIT that was answered with anything but a definite "rolled back" is
 * LOST: asking is cheap, a wrong guess is not.
 */
static enum err_kind kind_of(unsigned code, bool committing)
{
	if (rolled_back(code))
		return ERR_RETRY;
	if (committing)
		return ERR_LOST;
	if (no_right(code) || read_only(code))
		return ERR_REFUSED;
	if (code == E_SSL || code == E_AUTH_PLUGIN)
		return ERR_FAILED;
	if (lost_link(code) || code == E_CON_COUNT || code == E_UNKNOWN_COM)
		return ERR_RETRY;
	return ERR_FAILED;
}

static int fail(struct my_conn *c, const char *what, unsigned code,
		const char *text, bool committing, struct err *e)
{
	AUTO(mem_freep) char *where = db_url_where(c->url);
	/* TEXT may live in the handle. */
	AUTO(mem_freep) char *why = mem_strdup(text);

	c->replay = rolled_back(code);
	c->code = code;
	if (lost_link(code) || committing)
		my_close(c);
	err_set(e, kind_of(code, committing), "database %s: %s: %s (%u)", where,
		what, why, code);
	if (no_right(code))
		return err_hint(e,
				"the user %s needs SELECT, INSERT, UPDATE and "
				"DELETE on database %s",
				c->url->user, c->url->name);
	if (read_only(code))
		return err_hint(e,
				"name the writable server in the database URL");
	if (code == E_UNKNOWN_COM)
		return err_hint(e, "this Galera node does not take part in its "
				   "cluster; name another one in the URL");
	if (code == E_SSL)
		return err_hint(e, "see ssl_ca and the like in the database "
				   "URL, and the names in the server's "
				   "certificate");
	if (code == E_ACCESS || code == E_BAD_DB)
		return err_hint(
			e, "check user, password and name in the database URL");
	return -1;
}

static void set_tls(MYSQL *m, const struct db_url *u)
{
	/* Both libraries verify the chain as soon as they know a CA. */
	bool verify = u->tls != TLS_REQUIRED;
	const struct {
		enum mysql_option option;
		const char *value;
	} files[] = {
		{MYSQL_OPT_SSL_CA, verify ? u->ca : NULL},
		{MYSQL_OPT_SSL_CAPATH, verify ? u->capath : NULL},
		{MYSQL_OPT_SSL_CERT, u->cert},
		{MYSQL_OPT_SSL_KEY, u->key},
		{MYSQL_OPT_SSL_CIPHER, u->cipher},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].value)
			mysql_options(m, files[i].option, files[i].value);
	if (u->tls == TLS_DEFAULT)
		return;
#if NH_MARIADB
	/* It cannot verify the chain without the name: then both. */
	client_bool on = 1, name = verify;

	mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &on);
	mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &name);
#else
	unsigned mode = u->tls == TLS_REQUIRED	  ? SSL_MODE_REQUIRED
			: u->tls == TLS_VERIFY_CA ? SSL_MODE_VERIFY_CA
						  : SSL_MODE_VERIFY_IDENTITY;

	mysql_options(m, MYSQL_OPT_SSL_MODE, &mode);
#endif
}

static unsigned or_default(int v, unsigned dflt)
{
	return v > 0 ? (unsigned)v : dflt;
}

static void set_options(MYSQL *m, const struct my_conn *c)
{
	unsigned connect_s = or_default(c->cfg->connect_timeout_s, 10);
	unsigned io_s = or_default(c->cfg->io_timeout_s, 60);
	unsigned none = 0;
	unsigned proto =
		c->url->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;

	mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &io_s);
	mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &io_s);
	mysql_options(m, MYSQL_OPT_PROTOCOL, &proto);
	mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &none);
	mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
#if NH_MARIADB || MYSQL_VERSION_ID < 80034
	/* Off is the default; newer clients of Oracle warn when it is named. */
	client_bool off = 0;

	mysql_options(m, MYSQL_OPT_RECONNECT, &off);
#endif
	set_tls(m, c->url);
}

void my_close(struct my_conn *c)
{
	if (c->handle)
		mysql_close(c->handle);
	c->handle = NULL;
}

static int session(struct my_conn *c, struct err *e)
{
	const struct sql_arg silence[] = {ARG_INT("seconds", SILENCE_S)};
	const struct sql_arg wait[] = {
		ARG_INT("seconds", or_default(c->cfg->lock_wait_s, 15))};
	struct my_rows r = {0};
	bool galera;

	if (my_plain(c, "session.autocommit", false, e) ||
	    my_plain(c, "session.utc", false, e) ||
	    my_exec(c, "session.silence", SQL_ARGS(silence), NULL, e) ||
	    my_exec(c, "session.lock_wait", SQL_ARGS(wait), NULL, e) ||
	    my_select(c, "session.has_wsrep", NULL, &r, e))
		return -1;
	galera = r.n > 0;
	my_rows_clear(&r);
	return galera ? my_plain(c, "session.wsrep", false, e) : 0;
}

int my_ready(struct my_conn *c, struct err *e)
{
	const struct db_url *u = c->url;
	MYSQL *m;

	c->replay = false;
	if (c->handle &&
	    clock_mono_us() - c->used_us > (int64_t)STALE_S * 1000000)
		my_close(c);
	if (c->handle)
		return 0;
	m = mysql_init(NULL);
	if (!m)
		return err_set(e, ERR_BUG, "mysql_init");
	set_options(m, c);
	c->handle = m;
	c->opened++;
	if (!mysql_real_connect(m, u->socket ? NULL : u->host, u->user,
				u->password, u->name, u->port, u->socket,
				CLIENT_FOUND_ROWS))
		fail(c, "connecting", mysql_errno(m), mysql_error(m), false, e);
	else if (!session(c, e))
		return 0;
	my_close(c);
	return -1;
}

static int find_text(const char *name, const struct sql_text **t, struct err *e)
{
	*t = sql_find(name);
	return *t ? 0 : err_set(e, ERR_BUG, "no statement %s", name);
}

static int prepare_text(struct my_conn *c, const struct sql_text *t,
			struct sql_ready *q, struct err *e)
{
	/* its name only: values may be anything */
	log_debug("database: %s", t->name);
	return sql_expand(t, c->f, true, q, e);
}

int my_send(struct my_conn *c, const struct sql_text *t, bool committing,
	    struct err *e)
{
	AUTO(sql_ready_clear) struct sql_ready q = {0};
	MYSQL *m = c->handle;

	if (prepare_text(c, t, &q, e))
		return -1;
	if (mysql_real_query(m, buf_str(&q.text), q.text.len))
		return fail(c, t->name, mysql_errno(m), mysql_error(m),
			    committing, e);
	c->used_us = clock_mono_us();
	return 0;
}

int my_plain(struct my_conn *c, const char *name, bool committing,
	     struct err *e)
{
	const struct sql_text *t;

	return find_text(name, &t, e) ? -1 : my_send(c, t, committing, e);
}

static const struct sql_arg *find_arg(const struct sql_args *a,
				      const char *name)
{
	static const struct sql_arg null = {.name = "null"};

	for (size_t i = 0; a && i < a->n; i++)
		if (!strcmp(a->v[i].name, name))
			return &a->v[i];
	return a && a->all_null ? &null : NULL;
}

static int bind_args(const char *stmt, const struct sql_ready *q,
		     const struct sql_args *args, MYSQL_BIND *b, struct err *e)
{
	for (size_t i = 0; i < q->params.n; i++) {
		const struct sql_arg *a = find_arg(args, q->params.v[i]);

		if (!a)
			return err_set(e, ERR_BUG, "%s: nothing bound to :%s",
				       stmt, q->params.v[i]);
		b[i].buffer_type = MYSQL_TYPE_NULL;
		if (a->type == SQL_INT) {
			b[i].buffer_type = MYSQL_TYPE_LONGLONG;
			b[i].buffer = (void *)&a->num;
		} else if (a->type == SQL_TEXT && a->text) {
			b[i].buffer_type = MYSQL_TYPE_STRING;
			b[i].buffer = (void *)a->text;
			b[i].buffer_length = strlen(a->text);
		}
	}
	return 0;
}

/* A prepared, executed statement; *OUT is NULL when there was nothing to run.
 * The statement must not outlive the connection. */
static int run(struct my_conn *c, const struct sql_text *t,
	       const struct sql_args *args, MYSQL_STMT **out, struct err *e)
{
	const char *name = t->name;
	AUTO(sql_ready_clear) struct sql_ready q = {0};
	AUTO(mem_freep) MYSQL_BIND *b = NULL;
	MYSQL_STMT *s;
	int r = -1;

	*out = NULL;
	if (prepare_text(c, t, &q, e))
		return -1;
	if (!q.text.len)
		return 0;
	b = MEM_NEW_N(MYSQL_BIND, q.params.n + 1);
	if (bind_args(name, &q, args, b, e))
		return -1;
	s = mysql_stmt_init(c->handle);
	if (!s)
		return err_set(e, ERR_BUG, "mysql_stmt_init");
	if (!mysql_stmt_prepare(s, buf_str(&q.text), q.text.len)) {
		if (mysql_stmt_param_count(s) != q.params.n)
			r = err_set(e, ERR_BUG, "%s: parameters", name);
		else if (!mysql_stmt_bind_param(s, b) && !mysql_stmt_execute(s))
			r = 0;
	}
	if (r && e->kind == ERR_NONE) {
		AUTO(mem_freep) char *why = mem_strdup(mysql_stmt_error(s));
		unsigned code = mysql_stmt_errno(s);

		mysql_stmt_close(s);
		return fail(c, name, code, why, false, e);
	}
	if (r) {
		mysql_stmt_close(s);
		return -1;
	}
	c->used_us = clock_mono_us();
	*out = s;
	return 0;
}

int my_run(struct my_conn *c, const struct sql_text *t,
	   const struct sql_args *args, uint64_t *rows, struct err *e)
{
	MYSQL_STMT *s;

	if (rows)
		*rows = 0;
	if (run(c, t, args, &s, e))
		return -1;
	if (s && rows)
		*rows = mysql_stmt_affected_rows(s);
	if (s)
		mysql_stmt_close(s);
	return 0;
}

int my_exec(struct my_conn *c, const char *name, const struct sql_args *args,
	    uint64_t *rows, struct err *e)
{
	const struct sql_text *t;

	return find_text(name, &t, e) ? -1 : my_run(c, t, args, rows, e);
}

void my_rows_clear(struct my_rows *r)
{
	for (size_t i = 0; i < r->n * r->cols.n; i++)
		mem_free(r->cells[i]);
	mem_free(r->cells);
	strv_clear(&r->cols);
	*r = (struct my_rows){0};
}

static void columns(MYSQL_STMT *s, struct my_rows *out)
{
	MYSQL_RES *meta = mysql_stmt_result_metadata(s);
	MYSQL_FIELD *f;

	while (meta && (f = mysql_fetch_field(meta)))
		strv_add(&out->cols, f->name);
	if (meta)
		mysql_free_result(meta);
}

struct column {
	unsigned long len;
	client_bool null, error;
};

/* Asked for without a buffer first: only then is the length known. */
static int fetch_row(MYSQL_STMT *s, struct my_rows *out, struct column *col)
{
	size_t k = out->cols.n;

	out->cells = mem_realloc(out->cells, (out->n + 1) * k, sizeof(char *));
	memset(out->cells + out->n * k, 0, k * sizeof(char *));
	out->n++;
	for (size_t i = 0; i < k; i++) {
		char **cell = &out->cells[(out->n - 1) * k + i];
		MYSQL_BIND b = {.buffer_type = MYSQL_TYPE_STRING};

		if (col[i].null)
			continue;
		*cell = mem_calloc(1, col[i].len + 1);
		b.buffer = *cell;
		b.buffer_length = col[i].len;
		b.length = &col[i].len;
		b.is_null = &col[i].null;
		b.error = &col[i].error;
		if (col[i].len &&
		    mysql_stmt_fetch_column(s, &b, (unsigned)i, 0))
			return -1;
	}
	return 0;
}

static int fetch(MYSQL_STMT *s, struct my_rows *out)
{
	AUTO(mem_freep) MYSQL_BIND *b = NULL;
	AUTO(mem_freep) struct column *col = NULL;
	int r;

	columns(s, out);
	b = MEM_NEW_N(MYSQL_BIND, out->cols.n + 1);
	col = MEM_NEW_N(struct column, out->cols.n + 1);
	for (size_t i = 0; i < out->cols.n; i++) {
		b[i].buffer_type = MYSQL_TYPE_STRING;
		b[i].length = &col[i].len;
		b[i].is_null = &col[i].null;
		b[i].error = &col[i].error;
	}
	if (mysql_stmt_bind_result(s, b) || mysql_stmt_store_result(s))
		return -1;
	while ((r = mysql_stmt_fetch(s)) == 0 || r == MYSQL_DATA_TRUNCATED)
		if (fetch_row(s, out, col))
			return -1;
	return r == MYSQL_NO_DATA ? 0 : -1;
}

int my_query(struct my_conn *c, const struct sql_text *t,
	     const struct sql_args *args, struct my_rows *out, struct err *e)
{
	MYSQL_STMT *s;
	unsigned code = 0;
	AUTO(mem_freep) char *why = NULL;

	*out = (struct my_rows){0};
	if (run(c, t, args, &s, e))
		return -1;
	if (!s)
		return 0;
	if (fetch(s, out)) {
		code = mysql_stmt_errno(s);
		why = mem_strdup(mysql_stmt_error(s));
		my_rows_clear(out);
	}
	mysql_stmt_close(s);
	return why ? fail(c, t->name, code, why, false, e) : 0;
}

int my_select(struct my_conn *c, const char *name, const struct sql_args *args,
	      struct my_rows *out, struct err *e)
{
	const struct sql_text *t;

	*out = (struct my_rows){0};
	return find_text(name, &t, e) ? -1 : my_query(c, t, args, out, e);
}

const char *my_cell(const struct my_rows *r, size_t row, const char *col)
{
	for (size_t i = 0; i < r->cols.n; i++)
		if (!strcmp(r->cols.v[i], col))
			return r->cells[row * r->cols.n + i];
	abort();
}

char *my_dup(const struct my_rows *r, size_t row, const char *col)
{
	return mem_strdup0(my_cell(r, row, col));
}

int64_t my_num(const struct my_rows *r, size_t row, const char *col,
	       int64_t null)
{
	const char *s = my_cell(r, row, col);

	return s ? strtoll(s, NULL, 10) : null;
}

bool my_true(const struct my_rows *r, size_t row, const char *col)
{
	return my_num(r, row, col, 0) != 0;
}
