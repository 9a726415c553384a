/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "facts/facts_priv.h"

#define NVRAM_DIR "/var/lib/libvirt/qemu/nvram"
#define SWTPM_DIR "/var/lib/libvirt/swtpm"

/* ---- nova.conf */

static void read_conf(struct fact_host *h, struct host *host)
{
	AUTO(host_conf_clear) struct host_conf c = {0};
	struct novaconf_file *files;

	if (host_conf(host, &c, &h->conf_err))
		return;
	h->compute_runs = c.running;
	if (!c.nfiles) {
		err_set(&h->conf_err, ERR_FAILED, "no nova.conf was found");
		return;
	}
	files = MEM_NEW_N(struct novaconf_file, c.nfiles);
	for (size_t i = 0; i < c.nfiles; i++)
		files[i] =
			(struct novaconf_file){c.files[i].path, c.files[i].text,
					       strlen(c.files[i].text)};
	h->conf_known =
		!novaconf_parse(files, c.nfiles, (const char *const *)c.env.v,
				&h->conf, &h->conf_err);
	mem_free(files);
	/* Secrets do not stay. */
	mem_freep(&h->conf.connection);
	mem_freep(&h->conf.api_connection);
}

/* ---- users */

static bool has_name(struct host *host, enum host_db db, const char *name,
		     struct strv *known)
{
	AUTO(host_ent_clear) struct host_ent n = {0};
	struct err e = ERR_INIT;
	bool yes = *name && !host_getent(host, db, name, &n, &e) && n.found;

	if (yes && !strv_has(known, name))
		strv_add(known, name);
	err_clear(&e);
	return yes;
}

static char *first_of(struct host *host, enum host_db db, struct strv *known,
		      const char *const *names)
{
	for (; *names; names++)
		if (has_name(host, db, *names, known))
			return mem_strdup(*names);
	return NULL;
}

/* qemu.conf also takes numbers, which say nothing on another host. */
static const char *said(const char *name)
{
	return name && *name != '+' && (*name < '0' || *name > '9') ? name : "";
}

/* The operator's word, qemu.conf's, or the usual ones: Debian has libvirt-qemu,
 * the RHEL family qemu. */
static void read_users(struct fact_host *h, struct host *host,
		       const struct facts_host_in *in)
{
	const char *nova[] = {in->nova_user ? in->nova_user : "nova", NULL};
	const char *novag[] = {in->nova_group ? in->nova_group : "nova", NULL};
	const char *qemu[] = {
		in->qemu_user ? in->qemu_user : said(h->qemu.user),
		in->qemu_user ? NULL : "libvirt-qemu", "qemu", NULL};
	const char *qemug[] = {
		in->qemu_group ? in->qemu_group : said(h->qemu.group),
		in->qemu_group ? NULL : "kvm", "libvirt-qemu", "qemu", NULL};

	h->nova_user = first_of(host, HOST_PASSWD, &h->users, nova);
	h->nova_group = first_of(host, HOST_GROUP, &h->groups, novag);
	h->qemu_user = first_of(host, HOST_PASSWD, &h->users, qemu);
	h->qemu_group = first_of(host, HOST_GROUP, &h->groups, qemug);
	has_name(host, HOST_PASSWD, "root", &h->users);
	has_name(host, HOST_PASSWD, "tss", &h->users);
	has_name(host, HOST_PASSWD, "libvirt-qemu", &h->users);
	has_name(host, HOST_PASSWD, "swtpm", &h->users);
	has_name(host, HOST_GROUP, "root", &h->groups);
	has_name(host, HOST_GROUP, "tss", &h->groups);
	has_name(host, HOST_GROUP, "kvm", &h->groups);
	has_name(host, HOST_GROUP, "libvirt-qemu", &h->groups);
	has_name(host, HOST_GROUP, "swtpm", &h->groups);
}

/* What neighbours look like: only needed where libvirt does not set owners, so
 * a few are enough. */
static void read_neighbours(struct facts *f, struct fact_host *h,
			    struct host *host)
{
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {.path = HOST_PATH(h->instances_path, "."),
				   .depth = 2,
				   .max = 50000};
	struct err e = ERR_INIT;

