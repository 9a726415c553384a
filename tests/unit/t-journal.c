/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: durable, guarded by epochs, alive on a full disk. */
#include "unit/journal-lab.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

static struct journal *lab_open(const char *path, struct err *e)
{
	return journal_open(path, e);
}

/* A file does not know who is there. */
static void lab_silence(struct fix *f)
{
	(void)f;
}

static void lab_remove(const char *path)
{
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", path);

	unlink(path);
	unlink(reserve);
}

static int set_up(void **state)
{
	struct fix *f = MEM_NEW(struct fix);

	strcpy(f->dir, "/tmp/nh-journal-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/lib/journal.db", f->dir);
	begin(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fix *f = *state;
	static const char *const names[] = {
		"lib/journal.db", "lib/journal.db-journal",
		"lib/journal.db.reserve", "lib", "."};

	journal_job_clear(&f->job);
	journal_close(f->j);
	err_clear(&f->e);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *p = mem_printf("%s/%s", f->dir, names[i]);

		if (unlink(p))
			rmdir(p);
		mem_free(p);
	}
	rmdir(f->dir);
	mem_free(f);
	return 0;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void t_files(void **state)
{
	struct fix *f = *state;
	char *lib = mem_printf("%s/lib", f->dir);
	char *reserve = mem_printf("%s.reserve", f->path);
	struct stat st;

	assert_int_equal(mode_of(lib), 0700);
	assert_int_equal(mode_of(f->path), 0600);
	assert_int_equal(mode_of(reserve), 0600);
	assert_int_equal(stat(reserve, &st), 0);
	assert_true(st.st_blocks * 512 >= 1024 * 1024);
	/* Too wide a mode is narrowed. */
	journal_close(f->j);
	assert_int_equal(chmod(f->path, 0644), 0);
	open_at(f);
	assert_int_equal(mode_of(f->path), 0600);
	mem_free(lib);
	mem_free(reserve);
}

static void t_bad_manifests(void **state)
{
	struct fix *f = *state;
	char *json = journal_export(f->j, f->job.id, &f->e);
	static const char *const swaps[][2] = {
		{"\"format\":1", "\"format\":9"},
		{"\"id\":\"j-", "\"id\":\"k-"},
		{"\"epoch\":1", "\"epoch\":0"},
		{"\"state\":\"open\"", "\"state\":\"odd\""},
		{"\"name\":\"one\"", "\"name\":\"uno\""},
		{"\"mark\":\"pending\"", "\"mark\":\"maybe\""},
		{"\"records\":[]", "\"records\":[{\"idx\":7}]"},
		{"{", "["},
	};

	for (size_t i = 0; i < ARRAY_SIZE(swaps); i++) {
		char *at = strstr(json, swaps[i][0]), *text;
		char id[JOURNAL_ID_MAX];

		assert_non_null(at);
		text = mem_printf("%.*s%s%s", (int)(at - json), json,
				  swaps[i][1], at + strlen(swaps[i][0]));
		/* A job that is not here, but for the first letters. */
		assert_int_equal(journal_import(f->j, text, id, &f->e), -1);
		assert_int_equal(f->e.kind, ERR_REFUSED);
		mem_free(text);
		if (i == 5) {
			/* What follows must fail for its records. */
			sqlite3 *db;

			sqlite3_open(f->path, &db);
			assert_int_equal(
				sqlite3_exec(db,
					     "PRAGMA foreign_keys = ON;"
					     "DELETE FROM jobs",
					     NULL, NULL, NULL),
				SQLITE_OK);
			sqlite3_close(db);
		}
	}
	mem_free(json);
}

/* A newer schema is refused by name, and so is a file that is not ours. */
static void t_schema(void **state)
{
	struct fix *f = *state;
	sqlite3 *db;

	journal_close(f->j);
	sqlite3_open(f->path, &db);
	sqlite3_exec(db, "UPDATE schema SET version = 99, build = '9.9.9'",
		     NULL, NULL, NULL);
	sqlite3_close(db);
	f->j = journal_open(f->path, &f->e);
	assert_null(f->j);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&f->e), "schema 99"));
	assert_non_null(strstr(f->e.hint, "9.9.9"));

	sqlite3_open(f->path, &db);
	sqlite3_exec(db, "PRAGMA application_id = 7", NULL, NULL, NULL);
	sqlite3_close(db);
	f->j = journal_open(f->path, &f->e);
	assert_null(f->j);
	assert_int_equal(f->e.kind, ERR_REFUSED);

	assert_int_equal(truncate(f->path, 100), 0);
	f->j = journal_open(f->path, &f->e);
	assert_null(f->j);

	/* An empty file is schema 0, the oldest, and is brought up. */
	assert_int_equal(truncate(f->path, 0), 0);
	open_at(f);
}

static void t_busy(void **state)
{
	struct fix *f = *state;
	sqlite3 *db;

	sqlite3_open(f->path, &db);
	assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL),
			 SQLITE_OK);
	/* Waits for the busy timeout. */
	assert_int_equal(record(f, 0, "a", 1), -1);
	assert_int_equal(f->e.kind, ERR_RETRY);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_int_equal(record(f, 0, "a", 1), 0);
}

/* --- a full disk */

/* Writes until nothing more fits; the bytes left are fewer than a page. */
static void fill(const char *dir)
{
	char *path = mem_printf("%s/fill", dir);
	int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
	static const char block[4096];

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	mem_free(path);
}

static void full_disk(const char *dir)
{
	char *path = mem_printf("%s/j/journal.db", dir);
	char *reserve = mem_printf("%s.reserve", path);
	struct fix f = {.e = ERR_INIT};
	json_t *plan = plan_new();

	f.j = journal_open(path, &f.e);
	assert_non_null(f.j);
	assert_int_equal(journal_create(f.j, plan, NULL, &f.job, &f.e), 0);
	f.k = journal_key(&f.job);
	fill(dir);
	/* Forward writes fail, before anything was changed ... */
	assert_int_equal(record(&f, 0, "a", 1), -1);
	assert_int_equal(f.e.kind, ERR_FAILED);
	assert_int_equal(access(reserve, F_OK), 0);
	/* ... and there is room for hundreds of records of an undo. */
	journal_urgent(f.j, true);
	for (int i = 0; i < 300; i++)
		if (record(&f, 0, "undo", i))
			fail_msg("undo record %d: %s", i, err_msg(&f.e));
	assert_int_equal(access(reserve, F_OK), -1);
	/* Once there is space, it is reserved again. */
	journal_close(f.j);
	mem_free(reserve);
	reserve = mem_printf("%s/fill", dir);
	unlink(reserve);
	f.j = journal_open(path, &f.e);
	assert_non_null(f.j);
	mem_free(reserve);
	reserve = mem_printf("%s.reserve", path);
	assert_int_equal(access(reserve, F_OK), 0);
	journal_close(f.j);
	journal_job_clear(&f.job);
	json_decref(plan);
	mem_free(path);
	mem_free(reserve);
}

static void t_full(void **state)
{
	struct fix *f = *state;
	char *dir = mem_printf("%s/lib", f->dir);
	int status;
	pid_t pid = fork();

	if (!pid) {
		/* A file system of our own, 3 MiB, gone with the child. */
		if (unshare(CLONE_NEWNS) ||
		    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
		    mount("tmpfs", f->dir, "tmpfs", 0, "size=3m"))
			_exit(77);
		full_disk(f->dir);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	mem_free(dir);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		fprintf(stderr, "t_full: skipped: cannot mount a tmpfs\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_CASES,   T(t_files), T(t_bad_manifests),
		T(t_schema), T(t_busy),	 T(t_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
