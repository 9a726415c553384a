/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.1 exchange through libcurl: no retries, no redirects, no meaning.
 *
 * 0 when an answer with a status came, whatever it is.  Else:
 *	ERR_RETRY	surely nothing was sent
 *	ERR_LOST	something was sent and no whole answer came
 *	ERR_REFUSED	TLS: the other side could not be verified (nothing sent)
 *	ERR_INTERRUPTED	a signal, while reading
 *	ERR_FAILED	the answer is too large, or the request cannot be made
 *
 * libcurl repeats a request by itself when a reused connection turns out to be
 * dead (transfer.c: Curl_retry_request), whatever its method: everything but
 * GET therefore opens a connection of its own.
 */
#ifndef NH_API_HTTP_PRIV_H
#define NH_API_HTTP_PRIV_H

#include "api/session.h"

struct http;

void http_free(struct http *h);
/* cacert, cert, key and insecure of C; borrowed while the http lives. */
struct http *http_new(const struct cloud *c, struct err *e)
	NH_DEALLOC(http_free);

struct http_request {
	enum api_method method;
	const char *url;
	const struct strv *headers; /* "Name: value" */
	const char *body;	    /* or NULL */
	size_t body_len;
	int64_t deadline_us; /* of clock_mono_us() */
	int64_t connect_us;
	size_t body_max;
};

struct http_reply {
	int status;
	struct buf body;
	char *request_id, *location, *subject_token; /* or NULL */
	int retry_after_s;			     /* -1: not said */
};

int http_do(struct http *h, const struct http_request *q, struct http_reply *r,
	    struct err *e);
void http_reply_clear(struct http_reply *r);

const char *http_method_name(enum api_method m);
/* LOCATION as seen from URL if a reader may follow it: the same host, and the
 * same port or from http to https.  NULL if not; the caller frees. */
char *http_follow(const char *url, const char *location) NH_DEALLOC(mem_free);

#endif
