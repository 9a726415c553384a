/* SPDX-License-Identifier: Apache-2.0 */
/* Placement's, Neutron's and Cinder's own databases behind the ports of the
 * steps. */
#include <string.h>

#include "core/fs.h"
#include "core/ini.h"
#include "db/netdb.h"
#include "db/placedb.h"
#include "db/voldb.h"
#include "join/join.h"

struct twin_join {
	const struct config *config;
	struct db *db;
	const struct move *move;
	struct placedb *placement;
	struct netdb *network;
	struct voldb *volume;
};

/* ---- where they are */

/* What FILES set, the later ones winning, as the service itself reads them;
 * NULL where none is readable. */
static int conf_value(const struct strv *files, const char *group, char **out,
		      struct err *e)
{
	AUTO(ini_freep) struct ini *ini = ini_new();

	for (size_t i = 0; i < files->n; i++) {
		AUTO(buf_clear) struct buf text = BUF_INIT;
		struct err skip = ERR_INIT;

		if (fs_read_path(files->v[i], INI_TEXT_MAX, &text, &skip))
			err_clear(&skip);
		else if (ini_parse(ini, files->v[i], buf_str(&text), text.len,
				   e))
			return -1;
	}
	*out = ini_value(ini, group, "connection", NULL);
	return 0;
}

static struct db_config limits(const struct config *c)
{
	return (struct db_config){.ssl_ca = c->db.ssl_ca,
				  .ssl_cert = c->db.ssl_cert,
				  .ssl_key = c->db.ssl_key,
				  .ssl_no_verify = !c->db.ssl_verify};
}

static int hint(struct err *e, const char *key)
{
	return e->hint ? -1
		       : err_hint(e, "[database] %s in novahaul.conf names it",
				  key);
}

int join_placedb_open(const struct config *c, const char *const provider[2],
		      struct placedb **out, struct err *e)
{
	static const char group[] = "placement_database";
	AUTO(mem_freep) char *own = NULL;
	AUTO(mem_freep) char *nova = NULL;
	const char *urls[3] = {c->db.placement_connection};
	struct db_config cfg = limits(c);
	struct placedb_open o = {.urls = urls, .cfg = &cfg};
	size_t n = 0;

	*out = NULL;
	if (!urls[0]) {
		if (conf_value(&c->db.placement_conf, group, &own, e) ||
		    conf_value(&c->db.nova_conf, group, &nova, e))
			return -1;
		if (own)
			urls[n++] = own;
		if (nova && (!own || strcmp(nova, own) != 0))
			urls[n] = nova;
	}
	for (int k = 0; k < 2; k++) {
		if (!provider[k])
			return err_set(e, ERR_REFUSED,
				       "Nova's database names no uuid of the "
				       "compute nodes (before Mitaka)");
		o.provider[k] = provider[k];
	}
	return placedb_open(&o, out, e) ? hint(e, "placement_connection") : 0;
}

/* Where GIVEN or else [database] of FILES says. */
static int url_of(const char *given, const struct strv *files,
		  const char *service, char **out, struct err *e)
{
	*out = NULL;
	if (given)
		*out = mem_strdup(given);
	else if (conf_value(files, "database", out, e))
		return -1;
	return *out ? 0
		    : err_set(e, ERR_REFUSED,
			      "no URL of %s's database is known", service);
}

int join_netdb_open(const struct config *c, struct netdb **out, struct err *e)
{
	AUTO(mem_freep) char *url = NULL;
	struct db_config cfg = limits(c);

	*out = NULL;
	if (url_of(c->db.neutron_connection, &c->db.neutron_conf, "Neutron",
		   &url, e) ||
	    netdb_open(url, &cfg, out, e))
		return hint(e, "neutron_connection");
	return 0;
}

int join_voldb_open(const struct config *c, struct voldb **out, struct err *e)
{
	AUTO(mem_freep) char *url = NULL;
	struct db_config cfg = limits(c);

	*out = NULL;
	if (url_of(c->db.cinder_connection, &c->db.cinder_conf, "Cinder", &url,
		   e) ||
	    voldb_open(url, &cfg, out, e))
		return hint(e, "cinder_connection");
	return 0;
}

/* ---- the port */

struct twin_join *twin_join_new(const struct config *c, struct db *db,
				const struct move *m, struct err *e)
{
	struct twin_join *t;

	for (size_t i = 0; i < m->nports; i++)
		if (m->ports[i].image &&
		    netdb_image_check(m->ports[i].image, e)) {
			err_wrap(e, "plan: port %s", m->ports[i].id);
			return NULL;
		}
	t = MEM_NEW(struct twin_join);
	*t = (struct twin_join){.config = c, .db = db, .move = m};
	return t;
}

void twin_join_free(struct twin_join *t)
{
	if (!t)
		return;
	placedb_close(t->placement);
	netdb_close(t->network);
	voldb_close(t->volume);
	mem_free(t);
}

static int need_placement(struct twin_join *t, struct err *e)
{
	const char *const host[2] = {t->move->src.host, t->move->dst.host};
	struct db_host h[2] = {{0}};
	int rc = 0;

	if (t->placement)
		return 0;
	for (int k = SRC; k <= DST && !rc; k++)
		rc = t->db->ops->host(t->db, host[k], &h[k], e);
	if (!rc) {
		const char *const uuid[2] = {h[SRC].compute_uuid,
					     h[DST].compute_uuid};

		rc = join_placedb_open(t->config, uuid, &t->placement, e);
	}
	db_host_clear(&h[SRC]);
	db_host_clear(&h[DST]);
	return rc;
}

