/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "core/ini.h"

static struct ini *parse(const char *text)
{
	struct ini *ini = ini_new();
	struct err e = ERR_INIT;

	if (ini_parse(ini, "f", text, strlen(text), &e))
		fail_msg("%s", err_msg(&e));
	return ini;
}

static void is(const struct ini *ini, const char *group, const char *key,
	       const char *want)
{
	const struct ini_item *it = ini_find(ini, group, key);

	assert_non_null(it);
	assert_string_equal(it->value, want);
}

static void value_is(const struct ini *ini, const struct ini_default *d,
		     const char *group, const char *key, const char *want)
{
	char *v = ini_value(ini, group, key, d);

	assert_non_null(v);
	assert_string_equal(v, want);
	mem_free(v);
}

static void t_rules(void **state)
{
	struct ini *ini = parse("\xef\xbb\xbf# comment = x\n"
				"[DEFAULT]\n"
				"a = 1 ; not # a comment\n"
				"b: x=y\n"
				"c=x:y\n"
				"d = \"quo'ted\"\n"
				"e = 'one\"\n"
				"f = \"\n"
				"g =\n"
				"h h = 1\r\n"
				"m = one\n"
				"  two = 2\n"
				"\tthree\n"
				"\n"
				"; another\n"
				"a = 2\n"
				"[Database]\n"
				"connection = mysql://u:p#;@h/nova\n");
	struct strv v = STRV_INIT;

	(void)state;
	is(ini, "DEFAULT", "a", "2");
	is(ini, "DEFAULT", "b", "x=y");
	is(ini, "DEFAULT", "c", "x:y");
	is(ini, "DEFAULT", "d", "quo'ted");
	is(ini, "DEFAULT", "e", "'one\"");
	is(ini, "DEFAULT", "f", "");
	is(ini, "DEFAULT", "g", "");
	is(ini, "DEFAULT", "h h", "1");
	is(ini, "DEFAULT", "m", "one\ntwo = 2\nthree");
	is(ini, "database", "connection", "mysql://u:p#;@h/nova");
	assert_null(ini_find(ini, "default", "a"));
	assert_null(ini_find(ini, "DEFAULT", "A"));
	assert_true(ini_has_group(ini, "DATABASE"));
	assert_false(ini_has_group(ini, "data"));
	ini_multi(ini, "DEFAULT", "a", &v);
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0], "1 ; not # a comment");
	assert_int_equal(ini_find(ini, "DEFAULT", "m")->line, 11);
	strv_clear(&v);
	ini_free(ini);
}

