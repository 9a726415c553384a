/* SPDX-License-Identifier: Apache-2.0 */
#include "steps/purge.h"

#include <string.h>

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

/* Are the instance's disks where the database says that it is? */
static int disks_in_place(struct world *w, const char *host, bool *yes,
			  struct err *e)
{
	const struct move *m = w->move;
	enum side s = !strcmp(host, m->dst.host) ? DST : SRC;

	*yes = false;
	if (strcmp(host, side_of(m, s)->host) != 0 || !w->host[s])
		return 0;
	*yes = true;
	for (size_t i = 0; i < m->nfiles; i++) {
		AUTO(spot_clear) struct spot p = spot_armed(m, s, &m->files[i]);
		enum host_type t;

		if (!m->files[i].disk)
			continue;
		if (exists(w->host[s], AT(p), &t, e))
			return -1;
		*yes = *yes && t == HOST_FILE;
	}
	return 0;
}

static int judge(struct world *w, struct purge *p, struct err *e)
{
	AUTO(db_instance_clear) struct db_instance row = {0};
	bool there;

	if (w->db->ops->instance(w->db, w->move->uuid, &row, e))
		return -1;
	if (row.deleted) {
		p->allowed = true;
		p->reason = mem_strdup("the server is deleted");
		return 0;
	}
	if (!row.host) {
		p->reason = mem_strdup("the database names no host for it");
		return 0;
	}
	if (disks_in_place(w, row.host, &there, e))
		return -1;
	p->allowed = there;
	p->reason = there ? mem_printf("the instance and its disks are on %s",
				       row.host)
			  : mem_printf("the database says %s, and its disks "
				       "were not seen there",
				       row.host);
	return 0;
}

int purge_look(struct world *w, const char *job, struct purge *p, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
	const char *root = w->move->src.instances_path;
	enum host_type t;

	if (!need_host(w, SRC, e) ||
	    exists(w->host[SRC], HOST_PATH(root, rel), &t, e))
		return -1;
	if (t == HOST_NONE) {
		p->reason = mem_strdup("nothing is kept");
		return 0;
	}
	p->path = mem_printf("%s/%s", root, rel);
	if (measure(w, rel, &p->bytes, e))
		return -1;
	return judge(w, p, e);
}

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

int purge_remove(struct world *w, const char *job, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
	const char *root = w->move->src.instances_path;
	struct host_release r = {
		.root = root, .uuid = w->move->uuid, .forget = true};

	if (claim_source(w, job, e))
		return -1;
	if (host_rmtree(w->host[SRC], HOST_PATH(root, rel), e))
		return -1;
	return host_lease_release(w->host[SRC], &r, e);
}
