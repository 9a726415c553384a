/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/roughlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"

enum { CONNS = 256, PIECE = 65536, LOOK_MS = 20 };

/* One direction. */
struct way {
	char *buf; /* PIECE bytes */
	size_t n, at;
	bool deaf, ended;
};

struct conn {
	int fd[2];	   /* of who connected, of who listens; -1: none */
	struct way way[2]; /* from fd[i] to the other */
	int64_t stalled;   /* until then */
	bool mute;	   /* half-open: no end is told of the other's end */
};

struct roughlink {
	pthread_t thread;
	pthread_mutex_t mu;
	int listen;
	unsigned port, to;
	bool stop, armed;
	struct rough_harm harm;
	uint64_t up; /* bytes since it was armed */
	unsigned done;
	struct conn c[CONNS];
};

static int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void conn_close(struct conn *c, bool reset)
{
	struct linger now = {1, 0};

	for (int i = 0; i < 2; i++) {
		if (reset)
			setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &now,
				   sizeof(now));
		close(c->fd[i]);
		mem_free(c->way[i].buf);
	}
	*c = (struct conn){.fd = {-1, -1}};
}

static void conn_new(struct roughlink *r)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)r->to)};
	int up = accept4(r->listen, NULL, NULL, SOCK_CLOEXEC);
	int down = tcp();
	struct conn *c = r->c;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while (c < r->c + CONNS && c->fd[0] >= 0)
		c++;
	if (up < 0 || c == r->c + CONNS ||
	    connect(down, (struct sockaddr *)&a, sizeof(a))) {
		close(up);
		close(down);
		return;
	}
	c->fd[0] = up;
	c->fd[1] = down;
	for (int i = 0; i < 2; i++)
		c->way[i].buf = mem_calloc(1, PIECE);
}

static void harm_conn(struct conn *c, const struct rough_harm *h)
{
	switch (h->what) {
	case ROUGH_RST:
	case ROUGH_FIN:
		conn_close(c, h->what == ROUGH_RST);
		break;
	case ROUGH_STALL:
		c->stalled = clock_mono_us() + h->stall_us;
		break;
	case ROUGH_DEAF_UP:
	case ROUGH_DEAF_DOWN:
	case ROUGH_DEAF:
		c->mute = true;
		c->way[0].deaf = h->what != ROUGH_DEAF_DOWN;
		c->way[1].deaf = h->what != ROUGH_DEAF_UP;
		break;
	case ROUGH_NONE:
	case ROUGH_CALL:
		break;
	}
}

static void arm(struct roughlink *r, const struct rough_harm *h)
{
	r->armed = h && h->what != ROUGH_NONE;
	if (r->armed)
		r->harm = *h;
	r->harm.after += !r->harm.after;
	r->up = 0;
}

static void harm_all(struct roughlink *r)
{
	for (struct conn *c = r->c; c < r->c + CONNS; c++)
		if (c->fd[0] >= 0 && !c->mute)
			harm_conn(c, &r->harm);
	if (r->harm.what == ROUGH_CALL)
		r->harm.call(r->harm.arg);
	r->done++;
	arm(r, r->harm.then);
}

/* What has come is passed on, as far as it goes. */
static void push(struct conn *c, int i)
{
	struct way *w = &c->way[i];

	while (w->at < w->n) {
		ssize_t n = send(c->fd[!i], w->buf + w->at, w->n - w->at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && i == 0) {
			conn_close(c, true);
			return;
		}
		/* Who connected has gone; what he sent is still delivered. */
		if (n < 0)
			w->deaf = true;
		w->at = n < 0 ? w->n : w->at + (size_t)n;
	}
	w->at = w->n = 0;
}

static void end_way(struct conn *c, int i, bool reset)
{
	c->way[i].ended = true;
	if (c->way[!i].ended || (reset && !c->mute))
		conn_close(c, reset);
	else if (!c->mute)
		shutdown(c->fd[!i], SHUT_WR);
}

