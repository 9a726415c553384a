/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "transfer/extents.h"
#include "transfer/sender_priv.h"

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
	if (sender_window(s, 0, e))
		return -1;
	m = chan_begin(s->c, XP_ZERO);
	enc_u64(m, off);
	enc_u64(m, len);
	return chan_end(s->c, NULL, 0, e);
}

int sender_zero(struct sender *s, uint64_t off, uint64_t len, struct err *e)
{
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
	if (pos < s->marked + XP_MARK_EVERY)
		return 0;
	if (flush_zero(s, e))
		return -1;
	s->marked = pos;
	enc_u64(chan_begin(s->c, XP_MARK), pos);
	return chan_end(s->c, NULL, 0, e);
}

int sender_mark(struct sender *s, uint64_t pos, struct err *e)
{
	return s->count ? 0 : mark(s, pos, e);
}

/* ---- sending --------------------------------------------------------- */

/* What to do with 4 KiB of a block. */
enum piece { PIECE_SEND = 0, PIECE_SAME, PIECE_HOLE };

static uint32_t piece_len(const struct unit *u, uint32_t at)
{
	return u->len - at < FINGERPRINT_FINE ? u->len - at : FINGERPRINT_FINE;
}

/* Holes stay holes, or become some; neighbours go together. */
static int send_pieces(struct sender *s, struct stride *st,
		       const struct unit *u, enum piece *what, struct err *e)
{
	const uint8_t *data = st->data + u->at;
	uint64_t off = st->off + u->at;

	for (unsigned i = 0; i < FINES; i++)
		if (u->holes & 1U << i)
			what[i] = PIECE_HOLE;
	for (uint32_t at = 0; at < u->len;) {
		enum piece is = what[at / FINGERPRINT_FINE];
		uint32_t from = at;
		int rc = 0;

		while (at < u->len && what[at / FINGERPRINT_FINE] == is)
			at += piece_len(u, at);
		if (is == PIECE_SAME)
			s->p.matched += at - from;
		else if (is == PIECE_HOLE)
			rc = sender_zero(s, off + from, at - from, e);
		else
			rc = sender_data(s, off + from, data + from, at - from,
					 e);
		if (rc)
			return -1;
	}
	return 0;
}

static int send_unit(struct sender *s, struct stride *st, const struct unit *u,
		     struct err *e)
{
	enum piece what[FINES] = {PIECE_SEND};

	return send_pieces(s, st, u, what, e);
}

/* All of it is there; holes may be zeros there. */
static int send_same(struct sender *s, struct stride *st, const struct unit *u,
		     struct err *e)
{
	enum piece what[FINES];

	for (unsigned i = 0; i < FINES; i++)
		what[i] = PIECE_SAME;
	return send_pieces(s, st, u, what, e);
}

/* By the tags that the receiver has for the pieces. */
static int send_fine(struct sender *s, struct stride *st, const struct unit *u,
		     struct dec *d, struct err *e)
{
	enum piece what[FINES] = {PIECE_SEND};
	uint8_t mine[FINES][FINGERPRINT_LEN];
	size_t n = fingerprint_fine(s->fp, st->off + u->at, st->data + u->at,
				    u->len, mine);
	size_t len;
	const uint8_t *theirs = dec_bytes(d, &len);

	if (len != n * FINGERPRINT_LEN)
		return err_set(e, ERR_BUG, "%zu tags of %zu",
			       len / FINGERPRINT_LEN, n);
	for (size_t i = 0; i < n; i++)
		if (!memcmp(mine[i], theirs + i * FINGERPRINT_LEN,
			    FINGERPRINT_LEN))
			what[i] = PIECE_SAME;
	return send_pieces(s, st, u, what, e);
}

/* All is zero there: what is zero here too need not be sent. */
static int send_nonzero(struct sender *s, struct stride *st,
			const struct unit *u, struct err *e)
{
	enum piece what[FINES] = {PIECE_SEND};

	for (uint32_t at = 0; at < u->len; at += FINGERPRINT_FINE)
		if (extents_zero(st->data + u->at + at, piece_len(u, at)))
			what[at / FINGERPRINT_FINE] = PIECE_SAME;
	return send_pieces(s, st, u, what, e);
}

