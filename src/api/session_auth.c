/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone: which version, and the token. */
#include "api/session_priv.h"

#include <string.h>

#include "api/json_priv.h"
#include "core/clock.h"
#include "core/log.h"

enum { MARGIN_US = 300 * 1000000, RENEW_US = 5 * 1000000 };

void session_logout(struct api_session *s)
{
	token_clear(&s->token);
	s->has_token = false;
}

/* The newest of OFFERS that we speak. */
static int choose(struct api_session *s, const char *base,
		  const struct version_offers *offers, struct err *e)
{
	bool v3 = false, v2 = false;

	for (size_t i = 0; i < offers->n; i++) {
		v3 = v3 || offers->v[i].id.major == 3;
		v2 = v2 || offers->v[i].id.major == 2;
	}
	if (v3 && !s->cloud.only_v2)
		s->keystone = mem_printf("%s/v3", base);
	else if (v2)
		s->keystone = mem_printf("%s/v2.0", base);
	else
		return err_set(e, ERR_REFUSED, "%s offers neither v3 nor v2.0",
			       base);
	s->v2 = !v3 || s->cloud.only_v2;
	return 0;
}

/* auth_url may name a version or not; v2.0 gives way to v3 if there is one. */
static int find_keystone(struct api_session *s, int64_t deadline, struct err *e)
{
	struct version_offers offers = {0};
	struct api_version said;
	AUTO(mem_freep)
	char *base = session_base(s->cloud.auth_url, NULL, &said);
	AUTO(mem_freep) char *url = mem_printf("%s/", base);
	int status, rc;

	if (said.major == 3 && !s->cloud.only_v2) {
		s->keystone = mem_printf("%s/v3", base);
		return 0;
	}
	if (session_offers(s, CLOUD_IDENTITY, url, deadline, &status, &offers,
			   e))
		return -1;
	if (status == 404) {
		/* Nothing at the top: take auth_url by its word. */
		s->v2 = said.major == 2 || s->cloud.only_v2;
		s->keystone = mem_printf("%s/%s", base, s->v2 ? "v2.0" : "v3");
		return 0;
	}
	rc = choose(s, base, &offers, e);
	version_offers_clear(&offers);
	return rc;
}

static int fits_v2(const struct cloud *c, struct err *e)
{
	if (c->auth == CLOUD_CREDENTIAL || c->system_scope ||
	    (!c->project_id && !c->project_name))
		return err_set(e, ERR_REFUSED,
			       "this Keystone speaks v2.0 only, which has no "
			       "application credentials and no scope but a "
			       "project");
	return 0;
}

static void plan_renewal(struct api_session *s)
{
	int64_t margin = s->token.life_us / 10;

	if (margin > MARGIN_US)
		margin = MARGIN_US;
	s->end_us = clock_mono_us() + s->token.life_us;
	s->renew_us = s->end_us - margin;
}

static int accept_token(struct api_session *s, struct http_reply *r,
			struct err *e)
{
	struct token t;

	if (token_parse(buf_str(&r->body), r->body.len, s->v2, &t, e))
		return -1;
	if (!s->v2) {
		t.id = r->subject_token;
		r->subject_token = NULL;
	}
	if (!t.id || !*t.id) {
		token_clear(&t);
		return err_set(e, ERR_FAILED, "the answer has no token");
	}
	session_logout(s);
	s->token = t;
	s->has_token = true;
	plan_renewal(s);
	return 0;
}

static int ask(struct api_session *s, int64_t deadline, struct err *e)
{
	AUTO(secret_clear) struct buf body = BUF_INIT;
	AUTO(strv_clear) struct strv h = STRV_INIT;
	AUTO(http_reply_clear) struct http_reply r = {0};
	AUTO(mem_freep) char *url = NULL;
	struct send q = {
		.service = CLOUD_IDENTITY,
		.method = API_POST,
		.headers = &h,
		.repeatable = true, /* a token more is no harm */
		.deadline_us = deadline,
	};
	bool repeated = false;

	strv_add(&h, "Accept: application/json");
	strv_add(&h, "Content-Type: application/json");
	token_request(&s->cloud, s->v2, &body);
	q.body = buf_str(&body);
	q.body_len = body.len;
	q.url = url = mem_printf("%s/%s", s->keystone,
				 s->v2 ? "tokens" : "auth/tokens");
	if (session_send(s, &q, &r, &repeated, e)) {
		/* No token, nothing else: nothing to probe. */
		e->kind = e->kind == ERR_LOST ? ERR_RETRY : e->kind;
		return -1;
	}
	if (r.status == 200 || r.status == 201)
		return accept_token(s, &r, e);
	session_fault(s, &q, &r, false, e);
	e->kind = e->kind == ERR_LOST ? ERR_RETRY : e->kind;
	return -1;
}

/* There is a token that lives on for a little.  If Keystone does not answer
 * now, it may later. */
static void renew(struct api_session *s, int64_t deadline)
{
	int64_t now = clock_mono_us();
	struct err mine = ERR_INIT;

	if (deadline > now + RENEW_US)
		deadline = now + RENEW_US;
	if (s->cloud.auth != CLOUD_TOKEN && ask(s, deadline, &mine) == 0)
		return;
	if (mine.kind)
		log_warn("cloud %s: renewing the token: %s", s->cloud.name,
			 err_msg(&mine));
	err_clear(&mine);
	s->renew_us = s->cloud.auth == CLOUD_TOKEN ? INT64_MAX : now + RENEW_US;
}

int session_login(struct api_session *s, int64_t deadline, struct err *e)
{
	int64_t now = clock_mono_us();

	if (s->has_token && now < s->renew_us)
		return 0;
	if (s->has_token && (now < s->end_us || s->cloud.auth == CLOUD_TOKEN)) {
		renew(s, deadline);
		return 0;
	}
	if ((!s->keystone && find_keystone(s, deadline, e)) ||
	    (s->v2 && fits_v2(&s->cloud, e)) || ask(s, deadline, e))
		return err_wrap(e,
				"cloud %s: asking Keystone at %s for a token",
				s->cloud.name, s->cloud.auth_url);
	return 0;
}
