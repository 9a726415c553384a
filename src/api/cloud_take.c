/* SPDX-License-Identifier: Apache-2.0 */
/* From a cloud's keys to the fields of struct cloud. */
#include "api/cloud_priv.h"

#include <string.h>
#include <strings.h>

#include "api/json_priv.h"
#include "core/log.h"

/* The value as text: numbers and booleans of JSON files, too.  NULL when it is
 * missing, null, empty, or no scalar. */
static const char *word(const json_t *o, const char *key, char num[32])
{
	const json_t *v = json_object_get(o, key);
	AUTO(mem_freep) char *s = NULL;

	if (json_is_integer(v)) {
		s = mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
		strncpy(num, s, 31);
		num[31] = '\0';
		return num;
	}
	return json_string_length(v) ? json_string_value(v) : NULL;
}

/* "a|b|c": the later name wins, and beside "auth" wins over within. */
static char *mapped(const json_t *c, const json_t *auth, const char *names)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	const char *found = NULL, *s;
	char num[2][32];

	strv_split(&v, names, "|");
	for (size_t i = 0; i < v.n; i++) {
		s = word(auth, v.v[i], num[0]);
		found = s ? s : found;
		s = word(c, v.v[i], num[1]);
		found = s ? s : found;
	}
	return mem_strdup0(found);
}

/* "a|b": the earlier name wins, and within "auth" over beside it. */
static char *option(const json_t *c, const json_t *auth, const char *names)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	const char *s = NULL;
	char num[32];

	strv_split(&v, names, "|");
	for (size_t i = 0; !s && i < v.n; i++)
		s = word(auth, v.v[i], num);
	for (size_t i = 0; !s && i < v.n; i++)
		s = word(c, v.v[i], num);
	return mem_strdup0(s);
}

static bool truth(const json_t *c, const char *key, bool none)
{
	const json_t *v = json_object_get(c, key);
	const char *s = json_string_value(v);

	if (json_is_boolean(v))
		return json_is_true(v);
	if (s && (!strcasecmp(s, "true") || !strcmp(s, "1")))
		return true;
	if (s && (!strcasecmp(s, "false") || !strcmp(s, "0")))
		return false;
	return none;
}

static void take_names(const json_t *c, const json_t *a, struct cloud *o)
{
	o->auth_url = option(c, a, "auth_url");
	o->username = option(c, a, "username|user_name");
	o->user_id = option(c, a, "user_id");
	o->user_domain_id = mapped(c, a, "user_domain_id");
	o->user_domain_name = mapped(c, a, "user_domain_name");
	o->project_id = mapped(c, a, "tenant_id|project_id");
	o->project_name = mapped(c, a, "tenant_name|project_name");
	o->project_domain_id = mapped(c, a, "project_domain_id");
	o->project_domain_name = mapped(c, a, "project_domain_name");
	o->domain_id = mapped(c, a, "domain_id");
	o->domain_name = mapped(c, a, "domain_name");
	o->default_domain_id = option(c, a, "default_domain_id");
	o->default_domain_name = option(c, a, "default_domain_name");
	o->credential_id = option(c, a, "application_credential_id");
	o->credential_name = option(c, a, "application_credential_name");
}

static void move_to(char **from, char **a, char **b)
{
	if (*from && !*a)
		*a = mem_strdup(*from);
	if (*from && !*b)
		*b = mem_strdup(*from);
	mem_free(*from);
	*from = NULL;
}

/* loader.py: _handle_domain_id() */
static void spread_domain(struct cloud *o)
{
	if (!o->project_id && !o->project_name)
		return;
	move_to(&o->domain_id, &o->user_domain_id, &o->project_domain_id);
	move_to(&o->domain_name, &o->user_domain_name, &o->project_domain_name);
}

