/* SPDX-License-Identifier: Apache-2.0 */
/* Services, hypervisors, migrations and actions, from JSON. */
#include "api/nova.h"

#include <string.h>

#include "api/nova_priv.h"

void nova_services_clear(struct nova_services *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct nova_service *s = &v->v[i];
		char *const all[] = {s->id,
				     s->binary,
				     s->host,
				     s->zone,
				     s->status,
				     s->state,
				     s->disabled_reason,
				     s->updated_at};

		for (size_t k = 0; k < ARRAY_SIZE(all); k++)
			mem_free(all[k]);
	}
	mem_free(v->v);
	*v = (struct nova_services){0};
}

int nova_services_parse(const char *text, size_t len, struct nova_services *out,
			struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct nova_services){0};
	if (jr_open(&r, text, len, "services", e))
		return -1;
	n = jr_objs(&r, r.root, "services");
	out->v = MEM_NEW_N(struct nova_service, n);
	for (; out->n < n; out->n++) {
		const json_t *o = json_array_get(r.root, out->n);
		struct nova_service *s = &out->v[out->n];

		s->id = jr_id(&r, o, "id");
		s->binary = jr_need(&r, o, "binary");
		s->host = jr_need(&r, o, "host");
		s->zone = jr_str(&r, o, "zone");
		s->status = jr_str(&r, o, "status");
		s->state = jr_str(&r, o, "state");
		s->disabled_reason = jr_str(&r, o, "disabled_reason");
		s->updated_at = jr_str(&r, o, "updated_at");
		s->forced_down = nova_tri_of(&r, o, "forced_down");
	}
	rc = jr_close(&r);
	if (rc)
		nova_services_clear(out);
	return rc;
}

void nova_hypervisors_clear(struct nova_hypervisors *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct nova_hypervisor *h = &v->v[i];
		char *const all[] = {h->id,   h->node,	h->host,  h->host_ip,
				     h->type, h->state, h->status};

		for (size_t k = 0; k < ARRAY_SIZE(all); k++)
			mem_free(all[k]);
	}
	mem_free(v->v);
	*v = (struct nova_hypervisors){0};
}

static void take_hypervisor(struct jr *r, const json_t *o,
			    struct nova_hypervisor *h)
{
	h->id = jr_id(r, o, "id");
	h->node = jr_need(r, o, "hypervisor_hostname");
	h->host = jr_str(r, jr_obj(r, o, "service"), "host");
	h->host_ip = jr_str(r, o, "host_ip");
	h->type = jr_str(r, o, "hypervisor_type");
	h->state = jr_str(r, o, "state");
	h->status = jr_str(r, o, "status");
	h->vcpus = jr_int(r, o, "vcpus", -1);
	h->vcpus_used = jr_int(r, o, "vcpus_used", -1);
	h->memory_mb = jr_int(r, o, "memory_mb", -1);
	h->memory_mb_used = jr_int(r, o, "memory_mb_used", -1);
	h->local_gb = jr_int(r, o, "local_gb", -1);
	h->local_gb_used = jr_int(r, o, "local_gb_used", -1);
}

int nova_hypervisors_parse(const char *text, size_t len,
			   struct nova_hypervisors *out, struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct nova_hypervisors){0};
	if (jr_open(&r, text, len, "hypervisors", e))
		return -1;
	n = jr_objs(&r, r.root, "hypervisors");
	out->v = MEM_NEW_N(struct nova_hypervisor, n);
	for (; out->n < n; out->n++)
		take_hypervisor(&r, json_array_get(r.root, out->n),
				&out->v[out->n]);
	rc = jr_close(&r);
	if (rc)
		nova_hypervisors_clear(out);
	return rc;
}

static void migration_clear(struct nova_migration *m)
{
	char *const all[] = {
		m->uuid,	 m->instance_uuid,  m->status,
		m->type,	 m->source_compute, m->source_node,
		m->dest_compute, m->dest_node,	    m->dest_host,
		m->created_at,	 m->updated_at,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mem_free(all[i]);
	*m = (struct nova_migration){0};
}

void nova_migrations_clear(struct nova_migrations *v)
{
	for (size_t i = 0; i < v->n; i++)
		migration_clear(&v->v[i]);
	mem_free(v->v);
	*v = (struct nova_migrations){0};
}

static void take_migration(struct jr *r, const json_t *o,
			   struct nova_migration *m)
{
	m->id = jr_int(r, o, "id", 0);
	m->uuid = jr_str(r, o, "uuid");
	m->instance_uuid = jr_str(r, o, "instance_uuid");
	m->status = jr_str(r, o, "status");
	m->type = jr_str(r, o, "migration_type");
	m->source_compute = jr_str(r, o, "source_compute");
	m->source_node = jr_str(r, o, "source_node");
	m->dest_compute = jr_str(r, o, "dest_compute");
	m->dest_node = jr_str(r, o, "dest_node");
	m->dest_host = jr_str(r, o, "dest_host");
	m->created_at = jr_str(r, o, "created_at");
	m->updated_at = jr_str(r, o, "updated_at");
}

int nova_migrations_parse(const char *text, size_t len,
			  struct nova_migrations *out, struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct nova_migrations){0};
	if (jr_open(&r, text, len, "migrations", e))
		return -1;
	n = jr_objs(&r, r.root, "migrations");
	out->v = MEM_NEW_N(struct nova_migration, n);
	for (; out->n < n; out->n++)
		take_migration(&r, json_array_get(r.root, out->n),
			       &out->v[out->n]);
	rc = jr_close(&r);
	if (rc)
		nova_migrations_clear(out);
	return rc;
}

void nova_actions_clear(struct nova_actions *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct nova_action *a = &v->v[i];
		char *const all[] = {a->action,	    a->request_id, a->user_id,
				     a->project_id, a->start_time, a->message};

		for (size_t k = 0; k < ARRAY_SIZE(all); k++)
			mem_free(all[k]);
	}
	mem_free(v->v);
	*v = (struct nova_actions){0};
}

int nova_actions_parse(const char *text, size_t len, struct nova_actions *out,
		       struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct nova_actions){0};
	if (jr_open(&r, text, len, "instanceActions", e))
		return -1;
	n = jr_objs(&r, r.root, "instanceActions");
	out->v = MEM_NEW_N(struct nova_action, n);
	for (; out->n < n; out->n++) {
		const json_t *o = json_array_get(r.root, out->n);
		struct nova_action *a = &out->v[out->n];

		a->action = jr_need(&r, o, "action");
		a->request_id = jr_str(&r, o, "request_id");
		a->user_id = jr_str(&r, o, "user_id");
		a->project_id = jr_str(&r, o, "project_id");
		a->start_time = jr_str(&r, o, "start_time");
		a->message = jr_str(&r, o, "message");
	}
	rc = jr_close(&r);
	if (rc)
		nova_actions_clear(out);
	return rc;
}

/* Only what follows the collection's name is taken of the link: its host is
 * whatever Nova believes itself to be called. */
char *nova_next_parse(const char *text, size_t len, const char *links)
{
	json_t *doc = json_loadb(text, len, 0, NULL), *v;
	const char *rel, *href, *query;
	char *out = NULL;
	size_t i;

	json_array_foreach (json_object_get(doc, links), i, v) {
		rel = json_string_value(json_object_get(v, "rel"));
		href = json_string_value(json_object_get(v, "href"));
		query = href ? strchr(href, '?') : NULL;
		if (rel && query && strcmp(rel, "next") == 0 && !out)
			out = mem_strdup(query);
	}
	json_decref(doc);
	return out;
}
