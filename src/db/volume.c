/* SPDX-License-Identifier: Apache-2.0 */
/* connection_info as it stands, for those who put it back. */
#include "db/db_priv.h"

#include <jansson.h>
#include <string.h>

void db_connection_clear(struct db_connection *k)
{
	if (k->info)
		explicit_bzero(k->info, strlen(k->info));
	mem_free(k->info);
	mem_free(k->attachment_id);
	*k = (struct db_connection){0};
}

/* secret_uuid and secret_type only name a secret of libvirt's (rbd). */
static bool telling(const char *key)
{
	static const char *const words[] = {"password", "passwd", "keyring",
					    "secret",	"token",  "private"};

	if (!strcasecmp(key, "secret_uuid") || !strcasecmp(key, "secret_type"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(key, words[i]))
			return true;
	return false;
}

static bool empty(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) ||
	       (json_is_string(v) && !*json_string_value(v));
}

/* NOLINTNEXTLINE(misc-no-recursion): jansson bounds the depth */
static bool holds(json_t *j)
{
	const char *k;
	json_t *v;
	size_t i;

	json_array_foreach (j, i, v)
		if (holds(v))
			return true;
	json_object_foreach (j, k, v)
		if ((telling(k) && !empty(v)) || holds(v))
			return true;
	return false;
}

bool db_info_secret(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
	bool yes = !j || holds(j);

	json_decref(j);
	return yes;
}

int db_op_connection(struct db *db, const char *uuid, int64_t bdm_id,
		     struct db_connection *out, struct err *e)
{
	struct my_conn *c = &MY(db)->cell;
	AUTO(my_rows_clear) struct my_rows r = {0};
	const struct sql_arg args[] = {ARG_TEXT("u", uuid),
				       ARG_INT("b", bdm_id)};

	*out = (struct db_connection){0};
	if (my_ready(c, e) ||
	    my_select(c, "cell.connection", SQL_ARGS(args), &r, e))
		return -1;
	if (!r.n)
		return err_set(e, ERR_CONFLICT,
			       "instance %s: block device %lld is gone", uuid,
			       (long long)bdm_id);
	out->attachment_id = my_dup(&r, 0, "attachment_id");
	out->info = my_dup(&r, 0, "connection_info");
	return 0;
}

int db_op_share_users(struct db *db, const struct db_share *s, int *n,
		      struct err *e)
{
	struct my_conn *c = &MY(db)->cell;
	AUTO(my_rows_clear) struct my_rows r = {0};
	const struct sql_arg args[] = {ARG_TEXT("u", s->uuid),
				       ARG_TEXT("sh", s->host),
				       ARG_TEXT("export", s->export)};

	if (my_ready(c, e) ||
	    my_select(c, "cell.share_users", SQL_ARGS(args), &r, e))
		return -1;
	*n = r.n ? (int)my_num(&r, 0, "n", 0) : 0;
	return 0;
}
