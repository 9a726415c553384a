/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's rules, one at a time.  All at once: t-sched-sim. */
#include "unit/unit.h"

#include "core/mem.h"
#include "fleet/sched.h"

static const struct sched_limits no_limits;

static void add(struct sched *s, const char *name, size_t target, int priority,
		int64_t seconds)
{
	sched_add(s, &(struct sched_member){.name = name,
					    .source = 0,
					    .target = target,
					    .priority = priority,
					    .expected_s = seconds});
}

static void starts(struct sched *s, int64_t now, size_t want)
{
	struct sched_order o = sched_next(s, now);

	assert_int_equal(o.what, SCHED_START);
	assert_int_equal(o.member, want);
}

static void is(struct sched *s, int64_t now, enum sched_what want)
{
	struct sched_order o = sched_next(s, now);

	assert_int_equal(o.what, want);
}

static void t_order(void **state)
{
	struct sched *s = sched_new(&no_limits);

	(void)state;
	add(s, "c", 1, 0, 10);
	add(s, "b", 1, 0, 20);
	add(s, "a", 1, 0, 10);
	add(s, "late", 1, -5, 99);
	add(s, "first", 2, 7, 1);
	add(s, "open", 2, -9, 1);
	add(s, "nowhere", SCHED_NO_HOST, 9, 1);
	sched_found(s, 5, SCHED_OPEN);
	struct sched_order o = sched_next(s, 0);
	assert_int_equal(o.what, SCHED_RESUME);
	assert_int_equal(o.member, 5);
	starts(s, 0, 4);
	starts(s, 0, 1);
	starts(s, 0, 2);
	starts(s, 0, 0);
	starts(s, 0, 3);
	is(s, 0, SCHED_WAIT);
	for (size_t i = 0; i < 6; i++)
		sched_ended(s, i, SCHED_END_DONE, 1);
	is(s, 1, SCHED_OVER);
	assert_int_equal(sched_count(s).n[SCHED_DONE], 6);
	assert_int_equal(sched_count(s).n[SCHED_LEFT], 1);
	sched_free(s);
}

static void t_limits(void **state)
{
	struct sched_limits l = {
		.parallel = 3, .per_source = 0, .per_target = 2};
	struct sched *s = sched_new(&l);

	(void)state;
	for (int i = 0; i < 4; i++)
		add(s, "x", 1, 0, 4 - i);
	add(s, "y", 2, 0, 0);
	add(s, "z", 3, 0, 0);
	starts(s, 0, 0);
	starts(s, 0, 1);
	starts(s, 0, 4); /* past 2 and 3, whose target is full */
	is(s, 0, SCHED_WAIT);
	sched_ended(s, 0, SCHED_END_DONE, 0);
	starts(s, 0, 2);
	sched_free(s);
	l = (struct sched_limits){.per_source = 1};
	s = sched_new(&l);
	add(s, "x", 1, 0, 2);
	add(s, "y", 2, 0, 1);
	starts(s, 0, 0);
	is(s, 0, SCHED_WAIT);
	sched_ended(s, 0, SCHED_END_FAILED, 0);
	starts(s, 0, 1);
	sched_free(s);
}

/* Locked: later, never in the way of others, and not for ever. */
static void t_locked(void **state)
{
	struct sched_limits l = {.parallel = 1, .lock_timeout_us = 100000000};
	struct sched *s = sched_new(&l);
	struct sched_order o;
	int64_t now = 0;
	int tries = 0;

	(void)state;
	add(s, "locked", 1, 1, 1);
	add(s, "other", 1, 0, 1);
	starts(s, now, 0);
	sched_ended(s, 0, SCHED_END_LOCKED, now);
	starts(s, now, 1);
	sched_ended(s, 1, SCHED_END_DONE, now);
	for (;; tries++) {
		o = sched_next(s, now);
		if (o.what == SCHED_WAIT) {
			assert_true(o.until > now);
			now = o.until;
			o = sched_next(s, now);
		}
		if (o.what == SCHED_OVER)
			break;
		assert_int_equal(o.what, SCHED_START);
		sched_ended(s, 0, SCHED_END_LOCKED, now);
	}
	assert_in_range(tries, 3, 10);
	assert_int_equal(sched_state(s, 0), SCHED_FAILED);
	sched_free(s);
}

static void t_busy(void **state)
{
	struct sched *s = sched_new(&no_limits);

	(void)state;
	add(s, "m", 1, 0, 1);
	sched_found(s, 0, SCHED_OPEN);
	is(s, 0, SCHED_RESUME);
	sched_ended(s, 0, SCHED_END_BUSY, 0);
	is(s, 0, SCHED_WAIT);
	is(s, 99000000, SCHED_RESUME);
	/* It went back, and cannot begin: a new job, later. */
	sched_ended(s, 0, SCHED_END_LOCKED, 99000000);
	starts(s, 999000000, 0);
	sched_free(s);
}

