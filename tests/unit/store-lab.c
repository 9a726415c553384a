/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journals of a unit test in MariaDB instead of SQLite: with the socket of
 * a server in $NH_TEST_STORE (tests/unit/stores.sh) a program that is linked
 * with --wrap=journal_open,--wrap=unlink keeps each in a database, which is
 * named by the path and is emptied where the file would have been removed.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mysql.h>

#include "core/mem.h"
#include "db/store.h"
#include "engine/journal.h"
#include "unit/store-lab.h"

struct journal *__real_journal_open(const char *path, struct err *e);
struct journal *__wrap_journal_open(const char *path, struct err *e);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);

enum { NAME_MAX_ = 60 };

static void name_of(const char *path, char out[NAME_MAX_ + 1])
{
	size_t n = strlen(path);

	/* Its end: that is where temporary folders differ. */
	path += n > NAME_MAX_ ? n - NAME_MAX_ : 0;
	snprintf(out, NAME_MAX_ + 1, "%s", path);
	for (char *p = out; *p; p++)
		*p = isalnum((unsigned char)*p) ? *p : '_';
}

/* Each time on a connection of its own: tests fork. */
static int root(const char *fmt, const char *name)
{
	MYSQL *m = mysql_init(NULL);
	AUTO(mem_freep) char *text = mem_printf(fmt, name);
	int rc = -1;

	if (mysql_real_connect(m, NULL, "root", "", NULL, 0,
			       getenv("NH_TEST_STORE"), 0))
		rc = mysql_query(m, text);
	/* Nobody has made the database, or its tables. */
	if (rc && mysql_errno(m) != 1049 && mysql_errno(m) != 1146)
		fprintf(stderr, "store-lab: %s: %s\n", text, mysql_error(m));
	mysql_close(m);
	return rc;
}

static struct journal *open_db(const char *name, struct err *e)
{
	AUTO(mem_freep)
	char *url = mem_printf("mysql://root@localhost/%s?unix_socket=%s", name,
			       getenv("NH_TEST_STORE"));
	struct store *s = db_store_open(
		&(struct db_store_config){.url = url,
					  .sql = journal_shared_sql()},
		e);

	return s ? journal_open_shared(s, e) : NULL;
}

struct journal *__wrap_journal_open(const char *path, struct err *e)
{
	char name[NAME_MAX_ + 1];
	struct journal *j;

	if (!getenv("NH_TEST_STORE"))
		return __real_journal_open(path, e);
	name_of(path, name);
	j = open_db(name, e);
	if (j || !strstr(err_msg(e), "Unknown database"))
		return j;
	err_clear(e);
	if (root("CREATE DATABASE IF NOT EXISTS %s", name))
		abort();
	return open_db(name, e);
}

int __wrap_unlink(const char *path)
{
	static const char *const tables[] = {"jobs", "batches", "fence",
					     "writers"};
	size_t n = strlen(path);
	char name[NAME_MAX_ + 1];

	if (!getenv("NH_TEST_STORE") || n < 3 || strcmp(path + n - 3, ".db"))
		return __real_unlink(path);
	name_of(path, name);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		AUTO(mem_freep)
		char *text = mem_printf("DELETE FROM %%s.%s", tables[i]);

		root(text, name);
	}
	return 0;
}

void store_lab_silence(const char *path)
{
	char name[NAME_MAX_ + 1];

	name_of(path, name);
	if (getenv("NH_TEST_STORE") &&
	    root("UPDATE %s.writers SET beat_us = beat_us - 100000000", name))
		abort();
}
