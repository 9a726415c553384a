/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host said, kept for some seconds: the plan of a host's evacuation asks
 * the same for each instance.
 *
 * For what stays the same until something is installed or replaced there, and,
 * in a survey alone (virt.h), for guests' states, too: nobody acts on those
 * before each guest has been looked at again.  host_said_drop() begins a survey
 * with nothing kept.
 */
#ifndef NH_HOST_SAID_H
#define NH_HOST_SAID_H

#include <stdbool.h>

#include "core/buf.h"

/* What HOST answered to WORDS, NULL-terminated and without a newline in any,
 * not long ago, appended to OUT; false: it is to be asked. */
bool said(const char *host, const char *const *words, struct buf *out);
void said_keep(const char *host, const char *const *words, const void *p,
	       size_t n);

#endif
