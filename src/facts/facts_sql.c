/* SPDX-License-Identifier: Apache-2.0 */
/* What Placement and Neutron have of the instance, from their own databases. */
#include "db/netdb.h"
#include "db/placedb.h"
#include "facts/facts.h"

bool facts_in_placement(const struct facts *f)
{
	for (int s = SRC_HOST; s <= DST_HOST; s++)
		if (f->host[s].conf_known && f->host[s].conf.has_placement)
			return true;
	return f->srv.allocations > 0;
}

bool facts_in_neutron(const struct facts *f)
{
	for (int s = SRC_HOST; s <= DST_HOST; s++)
		if (f->host[s].conf_known && f->host[s].conf.has_neutron)
			return true;
	return false;
}

static void name(struct fact_cloud *c, const char *database, bool verified)
{
	strv_add(&c->databases, database);
	if (!verified)
		strv_add(&c->unverified, database);
}

static int read_placement(struct facts *f, struct placedb *p, struct err *e)
{
	struct fact_cloud *c = &f->cloud;
	struct placedb_share s;

	name(c, placedb_name(p), placedb_verified(p));
	if (placedb_rights(p, e) || placedb_read(p, f->srv.inst.uuid, &s, e))
		return -1;
	c->on[SRC_HOST] = s.on[0];
	c->on[DST_HOST] = s.on[1];
	c->other = mem_strdup0(s.other);
	c->lacks = mem_strdup0(s.lacks);
	placedb_share_clear(&s);
	return 0;
}

static int read_ports(struct facts *f, struct netdb *n, struct err *e)
{
	struct fact_cloud *c = &f->cloud;
	const struct netdb_who who = {f->srv.inst.uuid, f->host[SRC_HOST].name,
				      f->host[DST_HOST].name};
	AUTO(netdb_ports_clear) struct netdb_ports v = {.n = 0};

	name(c, netdb_name(n), netdb_verified(n));
	if (netdb_rights(n, e) || netdb_ports_read(n, &who, &v, e))
		return -1;
	c->ports = MEM_NEW_N(struct fact_port, v.n);
	for (; c->n_ports < v.n; c->n_ports++) {
		const struct netdb_port *p = &v.v[c->n_ports];

		c->ports[c->n_ports] = (struct fact_port){
			.id = mem_strdup(p->id),
			.host = mem_strdup0(p->host),
			.vnic_type = mem_strdup0(p->vnic_type),
			.vif_type = mem_strdup0(p->vif_type),
			.image = mem_strdup0(p->image),
			.unfit = mem_strdup0(p->unfit),
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

void facts_cloud_sql(struct facts *f, struct facts_sql *in)
{
	struct fact_cloud *c = &f->cloud;

	c->asked = c->sql = true;
	c->why_sql = mem_strdup(in->why);
	err_set(&c->nova_err, ERR_RETRY, "%s", in->why);
	c->placement = facts_in_placement(f);
	c->network = facts_in_neutron(f);
	if (c->placement && !in->placement) {
		err_move(&c->placement_err, &in->placement_down);
		named(&c->placement_err);
	} else if (c->placement &&
		   read_placement(f, in->placement, &c->placement_err)) {
		named(&c->placement_err);
	}
	if (c->network && !in->network) {
		err_move(&c->network_err, &in->network_down);
		named(&c->network_err);
	} else if (c->network && read_ports(f, in->network, &c->network_err)) {
		named(&c->network_err);
	}
}
