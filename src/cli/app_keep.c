/* SPDX-License-Identifier: Apache-2.0 */
/* purge and audit: what jobs left on the hosts. */
#include <string.h>

#include "cli/app_priv.h"
#include "cli/progress.h"

#define SCHEMA_VERSION 1

static void journal_closep(struct journal **j)
{
	journal_close(*j);
}

/* ---- purge */

struct kept {
	struct journal *j;
	struct journal_job job;
	void *world;
};

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
	if (!k->j || journal_load(k->j, id, &k->job, e))
		return -1;
	if (k->job.state == JOURNAL_OPEN) {
		err_set(e, ERR_REFUSED, "job %s is open: its copies are needed",
			id);
		return err_hint(e,
				"novahaul resume %s, or novahaul rollback "
				"%s",
				id, id);
	}
	/* The target may be gone for good; then the check says so. */
	k->world = a->ops->world_open(a, k->job.plan, true, e);
	return k->world ? 0 : -1;
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
	if (path)
		json_array_append_new(
			paths, json_pack("{s:s, s:s, s:O}", "host",
					 k->job.source, "path", path, "bytes",
					 json_object_get(look, "bytes")));
	*report = json_pack(
		"{s:i, s:s, s:b, s:O, s:O, s:o}", "schema_version",
		SCHEMA_VERSION, "job", k->job.id, "allowed",
		path && json_is_true(json_object_get(look, "allowed")),
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
	/* The one removal without an undo stands in the journal first. */
	if (journal_say(k->j, &key, last, "purge: removing the kept copy", e) ||
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

/* ---- audit: jobs that the hosts know */

struct lost {
	char *job, *host;
	json_t *doc; /* the newest manifest seen */
	bool closed;
};

struct audit {
	struct app *a;
	const struct app_audit *r;
	struct journal *j;
	struct lost *v;
	size_t n;
	json_t *findings;
};

static void finding(struct audit *u, const struct lost *l, const char *kind,
		    bool fixed, const char *message, const char *hint)
{
	const json_t *inst =
		json_object_get(json_object_get(l->doc, "plan"), "instance");

	json_array_append_new(
		u->findings,
		json_pack("{s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:b}", "kind",
			  kind, "host", l->host, "job", l->job, "server",
			  json_string_value(json_object_get(inst, "uuid")),
			  "message", message, "hint", hint, "fixed", fixed));
}

static json_int_t seq_of(const json_t *doc)
{
	return json_integer_value(json_object_get(doc, "seq"));
}

/* One entry a job, with the newest of its manifests. */
static void note_manifest(struct audit *u, const json_t *m)
{
	const char *job = json_string_value(json_object_get(m, "job"));
	const char *text = json_string_value(json_object_get(m, "text"));
	json_t *doc = json_loads(text ? text : "", 0, NULL);
	struct lost *l = NULL;

	for (size_t i = 0; i < u->n; i++)
		if (!strcmp(u->v[i].job, job))
			l = &u->v[i];
	if (!l) {
		u->v = mem_realloc(u->v, u->n + 1, sizeof(*u->v));
		l = &u->v[u->n++];
		*l = (struct lost){.job = mem_strdup(job)};
	}
	l->closed |= json_is_true(json_object_get(m, "closed"));
	if (!l->doc || (doc && seq_of(doc) > seq_of(l->doc))) {
		json_decref(l->doc);
		l->doc = doc;
		mem_free(l->host);
		l->host = mem_strdup0(
			json_string_value(json_object_get(m, "host")));
	} else {
		json_decref(doc);
	}
}

static int collect_host(struct audit *u, const char *host, struct err *e)
{
	json_t *list = NULL;
	const json_t *m;
	size_t i;

	if (u->a->ops->manifests(u->a, host, &list, e))
		return err_wrap(e, "audit of %s", host);
	json_array_foreach (list, i, m)
		if (!u->r->job ||
		    !strcmp(u->r->job,
			    json_string_value(json_object_get(m, "job"))))
			note_manifest(u, m);
	json_decref(list);
	return 0;
}

static int collect(struct audit *u, struct err *e)
{
	const struct config *c = u->a->config;

	if (u->r->hosts && u->r->hosts[0]) {
		for (const char *const *h = u->r->hosts; *h; h++)
			if (collect_host(u, *h, e))
				return -1;
		return 0;
	}
	if (!c->n_hosts) {
		err_set(e, ERR_USAGE,
			"no hosts are named, here or in the "
			"configuration");
		return err_hint(e, "novahaul audit HOST HOST");
	}
	for (size_t i = 0; i < c->n_hosts; i++)
		if (collect_host(u, c->hosts[i].name, e))
			return -1;
	return 0;
}

/* Past its commit point a job goes forward, before it back. */
static bool committed(const json_t *doc)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(doc, "steps"), i, s) {
		const char *name =
			json_string_value(json_object_get(s, "name"));
		const char *mark =
			json_string_value(json_object_get(s, "mark"));

		if (name && mark && !strcmp(name, "rewrite"))
			return !strcmp(mark, "done");
	}
	return false;
}

