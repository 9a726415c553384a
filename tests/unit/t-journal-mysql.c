/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of several operators, on a MariaDB server of this test's own:
 * what holds of every journal, and what only several can do to each other.
 */
#include "unit/journal-lab.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/stat.h>

#include <mysql.h>
#include <sqlite3.h>

#include "core/clock.h"
#include "db/store.h"
#include "engine/batch.h"
#include "engine/journal_priv.h"
#include "schema/proxy.h"

enum { LATE_MS = 600 };

static struct {
	char dir[32];
	char socket[64];
	pid_t pid, owner;
	MYSQL *root;
} server;

/* --- a server */

static int spawn(const char *const *argv, const char *log, bool wait)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int fd = open(log, O_CREAT | O_WRONLY | O_APPEND, 0600);

		dup2(fd, 1);
		dup2(fd, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (!wait)
		return pid;
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void sql(const char *text)
{
	MYSQL_RES *r;

	if (mysql_query(server.root, text))
		fail_msg("%s: %s", text, mysql_error(server.root));
	r = mysql_store_result(server.root);
	if (r)
		mysql_free_result(r);
}

static long sql_number(const char *text)
{
	MYSQL_RES *r;
	MYSQL_ROW row;
	long n;

	if (mysql_query(server.root, text))
		fail_msg("%s: %s", text, mysql_error(server.root));
	r = mysql_store_result(server.root);
	row = mysql_fetch_row(r);
	n = row && row[0] ? strtol(row[0], NULL, 10) : -1;
	mysql_free_result(r);
	return n;
}

static bool dial(void)
{
	server.root = mysql_init(NULL);
	if (mysql_real_connect(server.root, NULL, "root", "", NULL, 0,
			       server.socket, 0))
		return true;
	mysql_close(server.root);
	return false;
}

static int start(void **state)
{
	const struct passwd *p = getpwnam("mysql");
	bool root = !geteuid();
	char *log, *data, *sock;
	int rc;

	(void)state;
	server.owner = getpid();
	strcpy(server.dir, "/tmp/nh-jmysql-XXXXXX");
	assert_non_null(mkdtemp(server.dir));
	if (root && p)
		assert_int_equal(chown(server.dir, p->pw_uid, p->pw_gid), 0);
	snprintf(server.socket, sizeof(server.socket), "%s/sock", server.dir);
	log = mem_printf("%s/log", server.dir);
	data = mem_printf("--datadir=%s/data", server.dir);
	sock = mem_printf("--socket=%s", server.socket);
	rc = spawn((const char *[]){"mariadb-install-db", "--no-defaults",
				    root ? "--user=mysql" : "--skip-test-db",
				    data,
				    "--auth-root-authentication-method=normal",
				    "--skip-test-db", "--skip-name-resolve",
				    "--innodb-flush-method=nosync", NULL},
		   log, true);
	assert_int_equal(rc, 0);
	server.pid = spawn(
		(const char *[]){"mariadbd", "--no-defaults",
				 root ? "--user=mysql" : "--skip-name-resolve",
				 data, sock, "--skip-networking",
				 "--skip-name-resolve", "--skip-log-bin",
				 "--innodb-flush-method=nosync",
				 "--innodb-buffer-pool-size=32M", NULL},
		log, false);
	for (int i = 0; i < 600 && !dial(); i++)
		usleep(100000);
	assert_non_null(server.root);
	sql("CREATE USER op@localhost IDENTIFIED BY 's3cr3t'");
	sql("CREATE USER poor@localhost IDENTIFIED BY 's3cr3t'");
	mem_free(log);
	mem_free(data);
	mem_free(sock);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	mysql_close(server.root);
	kill(server.pid, SIGTERM);
	waitpid(server.pid, NULL, 0);
	spawn((const char *[]){"rm", "-rf", server.dir, NULL}, "/dev/null",
	      true);
	return 0;
}

/* --- its journals */

static struct journal *open_url(const char *url, const char *password,
				struct err *e)
{
	struct db_store_config cfg = {
		.url = url, .password = password, .sql = journal_shared_sql()};
	struct store *s = db_store_open(&cfg, e);

	return s ? journal_open_shared(s, e) : NULL;
}

static void create_db(const char *name)
{
	char *text = mem_printf("CREATE DATABASE IF NOT EXISTS %s", name);
	char *grant = mem_printf("GRANT ALL ON %s.* TO op@localhost", name);

	sql(text);
	sql(grant);
	mem_free(text);
	mem_free(grant);
}

static struct journal *lab_open(const char *path, struct err *e)
{
	char *url = mem_printf("mysql://op@localhost/%s?unix_socket=%s", path,
			       server.socket);
	struct journal *j;

	/* In a child, too, which may not use our connection. */
	if (getpid() == server.owner)
		create_db(path);
	j = open_url(url, "s3cr3t", e);
	mem_free(url);
	return j;
}

static void silence(const char *db, int64_t us)
{
	char *text = mem_printf("UPDATE %s.writers SET beat_us = beat_us - "
				"%lld, owner = 'elsewhere pid 1'",
				db, (long long)us);

	sql(text);
	mem_free(text);
}

static void lab_silence(struct fix *f)
{
	silence(f->path, JOURNAL_LEASE_US);
}

static void lab_remove(const char *path)
{
	char *text = mem_printf("DROP DATABASE %s", path);

	sql(text);
	mem_free(text);
}

static int set_up(void **state)
{
	struct fix *f = MEM_NEW(struct fix);

	strcpy(f->path, "journal");
	begin(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fix *f = *state;

	journal_job_clear(&f->job);
	journal_close(f->j);
	err_clear(&f->e);
	lab_remove(f->path);
	mem_free(f);
	return 0;
}

/* --- the statements */

/* The parameters of TEXT, sorted, each once: ":a:b". */
static char *params_of(const char *text)
{
	struct strv v = STRV_INIT;
	char *out;

	for (const char *p = text; (p = strchr(p, ':')); p++) {
		size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
		char *one = mem_strndup(p, n + 1);

		if (n && !strv_has(&v, one))
			strv_add(&v, one);
		mem_free(one);
	}
	for (size_t i = 0; i < v.n; i++)
		for (size_t k = i + 1; k < v.n; k++)
			if (strcmp(v.v[i], v.v[k]) > 0) {
				char *t = v.v[i];

				v.v[i] = v.v[k];
				v.v[k] = t;
			}
	out = strv_join(&v, "");
	strv_clear(&v);
	return out;
}

static const char *find(const struct store_sql *t, const char *name)
{
	for (; t->name; t++)
		if (!strcmp(t->name, name))
			return t->text;
	return NULL;
}

/* Settings, transactions and tables: run as they are, not prepared. */
static bool is_script(const char *name)
{
	static const char *const names[] = {"setup",  "get-synchronous",
					    "begin",  "begin-read",
					    "commit", "rollback"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strncmp(name, "schema-", 7);
}

/* Columns of its result; fails where it cannot be prepared. */
static int columns_here(const char *name, const char *text)
{
	MYSQL_STMT *s = mysql_stmt_init(server.root);
	char *q = mem_strdup(text), *p = q;
	int n;

	for (char *from = q; *from; from++) {
		size_t k = *from == ':' ? strspn(from + 1,
						 "abcdefghijklmnopqrstuvwxyz_")
					: 0;

		*p++ = k ? '?' : *from;
		from += k;
	}
	*p = '\0';
	if (mysql_stmt_prepare(s, q, strlen(q)))
		fail_msg("%s: %s", name, mysql_stmt_error(s));
	n = (int)mysql_stmt_field_count(s);
	mysql_stmt_close(s);
	mem_free(q);
	return n;
}

static int columns_there(sqlite3 *db, const char *name, const char *text)
{
	sqlite3_stmt *s;
	int n;

	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", name, sqlite3_errmsg(db));
	n = sqlite3_column_count(s);
	sqlite3_finalize(s);
	return n;
}

/* Both back ends know the same names, with the same parameters and columns, and
 * the same steps of the schema. */
static void t_names(void **state)
{
	const struct store_sql *t;
	sqlite3 *db;
	(void)state;
	size_t shared = 0;

	sql("USE journal");
	for (t = journal_mysql_text; t->name; t++) {
		const char *file = find(journal_sql_text, t->name);
		char *here = params_of(t->text), *there;

		if (!strncmp(t->name, "shared-", 7)) {
			assert_null(file);
			columns_here(t->name, t->text);
			shared++;
		} else if (!file) {
			fail_msg("%s is not in journal.sql", t->name);
		} else {
			there = params_of(file);
			assert_string_equal(here, there);
			mem_free(there);
		}
		mem_free(here);
	}
	assert_true(shared > 5);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (t = journal_sql_text; t->name; t++) {
		const char *own = find(journal_mysql_text, t->name);

		if (!strncmp(t->name, "schema-", 7)) {
			assert_non_null(own);
			assert_int_equal(
				sqlite3_exec(db, t->text, NULL, NULL, NULL),
				SQLITE_OK);
		}
	}
	for (t = journal_sql_text; t->name; t++) {
		const char *own = find(journal_mysql_text, t->name);

		if (is_script(t->name) || !strcmp(t->name, "get-application"))
			continue;
		assert_int_equal(columns_here(t->name, own ? own : t->text),
				 columns_there(db, t->name, t->text));
	}
	sqlite3_close(db);
}

/* --- opening */

static void t_refused(void **state)
{
	struct fix *f = *state;
	static const struct {
		const char *url, *password, *says;
		enum err_kind kind;
	} bad[] = {
		{"mysql://op@localhost/journal", "wr0ng", "Access denied",
		 ERR_FAILED},
		{"mysql://op@localhost/nowhere", "s3cr3t", "nowhere",
		 ERR_REFUSED},
		{"mysql://localhost/journal", NULL, "no user", ERR_USAGE},
		{"mysql://op@localhost/", NULL, "no database", ERR_USAGE},
		{"mysql://op@localhost:0/journal", NULL, "port", ERR_USAGE},
		{"mysql://op@localhost:99999/j", NULL, "port", ERR_USAGE},
		{"mysql://op@,/j", NULL, "empty name", ERR_USAGE},
		{"mysql://op@db1,,db2/j", NULL, "empty name", ERR_USAGE},
		{"mysql://op@db1,db2:x/j", NULL, "port", ERR_USAGE},
		{"postgresql://op@db1/j", NULL, "only mysql", ERR_USAGE},
		{"mysql:/op@db1/j", NULL, "only mysql", ERR_USAGE},
		{"", NULL, "only mysql", ERR_USAGE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *url = mem_printf("%s%s%s", bad[i].url,
				       bad[i].password ? "?unix_socket=" : "",
				       bad[i].password ? server.socket : "");

		assert_null(open_url(url, bad[i].password, &f->e));
		if (!strstr(err_msg(&f->e), bad[i].says) ||
		    f->e.kind != bad[i].kind)
			fail_msg("%s: %s: %s", url, err_kind_name(f->e.kind),
				 err_msg(&f->e));
		if (bad[i].password)
			assert_null(strstr(err_msg(&f->e), bad[i].password));
		err_clear(&f->e);
		mem_free(url);
	}
}

/* A password in a command line is refused, and said nowhere. */
static void t_argv(void **state)
{
	struct fix *f = *state;
	struct db_store_config cfg = {
		.url = "mysql://op:s3cr3t@localhost/journal",
		.no_password = true,
		.sql = journal_shared_sql()};

	assert_null(db_store_open(&cfg, &f->e));
	assert_int_equal(f->e.kind, ERR_USAGE);
	assert_null(strstr(err_msg(&f->e), "s3cr3t"));
	err_clear(&f->e);
}

static void t_newer(void **state)
{
	struct fix *f = *state;

	sql("UPDATE journal.`schema` SET version = 99, build = '9.9.9'");
	assert_null(lab_open(f->path, &f->e));
	assert_int_equal(f->e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&f->e), "schema 99"));
	assert_non_null(strstr(f->e.hint, "9.9.9"));
	err_clear(&f->e);
	/* Somebody else's database is left as it is. */
	sql("CREATE DATABASE cinema");
	sql("CREATE TABLE cinema.`schema` (version INT, build INT)");
	sql("INSERT INTO cinema.`schema` VALUES (1, 1)");
	assert_null(lab_open("cinema", &f->e));
	assert_int_equal(f->e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&f->e), "not a journal of ours"));
	err_clear(&f->e);
	assert_int_equal(sql_number("SELECT count(*) FROM information_schema."
				    "tables WHERE table_schema = 'cinema'"),
			 1);
	sql("DROP DATABASE cinema");
}

