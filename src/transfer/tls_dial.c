/* SPDX-License-Identifier: Apache-2.0 */
/* The source's side: connects and shakes hands. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/tls.h"
#include "transfer/tls_priv.h"

enum { DEAD_US = 25 * 1000000 };

void tls_watch(int fd, int64_t dead_us)
{
	int64_t us = dead_us > 0 ? dead_us : DEAD_US;
	int ms = us / 1000 > INT_MAX ? INT_MAX : (int)(us / 1000);
	int idle = ms / 1000 < 1 ? 1 : ms / 1000, one = 1;
	int every = idle < 5 ? 1 : idle / 5, count = 5;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static int wait_for(int fd, short events, int64_t deadline, int stop,
		    struct err *e)
{
	if (tls_wait(fd, events, deadline, stop))
		return 0;
	if (clock_mono_us() >= deadline)
		return err_sys(e, ERR_FAILED, ETIMEDOUT, "no answer");
	return err_set(e, ERR_LOST, "closed");
}

static int connect_to(const struct tls_target *to, int64_t deadline,
		      struct err *e)
{
	struct sockaddr_storage a;
	socklen_t n = tls_address(to->addr, to->port, &a), len = sizeof(int);
	int fd, sys = 0;

	if (!n)
		return err_set(e, ERR_USAGE, "not an address");
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "socket");
	if (connect(fd, (struct sockaddr *)&a, n)) {
		sys = errno;
		if (sys == EINPROGRESS) {
			if (wait_for(fd, POLLOUT, deadline, to->stop, e)) {
				close(fd);
				return -1;
			}
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len);
		}
	}
	if (!sys)
		return fd;
	close(fd);
	return err_sys(e, ERR_FAILED, sys, "connect");
}

static int shake(struct tls *t, int64_t deadline, int stop, struct err *e)
{
	for (;;) {
		short events;

		if (tls_step(t, &events, e))
			return -1;
		if (!events)
			return 0;
		if (wait_for(tls_fd(t), events, deadline, stop, e))
			return err_wrap(e, "TLS");
	}
}

struct tls *tls_dial(struct tls_side *s, const struct tls_target *to,
		     int64_t *rtt_us, struct err *e)
{
	int64_t start = clock_mono_us(), deadline = start + to->timeout_us;
	int fd = connect_to(to, deadline, e);
	struct tls *t = NULL;

	if (fd >= 0) {
		if (rtt_us)
			*rtt_us = clock_mono_us() - start;
		tls_watch(fd, to->dead_us);
		t = tls_new(s, fd, e);
	}
	if (t && !shake(t, deadline, to->stop, e))
		return t;
	tls_close(t);
	err_wrap(e, "%s port %u", to->addr, to->port);
	return NULL;
}