static void t_bases(void **state)
{
	struct sched *s = sched_new(&no_limits);
	size_t b[] = {7};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		sched_add(s,
			  &(struct sched_member){.name = "m",
						 .target = i < 3 ? 1 : 2,
						 .expected_s = (int64_t)(9 - i),
						 .bases = b,
						 .n_bases = 1});
	starts(s, 0, 0); /* brings it */
	starts(s, 0, 3); /* to another target */
	is(s, 0, SCHED_WAIT);
	sched_ended(s, 0, SCHED_END_FAILED, 0); /* before it was staged */
	starts(s, 0, 1);
	is(s, 0, SCHED_WAIT);
	sched_staged(s, 1);
	starts(s, 0, 2);
	is(s, 0, SCHED_WAIT);
	sched_free(s);
	s = sched_new(&no_limits);
	sched_base_there(s, 7, 1);
	for (size_t i = 0; i < 2; i++)
		sched_add(s, &(struct sched_member){.name = "m",
						    .target = 1,
						    .bases = b,
						    .n_bases = 1});
	starts(s, 0, 0);
	starts(s, 0, 1);
	sched_free(s);
}

static void t_failures(void **state)
{
	struct sched_limits l = {.parallel = 2, .max_failures = 2};
	struct sched *s = sched_new(&l);

	(void)state;
	for (int i = 0; i < 5; i++)
		add(s, "m", 1, 0, 5 - i);
	starts(s, 0, 0);
	starts(s, 0, 1);
	sched_ended(s, 0, SCHED_END_FAILED, 0);
	starts(s, 0, 2);
	sched_ended(s, 1, SCHED_END_OPEN, 0);
	is(s, 0, SCHED_WAIT); /* for what runs */
	assert_true(sched_too_many(s));
	sched_ended(s, 2, SCHED_END_DONE, 0);
	is(s, 0, SCHED_OVER);
	assert_int_equal(sched_count(s).n[SCHED_PENDING], 2);
	sched_free(s);
}

/* One that may not begin yet is no failure, and is not tried again; whoever
 * waited for the base that it was to bring brings it. */
static void t_waits(void **state)
{
	struct sched_limits l = {.parallel = 2, .max_failures = 1};
	struct sched *s = sched_new(&l);
	size_t base = 4;
	struct sched_member m = {.name = "m",
				 .source = 1,
				 .target = 2,
				 .bases = &base,
				 .n_bases = 1};

	(void)state;
	sched_add(s, &m);
	sched_add(s, &m);
	starts(s, 0, 0);
	is(s, 0, SCHED_WAIT);
	sched_ended(s, 0, SCHED_END_WAITS, 0);
	assert_false(sched_too_many(s));
	starts(s, 0, 1);
	sched_ended(s, 1, SCHED_END_DONE, 0);
	is(s, 0, SCHED_OVER);
	assert_int_equal(sched_state(s, 0), SCHED_LEFT);
	sched_free(s);
}

static void t_lost(void **state)
{
	struct sched_limits l = {.parallel = 1};
	struct sched *s = sched_new(&l);
	struct sched_order o;

	(void)state;
	add(s, "runs", 1, 0, 9);
	add(s, "waits", 1, 0, 8);
	add(s, "other", 2, 0, 7);
	starts(s, 0, 0);
	sched_lost(s, 1);
	is(s, 0, SCHED_REPLAN);
	sched_place(s, 1, 2);
	sched_ended(s, 0, SCHED_END_FAILED, 0); /* on the way to a lost one */
	o = sched_next(s, 0);
	assert_int_equal(o.what, SCHED_REPLAN);
	assert_int_equal(o.member, 0);
	sched_leave(s, 0);
	assert_int_equal(sched_state(s, 0), SCHED_FAILED);
	starts(s, 0, 1);
	assert_int_equal(sched_target(s, 1), 2);
	sched_free(s);
}

/* A target dies under a member that was half there: its job goes back, others
 * are not held up, and it begins anew elsewhere; no failure of anybody. */
