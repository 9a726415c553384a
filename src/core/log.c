/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <stdio.h>

static enum log_level max_level = LOG_WARN;
static log_sink *the_sink;
static void *the_arg;

void log_set(enum log_level max, log_sink *sink, void *arg)
{
	max_level = max;
	the_sink = sink;
	the_arg = arg;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	char *line;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	line = mem_vprintf(fmt, ap);
	va_end(ap);
	if (the_sink)
		the_sink(level, line, the_arg);
	else
		fprintf(stderr, "novahaul: %s\n", line);
	mem_free(line);
}
