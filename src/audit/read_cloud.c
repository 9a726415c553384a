/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "api/cinder.h"
#include "api/neutron.h"
#include "api/placement.h"
#include "audit/audit_priv.h"

static void add_share(void *arg, const char *provider, const char *consumer)
{
	struct audit_facts *f = arg;
	struct audit_share *a = GROW(f->shares, f->n_shares);

	a->provider = mem_strdup(provider);
	a->consumer = mem_strdup(consumer);
}

static int read_placement(struct audit_facts *f, struct api_session *s,
			  struct err *e)
{
	for (size_t i = 0; i < f->n_hosts; i++) {
		AUTO(strv_clear) struct strv users = STRV_INIT;

		if (!f->hosts[i].provider)
			continue;
		if (placement_consumers_list(s, f->hosts[i].provider, &users,
					     e))
			return -1;
		for (size_t k = 0; k < users.n; k++)
			add_share(f, f->hosts[i].provider, users.v[k]);
	}
	return 0;
}

static int read_ports(struct audit_facts *f, struct api_session *s,
		      struct err *e)
{
	AUTO(neutron_ports_clear) struct neutron_ports v = {0};

	if (neutron_ports_list(s, NULL, &v, e))
		return -1;
	for (size_t i = 0; i < v.n; i++) {
		const struct neutron_port *p = &v.v[i];
		struct audit_port *to;

		if (!p->device_id || !p->device_owner ||
		    strncmp(p->device_owner, "compute:", 8) != 0)
			continue;
		if (!p->sees_binding)
			return err_set(e, ERR_REFUSED,
				       "this user may not see where ports are "
				       "bound");
		to = GROW(f->ports, f->n_ports);
		to->id = mem_strdup(p->id);
		to->server = mem_strdup(p->device_id);
		to->host = mem_strdup0(p->host);
		to->failed =
			p->vif_type && !strcmp(p->vif_type, "binding_failed");
		to->waits = p->host && p->vif_type &&
			    !strcmp(p->vif_type, "unbound");
	}
	return 0;
}

static struct audit_attachment *add_attachment(struct audit_facts *f,
					       const char *id,
					       const char *volume,
					       const char *server)
{
	struct audit_attachment *a = GROW(f->attachments, f->n_attachments);

	a->id = mem_strdup0(id);
	a->volume = mem_strdup(volume);
	a->server = mem_strdup(server);
	return a;
}

/* The list of attachments does not say on which host. */
static int read_volume(struct audit_facts *f, struct api_session *s,
		       const char *id, struct err *e)
{
	AUTO(cinder_volume_clear) struct cinder_volume v = {0};

	if (cinder_volume_get(s, id, &v, e)) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e); /* attachment-missing tells */
		return 0;
	}
	for (size_t i = 0; i < v.n_users; i++) {
		const struct cinder_user *u = &v.users[i];

		if (u->server_id)
			add_attachment(f, u->attachment_id, id, u->server_id)
				->host = mem_strdup0(u->host);
	}
	return 0;
}

static bool has_attachment(const struct audit_facts *f, const char *id)
{
	for (size_t i = 0; i < f->n_attachments; i++)
		if (f->attachments[i].id && !strcmp(f->attachments[i].id, id))
			return true;
	return false;
}

/* Those that no volume of Nova's has shown: of others, or reserved only. */
static int read_attachments(struct audit_facts *f, struct api_session *s,
			    const char *server, struct err *e)
{
	AUTO(cinder_attachments_clear) struct cinder_attachments v = {0};

	if (cinder_attachments_list(s, server, NULL, &v, e))
		return -1;
	for (size_t i = 0; i < v.n; i++)
		if (v.v[i].volume_id && !has_attachment(f, v.v[i].id))
			add_attachment(f, v.v[i].id, v.v[i].volume_id, server);
	return 0;
}

static bool volume_seen(const struct audit_facts *f, size_t last)
{
	for (size_t i = 0; i < last; i++)
		if (!strcmp(f->volumes[i].id, f->volumes[last].id))
			return true;
	return false;
}

static int read_volumes(struct audit_facts *f, struct api_session *s,
			struct err *e)
{
	struct api_version v;

	for (size_t i = 0; i < f->n_volumes; i++)
		if (!volume_seen(f, i) &&
		    read_volume(f, s, f->volumes[i].id, e))
			return -1;
	if (api_version(s, CLOUD_VOLUME, &v, e))
		return -1;
	for (size_t i = 0; api_at_least(v, 3, 27) && i < f->n_servers; i++)
		if (read_attachments(f, s, f->servers[i].uuid, e))
			return -1;
	return 0;
}

typedef int read_fn(struct audit_facts *f, struct api_session *s,
		    struct err *e);

/* A service that the catalog does not have is no gap. */
static bool ask(struct audit_facts *f, struct api_session *s,
		enum cloud_service which, read_fn *fn)
{
	static const char *const names[CLOUD_SERVICES] = {
		[CLOUD_NETWORK] = "Neutron",
		[CLOUD_PLACEMENT] = "Placement",
		[CLOUD_VOLUME] = "Cinder",
	};
	struct err why = ERR_INIT;
	bool has = false;

	if (api_has(s, which, &has, &why) || (has && fn(f, s, &why))) {
		audit_unasked(f, names[which], false, &why);
		return false;
	}
	return has;
}

void audit_read_cloud(struct audit_facts *f, struct api_session *s,
		      struct err *down)
{
	if (!s) {
		audit_unasked(f, "Placement, Neutron and Cinder", false, down);
		return;
	}
	f->placement = ask(f, s, CLOUD_PLACEMENT, read_placement);
	f->network = ask(f, s, CLOUD_NETWORK, read_ports);
	f->volume = ask(f, s, CLOUD_VOLUME, read_volumes);
}
