/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <jansson.h>
#include <string.h>

#include "cli/output.h"

static json_t *load(const char *text)
{
	json_error_t why;
	json_t *v = json_loads(text, JSON_DECODE_ANY, &why);

	if (!v)
		fail_msg("%s: %s", text, why.text);
	return v;
}

static void yaml_is(const char *json, const char *want)
{
	struct buf b = BUF_INIT;
	json_t *v = load(json);

	out_yaml(&b, v);
	assert_string_equal(buf_str(&b), want);
	json_decref(v);
	buf_clear(&b);
}

static void t_yaml(void **state)
{
	(void)state;
	yaml_is("{}", "{}\n");
	yaml_is("[]", "[]\n");
	yaml_is("{\"a\": 1, \"b\": \"x-1.y/z\"}", "a: 1\nb: x-1.y/z\n");
	yaml_is("{\"a\": {\"b\": [], \"c\": null}}",
		"a:\n  b: []\n  c: null\n");
	yaml_is("[{\"a\": 1, \"b\": [2, {\"c\": 3}]}, 4]",
		"- a: 1\n  b:\n    - 2\n    - c: 3\n- 4\n");
	yaml_is("[[1, 2], [3]]", "- - 1\n  - 2\n- - 3\n");
}

/* Whatever a YAML reader could take for something else than a string. */
static void t_yaml_quotes(void **state)
{
	static const char *const words[] = {
		"yes",	"No",  "ON",  "null", "true", "y",	   "1",
		"0x1f", "1e3", "-",   "-a",   "",     "a: b",	   "#a",
		"a #b", "[a]", "{a}", "*a",   "&a",   "!a",	   "|",
		">",	"%a",  "@a",  "`a",   "~",    "a:",	   " a",
		"a ",	"~a",  ".5",  "=",    "<<",   "2026-11-21"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		char *json = mem_printf("{\"k\": \"%s\"}", words[i]);
		char *want = mem_printf("k: \"%s\"\n", words[i]);

		yaml_is(json, want);
		mem_free(json);
		mem_free(want);
	}
	yaml_is("{\"k\": \"a\\nb\\\"c\\u001b\"}", "k: \"a\\nb\\\"c\\u001B\"\n");
	yaml_is("{\"a b\": 1, \"yes\": 2}", "\"a b\": 1\n\"yes\": 2\n");
}

static const struct out_column cols[] = {{"name", "NAME", OUT_TEXT},
					 {"n", "N", OUT_NUMBER},
					 {"in.side", "INSIDE", OUT_TEXT},
					 {NULL, NULL, OUT_TEXT}};

static const struct out_column kinds[] = {{"t", "T", OUT_TIME},
					  {"s", "S", OUT_NUMBER},
					  {"b", "B", OUT_BYTES},
					  {NULL, NULL, OUT_TEXT}};

/* People read sizes and times; programs get what was said. */
static void t_kinds(void **state)
{
	struct buf b = BUF_INIT;
	json_t *rows = load("[{\"t\": \"2026-11-21T09:24:57.348905Z\", "
			    "\"s\": 8.018609, \"b\": 1536}]");

	(void)state;
	out_table(&b, rows, kinds);
	assert_string_equal(buf_str(&b),
			    "T                       S        B\n"
			    "2026-11-21 09:24:57Z  8.0  1.5 KiB\n");
	buf_reset(&b);
	out_value(&b, rows, kinds);
	assert_string_equal(buf_str(&b),
			    "2026-11-21T09:24:57.348905Z 8.018609 1536\n");
	json_decref(rows);
	buf_clear(&b);
}

static void t_table(void **state)
{
	struct buf b = BUF_INIT;
	json_t *rows = load("[{\"name\": \"h\\u00e9\", \"n\": 10},"
			    " {\"name\": \"longer\", \"n\": 9,"
			    "  \"in\": {\"side\": [1, \"x\"]}}]");

	(void)state;
	out_table(&b, rows, cols);
	assert_string_equal(buf_str(&b), "NAME     N  INSIDE\n"
					 "h\xc3\xa9      10  -\n"
					 "longer   9  [1,\"x\"]\n");
	buf_reset(&b);
	out_value(&b, rows, cols);
	assert_string_equal(buf_str(&b), "h\xc3\xa9 10 -\n"
					 "longer 9 [1,\"x\"]\n");
	json_decref(rows);
	rows = json_array();
	buf_reset(&b);
	out_table(&b, rows, cols);
	assert_string_equal(buf_str(&b), "NAME  N  INSIDE\n");
	json_decref(rows);
	buf_clear(&b);
}

/* What a guest or a database says must not move the cursor. */
static void t_text(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	out_text(&b, "a\033[2J\r\n\t\x7f \xc2\x9b \xc3\xa9");
	assert_string_equal(buf_str(&b),
			    "a\\x1b[2J\\x0d\\x0a\\x09\\x7f \\x9b \xc3\xa9");
	buf_clear(&b);
}

static void size_is(uint64_t n, const char *want)
{
	char got[OUT_SIZE_MAX];

	out_size(n, got);
	assert_string_equal(got, want);
}

static void t_size(void **state)
{
	(void)state;
	size_is(0, "0 B");
	size_is(1023, "1023 B");
	size_is(1536, "1.5 KiB");
	size_is((uint64_t)100 << 30, "100.0 GiB");
	size_is(UINT64_MAX, "16384.0 PiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_yaml),  cmocka_unit_test(t_yaml_quotes),
		cmocka_unit_test(t_table), cmocka_unit_test(t_kinds),
		cmocka_unit_test(t_text),  cmocka_unit_test(t_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
