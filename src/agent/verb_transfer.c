/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs for bulk data, and the receiving one. */
#include <errno.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "agent/lease.h"
#include "agent/transfer_verbs.h"
#include "core/clock.h"
#include "transfer/ctl.h"
#include "transfer/receiver.h"

/* ---- a channel within a request -------------------------------------- */

static int tunnel_send(void *self, const struct enc *head, const void *data,
		       size_t n, struct err *e)
{
	struct verb_chan *v = self;
	struct frame f = {.type = WIRE_DATA,
			  .flags = CTL_TUNNEL,
			  .p = head->b.p,
			  .len = head->b.len};

	return agent_send(v->call, &f, data, n, e);
}

static int tunnel_recv(void *self, const char **p, size_t *n,
		       int64_t timeout_us, struct err *e)
{
	return verb_chan_recv(self, p, n, timeout_us, e);
}

static const struct chan_ops tunnel_ops = {tunnel_send, tunnel_recv};

void verb_chan_init(struct verb_chan *v, struct verb_call *c)
{
	*v = (struct verb_chan){.call = c};
	chan_init(&v->chan, &tunnel_ops, v);
}

static int recv_one(struct verb_chan *v, const char **p, size_t *n,
		    int64_t timeout_us, struct err *e)
{
	struct frame f;

	if (!v->ended && agent_recv(v->call, &f, timeout_us, e))
		return -1;
	if (v->ended || f.type == WIRE_END) {
		v->ended = true;
		err_set(e, ERR_FAILED, "the transfer was closed");
		e->sys = EPIPE;
		return -1;
	}
	if (f.type != WIRE_DATA)
		return err_set(e, ERR_BUG, "a frame of type %u",
			       (unsigned)f.type);
	if (!(f.flags & CTL_TUNNEL)) {
		if (v->control && v->control(v->arg, &f, e))
			return -1;
		/* So that the caller looks at what control has noted. */
		return err_sys(e, ERR_RETRY, ETIMEDOUT, "no message");
	}
	*p = f.p;
	*n = f.len;
	return 0;
}

/* Messages in their order, whichever stream they came on. */
static int recv_striped(struct verb_chan *v, const char **p, size_t *n,
			int64_t timeout_us, struct err *e)
{
	int64_t end = clock_mono_us() + timeout_us;

	while (!stripe_in_next(v->in, p, n)) {
		int64_t left = end - clock_mono_us();

		if (recv_one(v, p, n, left > 0 ? left : 0, e))
			return -1;
		agent_take(v->call, &v->taken);
		if (stripe_in_put(v->in, &v->taken, WIRE_HEADER, e))
			return -1;
	}
	return 0;
}

int verb_chan_recv(struct verb_chan *v, const char **p, size_t *n,
		   int64_t timeout_us, struct err *e)
{
	return v->in ? recv_striped(v, p, n, timeout_us, e)
		     : recv_one(v, p, n, timeout_us, e);
}

int verb_chan_fail(struct err *e)
{
	if (e->sys == ETIMEDOUT)
		e->sys = EIO;
	return -1;
}

/* ---- receiving ------------------------------------------------------- */

/* Tells the sender where further streams may join. */
static int say_streams(struct verb_call *c, const struct streams *s,
		       struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct frame f = {.type = WIRE_DATA};

	enc_u8(&m, CTL_STREAMS);
	enc_str(&m, streams_name(s));
	enc_bytes(&m, streams_token(s), CTL_TOKEN);
	f.p = m.b.p;
	f.len = m.b.len;
	return agent_send(c, &f, NULL, 0, e);
}

static int serve_striped(struct verb_chan *v, const struct receiver_cfg *cfg,
			 void *arg, struct err *e)
{
	struct streams *s = streams_listen(v->call->agent, e);
	struct stripe_in in;
	int rc;

	(void)arg;
	if (!s)
		return -1;
	stripe_in_init(&in);
	v->in = &in;
	rc = say_streams(v->call, s, e) || receiver_serve(cfg, &v->chan, e) ? -1
									    : 0;
	v->in = NULL;
	streams_end(s);
	stripe_in_clear(&in);
	buf_clear(&v->taken);
	return rc;
}

static int serve_one(struct verb_chan *v, const struct receiver_cfg *cfg,
		     void *arg, struct err *e)
{
	(void)arg;
	/* The lease is entered: the sender may begin. */
	if (chan_put(&v->chan, XP_ALIVE, e))
		return -1;
	return receiver_serve(cfg, &v->chan, e);
}

/* Under the lease's gate for as long as it lasts: whoever takes the lease over
 * waits for it or ends it, with this process. */
int verb_receive(struct verb_call *c, const struct verb_receive *how,
		 struct err *e)
{
	AUTO(mem_freep) char *prefix = NULL;
	AUTO(mem_closefd) int receive = -1;
	const struct agent_opts *o = &c->agent->opts;
	struct receiver_cfg cfg = {.dead_us = (int64_t)how->dead_us};
	struct verb_chan v;
	int rc;

	if (o->root && strcmp(how->root, o->root))
		return err_set(e, ERR_REFUSED,
			       "%s is not what this session may reach",
			       how->root);
	cfg.root = agent_root(c->agent, how->root, e);
	if (cfg.root < 0)
		return -1;
	/* For a direct one, VERB_TRANSFER_ALLOW has ended the earlier ones. */
	receive = lease_receive(c->agent->lease.root, c->agent->lease.uuid,
				!o->root, e);
	if (receive < 0)
		return -1;
	cfg.prefix = prefix = mem_printf(".novahaul/%s", agent_job(c->agent));
	cfg.work = prefix;
	if (how->watch)
		cfg.idle_us = cfg.dead_us ? cfg.dead_us : XP_DEAD_US;
	verb_chan_init(&v, c);
	wire_long_pipe(o->in);
	rc = how->serve(&v, &cfg, how->arg, e);
	chan_clear(&v.chan);
	return rc ? verb_chan_fail(e) : 0;
}

static int do_recv(struct verb_call *c, struct err *e)
{
	struct verb_receive how = {.root = dec_str(c->in),
				   .watch = c->agent->opts.root != NULL};

	how.dead_us = dec_u64(c->in);
	how.serve = dec_bool(c->in) ? serve_striped : serve_one;
	if (agent_args_end(c, e))
		return -1;
	return verb_receive(c, &how, e);
}

const struct verb verbs_transfer[] = {
	{VERB_TRANSFER_SEND, "transfer-send", .fn = verb_transfer_send},
	{VERB_TRANSFER_RECV, "transfer-recv", .mutates = true, .receive = true,
	 .fn = do_recv},
	{VERB_TRANSFER_JOIN, "transfer-join", .mutates = true, .receive = true,
	 .fn = verb_transfer_join},
	{VERB_TRANSFER_LISTEN, "transfer-listen", .mutates = true,
	 .fn = verb_transfer_listen},
	{VERB_TRANSFER_ALLOW, "transfer-allow", .mutates = true,
	 .fn = verb_transfer_allow},
	{VERB_TRANSFER_REVOKE, "transfer-revoke", .mutates = true,
	 .fn = verb_transfer_revoke},
	{0},
};
