/* SPDX-License-Identifier: Apache-2.0 */
/* Random identifiers, and the one form of uuid that Nova writes. */
#ifndef NH_CORE_UUID_H
#define NH_CORE_UUID_H

#include <stdbool.h>
#include <stddef.h>

#define UUID_LEN 36

/* 8-4-4-4-12 lower-case hex digits, nothing else. */
bool uuid_valid(const char *s);
/* A version 4 uuid; OUT has room for UUID_LEN + 1. */
void uuid_random(char out[UUID_LEN + 1]);
/* N bytes from getrandom(2); aborts if the kernel has none. */
void random_bytes(void *p, size_t n);

#endif
