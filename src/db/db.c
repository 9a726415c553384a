/* SPDX-License-Identifier: Apache-2.0 */
/* What is common to every implementation of the port: the token. */
#include "db/db.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "novahaul ";

void db_close(struct db *db)
{
	if (db && db->ops && db->ops->close)
		db->ops->close(db);
	if (db)
		*db = (struct db){0};
}

void db_token(const struct db_lease *by, char out[DB_TOKEN_MAX])
{
	snprintf(out, DB_TOKEN_MAX, "%s%s %u", prefix, by->job, by->epoch);
}

bool db_token_parse(const char *value, char *job, unsigned *epoch)
{
	const char *p, *gap;
	unsigned long n;
	char *end;

	if (!value || strlen(value) >= DB_TOKEN_MAX ||
	    strncmp(value, prefix, sizeof(prefix) - 1))
		return false;
	p = value + sizeof(prefix) - 1;
	gap = strchr(p, ' ');
	if (!gap || gap == p || gap[1] < '1' || gap[1] > '9')
		return false;
	n = strtoul(gap + 1, &end, 10);
	if (*end || n > UINT_MAX)
		return false;
	memcpy(job, p, (size_t)(gap - p));
	job[gap - p] = '\0';
	*epoch = (unsigned)n;
	return true;
}

static bool one_of(const char *s, const char *const *list)
{
	for (; s && *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

bool db_migration_in_flight(const struct db_migration *m)
{
	static const char *const over[] = {
		"confirmed", "reverted",  "error", "failed",
		"completed", "cancelled", "done",  NULL};

	return !m->deleted && !one_of(m->status, over);
}

/* nova/compute/manager.py:_destroy_evacuated_instances, at the start of
 * nova-compute: 'accepted' and 'done' from 12.0.2, 'pre-migrating' from Rocky;
 * it looks neither at instances.host nor, from Pike on, at deleted. */
bool db_migration_arms(const struct db_migration *m, const char *host)
{
	static const char *const armed[] = {"accepted", "pre-migrating", "done",
					    NULL};

	return m->type && !strcmp(m->type, "evacuation") && m->source_compute &&
	       !strcmp(m->source_compute, host) && one_of(m->status, armed);
}

const char *db_pairs_get(const struct db_pairs *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].key, key))
			return p->v[i].value;
	return NULL;
}
