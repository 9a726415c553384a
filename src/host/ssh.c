/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting: TCP, the handshake, the host's key.  libssh2 is driven without
 * blocking, so that every wait has a deadline.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "host/known.h"
#include "host/ssh_priv.h"

#define SECOND 1000000LL

int ssh_err(struct ssh *h, enum err_kind kind, const char *what, struct err *e)
{
	char *msg = NULL;

	libssh2_session_last_error(h->s, &msg, NULL, 0);
	return err_set(e, kind, "%s: %s", what, msg && *msg ? msg : "ssh");
}

static int poll_until(int fd, short events, int64_t deadline, struct err *e)
{
	for (;;) {
		struct pollfd f = {fd, events, 0};
		int64_t left = deadline - clock_mono_us();
		int n;

		/* Never long, so that a deadline far away cannot overflow. */
		n = poll(&f, 1,
			 left <= 0 ? 0
				   : (int)((left > SECOND ? SECOND : left) /
						   1000 +
					   1));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, ERR_RETRY, errno, "poll");
		if (n <= 0 && left <= 0)
			return err_sys(e, ERR_RETRY, ETIMEDOUT, "ssh");
	}
}

/* sshd leaves TCP as it is until it runs a program for us: what it says in two
 * pieces waits between them for our acknowledgement, which the kernel would put
 * off for 40 ms since we have nothing to say ourselves. */
