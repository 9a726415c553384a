/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: jobs that the hosts know, and this journal perhaps does not; and jobs
 * of this journal that another one has ended.
 *
 * A host that cannot be looked at is a finding of its own and hides no other.
 * What a job's other host holds is then not known: nothing of that job is
 * started, finished, rolled back or removed, because any of it could arm a
 * second host or take the only copy away.  A job whose source was seen is taken
 * into the journal, which touches no host.  Jobs between hosts that were seen
 * are repaired as ever.
 */
#include <string.h>

#include "cli/app_priv.h"
#include "cli/progress.h"

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

struct seen {
	char *host;
	bool answered;
};

struct audit {
	struct app *a;
	const struct app_audit *r;
	struct journal *j;
	struct lost *v;
	size_t n;
	struct seen *hosts;
	size_t n_hosts;
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
		json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:b}",
			  "kind", kind, "severity", "error", "host", l->host,
			  "job", l->job, "server", uuid_of(l), "message",
			  message, "hint", hint, "fixed", fixed));
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

static struct seen *seen(const struct audit *u, const char *host)
{
	for (size_t i = 0; i < u->n_hosts; i++)
		if (!strcmp(u->hosts[i].host, host))
			return &u->hosts[i];
	return NULL;
}

static void not_seen(struct audit *u, const char *host, const struct err *why)
{
	AUTO(mem_freep)
	char *text = mem_printf("could not be looked at: %s", err_msg(why));
	struct lost none = {.host = (char *)host};

	finding(u, &none, "unreachable", false, text, why->hint);
}

/* Looks at HOST once; ONLY: at that job alone.  Jobs are added at the end. */
static void collect_host(struct audit *u, const char *host, const char *only)
{
	struct err why = ERR_INIT;
	json_t *list = NULL;
	const json_t *m;
	bool answered;
	size_t i;

	if (seen(u, host))
		return;
	answered = !u->a->ops->manifests(u->a, host, &list, &why);
	u->hosts = mem_realloc(u->hosts, u->n_hosts + 1, sizeof(*u->hosts));
	u->hosts[u->n_hosts++] = (struct seen){mem_strdup(host), answered};
	if (!answered)
		not_seen(u, host, &why);
	json_array_foreach (list, i, m) {
		const char *job = json_string_value(json_object_get(m, "job"));

		if (!only || !strcmp(only, job))
			note_manifest(u, m);
	}
	json_decref(list);
	err_clear(&why);
}

static int collect(struct audit *u, struct err *e)
{
	const struct config *c = u->a->config;

	if (u->r->hosts && u->r->hosts[0]) {
		for (const char *const *h = u->r->hosts; *h; h++)
			collect_host(u, *h, u->r->job);
		return 0;
	}
	if (!c->n_hosts) {
		err_set(e, ERR_USAGE,
			"no hosts are named, here or in the "
			"configuration");
		return err_hint(e, "novahaul audit HOST HOST");
	}
	for (size_t i = 0; i < c->n_hosts; i++)
		collect_host(u, c->hosts[i].name, u->r->job);
	return 0;
}

/* Both hosts of a plan, as far as it names them.  They are looked at now if
 * nobody asked for them: what one holds says nothing without the other. */
static const char *missing(struct audit *u, const json_t *plan, const char *job)
{
	static const char *const sides[] = {"source", "target"};

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		const char *h =
			json_string_value(json_object_get(plan, sides[i]));

		if (!h)
			continue;
		collect_host(u, h, job);
		if (!seen(u, h)->answered)
			return h;
	}
	return NULL;
}

static const char *first_silent(const struct audit *u)
{
	for (size_t i = 0; i < u->n_hosts; i++)
		if (!u->hosts[i].answered)
			return u->hosts[i].host;
	return NULL;
}

/* The host without which nothing is certain about job I, or NULL.  A lease
 * without a manifest may belong with any host. */
