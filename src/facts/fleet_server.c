/* SPDX-License-Identifier: Apache-2.0 */
/* One instance of the source. */
#include "facts/fleet.h"

#include <string.h>

#include "facts/facts_priv.h"

static enum host_type entry(const struct strv *dirs, const char *uuid,
			    const char *suffix)
{
	AUTO(mem_freep) char *name = mem_printf("%s%s", uuid, suffix);

	return strv_has(dirs, name) ? HOST_DIR : HOST_NONE;
}

static bool travels(const struct fact_file *q)
{
	switch (q->name.act) {
	case IMAGE_ACT_COPY:
	case IMAGE_ACT_REWRITE:
		return true;
	case IMAGE_ACT_REFUSE:
	case IMAGE_ACT_OPTIONAL:
	case IMAGE_ACT_RECREATE:
	case IMAGE_ACT_NEVER:
		break;
	}
	return false;
}

static void add_base(struct fleet_facts *f, const struct fact_base *b)
{
	for (size_t i = 0; i < f->n_bases; i++)
		if (!strcmp(f->bases[i].name, b->name))
			return;
	f->bases = mem_realloc(f->bases, f->n_bases + 1, sizeof(*f->bases));
	f->bases[f->n_bases++] =
		(struct fleet_base){mem_strdup(b->name), b->src.blocks * 512};
}

static void sum_up(struct fleet_facts *f, struct fleet_server *s)
{
	for (size_t i = 0; i < s->f.n_files; i++)
		if (travels(&s->f.files[i]))
			s->bytes += s->f.files[i].st.blocks * 512;
	for (size_t i = 0; i < s->f.n_bases; i++) {
		add_base(f, &s->f.bases[i]);
		strv_add(&s->bases, s->f.bases[i].name);
	}
}

/* What is of the instance stays in its facts; the host is the fleet's. */
static struct fact_host own(const struct fact_host *h, bool virt_asked)
{
	struct fact_host o = {.state = h->state,
			      .flags = h->flags,
			      .dir = h->dir,
			      .dir_resize = h->dir_resize,
			      .dir_del = h->dir_del,
			      .lease = h->lease};

	if (virt_asked)
		o.virt_err = h->virt_err;
	return o;
}

void fleet_server(struct fleet_facts *f, size_t i, struct host *host,
		  struct virt *virt)
{
	struct fleet_server *s = &f->servers[i];
	struct fact_host *h = &s->f.host[SRC_HOST];
	const char *uuid = s->f.srv.inst.uuid;
	struct host_lease_ref ref = {f->src.instances_path, uuid};
	bool ask = virt && f->src.virt_err.kind == ERR_NONE;

	if (f->src.down.kind != ERR_NONE)
		return;
	*h = f->src; /* borrowed until own() */
	h->name = f->source;
	h->lease = (struct host_lease){0};
	h->flags = (struct virt_flags){0};
	h->state = (struct virt_status){0};
	h->dir = entry(&f->src_dirs, uuid, "");
	h->dir_resize = entry(&f->src_dirs, uuid, "_resize");
	h->dir_del = entry(&f->src_dirs, uuid, "_del");
	if (ask)
		host_domain(&s->f, h, virt);
	if (f->src.path_err.kind == ERR_NONE &&
	    !host_lease_read(host, &ref, &h->lease, &s->err) &&
	    !facts_files(&s->f, host, NULL, &s->err))
		sum_up(f, s);
	*h = own(h, ask);
}
