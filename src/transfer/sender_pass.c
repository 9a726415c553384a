/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/uuid.h"
#include "transfer/extents.h"
#include "transfer/sender_priv.h"

enum {
	SAMPLE = 48,
	ALL_HOLES = (1 << FINES) - 1,
	HOT = 4 * FINGERPRINT_BLOCK,
};

/* One stride while it is looked at. */
struct look {
	uint64_t off;
	uint32_t len;
	struct stride *st;	      /* NULL: it is one hole */
	uint16_t holes[STRIDE_UNITS]; /* as struct unit */
};

/* ---- reading --------------------------------------------------------- */

/* What could not be read becomes a hole. */
static void mark_bad(const struct sender *s, struct look *g, uint32_t at,
		     uint32_t end)
{
	if (!badmap_has(&s->bad, g->off + at, end - at))
		return;
	for (uint32_t p = at / FINGERPRINT_FINE; p * FINGERPRINT_FINE < end;
	     p++)
		if (badmap_has(&s->bad, g->off + p * FINGERPRINT_FINE,
			       FINGERPRINT_FINE))
			g->holes[p / FINES] |= (uint16_t)(1U << p % FINES);
}

static int read_piece(struct sender *s, struct look *g, const struct extent *x,
		      struct err *e)
{
	uint32_t at = (uint32_t)(x->off - g->off), end = at + (uint32_t)x->len;
	ssize_t r;

	for (uint32_t p = at / FINGERPRINT_FINE; p * FINGERPRINT_FINE < end;
	     p++)
		g->holes[p / FINES] &= (uint16_t) ~(1U << p % FINES);
	r = sender_read(s, g->st->data + at, end - at, x->off, e);
	if (r < 0)
		return -1;
	if ((size_t)r < end - at)
		return err_set(e, ERR_CONFLICT,
			       "%s was cut shorter while it was read, at "
			       "offset %llu",
			       s->f->name,
			       (unsigned long long)x->off + (size_t)r);
	mark_bad(s, g, at, end);
	return 0;
}

/* One walk over all: to find the end of data takes the longer the more of it
 * there is.  A hole is looked at when it is found, not later. */
struct walk {
	struct extents x;
	struct extent cur; /* what is left of it */
};

/* What there is at OFF, at most until TO. */
static int walk_at(struct sender *s, struct walk *w, uint64_t off, uint64_t to,
		   struct extent *out, struct err *e)
{
	while (w->cur.off + w->cur.len <= off)
		if (extents_next(&w->x, &w->cur, e))
			return err_wrap(e, "%s", s->f->name);
	*out = w->cur;
	out->len -= off - out->off;
	out->off = off;
	if (out->len > to - off)
		out->len = to - off;
	return 0;
}

/* [FROM, TO) of the stride. */
static int load(struct sender *s, struct walk *w, struct look *g, uint32_t from,
		uint32_t to, struct err *e)
{
	uint64_t off = g->off + from, end = g->off + to;
	struct extent ext;

	while (off < end) {
		if (walk_at(s, w, off, end, &ext, e))
			return -1;
		if (!ext.data)
			memset(g->st->data + (off - g->off), 0, ext.len);
		else if (read_piece(s, g, &ext, e))
			return -1;
		off += ext.len;
	}
	return 0;
}

/* ---- looking --------------------------------------------------------- */

static uint32_t block_len(const struct look *g, unsigned b)
{
	uint32_t at = b * FINGERPRINT_BLOCK;

	return g->len - at < FINGERPRINT_BLOCK ? g->len - at
					       : FINGERPRINT_BLOCK;
}

static uint32_t hole_bytes(const struct look *g, unsigned b)
{
	uint32_t n = 0, len = block_len(g, b);

	if (!g->holes[b])
		return 0;
	for (uint32_t at = 0; at < len; at += FINGERPRINT_FINE)
		if (g->holes[b] & 1U << at / FINGERPRINT_FINE)
			n += len - at < FINGERPRINT_FINE ? len - at
							 : FINGERPRINT_FINE;
	return n;
}

static void add_unit(struct look *g, unsigned b,
		     const uint8_t tag[FINGERPRINT_LEN])
{
	struct unit *u = &g->st->unit[g->st->n++];

	u->at = b * FINGERPRINT_BLOCK;
	u->len = block_len(g, b);
	u->holes = g->holes[b];
	memcpy(u->tag, tag, sizeof(u->tag));
}

bool sender_as_then(struct sender *s, uint64_t i, bool zero,
		    const uint8_t tag[FINGERPRINT_LEN])
{
	uint8_t old[FINGERPRINT_LEN];

	return s->trust &&
	       tags_get(s->tags, i, old) == (zero ? TAGS_ZERO : TAGS_DATA) &&
	       !memcmp(old, tag, sizeof(old));
}