static void t_stranded(void **state)
{
	struct sched_limits l = {.parallel = 2, .max_failures = 1};
	struct sched *s = sched_new(&l);
	size_t b[] = {7};

	(void)state;
	sched_add(s, &(struct sched_member){.name = "half",
					    .target = 1,
					    .expected_s = 9,
					    .bases = b,
					    .n_bases = 1});
	add(s, "past", 1, 0, 8);
	sched_add(s, &(struct sched_member){.name = "waits",
					    .target = 1,
					    .expected_s = 7,
					    .bases = b,
					    .n_bases = 1});
	starts(s, 0, 0);
	starts(s, 0, 1);
	sched_lost(s, 1);
	sched_ended(s, 0, SCHED_END_STRANDED, 5);
	assert_int_equal(sched_state(s, 0), SCHED_PENDING);
	struct sched_order o = sched_next(s, 5);
	assert_int_equal(o.what, SCHED_RETREAT);
	assert_int_equal(o.member, 0);
	is(s, 5, SCHED_REPLAN); /* the one that waits */
	sched_place(s, 2, 2);
	is(s, 5, SCHED_WAIT); /* two run */
	sched_ended(s, 0, SCHED_END_FAILED, 6);
	o = sched_next(s, 6);
	assert_int_equal(o.what, SCHED_REPLAN);
	assert_int_equal(o.member, 0);
	assert_false(sched_too_many(s));
	sched_place(s, 0, 3);
	starts(s, 6, 0);
	assert_int_equal(sched_target(s, 0), 3);
	/* One that may be there already stays open, and counts. */
	sched_ended(s, 1, SCHED_END_OPEN, 7);
	assert_int_equal(sched_state(s, 1), SCHED_OPEN);
	assert_true(sched_too_many(s));
	sched_free(s);
}

/* Nothing else fits: that is the failure.  An undo that does not succeed leaves
 * it open, and is not ordered again and again. */
static void t_stranded_ends(void **state)
{
	struct sched *s = sched_new(&no_limits);

	(void)state;
	add(s, "a", 1, 0, 2);
	add(s, "b", 1, 0, 1);
	starts(s, 0, 0);
	starts(s, 0, 1);
	sched_lost(s, 1);
	sched_ended(s, 0, SCHED_END_STRANDED, 0);
	sched_ended(s, 1, SCHED_END_STRANDED, 0);
	is(s, 0, SCHED_RETREAT);
	is(s, 0, SCHED_RETREAT);
	sched_ended(s, 0, SCHED_END_FAILED, 0);
	sched_ended(s, 1, SCHED_END_OPEN, 0);
	is(s, 0, SCHED_REPLAN);
	sched_leave(s, 0);
	is(s, 0, SCHED_OVER);
	assert_int_equal(sched_state(s, 0), SCHED_FAILED);
	assert_int_equal(sched_state(s, 1), SCHED_OPEN);
	sched_free(s);
}

/* What a killed controller had decided: the job goes back, though the failures
 * are too many already; one that has gone back begins anew, on its target if
 * that is there again. */
static void t_stranded_found(void **state)
{
	struct sched_limits l = {.max_failures = 1};
	struct sched *s = sched_new(&l);
	struct sched_order o;

	(void)state;
	add(s, "open", 1, 0, 3);
	add(s, "back", 1, 0, 2);
	add(s, "back, and the host too", 2, 0, 1);
	sched_found(s, 0, SCHED_OPEN);
	sched_found_stranded(s, 0);
	sched_found(s, 1, SCHED_FAILED);
	sched_found_stranded(s, 1);
	sched_found(s, 2, SCHED_FAILED);
	sched_found_stranded(s, 2);
	sched_lost(s, 1);
	o = sched_next(s, 0);
	assert_int_equal(o.what, SCHED_RETREAT);
	assert_int_equal(o.member, 0);
	o = sched_next(s, 0);
	assert_int_equal(o.what, SCHED_REPLAN);
	assert_int_equal(o.member, 1);
	sched_place(s, 1, 3);
	starts(s, 0, 1);
	starts(s, 0, 2);
	/* Killed again, it goes back again; locked, it has no job any more. */
	sched_ended(s, 0, SCHED_END_BUSY, 0);
	is(s, 99000000, SCHED_RETREAT);
	sched_ended(s, 0, SCHED_END_LOCKED, 99000000);
	o = sched_next(s, 999000000);
	assert_int_equal(o.what, SCHED_REPLAN);
	assert_int_equal(o.member, 0);
	sched_free(s);
}

static void t_pause(void **state)
{
	struct sched *s = sched_new(&no_limits);

	(void)state;
	add(s, "a", 1, 0, 2);
	add(s, "b", 1, 0, 1);
	sched_pause(s, true);
	is(s, 0, SCHED_WAIT);
	sched_pause(s, false);
	starts(s, 0, 0);
	sched_stop(s);
	is(s, 0, SCHED_WAIT);
	sched_ended(s, 0, SCHED_END_DONE, 0);
	is(s, 0, SCHED_OVER);
	assert_int_equal(sched_state(s, 1), SCHED_PENDING);
	sched_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_order),
		cmocka_unit_test(t_limits),
		cmocka_unit_test(t_locked),
		cmocka_unit_test(t_bases),
		cmocka_unit_test(t_failures),
		cmocka_unit_test(t_lost),
		cmocka_unit_test(t_pause),
		cmocka_unit_test(t_busy),
		cmocka_unit_test(t_waits),
		cmocka_unit_test(t_stranded),
		cmocka_unit_test(t_stranded_ends),
		cmocka_unit_test(t_stranded_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
