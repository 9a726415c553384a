/* SPDX-License-Identifier: Apache-2.0 */
/* Giving back what operations returned. */
#include <string.h>

#include "host/host.h"

void host_info_clear(struct host_info *i)
{
	mem_free(i->hostname);
	mem_free(i->kernel);
	mem_free(i->machine);
	mem_free(i->boot_id);
	mem_free(i->exe);
	memset(i, 0, sizeof(*i));
}

void host_key_clear(struct host_key *k)
{
	mem_free(k->address);
	mem_free(k->line);
	memset(k, 0, sizeof(*k));
}

void host_lease_clear(struct host_lease *l)
{
	mem_free(l->job);
	mem_free(l->owner);
	memset(l, 0, sizeof(*l));
}

void host_stat_clear(struct host_stat *s)
{
	mem_free(s->user);
	mem_free(s->group);
	memset(s, 0, sizeof(*s));
}

void host_list_clear(struct host_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		mem_free(l->v[i].rel);
		host_stat_clear(&l->v[i].st);
	}
	mem_free(l->v);
	memset(l, 0, sizeof(*l));
}

void host_statfs_clear(struct host_statfs *s)
{
	mem_free(s->fstype);
	mem_free(s->source);
	mem_free(s->options);
	memset(s, 0, sizeof(*s));
}

void host_run_clear(struct host_run *r)
{
	buf_clear(&r->out);
	buf_clear(&r->err);
	r->exit_code = 0;
}

void host_scan_clear(struct host_scan *s)
{
	for (size_t i = 0; i < s->nprocs; i++) {
		mem_free(s->procs[i].comm);
		mem_free(s->procs[i].exe);
	}
	mem_free(s->procs);
	mem_free(s->locks);
	memset(s, 0, sizeof(*s));
}

void host_ent_clear(struct host_ent *n)
{
	mem_free(n->name);
	mem_free(n->home);
	mem_free(n->shell);
	memset(n, 0, sizeof(*n));
}

void host_reach_clear(struct host_reach *r)
{
	mem_free(r->why);
	memset(r, 0, sizeof(*r));
}

void host_conf_clear(struct host_conf *c)
{
	mem_free(c->user);
	strv_clear(&c->argv);
	for (size_t i = 0; i < c->nfiles; i++) {
		mem_free(c->files[i].path);
		mem_free(c->files[i].text);
	}
	mem_free(c->files);
	strv_clear(&c->env);
	memset(c, 0, sizeof(*c));
}
