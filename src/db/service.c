/* SPDX-License-Identifier: Apache-2.0 */
/* The row of a host's nova-compute in the table services. */
#include "db/service.h"

#include <string.h>

#include "core/str.h"
#include "db/db_priv.h"

void db_service_clear(struct db_service *s)
{
	mem_free(s->reason);
	*s = (struct db_service){0};
}

static int read_in(struct my_conn *c, const char *host, struct db_service *out,
		   struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("h", host)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_select(c, "cell.service", SQL_ARGS(args), &r, e))
		return -1;
	if (r.n != 1)
		return err_set(e, ERR_REFUSED,
			       "%zu nova-compute services for %s, not one", r.n,
			       host);
	db_service_clear(out);
	out->disabled = my_true(&r, 0, "disabled");
	out->forced_down = my_true(&r, 0, "forced_down");
	out->reason = my_dup(&r, 0, "disabled_reason");
	return 0;
}

int db_service_get(struct db *db, const char *host, struct db_service *out,
		   struct err *e)
{
	struct my_conn *c = &MY(db)->cell;

	if (my_ready(c, e) || read_in(c, host, out, e))
		return err_wrap(e, "reading the service of %s", host);
	return 0;
}

bool db_service_same(const struct db_service *a, const struct db_service *b)
{
	return a->disabled == b->disabled && a->forced_down == b->forced_down &&
	       (str_is(a->reason, b->reason) || (!a->reason && !b->reason));
}

static int set_body(struct my_conn *c, const void *arg, bool *commit,
		    struct err *e)
{
	const struct db_service_change *x = arg;
	const struct sql_arg args[] = {
		ARG_TEXT("h", x->host),
		ARG_INT("d", x->to.disabled),
		ARG_INT("f", x->to.forced_down),
		ARG_TEXT("r", x->to.reason),
		ARG_INT("was_d", x->from.disabled),
		ARG_INT("was_f", x->from.forced_down),
	};
	AUTO(db_service_clear) struct db_service now = {0};
	bool matched = false;

	if (txn_one(c, "sw.service", SQL_ARGS(args), &matched, e))
		return -1;
	if (matched)
		return 0;
	*commit = false;
	if (read_in(c, x->host, &now, e))
		return -1;
	if (db_service_same(&now, &x->to))
		return 0;
	return err_set(e, ERR_CONFLICT, "somebody else has changed it");
}

int db_service_set(struct db *db, const struct db_service_change *x,
		   struct err *e)
{
	if (tx_run(MY(db), set_body, x, e))
		return err_wrap(e, "changing the service of %s", x->host);
	return 0;
}
