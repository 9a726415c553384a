/* SPDX-License-Identifier: Apache-2.0 */
/* The store over a connection to MariaDB; mysql.c knows the client library. */
#include "db/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/log.h"
#include "core/utf8.h"
#include "db/db_priv.h"

enum { CONNECT_S = 5, ANSWER_S = 20, LOCK_S = 10 };

enum {
	E_UNKNOWN_COM = 1047, /* Galera: this node is out of its cluster */
	E_DUP_ENTRY = 1062,
	E_LOCK_WAIT = 1205,
};

struct stmt {
	struct store_stmt st;
	struct sql_text text;
	struct sql_arg *args; /* of the parameters bound, names owned */
	char **texts;	      /* their values, owned */
	size_t nargs;
	bool run; /* rows hold its result */
	struct my_rows rows;
	size_t next;
};

struct db_store {
	struct store s;
	struct db_config limits;
	struct db_url *urls;
	size_t nurls, at;
	struct db_features none; /* the journal's SQL has no clauses */
	struct my_conn c;
	const struct store_sql *const *sql;
	struct stmt **stmts; /* that were asked for */
	size_t nstmts;
	bool in_txn;
	bool broken; /* the transaction is over; rollback() has not come yet */
	uint64_t changes;
};

static struct db_store *my(struct store *s)
{
	return (struct db_store *)s;
}

static struct stmt *stmt_of(struct store_stmt *st)
{
	return (struct stmt *)st;
}

static struct sql_text find(const struct db_store *d, const char *name)
{
	for (size_t i = 0; d->sql[i]; i++)
		for (const struct store_sql *q = d->sql[i]; q->name; q++)
			if (!strcmp(q->name, name))
				return (struct sql_text){q->name, q->text};
	fprintf(stderr, "store: no statement is called %s\n", name);
	abort();
}

/* --- the connection */

/* What an error leaves: is all of the transaction gone, is this server? */
static int failed(struct db_store *d, struct err *e)
{
	/* Nobody waits for a lock outside of a transaction: it is this node
	 * that does not come up with its cluster. */
	bool gone = !d->c.handle || d->c.code == E_UNKNOWN_COM ||
		    (d->c.code == E_LOCK_WAIT && !d->in_txn);

	if (gone) {
		my_close(&d->c);
		d->at = (d->at + 1) % d->nurls;
		d->c.url = &d->urls[d->at];
	}
	/* Whoever else wrote the same key was first: look again. */
	d->s.again = e->kind == ERR_RETRY || gone || d->c.code == E_DUP_ENTRY;
	d->broken |= d->in_txn && d->s.again;
	return -1;
}

/* The statements of a text, one after the other. */
static int script(struct db_store *d, const char *name, struct err *e)
{
	struct sql_text all = find(d, name);
	const char *p = all.text;

	while (*(p += strspn(p, " \n;"))) {
		const char *end = strstr(p, ";\n");
		size_t n = end ? (size_t)(end - p) : strlen(p);
		AUTO(mem_freep) char *one = mem_strndup(p, n);
		struct sql_text t = {name, one};

		if (my_send(&d->c, &t, false, e))
			return -1;
		p += n;
	}
	return 0;
}

/* A connection that answers, to one of the servers. */
static int ready(struct db_store *d, struct err *e)
{
	d->c.code = 0;
	for (size_t i = 0; i < d->nurls; i++) {
		unsigned was = d->c.opened;

		err_clear(e);
		if (!my_ready(&d->c, e) &&
		    (d->c.opened == was || !script(d, "setup", e)))
			return 0;
		my_close(&d->c);
		failed(d, e);
	}
	return -1;
}

/* Before a statement: inside a transaction there is no second connection. */
static int usable(struct db_store *d, struct err *e)
{
	if (!d->in_txn)
		return ready(d, e);
	if (!d->broken && d->c.handle)
		return 0;
	d->s.again = true;
	return err_set(e, ERR_RETRY, "database %s: the transaction is over",
		       d->s.where);
}

/* --- statements */

static void forget_rows(struct stmt *st)
{
	my_rows_clear(&st->rows);
	st->run = false;
	st->next = 0;
}

static void unbind(struct stmt *st)
{
	for (size_t i = 0; i < st->nargs; i++) {
		mem_free((char *)st->args[i].name);
		mem_free(st->texts[i]);
	}
	st->nargs = 0;
}

