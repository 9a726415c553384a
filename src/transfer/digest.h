/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a file that means the same on every host and in every job:
 * what two base images are compared by when no job has copied them.
 *
 *	segment i  = bytes [i * 4 MiB, (i + 1) * 4 MiB) of the file, the last
 *		     one shorter
 *	digest     = SHA-256(SHA-256(segment 0) || ... || SHA-256(segment n-1)
 *			     || file size as 8 bytes, little-endian)
 *	text form  = "sha256t4m:" and 64 lower-case hex digits
 *
 * Holes are zeros: they are skipped with SEEK_DATA, not read, and a whole zero
 * segment has a known digest.  Within a job content is known by another one,
 * which is several times as fast: transfer/tags.h.
 */
#ifndef NH_TRANSFER_DIGEST_H
#define NH_TRANSFER_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

enum {
	DIGEST_SEGMENT = 4 << 20,
	DIGEST_LEN = 32,
	/* "sha256t4m:", or "p1305t64k:" (transfer/tags.h), 64 digits, NUL */
	DIGEST_TEXT_MAX = 10 + 2 * DIGEST_LEN + 1,
};

/* Called now and then during a scan with the bytes done since the last call;
 * -1 with E filled ends the scan. */
typedef int digest_tick(void *arg, uint64_t bytes, struct err *e);

/* Is S of the text form? */
bool digest_text_ok(const char *s);
/* All of FD at its present size. */
int digest_fd(int fd, digest_tick *tick, void *arg, char text[DIGEST_TEXT_MAX],
	      struct err *e);

/* The sum of one segment as its bytes pass by, in order. */
struct digest_run;
struct digest_run *digest_run_new(void);
void digest_run_free(struct digest_run *r);
void digest_run_data(struct digest_run *r, const void *p, size_t n);
void digest_run_zeros(struct digest_run *r, uint64_t n);
/* Bytes since the last end. */
uint64_t digest_run_len(const struct digest_run *r);
/* The sum; R is ready for the next segment. */
void digest_run_end(struct digest_run *r, uint8_t sum[DIGEST_LEN]);

#endif
