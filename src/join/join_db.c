/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/fs.h"
#include "core/novaconf.h"
#include "join/join.h"

#define CONF_MAX (1 << 20)

/* nova.conf of this machine, for what novahaul.conf leaves out. */
static int local_urls(const struct config_db *c, char **cell, char **api,
		      struct err *e)
{
	static const char *const fallback[] = {"/etc/nova/nova.conf", NULL};
	const char *const *paths =
		c->nova_conf.n ? (const char *const *)c->nova_conf.v : fallback;
	struct novaconf nc = NOVACONF_INIT;
	struct buf texts[8] = {{0}};
	struct novaconf_file files[8];
	size_t n = 0;
	int rc = 0;

	for (; *paths && n < ARRAY_SIZE(files); paths++) {
		struct err skip = ERR_INIT;

		if (fs_read_path(*paths, CONF_MAX, &texts[n], &skip)) {
			err_clear(&skip);
			continue;
		}
		files[n] = (struct novaconf_file){*paths, buf_str(&texts[n]),
						  texts[n].len};
		n++;
	}
	if (n)
		rc = novaconf_parse(files, n, NULL, &nc, e);
	if (!rc) {
		*cell = mem_strdup0(nc.connection);
		*api = mem_strdup0(nc.api_connection);
	}
	novaconf_clear(&nc);
	for (size_t i = 0; i < n; i++)
		buf_clear(&texts[i]);
	return rc;
}

int join_db_open(const struct config *c, const char *server, struct db *db,
		 struct err *e)
{
	AUTO(mem_freep) char *main_url = NULL;
	AUTO(mem_freep) char *api = NULL;
	struct db_config dc = {
		.cell_url = c->db.connection,
		.api_url = c->db.api_connection,
		.server = server,
		.ssl_ca = c->db.ssl_ca,
		.ssl_cert = c->db.ssl_cert,
		.ssl_key = c->db.ssl_key,
		.ssl_no_verify = !c->db.ssl_verify,
	};

	if (!dc.cell_url && !dc.api_url) {
		if (local_urls(&c->db, &main_url, &api, e))
			return -1;
		/* On a controller, [database] may be cell0's: with nova_api
		 * the cell is looked up in cell_mappings. */
		dc.cell_url = api ? NULL : main_url;
		dc.main_url = main_url;
		dc.api_url = api;
	}
	if (!dc.cell_url && !dc.api_url) {
		err_set(e, ERR_USAGE, "no database is configured");
		return err_hint(e, "name it in /etc/novahaul/novahaul.conf, "
				   "[database] connection and api_connection");
	}
	if (!db_open(&dc, db, e))
		return 0;
	return e->hint ? -1
		       : err_hint(e, "see whether it is up, and [database] in "
				     "the configuration");
}
