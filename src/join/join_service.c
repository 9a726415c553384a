/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and servers as runbooks ask for them. */
#include <stdlib.h>
#include <string.h>

#include "api/nova.h"
#include "join/join.h"

int join_service_get(struct app *a, const char *host, struct app_service *out,
		     struct err *e)
{
	struct db_host h = {0};
	struct db db = {0};
	int rc;

	*out = (struct app_service){.age_s = -1};
	if (join_db_open(a->config, NULL, &db, e))
		return -1;
	rc = db.ops->host(&db, host, &h, e);
	if (!rc)
		*out = (struct app_service){
			.disabled = h.disabled,
			.forced_down = h.forced_down,
			.reason = mem_strdup0(h.disabled_reason),
			.age_s = h.seen_age_s,
		};
	db_host_clear(&h);
	db_close(&db);
	return rc;
}

/* Has anybody told us of a cloud's API? */
static bool cloud_told(void)
{
	return getenv("OS_CLOUD") || getenv("OS_AUTH_URL") ||
	       getenv("OS_CLIENT_CONFIG_FILE");
}

static int set_by_api(const struct app_service_set *s, struct err *e)
{
	struct api_session *session = join_cloud_open(e);
	int rc;

	if (!session)
		return -1;
	rc = s->disable ? nova_service_disable(session, s->host, s->mark, e)
			: nova_service_enable(session, s->host, e);
	api_close(session);
	return rc;
}

static int set_by_sql(struct app *a, const struct app_service_set *s,
		      struct err *e)
{
	const struct db_mark d = {
		.host = s->host, .mark = s->mark, .disable = s->disable};
	struct db db = {0};
	int rc;

	if (join_db_open(a->config, NULL, &db, e))
		return -1;
	rc = db.ops->service_mark(&db, &d, e);
	db_close(&db);
	return rc;
}

/* Nova's API looks at nothing before it writes, so what is expected is looked
 * at here; a change in between is lost, as with any two users of the API. */
static int as_expected(struct app *a, const struct app_service_set *s,
		       struct err *e)
{
	struct app_service now;
	bool ok;

	if (join_service_get(a, s->host, &now, e))
		return -1;
	ok = s->disable ? !now.disabled
			: now.disabled && now.reason &&
				  !strcmp(now.reason, s->mark);
	mem_free(now.reason);
	return ok ? 0
		  : err_set(e, ERR_CONFLICT,
			    "nova-compute of %s is not as it was any more",
			    s->host);
}

/* As everywhere: the API where it answers; a login that is refused is no reason
 * to go around it. */
int join_service_set(struct app *a, const struct app_service_set *s,
		     const char **by, struct err *e)
{
	struct err down = ERR_INIT;

	*by = "in the database";
	if (s->control == APP_CONTROL_DIRECT ||
	    (s->control == APP_CONTROL_AUTO && !cloud_told()))
		return set_by_sql(a, s, e);
	if (as_expected(a, s, e))
		return -1;
	if (!set_by_api(s, &down)) {
		*by = "through Nova's API";
		return 0;
	}
	if (s->control != APP_CONTROL_AUTO || down.kind != ERR_RETRY) {
		err_move(e, &down);
		return -1;
	}
	err_clear(&down);
	return set_by_sql(a, s, e);
}

int join_host_servers(struct app *a, const char *host, int64_t *n,
		      struct err *e)
{
	struct db db = {0};
	int rc;

	if (join_db_open(a->config, NULL, &db, e))
		return -1;
	rc = db.ops->host_servers(&db, host, n, e);
	db_close(&db);
	return rc;
}

int join_server_state(struct app *a, const char *server, struct app_server *out,
		      struct err *e)
{
	AUTO(db_instance_clear) struct db_instance i = {0};
	char uuid[UUID_LEN + 1];
	struct db db = {0};
	int rc;

	*out = (struct app_server){0};
	if (join_db_open(a->config, server, &db, e))
		return -1;
	rc = db.ops->find(&db, server, uuid, e) ||
			     db.ops->instance(&db, uuid, &i, e)
		     ? -1
		     : 0;
	if (!rc)
		*out = (struct app_server){
			.vm_state = mem_strdup0(i.vm_state),
			.task = mem_strdup0(i.task_state),
		};
	db_close(&db);
	return rc;
}