/* One who may only read is refused when he writes, and told why. */
static void t_rights(void **state)
{
	struct fix *f = *state;
	struct journal_record r = {.key = "a", .value = f->job.plan};
	char *url = mem_printf("mysql://poor@localhost/journal?unix_socket=%s",
			       server.socket);
	struct journal *j;

	sql("GRANT SELECT ON journal.* TO poor@localhost");
	j = open_url(url, "s3cr3t", &f->e);
	assert_non_null(j);
	assert_int_equal(journal_record(j, &f->k, &r, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_REFUSED);
	err_clear(&f->e);
	journal_close(j);
	mem_free(url);
}

/* What a crash left of making the tables is completed by whoever comes. */
static void t_half_made(void **state)
{
	struct fix *f = *state;
	struct journal *j;

	sql("DELETE FROM journal.`schema`");
	sql("DROP TABLE journal.batch_events");
	sql("ALTER TABLE journal.jobs DROP KEY jobs_batch");
	j = lab_open(f->path, &f->e);
	if (!j)
		fail_msg("%s", err_msg(&f->e));
	assert_int_equal(sql_number("SELECT version FROM journal.`schema`"), 2);
	assert_int_equal(sql_number("SELECT count(*) FROM "
				    "journal.batch_events"),
			 0);
	reload(f);
	journal_close(j);
}

/* --- one job an instance */

struct rival {
	struct journal *j;
	pthread_barrier_t *line;
	struct journal_job job;
	struct err e;
	int rc;
};

static void *create_one(void *arg)
{
	struct rival *r = arg;
	json_t *plan = plan_new();

	pthread_barrier_wait(r->line);
	r->rc = journal_create(r->j, plan, "rival pid 1", &r->job, &r->e);
	json_decref(plan);
	return NULL;
}

static void finish(struct fix *f)
{
	struct journal_turn t = {.state = JOURNAL_DONE};

	if (journal_turn(f->j, &f->k, &t, &f->e))
		fail_msg("%s", err_msg(&f->e));
}

static void t_one_job(void **state)
{
	struct fix *f = *state;
	json_t *plan = plan_new();
	struct journal_takeover how = {.owner = "me"};
	struct journal_job job = {0};

	assert_int_equal(journal_create(f->j, plan, NULL, &job, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_LOCKED);
	assert_non_null(strstr(err_msg(&f->e), f->job.id));
	assert_non_null(strstr(f->e.hint, f->job.id));
	err_clear(&f->e);
	finish(f);
	assert_int_equal(journal_create(f->j, plan, NULL, &job, &f->e), 0);
	/* Nor is one that was over reopened beside it. */
	reload(f);
	assert_int_equal(journal_take(f->j, &f->job, &how, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_LOCKED);
	assert_non_null(strstr(err_msg(&f->e), job.id));
	err_clear(&f->e);
	journal_job_clear(&job);
	json_decref(plan);
}

static void t_rivals(void **state)
{
	struct fix *f = *state;
	enum { N = 3 };
	struct rival r[N] = {{0}};
	pthread_barrier_t line;

	finish(f);
	for (int i = 0; i < N; i++)
		r[i].j = lab_open(f->path, &f->e);
	for (int round = 0; round < 15; round++) {
		pthread_t t[N];
		int won = 0;

		pthread_barrier_init(&line, NULL, N);
		for (int i = 0; i < N; i++) {
			r[i].line = &line;
			pthread_create(&t[i], NULL, create_one, &r[i]);
		}
		for (int i = 0; i < N; i++)
			pthread_join(t[i], NULL);
		for (int i = 0; i < N; i++) {
			struct journal_key k = journal_key(&r[i].job);
			struct journal_turn over = {.state = JOURNAL_DONE};

			if (!r[i].rc) {
				won++;
				assert_int_equal(
					journal_turn(r[i].j, &k, &over, &f->e),
					0);
				journal_job_clear(&r[i].job);
			} else if (r[i].e.kind != ERR_LOCKED) {
				fail_msg("%s", err_msg(&r[i].e));
			}
			err_clear(&r[i].e);
		}
		assert_int_equal(won, 1);
		pthread_barrier_destroy(&line);
	}
	assert_int_equal(sql_number("SELECT count(*) FROM journal.jobs"), 16);
	for (int i = 0; i < N; i++)
		journal_close(r[i].j);
}

/* --- who is there */

static void t_pulse(void **state)
{
	struct fix *f = *state;
	struct journal_takeover how = {.owner = "there pid 2"};
	struct journal *other = lab_open(f->path, &f->e);
	struct journal_job job = {0};

	/* It has just written: it is there. */
	assert_int_equal(journal_load(other, f->k.id, &job, &f->e), 0);
	assert_int_equal(job.pulse, PULSE_BEATS);
	assert_int_equal(journal_take(other, &job, &how, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_LOCKED);
	assert_non_null(strstr(err_msg(&f->e), "is being run by"));
	assert_non_null(strstr(f->e.hint, "novahaul watch"));
	err_clear(&f->e);
	/* Silent for nearly the lease, on another machine: still there. */
	silence(f->path, JOURNAL_LEASE_US - 20 * 1000000LL);
	assert_int_equal(journal_take(other, &job, &how, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_LOCKED);
	err_clear(&f->e);
	/* A beat is enough to stay. */
	f->j->beat_us = 0;
	journal_beat(f->j);
	silence(f->path, 30 * 1000000LL);
	assert_int_equal(journal_take(other, &job, &how, &f->e), -1);
	err_clear(&f->e);
	silence(f->path, JOURNAL_LEASE_US);
	journal_job_clear(&job);
	assert_int_equal(journal_load(other, f->k.id, &job, &f->e), 0);
	assert_int_equal(job.pulse, PULSE_NONE);
	assert_int_equal(journal_take(other, &job, &how, &f->e), 0);
	/* Now it is the other's; closing lets go at once. */
	journal_job_clear(&job);
	reload(f);
	assert_int_equal(f->job.pulse, PULSE_BEATS);
	journal_close(other);
	reload(f);
	assert_int_equal(f->job.pulse, PULSE_NONE);
	assert_int_equal(journal_take(f->j, &f->job, &how, &f->e), 0);
}

/* On this machine nobody waits for a process that is gone; the same number
 * elsewhere, in a container of the same name as well, says nothing. */
static void t_gone(void **state)
{
	struct fix *f = *state;
	struct journal *other = lab_open(f->path, &f->e);
	struct journal_takeover how = {.owner = "there pid 2"};
	struct journal_job job = {0};
	char host[65] = "", *text;

	gethostname(host, sizeof(host) - 1);
	text = mem_printf("UPDATE journal.writers SET owner = "
			  "'%s pid 999999999'",
			  host);
	sql(text);
	mem_free(text);
	sql("UPDATE journal.writers SET place = concat('x', place)");
	assert_int_equal(journal_load(other, f->k.id, &job, &f->e), 0);
	assert_int_equal(job.pulse, PULSE_BEATS);
	journal_job_clear(&job);
	sql("UPDATE journal.writers SET place = substr(place, 2)");
	assert_int_equal(journal_load(other, f->k.id, &job, &f->e), 0);
	assert_int_equal(job.pulse, PULSE_NONE);
	assert_int_equal(journal_take(other, &job, &how, &f->e), 0);
	journal_job_clear(&job);
	journal_close(other);
}

/* --- the network */

static long records_of(const char *key)
{
	char *text = mem_printf("SELECT count(*) FROM journal.records WHERE "
				"`key` = '%s'",
				key);
	long n = sql_number(text);

	mem_free(text);
	return n;
}

/* However its COMMIT is lost, a record is there, once. */
static void t_lost(void **state)
{
	static const enum spoil how[] = {SPOIL_BEFORE, SPOIL_DURING,
					 SPOIL_AFTER, SPOIL_LATE, SPOIL_NEVER};
	struct fix *f = *state;
	unsigned port = proxy_start(server.socket);
	char *url = mem_printf("mysql://op@127.0.0.1:%u/journal", port);
	struct journal *j = open_url(url, "s3cr3t", &f->e);
	json_t *v = json_true();

	if (!j)
		fail_msg("%s", err_msg(&f->e));
	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		char key[] = {'k', (char)('0' + i), '\0'};
		struct journal_record r = {.key = key, .value = v};

		proxy_spoil(how[i], LATE_MS);
		if (journal_record(j, &f->k, &r, &f->e))
			fail_msg("%zu: %s", i, err_msg(&f->e));
		for (int n = 0; n < 100 && !proxy_spoilt(); n++)
			usleep(50000);
		assert_true(proxy_spoilt());
		assert_int_equal(records_of(key), 1);
	}
	/* The take-over of a job is no exception: one epoch, not two. */
	reload(f);
	lab_silence(f);
	proxy_spoil(SPOIL_DURING, 0);
	assert_int_equal(
		journal_take(j, &f->job,
			     &(struct journal_takeover){.owner = "there pid 2"},
			     &f->e),
		0);
	assert_int_equal(f->job.epoch, 2);
	reload(f);
	assert_int_equal(f->job.epoch, 2);
	json_decref(v);
	journal_close(j);
	proxy_stop();
	mem_free(url);
}

/* A connection that is ended between two writes, or inside of one. */
static int cut(void *arg, enum journal_when when, const char *what)
{
	(void)what;
	if (when == JOURNAL_BEFORE) {
		long id = sql_number("SELECT id FROM information_schema."
				     "processlist WHERE user = 'op' LIMIT 1");
		char *text = mem_printf("KILL CONNECTION %ld", id);

		sql(text);
		mem_free(text);
		++*(int *)arg;
	}
	return 0;
}

static void t_cut(void **state)
{
	struct fix *f = *state;
	int n = 0;

	journal_set_hook(f->j, cut, &n);
	assert_int_equal(journal_say(f->j, &f->k, 0, "on", &f->e), 0);
	assert_int_equal(n, 1);
	journal_set_hook(f->j, NULL, NULL);
	reload(f);
	assert_int_equal(f->job.seq, 1);
	/* Reading goes on as well. */
	cut(&n, JOURNAL_BEFORE, NULL);
	reload(f);
}

/* The second of two servers is asked when the first is not there. */
static void t_second(void **state)
{
	struct fix *f = *state;
	unsigned port = proxy_start(server.socket);
	char *url =
		mem_printf("mysql://op@127.0.0.1:1,127.0.0.1:%u/journal", port);
	struct journal *j = open_url(url, "s3cr3t", &f->e);

	if (!j)
		fail_msg("%s", err_msg(&f->e));
	assert_int_equal(journal_say(j, &f->k, 0, "on", &f->e), 0);
	journal_close(j);
	proxy_stop();
	mem_free(url);
}

/* Another session holds the job's row for a while. */
static void *hold(void *arg)
{
	(void)arg;
	usleep(700000);
	sql("ROLLBACK");
	return NULL;
}

static void t_waits(void **state)
{
	struct fix *f = *state;
	pthread_t t;

	sql("START TRANSACTION");
	sql("SELECT * FROM journal.jobs FOR UPDATE");
	pthread_create(&t, NULL, hold, NULL);
	assert_int_equal(journal_say(f->j, &f->k, 0, "on", &f->e), 0);
	pthread_join(t, NULL);
	reload(f);
	assert_int_equal(f->job.seq, 1);
}

/* --- batches */

static json_t *batch_plan(void)
{
	return json_pack("{s:s, s:s, s:[{s:{s:s}, s:s, s:s}]}", "kind",
			 "evacuate", "host", "compute-30", "members",
			 "instance", "uuid",
			 "9f2c1f1e-0b1d-4c57-8b9c-111111111111", "source",
			 "compute-30", "target", "compute-34");
}

static bool attended(void *arg, const struct journal_job *job)
{
	*(int *)arg += job->pulse == PULSE_BEATS;
	return true;
}

/* A child of an old controller creates nothing. */
static void t_batch(void **state)
{
	struct fix *f = *state;
	json_t *plan = batch_plan(), *one = plan_new();
	struct journal_takeover how = {.owner = "there pid 2"};
	struct journal *other;
	struct batch b = {0};
	struct journal_job job = {0};
	int n = 0;

	finish(f);
	if (batch_create(f->j, plan, "me", &b, &f->e))
		fail_msg("%s", err_msg(&f->e));
	json_object_set_new(one, "batch",
			    json_pack("{s:s, s:i, s:i}", "id", b.id, "member",
				      0, "epoch", 1));
	if (journal_create(f->j, one, NULL, &job, &f->e))
		fail_msg("%s", err_msg(&f->e));
	assert_string_equal(job.batch, b.id);
	/* Of an open one it is known whether somebody attends it. */
	silence(f->path, 0);
	other = lab_open(f->path, &f->e);
	assert_int_equal(batch_jobs(other, b.id, -1, attended, &n, &f->e), 0);
	assert_int_equal(n, 1);
	journal_close(other);
	f->k = journal_key(&job);
	finish(f);
	journal_job_clear(&job);
	batch_clear(&b);
	assert_int_equal(batch_load(f->j, job.batch, &b, &f->e), -1);
	err_clear(&f->e);
	assert_int_equal(
		batch_load(f->j,
			   json_string_value(json_object_get(
				   json_object_get(one, "batch"), "id")),
			   &b, &f->e),
		0);
	assert_int_equal(batch_take(f->j, &b, &how, &f->e), 0);
	assert_int_equal(journal_create(f->j, one, NULL, &job, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	err_clear(&f->e);
	batch_clear(&b);
	json_decref(plan);
	json_decref(one);
}

/* --- who is at a batch */

static void batch_new(struct fix *f, struct batch *b)
{
	json_t *plan = batch_plan();

	if (batch_create(f->j, plan, "me", b, &f->e))
		fail_msg("%s", err_msg(&f->e));
	json_decref(plan);
}

static void batch_again(struct journal *j, struct batch *b, struct err *e)
{
	AUTO(mem_freep) char *id = mem_strdup(b->id);

	batch_clear(b);
	if (batch_load(j, id, b, e))
		fail_msg("%s", err_msg(e));
}

static void not_taken(struct journal *j, struct batch *b, struct err *e)
{
	struct journal_takeover how = {.owner = "there pid 2"};

	assert_int_equal(batch_take(j, b, &how, e), -1);
	assert_int_equal(e->kind, ERR_LOCKED);
	assert_non_null(strstr(err_msg(e), "is being run by"));
	assert_non_null(strstr(err_msg(e), b->id));
	assert_non_null(strstr(e->hint, "novahaul watch b-"));
	err_clear(e);
}

/* As t_pulse(), of a batch: its controller has jobs whose processes beat, and
 * may have none just now. */
static void t_batch_pulse(void **state)
{
	struct fix *f = *state;
	struct journal_takeover how = {.owner = "there pid 2"};
	struct journal *other = lab_open(f->path, &f->e);
	struct journal *part = lab_open(f->path, &f->e);
	struct batch b = {0};
	struct journal_key k;

	batch_new(f, &b);
	k = batch_key(&b);
	batch_again(other, &b, &f->e);
	assert_int_equal(b.pulse, PULSE_BEATS);
	not_taken(other, &b, &f->e);
	silence(f->path, JOURNAL_LEASE_US - 20 * 1000000LL);
	not_taken(other, &b, &f->e);
	/* A beat is enough to stay: here that of a part of what it runs. */
	f->j->beat_us = 0;
	journal_beat_too(part, f->j);
	journal_beat(part);
	silence(f->path, 30 * 1000000LL);
	not_taken(other, &b, &f->e);
	silence(f->path, JOURNAL_LEASE_US);
	batch_again(other, &b, &f->e);
	assert_int_equal(b.pulse, PULSE_NONE);
	assert_int_equal(batch_take(other, &b, &how, &f->e), 0);
	assert_int_equal(b.epoch, 2);
	/* Whoever had it is fenced, however late it wakes. */
	assert_int_equal(batch_say(f->j, &k, -1, "x", &f->e), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	err_clear(&f->e);
	assert_int_equal(batch_still(f->j, &k, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_STALE);
	err_clear(&f->e);
	/* Now it is the other's; closing lets go at once. */
	batch_again(f->j, &b, &f->e);
	assert_int_equal(b.pulse, PULSE_BEATS);
	journal_close(other);
	batch_again(f->j, &b, &f->e);
	assert_int_equal(b.pulse, PULSE_NONE);
	assert_int_equal(batch_take(f->j, &b, &how, &f->e), 0);
	batch_clear(&b);
	journal_close(part);
}

struct taker {
	struct journal *j;
	pthread_barrier_t *line;
	char id[JOURNAL_ID_MAX];
	struct err e;
	int rc;
};

static void *take_one(void *arg)
{
	struct taker *r = arg;
	struct journal_takeover how = {.owner = "rival pid 1"};
	struct batch b = {0};

	pthread_barrier_wait(r->line);
	r->rc = batch_load(r->j, r->id, &b, &r->e) ||
		batch_take(r->j, &b, &how, &r->e);
	batch_clear(&b);
	return NULL;
}

/* Of operators who resume one batch at once, exactly one attends it. */
static void t_batch_rivals(void **state)
{
	struct fix *f = *state;
	enum { N = 3, ROUNDS = 15 };
	struct taker r[N] = {{0}};
	struct batch b = {0};

	batch_new(f, &b);
	for (int i = 0; i < N; i++) {
		r[i].j = lab_open(f->path, &f->e);
		memcpy(r[i].id, b.id, sizeof(b.id));
	}
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_t line;
		pthread_t t[N];
		int won = 0;

		silence(f->path, JOURNAL_LEASE_US);
		pthread_barrier_init(&line, NULL, N);
		for (int i = 0; i < N; i++) {
			r[i].line = &line;
			pthread_create(&t[i], NULL, take_one, &r[i]);
		}
		for (int i = 0; i < N; i++)
			pthread_join(t[i], NULL);
		for (int i = 0; i < N; i++) {
			won += !r[i].rc;
			if (r[i].rc && r[i].e.kind != ERR_LOCKED &&
			    r[i].e.kind != ERR_STALE)
				fail_msg("%s", err_msg(&r[i].e));
			err_clear(&r[i].e);
		}
		assert_int_equal(won, 1);
		pthread_barrier_destroy(&line);
	}
	batch_again(f->j, &b, &f->e);
	assert_int_equal(b.epoch, 1 + ROUNDS);
	batch_clear(&b);
	for (int i = 0; i < N; i++)
		journal_close(r[i].j);
}

/* A controller of its own, which writes until it may not. */
static void control(const char *db, const char *id, int tell)
{
	struct journal_takeover how = {.owner = "child pid 1"};
	struct err e = ERR_INIT;
	struct journal *j = lab_open(db, &e);
	struct batch b = {0};
	struct journal_key k;

	if (!j || batch_load(j, id, &b, &e) || batch_take(j, &b, &how, &e))
		_exit(1);
	k = batch_key(&b);
	for (int i = 0; !batch_say(j, &k, -1, "on", &e); i++) {
		if (i == 3 && write(tell, "x", 1) != 1)
			_exit(2);
		/* Not frozen inside of a transaction, whose locks the server
		 * would keep for a while. */
		usleep(i == 3 ? 300000 : 5000);
	}
	_exit(e.kind == ERR_STALE ? 0 : 3);
}

/* Frozen, it loses its batch; when it wakes it writes nothing more. */
static void t_batch_frozen(void **state)
{
	struct fix *f = *state;
	struct journal_takeover how = {.owner = "there pid 2"};
	struct batch b = {0};
	struct journal_key k;
	int tell[2], status;
	char x;
	pid_t pid;

	batch_new(f, &b);
	journal_close(f->j);
	open_at(f);
	assert_int_equal(pipe(tell), 0);
	pid = fork();
	if (!pid)
		control(f->path, b.id, tell[1]);
	close(tell[1]);
	assert_int_equal(read(tell[0], &x, 1), 1);
	close(tell[0]);
	kill(pid, SIGSTOP);
	batch_again(f->j, &b, &f->e);
	assert_int_equal(b.epoch, 2);
	not_taken(f->j, &b, &f->e);
	silence(f->path, JOURNAL_LEASE_US);
	assert_int_equal(batch_take(f->j, &b, &how, &f->e), 0);
	k = batch_key(&b);
	assert_int_equal(batch_say(f->j, &k, -1, "mine", &f->e), 0);
	batch_again(f->j, &b, &f->e);
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	x = (char)b.seq;
	batch_again(f->j, &b, &f->e);
	assert_int_equal((char)b.seq, x);
	batch_clear(&b);
}

/* Its --help fails. */
static bool installer(void)
{
	const char *argv[] = {"mariadb-install-db", "--help", NULL};

	return WEXITSTATUS(spawn(argv, "/dev/null", true)) != 127;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_CASES,	   T(t_names),	     T(t_refused),
		T(t_argv),	   T(t_newer),	     T(t_rights),
		T(t_half_made),	   T(t_one_job),     T(t_rivals),
		T(t_pulse),	   T(t_gone),	     T(t_lost),
		T(t_cut),	   T(t_second),	     T(t_waits),
		T(t_batch),	   T(t_batch_pulse), T(t_batch_rivals),
		T(t_batch_frozen),
	};
	const char *path = getenv("PATH");
	char *wide = mem_printf("%s:/usr/sbin", path ? path : "/usr/bin:/bin");
	const char *argv[] = {"mariadbd", "--version", NULL};

	setenv("PATH", wide, 1);
	mem_free(wide);
	signal(SIGPIPE, SIG_IGN);
	if (spawn(argv, "/dev/null", true) || !installer()) {
		fprintf(stderr, "t-journal-mysql: skipped: no mariadbd "
				"(install mariadb-server)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, start, stop);
}
