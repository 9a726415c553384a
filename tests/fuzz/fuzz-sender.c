/* SPDX-License-Identifier: Apache-2.0 */
/* A sender of a file, answered with any messages in any order: it calls done
 * only what its peer has the digest of. */
#include "fuzz/fuzz.h"

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
	return xfer_seed(k, true, buf, cap);
}
