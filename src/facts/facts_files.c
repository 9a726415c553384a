/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "facts/facts.h"

static enum image_ftype ftype(enum host_type t)
{
	switch (t) {
	case HOST_FILE:
		return IMAGE_FTYPE_REG;
	case HOST_DIR:
		return IMAGE_FTYPE_DIR;
	case HOST_NONE:
	case HOST_LINK:
	case HOST_SPECIAL:
		break;
	}
	return IMAGE_FTYPE_OTHER;
}

/* Where a directory of the source's is seen from: below the prefix of a dead
 * one. */
static char *seen_at(const struct facts *f, const char *dir)
{
	const char *prefix = f->host[SRC_HOST].prefix;

	return mem_printf("%s%s", prefix ? prefix : "", dir);
}

static struct fact_file *add_file(struct facts *f, const char *root,
				  const char *rel, struct host_stat *st)
{
	struct fact_file *q;

	f->files = mem_realloc(f->files, f->n_files + 1, sizeof(*f->files));
	q = &f->files[f->n_files++];
	*q = (struct fact_file){
		.rel = mem_strdup(rel), .root = mem_strdup(root), .st = *st};
	*st = (struct host_stat){0}; /* taken */
	return q;
}

static int list_instance(struct facts *f, struct host *src, struct err *e)
{
	const struct fact_host *h = &f->host[SRC_HOST];
	AUTO(host_list_clear) struct host_list l = {0};
	AUTO(mem_freep)
	char *root = mem_printf("%s/%s", h->instances_path, f->srv.inst.uuid);
	struct host_list_opts o = {
		.path = HOST_PATH(h->instances_path, f->srv.inst.uuid)};

	if (h->dir != HOST_DIR)
		return 0;
	if (host_list(src, &o, &l, e))
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		enum host_type t = l.v[i].st.type;
		struct fact_file *q = add_file(f, root, l.v[i].rel, &l.v[i].st);

		q->name = image_name_of(q->rel, ftype(t));
		q->role = q->name.role;
	}
	return 0;
}

/* NVRAM: one file; vTPM: a small tree. */
static int list_nvram(struct facts *f, struct host *src, struct err *e)
{
	const char *path = f->dom ? f->dom->fw.nvram : NULL;
	const char *base = path ? strrchr(path, '/') : NULL;
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(mem_freep) char *dir = NULL;
	struct fact_file *q;

	if (!base)
		return 0;
	mem_free(f->nvram_dir);
	f->nvram_dir = mem_strndup(path, (size_t)(base - path));
	if (f->dead && !f->host[SRC_HOST].prefix)
		return 0; /* nobody knows where */
	dir = seen_at(f, f->nvram_dir);
	if (host_stat(src, HOST_PATH(dir, base + 1), &st, e))
		return -1;
	if (st.type == HOST_NONE)
		return 0; /* never started */
	q = add_file(f, dir, base + 1, &st);
	q->role = IMAGE_ROLE_NVRAM;
	q->name = (struct image_name){IMAGE_ACT_COPY, IMAGE_ROLE_NVRAM, NULL};
	return 0;
}

static int list_tpm(struct facts *f, struct host *src, struct err *e)
{
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(host_list_clear) struct host_list l = {0};
	AUTO(mem_freep) char *root = NULL;
	AUTO(mem_freep) char *dir = NULL;
	struct host_list_opts o = {.depth = 4, .max = 64};

	if (!f->tpm_dir || (f->dead && !f->host[SRC_HOST].prefix))
		return 0;
	dir = seen_at(f, f->tpm_dir);
	root = mem_printf("%s/%s", dir, f->srv.inst.uuid);
	o.path = HOST_PATH(dir, f->srv.inst.uuid);
	if (host_stat(src, o.path, &st, e))
		return -1;
	if (st.type != HOST_DIR)
		return 0;
	if (host_list(src, &o, &l, e))
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		struct fact_file *q;

		if (l.v[i].st.type != HOST_FILE)
			continue;
		q = add_file(f, root, l.v[i].rel, &l.v[i].st);
		q->role = IMAGE_ROLE_TPM_FILE;
		q->name = (struct image_name){IMAGE_ACT_COPY,
					      IMAGE_ROLE_TPM_FILE, NULL};
	}
	return 0;
}

