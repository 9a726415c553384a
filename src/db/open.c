/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the databases; the table of operations. */
#include "db/db_priv.h"

static void op_close(struct db *db)
{
	struct my_db *d = MY(db);

	if (!d)
		return;
	my_close(&d->cell);
	my_close(&d->api);
	db_url_clear(&d->cell_url);
	db_url_clear(&d->api_url);
	db_schema_clear(&d->schema);
	mem_free(d);
}

static const struct db_ops ops = {
	.find = db_op_find,
	.schema = db_op_schema,
	.instance = db_op_instance,
	.archived = db_op_archived,
	.fault = db_op_fault,
	.evacuation = db_op_evacuation,
	.server = db_op_server,
	.host = db_op_host,
	.host_servers = db_op_host_servers,
	.rights = db_op_rights,
	.moved = db_op_moved,
	.connection = db_op_connection,
	.share_users = db_op_share_users,
	.claim_read = db_op_claim_read,
	.claim = db_op_claim,
	.claim_takeover = db_op_takeover,
	.set_power = db_op_power,
	.rewrite_read = db_op_rewrite_read,
	.rewrite = db_op_rewrite,
	.rewrite_undo = db_op_undo,
	.release = db_op_release,
	.service_mark = db_op_service_mark,
	.outcome = db_op_outcome,
	.close = op_close,
};

static int open_api(struct my_db *d, const struct db_config *cfg, struct err *e)
{
	if (db_url_parse(cfg->api_url, &d->api_url, e))
		return err_wrap(e, "nova_api");
	db_url_tls(&d->api_url, cfg);
	d->has_api = true;
	d->schema.api_url = db_url_mask(cfg->api_url);
	return schema_read_api(d, e);
}

static int open_cell(struct my_db *d, const struct db_config *cfg,
		     struct err *e)
{
	if (cfg->cell_url) {
		if (db_url_parse(cfg->cell_url, &d->cell_url, e))
			return err_wrap(e, "cell database");
		d->schema.url = db_url_mask(cfg->cell_url);
	} else if (cell_resolve(d, cfg, e)) {
		return -1;
	}
	db_url_tls(&d->cell_url, cfg);
	return schema_read(d, e);
}

int db_open(const struct db_config *cfg, struct db *out, struct err *e)
{
	struct my_db *d;

	*out = (struct db){0};
	if (!cfg->cell_url && !cfg->api_url) {
		err_set(e, ERR_USAGE, "no database URL");
		return err_hint(e,
				"[database] connection in novahaul.conf, or a "
				"readable nova.conf");
	}
	d = MEM_NEW(struct my_db);
	d->cfg = (struct db_config){.connect_timeout_s = cfg->connect_timeout_s,
				    .io_timeout_s = cfg->io_timeout_s,
				    .lock_wait_s = cfg->lock_wait_s};
	d->schema.cell_id = -1;
	d->schema.service_version = -1;
	d->cell = (struct my_conn){
		.url = &d->cell_url, .cfg = &d->cfg, .f = &d->schema.f};
	d->api = (struct my_conn){
		.url = &d->api_url, .cfg = &d->cfg, .f = &d->schema.f};
	*out = (struct db){.ops = &ops, .self = d};
	if ((cfg->api_url && open_api(d, cfg, e)) || open_cell(d, cfg, e)) {
		db_close(out);
		return -1;
	}
	return 0;
}
