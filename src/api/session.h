/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with one cloud: tokens, endpoints, versions, calls.
 *
 *	struct api_session *s = api_open(&cloud, NULL, &e);
 *	struct nova_server srv;
 *
 *	if (!s || nova_server_get(s, uuid, &srv, &e)) ...
 *	nova_server_clear(&srv);
 *	api_close(s);
 *
 * api_open() contacts nobody.  The first call gets a token (Keystone v3; v2.0
 * where auth_url offers nothing newer), picks endpoints from its catalog by
 * type, region and interface, and asks each service once for its versions.
 * The token is renewed when a tenth of its life is left (at most 5 minutes),
 * and once when a service answers 401.
 *
 * What a failed call means:
 *
 *	ERR_RETRY	it did not happen and may work later: nothing answers,
 *			429, 413; for reading also 500-504 and a cut
 *	ERR_LOST	outcome unknown: the request went out and no answer, a
 *			cut, a 5xx or a garbled answer came back.  Probe.
 *	ERR_CONFLICT	409, 412: the thing is not in the state it takes
 *	ERR_REFUSED	401, 403, an unknown CA, no such service or version
 *	ERR_FAILED	any other answer; the thing is as it was
 *	ERR_INTERRUPTED	SIGINT or SIGTERM while reading; a change is waited for
 *
 * e->sys says the common statuses apart: ENOENT 404, EACCES 403, EPERM 401,
 * EEXIST 409, ESTALE 412, EAGAIN 429.  Messages name the service, the method,
 * the path, the status, the service's own words and its request id.
 *
 * Retries, within the call's deadline: reading always; changes that are
 * idempotent when nothing is known of the first try; all others only when the
 * request surely was not sent.  (For that a change never reuses a connection:
 * libcurl would silently send it again when an old one turns out to be dead.)
 * Retry-After is obeyed up to the deadline.
 *
 * Redirects are followed for reading only, on the same host, and never from
 * https to http.  An answer above .body_max bytes is an error.  http_proxy,
 * https_proxy and no_proxy are obeyed.
 *
 * Seen against Zed, by tests/cloud/t-api-real: password and application
 * credential on Keystone v3, renewal after a revoked token, the negotiation of
 * all four services.  Not seen: Keystone v2.0 and the v2 APIs (scripted server
 * only), TLS of a real service, token renewal by time.
 *
 * SIGPIPE must be ignored (core/stop.h): libcurl leaves it alone, and a peer
 * that has gone would end the program.  One session is for one thread.
 */
#ifndef NH_API_SESSION_H
#define NH_API_SESSION_H

#include "api/cloud.h"
#include "core/buf.h"
#include "core/err.h"

struct api_session;

struct api_options {
	int64_t call_us;    /* a call with its retries; 0: 60 s */
	int64_t connect_us; /* one connect and TLS handshake; 0: 10 s */
	size_t body_max;    /* 0: 8 MiB */
	unsigned tries;	    /* 0: 4 */
};

void api_close(struct api_session *s); /* NULL is fine; zeroes the token */
struct api_session *api_open(const struct cloud *c, const struct api_options *o,
			     struct err *e) NH_DEALLOC(api_close);
void api_closep(struct api_session **s);

/* Microversions: 2.96 is {2, 96}.  {0, 0} is none. */
struct api_version {
	int major, minor;
};

static inline bool api_at_least(struct api_version v, int major, int minor)
{
	return v.major > major || (v.major == major && v.minor >= minor);
}

/* What is spoken with SERVICE: the newest that both sides know.  Nova up to
 * 2.100 ({2, 0}: the v2 API of Icehouse to Mitaka); Placement up to 1.37;
 * Cinder up to 3.70 ({2, 0}, {1, 0}: the older APIs); Neutron {2, 0}. */
int api_version(struct api_session *s, enum cloud_service service,
		struct api_version *v, struct err *e);
/* Does the catalog have SERVICE?  (Placement and volumes may be missing.) */
int api_has(struct api_session *s, enum cloud_service service, bool *has,
	    struct err *e);

/* Who the token says we are; valid until the next call. */
struct api_identity {
	const char *user_id, *user_name, *project_id, *project_name;
	char *const *roles; /* NULL-terminated; names, lower case */
};
int api_whoami(struct api_session *s, struct api_identity *id, struct err *e);
/* Is it an application credential, whose tokens no service can pass on? */
bool api_delegated(const struct api_session *s);
bool api_identity_has(const struct api_identity *id, const char *role);

/* One call; what nova.h and its sisters are made of. */
enum api_method { API_GET = 0, API_POST, API_PUT, API_PATCH, API_DELETE };

struct api_call {
	enum cloud_service service;
	enum api_method method;
	const char *path;   /* below the endpoint, with '/' and query */
	const char *body;   /* JSON, or NULL */
	const char *what;   /* "stopping server 9f2...": begins the error */
	const char *header; /* one more "Name: value", or NULL */
	bool idempotent;    /* a second time changes nothing more */
	bool service_token; /* send X-Service-Token if our role is "service" */
	int64_t call_us;    /* 0: the session's */
	/* Its body is that of 2.N, also where a newer one is spoken; 0: the
	 * newest. */
	int minor_most;
};

struct api_reply {
	int status; /* 0: none came; set on failure, too */
	struct buf body;
	char *request_id; /* or NULL */
	bool repeated;	  /* an earlier try may have been carried out */
};

#define API_REPLY_INIT                                                         \
	{                                                                      \
		0                                                              \
	}

/* 0 for a status of 2xx.  R is cleared first; the caller clears it. */
int api_call(struct api_session *s, const struct api_call *c,
	     struct api_reply *r, struct err *e);
void api_reply_clear(struct api_reply *r);

#endif