/* Notes its tag, and what is to be done with it unless it is what the receiver
 * has. */
static int look_at(struct sender *s, struct look *g, unsigned b, struct err *e)
{
	uint64_t off = g->off + (uint64_t)b * FINGERPRINT_BLOCK;
	const uint8_t *data =
		g->st ? g->st->data + b * FINGERPRINT_BLOCK : NULL;
	uint8_t tag[FINGERPRINT_LEN] = {0};
	uint32_t len = block_len(g, b);
	bool zero = !data || extents_zero(data, len);

	if (!zero)
		fingerprint_tag(s->fp, off, data, len, tag);
	s->p.holes += zero ? len : hole_bytes(g, b);
	if (sender_as_then(s, off / FINGERPRINT_BLOCK, zero, tag)) {
		s->p.matched += zero ? 0 : len - hole_bytes(g, b);
		return 0;
	}
	tags_set(s->tags, off / FINGERPRINT_BLOCK, tag);
	if (zero)
		return sender_zero(s, off, len, e);
	/* A hole may have to be made there. */
	if (!g->holes[b] && len == FINGERPRINT_BLOCK &&
	    sender_ahead_same(s, off, tag)) {
		s->p.matched += len;
		return 0;
	}
	add_unit(g, b, tag);
	return 0;
}

/* What is one hole takes no stride. */
static int begin_stride(struct sender *s, struct walk *w, struct look *g,
			struct err *e)
{
	struct extent ext;

	for (unsigned i = 0; i < STRIDE_UNITS; i++)
		g->holes[i] = ALL_HOLES;
	if (walk_at(s, w, g->off, g->off + g->len, &ext, e))
		return -1;
	if (!ext.data && ext.len == g->len)
		return 0;
	g->st = sender_stride(s, g->off, e);
	return g->st ? 0 : -1;
}

/* ---- strides --------------------------------------------------------- */

/* Those of BLOCKS from *AT on that stand together, and stay in the processor's
 * cache: to *TO; false: there are none. */
static bool next_run(const struct look *g, uint32_t blocks, uint32_t *at,
		     uint32_t *to)
{
	while (*at < g->len && !(blocks & 1U << *at / FINGERPRINT_BLOCK))
		*at += FINGERPRINT_BLOCK;
	for (*to = *at; *to < g->len && *to - *at < HOT &&
			blocks & 1U << *to / FINGERPRINT_BLOCK;)
		*to += block_len(g, *to / FINGERPRINT_BLOCK);
	return *at < g->len;
}

static int one_stride(struct sender *s, struct walk *w, struct look *g,
		      struct err *e)
{
	uint32_t at = 0, to, blocks;

	if (sender_ahead(s, g->off, e) ||
	    sender_scout(s, g->off, g->len, &blocks, e))
		return -1;
	if (!blocks)
		return 0;
	if (begin_stride(s, w, g, e))
		return -1;
	for (; next_run(g, blocks, &at, &to); at = to) {
		if (g->st && load(s, w, g, at, to, e))
			return -1;
		for (; at < to; at += FINGERPRINT_BLOCK)
			if (look_at(s, g, at / FINGERPRINT_BLOCK, e))
				return -1;
	}
	return g->st ? sender_submit(s, g->st, e) : 0;
}

/* The whole strides of a hole at OFF, without a look at each block. */
static int skip_hole(struct sender *s, struct walk *w, uint64_t off,
		     uint64_t *len, struct err *e)
{
	uint64_t i = off / FINGERPRINT_BLOCK, from, n, to = w->x.end;
	struct extent ext;

	*len = 0;
	if (walk_at(s, w, off, to, &ext, e))
		return -1;
	if (ext.data)
		return 0;
	*len = off + ext.len == to ? ext.len : ext.len - ext.len % XP_STRIDE;
	n = (*len + FINGERPRINT_BLOCK - 1) / FINGERPRINT_BLOCK;
	from = s->trust ? tags_not_zero(s->tags, i, n) : i;
	tags_zero(s->tags, i, n);
	s->p.holes += *len;
	if (from == i + n)
		return 0;
	from *= FINGERPRINT_BLOCK;
	return sender_zero(s, from, off + *len - from, e);
}

