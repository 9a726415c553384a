/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/small.h"

#include "transfer/extents.h"
#include "transfer/tags_priv.h"

/* All tags of a small file are in one page of transfer/tags.h. */
_Static_assert(SMALL_MAX / FINGERPRINT_BLOCK <= TAGS_PAGE, "more pages");

void small_digest(struct fingerprint *fp, const void *p, size_t n,
		  char text[DIGEST_TEXT_MAX])
{
	AUTO(tags_root_clear) struct tags_root root = {0};
	uint8_t tag[TAGS_PAGE][FINGERPRINT_LEN] = {0};
	const uint8_t *b = p;
	bool data = false;

	for (size_t off = 0; off < n; off += FINGERPRINT_BLOCK) {
		size_t len = n - off < FINGERPRINT_BLOCK ? n - off
							 : FINGERPRINT_BLOCK;

		if (extents_zero(b + off, len))
			continue;
		data = true;
		fingerprint_tag(fp, off, b + off, len,
				tag[off / FINGERPRINT_BLOCK]);
	}
	tags_root_begin(&root, n);
	if (n)
		tags_root_page(&root, data ? tag : NULL);
	tags_root_end(&root, text);
}
