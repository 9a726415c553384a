/* SPDX-License-Identifier: Apache-2.0 */
/* Which cell database: nova_api's cell_mappings tells. */
#include "db/db_priv.h"

#include <stdlib.h>
#include <string.h>

/* cell0 holds instances that were never scheduled (nova/objects/
 * cell_mapping.py, CELL0_UUID). */
static const char cell0[] = "00000000-0000-0000-0000-000000000000";

struct cells {
	struct my_rows rows;
	const char *main; /* fills templates */
};

static int use(struct my_db *d, const struct cells *all, size_t row,
	       struct err *e)
{
	AUTO(mem_freep) char *url = NULL;
	const char *raw = my_cell(&all->rows, row, "url");

	url = raw ? db_url_template(raw, all->main, e) : NULL;
	if (!raw)
		err_set(e, ERR_REFUSED, "no database_connection");
	db_url_clear(&d->cell_url);
	my_close(&d->cell);
	if (!url || db_url_parse(url, &d->cell_url, e))
		return err_wrap(e, "cell %s", my_cell(&all->rows, row, "uuid"));
	mem_free(d->schema.url);
	mem_free(d->schema.cell_name);
	d->schema.url = db_url_mask(url);
	d->schema.cell_id = my_num(&all->rows, row, "id", -1);
	d->schema.cell_name = my_dup(&all->rows, row, "name");
	return 0;
}

static bool usable(const struct cells *all, size_t row)
{
	return strcmp(my_cell(&all->rows, row, "uuid"), cell0) != 0;
}

static int by_name(struct my_db *d, const struct cells *all, const char *name,
		   struct err *e)
{
	for (size_t i = 0; i < all->rows.n; i++) {
		const char *n = my_cell(&all->rows, i, "name");

		if (!strcmp(my_cell(&all->rows, i, "uuid"), name) ||
		    (n && !strcmp(n, name)))
			return use(d, all, i, e);
	}
	return err_set(e, ERR_REFUSED, "no cell %s in cell_mappings", name);
}

/* Archiving takes its mapping along: then only the cell itself tells. */
static int by_archive(struct my_db *d, const struct cells *all,
		      const char *uuid, struct err *e)
{
	struct err first = ERR_INIT;
	bool yes = false;

	for (size_t i = 0; i < all->rows.n && !yes; i++) {
		struct err why = ERR_INIT;

		if (!usable(all, i))
			continue;
		/* A cell that does not answer hides no other. */
		if ((use(d, all, i, &why) || my_ready(&d->cell, &why) ||
		     archived_in(&d->cell, uuid, &yes, &why)) &&
		    first.kind == ERR_NONE)
			err_move(&first, &why);
		err_clear(&why);
	}
	if (!yes) {
		err_set(e, ERR_REFUSED, "no instance %s", uuid);
		if (first.kind != ERR_NONE)
			err_also(e, &first);
	}
	err_clear(&first);
	return yes ? 0 : -1;
}

static int by_instance(struct my_db *d, const struct cells *all,
		       const char *uuid, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};
	int64_t id;

	if (my_select(&d->api, "api.cell_of", SQL_ARGS(args), &r, e))
		return -1;
	if (!r.n)
		return by_archive(d, all, uuid, e);
	id = my_num(&r, 0, "cell_id", -1);
	for (size_t i = 0; i < all->rows.n; i++)
		if (my_num(&all->rows, i, "id", -1) == id && usable(all, i))
			return use(d, all, i, e);
	return err_set(e, ERR_REFUSED,
		       "instance %s is in no cell: it was never scheduled, or "
		       "is being built",
		       uuid);
}

/* An unknown name in one cell is no error while another may have it. */
static int by_search(struct my_db *d, const struct cells *all, const char *name,
		     struct err *e)
{
	char uuid[UUID_LEN + 1];
	size_t found = 0, at = 0;

	for (size_t i = 0; i < all->rows.n; i++) {
		if (!usable(all, i))
			continue;
		if (use(d, all, i, e) || my_ready(&d->cell, e))
			return -1;
		if (!find_in(&d->cell, name, uuid, e)) {
			found++;
			at = i;
		} else if (e->kind != ERR_NOTHING) {
			return -1;
		}
		err_clear(e);
	}
	if (found == 1)
		return use(d, all, at, e);
	if (!found)
		return err_set(e, ERR_REFUSED, "no server named %s in any cell",
			       name);
	err_set(e, ERR_REFUSED, "%s is a server's name in %zu cells", name,
		found);
	return err_hint(e, "give its uuid");
}

int cell_resolve(struct my_db *d, const struct db_config *cfg, struct err *e)
{
	struct cells all = {.main = cfg->main_url ? cfg->main_url
						  : cfg->api_url};
	size_t n = 0, only = 0;
	int r;

	if (my_select(&d->api, "api.cells", NULL, &all.rows, e))
		return -1;
	for (size_t i = 0; i < all.rows.n; i++)
		if (usable(&all, i)) {
			n++;
			only = i;
		}
	if (cfg->cell)
		r = by_name(d, &all, cfg->cell, e);
	else if (n == 1)
		r = use(d, &all, only, e);
	else if (!n)
		r = err_set(e, ERR_REFUSED,
			    "no cell in cell_mappings: give the URL of the "
			    "cell's database");
	else if (cfg->server && uuid_valid(cfg->server))
		r = by_instance(d, &all, cfg->server, e);
	else if (cfg->server)
		r = by_search(d, &all, cfg->server, e);
	else
		r = err_set(e, ERR_REFUSED,
			    "%zu cells in cell_mappings: name one", n);
	my_rows_clear(&all.rows);
	return r;
}
