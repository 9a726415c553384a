/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/chan.h"

#include <errno.h>

#include "core/clock.h"

static int wire_put(void *self, const struct enc *head, const void *data,
		    size_t n, struct err *e)
{
	struct frame f = {
		.type = WIRE_DATA, .p = head->b.p, .len = head->b.len};

	return wire_send(self, &f, data, n, clock_mono_us() + XP_DEAD_US, e);
}

static int wire_get(void *self, const char **p, size_t *n, int64_t timeout_us,
		    struct err *e)
{
	struct frame f;

	if (wire_recv(self, &f, clock_mono_us() + timeout_us, e))
		return -1;
	if (f.type != WIRE_DATA)
		return err_set(e, ERR_BUG, "a frame of type %u",
			       (unsigned)f.type);
	*p = f.p;
	*n = f.len;
	return 0;
}

static const struct chan_ops wire_chan = {wire_put, wire_get};

void chan_init(struct chan *c, const struct chan_ops *ops, void *self)
{
	*c = (struct chan){.ops = ops, .self = self};
	c->last_out = c->last_in = clock_mono_us();
}

void chan_init_wire(struct chan *c, struct wire *w)
{
	chan_init(c, &wire_chan, w);
}

void chan_clear(struct chan *c)
{
	enc_clear(&c->head);
}

struct enc *chan_begin(struct chan *c, enum xp_type type)
{
	enc_reset(&c->head);
	enc_u8(&c->head, (uint8_t)type);
	return &c->head;
}

int chan_end(struct chan *c, const void *data, size_t n, struct err *e)
{
	int64_t start;

	if (c->broken)
		return err_set(e, ERR_LOST, "the connection is gone");
	start = clock_mono_us();
	if (c->ops->send(c->self, &c->head, data, n, e)) {
		c->broken = true;
		e->kind = ERR_LOST;
		return -1;
	}
	c->out += c->head.b.len + n;
	c->last_out = clock_mono_us();
	c->waited += c->last_out - start;
	return 0;
}

int chan_put(struct chan *c, enum xp_type type, struct err *e)
{
	chan_begin(c, type);
	return chan_end(c, NULL, 0, e);
}

int chan_error(struct chan *c, struct err *e)
{
	enc_err(chan_begin(c, XP_ERROR), e);
	err_clear(e);
	return chan_end(c, NULL, 0, e);
}

int chan_recv(struct chan *c, struct chan_msg *m, int64_t timeout_us,
	      struct err *e)
{
	int64_t start = clock_mono_us(), now;
	const char *p;
	size_t n;
	int rc = c->ops->recv(c->self, &p, &n, timeout_us, e);

	now = clock_mono_us();
	c->waited += now - start;
	if (rc) {
		if (e->sys != ETIMEDOUT)
			c->broken = true;
		return -1;
	}
	c->in += n;
	c->last_in = now;
	dec_init(&m->d, p, n);
	m->type = (enum xp_type)dec_u8(&m->d);
	return 0;
}

const void *chan_rest(struct chan_msg *m, size_t *n)
{
	const void *p = m->d.p;

	*n = m->d.bad ? 0 : (size_t)(m->d.end - m->d.p);
	m->d.p = m->d.end;
	return p;
}

bool chan_ack_due(const struct chan *c, uint64_t n)
{
	return n >= XP_ACK_EVERY ||
	       clock_mono_us() - c->last_out >= XP_ALIVE_US;
}

int chan_alive(struct chan *c, struct err *e)
{
	if (clock_mono_us() - c->last_out < XP_ALIVE_US)
		return 0;
	return chan_put(c, XP_ALIVE, e);
}