static void acknowledge(int sock)
{
	int one = 1;

	setsockopt(sock, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

int ssh_wait(struct ssh *h, struct err *e)
{
	int dir = libssh2_session_block_directions(h->s);
	short ev = 0;

	if (dir & LIBSSH2_SESSION_BLOCK_OUTBOUND)
		ev |= POLLOUT;
	if (dir & LIBSSH2_SESSION_BLOCK_INBOUND || !ev)
		ev |= POLLIN;
	if (h->opening)
		acknowledge(h->sock);
	return poll_until(h->sock, ev, h->deadline, e);
}

/* ---- TCP ------------------------------------------------------------- */

static int tcp_try(struct ssh *h, const struct addrinfo *ai, struct err *e)
{
	unsigned ms = (unsigned)(h->cfg->dead_us / 1000);
	int one = 1, err = 0;
	socklen_t n = sizeof(err);

	h->sock = socket(ai->ai_family,
			 ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			 ai->ai_protocol);
	if (h->sock < 0)
		return err_sys(e, ERR_RETRY, errno, "socket");
	if (connect(h->sock, ai->ai_addr, ai->ai_addrlen) &&
	    errno != EINPROGRESS)
		err = errno;
	else if (poll_until(h->sock, POLLOUT, h->deadline, e))
		err = ETIMEDOUT;
	else if (getsockopt(h->sock, SOL_SOCKET, SO_ERROR, &err, &n))
		err = errno;
	if (err) {
		mem_closefd(&h->sock);
		h->sock = -1;
		return err_sys(e, ERR_RETRY, err, "connect to %s port %d",
			       h->cfg->address, h->cfg->port);
	}
	setsockopt(h->sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(h->sock, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	/* What was sent and is not acknowledged for so long is lost. */
	setsockopt(h->sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return 0;
}

static int tcp_connect(struct ssh *h, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *ai, *a;
	char port[16];
	int rc;

	snprintf(port, sizeof(port), "%d", h->cfg->port);
	rc = getaddrinfo(h->cfg->address, port, &hints, &ai);
	if (rc) {
		err_set(e, rc == EAI_AGAIN ? ERR_RETRY : ERR_FAILED, "%s: %s",
			h->cfg->address, gai_strerror(rc));
		return err_hint(e, "give its address: in /etc/hosts, or in the "
				   "host's section of novahaul.conf");
	}
	for (a = ai, rc = -1; a && rc; a = a->ai_next)
		rc = tcp_try(h, a, e);
	freeaddrinfo(ai);
	if (rc)
		return err_hint(e, "see whether it is up: ssh -p %d %s@%s true",
				h->cfg->port, h->cfg->user, h->cfg->address);
	err_clear(e);
	return 0;
}

/* ---- the host's key -------------------------------------------------- */

static const char *key_type(const char *blob, size_t len, char out[64])
{
	size_t n = 0;

	for (int i = 0; i < 4 && len >= 4; i++)
		n = n << 8 | (unsigned char)blob[i];
	if (len < 4 || n > len - 4 || n >= 64)
		n = 0;
	memcpy(out, blob + 4, n);
	out[n] = '\0';
	return out;
}

static char *base64(const void *p, size_t n)
{
	char *out = mem_calloc(1, (n + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)out, p, (int)n);
	return out;
}

/* As ssh-keygen -l prints it. */
static char *fingerprint(struct ssh *h)
{
	const char *sum =
		libssh2_hostkey_hash(h->s, LIBSSH2_HOSTKEY_HASH_SHA256);
	AUTO(mem_freep) char *b = sum ? base64(sum, 32) : mem_strdup("?");

	b[strcspn(b, "=")] = '\0';
	return mem_printf("SHA256:%s", b);
}

static char *known_name(const struct conf *cfg)
{
	return cfg->port == 22 ? mem_strdup(cfg->address)
			       : mem_printf("[%s]:%d", cfg->address, cfg->port);
}

static int refuse(struct ssh *h, const struct known *k, const char *type,
		  struct err *e)
{
	const struct conf *c = h->cfg;
	AUTO(mem_freep) char *print = fingerprint(h);
	AUTO(mem_freep) char *name = known_name(c);
	const char *file =
		c->known_hosts.n ? c->known_hosts.v[0] : "~/.ssh/known_hosts";

	switch (k->verdict) {
	case KNOWN_REVOKED:
		return err_set(e, ERR_REFUSED,
			       "ssh: the host's key %s is revoked (%s:%u)",
			       print, k->file, k->line);
	case KNOWN_OTHER:
		err_set(e, ERR_REFUSED,
			"ssh: the host's key has changed: it is %s now, %s:%u "
			"says another",
			print, k->file, k->line);
		return err_hint(e,
				"find out why; if it is right: ssh-keygen "
				"-f %s -R %s; ssh-keyscan -p %d -t %s %s "
				">> %s",
				k->file, name, c->port, type, c->address,
				k->file);
	case KNOWN_NOT:
		err_set(e, ERR_REFUSED, "ssh: the host's key %s is not known%s",
			print,
			k->types.n ? ", only one of another type is" : "");
		return err_hint(e,
				"compare it with ssh-keygen -lf on the "
				"host, then: ssh-keyscan -p %d -t %s %s "
				">> %s",
				c->port, type, c->address, file);
	case KNOWN_OK:
		break;
	}
	return 0;
}

/* ssh-keyscan's names: "ecdsa", not "ecdsa-sha2-nistp256". */
static const char *scan_type(const char *type)
{
	if (!strncmp(type, "ecdsa", 5))
		return "ecdsa";
	return !strcmp(type, "ssh-rsa") ? "rsa" : "ed25519";
}

static int check_key(struct ssh *h, struct err *e)
{
	struct known k;
	char type[64];
	size_t len = 0;
	int kind, rc;
	const char *blob = libssh2_session_hostkey(h->s, &len, &kind);
	AUTO(mem_freep) char *b64 = NULL;

	if (!blob)
		return ssh_err(h, ERR_FAILED, "the host's key", e);
	b64 = base64(blob, len);
	key_type(blob, len, type);
	known_check(&k, &h->cfg->known_hosts, h->cfg->address, h->cfg->port,
		    type, b64);
	rc = refuse(h, &k, scan_type(type), e);
	known_clear(&k);
	h->hostkey = mem_printf("%s %s", type, b64);
	return rc;
}

/* The types that are known first, so that the host shows a key that can be
 * checked.  libssh2 1.10 verifies RSA only with SHA-1, which today's sshd does
 * not offer: never first. */
static void prefer_known(struct ssh *h)
{
	static const char *const all[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
					  "ecdsa-sha2-nistp384",
					  "ecdsa-sha2-nistp521", "ssh-rsa"};
	AUTO(strv_clear) struct strv v = STRV_INIT;
	AUTO(mem_freep) char *s = NULL;
	struct known k;

	known_check(&k, &h->cfg->known_hosts, h->cfg->address, h->cfg->port,
		    NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strv_has(&k.types, all[i]) && strcmp(all[i], "ssh-rsa"))
			strv_add(&v, all[i]);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strv_has(&v, all[i]))
			strv_add(&v, all[i]);
	known_clear(&k);
	s = strv_join(&v, ",");
	libssh2_session_method_pref(h->s, LIBSSH2_METHOD_HOSTKEY, s);
}

/* ---- all of it ------------------------------------------------------- */

static int handshake(struct ssh *h, struct err *e)
{
	int rc;

	prefer_known(h);
	while ((rc = libssh2_session_handshake(h->s, h->sock)) ==
	       LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, e))
			return err_wrap(e, "ssh: handshake");
	if (!rc)
		return 0;
	ssh_err(h, ERR_RETRY, "ssh: handshake", e);
	if (rc == LIBSSH2_ERROR_KEX_FAILURE ||
	    rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE) {
		e->kind = ERR_FAILED;
		err_hint(e, "the host needs an Ed25519 or ECDSA host key: "
			    "ssh-keygen -A there, then restart sshd");
	}
	return -1;
}

int ssh_connect(struct ssh *h, const struct conf *cfg, struct err *e)
{
	memset(h, 0, sizeof(*h));
	h->cfg = cfg;
	h->sock = -1;
	h->opening = true;
	h->deadline = clock_mono_us() + cfg->tcp_us;
	if (libssh2_init(0))
		return err_set(e, ERR_FAILED, "libssh2 cannot start");
	if (tcp_connect(h, e))
		return -1;
	h->deadline += cfg->connect_us - cfg->tcp_us;
	h->s = libssh2_session_init();
	if (!h->s)
		return err_set(e, ERR_FAILED, "libssh2: no session");
	libssh2_session_set_blocking(h->s, 0);
	if (handshake(h, e) || check_key(h, e) || ssh_auth(h, e))
		return -1;
	return 0;
}

void ssh_disconnect(struct ssh *h)
{
	/* First the socket: then nothing below can wait for the peer. */
	if (h->s) {
		libssh2_session_disconnect(h->s, "done");
		shutdown(h->sock, SHUT_RDWR);
		for (int i = 0; i < 100; i++)
			if (libssh2_session_free(h->s) != LIBSSH2_ERROR_EAGAIN)
				break;
		h->s = NULL;
	}
	mem_closefd(&h->sock);
	h->sock = -1;
	mem_free(h->hostkey);
	h->hostkey = NULL;
}
