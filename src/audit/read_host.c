/* SPDX-License-Identifier: Apache-2.0 */
/* One host: its domains, and what lies below its instances_path. */
#include <string.h>

#include "audit/audit_priv.h"
#include "host/host.h"
#include "host/virt.h"
#include "image/image.h"

enum { INFO_MAX = DISKINFO_MAX };

struct look {
	struct audit_facts *f;
	struct audit_host *at;
	struct host *h;
	const char *root; /* instances_path */
};

/* ---- disk.info and the backing files, of a server that lives here */

/* The same directory under another name: containers, links. */
static bool same_dir(const struct look *l, const char *dir, const char *uuid)
{
	AUTO(mem_freep) char *ours = host_map_path(l->h, dir);
	AUTO(mem_freep) char *want = mem_printf("%s/%s", l->root, uuid);
	AUTO(host_stat_clear) struct host_stat a = {0};
	AUTO(host_stat_clear) struct host_stat b = {0};
	struct err no = ERR_INIT;
	char *slash = strrchr(ours, '/');
	bool same = !strcmp(ours, want);

	if (!same && slash && slash != ours && !strcmp(slash + 1, uuid)) {
		*slash = '\0';
		same = !host_stat(l->h, HOST_PATH(ours, uuid), &a, &no) &&
		       !host_stat(l->h, HOST_PATH(l->root, uuid), &b, &no) &&
		       a.type == HOST_DIR && a.ino == b.ino && a.dev == b.dev;
	}
	err_clear(&no);
	return same;
}

static void check_keys(const struct look *l, struct audit_dir *d,
		       const struct diskinfo *info)
{
	for (size_t i = 0; i < info->n && !d->info; i++) {
		const char *path = info->v[i].path;
		const char *slash = strrchr(path, '/');
		AUTO(mem_freep)
		char *dir =
			mem_strndup(path, slash ? (size_t)(slash - path) : 0);
		AUTO(mem_freep) char *shown = NULL;

		if (same_dir(l, dir, d->uuid))
			continue;
		shown = image_name_quote(path);
		d->info = mem_printf("its disk.info speaks of %s, which is not "
				     "in its directory",
				     shown);
	}
}

/* What DISK is, by the record; NULL: the record does not say. */
static const char *format_of(const struct diskinfo *info, const char *disk)
{
	for (size_t i = 0; i < info->n; i++) {
		const char *slash = strrchr(info->v[i].path, '/');

		if (slash && !strcmp(slash + 1, disk))
			return image_format_name(info->v[i].format);
	}
	return NULL;
}

static int read_head(const struct look *l, const char *rel, struct buf *head,
		     struct err *e)
{
	struct host_read r = {.path = HOST_PATH(l->root, rel), .max = 65536};
	size_t need;

	if (host_read(l->h, &r, head, e))
		return -1;
	need = qcow2_head_need(head->p, head->len);
	while (head->len < need) {
		size_t had = head->len;

		r.off = had;
		r.max = need - had;
		if (host_read(l->h, &r, head, e))
			return -1;
		if (head->len == had)
			break;
	}
	return 0;
}

/* Elsewhere than below instances_path, a link may be in the way: then nothing
 * is said. */
static int check_backing(const struct look *l, struct audit_dir *d,
			 const char *backing, struct err *e)
{
	AUTO(mem_freep) char *path = host_map_path(l->h, backing);
	AUTO(host_stat_clear) struct host_stat st = {0};
	size_t n = strlen(l->root);

	if (strncmp(path, l->root, n) != 0 || path[n] != '/')
		return 0;
	if (host_stat(l->h, HOST_PATH(l->root, path + n + 1), &st, e))
		return -1;
	if (st.type == HOST_NONE)
		d->base = image_name_quote(backing);
	return 0;
}

static int check_qcow2(const struct look *l, struct audit_dir *d,
		       const struct host_entry *disk, struct err *e)
{
	AUTO(buf_clear) struct buf head = BUF_INIT;
	AUTO(mem_freep) char *rel = mem_printf("%s/%s", d->uuid, disk->rel);
	struct qcow2_header q = {0};
	struct err bad = ERR_INIT;
	int rc = 0;

	if (read_head(l, rel, &head, e))
		return -1;
	if (qcow2_parse(head.p, head.len, disk->st.size, &q, &bad)) {
		if (!d->info)
			d->info = mem_printf("its disk.info says qcow2 of "
					     "%s, which is none: %s",
					     disk->rel, err_msg(&bad));
		err_clear(&bad);
		return 0;
	}
	if (q.backing && !d->base)
		rc = check_backing(l, d, q.backing, e);
	qcow2_clear(&q);
	return rc;
}

