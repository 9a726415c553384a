/* SPDX-License-Identifier: Apache-2.0 */
/* Merging files and environment, as openstack/config/loader.py does. */
#include "api/cloud_priv.h"

#include <ctype.h>
#include <string.h>

#include "api/json_priv.h"
#include "api/yaml_priv.h"

static json_t *read_json(const struct cloud_text *t, struct err *e)
{
	json_error_t je;
	json_t *j = json_loadb(t->text, t->len, 0, &je);

	if (!j)
		err_set(e, ERR_USAGE, "%s:%d: not JSON", t->path, je.line);
	return j;
}

/* An object, {} for an empty file. */
static json_t *read_text(const struct cloud_text *t, struct err *e)
{
	const char *dot;
	json_t *j;

	if (!t)
		return json_object();
	dot = strrchr(t->path, '.');
	j = dot && strcmp(dot, ".json") == 0
		    ? read_json(t, e)
		    : yaml_read(t->path, t->text, t->len, e);
	if (json_is_null(j)) {
		j = json_object();
	} else if (j && !json_is_object(j)) {
		err_set(e, ERR_USAGE, "%s: it is not a mapping", t->path);
		json_wipe(j);
		json_decref(j);
		return NULL;
	}
	return j;
}

/* loader.py: merge_clouds() */
static void lay_over(json_t *old, json_t *new)
{
	const char *key;
	json_t *v, *was;

	json_object_foreach (new, key, v) {
		was = json_object_get(old, key);
		if (json_is_object(v) && json_is_object(was))
			lay_over(was, v);
		else
			json_object_set(old, key, v);
	}
}

/* _util.py: normalize_keys() */
static json_t *normalised(json_t *o)
{
	json_t *out = json_object(), *v;
	const char *key;

	json_object_foreach (o, key, v) {
		AUTO(mem_freep) char *k = mem_strdup(key);

		for (char *p = k; *p; p++)
			if (*p == '-')
				*p = '_';
		if (json_is_object(v))
			json_object_set_new(out, k, normalised(v));
		else
			json_object_set(out, k, v);
	}
	return out;
}

static bool selector(const char *var, size_t n)
{
	static const char *const words[] = {
		"OS_CLOUD",
		"OS_REGION_NAME",
		"OS_CLIENT_CONFIG_FILE",
		"OS_CLIENT_SECURE_FILE",
		"OS_CLOUD_NAME",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && strncmp(var, words[i], n) == 0)
			return true;
	return false;
}

/* loader.py: _get_os_environ(); NULL when there is nothing but selectors. */
static json_t *from_env(const struct cloud_options *o)
{
	json_t *c = json_object();
	bool any = false;

	for (size_t i = 0; o->env && o->env[i]; i++) {
		const char *s = o->env[i], *eq = strchr(s, '=');
		AUTO(mem_freep) char *key = NULL;

		if (strncmp(s, "OS_", 3) || !eq || !strncmp(s, "OS_TEST", 7) ||
		    !strncmp(s, "OS_STD", 6) || !strncmp(s, "OS_LOG", 6))
			continue;
		/* oslo.config's own overrides, OS_GROUP__OPTION */
		if (memmem(s, (size_t)(eq - s), "__", 2))
			continue;
		any = any || !selector(s, (size_t)(eq - s));
		key = mem_strndup(s + 3, (size_t)(eq - s) - 3);
		for (char *p = key; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		json_object_set_new(c, key, json_string(eq + 1));
	}
	if (any)
		return c;
	json_decref(c);
	return NULL;
}

static int no_choice(json_t *clouds, struct err *e)
{
	AUTO(strv_clear) struct strv names = STRV_INIT;
	AUTO(mem_freep) char *list = NULL;
	const char *key;
	json_t *v;

	json_object_foreach (clouds, key, v)
		strv_add(&names, key);
	list = strv_join(&names, ", ");
	if (!names.n) {
		err_set(e, ERR_USAGE,
			"no credentials: there is no clouds.yaml "
			"and no OS_AUTH_URL");
		return err_hint(e, "set OS_CLOUD and write clouds.yaml, or "
				   "source the project's openrc");
	}
	err_set(e, ERR_USAGE, "which cloud? clouds.yaml has %s", list);
	return err_hint(e, "set OS_CLOUD to one of them");
}

/* The name of the cloud to use; CLOUDS gets the environment's. */
static int which(json_t *clouds, const struct cloud_options *o, char **name,
		 struct err *e)
{
	const char *own = cloud_env(o, "OS_CLOUD_NAME");
	const char *want = o->name ? o->name : cloud_env(o, "OS_CLOUD");
	json_t *env = from_env(o);

	if (!own)
		own = "envvars";
	if (env && json_object_get(clouds, own)) {
		json_wipe(env);
		json_decref(env);
		return err_set(e, ERR_USAGE,
			       "clouds.yaml has a cloud named %s, which is the "
			       "name of the one in the environment "
			       "(OS_CLOUD_NAME)",
			       own);
	}
	if (env) {
		json_object_set_new(clouds, own, env);
		if (!want)
			want = own;
	}
	if (!want && json_object_size(clouds) == 1)
		want = json_object_iter_key(json_object_iter(clouds));
	if (!want)
		return no_choice(clouds, e);
	if (!json_object_get(clouds, want))
		return err_set(e, ERR_USAGE, "there is no cloud named %s",
			       want);
	*name = mem_strdup(want);
	return 0;
}

/* Is S one of the comma-separated WORDS?  S NULL: their first. */
static char *in_words(const char *words, const char *s)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;

	strv_split(&v, words, ",");
	if (!s)
		return v.n ? mem_strdup(v.v[0]) : NULL;
	return strv_has(&v, s) ? mem_strdup(s) : NULL;
}

