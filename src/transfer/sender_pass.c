/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/uuid.h"
#include "transfer/extents.h"
#include "transfer/sender_priv.h"

enum {
	SAMPLE = 48,
	FINES = FINGERPRINT_BLOCK / FINGERPRINT_FINE,
	/* A piece of a stride has so many blocks, counting cut ones. */
	PIECE_UNITS = XP_STRIDE / FINGERPRINT_BLOCK + 1,
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

/* ---- telling --------------------------------------------------------- */

static int flush_zero(struct sender *s, struct err *e)
{
	uint64_t off = s->zero_off, len = s->zero_len;
	struct enc *m;

	s->zero_len = 0;
	/* Above what was there at the start nothing was written. */
	if (!len || off >= s->cmp_limit)
		return 0;
	if (len > s->cmp_limit - off)
		len = s->cmp_limit - off;
	m = chan_begin(s->c, XP_ZERO);
	enc_u64(m, off);
	enc_u64(m, len);
	return chan_end(s->c, NULL, 0, e);
}

static int add_zero(struct sender *s, uint64_t off, uint64_t len, struct err *e)
{
	sender_digest(s, NULL, len);
	s->p.holes += len;
	s->p.pos = off + len;
	if (s->zero_len && s->zero_off + s->zero_len == off) {
		s->zero_len += len;
		return 0;
	}
	if (flush_zero(s, e))
		return -1;
	s->zero_off = off;
	s->zero_len = len;
	return 0;
}

/* Below POS the receiver has been told everything: it may digest. */
static int mark(struct sender *s, uint64_t pos, struct err *e)
{
	if (pos < s->marked + DIGEST_SEGMENT)
		return 0;
	if (flush_zero(s, e))
		return -1;
	s->marked = pos;
	enc_u64(chan_begin(s->c, XP_MARK), pos);
	return chan_end(s->c, NULL, 0, e);
}

/* ---- strides --------------------------------------------------------- */

/* Sends the units [I, N) of ST, neighbours together. */
static int send_units(struct sender *s, struct stride *st, size_t i, size_t n,
		      struct err *e)
{
	while (i < n) {
		uint32_t at = st->unit[i].at, end = at + st->unit[i].len;

		for (i++; i < n && st->unit[i].at == end; i++)
			end += st->unit[i].len;
		if (sender_data(s, st->off + at, st->data + at, end - at, e))
			return -1;
	}
	return 0;
}

/* Sends the 4 KiB pieces of U that SAME does not have. */
static int send_pieces(struct sender *s, struct stride *st,
		       const struct unit *u, const bool *same, struct err *e)
{
	const uint8_t *data = st->data + u->at;

	for (uint32_t at = 0; at < u->len;) {
		bool is = same[at / FINGERPRINT_FINE];
		uint32_t from = at;

		while (at < u->len && same[at / FINGERPRINT_FINE] == is)
			at += FINGERPRINT_FINE;
		if (at > u->len)
			at = u->len;
		if (is)
			s->p.matched += at - from;
		else if (sender_data(s, st->off + u->at + from, data + from,
				     at - from, e))
			return -1;
	}
	return 0;
}

/* By the tags that the receiver has for them. */
static int send_fine(struct sender *s, struct stride *st, const struct unit *u,
		     struct dec *d, struct err *e)
{
	uint8_t mine[FINES][FINGERPRINT_LEN];
	bool same[FINES];
	size_t n = fingerprint_fine(s->fp, st->off + u->at, st->data + u->at,
				    u->len, mine);
	size_t len;
	const uint8_t *theirs = dec_bytes(d, &len);

