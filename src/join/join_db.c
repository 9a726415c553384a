/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/fs.h"
#include "core/novaconf.h"
#include "join/join.h"

#define CONF_MAX (1 << 20)

/* The operator's TLS options go where db/ reads them: into the URL. */
static char *with_tls(const char *url, const struct config_db *c)
{
	struct buf b = BUF_INIT;
	char sep;

	if (!url)
		return NULL;
	sep = strchr(url, '?') ? '&' : '?';
	buf_puts(&b, url);
	if (c->ssl_ca) {
		buf_printf(&b, "%cssl_ca=%s", sep, c->ssl_ca);
		sep = '&';
	}
	if (c->ssl_cert) {
		buf_printf(&b, "%cssl_cert=%s", sep, c->ssl_cert);
		sep = '&';
	}
	if (c->ssl_key) {
		buf_printf(&b, "%cssl_key=%s", sep, c->ssl_key);
		sep = '&';
	}
	if (c->ssl_ca)
		buf_printf(&b, "%cssl_verify_cert=%s", sep,
			   c->ssl_verify ? "true" : "false");
	return buf_steal(&b);
}

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
	AUTO(mem_freep) char *ncell = NULL;
	AUTO(mem_freep) char *napi = NULL;
	AUTO(mem_freep) char *cell = NULL;
	AUTO(mem_freep) char *api = NULL;
	struct db_config dc = {.server = server};

	if (!c->db.connection && !c->db.api_connection &&
	    local_urls(&c->db, &ncell, &napi, e))
		return -1;
	/* On a controller, [database] may be cell0's: with nova_api the cell is
	 * looked up in cell_mappings. */
	if (napi)
		mem_freep(&ncell);
	cell = with_tls(c->db.connection ? c->db.connection : ncell, &c->db);
	api = with_tls(c->db.api_connection ? c->db.api_connection : napi,
		       &c->db);
	if (!cell && !api) {
		err_set(e, ERR_USAGE, "no database is configured");
		return err_hint(e, "name it in /etc/novahaul/novahaul.conf, "
				   "[database] connection and api_connection");
	}
	dc.cell_url = cell;
	dc.api_url = api;
	return db_open(&dc, db, e);
}
