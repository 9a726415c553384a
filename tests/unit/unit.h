/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka file needs, in the order that cmocka needs it. */
#ifndef NH_TESTS_UNIT_H
#define NH_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
