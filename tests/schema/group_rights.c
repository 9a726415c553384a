/* SPDX-License-Identifier: Apache-2.0 */
/* Users who may not, servers that are not there, cells that must be found. */
#include "schema/world.h"

#include <stdlib.h>

#include <mysql.h>

#include "schema/proxy.h"

static int up(void **state)
{
	(void)state;
	world_reset();
	sql("DROP USER IF EXISTS poor@localhost; "
	    "CREATE USER poor@localhost IDENTIFIED BY '" PASSWORD "'; "
	    "GRANT SELECT ON nova.* TO poor@localhost");
	if (world.api)
		sql("GRANT SELECT ON nova_api.* TO poor@localhost");
	return 0;
}

static void lacks(const char *grant, const char *verb, const char *table)
{
	AUTO(strv_clear) struct strv before = STRV_INIT;
	static const char *const none[] = {NULL};
	struct err why = ERR_INIT;
	struct db db;

	if (*grant)
		sql("GRANT %s TO poor@localhost", grant);
	ok(try_open(&db, "poor", PASSWORD, 0, 0, &e));
	snap_take(&before);
	assert_int_equal(db.ops->rights(&db, &why), -1);
	assert_int_equal(why.kind, ERR_REFUSED);
	if (!strstr(why.msg, verb) || !strstr(why.msg, table))
		fail_msg("%s (wanted %s, %s)", why.msg, verb, table);
	assert_non_null(strstr(why.hint, "poor"));
	err_clear(&why);
	snap_changed(&before, none);
	db_close(&db);
}

static void t_rights(void **state)
{
	struct db db;

	(void)state;
	lacks("", "UPDATE command denied", "instances");
	lacks("UPDATE ON nova.instances", "INSERT command denied",
	      "instance_system_metadata");
	lacks("INSERT, UPDATE, DELETE ON nova.instance_system_metadata",
	      "INSERT command denied", "migrations");
	lacks("INSERT ON nova.migrations", "INSERT command denied",
	      "instance_actions");
	lacks("INSERT ON nova.instance_actions", "INSERT command denied",
	      "instance_actions_events");
	lacks("INSERT ON nova.instance_actions_events", "UPDATE command denied",
	      "block_device_mapping");
	lacks("UPDATE ON nova.block_device_mapping",
	      world.f->console_tokens ? "DELETE command denied"
				      : "UPDATE command denied",
	      world.f->console_tokens ? "console_auth_tokens" : "floating_ips");
	sql("GRANT UPDATE ON nova.migrations TO poor@localhost; "
	    "GRANT UPDATE ON nova.instance_actions TO poor@localhost; "
	    "GRANT UPDATE ON nova.instance_actions_events TO poor@localhost; "
	    "GRANT UPDATE ON nova.floating_ips TO poor@localhost");
	if (world.f->console_tokens)
		sql("GRANT DELETE ON nova.console_auth_tokens TO "
		    "poor@localhost");
	ok(try_open(&db, "poor", PASSWORD, 0, 0, &e));
	ok(db.ops->rights(&db, &e));
	db_close(&db);
}

/* One column is enough to fail on. */
static void t_column_right(void **state)
{
	struct db db;

	(void)state;
	sql("GRANT INSERT, UPDATE, DELETE ON nova.* TO poor@localhost; "
	    "REVOKE UPDATE ON nova.* FROM poor@localhost; "
	    "GRANT UPDATE (locked, locked_by, updated_at, host) "
	    "ON nova.instances TO poor@localhost; "
	    "GRANT UPDATE ON nova.instance_system_metadata TO poor@localhost");
	ok(try_open(&db, "poor", PASSWORD, 0, 0, &e));
	fails(db.ops->rights(&db, &e), ERR_REFUSED, "UPDATE command denied");
	db_close(&db);
}

static void t_read_only(void **state)
{
	struct db db;

	(void)state;
	open_db(&db, 0, 0);
	sql("SET GLOBAL read_only = 1");
	fails(db.ops->rights(&db, &e), ERR_REFUSED, "read-only");
	sql("SET GLOBAL read_only = 0");
	ok(db.ops->rights(&db, &e));
	db_close(&db);
}

