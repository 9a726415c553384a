/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence that a host is off: the rule, its age, and the journal's table. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "engine/fence.h"
#include "engine/journal.h"
#include "engine/txn.h"

#define S 1000000LL

static int64_t now = 1000000 * S;

static int64_t fake_now(void)
{
	return now;
}

/* AGE in seconds before the judgement. */
struct piece {
	const char *provider;
	enum fence_verdict verdict;
	int age;
};

struct judged {
	const char *what;
	struct piece p[4];
	enum fence_verdict want;
	long which;
};

static const struct judged judged[] = {
	{"nothing", {{0}}, FENCE_UNKNOWN, -1},
	{"fresh", {{"agent", FENCE_OFF, 10}}, FENCE_OFF, 0},
	{"at the edge", {{"agent", FENCE_OFF, 60}}, FENCE_OFF, 0},
	{"too old", {{"agent", FENCE_OFF, 61}}, FENCE_UNKNOWN, -1},
	{"in the future", {{"agent", FENCE_OFF, -6}}, FENCE_UNKNOWN, -1},
	{"only silence", {{"probe", FENCE_UNKNOWN, 1}}, FENCE_UNKNOWN, -1},
	{"silence beside proof",
	 {{"probe", FENCE_UNKNOWN, 1}, {"agent", FENCE_OFF, 2}},
	 FENCE_OFF,
	 1},
	{"life beside proof",
	 {{"agent", FENCE_OFF, 2}, {"probe", FENCE_ALIVE, 1}},
	 FENCE_ALIVE,
	 1},
	{"life before the proof, not looked at again",
	 {{"probe", FENCE_ALIVE, 30}, {"agent", FENCE_OFF, 2}},
	 FENCE_ALIVE,
	 0},
	{"life before the proof, silent since",
	 {{"probe", FENCE_ALIVE, 30},
	  {"agent", FENCE_OFF, 2},
	  {"probe", FENCE_UNKNOWN, 1}},
	 FENCE_OFF,
	 1},
	{"life after the statement, silent since",
	 {{"statement", FENCE_OFF, 40},
	  {"probe", FENCE_ALIVE, 30},
	  {"probe", FENCE_UNKNOWN, 1}},
	 FENCE_UNKNOWN,
	 -1},
	{"old life is no life, but voids what was said before",
	 {{"statement", FENCE_OFF, 62}, {"probe", FENCE_ALIVE, 61}},
	 FENCE_UNKNOWN,
	 -1},
	{"at the same moment",
	 {{"statement", FENCE_OFF, 30},
	  {"probe", FENCE_ALIVE, 30},
	  {"probe", FENCE_UNKNOWN, 1}},
	 FENCE_UNKNOWN,
	 -1},
	{"life in the future counts",
	 {{"agent", FENCE_OFF, 2}, {"probe", FENCE_ALIVE, -900}},
	 FENCE_ALIVE,
	 1},
	{"taken back by its own provider",
	 {{"agent", FENCE_OFF, 30}, {"agent", FENCE_UNKNOWN, 1}},
	 FENCE_UNKNOWN,
	 -1},
	{"taken back, but somebody else says so",
	 {{"agent", FENCE_OFF, 30},
	  {"agent", FENCE_UNKNOWN, 1},
	  {"statement", FENCE_OFF, 20}},
	 FENCE_OFF,
	 2},
	{"the newest proof",
	 {{"agent", FENCE_OFF, 30},
	  {"agent", FENCE_OFF, 3},
	  {"statement", FENCE_OFF, 20}},
	 FENCE_OFF,
	 1},
};

static void t_judge(void **state)
{
	struct fence_rule rule = {now, 60};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(judged); i++) {
		const struct judged *c = &judged[i];
		struct fence_evidence ev[4];
		enum fence_verdict v;
		size_t n = 0;
		long which;

		for (; n < 4 && c->p[n].provider; n++)
			ev[n] = (struct fence_evidence){
				.id = (int64_t)n + 1,
				.provider = c->p[n].provider,
				.verdict = c->p[n].verdict,
				.taken_us = now - c->p[n].age * S,
			};
		v = fence_judge(ev, n, &rule, &which);
		if (v != c->want || which != c->which)
			fail_msg("%s: %s, %ld", c->what, fence_verdict_name(v),
				 which);
	}
}

/* The age where nobody says one: 15 minutes. */
static void t_default_age(void **state)
{
	struct fence_evidence ev = {.id = 1,
				    .provider = "agent",
				    .verdict = FENCE_OFF,
				    .taken_us = now - 900 * S};
	struct fence_rule rule = {now, 0};

	(void)state;
	assert_int_equal(fence_judge(&ev, 1, &rule, NULL), FENCE_OFF);
	rule.now_us += S;
	assert_int_equal(fence_judge(&ev, 1, &rule, NULL), FENCE_UNKNOWN);
}

/* --- the table */

struct fix {
	char dir[64], path[96];
	struct journal *j;
	struct err e;
};

static int set_up(void **state)
{
	struct fix *f = MEM_NEW(struct fix);

	clock_set_ops(&(struct clock_ops){.now_us = fake_now});
	strcpy(f->dir, "/tmp/nh-fence-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/journal.db", f->dir);
	f->j = journal_open(f->path, &f->e);
	assert_non_null(f->j);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fix *f = *state;
	char *reserve = mem_printf("%s.reserve", f->path);

	clock_set_ops(&(struct clock_ops){0});
	journal_close(f->j);
	err_clear(&f->e);
	unlink(f->path);
	unlink(reserve);
	rmdir(f->dir);
	mem_free(reserve);
	mem_free(f);
	return 0;
}

