/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file: opening, schema, reserve, statements, and the one way to write.
 * What is written is in journal_job.c, documents are in journal_json.c.
 */
#include "config.h"

#include "engine/journal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/log.h"
#include "core/uuid.h"

#define SCHEMA 2	       /* highest schema-N in sql/journal.sql */
#define APPLICATION 0x6e686a31 /* its application_id */
#define BUSY_MS 5000
#define RESERVE (1024 * 1024)

/* --- statements */

static size_t stmt_index(const char *name)
{
	size_t i;

	for (i = 0; journal_sql_text[i].name; i++)
		if (!strcmp(journal_sql_text[i].name, name))
			return i;
	fprintf(stderr, "journal: no statement is called %s\n", name);
	abort();
}

sqlite3_stmt *journal_stmt(struct journal *j, const char *name)
{
	size_t i = stmt_index(name);

	if (!j->stmts[i] &&
	    sqlite3_prepare_v3(j->db, journal_sql_text[i].text, -1,
			       SQLITE_PREPARE_PERSISTENT, &j->stmts[i],
			       NULL) != SQLITE_OK) {
		/* Either a damaged file or our own mistake: the step() that
		 * follows on a NULL statement is SQLITE_MISUSE. */
		log_warn("journal %s: %s: %s", j->path, name,
			 sqlite3_errmsg(j->db));
		return NULL;
	}
	sqlite3_reset(j->stmts[i]);
	sqlite3_clear_bindings(j->stmts[i]);
	return j->stmts[i];
}

static int param(sqlite3_stmt *st, const char *name)
{
	int i = sqlite3_bind_parameter_index(st, name);

	if (st && !i) {
		fprintf(stderr, "journal: %s has no %s\n", sqlite3_sql(st),
			name);
		abort();
	}
	return i;
}

void journal_bind(sqlite3_stmt *st, const char *name, const char *text)
{
	if (st)
		sqlite3_bind_text(st, param(st, name), text, -1,
				  SQLITE_TRANSIENT);
}

void journal_bind_int(sqlite3_stmt *st, const char *name, int64_t v)
{
	if (st)
		sqlite3_bind_int64(st, param(st, name), v);
}

void journal_bind_time(sqlite3_stmt *st, const char *name, int64_t us)
{
	if (st && us)
		sqlite3_bind_int64(st, param(st, name), us);
}

int journal_sql_error(struct journal *j, int rc, struct err *e)
{
	const char *text = sqlite3_errmsg(j->db);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err_set(e, ERR_RETRY, "journal %s: %s", j->path, text);
		return err_hint(e, "another process holds it: see fuser %s",
				j->path);
	case SQLITE_NOTADB:
		return err_set(e, ERR_REFUSED, "journal %s: %s", j->path, text);
	case SQLITE_FULL:
	case SQLITE_IOERR:
		j->full =
			(rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_WRITE;
		err_set(e, ERR_FAILED, "journal %s: %s", j->path, text);
		return j->full ? err_hint(e, "make space on its file system")
			       : -1;
	}
	return err_set(e, ERR_FAILED, "journal %s: %s", j->path, text);
}

