/* SPDX-License-Identifier: Apache-2.0 */
/* TLS to a receiver that listens: transfer/dial.h. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "core/clock.h"
#include "transfer/dial_priv.h"
#include "transfer/tls.h"

enum {
	/* TCP's own window is that large where the kernel is left as it is. */
	LANE_WINDOW = 4 << 20,
	JOIN_US = 5 * 1000000,
};

static ssize_t put(void *arg, unsigned lane, const void *p, size_t n)
{
	struct dial *d = arg;

	return tls_write(d->lane[lane].tls, p, n);
}

static struct tls *connect_to(const struct dial *d, int64_t timeout_us,
			      int64_t *rtt_us, struct err *e)
{
	return tls_dial(d->side,
			&(struct tls_target){.addr = d->addr,
					     .port = d->port,
					     .timeout_us = timeout_us,
					     .dead_us = d->dead_us,
					     .stop = d->stop},
			rtt_us, e);
}

/* On a thread of its own. */
static int open_lane(void *arg, unsigned i, int *fd, struct err *e)
{
	struct dial *d = arg;
	struct tls *t = connect_to(d, JOIN_US, NULL, e);

	if (!t)
		return err_wrap(e, "stream %u", i + 1);
	d->lane[i].tls = t;
	*fd = tls_fd(t);
	return 0;
}

/* Its first frame says that it serves, and as what request. */
static int hear(struct dial *d, int64_t deadline, struct err *e)
{
	struct wire *w = &d->lane[0].client.w;
	struct frame f;
	struct dec p;

	if (wire_recv(w, &f, deadline, e))
		return -1;
	dec_init(&p, f.p, f.len);
	if (f.type != WIRE_DATA || dec_u8(&p) != CTL_READY)
		return err_set(e, ERR_BUG, "another message came first");
	d->id = f.id;
	return dec_end(&p, "ready", e);
}

static int make_side(struct dial *d, const struct ctl_send *s, struct err *e)
{
	struct tls_key k = {.name = ""};

	if (!s->addr || !s->tls_name || strlen(s->tls_name) != TLS_NAME ||
	    s->tls_len != TLS_SECRET)
		return err_set(e, ERR_USAGE, "no address or key");
	memcpy(k.name, s->tls_name, TLS_NAME + 1);
	memcpy(k.secret, s->tls_secret, TLS_SECRET);
	d->side = tls_side_new(TLS_DIALS, &k, e);
	tls_key_clear(&k);
	return d->side ? 0 : -1;
}

int dial_tls_open(struct dial *d, const struct ctl_send *s, int64_t timeout_us,
		  struct err *e)
{
	int64_t deadline = clock_mono_us() + timeout_us;
	struct dial_lane *l = &d->lane[0];

	dial_init(d, s);
	d->addr = mem_strdup0(s->addr);
	d->port = s->port;
	d->dead_us = (int64_t)s->dead_us;
	d->stop = eventfd(0, EFD_CLOEXEC);
	if (d->stop < 0)
		return err_sys(e, ERR_FAILED, errno, "eventfd");
	if (make_side(d, s, e))
		return -1;
	l->tls = connect_to(d, timeout_us, &d->rtt_us, e);
	if (!l->tls)
		return -1;
	d->stripe = stripe_new(tls_fd(l->tls), &(struct stripe_io){put, d}, e);
	if (!d->stripe)
		return -1;
	dial_first(d, s);
	if (hear(d, deadline, e))
		return err_wrap(e, "%s port %u", d->addr, d->port);
	dial_allow(
		d, s->streams,
		&(struct stripe_cfg){.eager = STRIPE_LANES, .open = open_lane},
		LANE_WINDOW);
	return 0;
}
