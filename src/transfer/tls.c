/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/tls_priv.h"

#define REKEY_BYTES (64ULL << 30)

enum { READ_AHEAD = 256 << 10 };

struct tls_side {
	SSL_CTX *ctx;
	enum tls_role role;
	struct tls_key key;
};

struct tls {
	SSL *ssl;
	int fd;
	pthread_mutex_t mu; /* of ssl */
	bool up, broken;
	uint64_t written, rekey_every; /* since the key was changed */
};

/* What OpenSSL has to say, without its numbers. */
static int openssl_says(struct err *e, enum err_kind kind, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(e, kind, "%s: %s", what, why ? why : "it has ended");
}

/* ---- the key --------------------------------------------------------- */

/* The session that stands for the key.  Its hash is SHA-256, of all ciphers
 * that we allow. */
static SSL_SESSION *session_of(const struct tls_key *k, SSL *ssl)
{
	static const unsigned char aes_128_gcm[] = {0x13, 0x01};
	const SSL_CIPHER *c = SSL_CIPHER_find(ssl, aes_128_gcm);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && c &&
	    SSL_SESSION_set1_master_key(s, k->secret, sizeof(k->secret)) &&
	    SSL_SESSION_set_cipher(s, c) &&
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

static int offer_key(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		     size_t *n, SSL_SESSION **out)
{
	const struct tls_side *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)md;
	*id = (const unsigned char *)s->key.name;
	*n = TLS_NAME;
	*out = session_of(&s->key, ssl);
	return *out != NULL;
}

/* A name that is not ours leaves the caller without a key, and so, where there
 * are no certificates, without a handshake. */
static int find_key(SSL *ssl, const unsigned char *id, size_t n,
		    SSL_SESSION **out)
{
	const struct tls_side *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	*out = NULL;
	if (n != TLS_NAME || CRYPTO_memcmp(id, s->key.name, TLS_NAME))
		return 1;
	*out = session_of(&s->key, ssl);
	return *out != NULL;
}

/* ---- one side -------------------------------------------------------- */

static bool fast_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes") &&
	       __builtin_cpu_supports("pclmul");
#else
	/* The servers that are made of others have it as well. */
	return true;
#endif
}

static bool set_up(SSL_CTX *c, enum tls_role role)
{
	/* The listener takes the first of the dialler's. */
	const char *ciphers = fast_aes() ? "TLS_AES_128_GCM_SHA256:"
					   "TLS_CHACHA20_POLY1305_SHA256"
					 : "TLS_CHACHA20_POLY1305_SHA256:"
					   "TLS_AES_128_GCM_SHA256";

	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
				       SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_clear_options(c, SSL_OP_ALLOW_NO_DHE_KEX);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
				    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_default_read_buffer_len(c, READ_AHEAD);
	if (role == TLS_DIALS) {
		SSL_CTX_set_psk_use_session_callback(c, offer_key);
		/* A peer that answers with a certificate, instead of our key,
		 * is refused: nobody's is trusted. */
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	} else {
		SSL_CTX_set_psk_find_session_callback(c, find_key);
	}
	return SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) &&
	       SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) &&
	       SSL_CTX_set_ciphersuites(c, ciphers) &&
	       SSL_CTX_set1_groups_list(c, "X25519:P-256") &&
	       SSL_CTX_set_num_tickets(c, 0) &&
	       SSL_CTX_set_max_early_data(c, 0) &&
	       SSL_CTX_set_recv_max_early_data(c, 0);
}

struct tls_side *tls_side_new(enum tls_role role, const struct tls_key *k,
			      struct err *e)
{
	struct tls_side *s = MEM_NEW(struct tls_side);

	/* The host's openssl.cnf is nothing that a static program could obey.
	 */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	ERR_clear_error();
	s->role = role;
	s->key = *k;
	s->ctx = SSL_CTX_new(role == TLS_DIALS ? TLS_client_method()
					       : TLS_server_method());
	if (s->ctx && set_up(s->ctx, role)) {
		SSL_CTX_set_app_data(s->ctx, s);
		return s;
	}
	openssl_says(e, ERR_FAILED, "TLS");
	tls_side_free(s);
	return NULL;
}

void tls_side_free(struct tls_side *s)
{
	if (!s)
		return;
	if (s->ctx)
		SSL_CTX_set_app_data(s->ctx, NULL);
	SSL_CTX_free(s->ctx);
	tls_key_clear(&s->key);
	mem_free(s);
}

/* ---- one connection -------------------------------------------------- */

struct tls *tls_new(struct tls_side *s, int fd, struct err *e)
{
	struct tls *t = MEM_NEW(struct tls);
	int one = 1;

	t->fd = fd;
	t->rekey_every = REKEY_BYTES;
	pthread_mutex_init(&t->mu, NULL);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ERR_clear_error();
	t->ssl = SSL_new(s->ctx);
	if (t->ssl && SSL_set_fd(t->ssl, fd)) {
		if (s->role == TLS_DIALS)
			SSL_set_connect_state(t->ssl);
		else
			SSL_set_accept_state(t->ssl);
		return t;
	}
	openssl_says(e, ERR_FAILED, "TLS");
	tls_close(t);
	return NULL;
}

