/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns there are, and which release that is. */
#include "db/db_priv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What one database carries. */
struct found {
	bool migrate, alembic; /* the tables */
	int number;	       /* migrate_version, or 0 */
	char *rev;	       /* alembic, or NULL */
};

static void found_clear(struct found *f)
{
	mem_free(f->rev);
}

static bool has(const struct my_rows *r, const char *table, const char *column)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcasecmp(my_cell(r, i, "t"), table) &&
		    (!column || !strcasecmp(my_cell(r, i, "c"), column)))
			return true;
	return false;
}

void schema_features(const struct my_rows *columns, enum feature_db which,
		     struct db_features *f)
{
	for (size_t i = 0; i < n_features; i++)
		if (features[i].database == which)
			feature_set(f, &features[i],
				    has(columns, features[i].table,
					features[i].column));
}

static int revision(struct my_conn *c, struct found *f, const char *where,
		    struct err *e)
{
	AUTO(my_rows_clear) struct my_rows m = {0};
	AUTO(my_rows_clear) struct my_rows a = {0};

	if ((f->migrate && my_select(c, "schema.migrate", NULL, &m, e)) ||
	    (f->alembic && my_select(c, "schema.alembic", NULL, &a, e)))
		return -1;
	if (a.n > 1)
		return err_set(e, ERR_REFUSED,
			       "database %s: several rows in alembic_version: "
			       "a schema migration is half done",
			       where);
	if (m.n)
		f->number = (int)my_num(&m, 0, "version", 0);
	if (a.n)
		f->rev = my_dup(&a, 0, "version_num");
	if (f->number || f->rev)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "database %s has no schema revision: not Nova's "
		       "database, or never migrated",
		       where);
}

static int read_columns(struct my_conn *c, enum feature_db which,
			struct db_features *f, struct found *found,
			const char *where, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_ready(c, e) || my_select(c, "schema.columns", NULL, &r, e))
		return -1;
	schema_features(&r, which, f);
	found->migrate = has(&r, "migrate_version", NULL);
	found->alembic = has(&r, "alembic_version", NULL);
	return revision(c, found, where, e);
}

/* A revision between two releases has some columns of the later one: MySQL
 * commits each step of a migration as it goes. */
static int check_columns(enum feature_db which, const struct db_features *f,
			 int release, const char *where, struct err *e)
{
	struct db_features must = {0};

	release_features(release, true, &must);
	for (size_t i = 0; i < n_features; i++) {
		const struct feature *one = &features[i];
		bool is = feature_get(f, one);

		if (one->database != which || is == feature_get(&must, one))
			continue;
		err_set(e, ERR_REFUSED,
			"database %s says %s, but %s.%s is %s: a schema "
			"migration is half done",
			where, releases[release].name, one->table, one->column,
			is ? "there" : "missing");
		return err_hint(e, "let nova-manage finish it (nova-manage "
				   "api_db sync, nova-manage db sync); if it "
				   "has, see that this user may read every "
				   "table");
	}
	return 0;
}

static int unknown(const struct found *f, const char *where, struct err *e)
{
	if (f->rev)
		err_set(e, ERR_REFUSED,
			"database %s is at revision %s, which no release ends "
			"with: a schema migration is half done, or the release "
			"is newer than this program",
			where, f->rev);
	else
		err_set(e, ERR_REFUSED,
			"database %s is at schema number %d, which no release "
			"from Icehouse on has",
			where, f->number);
	return err_hint(e, "let nova-manage finish it; novahaul --version");
}

static int service_version(struct my_conn *c, const struct db_features *f,
			   int *out, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	*out = -1;
	if (!f->service_seen)
		return 0;
	if (my_select(c, "schema.service_version", NULL, &r, e))
		return -1;
	*out = (int)my_num(&r, 0, "version", -1);
	return 0;
}

static char *revision_text(const struct found *f)
{
	return f->rev ? mem_strdup(f->rev) : mem_printf("%d", f->number);
}

int schema_read(struct my_db *d, struct err *e)
{
	struct db_schema *s = &d->schema;
	AUTO(found_clear) struct found f = {0};
	AUTO(mem_freep) char *where = db_url_where(&d->cell_url);

	if (read_columns(&d->cell, FEATURE_CELL, &s->f, &f, where, e))
		return -1;
	if (service_version(&d->cell, &s->f, &s->service_version, e))
		return -1;
	d->release =
		release_by_cell(f.number, f.rev, s->service_version, &s->exact);
	if (d->release < 0)
		return unknown(&f, where, e);
	if (check_columns(FEATURE_CELL, &s->f, d->release, where, e))
		return -1;
	s->release = releases[d->release].name;
	s->nova = releases[d->release].nova;
	s->cell_revision = revision_text(&f);
	s->destroys_by_host = d->release <= release_index("kilo");
	s->placement_only = d->release >= release_index("pike");
	s->writes_az = s->f.attachment_id;
	if (!d->has_api && d->release >= release_index("ocata")) {
		err_set(e, ERR_REFUSED,
			"database %s is of %s, which needs nova_api beside it",
			where, s->release);
		return err_hint(e, "give the URL of nova_api: [api_database] "
				   "connection in nova.conf");
	}
	return 0;
}

int schema_read_api(struct my_db *d, struct err *e)
{
	struct db_schema *s = &d->schema;
	AUTO(found_clear) struct found f = {0};
	AUTO(mem_freep) char *where = db_url_where(&d->api_url);
	int index;

	if (read_columns(&d->api, FEATURE_API, &s->f, &f, where, e))
		return -1;
	index = release_by_api(f.number, f.rev);
	if (index < 0)
		return unknown(&f, where, e);
	if (check_columns(FEATURE_API, &s->f, index, where, e))
		return -1;
	s->api_release = releases[index].name;
	s->api_revision = revision_text(&f);
	return 0;
}

int db_op_schema(struct db *db, struct db_schema *out, struct err *e)
{
	const struct db_schema *s = &MY(db)->schema;

	(void)e;
	*out = *s;
	out->cell_revision = mem_strdup0(s->cell_revision);
	out->api_revision = mem_strdup0(s->api_revision);
	out->cell_name = mem_strdup0(s->cell_name);
	out->url = mem_strdup0(s->url);
	out->api_url = mem_strdup0(s->api_url);
	return 0;
}
