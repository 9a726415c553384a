/* SPDX-License-Identifier: Apache-2.0 */
/* check and plan: facts in, a report or a plan document out. */
#include <stdio.h>
#include <string.h>

#include "cli/app_priv.h"
#include "cli/app_rescue.h"
#include "cli/request.h"
#include "engine/fence.h"
#include "plan/plan.h"

#define SCHEMA_VERSION 1
#define STOP_TIMEOUT_S 60 /* nova.conf shutdown_timeout, default */

_Static_assert(CONFIG_STREAMS_MOST == MOVE_STREAMS_MOST,
	       "what may be asked for is what a plan may say");

static void facts_drop(struct facts *f)
{
	if (f) {
		facts_clear(f);
		mem_free(f);
	}
}

static void facts_dropp(struct facts **f)
{
	facts_drop(*f);
}

static const char *verdict_name(enum check_result r)
{
	switch (r) {
	case CHECK_REFUSE:
		return "refused";
	case CHECK_LOCKED:
		return "locked";
	case CHECK_NOTHING:
		return "nothing";
	case CHECK_WARN:
	case CHECK_SKIP:
	case CHECK_PASS:
		break;
	}
	return "ok";
}

/* What this release cannot do is refused like a check, before anything. */
static int known_way(const struct app *a, const struct app_request *r,
		     struct err *e)
{
	if (r->route != APP_ROUTE_AUTO && r->route != APP_ROUTE_OFFLINE) {
		err_set(e, ERR_REFUSED,
			"route %s is not in this release of novahaul",
			app_route_name(r->route));
		return err_hint(e, "novahaul move --route offline");
	}
	if (r->precopy == APP_NO && (r->precopy_max || r->precopy_time))
		return err_set(e, ERR_USAGE,
			       "--no-precopy and --precopy-%s contradict each "
			       "other",
			       r->precopy_max ? "max" : "time");
	if (r->streams > 1 && r->transport == APP_TRANSPORT_RELAY)
		return err_set(e, ERR_USAGE,
			       "--streams %u and --transport relay contradict "
			       "each other: through this machine there is one "
			       "connection to each host",
			       r->streams);
	if (r->transport == APP_TRANSPORT_TLS &&
	    !a->config->copy.tls_port_min) {
		err_set(e, ERR_USAGE,
			"--transport tls: no port is configured for it");
		return err_hint(e, "tls_ports in [copy] of novahaul.conf");
	}
	return 0;
}

static json_t *findings_json(const struct check_report *rep)
{
	json_t *a = json_array();

	for (size_t i = 0; i < rep->n; i++)
		json_array_append_new(
			a, json_pack("{s:s, s:s, s:s, s:s?}", "name",
				     rep->v[i].check, "result",
				     check_result_name(rep->v[i].result),
				     "message", rep->v[i].message, "hint",
				     rep->v[i].hint));
	return a;
}

static enum check_control control_of(enum app_control c)
{
	switch (c) {
	case APP_CONTROL_AUTO:
	case APP_CONTROL_SERVICES:
		break;
	case APP_CONTROL_API:
		return CHECK_CONTROL_API;
	case APP_CONTROL_DIRECT:
		return CHECK_CONTROL_DIRECT;
	}
	return CHECK_CONTROL_AUTO;
}

static struct check_opts opts_of(const struct app_request *r)
{
	return (struct check_opts){.control = control_of(r->control),
				   .start = !r->no_start,
				   .detach = r->detach_volumes,
				   .copy_console = r->copy_console_log,
				   .verify_deep = r->verify_deep,
				   .adopt = r->dead && r->dead->adopt,
				   .whole_group = r->whole_group};
}

static bool by_nova(const struct facts *f, const struct app_request *r)
{
	struct check_opts o = opts_of(r);

	return check_nova_start(f, &o);
}

static json_t *report_json(const struct facts *f, const struct app_request *r,
			   const struct check_report *rep)
{
	const struct db_instance *i = &f->srv.inst;
	struct check_opts o = opts_of(r);
	AUTO(mem_freep) char *why = f->dead ? plan_route_why(f, &o) : NULL;

	return json_pack(
		"{s:i, s:{s:s, s:s?}, s:s?, s:s, s:s, s:s*, s:s, s:s, s:o}",
		"schema_version", SCHEMA_VERSION, "server", "uuid", i->uuid,
		"name", i->name, "from", i->host, "to", f->to, "route",
		plan_route(f->dead, o.adopt), "route_why", why, "control",
		plan_control(f, by_nova(f, r)), "verdict",
		verdict_name(rep->verdict), "checks", findings_json(rep));
}

