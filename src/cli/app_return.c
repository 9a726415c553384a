/* SPDX-License-Identifier: Apache-2.0 */
/* What an evacuation has brought away, and still is where it brought it. */
#include <string.h>

#include "cli/app_batch.h"
#include "cli/app_priv.h"
#include "cli/app_return.h"
#include "core/str.h"
#include "facts/fleet.h"

/* An instance that left, and where it went. */
struct gone {
	char *uuid, *name, *at;
};

struct search {
	const struct app_return *r;
	struct strv ids;  /* of all batches, newest first */
	struct strv seen; /* instances that a newer batch tells of */
	struct gone *v;
	size_t n;
	struct strv hosts; /* that they went to */
	char *home;
};

static void search_clear(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		mem_free(s->v[i].uuid);
		mem_free(s->v[i].name);
		mem_free(s->v[i].at);
	}
	mem_free(s->v);
	mem_free(s->home);
	strv_clear(&s->ids);
	strv_clear(&s->seen);
	strv_clear(&s->hosts);
}

static bool add_id(void *arg, const struct batch *b)
{
	struct search *s = arg;

	strv_add(&s->ids, b->id);
	return true;
}

static void add_gone(struct search *s, const struct batch_member *m)
{
	s->v = mem_realloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct gone){.uuid = mem_strdup(m->instance),
				     .name = mem_strdup0(m->name),
				     .at = mem_strdup(m->target)};
	if (!strv_has(&s->hosts, m->target))
		strv_add(&s->hosts, m->target);
}

/* The newest word about an instance counts: one that a later batch has brought
 * home, or elsewhere, is not this one's any more. */
static void look_at(struct search *s, const struct batch *b)
{
	bool ours = s->r->batch ? !strcmp(b->id, s->r->batch)
				: str_is(b->kind, "evacuate") &&
					  str_is(b->host, s->r->host);

	if (ours && !s->home)
		s->home = mem_strdup0(b->host);
	for (size_t i = 0; i < b->nmembers; i++) {
		const struct batch_member *m = &b->members[i];

		if (m->state != MEMBER_DONE || !m->instance || !m->target ||
		    strv_has(&s->seen, m->instance))
			continue;
		strv_add(&s->seen, m->instance);
		if (ours)
			add_gone(s, m);
	}
}

static int no_evacuation(const struct batch *b, struct err *e)
{
	err_set(e, ERR_REFUSED, "batch %s is no evacuation, but a %s", b->id,
		b->kind);
	return err_hint(e, "novahaul show %s", b->id);
}

static int search(struct app *a, struct search *s, struct err *e)
{
	struct journal *j = app_journal(a, e);
	int rc = j ? batch_each(j, add_id, s, e) : -1;

	for (size_t i = 0; i < s->ids.n && !rc; i++) {
		struct batch b = {0};

		/* A member's job may have ended after whoever ran the batch. */
		rc = batch_load(j, s->ids.v[i], &b, e) || batch_settle(j, &b, e)
			     ? -1
			     : 0;
		if (!rc && s->r->batch && !strcmp(b.id, s->r->batch) &&
		    !str_is(b.kind, "evacuate"))
			rc = no_evacuation(&b, e);
		if (!rc)
			look_at(s, &b);
		batch_clear(&b);
	}
	journal_close(j);
	return rc;
}

/* --- the plan */

static void stays(json_t *plan, const struct gone *g, const char *why)
{
	json_array_append_new(json_object_get(plan, "left"),
			      json_pack("{s:{s:s s:s*} s:s}", "instance",
					"uuid", g->uuid, "name", g->name, "why",
					why));
}

/* Those of AT that the database still has there, in HERE. */
static int still_at(struct app *a, const struct search *s, const char *at,
		    json_t *plan, struct strv *here, struct err *e)
{
	struct strv home = STRV_INIT, all = STRV_INIT;
	struct app_fleet_read ask = {
		.host = at,
		.targets = &home,
		.servers = &all,
		.control = s->r->move.control,
	};
	struct fleet_facts *f;
	AUTO(mem_freep) char *why = mem_printf("it is not on %s any more", at);

	strv_add(&home, s->home);
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].at, at))
			strv_add(&all, s->v[i].uuid);
	f = a->ops->fleet_read(a, &ask, e);
	for (size_t i = 0; f && i < s->n; i++) {
		bool found = false;

		if (strcmp(s->v[i].at, at) != 0)
			continue;
		for (size_t k = 0; k < f->n_servers; k++)
			found = found || str_is(f->servers[k].f.srv.inst.uuid,
						s->v[i].uuid);
		if (found)
			strv_add(here, s->v[i].uuid);
		else
			stays(plan, &s->v[i], why);
	}
	if (f) {
		fleet_clear(f);
		mem_free(f);
	}
	strv_clear(&home);
	strv_clear(&all);
	return f ? 0 : -1;
}

static void merge(json_t *plan, const json_t *part)
{
	static const char *const lists[] = {"members", "nowhere"};
	json_int_t bytes = json_integer_value(json_object_get(plan, "bytes")) +
			   json_integer_value(json_object_get(part, "bytes"));

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		json_array_extend(json_object_get(plan, lists[i]),
				  json_object_get(part, lists[i]));
	json_object_set_new(plan, "bytes", json_integer(bytes));
	json_object_set(plan, "limits", json_object_get(part, "limits"));
	json_object_set(plan, "options", json_object_get(part, "options"));
}

/* From one host home: packed as an evacuation of just those is. */
static int from(struct app *a, const struct search *s, const char *at,
		json_t *plan, struct err *e)
{
	struct app_evacuate q = {
		.host = at, .move = s->r->move, .limits = s->r->limits};
	json_t *part = NULL;
	int rc = still_at(a, s, at, plan, &q.servers, e);

	strv_add(&q.targets, s->home);
	if (!rc && q.servers.n) {
		rc = app_evacuate_plan(a, &q, &part, e);
		if (part)
			merge(plan, part);
		if (part && rc && e->kind == ERR_REFUSED) {
			err_clear(e); /* "nowhere" says why, of each */
			rc = 0;
		}
	}
	json_decref(part);
	strv_clear(&q.targets);
	strv_clear(&q.servers);
	return rc;
}

int app_return_plan(struct app *a, const struct app_return *r, json_t **plan,
		    struct err *e)
{
	AUTO(search_clear) struct search s = {.r = r};

	*plan = NULL;
	if (search(a, &s, e))
		return -1;
	if (!s.n) {
		err_set(e, ERR_NOTHING,
			"%s: no instance that an evacuation has brought away "
			"is still away",
			r->batch ? r->batch : r->host);
		return err_hint(e, "novahaul jobs");
	}
	*plan = json_pack("{s:i s:i s:s s:s* s:s s:[] s:[] s:[] s:i}",
			  "schema_version", 1, "plan_version", 1, "kind",
			  "return", "of", r->batch, "host", s.home, "members",
			  "nowhere", "left", "bytes", 0);
	for (size_t i = 0; i < s.hosts.n; i++)
		if (from(a, &s, s.hosts.v[i], *plan, e))
			return -1;
	if (json_array_size(json_object_get(*plan, "members")))
		return 0;
	/* Others have moved them meanwhile: nothing is in the way. */
	if (!json_array_size(json_object_get(*plan, "nowhere")))
		err_set(e, ERR_NOTHING,
			"%s: of what an evacuation has brought away nothing "
			"is where that put it",
			s.home);
	else
		err_set(e, ERR_REFUSED, "no instance can return to %s", s.home);
	return err_hint(e, "the list above says why, of each");
}
