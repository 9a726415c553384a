/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "core/uuid.h"
#include "db/audit.h"
#include "domain/domain.h"
#include "image/image.h"

enum { ENTRIES_MAX = 100000, XML_MAX = 1 << 20 };

const char *inventory_state_name(enum inventory_state s)
{
	switch (s) {
	case INVENTORY_UNREADABLE:
		break;
	case INVENTORY_COMPLETE:
		return "complete";
	case INVENTORY_BASE_MISSING:
		return "base missing";
	case INVENTORY_NO_ROW:
		return "no row";
	case INVENTORY_NO_DISKS:
		return "no disks";
	}
	return "unreadable";
}

enum inventory_state inventory_judge(const struct inventory_item *i, bool rows)
{
	if (i->err.kind != ERR_NONE)
		return INVENTORY_UNREADABLE;
	if (!i->dir)
		return INVENTORY_NO_DISKS;
	if (rows && !i->row)
		return INVENTORY_NO_ROW;
	return i->missing.n ? INVENTORY_BASE_MISSING : INVENTORY_COMPLETE;
}

static void item_clear(struct inventory_item *i)
{
	mem_free(i->uuid);
	err_clear(&i->err);
	strv_clear(&i->disks);
	strv_clear(&i->missing);
	strv_clear(&i->open);
	json_decref(i->os);
	json_decref(i->filesystems);
	mem_free(i->unread);
	mem_free(i->xml);
	mem_free(i->name);
	mem_free(i->vm_state);
	mem_free(i->reason);
}

void inventory_clear(struct inventory *v)
{
	for (size_t i = 0; i < v->n; i++)
		item_clear(&v->v[i]);
	mem_free(v->v);
	*v = (struct inventory){0};
}

static struct inventory_item *item(struct inventory *v, const char *uuid)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->v[i].uuid, uuid))
			return &v->v[i];
	return NULL;
}

static struct inventory_item *add(struct inventory *v, const char *uuid)
{
	struct inventory_item *i = item(v, uuid);

	if (i)
		return i;
	v->v = mem_realloc(v->v, v->n + 1, sizeof(*v->v));
	v->v[v->n] = (struct inventory_item){.uuid = mem_strdup(uuid)};
	return &v->v[v->n++];
}

/* ---- definitions */

/* One file of libvirt's: whose is it? */
static int one_xml(const struct inventory_in *in, const char *name,
		   struct inventory *v, struct err *e)
{
	struct host_read r = {.path = HOST_PATH(in->xml_dir, name),
			      .max = XML_MAX};
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(domain_freep) struct domain *d = NULL;
	struct err bad = ERR_INIT;
	struct inventory_item *i;

	if (host_read(in->xml_host, &r, &text, e))
		return -1;
	d = domain_parse(buf_str(&text), text.len, &bad);
	err_clear(&bad);
	i = d && d->uuid ? item(v, d->uuid) : NULL;
	if (i && !i->xml) {
		i->xml = mem_printf("%s/%s", in->xml_dir, name);
		/* Until a database says better. */
		i->name = mem_strdup0(d->nova_name);
	}
	return 0;
}

/* A directory that was guessed need not be there. */
static int definitions(const struct inventory_in *in, struct inventory *v,
		       struct err *e)
{
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {.path = HOST_PATH(in->xml_dir, "."),
				   .max = ENTRIES_MAX};

	if (host_list(in->xml_host, &o, &l, e)) {
		err_clear(e);
		return 0;
	}
	for (size_t i = 0; i < l.n; i++) {
		const char *dot = strrchr(l.v[i].rel, '.');

		if (l.v[i].st.type == HOST_FILE && dot &&
		    !strcmp(dot, ".xml") && one_xml(in, l.v[i].rel, v, e))
			return -1;
	}
	return 0;
}

/* ---- directories */

/* The format that disk.info has for this file, whatever its directory was
 * called then. */
static enum image_format declared(const struct diskinfo *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++) {
		const char *base = strrchr(d->v[i].path, '/');

		if (base && !strcmp(base + 1, name))
			return d->v[i].format;
	}
	return IMAGE_FORMAT_RAW;
}

static int read_info(const struct inventory_in *in, const char *uuid,
		     struct diskinfo *d, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf("%s/disk.info", uuid);
	struct host_read r = {.path = HOST_PATH(in->path, rel),
			      .max = DISKINFO_MAX};
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(host_stat_clear) struct host_stat st = {0};

	if (host_stat(in->host, r.path, &st, e))
		return -1;
	if (st.type == HOST_NONE)
		return 0;
	return host_read(in->host, &r, &text, e) ||
			       diskinfo_parse(buf_str(&text), text.len, d, e)
		       ? -1
		       : 0;
}

/* Names no directory: what a guest wrote leads nowhere else. */
static int backing(const struct inventory_in *in, struct inventory_item *i,
		   const char *name, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf("_base/%s", name);
	AUTO(host_stat_clear) struct host_stat st = {0};

	if (strv_has(&i->missing, name))
		return 0;
	if (host_stat(in->host, HOST_PATH(in->path, rel), &st, e))
		return -1;
	if (st.type != HOST_FILE)
		strv_add(&i->missing, name);
	return 0;
}

