/* SPDX-License-Identifier: Apache-2.0 */
/* A sender of a file, answered with any messages in any order: it calls done
 * only what its peer has the digest of. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "fuzz/xfer.h"

/* The first byte says which case it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		xfer_send((enum xfer_case)(data[0] % XFER_CASES), data + 1,
			  size - 1);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t cap,
			       unsigned int seed)
{
	return size ? 1 + xfer_mutate(data + 1, size - 1, cap - 1, seed) : 0;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	const struct xfer *x;

	if (k >= XFER_CASES)
		return 0;
	x = xfer_get((enum xfer_case)k);
	FUZZ_ASSERT(1 + x->down.len <= cap);
	buf[0] = (uint8_t)k;
	memcpy(buf + 1, x->down.p, x->down.len);
	return 1 + x->down.len;
}
