/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 server on loopback, in threads of the test, that answers by
 * rules and remembers what it was asked.
 *
 *	struct server *s = server_start(&(struct server_options){0});
 *
 *	server_on(s, (struct rule){"POST", "/x", .status = 503, .times = 1});
 *	server_on(s, (struct rule){"POST", "/x", .status = 202});
 *	...
 *	assert_int_equal(server_count(s, "POST /x"), 2);
 *	server_stop(s);
 *
 * The first rule that fits and has times left answers; strings are borrowed.
 * Connections are kept alive.
 */
#ifndef NH_TESTS_API_SERVER_H
#define NH_TESTS_API_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct server;

enum rule_how {
	RULE_ANSWER = 0,
	RULE_CUT,   /* reads the request, closes */
	RULE_HALF,  /* answers half of the body, closes */
	RULE_SLOW,  /* a byte of the body every 100 ms, for ever */
	RULE_HUGE,  /* a body of 64 MiB */
	RULE_CLOSE, /* answers, and closes the connection after it */
};

struct rule {
	const char *method, *path; /* exact, query included */
	int status;		   /* 0: 200 */
	const char *body;	   /* or NULL: none */
	const char *headers;	   /* "Name: value\r\n..." or NULL */
	enum rule_how how;
	int times; /* 0: for ever */
};

struct server_options {
	bool tls;	 /* with a certificate of its own for 127.0.0.1 */
	bool wrong_name; /* ... for another name */
	int delay_ms;	 /* before it listens */
};

struct server *server_start(const struct server_options *o);
void server_stop(struct server *s);
int server_port(const struct server *s);
/* "http://127.0.0.1:PORT" or "https://..." */
const char *server_url(const struct server *s);
/* The file of its CA (which is its certificate); TLS only. */
const char *server_ca(const struct server *s);

void server_on(struct server *s, struct rule r);
/* The next N connections are reset as soon as a first byte is there, unread. */
void server_drop(struct server *s, int n);
/* Requests that began with START ("POST /x"). */
int server_count(struct server *s, const char *start);
/* The last such request, whole, or "". */
const char *server_last(struct server *s, const char *start);

#endif
