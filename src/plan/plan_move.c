/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

static char *dup_or(const char *s, const char *other)
{
	return mem_strdup(s ? s : other);
}

/* A dead host's directory is seen below where its root is. */
static char *seen_at(const struct fact_host *h, const char *dir)
{
	return dir && h->prefix ? mem_printf("%s%s", h->prefix, dir)
				: mem_strdup0(dir);
}

static void side(struct move_side *o, const struct facts *f, enum fact_side s)
{
	const struct fact_host *h = &f->host[s];

	o->host = mem_strdup(h->name);
	o->node = dup_or(h->db.node, h->name);
	o->compute_id = h->db.compute_id;
	o->ip = mem_strdup0(h->conf_known && h->conf.my_ip ? h->conf.my_ip
							   : h->db.host_ip);
	o->instances_path = mem_strdup(h->instances_path);
	o->base_dir =
		mem_strdup(h->conf_known ? h->conf.base_dir_name : "_base");
	o->home = mem_strdup0(h->home);
	o->nvram_dir = seen_at(h, f->nvram_dir);
	o->tpm_dir = seen_at(h, f->tpm_dir);
	o->nova_user = dup_or(h->nova_user, "nova");
	o->nova_group = dup_or(h->nova_group, "nova");
}

/* ---- owners */

static enum image_dynamic dynamic_of(enum hostconf_switch s)
{
	switch (s) {
	case HOSTCONF_UNSET:
		break;
	case HOSTCONF_OFF:
		return IMAGE_DYNAMIC_OFF;
	case HOSTCONF_ON:
		return IMAGE_DYNAMIC_ON;
	}
	return IMAGE_DYNAMIC_UNKNOWN;
}

static struct image_owner_rules rules_of(const struct facts *f,
					 const struct plan_opts *o)
{
	const struct fact_host *d = &f->host[DST_HOST];

	return (struct image_owner_rules){
		.nova_user = d->nova_user,
		.nova_group = d->nova_group,
		.qemu_user = o->qemu_user ? o->qemu_user : d->qemu_user,
		.qemu_group = o->qemu_group ? o->qemu_group : d->qemu_group,
		.tpm_user = d->conf_known ? d->conf.swtpm_user : NULL,
		.tpm_group = d->conf_known ? d->conf.swtpm_group : NULL,
		.dynamic = dynamic_of(d->qemu.dynamic_ownership),
		.seen = d->seen,
		.n_seen = d->n_seen,
		.users = (const char *const *)d->users.v,
		.groups = (const char *const *)d->groups.v,
	};
}

struct owner_slot {
	char **user, **group;
	uint32_t *mode;
};

static int own(const struct facts *f, const struct plan_opts *o,
	       enum image_role role, const struct host_stat *st,
	       struct owner_slot to, struct err *e)
{
	struct image_owner_rules r = rules_of(f, o);
	struct image_owner src = {st->user, st->group, st->mode}, out;

	if (image_owner_of(&r, role, &src, &out, e))
		return -1;
	*to.user = mem_strdup(out.user);
	*to.group = mem_strdup(out.group);
	*to.mode = out.mode;
	return 0;
}

/* ---- files */

static int disk_details(const struct facts *f, const struct fact_file *q,
			struct move_file *o, struct err *e)
{
	AUTO(image_disk_clear) struct image_disk d = {0};
	AUTO(image_base_clear) struct image_base b = {0};
	const struct fact_base *fb;

	if (check_disk(f, q, &d, e))
		return -1;
	o->disk = q->role != IMAGE_ROLE_CONFIG;
	o->format = mem_strdup(image_format_name(d.format));
	o->rebase = d.needs_rebase;
	if (!d.base_name)
		return 0;
	o->backing = mem_strdup(d.base_name);
	fb = facts_base(f, d.base_name);
	if (!fb)
		return err_set(e, ERR_REFUSED, "%s: backing image %s is gone",
			       q->rel, d.base_name);
	if (image_base_check(
		    &(struct image_base_in){.name = fb->name,
					    .from_header = d.base_format,
					    .overlay_virtual = d.virtual_size,
					    .head = fb->head.p,
					    .head_len = fb->head.len,
					    .file_size = fb->src.size},
		    &b, e))
		return -1;
	o->backing_format = mem_strdup(image_format_name(b.format));
	return 0;
}

