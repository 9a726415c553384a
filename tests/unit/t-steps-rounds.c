/* SPDX-License-Identifier: Apache-2.0 */
/* The pre-copy's rounds: the rules, and the step that follows them. */
#include "unit/steps-lab.h"

#include "engine/txn_priv.h"
#include "plan/plan.h"
#include "steps/rounds.h"

#define MB 1000000ULL

/* ---- the rules */

static enum rounds_end judge(const struct round *r, size_t n, unsigned max)
{
	return rounds_judge(r, n, &(struct rounds_bounds){.max = max});
}

static void t_rules(void **state)
{
	struct round r[] = {
		{100, 8000 * MB, 8000 * MB, 0}, {30, 8000 * MB, 800 * MB, 0},
		{12, 8000 * MB, 240 * MB, 0},	{11, 8000 * MB, 235 * MB, 0},
		{11, 8000 * MB, 10 * MB, 0},
	};

	(void)state;
	assert_int_equal(judge(r, 1, 5), ROUNDS_MORE);
	assert_int_equal(judge(r, 2, 5), ROUNDS_MORE);
	assert_int_equal(judge(r, 3, 5), ROUNDS_MORE);
	assert_int_equal(judge(r, 4, 5), ROUNDS_NO_GAIN);
	/* the last one of those asked for, and a journal that knows of none */
	assert_int_equal(judge(r, 3, 3), ROUNDS_SPENT);
	assert_int_equal(judge(r, 1, 1), ROUNDS_SPENT);
	assert_int_equal(judge(r, 1, 0), ROUNDS_SPENT);
	/* a pass over a little disk is short, however much the guest writes */
	r[0].seconds = 0.4;
	assert_int_equal(judge(r, 1, 5), ROUNDS_SHORT);
	r[0].seconds = 1.9;
	assert_int_equal(judge(r, 1, 5), ROUNDS_MORE);
	r[1].seconds = 1.8;
	assert_int_equal(judge(r, 2, 5), ROUNDS_SHORT);
	r[1].seconds = 30;
	/* a long pass of reading alone is not shortened by another round */
	r[0].seconds = 100;
	assert_int_equal(judge(r, 5, 5), ROUNDS_SHORT);
}

/* A guest that always writes just enough for another round. */
static void t_time(void **state)
{
	struct round r[] = {
		{1000, 80000 * MB, 80000 * MB, 0},
		{800, 80000 * MB, 55000 * MB, 0},
		{600, 80000 * MB, 38000 * MB, 0},
		{500, 80000 * MB, 26000 * MB, 0},
	};
	struct rounds_bounds b = {.max = 100};

	(void)state;
	/* An hour, by rule: 2400 s so far, and the next takes some 450 ... */
	assert_int_equal(rounds_time_s(&b, r), 3600);
	assert_int_equal(rounds_judge(r, 3, &b), ROUNDS_MORE);
	b.seconds = 2700;
	assert_int_equal(rounds_judge(r, 3, &b), ROUNDS_LATE);
	assert_int_equal(rounds_judge(r, 2, &b), ROUNDS_MORE);
	b.seconds = 2900;
	assert_int_equal(rounds_judge(r, 3, &b), ROUNDS_MORE);
	assert_int_equal(rounds_judge(r, 4, &b), ROUNDS_LATE);
	/* The first one is made, however long it takes, and a second one may
	 * take as long by rule, but not when less was asked for. */
	r[0].seconds = 20000;
	assert_int_equal(rounds_judge(r, 1, &b), ROUNDS_LATE);
	b.seconds = 0;
	assert_int_equal(rounds_time_s(&b, r), 40000);
	assert_int_equal(rounds_judge(r, 1, &b), ROUNDS_MORE);
	/* What comes first has the last word. */
	b.seconds = 1;
	r[0].seconds = 1.2;
	r[1].seconds = 1;
	assert_int_equal(rounds_judge(r, 2, &b), ROUNDS_SHORT);
}

