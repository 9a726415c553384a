/* SPDX-License-Identifier: Apache-2.0 */
/* The target's side: a port of its own for a short time. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/tls.h"
#include "transfer/tls_priv.h"

enum { PENDING = 16 };

/* ---- a port ---------------------------------------------------------- */

socklen_t tls_address(const char *addr, unsigned port,
		      struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (port > 65535)
		return 0;
	if (inet_pton(AF_INET, addr, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, addr, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		return sizeof(*v6);
	}
	return 0;
}

static int bind_one(const char *addr, unsigned port)
{
	struct sockaddr_storage a;
	socklen_t n = tls_address(addr, port, &a);
	int one = 1, fd, sys;

	if (!n) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* Not kept away by what is left of connections that have ended. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&a, n) && !listen(fd, PENDING))
		return fd;
	sys = errno;
	close(fd);
	errno = sys;
	return -1;
}

int tls_bind(const char *addr, unsigned min, unsigned max, unsigned *port,
	     struct err *e)
{
	if (!min || min > max || max > 65535)
		return err_set(e, ERR_USAGE, "ports %u-%u", min, max);
	for (*port = min; *port <= max; ++*port) {
		int fd = bind_one(addr, *port);

		if (fd >= 0)
			return fd;
		if (errno != EADDRINUSE)
			return err_sys(e, ERR_FAILED, errno,
				       "%s port %u: cannot listen", addr,
				       *port);
	}
	err_set(e, ERR_FAILED, "%s: none of the ports %u-%u is free", addr, min,
		max);
	e->sys = EADDRINUSE;
	return -1;
}

/* ---- who comes ------------------------------------------------------- */

/* Those who have connected, and not yet shaken hands. */
struct guest {
	struct tls *t;
	short events;
	int64_t until;
};

struct hall {
	const struct tls_accept *a;
	struct guest g[PENDING];
	unsigned n;
	unsigned done;
};

static void leave(struct hall *h, unsigned i)
{
	h->g[i] = h->g[--h->n];
}

/* One step of guest I; true if it is out of the hall. */
static bool step(struct hall *h, unsigned i)
{
	struct guest *g = &h->g[i];
	struct err e = ERR_INIT;
	struct tls *t = g->t;
	bool bad = tls_step(t, &g->events, &e) != 0;

	err_clear(&e);
	if (!bad && g->events)
		return false;
	leave(h, i);
	if (bad) {
		tls_close(t);
	} else {
		h->done++;
		h->a->up(h->a->arg, t);
	}
	return true;
}

static void greet(struct hall *h)
{
	struct err e = ERR_INIT;
	int fd = accept4(h->a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct tls *t = fd < 0 ? NULL : tls_new(h->a->side, fd, &e);

	err_clear(&e);
	if (!t)
		return;
	h->g[h->n] =
		(struct guest){t, POLLIN, clock_mono_us() + h->a->shake_us};
	h->n++;
	step(h, h->n - 1);
}

static void turn_out(struct hall *h, int64_t now)
{
	for (unsigned i = h->n; i-- > 0;) {
		if (now < h->g[i].until)
			continue;
		tls_close(h->g[i].t);
		leave(h, i);
	}
}

static int wait_ms(const struct hall *h, int64_t now)
{
	int64_t until = h->a->until;

	for (unsigned i = 0; i < h->n; i++)
		if (h->g[i].until < until)
			until = h->g[i].until;
	if (until <= now)
		return 0;
	return until - now > 60 * 1000000 ? 60000
					  : (int)((until - now) / 1000) + 1;
}

/* One look at all of them; false when it is to end. */
static bool look(struct hall *h)
{
	struct pollfd p[PENDING + 2];
	unsigned n = h->n;
	int64_t now = clock_mono_us();

	turn_out(h, now);
	n = h->n;
	if (now >= h->a->until || h->done >= h->a->max)
		return false;
	for (unsigned i = 0; i < n; i++)
		p[i] = (struct pollfd){tls_fd(h->g[i].t), h->g[i].events, 0};
	p[n] = (struct pollfd){h->a->stop, POLLIN, 0};
	/* A hall that is full lets others wait outside. */
	p[n + 1] = (struct pollfd){n < PENDING ? h->a->fd : -1, POLLIN, 0};
	if (poll(p, n + 2, wait_ms(h, now)) < 0)
		return errno == EINTR;
	if (p[n].revents)
		return false;
	/* From the last: who leaves gives his place to the last. */
	for (unsigned i = n; i-- > 0;)
		if (p[i].revents && h->done < h->a->max)
			step(h, i);
	if (p[n + 1].revents)
		greet(h);
	return true;
}

void tls_accept(const struct tls_accept *a)
{
	struct hall h = {.a = a};

	while (look(&h))
		;
	while (h.n) {
		tls_close(h.g[h.n - 1].t);
		h.n--;
	}
}
