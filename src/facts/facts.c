/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/facts_priv.h"

#include <openssl/evp.h>
#include <string.h>

#include "core/clock.h"

void facts_init(struct facts *f, const char *to)
{
	*f = (struct facts){.taken_us = clock_now_us(), .to = mem_strdup(to)};
	f->host[DST_HOST].name = mem_strdup(to);
}

void fact_host_clear(struct fact_host *h)
{
	mem_free(h->name);
	db_host_clear(&h->db);
	err_clear(&h->db_err);
	err_clear(&h->down);
	host_info_clear(&h->info);
	err_clear(&h->conf_err);
	novaconf_clear(&h->conf);
	mem_free(h->instances_path);
	mem_free(h->home);
	mem_free(h->prefix);
	err_clear(&h->path_err);
	host_statfs_clear(&h->fs);
	mem_free(h->nova_user);
	mem_free(h->nova_group);
	mem_free(h->qemu_user);
	mem_free(h->qemu_group);
	strv_clear(&h->users);
	strv_clear(&h->groups);
	for (size_t i = 0; i < h->n_seen; i++) {
		mem_free((char *)h->seen[i].owner.user);
		mem_free((char *)h->seen[i].owner.group);
	}
	mem_free(h->seen);
	host_lease_clear(&h->lease);
	err_clear(&h->virt_err);
	caps_host_free(h->caps);
	caps_domain_free(h->domcaps);
	err_clear(&h->run_err);
	hostconf_qemu_clear(&h->qemu);
	mem_free(h->swtpm_version);
	for (size_t i = 0; i < h->n_mtus; i++)
		mem_free(h->mtus[i].bridge);
	mem_free(h->mtus);
	mem_free(h->connector);
	strv_clear(&h->net_missing);
	err_clear(&h->net_err);
}

static void volume_clear_facts(struct fact_volume *v)
{
	char *const all[] = {v->id,    v->attachment, v->device, v->status,
			     v->state, v->instance,   v->mode,	 v->host};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mem_free(all[i]);
	err_clear(&v->err);
}

static void cloud_clear_facts(struct fact_cloud *c)
{
	err_clear(&c->nova_err);
	mem_free(c->compute_off);
	mem_free(c->source_off);
	err_clear(&c->err);
	err_clear(&c->placement_err);
	err_clear(&c->network_err);
	mem_free(c->other);
	mem_free(c->lacks);
	for (size_t i = 0; i < c->n_ports; i++) {
		mem_free(c->ports[i].id);
		mem_free(c->ports[i].host);
		mem_free(c->ports[i].vnic_type);
		mem_free(c->ports[i].vif_type);
		mem_free(c->ports[i].image);
		mem_free(c->ports[i].unfit);
	}
	mem_free(c->ports);
	err_clear(&c->volume_err);
	for (size_t i = 0; i < c->n_volumes; i++)
		volume_clear_facts(&c->volumes[i]);
	mem_free(c->volumes);
	for (int k = SRC_HOST; k <= DST_HOST; k++) {
		mem_free(c->agent[k].type);
		strv_clear(&c->agent[k].networks);
	}
	mem_free(c->why_sql);
	strv_clear(&c->databases);
	strv_clear(&c->unverified);
}

void facts_cloud_forget(struct facts *f)
{
	cloud_clear_facts(&f->cloud);
	f->cloud = (struct fact_cloud){0};
}

void facts_clear(struct facts *f)
{
	mem_free(f->to);
	db_schema_clear(&f->schema);
	err_clear(&f->rights);
	db_server_clear(&f->srv);
	fact_host_clear(&f->host[SRC_HOST]);
	fact_host_clear(&f->host[DST_HOST]);
	mem_free(f->disks);
	mem_free(f->xml_from);
	mem_free(f->domain_name);
	mem_free(f->xml);
	domain_free(f->dom);
	err_clear(&f->dom_err);
	domain_reasons_clear(&f->reasons);
	mem_free(f->nvram_dir);
	mem_free(f->tpm_dir);
	mem_free(f->open_file);
	strv_clear(&f->volumes);
	strv_clear(&f->volumes_missing);
	for (size_t i = 0; i < f->n_files; i++) {
		struct fact_file *q = &f->files[i];

		mem_free(q->rel);
		mem_free(q->root);
		host_stat_clear(&q->st);
		mem_free(q->info_format);
		mem_free(q->xml_format);
		buf_clear(&q->head);
	}
	mem_free(f->files);
	err_clear(&f->info_err);
	for (size_t i = 0; i < f->n_bases; i++) {
		mem_free(f->bases[i].name);
		host_stat_clear(&f->bases[i].src);
		host_stat_clear(&f->bases[i].dst);
		buf_clear(&f->bases[i].head);
	}
	mem_free(f->bases);
	cloud_clear_facts(&f->cloud);
	err_clear(&f->way.err);
	host_reach_clear(&f->way.seen);
	strv_clear(&f->strays);
	*f = (struct facts){0};
}

