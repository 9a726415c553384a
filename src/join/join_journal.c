/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of several operators: its database, and whence its password. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/fs.h"
#include "core/log.h"
#include "db/store.h"
#include "join/join.h"

enum { PASSWORD_MAX = 4096 };

/* The first line of FILE. */
static int read_password(const char *file, struct buf *out, struct err *e)
{
	struct stat st;

	if (fs_read_path(file, PASSWORD_MAX, out, e)) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "the journal's password");
	}
	if (!stat(file, &st) && (st.st_mode & 077))
		log_warn("%s holds a database password and others may read "
			 "it: chmod 600 %s",
			 file, file);
	if (out->p)
		out->p[strcspn(out->p, "\r\n")] = '\0';
	return 0;
}

static int hint(const struct db_store_config *cfg, struct err *e)
{
	if (e->hint)
		return -1;
	if (e->kind == ERR_USAGE && cfg->no_password)
		return err_hint(e, "novahaul --journal "
				   "mysql://USER@HOST:PORT/DATABASE, with the "
				   "password in $NOVAHAUL_JOURNAL_PASSWORD, or "
				   "see journal in man novahaul.conf");
	if (e->kind == ERR_USAGE)
		return err_hint(e, "see journal in man novahaul.conf");
	return err_hint(e, "see whether it is up, and journal in the "
			   "configuration");
}

struct store *join_journal_store(const struct app *a, const char *url,
				 const struct store_sql *const *sql,
				 struct err *e)
{
	const struct config *c = a->config;
	const char *env = getenv("NOVAHAUL_JOURNAL_PASSWORD");
	AUTO(buf_clear) struct buf file = BUF_INIT;
	struct db_store_config cfg = {
		.url = url,
		.password = env && *env ? env : NULL,
		/* typed: it stands in argv */
		.no_password = a->journal && a->journal != c->journal,
		.ssl_ca = c->db.ssl_ca,
		.ssl_cert = c->db.ssl_cert,
		.ssl_key = c->db.ssl_key,
		.ssl_no_verify = !c->db.ssl_verify,
		.sql = sql,
	};
	struct store *s;

	if (!cfg.password && c->journal_password_file) {
		if (read_password(c->journal_password_file, &file, e))
			return NULL;
		cfg.password = buf_str(&file);
	}
	s = db_store_open(&cfg, e);
	if (!s)
		hint(&cfg, e);
	return s;
}
