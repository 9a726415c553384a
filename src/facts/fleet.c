/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/fleet.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "facts/facts_priv.h"

#define ENTRIES_MOST 200000 /* of instances_path, or of _base */

void fleet_init(struct fleet_facts *f, const char *host)
{
	*f = (struct fleet_facts){.taken_us = clock_now_us(),
				  .source = mem_strdup(host)};
}

/* ---- the databases */

int64_t fleet_priority(const char *text)
{
	char *end;
	long long v;

	if (!text || !*text)
		return 0;
	v = strtoll(text, &end, 10);
	return *end || v < -1000000 || v > 1000000 ? 0 : v;
}

int fleet_database(struct fleet_facts *f, struct db *db, struct err *e)
{
	AUTO(strv_clear) struct strv names = STRV_INIT;
	AUTO(mem_freep) char *list = NULL;

	if (db->ops->schema(db, &f->schema, e) ||
	    db_fleet_read(db, f->source, &f->db, e))
		return -1;
	f->servers = MEM_NEW_N(struct fleet_server, f->db.n_servers + 1);
	f->n_servers = f->db.n_servers;
	for (size_t i = 0; i < f->n_servers; i++) {
		struct fleet_server *s = &f->servers[i];

		facts_init(&s->f, "");
		s->f.srv = f->db.servers[i].srv; /* taken */
		f->db.servers[i].srv = (struct db_server){0};
		s->priority = fleet_priority(f->db.servers[i].priority);
	}
	if (db_fleet_host(&f->db, f->source))
		return 0;
	for (size_t i = 0; i < f->db.n_hosts && i < 20; i++)
		strv_add(&names, f->db.hosts[i].h.host);
	list = strv_join(&names, ", ");
	err_set(e, ERR_REFUSED, "no compute host %s in this cell", f->source);
	return err_hint(e, "the hosts are: %s", names.n ? list : "none");
}

/* ---- hosts */

/* As a host without the instance that struct facts is about: there is none of
 * this uuid. */
static struct fact_host look(const char *name, enum fact_side side,
			     const struct facts_host_in *in)
{
	struct facts f;
	struct fact_host h;

	facts_init(&f, name);
	f.srv.inst.uuid = mem_strdup("00000000-0000-0000-0000-000000000000");
	if (side == SRC_HOST)
		f.host[side].name = mem_strdup(name);
	facts_host(&f, side, in);
	h = f.host[side];
	f.host[side] = (struct fact_host){0};
	mem_freep(&h.name);
	facts_clear(&f);
	return h;
}

static void entries(struct host *host, struct host_path path, struct strv *out,
		    struct err *e)
{
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {.path = path, .max = ENTRIES_MOST};

	if (host_list(host, &o, &l, e))
		return;
	for (size_t i = 0; i < l.n; i++)
		strv_add(out, l.v[i].rel);
}

static void list_path(struct fact_host *h, struct host *host, struct strv *dirs)
{
	if (h->down.kind == ERR_NONE && h->path_err.kind == ERR_NONE)
		entries(host, HOST_PATH(h->instances_path, "."), dirs,
			&h->path_err);
}

void fleet_source(struct fleet_facts *f, const struct facts_host_in *in)
{
	f->src = look(f->source, SRC_HOST, in);
	list_path(&f->src, in->host, &f->src_dirs);
}

static int host_order(const void *a, const void *b)
{
	return strcmp(((const struct fleet_host *)a)->name,
		      ((const struct fleet_host *)b)->name);
}

/* Which of the secrets that the instances' TPMs are encrypted with it has. */
static void secrets(const struct fleet_facts *f, struct fleet_host *t,
		    struct virt *virt)
{
	for (size_t i = 0; i < f->n_servers; i++) {
		const struct domain *d = f->servers[i].f.dom;
		bool has = false;

		if (d && d->tpm.secret && t->h.virt_err.kind == ERR_NONE &&
		    !virt_secret_has(virt, d->tpm.secret, &has,
				     &t->h.virt_err) &&
		    has)
			strv_add(&t->secrets, d->tpm.secret);
	}
}

