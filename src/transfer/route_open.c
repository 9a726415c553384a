/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a route.  What a direct one waits for, one after the other: the
 * target's agent has allowed the key and the session to the source is there
 * (both at once), the source's ssh has logged in.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "core/clock.h"
#include "transfer/route_priv.h"
#include "transfer/sshkey.h"
#include "wire/verbs.h"

enum {
	CALL_US = 60 * 1000000,
	READY_US = 45 * 1000000,
	CLOSE_US = 10 * 1000000,
};

/* ---- beginning ------------------------------------------------------- */

static int wait_ready(struct transfer *t, struct err *e)
{
	int64_t end = clock_mono_us() + READY_US;

	t->done = false;
	while (!t->done) {
		if (route_pump(t, e))
			return -1;
		if (clock_mono_us() > end) {
			t->dead = true;
			return err_set(e, ERR_LOST, "%s: no sender within %d s",
				       t->src.host, READY_US / 1000000);
		}
	}
	return 0;
}

int route_begin_secret(struct transfer *t, bool src, struct client_req *r,
		       struct enc *args, struct err *e)
{
	const struct transfer_end *end = src ? &t->src : &t->dst;
	int rc;

	r->args = args;
	rc = client_begin(end->client, r, src ? &t->src_id : &t->dst_id, e);
	OPENSSL_cleanse(args->b.p, args->b.len);
	enc_clear(args);
	if (rc)
		return err_wrap(e, "%s", end->host);
	*(src ? &t->src_on : &t->dst_on) = true;
	return 0;
}

int route_begin_send(struct transfer *t, const struct ctl_send *a,
		     struct err *e)
{
	struct enc args = ENC_INIT;
	struct client_req r = {.type = VERB_TRANSFER_SEND};

	/* Where it grew, the key would stay behind. */
	buf_reserve(&args.b, 16384);
	ctl_put_send(&args, a);
	return route_begin_secret(t, true, &r, &args, e) ? -1
							 : wait_ready(t, e);
}

static int begin_recv(struct transfer *t, const struct transfer_route *r,
		      struct err *e)
{
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req q = {
		.type = VERB_TRANSFER_RECV, .args = &args, .mutates = true};
	int64_t end = clock_mono_us() + READY_US;
	struct frame f;
	bool got = false;

	enc_str(&args, r->dst_root);
	enc_u64(&args, 0);
	enc_bool(&args, false);
	if (client_begin(t->dst.client, &q, &t->dst_id, e))
		return err_wrap(e, "%s", t->dst.host);
	t->dst_on = true;
	/* Its first message, an ALIVE, says that it has entered the lease. */
	while (!got) {
		if (route_next(t, false, ROUTE_TICK_US, &f, &got, e))
			return -1;
		if (!got && clock_mono_us() > end) {
			t->dead = true;
			return err_set(e, ERR_LOST,
				       "%s: no receiver within %d s",
				       t->dst.host, READY_US / 1000000);
		}
	}
	return 0;
}

/* ---- the key --------------------------------------------------------- */

int route_revoke(const struct transfer_end *dst, const char *job,
		 const char *user, struct err *e)
{
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req q = {.type = VERB_TRANSFER_REVOKE,
			       .args = &args,
			       .mutates = true,
			       .timeout_us = CALL_US};
	struct dec d;

	enc_str(&args, user ? user : "root");
	enc_str(&args, job);
	if (client_call(dst->client, &q, &d, e))
		return err_wrap(e, "%s: removing the key of job %s", dst->host,
				job);
	return dec_end(&d, "revoke", e);
}

/* Whom to ask about the key. */
static struct client *asked(struct transfer *t, struct err *e)
{
	return t->dst.client ? t->dst.client : t->late.ask(t->late.arg, e);
}

/* 0 also where nobody can be asked any more: the undo will see to it. */
static int take_key_back(struct transfer *t, struct err *e)
{
	struct transfer_end dst = {t->dst.host, NULL};

	if (t->unasked || (t->dst.client && t->dst.client->dead))
		return 0;
	dst.client = asked(t, e);
	return dst.client ? route_revoke(&dst, t->job, t->user, e) : -1;
}

int route_need(struct transfer *t, bool src, struct err *e)
{
	struct transfer_end *end = src ? &t->src : &t->dst;

	if (!end->client)
		end->client = t->late.open(t->late.arg, src, e);
	return end->client ? 0 : -1;
}

/* The target's agent allows the key while the session to the source opens. */
static int allow(struct transfer *t, const struct transfer_route *r,
		 const char *line, uint64_t *epoch, struct err *e)
{
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req q = {.type = VERB_TRANSFER_ALLOW,
			       .args = &args,
			       .mutates = true,
			       .timeout_us = CALL_US};
	struct client *c = asked(t, e);
	struct err no = ERR_INIT;
	uint32_t id;
	struct dec d;
	int rc, src;

	t->unasked = !c;
	if (!c)
		return -1;
	enc_str(&args, t->user);
	enc_bool(&args, r->dst_sudo);
	enc_str(&args, r->dst_root);
	enc_str(&args, line);
	*epoch = c->epoch;
	rc = client_begin(c, &q, &id, &no);
	src = route_need(t, true, e);
	/* An answer is taken in any case: C is used again. */
	if (!rc &&
	    (client_end(c, &q, id, &d, &no) || dec_end(&d, "allow", &no)))
		rc = -1;
	t->unasked = c->dead;
	if (rc && !src) {
		err_move(e, &no);
		err_wrap(e, "%s: allowing the key of job %s", t->dst.host,
			 t->job);
	}
	err_clear(&no);
	return rc || src ? -1 : 0;
}

