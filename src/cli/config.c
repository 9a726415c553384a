/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/ini.h"
#include "core/log.h"
#include "core/str.h"

enum key_type { KEY_STRING = 0, KEY_MULTI, KEY_WORDS, KEY_UINT, KEY_BOOL };

/* One option: where it stands in the file and in the struct. */
struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	unsigned min, max; /* of a KEY_UINT */
};

#define CFG(member) offsetof(struct config, member)
#define HOST(member) offsetof(struct config_host, member)
#define FENCE(member) offsetof(struct config_fence, member)

static const struct key default_keys[] = {
	{"journal", KEY_STRING, CFG(journal), 0, 0},
	{"journal_password_file", KEY_STRING, CFG(journal_password_file), 0, 0},
	{"agent", KEY_STRING, CFG(agent), 0, 0},
	{NULL, 0, 0, 0, 0},
};

static const struct key ssh_keys[] = {
	{"user", KEY_STRING, CFG(ssh.user), 0, 0},
	{"port", KEY_UINT, CFG(ssh.port), 1, 65535},
	{"identity", KEY_MULTI, CFG(ssh.identity), 0, 0},
	{"known_hosts", KEY_MULTI, CFG(ssh.known_hosts), 0, 0},
	{"connect_timeout", KEY_UINT, CFG(ssh.connect_timeout), 1, 3600},
	{"command_timeout", KEY_UINT, CFG(ssh.command_timeout), 1, 86400},
	{"keepalive", KEY_UINT, CFG(ssh.keepalive), 1, 3600},
	{NULL, 0, 0, 0, 0},
};

static const struct key db_keys[] = {
	{"connection", KEY_STRING, CFG(db.connection), 0, 0},
	{"api_connection", KEY_STRING, CFG(db.api_connection), 0, 0},
	{"placement_connection", KEY_STRING, CFG(db.placement_connection), 0,
	 0},
	{"neutron_connection", KEY_STRING, CFG(db.neutron_connection), 0, 0},
	{"cinder_connection", KEY_STRING, CFG(db.cinder_connection), 0, 0},
	{"cinder_conf", KEY_MULTI, CFG(db.cinder_conf), 0, 0},
	{"nova_conf", KEY_MULTI, CFG(db.nova_conf), 0, 0},
	{"placement_conf", KEY_MULTI, CFG(db.placement_conf), 0, 0},
	{"neutron_conf", KEY_MULTI, CFG(db.neutron_conf), 0, 0},
	{"ssl_ca", KEY_STRING, CFG(db.ssl_ca), 0, 0},
	{"ssl_cert", KEY_STRING, CFG(db.ssl_cert), 0, 0},
	{"ssl_key", KEY_STRING, CFG(db.ssl_key), 0, 0},
	{"ssl_verify", KEY_BOOL, CFG(db.ssl_verify), 0, 0},
	{NULL, 0, 0, 0, 0},
};

static const struct key copy_keys[] = {
	{"priority", KEY_STRING, CFG(copy.priority), 0, 0},
	{"streams", KEY_UINT, CFG(copy.streams), 1, CONFIG_STREAMS_MOST},
	{"compress", KEY_STRING, CFG(copy.compress), 0, 0},
	{"tls_ports", KEY_STRING, CFG(copy.tls_ports), 0, 0},
	{NULL, 0, 0, 0, 0},
};

#define HOOK(name, which)                                                      \
	{                                                                      \
		name, KEY_WORDS, CFG(hooks.argv[which]), 0, 0                  \
	}

/* In the order of enum config_hook. */
static const struct key hooks_keys[] = {
	HOOK("before_start", CONFIG_HOOK_BEFORE_START),
	HOOK("start", CONFIG_HOOK_START),
	HOOK("step", CONFIG_HOOK_STEP),
	HOOK("fail", CONFIG_HOOK_FAIL),
	HOOK("end", CONFIG_HOOK_END),
	{"timeout", KEY_UINT, CFG(hooks.timeout), 1, 600},
	{NULL, 0, 0, 0, 0},
};