static void add(struct fix *f, const char *host, const struct piece *p)
{
	json_t *what = json_pack("{s:s}", "seen", "\x01 \"quoted\"");
	struct fence_evidence ev = {
		.host = host,
		.provider = p->provider,
		.verdict = p->verdict,
		.taken_us = now - p->age * S,
		.what = what,
		.by = "root on here",
	};

	if (fence_add(f->j, &ev, &f->e))
		fail_msg("%s", err_msg(&f->e));
	json_decref(what);
}

static void refused(struct fix *f, const char *host, const char *word)
{
	assert_int_equal(fence_require(f->j, host, 60, NULL, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_FENCE);
	assert_non_null(strstr(err_msg(&f->e), host));
	if (!strstr(err_msg(&f->e), word))
		fail_msg("%s", err_msg(&f->e));
	assert_non_null(strstr(f->e.hint, "novahaul fence "));
	err_clear(&f->e);
}

static void t_require(void **state)
{
	struct fix *f = *state;
	struct fence_proof p = {0};

	refused(f, "compute-30", "no evidence");
	add(f, "compute-30", &(struct piece){"probe", FENCE_UNKNOWN, 3});
	refused(f, "compute-30", "unknown");
	add(f, "compute-30", &(struct piece){"agent", FENCE_OFF, 2});
	if (fence_require(f->j, "compute-30", 60, &p, &f->e))
		fail_msg("%s", err_msg(&f->e));
	assert_string_equal(p.provider, "agent");
	assert_string_equal(p.by, "root on here");
	assert_int_equal(p.age_s, 2);
	assert_int_equal(p.taken_us, now - 2 * S);
	/* Of that host, and of no other. */
	refused(f, "compute-3", "no evidence");
	refused(f, "compute-34", "no evidence");
	now += 59 * S;
	refused(f, "compute-30", "too old");
	now -= 59 * S;
	add(f, "compute-30", &(struct piece){"probe", FENCE_ALIVE, 0});
	refused(f, "compute-30", "alive");
	/* Forgetting does not bring the proof back. */
	assert_int_equal(fence_forget(f->j, "compute-30", &f->e), 0);
	refused(f, "compute-30", "no evidence");
}

struct seen {
	size_t n;
	char text[256];
};

static bool see(void *arg, const struct fence_evidence *ev)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	assert_string_equal(
		json_string_value(json_object_get(ev->what, "seen")),
		"\x01 \"quoted\"");
	snprintf(s->text + len, sizeof(s->text) - len, "%s:%s:%s ", ev->host,
		 ev->provider, fence_verdict_name(ev->verdict));
	return ++s->n < 3;
}

/* A disk that was written after its host was proven to be off. */
static void t_written(void **state)
{
	const struct fence_proof p = {
		.taken_us = now - 600 * S, .age_s = 600, .provider = "agent"};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(fence_written(&p, "h", "/d", now - 700 * S, &e), 0);
	/* the look took its time */
	assert_int_equal(fence_written(&p, "h", "/d", now - 560 * S, &e), 0);
	/* another clock */
	assert_int_equal(fence_written(&p, "h", "/d", now + 3600 * S, &e), 0);
	assert_int_equal(fence_written(&p, "h", "/d", now - 500 * S, &e), -1);
	assert_int_equal(e.kind, ERR_FENCE);
	assert_non_null(strstr(e.msg, "/d, of h, was written 100 s after"));
	assert_non_null(strstr(e.hint, "novahaul fence h"));
	err_clear(&e);
}

/* Newest first, durable over a new opening. */
static void t_each(void **state)
{
	struct fix *f = *state;
	struct seen s = {0}, one = {0};

	add(f, "a", &(struct piece){"probe", FENCE_UNKNOWN, 30});
	add(f, "b", &(struct piece){"agent", FENCE_OFF, 10});
	add(f, "a", &(struct piece){"statement", FENCE_OFF, 20});
	add(f, "a", &(struct piece){"probe", FENCE_ALIVE, 40});
	journal_close(f->j);
	f->j = journal_open(f->path, &f->e);
	assert_non_null(f->j);
	assert_int_equal(fence_each(f->j, NULL, see, &s, &f->e), 0);
	assert_string_equal(s.text, "b:agent:off a:statement:off "
				    "a:probe:unknown ");
	assert_int_equal(fence_each(f->j, "b", see, &one, &f->e), 0);
	assert_string_equal(one.text, "b:agent:off ");
}

/* Nothing half: no host, no provider, no time. */
static void t_bad(void **state)
{
	struct fix *f = *state;
	struct fence_evidence ev = {.host = "a", .provider = "", .taken_us = 1};

	assert_int_equal(fence_add(f->j, &ev, &f->e), -1);
	ev.provider = "agent";
	ev.taken_us = 0;
	assert_int_equal(fence_add(f->j, &ev, &f->e), -1);
	ev.taken_us = 1;
	ev.host = NULL;
	assert_int_equal(fence_add(f->j, &ev, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_BUG);
}

static void t_exit_code(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_FENCE, "not off");
	assert_int_equal(txn_exit_code(TXN_ERROR, &e), 6);
	assert_int_equal(txn_exit_code(TXN_ROLLED_BACK, &e), 6);
	assert_int_equal(txn_exit_code(TXN_OPEN, &e), 6);
	assert_int_equal(err_kind_by_name("unfenced"), ERR_FENCE);
	err_clear(&e);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_judge),
		cmocka_unit_test(t_default_age),
		cmocka_unit_test(t_exit_code),
		T(t_require),
		T(t_written),
		T(t_each),
		T(t_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
