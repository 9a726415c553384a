/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "audit/audit_priv.h"

static void free_all(char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mem_free(v[i]);
}

#define FREE_ALL(...)                                                          \
	do {                                                                   \
		char *const all[] = {__VA_ARGS__};                             \
                                                                               \
		free_all(all, ARRAY_SIZE(all));                                \
	} while (0)

static void host_free(struct audit_host *h)
{
	for (size_t i = 0; i < h->n_domains; i++)
		mem_free(h->domains[i].uuid);
	for (size_t i = 0; i < h->n_dirs; i++)
		FREE_ALL(h->dirs[i].uuid, h->dirs[i].suffix, h->dirs[i].info,
			 h->dirs[i].base);
	mem_free(h->domains);
	mem_free(h->dirs);
	strv_clear(&h->copies);
	FREE_ALL(h->name, h->node, h->provider, h->shared);
}

static void cloud_free(struct audit_facts *f)
{
	for (size_t i = 0; i < f->n_shares; i++)
		FREE_ALL(f->shares[i].consumer, f->shares[i].provider);
	for (size_t i = 0; i < f->n_ports; i++)
		FREE_ALL(f->ports[i].id, f->ports[i].server, f->ports[i].host);
	for (size_t i = 0; i < f->n_volumes; i++)
		FREE_ALL(f->volumes[i].id, f->volumes[i].server,
			 f->volumes[i].attachment);
	for (size_t i = 0; i < f->n_attachments; i++)
		FREE_ALL(f->attachments[i].id, f->attachments[i].volume,
			 f->attachments[i].server, f->attachments[i].host);
	mem_free(f->shares);
	mem_free(f->ports);
	mem_free(f->volumes);
	mem_free(f->attachments);
}

static void server_free(struct audit_server *s)
{
	FREE_ALL(s->uuid, s->name, s->host, s->node, s->vm_state, s->task_state,
		 s->stamp, s->job);
}

void audit_facts_clear(struct audit_facts *f)
{
	for (size_t i = 0; i < f->n_hosts; i++)
		host_free(&f->hosts[i]);
	for (size_t i = 0; i < f->n_servers; i++)
		server_free(&f->servers[i]);
	for (size_t i = 0; i < f->n_migrations; i++)
		FREE_ALL(f->migrations[i].uuid, f->migrations[i].instance,
			 f->migrations[i].status, f->migrations[i].source,
			 f->migrations[i].dest);
	for (size_t i = 0; i < f->n_unasked; i++)
		FREE_ALL(f->unasked[i].what, f->unasked[i].why,
			 f->unasked[i].hint);
	cloud_free(f);
	mem_free(f->hosts);
	mem_free(f->servers);
	mem_free(f->migrations);
	mem_free(f->unasked);
	strv_clear(&f->deleted);
	*f = (struct audit_facts){0};
}

void audit_found_clear(struct audit_found *f)
{
	for (size_t i = 0; i < f->n; i++)
		FREE_ALL(f->v[i].server, f->v[i].name, f->v[i].host,
			 f->v[i].home, f->v[i].object, f->v[i].message,
			 f->v[i].hint, f->v[i].from);
	mem_free(f->v);
	*f = (struct audit_found){0};
}

void audit_unasked(struct audit_facts *f, const char *what, bool host,
		   struct err *why)
{
	struct audit_unasked *u = GROW(f->unasked, f->n_unasked);

	u->what = mem_strdup(what);
	u->why = mem_strdup(err_msg(why));
	u->hint = mem_strdup0(why->hint);
	u->host = host;
	err_clear(why);
}

/* ---- the world by name */

struct audit_host *audit_host(const struct audit_facts *f, const char *name)
{
	for (size_t i = 0; name && i < f->n_hosts; i++)
		if (!strcmp(f->hosts[i].name, name))
			return &f->hosts[i];
	return NULL;
}

struct audit_server *audit_server(const struct audit_facts *f, const char *uuid)
{
	for (size_t i = 0; uuid && i < f->n_servers; i++)
		if (!strcmp(f->servers[i].uuid, uuid))
			return &f->servers[i];
	return NULL;
}

const struct audit_domain *audit_domain(const struct audit_host *h,
					const char *uuid)
{
	for (size_t i = 0; i < h->n_domains; i++)
		if (!strcmp(h->domains[i].uuid, uuid))
			return &h->domains[i];
	return NULL;
}

const struct audit_dir *audit_dir(const struct audit_host *h, const char *uuid,
				  const char *suffix)
{
	for (size_t i = 0; i < h->n_dirs; i++)
		if (!strcmp(h->dirs[i].uuid, uuid) &&
		    !strcmp(h->dirs[i].suffix, suffix))
			return &h->dirs[i];
	return NULL;
}

bool audit_same_files(const struct audit_host *a, const struct audit_host *b)
{
	return a->shared && b->shared;
}
