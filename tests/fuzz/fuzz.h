/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fuzz target a parser.  A target defines the two functions below.
 *
 * configure CC=clang --enable-fuzz links it with libFuzzer.  Otherwise
 * fuzz-main.c drives it: every seed, then random mutations of the seeds for a
 * few thousand rounds or seconds, with the generator's seed and its speed
 * printed (NOVAHAUL_SEED repeats a run, NOVAHAUL_ROUNDS lengthens it, or
 * NOVAHAUL_FUZZ_SECONDS; `make check-fuzz` gives each target 30 s).  A target
 * that has LLVMFuzzerCustomMutator is mostly mutated by it.
 */
#ifndef NH_TESTS_FUZZ_H
#define NH_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target may have one, as libFuzzer knows it. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);

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
