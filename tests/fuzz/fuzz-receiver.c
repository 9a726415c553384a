/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver of files, told any messages in any order: nothing but what its
 * sender has read gets a name. */
#include "fuzz/fuzz.h"

#include "fuzz/xfer.h"

/* The first byte says what is there at the start. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		xfer_receive((enum xfer_case)(data[0] % XFER_CASES), data + 1,
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
	return xfer_seed(k, false, buf, cap);
}
