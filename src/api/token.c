/* SPDX-License-Identifier: Apache-2.0 */
#include "api/token_priv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "api/json_priv.h"
#include "core/clock.h"

enum { LIFE_UNSAID_US = 300000000 };

void token_clear(struct token *t)
{
	secret_free(t->id);
	mem_free(t->user_id);
	mem_free(t->user_name);
	mem_free(t->project_id);
	mem_free(t->project_name);
	strv_clear(&t->roles);
	for (size_t i = 0; i < t->n; i++) {
		mem_free(t->v[i].type);
		mem_free(t->v[i].region);
		mem_free(t->v[i].url);
	}
	mem_free(t->v);
	*t = (struct token){0};
}

/* Seconds since the epoch, or -1. */
static int64_t seconds(const char *s)
{
	struct tm tm = {0};

	if (!s || !strptime(s, "%Y-%m-%dT%H:%M:%S", &tm))
		return -1;
	return timegm(&tm);
}

/* By Keystone's clock alone, so that ours may be wrong. */
static void take_life(struct jr *r, const json_t *o, const char *expires,
		      struct token *t)
{
	AUTO(mem_freep) char *until = jr_str(r, o, expires);
	AUTO(mem_freep) char *since = jr_str(r, o, "issued_at");
	int64_t end = seconds(until), start = seconds(since);

	if (start < 0)
		start = clock_now_us() / 1000000;
	t->life_us = end > start ? (end - start) * 1000000 : LIFE_UNSAID_US;
}

static void take_roles(struct jr *r, const json_t *o, struct token *t)
{
	json_t *roles = jr_arr(r, o, "roles"), *v;
	size_t i;

	json_array_foreach (roles, i, v) {
		AUTO(mem_freep) char *name = jr_str(r, v, "name");

		for (char *p = name; p && *p; p++)
			*p = (char)tolower((unsigned char)*p);
		if (name)
			strv_add(&t->roles, name);
	}
}

static void add(struct token *t, char *type, const char *region, char *url,
		enum cloud_interface interface)
{
	t->v = mem_realloc(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n++] = (struct endpoint){.type = mem_strdup(type),
					 .region = mem_strdup0(region),
					 .url = url,
					 .interface = interface};
}

static bool interface_of(const char *s, enum cloud_interface *out)
{
	static const char *const words[] = {"public", "internal", "admin"};

	for (size_t i = 0; s && i < ARRAY_SIZE(words); i++)
		if (strcmp(s, words[i]) == 0) {
			*out = (enum cloud_interface)i;
			return true;
		}
	return false;
}

static void take_endpoint(struct jr *r, const json_t *o, char *type, bool v2,
			  struct token *t)
{
	static const char *const keys[] = {"publicURL", "internalURL",
					   "adminURL"};
	AUTO(mem_freep) char *region = jr_str(r, o, "region_id");
	AUTO(mem_freep) char *word = NULL;
	enum cloud_interface is;
	char *url;

	if (!region)
		region = jr_str(r, o, "region");
	for (size_t i = 0; v2 && i < ARRAY_SIZE(keys); i++) {
		url = jr_str(r, o, keys[i]);
		if (url)
			add(t, type, region, url, (enum cloud_interface)i);
	}
	if (v2)
		return;
	word = jr_str(r, o, "interface");
	if (!interface_of(word, &is))
		return;
	url = jr_str(r, o, "url");
	if (url)
		add(t, type, region, url, is);
}

static void take_catalog(struct jr *r, const json_t *o, const char *key,
			 bool v2, struct token *t)
{
	json_t *services = jr_arr(r, o, key), *s, *ep;
	size_t i, k;

	json_array_foreach (services, i, s) {
		AUTO(mem_freep) char *type = jr_str(r, s, "type");
		json_t *list = jr_arr(r, s, "endpoints");

		json_array_foreach (list, k, ep)
			if (type && !r->bad)
				take_endpoint(r, ep, type, v2, t);
	}
}

int token_parse(const char *text, size_t len, bool v2, struct token *t,
		struct err *e)
{
	json_t *user, *project, *o;
	struct jr r;
	int rc;

	*t = (struct token){0};
	if (jr_open(&r, text, len, v2 ? "access" : "token", e))
		return -1;
	o = v2 ? jr_obj(&r, r.root, "token") : r.root;
	user = jr_obj(&r, r.root, "user");
	project = jr_obj(&r, o, v2 ? "tenant" : "project");
	if (v2)
		t->id = jr_need(&r, o, "id");
	t->user_id = jr_str(&r, user, "id");
	t->user_name = jr_str(&r, user, "name");
	t->project_id = jr_str(&r, project, "id");
	t->project_name = jr_str(&r, project, "name");
	take_life(&r, o, v2 ? "expires" : "expires_at", t);
	take_roles(&r, v2 ? user : r.root, t);
	take_catalog(&r, r.root, v2 ? "serviceCatalog" : "catalog", v2, t);
	rc = jr_close_secret(&r);
	if (rc)
		token_clear(t);
	return rc;
}