static void t_final(void **state)
{
	/* 80 MB/s; a guest that writes 8 MB/s; 20 s to read it all */
	struct round r[] = {
		{100, 8000 * MB, 8000 * MB, 0},
		{30, 8000 * MB, 800 * MB, 0},
		{0.1, 0, 0, 8000 * MB}, /* known to be as it was: not read */
	};

	(void)state;
	assert_true(rounds_final_s(r, 3) > 19.9 && rounds_final_s(r, 3) < 21);
	assert_true(rounds_final_s(r, 1) > 99.9 &&
		    rounds_final_s(r, 1) < 100.1);
	/* 20 s of reading, and 30 s * 8 MB/s at 80 MB/s */
	assert_true(rounds_final_s(r, 2) > 22.9 && rounds_final_s(r, 2) < 23.1);
	/* nothing was sent at all: it was there already */
	r[0].sent = r[1].sent = 0;
	assert_true(rounds_final_s(r, 2) > 29.9 && rounds_final_s(r, 2) < 30.1);
}

/* ---- what the plan says of them */

static void t_foreseen(void **state)
{
	struct move_file f = {.disk = true, .allocated = 100ULL << 30};
	struct move m = {.was_running = true,
			 .precopy = true,
			 .precopy_max = 5,
			 .files = &f,
			 .nfiles = 1};
	struct plan_copy many = plan_foresee(&m), one, none;

	(void)state;
	assert_in_range(many.rounds, 2, 5);
	m.precopy_max = 1;
	one = plan_foresee(&m);
	assert_int_equal(one.rounds, 1);
	assert_true(one.precopy_s < many.precopy_s);
	assert_true(one.downtime_s > many.downtime_s);
	m.precopy_max = 5;
	m.precopy_time_s = 60;
	assert_int_equal(plan_foresee(&m).rounds, 1);
	assert_int_equal(plan_foresee(&m).precopy_max_s, 60);
	m.precopy_time_s = 0;
	assert_true(plan_foresee(&m).precopy_max_s >= ROUNDS_TIME_S);
	m.precopy = false;
	none = plan_foresee(&m);
	assert_int_equal(none.rounds, 0);
	assert_int_equal(none.precopy_s, 0);
	assert_true(none.downtime_s > 2 * one.downtime_s);
	/* as slow as the limit: 100 GiB at 10 MiB/s */
	m.bwlimit = 10 << 20;
	assert_in_range(plan_foresee(&m).downtime_s, 10240, 11000);
	m.was_running = false;
	assert_int_equal(plan_foresee(&m).downtime_s, 0);
	f.allocated = 20 << 20;
	m.was_running = m.precopy = true;
	m.precopy_max = 5;
	m.bwlimit = 0;
	assert_int_equal(plan_foresee(&m).rounds, 1);
	assert_in_range(plan_foresee(&m).downtime_s, ROUNDS_REST_S,
			ROUNDS_REST_S + 1);
}

/* ---- the step */

static struct {
	struct round r[8]; /* what each round takes */
	size_t n;	   /* rounds so far */
	size_t cut;	   /* the round that is cut off; 0: none */
} play;

static int takes_time(void *self, struct host *src, struct host *dst,
		      const struct carry_file *f, struct carry_result *r,
		      struct err *e)
{
	const struct round *now = &play.r[play.n];

	if (t.carrier.copy(self, src, dst, f, r, e))
		return -1;
	if (f->final || strstr(f->to.rel, "/hold/") ||
	    strcmp(strrchr(f->to.rel, '/'), "/disk") != 0)
		return 0;
	play.n++;
	if (play.n == play.cut)
		return err_set(e, ERR_RETRY, "cut off");
	pass((int64_t)(now->seconds * 1e6));
	r->sent = now->sent;
	r->read = now->read;
	r->matched = now->matched;
	return 0;
}

static bool said;
static size_t before_stop; /* rounds that were made when it was said */

static void hear(void *arg, const struct txn_event *ev)
{
	(void)arg;
	if (ev->kind == TXN_EV_SAY && strstr(ev->text, "down for about")) {
		said = true;
		before_stop = play.n;
		assert_string_equal(ev->step, "precopy");
	}
}

static json_t *noted;

static size_t ways; /* how often it stands there which way the files went */

static bool keep(void *arg, const struct journal_record *r)
{
	(void)arg;
	ways += !strcmp(r->key, "way");
	if (!strcmp(r->key, "rounds")) {
		json_decref(noted);
		noted = json_deep_copy(r->value);
	}
	return true;
}

static unsigned rounds_within;

