/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, schema and reserve, whatever the journal is kept in; how it is
 * written is in journal_write.c, who writes in journal_holder.c, what is
 * written in journal_job.c, journal_turn.c and journal_step.c, documents are in
 * journal_json.c.
 */
#include "config.h"

#include "engine/journal_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/log.h"
#include "core/uuid.h"

#define SCHEMA 2	       /* highest schema-N in sql/journal.sql */
#define APPLICATION 0x6e686a31 /* its application_id */
#define RESERVE (1024 * 1024)

/* --- statements */

struct store_stmt *journal_stmt(struct journal *j, const char *name)
{
	return j->s->ops->stmt(j->s, name);
}

void journal_bind(struct store_stmt *st, const char *name, const char *text)
{
	st->store->ops->bind_text(st, name, text);
}

void journal_bind_int(struct store_stmt *st, const char *name, int64_t v)
{
	st->store->ops->bind_int(st, name, v);
}

void journal_bind_time(struct store_stmt *st, const char *name, int64_t us)
{
	if (us)
		journal_bind_int(st, name, us);
}

int journal_step_row(struct journal *j, struct store_stmt *st, struct err *e)
{
	return j->s->ops->step(st, e);
}

int journal_exec(struct journal *j, struct store_stmt *st, struct err *e)
{
	return journal_step_row(j, st, e) < 0 ? -1 : 0;
}

const char *journal_text0(struct store_stmt *st, int i)
{
	return st->store->ops->text(st, i);
}

const char *journal_text(struct store_stmt *st, int i)
{
	const char *s = journal_text0(st, i);

	return s ? s : "";
}

int64_t journal_int(struct store_stmt *st, int i)
{
	return st->store->ops->num(st, i);
}

void journal_reset(struct store_stmt *st)
{
	st->store->ops->reset(st);
}

int64_t journal_changed(struct journal *j)
{
	return j->s->ops->changes(j->s);
}

int journal_read_begin(struct journal *j, struct err *e)
{
	return j->s->ops->begin(j->s, STORE_READ, e);
}

void journal_read_end(struct journal *j)
{
	struct err ignored = ERR_INIT;

	/* Nothing was written: there is nothing to lose. */
	if (j->s->ops->commit(j->s, &ignored))
		j->s->ops->rollback(j->s);
	err_clear(&ignored);
}

bool journal_read_again(struct journal *j, unsigned *tries, struct err *e)
{
	if (e->kind != ERR_RETRY || !j->s->again || ++*tries > 3)
		return false;
	j->s->again = false;
	err_clear(e);
	return true;
}

/* --- the reserve */

static void reserve_lay(struct journal *j, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct err e = ERR_INIT;
	struct stat st;
	char *p;

	j->reserve = mem_printf("%s.reserve", slash ? slash + 1 : path);
	if (!fstatat(j->dirfd, j->reserve, &st, AT_SYMLINK_NOFOLLOW) &&
	    st.st_size >= RESERVE)
		return;
	/* Random bytes: a file system that compresses cannot cheat. */
	p = MEM_NEW_N(char, RESERVE);
	random_bytes(p, RESERVE);
	if (fs_write_atomic(j->dirfd, j->reserve, p, RESERVE, 0600, &e)) {
		log_warn("journal %s: no space could be reserved: %s", path,
			 err_msg(&e));
		err_clear(&e);
	}
	mem_free(p);
}

bool journal_give_up_reserve(struct journal *j)
{
	if (!j->urgent || !j->reserve || unlinkat(j->dirfd, j->reserve, 0))
		return false;
	log_warn("journal %s: disk full; the reserve is in use",
		 journal_path(j));
	return true;
}

void journal_urgent(struct journal *j, bool on)
{
	j->urgent = on;
}

/* --- schema */