/* ---- opening --------------------------------------------------------- */

static int open_direct(struct transfer *t, const struct transfer_route *r,
		       struct err *e)
{
	struct sshkey key;
	uint64_t epoch = 0;
	int rc;

	if (sshkey_make(&key, t->job, e))
		return -1;
	t->via = TRANSFER_VIA_DIRECT;
	rc = allow(t, r, key.line, &epoch, e);
	if (!rc)
		rc = route_begin_send(
			t,
			&(struct ctl_send){.direct = true,
					   .bwlimit = r->bwlimit,
					   .compress = r->compress,
					   .addr = r->dst_addr,
					   .port = r->dst_port,
					   .user = t->user,
					   .host_keys = r->dst_host_keys,
					   .key = buf_str(&key.secret),
					   .root = r->dst_root,
					   .epoch = r->epoch ? r->epoch : epoch,
					   .dead_us = r->dead_us,
					   .streams = r->streams},
			e);
	sshkey_clear(&key);
	return rc;
}

static int open_relay(struct transfer *t, const struct transfer_route *r,
		      struct err *e)
{
	t->via = TRANSFER_VIA_RELAY;
	if (route_need(t, false, e) || begin_recv(t, r, e) ||
	    route_need(t, true, e))
		return -1;
	return route_begin_send(t,
				&(struct ctl_send){.bwlimit = r->bwlimit,
						   .compress = r->compress},
				e);
}

static void end_one(struct transfer *t, bool src)
{
	const struct transfer_end *end = src ? &t->src : &t->dst;
	int64_t deadline = clock_mono_us() + CLOSE_US;
	struct frame f = {.type = WIRE_END};
	struct err e = ERR_INIT;
	uint32_t id = src ? t->src_id : t->dst_id;

	if (!(src ? t->src_on : t->dst_on) || end->client->dead)
		return;
	if (!client_send(end->client, id, &f, NULL, 0, &e))
		while (!client_next(end->client, id, &f, deadline, &e))
			if (f.type == WIRE_OK)
				break;
	/* Its answer may still come: the session is of no more use. */
	if (e.sys == ETIMEDOUT)
		end->client->dead = true;
	err_clear(&e);
}

static bool is_dead(const struct transfer_end *end)
{
	return end->client && end->client->dead;
}

/* Leaves what did not work, for another way; -1 when there can be none. */
static int give_up(struct transfer *t, char **why, struct err *e)
{
	if (e->kind == ERR_STALE || t->unasked || !t->src.client ||
	    is_dead(&t->src) || is_dead(&t->dst))
		return -1;
	*why = mem_strdup(err_msg(e));
	err_clear(e);
	end_one(t, true);
	end_one(t, false);
	t->src_on = t->dst_on = t->dead = false;
	return 0;
}

static int open_ssh(struct transfer *t, const struct transfer_route *r,
		    struct err *e)
{
	struct err gone = ERR_INIT;

	if (!open_direct(t, r, e))
		return 0;
	if (take_key_back(t, &gone))
		err_also(e, &gone);
	return -1;
}

/* Host to host where it can be; 0 when t->via is open. */
static int open_any(struct transfer *t, const struct transfer_route *r,
		    struct err *e)
{
	if (r->via == TRANSFER_VIA_RELAY) {
		t->why = mem_strdup("relay was asked for");
		return open_relay(t, r, e);
	}
	if (!r->dst_addr || !r->dst_host_keys) {
		if (r->via != TRANSFER_VIA_AUTO)
			return err_set(e, ERR_REFUSED,
				       "%s: its address and host key are not "
				       "known",
				       t->dst.host);
		t->why = mem_strdup("the target's host key is not known");
		return open_relay(t, r, e);
	}
	if (route_tls_asked(r)) {
		if (!route_open_tls(t, r, e))
			return 0;
		if (r->via == TRANSFER_VIA_TLS ||
		    give_up(t, &t->why_not_tls, e))
			return -1;
	}
	if (!open_ssh(t, r, e))
		return 0;
	if (r->via == TRANSFER_VIA_DIRECT || give_up(t, &t->why, e))
		return -1;
	return open_relay(t, r, e);
}

void route_close(struct transfer *t)
{
	struct err e = ERR_INIT;

	if (!t)
		return;
	end_one(t, true);
	end_one(t, false);
	if (t->via == TRANSFER_VIA_DIRECT && take_key_back(t, &e))
		err_clear(&e);
	mem_free(t->src_name);
	mem_free(t->dst_name);
	mem_free(t->job);
	mem_free(t->user);
	mem_free(t->why);
	mem_free(t->why_not_tls);
	err_clear(&t->error);
	mem_free(t);
}

struct transfer *route_open(const struct transfer_route *r, struct err *e)
{
	struct transfer *t = MEM_NEW(struct transfer);

	t->src_name = mem_strdup(r->src.host);
	t->dst_name = mem_strdup(r->dst.host);
	t->src = (struct transfer_end){t->src_name, r->src.client};
	t->dst = (struct transfer_end){t->dst_name, r->dst.client};
	t->late = r->late;
	t->job = mem_strdup(r->job);
	t->user = mem_strdup(r->dst_user ? r->dst_user : "root");
	if (!open_any(t, r, e))
		return t;
	err_wrap(e, "transfer from %s to %s", t->src_name, t->dst_name);
	route_close(t);
	return NULL;
}
