/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cloud, as whom: clouds.yaml, secure.yaml and OS_* variables, by the
 * rules of openstacksdk (openstack/config/loader.py, 4.x).
 *
 *	struct cloud_options o = {.env = (const char *const *)environ,
 *				  .cwd = ".", .name = words->cloud};
 *	struct cloud c;
 *
 *	if (cloud_load(&o, &c, &e)) ...
 *	s = api_open(&c, NULL, &e);		api/session.h; copies what it
 *needs cloud_clear(&c);
 *
 * Where:
 *  1. $OS_CLIENT_CONFIG_FILE; then clouds.yaml, .yml, .json in the working
 *     directory, $XDG_CONFIG_HOME/openstack, ~/.config/openstack,
 *     $XDG_CONFIG_DIRS (/etc/xdg) + /openstack, /etc/openstack.  The first
 *     one that can be read is the only one.
 *  2. $OS_CLIENT_SECURE_FILE; then secure.* likewise.  It is laid over 1,
 *     mapping by mapping, key by key.
 *  3. If any OS_* variable is set besides OS_CLOUD, OS_REGION_NAME,
 *     OS_CLOUD_NAME and OS_CLIENT_*_FILE, the OS_* variables together are one
 *     more cloud, named $OS_CLOUD_NAME or "envvars".
 * Which: .name, else $OS_CLOUD, else the one of 3, else the only one there is.
 * OS_* variables do not mix into a cloud of a file.
 *
 * Within a cloud: keys of "auth" may also stand beside it; tenant_* are
 * project_*; auth_plugin is auth_type; *endpoint_type is *interface; '-' is
 * '_'; domain_id and domain_name stand for those of user and project; the first
 * of "regions" (or of a region_name list) is the default and its "values" win.
 * YAML: anchors, aliases and "<<" work; an unquoted number is taken as it is
 * written.  Unknown keys are let be.
 *
 * Different from openstacksdk, each on purpose:
 *  - a file that cannot be parsed is ERR_USAGE with its line, not skipped;
 *  - several clouds and no choice is ERR_USAGE that lists them;
 *  - without auth_type, a lone token or application_credential_secret says it;
 *  - "profile" (vendor data, clouds-public.yaml) is not supported: refused
 *    where it would have had to give the auth_url, a warning elsewhere;
 *  - "insecure: true" and "verify: false" are refused unless .allow_insecure;
 *  - trusts, multi-factor and federation are refused, and said so.
 *
 * Secrets stand in this struct and in the session alone: never in an error, a
 * log line or argv.  They are overwritten before they are freed; buffers
 * inside libyaml and libcurl are beyond that.
 */
#ifndef NH_API_CLOUD_H
#define NH_API_CLOUD_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

enum { CLOUD_FILE_MAX = 1 << 20 };

enum cloud_auth {
	CLOUD_AUTH_NONE = 0,
	CLOUD_PASSWORD,	  /* password, v3password, v2password */
	CLOUD_CREDENTIAL, /* v3applicationcredential */
	CLOUD_TOKEN,	  /* token, v3token, v2token: cannot be renewed */
};

enum cloud_interface { CLOUD_PUBLIC = 0, CLOUD_INTERNAL, CLOUD_ADMIN };

/* The services that novahaul speaks to. */
enum cloud_service {
	CLOUD_IDENTITY = 0,
	CLOUD_COMPUTE,
	CLOUD_NETWORK,
	CLOUD_PLACEMENT,
	CLOUD_VOLUME,
	CLOUD_SERVICES,
};

struct cloud {
	char *name; /* of the cloud; for messages */
	char *file; /* where it was read, or NULL: the environment */
	enum cloud_auth auth;
	bool only_v2; /* v2password, v2token */
	char *auth_url;
	char *username, *user_id, *user_domain_id, *user_domain_name;
	char *project_id, *project_name;
	char *project_domain_id, *project_domain_name;
	char *domain_id, *domain_name; /* domain scope */
	char *default_domain_id, *default_domain_name;
	bool system_scope;
	char *credential_id, *credential_name;
	char *password; /* or the credential's secret, or the token */
	char *region;	/* or NULL: any */
	enum cloud_interface interface[CLOUD_SERVICES];
	/* <service>_endpoint_override, or NULL */
	char *override[CLOUD_SERVICES];
	char *cacert, *cert, *key; /* files, "~" resolved, or NULL */
	bool insecure;
};

struct cloud_options {
	const char *name;	/* --cloud, or NULL */
	const char *region;	/* or NULL; must be one of the cloud's */
	bool allow_insecure;	/* the operator said so */
	const char *const *env; /* NULL-terminated "NAME=value" */
	const char *cwd;	/* or NULL: not looked at */
	const char *root;	/* before /etc (tests), or NULL */
};

/* ERR_USAGE for what is wrong in words or files, ERR_REFUSED for what is not
 * supported or not allowed.  C is cleared on failure. */
int cloud_load(const struct cloud_options *o, struct cloud *c, struct err *e);

/* One file as it was read. */
struct cloud_text {
	const char *path; /* for messages; "....json" is JSON, else YAML */
	const char *text;
	size_t len;
};

/* cloud_load() without the search: pure.  CLOUDS and SECURE may be NULL. */
int cloud_parse(const struct cloud_text *clouds,
		const struct cloud_text *secure, const struct cloud_options *o,
		struct cloud *c, struct err *e);

/* Overwrites the secrets, frees the rest. */
void cloud_clear(struct cloud *c);

/* "compute", "volume": for messages. */
const char *cloud_service_name(enum cloud_service s);

#endif
