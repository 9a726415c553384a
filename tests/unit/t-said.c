/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt says of its host is asked once in a while, not for each guest.
 */
#include "unit/unit.h"

#include <string.h>

#include "core/clock.h"
#include "host/host.h"
#include "host/said.h"

static const char *const caps[] = {"virsh", "capabilities", NULL};
static const char *const other[] = {"virsh", "version", NULL};

static bool heard(const char *host, const char *const *argv, const char *what)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	return said(host, argv, &b) && !strcmp(buf_str(&b), what);
}

static void say(const char *host, const char *const *argv, const char *what)
{
	said_keep(host, argv, what, strlen(what));
}

static void t_said(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	assert_false(said("a", caps, &b));
	say("a", caps, "one");
	say("b", caps, "two");
	say("a", other, "three");
	assert_true(heard("a", caps, "one"));
	assert_true(heard("b", caps, "two"));
	assert_true(heard("a", other, "three"));
	assert_false(said("b", other, &b));
	/* The oldest give way to many others. */
	for (int i = 0; i < 400; i++) {
		AUTO(mem_freep) char *host = mem_printf("h%d", i);

		say(host, caps, host);
	}
	assert_false(said("a", caps, &b));
	assert_true(heard("h399", caps, "h399"));
	assert_true(heard("h350", caps, "h350"));
	host_said_drop();
	assert_false(said("h399", caps, &b));
}

static int64_t now_s;

static int64_t at_us(void)
{
	return now_s * 1000000;
}

/* libvirtd may have been replaced meanwhile. */
static void t_late(void **state)
{
	static const struct clock_ops ops = {.mono_us = at_us};
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	clock_set_ops(&ops);
	say("a", caps, "one");
	now_s = 9;
	assert_true(heard("a", caps, "one"));
	now_s = 11;
	assert_false(said("a", caps, &b));
	clock_set_ops(NULL);
	host_said_drop();
}

/* ---- what is run on a host */

static int ran, answer;

static int fake_run(void *self, struct host_run *r, struct err *e)
{
	(void)self;
	(void)e;
	ran++;
	r->exit_code = answer;
	buf_puts(&r->out, "9.0.0");
	return 0;
}

static void fake_close(void *self)
{
	(void)self;
}

/* One that says .lasting is run once; what fails, changes or reads its input
 * is run each time. */
static int runs_of(struct host *h, struct host_run how)
{
	struct err e = ERR_INIT;

	host_said_drop();
	ran = 0;
	for (int i = 0; i < 3; i++) {
		struct host_run r = how;

		r.argv = other;
		assert_int_equal(host_run(h, &r, &e), 0);
		assert_int_equal(r.exit_code, answer);
		assert_string_equal(buf_str(&r.out), "9.0.0");
		host_run_clear(&r);
	}
	return ran;
}

static void t_run(void **state)
{
	static const struct host_ops ops = {.run = fake_run,
					    .close = fake_close};
	struct host *h = host_new(&ops, NULL, "a");

	(void)state;
	answer = 0;
	assert_int_equal(runs_of(h, (struct host_run){.lasting = true}), 1);
	assert_int_equal(runs_of(h, (struct host_run){0}), 3);
	assert_int_equal(
		runs_of(h, (struct host_run){.lasting = true, .mutates = true}),
		3);
	assert_int_equal(
		runs_of(h, (struct host_run){.lasting = true, .user = "nova"}),
		3);
	assert_int_equal(runs_of(h, (struct host_run){.lasting = true,
						      .in = "x",
						      .in_len = 1}),
			 3);
	answer = 1;
	assert_int_equal(runs_of(h, (struct host_run){.lasting = true}), 3);
	host_said_drop();
	host_close(h);
}

/* ---- the way to another host */

static int fake_reach(void *self, const struct host_reach_opts *o,
		      struct host_reach *out, struct err *e)
{
	(void)self;
	(void)o;
	(void)e;
	ran++;
	*out = (struct host_reach){.reached = answer == 0,
				   .gcm = true,
				   .rtt_us = 700 + ran,
				   .cores = 2,
				   .why = mem_strdup(answer ? "refused" : "")};
	return 0;
}

static void look(struct host *h, const char *address, unsigned port, int most)
{
	struct host_reach r = {0};
	struct err e = ERR_INIT;

	assert_int_equal(
		host_reach(h, &(struct host_reach_opts){address, port, true},
			   &r, &e),
		0);
	assert_int_equal(ran, most);
	assert_true(r.gcm && !r.client && r.cores == 2);
	assert_int_equal(r.reached, answer == 0);
	assert_string_equal(r.why, answer ? "refused" : "");
	host_reach_clear(&r);
}

/* A way that there is stays; one that there is not may come. */
static void t_reach(void **state)
{
	static const struct host_ops ops = {.reach = fake_reach,
					    .close = fake_close};
	struct host *h = host_new(&ops, NULL, "a");

	(void)state;
	ran = 0;
	answer = 1;
	look(h, "b", 22, 1);
	look(h, "b", 22, 2);
	answer = 0;
	look(h, "b", 22, 3);
	look(h, "b", 22, 3);
	look(h, "b", 2222, 4);
	look(h, "c", 22, 5);
	look(h, "b", 22, 5);
	host_said_drop();
	host_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_said),
		cmocka_unit_test(t_late),
		cmocka_unit_test(t_run),
		cmocka_unit_test(t_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
