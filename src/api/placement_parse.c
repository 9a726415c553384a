/* SPDX-License-Identifier: Apache-2.0 */
/* Providers, allocations and inventories: JSON, and the pure part of a move. */
#include "api/placement.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "api/json_priv.h"

void placement_provider_clear(struct placement_provider *p)
{
	mem_free(p->uuid);
	mem_free(p->name);
	mem_free(p->parent);
	*p = (struct placement_provider){0};
}

int placement_provider_parse(const char *text, size_t len, const char *name,
			     struct placement_provider *out, struct err *e)
{
	bool found = false;
	struct jr r;
	size_t n;

	*out = (struct placement_provider){0};
	if (jr_open(&r, text, len, "resource_providers", e))
		return -1;
	n = jr_objs(&r, r.root, "resource_providers");
	for (size_t i = 0; i < n && !found && !r.bad; i++) {
		const json_t *o = json_array_get(r.root, i);

		placement_provider_clear(out);
		out->uuid = jr_need(&r, o, "uuid");
		out->name = jr_need(&r, o, "name");
		out->generation = jr_int(&r, o, "generation", 0);
		out->parent = jr_str(&r, o, "parent_provider_uuid");
		found = out->name && strcmp(out->name, name) == 0;
	}
	if (jr_close(&r)) {
		placement_provider_clear(out);
		return -1;
	}
	if (found)
		return 0;
	placement_provider_clear(out);
	err_set(e, ERR_FAILED, "there is no resource provider named %s", name);
	e->sys = ENOENT;
	return -1;
}

/* --- allocations */

static void share_clear(struct placement_share *s)
{
	for (size_t i = 0; i < s->n; i++)
		mem_free(s->v[i].resource);
	mem_free(s->v);
	mem_free(s->provider);
	*s = (struct placement_share){0};
}

void placement_allocations_clear(struct placement_allocations *a)
{
	for (size_t i = 0; i < a->n; i++)
		share_clear(&a->v[i]);
	mem_free(a->v);
	mem_free(a->project_id);
	mem_free(a->user_id);
	*a = (struct placement_allocations)PLACEMENT_ALLOCATIONS_INIT;
}

static void take_share(struct jr *r, const char *provider, json_t *o,
		       struct placement_share *s)
{
	json_t *res = jr_obj(r, o, "resources"), *v;
	const char *key;

	s->provider = mem_strdup(provider);
	s->generation = jr_int(r, o, "generation", -1);
	s->v = MEM_NEW_N(struct placement_amount, json_object_size(res) + 1);
	json_object_foreach (res, key, v) {
		if (!json_is_integer(v) || json_integer_value(v) < 1)
			jr_fail(r, "%s of %s is no amount", key, provider);
		s->v[s->n++] = (struct placement_amount){mem_strdup(key),
							 json_integer_value(v)};
	}
}

int placement_allocations_parse(const char *text, size_t len,
				struct placement_allocations *out,
				struct err *e)
{
	const char *key;
	json_t *all, *v;
	struct jr r;
	int rc;

	*out = (struct placement_allocations)PLACEMENT_ALLOCATIONS_INIT;
	if (jr_open(&r, text, len, NULL, e))
		return -1;
	all = jr_obj(&r, r.root, "allocations");
	if (!all)
		jr_fail(&r, "it has no \"allocations\"");
	out->v = MEM_NEW_N(struct placement_share, json_object_size(all) + 1);
	json_object_foreach (all, key, v) {
		if (r.bad)
			break;
		if (!json_is_object(v))
			jr_fail(&r, "the share of %s is not an object", key);
		else
			take_share(&r, key, v, &out->v[out->n++]);
	}
	out->project_id = jr_str(&r, r.root, "project_id");
	out->user_id = jr_str(&r, r.root, "user_id");
	out->generation = jr_int(&r, r.root, "consumer_generation", -1);
	rc = jr_close(&r);
	if (rc)
		placement_allocations_clear(out);
	return rc;
}

int placement_consumers_parse(const char *text, size_t len, struct strv *out,
			      struct err *e)
{
	const char *key;
	json_t *all, *v;
	struct jr r;

	if (jr_open(&r, text, len, NULL, e))
		return -1;
	all = jr_obj(&r, r.root, "allocations");
	if (!all)
		jr_fail(&r, "it has no \"allocations\"");
	json_object_foreach (all, key, v)
		strv_add(out, key);
	return jr_close(&r);
}

int placement_traits_parse(const char *text, size_t len, struct strv *out,
			   struct err *e)
{
	const json_t *v;
	json_t *all;
	struct jr r;
	size_t i;

	if (jr_open(&r, text, len, NULL, e))
		return -1;
	all = jr_arr(&r, r.root, "traits");
	if (!all)
		jr_fail(&r, "it has no \"traits\"");
	json_array_foreach (all, i, v)
		if (json_is_string(v))
			strv_add(out, json_string_value(v));
	return jr_close(&r);
}

static void put_resources(struct buf *b, const struct placement_share *s)
{
	json_key(b, "resources");
	buf_putc(b, '{');
	for (size_t i = 0; i < s->n; i++) {
		json_key(b, s->v[i].resource);
		buf_printf(b, "%" PRId64, s->v[i].amount);
	}
	buf_putc(b, '}');
}

