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
#include "transfer/tagdir.h"

enum {
	DIAL_US = 30 * 1000000,
	/* A packet filter may just drop it, and then there is ssh. */
	DIAL_TLS_US = 3 * 1000000,
	PROGRESS_US = 200000,
};

struct sending {
	struct verb_call *c;
	struct verb_chan v; /* the tunnel, for a relay */
	struct dial dial;   /* or this */
	bool direct;
	struct sender *s;
	struct buf file; /* the CTL_FILE that waits to be done */
	bool many;	 /* it is a CTL_FILES */
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

static int on_calm(struct sending *g, struct dec *d, struct err *e)
{
	enum calm c;

	return calm_get(d, &c, e) ? -1 : sender_calm(g->s, c, e);
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
	if (type == CTL_CALM)
		return on_calm(g, &d, e);
	if ((type != CTL_FILE && type != CTL_FILES) || g->have_file)
		return err_set(e, ERR_BUG, "control message %d", (int)type);
	buf_reset(&g->file);
	buf_put(&g->file, d.p, (size_t)(d.end - d.p));
	g->have_file = true;
	g->many = type == CTL_FILES;
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

/* Opens the file whose root and name begin at PATH. */
static int open_source(struct sending *g, struct dec path, struct err *e)
{
	struct verb_call sub = *g->c;
	struct agent_path p;

	sub.in = &path;
	if (agent_path(&sub, &p, e))
		return -1;
	return agent_open(&p, O_RDONLY, 0, e);
}

static struct sender_file source(const struct ctl_file *f)
{
	return (struct sender_file){.fd = -1,
				    .name = f->src_rel,
				    .rel = f->dst_rel,
				    .basis_rel = f->basis_rel,
				    .expect = f->expect,
				    .delta = f->delta,
				    .full = f->full,
				    .final = f->final,
				    .mode = f->mode,
				    .bad = f->bad};
}

static int copy_file(struct sending *g, struct transfer_result *out,
		     struct err *e)
{
	AUTO(mem_closefd) int fd = -1;
	struct dec d, path;
	struct ctl_file f;
	struct sender_file sf;

	dec_init(&d, g->file.p, g->file.len);
	path = d;
	ctl_get_file(&d, &f);
	if (dec_end(&d, "file", e))
		return -1;
	fd = open_source(g, path, e);
	if (fd < 0)
		return -1;
	sf = source(&f);
	sf.fd = fd;
	sf.tick = on_tick;
	sf.arg = g;
	return sender_copy(g->s, &sf, out, e);
}

static int one_file(struct sending *g, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct transfer_result out = {0};
	struct err why = ERR_INIT;
	int rc = copy_file(g, &out, &why);

	if (g->direct) {
		out.streams = dial_streams(&g->dial);
		dial_why(&g->dial, out.streams_why, sizeof(out.streams_why));
	}
	g->have_file = false;
	enc_u8(&m, CTL_DONE);
	enc_bool(&m, !rc);
	ctl_put_result(&m, &out);
	if (rc)
		enc_err(&m, &why);
	err_clear(&why);
	return tell(g, &m, e);
}

/* ---- many files ------------------------------------------------------ */

enum { TELL_RESULTS = 64 };

struct listing {
	struct sending *g;
	struct ctl_file *f;
	struct dec *at; /* where the root and the name of each begin */
	size_t n;
	struct enc results; /* done, and not yet told */
	size_t nresults;
};

static void list_file(void *arg, size_t i, struct sender_file *f)
{
	struct listing *l = arg;

	*f = source(&l->f[i]);
}

static int list_open(void *arg, size_t i, struct err *e)
{
	struct listing *l = arg;

	return open_source(l->g, l->at[i], e);
}

static int tell_results(struct listing *l, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct frame f = {.type = WIRE_DATA};
	int rc;

	if (!l->nresults)
		return 0;
	enc_u8(&m, CTL_RESULTS);
	enc_count(&m, l->nresults);
	f.p = m.b.p;
	f.len = m.b.len;
	rc = agent_send(l->g->c, &f, l->results.b.p, l->results.b.len, e);
	enc_reset(&l->results);
	l->nresults = 0;
	return rc;
}

static int list_done(void *arg, size_t i, const struct transfer_result *r,
		     struct err *e)
{
	struct listing *l = arg;

	enc_u32(&l->results, (uint32_t)i);
	ctl_put_result(&l->results, r);
	return ++l->nresults < TELL_RESULTS ? 0 : tell_results(l, e);
}

static int list_tick(void *arg, const struct transfer_progress *p,
		     struct err *e)
{
	struct listing *l = arg;

	return tell_results(l, e) || on_tick(l->g, p, e) ? -1 : 0;
}

static int list_read(struct listing *l, struct err *e)
{
	struct dec d;

	dec_init(&d, l->g->file.p, l->g->file.len);
	l->n = dec_count(&d, 8);
	if (l->n > CTL_FILES_MAX)
		return err_set(e, ERR_BUG, "%zu files in a list", l->n);
	l->f = MEM_NEW_N(struct ctl_file, l->n + 1);
	l->at = MEM_NEW_N(struct dec, l->n + 1);
	for (size_t i = 0; i < l->n; i++) {
		l->at[i] = d;
		ctl_get_file(&d, &l->f[i]);
	}
	return dec_end(&d, "files", e);
}

static int copy_files(struct listing *l, size_t *bad, struct err *e)
{
	struct err why = ERR_INIT;
	int rc;

	if (list_read(l, e))
		return -1;
	rc = sender_copy_many(l->g->s,
			      &(struct sender_list){.n = l->n,
						    .file = list_file,
						    .open = list_open,
						    .done = list_done,
						    .tick = list_tick,
						    .arg = l},
			      bad, e);
	/* Also of a list that failed: those stay. */
	if (tell_results(l, &why)) {
		rc = -1;
		err_move(e, &why);
	}
	return rc;
}

static int many_files(struct sending *g, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct listing l = {.g = g};
	struct err why = ERR_INIT;
	size_t bad = CTL_FILES_MAX;
	int rc = copy_files(&l, &bad, &why);

	g->have_file = false;
	enc_u8(&m, CTL_FILES_DONE);
	enc_bool(&m, !rc);
	if (rc) {
		enc_u32(&m, (uint32_t)bad);
		enc_err(&m, &why);
	}
	err_clear(&why);
	enc_clear(&l.results);
	mem_free(l.f);
	mem_free(l.at);
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
			if (g->many ? many_files(g, e) : one_file(g, e))
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
	AUTO(tagdir_close) struct tagdir kept = TAGDIR_INIT;
	struct sending g = {.c = c};
	struct ctl_send a;
	int rc = 0;

	ctl_get_send(c->in, &a);
	if (agent_args_end(c, e) || agent_kept(c->agent, &kept, e))
		return -1;
	verb_chan_init(&g.v, c);
	g.v.control = on_control;
	g.v.arg = &g;
	g.direct = a.direct;
	if (g.direct)
		rc = a.tls ? dial_tls_open(&g.dial, &a, DIAL_TLS_US, e)
			   : dial_open(&g.dial, &a, DIAL_US, e);
	agent_forget(c);
	if (!rc) {
		g.s = sender_new(channel(&g),
				 &(struct sender_cfg){.kept = &kept,
						      .bwlimit = a.bwlimit,
						      .compress = a.compress});
		rc = serve(&g, e);
	}
	sender_free(g.s);
	if (g.direct)
		dial_close(&g.dial);
	chan_clear(&g.v.chan);
	buf_clear(&g.file);
	return rc ? verb_chan_fail(e) : 0;
}
