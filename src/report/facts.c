/* SPDX-License-Identifier: Apache-2.0 */
#include "report/facts.h"

#include "report/report_priv.h"

static json_t *begin(const char *event, int64_t now_us)
{
	json_t *o = json_pack("{s:i s:s}", "schema_version",
			      REPORT_SCHEMA_VERSION, "event", event);

	report_put_time(o, "time", now_us);
	return o;
}

static void copy(json_t *o, const char *key, const json_t *from,
		 const char *path)
{
	const json_t *v = report_get(from, path);

	if (v && !json_is_null(v))
		json_object_set(o, key, (json_t *)v);
}

static void copy_batch(json_t *o, const json_t *plan)
{
	copy(o, "batch", plan, "batch.id");
	copy(o, "member", plan, "batch.member");
}

json_t *report_facts(const struct journal_job *job, const char *event,
		     int64_t now_us)
{
	json_t *o = begin(event, now_us), *server = json_object();

	report_put(o, "job", job->id);
	report_put(o, "kind", job->kind);
	report_put(server, "uuid", job->instance);
	report_put(server, "name", job->name);
	json_object_set_new(o, "server", server);
	report_put(o, "from", job->source);
	report_put(o, "to", job->target);
	report_put(o, "state", journal_state_name(job->state));
	report_put(o, "direction", journal_dir_name(job->dir));
	json_object_set_new(o, "epoch", json_integer((json_int_t)job->epoch));
	report_put(o, "owner", job->owner);
	report_put(o, "build", job->build);
	report_put_time(o, "created", job->created_us);
	copy_batch(o, job->plan);
	return o;
}

json_t *report_facts_plan(const json_t *plan, const char *event, int64_t now_us)
{
	json_t *o = begin(event, now_us), *server = json_object();

	copy(o, "kind", plan, "kind");
	copy(server, "uuid", plan, "instance.uuid");
	copy(server, "name", plan, "instance.name");
	json_object_set_new(o, "server", server);
	copy(o, "from", plan, "source");
	copy(o, "to", plan, "target");
	copy_batch(o, plan);
	return o;
}
