/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fix-allocation: what Placement counts for the server on another host is
 * counted on its own, or dropped where it is counted there already.
 *
 * Parameters besides the common: from, to (providers).  Shares at other
 * providers (devices, shared disks) belong to the host as well: with them it is
 * not ours to say what goes where.
 */
#include <string.h>

#include "engine/step.h"
#include "steps/fix.h"

static void json_freep(json_t **j)
{
	json_decref(*j);
}

static int read_shares(struct step_ctx *c, json_t **doc, struct err *e)
{
	const struct fix_cloud *cl = &fix_w(c)->cloud;

	*doc = NULL;
	return cl->shares(cl->self, fix_param(c, "server"), doc, e);
}

static int put_shares(struct step_ctx *c, const json_t *doc, struct err *e)
{
	const struct fix_cloud *cl = &fix_w(c)->cloud;

	return cl->put_shares(cl->self, fix_param(c, "server"), doc, e);
}

/* The shares as they must be, with NOW's generation; a new reference. */
static json_t *wanted(struct step_ctx *c, const json_t *now, struct err *e)
{
	const char *from = fix_param(c, "from"), *to = fix_param(c, "to");
	json_t *doc = json_deep_copy(now);
	json_t *shares = json_object_get(doc, "shares");
	json_t *mine = json_object_get(shares, from);
	const char *key;
	json_t *v;

	json_object_foreach (shares, key, v)
		if (strcmp(key, from) != 0 && strcmp(key, to) != 0) {
			err_set(e, ERR_REFUSED,
				"provider %s has resources of it, too", key);
			err_hint(e,
				 "openstack resource provider allocation show "
				 "%s",
				 fix_param(c, "server"));
			json_decref(doc);
			return NULL;
		}
	if (mine && !json_object_get(shares, to))
		json_object_set(shares, to, mine);
	json_object_del(shares, from);
	return doc;
}

static bool is_done(struct step_ctx *c, const json_t *doc)
{
	const json_t *shares = json_object_get(doc, "shares");

	return !json_object_get(shares, fix_param(c, "from")) &&
	       json_object_get(shares, fix_param(c, "to"));
}

static int once(struct step_ctx *c, struct err *e)
{
	AUTO(json_freep) json_t *now = NULL;
	AUTO(json_freep) json_t *doc = NULL;

	if (read_shares(c, &now, e) || fix_idle(c, e))
		return -1;
	if (is_done(c, now))
		return 0;
	doc = wanted(c, now, e);
	if (!doc || step_record_once(c, "before", json_incref(now), e) ||
	    step_record(c, "after", json_incref(doc), e))
		return -1;
	return put_shares(c, doc, e);
}

static int run(struct step_ctx *c, struct err *e)
{
	return fix_retry(c, once, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	AUTO(json_freep) json_t *now = NULL;

	*state = STEP_NOT_DONE;
	if (!step_recall(c, "before"))
		return 0;
	if (read_shares(c, &now, e))
		return -1;
	if (is_done(c, now))
		*state = STEP_DONE;
	return 0;
}

static bool same_shares(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "shares"),
			  json_object_get(b, "shares"));
}

/* States: as before; as we left it; changed by others since, or gone with the
 * server, which is not ours to overwrite.  (A refusal would make the engine run
 * the step again.) */
static int undo(struct step_ctx *c, struct err *e)
{
	const json_t *before = step_recall(c, "before");
	const json_t *after = step_recall(c, "after");
	AUTO(json_freep) json_t *now = NULL;
	AUTO(json_freep) json_t *doc = NULL;

	if (!before || !after)
		return 0;
	if (read_shares(c, &now, e))
		return -1;
	if (same_shares(now, before))
		return 0;
	if (!same_shares(now, after)) {
		step_say(c, "its allocations were changed since: left as they "
			    "are");
		return 0;
	}
	if (fix_idle(c, e))
		return -1;
	doc = json_deep_copy(before);
	json_object_set(doc, "generation", json_object_get(now, "generation"));
	return put_shares(c, doc, e);
}

const struct step step_fix_allocation = {
	.name = "fix-allocation",
	.summary = "count its resources on its host alone in Placement",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
