/* SPDX-License-Identifier: Apache-2.0 */
/* clouds.yaml and secure.yaml, with a NUL byte between them.  What is accepted
 * is enough to ask for a token, and no error quotes what may be a secret. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "api/cloud.h"
#include "api/json_priv.h"
#include "api/token_priv.h"

static void accepted(const struct cloud *c)
{
	for (int v2 = 0; v2 < 2; v2++) {
		struct buf b = BUF_INIT;

		token_request(c, v2, &b);
		FUZZ_ASSERT(json_is_text(buf_str(&b)));
		secret_clear(&b);
	}
	FUZZ_ASSERT(c->auth != CLOUD_AUTH_NONE && c->password && *c->password);
	FUZZ_ASSERT(strncmp(c->auth_url, "http", 4) == 0);
	FUZZ_ASSERT(!c->insecure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const env[] = {"OS_REGION_NAME=r", NULL};
	const char *text = (const char *)data;
	const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
	size_t first = cut ? (size_t)(cut - data) : size;
	size_t rest = cut ? size - first - 1 : 0;
	struct cloud_text clouds = {"clouds.yaml", text, first};
	struct cloud_text secure = {"secure.yaml", text + first + 1, rest};
	struct cloud_options o = {.env = env};
	struct err e = ERR_INIT;
	struct cloud c;

	if (first && data[0] == '{')
		clouds.path = "clouds.json";
	if (cloud_parse(&clouds, cut ? &secure : NULL, &o, &c, &e) == 0) {
		accepted(&c);
	} else {
		FUZZ_ASSERT(e.kind == ERR_USAGE || e.kind == ERR_REFUSED);
		FUZZ_ASSERT(!strstr(err_msg(&e), "sesame"));
		FUZZ_ASSERT(!c.password && !c.auth_url);
	}
	cloud_clear(&c);
	err_clear(&e);
	return 0;
}

#define SEED(text)                                                             \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const struct {
		const char *p;
		size_t n;
	} seeds[] = {
		SEED("clouds:\n  a:\n    auth:\n      auth_url: "
		     "http://k/v3\n      username: u\n      project_name: p\n"
		     "    region_name: R\n    cacert: ~/x\n\0"
		     "clouds: {a: {auth: {password: sesame}}}\n"),
		SEED("b: &b {auth_type: v3applicationcredential, interface: "
		     "internal}\nclouds:\n  a:\n    <<: *b\n    auth: "
		     "{auth_url: 'https://k', application_credential_id: i, "
		     "application_credential_secret: \"sesame\\u0041\"}\n"
		     "    regions:\n    - x\n    - name: y\n      values: "
		     "{verify: false}\n"),
		SEED("{\"clouds\": {\"a\": {\"auth\": {\"auth_url\": "
		     "\"http://k\", \"user_id\": \"u\", \"password\": "
		     "\"sesame\", \"domain_id\": 7}, \"profile\": null}}}"),
		SEED("clouds: &c {a: *c}\n"),
		SEED("clouds: {a: [1, ~, yes, 0x1], b: |\n  text\n}\n"),
	};

	if (k >= sizeof(seeds) / sizeof(seeds[0]) || seeds[k].n > cap)
		return 0;
	memcpy(buf, seeds[k].p, seeds[k].n);
	return seeds[k].n;
}