static int64_t get_int(struct journal *j, const char *name, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, name);
	int64_t v = -1;
	int rc = journal_step_row(j, st, e);

	if (rc > 0)
		v = journal_int(st, 0);
	else if (!rc)
		err_set(e, ERR_FAILED, "journal %s: %s: no row",
			journal_path(j), name);
	journal_reset(st);
	return v;
}

/* The schema that is there; 0 for a new one, -1 on error. */
static int64_t schema_of(struct journal *j, char **build, struct err *e)
{
	struct store_stmt *st;
	int64_t v = get_int(j, "count-tables", e);

	if (v <= 0)
		return v;
	v = get_int(j, "get-application", e);
	if (v < 0)
		return -1;
	if (v != APPLICATION)
		return err_set(e, ERR_REFUSED,
			       j->s->shared ? "database %s has tables, but is "
					      "not a journal "
					      "of ours"
					    : "%s is a SQLite file, but not a "
					      "journal of ours",
			       journal_path(j));
	v = get_int(j, "get-schema", e);
	st = journal_stmt(j, "get-schema");
	if (v >= 0 && journal_step_row(j, st, e) > 0)
		*build = mem_strdup(journal_text(st, 1));
	journal_reset(st);
	return v;
}

static int upgrade(struct journal *j, void *arg, struct err *e)
{
	AUTO(mem_freep) char *build = NULL;
	int64_t v = schema_of(j, &build, e);
	struct store_stmt *st;
	char name[32];

	(void)arg;
	if (v < 0)
		return -1;
	/* Another process may have been faster: V is what is there now. */
	for (v++; v <= SCHEMA; v++) {
		snprintf(name, sizeof(name), "schema-%d", (int)v);
		if (j->s->ops->script(j->s, name, e))
			return -1;
	}
	st = journal_stmt(j, "set-schema");
	journal_bind_int(st, ":version", SCHEMA);
	journal_bind(st, ":build", PACKAGE_VERSION);
	return journal_exec(j, st, e);
}

static int check_schema(struct journal *j, struct err *e)
{
	AUTO(mem_freep) char *build = NULL;
	int64_t v = schema_of(j, &build, e);

	if (v < 0)
		return -1;
	if (v > SCHEMA) {
		err_set(e, ERR_REFUSED,
			"journal %s has schema %d, this build (novahaul %s) "
			"knows schema %d",
			journal_path(j), (int)v, PACKAGE_VERSION, SCHEMA);
		return err_hint(e, "use novahaul %s or later",
				build ? build : "newer");
	}
	if (v == SCHEMA)
		return 0;
	/* MariaDB commits at each CREATE TABLE: there the scripts do nothing
	 * that has been done, and whoever comes second goes through them. */
	if (j->s->shared)
		return upgrade(j, NULL, e) ? err_wrap(e, "making its tables")
					   : 0;
	return journal_write(
		j, &(struct journal_write){.what = "schema", .body = upgrade},
		e);
}

/* --- opening */

const struct store_sql *const *journal_shared_sql(void)
{
	static const struct store_sql *const tables[] = {
		journal_mysql_text, journal_sql_text, NULL};

	return tables;
}

struct journal *journal_open(const char *path, struct err *e)
{
	struct journal *j = MEM_NEW(struct journal);

	j->dirfd = -1;
	j->s = journal_file_open(path, &j->dirfd, e);
	if (!j->s || check_schema(j, e)) {
		journal_close(j);
		return NULL;
	}
	reserve_lay(j, path);
	return j;
}

struct journal *journal_open_shared(struct store *s, struct err *e)
{
	struct journal *j = MEM_NEW(struct journal);

	j->dirfd = -1;
	j->s = s;
	if (check_schema(j, e)) {
		journal_close(j);
		return NULL;
	}
	journal_writer_init(j);
	return j;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	journal_writer_end(j);
	if (j->s)
		j->s->ops->close(j->s);
	if (j->dirfd >= 0)
		close(j->dirfd);
	mem_free(j->reserve);
	mem_free(j);
}

const char *journal_path(const struct journal *j)
{
	return j->s->where;
}