static bool travels(const struct fact_file *q, const struct plan_opts *o)
{
	switch (q->name.act) {
	case IMAGE_ACT_COPY:
	case IMAGE_ACT_REWRITE:
		return true;
	case IMAGE_ACT_OPTIONAL:
		return o->copy_console;
	case IMAGE_ACT_REFUSE:
	case IMAGE_ACT_RECREATE:
	case IMAGE_ACT_NEVER:
		break;
	}
	return false;
}

static enum move_root root_of(enum image_role r)
{
	if (r == IMAGE_ROLE_NVRAM)
		return MOVE_NVRAM;
	if (r == IMAGE_ROLE_TPM_FILE)
		return MOVE_TPM;
	return MOVE_INSTANCE;
}

static int add_file(struct move *m, const struct facts *f,
		    const struct fact_file *q, const struct plan_opts *o,
		    struct err *e)
{
	struct move_file *mf = &m->files[m->nfiles++];

	mf->rel = mem_strdup(q->rel);
	mf->root = root_of(q->role);
	mf->info = q->role == IMAGE_ROLE_INFO;
	mf->size = q->st.size;
	mf->allocated = q->st.blocks * 512;
	if (own(f, o, q->role, &q->st,
		(struct owner_slot){&mf->user, &mf->group, &mf->mode}, e))
		return err_wrap(e, "owner of %s", q->rel);
	if (image_role_is_disk(q->role))
		return disk_details(f, q, mf, e);
	return 0;
}

static int add_base(struct move *m, const struct facts *f,
		    const struct fact_base *b, const struct plan_opts *o,
		    struct err *e)
{
	struct move_base *mb = &m->bases[m->nbases++];

	mb->name = mem_strdup(b->name);
	mb->on_target = b->dst.type == HOST_FILE;
	mb->size = b->src.size;
	mb->allocated = b->src.blocks * 512;
	if (own(f, o, IMAGE_ROLE_BASE, &b->src,
		(struct owner_slot){&mb->user, &mb->group, &mb->mode}, e))
		return err_wrap(e, "owner of %s", b->name);
	return 0;
}

static int all_files(struct move *m, const struct facts *f,
		     const struct plan_opts *o, struct err *e)
{
	m->files = MEM_NEW_N(struct move_file, f->n_files);
	m->bases = MEM_NEW_N(struct move_base, f->n_bases);
	for (size_t i = 0; i < f->n_files; i++)
		if (travels(&f->files[i], o) &&
		    add_file(m, f, &f->files[i], o, e))
			return -1;
	for (size_t i = 0; i < f->n_bases; i++)
		if (add_base(m, f, &f->bases[i], o, e))
			return -1;
	return 0;
}

/* ---- domain */

static int adapt(struct move *m, const struct facts *f, struct err *e)
{
	const struct fact_host *d = &f->host[DST_HOST];
	const char *dirs[] = {move_home(&m->src), NULL};
	/* It said, and it has none; NULL would mean that any will do. */
	static const char *const none[] = {NULL};
	struct domain_place src = {
		.instances = dirs,
		.base = m->src.base_dir,
		.nvram_dir = f->nvram_dir,
		.volumes = (const char *const *)f->volumes.v,
	};
	const struct caps_guest *g =
		d->caps && f->dom
			? caps_host_guest(d->caps, f->dom->arch ? f->dom->arch
								: "x86_64")
			: NULL;
	struct domain_target dst = {
		.instances = m->dst.instances_path,
		.nvram_dir = f->nvram_dir,
		.listen = d->conf_known ? d->conf.vnc_listen : NULL,
		.has_kvm = g && g->kvm,
		.loaders = !d->domcaps ? NULL
			   : d->domcaps->loaders.n
				   ? (const char *const *)d->domcaps->loaders.v
				   : none,
	};
	AUTO(buf_clear) struct buf out = BUF_INIT;

	if (domain_adapt(f->xml, strlen(f->xml), &src, &dst, &out, e))
		return err_wrap(e, "adapting the domain for %s", m->dst.host);
	m->domain_xml = mem_strdup(buf_str(&out));
	return 0;
}

static char *image_of(const struct facts *f, const char *port)
{
	for (size_t i = 0; i < f->cloud.n_ports; i++)
		if (!strcmp(f->cloud.ports[i].id, port))
			return mem_strdup0(f->cloud.ports[i].image);
	return NULL;
}

static void ports(struct move *m, const struct facts *f)
{
	m->ports = MEM_NEW_N(struct move_port, f->srv.n_vifs);
	for (size_t i = 0; i < f->srv.n_vifs; i++) {
		const struct db_vif *v = &f->srv.vifs[i];

		if (v->address && v->id)
			m->ports[m->nports++] = (struct move_port){
				.mac = mem_strdup(v->address),
				.id = mem_strdup(v->id),
				.image = image_of(f, v->id),
			};
	}
}