static const struct key metrics_keys[] = {
	{"textfile", KEY_STRING, CFG(textfile), 0, 0},
	{NULL, 0, 0, 0, 0},
};

const char *config_hook_name(enum config_hook which)
{
	return hooks_keys[which].name;
}

static const struct key host_keys[] = {
	{"address", KEY_STRING, HOST(address), 0, 0},
	{"port", KEY_UINT, HOST(port), 1, 65535},
	{"user", KEY_STRING, HOST(user), 0, 0},
	{"virsh", KEY_WORDS, HOST(virsh), 0, 0},
	{"instances_path", KEY_STRING, HOST(instances_path), 0, 0},
	{"nova_user", KEY_STRING, HOST(nova_user), 0, 0},
	{"nova_group", KEY_STRING, HOST(nova_group), 0, 0},
	{"qemu_user", KEY_STRING, HOST(qemu_user), 0, 0},
	{"qemu_group", KEY_STRING, HOST(qemu_group), 0, 0},
	{"path_map", KEY_MULTI, HOST(path_map), 0, 0},
	{NULL, 0, 0, 0, 0},
};

static const struct key fence_keys[] = {
	{"provider", KEY_WORDS, FENCE(provider), 0, 0},
	{"command", KEY_WORDS, FENCE(command), 0, 0},
	{"readback", KEY_WORDS, FENCE(readback), 0, 0},
	{"readback_off", KEY_STRING, FENCE(off_word), 0, 0},
	{"readback_on", KEY_STRING, FENCE(on_word), 0, 0},
	{"agent", KEY_STRING, FENCE(agent), 0, 0},
	{"options", KEY_STRING, FENCE(options), 0, 0},
	{"storage", KEY_MULTI, FENCE(storage), 0, 0},
	{"rbd", KEY_MULTI, FENCE(rbd), 0, 0},
	{"rbd_command", KEY_WORDS, FENCE(rbd_command), 0, 0},
	{"timeout", KEY_UINT, FENCE(timeout), 1, 3600},
	{NULL, 0, 0, 0, 0},
};

/* Of [fence] alone. */
static const struct key fence_age_keys[] = {
	{"max_age", KEY_UINT, CFG(fence_max_age), 1, 86400},
	{NULL, 0, 0, 0, 0},
};

bool config_host_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 253 || *name == '-' || *name == '.')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	return true;
}

static int set_uint(const struct key *k, const char *v, unsigned *out,
		    struct err *e)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(v, &end, 10);
	if (!isdigit((unsigned char)*v) || *end || errno || n < k->min ||
	    n > k->max)
		return err_set(e, ERR_USAGE, "not a number from %u to %u",
			       k->min, k->max);
	*out = (unsigned)n;
	return 0;
}

/* Puts the item's VALUE where K says; a single one replaces an earlier. */
static int set_key(const struct key *k, void *base, const char *value,
		   struct err *e)
{
	void *at = (char *)base + k->offset;
	struct strv *list = at;

	switch (k->type) {
	case KEY_STRING:
		mem_free(*(char **)at);
		*(char **)at = mem_strdup(value);
		return 0;
	case KEY_MULTI:
		strv_split(list, value, "\n");
		return 0;
	case KEY_WORDS:
		strv_clear(list);
		return config_split_words(value, list, e);
	case KEY_UINT:
		return set_uint(k, value, at, e);
	case KEY_BOOL:
		if (ini_bool(value, at))
			return 0;
		return err_set(e, ERR_USAGE, "neither true nor false");
	}
	return err_set(e, ERR_BUG, "key type %d", k->type);
}

static struct config_host *host_section(struct config *c, const char *name)
{
	struct config_host *h;