static int services_answer(const struct facts *f, const struct app_request *r,
			   struct err *e)
{
	const struct err *silent = facts_cloud_silent(f);
	const char *uuid = f->srv.inst.uuid, *host = f->host[SRC_HOST].name;

	if (r->control != APP_CONTROL_SERVICES || !silent)
		return 0;
	err_set(e, ERR_RETRY,
		"instance %s, from %s to %s: it is to be moved with the "
		"services' APIs, and one does not answer: %s",
		uuid, host ? host : "no host", f->to, err_msg(silent));
	if (r->dead)
		return err_hint(e, "novahaul rescue --control direct");
	return err_hint(e,
			"novahaul move %s --to %s once it answers; with "
			"--control direct the databases are written instead",
			uuid, f->to);
}

static struct facts *look(struct app *a, const struct app_request *r,
			  struct check_report *rep, struct err *e)
{
	struct check_opts o = opts_of(r);
	struct fence_proof proof = {0};
	struct facts *f;

	if (known_way(a, r, e) ||
	    (r->dead && app_fenced(a, r->dead, &proof, e)))
		return NULL;
	f = a->ops->facts_read(a, r, e);
	if (f && ((r->dead && app_still_off(f, &proof, e)) ||
		  services_answer(f, r, e))) {
		facts_drop(f);
		return NULL;
	}
	if (f)
		checks_run(f, &o, rep);
	return f;
}

/* The first thing in the way, as the error of the whole. */
static int refusal(const struct facts *f, const struct check_report *rep,
		   struct err *e)
{
	static const enum err_kind kinds[] = {
		[CHECK_REFUSE] = ERR_REFUSED,
		[CHECK_LOCKED] = ERR_LOCKED,
		[CHECK_NOTHING] = ERR_NOTHING,
	};
	size_t more = 0;
	const struct check_finding *first = NULL;

	for (size_t i = 0; i < rep->n; i++) {
		if (rep->v[i].result == rep->verdict && !first)
			first = &rep->v[i];
		else if (rep->v[i].result < CHECK_WARN)
			more++;
	}
	if (!first)
		return err_set(e, ERR_BUG, "a refusal without a reason");
	err_set(e, kinds[rep->verdict], "instance %s: %s%s", f->srv.inst.uuid,
		first->message, more ? " (and more: see the checks)" : "");
	if (first->hint)
		err_hint(e, "%s", first->hint);
	return -1;
}

int app_check(struct app *a, const struct app_request *r, json_t **report,
	      struct err *e)
{
	AUTO(check_report_clear) struct check_report rep = {0};
	AUTO(facts_dropp) struct facts *f = look(a, r, &rep, e);

	if (!f)
		return -1;
	*report = report_json(f, r, &rep);
	return 0;
}

static struct plan_opts plan_opts_of(const struct app *a,
				     const struct app_request *r)
{
	const struct config_host *h = config_host(a->config, r->to);

	return (struct plan_opts){
		.precopy = r->precopy != APP_NO,
		.precopy_max = r->precopy_max ? r->precopy_max : MOVE_ROUNDS,
		.precopy_time_s = r->precopy_time,
		.no_start = r->no_start,
		.verify_deep = r->verify_deep,
		.verify_full = r->verify_full,
		.detach = r->detach_volumes,
		.copy_console = r->copy_console_log,
		.stop_timeout_s = r->stop_timeout ? (int64_t)r->stop_timeout
						  : STOP_TIMEOUT_S,
		.bwlimit = r->bwlimit,
		.streams = r->streams ? r->streams : a->config->copy.streams,
		.delta = app_delta_name(r->delta),
		.transport = app_transport_name(r->transport),
		.qemu_user = h ? h->qemu_user : NULL,
		.qemu_group = h ? h->qemu_group : NULL,
		.accept_bad = r->dead && r->dead->accept_bad,
		.adopt = r->dead && r->dead->adopt,
		.history = r->dead ? app_record_name(r->dead->record) : NULL,
		.fence_max_age_s = r->dead ? r->dead->fence_max_age : 0,
	};
}

/* Enough to look again with the same eyes before the plan is run. */
static json_t *request_json(const struct app_request *r)
{
	json_t *q = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b}",
			      "server", r->server, "to", r->to, "control",
			      app_control_name(r->control), "no_start",
			      r->no_start, "console_log", r->copy_console_log,
			      "verify_deep", r->verify_deep, "detach_volumes",
			      r->detach_volumes, "whole_group", r->whole_group);

	if (r->dead)
		json_object_set_new(q, "dead", app_dead_json(r->dead));
	return q;
}

/* Which step sends which statements; those that only read, and those that only
 * a rollback sends, are left to `novahaul sql show`. */
