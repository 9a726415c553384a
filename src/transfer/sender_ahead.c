/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "transfer/extents.h"
#include "transfer/sender_priv.h"

/* Less than that is as well asked about as it comes. */
enum { AHEAD_MIN = 4 * DIGEST_SEGMENT };

void sender_ahead_begin(struct sender *s, uint64_t from, uint64_t to)
{
	struct ahead *a = &s->ahead;

	if (to > s->cmp_limit)
		to = s->cmp_limit;
	to -= to % FINGERPRINT_BLOCK;
	a->head = a->count = 0;
	a->next = from;
	a->end = !s->trust && to > from + AHEAD_MIN ? to : from;
}

static struct ahead_chunk *nth(struct ahead *a, unsigned i)
{
	return &a->chunk[(a->head + i) % AHEAD_CHUNKS];
}

static uint64_t chunk_end(const struct ahead_chunk *c)
{
	return c->off + (uint64_t)c->n * FINGERPRINT_BLOCK;
}

/* The next segment that is not a hole of the source. */
static int skip_holes(struct sender *s, struct err *e)
{
	struct ahead *a = &s->ahead;
	uint64_t data;

	if (extents_data(s->f->fd, a->next, &data, e))
		return err_wrap(e, "%s", s->f->name);
	if (data >= a->end)
		a->next = a->end;
	else if (data > a->next)
		a->next = data - data % DIGEST_SEGMENT;
	return 0;
}

static int ask(struct sender *s, struct err *e)
{
	struct ahead *a = &s->ahead;
	struct ahead_chunk *c;
	struct enc *m;
	uint64_t n;

	if (skip_holes(s, e))
		return -1;
	if (a->next >= a->end)
		return 0;
	n = (a->end - a->next) / FINGERPRINT_BLOCK;
	c = nth(a, a->count++);
	c->off = a->next;
	c->n = n < AHEAD_BLOCKS ? (uint32_t)n : AHEAD_BLOCKS;
	c->answered = false;
	a->next = chunk_end(c);
	m = chan_begin(s->c, XP_TAGS);
	enc_u64(m, c->off);
	enc_u32(m, c->n);
	return chan_end(s->c, NULL, 0, e);
}

int sender_ahead(struct sender *s, uint64_t off, struct err *e)
{
	struct ahead *a = &s->ahead;

	while (a->count && chunk_end(nth(a, 0)) <= off) {
		if (sender_wait(s, &nth(a, 0)->answered, e))
			return -1;
		a->head = (a->head + 1) % AHEAD_CHUNKS;
		a->count--;
	}
	while (a->count < AHEAD_CHUNKS && a->next < a->end)
		if (ask(s, e))
			return -1;
	return a->count && nth(a, 0)->off <= off
		       ? sender_wait(s, &nth(a, 0)->answered, e)
		       : 0;
}

int sender_ahead_note(struct sender *s, struct chan_msg *m, struct err *e)
{
	struct ahead *a = &s->ahead;
	uint64_t off = dec_u64(&m->d);
	size_t n;
	const void *p = chan_rest(m, &n);

	for (unsigned i = 0; i < a->count; i++) {
		struct ahead_chunk *c = nth(a, i);

		if (c->off != off || c->answered ||
		    n != c->n * (size_t)FINGERPRINT_LEN)
			continue;
		memcpy(c->tag, p, n);
		c->answered = true;
		return 0;
	}
	return err_set(e, ERR_BUG, "tags of offset %llu",
		       (unsigned long long)off);
}

bool sender_ahead_same(struct sender *s, uint64_t off,
		       const uint8_t tag[FINGERPRINT_LEN])
{
	static const uint8_t none[FINGERPRINT_LEN];
	const struct ahead_chunk *c = nth(&s->ahead, 0);
	const uint8_t *theirs;

	if (!s->ahead.count || !c->answered || off < c->off ||
	    off + FINGERPRINT_BLOCK > chunk_end(c))
		return false;
	theirs = c->tag[(off - c->off) / FINGERPRINT_BLOCK];
	return memcmp(theirs, none, sizeof(none)) != 0 &&
	       !memcmp(theirs, tag, FINGERPRINT_LEN);
}
