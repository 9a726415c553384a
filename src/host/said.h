/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host said of itself, kept for some seconds: the plan of a host's
 * evacuation asks the same for each instance.
 *
 * Only for what stays the same until something is installed or replaced there;
 * never for the state of a guest.
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
