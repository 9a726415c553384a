/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "db/db_priv.h"

static void same(const char *is, const char *must)
{
	if (!must)
		assert_null(is);
	else
		assert_string_equal(is, must);
}

static void t_parse(void **state)
{
	static const struct {
		const char *url, *user, *pass, *host, *name, *socket;
		unsigned port;
		enum url_tls tls;
	} rows[] = {
		{"mysql+pymysql://nova:pw@db1:3307/nova?charset=utf8", "nova",
		 "pw", "db1", "nova", NULL, 3307, TLS_DEFAULT},
		{"mysql://nova@db1/nova", "nova", NULL, "db1", "nova", NULL,
		 3306, TLS_DEFAULT},
		{"mysql+pymysql://n:p%40%2f%3F%zz@[::1]:3306/nova", "n",
		 "p@/?%zz", "::1", "nova", NULL, 3306, TLS_DEFAULT},
		{"mysql+pymysql://n:p/a@b@db1/nova?x=1", "n", "p/a@b", "db1",
		 "nova", NULL, 3306, TLS_DEFAULT},
		{"mariadb+mysqldb://n:a+b@db1/nova", "n", "a+b", "db1", "nova",
		 NULL, 3306, TLS_DEFAULT},
		{"mysql+pymysql:///nova?unix_socket=/run/m%20y.sock", "", NULL,
		 "localhost", "nova", "/run/m y.sock", 3306, TLS_DEFAULT},
		{"mysql+pymysql://n:p@d/nova?ssl_ca=/a@b.pem", "n", "p", "d",
		 "nova", NULL, 3306, TLS_VERIFY_NAME},
		{"mysql+pymysql://n:p@d/nova?ssl_ca=/"
		 "c&ssl_check_hostname=False",
		 "n", "p", "d", "nova", NULL, 3306, TLS_VERIFY_CA},
		{"mysql+pymysql://n:p@d/nova?ssl_ca=/c&ssl_verify_cert=false",
		 "n", "p", "d", "nova", NULL, 3306, TLS_REQUIRED},
		{"mysql+pymysql://n:p@d/nova?ssl_cert=/c&ssl_key=/k", "n", "p",
		 "d", "nova", NULL, 3306, TLS_REQUIRED},
		{"mysql+pymysql://n:p@d/nova?ssl_mode=VERIFY_IDENTITY", "n",
		 "p", "d", "nova", NULL, 3306, TLS_VERIFY_NAME},
		{"mysql+pymysql://n:p@d/nova?ssl_verify_cert=true", "n", "p",
		 "d", "nova", NULL, 3306, TLS_VERIFY_NAME},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct db_url u;

		assert_int_equal(db_url_parse(rows[i].url, &u, &e), 0);
		same(u.user, rows[i].user);
		same(u.password, rows[i].pass);
		same(u.host, rows[i].host);
		same(u.name, rows[i].name);
		same(u.socket, rows[i].socket);
		assert_int_equal(u.port, rows[i].port);
		assert_int_equal(u.tls, rows[i].tls);
		db_url_clear(&u);
	}
}

static void t_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"nova",
		"postgresql://n:secret@d/nova",
		"sqlite:///x",
		"mysql://n:secret@d",
		"mysql://n:secret@d/",
		"mysql://n:secret@d:0/nova",
		"mysql://n:secret@d:99999/nova",
		"mysql://n:secret@d:12x/nova",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		struct db_url u;

		assert_int_equal(db_url_parse(bad[i], &u, &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_null(strstr(e.msg, "secret"));
		err_clear(&e);
	}
}

static void mask(const char *url, const char *must)
{
	char *s = db_url_mask(url);

	assert_string_equal(s, must);
	mem_free(s);
}

static void t_mask(void **state)
{
	(void)state;
	mask("mysql+pymysql://nova:s3cret@db1/nova?a=b",
	     "mysql+pymysql://nova:***@db1/nova?a=b");
	mask("mysql://nova:a@b:c/d@db1/nova", "mysql://nova:***@db1/nova");
	mask("mysql://nova@db1/nova", "mysql://nova@db1/nova");
	mask("nova:s3cret@db1", "(a database URL)");
	mask("postgresql://nova:s3cret@db1/x", "(a database URL)");
}

static void t_template(void **state)
{
	static const char main_url[] =
		"mysql+pymysql://nova:p%40w@db1:3307/nova_api?charset=utf8";
	struct err e = ERR_INIT;
	char *s;

	(void)state;
	s = db_url_template("{scheme}://{username}:{password}@cell1:{port}/"
			    "nova_{path}?{query}#{fragment}",
			    main_url, &e);
	assert_string_equal(s, "mysql+pymysql://nova:p%40w@cell1:3307/"
			       "nova_nova_api?charset=utf8#");
	mem_free(s);
	s = db_url_template("mysql://a:b@c/d", NULL, &e);
	assert_string_equal(s, "mysql://a:b@c/d");
	mem_free(s);
	assert_null(db_url_template("{nothing}://x", main_url, &e));
	assert_null(strstr(e.msg, "p%40w"));
	err_clear(&e);
	assert_null(db_url_template("{username}", NULL, &e));
	err_clear(&e);
}

static void t_tls(void **state)
{
	struct db_config cfg = {.ssl_ca = "/ca", .ssl_key = "/k"};
	struct err e = ERR_INIT;
	struct db_url u;

	(void)state;
	assert_int_equal(db_url_parse("mysql://a@b/c", &u, &e), 0);
	db_url_tls(&u, &cfg);
	assert_int_equal(u.tls, TLS_VERIFY_NAME);
	assert_string_equal(u.ca, "/ca");
	db_url_clear(&u);
	cfg.ssl_no_verify = true;
	assert_int_equal(db_url_parse("mysql://a@b/c", &u, &e), 0);
	db_url_tls(&u, &cfg);
	assert_int_equal(u.tls, TLS_REQUIRED);
	db_url_clear(&u);
	/* What the URL says stands. */
	assert_int_equal(db_url_parse("mysql://a@b/c?ssl_ca=/mine", &u, &e), 0);
	db_url_tls(&u, &cfg);
	assert_int_equal(u.tls, TLS_VERIFY_NAME);
	assert_string_equal(u.ca, "/mine");
	db_url_clear(&u);
	assert_int_equal(db_url_parse("mysql://a@/c?unix_socket=/s", &u, &e),
			 0);
	db_url_tls(&u, &cfg);
	assert_int_equal(u.tls, TLS_DEFAULT);
	db_url_clear(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_parse), cmocka_unit_test(t_bad),
		cmocka_unit_test(t_mask),  cmocka_unit_test(t_template),
		cmocka_unit_test(t_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
