/* SPDX-License-Identifier: Apache-2.0 */
/* What Cinder says of the attached volumes. */
#include <string.h>

#include "api/cinder.h"
#include "facts/facts_priv.h"

static bool named(const struct cinder_attachments *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].id, id))
			return true;
	return false;
}

static void take_volume(struct fact_volume *v, const struct cinder_volume *c)
{
	v->status = mem_strdup0(c->status);
	v->multiattach = c->multiattach;
	for (size_t i = 0; i < c->n_users && !v->host; i++)
		if (c->users[i].attachment_id &&
		    !strcmp(c->users[i].attachment_id, v->attachment))
			v->host = mem_strdup0(c->users[i].host);
}

static int read_one(struct fact_volume *v, struct api_session *s, struct err *e)
{
	AUTO(cinder_volume_clear) struct cinder_volume c = {0};
	AUTO(cinder_attachments_clear) struct cinder_attachments l = {0};
	AUTO(cinder_attachment_clear) struct cinder_attachment a = {0};

	if (cinder_volume_get(s, v->id, &c, e) ||
	    cinder_attachments_list(s, NULL, v->id, &l, e))
		return -1;
	take_volume(v, &c);
	v->n_attachments = l.n;
	if (!named(&l, v->attachment))
		return 0;
	if (cinder_attachment_get(s, v->attachment, &a, e))
		return -1;
	v->instance = mem_strdup0(a.instance);
	v->state = mem_strdup0(a.status);
	/* "null" is Cinder's word for "not said": then it is rw. */
	v->mode = mem_strdup(a.mode && !strcmp(a.mode, "ro") ? "ro" : "rw");
	return 0;
}

static int read_flow(struct fact_cloud *c, struct api_session *s, struct err *e)
{
	struct api_version v;

	if (api_has(s, CLOUD_VOLUME, &c->volume, e))
		return -1;
	if (!c->volume)
		return 0;
	if (api_version(s, CLOUD_VOLUME, &v, e))
		return -1;
	c->complete = api_at_least(v, 3, 44);
	c->delegated = api_delegated(s);
	return 0;
}

int volumes_read(struct facts *f, struct api_session *s, struct err *e)
{
	struct fact_cloud *c = &f->cloud;

	if (read_flow(c, s, e))
		return -1;
	if (!c->complete)
		return 0;
	volumes_list(f);
	for (size_t i = 0; i < c->n_volumes; i++) {
		struct fact_volume *v = &c->volumes[i];

		if (read_one(v, s, &v->err) && v->err.kind == ERR_NONE)
			err_set(&v->err, ERR_BUG, "no reason was given");
	}
	return 0;
}
