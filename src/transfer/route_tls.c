/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a route by TLS: a key is drawn and told to both agents, the target's
 * listens, the source's goes there.  No file on either host knows of it, so
 * there is nothing to be revoked.
 */
#include <openssl/crypto.h>

#include "core/clock.h"
#include "transfer/route_priv.h"
#include "transfer/tls.h"
#include "wire/verbs.h"

enum { LISTEN_US = 30 * 1000000 };

bool route_tls_asked(const struct transfer_route *r)
{
	return r->via == TRANSFER_VIA_TLS ||
	       (r->via == TRANSFER_VIA_AUTO && r->tls_port_min);
}

/* Where it listens: *ADDR, owned. */
static int hear_where(struct transfer *t, char **addr, uint32_t *port,
		      struct err *e)
{
	int64_t end = clock_mono_us() + LISTEN_US;
	struct frame f;
	struct dec d;
	bool got = false;

	while (!got) {
		if (route_next(t, false, ROUTE_TICK_US, &f, &got, e))
			return -1;
		if (!got && clock_mono_us() > end)
			return err_set(e, ERR_LOST,
				       "%s: does not listen within %d s",
				       t->dst.host, LISTEN_US / 1000000);
	}
	dec_init(&d, f.p, f.len);
	if (dec_u8(&d) != CTL_LISTENING)
		return err_set(e, ERR_BUG, "%s: another message came first",
			       t->dst.host);
	*addr = mem_strdup(dec_str(&d));
	*port = dec_u32(&d);
	return dec_end(&d, "listening", e);
}

static int begin_listen(struct transfer *t, const struct transfer_route *r,
			const struct tls_key *k, struct err *e)
{
	struct enc args = ENC_INIT;
	struct client_req q = {.type = VERB_TRANSFER_LISTEN, .mutates = true};

	buf_reserve(&args.b, 8192);
	ctl_put_listen(&args, &(struct ctl_listen){.root = r->dst_root,
						   .silence_us = 4 * r->dead_us,
						   .addr = r->dst_addr,
						   .port_min = r->tls_port_min,
						   .port_max = r->tls_port_max,
						   .name = k->name,
						   .secret = k->secret,
						   .len = sizeof(k->secret)});
	return route_begin_secret(t, false, &q, &args, e);
}

static int open_with(struct transfer *t, const struct transfer_route *r,
		     const struct tls_key *k, struct err *e)
{
	AUTO(mem_freep) char *addr = NULL;
	uint32_t port = 0;

	if (begin_listen(t, r, k, e) || hear_where(t, &addr, &port, e))
		return -1;
	return route_begin_send(
		t,
		&(struct ctl_send){.direct = true,
				   .bwlimit = r->bwlimit,
				   .compress = r->compress,
				   .addr = addr,
				   .port = port,
				   .root = r->dst_root,
				   .dead_us = r->dead_us,
				   .streams = r->streams,
				   .tls = true,
				   .tls_name = k->name,
				   .tls_secret = k->secret,
				   .tls_len = sizeof(k->secret)},
		e);
}

int route_open_tls(struct transfer *t, const struct transfer_route *r,
		   struct err *e)
{
	struct tls_key k;
	int rc;

	if (!r->tls_port_min)
		return err_set(e, ERR_USAGE,
			       "%s may not listen for TLS: no ports are "
			       "configured",
			       t->dst.host);
	/* Both before it listens, which it does not do for long. */
	if (route_need(t, false, e) || route_need(t, true, e) ||
	    tls_key_make(&k, e))
		return -1;
	t->via = TRANSFER_VIA_TLS;
	rc = open_with(t, r, &k, e);
	tls_key_clear(&k);
	return rc ? err_wrap(e, "TLS") : 0;
}