	if (len != n * FINGERPRINT_LEN)
		return err_set(e, ERR_BUG, "%zu tags of %zu",
			       len / FINGERPRINT_LEN, n);
	for (size_t i = 0; i < n; i++)
		same[i] = !memcmp(mine[i], theirs + i * FINGERPRINT_LEN,
				  FINGERPRINT_LEN);
	return send_pieces(s, st, u, same, e);
}

/* All is zero there: what is zero here too need not be sent. */
static int send_nonzero(struct sender *s, struct stride *st,
			const struct unit *u, struct err *e)
{
	bool same[FINES];

	for (uint32_t at = 0; at < u->len; at += FINGERPRINT_FINE)
		same[at / FINGERPRINT_FINE] = extents_zero(
			st->data + u->at + at, u->len - at < FINGERPRINT_FINE
						       ? u->len - at
						       : FINGERPRINT_FINE);
	return send_pieces(s, st, u, same, e);
}

/* Acts on the receiver's answer to one stride. */
static int resolve(struct sender *s, struct stride *st, struct err *e)
{
	struct dec d;
	size_t n;

	dec_init(&d, st->reply.p, st->reply.len);
	n = dec_count(&d, 1);
	if (n != st->ncmp)
		return err_set(e, ERR_BUG, "%zu answers of %zu", n, st->ncmp);
	for (size_t i = 0; i < n; i++) {
		enum xp_diff how = (enum xp_diff)dec_u8(&d);
		int rc = 0;

		switch (how) {
		case XP_SAME:
			s->p.matched += st->unit[i].len;
			break;
		case XP_OTHER:
			rc = send_units(s, st, i, i + 1, e);
			break;
		case XP_OTHER_SUB:
			rc = send_fine(s, st, &st->unit[i], &d, e);
			break;
		case XP_OTHER_ZERO:
			rc = send_nonzero(s, st, &st->unit[i], e);
			break;
		}
		if (rc)
			return -1;
	}
	return dec_end(&d, "diff", e);
}

/* Until at most KEEP strides are unanswered. */
static int drain(struct sender *s, unsigned keep, struct err *e)
{
	while (s->count) {
		struct stride *st = &s->ring[s->head];

		if (!st->answered && s->count <= keep)
			return 0;
		if (sender_wait(s, &st->answered, e) || resolve(s, st, e))
			return -1;
		s->head = (s->head + 1) % XP_STRIDES;
		s->count--;
		if (mark(s, st->off, e))
			return -1;
	}
	return 0;
}

static int send_cmp(struct sender *s, struct stride *st, struct err *e)
{
	struct enc *m = chan_begin(s->c, XP_CMP);
	uint8_t tag[FINGERPRINT_LEN];

	enc_u64(m, st->off);
	enc_bool(m, true);
	enc_count(m, st->ncmp);
	for (size_t i = 0; i < st->ncmp; i++) {
		const struct unit *u = &st->unit[i];

		fingerprint_tag(s->fp, st->off + u->at, st->data + u->at,
				u->len, tag);
		enc_u64(m, st->off + u->at);
		enc_u32(m, u->len);
		enc_bytes(m, tag, sizeof(tag));
	}
	st->answered = false;
	s->count++;
	return chan_end(s->c, NULL, 0, e);
}

/* The open stride is full, or the next unit belongs to another one. */
static int submit(struct sender *s, struct err *e)
{
	struct stride *st = s->open;

	s->open = NULL;
	if (!st || !st->n)
		return 0;
	st->ncmp = 0;
	while (st->ncmp < st->n &&
	       st->off + st->unit[st->ncmp].at + st->unit[st->ncmp].len <=
		       s->cmp_limit)
		st->ncmp++;
	if (send_units(s, st, st->ncmp, st->n, e))
		return -1;
	if (st->ncmp && send_cmp(s, st, e))
		return -1;
	if (!s->count)
		return mark(s, st->off, e);
	/* One slot stays free for the next open stride. */
	return drain(s, XP_STRIDES - 1, e);
}

static struct stride *stride_at(struct sender *s, uint64_t off, struct err *e)
{
	struct stride *st = s->open;

