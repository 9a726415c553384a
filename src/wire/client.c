/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "wire/wire.h"

#define KEEPALIVE_US (2 * 1000000LL)
#define DEAD_US (30 * 1000000LL)
#define REPLY_MAX ((size_t)64 << 20)

static void init(struct client *c)
{
	c->keepalive_us = KEEPALIVE_US;
	c->dead_us = DEAD_US;
	c->last_sent = clock_mono_us();
}

void client_init(struct client *c, const struct wire_ops *ops, void *self)
{
	memset(c, 0, sizeof(*c));
	wire_init(&c->w, ops, self);
	init(c);
}

void client_init_fds(struct client *c, int in, int out)
{
	memset(c, 0, sizeof(*c));
	wire_init_fds(&c->w, in, out);
	init(c);
}

void client_clear(struct client *c)
{
	wire_clear(&c->w);
	buf_clear(&c->reply);
	c->dead = true;
}

static int64_t later(int64_t us)
{
	int64_t now = clock_mono_us();

	return us > INT64_MAX - now ? INT64_MAX : now + us;
}

static int put(struct client *c, const struct frame *f, const void *data,
	       size_t n, struct err *e)
{
	if (c->dead) {
		err_set(e, ERR_RETRY, "the connection is gone");
		e->sys = ENOTCONN;
		return -1;
	}
	/* A slow link is not a dead one: dead ones are found by reading. */
	if (wire_send(&c->w, f, data, n, later(4 * c->dead_us), e)) {
		c->dead = true;
		e->kind = ERR_RETRY;
		return -1;
	}
	c->last_sent = clock_mono_us();
	return 0;
}

int client_ping(struct client *c, struct err *e)
{
	struct frame f = {.type = WIRE_KEEPALIVE, .epoch = c->epoch};

	c->pinged = clock_mono_us();
	return put(c, &f, NULL, 0, e);
}

static int keepalive(struct client *c, struct err *e)
{
	if (clock_mono_us() - c->last_sent < c->keepalive_us)
		return 0;
	return client_ping(c, e);
}

/* WIRE_ALIVE. */
static void alive(struct client *c)
{
	if (!c->pinged)
		return;
	c->rtt_us = clock_mono_us() - c->pinged;
	c->pinged = 0;
	c->pongs++;
}

/* The next frame that is not WIRE_ALIVE; ETIMEDOUT at DEADLINE. */
static int next(struct client *c, struct frame *f, int64_t deadline,
		struct err *e)
{
	for (;;) {
		int64_t gone = c->w.heard + c->dead_us;
		int64_t until = c->last_sent + c->keepalive_us;

		if (until > deadline)
			until = deadline;
		if (!wire_recv(&c->w, f, until, e)) {
			if (f->type != WIRE_ALIVE)
				return 0;
			alive(c);
			continue;
		}
		if (e->sys != ETIMEDOUT) {
			c->dead = true;
			return -1;
		}
		if (clock_mono_us() >= gone) {
			c->dead = true;
			err_set(e, ERR_RETRY, "no sign of life for %lld s",
				(long long)(c->dead_us / 1000000));
			e->sys = EHOSTDOWN;
			return -1;
		}
		err_clear(e);
		/* Also for those who look in often, with short deadlines. */
		if (keepalive(c, e))
			return -1;
		if (c->on_wait)
			c->on_wait(c->wait_arg);
		if (clock_mono_us() >= deadline)
			return err_sys(e, ERR_RETRY, ETIMEDOUT, "no answer");
	}
}

int client_begin(struct client *c, const struct client_req *r, uint32_t *id,
		 struct err *e)
{
	struct frame f = {.type = r->type, .epoch = c->epoch};

	if (r->args) {
		f.p = r->args->b.p;
		f.len = r->args->b.len;
	}
	if (++c->last_id == 0)
		c->last_id = 1;
	f.id = *id = c->last_id;
	/* Nobody listened between requests: that is not the peer's silence. */
	c->w.heard = clock_mono_us();
	return put(c, &f, r->data, r->len, e);
}

int client_send(struct client *c, uint32_t id, const struct frame *f,
		const void *data, size_t n, struct err *e)
{
	struct frame g = *f;

	g.id = id;
	g.epoch = c->epoch;
	return put(c, &g, data, n, e);
}