	for (size_t i = 0; i < c->n_hosts; i++)
		if (!strcmp(c->hosts[i].name, name))
			return &c->hosts[i];
	c->hosts = mem_realloc(c->hosts, c->n_hosts + 1, sizeof(*c->hosts));
	h = &c->hosts[c->n_hosts++];
	*h = (struct config_host){.name = mem_strdup(name)};
	return h;
}

static struct config_fence *fence_section(struct config *c, const char *host)
{
	for (size_t i = 0; i < c->n_fences; i++)
		if (!strcmp(c->fences[i].host, host))
			return &c->fences[i];
	c->fences = mem_realloc(c->fences, c->n_fences + 1, sizeof(*c->fences));
	c->fences[c->n_fences] =
		(struct config_fence){.host = mem_strdup(host)};
	return &c->fences[c->n_fences++];
}

struct config_fence config_fence(const struct config *c, const char *host)
{
	struct config_fence f = c->fence;
	const struct config_fence *own = NULL;

	for (size_t i = 0; i < c->n_fences; i++)
		if (!strcmp(c->fences[i].host, host))
			own = &c->fences[i];
	for (const struct key *k = fence_keys; own && k->name; k++) {
		void *to = (char *)&f + k->offset;
		const void *from = (const char *)own + k->offset;
		const struct strv *list = from;

		if (k->type == KEY_STRING && *(char *const *)from)
			*(char **)to = *(char *const *)from;
		else if (k->type == KEY_UINT && *(const unsigned *)from)
			*(unsigned *)to = *(const unsigned *)from;
		else if ((k->type == KEY_MULTI || k->type == KEY_WORDS) &&
			 list->n)
			*(struct strv *)to = *list;
	}
	return f;
}

/* The keys of IT's group, and in BASE the struct they fill; NULL: no such
 * group. */
static const struct key *section_keys(struct config *c,
				      const struct ini_item *it, void **base)
{
	const char *group = it->group;

	*base = c;
	if (!strcmp(group, "DEFAULT"))
		return default_keys;
	if (!strcasecmp(group, "ssh"))
		return ssh_keys;
	if (!strcasecmp(group, "database"))
		return db_keys;
	if (!strcasecmp(group, "copy"))
		return copy_keys;
	if (!strcasecmp(group, "fence")) {
		*base = str_is(it->key, "max_age") ? (void *)c : &c->fence;
		return str_is(it->key, "max_age") ? fence_age_keys : fence_keys;
	}
	if (!strncasecmp(group, "fence:", 6) &&
	    config_host_name_ok(group + 6)) {
		*base = fence_section(c, group + 6);
		return fence_keys;
	}
	if (!strcasecmp(group, "hooks"))
		return hooks_keys;
	if (!strcasecmp(group, "metrics"))
		return metrics_keys;
	if (!strncasecmp(group, "host:", 5) && config_host_name_ok(group + 5)) {
		*base = host_section(c, group + 5);
		return host_keys;
	}
	return NULL;
}

static int one_item(struct config *c, const struct ini *ini,
		    const struct ini_item *it, struct err *e)
{
	void *base;
	const struct key *k = section_keys(c, it, &base);
	AUTO(mem_freep)
	char *v = ini_substitute(ini, it->group, it->value, NULL);

	if (!k) {
		err_set(e, ERR_USAGE, "%s:%u: no section [%s] is known",
			it->file, it->line, it->group);
		return err_hint(e,
				"man novahaul.conf lists the sections: "
				"DEFAULT, ssh, database, copy, hooks, metrics, "
				"host:NAME, fence, fence:NAME");
	}
	while (k->name && strcmp(k->name, it->key))
		k++;
	if (!k->name) {
		err_set(e, ERR_USAGE, "%s:%u: no option %s is known in [%s]",
			it->file, it->line, it->key, it->group);
		return err_hint(e, "man novahaul.conf lists the options");
	}
	if (set_key(k, base, v, e))
		/* Not the value: it may be a URL with a password. */
		return err_wrap(e, "%s:%u: %s", it->file, it->line, it->key);
	return 0;
}

