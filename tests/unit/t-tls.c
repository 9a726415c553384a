/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: nobody without the key gets in, nobody who tries keeps others out, and
 * what goes over arrives as it was. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/tls.h"

enum { FIRST = 21700, LAST = 21899, MIB = 1 << 20 };

#define SECOND 1000000LL

static struct err e = ERR_INIT;
static struct tls_key key;

/* A listener on a thread. */
static struct door {
	struct tls_side *side;
	struct tls_accept a;
	unsigned port;
	pthread_t thread;
	pthread_mutex_t mu;
	pthread_cond_t more;
	struct tls *in[8];
	unsigned n;
} door;

static void came(void *arg, struct tls *t)
{
	(void)arg;
	pthread_mutex_lock(&door.mu);
	door.in[door.n++] = t;
	pthread_cond_signal(&door.more);
	pthread_mutex_unlock(&door.mu);
}

static void *door_main(void *arg)
{
	(void)arg;
	tls_accept(&door.a);
	return NULL;
}

static void door_open(int64_t us)
{
	door = (struct door){.mu = PTHREAD_MUTEX_INITIALIZER,
			     .more = PTHREAD_COND_INITIALIZER};
	assert_int_equal(tls_key_make(&key, &e), 0);
	door.side = tls_side_new(TLS_LISTENS, &key, &e);
	assert_non_null(door.side);
	door.a = (struct tls_accept){
		.side = door.side,
		.fd = tls_bind("127.0.0.1", FIRST, LAST, &door.port, &e),
		.stop = eventfd(0, EFD_CLOEXEC),
		.until = clock_mono_us() + us,
		.shake_us = 30 * SECOND,
		.max = 8,
		.up = came};
	assert_true(door.a.fd >= 0);
	assert_int_equal(pthread_create(&door.thread, NULL, door_main, NULL),
			 0);
}

static void door_shut(void)
{
	eventfd_write(door.a.stop, 1);
	pthread_join(door.thread, NULL);
	for (unsigned i = 0; i < door.n; i++)
		tls_close(door.in[i]);
	tls_side_free(door.side);
	close(door.a.fd);
	close(door.a.stop);
}

/* The Ith who has come in. */
static struct tls *visitor(unsigned i)
{
	struct tls *t;

	pthread_mutex_lock(&door.mu);
	while (door.n <= i)
		pthread_cond_wait(&door.more, &door.mu);
	t = door.in[i];
	pthread_mutex_unlock(&door.mu);
	return t;
}

static struct tls *knock(const struct tls_key *k)
{
	struct tls_side *s = tls_side_new(TLS_DIALS, k, &e);
	struct tls *t;
	int64_t rtt = -1;

	assert_non_null(s);
	t = tls_dial(s,
		     &(struct tls_target){.addr = "127.0.0.1",
					  .port = door.port,
					  .timeout_us = 30 * SECOND,
					  .stop = -1},
		     &rtt, &e);
	tls_side_free(s);
	assert_true(!t || rtt >= 0);
	return t;
}