int client_next(struct client *c, uint32_t id, struct frame *f,
		int64_t deadline, struct err *e)
{
	if (c->dead) {
		err_set(e, ERR_RETRY, "the connection is gone");
		e->sys = ENOTCONN;
		return -1;
	}
	if (next(c, f, deadline, e))
		return -1;
	if (f->id != id) {
		c->dead = true;
		return err_set(e, ERR_BUG, "an answer to request %u, not %u",
			       (unsigned)f->id, (unsigned)id);
	}
	if (f->type == WIRE_ERROR) {
		struct dec d;

		dec_init(&d, f->p, f->len);
		return dec_err(&d, e);
	}
	return 0;
}

/* All frames of one reply. */
static int collect(struct client *c, uint32_t id, int64_t deadline,
		   struct dec *reply, struct err *e)
{
	struct frame f;

	buf_reset(&c->reply);
	do {
		if (client_next(c, id, &f, deadline, e))
			return -1;
		if (f.type != WIRE_OK || c->reply.len + f.len > REPLY_MAX) {
			c->dead = true;
			return err_set(e, ERR_BUG,
				       "an answer of type %u, %zu bytes",
				       (unsigned)f.type, c->reply.len + f.len);
		}
		buf_put(&c->reply, f.p, f.len);
	} while (f.flags & WIRE_F_MORE);
	dec_init(reply, c->reply.p, c->reply.len);
	return 0;
}

int client_alive(struct client *c, struct err *e)
{
	return keepalive(c, e);
}

int client_call(struct client *c, const struct client_req *r, struct dec *reply,
		struct err *e)
{
	uint32_t id;

	return client_begin(c, r, &id, e) ? -1 : client_end(c, r, id, reply, e);
}

int client_end(struct client *c, const struct client_req *r, uint32_t id,
	       struct dec *reply, struct err *e)
{
	int64_t deadline = r->timeout_us ? later(r->timeout_us) : INT64_MAX;

	if (!collect(c, id, deadline, reply, e))
		return 0;
	if (!c->dead && e->sys == ETIMEDOUT && clock_mono_us() >= deadline) {
		/* Its answer may still come: nothing may be asked after it. */
		c->dead = true;
		err_set(e, ERR_RETRY, "no answer within %lld s",
			(long long)(r->timeout_us / 1000000));
		e->sys = ETIMEDOUT;
	}
	if (c->dead && e->kind != ERR_BUG)
		e->kind = r->mutates ? ERR_LOST : ERR_RETRY;
	return -1;
}

int client_tick(struct client *c, struct err *e)
{
	struct frame f;

	if (c->dead || keepalive(c, e))
		return c->dead && e->kind == ERR_NONE
			       ? err_set(e, ERR_RETRY, "the connection is gone")
			       : -1;
	while (!wire_recv(&c->w, &f, 0, e)) {
		if (f.type != WIRE_ALIVE) {
			c->dead = true;
			return err_set(e, ERR_BUG,
				       "an answer nobody asked for");
		}
		alive(c);
	}
	if (e->sys == ETIMEDOUT) {
		err_clear(e);
		return 0;
	}
	c->dead = true;
	return -1;
}

int client_hello_send(struct client *c, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct frame f = {.type = WIRE_HELLO};

	enc_u32(&a, WIRE_PROTOCOL);
	enc_str(&a, wire_build());
	f.p = a.b.p;
	f.len = a.b.len;
	return put(c, &f, NULL, 0, e);
}

int client_hello_wait(struct client *c, int64_t deadline, struct err *e)
{
	struct frame g;
	struct dec d;
	uint32_t protocol;
	const char *build;

	if (wire_recv(&c->w, &g, deadline, e)) {
		c->dead = true;
		return err_wrap(e, "handshake with the agent");
	}
	dec_init(&d, g.p, g.len);
	protocol = dec_u32(&d);
	build = dec_str(&d);
	if (g.type != WIRE_HELLO || dec_end(&d, "hello", e)) {
		c->dead = true;
		return err_set(e, ERR_BUG,
			       "handshake with the agent: "
			       "another kind of frame came first");
	}
	if (protocol == WIRE_PROTOCOL && !strcmp(build, wire_build()))
		return 0;
	c->dead = true;
	err_set(e, ERR_REFUSED,
		"the agent is of another build (protocol %u, build %.16s; we "
		"are %u, %.16s)",
		(unsigned)protocol, build, (unsigned)WIRE_PROTOCOL,
		wire_build());
	return err_hint(e, "install novahaul and novahaul-agent of one build, "
			   "or unset NOVAHAUL_AGENT");
}

int client_hello(struct client *c, int64_t deadline, struct err *e)
{
	return client_hello_send(c, e) ? -1 : client_hello_wait(c, deadline, e);
}
