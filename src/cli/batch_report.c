/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to tell about a batch, from the journal alone. */
#include "cli/app_batch.h"
#include "core/clock.h"

/* --- is its controller alive? */

static enum app_alive alive_by(enum journal_pulse pulse)
{
	switch (pulse) {
	case PULSE_BEATS:
		return APP_ALIVE_YES;
	case PULSE_NONE:
		return APP_ALIVE_NO;
	case PULSE_UNKNOWN:
		break;
	}
	return APP_ALIVE_UNKNOWN;
}

enum app_alive app_owner_alive(const char *owner)
{
	return alive_by(journal_owner_pulse(owner));
}

enum app_alive app_batch_alive(const struct batch *b)
{
	return b->pulse == PULSE_UNKNOWN ? app_owner_alive(b->owner)
					 : alive_by(b->pulse);
}

/* --- its report */

static const char *state_of(const struct batch *b)
{
	if (b->state != BATCH_OPEN)
		return batch_state_name(b->state);
	switch (app_batch_alive(b)) {
	case APP_ALIVE_YES:
		return "running";
	case APP_ALIVE_NO:
		return "interrupted";
	case APP_ALIVE_UNKNOWN:
		break;
	}
	return batch_state_name(b->state);
}

static void put_time(json_t *o, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_MAX];

	if (!us)
		return;
	clock_iso(us, iso);
	json_object_set_new(o, key, json_string(iso));
}

static json_t *err_json(const struct err *e)
{
	return json_pack("{s:s s:s s:s*}", "kind", err_kind_name(e->kind),
			 "message", err_msg(e), "hint", e->hint);
}

static uint64_t sent_by(struct journal *j, const char *id)
{
	struct journal_job job = {0};
	struct err e = ERR_INIT;
	uint64_t sum = 0;

	if (!journal_load(j, id, &job, &e))
		for (size_t i = 0; i < job.nsteps; i++)
			sum += job.steps[i].sent;
	journal_job_clear(&job);
	err_clear(&e);
	return sum;
}

static json_t *member_json(struct journal *j, const struct batch_member *m)
{
	json_t *o =
		json_pack("{s:I s:{s:s* s:s*} s:s* s:s* s:s s:I}", "nr",
			  (json_int_t)m->idx + 1, "server", "uuid", m->instance,
			  "name", m->name, "from", m->source, "to", m->target,
			  "state", batch_member_state_name(m->state),
			  "attempts", (json_int_t)m->attempts);

	put_time(o, "started", m->started_us);
	put_time(o, "ended", m->ended_us);
	if (m->started_us && m->ended_us > m->started_us)
		json_object_set_new(
			o, "seconds",
			json_real(
				(double)((m->ended_us - m->started_us) / 1000) /
				1e3));
	if (*m->job) {
		json_object_set_new(o, "job", json_string(m->job));
		json_object_set_new(
			o, "bytes_sent",
			json_integer((json_int_t)sent_by(j, m->job)));
	}
	if (m->why.kind != ERR_NONE)
		json_object_set_new(o, "error", err_json(&m->why));
	return o;
}

json_t *app_batch_json(struct journal *j, const struct batch *b)
{
	json_t *o = json_pack("{s:i s:s s:s s:s* s:s s:s s:s* s:I}",
			      "schema_version", 1, "batch", b->id, "kind",
			      b->kind, "host", b->host, "state", state_of(b),
			      "direction", journal_dir_name(b->dir), "owner",
			      b->owner, "epoch", (json_int_t)b->epoch);
	size_t n[MEMBER_SKIPPED + 1] = {0};
	json_t *counts, *members;

	put_time(o, "created", b->created_us);
	put_time(o, "updated", b->updated_us);
	put_time(o, "ended", b->ended_us);
	if (b->error.kind != ERR_NONE)
		json_object_set_new(o, "error", err_json(&b->error));
	if (!b->members)
		return o;
	members = json_array();
	for (size_t i = 0; i < b->nmembers; i++) {
		n[b->members[i].state]++;
		json_array_append_new(members, member_json(j, &b->members[i]));
	}
	counts = json_object();
	for (int s = 0; s <= MEMBER_SKIPPED; s++) {
		const char *name =
			batch_member_state_name((enum batch_member_state)s);

		json_object_set_new(
			counts, s == MEMBER_ROLLED_BACK ? "rolled_back" : name,
			json_integer((json_int_t)n[s]));
	}
	json_object_set_new(o, "counts", counts);
	json_object_set_new(o, "members", members);
	return o;
}
