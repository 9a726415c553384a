/* SPDX-License-Identifier: Apache-2.0 */
/* The source's end of a transfer, as a request that stays under way. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/transfer_verbs.h"
#include "core/clock.h"
#include "transfer/ctl.h"
#include "transfer/dial.h"
#include "transfer/sender.h"

enum { DIAL_US = 30 * 1000000, PROGRESS_US = 200000 };

struct sending {
	struct verb_call *c;
	struct verb_chan v; /* the tunnel, for a relay */
	struct dial dial;   /* or this */
	bool direct;
	struct sender *s;
	struct buf file; /* the CTL_FILE that waits to be done */
	bool have_file, cancel;
	int64_t told;
};

static struct chan *channel(struct sending *g)
{
	return g->direct ? &g->dial.chan : &g->v.chan;
}

/* To the controller. */
static int tell(struct sending *g, const struct enc *m, struct err *e)
{
	struct frame f = {.type = WIRE_DATA, .p = m->b.p, .len = m->b.len};

	return agent_send(g->c, &f, NULL, 0, e);
}

/* From the controller; may come at any time. */
static int on_control(void *arg, const struct frame *f, struct err *e)
{
	struct sending *g = arg;
	struct dec d;
	enum ctl_type type;

	dec_init(&d, f->p, f->len);
	type = (enum ctl_type)dec_u8(&d);
	if (type == CTL_CANCEL) {
		g->cancel = true;
		return 0;
	}
	if (type == CTL_LIMIT) {
		sender_limit(g->s, dec_u64(&d));
		return dec_end(&d, "limit", e);
	}
	if (type != CTL_FILE || g->have_file)
		return err_set(e, ERR_BUG, "control message %d", (int)type);
	buf_reset(&g->file);
	buf_put(&g->file, d.p, (size_t)(d.end - d.p));
	g->have_file = true;
	g->cancel = false;
	return 0;
}

/* Nothing but control comes here while the channel is ssh's. */
static int poll_control(struct sending *g, int64_t timeout_us, struct err *e)
{
	const char *p;
	size_t n;

	while (!verb_chan_recv(&g->v, &p, &n, timeout_us, e)) {
		if (g->have_file)
			return 0;
	}
	if (e->sys != ETIMEDOUT)
		return -1;
	err_clear(e);
	return 0;
}

static int on_tick(void *arg, const struct transfer_progress *p, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct sending *g = arg;
	int64_t now = clock_mono_us();

	if (g->direct && poll_control(g, 0, e))
		return -1;
	if (g->cancel)
		return err_set(e, ERR_INTERRUPTED, "the copy was cancelled");
	if (now - g->told < PROGRESS_US)
		return 0;
	g->told = now;
	enc_u8(&m, CTL_PROGRESS);
	ctl_put_progress(&m, p);
	return tell(g, &m, e);
}

static int copy_file(struct sending *g, struct transfer_result *out,
		     struct err *e)
{
	AUTO(mem_closefd) int fd = -1;
	struct dec d, path;
	struct verb_call sub = *g->c;
	struct agent_path p;
	struct ctl_file f;

	dec_init(&d, g->file.p, g->file.len);
	path = d;
	ctl_get_file(&d, &f);
	sub.in = &path;
	if (dec_end(&d, "file", e) || agent_path(&sub, &p, e))
		return -1;
	fd = agent_open(&p, O_RDONLY, 0, e);
	if (fd < 0)
		return -1;
	return sender_copy(g->s,
			   &(struct sender_file){.fd = fd,
						 .name = f.src_rel,
						 .rel = f.dst_rel,
						 .basis_rel = f.basis_rel,
						 .expect = f.expect,
						 .delta = f.delta,
						 .full = f.full,
						 .mode = f.mode,
						 .tick = on_tick,
						 .arg = g},
			   out, e);
}

static int one_file(struct sending *g, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct transfer_result out = {0};
	struct err why = ERR_INIT;
	int rc = copy_file(g, &out, &why);

	g->have_file = false;
	enc_u8(&m, CTL_DONE);
	enc_bool(&m, !rc);
	ctl_put_result(&m, &out);
	if (rc)
		enc_err(&m, &why);
	err_clear(&why);
	return tell(g, &m, e);
}

/* Files, until the controller ends it. */
static int serve(struct sending *g, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;

	enc_u8(&m, CTL_READY);
	if (tell(g, &m, e))
		return -1;
	for (;;) {
		if (poll_control(g, XP_ALIVE_US, e)) {
			if (e->sys != EPIPE)
				return -1;
			err_clear(e);
			return 0;
		}
		if (g->have_file) {
			if (one_file(g, e))
				return -1;
		} else if (g->direct && !g->dial.chan.broken &&
			   chan_alive(&g->dial.chan, e)) {
			/* The next file will say so. */
			err_clear(e);
		}
	}
}

int verb_transfer_send(struct verb_call *c, struct err *e)
{
	struct sending g = {.c = c};
	struct ctl_send a;
	int rc = 0;

	ctl_get_send(c->in, &a);
	if (agent_args_end(c, e))
		return -1;
	verb_chan_init(&g.v, c);
	g.v.control = on_control;
	g.v.arg = &g;
	g.direct = a.direct;
	if (g.direct)
		rc = dial_open(&g.dial, &a, DIAL_US, e);
	if (!rc) {
		g.s = sender_new(channel(&g),
				 &(struct sender_cfg){.bwlimit = a.bwlimit});
		rc = serve(&g, e);
	}
	sender_free(g.s);
	if (g.direct)
		dial_close(&g.dial);
	chan_clear(&g.v.chan);
	buf_clear(&g.file);
	return rc ? verb_chan_fail(e) : 0;
}
