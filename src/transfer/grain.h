/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In pieces of what size a file is written: by what they cost.
 *
 *	which = grain_pick(&g);
 *	write N bytes in pieces of grain_size(which), which takes NS
 *	grain_note(&g, which, N, NS);
 *
 * The larger a piece, the fewer calls, and the larger the folios that the
 * kernel takes for it from its free memory: where that is memory, large is
 * best.  In a virtual machine whose host takes back what is free, though, it is
 * the large free blocks that are gone, and each has to be fetched again:
 * writing 512 MiB took 0.9 to 1.5 s of CPU time in pieces of 32 KiB and more,
 * and 0.2 to 0.4 s in pieces of 16 KiB; where all was there 0.10 and 0.17 s.
 * So both are tried, now and then, and the cheaper one is used.
 */
#ifndef NH_TRANSFER_GRAIN_H
#define NH_TRANSFER_GRAIN_H

#include <stddef.h>
#include <stdint.h>

enum grain_kind { GRAIN_LARGE = 0, GRAIN_SMALL, GRAIN_KINDS };

enum {
	GRAIN_SMALL_BYTES = 16 << 10,
	GRAIN_LARGE_BYTES = 1 << 20,
	GRAIN_MIN = 64 << 10, /* less says nothing */
	GRAIN_TRY = 16,	      /* one in so many is of the other kind */
};

/* All zeros to begin with. */
struct grain {
	int64_t cost[GRAIN_KINDS]; /* ns a MiB, a moving mean; 0: not known */
	unsigned n;
};

enum grain_kind grain_pick(struct grain *g);
size_t grain_size(enum grain_kind k);
/* N bytes were written so, in NS of CPU time. */
void grain_note(struct grain *g, enum grain_kind k, size_t n, int64_t ns);

#endif
