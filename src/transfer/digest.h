/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a file: what the journal records and both hosts compare.
 *
 *	segment i  = bytes [i * 4 MiB, (i + 1) * 4 MiB) of the file, the last
 *		     one shorter
 *	digest     = SHA-256(SHA-256(segment 0) || ... || SHA-256(segment n-1)
 *			     || file size as 8 bytes, little-endian)
 *	text form  = "sha256t4m:" and 64 lower-case hex digits
 *
 * Two levels, so that a final pass re-reads only the segments that changed.
 * Holes are zeros: they are skipped with SEEK_DATA, not read, and a whole zero
 * segment has a known digest.
 *
 * One object a file:
 *
 *	struct digest *d = digest_new(size);
 *
 *	digest_scan(d, fd, NULL, NULL, &e);	reads every unknown segment
 *	digest_text(d, text, &e);
 *	...
 *	digest_dirty(d, off, len);		the file was written there
 *	digest_scan(d, fd, NULL, NULL, &e);	reads those segments only
 *	digest_text(d, text, &e);
 *
 * Memory: 33 bytes a segment that is not zero (8.3 MiB for a dense TiB), one
 * byte a segment that is.  Nothing here is kept on disk.
 */
#ifndef NH_TRANSFER_DIGEST_H
#define NH_TRANSFER_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

enum {
	DIGEST_SEGMENT = 4 << 20,
	DIGEST_LEN = 32,
	/* "sha256t4m:", 64 digits, NUL */
	DIGEST_TEXT_MAX = 10 + 2 * DIGEST_LEN + 1,
};

struct digest;

/* Called now and then during a scan with the bytes done since the last call;
 * -1 with E filled ends the scan. */
typedef int digest_tick(void *arg, uint64_t bytes, struct err *e);

/* Of a file of SIZE bytes; no segment is known. */
struct digest *digest_new(uint64_t size);
void digest_free(struct digest *d);
void digest_freep(struct digest **d);
uint64_t digest_size(const struct digest *d);
uint64_t digest_segments(const struct digest *d);
/* The file was truncated or grown; segments of another length than before
 * become unknown. */
void digest_resize(struct digest *d, uint64_t size);
/* The segments that [OFF, OFF + LEN) touches become unknown. */
void digest_dirty(struct digest *d, uint64_t off, uint64_t len);
void digest_set(struct digest *d, uint64_t i, const uint8_t sum[DIGEST_LEN]);
/* false when segment I is unknown. */
bool digest_get(const struct digest *d, uint64_t i, uint8_t sum[DIGEST_LEN]);

/* Reads the unknown segments of FD.  A file that is shorter than the object's
 * size is ERR_CONFLICT; a read error names the offset. */
int digest_scan(struct digest *d, int fd, digest_tick *tick, void *arg,
		struct err *e);
/* Reads one unknown segment that lies wholly below LIMIT, if there is one:
 * *DID tells.  For those who wait anyway. */
int digest_step(struct digest *d, int fd, uint64_t limit, bool *did,
		struct err *e);
/* ERR_BUG while a segment is unknown. */
int digest_text(const struct digest *d, char text[DIGEST_TEXT_MAX],
		struct err *e);
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
