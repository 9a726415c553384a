/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

#define CAP 262144u
#define ROUNDS 20000
#define SECONDS 3

#pragma weak LLVMFuzzerCustomMutator

static uint64_t state;

static uint32_t rnd(size_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % (below ? below : 1));
}

/* Most bytes that matter are at the start. */
static size_t somewhere(size_t n)
{
	return rnd(4) ? rnd(n < 256 ? n : 256) : rnd(n);
}

static size_t mutate_once(uint8_t *p, size_t n)
{
	static const uint8_t words[] = {0, 1, 0x7f, 0x80, 0xff, '"', '/', '.'};
	size_t at = somewhere(n), len;

	switch (rnd(6)) {
	case 0:
		p[at] = words[rnd(sizeof(words))];
		return n;
	case 1:
		p[at] ^= (uint8_t)(1u << rnd(8));
		return n;
	case 2:
		p[at] = (uint8_t)rnd(256);
		return n;
	case 3: /* cut */
		return rnd(8) ? n : at + 1;
	case 4: /* drop some */
		len = rnd(n - at < 16 ? n - at : 16);
		memmove(p + at, p + at + len, n - at - len);
		return n - len;
	}
	len = rnd(16); /* repeat some */
	if (len > n - at || n + len > CAP)
		return n;
	memmove(p + at + len, p + at, n - at);
	return n + len;
}

static size_t mutate(uint8_t *p, size_t n)
{
	/* Mostly its own, which knows what is a message. */
	if (LLVMFuzzerCustomMutator && rnd(8))
		return LLVMFuzzerCustomMutator(p, n, CAP, rnd(UINT32_MAX));
	return mutate_once(p, n);
}

/* An exact-size copy, so that sanitizers see every overread. */
static void one(const uint8_t *p, size_t n)
{
	uint8_t *copy = mem_dup(p, n);

	LLVMFuzzerTestOneInput(copy, n);
	mem_free(copy);
}

static void replay(const char *path)
{
	uint8_t *p = MEM_NEW_N(uint8_t, CAP);
	FILE *f = fopen(path, "rb");

	if (f) {
		one(p, fread(p, 1, CAP, f));
		fclose(f);
	} else {
		perror(path);
	}
	mem_free(p);
}

static void report(const char *name, unsigned int seeds, long k, int64_t us)
{
	fprintf(stderr, "%s: %u seeds, %ld mutations, %.0f a second\n", name,
		seeds, k, us ? (double)k * 1e6 / (double)us : 0.0);
}

/* Until it is time, or ROUNDS are done; 0: as many as there is time for. */
static long fuzz(uint8_t *p, unsigned int seeds, long rounds, int64_t end)
{
	long k = 0;

	while ((!rounds || k < rounds) && (!end || clock_mono_us() < end)) {
		size_t n = fuzz_seed(rnd(seeds), p, CAP);

		for (uint32_t times = rnd(4) + 1; n && times > 0; times--)
			n = mutate(p, n);
		one(p, n);
		k++;
	}
	return k;
}

int main(int argc, char **argv)
{
	const char *env = getenv("NOVAHAUL_SEED");
	const char *max = getenv("NOVAHAUL_ROUNDS");
	const char *sec = getenv("NOVAHAUL_FUZZ_SECONDS");
	uint64_t seed = env ? strtoull(env, NULL, 0) : (uint64_t)clock_now_us();
	long rounds = max ? atol(max) : sec ? 0 : ROUNDS, k = 0;
	int64_t us = (sec ? atol(sec) : SECONDS) * 1000000LL, start;
	uint8_t *p = MEM_NEW_N(uint8_t, CAP);
	unsigned int seeds = 0;

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	for (size_t n; (n = fuzz_seed(seeds, p, CAP)) > 0; seeds++)
		one(p, n);
	fprintf(stderr, "%s: NOVAHAUL_SEED=%" PRIu64 "\n", argv[0], seed);
	state = seed;
	start = clock_mono_us();
	if (seeds)
		k = fuzz(p, seeds, rounds, max ? 0 : start + us);
	report(argv[0], seeds, k, clock_mono_us() - start);
	mem_free(p);
	return seeds ? 0 : 1;
}
