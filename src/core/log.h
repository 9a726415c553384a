/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics for people who pass -v, and for the agents' stderr.  Results and
 * errors are not logged: they are returned, and cli/ prints them.
 * Never pass a secret; there is no masking here to rely on.
 */
#ifndef NH_CORE_LOG_H
#define NH_CORE_LOG_H

#include "core/mem.h"

enum log_level { LOG_QUIET = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* One line without its newline. */
typedef void log_sink(enum log_level level, const char *line, void *arg);

/* Default: warnings and worse to stderr. */
void log_set(enum log_level max, log_sink *sink, void *arg);
void log_at(enum log_level level, const char *fmt, ...) NH_PRINTF(2, 3);

#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