static int read_info(struct facts *f, struct host *src, struct err *e)
{
	const struct fact_host *h = &f->host[SRC_HOST];
	AUTO(mem_freep)
	char *dir = mem_printf("%s/%s", h->instances_path, f->srv.inst.uuid);
	AUTO(mem_freep)
	char *own = mem_printf("%s/%s", facts_home(h), f->srv.inst.uuid);
	const char *dirs[] = {own, NULL};
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(diskinfo_clear) struct diskinfo d = {0};

	if (!facts_file(f, "disk.info"))
		return 0;
	f->has_info = true;
	if (host_read(src,
		      &(struct host_read){.path = HOST_PATH(dir, "disk.info"),
					  .max = DISKINFO_MAX},
		      &text, e))
		return -1;
	if (diskinfo_parse(buf_str(&text), text.len, &d, &f->info_err))
		return 0;
	for (size_t i = 0; i < f->n_files; i++)
		f->files[i].info_format = mem_strdup0(
			diskinfo_format_in(&d, dirs, f->files[i].rel));
	return 0;
}

static void read_xml_formats(struct facts *f)
{
	for (size_t i = 0; f->dom && i < f->dom->n_disks; i++) {
		const struct domain_disk *d = &f->dom->disks[i];
		const char *base = d->source ? strrchr(d->source, '/') : NULL;

		for (size_t k = 0; base && k < f->n_files; k++)
			if (!strcmp(f->files[k].rel, base + 1) &&
			    !f->files[k].xml_format)
				f->files[k].xml_format = mem_strdup0(d->format);
	}
}

/* As much of the head as the rules want: of a declared qcow2 one cluster. */
static int read_head(struct host *src, const char *root, const char *rel,
		     bool qcow2, struct buf *head, struct err *e)
{
	struct host_read r = {.path = HOST_PATH(root, rel), .max = 4096};
	size_t need;

	if (host_read(src, &r, head, e))
		return -1;
	need = qcow2 ? qcow2_head_need(head->p, head->len) : 0;
	while (head->len < need) {
		size_t had = head->len;

		r.off = had;
		r.max = need - had < (1 << 20) ? need - had : 1 << 20;
		if (host_read(src, &r, head, e))
			return -1;
		if (head->len == had)
			break;
	}
	return 0;
}

static int read_heads(struct facts *f, struct host *src, struct err *e)
{
	for (size_t i = 0; i < f->n_files; i++) {
		struct fact_file *q = &f->files[i];
		struct err ignored = ERR_INIT;
		bool qcow2;

		if (!image_role_is_disk(q->role) || q->st.type != HOST_FILE)
			continue;
		qcow2 = image_declared_format(q->info_format, q->xml_format,
					      &ignored) == IMAGE_FORMAT_QCOW2;
		err_clear(&ignored);
		if (read_head(src, q->root, q->rel, qcow2, &q->head, e))
			return -1;
	}
	return 0;
}

static int compare(struct facts *f, struct fact_base *b, struct host *src,
		   struct host *dst, const char *const rel[2], struct err *e)
{
	struct host_digest x = {0}, y = {0};

	if (b->src.size == b->dst.size) {
		if (host_digest(
			    src,
			    HOST_PATH(f->host[SRC_HOST].instances_path, rel[0]),
			    &x, e) ||
		    host_digest(
			    dst,
			    HOST_PATH(f->host[DST_HOST].instances_path, rel[1]),
			    &y, e))
			return -1;
		b->same = !strcmp(x.text, y.text);
	}
	b->compared = true;
	return 0;
}

static const char *base_dir(const struct fact_host *h)
{
	return h->conf_known ? h->conf.base_dir_name : "_base";
}

static int read_base(struct facts *f, const char *name, struct host *src,
		     struct host *dst, struct err *e)
{
	struct fact_base *b;
	const char *sp = f->host[SRC_HOST].instances_path;
	const char *dp = f->host[DST_HOST].instances_path;
	AUTO(mem_freep)
	char *sr = mem_printf("%s/%s", base_dir(&f->host[SRC_HOST]), name);
	AUTO(mem_freep)
	char *dr = mem_printf("%s/%s", base_dir(&f->host[DST_HOST]), name);