static const struct sender {
	const char *prefix, *step, *database;
} senders[] = {
	{"w.claim.", "claim", "cell"},
	{"w.token", "stop, row-off, rewrite, start", "cell"},
	{"w.power", "stop, row-off, start", "cell"},
	{"w.rewrite.", "rewrite", "cell"},
	{"w.release.", "release", "cell"},
	{"pw.", "allocations", "placement"},
	{"nw.", "ports", "neutron"},
	{"vw.", "volumes, volumes-in", "cinder"},
};

/* Is what it is about among what the plan changes? */
static bool sends(const struct facts *f, const struct move *m,
		  const struct sender *by)
{
	/* Nova writes the rest itself. */
	if (m->adopt)
		return !strcmp(by->step, "claim") ||
		       !strcmp(by->step, "release");
	if (!strcmp(by->database, "cell"))
		return true;
	return f->cloud.sql &&
	       (strcmp(by->database, "cinder") != 0 || f->cloud.n_volumes);
}

static const struct sender *sender_of(const struct facts *f,
				      const struct move *m, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(senders); i++)
		if (!strncmp(name, senders[i].prefix,
			     strlen(senders[i].prefix)))
			return sends(f, m, &senders[i]) ? &senders[i] : NULL;
	return NULL;
}

/* The writing statements of the plan, as they are for this schema, and what
 * they are bound to as far as it is known yet. */
static json_t *statements(struct app *a, const struct facts *f,
			  const struct move *m, const json_t *values)
{
	json_t *list = NULL, *out = json_array();
	const json_t *s;
	struct err e = ERR_INIT;
	size_t i;

	if (!a->ops->sql_list ||
	    a->ops->sql_list(a, f->schema.release, &list, &e))
		list = NULL;
	err_clear(&e);
	json_array_foreach (list, i, s) {
		const char *name =
			json_string_value(json_object_get(s, "name"));
		const struct sender *by = sender_of(f, m, name);

		if (by)
			json_array_append_new(
				out,
				json_pack("{s:s, s:s, s:s, s:O, s:O}", "step",
					  by->step, "database", by->database,
					  "name", name, "text",
					  json_object_get(s, "text"), "values",
					  values));
	}
	json_decref(list);
	return out;
}

int app_plan(struct app *a, const struct app_request *r, json_t **plan,
	     struct err *e)
{
	AUTO(check_report_clear) struct check_report rep = {0};
	AUTO(facts_dropp) struct facts *f = look(a, r, &rep, e);
	struct plan_opts o = plan_opts_of(a, r);
	AUTO(move_freep) struct move *m = NULL;
	json_t *doc;

	if (!f)
		return -1;
	*plan = report_json(f, r, &rep);
	if (rep.verdict < CHECK_WARN)
		return refusal(f, &rep, e);
	o.nova_start = by_nova(f, r);
	m = plan_move(f, &o, e);
	if (!m)
		return err_wrap(e, "instance %s", f->srv.inst.uuid);
	doc = plan_document(f, m);
	json_object_update_missing(*plan, doc);
	json_decref(doc);
	json_object_set_new(*plan, "request", request_json(r));
	json_object_set_new(
		*plan, "sql",
		statements(a, f, m, json_object_get(*plan, "values")));
	return 0;
}

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- does a plan still hold? */

static bool one_of(const char *word_, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(word_, *words))
			return true;
	return false;
}

static enum app_control control_in(const json_t *request)
{
	const char *s = word(request, "control");

	for (int i = 0; request_controls[i]; i++)
		if (!strcmp(request_controls[i], s))
			return (enum app_control)i;
	return APP_CONTROL_AUTO;
}

static const char *word0(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* What was asked of a rescue; the move must be about the same. */
static struct app_dead dead_in(const json_t *q, const struct move *m)
{
	const json_t *d = json_object_get(q, "dead");

	return (struct app_dead){
		.from = m->src.host,
		.host = m->disks,
		.path = m->src.instances_path,
		.xml_host = word0(d, "xml_host"),
		.xml_dir = word0(d, "xml_dir"),
		.accept_bad = m->accept_bad,
		.adopt = m->adopt,
		.record = m->history && !strcmp(m->history, "evacuation")
				  ? APP_RECORD_EVACUATION
				  : APP_RECORD_MIGRATION,
		.fence_max_age = m->fence_max_age_s,
	};
}

/* What was asked when the plan was made; D is of a rescue. */
static struct app_request request_of(const json_t *plan, const struct move *m,
				     struct app_dead *d)
{
	const json_t *q = json_object_get(plan, "request");

	*d = m->dead ? dead_in(q, m) : (struct app_dead){NULL};

	return (struct app_request){
		.server = m->uuid,
		.to = m->dst.host,
		.control = control_in(q),
		.precopy = m->was_running && !m->precopy ? APP_NO : APP_UNSET,
		.no_start = json_is_true(json_object_get(q, "no_start")),
		.detach_volumes =
			json_is_true(json_object_get(q, "detach_volumes")),
		.verify_deep = m->verify_deep,
		.verify_full = m->verify_full,
		.copy_console_log =
			json_is_true(json_object_get(q, "console_log")),
		.whole_group = json_is_true(json_object_get(q, "whole_group")),
		.dead = m->dead ? d : NULL,
	};
}

/* Sizes grow while a guest runs; all else of a plan is decided. */
static void without_sizes(json_t *move)
{
	static const char *const lists[] = {"files", "bases"};

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		json_t *v;
		size_t i;

		json_array_foreach (json_object_get(move, lists[k]), i, v) {
			json_object_del(v, "size");
			json_object_del(v, "allocated");
		}
	}
}