int journal_step_row(struct journal *j, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		journal_sql_error(j, rc, e);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int journal_exec(struct journal *j, sqlite3_stmt *st, struct err *e)
{
	return journal_step_row(j, st, e) < 0 ? -1 : 0;
}

const char *journal_text0(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

const char *journal_text(sqlite3_stmt *st, int i)
{
	const char *s = journal_text0(st, i);

	return s ? s : "";
}

int64_t journal_int(sqlite3_stmt *st, int i)
{
	return sqlite3_column_int64(st, i);
}

void journal_reset(sqlite3_stmt *st)
{
	sqlite3_reset(st);
}

int64_t journal_changed(struct journal *j)
{
	return sqlite3_changes(j->db);
}

static int run_named(struct journal *j, const char *name, struct err *e)
{
	return journal_exec(j, journal_stmt(j, name), e);
}

int journal_read_begin(struct journal *j, struct err *e)
{
	return run_named(j, "begin-read", e);
}

void journal_read_end(struct journal *j)
{
	struct err ignored = ERR_INIT;

	/* Nothing was written: there is nothing to lose. */
	run_named(j, "commit", &ignored);
	err_clear(&ignored);
}

/* --- the reserve */

static void reserve_lay(struct journal *j)
{
	struct err e = ERR_INIT;
	struct stat st;
	char *p;

	if (!fstatat(j->dirfd, j->reserve, &st, AT_SYMLINK_NOFOLLOW) &&
	    st.st_size >= RESERVE)
		return;
	/* Random bytes: a file system that compresses cannot cheat. */
	p = MEM_NEW_N(char, RESERVE);
	random_bytes(p, RESERVE);
	if (fs_write_atomic(j->dirfd, j->reserve, p, RESERVE, 0600, &e)) {
		log_warn("journal %s: no space could be reserved: %s", j->path,
			 err_msg(&e));
		err_clear(&e);
	}
	mem_free(p);
}

static bool reserve_give_up(struct journal *j)
{
	if (!j->urgent || unlinkat(j->dirfd, j->reserve, 0))
		return false;
	log_warn("journal %s: disk full; the reserve is in use", j->path);
	return true;
}

void journal_urgent(struct journal *j, bool on)
{
	j->urgent = on;
}

/* --- writing */

static void abandon(struct journal *j)
{
	struct err ignored = ERR_INIT;

	/* SQLite may have rolled back by itself. */
	if (!sqlite3_get_autocommit(j->db))
		run_named(j, "rollback", &ignored);
	err_clear(&ignored);
}

static int guard(struct journal *j, const struct journal_key *k, struct err *e)
{
	bool batch = journal_id_ok('b', k->id);
	sqlite3_stmt *st = journal_stmt(j, batch ? "guard-batch" : "guard");

	journal_bind_int(st, ":now", clock_now_us());
	journal_bind(st, ":id", k->id);
	journal_bind_int(st, ":epoch", (int64_t)k->epoch);
	if (journal_exec(j, st, e))
		return -1;
	if (sqlite3_changes(j->db) != 1) {
		err_set(e, ERR_STALE,
			"another controller has taken the %s over (ours was "
			"epoch %llu)",
			batch ? "batch" : "job", (unsigned long long)k->epoch);
		return err_hint(e, "novahaul show %s", k->id);
	}
	return 0;
}

static int write_once(struct journal *j, const struct journal_write *w,
		      struct err *e)
{
	if (run_named(j, "begin", e))
		return -1;
	if ((w->key && guard(j, w->key, e)) || w->body(j, w->arg, e) ||
	    run_named(j, "commit", e)) {
		abandon(j);
		return -1;
	}
	return 0;
}

int journal_write(struct journal *j, const struct journal_write *w,
		  struct err *e)
{
	if (j->hook && j->hook(j->hook_arg, JOURNAL_BEFORE, w->what))
		return err_set(e, ERR_FAILED, "journal %s: %s: write failed",
			       j->path, w->what);
	j->full = false;
	if (write_once(j, w, e)) {
		if (!j->full || !reserve_give_up(j))
			return err_wrap(e, "writing down: %s", w->what);
		err_clear(e);
		if (write_once(j, w, e))
			return err_wrap(e, "writing down: %s", w->what);
	}
	if (j->hook)
		j->hook(j->hook_arg, JOURNAL_AFTER, w->what);
	return 0;
}

void journal_set_hook(struct journal *j, journal_hook *fn, void *arg)
{
	j->hook = fn;
	j->hook_arg = arg;
}

/* --- schema */

static int64_t get_int(struct journal *j, const char *name, struct err *e)
{
	sqlite3_stmt *st = journal_stmt(j, name);
	int64_t v = -1;
	int rc = journal_step_row(j, st, e);

	if (rc > 0)
		v = sqlite3_column_int64(st, 0);
	else if (!rc)
		err_set(e, ERR_FAILED, "journal %s: %s: no row", j->path, name);
	sqlite3_reset(st);
	return v;
}

/* The schema of the file; 0 for a new one, -1 on error. */
static int64_t schema_of(struct journal *j, char **build, struct err *e)
{
	sqlite3_stmt *st;
	int64_t v = get_int(j, "count-tables", e);

	if (v <= 0)
		return v;
	v = get_int(j, "get-application", e);
	if (v < 0)
		return -1;
	if (v != APPLICATION)
		return err_set(e, ERR_REFUSED,
			       "%s is a SQLite file, but not a journal of ours",
			       j->path);
	v = get_int(j, "get-schema", e);
	st = journal_stmt(j, "get-schema");
	if (v >= 0 && journal_step_row(j, st, e) > 0)
		*build = mem_strdup(journal_text(st, 1));
	sqlite3_reset(st);
	return v;
}

static int upgrade(struct journal *j, void *arg, struct err *e)
{
	AUTO(mem_freep) char *build = NULL;
	int64_t v = schema_of(j, &build, e);
	sqlite3_stmt *st;
	char name[32];

	(void)arg;
	if (v < 0)
		return -1;
	/* Another process may have been faster: V is what is there now. */
	for (v++; v <= SCHEMA; v++) {
		snprintf(name, sizeof(name), "schema-%d", (int)v);
		int rc = sqlite3_exec(j->db,
				      journal_sql_text[stmt_index(name)].text,
				      NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return journal_sql_error(j, rc, e);
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
			j->path, (int)v, PACKAGE_VERSION, SCHEMA);
		return err_hint(e, "use novahaul %s or later",
				build ? build : "newer");
	}
	if (v == SCHEMA)
		return 0;
	return journal_write(
		j, &(struct journal_write){.what = "schema", .body = upgrade},
		e);
}

/* --- opening */

/* Creates the file for its owner alone before SQLite sees it; what SQLite
 * puts beside it takes over the mode. */
static int create_file(const char *path, struct journal *j, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	AUTO(mem_freep)
	char *dir = slash ? mem_strndup(path, slash == path ? 1 : slash - path)
			  : mem_strdup(".");
	struct stat st;
	int fd;

	if (!*base)
		return err_set(e, ERR_USAGE, "journal %s is a directory", path);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_sys(e, ERR_FAILED, errno, "journal: creating %s",
			       dir);
	j->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dirfd < 0)
		return err_sys(e, ERR_FAILED, errno, "journal: opening %s",
			       dir);
	j->reserve = mem_printf("%s.reserve", base);
	/* Never open(2) an existing file here: closing it again would drop the
	 * POSIX locks of another connection of this process. */
	fd = openat(j->dirfd, base, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
		    0600);
	if (fd >= 0) {
		close(fd);
		return fs_fsync_parent(j->dirfd, base, e);
	}
	if (errno != EEXIST)
		return err_sys(e, ERR_FAILED, errno, "journal: creating %s",
			       path);
	if (!fstatat(j->dirfd, base, &st, 0) && (st.st_mode & 077) &&
	    st.st_uid == geteuid() && fchmodat(j->dirfd, base, 0600, 0))
		return err_sys(e, ERR_FAILED, errno, "journal: chmod 0600 %s",
			       path);
	return 0;
}

static int set_up(struct journal *j, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX |
		    SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(j->path, &j->db, flags, NULL);

	if (rc != SQLITE_OK)
		return journal_sql_error(j, rc, e);
	sqlite3_busy_timeout(j->db, BUSY_MS);
	rc = sqlite3_exec(j->db, journal_sql_text[stmt_index("setup")].text,
			  NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return journal_sql_error(j, rc, e);
	rc = (int)get_int(j, "get-synchronous", e);
	if (rc < 0)
		return -1;
	if (rc != 3)
		return err_set(e, ERR_BUG,
			       "journal %s: synchronous is %d, not EXTRA",
			       j->path, rc);
	return check_schema(j, e);
}

struct journal *journal_open(const char *path, struct err *e)
{
	struct journal *j = MEM_NEW(struct journal);
	size_t n = 0;

	while (journal_sql_text[n].name)
		n++;
	j->stmts = MEM_NEW_N(sqlite3_stmt *, n);
	j->path = mem_strdup(path);
	j->dirfd = -1;
	if (create_file(path, j, e) || set_up(j, e)) {
		journal_close(j);
		return NULL;
	}
	reserve_lay(j);
	return j;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; journal_sql_text[i].name; i++)
		sqlite3_finalize(j->stmts[i]);
	sqlite3_close(j->db);
	if (j->dirfd >= 0)
		close(j->dirfd);
	mem_free(j->stmts);
	mem_free(j->path);
	mem_free(j->reserve);
	mem_free(j);
}

const char *journal_path(const struct journal *j)
{
	return j->path;
}

void journal_owner(char *out, size_t n)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(out, n, "%s pid %ld", host[0] ? host : "localhost",
		 (long)getpid());
}
