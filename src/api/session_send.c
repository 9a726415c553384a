/* SPDX-License-Identifier: Apache-2.0 */
/* Tries, redirects, and what a status means. */
#include "api/session_priv.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/stop.h"

enum { HOPS_MAX = 3, PAUSE_US = 300000, SLICE_US = 100000 };

/* Follows redirects of a GET; the last answer is R. */
static int follow(struct api_session *s, const struct send *q,
		  struct http_reply *r, struct err *e)
{
	AUTO(mem_freep) char *url = mem_strdup(q->url);
	struct http_request h = {
		.method = q->method,
		.headers = q->headers,
		.body = q->body,
		.body_len = q->body_len,
		.deadline_us = q->deadline_us,
		.connect_us = s->o.connect_us,
		.body_max = s->o.body_max,
	};
	char *next;

	for (int hops = 0;; hops++) {
		h.url = url;
		if (http_do(s->http, &h, r, e))
			return -1;
		/* 300 is a version document. */
		if (q->method != API_GET || r->status < 301 ||
		    r->status > 308 || r->status == 304 || !r->location ||
		    hops == HOPS_MAX)
			return 0;
		next = http_follow(url, r->location);
		if (!next)
			return 0;
		mem_free(url);
		url = next;
	}
}

/* Was the request surely not carried out? */
static bool not_done(const struct http_reply *r)
{
	return r->status == 429 || (r->status == 413 && r->retry_after_s >= 0);
}

static bool transient(const struct http_reply *r)
{
	return not_done(r) || r->status == 500 || r->status == 502 ||
	       r->status == 503 || r->status == 504;
}

/* false: there is no time for it, or a signal came while reading. */
static bool pause_for(const struct send *q, int64_t us)
{
	int64_t end = clock_mono_us() + us, left;

	if (end >= q->deadline_us)
		return false;
	while ((left = end - clock_mono_us()) > 0) {
		if (stop_requested() && q->method == API_GET)
			return false;
		clock_sleep_us(left < SLICE_US ? left : SLICE_US);
	}
	return true;
}

/* After a try: may there be another?  *UNKNOWN: this one may have been carried
 * out. */
static bool again(const struct send *q, int rc, const struct http_reply *r,
		  const struct err *e, bool *unknown)
{
	bool maybe;

	if (rc && e->kind != ERR_RETRY && e->kind != ERR_LOST)
		return false;
	if (!rc && !transient(r))
		return false;
	maybe = rc ? e->kind == ERR_LOST : !not_done(r);
	*unknown = *unknown || maybe;
	return q->repeatable || !maybe;
}

int session_send(struct api_session *s, const struct send *q,
		 struct http_reply *r, bool *repeated, struct err *e)
{
	struct err mine = ERR_INIT;
	bool unknown = *repeated, before;
	int64_t wait = PAUSE_US;
	int rc;

	for (unsigned n = 1;; n++) {
		before = unknown;
		rc = follow(s, q, r, &mine);
		if (!again(q, rc, r, &mine, &unknown) || n >= s->o.tries)
			break;
		if (!rc && r->retry_after_s > 0)
			wait = (int64_t)r->retry_after_s * 1000000;
		log_debug("%s: %s, status %d: trying again",
			  cloud_service_name(q->service),
			  rc ? err_msg(&mine) : "no good answer", r->status);
		if (!pause_for(q, wait))
			break;
		err_clear(&mine);
		wait = wait * 2 > 5000000 ? 5000000 : wait * 2;
	}
	*repeated = before;
	if (!rc) {
		err_clear(&mine);
		return 0;
	}
	if (q->method == API_GET && mine.kind == ERR_LOST)
		mine.kind = ERR_RETRY;
	else if (q->method != API_GET && unknown)
		mine.kind = ERR_LOST;
	err_move(e, &mine);
	return -1;
}

/* --- what a status means */

static const char *status_name(int status)
{
	static const struct {
		int status;
		const char *name;
	} names[] = {
		{300, "Multiple Choices"},    {400, "Bad Request"},
		{401, "Unauthorized"},	      {403, "Forbidden"},
		{404, "Not Found"},	      {405, "Method Not Allowed"},
		{406, "Not Acceptable"},      {409, "Conflict"},
		{412, "Precondition Failed"}, {413, "Request Too Large"},
		{429, "Too Many Requests"},   {500, "Internal Server Error"},
		{501, "Not Implemented"},     {502, "Bad Gateway"},
		{503, "Service Unavailable"}, {504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].status == status)
			return names[i].name;
	return status > 300 && status < 400 ? "Redirect" : "";
}

static enum err_kind kind_of(const struct send *q, const struct http_reply *r,
			     int *sys)
{
	static const struct {
		int status, sys;
		enum err_kind kind;
	} known[] = {
		{401, EPERM, ERR_REFUSED},   {403, EACCES, ERR_REFUSED},
		{404, ENOENT, ERR_FAILED},   {409, EEXIST, ERR_CONFLICT},
		{412, ESTALE, ERR_CONFLICT}, {429, EAGAIN, ERR_RETRY},
	};

	*sys = 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].status == r->status) {
			*sys = known[i].sys;
			return known[i].kind;
		}
	if (not_done(r))
		return ERR_RETRY;
	if (transient(r))
		return q->method == API_GET ? ERR_RETRY : ERR_LOST;
	return r->status > 500 ? ERR_LOST : ERR_FAILED;
}

/* A service that quotes our secret back does not get it printed. */
static char *words(const struct api_session *s, const struct http_reply *r)
{
	char *text = fault_text(buf_str(&r->body), r->body.len);
	const char *secrets[] = {s->cloud.password, s->token.id};

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (secrets[i] && *secrets[i] && strstr(text, secrets[i])) {
			mem_free(text);
			return mem_strdup("(its words quote a secret)");
		}
	return text;
}

static void hint(const struct api_session *s, const struct send *q,
		 const struct http_reply *r, struct err *e)
{
	if (r->status == 401 && s->cloud.auth == CLOUD_TOKEN)
		err_hint(e, "the token has ended, or is not for this cloud: "
			    "get a new one");
	else if (r->status == 401)
		err_hint(e, "are the user name, the password, the project and "
			    "their domains those of this cloud?");
	else if (r->status == 403)
		err_hint(e, "%s needs a role that allows this: usually admin",
			 s->token.user_name ? s->token.user_name : "the user");
	else if (r->status > 300 && r->status < 400 && q->method != API_GET)
		err_hint(e, "the catalog should name the place that it "
			    "redirects to");
}

int session_fault(struct api_session *s, const struct send *q,
		  const struct http_reply *r, bool repeated, struct err *e)
{
	AUTO(mem_freep) char *text = words(s, r);
	AUTO(mem_freep) char *to = NULL;
	int sys;
	enum err_kind kind = kind_of(q, r, &sys);

	/* A refusal of the second try says nothing about the first. */
	if (repeated && q->method != API_GET)
		kind = ERR_LOST;
	if (r->status > 300 && r->status < 400)
		to = mem_printf("not followed to %s",
				r->location ? r->location : "(nowhere)");
	err_set(e, kind, "%d %s%s%s%s%s%s%s", r->status, status_name(r->status),
		*text || to ? ": " : "", to ? to : text,
		r->request_id ? " (" : "", r->request_id ? r->request_id : "",
		r->request_id ? ")" : "",
		repeated && q->method != API_GET
			? "; an earlier try may have been carried out"
			: "");
	e->sys = sys;
	hint(s, q, r, e);
	return -1;
}
