/* SPDX-License-Identifier: Apache-2.0 */
/* What Placement, Neutron and Cinder believe. */
#include <string.h>

#include "audit/audit_priv.h"

/* ---- Placement */

static bool has_share(const struct audit_facts *f, const char *consumer,
		      const struct audit_host *h)
{
	for (size_t i = 0; h->provider && i < f->n_shares; i++)
		if (!strcmp(f->shares[i].consumer, consumer) &&
		    !strcmp(f->shares[i].provider, h->provider))
			return true;
	return false;
}

static void misplaced(const struct audit_facts *f, const struct audit_server *s,
		      const struct audit_host *at, bool doubled,
		      struct audit_found *out)
{
	struct audit_finding *x = audit_add(
		out, doubled ? "allocation-doubled" : "allocation-wrong-host",
		AUDIT_ERROR, s, at->name);

	x->message = doubled ? mem_printf("Placement counts its resources on "
					  "%s as well as on %s, where it is",
					  at->name, s->host)
			     : mem_printf("Placement counts its resources on "
					  "%s, and the server is on %s",
					  at->name, s->host);
	x->hint = mem_strdup("novahaul audit --fix");
	if (audit_idle(f, s))
		x->fix = AUDIT_FIX_ALLOCATION;
}

static void one_server(const struct audit_facts *f,
		       const struct audit_server *s, struct audit_found *out)
{
	const struct audit_host *home = audit_host(f, s->host);
	bool here, there = false;

	/* Up to Newton a node has no uuid, and Placement no say. */
	if (!home || !home->provider)
		return;
	here = has_share(f, s->uuid, home);
	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct audit_host *h = &f->hosts[i];

		if (h == home || !has_share(f, s->uuid, h))
			continue;
		there = true;
		if (!audit_pending(f, s->uuid, h->name))
			misplaced(f, s, h, here, out);
	}
	if (!here && !there && strcmp(s->vm_state, "error") != 0) {
		struct audit_finding *x = audit_add(out, "allocation-missing",
						    AUDIT_ERROR, s, s->host);

		x->message = mem_printf("Placement counts nothing for it: %s "
					"may be given to others",
					s->host);
		x->hint = mem_printf("nova-manage placement heal_allocations "
				     "--instance %s",
				     s->uuid);
	}
}

/* A live migration or a resize holds the old share under its own uuid. */
static bool is_migration(const struct audit_facts *f, const char *consumer)
{
	for (size_t i = 0; i < f->n_migrations; i++)
		if (f->migrations[i].uuid && f->migrations[i].in_flight &&
		    !strcmp(f->migrations[i].uuid, consumer))
			return true;
	return false;
}

static void orphans(const struct audit_facts *f, struct audit_found *out)
{
	for (size_t i = 0; i < f->n_shares; i++) {
		const struct audit_share *a = &f->shares[i];
		struct audit_finding *x;
		const char *host = NULL;

		if (audit_server(f, a->consumer) ||
		    is_migration(f, a->consumer))
			continue;
		for (size_t k = 0; k < f->n_hosts; k++)
			if (f->hosts[k].provider &&
			    !strcmp(f->hosts[k].provider, a->provider))
				host = f->hosts[k].name;
		if (host && audit_pending(f, a->consumer, host))
			continue;
		x = audit_add(out, "allocation-left", AUDIT_WARNING, NULL,
			      host);
		x->object = mem_strdup(a->consumer);
		x->message = mem_printf("Placement counts resources for %s, "
					"which is no server of this cell and "
					"no migration",
					a->consumer);
		x->hint = mem_strdup("nova-manage placement audit --verbose");
	}
}

void audit_find_allocations(const struct audit_facts *f,
			    struct audit_found *out)
{
	if (!f->placement)
		return;
	for (size_t i = 0; i < f->n_servers; i++)
		if (audit_settled(f, &f->servers[i]))
			one_server(f, &f->servers[i], out);
	orphans(f, out);
}

/* ---- Neutron */

