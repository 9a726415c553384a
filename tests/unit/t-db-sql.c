/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "db/db_priv.h"

static void t_release(void **state)
{
	static const struct {
		int number;
		const char *rev;
		int service;
		const char *name;
		bool exact;
	} rows[] = {
		{233, NULL, -1, "icehouse", true},
		{243, NULL, -1, "icehouse", true},
		{244, NULL, -1, "juno", true},
		{302, NULL, 2, "liberty", true},
		{390, NULL, 35, "rocky", true},
		{391, NULL, 37, "stein", true},
		{412, NULL, 53, "victoria", true},
		{417, NULL, 54, "wallaby", true},
		{422, "8f2f1571d55b", 57, "xena", true},
		{422, "ccb0fa1a2252", 64, "zed", true},
		{0, "1acf2c98e646", 66, "2023.2", true},
		{0, "13863f4e1612", 67, "2024.1", false},
		{0, "2903cd72dc14", 68, "2025.1", true},
		{0, "2903cd72dc14", 69, "2025.1", true},
		{0, "2903cd72dc14", 70, "2025.2", true},
		{0, "2903cd72dc14", 72, "2026.1", true},
		{0, "2903cd72dc14", -1, "2025.1", false},
		{0, "ab450ba04102", 73, "master", true},
	};
	bool exact;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int k = release_by_cell(rows[i].number, rows[i].rev,
					rows[i].service, &exact);

		assert_true(k >= 0);
		assert_string_equal(releases[k].name, rows[i].name);
		assert_int_equal(exact, rows[i].exact);
	}
	assert_int_equal(release_by_cell(232, NULL, -1, &exact), -1);
	assert_int_equal(release_by_cell(423, NULL, -1, &exact), -1);
	assert_int_equal(release_by_cell(422, NULL, -1, &exact), -1);
	assert_int_equal(release_by_cell(0, "1b91788ec3a6", 66, &exact), -1);
	assert_int_equal(release_by_cell(0, "d60bddf7a903", 66, &exact), -1);
}

static void t_api_release(void **state)
{
	(void)state;
	assert_string_equal(releases[release_by_api(2, NULL)].name, "kilo");
	assert_string_equal(releases[release_by_api(22, NULL)].name, "newton");
	assert_string_equal(releases[release_by_api(45, NULL)].name, "pike");
	assert_string_equal(releases[release_by_api(62, NULL)].name, "stein");
	assert_string_equal(releases[release_by_api(0, "cdeec0c85668")].name,
			    "2023.2");
	assert_int_equal(release_by_api(0, "1b91788ec3a6"), -1);
	assert_int_equal(release_by_api(0, NULL), -1);
	assert_int_equal(release_by_api(83, NULL), -1);
}

static void t_features_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_features; i++) {
		const struct sql_text *t = sql_find("schema.columns");
		char quoted[80];

		assert_true(release_index(features[i].since) >= 0);
		snprintf(quoted, sizeof(quoted), "'%s'", features[i].table);
		/* The detection must ask for the table. */
		assert_non_null(strstr(t->text, quoted));
	}
}

static void expand_is(const char *text, const struct db_features *f,
		      const char *must, size_t params)
{
	const struct sql_text t = {"t", text};
	struct sql_ready q = {0};
	struct err e = ERR_INIT;

	assert_int_equal(sql_expand(&t, f, true, &q, &e), 0);
	assert_string_equal(buf_str(&q.text), must);
	assert_int_equal(q.params.n, params);
	sql_ready_clear(&q);
}

static void t_expand(void **state)
{
	struct db_features none = {0}, some = {.hidden = true, .extra = true};

	(void)state;
	expand_is("a = :b, c=:b_2", &none, "a = ?, c=?", 2);
	expand_is("a[F_hidden:, h = :h][!F_hidden:, none]", &none, "a, none",
		  0);
	expand_is("a[F_hidden:, h = :h][!F_hidden:, none]", &some, "a, h = ?",
		  1);
	expand_is("[F_extra:x [F_hidden:y][!F_hidden:z]]", &some, "x y", 0);
	expand_is("[F_extra:x [F_hidden:y]]\n", &none, "", 0);
	expand_is("'+00:00' `:a[` ':x'", &some, "'+00:00' `:a[` ':x'", 0);
	expand_is("a\n[F_hidden:b]\n\nc\n", &none, "a\nc", 0);
}

