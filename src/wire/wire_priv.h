/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this folder. */
#ifndef NH_WIRE_WIRE_PRIV_H
#define NH_WIRE_WIRE_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_NULL 0xffffffffU /* the length of a string that is NULL */

static inline void be_put(unsigned char *b, uint64_t v, size_t n)
{
	while (n--) {
		b[n] = (unsigned char)v;
		v >>= 8;
	}
}

static inline uint64_t be_get(const unsigned char *b, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | b[i];
	return v;
}

#endif
