/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt and the files of the hosts say. */
#include <string.h>

#include "audit/audit_priv.h"

/* ---- domains */

static size_t running_on(const struct audit_facts *f, const char *uuid,
			 struct strv *names)
{
	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct audit_domain *d = audit_domain(&f->hosts[i], uuid);

		if (d && d->run == AUDIT_RUNNING)
			strv_add(names, f->hosts[i].name);
	}
	return names->n;
}

/* May what is on AT be taken out of the way?  The server is at rest, what its
 * home needs is there, and nothing runs here. */
static bool removable(const struct audit_facts *f, const struct audit_server *s,
		      const struct audit_host *at)
{
	const struct audit_host *home = audit_host(f, s->host);
	const struct audit_domain *d = audit_domain(at, s->uuid);
	const struct audit_dir *dir;

	if (!home || !home->looked || !audit_idle(f, s) ||
	    audit_same_files(home, at))
		return false;
	dir = audit_dir(home, s->uuid, "");
	return dir && !dir->empty && !dir->base &&
	       (!d || d->run == AUDIT_STOPPED);
}

static void wrong_host(const struct audit_facts *f,
		       const struct audit_server *s, const struct audit_host *h,
		       const struct audit_domain *d, struct audit_found *out)
{
	bool runs = d->run == AUDIT_RUNNING;
	struct audit_finding *x =
		audit_add(out, "domain-wrong-host",
			  runs ? AUDIT_CRITICAL : AUDIT_ERROR, s, h->name);

	x->message = mem_printf(runs ? "its guest runs on %s, and Nova has it "
				       "on %s: a start there makes two writers"
				     : "its domain is still defined on %s, and "
				       "the server is on %s: anybody can start "
				       "it there",
				h->name, s->host);
	if (runs) {
		x->hint = mem_strdup("find out which of the two is the real "
				     "one before anything is started");
		return;
	}
	if (removable(f, s, h))
		x->fix = AUDIT_FIX_DOMAIN;
	x->hint = x->fix ? mem_strdup("novahaul audit --fix")
			 : mem_printf("see that %s is well on %s; then on %s: "
				      "virsh undefine --keep-nvram %s",
				      s->uuid, s->host, h->name, s->uuid);
}

static void one_domain(const struct audit_facts *f, const struct audit_host *h,
		       const struct audit_domain *d, struct audit_found *out)
{
	const struct audit_server *s = audit_server(f, d->uuid);
	struct audit_finding *x;

	if (s) {
		AUTO(strv_clear) struct strv on = STRV_INIT;

		/* Two that run are told once, below. */
		if (audit_settled(f, s) && strcmp(s->host, h->name) != 0 &&
		    !audit_pending(f, s->uuid, h->name) &&
		    running_on(f, d->uuid, &on) < 2)
			wrong_host(f, s, h, d, out);
		return;
	}
	if (!strv_has(&f->deleted, d->uuid) ||
	    audit_pending(f, d->uuid, h->name))
		return;
	x = audit_add(out, "domain-left", AUDIT_WARNING, NULL, h->name);
	x->server = mem_strdup(d->uuid);
	x->message = mem_strdup("the server is deleted, and its domain is "
				"still defined there");
	x->hint = mem_strdup("nova-compute there reaps it within half an hour "
			     "(running_deleted_instance_action)");
}

static void twice(const struct audit_facts *f, const struct audit_server *s,
		  struct audit_found *out)
{
	AUTO(strv_clear) struct strv on = STRV_INIT;
	AUTO(mem_freep) char *names = NULL;
	struct audit_finding *x;

	if (s->task_state || s->changed || running_on(f, s->uuid, &on) < 2)
		return;
	names = strv_join(&on, " and ");
	x = audit_add(out, "domain-twice-running", AUDIT_CRITICAL, s, on.v[0]);
	x->message = mem_printf("two guests of it run, on %s, with the same "
				"addresses and perhaps the same volumes",
				names);
	x->hint = mem_printf("stop both now (virsh suspend %s), then compare "
			     "their disks",
			     s->uuid);
}

static void missing_domain(const struct audit_facts *f,
			   const struct audit_server *s,
			   struct audit_found *out)
{
	const struct audit_host *home = audit_host(f, s->host);
	AUTO(strv_clear) struct strv on = STRV_INIT;
	struct audit_finding *x;

	if (!home || !home->looked || strcmp(s->vm_state, "active") != 0 ||
	    audit_domain(home, s->uuid) || running_on(f, s->uuid, &on))
		return;
	x = audit_add(out, "domain-missing", AUDIT_ERROR, s, s->host);
	x->message = mem_printf("Nova has it active on %s, and libvirt there "
				"knows no such domain",
				s->host);
	x->hint = mem_printf("openstack server reboot --hard %s", s->uuid);
}

