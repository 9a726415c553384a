/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping guests that obey, that are booting, and that do not listen. */
#include "unit/unit.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/stop.h"
#include "host/virt.h"

#define U "11111111-2222-4333-8444-555555555555"

struct guest {
	struct virt v;
	int64_t us;	  /* the clock */
	int64_t dies_at;  /* of an ACPI request from this second on; -1 never */
	int64_t takes_us; /* to power off, once asked; 0: as dies_at says */
	enum virt_state st;
	const char *reason;
	bool destroy_fails, lost;
	int shutdowns, destroys, looks;
	int64_t asked[32];
};

static struct guest *g; /* for the clock */

static int64_t g_mono(void)
{
	return g->us;
}

static void g_sleep(int64_t us)
{
	g->us += us;
}

static int g_state(struct virt *v, const char *uuid, struct virt_status *st,
		   struct err *e)
{
	(void)v;
	(void)uuid;
	(void)e;
	if (g->takes_us && g->shutdowns && g->us >= g->takes_us)
		g->st = VIRT_SHUTOFF;
	g->looks++;
	st->state = g->st;
	snprintf(st->reason, sizeof(st->reason), "%s",
		 g->reason ? g->reason : "");
	return 0;
}

static int g_shutdown(struct virt *v, const char *uuid, struct err *e)
{
	(void)v;
	(void)uuid;
	g->asked[g->shutdowns++] = g->us / 1000000;
	if (g->lost)
		return err_set(e, ERR_LOST, "no answer");
	if (g->dies_at >= 0 && g->us / 1000000 >= g->dies_at)
		g->st = VIRT_SHUTOFF;
	return 0;
}

static int g_destroy(struct virt *v, const char *uuid, struct err *e)
{
	(void)v;
	(void)uuid;
	g->destroys++;
	if (g->destroy_fails)
		return err_set(e, ERR_FAILED, "no");
	g->st = VIRT_SHUTOFF;
	return g->lost ? err_set(e, ERR_LOST, "no answer") : 0;
}

static const struct virt_ops g_ops = {
	.state = g_state, .shutdown = g_shutdown, .destroy = g_destroy};

static int stop_guest(struct guest *guest, int timeout, enum virt_stopped *out,
		      struct err *e)
{
	static const struct clock_ops ops = {.mono_us = g_mono,
					     .sleep_us = g_sleep};
	const struct virt_stop how = {.timeout_s = timeout};
	int rc;

	g = guest;
	g->v = (struct virt){.ops = &g_ops, .host = "compute-30"};
	clock_set_ops(&ops);
	rc = virt_stop(&g->v, U, &how, out, e);
	clock_set_ops(NULL);
	return rc;
}

static void t_stop(void **state)
{
	struct guest obeys = {.st = VIRT_RUNNING};
	struct guest boots = {.st = VIRT_RUNNING, .dies_at = 15};
	struct guest deaf = {.st = VIRT_RUNNING, .dies_at = -1};
	struct guest off = {.st = VIRT_SHUTOFF};
	struct guest hard = {.st = VIRT_RUNNING, .dies_at = -1};
	struct err e = ERR_INIT;
	enum virt_stopped how;

	(void)state;
	assert_int_equal(stop_guest(&obeys, 60, &how, &e), 0);
	assert_int_equal(how, VIRT_STOP_GRACEFUL);
	assert_int_equal(obeys.destroys, 0);
	assert_int_equal(stop_guest(&boots, 60, &how, &e), 0);
	assert_int_equal(how, VIRT_STOP_GRACEFUL);
	assert_int_equal(boots.shutdowns, 3); /* at 0, 10 and 20 s */
	assert_int_equal(boots.asked[1], 10);
	assert_int_equal(boots.destroys, 0);
	assert_int_equal(stop_guest(&deaf, 25, &how, &e), 0);
	assert_int_equal(how, VIRT_STOP_FORCED);
	assert_int_equal(deaf.us / 1000000, 25);
	assert_int_equal(deaf.shutdowns, 3);
	assert_int_equal(deaf.destroys, 1);
	assert_int_equal(stop_guest(&off, 60, &how, &e), 0);
	assert_int_equal(how, VIRT_STOP_ALREADY);
	assert_int_equal(off.shutdowns + off.destroys, 0);
	assert_int_equal(stop_guest(&hard, 0, &how, &e), 0);
	assert_int_equal(how, VIRT_STOP_FORCED);
	assert_int_equal(hard.shutdowns, 0);
}

/* It is seen soon after it went down, and not looked at all the time. */
static void t_stop_seen(void **state)
{
	struct guest quick = {
		.st = VIRT_RUNNING, .dies_at = -1, .takes_us = 300000};
	struct guest slow = {
		.st = VIRT_RUNNING, .dies_at = -1, .takes_us = 20100000};
	struct err e = ERR_INIT;
	enum virt_stopped how;

	(void)state;
	assert_int_equal(stop_guest(&quick, 60, &how, &e), 0);
	assert_int_equal(how, VIRT_STOP_GRACEFUL);
	assert_in_range(quick.us, 300000, 500000);
	assert_int_equal(stop_guest(&slow, 60, &how, &e), 0);
	assert_in_range(slow.us, 20100000, 21100000);
	assert_in_range(slow.looks, 20, 50);
}

static void t_stop_not(void **state)
{
	struct guest paused = {.st = VIRT_PAUSED, .reason = "user"};
	struct guest crashed = {.st = VIRT_OTHER};
	struct guest stuck = {
		.st = VIRT_RUNNING, .dies_at = -1, .destroy_fails = true};
	struct guest lost = {.st = VIRT_RUNNING, .dies_at = -1, .lost = true};
	struct guest user = {.st = VIRT_RUNNING, .dies_at = -1};
	struct err e = ERR_INIT;
	enum virt_stopped how;

	(void)state;
	assert_int_equal(stop_guest(&paused, 60, &how, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(paused.shutdowns + paused.destroys, 0);
	assert_int_equal(stop_guest(&crashed, 60, &how, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(stop_guest(&stuck, 5, &how, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	err_clear(&e);
	/* lost answers: what counts is what is seen afterwards */
	assert_int_equal(stop_guest(&lost, 5, &how, &e), 0);
	assert_int_equal(how, VIRT_STOP_FORCED);
	stop_set(true);
	assert_int_equal(stop_guest(&user, 60, &how, &e), -1);
	assert_int_equal(e.kind, ERR_INTERRUPTED);
	assert_int_equal(stop_guest(&user, 0, &how, &e), -1);
	assert_int_equal(e.kind, ERR_INTERRUPTED);
	stop_set(false);
	assert_int_equal(user.destroys, 0);
	err_clear(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_stop),
		cmocka_unit_test(t_stop_seen),
		cmocka_unit_test(t_stop_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
