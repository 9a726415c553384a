/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/extents.h"
#include "transfer/rsdelta.h"
#include "transfer/sender_priv.h"

enum { PIECE = 256 << 10 };

/* The receiver's signature, as it comes in. */
static int load(struct sender *s, struct rsdelta *sig, struct err *e)
{
	struct dec d;
	struct chan_msg m;
	int64_t dead = s->cfg.dead_us ? s->cfg.dead_us : XP_DEAD_US;

	for (;;) {
		size_t n;
		const void *p;

		if (chan_recv(s->c, &m, dead, e)) {
			s->c->broken = true;
			e->kind = ERR_LOST;
			return err_wrap(e, "the receiver is lost");
		}
		if (m.type == XP_SIG_END)
			return rsdelta_finish(sig, e);
		if (m.type == XP_ERROR) {
			d = m.d;
			dec_err(&d, e);
			return err_wrap(e, "on the target");
		}
		if (m.type == XP_SIG_DATA) {
			p = chan_rest(&m, &n);
			if (rsdelta_push(sig, p, n, e))
				return -1;
		} else if (m.type != XP_ALIVE && m.type != XP_ACK) {
			return err_set(e, ERR_BUG, "message %d in a signature",
				       (int)m.type);
		}
		if (sender_tick(s, e))
			return -1;
	}
}

static int delta_out(void *arg, const void *p, size_t n, struct err *e)
{
	struct sender *s = arg;

	if (sender_room(s, n, e))
		return -1;
	return sender_content(s, chan_begin(s->c, XP_DELTA), p, n, e);
}

/* One delta for each run of data between zeros: literal zeros would be sent
 * one by one. */
struct runs {
	struct sender *s;
	struct rsdelta *sig, *delta;
	uint8_t *buf;
	uint64_t pos;
};

static int run_end(struct runs *r, struct err *e)
{
	int rc = r->delta ? rsdelta_finish(r->delta, e) : 0;

	rsdelta_free(r->delta);
	r->delta = NULL;
	return rc;
}

static int run_zeros(struct runs *r, uint64_t n, struct err *e)
{
	tags_zero(r->s->tags, r->pos / FINGERPRINT_BLOCK,
		  (n + FINGERPRINT_BLOCK - 1) / FINGERPRINT_BLOCK);
	r->s->p.holes += n;
	r->pos += n;
	return run_end(r, e);
}

static int run_data(struct runs *r, const uint8_t *p, size_t n, struct err *e)
{
	uint8_t tag[FINGERPRINT_LEN];

	fingerprint_tag(r->s->fp, r->pos, p, n, tag);
	tags_set(r->s->tags, r->pos / FINGERPRINT_BLOCK, tag);
	if (!r->delta) {
		enc_u64(chan_begin(r->s->c, XP_RUN), r->pos);
		if (chan_end(r->s->c, NULL, 0, e))
			return -1;
		r->delta = rsdelta_delta(r->sig, delta_out, r->s);
	}
	r->pos += n;
	return rsdelta_push(r->delta, p, n, e);
}

/* Up to PIECE bytes from r->pos on. */
static int run_read(struct runs *r, uint64_t to, struct err *e)
{
	size_t n = to - r->pos < PIECE ? (size_t)(to - r->pos) : PIECE;
	ssize_t got = sender_read(r->s, r->buf, n, r->pos, e);

	if (got < 0)
		return -1;
	if ((size_t)got < n)
		return err_set(e, ERR_CONFLICT,
			       "%s was cut shorter while it was read",
			       r->s->f->name);
	for (size_t at = 0; at < n; at += FINGERPRINT_BLOCK) {
		size_t k =
			n - at < FINGERPRINT_BLOCK ? n - at : FINGERPRINT_BLOCK;
		int rc = extents_zero(r->buf + at, k)
				 ? run_zeros(r, k, e)
				 : run_data(r, r->buf + at, k, e);

		if (rc)
			return -1;
	}
	return 0;
}

/* r->pos is a multiple of FINGERPRINT_BLOCK until the end. */
static int runs(struct runs *r, uint64_t to, struct err *e)
{
	while (r->pos < to) {
		struct extents x;
		struct extent ext;
		uint64_t hole = 0;

		extents_init(&x, r->s->f->fd, r->pos, to);
		if (extents_next(&x, &ext, e))
			return err_wrap(e, "%s", r->s->f->name);
		if (!ext.data)
			hole = ext.off + ext.len == to
				       ? ext.len
				       : ext.len - ext.len % FINGERPRINT_BLOCK;
		if (hole ? run_zeros(r, hole, e) : run_read(r, to, e))
			return -1;
		r->s->p.pos = r->pos;
		if (sender_tick(r->s, e))
			return -1;
	}
	return run_end(r, e);
}

int sender_delta(struct sender *s, uint64_t from, uint64_t to, struct err *e)
{
	struct runs r = {.s = s, .pos = from};
	uint64_t sent = s->p.sent, holes = s->p.holes;
	int rc;

	enc_u64(chan_begin(s->c, XP_SIG), from);
	if (chan_end(s->c, NULL, 0, e))
		return -1;
	r.sig = rsdelta_load();
	r.buf = mem_calloc(1, PIECE);
	rc = load(s, r.sig, e) || runs(&r, to, e) ? -1 : 0;
	rsdelta_free(r.delta);
	rsdelta_free(r.sig);
	mem_free(r.buf);
	/* What was not sent was found there; the delta's own commands make it
	 * a little less than exact. */
	sent = s->p.sent - sent;
	holes = s->p.holes - holes;
	if (!rc && to - from > sent + holes)
		s->p.matched += to - from - sent - holes;
	return rc;
}
