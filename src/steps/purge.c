/* SPDX-License-Identifier: Apache-2.0 */
#include "steps/purge.h"

#include <string.h>

#include "image/image.h"
#include "steps/util.h"

void purge_clear(struct purge *p)
{
	mem_free(p->reason);
	mem_free(p->path);
	*p = (struct purge){0};
}

static int measure(struct world *w, const char *rel, uint64_t *bytes,
		   struct err *e)
{
	const char *root = w->move->src.instances_path;
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {.path = HOST_PATH(root, rel), .depth = 16};

	if (host_list(w->host[SRC], &o, &l, e))
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].st.type == HOST_FILE && l.v[i].st.nlink < 2)
			*bytes += l.v[i].st.blocks * 512;
	return 0;
}

/* ---- evidence */

struct there {
	const struct move *m;
	const char *name;
	struct host *host;
	struct virt *virt;
	const char *root; /* instances_path */
};

/* Headers name it by whatever path the host knows; its last two names are the
 * cache directory's and its own. */
static int backing_there(const struct there *t, const char *path, struct err *e)
{
	const char *rel = path + strlen(path);
	AUTO(host_stat_clear) struct host_stat st = {0};
	int slashes = 0;

	while (rel > path && (rel[-1] != '/' || slashes++ < 1))
		rel--;
	if (host_stat(t->host, HOST_PATH(t->root, rel), &st, e))
		return -1;
	if (st.type != HOST_FILE || !st.size)
		return err_set(e, ERR_FAILED, "%s lacks the backing image %s",
			       t->name, path);
	return 0;
}

static int read_head(const struct there *t, const char *rel, struct buf *head,
		     struct err *e)
{
	size_t need = 512;

	while (head->len < need) {
		struct host_read r = {.path = HOST_PATH(t->root, rel),
				      .off = head->len,
				      .max = need - head->len};
		size_t had = head->len;

		if (r.max > 1 << 20)
			r.max = 1 << 20;
		if (host_read(t->host, &r, head, e))
			return -1;
		if (head->len == had)
			return 0; /* its parser says that it is too short */
		if (qcow2_is(head->p, head->len))
			need = qcow2_head_need(head->p, head->len);
	}
	return 0;
}

static int header_there(const struct there *t, const char *rel, uint64_t size,
			struct err *e)
{
	AUTO(buf_clear) struct buf head = BUF_INIT;
	AUTO(qcow2_clear) struct qcow2_header q = {0};

	if (read_head(t, rel, &head, e))
		return -1;
	if (qcow2_parse(head.p, head.len, size, &q, e))
		return err_wrap(e, "%s on %s", rel, t->name);
	return q.backing ? backing_there(t, q.backing, e) : 0;
}

static int disk_there(const struct there *t, const struct move_file *f,
		      struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf("%s/%s", t->m->uuid, f->rel);
	AUTO(host_stat_clear) struct host_stat st = {0};
	bool qcow2 = f->format && !strcmp(f->format, "qcow2");

	if (host_stat(t->host, HOST_PATH(t->root, rel), &st, e))
		return -1;
	if (st.type != HOST_FILE)
		return err_set(e, ERR_FAILED, "%s lacks %s/%s", t->name,
			       t->root, rel);
	if (qcow2)
		return header_there(t, rel, st.size, e);
	if (st.size < f->size)
		return err_set(e, ERR_FAILED, "%s on %s is shorter than it was",
			       rel, t->name);
	return 0;
}

static int all_there(const struct there *t, struct err *e)
{
	struct virt_status st = {0};

	if (virt_state(t->virt, t->m->uuid, &st, e))
		return -1;
	if (st.state == VIRT_ABSENT)
		return err_set(e, ERR_FAILED, "libvirt on %s does not know it",
			       t->name);
	for (size_t i = 0; i < t->m->nfiles; i++)
		if (t->m->files[i].disk &&
		    t->m->files[i].root == MOVE_INSTANCE &&
		    disk_there(t, &t->m->files[i], e))
			return -1;
	return 0;
}

static int look_at_side(struct world *w, enum side s, struct there *t,
			struct err *e)
{
	t->host = need_host(w, s, e);
	t->virt = t->host ? need_virt(w, s, e) : NULL;
	t->root = side_of(w->move, s)->instances_path;
	return t->virt ? all_there(t, e) : -1;
}

static int look_at(struct world *w, const char *name,
		   const struct purge_reach *r, struct err *e)
{
	struct there t = {.m = w->move, .name = name};
	struct purge_host h = {0};
	int rc = -1;

	for (int s = SRC; s <= DST; s++)
		if (!strcmp(name, side_of(w->move, s)->host))
			return look_at_side(w, s, &t, e);
	if (!r->open(r->arg, name, &h, e)) {
		t.host = h.host;
		t.virt = h.virt;
		t.root = h.instances_path;
		rc = all_there(&t, e);
	}
	r->close(&h);
	return rc;
}