static void resolve(struct fact_host *h, struct db *db)
{
	db_host_clear(&h->db);
	if (db->ops->host(db, h->name, &h->db, &h->db_err))
		db_host_clear(&h->db);
}

int facts_database(struct facts *f, struct db *db, const char *server,
		   struct err *e)
{
	char uuid[UUID_LEN + 1];

	if (db->ops->schema(db, &f->schema, e) ||
	    db->ops->find(db, server, uuid, e) ||
	    db->ops->server(db, uuid, &f->srv, e))
		return -1;
	if (db->ops->rights(db, &f->rights) && !f->rights.msg)
		err_set(&f->rights, ERR_REFUSED, "rights are not known");
	if (f->srv.inst.host)
		f->host[SRC_HOST].name = mem_strdup(f->srv.inst.host);
	if (f->host[SRC_HOST].name)
		resolve(&f->host[SRC_HOST], db);
	resolve(&f->host[DST_HOST], db);
	return 0;
}

const struct fact_file *facts_file(const struct facts *f, const char *rel)
{
	for (size_t i = 0; i < f->n_files; i++)
		if (!strcmp(f->files[i].rel, rel))
			return &f->files[i];
	return NULL;
}

const struct fact_base *facts_base(const struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->n_bases; i++)
		if (!strcmp(f->bases[i].name, name))
			return &f->bases[i];
	return NULL;
}

const char *facts_home(const struct fact_host *h)
{
	return h->home ? h->home : h->instances_path;
}

bool facts_runs(const struct facts *f)
{
	const char *vm = f->srv.inst.vm_state;

	return f->dead ? vm && !strcmp(vm, "active")
		       : f->host[SRC_HOST].state.state == VIRT_RUNNING;
}

bool facts_since(const struct facts *f, const char *release)
{
	bool since = false;

	for (size_t i = 0; db_release_name(i); i++) {
		since |= !strcmp(db_release_name(i), release);
		if (f->schema.release &&
		    !strcmp(db_release_name(i), f->schema.release))
			return since;
	}
	return false;
}

static void line(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "%s=%s\n", key, value ? value : "-");
}

static void host_lines(struct buf *b, const struct fact_host *h)
{
	line(b, "host", h->name);
	line(b, "node", h->db.node);
	buf_printf(b, "compute_id=%lld disabled=%d forced=%d down=%d\n",
		   (long long)h->db.compute_id, h->db.disabled,
		   h->db.forced_down, h->down.kind != ERR_NONE);
	line(b, "path", h->instances_path);
	if (h->home)
		line(b, "home", h->home);
	line(b, "nova", h->nova_user);
	buf_printf(b, "dir=%d,%d,%d state=%d\n", h->dir, h->dir_resize,
		   h->dir_del, h->state.state);
}

void facts_digest(const struct facts *f, char out[65])
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	const struct db_instance *i = &f->srv.inst;
	unsigned char md[32];

	line(&b, "uuid", i->uuid);
	line(&b, "vm_state", i->vm_state);
	line(&b, "task_state", i->task_state);
	buf_printf(&b, "locked=%d deleted=%d\n", i->locked, i->deleted);
	line(&b, "release", f->schema.release);
	host_lines(&b, &f->host[SRC_HOST]);
	host_lines(&b, &f->host[DST_HOST]);
	if (f->dead)
		line(&b, "disks", f->disks);
	line(&b, "domain", f->domain_name);
	/* The plan holds it adapted: a volume attached since would be lost. */
	line(&b, "xml", f->xml);
	for (size_t k = 0; k < f->n_files; k++)
		buf_printf(&b, "file=%s ino=%llu format=%s\n", f->files[k].rel,
			   (unsigned long long)f->files[k].st.ino,
			   f->files[k].info_format ? f->files[k].info_format
						   : "-");
	for (size_t k = 0; k < f->n_bases; k++)
		buf_printf(&b, "base=%s size=%llu dst=%d same=%d\n",
			   f->bases[k].name,
			   (unsigned long long)f->bases[k].src.size,
			   f->bases[k].dst.type != HOST_NONE, f->bases[k].same);
	buf_printf(&b, "placement=%d,%d neutron=%d\n", f->cloud.on[SRC_HOST],
		   f->cloud.on[DST_HOST], f->cloud.network);
	for (size_t k = 0; k < f->cloud.n_ports; k++)
		line(&b, f->cloud.ports[k].id, f->cloud.ports[k].host);
	for (size_t k = 0; k < f->srv.n_bdms; k++)
		if (f->srv.bdms[k].volume_id)
			line(&b, f->srv.bdms[k].volume_id,
			     f->srv.bdms[k].attachment_id);
	EVP_Digest(b.p, b.len, md, NULL, EVP_sha256(), NULL);
	hex_encode(md, sizeof(md), out);
}

const struct err *facts_cloud_silent(const struct facts *f)
{
	const struct fact_cloud *c = &f->cloud;
	const struct err *all[] = {&c->err, &c->placement_err, &c->network_err,
				   &c->volume_err};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->kind == ERR_RETRY)
			return all[i];
	return NULL;
}
