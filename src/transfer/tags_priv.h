/* SPDX-License-Identifier: Apache-2.0 */
/* Between tags.c, which keeps tags, and tags_read.c, which makes them. */
#ifndef NH_TRANSFER_TAGS_PRIV_H
#define NH_TRANSFER_TAGS_PRIV_H

#include <openssl/evp.h>

#include "transfer/tags.h"

/* ---- the digest, page by page */
struct tags_root {
	EVP_MD_CTX *ctx;
};
void tags_root_begin(struct tags_root *r, uint64_t size);
/* TAGS_PAGE tags; NULL: all are zero. */
void tags_root_page(struct tags_root *r, const uint8_t (*tag)[FINGERPRINT_LEN]);
void tags_root_end(struct tags_root *r, char text[DIGEST_TEXT_MAX]);
void tags_root_clear(struct tags_root *r);

/* ---- tags of what a file holds */
struct tags_read {
	int fd;
	uint64_t size;
	struct fingerprint *fp;
	digest_tick *tick; /* or NULL */
	void *arg;
	/* Takes the tags of N blocks from I on; TAG NULL: they are zeros. */
	int (*put)(void *to, uint64_t i, uint64_t n,
		   const uint8_t (*tag)[FINGERPRINT_LEN], struct err *e);
	void *to;
	uint8_t *buf; /* its own */
};
/* Of N blocks from I on; holes are not read. */
int tags_read(struct tags_read *r, uint64_t i, uint64_t n, struct err *e);
void tags_read_clear(struct tags_read *r);

/* The next run of unknown blocks at or after I; *N 0: there is none. */
uint64_t tags_unknown(struct tags *t, uint64_t i, uint64_t *n);
/* The object's own r->buf, for many short calls. */
uint8_t **tags_buf(struct tags *t);
/* Below it none is; not exact.  The number of blocks: there is no room for
 * more of them. */
uint64_t tags_next(struct tags *t);

#endif
