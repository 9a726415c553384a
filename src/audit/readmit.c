/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host that returns still has of servers that have gone on elsewhere.
 *
 * Unlike audit's findings, these do not leave to nova-compute what a record of
 * an evacuation tells it to clear: it would delete the directory, and only if
 * the record is there.  What is found is disarmed, and then the record is
 * completed (nova/compute/manager.py _destroy_evacuated_instances(), 12.0.2 to
 * 33.0.0, finds nothing then).
 */
#include <string.h>

#include "audit/audit_priv.h"

struct look {
	const struct audit_facts *f;
	const struct audit_host *at;
	struct audit_found *out;
};

/* Something stands in the way, and nothing is done about it. */
static struct audit_finding *stop(const struct look *l, const char *kind,
				  const struct audit_server *s)
{
	return audit_add(l->out, kind, AUDIT_CRITICAL, s, l->at->name);
}

static void runs_here(const struct look *l, const struct audit_server *s,
		      const struct audit_host *home)
{
	const struct audit_domain *there =
		home ? audit_domain(home, s->uuid) : NULL;
	struct audit_finding *x;

	if (there && there->run == AUDIT_RUNNING) {
		x = stop(l, "domain-twice-running", s);
		x->message = mem_printf("two guests of it run, on %s and on "
					"%s, where Nova has it",
					l->at->name, s->host);
		x->hint = mem_printf("stop the one that is not to live on, now "
				     "(on %s: virsh destroy %s, if Nova is "
				     "right), and compare their disks",
				     l->at->name, s->uuid);
		return;
	}
	x = stop(l, "domain-wrong-host", s);
	x->message = mem_printf("its guest runs on %s, and Nova has it on %s",
				l->at->name, s->host);
	x->hint = mem_printf("find out which disks are the newer ones; shut it "
			     "down on %s if Nova is right",
			     l->at->name);
}

/* NULL, or why what is here must stay. */
static char *why_not(const struct look *l, const struct audit_server *s,
		     const struct audit_host *home)
{
	const struct audit_dir *d;

	if (!audit_idle(l->f, s))
		return mem_printf("something is at work on it, or it is not "
				  "active or stopped (%s)",
				  s->vm_state ? s->vm_state : "no state");
	if (!home || !home->looked)
		return mem_printf("%s, where Nova has it, could not be looked "
				  "at",
				  s->host);
	d = audit_dir(home, s->uuid, "");
	if (!d || d->empty)
		return mem_printf("it has no files on %s, where Nova has it",
				  s->host);
	if (d->base)
		return mem_printf("the base image %s of its disk is not on %s, "
				  "where Nova has it",
				  d->base, s->host);
	return NULL;
}

static struct audit_finding *left(const struct look *l, const char *kind,
				  const struct audit_server *s,
				  enum audit_fix fix)
{
	struct audit_finding *x =
		audit_add(l->out, kind, AUDIT_WARNING, s, l->at->name);

	x->fix = fix;
	return x;
}

static void disarm(const struct look *l, const struct audit_server *s,
		   const struct audit_host *home, const struct audit_domain *d,
		   const struct audit_dir *dir)
{
	AUTO(mem_freep) char *why = why_not(l, s, home);
	struct audit_finding *x;

	if (why) {
		x = stop(l, "leftover-kept", s);
		x->message = mem_printf("what %s has of it cannot be disarmed: "
					"%s",
					l->at->name, why);
		x->hint = mem_printf("see to %s first: openstack server show "
				     "%s",
				     s->uuid, s->uuid);
		return;
	}
	if (d)
		left(l, "domain-left", s, AUDIT_FIX_DOMAIN)->message =
			mem_printf("its domain is defined on %s, and the "
				   "server is on %s",
				   l->at->name, s->host);
	if (dir)
		left(l, "directory-left", s, AUDIT_FIX_DIRECTORY)->message =
			mem_printf("its directory is on %s, and the server is "
				   "on %s",
				   l->at->name, s->host);
}

static bool has_share(const struct look *l, const struct audit_server *s)
{
	for (size_t i = 0; l->at->provider && i < l->f->n_shares; i++)
		if (!strcmp(l->f->shares[i].consumer, s->uuid) &&
		    !strcmp(l->f->shares[i].provider, l->at->provider))
			return true;
	return false;
}

static void share(const struct look *l, const struct audit_server *s,
		  const struct audit_host *home)
{
	if (has_share(l, s) && home && home->provider && audit_idle(l->f, s))
		left(l, "allocation-left", s, AUDIT_FIX_ALLOCATION)->message =
			mem_printf("Placement counts its resources on %s, and "
				   "the server is on %s",
				   l->at->name, s->host);
}

static void records(const struct look *l, const struct audit_server *s)
{
	for (size_t i = 0; i < l->f->n_migrations; i++) {
		const struct audit_migration *m = &l->f->migrations[i];
		struct audit_finding *x;

		if (!m->armed || !m->instance || !m->source ||
		    strcmp(m->instance, s->uuid) != 0 ||
		    strcmp(m->source, l->at->name) != 0)
			continue;
		x = left(l, "evacuation-armed", s, AUDIT_FIX_EVACUATION);
		x->id = m->id;
		x->from = mem_strdup(m->status);
		x->object = mem_printf("%lld", (long long)m->id);
		x->message = mem_printf("its evacuation from %s is '%s': "
					"nova-compute there destroys what it "
					"has of it when it starts",
					l->at->name, m->status);
	}
}

static void one(const struct look *l, const struct audit_server *s)
{
	const struct audit_host *home =
		s->host ? audit_host(l->f, s->host) : NULL;
	const struct audit_domain *d = audit_domain(l->at, s->uuid);
	const struct audit_dir *dir = audit_dir(l->at, s->uuid, "");
	bool here = s->host && !strcmp(s->host, l->at->name);

	if (!s->host)
		return; /* shelved, or never placed */
	if (home && dir && audit_same_files(home, l->at))
		dir = NULL; /* its own */
	if (!here && d && d->run != AUDIT_STOPPED)
		runs_here(l, s, home);
	else if (!here && (d || dir))
		disarm(l, s, home, d, dir);
	records(l, s);
	if (!here)
		share(l, s, home);
}

void audit_readmit(const struct audit_facts *f, const char *host,
		   struct audit_found *out)
{
	struct look l = {f, audit_host(f, host), out};

	*out = (struct audit_found){0};
	for (size_t i = 0; l.at && i < f->n_servers; i++)
		one(&l, &f->servers[i]);
}
