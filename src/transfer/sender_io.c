/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "transfer/sender_priv.h"

enum { TICK_US = 200000 };

int sender_tick(struct sender *s, struct err *e)
{
	int64_t now = clock_mono_us();

	if (now - s->ticked < TICK_US)
		return 0;
	s->ticked = now;
	if (s->f->tick && s->f->tick(s->f->arg, &s->p, e))
		return -1;
	return chan_alive(s->c, e);
}

static int note_diff(struct sender *s, struct chan_msg *m, struct err *e)
{
	uint64_t at = dec_u64(&m->d);
	size_t n;
	const void *p;

	for (unsigned i = 0; i < s->count; i++) {
		struct stride *st = s->queue[(s->head + i) % XP_STRIDES];

		if (st->off != at || st->answered)
			continue;
		p = chan_rest(m, &n);
		buf_reset(&st->reply);
		buf_put(&st->reply, p, n);
		st->answered = true;
		return 0;
	}
	return err_set(e, ERR_BUG, "an answer about offset %llu",
		       (unsigned long long)at);
}

static int note_wanted(struct sender *s, struct chan_msg *m, struct err *e)
{
	size_t n;
	const void *p = chan_rest(m, &n);

	if (s->have)
		return err_set(e, ERR_BUG, "message %d twice", (int)m->type);
	buf_reset(&s->have_body);
	buf_put(&s->have_body, p, n);
	s->have = true;
	return 0;
}

static int note_ack(struct sender *s, struct dec *d, struct err *e)
{
	uint64_t acked = dec_u64(d);

	if (acked > s->acked && acked <= s->sent)
		ziplevel_acked(&s->zip.level, acked - s->acked);
	s->acked = acked;
	return dec_end(d, "ack", e);
}

int sender_take(struct sender *s, int64_t timeout_us, struct err *e)
{
	int64_t dead = s->cfg.dead_us ? s->cfg.dead_us : XP_DEAD_US;
	struct chan_msg m;

	if (chan_recv(s->c, &m, timeout_us, e)) {
		if (e->sys != ETIMEDOUT) {
			e->kind =
				e->kind == ERR_INTERRUPTED ? e->kind : ERR_LOST;
			return err_wrap(e, "the receiver is lost");
		}
		err_clear(e);
		if (clock_mono_us() - s->c->last_in < dead)
			return sender_tick(s, e);
		s->c->broken = true;
		return err_set(e, ERR_LOST,
			       "no sign of the receiver for %lld s",
			       (long long)(dead / 1000000));
	}
	if (m.type == s->want)
		return note_wanted(s, &m, e);
	if (m.type == XP_ACK)
		return note_ack(s, &m.d, e);
	if (m.type == XP_DIFF)
		return note_diff(s, &m, e);
	if (m.type == XP_TAGS_ARE)
		return sender_ahead_note(s, &m, e);
	if (m.type == XP_ERROR) {
		dec_err(&m.d, e);
		return err_wrap(e, "on the target");
	}
	if (m.type == XP_SMALL_ANSWER && s->small)
		return sender_small_answer(s, &m.d, e);
	if (m.type == XP_ALIVE)
		return sender_tick(s, e);
	return err_set(e, ERR_BUG, "message %d from the receiver", (int)m.type);
}

int sender_wait(struct sender *s, const bool *flag, struct err *e)
{
	while (!*flag)
		if (sender_take(s, TICK_US, e))
			return -1;
	return 0;
}

int sender_expect(struct sender *s, enum xp_type type, struct dec *d,
		  struct err *e)
{
	int rc;

	s->want = type;
	rc = sender_wait(s, &s->have, e);
	s->want = XP_NONE;
	s->have = false;
	if (rc)
		return -1;
	dec_init(d, s->have_body.p, s->have_body.len);
	return 0;
}

/* By what went over the channel, whatever it was, each byte once.  It listens
 * meanwhile: the limit itself may be changed, the copy cancelled. */
int sender_pace(struct sender *s, struct err *e)
{
	int64_t us;

	throttle_charge(&s->throttle, s->c->out - s->charged);
	s->charged = s->c->out;
	while ((us = throttle_wait(&s->throttle)) > 0) {
		/* The receiver, which has nothing to do, may be silent. */
		s->c->last_in = clock_mono_us();
		if (sender_take(s, us < TICK_US ? us : TICK_US, e) ||
		    sender_tick(s, e))
			return -1;
	}
	return 0;
}

int sender_window(struct sender *s, size_t n, struct err *e)
{
	size_t max = s->c->window ? s->c->window : XP_WINDOW;

	n = xp_cost(n);
	while (s->sent - s->acked + n > max)
		if (sender_take(s, TICK_US, e))
			return -1;
	s->sent += n;
	ziplevel_sent(&s->zip.level, n);
	return 0;
}

int sender_room(struct sender *s, size_t n, struct err *e)
{
	if (sender_pace(s, e) || sender_window(s, n, e))
		return -1;
	s->p.sent += n;
	return sender_tick(s, e);
}

int sender_content(struct sender *s, struct enc *m, const void *p, size_t n,
		   struct err *e)
{
	const void *z;
	size_t len = zip_pack(&s->zip, p, n, s->c->waited, &z);

	enc_u32(m, len ? (uint32_t)n : 0);
	if (!len)
		return chan_end(s->c, p, n, e);
	s->packed += n;
	return chan_end(s->c, z, len, e);
}

int sender_data(struct sender *s, uint64_t off, const uint8_t *p, size_t n,
		struct err *e)
{
	size_t max = throttle_piece(&s->throttle, XP_DATA_MAX);

	while (n) {
		size_t k = n < max ? n : max;
		struct enc *m;

		if (sender_room(s, k, e))
			return -1;
		m = chan_begin(s->c, XP_DATA);
		enc_u64(m, off);
		if (sender_content(s, m, p, k, e))
			return -1;
		off += k;
		p += k;
		n -= k;
	}
	return 0;
}