/* Puts the first of the members in which B, made now, is not as in A. */
static bool differ(const json_t *a, const json_t *b, char what[64])
{
	static const char *const decided[] = {
		"kind",	   "instance", "source",       "target", "route",
		"control", "steps",    "facts_digest", "values", "release"};
	json_t *ma = json_deep_copy(json_object_get(a, "move"));
	json_t *mb = json_deep_copy(json_object_get(b, "move"));
	const char *key;
	json_t *v;

	*what = '\0';
	without_sizes(ma);
	without_sizes(mb);
	json_object_foreach (mb, key, v)
		if (!*what && !json_equal(json_object_get(ma, key), v))
			snprintf(what, 64, "%s", key);
	for (size_t i = 0; i < ARRAY_SIZE(decided); i++)
		if (!*what && !json_equal(json_object_get(a, decided[i]),
					  json_object_get(b, decided[i])))
			snprintf(what, 64, "%s", decided[i]);
	json_decref(ma);
	json_decref(mb);
	return *what;
}

/* The plan that would be made now must be the one that was reviewed: nothing of
 * PLAN, which is only a file, is believed without that. */
static int same_plan(struct app *a, const json_t *plan, const struct move *m,
		     const struct facts *f, struct err *e)
{
	struct app_dead d;
	struct app_request r = request_of(plan, m, &d);
	struct plan_opts o = plan_opts_of(a, &r);
	AUTO(move_freep) struct move *now = NULL;
	char what[64];
	json_t *doc;
	bool same;

	o.nova_start = by_nova(f, &r);
	o.precopy_max = m->precopy_max;
	o.precopy_time_s = m->precopy_time_s;
	o.stop_timeout_s = m->stop_timeout_s;
	o.bwlimit = m->bwlimit;
	o.streams = m->streams;
	o.delta = m->delta;
	o.transport = m->transport;
	now = plan_move(f, &o, e);
	if (!now)
		return -1;
	doc = plan_document(f, now);
	same = !differ(plan, doc, what);
	json_decref(doc);
	if (same)
		return 0;
	err_set(e, ERR_CONFLICT,
		"the facts have changed since this plan was made "
		"(%s), or the plan was edited: it differs from today's "
		"in '%s'",
		word(plan, "created"), what);
	if (m->dead)
		return err_hint(e,
				"novahaul rescue %s %s --disks %s:%s --to "
				"%s%s",
				m->src.host, m->uuid, m->disks,
				m->src.instances_path, m->dst.host,
				m->adopt ? " --route adopt" : "");
	return err_hint(e, "novahaul plan %s --to %s", m->uuid, m->dst.host);
}

/* Looks again, right before a plan is run. */
int app_plan_holds(struct app *a, const json_t *plan, const struct move *m,
		   struct err *e)
{
	struct app_dead d;
	struct app_request r = request_of(plan, m, &d);
	AUTO(check_report_clear) struct check_report rep = {0};
	AUTO(facts_dropp) struct facts *f = NULL;

	if (!one_of(m->delta, request_deltas) ||
	    !one_of(m->transport, request_transports) ||
	    m->stop_timeout_s < 0 || m->precopy_max < 1 ||
	    m->precopy_max > MOVE_ROUNDS_MOST || m->streams > MOVE_STREAMS_MOST)
		return err_set(e, ERR_REFUSED,
			       "the plan asks for what this build does not "
			       "know");
	f = look(a, &r, &rep, e);
	if (!f)
		return -1;
	if (rep.verdict < CHECK_WARN)
		return refusal(f, &rep, e);
	if (same_plan(a, plan, m, f, e))
		return err_wrap(e, "instance %s", m->uuid);
	return 0;
}
