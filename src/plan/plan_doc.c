/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/clock.h"
#include "engine/step.h"
#include "plan/plan_priv.h"
#include "steps/rounds.h"
#include "steps/world.h"

/* Cautious, so that a prediction is rather kept than broken. */
#define READ_RATE ((uint64_t)300 << 20) /* one pass of digests, bytes/s */
#define SEND_RATE ((uint64_t)80 << 20)	/* over ssh, bytes/s */
#define WRITE_RATE ((double)(1 << 20))	/* of a guest, bytes/s */

/* One round: all is read, and SENT bytes go over. */
static struct round foreseen(uint64_t bytes, double sent, double rate)
{
	return (struct round){
		.seconds = (double)bytes / (double)READ_RATE + sent / rate,
		.read = bytes,
		.sent = (uint64_t)sent,
	};
}

/* The very rounds that the step would make, if the guest writes so much. */
static void foresee_rounds(const struct move *m, uint64_t bytes, double rate,
			   struct plan_copy *out)
{
	struct rounds_bounds bounds = {m->precopy_max, m->precopy_time_s};
	struct round r[MOVE_ROUNDS_MOST];
	double sum = 0, sent = (double)bytes;
	size_t n = 0;

	do {
		r[n] = foreseen(bytes, sent, rate);
		sum += r[n].seconds;
		sent = WRITE_RATE * r[n].seconds;
		if (sent > (double)bytes)
			sent = (double)bytes;
		n++;
	} while (n < MOVE_ROUNDS_MOST &&
		 rounds_judge(r, n, &bounds) == ROUNDS_MORE);
	out->rounds = (unsigned)n;
	out->precopy_s = (int64_t)(sum + 0.5);
	out->precopy_max_s = (int64_t)(rounds_time_s(&bounds, r) + 0.5);
	out->downtime_s = ROUNDS_REST_S +
			  (int64_t)(foreseen(bytes, sent, rate).seconds + 0.5);
}

struct plan_copy plan_foresee(const struct move *m)
{
	struct plan_copy out = {0};
	uint64_t disks = 0, bytes = 0, rate = SEND_RATE;

	if (!m->was_running)
		return out;
	for (size_t i = 0; i < m->nfiles; i++) {
		bytes += m->files[i].allocated;
		disks += m->files[i].disk ? m->files[i].allocated : 0;
	}
	if (m->bwlimit && m->bwlimit < rate)
		rate = m->bwlimit;
	out.downtime_s =
		ROUNDS_REST_S +
		(int64_t)(foreseen(bytes, (double)bytes, (double)rate).seconds +
			  0.5);
	if (m->precopy)
		foresee_rounds(m, disks, (double)rate, &out);
	return out;
}

/* Only the API changes what Placement, Neutron and Cinder know, or, where it is
 * down, their own databases; the rest is libvirt, files over SSH, and Nova's.
 */
static const char *step_control(const struct move *m, const char *step)
{
	if ((!strcmp(step, "start") && m->nova_start) ||
	    !strcmp(step, "force-down") || !strcmp(step, "evacuate"))
		return "api";
	if (!strcmp(step, "detach") || !strcmp(step, "attach"))
		return "api";
	if (!strncmp(step, "volumes", strlen("volumes")) ||
	    !strcmp(step, "allocations") || !strcmp(step, "ports"))
		return m->sql ? "sql" : "api";
	return "direct";
}

static const char *step_summary(const struct move *m, const struct step *s)
{
	return !strcmp(s->name, "start") && m->nova_start
		       ? "start the guest on the target through Nova"
		       : s->summary;
}

static json_t *steps_json(const struct move *m)
{
	const char *names[STEPS_MOVE_MAX];
	size_t n = steps_of_move(m, names);
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct step *s = steps_find(names[i]);

		json_array_append_new(
			a, json_pack("{s:s, s:s, s:s, s:s, s:{}, s:s?}", "step",
				     s->name, "name", s->name, "control",
				     step_control(m, s->name), "summary",
				     step_summary(m, s), "params",
				     "commit_point", s->commit_point));
	}
	return a;
}

/* What the statements of `novahaul sql show` are bound to. */
static json_t *values_json(const struct move *m)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s?, s:s?}",
			 "u", m->uuid, "sh", m->src.host, "sn", m->src.node,
			 "dh", m->dst.host, "dn", m->dst.node, "scn",
			 (json_int_t)m->src.compute_id, "dcn",
			 (json_int_t)m->dst.compute_id, "vs", m->vm_state,
			 "daz", m->availability_zone, "dip", m->dst.ip);
}

