/* SPDX-License-Identifier: Apache-2.0 */
#include "api/session.h"

#include <errno.h>
#include <string.h>

#include "api/json_priv.h"
#include "api/session_priv.h"
#include "core/clock.h"

enum {
	CALL_US = 60 * 1000000,
	CONNECT_US = 10 * 1000000,
	BODY_MAX = 8 << 20,
	TRIES = 4,
};

static void copy_cloud(const struct cloud *from, struct cloud *to)
{
#define COPY(m) to->m = mem_strdup0(from->m)
	*to = *from;
	COPY(name), COPY(file), COPY(auth_url), COPY(username);
	COPY(user_id), COPY(user_domain_id), COPY(user_domain_name);
	COPY(project_id), COPY(project_name), COPY(project_domain_id);
	COPY(project_domain_name), COPY(domain_id), COPY(domain_name);
	COPY(default_domain_id), COPY(default_domain_name);
	COPY(credential_id), COPY(credential_name), COPY(password);
	COPY(region), COPY(cacert), COPY(cert), COPY(key);
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		COPY(override[i]);
#undef COPY
}

struct api_session *api_open(const struct cloud *c, const struct api_options *o,
			     struct err *e)
{
	struct api_session *s = MEM_NEW(struct api_session);

	if (o)
		s->o = *o;
	if (!s->o.call_us)
		s->o.call_us = CALL_US;
	if (!s->o.connect_us)
		s->o.connect_us = CONNECT_US;
	if (!s->o.body_max)
		s->o.body_max = BODY_MAX;
	if (!s->o.tries)
		s->o.tries = TRIES;
	copy_cloud(c, &s->cloud);
	s->http = http_new(&s->cloud, e);
	if (!s->http) {
		cloud_clear(&s->cloud);
		mem_free(s);
		return NULL;
	}
	return s;
}

void api_close(struct api_session *s)
{
	if (!s)
		return;
	http_free(s->http);
	session_logout(s);
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		mem_free(s->svc[i].url);
	mem_free(s->keystone);
	cloud_clear(&s->cloud);
	mem_free(s);
}

void api_closep(struct api_session **s)
{
	api_close(*s);
}

void api_reply_clear(struct api_reply *r)
{
	secret_clear(&r->body);
	mem_free(r->request_id);
	*r = (struct api_reply){0};
}

int api_version(struct api_session *s, enum cloud_service service,
		struct api_version *v, struct err *e)
{
	if (session_ready(s, service, clock_mono_us() + s->o.call_us, e))
		return -1;
	*v = s->svc[service].version;
	return 0;
}

int api_has(struct api_session *s, enum cloud_service service, bool *has,
	    struct err *e)
{
	char *url;

	if (session_login(s, clock_mono_us() + s->o.call_us, e))
		return -1;
	url = session_place(s, service);
	*has = url != NULL;
	mem_free(url);
	return 0;
}

int api_whoami(struct api_session *s, struct api_identity *id, struct err *e)
{
	static char *none[] = {NULL};

	if (session_login(s, clock_mono_us() + s->o.call_us, e))
		return -1;
	*id = (struct api_identity){
		.user_id = s->token.user_id,
		.user_name = s->token.user_name,
		.project_id = s->token.project_id,
		.project_name = s->token.project_name,
		.roles = s->token.roles.n ? s->token.roles.v : none,
	};
	return 0;
}

bool api_delegated(const struct api_session *s)
{
	return s->cloud.auth == CLOUD_CREDENTIAL;
}

bool api_identity_has(const struct api_identity *id, const char *role)
{
	for (size_t i = 0; id->roles[i]; i++)
		if (strcmp(id->roles[i], role) == 0)
			return true;
	return false;
}

/* The headers that say which microversion a body is written in. */
static void put_version(const struct api_session *s, const struct api_call *c,
			struct strv *h)
{
	struct api_version v = s->svc[c->service].version;

