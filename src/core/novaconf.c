/* SPDX-License-Identifier: Apache-2.0 */
#include "core/novaconf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/ini.h"

/* One option under one of its names. */
struct name {
	const char *group, *key;
};

/* The present name first; ends with .key NULL. */
struct option {
	struct name names[4];
	size_t offset;	   /* of a char * or a bool in struct novaconf */
	const char *value; /* default, or NULL */
};

/* For $references only; the same values as below. */
static const struct ini_default defaults[] = {
	{"DEFAULT", "pybasedir", "/var/lib/nova"},
	{"DEFAULT", "state_path", "/var/lib/nova"},
	{"DEFAULT", "bindir", "/usr/bin"},
	{"DEFAULT", "instances_path", "$state_path/instances"},
	{NULL, NULL, NULL},
};

#define AT(member) offsetof(struct novaconf, member)

static const struct option strings[] = {
	{{{"DEFAULT", "state_path"}}, AT(state_path), "/var/lib/nova"},
	{{{"DEFAULT", "instances_path"}},
	 AT(instances_path),
	 "$state_path/instances"},
	{{{"image_cache", "subdirectory_name"},
	  {"DEFAULT", "image_cache_subdirectory_name"},
	  {"DEFAULT", "base_dir_name"}},
	 AT(base_dir_name),
	 "_base"},
	{{{"libvirt", "images_type"}, {"DEFAULT", "libvirt_images_type"}},
	 AT(images_type),
	 "default"},
	{{{"DEFAULT", "preallocate_images"}}, AT(preallocate_images), "none"},
	{{{"DEFAULT", "config_drive_format"}},
	 AT(config_drive_format),
	 "iso9660"},
	{{{"DEFAULT", "default_ephemeral_format"}},
	 AT(default_ephemeral_format),
	 NULL},
	{{{"libvirt", "virt_type"}, {"DEFAULT", "libvirt_type"}},
	 AT(virt_type),
	 "kvm"},
	{{{"DEFAULT", "host"}}, AT(host), NULL},
	{{{"DEFAULT", "my_ip"}}, AT(my_ip), NULL},
	{{{"vnc", "server_listen"},
	  {"vnc", "vncserver_listen"},
	  {"DEFAULT", "vncserver_listen"}},
	 AT(vnc_listen),
	 "127.0.0.1"},
	{{{"DEFAULT", "instance_name_template"}},
	 AT(instance_name_template),
	 "instance-%08x"},
	{{{"libvirt", "cpu_mode"}, {"DEFAULT", "libvirt_cpu_mode"}},
	 AT(cpu_mode),
	 NULL},
	{{{"libvirt", "cpu_models"},
	  {"libvirt", "cpu_model"},
	  {"DEFAULT", "libvirt_cpu_model"}},
	 AT(cpu_models),
	 NULL},
	{{{"libvirt", "swtpm_user"}}, AT(swtpm_user), "tss"},
	{{{"libvirt", "swtpm_group"}}, AT(swtpm_group), "tss"},
	{{{"database", "connection"},
	  {"DEFAULT", "sql_connection"},
	  {"database", "sql_connection"}},
	 AT(connection),
	 NULL},
	{{{"api_database", "connection"}}, AT(api_connection), NULL},
};

static const struct option booleans[] = {
	{{{"DEFAULT", "use_cow_images"}}, AT(use_cow_images), "true"},
	{{{"DEFAULT", "force_raw_images"}}, AT(force_raw_images), "true"},
	{{{"DEFAULT", "force_config_drive"}}, AT(force_config_drive), "false"},
	{{{"libvirt", "swtpm_enabled"}}, AT(swtpm_enabled), "false"},
	{{{"DEFAULT", "resume_guests_state_on_host_boot"}},
	 AT(resume_guests),
	 "false"},
};

/* Any of these, not empty, says that this compute talks to the service. */
static const struct name placement_keys[] = {
	{"placement", "auth_url"},	 {"placement", "auth_type"},
	{"placement", "auth_section"},	 {"placement", "region_name"},
	{"placement", "os_region_name"}, {NULL, NULL},
};

static const struct name neutron_keys[] = {
	{"neutron", "auth_url"},
	{"neutron", "auth_type"},
	{"neutron", "auth_plugin"},
	{"neutron", "auth_section"},
	{"neutron", "url"},
	{"neutron", "endpoint_override"},
	{"neutron", "admin_auth_url"},
	{"neutron", "admin_username"},
	{"neutron", "admin_tenant_name"},
	{"neutron", "metadata_proxy_shared_secret"},
	{"DEFAULT", "neutron_url"},
	{"DEFAULT", "neutron_admin_auth_url"},
	{"DEFAULT", "neutron_admin_username"},
	{"DEFAULT", "quantum_url"},
	{NULL, NULL},
};