static int finish(struct audit *u, const struct lost *l, struct err *e)
{
	struct app_outcome out = APP_OUTCOME_INIT;
	bool forward = committed(l->doc);
	int rc;

	progress_note(u->a->progress, "job %s: %s", l->job,
		      forward ? "resuming" : "rolling back");
	rc = forward ? app_resume(u->a, l->job, &out, e)
		     : app_rollback(u->a, l->job, &out, e);
	json_decref(out.report);
	if (rc && out.end == TXN_ROLLED_BACK) {
		err_clear(e);
		rc = 0;
	}
	return rc;
}

static int adopt(struct audit *u, const struct lost *l, struct err *e)
{
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *text = json_dumps(l->doc, JSON_COMPACT);

	if (!text)
		return err_set(e, ERR_FAILED, "job %s: no readable manifest",
			       l->job);
	if (journal_import(u->j, text, id, e) && e->kind != ERR_NOTHING)
		return -1;
	err_clear(e);
	return 0;
}

/* The job has ended, and this host did not hear of it. */
static int leftover(struct audit *u, const struct lost *l, bool rolled_back,
		    const char *hint, struct err *e)
{
	const json_t *inst =
		json_object_get(json_object_get(l->doc, "plan"), "instance");
	const char *uuid = json_string_value(json_object_get(inst, "uuid"));
	int rc = 0;

	if (!u->r->fix || !rolled_back || !uuid) {
		finding(u, l, "leftover", false,
			"the journal says that the job has ended",
			rolled_back ? hint : NULL);
		return 0;
	}
	rc = u->a->ops->sweep(u->a, l->host, l->job, uuid, e);
	finding(u, l, "leftover", !rc, rc ? err_msg(e) : "removed", NULL);
	return rc;
}

static int one(struct audit *u, const struct lost *l, struct err *e)
{
	struct journal_job job = {0};
	struct err no = ERR_INIT;
	bool known = !journal_load(u->j, l->job, &job, &no);
	bool open = known && job.state == JOURNAL_OPEN;
	bool back = known && job.state == JOURNAL_ROLLED_BACK;
	AUTO(mem_freep)
	char *hint = mem_printf("novahaul audit --fix --job %s", l->job);
	int rc = 0;

	err_clear(&no);
	journal_job_clear(&job);
	if (l->closed && known)
		return 0; /* a kept copy: novahaul jobs lists it */
	if (!l->closed && known && !open)
		return leftover(u, l, back, hint, e);
	if (!u->r->fix) {
		finding(u, l, l->closed ? "kept-copy" : "open-job", false,
			l->closed ? "a kept copy that this journal does not "
				    "know"
				  : "a job that is not finished",
			hint);
		return 0;
	}
	rc = adopt(u, l, e);
	if (!rc && !l->closed)
		rc = finish(u, l, e);
	finding(u, l, l->closed ? "kept-copy" : "open-job", !rc,
		rc	    ? err_msg(e)
		: l->closed ? "taken into this journal"
			    : "finished from the hosts' manifests",
		rc ? e->hint : NULL);
	return rc;
}

int app_audit(struct app *a, const struct app_audit *r, json_t **report,
	      struct err *e)
{
	AUTO(journal_closep) struct journal *j = app_journal(a, e);
	struct audit u = {.a = a, .r = r, .j = j, .findings = json_array()};
	int rc = j ? collect(&u, e) : -1;

	for (size_t i = 0; !rc && i < u.n; i++) {
		struct err one_err = ERR_INIT;

		/* One job that cannot be fixed does not hide the others. */
		if (one(&u, &u.v[i], &one_err) && e->kind == ERR_NONE)
			err_move(e, &one_err);
		err_clear(&one_err);
	}
	for (size_t i = 0; i < u.n; i++) {
		mem_free(u.v[i].job);
		mem_free(u.v[i].host);
		json_decref(u.v[i].doc);
	}
	mem_free(u.v);
	if (rc) {
		json_decref(u.findings);
		return -1;
	}
	if (e->kind != ERR_NONE)
		err_clear(e); /* it stands in the findings */
	*report = json_pack("{s:i, s:o}", "schema_version", SCHEMA_VERSION,
			    "findings", u.findings);
	return 0;
}
