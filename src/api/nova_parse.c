/* SPDX-License-Identifier: Apache-2.0 */
/* Servers and their volumes, from JSON. */
#include "api/nova.h"

#include <string.h>

#include "api/json_priv.h"
#include "api/nova_priv.h"

enum nova_tri nova_tri_of(struct jr *r, const json_t *o, const char *key)
{
	if (!jr_has(o, key))
		return NOVA_UNKNOWN;
	return jr_bool(r, o, key) ? NOVA_YES : NOVA_NO;
}

void nova_server_clear(struct nova_server *s)
{
	char *const all[] = {
		s->id,		s->name,	s->status,	  s->project_id,
		s->user_id,	s->vm_state,	s->task_state,	  s->host,
		s->node,	s->zone,	s->instance_name, s->image_id,
		s->host_status, s->flavor,	s->locked_reason, s->created,
		s->updated,	s->launched_at, s->fault,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mem_free(all[i]);
	for (size_t i = 0; i < s->n_volumes; i++)
		mem_free(s->volumes[i].id);
	mem_free(s->volumes);
	*s = (struct nova_server){.power_state = -1};
}

static void take_volumes(struct jr *r, json_t *o, struct nova_server *s)
{
	json_t *list = jr_arr(r, o, "os-extended-volumes:volumes_attached");
	size_t n = list ? jr_objs(r, list, "volumes_attached") : 0;

	if (!n)
		return;
	s->volumes = MEM_NEW_N(struct nova_server_volume, n);
	for (; s->n_volumes < n; s->n_volumes++) {
		struct nova_server_volume *v = &s->volumes[s->n_volumes];
		json_t *j = json_array_get(list, s->n_volumes);

		v->id = jr_need(r, j, "id");
		v->delete_on_termination =
			nova_tri_of(r, j, "delete_on_termination");
	}
}

/* "" stands for an instance that boots from a volume. */
static char *image(struct jr *r, const json_t *o)
{
	const json_t *v = json_object_get(o, "image");

	if (json_is_string(v) && !json_string_length(v))
		return NULL;
	return jr_id(r, jr_obj(r, o, "image"), "id");
}

static void take_state(struct jr *r, const json_t *o, struct nova_server *s)
{
	s->vm_state = jr_str(r, o, "OS-EXT-STS:vm_state");
	s->task_state = jr_str(r, o, "OS-EXT-STS:task_state");
	s->power_state = (int)jr_int(r, o, "OS-EXT-STS:power_state", -1);
	s->locked = nova_tri_of(r, o, "locked");
	s->locked_reason = jr_str(r, o, "locked_reason");
	s->fault = jr_str(r, jr_obj(r, o, "fault"), "message");
	s->created = jr_str(r, o, "created");
	s->updated = jr_str(r, o, "updated");
	s->launched_at = jr_str(r, o, "OS-SRV-USG:launched_at");
}

static void take_server(struct jr *r, json_t *o, struct nova_server *s)
{
	const json_t *flavor = jr_obj(r, o, "flavor");

	s->id = jr_need(r, o, "id");
	s->name = jr_str(r, o, "name");
	s->status = jr_str(r, o, "status");
	s->project_id = jr_str(r, o, "tenant_id");
	s->user_id = jr_str(r, o, "user_id");
	s->host = jr_str(r, o, "OS-EXT-SRV-ATTR:host");
	s->node = jr_str(r, o, "OS-EXT-SRV-ATTR:hypervisor_hostname");
	s->instance_name = jr_str(r, o, "OS-EXT-SRV-ATTR:instance_name");
	s->host_status = jr_str(r, o, "host_status");
	s->zone = jr_str(r, o, "OS-EXT-AZ:availability_zone");
	s->image_id = image(r, o);
	s->flavor = jr_str(r, flavor, "original_name");
	if (!s->flavor)
		s->flavor = jr_id(r, flavor, "id");
	s->config_drive = jr_bool(r, o, "config_drive");
	take_state(r, o, s);
	take_volumes(r, o, s);
}

int nova_server_parse(const char *text, size_t len, struct nova_server *s,
		      struct err *e)
{
	struct jr r;
	int rc;

	*s = (struct nova_server){.power_state = -1};
	if (jr_open(&r, text, len, "server", e))
		return -1;
	take_server(&r, r.root, s);
	rc = jr_close(&r);
	if (rc)
		nova_server_clear(s);
	return rc;
}

int nova_names_parse(const char *text, size_t len, const char *name,
		     struct strv *ids, struct err *e)
{
	struct jr r;
	size_t n;

	if (jr_open(&r, text, len, "servers", e))
		return -1;
	n = jr_objs(&r, r.root, "servers");
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(r.root, i);
		AUTO(mem_freep) char *id = jr_need(&r, o, "id");
		AUTO(mem_freep) char *its = jr_str(&r, o, "name");

		if (id && its && strcmp(its, name) == 0)
			strv_add(ids, id);
	}
	return jr_close(&r);
}

/* --- volumes */

void nova_volumes_clear(struct nova_volumes *v)
{
	for (size_t i = 0; i < v->n; i++) {
		mem_free(v->v[i].volume_id);
		mem_free(v->v[i].device);
		mem_free(v->v[i].tag);
		mem_free(v->v[i].attachment_id);
		mem_free(v->v[i].bdm_uuid);
	}
	mem_free(v->v);
	*v = (struct nova_volumes){0};
}

int nova_volumes_parse(const char *text, size_t len, struct nova_volumes *out,
		       struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct nova_volumes){0};
	if (jr_open(&r, text, len, "volumeAttachments", e))
		return -1;
	n = jr_objs(&r, r.root, "volumeAttachments");
	out->v = MEM_NEW_N(struct nova_volume, n);
	for (; out->n < n; out->n++) {
		const json_t *o = json_array_get(r.root, out->n);
		struct nova_volume *v = &out->v[out->n];

		v->volume_id = jr_need(&r, o, "volumeId");
		v->device = jr_str(&r, o, "device");
		v->tag = jr_str(&r, o, "tag");
		v->delete_on_termination =
			nova_tri_of(&r, o, "delete_on_termination");
		v->attachment_id = jr_str(&r, o, "attachment_id");
		v->bdm_uuid = jr_str(&r, o, "bdm_uuid");
	}
	rc = jr_close(&r);
	if (rc)
		nova_volumes_clear(out);
	return rc;
}

int nova_console_parse(const char *text, size_t len, struct buf *out,
		       struct err *e)
{
	struct jr r;

	if (jr_open(&r, text, len, NULL, e))
		return -1;
	if (!json_is_string(json_object_get(r.root, "output")))
		jr_fail(&r, "it has no \"output\"");
	else
		buf_puts(out,
			 json_string_value(json_object_get(r.root, "output")));
	return jr_close(&r);
}
