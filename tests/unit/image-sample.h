/* SPDX-License-Identifier: Apache-2.0 */
/* A qcow2 first cluster made from bytes, for tests and seeds. */
#ifndef NH_TESTS_IMAGE_SAMPLE_H
#define NH_TESTS_IMAGE_SAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SAMPLE_CLUSTER 65536u
#define SAMPLE_FILE ((uint64_t)5 * SAMPLE_CLUSTER)
#define SAMPLE_EXT 112u
#define SAMPLE_NAME 512u
#define SAMPLE_BASE_DIR "/var/lib/nova/instances/_base"
#define SAMPLE_SHA "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SAMPLE_BACKING SAMPLE_BASE_DIR "/" SAMPLE_SHA

static inline void sample_put(uint8_t *p, size_t off, size_t width, uint64_t v)
{
	while (width--) {
		p[off + width] = (uint8_t)v;
		v >>= 8;
	}
}

/* Version 3, 64 KiB clusters, 1 GiB, backing name and format: what Nova makes.
 * P has SAMPLE_CLUSTER bytes. */
static inline void sample_overlay(uint8_t *p)
{
	memset(p, 0, SAMPLE_CLUSTER);
	memcpy(p, "QFI\xfb", 4);
	sample_put(p, 4, 4, 3);
	sample_put(p, 8, 8, SAMPLE_NAME);
	sample_put(p, 16, 4, strlen(SAMPLE_BACKING));
	sample_put(p, 20, 4, 16);
	sample_put(p, 24, 8, (uint64_t)1 << 30);
	sample_put(p, 36, 4, 2);
	sample_put(p, 40, 8, 3 * SAMPLE_CLUSTER);
	sample_put(p, 48, 8, SAMPLE_CLUSTER);
	sample_put(p, 56, 4, 1);
	sample_put(p, 96, 4, 4);
	sample_put(p, 100, 4, SAMPLE_EXT);
	sample_put(p, SAMPLE_EXT, 4, 0xe2792aca);
	sample_put(p, SAMPLE_EXT + 4, 4, 3);
	memcpy(p + SAMPLE_EXT + 8, "raw", 3);
	memcpy(p + SAMPLE_NAME, SAMPLE_BACKING, strlen(SAMPLE_BACKING));
}

#endif