	if (st && st->off == off && st->n + PIECE_UNITS <= XP_UNITS_MAX)
		return st;
	if (st && submit(s, e))
		return NULL;
	/* A second request for the same stride could not be told from it. */
	if (st && st->off == off && drain(s, 0, e))
		return NULL;
	st = &s->ring[(s->head + s->count) % XP_STRIDES];
	if (!st->data)
		st->data = mem_calloc(1, XP_STRIDE);
	st->off = off;
	st->n = 0;
	return s->open = st;
}

/* ---- reading --------------------------------------------------------- */

static int add_unit(struct sender *s, struct stride *st, uint32_t at,
		    uint32_t len, struct err *e)
{
	const uint8_t *p = st->data + at;

	if (extents_zero(p, len))
		return add_zero(s, st->off + at, len, e);
	sender_digest(s, p, len);
	st->unit[st->n++] = (struct unit){at, len};
	return 0;
}

/* The data [OFF, OFF + N), within one stride. */
static int read_piece(struct sender *s, uint64_t off, size_t n, struct err *e)
{
	uint64_t base = off - off % XP_STRIDE;
	uint32_t at = (uint32_t)(off - base), end = at + (uint32_t)n;
	struct stride *st = stride_at(s, base, e);
	ssize_t r;

	if (!st)
		return -1;
	r = sender_read(s, st->data + at, n, off, e);
	if (r < 0)
		return -1;
	if ((size_t)r < n)
		return err_set(e, ERR_CONFLICT,
			       "%s was cut shorter while it was read, at "
			       "offset %llu",
			       s->f->name, (unsigned long long)off + (size_t)r);
	while (at < end) {
		uint32_t len = FINGERPRINT_BLOCK - at % FINGERPRINT_BLOCK;

		if (len > end - at)
			len = end - at;
		if (add_unit(s, st, at, len, e))
			return -1;
		at += len;
	}
	s->p.pos = off + n;
	return sender_tick(s, e);
}

int sender_pass(struct sender *s, uint64_t from, uint64_t to, struct err *e)
{
	struct extents x;
	struct extent ext;

	extents_init(&x, s->f->fd, from, to);
	for (;;) {
		if (extents_next(&x, &ext, e))
			return err_wrap(e, "%s", s->f->name);
		if (!ext.len)
			break;
		if (!ext.data && add_zero(s, ext.off, ext.len, e))
			return -1;
		while (ext.data && ext.len) {
			uint64_t n = XP_STRIDE - ext.off % XP_STRIDE;

			if (n > ext.len)
				n = ext.len;
			if (read_piece(s, ext.off, (size_t)n, e))
				return -1;
			ext.off += n;
			ext.len -= n;
		}
	}
	if (submit(s, e) || drain(s, 0, e))
		return -1;
	return flush_zero(s, e);
}

/* ---- the sample ------------------------------------------------------ */

/* Adds the tag of the block at OFF unless it is a hole or zeros. */
static int sample_one(struct sender *s, uint64_t off, struct enc *m, size_t *n,
		      struct err *e)
{
	uint8_t tag[FINGERPRINT_LEN];
	struct extents x;
	struct extent ext;
	uint8_t *p = s->ring[0].data;
	ssize_t r;

	extents_init(&x, s->f->fd, off, off + FINGERPRINT_BLOCK);
	if (extents_next(&x, &ext, e))
		return -1;
	if (!ext.data)
		return 0;
	r = sender_read(s, p, FINGERPRINT_BLOCK, off, e);
	if (r < 0)
		return -1;
	if (r < FINGERPRINT_BLOCK || extents_zero(p, FINGERPRINT_BLOCK))
		return 0;
	fingerprint_tag(s->fp, off, p, FINGERPRINT_BLOCK, tag);
	enc_u64(m, off);
	enc_u32(m, FINGERPRINT_BLOCK);
	enc_bytes(m, tag, sizeof(tag));
	++*n;
	return 0;
}

static uint64_t below(uint64_t n)
{
	uint64_t r;

	random_bytes(&r, sizeof(r));
	return r % n;
}

int sender_sample(struct sender *s, uint64_t limit, unsigned *percent,
		  bool *any, struct err *e)
{
	AUTO(enc_clear) struct enc units = ENC_INIT;
	uint64_t blocks = limit / FINGERPRINT_BLOCK;
	size_t n = 0, same = 0;
	struct enc *m;
	struct dec d;

	*any = false;
	if (!s->ring[0].data)
		s->ring[0].data = mem_calloc(1, XP_STRIDE);
	/* One block from each of SAMPLE equal parts. */
	for (uint64_t i = 0; i < SAMPLE && i < blocks; i++) {
		uint64_t parts = blocks < SAMPLE ? blocks : SAMPLE;
		uint64_t lo = blocks * i / parts;
		uint64_t hi = blocks * (i + 1) / parts;

		if (sample_one(s, (lo + below(hi - lo)) * FINGERPRINT_BLOCK,
			       &units, &n, e))
			return -1;
	}
	if (!n)
		return 0;
	m = chan_begin(s->c, XP_CMP);
	enc_u64(m, XP_ABSENT);
	enc_bool(m, false);
	enc_count(m, n);
	if (chan_end(s->c, units.b.p, units.b.len, e) ||
	    sender_expect(s, XP_DIFF, &d, e))
		return -1;
	dec_u64(&d);
	if (dec_count(&d, 1) != n)
		return err_set(e, ERR_BUG, "a malformed answer");
	for (size_t i = 0; i < n; i++)
		same += dec_u8(&d) == XP_SAME;
	*any = true;
	*percent = (unsigned)(100 * same / n);
	return dec_end(&d, "diff", e);
}
