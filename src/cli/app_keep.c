/* SPDX-License-Identifier: Apache-2.0 */
/* purge: the copies that jobs kept. */
#include <string.h>

#include "cli/app_priv.h"

#define SCHEMA_VERSION 1

/* The one removal without an undo stands in the journal first. */
static const char beginning[] = "purge: removing the kept copy";

struct kept {
	struct journal *j;
	struct journal_job job;
	bool begun; /* a removal was begun, and not ended */
	void *world;
};

static bool is_beginning(void *arg, const struct journal_event *ev)
{
	bool *yes = arg;

	*yes = !strcmp(ev->kind, "say") && ev->text &&
	       strstr(ev->text, beginning);
	return !*yes;
}

int app_purge_begun(struct journal *j, const struct journal_job *job, bool *yes,
		    struct err *e)
{
	*yes = false;
	if (job->state == JOURNAL_OPEN || job->purged_us)
		return 0;
	return journal_events(j, job->id, 0, is_beginning, yes, e);
}

static void kept_close(struct app *a, struct kept *k)
{
	if (k->world)
		a->ops->world_close(k->world);
	journal_job_clear(&k->job);
	journal_close(k->j);
}

static int kept_open(struct app *a, const char *id, struct kept *k,
		     struct err *e)
{
	k->j = app_journal(a, e);
	if (!k->j || journal_load(k->j, id, &k->job, e) ||
	    app_purge_begun(k->j, &k->job, &k->begun, e))
		return -1;
	if (app_is_fix(k->job.plan)) {
		err_set(e, ERR_REFUSED,
			"it is a fix of audit's or readmit's: what it has "
			"put away is "
			"for a person to judge");
		return err_hint(e, "see .novahaul/%s/left on %s", id,
				k->job.source);
	}
	if (k->job.state == JOURNAL_OPEN) {
		err_set(e, ERR_REFUSED, "job %s is open: its copies are needed",
			id);
		return err_hint(e,
				"novahaul resume %s, or novahaul rollback "
				"%s",
				id, id);
	}
	/* The target may be gone for good; then the check says so. */
	k->world = a->ops->world_open(a, k->job.plan, APP_REACH_SOURCE, e);
	return k->world ? 0 : -1;
}

/* All files are gone; the lease or the journal may not know yet. */
static void cut_late(json_t *look)
{
	json_object_set_new(look, "allowed", json_true());
	json_object_set_new(look, "reason",
			    json_string("a removal that was cut has left no "
					"file, only the record to be made"));
}

static int kept_report(struct app *a, struct kept *k, json_t **report,
		       struct err *e)
{
	json_t *look = NULL, *paths = json_array();
	const char *path;

	if (a->ops->purge_look(k->world, k->job.id, &look, e)) {
		json_decref(paths);
		return -1;
	}
	path = json_string_value(json_object_get(look, "path"));
	if (!path && k->begun)
		cut_late(look);
	if (path)
		json_array_append_new(
			paths, json_pack("{s:s, s:s, s:O}", "host",
					 k->job.source, "path", path, "bytes",
					 json_object_get(look, "bytes")));
	*report = json_pack("{s:i, s:s, s:b, s:O, s:O, s:o}", "schema_version",
			    SCHEMA_VERSION, "job", k->job.id, "allowed",
			    (path || k->begun) && json_is_true(json_object_get(
							  look, "allowed")),
			    "reason", json_object_get(look, "reason"), "bytes",
			    json_object_get(look, "bytes"), "paths", paths);
	json_decref(look);
	return 0;
}

int app_purge_list(struct app *a, const char *job, json_t **report,
		   struct err *e)
{
	struct kept k = {0};
	int rc = kept_open(a, job, &k, e);

	if (!rc)
		rc = kept_report(a, &k, report, e);
	kept_close(a, &k);
	return rc;
}

static int remove_kept(struct app *a, struct kept *k, json_t *report,
		       struct err *e)
{
	struct journal_key key = journal_key(&k->job);
	size_t last = k->job.nsteps ? k->job.nsteps - 1 : 0;

	if (!json_is_true(json_object_get(report, "allowed")))
		return err_set(
			e, ERR_REFUSED, "job %s: %s", k->job.id,
			json_string_value(json_object_get(report, "reason")));
	if ((!k->begun && journal_say(k->j, &key, last, beginning, e)) ||
	    a->ops->purge_remove(k->world, k->job.id, e))
		return -1;
	return journal_purged(k->j, k->job.id, e);
}

int app_purge(struct app *a, const char *job, json_t **report, struct err *e)
{
	struct kept k = {0};
	int rc = kept_open(a, job, &k, e);

	if (!rc && !a->confirmed)
		rc = err_set(e, ERR_BUG, "a mutation was not confirmed");
	if (!rc)
		rc = kept_report(a, &k, report, e);
	if (!rc && remove_kept(a, &k, *report, e)) {
		json_decref(*report);
		*report = NULL;
		rc = -1;
	}
	kept_close(a, &k);
	return rc;
}
