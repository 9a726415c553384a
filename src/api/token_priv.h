/* SPDX-License-Identifier: Apache-2.0 */
/* What Keystone and the version documents say: pure. */
#ifndef NH_API_TOKEN_PRIV_H
#define NH_API_TOKEN_PRIV_H

#include "api/session.h"

struct endpoint {
	char *type, *region, *url;
	enum cloud_interface interface;
};

struct token {
	char *id; /* v3: from X-Subject-Token, set by the caller */
	int64_t life_us;
	char *user_id, *user_name, *project_id, *project_name;
	struct strv roles;
	struct endpoint *v;
	size_t n;
};

void token_clear(struct token *t);
/* The body of POST /v3/auth/tokens, or of POST /v2.0/tokens. */
int token_parse(const char *text, size_t len, bool v2, struct token *t,
		struct err *e);
/* The request for it; OUT holds secrets: secret_clear(). */
void token_request(const struct cloud *c, bool v2, struct buf *out);

/* The first endpoint of the first of TYPES (NULL-terminated) that fits. */
const struct endpoint *token_find(const struct token *t,
				  const char *const *types, const char *region,
				  enum cloud_interface interface);

struct version_offer {
	struct api_version id, min, max; /* {0, 0}: not said */
};

struct version_offers {
	struct version_offer *v;
	size_t n;
};

void version_offers_clear(struct version_offers *o);
/* {"version": {}}, {"versions": []} and {"versions": {"values": []}};
 * {"choices": []}. */
int version_offers_parse(const char *text, size_t len,
			 struct version_offers *out, struct err *e);
/* "v2.1", "2.96"; {0, 0} when it is something else. */
struct api_version version_read(const char *s);

/* The message in an error body: {"x": {"message"}}, {"errors": [{"detail"}]},
 * {"error": {"message"}}, {"NeutronError": ...}, or its first words when it is
 * no JSON.  One line of printable characters, "" when there is none; the
 * caller frees. */
char *fault_text(const char *text, size_t len) NH_DEALLOC(mem_free) NH_NONNULL;

#endif