static struct store_stmt *my_stmt(struct store *s, const char *name)
{
	struct db_store *d = my(s);
	struct stmt *st;

	for (size_t i = 0; i < d->nstmts; i++)
		if (!strcmp(d->stmts[i]->text.name, name)) {
			forget_rows(d->stmts[i]);
			unbind(d->stmts[i]);
			return &d->stmts[i]->st;
		}
	st = MEM_NEW(struct stmt);
	st->st.store = s;
	st->text = find(d, name);
	d->stmts = mem_realloc(d->stmts, d->nstmts + 1, sizeof(struct stmt *));
	d->stmts[d->nstmts++] = st;
	return &st->st;
}

/* PARAM begins with a colon, as in the statement. */
static bool has_param(const struct stmt *st, const char *param)
{
	size_t n = strlen(param);

	for (const char *p = st->text.text; (p = strstr(p, param)); p += n)
		if (!strspn(p + n, "abcdefghijklmnopqrstuvwxyz_"))
			return true;
	return false;
}

static struct sql_arg *arg(struct stmt *st, const char *param,
			   enum sql_type type)
{
	struct sql_arg *a;

	if (!has_param(st, param)) {
		fprintf(stderr, "store: %s has no %s\n", st->text.name, param);
		abort();
	}
	st->args = mem_realloc(st->args, st->nargs + 1, sizeof(*a));
	st->texts = mem_realloc(st->texts, st->nargs + 1, sizeof(char *));
	st->texts[st->nargs] = NULL;
	a = &st->args[st->nargs++];
	*a = (struct sql_arg){.name = mem_strdup(param + 1), .type = type};
	return a;
}

static void my_bind_text(struct store_stmt *st, const char *param,
			 const char *text)
{
	struct stmt *q = stmt_of(st);
	struct sql_arg *a = arg(q, param, SQL_TEXT);

	/* A line of somebody's output, which may be anything; the server takes
	 * UTF-8. */
	a->text = q->texts[q->nargs - 1] = utf8_escape(text);
}

static void my_bind_int(struct store_stmt *st, const char *param, int64_t v)
{
	arg(stmt_of(st), param, SQL_INT)->num = v;
}

static int run(struct db_store *d, struct stmt *st, struct err *e)
{
	/* What was not bound is NULL, as in SQLite. */
	struct sql_args args = {st->args, st->nargs, true};
	bool rows = !strncasecmp(st->text.text, "SELECT", 6);

	/* Alone it may as well be asked of the next server. */
	for (unsigned tries = d->in_txn ? 1 : 2; tries; tries--) {
		err_clear(e);
		if (usable(d, e))
			return -1;
		d->c.code = 0;
		st->run =
			rows ? !my_query(&d->c, &st->text, &args, &st->rows, e)
			     : !my_run(&d->c, &st->text, &args, &d->changes, e);
		if (st->run)
			return 0;
		failed(d, e);
		if (!d->s.again)
			break;
	}
	return -1;
}

static int my_step(struct store_stmt *st, struct err *e)
{
	struct stmt *q = stmt_of(st);

	if (!q->run && run(my(st->store), q, e))
		return -1;
	if (q->next < q->rows.n) {
		q->next++;
		return 1;
	}
	forget_rows(q);
	return 0;
}

static const char *my_text(struct store_stmt *st, int col)
{
	const struct stmt *q = stmt_of(st);

	if (!q->next || (size_t)col >= q->rows.cols.n)
		return NULL;
	return q->rows.cells[(q->next - 1) * q->rows.cols.n + (size_t)col];
}

static int64_t my_number(struct store_stmt *st, int col)
{
	const char *s = my_text(st, col);

	return s ? strtoll(s, NULL, 10) : 0;
}

static void my_reset(struct store_stmt *st)
{
	forget_rows(stmt_of(st));
}

static int64_t my_changes(struct store *s)
{
	return (int64_t)my(s)->changes;
}

/* --- transactions */

static int my_script(struct store *s, const char *name, struct err *e)
{
	struct db_store *d = my(s);

	if (usable(d, e))
		return -1;
	d->c.code = 0;
	return script(d, name, e) ? failed(d, e) : 0;
}

static int my_begin(struct store *s, enum store_begin how, struct err *e)
{
	const char *name = how == STORE_WRITE ? "begin" : "begin-read";
	struct db_store *d = my(s);

	d->in_txn = d->broken = false;
	/* A connection that broke since it was used is no reason to fail. */
	if (my_script(s, name, e)) {
		if (!s->again)
			return -1;
		err_clear(e);
		if (my_script(s, name, e))
			return -1;
	}
	d->in_txn = true;
	return 0;
}

