/* SPDX-License-Identifier: Apache-2.0 */
/* The document of a plan of a whole host. */
#include <string.h>

#include "core/clock.h"
#include "plan/plan_fleet_priv.h"

/* Cautious, as plan_doc.c has them. */
#define SEND_RATE ((uint64_t)80 << 20) /* bytes/s */
#define EACH_S 15		       /* stop, rewrite, start */

uint64_t plan_fleet_missing(const struct plan_fleet *p, size_t i, int32_t host,
			    json_t *list)
{
	const struct pack_server *s = &p->servers[i];
	uint64_t sum = 0;

	for (size_t k = 0; k < s->bases.n; k++)
		for (size_t b = 0; b < p->in.n_bases; b++) {
			if (strcmp(p->bases[b].name, s->bases.v[k]) != 0 ||
			    strv_has(&p->hosts[host].bases, s->bases.v[k]))
				continue;
			sum += p->bases[b].bytes;
			if (list)
				json_array_append_new(
					list,
					json_pack(
						"{s:s, s:I}", "name",
						p->bases[b].name, "bytes",
						(json_int_t)p->bases[b].bytes));
		}
	return sum;
}

int64_t plan_fleet_seconds(const struct plan_fleet *p, size_t i, int32_t host)
{
	uint64_t rate = p->o.bwlimit && p->o.bwlimit < SEND_RATE ? p->o.bwlimit
								 : SEND_RATE;
	uint64_t bytes =
		p->servers[i].bytes + plan_fleet_missing(p, i, host, NULL);

	return EACH_S + (int64_t)((bytes + rate - 1) / rate);
}

static json_t *instance_json(const struct db_instance *i)
{
	return json_pack("{s:s, s:s}", "uuid", i->uuid, "name",
			 i->name ? i->name : i->uuid);
}

static const struct db_instance *inst_of(const struct plan_fleet *p,
					 size_t server)
{
	return &p->ones[p->one_of[server]].s->f.srv.inst;
}

static bool hard_affinity(const struct plan_fleet *p, const char *group)
{
	for (size_t i = 0; group && i < p->in.n_groups; i++)
		if (!strcmp(p->groups[i].id, group))
			return p->groups[i].rule == PACK_AFFINITY;
	return false;
}

static json_t *member_json(const struct plan_fleet *p, size_t i)
{
	int32_t host = p->out->host[i];
	const struct db_instance *inst = inst_of(p, i);
	json_t *bases = json_array();
	uint64_t missing = plan_fleet_missing(p, i, host, bases);
	json_t *options = json_object();

	if (hard_affinity(p, p->servers[i].group))
		json_object_set_new(options, "whole_group", json_true());
	if (p->ones[p->one_of[i]].control)
		json_object_set_new(options, "control",
				    json_string(p->ones[p->one_of[i]].control));
	return json_pack("{s:o, s:s, s:s, s:I, s:I, s:I, s:o, s:s, s:o}",
			 "instance", instance_json(inst), "source",
			 p->f->source, "target", p->hosts[host].name,
			 "priority", (json_int_t)p->servers[i].priority,
			 "expected_s",
			 (json_int_t)plan_fleet_seconds(p, i, host), "bytes",
			 (json_int_t)(p->servers[i].bytes + missing), "bases",
			 bases, "was", inst->vm_state ? inst->vm_state : "",
			 "options", options);
}

static json_t *stays_json(const struct db_instance *i, const char *why,
			  const char *gives)
{
	json_t *list = json_array();

	if (gives && *gives)
		json_array_append_new(list, json_string(gives));
	return json_pack("{s:o, s:s, s:o}", "instance", instance_json(i), "why",
			 why, "gives", list);
}

static json_t *nowhere_json(const struct plan_fleet *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_ones; i++)
		if (p->ones[i].why)
			json_array_append_new(
				list,
				stays_json(&p->ones[i].s->f.srv.inst,
					   p->ones[i].why, p->ones[i].hint));
	for (size_t i = 0; p->out && i < p->out->n_no; i++) {
		AUTO(buf_clear) struct buf why = BUF_INIT;
		AUTO(buf_clear) struct buf way = BUF_INIT;

		pack_say(&p->in, &p->out->no[i], &why);
		pack_say_way(&p->in, &p->out->no[i], &way);
		json_array_append_new(
			list, stays_json(inst_of(p, p->out->no[i].server),
					 buf_str(&why), buf_str(&way)));
	}
	return list;
}

/* Hosts that take nothing, whatever is asked of them. */
static json_t *silent_json(const struct plan_fleet *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->in.n_hosts; i++) {
		const struct pack_host *h = &p->hosts[i];
		const char *why = h->why_not;

		if (!why && !h->up)
			why = "its nova-compute is down";
		if (!why && !h->enabled)
			why = "its nova-compute is disabled";
		if (why)
			json_array_append_new(list,
					      json_pack("{s:s, s:s}", "host",
							h->name, "why", why));
	}
	return list;
}

static json_t *words(const struct strv *v)
{
	json_t *list = json_array();

	for (size_t i = 0; v && i < v->n; i++)
		json_array_append_new(list, json_string(v->v[i]));
	return list;
}

static json_t *copy_or_empty(const json_t *o)
{
	return o ? json_deep_copy(o) : json_object();
}

json_t *plan_fleet_document(const struct plan_fleet *p)
{
	char when[CLOCK_ISO_MAX], digest[65];
	json_t *members = json_array();

	clock_iso(p->f->taken_us, when);
	fleet_digest(p->f, digest);
	for (size_t i = 0; i < p->n_order; i++)
		json_array_append_new(members, member_json(p, p->order[i]));
	return json_pack(
		"{s:i, s:i, s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:I, s:s}",
		"schema_version", 1, "plan_version", PLAN_FLEET_VERSION, "kind",
		"evacuate", "created", when, "host", p->f->source, "release",
		p->f->schema.release ? p->f->schema.release : "", "targets",
		words(p->o.targets), "policy", pack_policy_name(p->o.policy),
		"limits", copy_or_empty(p->o.limits), "options",
		copy_or_empty(p->o.options), "members", members, "nowhere",
		nowhere_json(p), "silent", silent_json(p), "warnings",
		words(&p->warnings), "bytes",
		(json_int_t)(p->out ? p->out->bytes : 0), "facts_digest",
		digest);
}
