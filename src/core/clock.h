/* SPDX-License-Identifier: Apache-2.0 */
/* Time, seen through one seam so that tests can hold it still. */
#ifndef NH_CORE_CLOCK_H
#define NH_CORE_CLOCK_H

#include <stdint.h>

/* Room for "2026-11-21T07:42:22.123456Z". */
#define CLOCK_ISO_MAX 32

/* Microseconds since the epoch, UTC. */
int64_t clock_now_us(void);
/* Microseconds of a clock that never jumps. */
int64_t clock_mono_us(void);
void clock_sleep_us(int64_t us);

/* Freezes or replaces the three above; NULL members mean the real ones. */
struct clock_ops {
	int64_t (*now_us)(void);
	int64_t (*mono_us)(void);
	void (*sleep_us)(int64_t us);
};
void clock_set_ops(const struct clock_ops *ops);

/* "2026-11-21T07:42:22.123456Z" */
void clock_iso(int64_t us, char out[CLOCK_ISO_MAX]);
/* "2026-11-21 07:42:22" in UTC: what Nova stores in DATETIME columns. */
void clock_sql(int64_t us, char out[CLOCK_ISO_MAX]);

#endif
