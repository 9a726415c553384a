/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT and SIGTERM set a flag; the engine looks at it between records, long
 * waits look at it between polls.  Nothing else happens in the handler.
 */
#ifndef NH_CORE_STOP_H
#define NH_CORE_STOP_H

#include <stdbool.h>

/* Installs the handlers, and ignores SIGPIPE. */
void stop_install(void);
bool stop_requested(void);
/* For tests, and for code that stops on its own account. */
void stop_set(bool on);

#endif
