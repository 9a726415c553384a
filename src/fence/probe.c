/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: does the host answer on the network?
 *
 * Any answer, a refusal as well, is its kernel at work: ALIVE.  No answer is
 * nothing: the network may be cut while the guests run on.  It asks the ports
 * of sshd and libvirtd, all at once, and says nothing on them.
 */
#include "fence/fence_priv.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"

enum { SSH = 22, LIBVIRT_TCP = 16509, LIBVIRT_TLS = 16514, TRIES = 24 };
#define PATIENCE_US 5000000LL

struct tries {
	struct pollfd fd[TRIES];
	unsigned port[TRIES];
	size_t n;
	unsigned answered; /* the port that did */
	const char *how;
};

static void answer(struct tries *t, unsigned port, const char *how)
{
	if (!t->how) {
		t->answered = port;
		t->how = how;
	}
}

/* What connect(2) came to.  The kernel says ECONNREFUSED for a reset, and for
 * an ICMP "port unreachable": both are the host's own words, or a firewall's
 * in front of it, which cannot be told apart. */
static void outcome(struct tries *t, unsigned port, int error)
{
	if (!error)
		answer(t, port, "took a connection");
	else if (error == ECONNREFUSED || error == ECONNRESET)
		answer(t, port, "refused a connection");
}

static void begin(struct tries *t, const struct addrinfo *ai, unsigned port)
{
	int fd;

	if (t->n == TRIES)
		return;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0)
		return;
	if (!connect(fd, ai->ai_addr, ai->ai_addrlen)) {
		outcome(t, port, 0);
		close(fd);
	} else if (errno == EINPROGRESS) {
		t->port[t->n] = port;
		t->fd[t->n++] = (struct pollfd){.fd = fd, .events = POLLOUT};
	} else {
		outcome(t, port, errno);
		close(fd);
	}
}

static int begin_all(struct tries *t, const struct fence_way *w)
{
	const unsigned ports[] = {w->port ? w->port : SSH, LIBVIRT_TCP,
				  LIBVIRT_TLS};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ports) && !t->how; i++) {
		struct addrinfo *list = NULL;
		char port[8];

		snprintf(port, sizeof(port), "%u", ports[i]);
		rc = getaddrinfo(w->address ? w->address : w->host, port,
				 &hints, &list);
		if (rc)
			return rc;
		for (struct addrinfo *ai = list; ai && !t->how;
		     ai = ai->ai_next)
			begin(t, ai, ports[i]);
		freeaddrinfo(list);
	}
	return 0;
}

static void settle(struct tries *t, size_t i)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(t->fd[i].fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	outcome(t, t->port[i], error);
	close(t->fd[i].fd);
	t->fd[i].fd = -1;
}

static void wait_all(struct tries *t, int64_t patience_us)
{
	int64_t until = clock_mono_us() + patience_us;
	size_t left = t->n;

	while (left && !t->how) {
		int64_t us = until - clock_mono_us();

		if (us <= 0 || poll(t->fd, t->n, (int)(us / 1000) + 1) <= 0)
			break;
		for (size_t i = 0; i < t->n; i++)
			if (t->fd[i].fd >= 0 && t->fd[i].revents) {
				settle(t, i);
				left--;
			}
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->fd[i].fd >= 0)
			close(t->fd[i].fd);
}

static bool usable(const struct fence_way *w)
{
	return w->host;
}

static int take(const struct fence_way *w, struct fence_finding *f,
		struct err *e)
{
	const char *name = w->address ? w->address : w->host;
	int64_t patience = fence_timeout_us(w);
	struct tries t = {.n = 0};
	int rc = begin_all(&t, w);

	(void)e;
	wait_all(&t, patience < PATIENCE_US ? patience : PATIENCE_US);
	json_object_set_new(f->what, "address", json_string(name));
	if (t.how) {
		json_object_set_new(f->what, "port",
				    json_integer((json_int_t)t.answered));
		fence_say(f, FENCE_ALIVE, "%s %s on port %u", name, t.how,
			  t.answered);
	} else if (rc) {
		fence_say(f, FENCE_UNKNOWN, "%s: %s", name, gai_strerror(rc));
	} else {
		fence_say(f, FENCE_UNKNOWN,
			  "%s does not answer, which proves nothing", name);
	}
	return 0;
}

const struct fence_provider fence_probe = {
	.name = "probe",
	.usable = usable,
	.take = take,
};
