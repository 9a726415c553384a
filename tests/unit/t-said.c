/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt says of its host is asked once in a while, not for each guest.
 */
#include "unit/unit.h"

#include <string.h>

#include "core/clock.h"
#include "join/join.h"

static char *const caps[] = {(char *)"virsh", (char *)"capabilities", NULL};
static char *const other[] = {(char *)"virsh", (char *)"version", NULL};

static bool heard(const char *host, char *const *argv, const char *what)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	return join_said(host, argv, &b) && !strcmp(buf_str(&b), what);
}

static void say(const char *host, char *const *argv, const char *what)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	buf_puts(&b, what);
	join_say(host, argv, &b);
}

static void t_said(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	assert_false(join_said("a", caps, &b));
	say("a", caps, "one");
	say("b", caps, "two");
	say("a", other, "three");
	assert_true(heard("a", caps, "one"));
	assert_true(heard("b", caps, "two"));
	assert_true(heard("a", other, "three"));
	assert_false(join_said("b", other, &b));
	/* The oldest give way to many others. */
	for (int i = 0; i < 100; i++) {
		AUTO(mem_freep) char *host = mem_printf("h%d", i);

		say(host, caps, host);
	}
	assert_false(join_said("a", caps, &b));
	assert_true(heard("h99", caps, "h99"));
	assert_true(heard("h50", caps, "h50"));
	join_said_drop();
	assert_false(join_said("h99", caps, &b));
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
	assert_false(join_said("a", caps, &b));
	clock_set_ops(NULL);
	join_said_drop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_said),
		cmocka_unit_test(t_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
