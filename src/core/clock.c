/* SPDX-License-Identifier: Apache-2.0 */
#include "core/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static struct clock_ops seam;

void clock_set_ops(const struct clock_ops *ops)
{
	seam = ops ? *ops : (struct clock_ops){0};
}

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
	return seam.now_us ? seam.now_us() : read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return seam.mono_us ? seam.mono_us() : read_clock(CLOCK_MONOTONIC);
}

void clock_sleep_us(int64_t us)
{
	struct timespec ts = {us / 1000000, (us % 1000000) * 1000};

	if (seam.sleep_us) {
		seam.sleep_us(us);
		return;
	}
	/* A signal ends the sleep early: the stop flag is looked at next. */
	nanosleep(&ts, NULL);
}

static void format(int64_t us, const char *fmt, char out[CLOCK_ISO_MAX])
{
	time_t t = (time_t)(us / 1000000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, CLOCK_ISO_MAX, fmt, &tm);
}

void clock_iso(int64_t us, char out[CLOCK_ISO_MAX])
{
	char head[CLOCK_ISO_MAX];

	format(us, "%Y-%m-%dT%H:%M:%S", head);
	snprintf(out, CLOCK_ISO_MAX, "%.19s.%06dZ", head, (int)(us % 1000000));
}

void clock_sql(int64_t us, char out[CLOCK_ISO_MAX])
{
	format(us, "%Y-%m-%d %H:%M:%S", out);
}
