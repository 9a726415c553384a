/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction U: a port on another host, in Neutron's own rows. */
#include <string.h>

#include "db/netdb_priv.h"

/* The last revision of each release's expand branch, Ocata to 2026.1 (neutron/
 * db/migration/alembic_migrations/versions/EXPAND_HEAD); the other branch ends
 * with Newton. */
static const char *const heads[] = {
	"a9c43481023c", "7d32f979895f", "594422d373ee", "867d39095bf4",
	"9bfad3f1e780", "c613d0b82681", "d8bdf05313f4", "I38991de2b4",
	"6135a7bd4425", "1bb3393de75d", "34cf8b009713", "5881373af7f5",
	"fc153938cdc1", "89c58a70ceba", "0e6eff810791", "5bcb7b31ec7d",
	"ad80a9f07c5c", "d553edeb540f", "b1bca967e19d", NULL};
static const char verified[] = "5881373af7f5"; /* Zed */

void netdb_close(struct netdb *n)
{
	if (!n)
		return;
	beside_clear(&n->b);
	mem_free(n->name);
	mem_free(n);
}

const char *netdb_name(const struct netdb *n)
{
	return n->name;
}

bool netdb_verified(const struct netdb *n)
{
	return n->verified;
}

int netdb_rights(struct netdb *n, struct err *e)
{
	return rights_try(&n->b.c, "nw.", e);
}

static const char *head(const struct strv *found)
{
	for (size_t i = 0; heads[i]; i++)
		if (strv_has(found, heads[i]))
			return heads[i];
	return NULL;
}

static int identify(struct netdb *n, struct err *e)
{
	AUTO(mem_freep) char *where = beside_where(&n->b);
	const char *rev = head(&n->b.revisions);

	if (!n->b.f.neutron || !rev)
		return err_set(e, ERR_REFUSED,
			       "database %s is not Neutron's with ML2, of a "
			       "release from Ocata on: not verified",
			       where);
	n->verified = !strcmp(rev, verified);
	n->name = mem_printf("%s, revision %s", where, rev);
	return 0;
}

int netdb_open(const char *url, const struct db_config *cfg, struct netdb **out,
	       struct err *e)
{
	struct netdb *n = MEM_NEW(struct netdb);

	*out = NULL;
	if (beside_open(&n->b, url, cfg, FEATURE_NEUTRON, e) ||
	    identify(n, e)) {
		netdb_close(n);
		return -1;
	}
	*out = n;
	return 0;
}

/* ---- transaction U */

struct binding {
	const struct netdb_bind *b;
	const struct port_image *image; /* NULL: forward */
};

static int changed(const struct netdb_bind *b, struct err *e)
{
	return err_set(e, ERR_CONFLICT, "port %s has changed just now",
		       b->port);
}

static int raise_revision(struct my_conn *c, const struct netdb_bind *b,
			  bool *matched, struct err *e)
{
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {ARG_TEXT("p", b->port),
				       ARG_INT("rev", b->revision),
				       ARG_TEXT("now", now)};

	txn_now(now);
	return txn_one(c, "nw.revision", SQL_ARGS(args), matched, e);
}

static int levels(struct my_conn *c, const struct binding *x,
		  const struct port_rows *r, struct err *e)
{
	const struct sql_arg out[] = {ARG_TEXT("p", x->b->port)};
	uint64_t n = 0;

	if (my_exec(c, "nw.levels_out", SQL_ARGS(out), &n, e))
		return -1;
	if (n != r->levels.n)
		return changed(x->b, e);
	for (size_t i = 0; x->image && i < x->image->n; i++) {
		const struct port_level *l = &x->image->levels[i];
		const struct sql_arg in[] = {ARG_TEXT("p", x->b->port),
					     ARG_TEXT("to", x->b->to),
					     ARG_INT("level", l->level),
					     ARG_TEXT("driver", l->driver),
					     ARG_TEXT("segment", l->segment)};
		bool matched = false;

		if (txn_one(c, "nw.level_in", SQL_ARGS(in), &matched, e))
			return -1;
		if (!matched)
			return changed(x->b, e);
	}
	return 0;
}

static int write_rows(struct my_conn *c, const struct binding *x,
		      const struct port_rows *r, struct err *e)
{
	const struct netdb_bind *b = x->b;
	const struct sql_arg args[] = {
		ARG_TEXT("p", b->port),
		ARG_TEXT("u", b->device),
		ARG_TEXT("from", b->from),
		ARG_TEXT("to", b->to),
		ARG_TEXT("vif_type", x->image ? x->image->vif_type : "unbound"),
		ARG_TEXT("vif_details", x->image ? x->image->vif_details : ""),
		ARG_TEXT("status", x->image ? x->image->status : "DOWN")};
	bool matched = false;

	if (levels(c, x, r, e) ||
	    txn_one(c, "nw.binding", SQL_ARGS(args), &matched, e))
		return -1;
	if (!matched)
		return changed(b, e);
	if (txn_one(c, "nw.status", SQL_ARGS(args), &matched, e))
		return -1;
	return matched ? 0 : changed(b, e);
}

static bool bound_to(const struct port_rows *r, const char *host)
{
	return r->active == 1 && !r->inactive &&
	       !strcmp(my_cell(&r->bindings, r->at, "host"), host);
}

/* The lock first: what is read after it is what the guard stood for. */
static int bind_body(struct my_conn *c, const void *arg, bool *commit,
		     struct err *e)
{
	const struct binding *x = arg;
	AUTO(port_rows_clear) struct port_rows r = {.at = 0};
	bool matched = false;

	(void)commit;
	if (raise_revision(c, x->b, &matched, e) ||
	    port_rows_read(c, x->b->port, &r, e))
		return -1;
	if (!matched || !r.port.n)
		return changed(x->b, e);
	if (bound_to(&r, x->b->to))
		return 0;
	if (!bound_to(&r, x->b->from))
		return changed(x->b, e);
	return write_rows(c, x, &r, e);
}

/* One more than it was, and where it should be: that was ours. */
static int bind_ask(struct my_conn *c, const void *arg, bool *applied,
		    struct err *e)
{
	const struct binding *x = arg;
	AUTO(port_rows_clear) struct port_rows r = {.at = 0};
	bool matched = false;

	if (raise_revision(c, x->b, &matched, e))
		return -1;
	if (matched)
		return 0;
	if (port_rows_read(c, x->b->port, &r, e))
		return -1;
	*applied = r.port.n && bound_to(&r, x->b->to) &&
		   my_num(&r.port, 0, "revision", -1) == x->b->revision + 1;
	return *applied ? 0 : changed(x->b, e);
}

int netdb_image_check(const char *text, struct err *e)
{
	AUTO(port_image_clear) struct port_image image = {.n = 0};

	return port_image_parse(text, &image, e);
}

int netdb_bind(struct netdb *n, const struct netdb_bind *b, struct err *e)
{
	AUTO(port_image_clear) struct port_image image = {.n = 0};
	struct binding x = {.b = b};
	const struct beside_txn t = {bind_body, &x, bind_ask};

	if (b->image) {
		if (port_image_parse(b->image, &image, e))
			return -1;
		x.image = &image;
	}
	if (beside_run(&n->b, &t, e))
		return err_wrap(e, "binding port %s to %s in %s", b->port,
				b->to, n->name);
	return 0;
}