static const char *unknown_host(struct audit *u, size_t i)
{
	AUTO(mem_freep) char *job = mem_strdup(u->v[i].job);
	const json_t *plan = json_object_get(u->v[i].doc, "plan");
	struct journal_job known = {0};
	struct err no = ERR_INIT;
	const char *host = NULL;

	/* U->v moves when a host is looked at; the manifest may be replaced. */
	json_incref((json_t *)plan);
	if (plan)
		host = missing(u, plan, job);
	else if (!journal_load(u->j, job, &known, &no))
		host = missing(u, known.plan, job);
	else
		host = first_silent(u);
	json_decref((json_t *)plan);
	journal_job_clear(&known);
	err_clear(&no);
	return host;
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

		if (name && mark &&
		    (!strcmp(name, "rewrite") || !strcmp(name, "evacuate")))
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

/* ---- jobs that were ended from another journal */

static bool is_listed(const struct audit *u, const char *id)
{
	for (size_t i = 0; i < u->n; i++)
		if (!strcmp(u->v[i].job, id))
			return true;
	return false;
}

/* Whoever still runs it is stale from here on. */
static int close_job(struct audit *u, struct journal_job *job, bool done,
		     struct err *e)
{
	struct journal_takeover how = {.dir = job->dir};
	struct journal_turn end = {
		.state = done ? JOURNAL_DONE : JOURNAL_ROLLED_BACK,
		.dir = done ? JOURNAL_FORWARD : JOURNAL_BACKWARD};
	struct journal_key key;
	char owner[96];

	journal_owner(owner, sizeof(owner));
	how.owner = owner;
	if (journal_take(u->j, job, &how, e))
		return -1;
	key = journal_key(job);
	return journal_turn(u->j, &key, &end, e);
}

static int look_for_traces(struct audit *u, const struct journal_job *job,
			   struct app_traces *out, struct err *e)
{
	void *w = u->a->ops->world_open(u->a, job->plan, APP_REACH_BOTH, e);
	int rc;

	if (!w)
		return -1;
	rc = u->a->ops->traces(w, job->id, out, e);
	u->a->ops->world_close(w);
	return rc;
}

static void say_ended(struct audit *u, const struct journal_job *job)
{
	struct lost l = {.job = (char *)job->id,
			 .host = job->source,
			 .server = job->instance};
	AUTO(mem_freep)
	char *hint = mem_printf("novahaul audit --fix --job %s", job->id);

	finding(u, &l, "ended-elsewhere", u->r->fix,
		u->r->fix ? "closed in this journal"
			  : "it was ended from another journal",
		u->r->fix ? NULL : hint);
}

/* Nothing of it is left. */
static int one_ended(struct audit *u, struct journal_job *job, struct err *e)
{
	struct app_traces t = {0};

	if (missing(u, job->plan, job->id) || is_listed(u, job->id))
		return 0;
	if (look_for_traces(u, job, &t, e))
		return -1;
	if (t.held || t.kept)
		return 0; /* resume and rollback know what to do */
	if (u->r->fix && (close_job(u, job, t.moved, e) ||
			  (t.moved && journal_purged(u->j, job->id, e))))
		return -1;
	say_ended(u, job);
	return 0;
}

/* Its manifest is closed, and nobody holds anything for it: all that is left is
 * the copy that it keeps.  *YES: that was it. */
static int closed_elsewhere(struct audit *u, const struct lost *l, bool *yes,
			    struct err *e)
{
	const char *dir = json_string_value(json_object_get(l->doc, "dir"));
	struct journal_job job = {0};
	struct app_traces t = {0};
	int rc = journal_load(u->j, l->job, &job, e);

	if (!rc)
		rc = look_for_traces(u, &job, &t, e);
	*yes = !rc && !t.held;
	if (*yes && u->r->fix)
		rc = close_job(u, &job, !dir || strcmp(dir, "backward") != 0,
			       e);
	if (*yes && !rc)
		say_ended(u, &job);
	journal_job_clear(&job);
	return rc;
}

/* ---- one job */

static bool answered(const struct audit *u, const char *host)
{
	const struct seen *s = host ? seen(u, host) : NULL;

	return s && s->answered;
}

/* Its manifest on the source is the newest; taking it in touches no host. */
static int only_take_in(struct audit *u, const struct lost *l,
			const char *silent, struct err *e)
{
	const char *source = json_string_value(
		json_object_get(json_object_get(l->doc, "plan"), "source"));
	bool in = u->r->fix && answered(u, source);
	AUTO(mem_freep)
	char *text = mem_printf("%s could not be looked at: nothing was "
				"changed%s",
				silent,
				in ? ", but the job is in this journal" : "");
	AUTO(mem_freep)
	char *hint = mem_printf(
		in ? "novahaul audit --fix when it answers; if it is gone for "
		     "good, novahaul rollback %s"
		   : "novahaul audit --fix --job %s when it answers",
		l->job);

	if (in && adopt(u, l, e))
		return -1;
	finding(u, l, "unknown", false, text, hint);
	return 0;
}

static int one(struct audit *u, size_t at, struct err *e)
{
	const char *silent = unknown_host(u, at);
	const struct lost *l = &u->v[at];
	enum journal_state state;
	bool known, open;
	AUTO(mem_freep)
	char *hint = mem_printf("novahaul audit --fix --job %s", l->job);
	const char *kind;
	int rc;

	job_state(u, l->job, &known, &state);
	open = known && state == JOURNAL_OPEN;
	if (l->closed && open && !silent) {
		bool yes;

		if (closed_elsewhere(u, l, &yes, e) || yes)
			return e->kind == ERR_NONE ? 0 : -1;
	}
	if (l->closed && known && !open)
		return 0; /* a kept copy: novahaul jobs lists it */
	if (silent)
		return only_take_in(u, l, silent, e);
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

static void each(struct audit *u, bool closed, struct err *e)
{
	for (size_t i = 0; i < u->n; i++) {
		struct err why = ERR_INIT;

		/* One job that cannot be fixed does not hide the others. */
		if (u->v[i].closed == closed && one(u, i, &why) &&
		    e->kind == ERR_NONE)
			err_move(e, &why);
		err_clear(&why);
	}
}

/* ---- jobs of this journal that no host knows */

static bool collect_open(void *arg, const struct journal_job *job)
{
	/* Those of audit --fix have nothing on the hosts. */
	if (job->state == JOURNAL_OPEN && !app_is_fix_kind(job->kind))
		strv_add(arg, job->id);
	return true;
}

/* A job that never got its claim has left nothing, and may still begin. */
static bool has_claimed(const struct journal_job *job)
{
	return job->nsteps && job->steps[0].mark != MARK_PENDING &&
	       job->steps[0].mark != MARK_RUNNING;
}

static int ended_elsewhere(struct audit *u, struct err *e)
{
	AUTO(strv_clear) struct strv ids = STRV_INIT;

	if (journal_jobs(u->j, collect_open, &ids, e))
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		struct journal_job job = {0};
		struct err why = ERR_INIT;

		if ((!u->r->job || !strcmp(u->r->job, ids.v[i])) &&
		    !is_listed(u, ids.v[i]) &&
		    (journal_load(u->j, ids.v[i], &job, &why) ||
		     (has_claimed(&job) && one_ended(u, &job, &why)))) {
			struct lost l = {.job = ids.v[i],
					 .host = job.source,
					 .server = job.instance};

			finding(u, &l, "open-job", false, err_msg(&why),
				why.hint);
		}
		err_clear(&why);
		journal_job_clear(&job);
	}
	return 0;
}

int app_audit_jobs(struct app *a, const struct app_audit *r,
		   struct app_audited *out, struct err *e)
{
	AUTO(journal_closep) struct journal *j = app_journal(a, e);
	struct audit u = {.a = a, .r = r, .j = j, .findings = json_array()};
	int rc = j ? collect(&u, e) : -1;

	/* An open job has the leases that an earlier one, which only keeps a
	 * copy, needs for its last step. */
	if (!rc)
		each(&u, false, e);
	if (!rc)
		each(&u, true, e);
	if (!rc)
		rc = ended_elsewhere(&u, e);
	for (size_t i = 0; i < u.n; i++) {
		mem_free(u.v[i].job);
		mem_free(u.v[i].host);
		mem_free(u.v[i].server);
		strv_clear(&u.v[i].hosts);
		json_decref(u.v[i].doc);
	}
	mem_free(u.v);
	for (size_t i = 0; i < u.n_hosts; i++) {
		strv_add(u.hosts[i].answered ? &out->hosts : &out->silent,
			 u.hosts[i].host);
		mem_free(u.hosts[i].host);
	}
	mem_free(u.hosts);
	if (rc) {
		json_decref(u.findings);
		return -1;
	}
	if (e->kind != ERR_NONE)
		err_clear(e); /* it stands in the findings */
	out->findings = u.findings;
	return 0;
}