/* loader.py: _get_region(), and the laying over in get_one(). */
static int region(json_t *c, const char *want, struct err *e)
{
	json_t *list = json_object_get(c, "regions"), *r = NULL, *v;
	AUTO(mem_freep) char *name = NULL;
	const char *words, *s;
	size_t i;

	if (!json_is_array(list))
		list = json_object_get(c, "region_name");
	words = json_string_value(list);
	json_array_foreach (list, i, v) {
		s = json_is_object(v)
			    ? json_string_value(json_object_get(v, "name"))
			    : json_string_value(v);
		if (!s)
			return err_set(e, ERR_USAGE, "a region has no name");
		if (name || (want && strcmp(s, want)))
			continue;
		name = mem_strdup(s);
		r = json_object_get(v, "values");
	}
	if (words && *words)
		name = in_words(words, want);
	if (!name && want && (json_array_size(list) || (words && *words)))
		return err_set(e, ERR_USAGE, "it has no region %s", want);
	if (!name && want)
		name = mem_strdup(want);
	if (json_is_object(r)) {
		json_t *values = normalised(r);

		lay_over(c, values);
		json_decref(values);
	}
	json_object_del(c, "region_name");
	if (name)
		json_object_set_new(c, "region_name", json_string(name));
	json_object_del(c, "regions");
	return 0;
}

static json_t *choose_in(json_t *root, const struct cloud_options *o,
			 char **name, struct err *e)
{
	json_t *clouds = json_object_get(root, "clouds"), *c;

	if (!clouds || json_is_null(clouds)) {
		json_object_set_new(root, "clouds", json_object());
		clouds = json_object_get(root, "clouds");
	}
	if (!json_is_object(clouds)) {
		err_set(e, ERR_USAGE, "\"clouds\" is not a mapping");
		return NULL;
	}
	if (which(clouds, o, name, e))
		return NULL;
	c = json_object_get(clouds, *name);
	if (!json_is_object(c)) {
		err_set(e, ERR_USAGE, "cloud %s is not a mapping", *name);
		return NULL;
	}
	c = normalised(c);
	if (region(c, o->region, e)) {
		err_wrap(e, "cloud %s", *name);
		json_decref(c);
		return NULL;
	}
	return c;
}

json_t *cloud_choose(const struct cloud_text *clouds,
		     const struct cloud_text *secure,
		     const struct cloud_options *o, char **name, struct err *e)
{
	json_t *root = read_text(clouds, e), *over, *c;

	if (!root)
		return NULL;
	over = read_text(secure, e);
	if (!over) {
		json_wipe(root);
		json_decref(root);
		return NULL;
	}
	lay_over(root, over);
	c = choose_in(root, o, name, e);
	/* The chosen one may share strings with the rest: copy, then wipe. */
	if (c) {
		json_t *copy = json_deep_copy(c);

		json_decref(c);
		c = copy;
	}
	json_wipe(over);
	json_wipe(root);
	json_decref(over);
	json_decref(root);
	return c;
}