static char *value_of(const struct ini *ini, const struct option *o,
		      const struct ini_item **where)
{
	*where = NULL;
	for (const struct name *n = o->names;
	     n < o->names + ARRAY_SIZE(o->names) && n->key; n++) {
		*where = ini_find(ini, n->group, n->key);
		if (*where)
			return ini_value(ini, n->group, n->key, defaults);
	}
	return o->value ? ini_substitute(ini, "DEFAULT", o->value, defaults)
			: NULL;
}

static int set_bool(const struct ini *ini, const struct option *o, bool *out,
		    struct err *e)
{
	const struct ini_item *it;
	AUTO(mem_freep) char *v = value_of(ini, o, &it);

	if (ini_bool(v, out))
		return 0;
	/* Icehouse and Juno: force_config_drive = always. */
	if (!strcmp(o->names[0].key, "force_config_drive") &&
	    (!strcmp(v, "always") || !*v)) {
		*out = *v != '\0';
		return 0;
	}
	return err_set(e, ERR_REFUSED, "%s:%u: %s = %s: neither true nor false",
		       it->file, it->line, it->key, v);
}

static bool any_set(const struct ini *ini, const struct name *names)
{
	for (; names->key; names++) {
		const struct ini_item *it =
			ini_find(ini, names->group, names->key);

		if (it && *it->value)
			return true;
	}
	return false;
}

static int read_options(const struct ini *ini, struct novaconf *c,
			struct err *e)
{
	const struct ini_item *it;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		char **at = (char **)((char *)c + strings[i].offset);

		*at = value_of(ini, &strings[i], &it);
	}
	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
		if (set_bool(ini, &booleans[i],
			     (bool *)((char *)c + booleans[i].offset), e))
			return -1;
	c->has_placement = any_set(ini, placement_keys);
	c->has_neutron = any_set(ini, neutron_keys);
	return 0;
}

int novaconf_parse(const struct novaconf_file *files, size_t n,
		   const char *const *env, struct novaconf *c, struct err *e)
{
	AUTO(ini_freep) struct ini *ini = ini_new();

	for (size_t i = 0; i < n; i++)
		if (ini_parse(ini, files[i].name, files[i].text, files[i].len,
			      e)) {
			e->kind = ERR_REFUSED;
			return -1;
		}
	ini_env(ini, env);
	if (!read_options(ini, c, e))
		return 0;
	novaconf_clear(c);
	return -1;
}

void novaconf_clear(struct novaconf *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		mem_free(*(char **)((char *)c + strings[i].offset));
	*c = (struct novaconf)NOVACONF_INIT;
}

/* "%(name)X": the end of it in S, or NULL. */
static const char *named(const char *s, const char *name, char conv)
{
	size_t n = strlen(name);

	if (strncmp(s, name, n) || s[n] != ')' || s[n + 1] != conv)
		return NULL;
	return s + n + 2;
}

/* "%08x" and its like, S behind the '%': the end of it, or NULL. */
static const char *number(struct buf *out, const char *s, long long id)
{
	bool zero = *s == '0';
	char *end;
	long width = strtol(s, &end, 10);

	if (!isdigit((unsigned char)*s))
		end = (char *)s, width = 0;
	if (width > 64)
		return NULL;
	if (*end == 'd' || *end == 'i')
		buf_printf(out, zero ? "%0*lld" : "%*lld", (int)width, id);
	else if (*end == 'x')
		buf_printf(out, zero ? "%0*llx" : "%*llx", (int)width, id);
	else if (*end == 'X')
		buf_printf(out, zero ? "%0*llX" : "%*llX", (int)width, id);
	else
		return NULL;
	return end + 1;
}

char *novaconf_instance_name(const struct novaconf *c, long long id,
			     const char *uuid)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	const char *s = c->instance_name_template;
	const char *next;

	while (*s) {
		if (*s != '%') {
			buf_putc(&out, *s++);
		} else if (s[1] == '%') {
			buf_putc(&out, '%');
			s += 2;
		} else if (s[1] != '(') {
			s = number(&out, s + 1, id);
		} else if ((next = named(s + 2, "uuid", 's'))) {
			buf_puts(&out, uuid);
			s = next;
		} else if ((next = named(s + 2, "id", 'd'))) {
			buf_printf(&out, "%lld", id);
			s = next;
		} else {
			s = NULL;
		}
		if (!s)
			return NULL;
	}
	return buf_steal(&out);
}
