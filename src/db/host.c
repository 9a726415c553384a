/* SPDX-License-Identifier: Apache-2.0 */
/* One compute host, by the name of its service. */
#include "db/db_priv.h"

#include <string.h>

static int select_h(struct my_conn *c, const char *name, const char *host,
		    struct my_rows *r, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("h", host)};

	return my_select(c, name, SQL_ARGS(args), r, e);
}

static int unknown(struct my_conn *c, const char *host, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};
	AUTO(strv_clear) struct strv names = STRV_INIT;
	AUTO(mem_freep) char *list = NULL;

	if (select_h(c, "cell.service_hosts", host, &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++)
		strv_add(&names, my_cell(&r, i, "host"));
	list = strv_join(&names, ", ");
	err_set(e, ERR_REFUSED, "no compute host %s in this cell", host);
	return err_hint(e, "the hosts are: %s", names.n ? list : "none");
}

void host_node_row(const struct my_rows *r, size_t i, struct db_host *h)
{
	h->node = my_dup(r, i, "node");
	h->compute_id = my_num(r, i, "id", -1);
	h->compute_uuid = my_dup(r, i, "uuid");
	h->host_ip = my_dup(r, i, "host_ip");
	h->hypervisor_type = my_dup(r, i, "hypervisor_type");
	h->hypervisor_version = my_num(r, i, "hypervisor_version", -1);
	h->vcpus = my_num(r, i, "vcpus", -1);
	h->memory_mb = my_num(r, i, "memory_mb", -1);
	h->local_gb = my_num(r, i, "local_gb", -1);
	h->vcpus_used = my_num(r, i, "vcpus_used", -1);
	h->memory_mb_used = my_num(r, i, "memory_mb_used", -1);
	h->local_gb_used = my_num(r, i, "local_gb_used", -1);
	parse_cpu(h, my_cell(r, i, "cpu_info"));
}

static int get_node(struct my_conn *c, struct db_host *h, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_h(c, "cell.compute_nodes", h->host, &r, e))
		return -1;
	if (!r.n)
		return unknown(c, h->host, e);
	if (r.n > 1)
		return err_set(e, ERR_REFUSED,
			       "%s has %zu compute nodes: which one would own "
			       "the instance is not ours to guess",
			       h->host, r.n);
	host_node_row(&r, 0, h);
	return 0;
}

void host_service_row(const struct my_rows *r, size_t i, struct db_host *h)
{
	h->disabled = my_true(r, i, "disabled");
	h->forced_down = my_true(r, i, "forced_down");
	h->disabled_reason = my_dup(r, i, "disabled_reason");
	h->seen_age_s = my_num(r, i, "age", -1);
	if (my_cell(r, i, "age") && h->seen_age_s < 0)
		h->seen_age_s = 0; /* its clock is ahead */
	h->service_version = (int)my_num(r, i, "version", -1);
}

static int get_service(struct my_conn *c, struct db_host *h, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (select_h(c, "cell.service", h->host, &r, e))
		return -1;
	if (r.n != 1)
		return err_set(e, ERR_REFUSED,
			       "%zu nova-compute services for %s, not one", r.n,
			       h->host);
	host_service_row(&r, 0, h);
	return 0;
}

/* Up to Ocata aggregates may still be in the cell database. */
static int get_az(struct my_db *d, struct db_host *h, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows api = {0};
	AUTO(my_rows_clear) struct my_rows cell = {0};

	if (d->has_api && select_h(&d->api, "api.az", h->host, &api, e))
		return -1;
	if (api.n) {
		h->az = my_dup(&api, 0, "value");
		return 0;
	}
	if (d->release > release_index("ocata"))
		return 0;
	if (select_h(&d->cell, "cell.az", h->host, &cell, e))
		return -1;
	h->az = cell.n ? my_dup(&cell, 0, "value") : NULL;
	return 0;
}

static int get_cell(struct my_db *d, struct db_host *h, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (!d->has_api)
		return 0;
	if (select_h(&d->api, "api.host_cell", h->host, &r, e))
		return -1;
	h->cell_id = r.n ? my_num(&r, 0, "cell_id", -1) : -1;
	return 0;
}

int db_op_host(struct db *db, const char *host, struct db_host *out,
	       struct err *e)
{
	struct my_db *d = MY(db);

	*out = (struct db_host){.cell_id = -1, .seen_age_s = -1};
	if (my_ready(&d->cell, e) || (d->has_api && my_ready(&d->api, e)))
		return -1;
	out->host = mem_strdup(host);
	if (!get_node(&d->cell, out, e) && !get_service(&d->cell, out, e) &&
	    !get_az(d, out, e) && !get_cell(d, out, e))
		return 0;
	db_host_clear(out);
	return err_wrap(e, "host %s", host);
}