static int raw(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)door.port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void talk(struct tls *a, struct tls *b)
{
	static const char text[] = "hello";
	char got[sizeof(text)];
	size_t n = 0;

	assert_int_equal(tls_write_all(a, text, sizeof(text),
				       clock_mono_us() + 30 * SECOND, &e),
			 0);
	while (n < sizeof(text)) {
		ssize_t r = tls_read(b, got + n, sizeof(got) - n,
				     clock_mono_us() + 30 * SECOND, &e);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(got, text);
}

static void t_talk(void **state)
{
	struct tls *t;
	char c;

	(void)state;
	door_open(60 * SECOND);
	t = knock(&key);
	if (!t)
		fail_msg("%s", err_msg(&e));
	talk(t, visitor(0));
	talk(visitor(0), t);
	/* Nothing there: not the end. */
	assert_int_equal(tls_read(t, &c, 1, clock_mono_us(), &e), -1);
	assert_int_equal(e.sys, ETIMEDOUT);
	err_clear(&e);
	/* A goodbye is the end. */
	tls_close(t);
	assert_int_equal(
		tls_read(visitor(0), &c, 1, clock_mono_us() + 30 * SECOND, &e),
		0);
	door_shut();
}

/* A peer that is cut off has not said goodbye. */
static void t_cut(void **state)
{
	struct tls *t;
	char c;

	(void)state;
	door_open(60 * SECOND);
	t = knock(&key);
	assert_non_null(t);
	talk(t, visitor(0));
	shutdown(tls_fd(t), SHUT_RDWR);
	assert_int_equal(
		tls_read(visitor(0), &c, 1, clock_mono_us() + 30 * SECOND, &e),
		-1);
	assert_int_equal(e.sys, ECONNRESET);
	err_clear(&e);
	tls_close(t);
	door_shut();
}

static void refused(const struct tls_key *k)
{
	assert_null(knock(k));
	assert_non_null(strstr(err_msg(&e), "127.0.0.1 port "));
	assert_int_not_equal(e.sys, ETIMEDOUT);
	err_clear(&e);
	assert_int_equal(door.n, 0);
}

/* And those who come after them get in. */
static void t_strangers(void **state)
{
	static const char garbage[] = "GET / HTTP/1.0\r\n\r\n";
	struct tls_key k;
	struct tls *t;
	int fd, mute, half;
	char b[100];

	(void)state;
	door_open(120 * SECOND);
	k = key;
	k.secret[31] ^= 1;
	refused(&k);
	k = key;
	k.name[0] = k.name[0] == '0' ? '1' : '0';
	refused(&k);
	/* Says nothing, for as long as it is let. */
	mute = raw();
	/* Stops in the middle of a word. */
	half = raw();
	assert_int_equal(write(half, "\x16\x03\x01\x02\x00\x01\x00", 7), 7);
	fd = raw();
	assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	/* Perhaps an alert, then the end; never waiting. */
	while (read(fd, b, sizeof(b)) > 0)
		;
	close(fd);
	assert_int_equal(door.n, 0);
	t = knock(&key);
	if (!t)
		fail_msg("%s", err_msg(&e));
	close(half);
	talk(t, visitor(0));
	tls_close(t);
	close(mute);
	door_shut();
}

/* OpenSSL's own clients, as they come: older TLS, and TLS 1.3 by certificate.
 */
static void t_no_certificates(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	door_open(60 * SECOND);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		SSL_CTX *c = SSL_CTX_new(TLS_client_method());
		SSL *s = SSL_new(c);
		int fd = raw();

		SSL_set_min_proto_version(s, versions[i]);
		SSL_set_max_proto_version(s, versions[i]);
		SSL_set_fd(s, fd);
		assert_int_not_equal(SSL_connect(s), 1);
		SSL_free(s);
		SSL_CTX_free(c);
		close(fd);
	}
	assert_int_equal(door.n, 0);
	door_shut();
}

/* A listener that would take anybody, with some certificate. */
static void *false_server(void *arg)
{
	int *fd = arg, conn = accept(*fd, NULL, NULL);
	EVP_PKEY *k = EVP_RSA_gen(2048);
	X509 *x = X509_new();
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	SSL *s = SSL_new(c);

	X509_gmtime_adj(X509_getm_notBefore(x), -1000);
	X509_gmtime_adj(X509_getm_notAfter(x), 100000);
	X509_set_pubkey(x, k);
	X509_sign(x, k, EVP_sha256());
	SSL_use_certificate(s, x);
	SSL_use_PrivateKey(s, k);
	SSL_set_fd(s, conn);
	*fd = SSL_accept(s);
	SSL_free(s);
	SSL_CTX_free(c);
	X509_free(x);
	EVP_PKEY_free(k);
	close(conn);
	return NULL;
}

static void t_false_server(void **state)
{
	pthread_t th;
	int fd, listening;

	(void)state;
	assert_int_equal(tls_key_make(&key, &e), 0);
	listening = fd = tls_bind("127.0.0.1", FIRST, LAST, &door.port, &e);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&th, NULL, false_server, &fd), 0);
	assert_null(knock(&key));
	assert_non_null(strstr(err_msg(&e), "certificate"));
	err_clear(&e);
	pthread_join(th, NULL);
	assert_int_not_equal(fd, 1);
	close(listening);
}

/* Of all that is agreed on. */
static void t_terms(void **state)
{
	(void)state;
	assert_int_equal(tls_key_make(&key, &e), 0);
	assert_int_equal(strlen(key.name), TLS_NAME);
	tls_key_clear(&key);
	for (size_t i = 0; i < sizeof(key); i++)
		assert_int_equal(((char *)&key)[i], 0);
}

struct pour {
	struct tls *t;
	size_t n;
};

static void *pour_main(void *arg)
{
	const struct pour *p = arg;
	unsigned char *b = mem_calloc(1, MIB);
	struct err no = ERR_INIT;

	for (size_t i = 0; i < p->n; i++) {
		memset(b, (int)i, MIB);
		if (tls_write_all(p->t, b, MIB, clock_mono_us() + 60 * SECOND,
				  &no))
			break;
	}
	mem_free(b);
	err_clear(&no);
	return NULL;
}

