/* SPDX-License-Identifier: Apache-2.0 */
/* What Placement, Neutron, Cinder and Nova's API say of the instance and of its
 * two hosts. */
#include <string.h>

#include "api/neutron.h"
#include "api/nova.h"
#include "api/placement.h"
#include "facts/facts_priv.h"

bool facts_in_cloud(const struct facts *f)
{
	return facts_in_placement(f) || facts_in_neutron(f) ||
	       volumes_attached(f);
}

/* ---- Placement */

static const struct placement_share *share_of(
	const struct placement_allocations *a, const char *provider)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].provider, provider) && a->v[i].n)
			return &a->v[i];
	return NULL;
}

/* Is there room for what it has on the source?  Placement asks again when the
 * allocations are written; this is to know before the guest is stopped. */
static int room(struct fact_cloud *c, struct api_session *s,
		const struct placement_share *share, const char *provider,
		struct err *e)
{
	AUTO(placement_inventories_clear)
	struct placement_inventories inv = {0};

	if (placement_inventories_get(s, provider, &inv, e))
		return -1;
	for (size_t i = 0; i < share->n && !c->lacks; i++) {
		const struct placement_amount *want = &share->v[i];
		double left = 0;

		for (size_t k = 0; k < inv.n; k++)
			if (!strcmp(inv.v[k].resource, want->resource))
				left = (double)(inv.v[k].total -
						inv.v[k].reserved) *
					       inv.v[k].ratio -
				       (double)inv.v[k].used;
		if (left < (double)want->amount)
			c->lacks = mem_printf("%lld %s (%.0f left)",
					      (long long)want->amount,
					      want->resource, left);
	}
	return 0;
}

static int shares(struct fact_cloud *c, struct api_session *s,
		  const struct placement_allocations *a,
		  const struct placement_provider p[2], struct err *e)
{
	const struct placement_share *src;

	for (int k = SRC_HOST; k <= DST_HOST; k++)
		c->on[k] = p[k].uuid && share_of(a, p[k].uuid) != NULL;
	for (size_t i = 0; i < a->n && !c->other; i++)
		if (a->v[i].n && strcmp(a->v[i].provider, p[SRC_HOST].uuid) &&
		    strcmp(a->v[i].provider, p[DST_HOST].uuid))
			c->other = mem_strdup(a->v[i].provider);
	src = share_of(a, p[SRC_HOST].uuid);
	return src && !c->on[DST_HOST] ? room(c, s, src, p[DST_HOST].uuid, e)
				       : 0;
}

static int read_placement(struct facts *f, struct api_session *s, struct err *e)
{
	struct placement_provider p[2] = {{0}};
	AUTO(placement_allocations_clear)
	struct placement_allocations a = PLACEMENT_ALLOCATIONS_INIT;
	int rc = 0;

	for (int k = SRC_HOST; k <= DST_HOST && !rc; k++)
		rc = placement_provider_find(s,
					     f->host[k].db.node
						     ? f->host[k].db.node
						     : f->host[k].name,
					     &p[k], e);
	if (!rc)
		rc = placement_allocations_get(s, f->srv.inst.uuid, &a, e) ||
				     shares(&f->cloud, s, &a, p, e)
			     ? -1
			     : 0;
	placement_provider_clear(&p[SRC_HOST]);
	placement_provider_clear(&p[DST_HOST]);
	return rc;
}

/* ---- Neutron */

static int read_ports(struct facts *f, struct api_session *s, struct err *e)
{
	struct fact_cloud *c = &f->cloud;
	AUTO(neutron_ports_clear) struct neutron_ports v = {0};

	if (neutron_ports_list(s, f->srv.inst.uuid, &v, e))
		return -1;
	c->ports = MEM_NEW_N(struct fact_port, v.n);
	for (; c->n_ports < v.n; c->n_ports++) {
		const struct neutron_port *p = &v.v[c->n_ports];

		c->ports[c->n_ports] = (struct fact_port){
			.id = mem_strdup(p->id),
			.host = mem_strdup0(p->host),
			.vnic_type = mem_strdup0(p->vnic_type),
			.vif_type = mem_strdup0(p->vif_type),
			.hidden = !p->sees_binding,
			.trunk = p->is_trunk,
			.has_resources = p->has_resources,
		};
	}
	return 0;
}

/* No failure may look like none. */
static void named(struct err *e)
{
	if (e->kind == ERR_NONE)
		err_set(e, ERR_BUG, "no reason was given");
}

/* ---- Nova */

static const char *off(const struct nova_service *s)
{
	if (s->forced_down == NOVA_YES)
		return "forced down";
	if (!s->state || strcmp(s->state, "up") != 0)
		return "down";
	return !s->status || strcmp(s->status, "enabled") != 0 ? "disabled"
							       : NULL;
}

static int service_off(struct api_session *s, const char *host,
		       const char **why, struct err *e)
{
	AUTO(nova_services_clear) struct nova_services v = {0};

	if (nova_services_list(s, host, "nova-compute", &v, e))
		return -1;
	*why = v.n == 1 ? off(&v.v[0]) : "not known to Nova";
	return 0;
}

/* Only administrators are told of services: this asks for the rights as well.
 */
static int read_nova(struct facts *f, struct api_session *s, struct err *e)
{
	const char *src = NULL, *dst = NULL;
	struct api_version v;

	if (service_off(s, f->to, &dst, e) ||
	    service_off(s, f->host[SRC_HOST].name, &src, e) ||
	    api_version(s, CLOUD_COMPUTE, &v, e))
		return -1;
	f->cloud.compute_off = mem_strdup0(dst);
	f->cloud.source_off =
		mem_strdup0(src && strcmp(src, "disabled") != 0 ? src : NULL);
	f->cloud.nova_minor = v.minor;
	return 0;
}

/* Each is asked whatever the other one says: a user who lacks rights learns of
 * all of them at once. */
static int read_all(struct facts *f, struct api_session *s, struct err *e)
{
	struct fact_cloud *c = &f->cloud;

	if (api_has(s, CLOUD_PLACEMENT, &c->placement, e) ||
	    api_has(s, CLOUD_NETWORK, &c->network, e))
		return -1;
	if (c->placement && read_placement(f, s, &c->placement_err))
		named(&c->placement_err);
	if (c->network && (read_ports(f, s, &c->network_err) ||
			   facts_agents(f, s, &c->network_err)))
		named(&c->network_err);
	if (volumes_attached(f) && volumes_read(f, s, &c->volume_err))
		named(&c->volume_err);
	return 0;
}

void facts_cloud(struct facts *f, struct api_session *s, struct err *down)
{
	f->cloud.asked = true;
	if (!s) {
		f->cloud.err = *down;
		*down = (struct err)ERR_INIT;
		return;
	}
	if (read_all(f, s, &f->cloud.err))
		named(&f->cloud.err);
	if (read_nova(f, s, &f->cloud.nova_err))
		named(&f->cloud.nova_err);
}