static void t_expand_bad(void **state)
{
	static const char *const bad[] = {
		"[F_hidden:", "[F_nothing:x]", "[hidden:x]",
		"'x",	      "[F_hidden x]",  "[F_extra:[F_hidden:x]"};
	struct db_features f = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct sql_text t = {"t", bad[i]};
		struct sql_ready q = {0};
		struct err e = ERR_INIT;

		assert_int_equal(sql_expand(&t, &f, true, &q, &e), -1);
		assert_int_equal(e.kind, ERR_BUG);
		err_clear(&e);
		sql_ready_clear(&q);
	}
}

/* Rules of sql/README, on every statement of every release. */
static void lint_text(const char *name, const char *s)
{
	bool ours = !strncmp(name, "w.", 2);
	bool writes = ours || !strncmp(name, "pw.", 3) ||
		      !strncmp(name, "nw.", 3) || !strncmp(name, "vw.", 3) ||
		      !strncmp(name, "sw.", 3);
	const char *verb[] = {"UPDATE ", "DELETE ", "INSERT "};
	bool is = false;

	assert_null(strpbrk(s, "\"\\[];"));
	assert_null(strstr(s, "--"));
	assert_null(strstr(s, ",,"));
	assert_null(strstr(s, "RETURNING"));
	assert_null(strstr(s, "ON DUPLICATE"));
	assert_null(strstr(s, "REPLACE"));
	for (size_t i = 0; i < ARRAY_SIZE(verb); i++)
		is |= !strncmp(s, verb[i], strlen(verb[i]));
	assert_int_equal(writes, is);
	if (writes && !ours)
		/* One consumer, provider, port or host. */
		assert_true(strstr(s, "= :u") || strstr(s, "= :rp") ||
			    strstr(s, "= :p") || strstr(s, "= :v") ||
			    strstr(s, "= :h"));
	if (!ours)
		return;
	/* One instance, and for a row of instances only a live one. */
	assert_non_null(strstr(s, "= :u"));
	if (!strncmp(s, "UPDATE instances", 16) && strcmp(name, "w.touch"))
		assert_non_null(strstr(s, "deleted = 0"));
}

static void lint_sink(const char *name, const char *text, void *arg)
{
	++*(size_t *)arg;
	lint_text(name, text);
}

static void t_lint(void **state)
{
	struct err e = ERR_INIT;
	size_t n = 0, last = 0, at_least = 40;

	(void)state;
	for (size_t i = 0; db_release_name(i); i++) {
		n = 0;
		assert_int_equal(db_sql_show(db_release_name(i), NULL,
					     lint_sink, &n, &e),
				 0);
		assert_true(n >= last); /* newer schemas lack nothing */
		last = n;
	}
	assert_true(last >= at_least);
	assert_int_equal(db_sql_show("havana", NULL, lint_sink, &n, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
}

struct wanted {
	const char *name;
	const char *text;
};

static void keep_sink(const char *name, const char *text, void *arg)
{
	struct wanted *w = arg;

	if (!strcmp(name, w->name))
		w->text = mem_strdup(text);
}

static bool shows(const char *release, const char *name, const char *part)
{
	struct wanted w = {name, NULL};
	struct err e = ERR_INIT;
	bool r;

	assert_int_equal(db_sql_show(release, NULL, keep_sink, &w, &e), 0);
	r = w.text && strstr(w.text, part);
	mem_free((void *)w.text);
	return r;
}

static void t_show(void **state)
{
	(void)state;
	assert_false(shows("icehouse", "w.rewrite.migration", "uuid, :muuid"));
	assert_false(shows("pike", "w.rewrite.migration", ":muuid"));
	assert_true(shows("queens", "w.rewrite.migration", ":muuid"));
	assert_false(shows("2023.1", "w.rewrite.instance", "compute_id"));
	assert_true(shows("2023.2", "w.rewrite.instance", "compute_id"));
	assert_false(shows("ocata", "w.rewrite.instance", "availability_zone"));
	assert_true(shows("pike", "w.rewrite.instance", "availability_zone"));
	assert_false(shows("mitaka", "w.rewrite.console", "console"));
	assert_true(shows("newton", "w.rewrite.console", "console"));
	assert_false(shows("queens", "pw.consumer", "consumers"));
	assert_true(shows("rocky", "pw.consumer", "consumers"));
	assert_false(shows("newton", "nw.binding", "vif_type"));
	assert_true(shows("zed", "nw.binding", "vif_type"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_release),
		cmocka_unit_test(t_api_release),
		cmocka_unit_test(t_features_known),
		cmocka_unit_test(t_expand),
		cmocka_unit_test(t_expand_bad),
		cmocka_unit_test(t_lint),
		cmocka_unit_test(t_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