	if (facts_base(f, name))
		return 0;
	f->bases = mem_realloc(f->bases, f->n_bases + 1, sizeof(*f->bases));
	b = &f->bases[f->n_bases++];
	*b = (struct fact_base){.name = mem_strdup(name)};
	if (host_stat(src, HOST_PATH(sp, sr), &b->src, e))
		return -1;
	if (b->src.type == HOST_FILE &&
	    read_head(src, sp, sr, true, &b->head, e))
		return -1;
	if (!dst || !dp || f->host[DST_HOST].path_err.kind != ERR_NONE)
		return 0;
	if (host_stat(dst, HOST_PATH(dp, dr), &b->dst, e))
		return -1;
	if (b->src.type == HOST_FILE && b->dst.type == HOST_FILE)
		return compare(f, b, src, dst, (const char *const[]){sr, dr},
			       e);
	return 0;
}

/* Only what the rules accept is followed: a guest must not name our reads. */
static int read_bases(struct facts *f, struct host *src, struct host *dst,
		      struct err *e)
{
	for (size_t i = 0; i < f->n_files; i++) {
		const struct fact_file *q = &f->files[i];
		struct qcow2_header h = {0};
		struct err bad = ERR_INIT;
		const char *slash;
		int rc = 0;

		if (!qcow2_is(q->head.p, q->head.len) ||
		    image_declared_format(q->info_format, q->xml_format,
					  &bad) != IMAGE_FORMAT_QCOW2) {
			err_clear(&bad);
			continue;
		}
		if (!qcow2_parse(q->head.p, q->head.len, q->st.size, &h,
				 &bad) &&
		    h.backing) {
			slash = strrchr(h.backing, '/');
			if (slash && image_name_plain(slash + 1))
				rc = read_base(f, slash + 1, src, dst, e);
		}
		qcow2_clear(&h);
		err_clear(&bad);
		if (rc)
			return -1;
	}
	return 0;
}

/* What is there already under the names that our NVRAM and vTPM state take. */
static int find_strays(struct facts *f, struct host *dst, struct err *e)
{
	const char *prefix = f->host[SRC_HOST].prefix;

	for (size_t i = 0; dst && i < f->n_files; i++) {
		const struct fact_file *q = &f->files[i];
		const char *root = q->root + (prefix ? strlen(prefix) : 0);
		AUTO(host_stat_clear) struct host_stat st = {0};

		if (q->role != IMAGE_ROLE_NVRAM &&
		    q->role != IMAGE_ROLE_TPM_FILE)
			continue;
		if (host_stat(dst, HOST_PATH(root, q->rel), &st, e))
			/* not even the directory is there */
			err_clear(e);
		else if (st.type != HOST_NONE)
			strv_addf(&f->strays, "%s/%s", root, q->rel);
	}
	return 0;
}

/* Whatever was proven: who has a dead host's disk open runs the guest. */
static int find_open(struct facts *f, struct host *src, struct err *e)
{
	AUTO(mem_freep)
	struct host_path *p = MEM_NEW_N(struct host_path, f->n_files + 1);
	AUTO(mem_freep)
	enum host_open *held = MEM_NEW_N(enum host_open, f->n_files + 1);
	size_t n = 0;

	for (size_t i = 0; i < f->n_files; i++)
		if (f->files[i].st.type == HOST_FILE)
			p[n++] = HOST_PATH(f->files[i].root, f->files[i].rel);
	if (!f->dead || host_locked(src, p, n, held, e))
		return f->dead ? -1 : 0;
	for (size_t i = 0; i < n; i++) {
		f->open_unknown |= held[i] == HOST_OPEN_UNKNOWN;
		if (held[i] == HOST_OPEN_QEMU && !f->open_file)
			f->open_file = mem_printf("%s/%s", p[i].root, p[i].rel);
	}
	return 0;
}

int facts_files(struct facts *f, struct host *src, struct host *dst,
		struct err *e)
{
	if (!src || f->host[SRC_HOST].down.kind != ERR_NONE ||
	    f->host[SRC_HOST].path_err.kind != ERR_NONE)
		return 0;
	if (list_instance(f, src, e) || list_nvram(f, src, e) ||
	    list_tpm(f, src, e) || read_info(f, src, e) || find_open(f, src, e))
		return err_wrap(e, "reading the instance's files on %s",
				f->host[SRC_HOST].name);
	read_xml_formats(f);
	if (read_heads(f, src, e) || read_bases(f, src, dst, e) ||
	    find_strays(f, dst, e))
		return err_wrap(e, "reading the instance's disks");
	return 0;
}