	if (c->minor_most && v.minor > c->minor_most)
		v.minor = c->minor_most;
	switch (c->service) {
	case CLOUD_COMPUTE:
		if (!v.minor)
			break;
		strv_addf(h, "OpenStack-API-Version: compute %d.%d", v.major,
			  v.minor);
		/* the only one before 2.27 */
		strv_addf(h, "X-OpenStack-Nova-API-Version: %d.%d", v.major,
			  v.minor);
		break;
	case CLOUD_PLACEMENT:
		strv_addf(h, "OpenStack-API-Version: placement %d.%d", v.major,
			  v.minor);
		break;
	case CLOUD_VOLUME:
		if (v.major >= 3)
			strv_addf(h, "OpenStack-API-Version: volume %d.%d",
				  v.major, v.minor);
		break;
	case CLOUD_IDENTITY:
	case CLOUD_NETWORK:
	case CLOUD_SERVICES:
		break;
	}
}

void session_wipe(struct strv *h)
{
	for (size_t i = 0; i < h->n; i++)
		explicit_bzero(h->v[i], strlen(h->v[i]));
	strv_clear(h);
}

static void headers(const struct api_session *s, const struct api_call *c,
		    struct strv *h)
{
	strv_addf(h, "X-Auth-Token: %s", s->token.id);
	strv_add(h, "Accept: application/json");
	if (c->body)
		strv_add(h, "Content-Type: application/json");
	put_version(s, c, h);
	if (c->header)
		strv_add(h, c->header);
	if (c->service_token && strv_has(&s->token.roles, "service"))
		strv_addf(h, "X-Service-Token: %s", s->token.id);
}

/* One round with the token that we have. */
static int round_trip(struct api_session *s, const struct api_call *c,
		      int64_t deadline, struct api_reply *out, struct err *e)
{
	AUTO(session_wipe) struct strv h = STRV_INIT;
	AUTO(http_reply_clear) struct http_reply r = {0};
	AUTO(mem_freep) char *url = NULL;
	struct send q = {
		.service = c->service,
		.method = c->method,
		.headers = &h,
		.body = c->body,
		.body_len = c->body ? strlen(c->body) : 0,
		.repeatable = c->idempotent || c->method == API_GET,
		.deadline_us = deadline,
	};
	bool repeated = out->repeated;
	int rc;

	if (session_ready(s, c->service, deadline, e))
		return -1;
	q.url = url = mem_printf("%s%s", s->svc[c->service].url, c->path);
	headers(s, c, &h);
	rc = session_send(s, &q, &r, &repeated, e);
	out->status = rc ? 0 : r.status;
	out->repeated = repeated;
	mem_free(out->request_id);
	out->request_id = r.request_id;
	r.request_id = NULL;
	if (rc)
		return err_wrap(e, "%s: %s %s", cloud_service_name(c->service),
				http_method_name(c->method), c->path);
	if (r.status < 200 || r.status > 299) {
		r.request_id = out->request_id;
		session_fault(s, &q, &r, repeated, e);
		r.request_id = NULL;
		return err_wrap(e, "%s: %s %s", cloud_service_name(c->service),
				http_method_name(c->method), c->path);
	}
	secret_clear(&out->body);
	out->body = r.body;
	r.body = (struct buf)BUF_INIT;
	return 0;
}

int api_call(struct api_session *s, const struct api_call *c,
	     struct api_reply *r, struct err *e)
{
	int64_t deadline =
		clock_mono_us() + (c->call_us ? c->call_us : s->o.call_us);
	struct err mine = ERR_INIT;
	int rc;

	api_reply_clear(r);
	rc = round_trip(s, c, deadline, r, &mine);
	/* A token that was revoked, or that outlived its Keystone: nothing was
	 * done with it. */
	if (rc && r->status == 401 && s->cloud.auth != CLOUD_TOKEN) {
		err_clear(&mine);
		session_logout(s);
		rc = round_trip(s, c, deadline, r, &mine);
	}
	if (!rc)
		return 0;
	if (c->what)
		err_wrap(&mine, "%s", c->what);
	err_move(e, &mine);
	return -1;
}

int api_do(struct api_session *s, const struct api_call *c, struct err *e)
{
	struct api_reply r = API_REPLY_INIT;
	int rc = api_call(s, c, &r, e);

	api_reply_clear(&r);
	return rc;
}

int api_garbled(const struct api_call *c, const struct api_reply *r,
		struct err *e)
{
	if (c->method != API_GET)
		e->kind = ERR_LOST;
	err_wrap(e, "%s: %s %s: status %d%s%s", cloud_service_name(c->service),
		 http_method_name(c->method), c->path, r->status,
		 r->request_id ? ", " : "", r->request_id ? r->request_id : "");
	return c->what ? err_wrap(e, "%s", c->what) : -1;
}
