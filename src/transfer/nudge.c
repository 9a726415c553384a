/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/nudge.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/mem.h"

enum {
	/* Standard ones are pipes; the connection is among the first others. */
	FIRST_FD = 3,
	LAST_FD = 6,
	EVERY_MS = 2,
	TICKS = 15000, /* a login takes no longer */
};

static int pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

/* A copy of descriptor FD of process PID, close-on-exec. */
static int borrow(int pid, int fd)
{
#ifdef SYS_pidfd_getfd
	return (int)syscall(SYS_pidfd_getfd, pid, fd, 0);
#else
	(void)pid;
	(void)fd;
	errno = ENOSYS;
	return -1;
#endif
}

static bool hurry(int sock)
{
	int proto = 0, one = 1;
	socklen_t n = sizeof(proto);

	return !getsockopt(sock, SOL_SOCKET, SO_PROTOCOL, &proto, &n) &&
	       proto == IPPROTO_TCP &&
	       !setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) &&
	       !setsockopt(sock, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

int nudge_once(int pid)
{
	int done = 0;

	for (int fd = FIRST_FD; fd <= LAST_FD; fd++) {
		AUTO(mem_closefd) int sock = borrow(pid, fd);

		/* EBADF: it has no such one now. */
		if (sock < 0 && errno != EBADF)
			return -1;
		if (sock >= 0)
			done += hurry(sock);
	}
	return done;
}

static void *nudge_main(void *arg)
{
	struct nudge *n = arg;
	struct pollfd p = {n->stop, POLLIN, 0};

	for (int i = 0; i < TICKS && nudge_once(n->pid) >= 0; i++)
		if (poll(&p, 1, EVERY_MS) > 0)
			break;
	return NULL;
}

void nudge_start(struct nudge *n, pid_t ssh)
{
	*n = (struct nudge){.pid = pidfd(ssh), .stop = -1};
	if (n->pid < 0)
		return;
	n->stop = eventfd(0, EFD_CLOEXEC);
	n->on = n->stop >= 0 &&
		!pthread_create(&n->thread, NULL, nudge_main, n);
}

void nudge_stop(struct nudge *n)
{
	if (n->on) {
		eventfd_write(n->stop, 1);
		pthread_join(n->thread, NULL);
	}
	n->on = false;
	mem_closefd(&n->stop);
	mem_closefd(&n->pid);
}
