/* SPDX-License-Identifier: Apache-2.0 */
/* The journal as one SQLite file: its settings, statements and errors. */
#include "config.h"

#include "engine/journal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core/fs.h"
#include "core/log.h"

#define BUSY_MS 5000

struct stmt {
	struct store_stmt st;
	sqlite3_stmt *raw; /* NULL: not prepared, or it cannot be */
};

struct file {
	struct store s;
	sqlite3 *db;
	struct stmt *stmts; /* in the order of journal_sql_text */
};

static struct file *file_of(struct store *s)
{
	return (struct file *)s;
}

static sqlite3_stmt *raw(struct store_stmt *st)
{
	return ((struct stmt *)st)->raw;
}

static size_t stmt_index(const char *name)
{
	size_t i;

	for (i = 0; journal_sql_text[i].name; i++)
		if (!strcmp(journal_sql_text[i].name, name))
			return i;
	fprintf(stderr, "journal: no statement is called %s\n", name);
	abort();
}

static int failed(struct file *f, int rc, struct err *e)
{
	const char *text = sqlite3_errmsg(f->db), *path = f->s.where;

	f->s.full = false;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err_set(e, ERR_RETRY, "journal %s: %s", path, text);
		return err_hint(e, "another process holds it: see fuser %s",
				path);
	case SQLITE_NOTADB:
		err_set(e, ERR_REFUSED, "journal %s: %s", path, text);
		return err_hint(e,
				"file %s tells what it is; novahaul --journal "
				"FILE jobs uses another",
				path);
	case SQLITE_FULL:
	case SQLITE_IOERR:
		f->s.full =
			(rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_WRITE;
		err_set(e, ERR_FAILED, "journal %s: %s", path, text);
		return f->s.full ? err_hint(e, "make space on its file system")
				 : -1;
	}
	return err_set(e, ERR_FAILED, "journal %s: %s", path, text);
}

static struct store_stmt *file_stmt(struct store *s, const char *name)
{
	struct file *f = file_of(s);
	size_t i = stmt_index(name);
	struct stmt *st = &f->stmts[i];

	st->st.store = s;
	if (!st->raw && sqlite3_prepare_v3(f->db, journal_sql_text[i].text, -1,
					   SQLITE_PREPARE_PERSISTENT, &st->raw,
					   NULL) != SQLITE_OK) {
		/* Either a damaged file or our own mistake: the step() that
		 * follows on a NULL statement is SQLITE_MISUSE. */
		log_warn("journal %s: %s: %s", s->where, name,
			 sqlite3_errmsg(f->db));
		return &st->st;
	}
	sqlite3_reset(st->raw);
	sqlite3_clear_bindings(st->raw);
	return &st->st;
}

static int param(sqlite3_stmt *st, const char *name)
{
	int i = sqlite3_bind_parameter_index(st, name);

	if (!i) {
		fprintf(stderr, "journal: %s has no %s\n", sqlite3_sql(st),
			name);
		abort();
	}
	return i;
}

static void file_bind_text(struct store_stmt *st, const char *name,
			   const char *text)
{
	if (raw(st))
		sqlite3_bind_text(raw(st), param(raw(st), name), text, -1,
				  SQLITE_TRANSIENT);
}

static void file_bind_int(struct store_stmt *st, const char *name, int64_t v)
{
	if (raw(st))
		sqlite3_bind_int64(raw(st), param(raw(st), name), v);
}

static int file_step(struct store_stmt *st, struct err *e)
{
	int rc = sqlite3_step(raw(st));

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		failed(file_of(st->store), rc, e);
	sqlite3_reset(raw(st));
	return rc == SQLITE_DONE ? 0 : -1;
}

static const char *file_text(struct store_stmt *st, int col)
{
	return (const char *)sqlite3_column_text(raw(st), col);
}

static int64_t file_num(struct store_stmt *st, int col)
{
	return sqlite3_column_int64(raw(st), col);
}

static void file_reset(struct store_stmt *st)
{
	sqlite3_reset(raw(st));
}