static int pass(struct sender *s, uint64_t from, uint64_t to, struct err *e)
{
	struct walk w = {.cur = {.off = from}};

	sender_ahead_begin(s, from, to);
	extents_init(&w.x, s->f->fd, from, to);
	for (uint64_t off = from; off < to;) {
		struct look g = {.off = off};
		uint64_t hole;

		if (skip_hole(s, &w, off, &hole, e))
			return -1;
		g.len = to - off < XP_STRIDE ? (uint32_t)(to - off) : XP_STRIDE;
		if (!hole && one_stride(s, &w, &g, e))
			return -1;
		off += hole ? hole : g.len;
		s->p.pos = off;
		if (sender_mark(s, off, e) || sender_tick(s, e))
			return -1;
	}
	return sender_drain(s, e);
}

int sender_pass(struct sender *s, uint64_t from, uint64_t to, struct err *e)
{
	int rc;

	sender_scout_begin(s, from, to);
	rc = pass(s, from, to, e);
	sender_scout_end(s);
	return rc;
}

/* ---- the sample ------------------------------------------------------ */

struct sample {
	uint64_t off[SAMPLE];
	uint8_t tag[SAMPLE][FINGERPRINT_LEN];
	size_t n;
};

/* Adds the block at OFF, unless it is a hole or zeros. */
static int sample_one(struct sender *s, uint64_t off, uint8_t *buf,
		      struct sample *out, struct err *e)
{
	struct extents x;
	struct extent ext;
	ssize_t r;

	extents_init(&x, s->f->fd, off, off + FINGERPRINT_BLOCK);
	if (extents_next(&x, &ext, e))
		return -1;
	if (!ext.data)
		return 0;
	r = sender_read(s, buf, FINGERPRINT_BLOCK, off, e);
	if (r < 0)
		return -1;
	if (r < FINGERPRINT_BLOCK || extents_zero(buf, FINGERPRINT_BLOCK))
		return 0;
	out->off[out->n] = off;
	fingerprint_tag(s->fp, off, buf, FINGERPRINT_BLOCK, out->tag[out->n++]);
	return 0;
}

static uint64_t below(uint64_t n)
{
	uint64_t r;

	random_bytes(&r, sizeof(r));
	return r % n;
}

/* One block from each of SAMPLE equal parts. */
static int sample_take(struct sender *s, uint64_t limit, struct sample *out,
		       struct err *e)
{
	AUTO(mem_freep) uint8_t *buf = mem_calloc(1, FINGERPRINT_BLOCK);
	uint64_t blocks = limit / FINGERPRINT_BLOCK;
	uint64_t parts = blocks < SAMPLE ? blocks : SAMPLE;

	for (uint64_t i = 0; i < parts; i++) {
		uint64_t lo = blocks * i / parts;
		uint64_t hi = blocks * (i + 1) / parts;

		if (sample_one(s, (lo + below(hi - lo)) * FINGERPRINT_BLOCK,
			       buf, out, e))
			return -1;
	}
	return 0;
}

/* How many are the same as at the last pass. */
static size_t same_as_then(struct sender *s, const struct sample *m)
{
	size_t same = 0;

	for (size_t i = 0; i < m->n; i++) {
		uint8_t tag[FINGERPRINT_LEN];

		tags_get(s->tags, m->off[i] / FINGERPRINT_BLOCK, tag);
		same += !memcmp(tag, m->tag[i], FINGERPRINT_LEN);
	}
	return same;
}

/* How many are the same there. */
static int same_there(struct sender *s, const struct sample *m, size_t *same,
		      struct err *e)
{
	struct enc *out = chan_begin(s->c, XP_CMP);
	struct dec d;

	enc_u64(out, XP_ABSENT);
	enc_bool(out, false);
	enc_count(out, m->n);
	for (size_t i = 0; i < m->n; i++) {
		enc_u64(out, m->off[i]);
		enc_u32(out, FINGERPRINT_BLOCK);
		enc_bytes(out, m->tag[i], FINGERPRINT_LEN);
	}
	if (chan_end(s->c, NULL, 0, e) || sender_expect(s, XP_DIFF, &d, e))
		return -1;
	dec_u64(&d);
	if (dec_count(&d, 1) != m->n)
		return err_set(e, ERR_BUG, "a malformed answer");
	for (size_t i = 0; i < m->n; i++)
		*same += dec_u8(&d) == XP_SAME;
	return dec_end(&d, "diff", e);
}

int sender_sample(struct sender *s, uint64_t limit, bool known,
		  unsigned *percent, struct err *e)
{
	struct sample m = {.n = 0};
	size_t same = 0;

	*percent = 100;
	if (sample_take(s, limit, &m, e))
		return -1;
	if (!m.n)
		return 0;
	if (known)
		same = same_as_then(s, &m);
	else if (same_there(s, &m, &same, e))
		return -1;
	*percent = (unsigned)(100 * same / m.n);
	return 0;
}