	if (host_list(host, &o, &l, &e)) {
		err_clear(&e);
		return;
	}
	for (size_t i = 0; i < l.n && h->n_seen < 64; i++) {
		const struct host_entry *n = &l.v[i];
		const char *slash = strchr(n->rel, '/');
		struct image_name in;

		if (!slash || slash - n->rel != UUID_LEN ||
		    !strncmp(n->rel, f->srv.inst.uuid, UUID_LEN) ||
		    n->st.type != HOST_FILE || !n->st.user || !n->st.group)
			continue;
		in = image_name_of(slash + 1, IMAGE_FTYPE_REG);
		if (in.role == IMAGE_ROLE_UNKNOWN)
			continue;
		h->seen = mem_realloc(h->seen, h->n_seen + 1, sizeof(*h->seen));
		h->seen[h->n_seen++] = (struct image_neighbour){
			in.role,
			{mem_strdup(n->st.user), mem_strdup(n->st.group),
			 n->st.mode}};
	}
}

/* ---- what is there of this instance */

static enum host_type type_of(struct fact_host *h, struct host *host,
			      const char *rel)
{
	AUTO(host_stat_clear) struct host_stat st = {0};
	struct err e = ERR_INIT;

	if (host_stat(host, HOST_PATH(h->instances_path, rel), &st, &e)) {
		err_move(&h->path_err, &e);
		return HOST_NONE;
	}
	return st.type;
}

void facts_dirs(struct facts *f, struct fact_host *h, struct host *host)
{
	const char *u = f->srv.inst.uuid;
	AUTO(mem_freep) char *resize = mem_printf("%s_resize", u);
	AUTO(mem_freep) char *del = mem_printf("%s_del", u);
	struct host_lease_ref ref = {h->instances_path, u};
	AUTO(host_stat_clear) struct host_stat st = {0};

	if (host_statfs(host, HOST_PATH(h->instances_path, "."), &h->fs,
			&h->path_err) ||
	    host_stat(host, HOST_PATH(h->instances_path, "."), &st,
		      &h->path_err))
		return;
	h->path_dev = st.dev;
	h->path_ino = st.ino;
	h->dir = type_of(h, host, u);
	h->dir_resize = type_of(h, host, resize);
	h->dir_del = type_of(h, host, del);
	if (f->domain_name)
		h->dir_legacy = type_of(h, host, f->domain_name);
	if (h->path_err.kind == ERR_NONE)
		host_lease_read(host, &ref, &h->lease, &h->path_err);
}

/* ---- libvirt */

static void read_domcaps(struct facts *f, struct fact_host *h, struct virt *v)
{
	struct virt_domcaps ask = {0};
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	struct err e = ERR_INIT;

	if (f->dom) {
		ask.arch = f->dom->arch;
		ask.machine = f->dom->machine;
		ask.virttype = f->dom->type;
	}
	if (!virt_domcapabilities(v, &ask, &xml, &e))
		h->domcaps = caps_domain_parse(buf_str(&xml), xml.len, &e);
	/* An unknown machine type is an answer: the check sees no domcaps. */
	err_clear(&e);
}

static int read_source_domain(struct facts *f, struct fact_host *h,
			      struct virt *v)
{
	AUTO(virt_look_clear) struct virt_look l;

	if (virt_look(v, f->srv.inst.uuid, &l, &h->virt_err))
		return -1;
	h->state = l.st;
	h->flags = l.flags;
	if (l.st.state != VIRT_ABSENT)
		facts_domain(f, buf_str(&l.xml));
	return 0;
}

void facts_domain(struct facts *f, const char *xml)
{
	f->xml = mem_strdup(xml);
	f->dom = domain_parse(f->xml, strlen(f->xml), &f->dom_err);
	if (!f->dom)
		return;
	for (size_t i = 0; i < f->srv.n_vifs; i++)
		if (f->srv.vifs[i].address && f->srv.vifs[i].id)
			domain_set_port_id(f->dom, f->srv.vifs[i].address,
					   f->srv.vifs[i].id);
	mem_free(f->domain_name);
	f->domain_name = mem_strdup(f->dom->name);
	if (f->dom->fw.nvram)
		f->nvram_dir = mem_strdup(NVRAM_DIR);
	if (f->dom->tpm.present)
		f->tpm_dir = mem_strdup(SWTPM_DIR);
}

static bool own_volume(const struct facts *f, const struct domain_disk *d)
{
	for (size_t i = 0; d->serial && d->source && i < f->srv.n_bdms; i++)
		if (f->srv.bdms[i].volume_id &&
		    !strcmp(f->srv.bdms[i].volume_id, d->serial) &&
		    facts_driver_anywhere(f->srv.bdms[i].driver))
			return true;
	return false;
}

bool facts_driver_anywhere(const char *driver)
{
	static const char *const ok[] = {"nfs", "rbd", "file"};

	for (size_t i = 0; driver && i < ARRAY_SIZE(ok); i++)
		if (!strcmp(driver, ok[i]))
			return true;
	return false;
}

