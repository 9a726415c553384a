/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's side: transfer/transfer.h, over two agents' sessions. */
#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "transfer/ctl.h"
#include "transfer/route_priv.h"
#include "transfer/transfer.h"

enum {
	CANCEL_US = 30 * 1000000,
	RELAY_WAIT_US = 1000,
	RELAY_BATCH = 16,
};

/* ---- frames ---------------------------------------------------------- */

static int on_done(struct transfer *t, struct dec *d, struct err *e)
{
	bool ok = dec_bool(d);

	ctl_get_result(d, t->result);
	/* What cannot be read says nothing, least of all that it is done. */
	if (ok && dec_end(d, "done", e))
		return -1;
	if (!ok)
		dec_err(d, &t->error);
	t->ok = ok;
	t->done = true;
	return 0;
}

/* From the source's agent, to us. */
static int on_control(struct transfer *t, const struct frame *f, struct err *e)
{
	struct dec d;

	dec_init(&d, f->p, f->len);
	switch ((enum ctl_type)dec_u8(&d)) {
	case CTL_PROGRESS:
		ctl_get_progress(&d, &t->progress);
		return dec_end(&d, "progress", e);
	case CTL_DONE:
		if (t->result)
			return on_done(t, &d, e);
		break;
	case CTL_RESULTS:
		if (t->results)
			return route_results(t, &d, e);
		break;
	case CTL_FILES_DONE:
		if (t->results)
			return route_files_done(t, &d, e);
		break;
	case CTL_READY:
		if (t->result)
			break;
		t->done = true;
		return 0;
	case CTL_NONE:
	case CTL_FILE:
	case CTL_CANCEL:
	case CTL_LIMIT:
	case CTL_CALM:
	case CTL_FILES:
	case CTL_STREAMS:
	case CTL_LISTENING:
		break;
	}
	return err_set(e, ERR_BUG, "an unexpected message of the sender");
}

int route_next(struct transfer *t, bool src, int64_t timeout_us,
	       struct frame *f, bool *got, struct err *e)
{
	const struct transfer_end *end = src ? &t->src : &t->dst;

	*got = false;
	if (client_next(end->client, src ? t->src_id : t->dst_id, f,
			clock_mono_us() + timeout_us, e)) {
		if (e->sys == ETIMEDOUT && !end->client->dead) {
			err_clear(e);
			return 0;
		}
	} else if (f->type == WIRE_DATA) {
		*got = true;
		return 0;
	} else {
		err_set(e, ERR_LOST, "its agent has ended the transfer");
	}
	*(src ? &t->src_on : &t->dst_on) = false;
	t->dead = true;
	if (end->client->dead)
		e->kind = ERR_LOST;
	return err_wrap(e, "%s", end->host);
}

static int pass_on(struct transfer *t, bool to_dst, const struct frame *f,
		   struct err *e)
{
	const struct transfer_end *end = to_dst ? &t->dst : &t->src;
	struct frame g = {.type = WIRE_DATA, .flags = CTL_TUNNEL};

	g.p = f->p;
	g.len = f->len;
	if (!client_send(end->client, to_dst ? t->dst_id : t->src_id, &g, NULL,
			 0, e))
		return 0;
	t->dead = true;
	e->kind = ERR_LOST;
	return err_wrap(e, "%s", end->host);
}

/* Takes what one end has to say, at most a batch; *ANY: it had something. */
static int drain(struct transfer *t, bool src, int64_t wait_us, bool *any,
		 struct err *e)
{
	for (int i = 0; i < RELAY_BATCH && !t->done; i++) {
		struct frame f;
		bool got;

		if (route_next(t, src, i ? 0 : wait_us, &f, &got, e))
			return -1;
		if (!got)
			return 0;
		*any = true;
		if (f.flags & CTL_TUNNEL ? pass_on(t, src, &f, e)
					 : on_control(t, &f, e)) {
			t->dead = true;
			return -1;
		}
	}
	return 0;
}

int route_pump(struct transfer *t, struct err *e)
{
	int64_t end = clock_mono_us() + ROUTE_TICK_US;
	bool any = true;

	if (t->via == TRANSFER_VIA_DIRECT) {
		if (t->dst.client && client_tick(t->dst.client, e))
			err_clear(e); /* revoke() will say so */
		return drain(t, true, ROUTE_TICK_US, &any, e);
	}
	if (t->via == TRANSFER_VIA_TLS)
		return drain(t, true, ROUTE_TICK_US, &any, e) ||
				       (!t->done && drain(t, false, 0, &any, e))
			       ? -1
			       : 0;
	while (!t->done && clock_mono_us() < end) {
		int64_t wait = any ? 0 : RELAY_WAIT_US;

		any = false;
		if (drain(t, true, wait, &any, e) ||
		    (!t->done && drain(t, false, wait, &any, e)))
			return -1;
	}
	return 0;
}

/* ---- one file -------------------------------------------------------- */

