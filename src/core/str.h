/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NH_CORE_STR_H
#define NH_CORE_STR_H

#include <stdbool.h>
#include <string.h>

/* Are both there, and the same? */
static inline bool str_is(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

#endif
