/* SPDX-License-Identifier: Apache-2.0 */
/* Text of strangers: what of it is UTF-8.  JSON and databases take nothing
 * else. */
#ifndef NH_CORE_UTF8_H
#define NH_CORE_UTF8_H

#include <stddef.h>

#include "core/mem.h"

/* The character that begins at S, which is not at its end, and its length; -1,
 * and 1, where none begins. */
long utf8_decode(const char *s, size_t *n);
/* A copy in which each byte that is of no character stands as "\xff".  NULL for
 * NULL. */
char *utf8_escape(const char *text) NH_DEALLOC(mem_free);

#endif