static struct move_volume one_volume(const struct facts *f,
				     const struct fact_volume *v)
{
	struct move_volume out = {
		.id = mem_strdup(v->id),
		.bdm_id = v->bdm_id,
		.attachment = mem_strdup(v->attachment),
		.device = mem_strdup(v->device),
		.mode = dup_or(v->mode, "rw"),
	};

	for (size_t i = 0; i < f->srv.n_bdms; i++) {
		const struct db_bdm *b = &f->srv.bdms[i];

		if (b->id != v->bdm_id)
			continue;
		out.tag = mem_strdup0(b->tag);
		out.delete_on_termination = b->delete_on_termination;
	}
	return out;
}

/* "/dev/vdb" before "/dev/vdaa". */
static int by_device(const void *a, const void *b)
{
	const struct move_volume *v = a, *w = b;
	size_t n = strlen(v->device), m = strlen(w->device);

	return n != m ? (n > m) - (n < m) : strcmp(v->device, w->device);
}

/* Those whose attachment must follow, and those that are taken off meanwhile.
 */
static void volumes(struct move *m, const struct facts *f, bool detach)
{
	const struct fact_cloud *c = &f->cloud;

	m->volumes = MEM_NEW_N(struct move_volume, c->n_volumes);
	m->detached = MEM_NEW_N(struct move_volume, c->n_volumes);
	for (size_t i = 0; i < c->n_volumes; i++) {
		const struct fact_volume *v = &c->volumes[i];

		if (detach && !v->boot)
			m->detached[m->ndetached++] = one_volume(f, v);
		else
			m->volumes[m->nvolumes++] = one_volume(f, v);
	}
	/* Attached in this order they get the same names again. */
	if (m->ndetached)
		qsort(m->detached, m->ndetached, sizeof(*m->detached),
		      by_device);
	if (!m->nvolumes)
		return;
	m->src.connector = dup_or(f->host[SRC_HOST].connector, "{}");
	m->dst.connector = dup_or(f->host[DST_HOST].connector, "{}");
}

static void dead(struct move *m, const struct facts *f,
		 const struct plan_opts *o)
{
	m->dead = f->dead;
	if (!f->dead)
		return;
	m->disks = dup_or(f->disks, "");
	m->accept_bad = o->accept_bad;
	m->adopt = o->adopt;
	m->history = dup_or(o->history, "migration");
	m->fence_max_age_s = o->fence_max_age_s;
}

static struct move *fill(const struct facts *f, const struct plan_opts *o)
{
	struct move *m = move_new();
	const struct db_instance *i = &f->srv.inst;

	m->uuid = mem_strdup(i->uuid);
	m->name = dup_or(i->name, i->uuid);
	m->domain = mem_strdup(f->domain_name);
	side(&m->src, f, SRC_HOST);
	side(&m->dst, f, DST_HOST);
	m->vm_state = mem_strdup(i->vm_state);
	m->power_state = i->power_state;
	if (f->schema.writes_az)
		m->availability_zone = dup_or(f->host[DST_HOST].db.az, "nova");
	m->was_running = facts_runs(f);
	m->start = m->was_running && !o->no_start;
	dead(m, f, o);
	m->nova_start = m->start && o->nova_start;
	m->precopy = o->precopy && m->was_running && !f->dead;
	m->precopy_max = o->precopy_max;
	m->precopy_time_s = o->precopy_time_s;
	m->verify_deep = o->verify_deep;
	m->verify_full = o->verify_full;
	m->placement = f->cloud.on[SRC_HOST];
	m->neutron = f->cloud.network;
	m->sql = f->cloud.sql;
	ports(m, f);
	volumes(m, f, o->detach && m->nova_start && !f->dead);
	m->stop_timeout_s = o->stop_timeout_s;
	m->bwlimit = o->bwlimit;
	m->streams = o->streams;
	m->delta = dup_or(o->delta, "auto");
	m->transport = dup_or(o->transport, "auto");
	return m;
}

struct move *plan_move(const struct facts *f, const struct plan_opts *o,
		       struct err *e)
{
	struct move *m = fill(f, o);
	/* What we cannot define, and Nova makes anew: chk_domain. */
	bool ours = f->xml && !(m->nova_start && f->reasons.n);

	if (all_files(m, f, o, e) || (ours && adapt(m, f, e))) {
		move_free(m);
		return NULL;
	}
	return m;
}