static int64_t file_changes(struct store *s)
{
	return sqlite3_changes(file_of(s)->db);
}

static int file_script(struct store *s, const char *name, struct err *e)
{
	struct file *f = file_of(s);
	int rc = sqlite3_exec(f->db, journal_sql_text[stmt_index(name)].text,
			      NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : failed(f, rc, e);
}

static int file_begin(struct store *s, enum store_begin how, struct err *e)
{
	const char *name = how == STORE_WRITE ? "begin" : "begin-read";

	return file_step(file_stmt(s, name), e);
}

static int file_commit(struct store *s, struct err *e)
{
	return file_step(file_stmt(s, "commit"), e);
}

static void file_rollback(struct store *s)
{
	struct err ignored = ERR_INIT;
	bool full = s->full;

	/* SQLite may have rolled back by itself. */
	if (!sqlite3_get_autocommit(file_of(s)->db))
		file_step(file_stmt(s, "rollback"), &ignored);
	err_clear(&ignored);
	s->full = full;
}

static void file_close(struct store *s)
{
	struct file *f = file_of(s);

	for (size_t i = 0; journal_sql_text[i].name; i++)
		sqlite3_finalize(f->stmts[i].raw);
	sqlite3_close(f->db);
	mem_free(f->stmts);
	mem_free(f->s.where);
	mem_free(f);
}

static const struct store_ops ops = {
	.stmt = file_stmt,
	.bind_text = file_bind_text,
	.bind_int = file_bind_int,
	.step = file_step,
	.text = file_text,
	.num = file_num,
	.reset = file_reset,
	.changes = file_changes,
	.script = file_script,
	.begin = file_begin,
	.commit = file_commit,
	.rollback = file_rollback,
	.close = file_close,
};

/* --- opening */

/* Creates the file for its owner alone before SQLite sees it; what SQLite
 * puts beside it takes over the mode. */
static int create_file(const char *path, int *dirfd, struct err *e)
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
	*dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dirfd < 0)
		return err_sys(e, ERR_FAILED, errno, "journal: opening %s",
			       dir);
	/* Never open(2) an existing file here: closing it again would drop the
	 * POSIX locks of another connection of this process. */
	fd = openat(*dirfd, base, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		return fs_fsync_parent(*dirfd, base, e);
	}
	if (errno != EEXIST)
		return err_sys(e, ERR_FAILED, errno, "journal: creating %s",
			       path);
	if (!fstatat(*dirfd, base, &st, 0) && (st.st_mode & 077) &&
	    st.st_uid == geteuid() && fchmodat(*dirfd, base, 0600, 0))
		return err_sys(e, ERR_FAILED, errno, "journal: chmod 0600 %s",
			       path);
	return 0;
}

static int set_up(struct file *f, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX |
		    SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(f->s.where, &f->db, flags, NULL);
	struct store_stmt *st;

	if (rc != SQLITE_OK)
		return failed(f, rc, e);
	sqlite3_busy_timeout(f->db, BUSY_MS);
	if (file_script(&f->s, "setup", e))
		return -1;
	st = file_stmt(&f->s, "get-synchronous");
	rc = file_step(st, e);
	if (rc > 0)
		rc = (int)file_num(st, 0);
	if (rc < 0)
		return -1;
	file_reset(st);
	return rc == 3 ? 0
		       : err_set(e, ERR_BUG,
				 "journal %s: synchronous is %d, not EXTRA",
				 f->s.where, rc);
}

struct store *journal_file_open(const char *path, int *dirfd, struct err *e)
{
	struct file *f = MEM_NEW(struct file);
	size_t n = 0;

	while (journal_sql_text[n].name)
		n++;
	f->stmts = MEM_NEW_N(struct stmt, n);
	f->s.ops = &ops;
	f->s.where = mem_strdup(path);
	if (create_file(path, dirfd, e) || set_up(f, e)) {
		file_close(&f->s);
		return NULL;
	}
	return &f->s;
}