/* Its row is not in instances. */
static int judge_gone(struct world *w, struct purge *p, struct err *e)
{
	if (w->db->ops->archived(w->db, w->move->uuid, &p->allowed, e))
		return -1;
	p->reason = mem_strdup(
		p->allowed ? "the server is deleted, and its row archived"
			   : "the database has no row of the server, not even "
			     "an archived one: nothing says that it was "
			     "deleted");
	return 0;
}

static int judge(struct world *w, const struct purge_reach *r, struct purge *p,
		 struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	struct err why = ERR_INIT;

	if (w->db->ops->instance(w->db, w->move->uuid, &row, e)) {
		if (e->kind != ERR_CONFLICT)
			return -1;
		err_clear(e);
		return judge_gone(w, p, e);
	}
	if (row.deleted) {
		p->allowed = true;
		p->reason = mem_strdup("the server is deleted");
	} else if (!row.host) {
		p->reason = mem_strdup("the database names no host for it");
	} else if (row.task_state) {
		p->reason = mem_printf("Nova is at work on it: task_state is "
				       "%s",
				       row.task_state);
	} else if (look_at(w, row.host, r, &why)) {
		p->reason = mem_printf("the database says %s, and it is not "
				       "proven that its disks are there: %s",
				       row.host, err_msg(&why));
		err_clear(&why);
	} else {
		p->allowed = true;
		p->reason = mem_printf("the instance and its disks are on %s",
				       row.host);
	}
	return 0;
}

int purge_look(struct world *w, const char *job, const struct purge_reach *r,
	       struct purge *p, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
	const char *root = w->move->src.instances_path;
	enum host_type t = HOST_NONE;

	/* A dead host's disks are not this job's to remove. */
	if (!w->move->dead &&
	    (!need_host(w, SRC, e) ||
	     exists(w->host[SRC], HOST_PATH(root, rel), &t, e)))
		return -1;
	if (t == HOST_NONE) {
		p->reason = mem_strdup("nothing is kept");
		return 0;
	}
	p->path = mem_printf("%s/%s", root, rel);
	if (measure(w, rel, &p->bytes, e))
		return -1;
	return judge(w, r, p, e);
}

/* ---- removal */

static int claim_source(struct world *w, const char *job, struct err *e)
{
	const char *root = w->move->src.instances_path;
	struct host_lease_ref ref = {root, w->move->uuid};
	AUTO(host_lease_clear) struct host_lease l = {0};
	struct host_claim cl = {.root = root,
				.uuid = w->move->uuid,
				.job = job,
				.owner = w->owner,
				.session = w->session};

	if (host_lease_read(w->host[SRC], &ref, &l, e))
		return -1;
	cl.epoch = l.epoch + 1;
	return host_lease_claim(w->host[SRC], &cl, e);
}

/* The mark "closed" is the last: without it the manifest is an open job's. */
static int is_last(const char *name)
{
	return !strcmp(name, "closed") ? 2 : !strcmp(name, "manifest.json");
}

static int remove_entry(struct host *h, struct host_path p, bool dir,
			struct err *e)
{
	struct host_unlink u = {.path = p, .missing = true};

	return dir ? host_rmtree(h, p, e) : host_unlink(h, &u, e);
}

static int remove_all(struct host *h, const char *root, const char *rel,
		      struct err *e)
{
	AUTO(host_list_clear) struct host_list l = {0};

	if (host_list(h, &(struct host_list_opts){.path = HOST_PATH(root, rel)},
		      &l, e))
		return -1;
	for (int pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < l.n; i++) {
			AUTO(mem_freep)
			char *one = mem_printf("%s/%s", rel, l.v[i].rel);

			if (is_last(l.v[i].rel) == pass &&
			    remove_entry(h, HOST_PATH(root, one),
					 l.v[i].st.type == HOST_DIR, e))
				return -1;
		}
	return host_rmtree(h, HOST_PATH(root, rel), e);
}

int purge_remove(struct world *w, const char *job, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
	const char *root = w->move->src.instances_path;
	struct host_release r = {
		.root = root, .uuid = w->move->uuid, .forget = true};
	enum host_type t;

	if (!need_host(w, SRC, e) || claim_source(w, job, e) ||
	    exists(w->host[SRC], HOST_PATH(root, rel), &t, e) ||
	    (t != HOST_NONE && remove_all(w->host[SRC], root, rel, e)))
		return -1;
	return host_lease_release(w->host[SRC], &r, e);
}