static void t_connect(void **state)
{
	struct db db;
	struct db_config cfg = {.cell_url = "mysql+pymysql://nova:" PASSWORD
					    "@127.0.0.1:1/nova",
				.connect_timeout_s = 2};

	(void)state;
	fails(try_open(&db, "nova", "wrong " PASSWORD, 0, 0, &e), ERR_FAILED,
	      "Access denied");
	fails(db_open(&cfg, &db, &e), ERR_RETRY, "127.0.0.1:1");
	cfg.cell_url = NULL;
	fails(db_open(&cfg, &db, &e), ERR_USAGE, "no database URL");
	cfg.cell_url = "mysql://nova:" PASSWORD "@h:bad/x";
	fails(db_open(&cfg, &db, &e), ERR_USAGE, "port");
}

static void t_no_api(void **state)
{
	AUTO(mem_freep)
	char *cell = mem_printf("mysql+pymysql://root@localhost/nova?"
				"unix_socket=%s",
				getenv("NH_SCHEMA_SOCKET"));
	const struct db_config cfg = {.cell_url = cell};
	struct db db;

	(void)state;
	if (!world.api) {
		ok(db_open(&cfg, &db, &e));
		db_close(&db);
	} else {
		fails(db_open(&cfg, &db, &e), ERR_REFUSED, "needs nova_api");
	}
}

static int open_tls(unsigned port, const char *host, const char *query,
		    char *cipher, struct err *e)
{
	AUTO(mem_freep)
	char *cell = mem_printf("mysql+pymysql://nova:s3cr3t%%2Fpass%%40word@"
				"%s:%u/nova?%s",
				host, port, query);
	AUTO(mem_freep)
	char *api = mem_printf("mysql+pymysql://nova:s3cr3t%%2Fpass%%40word@"
			       "localhost/nova_api?unix_socket=%s",
			       getenv("NH_SCHEMA_SOCKET"));
	const struct db_config cfg = {.cell_url = cell,
				      .api_url = world.api ? api : NULL,
				      .connect_timeout_s = 5};
	MYSQL_RES *res;
	MYSQL *m;
	struct db db;

	if (db_open(&cfg, &db, e))
		return -1;
	m = MY(&db)->cell.handle;
	assert_int_equal(mysql_query(m, "SHOW STATUS LIKE 'Ssl_cipher'"), 0);
	res = mysql_store_result(m);
	snprintf(cipher, 64, "%s", mysql_fetch_row(res)[1]);
	mysql_free_result(res);
	db_close(&db);
	return 0;
}

static void t_tls(void **state)
{
	const char *dir = getenv("NH_SCHEMA_TLS");
	AUTO(mem_freep) char *good = mem_printf("ssl_ca=%s/ca.pem", dir);
	AUTO(mem_freep) char *other = mem_printf("ssl_ca=%s/other.pem", dir);
	AUTO(mem_freep)
	char *lax =
		mem_printf("ssl_ca=%s/other.pem&ssl_verify_cert=false", dir);
	char cipher[64] = "";
	unsigned port;

	(void)state;
	if (!dir)
		skip();
	port = proxy_start(getenv("NH_SCHEMA_SOCKET"));
	ok(open_tls(port, "127.0.0.1", good, cipher, &e));
	assert_true(*cipher);
	ok(open_tls(port, "127.0.0.1", lax, cipher, &e));
	assert_true(*cipher);
	ok(open_tls(port, "127.0.0.1", "ssl_mode=REQUIRED", cipher, &e));
	assert_true(*cipher);
	fails(open_tls(port, "127.0.0.1", other, cipher, &e), ERR_FAILED,
	      "2026");
	/* The certificate names the address alone. */
	fails(open_tls(port, "localhost", good, cipher, &e), ERR_FAILED,
	      "2026");
	proxy_stop();
}