/* 1.0 to 1.11 */
static void put_list(struct buf *b, const struct placement_allocations *a)
{
	buf_puts(b, "\"allocations\":[");
	for (size_t i = 0; i < a->n; i++) {
		buf_puts(b, i ? ",{\"resource_provider\":{"
			      : "{\"resource_provider\":{");
		json_member(b, "uuid", a->v[i].provider);
		buf_putc(b, '}');
		put_resources(b, &a->v[i]);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

static void put_dict(struct buf *b, const struct placement_allocations *a)
{
	buf_puts(b, "\"allocations\":{");
	for (size_t i = 0; i < a->n; i++) {
		json_key(b, a->v[i].provider);
		buf_putc(b, '{');
		put_resources(b, &a->v[i]);
		buf_putc(b, '}');
	}
	buf_putc(b, '}');
}

char *placement_allocations_body(const struct placement_allocations *a,
				 struct api_version v)
{
	struct buf b = BUF_INIT;

	buf_putc(&b, '{');
	if (api_at_least(v, 1, 12))
		put_dict(&b, a);
	else
		put_list(&b, a);
	if (api_at_least(v, 1, 8)) {
		json_member(&b, "project_id", a->project_id);
		json_member(&b, "user_id", a->user_id);
	}
	if (api_at_least(v, 1, 28)) {
		json_key(&b, "consumer_generation");
		if (a->generation < 0)
			buf_puts(&b, "null");
		else
			buf_printf(&b, "%" PRId64, a->generation);
	}
	buf_putc(&b, '}');
	return buf_steal(&b);
}

/* --- a move */

static bool same_share(const struct placement_share *a,
		       const struct placement_share *b)
{
	size_t hits = 0;

	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			hits += a->v[i].amount == b->v[k].amount &&
				strcmp(a->v[i].resource, b->v[k].resource) == 0;
	return hits == a->n && a->n == b->n;
}

static struct placement_share *share_of(struct placement_allocations *a,
					const char *provider)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].provider, provider) == 0)
			return &a->v[i];
	return NULL;
}

static void drop(struct placement_allocations *a, struct placement_share *s)
{
	size_t at = (size_t)(s - a->v);

	share_clear(s);
	memmove(a->v + at, a->v + at + 1, (a->n - at - 1) * sizeof(*a->v));
	a->n--;
}

int placement_move_plan(struct placement_allocations *a,
			const struct placement_move *m, bool *changed,
			struct err *e)
{
	struct placement_share *from = share_of(a, m->from),
			       *to = share_of(a, m->to);

	*changed = false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].provider, m->from) &&
		    strcmp(a->v[i].provider, m->to))
			return err_set(e, ERR_REFUSED,
				       "provider %s holds a share, too",
				       a->v[i].provider);
	if (!from && !to)
		return err_set(e, ERR_REFUSED, "there is nothing allocated");
	if (strcmp(m->from, m->to) == 0 || !from)
		return 0;
	if (to && !same_share(from, to))
		return err_set(e, ERR_REFUSED,
			       "%s and %s hold different shares", m->from,
			       m->to);
	*changed = true;
	if (to) {
		drop(a, from);
		return 0;
	}
	mem_free(from->provider);
	from->provider = mem_strdup(m->to);
	return 0;
}

/* --- inventories */

void placement_inventories_clear(struct placement_inventories *v)
{
	for (size_t i = 0; i < v->n; i++)
		mem_free(v->v[i].resource);
	mem_free(v->v);
	*v = (struct placement_inventories){0};
}

static void take_inventory(struct jr *r, const char *key, const json_t *o,
			   struct placement_inventory *i)
{
	const json_t *ratio = json_object_get(o, "allocation_ratio");

	if (ratio && !json_is_number(ratio))
		jr_fail(r, "allocation_ratio of %s is not a number", key);
	*i = (struct placement_inventory){
		.resource = mem_strdup(key),
		.total = jr_int(r, o, "total", 0),
		.reserved = jr_int(r, o, "reserved", 0),
		.min_unit = jr_int(r, o, "min_unit", 1),
		.max_unit = jr_int(r, o, "max_unit", INT64_MAX),
		.step_size = jr_int(r, o, "step_size", 1),
		.ratio = ratio ? json_number_value(ratio) : 1.0,
	};
}

int placement_inventories_parse(const char *text, size_t len,
				struct placement_inventories *out,
				struct err *e)
{
	const char *key;
	json_t *all, *v;
	struct jr r;
	int rc;

	*out = (struct placement_inventories){0};
	if (jr_open(&r, text, len, NULL, e))
		return -1;
	all = jr_obj(&r, r.root, "inventories");
	if (!all)
		jr_fail(&r, "it has no \"inventories\"");
	out->v = MEM_NEW_N(struct placement_inventory,
			   json_object_size(all) + 1);
	json_object_foreach (all, key, v)
		take_inventory(&r, key, v, &out->v[out->n++]);
	out->generation = jr_int(&r, r.root, "resource_provider_generation", 0);
	rc = jr_close(&r);
	if (rc)
		placement_inventories_clear(out);
	return rc;
}

int placement_usages_parse(const char *text, size_t len,
			   struct placement_inventories *out, struct err *e)
{
	json_t *all;
	struct jr r;

	if (jr_open(&r, text, len, NULL, e))
		return -1;
	all = jr_obj(&r, r.root, "usages");
	if (!all)
		jr_fail(&r, "it has no \"usages\"");
	for (size_t i = 0; i < out->n; i++)
		out->v[i].used = jr_int(&r, all, out->v[i].resource, 0);
	return jr_close(&r);
}