static int send_by(struct sender *s, struct stride *st, const struct unit *u,
		   struct dec *d, struct err *e)
{
	switch ((enum xp_diff)dec_u8(d)) {
	case XP_SAME:
		return send_same(s, st, u, e);
	case XP_OTHER:
		return send_unit(s, st, u, e);
	case XP_OTHER_SUB:
		return send_fine(s, st, u, d, e);
	case XP_OTHER_ZERO:
		return send_nonzero(s, st, u, e);
	}
	return err_set(e, ERR_BUG, "a malformed answer");
}

/* ---- strides --------------------------------------------------------- */

/* Acts on the receiver's answer to one stride. */
static int resolve(struct sender *s, struct stride *st, struct err *e)
{
	struct dec d;
	size_t n;

	dec_init(&d, st->reply.p, st->reply.len);
	n = dec_count(&d, 1);
	if (n != st->ncmp)
		return err_set(e, ERR_BUG, "%zu answers of %zu", n, st->ncmp);
	for (size_t i = 0; i < n; i++)
		if (send_by(s, st, &st->unit[i], &d, e))
			return -1;
	return dec_end(&d, "diff", e);
}

/* The oldest one, once it is answered. */
static int resolve_first(struct sender *s, struct err *e)
{
	struct stride *st = s->queue[s->head];

	if (sender_wait(s, &st->answered, e) || resolve(s, st, e))
		return -1;
	s->head = (s->head + 1) % XP_STRIDES;
	s->count--;
	s->idle[s->nidle++] = st;
	return mark(s, st->off, e);
}

struct stride *sender_stride(struct sender *s, uint64_t off, struct err *e)
{
	struct stride *st;

	while (!s->nidle)
		if (resolve_first(s, e))
			return NULL;
	st = s->idle[--s->nidle];
	if (!st->data)
		st->data = mem_calloc(1, XP_STRIDE);
	st->off = off;
	st->n = st->ncmp = 0;
	return st;
}

static int send_cmp(struct sender *s, struct stride *st, struct err *e)
{
	struct enc *m = chan_begin(s->c, XP_CMP);

	enc_u64(m, st->off);
	enc_bool(m, true);
	enc_count(m, st->ncmp);
	for (size_t i = 0; i < st->ncmp; i++) {
		const struct unit *u = &st->unit[i];

		enc_u64(m, st->off + u->at);
		enc_u32(m, u->len);
		enc_bytes(m, u->tag, sizeof(u->tag));
	}
	st->answered = false;
	s->queue[(s->head + s->count++) % XP_STRIDES] = st;
	return chan_end(s->c, NULL, 0, e);
}

/* All of the unit at I, and of its neighbours, to which *I moves on: the fewer
 * messages, the fewer times everybody on the way is woken. */
static int send_units(struct sender *s, struct stride *st, size_t *i,
		      struct err *e)
{
	const struct unit *u = &st->unit[(*i)++], *v;
	uint32_t n = u->len;

	if (u->holes)
		return send_unit(s, st, u, e);
	for (; *i < st->n; n += v->len, ++*i) {
		v = &st->unit[*i];
		if (v->holes || v->at != u->at + n)
			break;
	}
	return sender_data(s, st->off + u->at, st->data + u->at, n, e);
}

int sender_submit(struct sender *s, struct stride *st, struct err *e)
{
	if (sender_pace(s, e))
		return -1;
	while (st->ncmp < st->n &&
	       st->off + st->unit[st->ncmp].at + st->unit[st->ncmp].len <=
		       s->cmp_limit)
		st->ncmp++;
	for (size_t i = st->ncmp; i < st->n;)
		if (send_units(s, st, &i, e))
			return -1;
	if (st->ncmp)
		return send_cmp(s, st, e);
	s->idle[s->nidle++] = st;
	return 0;
}

int sender_drain(struct sender *s, struct err *e)
{
	while (s->count)
		if (resolve_first(s, e))
			return -1;
	return flush_zero(s, e);
}