static int read_info(const struct look *l, struct audit_dir *d,
		     struct diskinfo *info, bool *there, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf("%s/disk.info", d->uuid);
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct host_read r = {.path = HOST_PATH(l->root, rel), .max = INFO_MAX};
	struct err bad = ERR_INIT;

	if (host_stat(l->h, r.path, &st, e))
		return -1;
	*there = st.type == HOST_FILE;
	if (!*there)
		return 0;
	if (host_read(l->h, &r, &text, e))
		return -1;
	if (diskinfo_parse(buf_str(&text), text.len, info, &bad))
		d->info = mem_printf("its disk.info cannot be read: %s",
				     err_msg(&bad));
	err_clear(&bad);
	return 0;
}

/* A config drive is raw whatever the record says: it needs none. */
static bool is_disk(const struct host_entry *f)
{
	enum image_role role = image_name_of(f->rel, IMAGE_FTYPE_REG).role;

	return f->st.type == HOST_FILE && image_role_is_disk(role) &&
	       role != IMAGE_ROLE_CONFIG;
}

static int check_disks(const struct look *l, struct audit_dir *d,
		       const struct host_list *files, struct err *e)
{
	AUTO(diskinfo_clear) struct diskinfo info = {0};
	bool there;

	if (read_info(l, d, &info, &there, e))
		return -1;
	check_keys(l, d, &info);
	for (size_t i = 0; i < files->n; i++) {
		const struct host_entry *f = &files->v[i];
		const char *format = format_of(&info, f->rel);

		if (!is_disk(f))
			continue;
		if (!format && !d->info)
			d->info = mem_printf(
				there ? "its disk.info does not say what %s "
					"is: Nova will guess"
				      : "it has no disk.info that says what %s "
					"is: Nova will guess",
				f->rel);
		if (format && !strcmp(format, "qcow2") &&
		    check_qcow2(l, d, f, e))
			return -1;
	}
	return 0;
}

/* ---- directories */

static int one_dir(const struct look *l, struct audit_dir *d, struct err *e)
{
	const struct audit_server *s = audit_server(l->f, d->uuid);
	AUTO(mem_freep) char *rel = mem_printf("%s%s", d->uuid, d->suffix);
	AUTO(host_list_clear) struct host_list files = {0};
	AUTO(host_stat_clear) struct host_stat st = {0};
	struct host_list_opts o = {.path = HOST_PATH(l->root, rel)};

	if (host_stat(l->h, o.path, &st, e))
		return -1;
	if (st.type != HOST_DIR) /* gone meanwhile */
		return 0;
	if (host_list(l->h, &o, &files, e))
		return -1;
	d->empty = !files.n;
	if (*d->suffix || !s || !s->host || strcmp(s->host, l->at->name) ||
	    !audit_settled(l->f, s))
		return 0;
	return check_disks(l, d, &files, e);
}

static const char *suffix_of(enum image_dir kind)
{
	return kind == IMAGE_DIR_INSTANCE ? ""
	       : kind == IMAGE_DIR_RESIZE ? "_resize"
	       : kind == IMAGE_DIR_DEL	  ? "_del"
					  : NULL;
}

static int read_dirs(const struct look *l, struct err *e)
{
	AUTO(host_list_clear) struct host_list all = {0};
	struct host_list_opts o = {.path = HOST_PATH(l->root, ".")};

	if (host_list(l->h, &o, &all, e))
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		char uuid[UUID_LEN + 1];
		const char *suffix =
			suffix_of(image_dir_of(all.v[i].rel, uuid));
		struct audit_dir *d;

		if (!suffix || all.v[i].st.type != HOST_DIR)
			continue;
		d = GROW(l->at->dirs, l->at->n_dirs);
		d->uuid = mem_strdup(uuid);
		d->suffix = mem_strdup(suffix);
		if (one_dir(l, d, e))
			return -1;
	}
	return 0;
}