static json_t *precopy_json(const struct move *m, const struct plan_copy *copy)
{
	return json_pack("{s:i, s:i, s:I, s:I}", "rounds", (int)copy->rounds,
			 "rounds_max", m->precopy ? (int)m->precopy_max : 0,
			 "seconds", (json_int_t)copy->precopy_s, "seconds_max",
			 (json_int_t)copy->precopy_max_s);
}

const char *plan_control(const struct facts *f, bool nova_start)
{
	bool beside = f->cloud.on[SRC_HOST] || f->cloud.network ||
		      f->cloud.n_volumes || nova_start;

	if (!beside)
		return "direct";
	return f->cloud.sql ? "sql+direct" : "api+direct";
}

const char *plan_route(bool dead, bool adopt)
{
	return !dead ? "offline" : adopt ? "adopt" : "direct";
}

char *plan_route_why(const struct facts *f, const struct check_opts *o)
{
	const char *host = f->host[SRC_HOST].name;
	AUTO(mem_freep) char *not = check_adopt_not(f, o);

	if (o->adopt)
		return mem_printf("asked for; Nova's own evacuate takes the "
				  "disks over, and its record has nova-compute "
				  "on %s destroy what is left there, unless "
				  "novahaul readmit comes first",
				  host);
	if (not )
		return mem_printf("Nova's evacuate could not take them over: "
				  "%s",
				  not );
	return mem_printf("leaves no record upon which %s destroys what is "
			  "left there; --route adopt has Nova's own evacuate "
			  "take the disks over",
			  host);
}

json_t *plan_document(const struct facts *f, const struct move *m)
{
	char digest[65], now[CLOCK_ISO_MAX];
	struct plan_copy copy = plan_foresee(m);

	facts_digest(f, digest);
	clock_iso(f->taken_us, now);
	return json_pack(
		"{s:i, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, "
		"s:I, s:o, s:I, s:o, s:o, s:o, s:o}",
		"plan_version", PLAN_VERSION, "kind",
		m->dead ? "rescue" : "move", "created", now, "instance", "uuid",
		m->uuid, "name", m->name, "source", m->src.host, "target",
		m->dst.host, "route", plan_route(m->dead, m->adopt), "control",
		plan_control(f, m->nova_start), "release", f->schema.release,
		"facts_digest", digest, "bytes_to_copy",
		(json_int_t)move_bytes(m), "precopy", precopy_json(m, &copy),
		"downtime_s", (json_int_t)copy.downtime_s, "transfer",
		plan_way(f, m), "steps", steps_json(m), "move", move_to_json(m),
		"values", values_json(m));
}

/* The order of the steps is what keeps the promise: a file may not change it,
 * nor be about another instance than what was checked. */
static int holds_together(const json_t *doc, const struct move *m,
			  struct err *e)
{
	const json_t *steps = json_object_get(doc, "steps");
	const char *names[STEPS_MOVE_MAX];
	size_t n = steps_of_move(m, names);
	const char *uuid = json_string_value(
		json_object_get(json_object_get(doc, "instance"), "uuid"));
	const char *source = json_string_value(json_object_get(doc, "source"));
	const char *target = json_string_value(json_object_get(doc, "target"));
	bool same = json_array_size(steps) == n;

	for (size_t i = 0; same && i < n; i++) {
		const char *s = json_string_value(
			json_object_get(json_array_get(steps, i), "step"));

		same = s && !strcmp(s, names[i]);
	}
	if (!same)
		return err_set(e, ERR_REFUSED,
			       "plan: these are not the steps of such a move "
			       "in their safe order");
	if (!uuid || strcmp(uuid, m->uuid) != 0 || !source ||
	    strcmp(source, m->src.host) != 0 || !target ||
	    strcmp(target, m->dst.host) != 0)
		return err_set(e, ERR_REFUSED,
			       "plan: its head and its move are about "
			       "different instances or hosts");
	return 0;
}

struct move *plan_read(const json_t *doc, struct err *e)
{
	struct move *m;

	if (!json_is_object(doc) ||
	    json_integer_value(json_object_get(doc, "plan_version")) !=
		    PLAN_VERSION) {
		err_set(e, ERR_REFUSED, "this is not a plan of version %d",
			PLAN_VERSION);
		return NULL;
	}
	m = move_from_json(json_object_get(doc, "move"), e);
	if (m && holds_together(doc, m, e)) {
		move_free(m);
		return NULL;
	}
	return m;
}
