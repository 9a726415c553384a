/* SPDX-License-Identifier: Apache-2.0 */
/* A runbook's profiles over the sections [host:NAME]. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/config.h"
#include "core/str.h"

static void use_text(const json_t *p, const char *key, char **member)
{
	const char *s = json_string_value(json_object_get(p, key));

	if (!s)
		return;
	mem_free(*member);
	*member = mem_strdup(s);
}

static void use_list(const json_t *p, const char *key, struct strv *member)
{
	const json_t *list = json_object_get(p, key), *v;
	size_t i;

	if (!json_array_size(list))
		return;
	strv_clear(member);
	json_array_foreach (list, i, v)
		if (json_is_string(v))
			strv_add(member, json_string_value(v));
}

static struct config_host *host_of(struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_hosts; i++)
		if (str_is(c->hosts[i].name, name))
			return &c->hosts[i];
	c->hosts = mem_realloc(c->hosts, c->n_hosts + 1, sizeof(*c->hosts));
	c->hosts[c->n_hosts] = (struct config_host){.name = mem_strdup(name)};
	return &c->hosts[c->n_hosts++];
}

static void use(struct config *c, const json_t *p, const char *name)
{
	struct config_host *h = host_of(c, name);

	use_text(p, "instances-path", &h->instances_path);
	use_text(p, "nova-user", &h->nova_user);
	use_text(p, "nova-group", &h->nova_group);
	use_text(p, "qemu-user", &h->qemu_user);
	use_text(p, "qemu-group", &h->qemu_group);
	use_list(p, "virsh", &h->virsh);
	use_list(p, "path-map", &h->path_map);
}

int config_profiles(struct config *c, const char *json, struct err *e)
{
	json_t *list = json_loads(json, 0, NULL);
	const json_t *p, *name;
	size_t i, k;
	int rc = 0;

	if (!json_is_array(list))
		rc = err_set(e, ERR_USAGE, "%s is not what a run sets it to",
			     CONFIG_PROFILES);
	json_array_foreach (list, i, p)
		json_array_foreach (json_object_get(p, "hosts"), k, name)
			if (config_host_name_ok(json_string_value(name)))
				use(c, p, json_string_value(name));
	json_decref(list);
	return rc;
}
