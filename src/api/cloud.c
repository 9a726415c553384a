/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cloud.h"

#include <errno.h>
#include <string.h>

#include "api/cloud_priv.h"
#include "api/json_priv.h"
#include "core/fs.h"
#include "core/log.h"

const char *cloud_env(const struct cloud_options *o, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; o->env && o->env[i]; i++)
		if (strncmp(o->env[i], name, n) == 0 && o->env[i][n] == '=')
			return o->env[i][n + 1] ? o->env[i] + n + 1 : NULL;
	return NULL;
}

const char *cloud_service_name(enum cloud_service s)
{
	static const char *const names[] = {
		[CLOUD_IDENTITY] = "identity", [CLOUD_COMPUTE] = "compute",
		[CLOUD_NETWORK] = "network",   [CLOUD_PLACEMENT] = "placement",
		[CLOUD_VOLUME] = "volume",
	};

	return s < CLOUD_SERVICES ? names[s] : "?";
}

void cloud_clear(struct cloud *c)
{
	char **const plain[] = {
		&c->name,
		&c->file,
		&c->auth_url,
		&c->username,
		&c->user_id,
		&c->user_domain_id,
		&c->user_domain_name,
		&c->project_id,
		&c->project_name,
		&c->project_domain_id,
		&c->project_domain_name,
		&c->domain_id,
		&c->domain_name,
		&c->default_domain_id,
		&c->default_domain_name,
		&c->credential_id,
		&c->credential_name,
		&c->region,
		&c->cacert,
		&c->cert,
		&c->key,
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		mem_free(*plain[i]);
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		mem_free(c->override[i]);
	secret_free(c->password);
	*c = (struct cloud){0};
}

int cloud_parse(const struct cloud_text *clouds,
		const struct cloud_text *secure, const struct cloud_options *o,
		struct cloud *c, struct err *e)
{
	json_t *config;
	int rc;

	*c = (struct cloud){0};
	config = cloud_choose(clouds, secure, o, &c->name, e);
	if (!config) {
		cloud_clear(c);
		return -1;
	}
	c->file = clouds ? mem_strdup(clouds->path) : NULL;
	rc = cloud_take(config, o, c, e);
	json_wipe(config);
	json_decref(config);
	if (rc) {
		err_wrap(e, "cloud %s", c->name);
		cloud_clear(c);
	}
	return rc;
}

/* --- the search */

static void add_dir(struct strv *out, const char *root, const char *dir)
{
	AUTO(mem_freep) char *path = mem_printf("%s%s", root, dir);

	if (!strv_has(out, path))
		strv_add(out, path);
}

/* platformdirs' user_config_dir and site_config_dir for "openstack", between
 * openstacksdk's own three. */
static void directories(const struct cloud_options *o, struct strv *out)
{
	const char *root = o->root ? o->root : "";
	const char *home = cloud_env(o, "HOME");
	const char *xdg = cloud_env(o, "XDG_CONFIG_HOME");
	const char *site = cloud_env(o, "XDG_CONFIG_DIRS");
	AUTO(strv_clear) struct strv sites = STRV_INIT;

	if (o->cwd)
		strv_add(out, o->cwd);
	if (xdg)
		strv_addf(out, "%s/openstack", xdg);
	if (home)
		strv_addf(out, "%s/.config/openstack", home);
	strv_split(&sites, site ? site : "", ":");
	for (size_t i = 0; i < sites.n; i++)
		strv_addf(out, "%s/openstack", sites.v[i]);
	if (!sites.n)
		add_dir(out, root, "/etc/xdg/openstack");
	add_dir(out, root, "/etc/openstack");
}

/* 1 read, 0 not there or not for us, -1 */
static int try_file(const char *path, struct buf *out, struct err *e)
{
	struct err mine = ERR_INIT;

	if (fs_read_path(path, CLOUD_FILE_MAX, out, &mine) == 0)
		return 1;
	if (mine.sys == ENOENT || mine.sys == ENOTDIR || mine.sys == EACCES) {
		if (mine.sys == EACCES)
			log_warn("%s may not be read: passed over", path);
		err_clear(&mine);
		return 0;
	}
	err_move(e, &mine);
	e->kind = ERR_USAGE;
	return -1;
}

struct found {
	char *path;
	struct buf text;
};

static void found_clear(struct found *f)
{
	mem_free(f->path);
	secret_clear(&f->text);
}

static int search(const struct cloud_options *o, const char *stem,
		  const char *variable, struct found *f, struct err *e)
{
	static const char *const suffixes[] = {"yaml", "yml", "json"};
	AUTO(strv_clear) struct strv dirs = STRV_INIT, files = STRV_INIT;
	const char *own = cloud_env(o, variable);
	int rc = 0;

	directories(o, &dirs);
	if (own)
		strv_add(&files, own);
	for (size_t i = 0; i < dirs.n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(suffixes); k++)
			strv_addf(&files, "%s/%s.%s", dirs.v[i], stem,
				  suffixes[k]);
	for (size_t i = 0; !rc && i < files.n; i++) {
		rc = try_file(files.v[i], &f->text, e);
		if (rc > 0)
			f->path = mem_strdup(files.v[i]);
	}
	return rc < 0 ? -1 : 0;
}

int cloud_load(const struct cloud_options *o, struct cloud *c, struct err *e)
{
	AUTO(found_clear) struct found clouds = {0}, secure = {0};
	struct cloud_text t[2];

	*c = (struct cloud){0};
	if (search(o, "clouds", "OS_CLIENT_CONFIG_FILE", &clouds, e) ||
	    search(o, "secure", "OS_CLIENT_SECURE_FILE", &secure, e))
		return err_wrap(e, "reading the cloud's credentials");
	t[0] = (struct cloud_text){clouds.path, buf_str(&clouds.text),
				   clouds.text.len};
	t[1] = (struct cloud_text){secure.path, buf_str(&secure.text),
				   secure.text.len};
	return cloud_parse(clouds.path ? &t[0] : NULL,
			   secure.path ? &t[1] : NULL, o, c, e);
}