static int qcow2(const struct inventory_in *in, struct inventory_item *i,
		 const struct host_entry *f, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf("%s/%s", i->uuid, f->rel);
	struct host_read r = {.path = HOST_PATH(in->path, rel), .max = 1 << 20};
	AUTO(buf_clear) struct buf head = BUF_INIT;
	struct qcow2_header h = {0};
	const char *slash;
	int rc;

	if (host_read(in->host, &r, &head, e) ||
	    qcow2_parse(head.p, head.len, f->st.size, &h, e))
		return err_wrap(e, "%s", f->rel);
	slash = h.backing ? strrchr(h.backing, '/') : NULL;
	if (!h.backing)
		rc = 0;
	else if (slash && image_name_plain(slash + 1))
		rc = backing(in, i, slash + 1, e);
	else
		rc = err_set(e, ERR_REFUSED,
			     "%s: its backing file is no plain name", f->rel);
	qcow2_clear(&h);
	return rc;
}

static int one_file(const struct inventory_in *in, struct inventory_item *i,
		    const struct host_entry *f, const struct diskinfo *d,
		    struct err *e)
{
	struct image_name n = image_name_of(
		f->rel,
		f->st.type == HOST_FILE ? IMAGE_FTYPE_REG : IMAGE_FTYPE_OTHER);
	enum image_format fmt = declared(d, f->rel);

	/* A disk that is a link elsewhere is none that a rescue would take. */
	if (f->st.type == HOST_LINK || f->st.type == HOST_SPECIAL)
		return err_set(e, ERR_REFUSED, "%s: %s", f->rel, n.why);
	if (n.act != IMAGE_ACT_COPY && n.act != IMAGE_ACT_REWRITE)
		return 0;
	i->files++;
	i->bytes += f->st.blocks * 512;
	if (!image_role_is_disk(n.role))
		return 0;
	strv_addf(&i->disks, "%s (%s)", f->rel, image_format_name(fmt));
	strv_addf(&i->open, "%s:%s", f->rel, image_format_name(fmt));
	return fmt == IMAGE_FORMAT_QCOW2 ? qcow2(in, i, f, e) : 0;
}

static int directory(const struct inventory_in *in, struct inventory_item *i,
		     struct err *e)
{
	AUTO(host_list_clear) struct host_list l = {0};
	AUTO(diskinfo_clear) struct diskinfo d = {0};
	struct host_list_opts o = {.path = HOST_PATH(in->path, i->uuid)};

	i->dir = true;
	if (host_list(in->host, &o, &l, e) || read_info(in, i->uuid, &d, e))
		return -1;
	for (size_t k = 0; k < l.n; k++)
		if (one_file(in, i, &l.v[k], &d, e))
			return -1;
	return 0;
}

static void judge_all(struct inventory *v)
{
	for (size_t i = 0; i < v->n; i++)
		v->v[i].state = inventory_judge(&v->v[i], v->rows);
}

static int by_uuid(const void *a, const void *b)
{
	const struct inventory_item *x = a, *y = b;

	return strcmp(x->uuid, y->uuid);
}

int inventory_read(const struct inventory_in *in, struct inventory *v,
		   struct err *e)
{
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {.path = HOST_PATH(in->path, "."),
				   .max = ENTRIES_MAX};

	if (host_list(in->host, &o, &l, e))
		return err_wrap(e, "looking at %s", in->path);
	for (size_t i = 0; i < l.n; i++) {
		struct inventory_item *q;

		if (l.v[i].st.type != HOST_DIR || !uuid_valid(l.v[i].rel))
			continue;
		q = add(v, l.v[i].rel);
		/* An error of the link is that of all. */
		if (directory(in, q, &q->err) && q->err.kind == ERR_RETRY) {
			err_move(e, &q->err);
			return -1;
		}
	}
	if (in->xml_dir && definitions(in, v, e))
		return -1;
	judge_all(v);
	return 0;
}

int inventory_rows(struct inventory *v, struct db *db, const char *host,
		   struct err *e)
{
	struct db_cell c = {0};

	if (db_cell_servers(db, &c, e))
		return -1;
	for (size_t i = 0; i < c.n_servers; i++) {
		const struct db_cell_server *s = &c.servers[i];
		struct inventory_item *q;

		if (!s->host || strcmp(s->host, host) != 0)
			continue;
		q = add(v, s->uuid);
		q->row = true;
		mem_free(q->name);
		q->name = mem_strdup0(s->name);
		q->vm_state = mem_strdup0(s->vm_state);
		q->reason = mem_strdup0(s->reason);
	}
	db_cell_clear(&c);
	v->rows = true;
	if (v->n)
		qsort(v->v, v->n, sizeof(*v->v), by_uuid);
	judge_all(v);
	return 0;
}
