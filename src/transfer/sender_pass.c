/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/uuid.h"
#include "transfer/extents.h"
#include "transfer/sender_priv.h"

enum { SAMPLE = 48, ALL_HOLES = (1 << FINES) - 1 };

/* One segment while it is looked at. */
struct segment {
	uint64_t i, off;
	uint32_t len;
	struct stride *st[SEGMENT_STRIDES];
	uint16_t holes[MEMO_BLOCKS]; /* as struct unit */
	struct memo_segment now;
	bool changed; /* against the memo */
};

/* ---- the digest ------------------------------------------------------ */

void sender_digest(struct sender *s, const void *p, uint64_t n)
{
	const uint8_t *b = p;
	uint8_t out[DIGEST_LEN];

	while (n) {
		uint64_t room = DIGEST_SEGMENT - digest_run_len(s->run);
		uint64_t k = n < room ? n : room;

		if (b)
			digest_run_data(s->run, b, (size_t)k);
		else
			digest_run_zeros(s->run, k);
		if (k == room) {
			digest_run_end(s->run, out);
			digest_set(s->sum, s->run_at++, out);
		}
		b = b ? b + k : NULL;
		n -= k;
	}
}

static uint64_t segment_len(uint64_t size, uint64_t i)
{
	uint64_t off = i * DIGEST_SEGMENT;

	if (off >= size)
		return 0;
	return size - off < DIGEST_SEGMENT ? size - off : DIGEST_SEGMENT;
}

/* The sum of the last pass, if it is of these very bytes. */
static bool sum_kept(struct sender *s, const struct segment *g)
{
	const struct digest *old = s->memo->sum;
	uint8_t sum[DIGEST_LEN];

	if (!s->trust || g->changed || !old ||
	    g->len != segment_len(s->p.size, g->i) ||
	    g->len != segment_len(digest_size(old), g->i) ||
	    !digest_get(old, g->i, sum))
		return false;
	digest_set(s->sum, g->i, sum);
	s->run_at = g->i + 1;
	return true;
}

/* ---- reading --------------------------------------------------------- */