static void refused(const char *text, size_t len, const char *want)
{
	struct ini *ini = ini_new();
	struct err e = ERR_INIT;

	assert_int_equal(ini_parse(ini, "n.conf", text, len, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	if (!strstr(err_msg(&e), want))
		fail_msg("%s: not in: %s", want, err_msg(&e));
	err_clear(&e);
	ini_free(ini);
}

static void t_refused(void **state)
{
	char *big = mem_calloc(INI_TEXT_MAX + 2, 1);

	(void)state;
	refused("a = 1\n", 6, "n.conf:1: ");
	refused("[x]\nword\n", 9, "n.conf:2: ");
	refused("[x]\n= 1\n", 8, "n.conf:2: ");
	refused("[x\n", 3, "n.conf:1: ");
	refused("[]\n", 3, "n.conf:1: ");
	refused("[x]\n\n go\n", 9, "n.conf:3: ");
	refused("[x]\na=1\n# c\n go\n", 16, "n.conf:4: ");
	refused("[x]\na=\0b\n", 9, "NUL");
	memset(big, 'a', INI_TEXT_MAX + 1);
	refused(big, INI_TEXT_MAX + 1, "1 MiB");
	memcpy(big, "[x]\nb=", 6);
	refused(big, INI_LINE_MAX + 100, "n.conf:2: a line");
	mem_free(big);
}

static void t_substitute(void **state)
{
	static const struct ini_default d[] = {
		{"DEFAULT", "state_path", "/var/lib/nova"}, {NULL, NULL, NULL}};
	struct ini *ini = parse("[DEFAULT]\n"
				"instances_path = $state_path/instances\n"
				"a = ${x.b}-$b-$$-\\$b-$nothing-${bad-$\n"
				"b = top\n"
				"loop = <$loop>\n"
				"[x]\n"
				"b = in\n"
				"c = $b $state_path.d\n"
				"e = ${instances_path}/x\n"
				"[DEFAULT]\n"
				"price = 5$\n");

	(void)state;
	value_is(ini, d, "DEFAULT", "instances_path",
		 "/var/lib/nova/instances");
	value_is(ini, d, "DEFAULT", "a", "in-top-$-$b-$nothing-${bad-$");
	value_is(ini, d, "x", "c", "in $state_path.d");
	value_is(ini, d, "x", "e", "/var/lib/nova/instances/x");
	value_is(ini, d, "DEFAULT", "price", "5$");
	value_is(ini, d, "DEFAULT", "state_path", "/var/lib/nova");
	assert_null(ini_value(ini, "DEFAULT", "none", d));
	mem_free(ini_value(ini, "DEFAULT", "loop", d));
	ini_free(ini);
}

/* Ten levels of a thousand references each must end at once, and small. */
static void t_bomb(void **state)
{
	struct buf b = BUF_INIT;
	struct ini *ini;
	char *v;

	(void)state;
	buf_puts(&b, "[DEFAULT]\n");
	for (int i = 0; i < 10; i++) {
		buf_printf(&b, "k%d = ", i);
		for (int k = 0; k < 1000; k++)
			buf_printf(&b, "$k%d", i + 1);
		buf_putc(&b, '\n');
	}
	ini = parse(buf_str(&b));
	v = ini_value(ini, "DEFAULT", "k0", NULL);
	assert_true(strlen(v) <= INI_TEXT_MAX);
	mem_free(v);
	ini_free(ini);
	buf_clear(&b);
}

static void t_files_and_env(void **state)
{
	static const char *const env[] = {
		"PATH=/bin", "OS_CLOUD=x",	  "OS_DATABASE__CONNECTION=e",
		"OS_=1",     "OS_DEFAULT__HOST=", "OS_X__Y",
		NULL};
	struct ini *ini = ini_new();
	struct err e = ERR_INIT;
	struct strv v = STRV_INIT;

	(void)state;
	ini_env(ini, env);
	assert_int_equal(
		ini_parse(ini, "1", "[database]\nconnection=1\n", 24, &e), 0);
	assert_int_equal(
		ini_parse(ini, "2", "[DEFAULT]\nhost=b\nm=1\nm=2\n", 25, &e),
		0);
	assert_int_equal(ini_parse(ini, "3", "[DEFAULT]\nm=3\n", 14, &e), 0);
	is(ini, "database", "connection", "e");
	is(ini, "DEFAULT", "host", "");
	is(ini, "DEFAULT", "m", "3");
	assert_string_equal(ini_find(ini, "DEFAULT", "m")->file, "3");
	ini_multi(ini, "DEFAULT", "m", &v);
	assert_int_equal(v.n, 3);
	strv_clear(&v);
	ini_multi(ini, "database", "connection", &v);
	assert_int_equal(v.n, 1);
	strv_clear(&v);
	ini_free(ini);
}

static void t_bool(void **state)
{
	bool b = false;

	(void)state;
	assert_true(ini_bool("Yes", &b) && b);
	assert_true(ini_bool("OFF", &b) && !b);
	assert_true(ini_bool("1", &b) && b);
	assert_false(ini_bool("", &b));
	assert_false(ini_bool("2", &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_rules),	   cmocka_unit_test(t_refused),
		cmocka_unit_test(t_substitute),	   cmocka_unit_test(t_bomb),
		cmocka_unit_test(t_files_and_env), cmocka_unit_test(t_bool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
