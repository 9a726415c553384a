/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fix-service: Nova may use a host again: its nova-compute is no longer forced
 * down, and no longer disabled where novahaul has disabled it, or the operator
 * said so.
 *
 * Parameters: host, enable (whoever disabled it).
 */
#include <string.h>

#include "engine/step.h"
#include "steps/fix.h"

static struct db_service of_json(const json_t *j)
{
	const char *why = json_string_value(json_object_get(j, "reason"));

	return (struct db_service){
		.disabled = json_is_true(json_object_get(j, "disabled")),
		.forced_down = json_is_true(json_object_get(j, "forced_down")),
		.reason = (char *)why, /* borrowed */
	};
}

static json_t *json_of(const struct db_service *s)
{
	return json_pack("{s:b, s:b, s:s?}", "disabled", s->disabled,
			 "forced_down", s->forced_down, "reason", s->reason);
}

bool fix_service_ours(const struct db_service *s)
{
	return s->reason && !strncmp(s->reason, "novahaul", 8);
}

/* NOW as it is to be; borrows its reason. */
static struct db_service wanted(const struct step_ctx *c,
				const struct db_service *now)
{
	bool enable = json_is_true(json_object_get(step_params(c), "enable"));
	struct db_service to = *now;

	to.forced_down = false;
	if (enable || fix_service_ours(now)) {
		to.disabled = false;
		to.reason = NULL;
	}
	return to;
}

static int look(struct step_ctx *c, struct db_service *now, struct err *e)
{
	struct fix_world *w = fix_w(c);

	return w->service(w->db, fix_param(c, "host"), now, e);
}

static int change(struct step_ctx *c, const struct db_service *from,
		  const struct db_service *to, struct err *e)
{
	struct fix_world *w = fix_w(c);

	return w->serve(
		w->db,
		&(struct db_service_change){fix_param(c, "host"), *from, *to},
		e);
}

static int run(struct step_ctx *c, struct err *e)
{
	AUTO(db_service_clear) struct db_service now = {0};
	struct db_service to;

	if (look(c, &now, e))
		return -1;
	to = wanted(c, &now);
	if (db_service_same(&now, &to))
		return 0;
	if (step_record_once(c, "before", json_of(&now), e) ||
	    step_record(c, "after", json_of(&to), e))
		return -1;
	return change(c, &now, &to, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	AUTO(db_service_clear) struct db_service now = {0};
	struct db_service to;

	*state = STEP_NOT_DONE;
	if (!step_recall(c, "before"))
		return 0;
	if (look(c, &now, e))
		return -1;
	to = wanted(c, &now);
	if (db_service_same(&now, &to))
		*state = STEP_DONE;
	return 0;
}

/* States: as before; as we left it; changed by others since, and then not ours.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	const json_t *before = step_recall(c, "before");
	const json_t *after = step_recall(c, "after");
	AUTO(db_service_clear) struct db_service now = {0};
	struct db_service was, left;

	if (!before || !after)
		return 0;
	if (look(c, &now, e))
		return -1;
	was = of_json(before);
	left = of_json(after);
	if (db_service_same(&now, &was))
		return 0;
	if (!db_service_same(&now, &left)) {
		step_say(c, "the service was changed since: left as it is");
		return 0;
	}
	return change(c, &now, &was, e);
}

const struct step step_fix_service = {
	.name = "fix-service",
	.summary = "let Nova use the host again",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
