/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/ziplevel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "transfer/chan.h"

enum {
	MEASURE_US = 100000, /* at least */
	MEASURE_BYTES = 4 << 20,
	MEASURE_MAX_US = 2000000, /* where so much does not come */
	FRESH_US = 25000,
	STAY_US = 2000000,
	STAY_MAX_US = 32 * 1000000,
	TRIAL_MAX_US = 20 * 1000000,
	REST_US = 1000000,
	REST_MAX_US = 8 * 1000000,
};

static const char *const names[] = {"auto", "never", "always"};

bool zip_mode_parse(const char *s, enum zip_mode *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(s, names[i])) {
			*out = (enum zip_mode)i;
			return true;
		}
	return false;
}

const char *zip_mode_name(enum zip_mode m)
{
	return names[m];
}

/* /proc/uptime: the machine's seconds, and those that its processors were
 * idle. */
static int64_t idle_us(void)
{
	AUTO(mem_closefd) int fd = open("/proc/uptime", O_RDONLY | O_CLOEXEC);
	char text[80] = "";
	const char *idle;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	idle = n > 0 ? strchr(text, ' ') : NULL;
	return idle ? (int64_t)(strtod(idle, NULL) * 1e6) : -1;
}

static void enter(struct ziplevel *l, enum ziplevel_is is)
{
	l->is = is;
	l->level = is != ZIPLEVEL_OFF;
	l->mark = l->sent;
	l->entered = clock_mono_us();
	l->since = -1;
}

void ziplevel_init(struct ziplevel *l, enum zip_mode mode)
{
	*l = (struct ziplevel){.mode = mode, .idle_us = idle_us};
	ziplevel_anew(l);
	/* Queues fill first. */
	l->mark = XP_ACK_EVERY;
}

void ziplevel_begin(struct ziplevel *l)
{
	l->acked = l->sent;
	l->mark = l->sent + XP_ACK_EVERY;
	l->since = -1;
}

void ziplevel_anew(struct ziplevel *l)
{
	l->rest_until = 0;
	l->rest_us = REST_US;
	l->stay_us = STAY_US / 2;
	enter(l, l->mode == ZIP_ALWAYS ? ZIPLEVEL_ON : ZIPLEVEL_OFF);
}

void ziplevel_sent(struct ziplevel *l, uint64_t n)
{
	l->sent += n;
}

void ziplevel_packed(struct ziplevel *l, size_t n, size_t packed)
{
	l->plain += n;
	l->packed += packed;
}

void ziplevel_acked(struct ziplevel *l, uint64_t n)
{
	l->acked += n;
	l->acked_at = clock_mono_us();
}

/* ---- what was measured ----------------------------------------------- */

/* Has half a processor been idle? */
static bool spare(const struct ziplevel *l, int64_t now)
{
	int64_t idle = l->idle_us();

	return idle < 0 || l->idled < 0 ||
	       idle - l->idled >= (now - l->since) / 2;
}

static void judge_off(struct ziplevel *l, double rate, double waiting,
		      int64_t now)
{
	if (waiting < 0.5 || rate > ZIPLEVEL_FAST || now < l->rest_until ||
	    (rate > ZIPLEVEL_CHEAP && !spare(l, now)))
		return;
	l->before = rate;
	enter(l, ZIPLEVEL_TRIAL);
}

static void judge_trial(struct ziplevel *l, double rate, int64_t now)
{
	/* Nothing that could be compressed came: it is not over. */
	if (l->plain < XP_ACK_EVERY || l->packed > l->plain - l->plain / 8) {
		if (now - l->entered > TRIAL_MAX_US)
			enter(l, ZIPLEVEL_OFF);
		return;
	}
	if (rate * 4 > l->before * 5) {
		l->rest_us = REST_US;
		if (l->stay_us < STAY_MAX_US)
			l->stay_us *= 2;
		enter(l, ZIPLEVEL_ON);
		return;
	}
	l->stay_us = STAY_US / 2;
	l->rest_until = now + l->rest_us;
	if (l->rest_us < REST_MAX_US)
		l->rest_us *= 2;
	enter(l, ZIPLEVEL_OFF);
}

static void judge_on(struct ziplevel *l, double waiting, int64_t now)
{
	if (l->mode == ZIP_AUTO && now - l->entered > l->stay_us) {
		enter(l, ZIPLEVEL_OFF);
		return;
	}
	if (waiting > 0.6 && l->level < ZIPLEVEL_MAX)
		l->level++;
	else if (waiting < 0.2 && l->level > 1)
		l->level--;
}

static void judge(struct ziplevel *l, int64_t waited, int64_t now)
{
	double waiting =
		(double)(waited - l->waited) / (double)(now - l->since);
	double rate = 0;

	/* From one acknowledgement to another: there are few. */
	if (l->acked_at > l->since)
		rate = (double)(l->acked - l->acked0) * 1e6 /
		       (double)(l->acked_at - l->since);

	switch (l->is) {
	case ZIPLEVEL_OFF:
		judge_off(l, rate, waiting, now);
		break;
	case ZIPLEVEL_TRIAL:
		judge_trial(l, rate, now);
		break;
	case ZIPLEVEL_ON:
		judge_on(l, waiting, now);
		break;
	}
	l->since = -1;
}

int ziplevel_next(struct ziplevel *l, int64_t waited)
{
	int64_t now;

	if (l->mode == ZIP_NEVER || l->acked < l->mark)
		return l->level;
	now = clock_mono_us();
	if (l->since < 0) {
		/* Not over a hole in the file. */
		l->since = now - l->acked_at < FRESH_US ? l->acked_at : now;
		l->waited = waited;
		l->acked0 = l->acked;
		l->plain = l->packed = 0;
		l->idled = l->is == ZIPLEVEL_OFF ? l->idle_us() : -1;
	} else if (now - l->since >= MEASURE_MAX_US ||
		   (now - l->since >= MEASURE_US &&
		    l->acked - l->acked0 >= MEASURE_BYTES)) {
		judge(l, waited, now);
	}
	return l->level;
}