/* From nova_api alone: cell_mappings' templates filled from the main URL. */
static void t_cells(void **state)
{
	AUTO(mem_freep)
	char *api = mem_printf("mysql+pymysql://nova:s3cr3t%%2Fpass%%40word@"
			       "localhost/nova_api?unix_socket=%s",
			       getenv("NH_SCHEMA_SOCKET"));
	struct db_config cfg = {.api_url = api};
	AUTO(db_schema_clear) struct db_schema s = {0};
	struct db db;

	(void)state;
	if (!world.api)
		return;
	ok(db_open(&cfg, &db, &e));
	ok(db.ops->schema(&db, &s, &e));
	assert_string_equal(s.cell_name, "cell1");
	assert_int_equal(s.cell_id, 2);
	assert_null(strstr(s.url, "s3cr3t"));
	db_close(&db);
	row("nova_api", "cell_mappings", "id", "3", "uuid",
	    "ce110000-0000-4000-8000-000000000003", "name", "cell2",
	    "database_connection", "mysql://x:y@127.0.0.1:1/nova", NULL);
	fails(db_open(&cfg, &db, &e), ERR_REFUSED, "2 cells");
	cfg.server = U1;
	ok(db_open(&cfg, &db, &e));
	db_close(&db);
	cfg.server = U2; /* not mapped */
	fails(db_open(&cfg, &db, &e), ERR_REFUSED, "no instance");
	cfg.server = U90; /* its mapping was archived, too */
	ok(db_open(&cfg, &db, &e));
	db_close(&db);
	cfg.server = NULL;
	cfg.cell = "cell1";
	ok(db_open(&cfg, &db, &e));
	db_close(&db);
	cfg.cell = "cell9";
	fails(db_open(&cfg, &db, &e), ERR_REFUSED, "no cell cell9");
	cfg.cell = NULL;
	cfg.server = "web-1";
	fails(db_open(&cfg, &db, &e), ERR_RETRY, "127.0.0.1:1");
	sql("UPDATE nova_api.cell_mappings SET database_connection = (SELECT "
	    "database_connection FROM (SELECT * FROM nova_api.cell_mappings) c "
	    "WHERE id = 2) WHERE id = 3");
	fails(db_open(&cfg, &db, &e), ERR_REFUSED, "in 2 cells");
	cfg.server = "nobody";
	fails(db_open(&cfg, &db, &e), ERR_REFUSED, "any cell");
}

/* Placement, server group and pinned guests show in the facts. */
static void t_refusals_show(void **state)
{
	AUTO(db_server_clear) struct db_server s = {0};
	struct db db;

	(void)state;
	if (!world.f->extra_resources)
		return;
	sql("UPDATE instance_extra SET "
	    "numa_topology = '{\"nova_object.data\": {\"cells\": "
	    "[{\"nova_object.data\": {\"cpu_pinning_raw\": {\"0\": 4}, "
	    "\"pagesize\": 2048}}]}}', "
	    "pci_requests = '[{\"count\": 1}]', "
	    "migration_context = '{\"nova_object.data\": {}}', "
	    "resources = '{\"nova_object.changes\": [\"resources\"], "
	    "\"nova_object.data\": {\"resources\": [{\"x\": 1}]}}' "
	    "WHERE instance_uuid = '" U1 "'");
	open_db(&db, 0, 0);
	ok(db.ops->server(&db, U1, &s, &e));
	assert_true(s.numa && s.cpu_pinned && s.hugepages && s.pci_requests &&
		    s.migration_context && s.resources);
	db_server_clear(&s);
	sql("UPDATE instance_extra SET resources = "
	    "'{\"nova_object.changes\": [\"resources\"], "
	    "\"nova_object.data\": {\"resources\": []}}', "
	    "numa_topology = '{broken' WHERE instance_uuid = '" U1 "'");
	fails(db.ops->server(&db, U1, &s, &e), ERR_REFUSED, "numa_topology");
	sql("UPDATE instance_extra SET numa_topology = NULL WHERE "
	    "instance_uuid = '" U1 "'");
	ok(db.ops->server(&db, U1, &s, &e));
	assert_false(s.resources || s.numa);
	db_close(&db);
}

int group_rights(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(t_rights, up),
		cmocka_unit_test_setup(t_column_right, up),
		cmocka_unit_test_setup(t_read_only, up),
		cmocka_unit_test_setup(t_connect, up),
		cmocka_unit_test_setup(t_tls, up),
		cmocka_unit_test_setup(t_no_api, up),
		cmocka_unit_test_setup(t_cells, up),
		cmocka_unit_test_setup(t_refusals_show, up),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