static int check_hosts(const struct config *c, const char *name, struct err *e)
{
	for (size_t i = 0; i < c->n_hosts; i++) {
		const struct config_host *h = &c->hosts[i];

		if (h->address && !config_host_name_ok(h->address) &&
		    strspn(h->address, "0123456789abcdefABCDEF:.") !=
			    strlen(h->address))
			return err_set(e, ERR_USAGE,
				       "%s: [host:%s] address = %s: neither a "
				       "name nor an address",
				       name, h->name, h->address);
		if (h->instances_path && *h->instances_path != '/')
			return err_set(e, ERR_USAGE,
				       "%s: [host:%s] instances_path = %s: not "
				       "an absolute path",
				       name, h->name, h->instances_path);
		for (size_t k = 0; k < h->path_map.n; k++) {
			const char *m = h->path_map.v[k];

			if (*m != '/' || !strstr(m, "=/"))
				return err_set(e, ERR_USAGE,
					       "%s: [host:%s] path_map = %s: "
					       "not /INSIDE=/OUTSIDE",
					       name, h->name, m);
		}
	}
	return 0;
}

static int check_words(const struct config *c, const char *name, struct err *e)
{
	static const struct {
		const char *key, *words[3];
	} keys[] = {{"priority", {"low", "idle", "normal"}},
		    {"compress", {"auto", "never", "always"}}};
	const char *given[] = {c->copy.priority, c->copy.compress};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *const *w = keys[i].words;

		if (!given[i] || !strcmp(given[i], w[0]) ||
		    !strcmp(given[i], w[1]) || !strcmp(given[i], w[2]))
			continue;
		return err_set(e, ERR_USAGE,
			       "%s: [copy] %s = %s: neither %s, %s nor %s",
			       name, keys[i].key, given[i], w[0], w[1], w[2]);
	}
	return 0;
}

/* A port's digits at *S, which goes behind them; 0: there are none. */
static unsigned port_at(const char **s)
{
	unsigned n = 0;

	for (; isdigit((unsigned char)**s) && n <= 65535; ++*s)
		n = 10 * n + (unsigned)(**s - '0');
	return n <= 65535 ? n : 0;
}

static int check_copy(struct config *c, const char *name, struct err *e)
{
	const char *s = c->copy.tls_ports;
	unsigned min, max;

	if (check_words(c, name, e))
		return -1;
	if (!s)
		return 0;
	min = max = port_at(&s);
	if (*s == '-') {
		s++;
		max = port_at(&s);
	}
	if (*s || !min || max < min)
		return err_set(e, ERR_USAGE,
			       "%s: [copy] tls_ports = %s: neither a port nor "
			       "two with a - between them, the lower one first",
			       name, c->copy.tls_ports);
	c->copy.tls_port_min = min;
	c->copy.tls_port_max = max;
	return 0;
}

/* The collector reads no other file. */
static int check_textfile(const struct config *c, const char *name,
			  struct err *e)
{
	const char *s = c->textfile;
	size_t n = s ? strlen(s) : 0;

	if (!s || (*s == '/' && n > 6 && !strcmp(s + n - 5, ".prom")))
		return 0;
	return err_set(e, ERR_USAGE,
		       "%s: [metrics] textfile = %s: not an absolute path "
		       "ending in .prom",
		       name, s);
}

static void set_defaults(struct config *c)
{
	c->journal = mem_strdup(CONFIG_DEFAULT_JOURNAL);
	c->ssh.user = mem_strdup("root");
	c->ssh.port = 22;
	c->ssh.connect_timeout = 15;
	c->ssh.command_timeout = 60;
	c->ssh.keepalive = 30;
	c->db.ssl_verify = true;
	c->fence_max_age = 15 * 60;
	c->hooks.timeout = 10;
}

static void or_default(struct strv *v, const char *file)
{
	if (!v->n)
		strv_add(v, file);
}