void fleet_target(struct fleet_facts *f, const char *name,
		  const struct facts_host_in *in)
{
	struct fleet_host *t;
	struct err none = ERR_INIT; /* no _base yet: it has none */

	f->hosts = mem_realloc(f->hosts, f->n_hosts + 1, sizeof(*f->hosts));
	t = &f->hosts[f->n_hosts++];
	*t = (struct fleet_host){.name = mem_strdup(name),
				 .h = look(name, DST_HOST, in)};
	list_path(&t->h, in->host, &t->dirs);
	if (t->h.down.kind == ERR_NONE && t->h.path_err.kind == ERR_NONE)
		entries(in->host,
			HOST_PATH(t->h.instances_path,
				  t->h.conf_known ? t->h.conf.base_dir_name
						  : "_base"),
			&t->bases, &none);
	err_clear(&none);
	if (in->host && in->virt && t->h.down.kind == ERR_NONE)
		secrets(f, t, in->virt);
	qsort(f->hosts, f->n_hosts, sizeof(*f->hosts), host_order);
}

/* ---- what it comes to */

static void server_lines(struct buf *b, const struct fleet_server *s)
{
	const struct db_instance *i = &s->f.srv.inst;

	buf_printf(b, "%s %s %s %lld/%lld/%lld/%lld\n", i->uuid,
		   i->vm_state ? i->vm_state : "-",
		   i->task_state ? i->task_state : "-", (long long)i->vcpus,
		   (long long)i->memory_mb, (long long)i->root_gb,
		   (long long)i->ephemeral_gb);
	for (size_t k = 0; k < s->f.n_files; k++)
		buf_printf(b, " %s %llu\n", s->f.files[k].rel,
			   (unsigned long long)s->f.files[k].st.ino);
	for (size_t k = 0; k < s->bases.n; k++)
		buf_printf(b, " base %s\n", s->bases.v[k]);
}

void fleet_digest(const struct fleet_facts *f, char out[65])
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	unsigned char md[32];

	buf_printf(&b, "%s %s\n", f->source,
		   f->schema.release ? f->schema.release : "-");
	for (size_t i = 0; i < f->n_servers; i++)
		server_lines(&b, &f->servers[i]);
	for (size_t i = 0; i < f->n_hosts; i++)
		buf_printf(&b, "%s %d\n", f->hosts[i].name,
			   f->hosts[i].h.down.kind != ERR_NONE);
	EVP_Digest(b.p, b.len, md, NULL, EVP_sha256(), NULL);
	hex_encode(md, sizeof(md), out);
}

/* ---- the rest */

void fleet_add_job(struct fleet_facts *f, const char *id, const char *instance,
		   const char *target)
{
	f->jobs = mem_realloc(f->jobs, f->n_jobs + 1, sizeof(*f->jobs));
	f->jobs[f->n_jobs++] =
		(struct fleet_job){mem_strdup(id), mem_strdup(instance),
				   mem_strdup(target), false};
}

void fleet_add_planned(struct fleet_facts *f, const char *batch,
		       const char *instance, const char *target)
{
	for (size_t i = 0; i < f->n_jobs; i++)
		if (!strcmp(f->jobs[i].instance, instance))
			return;
	fleet_add_job(f, batch, instance, target);
	f->jobs[f->n_jobs - 1].planned = true;
}

void fleet_clear(struct fleet_facts *f)
{
	mem_free(f->source);
	db_schema_clear(&f->schema);
	db_fleet_clear(&f->db);
	fact_host_clear(&f->src);
	strv_clear(&f->src_dirs);
	for (size_t i = 0; i < f->n_servers; i++) {
		facts_clear(&f->servers[i].f);
		err_clear(&f->servers[i].err);
		strv_clear(&f->servers[i].bases);
	}
	mem_free(f->servers);
	for (size_t i = 0; i < f->n_hosts; i++) {
		mem_free(f->hosts[i].name);
		fact_host_clear(&f->hosts[i].h);
		strv_clear(&f->hosts[i].dirs);
		strv_clear(&f->hosts[i].bases);
		strv_clear(&f->hosts[i].secrets);
		strv_clear(&f->hosts[i].traits);
	}
	mem_free(f->hosts);
	for (size_t i = 0; i < f->n_bases; i++)
		mem_free(f->bases[i].name);
	mem_free(f->bases);
	for (size_t i = 0; i < f->n_jobs; i++) {
		mem_free(f->jobs[i].id);
		mem_free(f->jobs[i].instance);
		mem_free(f->jobs[i].target);
	}
	mem_free(f->jobs);
	err_clear(&f->placement_err);
	*f = (struct fleet_facts){0};
}
