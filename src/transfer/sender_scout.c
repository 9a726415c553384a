/* SPDX-License-Identifier: Apache-2.0 */
/* What is there already, seen by several threads at once. */
#include "transfer/sender_priv.h"

enum { WAIT_US = 100000 };

_Static_assert((int)SCOUT_SEGMENT == (int)XP_STRIDE,
	       "one is asked for by the other");

/* Only where most of it may well be the same: what is sent goes through one
 * thread anyway.  And not where windows of the page cache are gone by, one
 * after the other. */
void sender_scout_begin(struct sender *s, uint64_t from, uint64_t to)
{
	if (!s->trust && to > s->cmp_limit)
		to = s->cmp_limit;
	if (s->cfg.pread || s->cache.on || to <= from)
		return;
	s->scout = scout_start(&(struct scout_cfg){.fd = s->f->fd,
						   .from = from,
						   .to = to,
						   .key = tagdir_key(s->kept)});
}

void sender_scout_end(struct sender *s)
{
	scout_stop(s->scout);
	s->scout = NULL;
}

/* By what they read: is the block of LEN bytes at OFF there, and nothing of it
 * to be punched? */
static bool same(struct sender *s, uint64_t off, uint32_t len,
		 const struct scout_block *k)
{
	uint64_t i = off / FINGERPRINT_BLOCK;

	if (!k->known)
		return false;
	if (sender_as_then(s, i, k->zero, k->tag)) {
		*(k->zero ? &s->p.holes : &s->p.matched) += len;
	} else if (k->solid && len == FINGERPRINT_BLOCK &&
		   sender_ahead_same(s, off, k->tag)) {
		tags_set(s->tags, i, k->tag);
		s->p.matched += len;
	} else {
		return false;
	}
	s->p.read += k->zero ? 0 : len;
	return true;
}

int sender_scout(struct sender *s, uint64_t off, uint32_t len, uint32_t *blocks,
		 struct err *e)
{
	unsigned n = (len + FINGERPRINT_BLOCK - 1) / FINGERPRINT_BLOCK;
	const struct scout_block *k = NULL;

	*blocks = (1U << n) - 1;
	if (!s->scout)
		return 0;
	while (!scout_take(s->scout, off, WAIT_US, &k))
		if (sender_tick(s, e))
			return -1;
	for (unsigned b = 0; k && b < n; b++) {
		uint32_t at = b * FINGERPRINT_BLOCK, rest = len - at;

		if (same(s, off + at,
			 rest < FINGERPRINT_BLOCK ? rest : FINGERPRINT_BLOCK,
			 &k[b]))
			*blocks &= ~(1U << b);
	}
	return 0;
}