static int auth_type(const char *t, struct cloud *o, struct err *e)
{
	static const struct {
		const char *name;
		enum cloud_auth auth;
		bool v2;
	} types[] = {
		{"password", CLOUD_PASSWORD, false},
		{"v3password", CLOUD_PASSWORD, false},
		{"v2password", CLOUD_PASSWORD, true},
		{"token", CLOUD_TOKEN, false},
		{"v3token", CLOUD_TOKEN, false},
		{"v2token", CLOUD_TOKEN, true},
		{"v3applicationcredential", CLOUD_CREDENTIAL, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(t, types[i].name) == 0) {
			o->auth = types[i].auth;
			o->only_v2 = types[i].v2;
			return 0;
		}
	return err_set(e, ERR_REFUSED,
		       "auth_type %s is not supported: password, token and "
		       "v3applicationcredential are",
		       t);
}

static int take_secret(const json_t *c, const json_t *a, struct cloud *o,
		       struct err *e)
{
	AUTO(mem_freep) char *type = mapped(c, a, "auth_plugin|auth_type");
	AUTO(secret_freep) char *password = option(c, a, "password");
	AUTO(secret_freep)
	char *token = mapped(c, a, "auth_token|token");
	AUTO(secret_freep)
	char *secret = option(c, a, "application_credential_secret");
	char **use = NULL;

	if (!type && !password && secret)
		o->auth = CLOUD_CREDENTIAL;
	else if (!type && !password && token)
		o->auth = CLOUD_TOKEN;
	else if (auth_type(type ? type : "password", o, e))
		return -1;
	switch (o->auth) {
	case CLOUD_PASSWORD:
		use = &password;
		break;
	case CLOUD_TOKEN:
		use = &token;
		break;
	case CLOUD_CREDENTIAL:
		use = &secret;
		break;
	case CLOUD_AUTH_NONE:
		break;
	}
	if (!use || !*use)
		return err_set(e, ERR_USAGE,
			       "%s is missing (is it in a secure.yaml that was "
			       "not found?)",
			       use == &password ? "the password"
			       : use == &token	? "the token"
						: "application_credential_"
						  "secret");
	o->password = *use;
	*use = NULL;
	return 0;
}

static int unsupported(const json_t *c, const json_t *a, struct err *e)
{
	static const char *const keys[] = {"trust_id", "passcode",
					   "auth_methods", "identity_provider"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (jr_has(c, keys[i]) || jr_has(a, keys[i]))
			return err_set(e, ERR_REFUSED, "%s is not supported",
				       keys[i]);
	return 0;
}

/* What is there must be enough to ask for a token. */
static int complete(const json_t *c, struct cloud *o, struct err *e)
{
	const char *profile = json_string_value(json_object_get(c, "profile"));

	if (!profile)
		profile = json_string_value(json_object_get(c, "cloud"));
	if (!o->auth_url && profile)
		return err_set(e, ERR_REFUSED,
			       "profile %s: vendor profiles are not supported: "
			       "write its auth_url here",
			       profile);
	if (profile)
		log_warn("cloud %s: profile %s is not read: vendor profiles "
			 "are not supported",
			 o->name, profile);
	if (!o->auth_url)
		return err_set(e, ERR_USAGE, "auth_url is missing");
	if ((strncmp(o->auth_url, "http://", 7) &&
	     strncmp(o->auth_url, "https://", 8)) ||
	    strpbrk(o->auth_url, " \t\r\n{}?#@"))
		return err_set(e, ERR_USAGE,
			       "auth_url is not a plain http or https URL");
	if (o->auth == CLOUD_CREDENTIAL && !o->credential_id &&
	    (!o->credential_name || (!o->username && !o->user_id)))
		return err_set(e, ERR_USAGE,
			       "application_credential_id is missing (or its "
			       "name and the user)");
	if (o->auth == CLOUD_PASSWORD && !o->username && !o->user_id)
		return err_set(e, ERR_USAGE, "username is missing");
	if (o->auth != CLOUD_CREDENTIAL && !o->project_id && !o->project_name &&
	    !o->domain_id && !o->domain_name && !o->system_scope)
		return err_set(e, ERR_USAGE,
			       "project_name is missing: a token without a "
			       "project has no catalog");
	return 0;
}

static int interface(const char *s, enum cloud_interface *out, struct err *e)
{
	static const struct {
		const char *name;
		enum cloud_interface is;
	} words[] = {
		{"public", CLOUD_PUBLIC},     {"publicURL", CLOUD_PUBLIC},
		{"internal", CLOUD_INTERNAL}, {"internalURL", CLOUD_INTERNAL},
		{"admin", CLOUD_ADMIN},	      {"adminURL", CLOUD_ADMIN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(s, words[i].name) == 0) {
			*out = words[i].is;
			return 0;
		}
	return err_set(e, ERR_USAGE,
		       "interface %s: public, internal and admin are", s);
}

static int take_services(const json_t *c, struct cloud *o, struct err *e)
{
	static const char *const names[CLOUD_SERVICES][4] = {
		[CLOUD_IDENTITY] = {"identity"},
		[CLOUD_COMPUTE] = {"compute"},
		[CLOUD_NETWORK] = {"network"},
		[CLOUD_PLACEMENT] = {"placement"},
		[CLOUD_VOLUME] = {"block_storage", "volumev3", "volume"},
	};

	for (size_t i = 0; i < CLOUD_SERVICES; i++) {
		AUTO(mem_freep)
		char *all = mapped(c, NULL, "endpoint_type|interface");

		if (all && interface(all, &o->interface[i], e))
			return -1;
		for (size_t k = 0; names[i][k]; k++) {
			AUTO(mem_freep)
			char *keys = mem_printf("%s_endpoint_type|%s_interface",
						names[i][k], names[i][k]);
			AUTO(mem_freep) char *one = mapped(c, NULL, keys);
			AUTO(mem_freep)
			char *key =
				mem_printf("%s_endpoint_override", names[i][k]);

			if (one && interface(one, &o->interface[i], e))
				return -1;
			if (!o->override[i])
				o->override[i] = option(c, NULL, key);
		}
	}
	return 0;
}

static char *home_path(char *path, const struct cloud_options *o)
{
	const char *home = cloud_env(o, "HOME");
	char *full;

	if (!path || strncmp(path, "~/", 2) || !home)
		return path;
	full = mem_printf("%s%s", home, path + 1);
	mem_free(path);
	return full;
}

static int take_tls(const json_t *c, const struct cloud_options *o,
		    struct cloud *out, struct err *e)
{
	out->cacert = home_path(option(c, NULL, "cacert"), o);
	out->cert = home_path(option(c, NULL, "cert"), o);
	out->key = home_path(option(c, NULL, "key"), o);
	out->insecure =
		truth(c, "insecure", false) || !truth(c, "verify", true);
	if (!out->insecure || o->allow_insecure)
		return 0;
	err_set(e, ERR_REFUSED,
		"it turns certificate checks off (insecure or verify): a "
		"password would go to whoever answers");
	return err_hint(e, "name the CA that signed the endpoints: cacert, or "
			   "OS_CACERT");
}

int cloud_take(json_t *config, const struct cloud_options *o, struct cloud *c,
	       struct err *e)
{
	json_t *auth = json_object_get(config, "auth");
	AUTO(mem_freep) char *scope = NULL;

	if (auth && !json_is_null(auth) && !json_is_object(auth))
		return err_set(e, ERR_USAGE, "\"auth\" is not a mapping");
	if (!json_is_object(auth))
		auth = NULL;
	take_names(config, auth, c);
	spread_domain(c);
	scope = option(config, auth, "system_scope");
	c->system_scope = scope && strcmp(scope, "all") == 0;
	c->region = option(config, NULL, "region_name");
	if (unsupported(config, auth, e) || take_secret(config, auth, c, e) ||
	    complete(config, c, e) || take_services(config, c, e))
		return -1;
	return take_tls(config, o, c, e);
}