int config_parse(const char *name, const char *text, struct config *c,
		 struct err *e)
{
	AUTO(ini_freep) struct ini *ini = ini_new();
	const struct ini_item *it;

	set_defaults(c);
	if (ini_parse(ini, name, text, strlen(text), e))
		goto fail;
	for (size_t i = 0; (it = ini_at(ini, i)); i++)
		if (one_item(c, ini, it, e))
			goto fail;
	if (check_hosts(c, name, e) || check_copy(c, name, e) ||
	    check_textfile(c, name, e))
		goto fail;
	or_default(&c->db.nova_conf, "/etc/nova/nova.conf");
	or_default(&c->db.placement_conf, "/etc/placement/placement.conf");
	or_default(&c->db.neutron_conf, "/etc/neutron/neutron.conf");
	or_default(&c->db.cinder_conf, "/etc/cinder/cinder.conf");
	return 0;
fail:
	config_clear(c);
	return -1;
}

static bool has_secret(const struct config *c)
{
	const char *url = strstr(c->journal, "://");

	return (url && strchr(url, '@') && strchr(url + 3, ':')) ||
	       c->db.connection || c->db.api_connection ||
	       c->db.placement_connection || c->db.neutron_connection ||
	       c->db.cinder_connection;
}

static void warn_if_open(const char *file, const struct config *c)
{
	struct stat st;

	if (has_secret(c) && !stat(file, &st) && (st.st_mode & 077))
		log_warn("%s holds a database password and others may read "
			 "it: chmod 600 %s",
			 file, file);
}

static int load(const char *file, struct config *c, struct err *e)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	bool asked = true;

	if (!file)
		file = getenv("NOVAHAUL_CONFIG");
	if (!file || !*file) {
		file = CONFIG_DEFAULT_FILE;
		asked = false;
	}
	if (fs_read_path(file, INI_TEXT_MAX, &text, e)) {
		if (asked || e->sys != ENOENT) {
			e->kind = ERR_USAGE;
			return err_wrap(e, "reading the configuration");
		}
		err_clear(e);
		return config_parse(file, "", c, e);
	}
	if (text.len != strlen(buf_str(&text)))
		return err_set(e, ERR_USAGE, "%s: a NUL byte", file);
	if (config_parse(file, buf_str(&text), c, e))
		return -1;
	c->file = mem_strdup(file);
	warn_if_open(file, c);
	return 0;
}

int config_load(const char *file, struct config *c, struct err *e)
{
	const char *profiles = getenv(CONFIG_PROFILES);

	if (load(file, c, e))
		return -1;
	if (!profiles || !config_profiles(c, profiles, e))
		return 0;
	config_clear(c);
	return -1;
}

static void clear_keys(const struct key *k, void *base)
{
	for (; k->name; k++) {
		void *at = (char *)base + k->offset;

		if (k->type == KEY_STRING)
			mem_free(*(char **)at);
		else if (k->type == KEY_MULTI || k->type == KEY_WORDS)
			strv_clear(at);
	}
}

void config_clear(struct config *c)
{
	for (size_t i = 0; i < c->n_hosts; i++) {
		clear_keys(host_keys, &c->hosts[i]);
		mem_free(c->hosts[i].name);
	}
	mem_free(c->hosts);
	for (size_t i = 0; i < c->n_fences; i++) {
		clear_keys(fence_keys, &c->fences[i]);
		mem_free(c->fences[i].host);
	}
	mem_free(c->fences);
	clear_keys(fence_keys, &c->fence);
	clear_keys(default_keys, c);
	clear_keys(ssh_keys, c);
	clear_keys(db_keys, c);
	clear_keys(copy_keys, c);
	clear_keys(hooks_keys, c);
	clear_keys(metrics_keys, c);
	mem_free(c->file);
	*c = (struct config)CONFIG_INIT;
}

const struct config_host *config_host(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_hosts; i++)
		if (!strcmp(c->hosts[i].name, name))
			return &c->hosts[i];
	return NULL;
}
