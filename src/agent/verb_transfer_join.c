/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver's further streams.  Each is an ssh of its own, so an agent of its
 * own, under the same lease: it hands its standard input to the receiver's
 * agent, through a socket, and stays until that one lets go of it.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/transfer_verbs.h"
#include "core/log.h"
#include "core/uuid.h"
#include "transfer/ctl.h"

enum { HELLO_MS = 10000 };

struct streams {
	struct agent *a;
	char name[2 * 16 + 1];
	unsigned char token[CTL_TOKEN];
	int listen, wake;
	pthread_t thread;
};

/* A name in the abstract namespace: no file is left by a crash, and none has
 * to be made where instances_path is a network's. */
static socklen_t address(struct sockaddr_un *u, const char *name)
{
	int n;

	memset(u, 0, sizeof(*u));
	u->sun_family = AF_UNIX;
	n = snprintf(u->sun_path + 1, sizeof(u->sun_path) - 1,
		     "novahaul-streams-%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)n);
}

/* Anybody may have made or may connect to such a socket. */
static bool ours(int fd)
{
	struct ucred u;
	socklen_t n = sizeof(u);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) &&
	       u.uid == geteuid();
}

static bool same(const unsigned char *a, const unsigned char *b, size_t n)
{
	unsigned char diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= a[i] ^ b[i];
	return !diff;
}

union passed {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

/* ---- the receiver's side --------------------------------------------- */

/* The descriptor that comes with the token, or -1. */
static int take_fd(const struct streams *s, int conn)
{
	unsigned char token[CTL_TOKEN];
	struct iovec v = {token, sizeof(token)};
	union passed c = {0};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = &c,
			   .msg_controllen = sizeof(c)};
	struct pollfd p = {conn, POLLIN, 0};
	struct cmsghdr *h;
	int fd = -1;

	if (poll(&p, 1, HELLO_MS) <= 0 ||
	    recvmsg(conn, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) !=
		    (ssize_t)sizeof(token))
		return -1;
	h = CMSG_FIRSTHDR(&m);
	if (!h || h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS ||
	    h->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	if (same(token, s->token, sizeof(token)))
		return fd;
	close(fd);
	return -1;
}

static void welcome(struct streams *s, int conn)
{
	struct err e = ERR_INIT;
	int fd = ours(conn) ? take_fd(s, conn) : -1;

	/* The other side goes on only after that. */
	if (fd >= 0 && send(conn, "", 1, MSG_NOSIGNAL) == 1) {
		if (!reader_lane(s->a->reader, fd, conn, &e))
			return;
		log_warn("novahaul-agent: %s", err_msg(&e));
		err_clear(&e);
	}
	mem_closefd(&fd);
	close(conn);
}

static void *streams_main(void *arg)
{
	struct streams *s = arg;
	struct pollfd p[2] = {{s->listen, POLLIN, 0}, {s->wake, POLLIN, 0}};

	for (;;) {
		int conn;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (p[1].revents)
			return NULL;
		conn = accept4(s->listen, NULL, NULL,
			       SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (conn >= 0)
			welcome(s, conn);
	}
}

static void streams_free(struct streams *s)
{
	mem_closefd(&s->listen);
	mem_closefd(&s->wake);
	mem_free(s);
}

struct streams *streams_listen(struct agent *a, struct err *e)
{
	struct streams *s = MEM_NEW(struct streams);
	struct sockaddr_un u;
	unsigned char id[16];
	socklen_t n;
	int rc;

	s->a = a;
	random_bytes(id, sizeof(id));
	hex_encode(id, sizeof(id), s->name);
	random_bytes(s->token, sizeof(s->token));
	s->wake = eventfd(0, EFD_CLOEXEC);
	s->listen = socket(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	n = address(&u, s->name);
	if (s->wake < 0 || s->listen < 0 ||
	    bind(s->listen, (struct sockaddr *)&u, n) ||
	    listen(s->listen, READER_LANES)) {
		err_sys(e, ERR_FAILED, errno, "a socket for further streams");
		streams_free(s);
		return NULL;
	}
	rc = pthread_create(&s->thread, NULL, streams_main, s);
	if (!rc)
		return s;
	err_sys(e, ERR_FAILED, rc, "pthread_create");
	streams_free(s);
	return NULL;
}

const char *streams_name(const struct streams *s)
{
	return s->name;
}

const void *streams_token(const struct streams *s)
{
	return s->token;
}

void streams_end(struct streams *s)
{
	eventfd_write(s->wake, 1);
	pthread_join(s->thread, NULL);
	reader_lanes_end(s->a->reader);
	streams_free(s);
}

/* ---- the stream's side ----------------------------------------------- */

static int give_fd(int conn, const void *token, int fd, struct err *e)
{
	struct iovec v = {(void *)token, CTL_TOKEN};
	union passed c = {0};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = &c,
			   .msg_controllen = sizeof(c)};
	struct pollfd p = {conn, POLLIN, 0};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	char ok;

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	if (sendmsg(conn, &m, MSG_NOSIGNAL) != CTL_TOKEN)
		return err_sys(e, ERR_FAILED, errno, "the receiver");
	if (poll(&p, 1, HELLO_MS) <= 0 || recv(conn, &ok, 1, 0) != 1)
		return err_set(e, ERR_REFUSED,
			       "the receiver takes no such stream");
	return 0;
}

/* Until the receiver, or its agent, has done with it. */
static void wait_end(int conn)
{
	ssize_t n;
	char c;

	do {
		n = recv(conn, &c, 1, 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
}

int verb_transfer_join(struct verb_call *c, struct err *e)
{
	AUTO(mem_closefd) int conn = -1;
	const struct agent_opts *o = &c->agent->opts;
	struct frame joined = {.type = WIRE_DATA};
	const char *root = dec_str(c->in), *name = dec_str(c->in);
	struct sockaddr_un u;
	const void *token;
	unsigned char id[16];
	socklen_t len;
	size_t n;

	token = dec_bytes(c->in, &n);
	if (agent_args_end(c, e))
		return -1;
	if (!o->root || strcmp(root, o->root) || n != CTL_TOKEN ||
	    !hex_decode(name, id, sizeof(id)))
		return err_set(e, ERR_REFUSED, "not a stream of this session");
	conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	len = address(&u, name);
	if (conn < 0 || connect(conn, (struct sockaddr *)&u, len))
		return err_sys(e, ERR_FAILED, errno, "the receiver");
	if (!ours(conn))
		return err_set(e, ERR_REFUSED, "the receiver is not ours");
	if (give_fd(conn, token, o->in, e) ||
	    agent_send(c, &joined, NULL, 0, e))
		return -1;
	wait_end(conn);
	return 0;
}