/* ---- the rest */

static int read_copies(const struct look *l, struct err *e)
{
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(host_list_clear) struct host_list jobs = {0};
	struct host_list_opts o = {.path = HOST_PATH(l->root, ".novahaul")};

	if (host_stat(l->h, o.path, &st, e))
		return -1;
	if (st.type != HOST_DIR)
		return 0;
	if (host_list(l->h, &o, &jobs, e))
		return -1;
	for (size_t i = 0; i < jobs.n; i++) {
		AUTO(mem_freep)
		char *src = mem_printf(".novahaul/%s/source", jobs.v[i].rel);
		AUTO(mem_freep)
		char *done = mem_printf(".novahaul/%s/closed", jobs.v[i].rel);
		AUTO(host_stat_clear) struct host_stat a = {0};
		AUTO(host_stat_clear) struct host_stat b = {0};

		if (jobs.v[i].st.type != HOST_DIR ||
		    strncmp(jobs.v[i].rel, "j-", 2) != 0)
			continue;
		if (host_stat(l->h, HOST_PATH(l->root, src), &a, e) ||
		    host_stat(l->h, HOST_PATH(l->root, done), &b, e))
			return -1;
		if (a.type == HOST_DIR && b.type == HOST_FILE)
			strv_add(&l->at->copies, jobs.v[i].rel);
	}
	return 0;
}

static int read_shared(const struct look *l, struct err *e)
{
	AUTO(host_statfs_clear) struct host_statfs fs = {0};

	if (host_statfs(l->h, HOST_PATH(l->root, "."), &fs, e))
		return -1;
	if (host_statfs_own(&fs))
		return 0;
	l->at->shared = mem_printf("%s %s", fs.fstype ? fs.fstype : "?",
				   fs.source ? fs.source : "?");
	return 0;
}

static int read_domains(struct audit_host *at, struct virt *v, struct err *e)
{
	AUTO(strv_clear) struct strv uuids = STRV_INIT;

	if (virt_uuids(v, &uuids, e))
		return -1;
	for (size_t i = 0; i < uuids.n; i++)
		GROW(at->domains, at->n_domains)->uuid = mem_strdup(uuids.v[i]);
	return 0;
}

void audit_read_host(struct audit_facts *f, struct audit_host_in *in)
{
	struct look l = {.f = f,
			 .at = audit_host(f, in->name),
			 .h = in->host,
			 .root = in->instances_path};
	struct err why = ERR_INIT;

	if (!l.at) {
		l.at = GROW(f->hosts, f->n_hosts);
		l.at->name = mem_strdup(in->name);
	}
	if (!in->host || !in->instances_path) {
		audit_unasked(f, in->name, true, in->down);
		return;
	}
	if (read_domains(l.at, in->virt, &why) || read_shared(&l, &why) ||
	    read_dirs(&l, &why) || read_copies(&l, &why)) {
		audit_unasked(f, in->name, true, &why);
		return;
	}
	l.at->looked = true;
}

/* ---- who runs */

static bool elsewhere(const struct audit_facts *f, const struct audit_host *at,
		      const char *uuid)
{
	const struct audit_server *s = audit_server(f, uuid);

	if (!s)
		return false;
	if (!s->host || strcmp(s->host, at->name) != 0)
		return true;
	for (size_t i = 0; i < f->n_hosts; i++)
		if (&f->hosts[i] != at && audit_domain(&f->hosts[i], uuid))
			return true;
	return false;
}

void audit_read_states(struct audit_facts *f, const struct audit_host_in *in,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct audit_host *at = audit_host(f, in[i].name);

		for (size_t k = 0; at && at->looked && k < at->n_domains; k++) {
			struct audit_domain *d = &at->domains[k];
			struct virt_status st = {0};
			struct err why = ERR_INIT;

			if (!elsewhere(f, at, d->uuid))
				continue;
			if (virt_state(in[i].virt, d->uuid, &st, &why)) {
				at->looked = false;
				audit_unasked(f, in[i].name, true, &why);
				break;
			}
			/* Paused, crashed and the like have a process, and
			 * may be let go on. */
			d->run = st.state == VIRT_SHUTOFF ||
						 st.state == VIRT_ABSENT
					 ? AUDIT_STOPPED
					 : AUDIT_RUNNING;
		}
	}
}
