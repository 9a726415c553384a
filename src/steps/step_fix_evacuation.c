/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fix-evacuation: the record of an old evacuation is completed, as the source's
 * nova-compute would have done at its start
 * (nova/compute/manager.py _destroy_evacuated_instances(), 12.0.2 to 33.0.0).
 * Until then that start destroys the server's guest on the source.
 *
 * Only where it has nothing right to do any more: the server is on the source
 * again, or the source answers and has nothing of it.  A host that is down may
 * come back with the guest that was evacuated from it: then the record is what
 * stops it.
 *
 * Parameters besides the common: id, from (its status), shared (both hosts see
 * the same instances_path: its directory there is no leftover).
 */
#include <string.h>

#include "engine/step.h"
#include "steps/fix.h"

static struct db_settle record(const struct step_ctx *c, bool back)
{
	const char *from = fix_param(c, "from");
	const json_t *id = json_object_get(step_params(c), "id");

	return (struct db_settle){.id = json_integer_value(id),
				  .uuid = fix_param(c, "server"),
				  .source = fix_param(c, "host"),
				  .from = back ? "completed" : from,
				  .to = back ? from : "completed"};
}

static int look(struct step_ctx *c, const struct purge_host *h, struct err *e)
{
	const char *uuid = fix_param(c, "server");
	AUTO(host_stat_clear) struct host_stat st = {0};
	struct virt_status vs = {0};
	bool shared = json_is_true(json_object_get(step_params(c), "shared"));

	if (virt_state(h->virt, uuid, &vs, e) ||
	    (!shared &&
	     host_stat(h->host, HOST_PATH(h->instances_path, uuid), &st, e)))
		return -1;
	if (vs.state == VIRT_ABSENT && st.type == HOST_NONE)
		return 0;
	err_set(e, ERR_REFUSED,
		"%s still has its %s: the record is what clears it",
		h->host->name,
		vs.state != VIRT_ABSENT ? "domain" : "directory");
	return err_hint(e, "restart nova-compute on %s", h->host->name);
}

static int nothing_left(struct step_ctx *c, struct err *e)
{
	const struct purge_reach *r = &fix_w(c)->reach;
	struct purge_host h = {0};
	int rc = r->open(r->arg, fix_param(c, "host"), &h, e);

	if (!rc)
		rc = look(c, &h, e);
	r->close(&h);
	return rc;
}

static int run(struct step_ctx *c, struct err *e)
{
	struct db_settle s = record(c, false);
	AUTO(mem_freep) char *host = NULL;

	if (fix_where(c, &host, e) ||
	    ((!host || strcmp(host, s.source) != 0) && nothing_left(c, e)) ||
	    step_record_once(c, "before", json_string(s.from), e))
		return -1;
	return fix_w(c)->settle(fix_w(c)->db, &s, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct db_settle s = record(c, false);
	AUTO(mem_freep) char *now = NULL;

	*state = STEP_NOT_DONE;
	if (!step_recall(c, "before"))
		return 0;
	if (fix_w(c)->status(fix_w(c)->db, &s, &now, e))
		return -1;
	if (now && !strcmp(now, s.to))
		*state = STEP_DONE;
	return 0;
}

/* States: never written; written; gone with its server's archive, or changed by
 * another since, and then not ours. */
static int undo(struct step_ctx *c, struct err *e)
{
	struct db_settle s = record(c, true);
	AUTO(mem_freep) char *now = NULL;

	if (!step_recall(c, "before"))
		return 0;
	if (fix_w(c)->status(fix_w(c)->db, &s, &now, e))
		return -1;
	if (!now || (strcmp(now, s.from) != 0 && strcmp(now, s.to) != 0))
		return 0;
	step_say(c, "the record arms nova-compute on %s again", s.source);
	return fix_w(c)->settle(fix_w(c)->db, &s, e);
}

const struct step step_fix_evacuation = {
	.name = "fix-evacuation",
	.summary = "complete the record of an old evacuation",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
