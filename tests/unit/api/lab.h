/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cloud of one scripted server: Keystone at /identity/v3, and a catalog with
 * compute, network, placement and volumes below the same address.
 *
 *	struct lab l;
 *
 *	lab_open(&l, NULL);
 *	server_on(l.srv, ...);
 *	... l.s ...
 *	lab_close(&l);
 */
#ifndef NH_TESTS_API_LAB_H
#define NH_TESTS_API_LAB_H

#include "unit/unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/session.h"
#include "core/clock.h"
#include "unit/api/server.h"

#define LAB_PROJECT "6f70656e737461636b20342065766572"
#define LAB_UUID "0e44cc9c-e052-415d-afbf-469b0d384170"
#define LAB_PASSWORD "s3cret-\"word\\"
#define LAB_COMPUTE "/compute/v2.1/" LAB_PROJECT
#define LAB_VOLUME "/volume/v3/" LAB_PROJECT

struct lab_options {
	struct server_options server;
	struct api_options api;
	const char *role;	   /* one more role */
	int life_s;		   /* of a token; 0: an hour */
	const char *nova_max;	   /* "2.93" */
	const char *cinder_max;	   /* "3.70" */
	const char *placement_max; /* "1.39" */
	bool no_ca, no_keystone, no_versions;
	enum cloud_auth auth;
};

struct lab {
	struct server *srv;
	struct cloud cloud;
	struct api_session *s;
	char *token, *nova, *cinder, *placement, *token_header;
	struct err e;
};

static inline char *lab_token(const char *url, const struct lab_options *o)
{
	int life = o->life_s ? o->life_s : 3600;

	return mem_printf(
		"{\"token\": {\"methods\": [\"password\"], \"user\": {\"id\": "
		"\"u1\", \"name\": \"admin\", \"domain\": {\"id\": "
		"\"default\"}}, \"roles\": [{\"id\": \"r1\", \"name\": "
		"\"Admin\"}%s%s%s], \"project\": {\"id\": \"" LAB_PROJECT
		"\", \"name\": \"admin\"}, \"issued_at\": "
		"\"2020-01-01T00:00:00.000000Z\", \"expires_at\": "
		"\"2020-01-01T%02d:%02d:%02d.000000Z\", \"catalog\": ["
		"{\"type\": \"compute\", \"name\": \"nova\", \"endpoints\": "
		"[{\"interface\": \"admin\", \"region\": \"R1\", \"url\": "
		"\"http://127.0.0.1:9/no\"}, {\"interface\": \"public\", "
		"\"region_id\": \"R2\", \"url\": \"http://127.0.0.1:9/no\"}, "
		"{\"interface\": \"public\", \"region_id\": \"R1\", \"url\": "
		"\"%s/compute/v2.1\"}]}, {\"type\": \"network\", "
		"\"endpoints\": [{\"interface\": \"public\", \"region\": "
		"\"R1\", \"url\": \"%s/network/\"}]}, {\"type\": "
		"\"placement\", \"endpoints\": [{\"interface\": \"public\", "
		"\"region\": \"R1\", \"url\": \"%s/placement\"}]}, {\"type\": "
		"\"volumev3\", \"endpoints\": [{\"interface\": \"public\", "
		"\"region\": \"R1\", \"url\": \"%s" LAB_VOLUME "\"}]}]}}",
		o->role ? ", {\"name\": \"" : "", o->role ? o->role : "",
		o->role ? "\"}" : "", life / 3600, life / 60 % 60, life % 60,
		url, url, url, url);
}

static inline void lab_versions(struct lab *l, const struct lab_options *o)
{
	l->nova = mem_printf("{\"version\": {\"id\": \"v2.1\", \"status\": "
			     "\"CURRENT\", \"version\": \"%s\", "
			     "\"min_version\": \"2.1\"}}",
			     o->nova_max ? o->nova_max : "2.93");
	l->cinder = mem_printf("{\"versions\": [{\"id\": \"v3.0\", "
			       "\"status\": \"CURRENT\", \"version\": \"%s\", "
			       "\"min_version\": \"3.0\"}]}",
			       o->cinder_max ? o->cinder_max : "3.70");
	l->placement = mem_printf("{\"versions\": [{\"id\": \"v1.0\", "
				  "\"max_version\": \"%s\", \"min_version\": "
				  "\"1.0\", \"status\": \"CURRENT\"}]}",
				  o->placement_max ? o->placement_max : "1.39");
	server_on(l->srv,
		  (struct rule){"GET", "/compute/v2.1/", .body = l->nova});
	server_on(l->srv,
		  (struct rule){"GET", "/volume/v3/", .body = l->cinder});
	server_on(l->srv,
		  (struct rule){"GET", "/placement/", .body = l->placement});
}

static inline void lab_keystone(struct lab *l, const struct lab_options *o)
{
	l->token = lab_token(server_url(l->srv), o);
	server_on(l->srv, (struct rule){"POST", "/identity/v3/auth/tokens",
					.status = 201, .body = l->token,
					.headers = "X-Subject-Token: tok-1\r\n",
					.times = 1});
	server_on(l->srv,
		  (struct rule){"POST", "/identity/v3/auth/tokens",
				.status = 201, .body = l->token,
				.headers = "X-Subject-Token: tok-2\r\n"});
}

static inline void lab_open(struct lab *l, const struct lab_options *o)
{
	static const struct lab_options none;

	o = o ? o : &none;
	*l = (struct lab){.srv = server_start(&o->server)};
	l->cloud = (struct cloud){
		.name = mem_strdup("lab"),
		.auth = o->auth ? o->auth : CLOUD_PASSWORD,
		.auth_url = mem_printf("%s/identity/v3", server_url(l->srv)),
		.username = mem_strdup("admin"),
		.password = mem_strdup(LAB_PASSWORD),
		.project_name = mem_strdup("admin"),
		.region = mem_strdup("R1"),
		.cacert = o->no_ca ? NULL : mem_strdup0(server_ca(l->srv)),
	};
	if (!o->no_keystone)
		lab_keystone(l, o);
	if (!o->no_versions)
		lab_versions(l, o);
	l->s = api_open(&l->cloud, &o->api, &l->e);
	assert_non_null(l->s);
}

static inline void lab_close(struct lab *l)
{
	api_close(l->s);
	server_stop(l->srv);
	cloud_clear(&l->cloud);
	mem_free(l->token);
	mem_free(l->token_header);
	mem_free(l->nova);
	mem_free(l->cinder);
	mem_free(l->placement);
	err_clear(&l->e);
}

/* A test that fails says why. */
#define LAB_OK(l, call)                                                        \
	do {                                                                   \
		if (call)                                                      \
			fail_msg("%s", err_msg(&(l)->e));                      \
	} while (0)

#define LAB_FAILS(l, call, as)                                                 \
	do {                                                                   \
		err_clear(&(l)->e);                                            \
		assert_int_equal(call, -1);                                    \
		if ((l)->e.kind != (as))                                       \
			fail_msg("%s, not %s: %s", err_kind_name((l)->e.kind), \
				 err_kind_name(as), err_msg(&(l)->e));         \
	} while (0)

#define LAB_SAYS(l, words)                                                     \
	do {                                                                   \
		if (!strstr(err_msg(&(l)->e), words))                          \
			fail_msg("no \"%s\" in: %s", words, err_msg(&(l)->e)); \
	} while (0)

#endif
