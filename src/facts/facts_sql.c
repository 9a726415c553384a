/* SPDX-License-Identifier: Apache-2.0 */
/* What Placement, Neutron and Cinder have of the instance, from their own
 * databases. */
#include <string.h>

#include "db/netdb.h"
#include "db/placedb.h"
#include "db/voldb.h"
#include "facts/facts_priv.h"

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

/* No failure may look like none. */
static void named(struct err *e)
{
	if (e->kind == ERR_NONE)
		err_set(e, ERR_BUG, "no reason was given");
}

bool facts_in_cinder(const struct facts *f)
{
	return volumes_attached(f);
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

static int read_volume(struct voldb *db, struct fact_volume *v, struct err *e)
{
	AUTO(voldb_volume_clear) struct voldb_volume is = {0};

	if (voldb_read(db, v->id, &is, e))
		return -1;
	v->status = mem_strdup0(is.status);
	v->multiattach = is.multiattach;
	v->n_attachments = is.n;
	for (size_t i = 0; i < is.n; i++) {
		const struct voldb_attachment *a = &is.v[i];

		if (strcmp(a->id, v->attachment) != 0)
			continue;
		v->instance = mem_strdup0(a->instance);
		v->state = mem_strdup0(a->status);
		v->host = mem_strdup0(a->host);
		v->mode = mem_strdup(a->mode && !strcmp(a->mode, "ro") ? "ro"
								       : "rw");
	}
	return 0;
}

static void unread(struct fact_volume *v, const struct err *why)
{
	AUTO(mem_freep) char *msg = mem_strdup(err_msg(why));
	AUTO(mem_freep)
	char *hint = mem_strdup(why->hint ? why->hint
					  : "try again when Cinder answers");

	err_set(&v->err, ERR_REFUSED, "volume %s: %s", v->id, msg);
	err_hint(&v->err, "%s", hint);
}

/* DOWN is why DB is NULL. */
static void read_volumes(struct facts *f, struct voldb *db,
			 const struct err *down)
{
	struct fact_cloud *c = &f->cloud;
	struct err why = ERR_INIT;

	if (db)
		name(c, voldb_name(db), voldb_verified(db));
	if (db && voldb_rights(db, &why))
		db = NULL;
	volumes_list(f);
	for (size_t i = 0; i < c->n_volumes; i++) {
		struct fact_volume *v = &c->volumes[i];

		if (!db)
			unread(v, why.kind ? &why : down);
		else if (read_volume(db, v, &v->err))
			unread(v, &v->err);
	}
	err_clear(&why);
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
	/* Attached by the newer flow: every Cinder that has it can complete. */
	c->volume = c->complete = volumes_attached(f);
	if (c->volume)
		read_volumes(f, in->volume, &in->volume_down);
}
