/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a host as a whole, and what becomes of its nova-compute. */
#include "db/db_priv.h"

#include <string.h>

int db_op_host_servers(struct db *db, const char *host, int64_t *n,
		       struct err *e)
{
	struct my_conn *c = &MY(db)->cell;
	const struct sql_arg args[] = {ARG_TEXT("h", host)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_ready(c, e) ||
	    my_select(c, "cell.host_servers", SQL_ARGS(args), &r, e))
		return err_wrap(e, "host %s", host);
	*n = my_num(&r, 0, "n", -1);
	return *n < 0 ? err_set(e, ERR_BUG, "host %s: no number", host) : 0;
}

static int service_body(struct my_conn *c, const void *arg, bool *commit,
			struct err *e)
{
	const struct db_mark *s = arg;
	const struct sql_arg args[] = {ARG_TEXT("h", s->host),
				       ARG_TEXT("mark", s->mark)};
	bool matched = false;

	(void)commit;
	if (txn_one(c, s->disable ? "sw.disable" : "sw.enable", SQL_ARGS(args),
		    &matched, e))
		return -1;
	if (matched)
		return 0;
	return err_set(e, ERR_CONFLICT,
		       s->disable ? "it is not enabled any more"
				  : "it is not disabled with our reason any "
				    "more");
}

int db_op_service_mark(struct db *db, const struct db_mark *s, struct err *e)
{
	if (!s->mark || !*s->mark || strlen(s->mark) > 255)
		return err_set(e, ERR_BUG, "service_mark: no such mark");
	if (tx_run(MY(db), service_body, s, e))
		return err_wrap(e, "%s nova-compute of %s",
				s->disable ? "disabling" : "enabling", s->host);
	return 0;
}
