/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fuzz target a parser.  A target defines the two functions below.
 *
 * configure CC=clang --enable-fuzz links it with libFuzzer.  Otherwise
 * fuzz-main.c drives it: every seed, then random mutations of the seeds for a
 * few thousand rounds, with the generator's seed printed (NOVAHAUL_SEED
 * repeats a run, NOVAHAUL_ROUNDS lengthens it).
 */
#ifndef NH_TESTS_FUZZ_H
#define NH_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Seed number K into BUF, at most CAP bytes; its length, or 0 after the last.
 * Used by fuzz-main.c alone. */
size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap);

/* Kept under NDEBUG. */
#define FUZZ_ASSERT(cond)                                                      \
	do {                                                                   \
		if (!(cond))                                                   \
			__builtin_trap();                                      \
	} while (0)

#endif
