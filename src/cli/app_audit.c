/* SPDX-License-Identifier: Apache-2.0 */
/* audit: jobs that the hosts know, and this journal perhaps does not. */
#include <string.h>

#include "cli/app_priv.h"
#include "cli/progress.h"

#define SCHEMA_VERSION 1

static void journal_closep(struct journal **j)
{
	journal_close(*j);
}

struct lost {
	char *job, *host;
	char *server; /* of a lease; NULL when there are manifests only */
	json_t *doc;  /* the newest manifest seen, or NULL */
	struct strv hosts;
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

static const char *uuid_of(const struct lost *l)
{
	const json_t *inst =
		json_object_get(json_object_get(l->doc, "plan"), "instance");
	const char *uuid = json_string_value(json_object_get(inst, "uuid"));

	return uuid ? uuid : l->server;
}

static void finding(struct audit *u, const struct lost *l, const char *kind,
		    bool fixed, const char *message, const char *hint)
{
	json_array_append_new(
		u->findings,
		json_pack("{s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:b}", "kind",
			  kind, "host", l->host, "job", l->job, "server",
			  uuid_of(l), "message", message, "hint", hint, "fixed",
			  fixed));
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
	const char *server = json_string_value(json_object_get(m, "server"));
	const char *host = json_string_value(json_object_get(m, "host"));
	json_t *doc = json_loads(text ? text : "", 0, NULL);
	struct lost *l = NULL;

	for (size_t i = 0; i < u->n; i++)
		if (!strcmp(u->v[i].job, job))
			l = &u->v[i];
	if (!l) {
		u->v = mem_realloc(u->v, u->n + 1, sizeof(*u->v));
		l = &u->v[u->n++];
		*l = (struct lost){.job = mem_strdup(job),
				   .host = mem_strdup(host)};
	}
	strv_add(&l->hosts, host);
	if (server && !l->server)
		l->server = mem_strdup(server);
	l->closed |= json_is_true(json_object_get(m, "closed"));
	if (doc && (!l->doc || seq_of(doc) > seq_of(l->doc))) {
		json_decref(l->doc);
		l->doc = doc;
		mem_free(l->host);
		l->host = mem_strdup(host);
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

/* Past its commit point a job goes forward, before it back.  A rewrite of which
 * the manifest says only that it was begun may have landed: then resume asks
 * the database first. */
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
			return !strcmp(mark, "done") ||
			       !strcmp(mark, "running") ||
			       !strcmp(mark, "undoing");
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

/* What the job left is taken from each host that has some of it. */
static int sweep(struct audit *u, const struct lost *l, const char *kind,
		 struct err *e)
{
	for (size_t i = 0; i < l->hosts.n; i++)
		if (u->a->ops->sweep(u->a, l->hosts.v[i], l->job, uuid_of(l),
				     e)) {
			finding(u, l, kind, false, err_msg(e), e->hint);
			return -1;
		}
	finding(u, l, kind, true, "removed", NULL);
	return 0;
}

/* The job has ended, and these hosts did not hear of it; or it never came to
 * more than a lease. */
static int leftover(struct audit *u, const struct lost *l, bool known,
		    bool removable, const char *hint, struct err *e)
{
	const char *kind = known ? "leftover" : "abandoned-lease";

	if (u->r->fix && removable && uuid_of(l))
		return sweep(u, l, kind, e);
	finding(u, l, kind, false,
		known ? "the journal says that the job has ended"
		      : "a lease of a job that had done nothing yet, or had "
			"undone all",
		removable ? hint : NULL);
	return 0;
}

static void job_state(struct audit *u, const char *id, bool *known,
		      enum journal_state *state)
{
	struct journal_job job = {0};
	struct err no = ERR_INIT;

	*known = !journal_load(u->j, id, &job, &no);
	*state = job.state;
	err_clear(&no);
	journal_job_clear(&job);
}

/* A manifest is last written before the last step: a job that is taken in goes
 * through its end again. */
static int take_in(struct audit *u, const struct lost *l, struct err *e)
{
	enum journal_state state;
	bool known;

	if (l->doc && adopt(u, l, e))
		return -1;
	job_state(u, l->job, &known, &state);
	return known && state == JOURNAL_OPEN ? finish(u, l, e) : 0;
}

static int one(struct audit *u, const struct lost *l, struct err *e)
{
	enum journal_state state;
	bool known, open;
	AUTO(mem_freep)
	char *hint = mem_printf("novahaul audit --fix --job %s", l->job);
	const char *kind;
	int rc;

	job_state(u, l->job, &known, &state);
	open = known && state == JOURNAL_OPEN;
	if (l->closed && known && !open)
		return 0; /* a kept copy: novahaul jobs lists it */
	if (!open && (known || !l->doc))
		return leftover(u, l, known,
				!known || state == JOURNAL_ROLLED_BACK, hint,
				e);
	kind = l->closed && !open ? "kept-copy" : "open-job";
	if (!u->r->fix) {
		finding(u, l, kind, false,
			l->closed && !open ? "a kept copy that this journal "
					     "does not know"
					   : "a job that is not finished",
			hint);
		return 0;
	}
	rc = take_in(u, l, e);
	finding(u, l, kind, !rc,
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
		mem_free(u.v[i].server);
		strv_clear(&u.v[i].hosts);
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
