/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka file needs, in the order that cmocka needs it. */
#ifndef NH_TESTS_UNIT_H
#define NH_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under valgrind or a sanitizer: time and memory are not the program's own. */
static inline bool unit_slow(void)
{
	const char *preload = getenv("LD_PRELOAD");

#if defined(__SANITIZE_ADDRESS__)
	return true;
#endif
	return preload && strstr(preload, "/vgpreload_");
}

/* This process's, in KiB. */
static inline long unit_rss_anon(void)
{
	char line[128];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

#endif
