/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the files of a job would get from here to another host: is there an
 * OpenSSH client, does that host's SSH port answer, and after how long.
 *
 * One connection is made, and closed without a word.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/host_verbs.h"
#include "core/clock.h"
#include "core/proc.h"
#include "transfer/dial.h"

enum { CONNECT_MS = 3000, ASK_US = 5 * 1000000 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool numeric(const char *s, uint16_t port, union address *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, s, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, s, &a->v6.sin6_addr) != 1)
		return false;
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons(port);
	return true;
}

static int resolve(struct names *n, const char *name, uint16_t port,
		   union address *a, struct err *e)
{
	AUTO(buf_clear) struct buf line = BUF_INIT;
	bool found;

	if (numeric(name, port, a))
		return 0;
	if (names_line(n, "ahosts", name, &found, &line, e))
		return -1;
	if (found)
		line.p[strcspn(line.p, " \t")] = '\0';
	if (found && numeric(line.p, port, a))
		return 0;
	return err_set(e, ERR_FAILED, "%s is not known here", name);
}

/* Microseconds, or -1. */
static int64_t round_trip(const union address *a, struct err *e)
{
	socklen_t len =
		a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
	AUTO(mem_closefd)
	int fd = socket(a->any.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int64_t start = clock_mono_us();
	int why = 0;

	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "socket");
	if (connect(fd, &a->any, len)) {
		if (errno != EINPROGRESS)
			return err_sys(e, ERR_FAILED, errno, "connect");
		if (poll(&p, 1, CONNECT_MS) <= 0)
			return err_sys(e, ERR_FAILED, ETIMEDOUT, "connect");
		len = sizeof(why);
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) || why)
			return err_sys(e, ERR_FAILED, why ? why : errno,
				       "connect");
	}
	return clock_mono_us() - start;
}

/* Is there an OpenSSH client here, and does it know AES-GCM? */
static bool client(bool *gcm)
{
	char *argv[] = {(char *)"ssh", (char *)"-Q", (char *)"cipher", NULL};
	struct proc p = {.argv = argv, .timeout_us = ASK_US};
	struct err e = ERR_INIT;
	bool is = !proc_run(&p, &e) && p.exit_code == 0;

	*gcm = is && strstr(buf_str(&p.out), "aes128-gcm@openssh.com");
	err_clear(&e);
	proc_clear(&p);
	return is;
}

int verb_reach(struct verb_call *c, struct err *e)
{
	const char *name = dec_str(c->in);
	uint32_t port = dec_u32(c->in);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct err why = ERR_INIT;
	int64_t rtt = -1;
	union address a;
	bool is, gcm;

	if (agent_args_end(c, e))
		return -1;
	if (!port || port > UINT16_MAX)
		return err_set(e, ERR_USAGE, "port %u", (unsigned)port);
	is = client(&gcm);
	if (!resolve(c->agent->names, name, (uint16_t)port, &a, &why))
		rtt = round_trip(&a, &why);
	if (cores < 1)
		cores = 1;
	enc_bool(c->out, is);
	enc_bool(c->out, gcm);
	enc_bool(c->out, rtt >= 0);
	enc_str(c->out, rtt >= 0 ? "" : err_msg(&why));
	enc_i64(c->out, rtt);
	enc_u32(c->out, (uint32_t)cores);
	enc_u32(c->out, dial_lanes(0, rtt, (unsigned)cores));
	err_clear(&why);
	return 0;
}
