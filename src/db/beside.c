/* SPDX-License-Identifier: Apache-2.0 */
#include "db/beside.h"

#include <strings.h>

void beside_clear(struct beside *b)
{
	my_close(&b->c);
	db_url_clear(&b->url);
	strv_clear(&b->revisions);
}

char *beside_where(const struct beside *b)
{
	return db_url_where(&b->url);
}

static int look(struct beside *b, enum feature_db which, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows cols = {0};
	AUTO(my_rows_clear) struct my_rows revs = {0};
	bool alembic = false;

	if (my_ready(&b->c, e) ||
	    my_select(&b->c, "schema.columns", NULL, &cols, e))
		return -1;
	schema_features(&cols, which, &b->f);
	for (size_t i = 0; i < cols.n; i++)
		alembic |=
			!strcasecmp(my_cell(&cols, i, "t"), "alembic_version");
	if (alembic && my_select(&b->c, "schema.alembic", NULL, &revs, e))
		return -1;
	for (size_t i = 0; i < revs.n; i++)
		strv_add(&b->revisions, my_cell(&revs, i, "version_num"));
	return 0;
}

int beside_open(struct beside *b, const char *url, const struct db_config *cfg,
		enum feature_db which, struct err *e)
{
	*b = (struct beside){
		.cfg = {.connect_timeout_s = cfg->connect_timeout_s,
			.io_timeout_s = cfg->io_timeout_s,
			.lock_wait_s = cfg->lock_wait_s}};
	b->c = (struct my_conn){.url = &b->url, .cfg = &b->cfg, .f = &b->f};
	if (db_url_parse(url, &b->url, e))
		return -1;
	db_url_tls(&b->url, cfg);
	return look(b, which, e);
}

struct question {
	const struct beside_txn *t;
	bool *applied;
};

static int ask_body(struct my_conn *c, const void *arg, bool *commit,
		    struct err *e)
{
	const struct question *q = arg;

	*q->applied = false;
	if (q->t->ask(c, q->t->arg, q->applied, e))
		return -1;
	/* What has happened needs no forestalling. */
	*commit = !*q->applied;
	return 0;
}

static int ask(struct beside *b, const struct beside_txn *t, struct err *e)
{
	bool applied = false;
	struct question q = {t, &applied};

	my_close(&b->c);
	if (tx_run_on(&b->c, ask_body, &q, e)) {
		if (e->kind == ERR_RETRY || e->kind == ERR_FAILED)
			e->kind = ERR_LOST;
		return err_wrap(e, "finding out what became of a lost COMMIT");
	}
	if (applied)
		return 0;
	return err_set(e, ERR_CONFLICT,
		       "the connection broke at COMMIT, and nothing was "
		       "changed");
}

int beside_run(struct beside *b, const struct beside_txn *t, struct err *e)
{
	struct err first = ERR_INIT;

	if (!tx_run_on(&b->c, t->body, t->arg, &first))
		return 0;
	if (first.kind != ERR_LOST) {
		err_move(e, &first);
		return -1;
	}
	err_clear(&first);
	return ask(b, t, e);
}
