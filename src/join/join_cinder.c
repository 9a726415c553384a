/* SPDX-License-Identifier: Apache-2.0 */
/* Cinder behind the port of the steps that swap attachments, and Nova where it
 * detaches and attaches. */
#include <errno.h>
#include <string.h>

#include "api/cinder.h"
#include "api/nova.h"
#include "join/join.h"

static struct volume_att att_of(struct cinder_attachment *a)
{
	struct volume_att out = {a->id, a->instance, a->status, a->connection};

	/* taken */
	a->id = a->instance = a->status = a->connection = NULL;
	return out;
}

static int look(void *self, const char *volume, struct volume_view *out,
		struct err *e)
{
	AUTO(cinder_volume_clear) struct cinder_volume v = {0};
	AUTO(cinder_attachments_clear) struct cinder_attachments l = {0};

	if (cinder_volume_get(self, volume, &v, e)) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (cinder_attachments_list(self, NULL, volume, &l, e))
		return -1;
	out->status = mem_strdup0(v.status);
	out->v = MEM_NEW_N(struct volume_att, l.n);
	for (; out->n < l.n; out->n++)
		out->v[out->n] = att_of(&l.v[out->n]);
	return 0;
}

static int make(void *self, const struct volume_want *w, struct volume_att *out,
		struct err *e)
{
	AUTO(cinder_attachment_clear) struct cinder_attachment a = {0};
	struct cinder_attach how = {.volume = w->volume,
				    .instance = w->instance,
				    .connector = w->connector,
				    .mode = w->mode};

	if (cinder_attachment_create(self, &how, &a, e))
		return -1;
	*out = att_of(&a);
	return 0;
}

static int complete(void *self, const char *id, struct err *e)
{
	return cinder_attachment_complete(self, id, e);
}

static int drop(void *self, const char *id, struct err *e)
{
	if (!cinder_attachment_drop(self, id, e))
		return 0;
	if (e->kind != ERR_NOTHING)
		return -1;
	err_clear(e);
	return 0;
}

/* ---- Nova */

static int listed(void *self, const char *server, const char *volume, bool *yes,
		  struct err *e)
{
	AUTO(nova_volumes_clear) struct nova_volumes v = {0};

	*yes = false;
	if (nova_volumes_list(self, server, &v, e))
		return -1;
	for (size_t i = 0; i < v.n; i++)
		*yes |= v.v[i].volume_id && !strcmp(v.v[i].volume_id, volume);
	return 0;
}

static int detach(void *self, const char *server, const char *volume,
		  struct err *e)
{
	return nova_volume_detach(self, server, volume, e);
}

static int attach(void *self, const struct volume_put *p, struct err *e)
{
	struct nova_attach a = {
		.server = p->server,
		.volume = p->volume,
		.device = p->device,
		.tag = p->tag,
		.delete_on_termination =
			p->delete_on_termination ? NOVA_YES : NOVA_NO,
	};

	return nova_volume_attach(self, &a, e);
}

const struct volume_ops cinder_join_ops = {
	.look = look,
	.make = make,
	.complete = complete,
	.drop = drop,
	.listed = listed,
	.detach = detach,
	.attach = attach,
};