static int need_network(struct twin_join *t, struct err *e)
{
	return t->network ? 0 : join_netdb_open(t->config, &t->network, e);
}

static int allocated(void *self, const struct move *m, struct cloud_share *out,
		     struct err *e)
{
	struct twin_join *t = self;
	struct placedb_share s;

	if (need_placement(t, e) || placedb_read(t->placement, m->uuid, &s, e))
		return -1;
	out->on[SRC] = s.on[SRC];
	out->on[DST] = s.on[DST];
	out->others = s.other != NULL;
	out->version = s.generation;
	placedb_share_clear(&s);
	return 0;
}

static int allocate(void *self, const struct move *m, enum side to,
		    const struct cloud_share *seen, struct err *e)
{
	struct twin_join *t = self;
	const struct placedb_move pm = {.consumer = m->uuid,
					.from = to == DST ? SRC : DST,
					.to = to,
					.generation = seen->version,
					.back = to == SRC};

	return need_placement(t, e) ? -1 : placedb_move(t->placement, &pm, e);
}

static int bound(void *self, const char *port, struct cloud_bind *out,
		 struct err *e)
{
	struct twin_join *t = self;
	AUTO(netdb_port_clear) struct netdb_port p = {.revision = -1};

	if (need_network(t, e) || netdb_port_read(t->network, port, &p, e))
		return -1;
	if (!p.id)
		return 0;
	out->host = mem_strdup(p.host ? p.host : "");
	out->failed = p.vif_type && !strcmp(p.vif_type, "binding_failed");
	out->version = p.revision;
	return 0;
}

static const char *image_of(const struct move *m, const char *port)
{
	for (size_t i = 0; i < m->nports; i++)
		if (!strcmp(m->ports[i].id, port))
			return m->ports[i].image;
	return NULL;
}

static int bind_port(void *self, const char *port, const char *host,
		     const struct cloud_bind *seen, struct err *e)
{
	struct twin_join *t = self;
	const struct move *m = t->move;
	bool back = !strcmp(host, m->src.host);
	const struct netdb_bind b = {.port = port,
				     .device = m->uuid,
				     .from = back ? m->dst.host : m->src.host,
				     .to = host,
				     .revision = seen->version,
				     .image = back ? image_of(m, port) : NULL};

	return need_network(t, e) ? -1 : netdb_bind(t->network, &b, e);
}

/* ---- volumes */

static int need_volume(struct twin_join *t, struct err *e)
{
	return t->volume ? 0 : join_voldb_open(t->config, &t->volume, e);
}

static struct volume_att att_of(struct voldb_attachment *a)
{
	struct volume_att out = {a->id, a->instance, a->status, a->info};

	/* taken */
	a->id = a->instance = a->status = a->info = NULL;
	return out;
}

static int look(void *self, const char *volume, struct volume_view *out,
		struct err *e)
{
	struct twin_join *t = self;
	AUTO(voldb_volume_clear) struct voldb_volume v = {0};

	if (need_volume(t, e) || voldb_read(t->volume, volume, &v, e))
		return -1;
	if (!v.status)
		return err_set(e, ERR_CONFLICT, "volume %s is gone", volume);
	out->status = mem_strdup(v.status);
	out->v = MEM_NEW_N(struct volume_att, v.n + 1);
	for (; out->n < v.n; out->n++)
		out->v[out->n] = att_of(&v.v[out->n]);
	return 0;
}

static int make(void *self, const struct volume_want *w, struct volume_att *out,
		struct err *e)
{
	struct twin_join *t = self;
	AUTO(voldb_attachment_clear) struct voldb_attachment a = {0};
	const struct voldb_want want = {.volume = w->volume,
					.instance = w->instance,
					.connector = w->connector,
					.mode = w->mode};

	if (need_volume(t, e) || voldb_make(t->volume, &want, &a, e))
		return -1;
	*out = att_of(&a);
	return 0;
}

static int complete(void *self, const char *id, struct err *e)
{
	struct twin_join *t = self;

	return need_volume(t, e)
		       ? -1
		       : voldb_complete(t->volume, id, t->move->uuid, e);
}

/* As Cinder asks Nova before it removes one: does a row name it? */
static int unnamed(struct twin_join *t, const char *id, struct err *e)
{
	const struct move *m = t->move;

	for (size_t i = 0; i < m->nvolumes; i++) {
		AUTO(db_connection_clear) struct db_connection k = {0};

		if (t->db->ops->connection(t->db, m->uuid, m->volumes[i].bdm_id,
					   &k, e)) {
			if (e->kind != ERR_CONFLICT)
				return -1;
			err_clear(e); /* that row is gone */
		} else if (k.attachment_id && !strcmp(k.attachment_id, id)) {
			return err_set(e, ERR_CONFLICT,
				       "Nova's row names attachment %s", id);
		}
	}
	return 0;
}

static int drop(void *self, const char *id, struct err *e)
{
	struct twin_join *t = self;

	return need_volume(t, e) || unnamed(t, id, e)
		       ? -1
		       : voldb_drop(t->volume, id, t->move->uuid, e);
}

void twin_join_ops(struct twin_join *t, struct cloud_ops *cloud,
		   struct volume_ops *volumes)
{
	*cloud = (struct cloud_ops){.allocated = allocated,
				    .allocate = allocate,
				    .bound = bound,
				    .bind = bind_port,
				    .self = t};
	*volumes = (struct volume_ops){.look = look,
				       .make = make,
				       .complete = complete,
				       .drop = drop,
				       .self = t};
}
