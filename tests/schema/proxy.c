/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct {
	char socket[108];
	int listener;
	pthread_t thread;
	atomic_int how; /* enum spoil, taken by the COMMIT that it meets */
	atomic_int delay_ms;
	atomic_int busy; /* connections being relayed */
	atomic_bool spoilt;
	atomic_bool ending;
} proxy;

static void nap(int ms)
{
	struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};

	nanosleep(&t, NULL);
}

static int dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, proxy.socket, sizeof(a.sun_path));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		perror("proxy: server");
		abort();
	}
	return fd;
}

static bool send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Where a COMMIT starts in P, or N.  A packet: length (3), sequence, command,
 * text.  Packets that want no answer may stand before it. */
static size_t find_commit(const char *p, size_t n)
{
	size_t at = 0;

	while (n - at >= 5) {
		const unsigned char *h = (const unsigned char *)p + at;
		size_t len = h[0] | (size_t)h[1] << 8 | (size_t)h[2] << 16;

		if (len == 7 && h[4] == 3 && n - at >= 11 &&
		    !memcmp(h + 5, "COMMIT", 6))
			return at;
		if (len + 4 > n - at)
			break;
		at += len + 4;
	}
	return n;
}

/* Both ends are closed by the caller; CLIENT is -1 once it is cut here. */
static void spoil(enum spoil how, int *client, int server, const char *p,
		  size_t n)
{
	char answer[512];
	ssize_t k = 0;

	if (how == SPOIL_BEFORE)
		return;
	if (how == SPOIL_LATE || how == SPOIL_NEVER) {
		close(*client);
		*client = -1;
		nap(proxy.delay_ms);
	}
	if (how == SPOIL_NEVER)
		return;
	if (send_all(server, p, n))
		k = recv(server, answer, sizeof(answer), 0);
	if (how == SPOIL_AFTER && k > 0)
		send_all(*client, answer, (size_t)k);
}

/* False when the connection has ended. */
static bool relay(int from, int to, int *client, int server)
{
	char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), 0);
	size_t at;
	int how = SPOIL_NONE;

	if (n <= 0)
		return false;
	at = from == *client ? find_commit(buf, (size_t)n) : (size_t)n;
	if (at < (size_t)n)
		how = atomic_exchange(&proxy.how, SPOIL_NONE);
	if (how == SPOIL_NONE)
		return send_all(to, buf, (size_t)n);
	if (at)
		send_all(server, buf, at);
	spoil((enum spoil)how, client, server, buf + at, (size_t)n - at);
	proxy.spoilt = true;
	return false;
}

static void *serve(void *arg)
{
	int client = (int)(long)arg, server = dial();
	bool on = true;

	while (on) {
		struct pollfd p[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};

		if (poll(p, 2, 100) < 0 || proxy.ending)
			break;
		if (p[0].revents)
			on = relay(client, server, &client, server);
		if (on && p[1].revents)
			on = relay(server, client, &client, server);
	}
	if (client >= 0)
		close(client);
	close(server);
	atomic_fetch_sub(&proxy.busy, 1);
	return NULL;
}

static void *listen_loop(void *arg)
{
	(void)arg;
	while (!proxy.ending) {
		struct pollfd p = {proxy.listener, POLLIN, 0};
		pthread_t t;
		int fd;

		if (poll(&p, 1, 100) <= 0)
			continue;
		fd = accept4(proxy.listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		atomic_fetch_add(&proxy.busy, 1);
		if (pthread_create(&t, NULL, serve, (void *)(long)fd))
			abort();
		pthread_detach(t);
	}
	return NULL;
}

unsigned proxy_start(const char *server_socket)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	snprintf(proxy.socket, sizeof(proxy.socket), "%s", server_socket);
	proxy.ending = false;
	proxy.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(proxy.listener, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(proxy.listener, 8) ||
	    getsockname(proxy.listener, (struct sockaddr *)&a, &len) ||
	    pthread_create(&proxy.thread, NULL, listen_loop, NULL)) {
		perror("proxy");
		abort();
	}
	return ntohs(a.sin_port);
}

void proxy_stop(void)
{
	proxy.ending = true;
	pthread_join(proxy.thread, NULL);
	close(proxy.listener);
	while (proxy.busy)
		nap(10);
}

void proxy_spoil(enum spoil how, int delay_ms)
{
	proxy.spoilt = false;
	proxy.delay_ms = delay_ms;
	proxy.how = how;
}

bool proxy_spoilt(void)
{
	return proxy.spoilt;
}