static int my_commit(struct store *s, struct err *e)
{
	struct db_store *d = my(s);
	struct sql_text t = find(d, "commit");

	if (usable(d, e))
		return -1;
	d->c.code = 0;
	if (my_send(&d->c, &t, true, e))
		return failed(d, e);
	d->in_txn = false;
	return 0;
}

static void my_rollback(struct store *s)
{
	struct db_store *d = my(s);
	struct sql_text t = find(d, "rollback");
	struct err ignored = ERR_INIT;

	/* Whatever it says, the session that failed is not used again. */
	if (d->in_txn && d->c.handle && my_send(&d->c, &t, false, &ignored))
		my_close(&d->c);
	err_clear(&ignored);
	d->in_txn = d->broken = false;
}

static void my_end(struct store *s)
{
	struct db_store *d = my(s);

	my_close(&d->c);
	for (size_t i = 0; i < d->nstmts; i++) {
		forget_rows(d->stmts[i]);
		unbind(d->stmts[i]);
		mem_free(d->stmts[i]->args);
		mem_free(d->stmts[i]->texts);
		mem_free(d->stmts[i]);
	}
	mem_free(d->stmts);
	for (size_t i = 0; i < d->nurls; i++)
		db_url_clear(&d->urls[i]);
	mem_free(d->urls);
	mem_free(d->s.where);
	mem_free(d);
}

static const struct store_ops ops = {
	.stmt = my_stmt,
	.bind_text = my_bind_text,
	.bind_int = my_bind_int,
	.step = my_step,
	.text = my_text,
	.num = my_number,
	.reset = my_reset,
	.changes = my_changes,
	.script = my_script,
	.begin = my_begin,
	.commit = my_commit,
	.rollback = my_rollback,
	.close = my_end,
};

/* --- opening */

static int set_urls(struct db_store *d, const struct db_store_config *cfg,
		    struct err *e)
{
	AUTO(strv_clear) struct strv each = STRV_INIT;

	if (db_url_each(cfg->url, &each, e))
		return -1;
	d->urls = MEM_NEW_N(struct db_url, each.n);
	for (size_t i = 0; i < each.n; i++) {
		struct db_url *u = &d->urls[i];
		struct db_config tls = {.ssl_ca = cfg->ssl_ca,
					.ssl_cert = cfg->ssl_cert,
					.ssl_key = cfg->ssl_key,
					.ssl_no_verify = cfg->ssl_no_verify};

		if (db_url_parse(each.v[i], u, e))
			return -1;
		d->nurls++;
		if (!*u->user)
			return err_set(e, ERR_USAGE,
				       "database URL: no user name");
		if (u->password && cfg->no_password)
			return err_set(e, ERR_USAGE,
				       "database URL: a password that stands "
				       "in a command line is no secret");
		if (!u->password)
			u->password = mem_strdup0(cfg->password);
		db_url_tls(u, &tls);
	}
	return 0;
}

/* A power cut of the server must not take back what was acted on. */
static int check_durable(struct db_store *d, struct err *e)
{
	struct store_stmt *st = my_stmt(&d->s, "shared-durable");
	int rc = my_step(st, e);

	if (rc > 0 && my_number(st, 0) != 1)
		log_warn("journal %s: innodb_flush_log_at_trx_commit is %d: a "
			 "power cut may take back what novahaul has acted on",
			 d->s.where, (int)my_number(st, 0));
	return rc < 0 ? -1 : 0;
}

struct store *db_store_open(const struct db_store_config *cfg, struct err *e)
{
	struct db_store *d = MEM_NEW(struct db_store);

	d->s.ops = &ops;
	d->s.shared = true;
	d->sql = cfg->sql;
	d->limits = (struct db_config){.connect_timeout_s = CONNECT_S,
				       .io_timeout_s = ANSWER_S,
				       .lock_wait_s = LOCK_S};
	if (set_urls(d, cfg, e)) {
		my_end(&d->s);
		return NULL;
	}
	d->s.where = db_url_where(&d->urls[0]);
	d->c = (struct my_conn){
		.url = &d->urls[0], .cfg = &d->limits, .f = &d->none};
	if (ready(d, e) || check_durable(d, e)) {
		my_end(&d->s);
		return NULL;
	}
	return &d->s;
}