static void pull(struct roughlink *r, struct conn *c, int i)
{
	struct way *w = &c->way[i];
	bool count = i == 0 && r->armed;
	size_t max = PIECE;
	ssize_t n;

	/* Not a byte more than was asked for. */
	if (count && r->harm.after - r->up < max)
		max = (size_t)(r->harm.after - r->up);
	n = recv(c->fd[i], w->buf, max, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end_way(c, i, n < 0);
		return;
	}
	w->at = 0;
	w->n = w->deaf ? 0 : (size_t)n;
	push(c, i);
	r->up += count ? (uint64_t)n : 0;
	if (count && r->up >= r->harm.after)
		harm_all(r);
}

static void serve_conn(struct roughlink *r, struct conn *c,
		       const struct pollfd *p)
{
	for (int i = 0; i < 2 && c->fd[0] >= 0; i++) {
		struct way *w = &c->way[i];

		if (w->n) {
			if (p[!i].revents & (POLLOUT | POLLERR | POLLHUP))
				push(c, i);
		} else if (p[i].revents & (POLLIN | POLLERR | POLLHUP)) {
			pull(r, c, i);
		}
	}
}

static size_t watch(const struct conn *c, struct pollfd *p, int64_t now)
{
	for (int i = 0; i < 2; i++) {
		p[i] = (struct pollfd){.fd = c->fd[i]};
		if (c->way[i].n == 0 && !c->way[i].ended)
			p[i].events |= POLLIN;
		if (c->way[!i].n)
			p[i].events |= POLLOUT;
		if (c->stalled > now || !p[i].events)
			p[i].fd = -1;
	}
	return 2;
}

static void *relay_main(void *arg)
{
	struct roughlink *r = arg;
	struct pollfd p[1 + 2 * CONNS];

	pthread_mutex_lock(&r->mu);
	while (!r->stop) {
		int64_t now = clock_mono_us();
		size_t n = 1;

		p[0] = (struct pollfd){.fd = r->listen, .events = POLLIN};
		for (size_t i = 0; i < CONNS; i++)
			n += watch(&r->c[i], p + n, now);
		pthread_mutex_unlock(&r->mu);
		poll(p, n, LOOK_MS);
		pthread_mutex_lock(&r->mu);
		for (size_t i = 0; i < CONNS; i++)
			if (r->c[i].fd[0] >= 0)
				serve_conn(r, &r->c[i], p + 1 + 2 * i);
		if (p[0].revents)
			conn_new(r);
	}
	pthread_mutex_unlock(&r->mu);
	return NULL;
}

struct roughlink *roughlink_new(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct roughlink *r = MEM_NEW(struct roughlink);
	socklen_t n = sizeof(a);

	for (size_t i = 0; i < CONNS; i++)
		r->c[i].fd[0] = r->c[i].fd[1] = -1;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->to = port;
	r->listen = tcp();
	pthread_mutex_init(&r->mu, NULL);
	if (bind(r->listen, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(r->listen, 16) ||
	    getsockname(r->listen, (struct sockaddr *)&a, &n) ||
	    pthread_create(&r->thread, NULL, relay_main, r)) {
		close(r->listen);
		mem_free(r);
		return NULL;
	}
	r->port = ntohs(a.sin_port);
	return r;
}

void roughlink_free(struct roughlink *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->mu);
	r->stop = true;
	pthread_mutex_unlock(&r->mu);
	pthread_join(r->thread, NULL);
	for (size_t i = 0; i < CONNS; i++)
		if (r->c[i].fd[0] >= 0)
			conn_close(&r->c[i], true);
	close(r->listen);
	pthread_mutex_destroy(&r->mu);
	mem_free(r);
}

unsigned roughlink_port(const struct roughlink *r)
{
	return r->port;
}

void roughlink_harm(struct roughlink *r, const struct rough_harm *h)
{
	pthread_mutex_lock(&r->mu);
	arm(r, h);
	pthread_mutex_unlock(&r->mu);
}

void roughlink_peace(struct roughlink *r)
{
	roughlink_harm(r, NULL);
}

unsigned roughlink_done(struct roughlink *r)
{
	unsigned n;

	pthread_mutex_lock(&r->mu);
	n = r->done;
	pthread_mutex_unlock(&r->mu);
	return n;
}