static void rounds(unsigned max, size_t want, const char *then)
{
	begin((struct fake_options){
		.running = true, .start = true, .precopy = true});
	t.w.move->precopy_max = max;
	t.w.move->precopy_time_s = rounds_within;
	t.w.carrier.copy = takes_time;
	t.env.event = hear;
	said = false;
	play.n = 0;
	forward(TXN_DONE);
	assert_int_equal(play.n, want + (play.cut ? 1 : 0));
	assert_true(said);
	assert_int_equal(before_stop, play.n);
	noted = NULL;
	ways = 0;
	assert_int_equal(
		journal_records(t.env.journal, t.id, false, keep, NULL, &t.e),
		0);
	/* once for all rounds, and once for the final pass, over two */
	assert_int_equal(ways, 2);
	assert_int_equal(json_array_size(json_object_get(noted, "rounds")),
			 want);
	assert_string_equal(json_string_value(json_object_get(noted, "then")),
			    then);
	end();
}

static double figure(const char *key)
{
	return json_number_value(json_object_get(noted, key));
}

static void t_step(void **state)
{
	const json_t *two;

	(void)state;
	play.cut = 0;
	memcpy(play.r,
	       (struct round[]){{100, 8000 * MB, 8000 * MB, 0},
				{30, 8000 * MB, 800 * MB, 7200 * MB},
				{22, 8000 * MB, 780 * MB, 7220 * MB}},
	       3 * sizeof(struct round));
	rounds(5, 3, "another one would gain little");
	two = json_array_get(json_object_get(noted, "rounds"), 1);
	assert_int_equal(json_integer_value(json_object_get(two, "bytes_sent")),
			 800 * MB);
	assert_int_equal(
		json_integer_value(json_object_get(two, "bytes_matched")),
		7200 * MB);
	json_decref(noted);
	rounds_within = 140;
	rounds(5, 2, "another one would not end in the time that it has");
	json_decref(noted);
	rounds_within = 0;
	rounds(2, 2, "no more were asked for");
	assert_true(figure("copy_s") > 22.9 && figure("copy_s") < 23.1);
	assert_true(figure("downtime_s") > 22.9 + ROUNDS_REST_S &&
		    figure("downtime_s") < 23.1 + ROUNDS_REST_S);
	json_decref(noted);
	/* of a journal that knows no rounds */
	rounds(0, 1, "no more were asked for");
	json_decref(noted);
}

/* A round that is cut off leaves no record, and the next try makes one at
 * least, however many there were. */
static void t_cut(void **state)
{
	(void)state;
	play.cut = 2;
	play.r[0] = (struct round){100, 8000 * MB, 8000 * MB, 0};
	play.r[2] = (struct round){0.4, 8000 * MB, 100 * MB, 0};
	rounds(5, 2, "little is left for the final pass");
	json_decref(noted);
}

/* ---- the limit, changed while it copies */

static uint64_t seen[8];
static size_t n_seen;

static int asks_for_less(void *self, struct host *src, struct host *dst,
			 const struct carry_file *f, struct carry_result *r,
			 struct err *e)
{
	AUTO(mem_freep) char *path = mem_printf("%s/journal.db", t.dir);
	json_t *v = json_integer(5000);
	struct journal_asked a = {"bwlimit", v, "limited"};
	struct journal *j;

	if (n_seen < ARRAY_SIZE(seen) - 1)
		seen[n_seen++] = t.w.bwlimit;
	if (n_seen == 1) {
		j = journal_open(path, e);
		assert_non_null(j);
		assert_int_equal(journal_ask(j, t.id, &a, e), 0);
		journal_close(j);
		pass(1000000);
		assert_int_equal(f->progress(f->arg, 1, 2, e), 0);
		seen[n_seen++] = t.w.bwlimit;
	}
	json_decref(v);
	return t.carrier.copy(self, src, dst, f, r, e);
}

static void t_limit(void **state)
{
	(void)state;
	begin((struct fake_options){
		.running = true, .start = true, .precopy = true});
	t.w.move->bwlimit = 7000;
	t.w.carrier.copy = asks_for_less;
	n_seen = 0;
	forward(TXN_DONE);
	assert_in_range(n_seen, 4, ARRAY_SIZE(seen));
	assert_int_equal(seen[0], 7000);
	for (size_t i = 1; i < n_seen; i++)
		assert_int_equal(seen[i], 5000);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_rules), cmocka_unit_test(t_time),
		cmocka_unit_test(t_final), cmocka_unit_test(t_foreseen),
		cmocka_unit_test(t_step),  cmocka_unit_test(t_cut),
		cmocka_unit_test(t_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