const struct endpoint *token_find(const struct token *t,
				  const char *const *types, const char *region,
				  enum cloud_interface interface)
{
	for (; *types; types++)
		for (size_t i = 0; i < t->n; i++)
			if (strcmp(t->v[i].type, *types) == 0 &&
			    t->v[i].interface == interface &&
			    (!region || !t->v[i].region ||
			     strcmp(t->v[i].region, region) == 0))
				return &t->v[i];
	return NULL;
}

/* --- the request */

static void put_domain(struct buf *b, const char *id, const char *name)
{
	json_key(b, "domain");
	buf_putc(b, '{');
	if (id)
		json_member(b, "id", id);
	else
		json_member(b, "name", name);
	buf_putc(b, '}');
}

/* The domain of a user or project that is given by name: as said, else the
 * default one as said, else Keystone's first ("default", as the openstack
 * command does). */
static void put_home(struct buf *b, const struct cloud *c, const char *id,
		     const char *name)
{
	if (!id && !name) {
		id = c->default_domain_id;
		name = c->default_domain_name;
	}
	put_domain(b, id || name ? id : "default", name);
}

static void put_user(struct buf *b, const struct cloud *c)
{
	json_key(b, "user");
	buf_putc(b, '{');
	if (c->user_id) {
		json_member(b, "id", c->user_id);
	} else {
		json_member(b, "name", c->username);
		put_home(b, c, c->user_domain_id, c->user_domain_name);
	}
}

static void put_method(struct buf *b, const struct cloud *c)
{
	static const char *const names[] = {
		[CLOUD_AUTH_NONE] = "none",
		[CLOUD_PASSWORD] = "password",
		[CLOUD_CREDENTIAL] = "application_credential",
		[CLOUD_TOKEN] = "token",
	};

	buf_printf(b, "\"identity\":{\"methods\":[\"%s\"]", names[c->auth]);
	json_key(b, names[c->auth]);
	buf_putc(b, '{');
	switch (c->auth) {
	case CLOUD_PASSWORD:
		put_user(b, c);
		json_member(b, "password", c->password);
		buf_putc(b, '}');
		break;
	case CLOUD_CREDENTIAL:
		if (c->credential_id) {
			json_member(b, "id", c->credential_id);
		} else {
			json_member(b, "name", c->credential_name);
			put_user(b, c);
			buf_putc(b, '}');
		}
		json_member(b, "secret", c->password);
		break;
	case CLOUD_TOKEN:
		json_member(b, "id", c->password);
		break;
	case CLOUD_AUTH_NONE:
		break;
	}
	buf_puts(b, "}}");
}

static void put_scope(struct buf *b, const struct cloud *c)
{
	if (c->auth == CLOUD_CREDENTIAL)
		return; /* it has its own */
	json_key(b, "scope");
	buf_putc(b, '{');
	if (c->system_scope) {
		buf_puts(b, "\"system\":{\"all\":true}");
	} else if (c->project_id || c->project_name) {
		json_key(b, "project");
		buf_putc(b, '{');
		json_member(b, "id", c->project_id);
		if (!c->project_id) {
			json_member(b, "name", c->project_name);
			put_home(b, c, c->project_domain_id,
				 c->project_domain_name);
		}
		buf_putc(b, '}');
	} else {
		put_domain(b, c->domain_id, c->domain_name);
	}
	buf_putc(b, '}');
}

static void put_v2(struct buf *b, const struct cloud *c)
{
	if (c->auth == CLOUD_TOKEN) {
		buf_puts(b, "\"token\":{");
		json_member(b, "id", c->password);
	} else {
		buf_puts(b, "\"passwordCredentials\":{");
		json_member(b, c->username ? "username" : "userId",
			    c->username ? c->username : c->user_id);
		json_member(b, "password", c->password);
	}
	buf_putc(b, '}');
	if (c->project_id)
		json_member(b, "tenantId", c->project_id);
	else
		json_member(b, "tenantName", c->project_name);
}

void token_request(const struct cloud *c, bool v2, struct buf *out)
{
	/* At once, so that no piece of a secret stays behind in a smaller
	 * buffer: a byte may become six. */
	buf_reserve(out, 4096 + 6 * strlen(c->password ? c->password : ""));
	buf_puts(out, "{\"auth\":{");
	if (v2) {
		put_v2(out, c);
	} else {
		put_method(out, c);
		put_scope(out, c);
	}
	buf_puts(out, "}}");
}