static char *port_message(const struct audit_port *p,
			  const struct audit_server *s)
{
	if (!p->host)
		return mem_printf("its port %s is bound to no host", p->id);
	if (p->failed)
		return mem_printf("Neutron could not bind its port %s to %s",
				  p->id, p->host);
	if (strcmp(p->host, s->host) != 0)
		return mem_printf("its port %s is bound to %s, and the server "
				  "is on %s",
				  p->id, p->host, s->host);
	return mem_printf("Neutron has not bound its port %s to %s yet, and "
			  "Nova cannot plug it",
			  p->id, p->host);
}

static void one_port(const struct audit_facts *f, const struct audit_port *p,
		     const struct audit_server *s, struct audit_found *out)
{
	bool there = p->host && !strcmp(p->host, s->host);
	struct audit_finding *x;

	if (there && !p->failed && !p->waits)
		return;
	x = audit_add(out,
		      p->host && !there && !p->failed ? "port-wrong-host"
						      : "port-unbound",
		      AUDIT_ERROR, s, p->host ? p->host : s->host);
	x->object = mem_strdup(p->id);
	x->message = port_message(p, s);
	x->hint = mem_strdup(p->failed ? "see neutron-server's log, and that "
					 "its agent there is up"
				       : "novahaul audit --fix");
	if (!p->failed && audit_idle(f, s))
		x->fix = AUDIT_FIX_PORT;
}

void audit_find_ports(const struct audit_facts *f, struct audit_found *out)
{
	if (!f->network)
		return;
	for (size_t i = 0; i < f->n_ports; i++) {
		const struct audit_server *s =
			audit_server(f, f->ports[i].server);

		if (s && audit_settled(f, s))
			one_port(f, &f->ports[i], s, out);
	}
}

/* ---- Cinder */

static bool is_of(const struct audit_volume *v,
		  const struct audit_attachment *a)
{
	return v->attachment && a->id ? !strcmp(v->attachment, a->id)
				      : !strcmp(v->server, a->server) &&
						!strcmp(v->id, a->volume);
}

static void one_attachment(const struct audit_facts *f,
			   const struct audit_attachment *a,
			   const struct audit_server *s,
			   struct audit_found *out)
{
	struct audit_finding *x;
	bool known = false;

	for (size_t i = 0; i < f->n_volumes; i++)
		known |= is_of(&f->volumes[i], a);
	if (known && (!a->host || !strcmp(a->host, s->host)))
		return;
	x = audit_add(out, known ? "attachment-wrong-host" : "attachment-stray",
		      known ? AUDIT_ERROR : AUDIT_WARNING, s, a->host);
	x->object = mem_strdup(a->volume);
	x->message = known ? mem_printf("Cinder has its volume %s attached to "
					"%s, and the server is on %s",
					a->volume, a->host, s->host)
			   : mem_printf("Cinder has volume %s attached to it "
					"(attachment %s), and Nova has not",
					a->volume, a->id ? a->id : "?");
	x->hint = known ? mem_printf("openstack server stop %s, then remove "
				     "and add volume %s",
				     s->uuid, a->volume)
			: mem_printf("openstack volume attachment list "
				     "--volume-id %s",
				     a->volume);
}

/* The volume is Nova's, and Cinder has no such attachment. */
static void one_volume(const struct audit_facts *f,
		       const struct audit_volume *v,
		       const struct audit_server *s, struct audit_found *out)
{
	struct audit_finding *x;

	for (size_t i = 0; i < f->n_attachments; i++)
		if (is_of(v, &f->attachments[i]))
			return;
	x = audit_add(out, "attachment-missing", AUDIT_ERROR, s, NULL);
	x->object = mem_strdup(v->id);
	x->message = mem_printf("Nova has volume %s attached to it, and Cinder "
				"has not: others may take it",
				v->id);
	x->hint = mem_printf("nova-manage volume_attachment refresh %s %s "
			     "CONNECTOR",
			     s->uuid, v->id);
}

void audit_find_volumes(const struct audit_facts *f, struct audit_found *out)
{
	const struct audit_server *s;

	if (!f->volume)
		return;
	for (size_t i = 0; i < f->n_attachments; i++) {
		s = audit_server(f, f->attachments[i].server);
		if (s && audit_settled(f, s))
			one_attachment(f, &f->attachments[i], s, out);
	}
	for (size_t i = 0; i < f->n_volumes; i++) {
		s = audit_server(f, f->volumes[i].server);
		if (s && audit_settled(f, s))
			one_volume(f, &f->volumes[i], s, out);
	}
}