void route_put_file(struct enc *m, const struct transfer_file *f)
{
	ctl_put_file(m, &(struct ctl_file){.src_root = f->src_root,
					   .src_rel = f->src_rel,
					   .dst_rel = f->dst_rel,
					   .basis_rel = f->basis_rel,
					   .expect = f->expect,
					   .delta = f->delta,
					   .full = f->verify_full,
					   .final = f->final,
					   .mode = f->mode,
					   .bad = f->bad});
}

int route_start(struct transfer *t, const struct enc *m, const void *rest,
		size_t n, struct err *e)
{
	struct frame g = {.type = WIRE_DATA, .p = m->b.p, .len = m->b.len};

	t->progress = (struct transfer_progress){0};
	t->done = t->ok = false;
	/* Nobody listened between files: that is not their silence. */
	t->src.client->w.heard = clock_mono_us();
	if (t->dst.client)
		t->dst.client->w.heard = t->src.client->w.heard;
	if (!client_send(t->src.client, t->src_id, &g, rest, n, e))
		return 0;
	t->dead = true;
	e->kind = ERR_LOST;
	return err_wrap(e, "%s", t->src.host);
}

static int send_file(struct transfer *t, const struct transfer_file *f,
		     struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;

	enc_u8(&m, CTL_FILE);
	route_put_file(&m, f);
	return route_start(t, &m, NULL, 0, e);
}

static int send_cancel(struct transfer *t, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct frame g = {.type = WIRE_DATA};

	enc_u8(&m, CTL_CANCEL);
	g.p = m.b.p;
	g.len = m.b.len;
	return client_send(t->src.client, t->src_id, &g, NULL, 0, e);
}

/* To the sender's agent, which does not answer. */
static int tell(struct transfer *t, const struct enc *m, struct err *e)
{
	struct frame g = {.type = WIRE_DATA, .p = m->b.p, .len = m->b.len};

	if (!t->dead && !client_send(t->src.client, t->src_id, &g, NULL, 0, e))
		return 0;
	t->dead = true;
	if (e->kind == ERR_NONE)
		err_set(e, ERR_LOST, "the transfer broke off earlier");
	e->kind = ERR_LOST;
	return err_wrap(e, "%s", t->src.host);
}

static int limit(struct transfer *t, uint64_t bwlimit, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;

	enc_u8(&m, CTL_LIMIT);
	enc_u64(&m, bwlimit);
	return tell(t, &m, e);
}

static int calm(struct transfer *t, enum calm c, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;

	enc_u8(&m, CTL_CALM);
	enc_u8(&m, (uint8_t)c);
	return tell(t, &m, e);
}

int route_wait(struct transfer *t, const struct transfer_file *f, struct err *e)
{
	struct err no = ERR_INIT;
	int64_t end = INT64_MAX;

	while (!t->done) {
		if (route_pump(t, e))
			break;
		if (t->done || end != INT64_MAX || !f->tick ||
		    !f->tick(f->arg, &t->progress, &no)) {
			if (clock_mono_us() < end)
				continue;
			t->dead = true;
			break;
		}
		end = clock_mono_us() + CANCEL_US;
		if (send_cancel(t, e)) {
			t->dead = true;
			break;
		}
	}
	if (no.kind != ERR_NONE && !t->ok) {
		err_move(e, &no);
		return -1;
	}
	err_clear(&no);
	return t->done ? 0 : -1;
}

int route_alive(const struct transfer *t, struct err *e)
{
	return t->dead ? err_set(e, ERR_LOST,
				 "the transfer to %s broke off earlier",
				 t->dst.host)
		       : 0;
}

static int copy_file(struct transfer *t, const struct transfer_file *f,
		     struct transfer_result *out, struct err *e)
{
	int rc;

	*out = (struct transfer_result){0};
	if (route_alive(t, e))
		return -1;
	t->result = out;
	rc = send_file(t, f, e) || route_wait(t, f, e) ? -1 : 0;
	t->result = NULL;
	if (!rc && !t->ok) {
		err_move(e, &t->error);
		rc = -1;
	}
	err_clear(&t->error);
	out->via = t->via;
	if (rc && e->kind == ERR_LOST)
		t->dead = true;
	return rc ? err_wrap(e, "copying %s from %s to %s", f->src_rel,
			     t->src.host, t->dst.host)
		  : 0;
}

static enum transfer_via route_via(const struct transfer *t)
{
	return t->via;
}

static const char *route_why(const struct transfer *t)
{
	return t->why;
}

static const char *route_why_not_tls(const struct transfer *t)
{
	return t->why_not_tls;
}

const struct transfer_ops transfer_real = {
	.open = route_open,
	.copy = copy_file,
	.copy_many = route_copy_many,
	.limit = limit,
	.calm = calm,
	.via = route_via,
	.why_relay = route_why,
	.why_not_tls = route_why_not_tls,
	.close = route_close,
	.revoke = route_revoke,
};