int tls_fd(const struct tls *t)
{
	return t->fd;
}

void tls_rekey_every(struct tls *t, uint64_t bytes)
{
	t->rekey_every = bytes;
}

/* What an operation that came back with RC waits for; 0: it failed. */
static short wanted(SSL *ssl, int rc)
{
	int how = SSL_get_error(ssl, rc);

	if (how == SSL_ERROR_WANT_READ)
		return POLLIN;
	return how == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

static int failed(struct tls *t, int rc, int sys, struct err *e)
{
	int how = SSL_get_error(t->ssl, rc);

	t->broken = true;
	if (how == SSL_ERROR_SYSCALL && sys) {
		ERR_clear_error();
		return err_sys(e, ERR_FAILED, sys, "TLS");
	}
	openssl_says(e, ERR_FAILED, "TLS");
	e->sys = ECONNRESET;
	return -1;
}

int tls_step(struct tls *t, short *events, struct err *e)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(t->ssl);
	*events = 0;
	if (rc == 1) {
		/* By our key, and by nothing else. */
		if (!SSL_session_reused(t->ssl) ||
		    SSL_version(t->ssl) != TLS1_3_VERSION) {
			t->broken = true;
			return err_set(e, ERR_REFUSED,
				       "TLS: the other side does not have the "
				       "key");
		}
		t->up = true;
		return 0;
	}
	*events = wanted(t->ssl, rc);
	return *events ? 0 : failed(t, rc, errno, e);
}

bool tls_wait(int fd, short events, int64_t deadline, int stop)
{
	for (;;) {
		struct pollfd p[2] = {{fd, events, 0}, {stop, POLLIN, 0}};
		int64_t left = deadline - clock_mono_us();
		int ms = left <= 0		      ? 0
			 : left / 1000 >= INT_MAX - 1 ? INT_MAX
						      : (int)(left / 1000) + 1;
		int n = poll(p, 2, ms);

		if (n > 0)
			return !p[1].revents;
		if (!n && left <= 0)
			return false;
	}
}

ssize_t tls_read(struct tls *t, void *p, size_t n, int64_t deadline,
		 struct err *e)
{
	int want = n > INT_MAX ? INT_MAX : (int)n;

	for (;;) {
		short events = 0;
		int rc;

		pthread_mutex_lock(&t->mu);
		ERR_clear_error();
		errno = 0;
		rc = SSL_read(t->ssl, p, want);
		if (rc <= 0) {
			events = wanted(t->ssl, rc);
			if (SSL_get_error(t->ssl, rc) == SSL_ERROR_ZERO_RETURN)
				rc = 0;
			else if (!events)
				rc = failed(t, rc, errno, e);
		}
		pthread_mutex_unlock(&t->mu);
		if (!events)
			return rc;
		if (!tls_wait(t->fd, events, deadline, -1))
			return err_sys(e, ERR_RETRY, ETIMEDOUT, "read");
	}
}

/* Between two records. */
static void rekey(struct tls *t)
{
	if (t->written < t->rekey_every)
		return;
	if (SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED))
		t->written = 0;
	else
		ERR_clear_error();
}

ssize_t tls_write(struct tls *t, const void *p, size_t n)
{
	int want = n > INT_MAX ? INT_MAX : (int)n, rc, sys = 0;

	if (!n)
		return 0;
	pthread_mutex_lock(&t->mu);
	ERR_clear_error();
	errno = 0;
	rc = SSL_write(t->ssl, p, want);
	if (rc > 0) {
		t->written += (uint64_t)rc;
		rekey(t);
	} else {
		sys = errno;
		if (wanted(t->ssl, rc)) {
			sys = EAGAIN;
		} else {
			t->broken = true;
			sys = sys && sys != EAGAIN ? sys : EPIPE;
		}
		ERR_clear_error();
	}
	pthread_mutex_unlock(&t->mu);
	errno = sys;
	return rc > 0 ? rc : -1;
}

int tls_write_all(struct tls *t, const void *p, size_t n, int64_t deadline,
		  struct err *e)
{
	const char *b = p;

	while (n) {
		ssize_t r = tls_write(t, b, n);

		if (r > 0) {
			b += r;
			n -= (size_t)r;
			continue;
		}
		if (errno != EAGAIN)
			return err_sys(e, ERR_FAILED, errno, "write");
		if (!tls_wait(t->fd, POLLOUT, deadline, -1))
			return err_sys(e, ERR_RETRY, ETIMEDOUT, "write");
	}
	return 0;
}

void tls_close(struct tls *t)
{
	if (!t)
		return;
	if (t->ssl && t->up && !t->broken) {
		ERR_clear_error();
		SSL_shutdown(t->ssl);
	}
	ERR_clear_error();
	SSL_free(t->ssl);
	mem_closefd(&t->fd);
	pthread_mutex_destroy(&t->mu);
	mem_free(t);
}
