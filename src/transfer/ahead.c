/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/ahead.h"

#include <string.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/extents.h"

/* Holes are not read: of a large and empty file there may be many. */
static int tag_of(const struct ahead_from *a, uint64_t off,
		  uint8_t tag[FINGERPRINT_LEN], struct err *e)
{
	int fd = target_basis(a->t);
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);
	ssize_t n;

	memset(tag, 0, FINGERPRINT_LEN);
	if (data < 0 || (uint64_t)data >= off + FINGERPRINT_BLOCK)
		return 0;
	n = fs_pread_full(fd, a->buf, FINGERPRINT_BLOCK, (off_t)off, e);
	if (n < 0)
		return err_wrap(e, "%s at offset %llu", a->t->name,
				(unsigned long long)off);
	if (n < FINGERPRINT_BLOCK)
		return 0;
	if (!extents_zero(a->buf, FINGERPRINT_BLOCK))
		fingerprint_tag(a->t->fp, off, a->buf, FINGERPRINT_BLOCK, tag);
	/* As good as read back: it is not read again unless it is written. */
	target_saw(a->t, off, FINGERPRINT_BLOCK, tag);
	return 0;
}

int ahead_answer(const struct ahead_from *a, struct chan_msg *m, struct err *e)
{
	uint8_t tag[AHEAD_BLOCKS][FINGERPRINT_LEN];
	uint64_t off = dec_u64(&m->d);
	uint32_t n = dec_u32(&m->d);

	if (dec_end(&m->d, "tags", e))
		return -1;
	if (target_basis(a->t) < 0 || n > AHEAD_BLOCKS || off > XP_SIZE_MAX)
		return err_set(e, ERR_BUG, "no tags of that");
	for (uint32_t i = 0; i < n; i++) {
		if (tag_of(a, off + (uint64_t)i * FINGERPRINT_BLOCK, tag[i],
			   e) ||
		    chan_alive(a->c, e))
			return -1;
	}
	enc_u64(chan_begin(a->c, XP_TAGS_ARE), off);
	return chan_end(a->c, tag, (size_t)n * FINGERPRINT_LEN, e);
}
