/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be judged; records of evacuations; and the order of it all. */
#include <stdlib.h>
#include <string.h>

#include "audit/audit_priv.h"

const char *audit_severity_name(enum audit_severity s)
{
	switch (s) {
	case AUDIT_INFO:
		return "info";
	case AUDIT_WARNING:
		return "warning";
	case AUDIT_ERROR:
		return "error";
	case AUDIT_CRITICAL:
		return "critical";
	}
	return "?";
}

static bool one_of(const char *s, const char *const *list)
{
	for (; s && *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

/* ---- who may be judged */

bool audit_busy(const struct audit_facts *f, const struct audit_server *s)
{
	static const char *const between[] = {"building", "resized", NULL};

	if (s->changed || s->hidden || s->job || s->task_state ||
	    !s->vm_state || one_of(s->vm_state, between))
		return true;
	for (size_t i = 0; i < f->n_migrations; i++) {
		const struct audit_migration *m = &f->migrations[i];

		/* An evacuation at work sets task_state: its record alone may
		 * be years old. */
		if (m->in_flight && !m->armed && m->instance &&
		    !strcmp(m->instance, s->uuid))
			return true;
	}
	return false;
}

bool audit_settled(const struct audit_facts *f, const struct audit_server *s)
{
	static const char *const states[] = {"active",	  "stopped", "paused",
					     "suspended", "rescued", "error",
					     NULL};

	return s->host && one_of(s->vm_state, states) && !audit_busy(f, s);
}

bool audit_idle(const struct audit_facts *f, const struct audit_server *s)
{
	static const char *const states[] = {"active", "stopped", NULL};

	return s->host && one_of(s->vm_state, states) && !audit_busy(f, s);
}

struct audit_finding *audit_add(struct audit_found *out, const char *kind,
				enum audit_severity severity,
				const struct audit_server *s, const char *host)
{
	struct audit_finding *x = GROW(out->v, out->n);

	x->kind = kind;
	x->severity = severity;
	x->server = mem_strdup0(s ? s->uuid : NULL);
	x->name = mem_strdup0(s ? s->name : NULL);
	x->home = mem_strdup0(s ? s->host : NULL);
	x->host = mem_strdup0(host);
	return x;
}

/* ---- evacuations */

/* Is anything of it on H, that is not what its home sees under the same name?
 */
static bool leaves(const struct audit_facts *f, const struct audit_host *h,
		   const char *uuid, const struct audit_server *s)
{
	const struct audit_host *home = s ? audit_host(f, s->host) : NULL;

	if (audit_domain(h, uuid))
		return true;
	return audit_dir(h, uuid, "") && !(home && audit_same_files(h, home));
}

/* Has it nothing more to do?  Then its only effect is the harm that it can do
 * once the instance comes back. */
static bool stale(const struct audit_facts *f, const struct audit_migration *m,
		  const struct audit_server *s)
{
	const struct audit_host *h = audit_host(f, m->source);

	if (s && s->host && !strcmp(s->host, m->source))
		return true;
	return h && h->looked && !leaves(f, h, m->instance, s);
}

const struct audit_migration *audit_pending(const struct audit_facts *f,
					    const char *uuid, const char *host)
{
	for (size_t i = 0; i < f->n_migrations; i++) {
		const struct audit_migration *m = &f->migrations[i];

		if (m->armed && m->instance && !strcmp(m->instance, uuid) &&
		    m->source && !strcmp(m->source, host) &&
		    !stale(f, m, audit_server(f, uuid)))
			return m;
	}
	return NULL;
}

static void settle(struct audit_finding *x, const struct audit_migration *m,
		   bool may)
{
	x->object = mem_printf("%lld", (long long)m->id);
	x->id = m->id;
	x->from = mem_strdup(m->status);
	if (may) {
		x->fix = AUDIT_FIX_EVACUATION;
		x->hint = mem_printf("novahaul audit --fix; do not restart "
				     "nova-compute on %s before",
				     m->source);
	}
}

static void evacuation(const struct audit_facts *f,
		       const struct audit_migration *m, struct audit_found *out)
{
	const struct audit_server *s = audit_server(f, m->instance);
	const struct audit_host *h = audit_host(f, m->source);
	bool home = s && s->host && !strcmp(s->host, m->source);
	struct audit_finding *x;

	if (s && audit_busy(f, s))
		return;
	if (!stale(f, m, s)) {
		x = audit_add(out, "evacuation-pending", AUDIT_INFO, s,
			      m->source);
		x->object = mem_printf("%lld", (long long)m->id);
		x->message = mem_printf(
			"%s: nova-compute there clears what is left of %s when "
			"it starts",
			h && h->looked ? "evacuated from it"
				       : "evacuated from it, and it was not "
					 "looked at",
			m->instance);
		return;
	}
	x = audit_add(out, "evacuation-armed",
		      home ? AUDIT_CRITICAL : AUDIT_WARNING, s, m->source);
	x->message =
		home ? mem_printf("an old evacuation from %s is '%s' and the "
				  "server is there: the next start of "
				  "nova-compute destroys its guest",
				  m->source, m->status)
		     : mem_printf(
			       "an old evacuation from %s is '%s': would the "
			       "server come back there, a start of "
			       "nova-compute destroyed its guest",
			       m->source, m->status);
	settle(x, m, true);
	if (!s && m->instance) /* deleted: the record stays */
		x->server = mem_strdup(m->instance);
}

static void find_evacuations(const struct audit_facts *f,
			     struct audit_found *out)
{
	for (size_t i = 0; i < f->n_migrations; i++)
		if (f->migrations[i].armed && f->migrations[i].instance &&
		    f->migrations[i].source)
			evacuation(f, &f->migrations[i], out);
}

/* ---- what was not asked */

static void find_unasked(const struct audit_facts *f, struct audit_found *out)
{
	for (size_t i = 0; i < f->n_unasked; i++) {
		const struct audit_unasked *u = &f->unasked[i];
		struct audit_finding *x =
			audit_add(out, "not-asked", AUDIT_WARNING, NULL,
				  u->host ? u->what : NULL);

		x->message = mem_printf("%s could not be asked: %s", u->what,
					u->why);
		x->hint = mem_strdup0(u->hint);
	}
}

static int worst_first(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;
	int by = (int)y->severity - (int)x->severity;

	if (!by)
		by = strcmp(x->server ? x->server : "~",
			    y->server ? y->server : "~");
	return by ? by : strcmp(x->kind, y->kind);
}

void audit_find(const struct audit_facts *f, struct audit_found *out)
{
	*out = (struct audit_found){0};
	find_evacuations(f, out);
	audit_find_domains(f, out);
	audit_find_files(f, out);
	audit_find_allocations(f, out);
	audit_find_ports(f, out);
	audit_find_volumes(f, out);
	find_unasked(f, out);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), worst_first);
}
