/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a batch that brings up several instances of a dead host. */
#include "cli/app_rescue.h"

#include <string.h>

#include "cli/request.h"
#include "core/clock.h"
#include "core/str.h"

static const char *word(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

bool app_is_rescue(const struct batch *b)
{
	return str_is(b->kind, APP_RESCUE_KIND);
}

json_t *app_dead_json(const struct app_dead *d)
{
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:b, s:b, s:s, s:i}",
			 "from", d->from, "host", d->host, "path", d->path,
			 "xml_host", d->xml_host, "xml_dir", d->xml_dir,
			 "accept_bad", d->accept_bad, "adopt", d->adopt,
			 "record", app_record_name(d->record), "fence_max_age",
			 (int)d->fence_max_age);
}

int app_rescue_dead(const json_t *plan, struct app_dead *d, struct err *e)
{
	const json_t *o = json_object_get(plan, "dead");
	json_int_t age =
		json_integer_value(json_object_get(o, "fence_max_age"));

	*d = (struct app_dead){
		.from = word(o, "from"),
		.host = word(o, "host"),
		.path = word(o, "path"),
		.xml_host = word(o, "xml_host"),
		.xml_dir = word(o, "xml_dir"),
		.accept_bad = json_is_true(json_object_get(o, "accept_bad")),
		.adopt = json_is_true(json_object_get(o, "adopt")),
		.record = str_is(word(o, "record"), "evacuation")
				  ? APP_RECORD_EVACUATION
				  : APP_RECORD_MIGRATION,
		.fence_max_age = age > 0 ? (unsigned)age : 0,
	};
	if (d->from && d->host && d->path)
		return 0;
	err_set(e, ERR_REFUSED,
		"the plan of this batch does not say whose disks it is about, "
		"or where they are seen");
	return err_hint(e, "novahaul rescue HOST --disks [HOST:]PATH --to HOST "
			   "begins a new one");
}

json_t *app_rescue_plan(const struct app_request *r, const struct app_limits *l)
{
	char now[CLOCK_ISO_MAX];

	clock_iso(clock_now_us(), now);
	return json_pack("{s:i s:i s:s s:s s:s s:[s] s:o s:o s:o s:[] s:[] "
			 "s:[] s:i}",
			 "schema_version", 1, "plan_version", 1, "kind",
			 APP_RESCUE_KIND, "created", now, "host", r->dead->from,
			 "targets", r->to, "limits", app_limits_json(l),
			 "options", app_options_json(r), "dead",
			 app_dead_json(r->dead), "members", "nowhere",
			 "warnings", "bytes", 0);
}

/* ---- its members */

static bool has(const json_t *batch, const char *uuid)
{
	const json_t *m;
	size_t i;

	json_array_foreach (json_object_get(batch, "members"), i, m)
		if (str_is(word(json_object_get(m, "instance"), "uuid"), uuid))
			return true;
	return false;
}

/* Those that the target lacks: one member brings each. */
static json_t *bases_of(const json_t *move)
{
	json_t *out = json_array();
	const json_t *b;
	size_t i;

	json_array_foreach (json_object_get(move, "bases"), i, b)
		if (!json_is_true(json_object_get(b, "on_target")))
			json_array_append_new(
				out,
				json_pack("{s:s*, s:O*}", "name",
					  word(b, "name"), "bytes",
					  json_object_get(b, "allocated")));
	return out;
}

/* The member looks with the same eyes as its plan did: what was planned with
 * the APIs does not write their databases because one is slow at its turn. */
static json_t *own_options(const json_t *batch, const json_t *plan)
{
	const char *by = word(plan, "control");
	const char *control = str_is(by, "api+direct")	 ? "services"
			      : str_is(by, "sql+direct") ? "direct"
							 : NULL;

	if (json_object_get(json_object_get(batch, "options"), "control") ||
	    str_is(word(plan, "route"), "adopt"))
		control = NULL;
	return json_pack("{s:s*}", "control", control);
}

static void add_warnings(json_t *batch, const json_t *plan, const char *name)
{
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(plan, "checks"), i, c) {
		const char *hint = word(c, "hint");

		if (!str_is(word(c, "result"), "warn"))
			continue;
		json_array_append_new(
			json_object_get(batch, "warnings"),
			json_sprintf("%s: %s%s%s%s", name ? name : "?",
				     word(c, "message"), hint ? " (" : "",
				     hint ? hint : "", hint ? ")" : ""));
	}
}

bool app_rescue_add(json_t *batch, const json_t *plan)
{
	const json_t *server = json_object_get(plan, "server");
	const json_t *move = json_object_get(plan, "move");
	json_int_t bytes =
		json_integer_value(json_object_get(plan, "bytes_to_copy"));
	json_int_t all = json_integer_value(json_object_get(batch, "bytes"));
	const char *uuid = word(server, "uuid"), *name = word(server, "name");

	if (has(batch, uuid))
		return false;
	json_array_append_new(
		json_object_get(batch, "members"),
		json_pack("{s:{s:s*, s:s*}, s:O, s:O, s:i, s:O*, s:I, s:o, "
			  "s:s*, s:o}",
			  "instance", "uuid", uuid, "name", name, "source",
			  json_object_get(batch, "host"), "target",
			  json_array_get(json_object_get(batch, "targets"), 0),
			  "priority", 0, "expected_s",
			  json_object_get(plan, "downtime_s"), "bytes", bytes,
			  "bases", bases_of(move), "was",
			  word(move, "vm_state"), "options",
			  own_options(batch, plan)));
	json_object_set_new(batch, "bytes", json_integer(all + bytes));
	add_warnings(batch, plan, name);
	return true;
}

void app_rescue_refused(json_t *batch, const json_t *report, const char *said,
			const struct err *why)
{
	const json_t *server = json_object_get(report, "server");
	const char *uuid = word(server, "uuid"), *name = word(server, "name");

	json_array_append_new(json_object_get(batch, "nowhere"),
			      json_pack("{s:{s:s, s:s}, s:s, s:[s*]}",
					"instance", "uuid", uuid ? uuid : said,
					"name", name ? name : said, "why",
					err_msg(why), "gives", why->hint));
}
