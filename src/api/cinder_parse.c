/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes and attachments, from and to JSON. */
#include "api/cinder.h"

#include "api/json_priv.h"

void cinder_volume_clear(struct cinder_volume *v)
{
	char *const all[] = {v->id,	v->name,   v->zone,
			     v->type,	v->status, v->migration_status,
			     v->backend};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mem_free(all[i]);
	for (size_t i = 0; i < v->n_users; i++) {
		mem_free(v->users[i].attachment_id);
		mem_free(v->users[i].server_id);
		mem_free(v->users[i].device);
		mem_free(v->users[i].host);
	}
	mem_free(v->users);
	*v = (struct cinder_volume){0};
}

static void take_users(struct jr *r, const json_t *o, struct cinder_volume *v)
{
	json_t *list = jr_arr(r, o, "attachments");
	size_t n = list ? jr_objs(r, list, "attachments") : 0;

	v->users = MEM_NEW_N(struct cinder_user, n + 1);
	for (size_t i = 0; i < n; i++) {
		const json_t *u = json_array_get(list, i);
		struct cinder_user *to = &v->users[v->n_users];

		/* Icehouse shows one {} for none. */
		if (!json_object_size(u))
			continue;
		to->attachment_id = jr_str(r, u, "attachment_id");
		to->server_id = jr_str(r, u, "server_id");
		to->device = jr_str(r, u, "device");
		to->host = jr_str(r, u, "host_name");
		v->n_users++;
	}
}

int cinder_volume_parse(const char *text, size_t len, struct cinder_volume *out,
			struct err *e)
{
	struct jr r;
	int rc;

	*out = (struct cinder_volume){0};
	if (jr_open(&r, text, len, "volume", e))
		return -1;
	out->id = jr_need(&r, r.root, "id");
	out->name = jr_str(&r, r.root, "name");
	if (!out->name) /* v1 */
		out->name = jr_str(&r, r.root, "display_name");
	out->zone = jr_str(&r, r.root, "availability_zone");
	out->type = jr_str(&r, r.root, "volume_type");
	out->status = jr_need(&r, r.root, "status");
	out->migration_status = jr_str(&r, r.root, "migration_status");
	out->backend = jr_str(&r, r.root, "os-vol-host-attr:host");
	out->size_gb = jr_int(&r, r.root, "size", 0);
	out->multiattach = jr_bool(&r, r.root, "multiattach");
	out->encrypted = jr_bool(&r, r.root, "encrypted");
	out->bootable = jr_bool(&r, r.root, "bootable");
	take_users(&r, r.root, out);
	rc = jr_close(&r);
	if (rc)
		cinder_volume_clear(out);
	return rc;
}

/* --- attachments */

void cinder_attachment_clear(struct cinder_attachment *a)
{
	mem_free(a->id);
	mem_free(a->volume_id);
	mem_free(a->instance);
	mem_free(a->status);
	mem_free(a->mode);
	mem_free(a->attached_at);
	secret_free(a->connection);
	*a = (struct cinder_attachment){0};
}

void cinder_attachments_clear(struct cinder_attachments *v)
{
	for (size_t i = 0; i < v->n; i++)
		cinder_attachment_clear(&v->v[i]);
	mem_free(v->v);
	*v = (struct cinder_attachments){0};
}

static void take_attachment(struct jr *r, const json_t *o,
			    struct cinder_attachment *a)
{
	a->id = jr_need(r, o, "id");
	a->volume_id = jr_str(r, o, "volume_id");
	a->instance = jr_str(r, o, "instance");
	a->status = jr_str(r, o, "status");
	a->mode = jr_str(r, o, "attach_mode");
	a->attached_at = jr_str(r, o, "attached_at");
	a->connection = jr_text(r, o, "connection_info");
}

int cinder_attachment_parse(const char *text, size_t len,
			    struct cinder_attachment *out, struct err *e)
{
	struct jr r;
	int rc;

	*out = (struct cinder_attachment){0};
	if (jr_open(&r, text, len, "attachment", e))
		return -1;
	take_attachment(&r, r.root, out);
	rc = jr_close_secret(&r);
	if (rc)
		cinder_attachment_clear(out);
	return rc;
}

int cinder_attachments_parse(const char *text, size_t len,
			     struct cinder_attachments *out, struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct cinder_attachments){0};
	if (jr_open(&r, text, len, "attachments", e))
		return -1;
	n = jr_objs(&r, r.root, "attachments");
	out->v = MEM_NEW_N(struct cinder_attachment, n);
	for (; out->n < n; out->n++)
		take_attachment(&r, json_array_get(r.root, out->n),
				&out->v[out->n]);
	rc = jr_close_secret(&r);
	if (rc)
		cinder_attachments_clear(out);
	return rc;
}

/* --- the old flow */

static void put_connector(struct buf *b, const struct cinder_action *a)
{
	json_key(b, "connector");
	buf_puts(b, a->connector);
}

/* cinder/api/contrib/volume_actions.py; os-detach's attachment_id: Kilo. */
char *cinder_action_body(const struct cinder_action *a)
{
	static const char *const names[] = {
		[CINDER_RESERVE] = "os-reserve",
		[CINDER_UNRESERVE] = "os-unreserve",
		[CINDER_ATTACH] = "os-attach",
		[CINDER_BEGIN_DETACHING] = "os-begin_detaching",
		[CINDER_ROLL_DETACHING] = "os-roll_detaching",
		[CINDER_DETACH] = "os-detach",
		[CINDER_INITIALIZE_CONNECTION] = "os-initialize_connection",
		[CINDER_TERMINATE_CONNECTION] = "os-terminate_connection",
	};
	struct buf b = BUF_INIT;

	buf_putc(&b, '{');
	json_key(&b, names[a->act]);
	buf_putc(&b, '{');
	switch (a->act) {
	case CINDER_ATTACH:
		json_member(&b, "instance_uuid", a->instance);
		json_member(&b, "mountpoint", a->device);
		json_member(&b, "mode", a->mode ? a->mode : "rw");
		break;
	case CINDER_DETACH:
		json_member(&b, "attachment_id", a->attachment);
		break;
	case CINDER_INITIALIZE_CONNECTION:
	case CINDER_TERMINATE_CONNECTION:
		put_connector(&b, a);
		break;
	case CINDER_RESERVE:
	case CINDER_UNRESERVE:
	case CINDER_BEGIN_DETACHING:
	case CINDER_ROLL_DETACHING:
		break;
	}
	buf_puts(&b, "}}");
	return buf_steal(&b);
}
