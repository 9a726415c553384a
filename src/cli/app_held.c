/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readmit: the jobs that have to end first.  What they hold on the host is
 * needed by them, or waits for being swept, and no other job may touch it: one
 * that is open here; one that was undone while the host was dead, or that this
 * journal does not know, and that still has its lease there; one that Nova's
 * row names.
 */
#include <unistd.h>

#include "audit/audit.h"
#include "cli/app_priv.h"
#include "core/str.h"

struct held {
	const char *host;
	const struct audit_finding *x;
	struct journal *j; /* NULL: there is none yet */
	json_t *manifests; /* of the host */
};

/* Looking makes no journal. */
static int open_journal(struct app *a, struct journal **j, struct err *e)
{
	*j = NULL;
	if (!app_journal_shared(a)) {
		const char *path = app_journal_file(a, e);

		if (!path)
			return -1;
		if (access(path, F_OK))
			return 0;
	}
	*j = app_journal(a, e);
	return *j ? 0 : -1;
}

static int held_by(const struct held *h, const char *job, const char *why,
		   struct err *e)
{
	return err_set(e, ERR_LOCKED, "server %s (%s): job %s %s", h->x->server,
		       h->x->name ? h->x->name : "?", job, why);
}

/* Whatever it is, its end comes first. */
static int open_here(const struct held *h, struct err *e)
{
	struct journal_job job = {0};
	char id[JOURNAL_ID_MAX];
	AUTO(mem_freep) char *why = NULL;
	size_t n = 0;

	if (!h->j || journal_open_jobs(h->j, h->x->server, &n, id, e))
		return h->j ? -1 : 0;
	if (!n)
		return 0;
	if (journal_load(h->j, id, &job, e))
		return -1;
	why = app_is_fix_kind(job.kind)
		      ? mem_printf("of %s is open", str_is(job.kind, "fix")
							    ? "audit --fix"
							    : "readmit")
		      : mem_printf("from %s to %s is open", job.source,
				   job.target);
	held_by(h, id, why, e);
	if (job.dir == JOURNAL_BACKWARD)
		err_hint(e,
			 "novahaul resume %s goes on with its rollback; then "
			 "novahaul readmit %s",
			 id, h->host);
	else
		err_hint(e,
			 "novahaul resume %s, or novahaul rollback %s; then "
			 "novahaul readmit %s",
			 id, id, h->host);
	journal_job_clear(&job);
	return -1;
}

static int sweep_first(const struct held *h, const char *job, const char *why,
		       struct err *e)
{
	held_by(h, job, why, e);
	return err_hint(e,
			"novahaul audit %s --fix --job %s; then novahaul "
			"readmit %s",
			h->host, job, h->host);
}

static bool is_about(const json_t *m, const char *uuid)
{
	const char *server = json_string_value(json_object_get(m, "server"));
	const char *text = json_string_value(json_object_get(m, "text"));
	json_t *doc = json_loads(text ? text : "", 0, NULL);
	const json_t *inst =
		json_object_get(json_object_get(doc, "plan"), "instance");
	bool yes = str_is(uuid, server ? server
				       : json_string_value(json_object_get(
						 inst, "uuid")));

	json_decref(doc);
	return yes;
}

/* One that was done has let go, or is open: only its manifest is old. */
static int left_there(const struct held *h, struct err *e)
{
	const json_t *m;
	size_t i;

	json_array_foreach (h->manifests, i, m) {
		const char *id = json_string_value(json_object_get(m, "job"));
		struct journal_job job = {0};
		struct err no = ERR_INIT;
		enum journal_state state;
		bool known;

		if (json_is_true(json_object_get(m, "closed")) ||
		    !is_about(m, h->x->server))
			continue;
		known = h->j && !journal_load(h->j, id, &job, &no);
		state = job.state;
		journal_job_clear(&job);
		err_clear(&no);
		if (!known)
			return sweep_first(h, id,
					   "which this journal does not know, "
					   "holds it there",
					   e);
		if (state == JOURNAL_ROLLED_BACK)
			return sweep_first(h, id,
					   "was undone without the host, and "
					   "still holds it there",
					   e);
	}
	return 0;
}

static int in_its_row(const struct held *h, const struct audit_facts *f,
		      struct err *e)
{
	for (size_t i = 0; i < f->n_servers; i++) {
		const char *job = f->servers[i].job;

		if (!job || !str_is(f->servers[i].uuid, h->x->server))
			continue;
		held_by(h, job, "holds its row in Nova's database", e);
		return err_hint(e,
				"novahaul audit --fix --job %s; then novahaul "
				"readmit %s",
				job, h->host);
	}
	return 0;
}

int app_held(struct app *a, const char *host, const struct audit_facts *f,
	     const struct audit_found *found, struct err *e)
{
	struct held h = {.host = host};
	int rc = found->n ? open_journal(a, &h.j, e) : 0;

	if (!rc && found->n && a->ops->manifests)
		rc = a->ops->manifests(a, host, &h.manifests, e);
	for (size_t i = 0; !rc && i < found->n; i++) {
		h.x = &found->v[i];
		if (h.x->server)
			rc = open_here(&h, e) || left_there(&h, e) ||
					     in_its_row(&h, f, e)
				     ? -1
				     : 0;
	}
	json_decref(h.manifests);
	journal_close(h.j);
	return rc;
}