void audit_find_domains(const struct audit_facts *f, struct audit_found *out)
{
	for (size_t i = 0; i < f->n_hosts; i++)
		for (size_t k = 0; k < f->hosts[i].n_domains; k++)
			one_domain(f, &f->hosts[i], &f->hosts[i].domains[k],
				   out);
	for (size_t i = 0; i < f->n_servers; i++) {
		twice(f, &f->servers[i], out);
		if (audit_settled(f, &f->servers[i]))
			missing_domain(f, &f->servers[i], out);
	}
}

/* ---- files */

static void left(const struct audit_facts *f, const struct audit_host *h,
		 const struct audit_dir *d, const struct audit_server *s,
		 struct audit_found *out)
{
	struct audit_finding *x =
		audit_add(out, "directory-left", AUDIT_WARNING, s, h->name);

	if (!s)
		x->server = mem_strdup(d->uuid);
	x->object = mem_printf("%s%s", d->uuid, d->suffix);
	x->message =
		!s ? mem_printf("%s/ is there, and its server is deleted",
				x->object)
		: *d->suffix
			? mem_printf("%s/ is left of an operation that is over",
				     x->object)
			: mem_printf("%s/ is there, and the server is on %s: a "
				     "migration back fails, and Nova then "
				     "deletes it",
				     x->object, s->host);
	if (s && !*d->suffix && removable(f, s, h))
		x->fix = AUDIT_FIX_DIRECTORY;
	x->hint = x->fix ? mem_strdup("novahaul audit --fix")
			 : mem_printf("see what it holds, on %s, and remove it",
				      h->name);
}

/* Its own, where it belongs. */
static void at_home(const struct audit_dir *d, const struct audit_server *s,
		    struct audit_found *out)
{
	struct audit_finding *x;

	if (d->info) {
		x = audit_add(out, "disk-info-wrong", AUDIT_WARNING, s,
			      s->host);
		x->message = mem_strdup(d->info);
		x->hint = mem_printf("openstack server reboot --hard %s has "
				     "Nova write it; not if a guest may have "
				     "forged a disk's format",
				     s->uuid);
	}
	if (d->base) {
		x = audit_add(out, "base-missing", AUDIT_CRITICAL, s, s->host);
		x->object = mem_strdup(d->base);
		x->message = mem_printf("the base image %s of its disk is not "
					"on %s: its next start fails",
					d->base, s->host);
		x->hint = mem_strdup("copy it from a host that has it, under "
				     "the same path, before anything is "
				     "started");
	}
}

static void one_dir(const struct audit_facts *f, const struct audit_host *h,
		    const struct audit_dir *d, struct audit_found *out)
{
	const struct audit_server *s = audit_server(f, d->uuid);
	const struct audit_host *home = s ? audit_host(f, s->host) : NULL;

	if (!s) {
		if (strv_has(&f->deleted, d->uuid) &&
		    !audit_pending(f, d->uuid, h->name))
			left(f, h, d, NULL, out);
		return;
	}
	if (!audit_settled(f, s))
		return;
	if (!*d->suffix && !strcmp(s->host, h->name))
		at_home(d, s, out);
	else if (*d->suffix || (!(home && audit_same_files(home, h)) &&
				!audit_pending(f, s->uuid, h->name)))
		left(f, h, d, s, out);
}

static void missing_dir(const struct audit_facts *f,
			const struct audit_server *s, struct audit_found *out)
{
	const struct audit_host *home = audit_host(f, s->host);
	struct audit_finding *x;

	if (!home || !home->looked || !strcmp(s->vm_state, "error") ||
	    audit_dir(home, s->uuid, ""))
		return;
	x = audit_add(out, "directory-missing", AUDIT_CRITICAL, s, s->host);
	x->message = mem_printf("it has no directory on %s, where Nova has it",
				s->host);
	x->hint = mem_printf("look for %s on the other hosts before it is "
			     "started: Nova would make an empty one",
			     s->uuid);
}

static void kept(const struct audit_host *h, struct audit_found *out)
{
	for (size_t i = 0; i < h->copies.n; i++) {
		struct audit_finding *x =
			audit_add(out, "copy-kept", AUDIT_INFO, NULL, h->name);

		x->object = mem_strdup(h->copies.v[i]);
		x->message = mem_printf("job %s keeps its source's copy there",
					h->copies.v[i]);
		x->hint = mem_printf("novahaul purge %s", h->copies.v[i]);
	}
}

void audit_find_files(const struct audit_facts *f, struct audit_found *out)
{
	for (size_t i = 0; i < f->n_hosts; i++) {
		for (size_t k = 0; k < f->hosts[i].n_dirs; k++)
			one_dir(f, &f->hosts[i], &f->hosts[i].dirs[k], out);
		kept(&f->hosts[i], out);
	}
	for (size_t i = 0; i < f->n_servers; i++)
		if (audit_settled(f, &f->servers[i]))
			missing_dir(f, &f->servers[i], out);
}
