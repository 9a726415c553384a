/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/novaconf.h"
#include "join/join.h"

#define S 1000000LL

/* "INSIDE=OUTSIDE", ... as host/ wants it; the strings point into STORE. */
static struct host_map *maps_of(const struct config_host *h, struct strv *store)
{
	struct host_map *m;

	if (!h || !h->path_map.n)
		return NULL;
	m = MEM_NEW_N(struct host_map, h->path_map.n + 1);
	for (size_t i = 0; i < h->path_map.n; i++) {
		const char *eq = strchr(h->path_map.v[i], '=');
		AUTO(mem_freep)
		char *theirs =
			mem_strndup(h->path_map.v[i],
				    eq ? (size_t)(eq - h->path_map.v[i]) : 0);

		strv_add(store, theirs);
		strv_add(store, eq ? eq + 1 : "");
	}
	for (size_t i = 0; i < h->path_map.n; i++)
		m[i] = (struct host_map){store->v[2 * i], store->v[2 * i + 1]};
	return m;
}

static const char *const *list_or_null(const struct strv *v)
{
	return v->n ? (const char *const *)v->v : NULL;
}

struct host *join_host_open(const struct config *c, const char *name,
			    struct err *e)
{
	const struct config_host *h = config_host(c, name);
	AUTO(strv_clear) struct strv store = STRV_INIT;
	AUTO(mem_freep) struct host_map *maps = maps_of(h, &store);
	struct host_config hc = {
		.name = name,
		.address = h ? h->address : NULL,
		.port = (int)(h && h->port ? h->port : c->ssh.port),
		.user = h && h->user ? h->user : c->ssh.user,
		.known_hosts = list_or_null(&c->ssh.known_hosts),
		.identities = list_or_null(&c->ssh.identity),
		.connect_us = c->ssh.connect_timeout * S,
		.command_us = c->ssh.command_timeout * S,
		.dead_us = c->ssh.keepalive * S,
		.agent_path = c->agent,
		.virsh = h ? list_or_null(&h->virsh) : NULL,
		.maps = maps,
	};

	return host_open(&hc, e);
}

static int run_virsh(void *self, struct virt_cmd *cmd, struct err *e)
{
	struct host *h = self;
	struct host_run r = {
		.argv = (const char *const *)cmd->argv,
		.in = cmd->in,
		.in_len = cmd->in_len,
		.timeout_us = cmd->timeout_us,
		.out_max = 1 << 20,
		.mutates = cmd->mutates,
		.lasting = cmd->lasting,
	};
	int rc = host_run(h, &r, e);

	cmd->exit_code = r.exit_code;
	buf_put(&cmd->out, r.out.p, r.out.len);
	buf_put(&cmd->err, r.err.p, r.err.len);
	host_run_clear(&r);
	return rc;
}

static struct virt *virt_of(struct host *h, bool survey)
{
	struct virt_runner r = {run_virsh, h, survey};

	return virt_virsh_new(h->name, (const char *const *)h->profile.virsh.v,
			      &r);
}

struct virt *join_virt_open(struct host *h)
{
	return virt_of(h, false);
}

struct virt *join_virt_survey(struct host *h)
{
	return virt_of(h, true);
}

int join_novaconf(struct host *h, struct novaconf *out, struct err *e)
{
	AUTO(host_conf_clear) struct host_conf hc = {0};
	struct novaconf_file *files;
	int rc;

	if (host_conf(h, &hc, e))
		return -1;
	files = MEM_NEW_N(struct novaconf_file, hc.nfiles);
	for (size_t i = 0; i < hc.nfiles; i++)
		files[i] = (struct novaconf_file){hc.files[i].path,
						  hc.files[i].text,
						  strlen(hc.files[i].text)};
	rc = novaconf_parse(files, hc.nfiles, (const char *const *)hc.env.v,
			    out, e);
	mem_free(files);
	return rc;
}

char *join_instances_path(const struct config *c, struct host *h, struct err *e)
{
	const struct config_host *ch = config_host(c, h->name);
	struct novaconf nc = NOVACONF_INIT;
	char *path = NULL;

	if (ch && ch->instances_path)
		return mem_strdup(ch->instances_path);
	if (!join_novaconf(h, &nc, e))
		path = host_map_path(h, nc.instances_path);
	novaconf_clear(&nc);
	return path;
}