static void read_volumes(struct facts *f)
{
	for (size_t i = 0; f->dom && i < f->dom->n_disks; i++)
		if (own_volume(f, &f->dom->disks[i]))
			strv_add(&f->volumes, f->dom->disks[i].source);
}

static void find_volumes(struct facts *f, struct host *host)
{
	for (size_t i = 0; i < f->volumes.n; i++) {
		AUTO(host_stat_clear) struct host_stat st = {0};
		const char *p = f->volumes.v[i];
		const char *base = strrchr(p, '/');
		AUTO(mem_freep) char *dir = NULL;
		struct err e = ERR_INIT;

		if (*p != '/') /* rbd:pool/image: no path to look at */
			continue;
		dir = mem_strndup(p, (size_t)(base - p));
		if (host_stat(host, HOST_PATH(dir, base + 1), &st, &e) ||
		    st.type != HOST_FILE)
			strv_add(&f->volumes_missing, p);
		err_clear(&e);
	}
}

static void read_reasons(struct facts *f, struct fact_host *h)
{
	const char *dirs[] = {facts_home(h), NULL};
	struct domain_place p = {.instances = dirs,
				 .volumes = (const char *const *)f->volumes.v,
				 .base = h->conf_known ? h->conf.base_dir_name
						       : NULL};

	if (f->dom)
		domain_check_movable(f->xml, strlen(f->xml), &p, &f->reasons,
				     &f->dom_err);
}

void facts_domain_parts(struct facts *f)
{
	read_volumes(f);
	read_reasons(f, &f->host[SRC_HOST]);
}

void host_domain(struct facts *f, struct fact_host *h, struct virt *v)
{
	if (!read_source_domain(f, h, v))
		facts_domain_parts(f);
}

static void read_virt(struct facts *f, enum fact_side s, struct virt *v)
{
	struct fact_host *h = &f->host[s];
	const char *u = f->srv.inst.uuid;
	AUTO(buf_clear) struct buf xml = BUF_INIT;

	if (virt_version(v, &h->virt, &h->virt_err) ||
	    virt_capabilities(v, &xml, &h->virt_err))
		return;
	h->caps = caps_host_parse(buf_str(&xml), xml.len, &h->virt_err);
	if (!h->caps ||
	    (s == SRC_HOST ? read_source_domain(f, h, v)
			   : virt_state(v, u, &h->state, &h->virt_err)))
		return;
	/* Where it is, the name is its own. */
	if (s == DST_HOST && f->domain_name &&
	    virt_name_uuid(v, f->domain_name, h->name_owner, &h->virt_err))
		return;
	read_domcaps(f, h, v);
	if (f->dom && f->dom->tpm.secret)
		virt_secret_has(v, f->dom->tpm.secret, &h->tpm_secret,
				&h->virt_err);
	if (s == DST_HOST && f->dom)
		virt_net_missing(v, f->dom, &h->net_missing, &h->net_err);
}

void facts_name_domain(struct facts *f, const struct fact_host *h)
{
	if (!f->domain_name && h->conf_known)
		f->domain_name = novaconf_instance_name(
			&h->conf, (long long)f->srv.inst.id, f->srv.inst.uuid);
	if (!f->domain_name)
		f->domain_name = mem_printf("instance-%08llx",
					    (unsigned long long)f->srv.inst.id);
}

void facts_host(struct facts *f, enum fact_side s,
		const struct facts_host_in *in)
{
	struct fact_host *h = &f->host[s];
	const char *path = in->instances_path;

	if (!in->host) {
		err_move(&h->down, in->down);
		return;
	}
	if (host_info(in->host, &h->info, &h->down))
		return;
	h->skew_us = h->info.clock_us - clock_now_us();
	read_conf(h, in->host);
	facts_name_domain(f, h);
	if (path)
		h->instances_path = mem_strdup(path);
	else if (h->conf_known)
		h->instances_path =
			host_map_path(in->host, h->conf.instances_path);
	else
		h->instances_path = mem_strdup("/var/lib/nova/instances");
	local_qemu_conf(h, in->host);
	local_guests_boot(h, in->host);
	read_users(h, in->host, in);
	if (in->virt)
		read_virt(f, s, in->virt);
	if (s == SRC_HOST)
		facts_domain_parts(f);
	else
		find_volumes(f, in->host);
	facts_dirs(f, h, in->host);
	local_trial(h, in->host);
	local_mtus(f, h, in->host);
	if (s == DST_HOST)
		read_neighbours(f, h, in->host);
	if (volumes_attached(f))
		volumes_connector(h, in->host);
	h->qemu_img = local_program(in->host, "qemu-img", NULL);
	h->swtpm = !f->tpm_dir ||
		   local_program(in->host, "swtpm", &h->swtpm_version);
}