/* What could not be read becomes a hole. */
static void mark_bad(const struct sender *s, struct segment *g, uint32_t at,
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

static int read_piece(struct sender *s, struct segment *g,
		      const struct extent *x, struct err *e)
{
	uint32_t at = (uint32_t)(x->off - g->off), end = at + (uint32_t)x->len;

	for (uint32_t p = at / FINGERPRINT_FINE; p * FINGERPRINT_FINE < end;
	     p++)
		g->holes[p / FINES] &= (uint16_t) ~(1U << p % FINES);
	while (at < end) {
		uint8_t *to = g->st[at / XP_STRIDE]->data + at % XP_STRIDE;
		uint32_t n = XP_STRIDE - at % XP_STRIDE;
		ssize_t r;

		if (n > end - at)
			n = end - at;
		r = sender_read(s, to, n, g->off + at, e);
		if (r < 0)
			return -1;
		if ((size_t)r < n)
			return err_set(
				e, ERR_CONFLICT,
				"%s was cut shorter while it was read, at "
				"offset %llu",
				s->f->name,
				(unsigned long long)g->off + at + (size_t)r);
		mark_bad(s, g, at, at + n);
		at += n;
		if (sender_tick(s, e))
			return -1;
	}
	return 0;
}

static void clear_piece(struct segment *g, const struct extent *x)
{
	uint32_t at = (uint32_t)(x->off - g->off), end = at + (uint32_t)x->len;

	while (at < end) {
		uint32_t n = XP_STRIDE - at % XP_STRIDE;

		if (n > end - at)
			n = end - at;
		memset(g->st[at / XP_STRIDE]->data + at % XP_STRIDE, 0, n);
		at += n;
	}
}

/* Into strides; a segment that is one hole takes none. */
static int load(struct sender *s, struct segment *g, struct err *e)
{
	struct extents x;
	struct extent ext;

	for (int i = 0; i < MEMO_BLOCKS; i++)
		g->holes[i] = ALL_HOLES;
	extents_init(&x, s->f->fd, g->off, g->off + g->len);
	if (extents_next(&x, &ext, e))
		return err_wrap(e, "%s", s->f->name);
	if (!ext.data && ext.len == g->len)
		return 0;
	for (uint32_t at = 0; at < g->len; at += XP_STRIDE) {
		g->st[at / XP_STRIDE] = sender_stride(s, g->off + at, e);
		if (!g->st[at / XP_STRIDE])
			return -1;
	}
	while (ext.len) {
		if (!ext.data)
			clear_piece(g, &ext);
		else if (read_piece(s, g, &ext, e))
			return -1;
		if (extents_next(&x, &ext, e))
			return err_wrap(e, "%s", s->f->name);
	}
	return 0;
}

/* ---- looking --------------------------------------------------------- */

static uint8_t *block_data(const struct segment *g, unsigned b)
{
	struct stride *st = g->st[b / STRIDE_UNITS];

	return st ? st->data + b % STRIDE_UNITS * FINGERPRINT_BLOCK : NULL;
}

static uint32_t block_len(const struct segment *g, unsigned b)
{
	uint32_t at = b * FINGERPRINT_BLOCK;

	return g->len - at < FINGERPRINT_BLOCK ? g->len - at
					       : FINGERPRINT_BLOCK;
}

static uint32_t hole_bytes(const struct segment *g, unsigned b)
{
	uint32_t n = 0, len = block_len(g, b);

	for (uint32_t at = 0; at < len; at += FINGERPRINT_FINE)
		if (g->holes[b] & 1U << at / FINGERPRINT_FINE)
			n += len - at < FINGERPRINT_FINE ? len - at
							 : FINGERPRINT_FINE;
	return n;
}

static void add_unit(struct segment *g, unsigned b)
{
	struct stride *st = g->st[b / STRIDE_UNITS];
	struct unit *u = &st->unit[st->n++];

	u->at = b % STRIDE_UNITS * FINGERPRINT_BLOCK;
	u->len = block_len(g, b);
	u->holes = g->holes[b];
	memcpy(u->tag, g->now.tag[b], sizeof(u->tag));
}

static int look(struct sender *s, struct segment *g, unsigned b,
		const struct memo_segment *old, struct err *e)
{
	uint64_t off = g->off + (uint64_t)b * FINGERPRINT_BLOCK;
	uint32_t len = block_len(g, b);
	uint8_t *data = block_data(g, b);
	bool zero = !data || extents_zero(data, len);
	bool same;

	g->now.state[b] = zero ? MEMO_ZERO : MEMO_TAG;
	if (!zero)
		fingerprint_tag(s->fp, off, data, len, g->now.tag[b]);
	same = old && old->state[b] == g->now.state[b] &&
	       (zero || !memcmp(old->tag[b], g->now.tag[b], FINGERPRINT_LEN));
	g->changed = g->changed || !same;
	s->p.holes += zero ? len : hole_bytes(g, b);
	if (same) {
		s->p.matched += zero ? 0 : len - hole_bytes(g, b);
		return 0;
	}
	if (zero)
		return sender_zero(s, off, len, e);
	/* A hole may have to be made there. */
	if (!g->holes[b] && len == FINGERPRINT_BLOCK &&
	    sender_ahead_same(s, off, g->now.tag[b])) {
		s->p.matched += len;
		return 0;
	}
	add_unit(g, b);
	return 0;
}

static void digest_segment(struct sender *s, const struct segment *g)
{
	unsigned n = (g->len + FINGERPRINT_BLOCK - 1) / FINGERPRINT_BLOCK;

	if (sum_kept(s, g))
		return;
	for (unsigned b = 0; b < n; b++)
		sender_digest(s,
			      g->now.state[b] == MEMO_ZERO ? NULL
							   : block_data(g, b),
			      block_len(g, b));
}

static int one_segment(struct sender *s, struct segment *g, struct err *e)
{
	const struct memo_segment *old =
		s->trust ? memo_get(s->memo, g->i) : NULL;

	if (sender_ahead(s, g->off, e) || load(s, g, e))
		return -1;
	for (unsigned b = 0; b * FINGERPRINT_BLOCK < g->len; b++)
		if (look(s, g, b, old, e))
			return -1;
	digest_segment(s, g);
	memo_set(&s->memos, s->memo, g->i, &g->now);
	for (int i = 0; i < SEGMENT_STRIDES; i++)
		if (g->st[i] && sender_submit(s, g->st[i], e))
			return -1;
	s->p.pos = g->off + g->len;
	if (sender_mark(s, s->p.pos, e))
		return -1;
	return sender_tick(s, e);
}

int sender_pass(struct sender *s, uint64_t from, uint64_t to, struct err *e)
{
	struct segment *g = MEM_NEW(struct segment);
	int rc = 0;

	sender_ahead_begin(s, from, to);
	for (uint64_t off = from; !rc && off < to; off += DIGEST_SEGMENT) {
		memset(g, 0, sizeof(*g));
		g->i = off / DIGEST_SEGMENT;
		g->off = off;
		g->len = to - off < DIGEST_SEGMENT ? (uint32_t)(to - off)
						   : DIGEST_SEGMENT;
		rc = one_segment(s, g, e);
	}
	mem_free(g);
	return rc ? rc : sender_drain(s, e);
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
		uint64_t b = m->off[i] / FINGERPRINT_BLOCK;
		const struct memo_segment *g =
			memo_get(s->memo, b / MEMO_BLOCKS);

		same += g && g->state[b % MEMO_BLOCKS] == MEMO_TAG &&
			!memcmp(g->tag[b % MEMO_BLOCKS], m->tag[i],
				FINGERPRINT_LEN);
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
