/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a session:
 *
 *	api_call()  ->  session_ready()  ->  session_login()
 *	     \__________________|__________________/
 *				v
 *		session_send(): tries, redirects  ->  http_do()
 */
#ifndef NH_API_SESSION_PRIV_H
#define NH_API_SESSION_PRIV_H

#include "api/http_priv.h"
#include "api/session.h"
#include "api/token_priv.h"

struct reached {
	bool known;
	char *url; /* no '/' at its end */
	struct api_version version;
};

struct api_session {
	struct cloud cloud;
	struct api_options o;
	struct http *http;
	char *keystone; /* ".../v3" or ".../v2.0"; NULL: not looked for */
	bool v2;	/* of Keystone */
	bool has_token;
	struct token token;
	int64_t renew_us; /* on clock_mono_us() */
	int64_t end_us;	  /* likewise: its end */
	struct reached svc[CLOUD_SERVICES];
};

/* One request with its tries. */
struct send {
	enum cloud_service service;
	enum api_method method;
	const char *url;
	const struct strv *headers;
	const char *body;
	size_t body_len;
	bool repeatable; /* a second time does no harm */
	int64_t deadline_us;
};

/* 0: an answer; its status may be any, also 503 when the tries are over.
 * *REPEATED: an earlier try may have been carried out.  -1: as http_do(), after
 * the tries: ERR_RETRY for a GET where nothing is known. */
int session_send(struct api_session *s, const struct send *q,
		 struct http_reply *r, bool *repeated, struct err *e);

/* A valid token; asks Keystone when there is none or it is about to end. */
int session_login(struct api_session *s, int64_t deadline_us, struct err *e);
void session_logout(struct api_session *s);
/* The endpoint and version of SERVICE, with a token for it. */
int session_ready(struct api_session *s, enum cloud_service service,
		  int64_t deadline_us, struct err *e);
/* As session_ready(), for the place of SERVICE in the catalog alone: NULL
 * without an error when it has none. */
char *session_place(struct api_session *s, enum cloud_service service)
	NH_DEALLOC(mem_free);
/* GET of a version document.  *STATUS is 404 or 200; OFFERS is to be
 * cleared. */
int session_offers(struct api_session *s, enum cloud_service service,
		   const char *url, int64_t deadline_us, int *status,
		   struct version_offers *offers, struct err *e);
/* URL without its version and what follows, without '/' at the end; *VERSION
 * is what was there, or {0, 0}. */
char *session_base(const char *url, const char *project,
		   struct api_version *version) NH_DEALLOC(mem_free);

/* Overwrites and frees headers. */
void session_wipe(struct strv *h);

/* The error that status R->status means. */
int session_fault(struct api_session *s, const struct send *q,
		  const struct http_reply *r, bool repeated, struct err *e);

/* A good status with a body that cannot be read: adds what was asked, and makes
 * it ERR_LOST after a change.  Returns -1. */
int api_garbled(const struct api_call *c, const struct api_reply *r,
		struct err *e);
/* api_call() for answers that nobody reads. */
int api_do(struct api_session *s, const struct api_call *c, struct err *e);

#endif