static void drink(struct tls *t, size_t n)
{
	unsigned char *b = mem_calloc(1, MIB);

	for (size_t i = 0; i < n; i++) {
		size_t at = 0;

		while (at < MIB) {
			ssize_t r = tls_read(t, b + at, MIB - at,
					     clock_mono_us() + 60 * SECOND, &e);

			if (r <= 0)
				fail_msg("%s", err_msg(&e));
			at += (size_t)r;
		}
		for (size_t k = 0; k < MIB; k++)
			if (b[k] != (unsigned char)i)
				fail_msg("%zu of MiB %zu", k, i);
	}
	mem_free(b);
}

/* Both ways at once, with many a new key on the way. */
static void t_pour(void **state)
{
	struct pour out = {.n = 24}, in = {.n = 24};
	pthread_t th[2];
	struct tls *t;

	(void)state;
	door_open(60 * SECOND);
	t = knock(&key);
	assert_non_null(t);
	out.t = t;
	in.t = visitor(0);
	tls_rekey_every(out.t, 100000);
	tls_rekey_every(in.t, 3 * MIB);
	assert_int_equal(pthread_create(&th[0], NULL, pour_main, &out), 0);
	assert_int_equal(pthread_create(&th[1], NULL, pour_main, &in), 0);
	drink(in.t, out.n);
	drink(t, in.n);
	pthread_join(th[0], NULL);
	pthread_join(th[1], NULL);
	tls_close(t);
	door_shut();
}

/* Nobody comes: it ends by itself, and the port is not left open. */
static void t_nobody(void **state)
{
	(void)state;
	door_open(50000);
	pthread_join(door.thread, NULL);
	assert_int_equal(door.n, 0);
	assert_true(clock_mono_us() >= door.a.until);
	tls_side_free(door.side);
	close(door.a.fd);
	close(door.a.stop);
	assert_null(knock(&key));
	assert_int_equal(e.sys, ECONNREFUSED);
	err_clear(&e);
}

/* Somebody who answers to connect, and to nothing else. */
static void t_mute_server(void **state)
{
	struct tls_side *s;
	unsigned port;
	int fd, stop = eventfd(0, EFD_CLOEXEC);
	struct tls_target to = {
		.addr = "127.0.0.1", .timeout_us = 100000, .stop = -1};

	(void)state;
	assert_int_equal(tls_key_make(&key, &e), 0);
	fd = tls_bind("127.0.0.1", FIRST, LAST, &port, &e);
	assert_true(fd >= 0);
	s = tls_side_new(TLS_DIALS, &key, &e);
	to.port = port;
	assert_null(tls_dial(s, &to, NULL, &e));
	assert_int_equal(e.sys, ETIMEDOUT);
	err_clear(&e);
	/* Its owner has had enough. */
	to.timeout_us = 600 * SECOND;
	to.stop = stop;
	eventfd_write(stop, 1);
	assert_null(tls_dial(s, &to, NULL, &e));
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	to.addr = "localhost";
	assert_null(tls_dial(s, &to, NULL, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
	tls_side_free(s);
	close(fd);
	close(stop);
}

static void t_bind(void **state)
{
	unsigned first, second, port;
	int a = tls_bind("127.0.0.1", FIRST, LAST, &first, &e), b;

	(void)state;
	assert_true(a >= 0);
	b = tls_bind("127.0.0.1", first, LAST, &second, &e);
	assert_true(b >= 0);
	assert_true(second > first);
	assert_int_equal(tls_bind("127.0.0.1", first, first, &port, &e), -1);
	assert_int_equal(e.sys, EADDRINUSE);
	assert_non_null(strstr(err_msg(&e), "is free"));
	err_clear(&e);
	close(a);
	close(b);
	a = tls_bind("::1", FIRST, LAST, &port, &e);
	if (a >= 0)
		close(a);
	err_clear(&e);
	/* Documentation's network: not an address of this host. */
	assert_int_equal(tls_bind("192.0.2.1", FIRST, LAST, &port, &e), -1);
	assert_int_equal(e.sys, EADDRNOTAVAIL);
	err_clear(&e);
	assert_int_equal(tls_bind("127.0.0.1", 2, 1, &port, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
	assert_int_equal(tls_bind("127.0.0.1", 65000, 70000, &port, &e), -1);
	err_clear(&e);
	assert_int_equal(tls_bind("x", FIRST, LAST, &port, &e), -1);
	err_clear(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_terms),
		cmocka_unit_test(t_bind),
		cmocka_unit_test(t_talk),
		cmocka_unit_test(t_cut),
		cmocka_unit_test(t_strangers),
		cmocka_unit_test(t_no_certificates),
		cmocka_unit_test(t_false_server),
		cmocka_unit_test(t_pour),
		cmocka_unit_test(t_nobody),
		cmocka_unit_test(t_mute_server),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
